// weft-expand-math: one row per function, and the widths that the formulas do
// not know computed in one that they do. What a target has instructions for
// (sqrt, fma, rounding, absolute value) is left alone.

#include "weft/Conversion/ExpandMath/Passes.h"

#include "Formula.h"
#include "Narrowing.h"

#include "mlir/IR/Matchers.h"
#include "mlir/Transforms/WalkPatternRewriteDriver.h"

#include <cmath>

namespace weft {
#define GEN_PASS_DEF_EXPANDMATH
#include "weft/Conversion/ExpandMath/Passes.h.inc"
} // namespace weft

using namespace mlir;

namespace weft {

/// `type` with f64 (or any float) elements.
static Type withElement(Type type, Type element) {
  if (auto vector = dyn_cast<VectorType>(type))
    return vector.clone(element);
  return element;
}

static F widen(F x, Type element) {
  return {x.b, arith::ExtFOp::create(*x.b, withElement(x.v.getType(), element),
                                     x.v)};
}

F toDouble(F x) { return x.isDouble() ? x : widen(x, x.b->getF64Type()); }

F fromDouble(F x, F like) {
  if (like.isDouble())
    return x;
  return {x.b, arith::TruncFOp::create(*x.b, like.v.getType(), x.v)};
}

namespace {

/// Replaces `Op` by `formula`, applied to its one or two operands.
template <typename Op, auto formula>
struct Expand : OpRewritePattern<Op> {
  using OpRewritePattern<Op>::OpRewritePattern;

  LogicalResult matchAndRewrite(Op op, PatternRewriter &rewriter) const final {
    Type type = op.getType(), element = getElementTypeOrSelf(type);
    auto vector = dyn_cast<VectorType>(type);
    if (!isa<FloatType>(element) || (!vector && type != element) ||
        (vector && vector.isScalable()))
      return rewriter.notifyMatchFailure(
          op, "neither a float nor a fixed vector of floats");
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    bool narrow = element.getIntOrFloatBitWidth() < 32;
    auto operand = [&](unsigned i) {
      F x{&b, op->getOperand(i)};
      return narrow ? widen(x, b.getF32Type()) : x;
    };
    F result = [&] {
      if constexpr (std::is_invocable_v<decltype(formula), F, F>)
        return formula(operand(0), operand(1));
      else
        return formula(operand(0));
    }();
    Value value = result.v;
    if (narrow)
      value = arith::TruncFOp::create(b, type, value);
    rewriter.replaceOp(op, value);
    return success();
  }
};

bool isOne(Value value) { return matchPattern(value, m_OneFloat()); }

/// True for 1 + x, by a sum or by a fused multiply-add.
bool isOnePlus(Value value) {
  if (auto sum = value.getDefiningOp<arith::AddFOp>())
    return isOne(sum.getLhs()) || isOne(sum.getRhs());
  auto fused = value.getDefiningOp<math::FmaOp>();
  return fused && isOne(fused.getC());
}

/// The sum of 1 / (1 + exp(x)), which sigmoid and what is made of it have in
/// their inner loops.
struct ExpandLogistic : OpRewritePattern<arith::AddFOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(arith::AddFOp sum,
                                PatternRewriter &rewriter) const final {
    Type element = getElementTypeOrSelf(sum.getType());
    Value other = isOne(sum.getLhs()) ? sum.getRhs() : sum.getLhs();
    auto exp = other.getDefiningOp<math::ExpOp>();
    if ((!element.isF32() && !element.isF64()) || !isOnePlus(sum) || !exp ||
        !exp->hasOneUse())
      return rewriter.notifyMatchFailure(sum,
                                         "is not 1 + exp(x) of f32 or f64");
    for (Operation *user : sum->getUsers()) {
      auto quotient = dyn_cast<arith::DivFOp>(user);
      if (!quotient || !isOne(quotient.getLhs()))
        return rewriter.notifyMatchFailure(sum, "is not below 1");
    }
    ImplicitLocOpBuilder b(sum.getLoc(), rewriter);
    auto negated = exp.getOperand().getDefiningOp<arith::NegFOp>();
    F x{&b, negated ? negated.getOperand() : exp.getOperand()};
    rewriter.replaceOp(sum, onePlusExp(x, negated ? -1 : 1).v);
    rewriter.eraseOp(exp);
    return success();
  }
};

/// An exp that may be approximate (fastmath<afn>), as that of a softmax: 0
/// where it is below the normal numbers.
struct ExpandApproximateExp : OpRewritePattern<math::ExpOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(math::ExpOp op,
                                PatternRewriter &rewriter) const final {
    if (!getElementTypeOrSelf(op.getType()).isF32() ||
        !bitEnumContainsAny(op.getFastmath(), arith::FastMathFlags::afn))
      return rewriter.notifyMatchFailure(op, "must be exact, or is not f32");
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    rewriter.replaceOp(op, expInLogistic({&b, op.getOperand()}, 1).v);
    return success();
  }
};

/// 1 + f(x) of f32 in one formula, where GELU has it: what vanishes beside 1
/// need not be right.
template <typename Op, auto formula>
struct ExpandBesideOne : OpRewritePattern<arith::AddFOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(arith::AddFOp op,
                                PatternRewriter &rewriter) const final {
    for (auto [x, y] : {std::pair(op.getLhs(), op.getRhs()),
                        std::pair(op.getRhs(), op.getLhs())}) {
      auto function = y.getDefiningOp<Op>();
      if (!function || !isOne(x) || !function->hasOneUse() ||
          !getElementTypeOrSelf(op.getType()).isF32())
        continue;
      ImplicitLocOpBuilder b(op.getLoc(), rewriter);
      rewriter.replaceOp(op, formula(argumentOf(b, function)).v);
      rewriter.eraseOp(function);
      return success();
    }
    return rewriter.notifyMatchFailure(op, "is no sum with 1");
  }

  /// What `function` reads. A quotient by a constant, the square root of 2 of
  /// GELU, is multiplied: what that rounds away vanishes beside 1, too.
  static F argumentOf(ImplicitLocOpBuilder &b, Op function) {
    auto quotient =
        function.getOperand().template getDefiningOp<arith::DivFOp>();
    FloatAttr divisor;
    DenseElementsAttr splat;
    if (!quotient)
      return {&b, function.getOperand()};
    if (!matchPattern(quotient.getRhs(), m_Constant(&divisor))) {
      if (!matchPattern(quotient.getRhs(), m_Constant(&splat)) ||
          !splat.isSplat())
        return {&b, function.getOperand()};
      divisor = splat.getSplatValue<FloatAttr>();
    }
    double reciprocal = 1 / divisor.getValueAsDouble();
    if (!std::isnormal(static_cast<float>(reciprocal)))
      return {&b, function.getOperand()};
    return F{&b, quotient.getLhs()} * reciprocal;
  }
};

/// a * (1 / b) = a / b, where SiLU multiplies by its sigmoid: one rounding and
/// one multiplication less.
struct DivideAtOnce : OpRewritePattern<arith::MulFOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(arith::MulFOp op,
                                PatternRewriter &rewriter) const final {
    for (auto [x, y] : {std::pair(op.getLhs(), op.getRhs()),
                        std::pair(op.getRhs(), op.getLhs())}) {
      auto quotient = y.getDefiningOp<arith::DivFOp>();
      if (!quotient || !quotient->hasOneUse() || !isOne(quotient.getLhs()) ||
          quotient->getBlock() != op->getBlock())
        continue;
      if (!isOnePlus(quotient.getRhs()))
        continue;
      rewriter.replaceOpWithNewOp<arith::DivFOp>(op, x, quotient.getRhs());
      return success();
    }
    return rewriter.notifyMatchFailure(op, "is no product with 1 / (1 + x)");
  }
};

struct ExpandMathPass : impl::ExpandMathBase<ExpandMathPass> {
  void runOnOperation() override {
    // Before the functions themselves, which a walk comes by earlier.
    RewritePatternSet sums(&getContext());
    sums.add<ExpandBesideOne<math::TanhOp, onePlusTanh>,
             ExpandBesideOne<math::ErfOp, onePlusErf>, ExpandLogistic>(
        &getContext());
    walkAndApplyPatterns(getOperation(), std::move(sums));
    RewritePatternSet patterns(&getContext());
    patterns.add<Expand<math::ExpOp, exp>, Expand<math::ExpM1Op, expm1>,
                 Expand<math::LogOp, log>, Expand<math::Log1pOp, log1p>,
                 Expand<math::PowFOp, pow>, Expand<math::SinhOp, sinh>,
                 Expand<math::CoshOp, cosh>, Expand<math::TanhOp, tanh>,
                 Expand<math::AsinhOp, asinh>, Expand<math::AcoshOp, acosh>,
                 Expand<math::AtanhOp, atanh>, Expand<math::ErfOp, erf>,
                 Expand<math::SinOp, sin>, Expand<math::CosOp, cos>,
                 Expand<math::TanOp, tan>, Expand<math::AsinOp, asin>,
                 Expand<math::AcosOp, acos>, Expand<math::AtanOp, atan>,
                 Expand<math::Atan2Op, atan2>>(&getContext());
    patterns.add<ExpandApproximateExp>(&getContext(), /*benefit=*/2);
    patterns.add<DivideAtOnce>(&getContext());
    walkAndApplyPatterns(getOperation(), std::move(patterns));
    // A walk does not come by what it has made.
    RewritePatternSet conversions(&getContext());
    addNarrowingPatterns(conversions);
    walkAndApplyPatterns(getOperation(), std::move(conversions));
  }
};

} // namespace
} // namespace weft
