// What comes right before a quantisation. It rounds to a small integer, so that
// a relative error of 2^-23 before it matters only where that is a close
// decision; there the neighbouring integer is as good.

#include "CentredBytes.h"
#include "Floats.h"
#include "SimplifyPatterns.h"
#include "weft/Dialect/Graph/Transforms/Evaluate.h"
#include "weft/Support/Constants.h"

#include "llvm/ADT/SetVector.h"

#include <cmath>

using namespace mlir;

namespace weft::graph {
namespace {

/// float(bytes - zero), with one zero point.
struct RealBytes {
  Value bytes;
  double zero = 0;

  static std::optional<RealBytes> match(Value real) {
    auto toFloat = real.getDefiningOp<CastOp>();
    if (!toFloat || !tensorType(real).getElementType().isF32())
      return std::nullopt;
    if (kernel::isByte(tensorType(toFloat.getX()).getElementType()))
      return RealBytes{toFloat.getX()};
    auto centred = CentredBytes::match(toFloat.getX());
    if (!centred)
      return std::nullopt;
    if (!centred->zeroPoint)
      return RealBytes{centred->bytes};
    std::optional<double> zero = splatValue(centred->zeroPoint);
    return zero ? std::optional(RealBytes{centred->bytes, *zero})
                : std::nullopt;
  }
};

/// True where all elements of a constant, and their reciprocals, are normal.
bool hasReciprocals(Value value) {
  std::optional<ConstantData> data = ConstantData::get(value);
  if (!data || data->numElements() == 0)
    return false;
  for (int64_t i = 0; i < (data->isSplat() ? 1 : data->numElements()); ++i) {
    auto element = static_cast<float>(data->floatAt(i));
    if (!std::isnormal(element) || !std::isnormal(1 / element))
      return false;
  }
  return true;
}

/// True where elementwise ops compute `value` from the sum of a product. What
/// is computed from bytes alone often lies halfway between integers, where even
/// the last bit decides.
bool followsProduct(Value value) {
  constexpr size_t kMost = 32;
  llvm::SmallSetVector<Operation *, 16> seen;
  if (Operation *op = value.getDefiningOp())
    seen.insert(op);
  for (size_t i = 0; i < seen.size() && i < kMost; ++i) {
    if (isa<MatMulOp, ConvOp>(seen[i]))
      return true;
    if (isa<ScalarBody>(seen[i]))
      for (Value operand : seen[i]->getOperands())
        if (Operation *op = operand.getDefiningOp())
          seen.insert(op);
  }
  return false;
}

/// quantize(x / c) = quantize(x * (1 / c)) after a product.
struct QuantizeByReciprocal : OpRewritePattern<QuantizeOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(QuantizeOp op,
                                PatternRewriter &rewriter) const final {
    auto quotient = op.getX().getDefiningOp<DivOp>();
    if (!quotient || !quotient->hasOneUse() ||
        !hasReciprocals(quotient.getY()) || !followsProduct(quotient.getX()))
      return rewriter.notifyMatchFailure(op, "divides by no constant");
    Location loc = quotient.getLoc();
    Value one = ConstantOp::create(
        rewriter, loc,
        DenseElementsAttr::get(tensorType({}, rewriter.getF32Type()), 1.0f));
    Value reciprocal =
        createOrEvaluate<DivOp>(rewriter, loc, one, quotient.getY());
    Value product = MulOp::create(rewriter, loc, quotient.getType(),
                                  quotient.getX(), reciprocal);
    rewriter.modifyOpInPlace(op, [&] { op.getXMutable().assign(product); });
    return success();
  }
};

/// quantize(relu(x) * c, z) = quantize(x * c, z) for c > 0, where z is the
/// least value of the type: what is below 0 saturates.
struct QuantizeWithoutRelu : OpRewritePattern<QuantizeOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(QuantizeOp op,
                                PatternRewriter &rewriter) const final {
    Type element = tensorType(op.getZero()).getElementType();
    std::optional<double> zero = splatValue(op.getZero());
    double least = element.isUnsignedInteger()
                       ? 0
                       : -std::ldexp(1.0, element.getIntOrFloatBitWidth() - 1);
    if (zero != least)
      return rewriter.notifyMatchFailure(op, "the zero point is not the least");
    OpOperand *read = &op.getXMutable();
    if (auto product = op.getX().getDefiningOp<MulOp>();
        product && product->hasOneUse()) {
      std::optional<double> factor = splatValue(product.getY());
      if (factor && *factor > 0 && std::isfinite(*factor))
        read = &product.getXMutable();
    }
    auto relu = read->get().getDefiningOp<ReluOp>();
    if (!relu || relu.getX().getType() != relu.getType())
      return rewriter.notifyMatchFailure(op, "follows no relu");
    rewriter.modifyOpInPlace(read->getOwner(), [&] { read->set(relu.getX()); });
    return success();
  }
};

/// quantize((f * s + b) * c) = quantize(f * (s * c) + b * c) for constants.
struct QuantizeScaledSum : OpRewritePattern<QuantizeOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(QuantizeOp op,
                                PatternRewriter &rewriter) const final {
    auto outer = op.getX().getDefiningOp<MulOp>();
    if (!outer || !outer->hasOneUse() || !splatValue(outer.getY()))
      return rewriter.notifyMatchFailure(op, "is scaled by no constant");
    auto sum = outer.getX().getDefiningOp<AddOp>();
    auto inner = (sum ? sum.getX() : outer.getX()).getDefiningOp<MulOp>();
    auto isConstant = [](Value x) { return matchPattern(x, m_Constant()); };
    if (!inner || !inner->hasOneUse() || !isConstant(inner.getY()) ||
        (sum && (!sum->hasOneUse() || !isConstant(sum.getY()))) ||
        inner.getType() != outer.getType())
      return rewriter.notifyMatchFailure(op, "scales no scaled sum");
    auto scaled = [&](Value constant) {
      return createOrEvaluate<MulOp>(rewriter, outer.getLoc(), constant,
                                     outer.getY());
    };
    Value y = MulOp::create(rewriter, inner.getLoc(), inner.getType(),
                            inner.getX(), scaled(inner.getY()));
    if (sum)
      y = AddOp::create(rewriter, sum.getLoc(), sum.getType(), y,
                        scaled(sum.getY()));
    rewriter.modifyOpInPlace(op, [&] { op.getXMutable().assign(y); });
    return success();
  }
};

/// quantize(float(x - z) * s / s, z) = x, and quantize(float(x - z) * c, z) = x
/// for c within 2^-22 of 1, as the product of a scale and its reciprocal is.
struct QuantizeDequantized : OpRewritePattern<QuantizeOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(QuantizeOp op,
                                PatternRewriter &rewriter) const final {
    Value real = op.getX();
    if (auto quotient = real.getDefiningOp<DivOp>()) {
      auto product = quotient.getX().getDefiningOp<MulOp>();
      std::optional<double> divisor = splatValue(quotient.getY());
      if (!product || !divisor || splatValue(product.getY()) != divisor ||
          !std::isnormal(*divisor))
        return rewriter.notifyMatchFailure(op, "changes the scale");
      real = product.getX();
    } else if (auto product = real.getDefiningOp<MulOp>()) {
      std::optional<double> factor = splatValue(product.getY());
      if (!factor || std::fabs(*factor - 1) > 0x1p-22)
        return rewriter.notifyMatchFailure(op, "changes the scale");
      real = product.getX();
    }
    auto source = RealBytes::match(real);
    if (!source || splatValue(op.getZero()) != source->zero ||
        source->bytes.getType() != op.getType())
      return rewriter.notifyMatchFailure(op, "has another zero point or type");
    rewriter.replaceOp(op, source->bytes);
    return success();
  }
};

/// max of windows of (float(x - z) * s) = (float(max of windows of x - z) * s)
/// for s > 0.
struct MaxPoolOfBytes : OpRewritePattern<PoolOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(PoolOp op,
                                PatternRewriter &rewriter) const final {
    auto product = op.getInput().getDefiningOp<MulOp>();
    std::optional<double> scale =
        product ? splatValue(product.getY()) : std::nullopt;
    auto source = scale ? RealBytes::match(product.getX()) : std::nullopt;
    if (op.getKind() != ReduceKind::max || !source || !(*scale > 0))
      return rewriter.notifyMatchFailure(op, "is no maximum of bytes");
    // The maximum of nothing is no byte.
    size_t axes = op.getAxes().size();
    for (size_t i = 0; i < axes; ++i)
      if (op.getDilations()[i] != 1 || op.getPads()[i] >= op.getWindow()[i] ||
          op.getPads()[axes + i] >= op.getWindow()[i])
        return rewriter.notifyMatchFailure(op, "a window may be all padding");
    Location loc = op.getLoc();
    auto pool = cast<PoolOp>(rewriter.clone(*op.getOperation()));
    pool.getInputMutable().assign(source->bytes);
    pool.getResult().setType(
        op.getType().clone(tensorType(source->bytes).getElementType()));
    Type i32 = rewriter.getI32Type(), f32 = rewriter.getF32Type();
    Value wide =
        CastOp::create(rewriter, loc, op.getType().clone(i32), pool, i32);
    Value zero = ConstantOp::create(
        rewriter, loc,
        DenseElementsAttr::get(
            tensorType({}, i32),
            Attribute(rewriter.getI32IntegerAttr(int32_t(source->zero)))));
    Value centred =
        rewriter.createOrFold<SubOp>(loc, wide.getType(), wide, zero);
    Value real = CastOp::create(rewriter, loc, op.getType(), centred, f32);
    rewriter.replaceOpWithNewOp<MulOp>(op, op.getType(), real, product.getY());
    return success();
  }
};

} // namespace

void populateQuantizedPatterns(RewritePatternSet &patterns) {
  patterns.add<QuantizeByReciprocal, QuantizeWithoutRelu, QuantizeScaledSum,
               QuantizeDequantized, MaxPoolOfBytes>(patterns.getContext());
}

} // namespace weft::graph
