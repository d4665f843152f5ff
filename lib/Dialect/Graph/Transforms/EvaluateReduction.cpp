// Reductions and running sums of constants. Floats are summed in double, which
// is at least as exact as any order the run would choose.

#include "EvaluateFamilies.h"
#include "ScalarProgram.h"

#include <cmath>

using namespace mlir;

namespace weft::graph {

/// `input` with `axes` moved innermost, dense, as a matrix of `rows` rows.
static SmallVector<char, 0> rowsOf(const ConstantData &input,
                                   ArrayRef<int64_t> axes) {
  ArrayRef<int64_t> shape = input.type().getShape();
  SmallVector<int64_t> dense = rowMajorStrides(shape), order, extents, strides;
  for (int64_t i = 0, e = shape.size(); i < e; ++i)
    if (!llvm::is_contained(axes, i))
      order.push_back(i);
  llvm::append_range(order, axes);
  for (int64_t axis : order) {
    extents.push_back(shape[axis]);
    strides.push_back(input.isSplat() ? 0 : dense[axis]);
  }
  unsigned size = elementBytes(input.type().getElementType());
  SmallVector<char, 0> rows;
  rows.resize_for_overwrite(input.numElements() * size);
  copyStrided(extents, size, input.bytes().data(), strides, rows.data(),
              rowMajorStrides(extents));
  return rows;
}

static void toDoubles(Type type, const char *from, int64_t count,
                      MutableArrayRef<double> to) {
  if (laneOf(type) == Lane::F64)
    return loadLanes(type, from, 1, count, to.data());
  SmallVector<float> narrow(count);
  loadLanes(type, from, 1, count, narrow.data());
  llvm::copy(narrow, to.begin());
}

static void fromDoubles(Type type, ArrayRef<double> from, char *to) {
  if (laneOf(type) == Lane::F64)
    return storeLanes(type, from.data(), from.size(), to);
  SmallVector<float> narrow(from.begin(), from.end());
  storeLanes(type, narrow.data(), from.size(), to);
}

static double reduceRow(ReduceKind kind, ArrayRef<double> row) {
  constexpr double kInf = std::numeric_limits<double>::infinity();
  double result = kind == ReduceKind::max    ? -kInf
                  : kind == ReduceKind::min  ? kInf
                  : kind == ReduceKind::prod ? 1
                                             : 0;
  for (double x : row) {
    if (kind == ReduceKind::sum || kind == ReduceKind::mean)
      result += x;
    else if (kind == ReduceKind::prod)
      result *= x;
    else if (std::isnan(x) ||
             (kind == ReduceKind::max ? x > result : x < result))
      result = std::isnan(result) ? result : x;
  }
  return kind == ReduceKind::mean ? result / row.size() : result;
}

/// Integers wrap around; signed ones arrive sign-extended.
static uint64_t reduceRow(ReduceKind kind, ArrayRef<int64_t> row, Type type) {
  bool positive = type.isUnsignedInteger() || type.isInteger(1);
  unsigned width = type.getIntOrFloatBitWidth();
  auto less = [&](int64_t x, int64_t y) {
    return positive ? uint64_t(x) < uint64_t(y) : x < y;
  };
  APInt least =
      positive ? APInt::getMinValue(width) : APInt::getSignedMinValue(width);
  APInt most =
      positive ? APInt::getMaxValue(width) : APInt::getSignedMaxValue(width);
  auto extended = [&](const APInt &v) {
    return positive ? static_cast<int64_t>(v.getZExtValue()) : v.getSExtValue();
  };
  uint64_t sum = 0, product = 1;
  int64_t largest = extended(least), smallest = extended(most);
  for (int64_t x : row) {
    sum += x;
    product *= x;
    largest = less(largest, x) ? x : largest;
    smallest = less(x, smallest) ? x : smallest;
  }
  return kind == ReduceKind::sum    ? sum
         : kind == ReduceKind::prod ? product
         : kind == ReduceKind::max  ? largest
                                    : smallest;
}

static ElementsAttr evaluateOp(ReduceOp op, const ConstantData &input,
                               RankedTensorType type) {
  Type element = type.getElementType();
  std::optional<Lane> lane = laneOf(element);
  // The mean of integers rounds as the run does: left to it.
  if (!lane || (lane == Lane::Int && op.getKind() == ReduceKind::mean))
    return {};
  SmallVector<char, 0> rows = rowsOf(input, op.getAxes());
  unsigned size = elementBytes(element);
  int64_t count = type.getNumElements();
  int64_t length = 1;
  for (int64_t axis : op.getAxes())
    length *= input.type().getDimSize(axis);
  SmallVector<char, 0> bytes(count * size);
  SmallVector<double> floats(lane == Lane::Int ? 0 : length);
  SmallVector<int64_t> ints(lane == Lane::Int ? length : 0);
  for (int64_t i = 0; i < count; ++i) {
    const char *row = rows.data() + i * length * size;
    if (lane != Lane::Int) {
      toDoubles(element, row, length, floats);
      fromDoubles(element, reduceRow(op.getKind(), floats),
                  bytes.data() + i * size);
      continue;
    }
    loadLanes(element, row, 1, length, ints.data());
    if (!element.isUnsignedInteger() && !element.isInteger(1))
      for (int64_t &x : ints)
        x = llvm::SignExtend64(x, element.getIntOrFloatBitWidth());
    uint64_t value = reduceRow(op.getKind(), ints, element);
    storeLanes(element, &value, 1, bytes.data() + i * size);
  }
  return makeConstant(type, bytes);
}

template <typename T>
static void runningSum(MutableArrayRef<T> row, bool exclusive, bool reverse) {
  T sum = 0;
  for (size_t i = 0; i < row.size(); ++i) {
    T &x = row[reverse ? row.size() - 1 - i : i];
    T before = sum;
    sum += x;
    x = exclusive ? before : sum;
  }
}

static ElementsAttr evaluateOp(CumSumOp op, const ConstantData &input,
                               RankedTensorType type) {
  Type element = type.getElementType();
  std::optional<Lane> lane = laneOf(element);
  if (!lane || element.isInteger(1) || op.getKind() != ReduceKind::sum)
    return {};
  int64_t axis = op.getAxis(), length = type.getDimSize(axis);
  SmallVector<char, 0> rows = rowsOf(input, axis);
  unsigned size = elementBytes(element);
  SmallVector<double> floats(length);
  SmallVector<uint64_t> ints(length);
  for (int64_t i = 0, e = type.getNumElements() / length; i < e; ++i) {
    char *row = rows.data() + i * length * size;
    if (lane == Lane::Int) {
      loadLanes(element, row, 1, length, ints.data());
      runningSum<uint64_t>(ints, op.getExclusive(), op.getReverse());
      storeLanes(element, ints.data(), length, row);
    } else {
      toDoubles(element, row, length, floats);
      runningSum<double>(floats, op.getExclusive(), op.getReverse());
      fromDoubles(element, floats, row);
    }
  }
  // The rows go back to where their axis was.
  AsmResourceBlob blob = allocateConstant(type);
  SmallVector<int64_t> shape, to, dense = rowMajorStrides(type.getShape());
  for (int64_t i = 0; i < type.getRank(); ++i)
    if (i != axis) {
      shape.push_back(type.getDimSize(i));
      to.push_back(dense[i]);
    }
  shape.push_back(length);
  to.push_back(dense[axis]);
  copyStrided(shape, size, rows.data(), rowMajorStrides(shape),
              blob.getMutableData().data(), to);
  return makeConstant(type, std::move(blob));
}

ElementsAttr evaluateReduction(Operation *op, const ConstantData &input,
                               RankedTensorType type) {
  if (type.getNumElements() == 0)
    return makeConstant(type, ArrayRef<char>());
  if (auto reduce = dyn_cast<ReduceOp>(op))
    return evaluateOp(reduce, input, type);
  return evaluateOp(cast<CumSumOp>(op), input, type);
}

} // namespace weft::graph
