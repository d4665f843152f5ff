// graph.cumsum: a sequential loop along each line.

#include "Lines.h"
#include "Reduce.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;

namespace weft::lowering {
namespace {

struct CumSumToLoops : OpRewritePattern<graph::CumSumOp> {
  using OpRewritePattern::OpRewritePattern;

  /// The running sum of the line that starts at `at`, written to `target`.
  static Value sumLine(ImplicitLocOpBuilder &b, graph::CumSumOp op, Value input,
                       Value extent, ArrayRef<Value> at, Value target) {
    int64_t axis = op.getAxis();
    Type element = signless(op.getType().getElementType()),
         sum = accumulator(element);
    bool isUnsigned = graph::isUnsigned(op.getInput());
    Value zero = arith::ConstantIndexOp::create(b, 0),
          one = arith::ConstantIndexOp::create(b, 1);
    SmallVector<Value> start(at.size(), zero);
    return loop(
        b, zero, extent, {target, neutral(b, op.getKind(), sum, isUnsigned)},
        [&](ImplicitLocOpBuilder &body, Value i, ValueRange carried) {
          Value place = i;
          if (op.getReverse())
            place = arith::SubIOp::create(
                body, arith::SubIOp::create(body, extent, one), i);
          Value x =
              tensor::ExtractOp::create(body, input, along(at, axis, place));
          if (sum != element)
            x = convertFloat(body, x, sum);
          Value total = combine(body, op.getKind(), carried[1], x, isUnsigned);
          Value stored = op.getExclusive() ? carried[1] : total;
          if (sum != element)
            stored = convertFloat(body, stored, element);
          Value next = tensor::InsertOp::create(body, stored, carried[0],
                                                along(start, axis, place));
          return SmallVector<Value>{next, total};
        })[0];
  }

  LogicalResult matchAndRewrite(graph::CumSumOp op,
                                PatternRewriter &rewriter) const final {
    LoopBuilder b(op, rewriter);
    Value input = b.input(op.getInput());
    SmallVector<OpFoldResult> dims = b.dims().allOf(input);
    int64_t axis = op.getAxis();
    Value extent = b.dims().value(dims[axis]);
    b.replace(forEachLine(
        b, dims, op.getType().getElementType(), axis,
        [&](ImplicitLocOpBuilder &body, ArrayRef<Value> at, Value target) {
          return sumLine(body, op, input, extent, at, target);
        }));
    return success();
  }
};

} // namespace

void addCumSumPatterns(RewritePatternSet &patterns) {
  patterns.add<CumSumToLoops>(patterns.getContext());
}

} // namespace weft::lowering
