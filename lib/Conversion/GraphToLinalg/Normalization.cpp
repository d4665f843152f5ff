// Softmax and layer norm: a few generics that read the same row, so that tiling
// by rows keeps it in the nearest cache. The variance is that of the centred
// values; sums and functions of narrow floats are computed in f32.

#include "Reduce.h"

#include "weft/Dialect/Graph/IR/ScalarBuilder.h"
#include <cmath>

using namespace mlir;
namespace scalar = weft::graph::scalar;
using weft::graph::ReduceKind;

namespace weft::lowering {
namespace {

/// A row-wise computation: loops are the input's, `axes` are within the row.
struct Rows {
  LoopBuilder &b;
  SmallVector<int64_t> axes;
  SmallVector<OpFoldResult> whole, outer;
  AffineMap all, perRow; // from the loops over all elements

  Rows(LoopBuilder &b, Value input, ArrayRef<int64_t> axes) : b(b), axes(axes) {
    whole = b.dims().allOf(input);
    int64_t rank = whole.size();
    all = b.identity(rank);
    SmallVector<AffineExpr> kept;
    for (int64_t i = 0; i < rank; ++i)
      if (!llvm::is_contained(axes, i)) {
        outer.push_back(whole[i]);
        kept.push_back(b.getAffineDimExpr(i));
      }
    perRow = b.map(rank, kept);
  }

  Value reduce(ReduceKind kind, Value input) {
    return reduceLoops(b, kind, input, axes, false, outer, false);
  }

  /// body(element, scalars of the row …) for each element.
  Value each(Type element, Value input, ValueRange rows,
             LoopBuilder::Body body) {
    SmallVector<Value> inputs = {input};
    llvm::append_range(inputs, rows);
    SmallVector<AffineMap> maps(inputs.size(), perRow);
    maps.front() = all;
    maps.push_back(all);
    return b.generic(b.empty(whole, element), inputs, maps, body);
  }
};

Value equals(ImplicitLocOpBuilder &b, Value x, double value) {
  return arith::CmpFOp::create(b, arith::CmpFPredicate::OEQ, x,
                               scalar::constant(b, x.getType(), value));
}

/// `max` with 0 for -inf, which would make -inf - -inf.
Value finiteOrZero(LoopBuilder &b, Value max, Type type) {
  return mapElements(
      b, max, type, [&](ImplicitLocOpBuilder &body, Value x) -> Value {
        Value isLeast = equals(body, x, -HUGE_VAL);
        return arith::SelectOp::create(
            body, isLeast, scalar::constant(body, x.getType(), 0), x);
      });
}

struct SoftmaxToGenerics : OpRewritePattern<graph::SoftmaxOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(graph::SoftmaxOp op,
                                PatternRewriter &rewriter) const final {
    LoopBuilder b(op, rewriter);
    Rows rows(b, op.getInput(), {static_cast<int64_t>(op.getAxis())});
    Type element = op.getType().getElementType(), sum = accumulator(element);
    Value max = rows.reduce(ReduceKind::max, op.getInput());
    if (op.getMasked())
      max = finiteOrZero(b, max, sum);
    bool log = op.getLog();
    Value moved =
        rows.each(sum, op.getInput(), max,
                  [&](ImplicitLocOpBuilder &body, ValueRange args) -> Value {
                    Value less = arith::SubFOp::create(
                        body, convertFloat(body, args[0], sum), args[1]);
                    return log ? less : Value(math::ExpOp::create(body, less));
                  });
    Value powers =
        log ? mapElements(b, moved, sum,
                          [](ImplicitLocOpBuilder &body, Value x) -> Value {
                            return math::ExpOp::create(body, x);
                          })
            : moved;
    // One division or logarithm for each row, not for each element.
    Value perRow = mapElements(
        b, rows.reduce(ReduceKind::sum, powers), sum,
        [&](ImplicitLocOpBuilder &body, Value x) -> Value {
          if (log)
            return math::LogOp::create(body, x);
          // Only where all is masked no term is 1.
          if (op.getMasked())
            x = arith::SelectOp::create(body, equals(body, x, 0),
                                        scalar::constant(body, sum, 1), x);
          return arith::DivFOp::create(body, scalar::constant(body, sum, 1), x);
        });
    b.replace(rows.each(element, moved, perRow,
                        [&](ImplicitLocOpBuilder &body, ValueRange args) {
                          Value y = log ? scalar::sub(body, args[0], args[1])
                                        : scalar::mul(body, args[0], args[1]);
                          return convertFloat(body, y, element);
                        }));
    return success();
  }
};

struct LayerNormToGenerics : OpRewritePattern<graph::LayerNormOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(graph::LayerNormOp op,
                                PatternRewriter &rewriter) const final {
    LoopBuilder b(op, rewriter);
    RankedTensorType type = graph::tensorType(op.getInput());
    Type element = type.getElementType(), sum = accumulator(element);
    Rows rows(
        b, op.getInput(),
        llvm::to_vector(llvm::seq<int64_t>(op.getAxis(), type.getRank())));
    Value count = countOf(b, op.getInput(), rows.axes, sum);
    auto divide = [&](ImplicitLocOpBuilder &body, Value x) -> Value {
      return arith::DivFOp::create(body, x, count);
    };
    Value mean = mapElements(b, rows.reduce(ReduceKind::sum, op.getInput()),
                             sum, divide);
    Value squares =
        rows.each(sum, op.getInput(), mean,
                  [&](ImplicitLocOpBuilder &body, ValueRange args) -> Value {
                    Value centred = arith::SubFOp::create(
                        body, convertFloat(body, args[0], sum), args[1]);
                    return arith::MulFOp::create(body, centred, centred);
                  });
    Value factor = mapElements(
        b, rows.reduce(ReduceKind::sum, squares), sum,
        [&](ImplicitLocOpBuilder &body, Value x) -> Value {
          Value epsilon =
              scalar::constant(body, sum, op.getEpsilon().convertToDouble());
          Value variance = scalar::add(body, divide(body, x), epsilon);
          return arith::DivFOp::create(body, scalar::constant(body, sum, 1),
                                       math::SqrtOp::create(body, variance));
        });
    b.replace(scaled(b, op, rows, mean, factor));
    return success();
  }

  /// (x - mean) * factor * scale + bias.
  static Value scaled(LoopBuilder &b, graph::LayerNormOp op, Rows &rows,
                      Value mean, Value factor) {
    RankedTensorType type = graph::tensorType(op.getInput());
    Type element = type.getElementType(), sum = accumulator(element);
    SmallVector<Value> inputs = {op.getInput(), mean, factor};
    SmallVector<AffineMap> maps = {rows.all, rows.perRow, rows.perRow};
    for (Value extra : {op.getScale(), op.getBias()}) {
      if (!extra)
        continue;
      RankedTensorType shape = graph::tensorType(extra);
      SmallVector<AffineExpr> places;
      for (int64_t i = 0, offset = type.getRank() - shape.getRank();
           i < shape.getRank(); ++i)
        places.push_back(shape.getDimSize(i) == 1
                             ? b.getAffineConstantExpr(0)
                             : b.getAffineDimExpr(offset + i));
      inputs.push_back(extra);
      maps.push_back(b.map(type.getRank(), places));
    }
    maps.push_back(rows.all);
    return b.generic(
        b.empty(rows.whole, element), inputs, maps,
        [&](ImplicitLocOpBuilder &body, ValueRange args) {
          Value y = scalar::mul(
              body,
              scalar::sub(body, convertFloat(body, args[0], sum), args[1]),
              args[2]);
          unsigned next = 3;
          if (op.getScale())
            y = scalar::mul(body, y, convertFloat(body, args[next++], sum));
          if (op.getBias())
            y = scalar::add(body, y, convertFloat(body, args[next++], sum));
          return convertFloat(body, y, element);
        });
  }
};

} // namespace

void addNormalizationPatterns(RewritePatternSet &patterns) {
  patterns.add<SoftmaxToGenerics, LayerNormToGenerics>(patterns.getContext());
}

} // namespace weft::lowering
