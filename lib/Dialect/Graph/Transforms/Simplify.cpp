// Runs the rewrites that leave a model with less to do, whatever the target.
// Each pattern is named by its equation. Values change by rounding at most, and
// only where weights absorb a scale; nothing relies on a float being finite.

#include "SimplifyPatterns.h"
#include "weft/Dialect/Graph/Transforms/Passes.h"
#include "weft/Support/Constants.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace weft::graph {
#define GEN_PASS_DEF_SIMPLIFY
#include "weft/Dialect/Graph/Transforms/Passes.h.inc"

mlir::Value shapeConstant(mlir::OpBuilder &b, mlir::Location loc,
                          llvm::ArrayRef<int64_t> values) {
  auto type = tensorType({static_cast<int64_t>(values.size())}, b.getI64Type());
  return ConstantOp::create(b, loc,
                            mlir::DenseIntElementsAttr::get(type, values));
}

namespace {
struct Simplify : impl::SimplifyBase<Simplify> {
  mlir::LogicalResult initialize(mlir::MLIRContext *context) override {
    mlir::RewritePatternSet set(context);
    populateWeightPatterns(set);
    populateMovementPatterns(set);
    populateElementwisePatterns(set);
    populateQuantizedPatterns(set);
    patterns = std::move(set);
    return mlir::success();
  }

  void runOnOperation() override {
    mlir::GreedyRewriteConfig config;
    // In program order a chain of rewrites ends after one visit of each op.
    config.setUseTopDownTraversal(true);
    if (failed(applyPatternsGreedily(getOperation(), patterns, config)))
      return signalPassFailure();
    freeUnusedConstants(getOperation());
  }

  mlir::FrozenRewritePatternSet patterns;
};
} // namespace

} // namespace weft::graph
