// graph.pool: loops of the result, then of the window. Without padding every
// read is affine; `weft-split-padding` makes that the usual case. Otherwise the
// body reads under a guard. The window's extents come from an operand that is
// never read, as in linalg's own pooling ops.

#include "Reduce.h"

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "weft/Dialect/Graph/IR/ScalarBuilder.h"

using namespace mlir;
namespace scalar = weft::graph::scalar;
using weft::graph::ReduceKind;

namespace weft::lowering {
namespace {

struct PoolToGeneric : OpRewritePattern<graph::PoolOp> {
  using OpRewritePattern::OpRewritePattern;

  static bool isPadded(graph::PoolOp op) {
    return op.getCeilMode() ||
           llvm::any_of(op.getPads(), [](int64_t pad) { return pad != 0; });
  }

  /// The combination of all windows in the accumulator's type; sums for means.
  static Value combineWindows(LoopBuilder &b, graph::PoolOp op,
                              LoopBuilder::Dims dims) {
    Value input = b.input(op.getInput());
    auto type = cast<RankedTensorType>(input.getType());
    Type element = type.getElementType(), sum = accumulator(element);
    bool isUnsigned = graph::isUnsigned(op.getInput());
    unsigned rank = type.getRank(), loops = rank + op.getAxes().size();
    SmallVector<AffineExpr> window, places;
    for (unsigned i = 0; i < rank; ++i)
      places.push_back(b.getAffineDimExpr(i));
    for (auto [i, axis] : llvm::enumerate(op.getAxes())) {
      window.push_back(b.getAffineDimExpr(rank + i));
      places[axis] = places[axis] * op.getStrides()[i] +
                     window.back() * op.getDilations()[i];
    }
    AffineMap output = AffineMap::getMultiDimIdentityMap(loops, b.getContext())
                           .getMajorSubMap(rank);
    Value init = b.filled(dims, neutral(b, op.getKind(), sum, isUnsigned));
    Value extents = tensor::EmptyOp::create(b, op.getWindow(), element);
    auto step = [&](ImplicitLocOpBuilder &body, Value x, Value total) {
      return combine(body, op.getKind(), total,
                     sum == element ? x : convertFloat(body, x, sum),
                     isUnsigned);
    };
    if (!isPadded(op))
      return b.generic(init, {input, extents},
                       {b.map(loops, places), b.map(loops, window), output},
                       [&](ImplicitLocOpBuilder &body, ValueRange args) {
                         return step(body, args[0], args[2]);
                       });
    SmallVector<Value> bounds;
    for (int64_t axis : op.getAxes())
      bounds.push_back(b.dims().value(b.dims().of(input, axis)));
    return b.generic(init, extents, {b.map(loops, window), output},
                     [&](ImplicitLocOpBuilder &body, ValueRange args) {
                       return guardedStep(body, op, input, bounds, args[1],
                                          step);
                     });
  }

  /// `total` combined with the element that the loops stand at, if there is
  /// one.
  static Value
  guardedStep(ImplicitLocOpBuilder &b, graph::PoolOp op, Value input,
              ArrayRef<Value> bounds, Value total,
              function_ref<Value(ImplicitLocOpBuilder &, Value, Value)> step) {
    unsigned rank = graph::tensorType(op.getInput()).getRank();
    SmallVector<Value> at = positions(b, rank + bounds.size()),
                       from(at.begin(), at.begin() + rank);
    Value inside = arith::ConstantIntOp::create(b, 1, 1);
    auto index = [&](int64_t v) -> Value {
      return arith::ConstantIndexOp::create(b, v);
    };
    for (auto [i, axis] : llvm::enumerate(op.getAxes())) {
      Value start =
          arith::MulIOp::create(b, at[axis], index(op.getStrides()[i]));
      Value offset =
          arith::MulIOp::create(b, at[rank + i], index(op.getDilations()[i]));
      Value place = arith::AddIOp::create(b, start, offset);
      from[axis] = arith::SubIOp::create(b, place, index(op.getPads()[i]));
      Value ok = arith::CmpIOp::create(b, arith::CmpIPredicate::ult, from[axis],
                                       bounds[i]);
      inside = arith::AndIOp::create(b, inside, ok);
    }
    auto chosen = scf::IfOp::create(
        b, inside,
        [&](OpBuilder &nested, Location loc) {
          ImplicitLocOpBuilder then(loc, nested);
          Value x = tensor::ExtractOp::create(then, input, from);
          scf::YieldOp::create(then, step(then, x, total));
        },
        [&](OpBuilder &nested, Location loc) {
          scf::YieldOp::create(nested, loc, total);
        });
    return chosen.getResult(0);
  }

  /// How many elements the window at the position of `b` counts.
  static Value windowCount(ImplicitLocOpBuilder &b, graph::PoolOp op,
                           ArrayRef<Value> extents) {
    Value count = arith::ConstantIndexOp::create(b, 1),
          zero = arith::ConstantIndexOp::create(b, 0);
    auto index = [&](int64_t v) -> Value {
      return arith::ConstantIndexOp::create(b, v);
    };
    size_t axes = op.getAxes().size();
    for (auto [i, axis] : llvm::enumerate(op.getAxes())) {
      int64_t before = op.getPads()[i], after = op.getPads()[axes + i],
              dilation = op.getDilations()[i];
      bool padding = op.getCountIncludePad();
      Value position = linalg::IndexOp::create(b, axis);
      Value start = arith::SubIOp::create(
          b, arith::MulIOp::create(b, position, index(op.getStrides()[i])),
          index(before));
      Value low = index(padding ? -before : 0);
      Value high =
          padding ? Value(arith::AddIOp::create(b, extents[i], index(after)))
                  : extents[i];
      auto tapsBelow = [&](Value bound) -> Value {
        Value taps = arith::CeilDivSIOp::create(
            b, arith::SubIOp::create(b, bound, start), index(dilation));
        return arith::MinSIOp::create(b, arith::MaxSIOp::create(b, taps, zero),
                                      index(op.getWindow()[i]));
      };
      count = arith::MulIOp::create(
          b, count, arith::SubIOp::create(b, tapsBelow(high), tapsBelow(low)));
    }
    return arith::IndexCastOp::create(b, b.getI64Type(), count);
  }

  LogicalResult matchAndRewrite(graph::PoolOp op,
                                PatternRewriter &rewriter) const final {
    LoopBuilder b(op, rewriter);
    SmallVector<OpFoldResult> dims = b.resultDims();
    Type element = signless(op.getType().getElementType()),
         sum = accumulator(element);
    Value result = combineWindows(b, op, dims);
    if (op.getKind() != ReduceKind::mean) {
      if (sum != element)
        result = mapElements(b, result, element,
                             [&](ImplicitLocOpBuilder &body, Value x) {
                               return convertFloat(body, x, element);
                             });
      b.replace(result);
      return success();
    }
    int64_t all = 1;
    for (int64_t extent : op.getWindow())
      all *= extent;
    SmallVector<Value> extents;
    for (int64_t axis : op.getAxes())
      extents.push_back(b.dims().value(b.dims().of(op.getInput(), axis)));
    b.replace(mapElements(
        b, result, element, [&](ImplicitLocOpBuilder &body, Value x) {
          Value count = isPadded(op)
                            ? scalar::cast(body, windowCount(body, op, extents),
                                           sum, false, false)
                            : scalar::constant(body, sum, all);
          Value mean =
              scalar::div(body, x, count, graph::isUnsigned(op.getInput()));
          return isa<FloatType>(element) ? convertFloat(body, mean, element)
                                         : mean;
        }));
    return success();
  }
};

} // namespace

void addPoolingPatterns(RewritePatternSet &patterns) {
  patterns.add<PoolToGeneric>(patterns.getContext());
}

} // namespace weft::lowering
