// Type rules of ops that go where their data says: scatter, order, suppression,
// determinants, decision trees.

#include "weft/Dialect/Graph/IR/Fourier.h"
#include "weft/Dialect/Graph/IR/Graph.h"
#include "weft/Dialect/Graph/IR/Shapes.h"

using namespace mlir;

namespace weft::graph {

/// Fails where two extents are known and differ.
static LogicalResult checkSame(std::optional<Location> loc, StringRef what,
                               int64_t have, StringRef where, int64_t want) {
  if (have == want || have == kDynamic || want == kDynamic)
    return success();
  return emitOptionalError(loc, what, " is ", have, " where ", where, " is ",
                           want);
}

static LogicalResult checkRank(std::optional<Location> loc, StringRef what,
                               Value value, int64_t rank) {
  if (int64_t have = tensorType(value).getRank(); have != rank)
    return emitOptionalError(loc, what, " has rank ", have, " where ", rank,
                             " is needed");
  return success();
}

//===-- Scatter, order ----------------------------------------------------===//

LogicalResult ScatterOp::inferReturnTypes(MLIRContext *,
                                          std::optional<Location> loc,
                                          Adaptor op,
                                          SmallVectorImpl<Type> &types) {
  if (failed(checkRank(loc, "data", op.getData(), 2)) ||
      failed(checkRank(loc, "indices", op.getIndices(), 1)) ||
      failed(checkRank(loc, "updates", op.getUpdates(), 2)))
    return failure();
  RankedTensorType data = tensorType(op.getData()),
                   updates = tensorType(op.getUpdates());
  if (data.getElementType() != updates.getElementType())
    return emitOptionalError(loc, "updates are of ", updates.getElementType(),
                             " where data is of ", data.getElementType());
  types.push_back(data);
  return success(
      succeeded(checkSame(loc, "the number of updates", updates.getDimSize(0),
                          "that of indices",
                          tensorType(op.getIndices()).getDimSize(0))) &&
      succeeded(checkSame(loc, "the extent of updates", updates.getDimSize(1),
                          "that of data", data.getDimSize(1))));
}

LogicalResult ScatterOp::reifyResultShapes(OpBuilder &b,
                                           ReifiedRankedShapedTypeDims &dims) {
  appendReified(b, getResult(), DimBuilder(b, getLoc()).allOf(getData()), dims);
  return success();
}

LogicalResult TopKOp::inferReturnTypes(MLIRContext *context,
                                       std::optional<Location> loc, Adaptor op,
                                       SmallVectorImpl<Type> &types) {
  RankedTensorType input = tensorType(op.getInput());
  int64_t axis = op.getAxis();
  if (failed(checkAxis(loc, "axis", axis, input.getRank())) ||
      failed(checkSame(loc, "the number of elements of k",
                       tensorType(op.getK()).getDimSize(0), "what is needed",
                       1)))
    return failure();
  SmallVector<int64_t> shape(input.getShape());
  auto known = knownInts(op.getK());
  int64_t k = known.size() == 1 ? known[0].value_or(kDynamic) : kDynamic;
  if (k != kDynamic && (k < 0 || (shape[axis] != kDynamic && k > shape[axis])))
    return emitOptionalError(loc, "k is ", k, " where axis ", axis, " has ",
                             shape[axis], " elements");
  shape[axis] = k;
  types.push_back(tensorType(shape, IntegerType::get(context, 64)));
  return success();
}

LogicalResult TopKOp::reifyResultShapes(OpBuilder &b,
                                        ReifiedRankedShapedTypeDims &dims) {
  DimBuilder d(b, getLoc());
  SmallVector<OpFoldResult> shape = d.allOf(getInput());
  // A run with another k fails; the extent must be one that can be allocated.
  shape[getAxis()] =
      d.max(d.min(d.element(getK(), 0), shape[getAxis()]), d.constant(0));
  appendReified(b, getResult(), shape, dims);
  return success();
}

//===-- Suppression -------------------------------------------------------===//

LogicalResult
NonMaxSuppressionOp::inferReturnTypes(MLIRContext *context,
                                      std::optional<Location> loc, Adaptor op,
                                      SmallVectorImpl<Type> &types) {
  if (failed(checkRank(loc, "boxes", op.getBoxes(), 3)) ||
      failed(checkRank(loc, "order", op.getOrder(), 3)) ||
      failed(checkRank(loc, "candidates", op.getCandidates(), 2)) ||
      failed(checkRank(loc, "most", op.getMost(), 0)) ||
      failed(checkRank(loc, "threshold", op.getThreshold(), 0)))
    return failure();
  RankedTensorType boxes = tensorType(op.getBoxes()),
                   order = tensorType(op.getOrder()),
                   candidates = tensorType(op.getCandidates());
  types.push_back(order.clone(IntegerType::get(context, 1)));
  return success(
      succeeded(checkSame(loc, "the last extent of boxes", boxes.getDimSize(2),
                          "what is needed", 4)) &&
      succeeded(checkSame(loc, "the number of batches of boxes",
                          boxes.getDimSize(0), "that of scores",
                          order.getDimSize(0))) &&
      succeeded(checkSame(loc, "the number of boxes", boxes.getDimSize(1),
                          "that of scores", order.getDimSize(2))) &&
      succeeded(checkSame(loc, "the number of batches of candidates",
                          candidates.getDimSize(0), "that of scores",
                          order.getDimSize(0))) &&
      succeeded(checkSame(loc, "the number of classes of candidates",
                          candidates.getDimSize(1), "that of scores",
                          order.getDimSize(1))));
}

LogicalResult
NonMaxSuppressionOp::reifyResultShapes(OpBuilder &b,
                                       ReifiedRankedShapedTypeDims &dims) {
  appendReified(b, getResult(), DimBuilder(b, getLoc()).allOf(getOrder()),
                dims);
  return success();
}

//===-- Determinant -------------------------------------------------------===//

LogicalResult DetOp::inferReturnTypes(MLIRContext *,
                                      std::optional<Location> loc, Adaptor op,
                                      SmallVectorImpl<Type> &types) {
  RankedTensorType input = tensorType(op.getInput());
  int64_t rank = input.getRank();
  if (rank < 2 || !isa<FloatType>(input.getElementType()))
    return emitOptionalError(loc, "input is ", input,
                             "; matrices of floats are needed");
  types.push_back(
      tensorType(input.getShape().drop_back(2), input.getElementType()));
  return checkSame(loc, "the number of rows", input.getDimSize(rank - 2),
                   "that of columns", input.getDimSize(rank - 1));
}

LogicalResult DetOp::reifyResultShapes(OpBuilder &b,
                                       ReifiedRankedShapedTypeDims &dims) {
  SmallVector<OpFoldResult> shape = DimBuilder(b, getLoc()).allOf(getInput());
  appendReified(b, getResult(), ArrayRef(shape).drop_back(2), dims);
  return success();
}

//===-- Trees -------------------------------------------------------------===//

LogicalResult TreeEnsembleOp::inferReturnTypes(MLIRContext *,
                                               std::optional<Location> loc,
                                               Adaptor op,
                                               SmallVectorImpl<Type> &types) {
  Value ids = op.getTargetIds();
  if (failed(checkRank(loc, "input", op.getInput(), 2)) ||
      failed(checkRank(loc, "nodes", op.getNodes(), 2)) ||
      failed(checkRank(loc, "roots", op.getRoots(), 1)) ||
      failed(checkRank(loc, "leaves", op.getLeaves(), 2)) ||
      (ids && failed(checkRank(loc, "target_ids", ids, 2))))
    return failure();
  RankedTensorType input = tensorType(op.getInput()),
                   nodes = tensorType(op.getNodes()),
                   leaves = tensorType(op.getLeaves());
  int64_t word = nodes.getElementTypeBitWidth(), bits = op.getFeatureBits(),
          targets = op.getTargets();
  if (!isa<FloatType>(input.getElementType()) ||
      input.getElementTypeBitWidth() > word)
    return emitOptionalError(loc, "compares elements of ",
                             input.getElementType(), " with thresholds of ",
                             word, " bits");
  if (op.getKind() == ReduceKind::mean || op.getKind() == ReduceKind::prod)
    return emitOptionalError(loc, "combines leaves by sum, max or min, not by ",
                             stringifyReduceKind(op.getKind()));
  if (bits < (op.getNanRight() ? 2 : 1) || bits >= word)
    return emitOptionalError(loc, "a feature has ", bits, " bits of a word of ",
                             word);
  if (tensorType(op.getRoots()).isDynamicDim(0))
    return emitOptionalError(loc, "the number of roots is not known");
  if (failed(checkSame(loc, "the number of words of a node",
                       nodes.getDimSize(1), "what is needed", 2)))
    return failure();
  if (!ids &&
      failed(checkSame(loc, "the number of columns of leaves",
                       leaves.getDimSize(1), "that of targets", targets)))
    return failure();
  for (int64_t axis = 0; ids && axis < 2; ++axis)
    if (failed(checkSame(loc,
                         ("extent " + Twine(axis) + " of target_ids").str(),
                         tensorType(ids).getDimSize(axis), "that of leaves",
                         leaves.getDimSize(axis))))
      return failure();
  types.push_back(
      tensorType({input.getDimSize(0), targets}, leaves.getElementType()));
  return success();
}

LogicalResult
TreeEnsembleOp::reifyResultShapes(OpBuilder &b,
                                  ReifiedRankedShapedTypeDims &dims) {
  DimBuilder d(b, getLoc());
  SmallVector<OpFoldResult> shape = {d.of(getInput(), 0),
                                     d.constant(getTargets())};
  appendReified(b, getResult(), shape, dims);
  return success();
}

//===-- Fourier transforms
//-------------------------------------------------===//

LogicalResult ButterflyOp::inferReturnTypes(MLIRContext *,
                                            std::optional<Location> loc,
                                            Adaptor op,
                                            SmallVectorImpl<Type> &types) {
  constexpr int64_t kLargestRadix = 31;
  int64_t radix = op.getRe().size();
  if (radix < 2 || radix > kLargestRadix || (radix % 2 == 0 && radix > 4))
    return emitOptionalError(loc, "the radix is ", radix,
                             "; 2, 4 and odd ones up to ", kLargestRadix,
                             " are supported");
  auto count = [&](StringRef what, int64_t have,
                   int64_t want) -> LogicalResult {
    if (have == 0 || have == want)
      return success();
    return emitOptionalError(loc, "there are ", have, " ", what, " where ",
                             want, " or none are needed");
  };
  if (failed(count("imaginary parts", op.getIm().size(), radix)) ||
      failed(count("twiddles", op.getTwiddles().size(), 2 * (radix - 1))))
    return failure();
  RankedTensorType first = tensorType(op.getRe().front());
  SmallVector<int64_t> shape(first.getShape());
  size_t parts = op.getRe().size() + op.getIm().size();
  for (auto [i, operand] : llvm::enumerate(op.getOperands())) {
    RankedTensorType type = tensorType(operand);
    if (type.getElementType() != first.getElementType() ||
        type.getRank() != first.getRank())
      return emitOptionalError(loc, "input ", i, " is ", type,
                               " where input 0 is ", first);
    for (auto [axis, extent] : llvm::enumerate(type.getShape())) {
      int64_t &known = shape[axis];
      if (extent == known || extent == kDynamic || (i >= parts && extent == 1))
        continue;
      if (known != kDynamic)
        return emitOptionalError(loc, "input ", i, " has ", extent, " on axis ",
                                 axis, " where those before have ", known);
      known = extent;
    }
  }
  types.append(2 * radix, first.clone(shape));
  return success();
}

LogicalResult
ButterflyOp::reifyResultShapes(OpBuilder &b,
                               ReifiedRankedShapedTypeDims &dims) {
  SmallVector<OpFoldResult> shape = DimBuilder(b, getLoc()).allOf(getRe()[0]);
  for (Value part : getParts())
    appendReified(b, part, shape, dims);
  return success();
}

} // namespace weft::graph
