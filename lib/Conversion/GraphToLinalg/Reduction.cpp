// Sums, means, extrema, products and positions of extrema along axes. Loops of
// the result stand first, reductions inside them in the input's order, so sums
// have a fixed order. Dimensions that are kept as 1 are parallel loops of one
// iteration. Narrow floats are summed in f32.

#include "Lowering.h"
#include "Reduce.h"

#include "weft/Dialect/Graph/IR/ScalarBuilder.h"

using namespace mlir;
namespace scalar = weft::graph::scalar;
using weft::graph::ReduceKind;

namespace weft::lowering {

Value neutral(ImplicitLocOpBuilder &b, ReduceKind kind, Type type,
              bool isUnsigned) {
  if (kind == ReduceKind::prod)
    return scalar::constant(b, type, 1);
  if (kind == ReduceKind::sum || kind == ReduceKind::mean)
    return scalar::constant(b, type, 0);
  bool least = kind == ReduceKind::max;
  if (auto f = dyn_cast<FloatType>(type))
    return arith::ConstantOp::create(
        b, b.getFloatAttr(f, APFloat::getInf(f.getFloatSemantics(), least)));
  unsigned width = type.getIntOrFloatBitWidth();
  isUnsigned |= width == 1;
  APInt bound = least ? (isUnsigned ? APInt::getMinValue(width)
                                    : APInt::getSignedMinValue(width))
                      : (isUnsigned ? APInt::getMaxValue(width)
                                    : APInt::getSignedMaxValue(width));
  return arith::ConstantOp::create(b, b.getIntegerAttr(type, bound));
}

// A maximum of x86 passes NaN on that its second operand is, and must look
// whether the first is: the one that does not wait for the step before.
Value combine(ImplicitLocOpBuilder &b, ReduceKind kind, Value total, Value x,
              bool isUnsigned) {
  switch (kind) {
  case ReduceKind::sum:
  case ReduceKind::mean:
    return scalar::add(b, total, x);
  case ReduceKind::prod:
    return scalar::mul(b, total, x);
  case ReduceKind::max:
    return scalar::max(b, x, total, isUnsigned);
  case ReduceKind::min:
    return scalar::min(b, x, total, isUnsigned);
  }
  llvm_unreachable("all kinds are above");
}

ReductionMaps reductionMaps(LoopBuilder &b, int64_t rank,
                            ArrayRef<int64_t> axes, bool keepDims) {
  int64_t outer = keepDims ? rank : rank - axes.size(), next = outer, place = 0;
  SmallVector<AffineExpr> input;
  for (int64_t i = 0; i < rank; ++i) {
    bool reduced = llvm::is_contained(axes, i);
    input.push_back(b.getAffineDimExpr(reduced ? next++ : place));
    place += !reduced || keepDims;
  }
  SmallVector<AffineExpr> output;
  for (int64_t i = 0; i < outer; ++i)
    output.push_back(b.getAffineDimExpr(i));
  return {b.map(next, input), b.map(next, output)};
}

Value reduceLoops(LoopBuilder &b, ReduceKind kind, Value input,
                  ArrayRef<int64_t> axes, bool keepDims, LoopBuilder::Dims dims,
                  bool isUnsigned) {
  auto type = cast<RankedTensorType>(input.getType());
  Type element = type.getElementType(), sum = accumulator(element);
  auto [in, out] = reductionMaps(b, type.getRank(), axes, keepDims);
  return b.generic(b.filled(dims, neutral(b, kind, sum, isUnsigned)), input,
                   {in, out}, [&](ImplicitLocOpBuilder &body, ValueRange args) {
                     Value x = sum == element
                                   ? args[0]
                                   : convertFloat(body, args[0], sum);
                     return combine(body, kind, args[1], x, isUnsigned);
                   });
}

Value countOf(LoopBuilder &b, Value input, ArrayRef<int64_t> axes, Type type) {
  graph::DimBuilder d = b.dims();
  OpFoldResult count = d.constant(1);
  for (int64_t axis : axes)
    count = d.mul(count, d.of(input, axis));
  if (auto known = getConstantIntValue(count))
    return scalar::constant(b, type, *known);
  Value n = arith::IndexCastOp::create(b, b.getI64Type(), d.value(count));
  return scalar::cast(b, n, type, false, false);
}

Value mapElements(LoopBuilder &b, Value input, Type element,
                  function_ref<Value(ImplicitLocOpBuilder &, Value)> body) {
  int64_t rank = cast<RankedTensorType>(input.getType()).getRank();
  Value init = b.empty(b.dims().allOf(input), element);
  return b.generic(init, input, {b.identity(rank), b.identity(rank)},
                   [&](ImplicitLocOpBuilder &nested, ValueRange args) {
                     return body(nested, args[0]);
                   });
}

namespace {

struct ReduceToGeneric : OpRewritePattern<graph::ReduceOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(graph::ReduceOp op,
                                PatternRewriter &rewriter) const final {
    LoopBuilder b(op, rewriter);
    SmallVector<OpFoldResult> dims = b.resultDims();
    if (!b.ok())
      return failure();
    bool isUnsigned = graph::isUnsigned(op.getInput());
    Value input = b.input(op.getInput());
    Type element = signless(op.getType().getElementType());
    Value result = reduceLoops(b, op.getKind(), input, op.getAxes(),
                               op.getKeepDims(), dims, isUnsigned);
    Type sum = accumulator(element);
    if (op.getKind() == ReduceKind::mean) {
      Value count = countOf(b, input, op.getAxes(), sum);
      result = mapElements(
          b, result, element, [&](ImplicitLocOpBuilder &body, Value x) {
            Value mean = scalar::div(body, x, count, isUnsigned);
            return isa<FloatType>(element) ? convertFloat(body, mean, element)
                                           : mean;
          });
    } else if (sum != element) {
      result = mapElements(b, result, element,
                           [&](ImplicitLocOpBuilder &body, Value x) {
                             return convertFloat(body, x, element);
                           });
    }
    b.replace(result);
    return success();
  }
};

/// Keeps the best element and its position together.
struct ArgReduceToGeneric : OpRewritePattern<graph::ArgReduceOp> {
  using OpRewritePattern::OpRewritePattern;

  /// True where `x` takes the place of `best`.
  static Value isBetter(graph::ArgReduceOp op, ImplicitLocOpBuilder &b, Value x,
                        Value best) {
    bool max = op.getKind() == ReduceKind::max, last = op.getSelectLast();
    if (isa<FloatType>(x.getType())) {
      using P = arith::CmpFPredicate;
      return arith::CmpFOp::create(
          b, max ? (last ? P::OGE : P::OGT) : (last ? P::OLE : P::OLT), x,
          best);
    }
    using P = arith::CmpIPredicate;
    bool isUnsigned =
        graph::isUnsigned(op.getInput()) || x.getType().isInteger(1);
    P asSigned = max ? (last ? P::sge : P::sgt) : (last ? P::sle : P::slt);
    P asUnsigned = max ? (last ? P::uge : P::ugt) : (last ? P::ule : P::ult);
    return arith::CmpIOp::create(b, isUnsigned ? asUnsigned : asSigned, x,
                                 best);
  }

  LogicalResult matchAndRewrite(graph::ArgReduceOp op,
                                PatternRewriter &rewriter) const final {
    LoopBuilder b(op, rewriter);
    SmallVector<OpFoldResult> dims = b.resultDims();
    if (!b.ok())
      return failure();
    Value input = b.input(op.getInput());
    auto type = cast<RankedTensorType>(input.getType());
    int64_t axis = op.getAxis();
    auto [in, out] = reductionMaps(b, type.getRank(), axis, op.getKeepDims());
    unsigned loop = cast<AffineDimExpr>(in.getResult(axis)).getPosition();
    bool isUnsigned = graph::isUnsigned(op.getInput());
    Value best = b.filled(
        dims, neutral(b, op.getKind(), type.getElementType(), isUnsigned));
    Value place = b.filled(dims, scalar::constant(b, b.getI64Type(), 0));
    ValueRange found = b.generics(
        {best, place}, input, {in, out},
        [&](ImplicitLocOpBuilder &body, ValueRange args) {
          Value here = arith::IndexCastOp::create(
              body, body.getI64Type(), linalg::IndexOp::create(body, loop));
          Value better = isBetter(op, body, args[0], args[1]);
          return SmallVector<Value>{
              arith::SelectOp::create(body, better, args[0], args[1]),
              arith::SelectOp::create(body, better, here, args[2])};
        });
    b.replace(found[1]);
    return success();
  }
};

} // namespace

void addReductionPatterns(RewritePatternSet &patterns) {
  patterns.add<ReduceToGeneric, ArgReduceToGeneric>(patterns.getContext());
}

} // namespace weft::lowering
