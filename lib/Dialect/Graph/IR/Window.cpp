// Type rules of ops that slide a window: convolution, its transpose, pooling.

#include "weft/Dialect/Graph/IR/Graph.h"
#include "weft/Dialect/Graph/IR/Shapes.h"

using namespace mlir;

namespace weft::graph {

/// Every list of window parameters must have its length and its range, before
/// any arithmetic uses it.
static LogicalResult checkWindow(std::optional<Location> loc, int64_t count,
                                 ArrayRef<int64_t> window,
                                 ArrayRef<int64_t> strides,
                                 ArrayRef<int64_t> pads,
                                 ArrayRef<int64_t> dilations) {
  // Products of these must stay far inside 64 bits.
  constexpr int64_t kMost = int64_t(1) << 31;
  auto check = [&](StringRef what, ArrayRef<int64_t> list, int64_t length,
                   int64_t least) -> LogicalResult {
    if (static_cast<int64_t>(list.size()) != length)
      return emitOptionalError(loc, what, " has ", list.size(),
                               " entries where ", length, " are needed");
    for (int64_t v : list)
      if (v < least || v > kMost)
        return emitOptionalError(loc, what, " is ", v, "; it must be between ",
                                 least, " and ", kMost);
    return success();
  };
  if (failed(check("strides", strides, count, 1)) ||
      failed(check("dilations", dilations, count, 1)) ||
      failed(check("pads", pads, 2 * count, 0)))
    return failure();
  for (int64_t w : window)
    if (w != kDynamic && (w < 1 || w > kMost))
      return emitOptionalError(loc, "window extent is ", w,
                               "; it must be between 1 and ", kMost);
  return success();
}

template <typename Adaptor>
static LogicalResult checkConvolution(std::optional<Location> loc, Adaptor op,
                                      int64_t channelAxis) {
  RankedTensorType input = tensorType(op.getInput()),
                   weight = tensorType(op.getWeight());
  int64_t rank = input.getRank();
  if (rank < 3)
    return emitOptionalError(loc, "input has rank ", rank,
                             "; a convolution needs 3 at least");
  if (weight.getRank() != rank)
    return emitOptionalError(loc, "weight has rank ", weight.getRank(),
                             " where the input has ", rank);
  if (input.getElementType() != weight.getElementType())
    return emitOptionalError(loc, "input is of ", input.getElementType(),
                             " where the weight is of ",
                             weight.getElementType());
  int64_t groups = op.getGroups(), channels = input.getDimSize(1);
  if (groups < 1)
    return emitOptionalError(loc, "groups is ", groups,
                             "; it must be 1 at least");
  if (channels != kDynamic && channels % groups)
    return emitOptionalError(loc, "input has ", channels, " channels, which ",
                             groups, " groups do not divide");
  int64_t expected = channelAxis == 1 ? channels / groups : channels;
  int64_t found = weight.getDimSize(channelAxis);
  if (channels != kDynamic && found != kDynamic && found != expected)
    return emitOptionalError(loc, "weight has ", found, " on axis ",
                             channelAxis, " where the input's ", channels,
                             " channels in ", groups, " groups need ",
                             expected);
  int64_t outputs = weight.getDimSize(0);
  if (channelAxis == 1 && outputs != kDynamic && outputs % groups)
    return emitOptionalError(loc, "weight has ", outputs, " outputs, which ",
                             groups, " groups do not divide");
  if (op.getBias()) {
    RankedTensorType bias = tensorType(op.getBias());
    int64_t needed = channelAxis == 1 ? outputs
                                      : (weight.getDimSize(1) == kDynamic
                                             ? kDynamic
                                             : weight.getDimSize(1) * groups);
    if (bias.getRank() != 1 ||
        (bias.getDimSize(0) != needed && bias.getDimSize(0) != kDynamic &&
         needed != kDynamic))
      return emitOptionalError(loc, "bias is ", bias, " where ", needed,
                               " values are needed");
  }
  return checkWindow(loc, rank - 2, weight.getShape().drop_front(2),
                     op.getStrides(), op.getPads(), op.getDilations());
}

LogicalResult ConvOp::inferReturnTypes(MLIRContext *,
                                       std::optional<Location> loc, Adaptor op,
                                       SmallVectorImpl<Type> &types) {
  if (failed(checkConvolution(loc, op, /*channelAxis=*/1)))
    return failure();
  RankedTensorType input = tensorType(op.getInput()),
                   weight = tensorType(op.getWeight());
  int64_t spatial = input.getRank() - 2;
  SmallVector<int64_t> shape = {input.getDimSize(0), weight.getDimSize(0)};
  for (int64_t i = 0; i < spatial; ++i) {
    int64_t window = weight.getDimSize(i + 2);
    int64_t extent =
        window == kDynamic
            ? kDynamic
            : windowExtent(input.getDimSize(i + 2), window, op.getStrides()[i],
                           op.getPads()[i], op.getPads()[spatial + i],
                           op.getDilations()[i], false);
    if (extent < 0 && extent != kDynamic)
      return emitOptionalError(
          loc, "window of ", window, " (dilation ", op.getDilations()[i],
          ") is larger than the padded input extent of ",
          input.getDimSize(i + 2) + op.getPads()[i] + op.getPads()[spatial + i],
          " on axis ", i + 2);
    shape.push_back(extent);
  }
  types.push_back(tensorType(shape, input.getElementType()));
  return success();
}

LogicalResult ConvOp::reifyResultShapes(OpBuilder &b,
                                        ReifiedRankedShapedTypeDims &dims) {
  DimBuilder d(b, getLoc());
  int64_t spatial = tensorType(getInput()).getRank() - 2;
  SmallVector<OpFoldResult> shape = {d.of(getInput(), 0), d.of(getWeight(), 0)};
  for (int64_t i = 0; i < spatial; ++i) {
    int64_t window = tensorType(getWeight()).getDimSize(i + 2);
    if (window == kDynamic)
      return emitOpError("needs a weight with static window extents");
    shape.push_back(d.window(d.of(getInput(), i + 2), window, getStrides()[i],
                             getPads()[i], getPads()[spatial + i],
                             getDilations()[i], false));
  }
  appendReified(b, getResult(), shape, dims);
  return success();
}

LogicalResult ConvTransposeOp::inferReturnTypes(MLIRContext *,
                                                std::optional<Location> loc,
                                                Adaptor op,
                                                SmallVectorImpl<Type> &types) {
  if (failed(checkConvolution(loc, op, /*channelAxis=*/0)))
    return failure();
  RankedTensorType input = tensorType(op.getInput()),
                   weight = tensorType(op.getWeight());
  int64_t spatial = input.getRank() - 2;
  if (static_cast<int64_t>(op.getOutputPadding().size()) != spatial)
    return emitOptionalError(loc, "output_padding has ",
                             op.getOutputPadding().size(), " entries where ",
                             spatial, " are needed");
  int64_t k = weight.getDimSize(1);
  SmallVector<int64_t> shape = {
      input.getDimSize(0),
      k == kDynamic ? kDynamic : k * static_cast<int64_t>(op.getGroups())};
  for (int64_t i = 0; i < spatial; ++i) {
    int64_t e = input.getDimSize(i + 2), w = weight.getDimSize(i + 2);
    if (e == kDynamic || w == kDynamic) {
      shape.push_back(kDynamic);
      continue;
    }
    int64_t extent = op.getStrides()[i] * (e - 1) + op.getOutputPadding()[i] +
                     op.getDilations()[i] * (w - 1) + 1 - op.getPads()[i] -
                     op.getPads()[spatial + i];
    if (extent < 0)
      return emitOptionalError(loc, "output extent would be ", extent,
                               " on axis ", i + 2, "; the pads are too large");
    shape.push_back(extent);
  }
  types.push_back(tensorType(shape, input.getElementType()));
  return success();
}

LogicalResult
ConvTransposeOp::reifyResultShapes(OpBuilder &b,
                                   ReifiedRankedShapedTypeDims &dims) {
  DimBuilder d(b, getLoc());
  int64_t spatial = tensorType(getInput()).getRank() - 2;
  SmallVector<OpFoldResult> shape = {
      d.of(getInput(), 0),
      d.mul(d.of(getWeight(), 1), d.constant(getGroups()))};
  for (int64_t i = 0; i < spatial; ++i) {
    OpFoldResult span = d.mul(d.constant(getDilations()[i]),
                              d.sub(d.of(getWeight(), i + 2), d.constant(1)));
    OpFoldResult steps = d.mul(d.constant(getStrides()[i]),
                               d.sub(d.of(getInput(), i + 2), d.constant(1)));
    int64_t rest =
        getOutputPadding()[i] + 1 - getPads()[i] - getPads()[spatial + i];
    shape.push_back(
        d.max(d.add(d.add(steps, span), d.constant(rest)), d.constant(0)));
  }
  appendReified(b, getResult(), shape, dims);
  return success();
}

LogicalResult PoolOp::inferReturnTypes(MLIRContext *,
                                       std::optional<Location> loc, Adaptor op,
                                       SmallVectorImpl<Type> &types) {
  RankedTensorType input = tensorType(op.getInput());
  int64_t count = op.getAxes().size();
  if (static_cast<int64_t>(op.getWindow().size()) != count)
    return emitOptionalError(loc, "window has ", op.getWindow().size(),
                             " entries where ", count, " are needed");
  if (failed(checkWindow(loc, count, op.getWindow(), op.getStrides(),
                         op.getPads(), op.getDilations())))
    return failure();
  SmallVector<int64_t> shape(input.getShape());
  for (int64_t i = 0; i < count; ++i) {
    int64_t axis = op.getAxes()[i];
    if (failed(checkAxis(loc, "axis", axis, input.getRank())))
      return failure();
    shape[axis] = windowExtent(input.getDimSize(axis), op.getWindow()[i],
                               op.getStrides()[i], op.getPads()[i],
                               op.getPads()[count + i], op.getDilations()[i],
                               op.getCeilMode());
    if (shape[axis] < 0 && shape[axis] != kDynamic)
      return emitOptionalError(loc, "window of ", op.getWindow()[i],
                               " is larger than the padded input extent of ",
                               input.getDimSize(axis) + op.getPads()[i] +
                                   op.getPads()[count + i],
                               " on axis ", axis);
  }
  types.push_back(tensorType(shape, input.getElementType()));
  return success();
}

LogicalResult PoolOp::reifyResultShapes(OpBuilder &b,
                                        ReifiedRankedShapedTypeDims &dims) {
  DimBuilder d(b, getLoc());
  SmallVector<OpFoldResult> shape = d.allOf(getInput());
  int64_t count = getAxes().size();
  for (int64_t i = 0; i < count; ++i)
    shape[getAxes()[i]] = d.window(
        shape[getAxes()[i]], getWindow()[i], getStrides()[i], getPads()[i],
        getPads()[count + i], getDilations()[i], getCeilMode());
  appendReified(b, getResult(), shape, dims);
  return success();
}

} // namespace weft::graph
