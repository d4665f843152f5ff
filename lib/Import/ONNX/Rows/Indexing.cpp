// Operators that read or write at positions which are data, and those that make
// positions.
#include "Places.h"

using namespace mlir;

namespace weft::onnx {

static LogicalResult gather(NodeImport &n) {
  auto axis = n.axis(n.integer("axis", 0), n.rank(0));
  return axis ? n.result(
                    n.create<graph::GatherOp>(n.input(0), n.input(1), *axis))
              : failure();
}

//===- Positions ----------------------------------------------------------===//

/// max(ceil((limit - start) / delta), 0) elements start + i * delta.
static LogicalResult range(NodeImport &n) {
  Type element = n.type(0).getElementType();
  for (unsigned i = 0; i < 3; ++i)
    if (n.rank(i) > 1 || (n.rank(i) == 1 && n.type(i).getDimSize(0) > 1))
      return n.error() << "input " << i << " has rank " << n.rank(i)
                       << "; a scalar is needed";
  // ONNX's own function bodies give lists of one element.
  Value start = n.reshape(n.input(0), {}), limit = n.reshape(n.input(1), {}),
        delta = n.reshape(n.input(2), {});
  Value span = n.create<graph::SubOp>(limit, start), count;
  if (isa<FloatType>(element)) {
    Value steps = n.create<graph::CeilOp>(n.create<graph::DivOp>(span, delta));
    count = n.cast(steps, n.b.getI64Type());
  } else {
    // ceil by truncating division: add delta, less one unit of its sign.
    Value most = n.create<graph::SubOp>(n.create<graph::AddOp>(span, delta),
                                        n.create<graph::SignOp>(delta));
    count = n.cast(n.create<graph::DivOp>(most, delta), n.b.getI64Type());
  }
  count = n.create<graph::MaxOp>(count, n.intScalar(0));
  Value steps = n.cast(n.iota(count), element);
  return n.result(
      n.create<graph::AddOp>(start, n.create<graph::MulOp>(steps, delta)));
}

static LogicalResult eyeLike(NodeImport &n) {
  if (n.rank(0) != 2)
    return n.error() << "input has rank " << n.rank(0) << " where 2 is needed";
  Type element = n.type(0).getElementType();
  if (n.hasAttribute("dtype")) {
    element = elementType(n.b.getContext(), int(n.integer("dtype", 0)));
    if (!element)
      return n.error() << "dtype " << typeName(int(n.integer("dtype", 0)))
                       << " is not supported";
  }
  Value row = n.iotaLike(n.input(0), 0), column = n.iotaLike(n.input(0), 1);
  Value diagonal = n.create<graph::AddOp>(row, n.intScalar(n.integer("k", 0)));
  return n.result(
      n.cast(n.compare(graph::Comparison::equal, column, diagonal), element));
}

/// Keeps elements on and above (or below) diagonal k of the last two axes.
static LogicalResult trilu(NodeImport &n) {
  int64_t rank = n.rank(0);
  if (rank < 2)
    return n.error() << "input has rank " << rank << "; 2 at least is needed";
  Value x = n.input(0);
  Value k = n.has(1) ? n.cast(n.reshape(n.input(1), {}), n.b.getI64Type())
                     : n.intScalar(0);
  Value row = n.iotaLike(x, rank - 2), column = n.iotaLike(x, rank - 1);
  Value diagonal = n.create<graph::AddOp>(row, k);
  bool upper = n.integer("upper", 1) != 0;
  Value kept = n.compare(upper ? graph::Comparison::greaterOrEqual
                               : graph::Comparison::lessOrEqual,
                         column, diagonal);
  return n.result(n.create<graph::SelectOp>(kept, x, n.scalarLike(0, x)));
}

/// values[1] where the position along the new axis is the index, else
/// values[0].
static LogicalResult oneHot(NodeImport &n) {
  int64_t rank = n.rank(0);
  auto axis = n.axis(n.integer("axis", -1), rank + 1);
  if (!axis)
    return failure();
  Type i64 = n.b.getI64Type();
  Value depth = n.cast(n.reshape(n.input(1), {1}), i64);
  Ints around;
  for (int64_t i = 0; i <= rank; ++i)
    if (i != *axis)
      around.push_back(i);
  Value positions = n.iota(depth);
  if (!around.empty())
    positions = n.unsqueeze(positions, around);
  Value indices = n.cast(n.input(0), i64);
  Value zero = n.intScalar(0);
  Value wrapped = n.create<graph::AddOp>(indices, n.reshape(depth, {}));
  indices = n.create<graph::SelectOp>(
      n.compare(graph::Comparison::less, indices, zero), wrapped, indices);
  Value hit = n.compare(graph::Comparison::equal, n.unsqueeze(indices, {*axis}),
                        positions);
  Value off = n.reshape(n.slice(n.input(2), 0, 0, 1), {});
  Value on = n.reshape(n.slice(n.input(2), 0, 1, 2), {});
  return n.result(n.create<graph::SelectOp>(hit, on, off));
}

//===- Several axes at once -----------------------------------------------===//

static LogicalResult gatherElements(NodeImport &n) {
  Value data = n.input(0);
  int64_t rank = n.rank(0);
  auto axis = n.axis(n.integer("axis", 0), rank);
  if (!axis || n.rank(1) != rank)
    return n.error() << "data and indices have ranks " << rank << " and "
                     << n.rank(1);
  Value indices = n.cast(n.input(1), n.b.getI64Type());
  SmallVector<Value> places;
  for (int64_t i = 0; i < rank; ++i)
    places.push_back(i == *axis ? indices : axisPositions(n, indices, i, rank));
  return n.result(gatherAt(n, data, places));
}

static LogicalResult gatherNd(NodeImport &n) {
  Value data = n.input(0);
  int64_t batch = n.integer("batch_dims", 0), rank = n.rank(0);
  int64_t last = n.rank(1) - 1;
  // The rank of what is gathered tells how many axes indices name.
  if (auto result = n.outputRank(0); result && last >= 0) {
    Ints shape(last + 1, ShapedType::kDynamic);
    shape.back() = last + rank - batch - *result;
    if (n.type(1).isDynamicDim(last) && failed(n.fix(1, shape)))
      return failure();
  }
  Value indices = n.cast(n.input(1), n.b.getI64Type());
  RankedTensorType type = NodeImport::typeOf(indices);
  if (last < 0 || type.isDynamicDim(last))
    return n.error() << "the last extent of indices must be known";
  int64_t depth = type.getDimSize(last);
  if (batch < 0 || batch > last || depth < 1 || batch + depth > rank)
    return n.error() << "indices of depth " << depth << " with " << batch
                     << " batch dimensions do not fit data of rank " << rank;
  SmallVector<Value> places;
  for (int64_t i = 0; i < batch; ++i)
    places.push_back(axisPositions(n, indices, i, last));
  for (int64_t i = 0; i < depth; ++i)
    places.push_back(n.squeeze(n.slice(indices, last, i, i + 1), {last}));
  return n.result(gatherAt(n, data, places));
}

void addIndexingRows(Table &table) {
  constexpr auto all = Row::kAll, any = Row::kAny;
  table.add({
      {"EyeLike", 22, eyeLike, all},
      {"Gather", 13, gather, any},
      {"GatherElements", 13, gatherElements, any},
      {"GatherND", 13, gatherNd, any},
      {"OneHot", 11, oneHot, all},
      {"Range", 11, range},
      {"Trilu", 14, trilu, all},
  });
}

} // namespace weft::onnx
