// graph.cumsum: no linalg op has a running sum, so each line along the axis is
// one iteration of a parallel loop, and a sequential loop within it. The only
// lowering that makes its own scf.forall.

#include "Lowering.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "weft/Dialect/Graph/IR/ScalarBuilder.h"

using namespace mlir;
namespace scalar = weft::graph::scalar;

namespace weft::lowering {
namespace {

struct CumSumToLoops : OpRewritePattern<graph::CumSumOp> {
  using OpRewritePattern::OpRewritePattern;

  /// The running sum of the line that starts at `line` (its axis entry is set
  /// here), written to `target`, a tensor with extent 1 on all other axes.
  static Value sumLine(ImplicitLocOpBuilder &b, graph::CumSumOp op, Value input,
                       Value target, SmallVector<Value> line, Value extent) {
    int64_t axis = op.getAxis();
    Type element = signless(op.getType().getElementType()),
         sum = accumulator(element);
    Value zero = arith::ConstantIndexOp::create(b, 0),
          one = arith::ConstantIndexOp::create(b, 1);
    auto loop = scf::ForOp::create(
        b, zero, extent, one, ValueRange{target, scalar::constant(b, sum, 0)},
        [&](OpBuilder &nested, Location loc, Value i, ValueRange carried) {
          ImplicitLocOpBuilder body(loc, nested);
          Value place = i;
          if (op.getReverse())
            place = arith::SubIOp::create(
                body, arith::SubIOp::create(body, extent, one), i);
          line[axis] = place;
          Value x = tensor::ExtractOp::create(body, input, line);
          if (sum != element)
            x = convertFloat(body, x, sum);
          Value total = scalar::add(body, carried[1], x);
          Value stored = op.getExclusive() ? carried[1] : total;
          if (sum != element)
            stored = convertFloat(body, stored, element);
          SmallVector<Value> to(line.size(), zero);
          to[axis] = place;
          Value next = tensor::InsertOp::create(body, stored, carried[0], to);
          scf::YieldOp::create(body, ValueRange{next, total});
        });
    return loop.getResult(0);
  }

  LogicalResult matchAndRewrite(graph::CumSumOp op,
                                PatternRewriter &rewriter) const final {
    LoopBuilder b(op, rewriter);
    graph::DimBuilder d = b.dims();
    Value input = b.input(op.getInput());
    SmallVector<OpFoldResult> dims = d.allOf(input), lines = dims;
    lines[op.getAxis()] = b.getIndexAttr(1);
    Value init = b.empty(dims, op.getType().getElementType());
    auto forall =
        scf::ForallOp::create(b, ArrayRef<OpFoldResult>{d.product(lines)},
                              ValueRange{init}, std::nullopt);
    b.setInsertionPointToStart(forall.getBody());
    SmallVector<Value> line;
    if (lines.size() == 1) {
      line.push_back(b.index(0));
    } else {
      auto split = affine::AffineDelinearizeIndexOp::create(
          b, forall.getInductionVar(0), lines);
      llvm::append_range(line, split.getResults());
    }
    SmallVector<OpFoldResult> offsets(line.begin(), line.end()),
        sizes(dims.size(), b.getIndexAttr(1)),
        strides(dims.size(), b.getIndexAttr(1));
    offsets[op.getAxis()] = b.getIndexAttr(0);
    sizes[op.getAxis()] = dims[op.getAxis()];
    Value shared = forall.getRegionIterArgs()[0];
    Value target =
        tensor::ExtractSliceOp::create(b, shared, offsets, sizes, strides);
    Value summed =
        sumLine(b, op, input, target, line, d.value(dims[op.getAxis()]));
    b.setInsertionPointToStart(forall.getTerminator().getBody());
    tensor::ParallelInsertSliceOp::create(b, summed, shared, offsets, sizes,
                                          strides);
    b.setInsertionPointAfter(forall);
    b.replace(forall.getResults());
    return success();
  }
};

} // namespace

void addCumSumPatterns(RewritePatternSet &patterns) {
  patterns.add<CumSumToLoops>(patterns.getContext());
}

} // namespace weft::lowering
