// Type rules of reductions and normalisations.

#include "weft/Dialect/Graph/IR/Graph.h"
#include "weft/Dialect/Graph/IR/Shapes.h"

using namespace mlir;

namespace weft::graph {

/// Shape of `input` with `axes` reduced; fails on an axis out of range or named
/// twice.
template <typename Dim>
static LogicalResult reduceDims(std::optional<Location> loc,
                                ArrayRef<Dim> input, ArrayRef<int64_t> axes,
                                bool keepDims, Dim one,
                                SmallVectorImpl<Dim> &shape) {
  llvm::SmallDenseSet<int64_t> reduced;
  for (int64_t axis : axes) {
    if (failed(checkAxis(loc, "axis", axis, input.size())))
      return failure();
    if (!reduced.insert(axis).second)
      return emitOptionalError(loc, "axis ", axis, " is named twice");
  }
  for (auto [i, dim] : llvm::enumerate(input)) {
    if (!reduced.contains(i))
      shape.push_back(dim);
    else if (keepDims)
      shape.push_back(one);
  }
  return success();
}

template <typename Op>
static LogicalResult reifyReduced(Op op, OpBuilder &b, ArrayRef<int64_t> axes,
                                  ReifiedRankedShapedTypeDims &dims) {
  DimBuilder d(b, op.getLoc());
  SmallVector<OpFoldResult> shape;
  if (failed(reduceDims<OpFoldResult>(op.getLoc(), d.allOf(op.getInput()), axes,
                                      op.getKeepDims(), d.constant(1), shape)))
    return failure();
  appendReified(b, op.getResult(), shape, dims);
  return success();
}

/// Reification of ops whose result has the shape of their input.
template <typename Op>
static LogicalResult reifySame(Op op, OpBuilder &b,
                               ReifiedRankedShapedTypeDims &dims) {
  appendReified(b, op.getResult(),
                DimBuilder(b, op.getLoc()).allOf(op.getInput()), dims);
  return success();
}

LogicalResult ReduceOp::inferReturnTypes(MLIRContext *,
                                         std::optional<Location> loc,
                                         Adaptor op,
                                         SmallVectorImpl<Type> &types) {
  RankedTensorType input = tensorType(op.getInput());
  SmallVector<int64_t> shape;
  if (failed(reduceDims<int64_t>(loc, input.getShape(), op.getAxes(),
                                 op.getKeepDims(), 1, shape)))
    return failure();
  types.push_back(tensorType(shape, input.getElementType()));
  return success();
}

LogicalResult ReduceOp::reifyResultShapes(OpBuilder &b,
                                          ReifiedRankedShapedTypeDims &dims) {
  return reifyReduced(*this, b, getAxes(), dims);
}

LogicalResult ArgReduceOp::inferReturnTypes(MLIRContext *context,
                                            std::optional<Location> loc,
                                            Adaptor op,
                                            SmallVectorImpl<Type> &types) {
  SmallVector<int64_t> shape;
  if (failed(reduceDims<int64_t>(loc, tensorType(op.getInput()).getShape(),
                                 {static_cast<int64_t>(op.getAxis())},
                                 op.getKeepDims(), 1, shape)))
    return failure();
  types.push_back(tensorType(shape, IntegerType::get(context, 64)));
  return success();
}

LogicalResult ArgReduceOp::verify() {
  if (getKind() != ReduceKind::max && getKind() != ReduceKind::min)
    return emitOpError("finds the position of max or min, not of ")
           << stringifyReduceKind(getKind());
  return success();
}

LogicalResult
ArgReduceOp::reifyResultShapes(OpBuilder &b,
                               ReifiedRankedShapedTypeDims &dims) {
  return reifyReduced(*this, b, {static_cast<int64_t>(getAxis())}, dims);
}

template <typename Adaptor>
static LogicalResult inferAlongAxis(std::optional<Location> loc, Adaptor op,
                                    SmallVectorImpl<Type> &types) {
  types.push_back(tensorType(op.getInput()));
  return checkAxis(loc, "axis", op.getAxis(),
                   tensorType(op.getInput()).getRank());
}

LogicalResult CumSumOp::inferReturnTypes(MLIRContext *,
                                         std::optional<Location> loc,
                                         Adaptor op,
                                         SmallVectorImpl<Type> &types) {
  return inferAlongAxis(loc, op, types);
}

LogicalResult CumSumOp::reifyResultShapes(OpBuilder &b,
                                          ReifiedRankedShapedTypeDims &dims) {
  return reifySame(*this, b, dims);
}

LogicalResult SoftmaxOp::inferReturnTypes(MLIRContext *,
                                          std::optional<Location> loc,
                                          Adaptor op,
                                          SmallVectorImpl<Type> &types) {
  return inferAlongAxis(loc, op, types);
}

LogicalResult SoftmaxOp::reifyResultShapes(OpBuilder &b,
                                           ReifiedRankedShapedTypeDims &dims) {
  return reifySame(*this, b, dims);
}

LogicalResult LayerNormOp::inferReturnTypes(MLIRContext *,
                                            std::optional<Location> loc,
                                            Adaptor op,
                                            SmallVectorImpl<Type> &types) {
  return inferAlongAxis(loc, op, types);
}

LogicalResult LayerNormOp::verify() {
  RankedTensorType input = tensorType(getInput());
  for (auto [what, value] :
       {std::pair("scale", getScale()), std::pair("bias", getBias())}) {
    if (!value)
      continue;
    SmallVector<Type> joined;
    if (failed(inferElementwise(getLoc(), {getInput(), value}, {}, joined)))
      return failure();
    if (failed(verifyCompatibleShape(joined[0], input)))
      return emitOpError(what)
             << " is " << value.getType()
             << ", which does not broadcast to the input's " << input;
  }
  return success();
}

LogicalResult
LayerNormOp::reifyResultShapes(OpBuilder &b,
                               ReifiedRankedShapedTypeDims &dims) {
  return reifySame(*this, b, dims);
}

} // namespace weft::graph
