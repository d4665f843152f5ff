// Batch normalisation and its kin: a product followed by a scale and a shift of
// each output channel is the same product with other weights. The new weights
// are computed at once, so that a chain of scales folds link by link.

#include "SimplifyPatterns.h"
#include "weft/Dialect/Graph/Transforms/Evaluate.h"
#include "weft/Support/Constants.h"

using namespace mlir;

namespace weft::graph {

namespace {

/// A constant that has one value for each channel (or one for all).
struct PerChannel {
  ConstantData data;
  ElementsAttr attr;

  /// Of `value`, which is combined with a tensor of `rank` dimensions whose
  /// axis `axis` has `channels` elements.
  static std::optional<PerChannel> match(Value value, int64_t rank,
                                         int64_t axis, int64_t channels) {
    ElementsAttr attr;
    std::optional<ConstantData> data = ConstantData::get(value);
    if (!data || !matchPattern(value, m_Constant(&attr)))
      return std::nullopt;
    RankedTensorType type = data->type();
    int64_t offset = rank - type.getRank();
    if (offset < 0)
      return std::nullopt;
    for (auto [i, extent] : llvm::enumerate(type.getShape()))
      if (extent != 1 &&
          (static_cast<int64_t>(i) + offset != axis || extent != channels))
        return std::nullopt;
    return PerChannel{std::move(*data), attr};
  }

  /// The values as a tensor of `rank` dimensions along `axis`.
  Value along(OpBuilder &b, Location loc, int64_t rank, int64_t axis,
              int64_t channels) const {
    SmallVector<int64_t> shape(rank, 1);
    shape[axis] = channels;
    RankedTensorType type = tensorType(shape, data.type().getElementType());
    // One value for all channels repeats.
    ElementsAttr value = data.isSplat() || data.numElements() == 1
                             ? makeConstant(type, data.element(0))
                             : retypeConstant(attr, type);
    return ConstantOp::create(b, loc, value);
  }
};

bool isFloat(Value value) {
  return isa<FloatType>(getElementTypeOrSelf(value.getType()));
}

bool isConstant(Value value) { return matchPattern(value, m_Constant()); }

/// Where the output channels of a product are, in its result and its weight.
struct Channels {
  int64_t rank, axis, count;
  int64_t weightRank, weightAxis;
};

std::optional<Channels> channelsOf(ConvOp op) {
  RankedTensorType weight = tensorType(op.getWeight());
  if (!weight.hasStaticShape())
    return std::nullopt;
  int64_t rank = op.getType().getRank();
  return Channels{rank, 1, weight.getDimSize(0), rank, 0};
}

std::optional<Channels> channelsOf(ConvTransposeOp op) {
  RankedTensorType weight = tensorType(op.getWeight());
  if (!weight.hasStaticShape() || op.getGroups() != 1)
    return std::nullopt;
  int64_t rank = op.getType().getRank();
  return Channels{rank, 1, weight.getDimSize(1), rank, 1};
}

std::optional<Channels> channelsOf(MatMulOp op) {
  RankedTensorType weight = tensorType(op.getRhs());
  if (!weight.hasStaticShape())
    return std::nullopt;
  int64_t rank = op.getType().getRank(), r = weight.getRank();
  int64_t axis = r - (op.getTransposeRhs() ? 2 : 1);
  return Channels{rank, rank - 1, weight.getDimSize(axis), r, axis};
}

/// The operand of a binary op that `Product` defines, used nowhere else, and
/// the constant beside it.
template <typename Product, typename Op>
std::pair<Product, Value> productAndConstant(Op op, bool commutes) {
  Value x = op.getX(), y = op.getY();
  if (commutes && isConstant(x))
    std::swap(x, y);
  auto product = x.template getDefiningOp<Product>();
  if (!product || !product->hasOneUse() || !isConstant(y) || !isFloat(x) ||
      product.getType() != op.getType())
    return {};
  return {product, y};
}

OpOperand &weightOf(ConvOp op) { return op.getWeightMutable(); }
OpOperand &weightOf(ConvTransposeOp op) { return op.getWeightMutable(); }
OpOperand &weightOf(MatMulOp op) { return op.getRhsMutable(); }

/// product(x, w, b) * s = product(x, w * s, b * s), and the same with division.
template <typename Product, typename Op>
struct ScaleOfProductIntoWeight : OpRewritePattern<Op> {
  using OpRewritePattern<Op>::OpRewritePattern;

  LogicalResult matchAndRewrite(Op op, PatternRewriter &rewriter) const final {
    auto match = productAndConstant<Product>(op, std::is_same_v<Op, MulOp>);
    Product product = match.first;
    if (!product)
      return rewriter.notifyMatchFailure(op, "no product and constant");
    OpOperand &weight = weightOf(product);
    std::optional<Channels> channels = channelsOf(product);
    if (!channels || !isConstant(weight.get()))
      return rewriter.notifyMatchFailure(op, "weight is not constant");
    auto scale = PerChannel::match(match.second, channels->rank, channels->axis,
                                   channels->count);
    if (!scale)
      return rewriter.notifyMatchFailure(op, "scale is not per channel");
    // Constants stand before the product that is to read them.
    rewriter.setInsertionPoint(product);
    Value newBias;
    if constexpr (!std::is_same_v<Product, MatMulOp>) {
      if (product.getBias() && !isConstant(product.getBias()))
        return rewriter.notifyMatchFailure(op, "bias is not constant");
      if (Value bias = product.getBias())
        newBias = createOrEvaluate<Op>(
            rewriter, op.getLoc(), bias,
            scale->along(rewriter, op.getLoc(), 1, 0, channels->count));
    }
    Location loc = rewriter.getFusedLoc({product.getLoc(), op.getLoc()});
    Value factor = scale->along(rewriter, op.getLoc(), channels->weightRank,
                                channels->weightAxis, channels->count);
    Value newWeight =
        createOrEvaluate<Op>(rewriter, op.getLoc(), weight.get(), factor);
    rewriter.modifyOpInPlace(product, [&] {
      weight.set(newWeight);
      if constexpr (!std::is_same_v<Product, MatMulOp>)
        if (newBias)
          product.getBiasMutable().assign(newBias);
      product->setLoc(loc);
    });
    rewriter.replaceOp(op, product);
    return success();
  }
};

/// product(x, w, b) + t = product(x, w, b + t), and the same with subtraction.
template <typename Product, typename Op>
struct ShiftOfProductIntoBias : OpRewritePattern<Op> {
  using OpRewritePattern<Op>::OpRewritePattern;

  LogicalResult matchAndRewrite(Op op, PatternRewriter &rewriter) const final {
    auto match = productAndConstant<Product>(op, std::is_same_v<Op, AddOp>);
    Product product = match.first;
    if (!product || (product.getBias() && !isConstant(product.getBias())))
      return rewriter.notifyMatchFailure(op, "no product with constant bias");
    std::optional<Channels> channels = channelsOf(product);
    if (!channels)
      return rewriter.notifyMatchFailure(op, "weight has unknown extents");
    auto shift = PerChannel::match(match.second, channels->rank, channels->axis,
                                   channels->count);
    if (!shift)
      return rewriter.notifyMatchFailure(op, "shift is not per channel");
    rewriter.setInsertionPoint(product);
    Value bias = shift->along(rewriter, op.getLoc(), 1, 0, channels->count);
    if (product.getBias())
      bias =
          createOrEvaluate<Op>(rewriter, op.getLoc(), product.getBias(), bias);
    else if (std::is_same_v<Op, SubOp>)
      bias = createOrEvaluate<NegOp>(rewriter, op.getLoc(), bias);
    Location loc = rewriter.getFusedLoc({product.getLoc(), op.getLoc()});
    rewriter.modifyOpInPlace(product, [&] {
      product.getBiasMutable().assign(bias);
      product->setLoc(loc);
    });
    rewriter.replaceOp(op, product);
    return success();
  }
};

/// (m + b) * s = m * s + b * s for a product m with constant weight, so that
/// its scale gets next to it.
struct ScaleOfBiasedMatMul : OpRewritePattern<MulOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(MulOp op,
                                PatternRewriter &rewriter) const final {
    auto [sum, scale] = productAndConstant<AddOp>(op, /*commutes=*/true);
    if (!sum)
      return rewriter.notifyMatchFailure(op, "no sum and constant");
    auto [product, bias] = productAndConstant<MatMulOp>(sum, true);
    if (!product || !isConstant(product.getRhs()))
      return rewriter.notifyMatchFailure(op, "no product and constant");
    Value scaledBias = evaluatedResult(
        rewriter, MulOp::create(rewriter, op.getLoc(), bias, scale));
    Value scaled = MulOp::create(rewriter, op.getLoc(), op.getType(),
                                 product.getResult(), scale);
    rewriter.replaceOpWithNewOp<AddOp>(op, op.getType(), scaled, scaledBias);
    return success();
  }
};

} // namespace

void populateWeightPatterns(RewritePatternSet &patterns) {
  patterns
      .add<ScaleOfProductIntoWeight<ConvOp, MulOp>,
           ScaleOfProductIntoWeight<ConvOp, DivOp>,
           ScaleOfProductIntoWeight<ConvTransposeOp, MulOp>,
           ScaleOfProductIntoWeight<ConvTransposeOp, DivOp>,
           ScaleOfProductIntoWeight<MatMulOp, MulOp>,
           ScaleOfProductIntoWeight<MatMulOp, DivOp>,
           ShiftOfProductIntoBias<ConvOp, AddOp>,
           ShiftOfProductIntoBias<ConvOp, SubOp>,
           ShiftOfProductIntoBias<ConvTransposeOp, AddOp>,
           ShiftOfProductIntoBias<ConvTransposeOp, SubOp>, ScaleOfBiasedMatMul>(
          patterns.getContext());
}

} // namespace weft::graph
