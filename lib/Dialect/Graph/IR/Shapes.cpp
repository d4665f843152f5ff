// Shape arithmetic, static (type rules) and as IR (reification). Extents of
// equal meaning become equal values: everything goes through composed
// affine.apply ops, which are canonical.

#include "weft/Dialect/Graph/IR/Shapes.h"
#include "weft/Dialect/Graph/IR/Graph.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;

namespace weft::graph {

RankedTensorType tensorType(Value value) {
  return cast<RankedTensorType>(value.getType());
}

RankedTensorType tensorType(ArrayRef<int64_t> shape, Type element) {
  return RankedTensorType::get(shape, element);
}

std::optional<SmallVector<int64_t>> constantInts(Value value) {
  DenseIntElementsAttr elements;
  if (!matchPattern(value, m_Constant(&elements)))
    return std::nullopt;
  SmallVector<int64_t> ints;
  for (APInt i : elements.getValues<APInt>())
    ints.push_back(i.getSExtValue());
  return ints;
}

SmallVector<std::optional<int64_t>> knownInts(Value shapeTensor) {
  SmallVector<std::optional<int64_t>> known;
  if (auto ints = constantInts(shapeTensor)) {
    llvm::append_range(known, *ints);
    return known;
  }
  if (tensorType(shapeTensor).isDynamicDim(0))
    return known;
  known.resize(tensorType(shapeTensor).getDimSize(0));
  if (auto elements = shapeTensor.getDefiningOp<tensor::FromElementsOp>())
    for (auto [i, element] : llvm::enumerate(elements.getElements()))
      known[i] = getConstantIntValue(element);
  return known;
}

bool isNonNegative(Value scalar) {
  if (std::optional<int64_t> value = getConstantIntValue(scalar))
    return *value >= 0;
  Operation *op = scalar.getDefiningOp();
  if (isa_and_nonnull<tensor::DimOp>(op))
    return true;
  if (isa_and_nonnull<arith::MaxSIOp>(op))
    return llvm::any_of(op->getOperands(), isNonNegative);
  // Affine maps of extents may subtract; only what cannot is listed.
  if (isa_and_nonnull<arith::IndexCastOp, arith::AddIOp, arith::MulIOp,
                      arith::DivSIOp, arith::RemSIOp, arith::MinSIOp,
                      arith::FloorDivSIOp, arith::CeilDivSIOp>(op))
    return llvm::all_of(op->getOperands(), isNonNegative);
  if (auto select = dyn_cast_or_null<arith::SelectOp>(op))
    return isNonNegative(select.getTrueValue()) &&
           isNonNegative(select.getFalseValue());
  if (auto apply = dyn_cast_or_null<affine::AffineApplyOp>(op))
    return llvm::all_of(apply.getMapOperands(), isNonNegative) &&
           !apply.getAffineMap()
                .getResult(0)
                .walk([](AffineExpr e) {
                  auto constant = dyn_cast<AffineConstantExpr>(e);
                  return constant && constant.getValue() < 0
                             ? WalkResult::interrupt()
                             : WalkResult::advance();
                })
                .wasInterrupted();
  return false;
}

std::optional<int64_t> broadcastExtent(int64_t a, int64_t b) {
  if (a == b || b == 1)
    return a;
  if (a == 1 || a == kDynamic)
    return b;
  if (b == kDynamic)
    return a;
  return std::nullopt;
}

int64_t windowExtent(int64_t extent, int64_t window, int64_t stride,
                     int64_t padBefore, int64_t padAfter, int64_t dilation,
                     bool ceilMode) {
  if (extent == kDynamic)
    return kDynamic;
  int64_t free = extent + padBefore + padAfter - dilation * (window - 1) - 1;
  if (free < 0)
    return -1;
  int64_t count =
      (ceilMode ? llvm::divideCeil(free, stride) : free / stride) + 1;
  // A window that would start in the trailing padding is not taken.
  if (ceilMode && (count - 1) * stride >= extent + padBefore)
    --count;
  return count;
}

LogicalResult inferElementwise(std::optional<Location> loc, ValueRange operands,
                               Type element, SmallVectorImpl<Type> &types) {
  SmallVector<int64_t> shape;
  Type shared = tensorType(operands.front()).getElementType();
  for (auto [i, operand] : llvm::enumerate(operands)) {
    RankedTensorType type = tensorType(operand);
    if (!element && type.getElementType() != shared)
      return emitOptionalError(loc, "input ", i, " is of ",
                               type.getElementType(), " where input 0 is of ",
                               shared);
    int64_t rank = type.getRank();
    if (rank > static_cast<int64_t>(shape.size()))
      shape.insert(shape.begin(), rank - shape.size(), 1);
    for (int64_t d = 0; d < rank; ++d) {
      int64_t &extent = shape[shape.size() - rank + d];
      std::optional<int64_t> joined =
          broadcastExtent(extent, type.getDimSize(d));
      if (!joined)
        return emitOptionalError(loc, "input ", i, " has ", type.getDimSize(d),
                                 " on axis ", d,
                                 " where the inputs before it have ", extent,
                                 "; extents must be equal or 1");
      extent = *joined;
    }
  }
  types.push_back(tensorType(shape, element ? element : shared));
  return success();
}

LogicalResult checkAxis(std::optional<Location> loc, StringRef what,
                        int64_t axis, int64_t rank) {
  if (axis >= 0 && axis < rank)
    return success();
  return emitOptionalError(loc, what, " ", axis, " is out of range for rank ",
                           rank);
}

//===-- Index arithmetic -----------------------------------------------------//

OpFoldResult DimBuilder::of(Value tensor, int64_t i) {
  RankedTensorType type = tensorType(tensor);
  if (!type.isDynamicDim(i))
    return b.getIndexAttr(type.getDimSize(i));
  return b.createOrFold<tensor::DimOp>(loc, tensor, i);
}

SmallVector<OpFoldResult> DimBuilder::allOf(Value tensor) {
  SmallVector<OpFoldResult> dims;
  for (int64_t i = 0, e = tensorType(tensor).getRank(); i < e; ++i)
    dims.push_back(of(tensor, i));
  return dims;
}

OpFoldResult DimBuilder::element(Value shapeTensor, int64_t i) {
  if (auto ints = constantInts(shapeTensor))
    return b.getIndexAttr((*ints)[i]);
  if (auto elements = shapeTensor.getDefiningOp<tensor::FromElementsOp>()) {
    Value element = elements.getElements()[i];
    if (std::optional<int64_t> known = getConstantIntValue(element))
      return b.getIndexAttr(*known);
    return getAsOpFoldResult(
        b.createOrFold<arith::IndexCastOp>(loc, b.getIndexType(), element));
  }
  Value index = arith::ConstantIndexOp::create(b, loc, i);
  Value e =
      b.createOrFold<tensor::ExtractOp>(loc, shapeTensor, ValueRange{index});
  return getAsOpFoldResult(
      b.createOrFold<arith::IndexCastOp>(loc, b.getIndexType(), e));
}

Value DimBuilder::value(OpFoldResult dim) {
  return getValueOrCreateConstantIndexOp(b, loc, dim);
}

OpFoldResult DimBuilder::apply(AffineExpr expr,
                               ArrayRef<OpFoldResult> operands) {
  return affine::makeComposedFoldedAffineApply(b, loc, expr, operands);
}

OpFoldResult DimBuilder::add(OpFoldResult x, OpFoldResult y) {
  return apply(b.getAffineSymbolExpr(0) + b.getAffineSymbolExpr(1), {x, y});
}

OpFoldResult DimBuilder::sub(OpFoldResult x, OpFoldResult y) {
  return apply(b.getAffineSymbolExpr(0) - b.getAffineSymbolExpr(1), {x, y});
}

OpFoldResult DimBuilder::mul(OpFoldResult x, OpFoldResult y) {
  return apply(b.getAffineSymbolExpr(0) * b.getAffineSymbolExpr(1), {x, y});
}

OpFoldResult DimBuilder::ceilDiv(OpFoldResult x, int64_t divisor) {
  return apply(b.getAffineSymbolExpr(0).ceilDiv(divisor), {x});
}

OpFoldResult DimBuilder::floorDiv(OpFoldResult x, int64_t divisor) {
  return apply(b.getAffineSymbolExpr(0).floorDiv(divisor), {x});
}

OpFoldResult DimBuilder::div(OpFoldResult x, OpFoldResult y) {
  if (std::optional<int64_t> divisor = getConstantIntValue(y))
    return *divisor == 0 ? constant(0) : floorDiv(x, *divisor);
  // Never divides by zero: by max(y, 1), and 0 / 1 where y is 0.
  Value safe = value(max(y, constant(1)));
  return b.createOrFold<arith::DivSIOp>(loc, value(x), safe);
}

OpFoldResult DimBuilder::max(OpFoldResult x, OpFoldResult y) {
  auto a = getConstantIntValue(x), c = getConstantIntValue(y);
  if (a && c)
    return constant(std::max(*a, *c));
  if (x == y)
    return x;
  return b.createOrFold<arith::MaxSIOp>(loc, value(x), value(y));
}

OpFoldResult DimBuilder::min(OpFoldResult x, OpFoldResult y) {
  auto a = getConstantIntValue(x), c = getConstantIntValue(y);
  if (a && c)
    return constant(std::min(*a, *c));
  if (x == y)
    return x;
  return b.createOrFold<arith::MinSIOp>(loc, value(x), value(y));
}

OpFoldResult DimBuilder::selectNegative(OpFoldResult x, OpFoldResult negative,
                                        OpFoldResult other) {
  if (std::optional<int64_t> known = getConstantIntValue(x))
    return *known < 0 ? negative : other;
  Value zero = arith::ConstantIndexOp::create(b, loc, 0);
  Value below = b.createOrFold<arith::CmpIOp>(loc, arith::CmpIPredicate::slt,
                                              value(x), zero);
  return b.createOrFold<arith::SelectOp>(loc, below, value(negative),
                                         value(other));
}

OpFoldResult DimBuilder::product(ArrayRef<OpFoldResult> dims) {
  OpFoldResult all = constant(1);
  for (OpFoldResult dim : dims)
    all = mul(all, dim);
  return all;
}

OpFoldResult DimBuilder::broadcast(OpFoldResult x, OpFoldResult y) {
  auto a = getConstantIntValue(x), c = getConstantIntValue(y);
  if (x == y || (c && *c == 1))
    return x;
  if (a && *a == 1)
    return y;
  if (c)
    return y;
  if (a)
    return x;
  Value one = arith::ConstantIndexOp::create(b, loc, 1);
  Value isOne = b.createOrFold<arith::CmpIOp>(loc, arith::CmpIPredicate::eq,
                                              value(x), one);
  return b.createOrFold<arith::SelectOp>(loc, isOne, value(y), value(x));
}

OpFoldResult DimBuilder::window(OpFoldResult extent, int64_t window,
                                int64_t stride, int64_t padBefore,
                                int64_t padAfter, int64_t dilation,
                                bool ceilMode) {
  AffineExpr e = b.getAffineSymbolExpr(0);
  AffineExpr free = e + (padBefore + padAfter - dilation * (window - 1) - 1);
  OpFoldResult count = apply(
      (ceilMode ? free.ceilDiv(stride) : free.floorDiv(stride)) + 1, {extent});
  if (ceilMode) // A window that would start in the trailing padding is not
                // taken.
    count = min(count, apply((e + padBefore).ceilDiv(stride), {extent}));
  return max(count, constant(0));
}

//===-- Reification
//------------------------------------------------------------//

LogicalResult reifyBroadcast(OpBuilder &b, Operation *op,
                             ReifiedRankedShapedTypeDims &dims) {
  DimBuilder d(b, op->getLoc());
  Value result = op->getResult(0);
  int64_t rank = tensorType(result).getRank();
  SmallVector<OpFoldResult> shape(rank, d.constant(1));
  for (Value operand : op->getOperands()) {
    int64_t offset = rank - tensorType(operand).getRank();
    for (int64_t i = offset; i < rank; ++i)
      if (tensorType(result).isDynamicDim(i))
        shape[i] = d.broadcast(shape[i], d.of(operand, i - offset));
  }
  appendReified(b, result, shape, dims);
  return success();
}

void appendReified(OpBuilder &b, Value result, ArrayRef<OpFoldResult> computed,
                   ReifiedRankedShapedTypeDims &dims) {
  RankedTensorType type = tensorType(result);
  SmallVector<OpFoldResult> shape(computed);
  for (int64_t i = 0, e = type.getRank(); i < e; ++i)
    if (!type.isDynamicDim(i))
      shape[i] = b.getIndexAttr(type.getDimSize(i));
    else // The interface forbids an attribute where the type is dynamic.
      shape[i] = getValueOrCreateConstantIndexOp(b, result.getLoc(), shape[i]);
  dims.push_back(shape);
}

} // namespace weft::graph
