// Elementwise ops by cheaper or fewer ones. Identities (x * 1) are folds of the
// ops themselves.

#include "Floats.h"
#include "SimplifyPatterns.h"
#include "mlir/IR/IRMapping.h"
#include "weft/Dialect/Graph/Transforms/Evaluate.h"
#include "weft/Support/Constants.h"

#include <cmath>

using namespace mlir;

namespace weft::graph {

namespace {

bool isFloat(Value value) {
  return isa<FloatType>(getElementTypeOrSelf(value.getType()));
}

/// x / c = x * (1 / c) where every 1 / c is exact: powers of two.
struct DivisionByPowersOfTwo : OpRewritePattern<DivOp> {
  using OpRewritePattern::OpRewritePattern;

  /// True where 1 / c is a normal number of the same type as c.
  static bool hasExactReciprocal(FloatType type, double c) {
    int exponent;
    if (!std::isfinite(c) || std::fabs(std::frexp(c, &exponent)) != 0.5)
      return false;
    APFloat value(1.0 / c), back(c);
    for (APFloat *f : {&value, &back}) {
      bool loses;
      f->convert(type.getFloatSemantics(), APFloat::rmNearestTiesToEven,
                 &loses);
      if (loses || !f->isNormal())
        return false;
    }
    return true;
  }

  LogicalResult matchAndRewrite(DivOp op,
                                PatternRewriter &rewriter) const final {
    auto divisor = ConstantData::get(op.getY());
    auto type = dyn_cast<FloatType>(op.getType().getElementType());
    if (!divisor || !type)
      return rewriter.notifyMatchFailure(op, "no constant float divisor");
    int64_t count = divisor->isSplat() ? 1 : divisor->numElements();
    for (int64_t i = 0; i < count; ++i)
      if (!hasExactReciprocal(type, divisor->floatAt(i)))
        return rewriter.notifyMatchFailure(op, "a reciprocal is not exact");
    RankedTensorType scalar = tensorType({}, type);
    Value one = ConstantOp::create(
        rewriter, op.getLoc(),
        DenseElementsAttr::get(scalar, rewriter.getFloatAttr(type, 1.0)));
    Value reciprocal =
        createOrEvaluate<DivOp>(rewriter, op.getLoc(), one, op.getY());
    rewriter.replaceOpWithNewOp<MulOp>(op, op.getType(), op.getX(), reciprocal);
    return success();
  }
};

/// pow(x, 2) = x * x; pow(x, 3) = x * x * x, rounded twice; pow(x, 0.5) =
/// sqrt(x), which differs at -0 and -inf alone.
struct PowByConstant : OpRewritePattern<PowOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(PowOp op,
                                PatternRewriter &rewriter) const final {
    std::optional<double> exponent = splatValue(op.getY());
    if (!exponent || op.getX().getType() != op.getType())
      return rewriter.notifyMatchFailure(op, "exponent is not one constant");
    Value x = op.getX();
    if (*exponent == 1)
      rewriter.replaceOp(op, x);
    else if (*exponent == 2)
      rewriter.replaceOpWithNewOp<MulOp>(op, op.getType(), x, x);
    else if (*exponent == 3)
      rewriter.replaceOpWithNewOp<MulOp>(
          op, op.getType(),
          MulOp::create(rewriter, op.getLoc(), op.getType(), x, x), x);
    else if (*exponent == 0.5 && isFloat(x))
      rewriter.replaceOpWithNewOp<SqrtOp>(op, op.getType(), x);
    else
      return rewriter.notifyMatchFailure(op, "no cheaper form");
    return success();
  }
};

/// True where every value of `from` is a value of `to`.
bool holdsAll(Type from, Type to) {
  if (from == to)
    return true;
  auto fromFloat = dyn_cast<FloatType>(from), toFloat = dyn_cast<FloatType>(to);
  auto fromInt = dyn_cast<IntegerType>(from), toInt = dyn_cast<IntegerType>(to);
  if (fromFloat && toFloat)
    return fromFloat.getFPMantissaWidth() <= toFloat.getFPMantissaWidth() &&
           fromFloat.getWidth() < toFloat.getWidth();
  if (!fromInt)
    return false;
  // Booleans are 0 and 1.
  bool positive = fromInt.isUnsigned() || fromInt.getWidth() == 1;
  unsigned digits = fromInt.getWidth() - (positive ? 0 : 1);
  if (toFloat)
    return toFloat.getWidth() >= 16 && digits <= toFloat.getFPMantissaWidth() &&
           digits < 16 + (toFloat.isF16() ? 0 : 48);
  if (toInt.isUnsigned() || toInt.getWidth() == 1)
    return positive && digits <= toInt.getWidth();
  return digits < toInt.getWidth();
}

/// cast(cast(x, B), C) = cast(x, C) where B holds all that x can be. From
/// integers through floats to integers that do not hold x, a float saturates
/// where an integer wraps: that stays.
struct MergeCasts : OpRewritePattern<CastOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(CastOp op,
                                PatternRewriter &rewriter) const final {
    auto inner = op.getX().getDefiningOp<CastOp>();
    if (!inner)
      return rewriter.notifyMatchFailure(op, "input is no cast");
    Type from = getElementTypeOrSelf(inner.getX().getType());
    Type between = inner.getTo(), to = op.getTo();
    bool mixed = isa<IntegerType>(from) && isa<FloatType>(between) &&
                 isa<IntegerType>(to) && !to.isInteger(1);
    if (!holdsAll(from, between) || (mixed && !holdsAll(from, to)))
      return rewriter.notifyMatchFailure(op, "the cast between loses values");
    if (from == to && inner.getX().getType() == op.getType())
      rewriter.replaceOp(op, inner.getX());
    else
      rewriter.replaceOpWithNewOp<CastOp>(op, op.getType(), inner.getX(), to);
    return success();
  }
};

/// Bounds of a relu, a max, a min or a clamp by scalars.
struct Bounds {
  Value x, low, high;

  static std::optional<Bounds> match(Operation *op) {
    if (auto relu = dyn_cast_or_null<ReluOp>(op))
      return Bounds{relu.getX(), {}, {}};
    auto clamp = dyn_cast_or_null<ClampOp>(op);
    if (clamp && splatValue(clamp.getLow()) && splatValue(clamp.getHigh()) &&
        clamp.getX().getType() == clamp.getType())
      return Bounds{clamp.getX(), clamp.getLow(), clamp.getHigh()};
    return std::nullopt;
  }
};

TypedValue<RankedTensorType> scalarConstant(OpBuilder &b, Location loc,
                                            Type type, double value) {
  Attribute attr = isa<FloatType>(type)
                       ? Attribute(b.getFloatAttr(type, value))
                       : Attribute(b.getIntegerAttr(type, int64_t(value)));
  return ConstantOp::create(b, loc,
                            DenseElementsAttr::get(tensorType({}, type), attr))
      .getResult();
}

/// clamp(relu(x), l, h) = clamp(x, max(l, 0), max(h, 0)); relu(clamp(x, l, h))
/// the same; clamp(clamp(x, l, h), a, b) = clamp(x, clamp(l, a, b), clamp(h, a,
/// b)).
struct MergeClamps : RewritePattern {
  explicit MergeClamps(MLIRContext *context)
      : RewritePattern(MatchAnyOpTypeTag(), 1, context) {}

  LogicalResult matchAndRewrite(Operation *op,
                                PatternRewriter &rewriter) const final {
    auto outer = Bounds::match(op);
    auto inner = outer ? Bounds::match(outer->x.getDefiningOp()) : std::nullopt;
    if (!inner || inner->x.getType() != op->getResult(0).getType())
      return rewriter.notifyMatchFailure(op, "no two bounds in a row");
    if (!outer->low && !inner->low) { // relu(relu(x)) = relu(x)
      rewriter.replaceOp(op, outer->x);
      return success();
    }
    Location loc = rewriter.getFusedLoc(
        {outer->x.getDefiningOp()->getLoc(), op->getLoc()});
    auto join = [&](Value bound) -> Value {
      if (outer->low)
        return createOrEvaluate<ClampOp>(rewriter, loc, bound, outer->low,
                                         outer->high);
      return createOrEvaluate<ReluOp>(rewriter, loc, bound);
    };
    Value low = inner->low, high = inner->high;
    if (low) {
      low = join(low);
      high = join(high);
    } else {
      low = createOrEvaluate<ReluOp>(rewriter, loc, outer->low);
      high = createOrEvaluate<ReluOp>(rewriter, loc, outer->high);
    }
    rewriter.replaceOpWithNewOp<ClampOp>(op, op->getResult(0).getType(),
                                         inner->x, low, high);
    return success();
  }
};

/// min(max(x, l), h) = clamp(x, l, h) for constants; min(relu(x), h) likewise.
struct MinOfMaxToClamp : OpRewritePattern<MinOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(MinOp op,
                                PatternRewriter &rewriter) const final {
    Value x = op.getX(), high = op.getY();
    if (!splatValue(high))
      std::swap(x, high);
    if (!splatValue(high) || x.getType() != op.getType())
      return rewriter.notifyMatchFailure(op, "no constant bound");
    Value low, inner;
    if (auto relu = x.getDefiningOp<ReluOp>()) {
      inner = relu.getX();
      low = scalarConstant(rewriter, op.getLoc(), op.getType().getElementType(),
                           0);
    } else if (auto max = x.getDefiningOp<MaxOp>()) {
      inner = max.getX(), low = max.getY();
      if (!splatValue(low))
        std::swap(inner, low);
      if (!splatValue(low) || inner.getType() != op.getType())
        return rewriter.notifyMatchFailure(op, "no constant bound below");
    } else {
      return rewriter.notifyMatchFailure(op, "no bound below");
    }
    rewriter.replaceOpWithNewOp<ClampOp>(op, op.getType(), inner, low, high);
    return success();
  }
};

/// matmul(softmax(x), v) in 16 bits = that in f32, narrowed: rounding each
/// weight of a sum is worse than all else that happens to it. What only moves
/// weights, or clears hidden rows, may stand between.
struct KeepWeightsWide : OpRewritePattern<MatMulOp> {
  using OpRewritePattern::OpRewritePattern;

  /// True where `value` is made of a softmax that is, or could be, of f32.
  static bool areWeights(Value value) {
    Operation *op = value.getDefiningOp();
    if (isa_and_nonnull<ReshapeOp, ExpandOp>(op))
      return areWeights(op->getOperand(0));
    if (auto select = dyn_cast_or_null<SelectOp>(op))
      return splatValue(select.getX()) && areWeights(select.getY());
    if (auto cast = dyn_cast_or_null<CastOp>(op))
      return cast.getX().getDefiningOp<SoftmaxOp>() &&
             tensorType(cast.getX()).getElementType().isF32();
    auto softmax = dyn_cast_or_null<SoftmaxOp>(op);
    return softmax && !softmax.getLog();
  }

  static Value widen(OpBuilder &b, Location loc, Value x) {
    Type wide = b.getF32Type();
    return b.createOrFold<CastOp>(loc, tensorType(x).clone(wide), x, wide);
  }

  /// The same weights in f32.
  static Value wideWeights(OpBuilder &b, Value value) {
    Operation *op = value.getDefiningOp();
    Location loc = op->getLoc();
    if (auto cast = dyn_cast<CastOp>(op))
      return cast.getX();
    if (auto softmax = dyn_cast<SoftmaxOp>(op))
      return SoftmaxOp::create(b, loc, widen(b, loc, softmax.getInput()),
                               softmax.getAxis(), /*log=*/false,
                               softmax.getMasked());
    if (auto select = dyn_cast<SelectOp>(op))
      return SelectOp::create(b, loc, select.getCondition(),
                              widen(b, loc, select.getX()),
                              wideWeights(b, select.getY()));
    IRMapping values;
    values.map(op->getOperand(0), wideWeights(b, op->getOperand(0)));
    Operation *moved = b.clone(*op, values);
    moved->getResult(0).setType(tensorType(value).clone(b.getF32Type()));
    return moved->getResult(0);
  }

  LogicalResult matchAndRewrite(MatMulOp op,
                                PatternRewriter &rewriter) const final {
    Type narrow = op.getType().getElementType();
    if (!isa<FloatType>(narrow) || narrow.getIntOrFloatBitWidth() != 16)
      return rewriter.notifyMatchFailure(op, "is not of 16-bit floats");
    if (!areWeights(op.getLhs()))
      return rewriter.notifyMatchFailure(op, "sums by no softmax");
    Location loc = op.getLoc();
    Value product =
        MatMulOp::create(rewriter, loc, wideWeights(rewriter, op.getLhs()),
                         widen(rewriter, loc, op.getRhs()),
                         op.getTransposeLhs(), op.getTransposeRhs());
    rewriter.replaceOpWithNewOp<CastOp>(op, op.getType(), product, narrow);
    return success();
  }
};

} // namespace

void populateElementwisePatterns(RewritePatternSet &patterns) {
  patterns.add<DivisionByPowersOfTwo, PowByConstant, MergeCasts, MergeClamps,
               MinOfMaxToClamp, KeepWeightsWide>(patterns.getContext());
}

} // namespace weft::graph
