// Type rule of the matrix product: numpy's, with transposed operands.

#include "weft/Dialect/Graph/IR/Graph.h"
#include "weft/Dialect/Graph/IR/Shapes.h"

using namespace mlir;

namespace weft::graph {

LogicalResult MatMulOp::inferReturnTypes(MLIRContext *,
                                         std::optional<Location> loc,
                                         Adaptor op,
                                         SmallVectorImpl<Type> &types) {
  RankedTensorType lhs = tensorType(op.getLhs()), rhs = tensorType(op.getRhs());
  if (lhs.getElementType() != rhs.getElementType())
    return emitOptionalError(loc, "multiplies ", lhs.getElementType(), " by ",
                             rhs.getElementType());
  int64_t l = lhs.getRank(), r = rhs.getRank();
  if (l < 2 || r < 2)
    return emitOptionalError(loc, "matrix product of ranks ", l, " and ", r,
                             "; both must be 2 at least");
  int64_t m = lhs.getDimSize(l - (op.getTransposeLhs() ? 1 : 2));
  int64_t k = lhs.getDimSize(l - (op.getTransposeLhs() ? 2 : 1));
  int64_t k2 = rhs.getDimSize(r - (op.getTransposeRhs() ? 1 : 2));
  int64_t n = rhs.getDimSize(r - (op.getTransposeRhs() ? 2 : 1));
  if (k != kDynamic && k2 != kDynamic && k != k2)
    return emitOptionalError(loc, "input 0 has ", k,
                             " columns where input 1 has ", k2, " rows");
  int64_t batchRank = std::max(l, r) - 2;
  SmallVector<int64_t> shape;
  for (int64_t i = 0; i < batchRank; ++i) {
    int64_t a = i - (batchRank - (l - 2)), b = i - (batchRank - (r - 2));
    auto joined = broadcastExtent(a < 0 ? 1 : lhs.getDimSize(a),
                                  b < 0 ? 1 : rhs.getDimSize(b));
    if (!joined)
      return emitOptionalError(loc, "batch extents ", lhs.getDimSize(a),
                               " and ", rhs.getDimSize(b), " do not broadcast");
    shape.push_back(*joined);
  }
  shape.append({m, n});
  types.push_back(tensorType(shape, lhs.getElementType()));
  return success();
}

LogicalResult MatMulOp::reifyResultShapes(OpBuilder &b,
                                          ReifiedRankedShapedTypeDims &dims) {
  DimBuilder d(b, getLoc());
  int64_t l = tensorType(getLhs()).getRank(),
          r = tensorType(getRhs()).getRank();
  int64_t batchRank = std::max(l, r) - 2;
  SmallVector<OpFoldResult> shape;
  for (int64_t i = 0; i < batchRank; ++i) {
    int64_t a = i - (batchRank - (l - 2)), c = i - (batchRank - (r - 2));
    shape.push_back(d.broadcast(a < 0 ? d.constant(1) : d.of(getLhs(), a),
                                c < 0 ? d.constant(1) : d.of(getRhs(), c)));
  }
  shape.push_back(d.of(getLhs(), l - (getTransposeLhs() ? 1 : 2)));
  shape.push_back(d.of(getRhs(), r - (getTransposeRhs() ? 2 : 1)));
  appendReified(b, getResult(), shape, dims);
  return success();
}

} // namespace weft::graph
