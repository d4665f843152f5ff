// graph.tree_ensemble. A step down a tree is a load, a comparison and an
// addition, without a branch; what limits it is the latency of the loads. So
// several trees are walked at once for the same row, which keeps the trees of a
// group in the nearest cache while the rows of a work item pass by, and serves
// one row as well as many.

#include "Lines.h"
#include "Reduce.h"

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;

namespace weft::lowering {
namespace {

constexpr int64_t kTrees = 8; ///< walked at once
constexpr int64_t kRows = 32; ///< of one work item

/// The walks of one work item, whose rows begin at `first`.
struct Forest {
  graph::TreeEnsembleOp op;
  Value first;

  Value number(ImplicitLocOpBuilder &b, Value i32) {
    return arith::IndexCastOp::create(b, b.getIndexType(), i32);
  }

  Value step(ImplicitLocOpBuilder &b, Value row, Value node) {
    auto read = [&](Value list) -> Value {
      return tensor::ExtractOp::create(b, list, node);
    };
    Value feature = number(b, read(op.getFeatures()));
    Value x =
        tensor::ExtractOp::create(b, op.getInput(), ValueRange{row, feature});
    // A comparison with NaN does not hold: leaves stay where they are.
    Value right = arith::CmpFOp::create(b, arith::CmpFPredicate::OLE, x,
                                        read(op.getThresholds()));
    if (Value flags = op.getNanRight()) {
      Value isNan = arith::CmpFOp::create(b, arith::CmpFPredicate::UNO, x, x);
      right = arith::OrIOp::create(
          b, right, arith::AndIOp::create(b, isNan, read(flags)));
    }
    return arith::AddIOp::create(
        b, number(b, read(op.getChildren())),
        arith::IndexCastUIOp::create(b, b.getIndexType(), right));
  }

  /// The leaves that row `first + r` reaches in `count` trees from `tree` on.
  SmallVector<Value> walk(ImplicitLocOpBuilder &b, Value tree, int64_t count,
                          Value r) {
    Value row = arith::AddIOp::create(b, first, r);
    SmallVector<Value> nodes;
    for (int64_t i = 0; i < count; ++i) {
      Value at =
          arith::AddIOp::create(b, tree, arith::ConstantIndexOp::create(b, i));
      nodes.push_back(
          number(b, tensor::ExtractOp::create(b, op.getRoots(), at)));
    }
    return loop(b, arith::ConstantIndexOp::create(b, 0),
                arith::ConstantIndexOp::create(b, op.getDepth()), nodes,
                [&](ImplicitLocOpBuilder &body, Value, ValueRange at) {
                  SmallVector<Value> next;
                  for (Value node : at)
                    next.push_back(step(body, row, node));
                  return next;
                });
  }

  /// `part` after the leaves at `nodes`, in their order, joined row `r`.
  Value gather(ImplicitLocOpBuilder &b, Value part, ArrayRef<Value> nodes,
               Value r) {
    Value zero = arith::ConstantIndexOp::create(b, 0);
    Value targets = b.createOrFold<tensor::DimOp>(op.getLeaves(), 1);
    return loop(
        b, zero, targets, part,
        [&](ImplicitLocOpBuilder &body, Value target, ValueRange carried) {
          SmallVector<Value> place = {r, target};
          Value all = tensor::ExtractOp::create(body, carried[0], place);
          for (Value node : nodes)
            all = combine(body, op.getKind(), all,
                          tensor::ExtractOp::create(body, op.getLeaves(),
                                                    ValueRange{node, target}),
                          /*isUnsigned=*/false);
          return SmallVector<Value>{
              tensor::InsertOp::create(body, all, carried[0], place)};
        })[0];
  }

  /// Groups of `count` trees from `begin` to `end`, for all rows each.
  Value visit(ImplicitLocOpBuilder &b, Value part, Value begin, Value end,
              int64_t count, Value rows) {
    auto groups = scf::ForOp::create(
        b, begin, end, arith::ConstantIndexOp::create(b, count), part,
        [&](OpBuilder &nested, Location loc, Value tree, ValueRange carried) {
          ImplicitLocOpBuilder body(loc, nested);
          Value zero = arith::ConstantIndexOp::create(body, 0);
          scf::YieldOp::create(
              body,
              loop(body, zero, rows, carried,
                   [&](ImplicitLocOpBuilder &inner, Value r, ValueRange x) {
                     return SmallVector<Value>{
                         gather(inner, x[0], walk(inner, tree, count, r), r)};
                   }));
        });
    return groups.getResult(0);
  }
};

struct TreeEnsembleToLoops : OpRewritePattern<graph::TreeEnsembleOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(graph::TreeEnsembleOp op,
                                PatternRewriter &rewriter) const final {
    LoopBuilder b(op, rewriter);
    graph::DimBuilder d = b.dims();
    SmallVector<OpFoldResult> dims = b.resultDims();
    if (!b.ok())
      return failure();
    Type element = op.getType().getElementType();
    Value init = b.empty(dims, element);
    auto forall = scf::ForallOp::create(
        b, ArrayRef<OpFoldResult>{d.ceilDiv(dims[0], kRows)}, ValueRange{init},
        std::nullopt);
    b.setInsertionPointToStart(forall.getBody());
    OpFoldResult first = d.mul(forall.getInductionVar(0), d.constant(kRows));
    OpFoldResult rows = d.min(d.constant(kRows), d.sub(dims[0], first));
    OpFoldResult zero = d.constant(0), one = d.constant(1);
    SmallVector<OpFoldResult> offsets = {first, zero}, sizes = {rows, dims[1]},
                              strides = {one, one};
    Value shared = forall.getRegionIterArgs()[0];
    Value part =
        tensor::ExtractSliceOp::create(b, shared, offsets, sizes, strides);
    part = linalg::FillOp::create(b, neutral(b, op.getKind(), element, false),
                                  part)
               .getResult(0);
    OpFoldResult trees = d.of(op.getRoots(), 0);
    Value grouped =
        d.value(d.mul(d.floorDiv(trees, kTrees), d.constant(kTrees)));
    Forest forest{op, d.value(first)};
    part = forest.visit(b, part, b.index(0), grouped, kTrees, d.value(rows));
    part = forest.visit(b, part, grouped, d.value(trees), 1, d.value(rows));
    b.setInsertionPointToStart(forall.getTerminator().getBody());
    tensor::ParallelInsertSliceOp::create(b, part, shared, offsets, sizes,
                                          strides);
    b.setInsertionPointAfter(forall);
    b.replace(forall.getResults());
    return success();
  }
};

} // namespace

void addTreePatterns(RewritePatternSet &patterns) {
  patterns.add<TreeEnsembleToLoops>(patterns.getContext());
}

} // namespace weft::lowering
