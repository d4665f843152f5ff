// Conversions to f16 and bf16 that no target has an instruction for, or only
// one that takes subnormal numbers for zero (vcvtneps2bf16).

#include "Narrowing.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/IR/PatternMatch.h"

using namespace mlir;

namespace weft {

namespace {

/// Integer arithmetic on scalars or vectors of one shape.
struct Bits {
  ImplicitLocOpBuilder &b;
  Type like; ///< a scalar or vector of that shape

  Type of(Type element) const {
    auto vector = dyn_cast<VectorType>(like);
    return vector ? Type(vector.clone(element)) : element;
  }
  Type i(unsigned width) const { return of(b.getIntegerType(width)); }
  Value constant(unsigned width, int64_t value) const {
    TypedAttr attr = b.getIntegerAttr(b.getIntegerType(width), value);
    if (auto vector = dyn_cast<VectorType>(i(width)))
      attr = SplatElementsAttr::get(vector, attr);
    return arith::ConstantOp::create(b, attr);
  }
};

/// f64 to f32 rounded to odd: what is not exact gets an odd last bit, so that a
/// second rounding, to a type of at most 22 bits, is as if it were the first.
Value toFloatOdd(const Bits &bits, Value x) {
  ImplicitLocOpBuilder &b = bits.b;
  Value near = arith::TruncFOp::create(b, bits.of(b.getF32Type()), x);
  Value back = arith::ExtFOp::create(b, x.getType(), near);
  Value inexact = arith::CmpFOp::create(b, arith::CmpFPredicate::ONE, back, x);
  Value away = arith::CmpFOp::create(b, arith::CmpFPredicate::OGT,
                                     math::AbsFOp::create(b, back),
                                     math::AbsFOp::create(b, x));
  Value word = arith::BitcastOp::create(b, bits.i(32), near);
  Value one = bits.constant(32, 1);
  Value lower = arith::SubIOp::create(b, word, one);
  Value towards = arith::SelectOp::create(b, away, lower, word);
  Value odd = arith::OrIOp::create(b, towards, one);
  Value result = arith::SelectOp::create(b, inexact, odd, word);
  return arith::BitcastOp::create(b, near.getType(), result);
}

/// f32 to bf16, to nearest even.
Value toBfloat(const Bits &bits, Value x, Type to) {
  ImplicitLocOpBuilder &b = bits.b;
  Value word = arith::BitcastOp::create(b, bits.i(32), x);
  Value sixteen = bits.constant(32, 16);
  Value last = arith::AndIOp::create(
      b, arith::ShRUIOp::create(b, word, sixteen), bits.constant(32, 1));
  Value half = arith::AddIOp::create(b, last, bits.constant(32, 0x7fff));
  Value rounded = arith::AddIOp::create(b, word, half);
  Value isNan = arith::CmpFOp::create(b, arith::CmpFPredicate::UNO, x, x);
  Value quiet = arith::OrIOp::create(b, word, bits.constant(32, 0x400000));
  Value chosen = arith::SelectOp::create(b, isNan, quiet, rounded);
  Value high = arith::TruncIOp::create(
      b, bits.i(16), arith::ShRUIOp::create(b, chosen, sixteen));
  return arith::BitcastOp::create(b, to, high);
}

struct ExpandTruncation : OpRewritePattern<arith::TruncFOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(arith::TruncFOp op,
                                PatternRewriter &rewriter) const final {
    Type from = getElementTypeOrSelf(op.getIn().getType()),
         to = getElementTypeOrSelf(op.getType());
    Value in = op.getIn();
    // LLVM draws copysign out of two roundings, makes one of these and calls a
    // library for it: it is rounded once here.
    auto inner = in.getDefiningOp<arith::TruncFOp>();
    if (to.isF16() && inner &&
        inner.getIn().getDefiningOp<math::CopySignOp>()) {
      in = inner.getIn();
      from = getElementTypeOrSelf(in.getType());
    }
    bool fromDouble = from.isF64() && (to.isF16() || to.isBF16());
    if (!fromDouble && !(from.isF32() && to.isBF16()))
      return rewriter.notifyMatchFailure(op, "targets have an instruction");
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    Bits bits{b, op.getType()};
    Value x = fromDouble ? toFloatOdd(bits, in) : in;
    if (to.isBF16())
      x = toBfloat(bits, x, op.getType());
    else
      x = arith::TruncFOp::create(b, op.getType(), x);
    rewriter.replaceOp(op, x);
    return success();
  }
};

/// bf16 to f32 => its bits, shifted. LLVM does the same, but only after it has
/// drawn operations into bf16, for which it then calls a library.
struct ExpandExtension : OpRewritePattern<arith::ExtFOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(arith::ExtFOp op,
                                PatternRewriter &rewriter) const final {
    if (!getElementTypeOrSelf(op.getIn().getType()).isBF16())
      return rewriter.notifyMatchFailure(op, "targets have an instruction");
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    Bits bits{b, op.getType()};
    Value narrow = arith::BitcastOp::create(b, bits.i(16), op.getIn());
    Value wide = arith::ExtUIOp::create(b, bits.i(32), narrow);
    Value high = arith::ShLIOp::create(b, wide, bits.constant(32, 16));
    Value single = arith::BitcastOp::create(b, bits.of(b.getF32Type()), high);
    if (getElementTypeOrSelf(op.getType()).isF32())
      rewriter.replaceOp(op, single);
    else
      rewriter.replaceOpWithNewOp<arith::ExtFOp>(op, op.getType(), single);
    return success();
  }
};

/// integer to bf16 => integer to f64 to bf16, which rounds once below 2^53.
template <typename Op>
struct ConvertThroughDouble : OpRewritePattern<Op> {
  using OpRewritePattern<Op>::OpRewritePattern;

  LogicalResult matchAndRewrite(Op op, PatternRewriter &rewriter) const final {
    if (!getElementTypeOrSelf(op.getType()).isBF16())
      return rewriter.notifyMatchFailure(op, "targets have an instruction");
    Type wide = rewriter.getF64Type();
    if (auto shaped = dyn_cast<ShapedType>(op.getType()))
      wide = shaped.clone(wide);
    Value exact = Op::create(rewriter, op.getLoc(), wide, op.getIn());
    rewriter.replaceOpWithNewOp<arith::TruncFOp>(op, op.getType(), exact);
    return success();
  }
};

} // namespace

void addNarrowingPatterns(RewritePatternSet &patterns) {
  patterns.add<ExpandTruncation, ExpandExtension,
               ConvertThroughDouble<arith::SIToFPOp>,
               ConvertThroughDouble<arith::UIToFPOp>>(patterns.getContext());
}

} // namespace weft
