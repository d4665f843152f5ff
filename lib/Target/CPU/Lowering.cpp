// The passes from bufferized kernels to the LLVM dialect, in order.

#include "mlir/Conversion/SCFToControlFlow/SCFToControlFlow.h"
#include "mlir/Dialect/Arith/Transforms/Passes.h"
#include "mlir/Dialect/Math/Transforms/Passes.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/Passes.h"
#include "weft/Conversion/ExpandMath/Passes.h"
#include "weft/Target/CPU/Passes.h"

using namespace mlir;

void weft::cpu::addLoweringPasses(OpPassManager &pm, StringRef level,
                                  int64_t width, StringRef symbol) {
  pm.addPass(createAlternateOrder({level.str()}));
  pm.addNestedPass<func::FuncOp>(createEmitMicrokernels({level.str()}));
  pm.addNestedPass<func::FuncOp>(createVectorizeLinalg({width}));
  // Scalars of the entry function too: LLVM would call a library for bf16.
  pm.addNestedPass<func::FuncOp>(arith::createArithEmulateUnsupportedFloats(
      {SmallVector<std::string>{"bf16"}, "f32"}));
  pm.addNestedPass<func::FuncOp>(math::createMathExtendToSupportedTypes(
      {SmallVector<std::string>{"f16"}, "f32"}));
  pm.addNestedPass<func::FuncOp>(weft::createExpandMath());
  pm.addPass(createCanonicalizerPass());
  pm.addNestedPass<func::FuncOp>(createLoopInvariantCodeMotionPass());
  pm.addPass(createLowerToEntry({symbol.str()}));
  pm.addPass(createCSEPass());
  pm.addPass(createSCFToControlFlowPass());
  pm.addPass(createConvertToLLVM());
  // Blocks are merged by LLVM; here that would take ten times as long as the
  // rest.
  GreedyRewriteConfig config;
  config.setRegionSimplificationLevel(GreedySimplifyRegionLevel::Disabled);
  pm.addPass(createCanonicalizerPass(config));
  pm.addPass(createCSEPass());
}

namespace {
struct PipelineOptions : PassPipelineOptions<PipelineOptions> {
  Option<std::string> level{*this, "level", llvm::cl::desc("x86-64 level"),
                            llvm::cl::init("x86-64-v3")};
  Option<int64_t> width{*this, "width",
                        llvm::cl::desc("f32 lanes of a register"),
                        llvm::cl::init(8)};
  Option<std::string> symbol{*this, "symbol",
                             llvm::cl::desc("Name of the entry function"),
                             llvm::cl::init("weft_entry")};
};
} // namespace

void weft::cpu::registerPipelines() {
  PassPipelineRegistration<PipelineOptions>(
      "weft-lower-to-llvm", "From bufferized kernels to the LLVM dialect",
      [](OpPassManager &pm, const PipelineOptions &options) {
        addLoweringPasses(pm, options.level, options.width, options.symbol);
      });
}
