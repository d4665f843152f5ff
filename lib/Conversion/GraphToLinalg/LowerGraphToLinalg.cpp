// The pass: lowers every graph op by the patterns of its family, ends unsigned
// types, then fuses what the lowering made within each kernel. Which ops form a
// kernel was decided before; graph.constant stays, the entry function owns it.

#include "weft/Conversion/GraphToLinalg/Passes.h"

#include "Lowering.h"

#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace weft {
#define GEN_PASS_DEF_LOWERGRAPHTOLINALG
#include "weft/Conversion/GraphToLinalg/Passes.h.inc"
} // namespace weft

using namespace mlir;
using namespace weft;

namespace {

/// A tensor of one scalar element that is read at once: keeps rank-0 constants
/// in kernels from becoming memory.
struct ReadConstant : OpRewritePattern<tensor::ExtractOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(tensor::ExtractOp op,
                                PatternRewriter &rewriter) const final {
    Value source = op.getTensor();
    if (auto cast = source.getDefiningOp<UnrealizedConversionCastOp>())
      source = cast.getInputs()[0];
    DenseElementsAttr elements;
    if (!matchPattern(source, m_Constant(&elements)) || !elements.isSplat())
      return rewriter.notifyMatchFailure(op, "reads no splat constant");
    Type type = op.getType();
    TypedAttr value =
        isa<FloatType>(type)
            ? TypedAttr(FloatAttr::get(type, elements.getSplatValue<APFloat>()))
            : TypedAttr(
                  IntegerAttr::get(type, elements.getSplatValue<APInt>()));
    rewriter.replaceOpWithNewOp<arith::ConstantOp>(op, value);
    return success();
  }
};

struct LowerGraphToLinalg
    : weft::impl::LowerGraphToLinalgBase<LowerGraphToLinalg> {
  void runOnOperation() final {
    RewritePatternSet patterns(&getContext());
    lowering::addButterflyPatterns(patterns);
    lowering::addElementwisePatterns(patterns);
    lowering::addGatherPatterns(patterns);
    lowering::addMovementPatterns(patterns);
    lowering::addNormalizationPatterns(patterns);
    lowering::addPoolingPatterns(patterns);
    lowering::addProductPatterns(patterns);
    lowering::addReductionPatterns(patterns);
    lowering::addCumSumPatterns(patterns);
    lowering::addDecisionPatterns(patterns);
    lowering::addScatterPatterns(patterns);
    lowering::addShapePatterns(patterns);
    lowering::addTopKPatterns(patterns);
    lowering::addTreePatterns(patterns);
    patterns.add<ReadConstant>(&getContext());
    // Folding would turn the fill of a buffer back into a large constant.
    GreedyRewriteConfig config;
    config.enableFolding(false);
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns),
                                     config)) ||
        failed(checkAllLowered()))
      return signalPassFailure();
    if (failed(lowering::makeSignless(getOperation())) ||
        failed(lowering::fuseInKernels(getOperation())))
      return signalPassFailure();
  }

  LogicalResult checkAllLowered() {
    WalkResult walked = getOperation()->walk([](Operation *op) {
      if (!isa<graph::GraphDialect>(op->getDialect()) ||
          isa<graph::ConstantOp>(op))
        return WalkResult::advance();
      op->emitError("has no lowering to loops: ") << op->getName();
      return WalkResult::interrupt();
    });
    return failure(walked.wasInterrupted());
  }
};

} // namespace
