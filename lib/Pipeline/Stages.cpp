// The order of all passes. Read from top to bottom: this is what happens to a
// model. Each stage establishes the invariant in its summary.

#include "Stages.h"

#include "weft/Conversion/GraphToLinalg/Passes.h"
#include "weft/Dialect/Graph/Transforms/Passes.h"
#include "weft/Dialect/Kernel/Transforms/Passes.h"

#include "mlir/Transforms/Passes.h"

using namespace mlir;

namespace weft {

static void simplify(OpPassManager &pm, const Target *,
                     const CompileOptions &options) {
  // Only CPUs have a product of bytes.
  if (llvm::all_of(options.targets, [](const TargetSpec &target) {
        return target.kind == TargetSpec::Kind::CPU;
      }))
    pm.addPass(graph::createMultiplyIntegers());
  pm.addPass(graph::createDecomposeRecurrent());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(graph::createRefineShapes());
  pm.addPass(graph::createFoldConstants());
  pm.addPass(graph::createSimplify());
  pm.addPass(graph::createRefineShapes());
  pm.addPass(graph::createScalarizeShapes());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(graph::createFoldConstants());
  pm.addPass(graph::createRefineShapes());
  pm.addPass(graph::createLegalizeBroadcast());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
}

static void layout(OpPassManager &pm, const Target *target,
                   const CompileOptions &options) {
  TargetTraits traits = target->traits();
  bool winograd = options.precision != Precision::Strict &&
                  options.memory != MemoryUse::Small;
  if (traits.attention)
    pm.addPass(graph::createFuseAttention());
  pm.addPass(graph::createChooseLayout(
      {traits.block, winograd, traits.gigaflops, traits.gigabytes}));
  pm.addPass(graph::createPropagateLayout());
  if (traits.convDepthwise)
    pm.addPass(graph::createFuseDepthwise());
  pm.addPass(graph::createSplitPadding());
  pm.addPass(graph::createFoldConstants());
  pm.addPass(createCSEPass());
}

static void fuse(OpPassManager &pm, const Target *, const CompileOptions &) {
  pm.addPass(kernel::createFuseKernels());
}

static void kernels(OpPassManager &pm, const Target *, const CompileOptions &) {
  pm.addPass(createLowerGraphToLinalg());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
  // Kernels that nobody launches once their results were found to be known.
  pm.addPass(createSymbolDCEPass());
  pm.addPass(kernel::createTileKernels());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
}

static void bufferize(OpPassManager &pm, const Target *,
                      const CompileOptions &) {
  pm.addPass(kernel::createBufferize());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
  pm.addPass(kernel::createRotateBuffers());
  pm.addPass(kernel::createPlanMemory());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
  pm.addPass(kernel::createReleaseBlocks());
}

static void lower(OpPassManager &pm, const Target *target,
                  const CompileOptions &) {
  target->addPasses(pm);
}

ArrayRef<StagePasses> stageList() {
  static const StagePasses stages[] = {
      {{"import", "the model as graph ops, one opset, shapes inferred"},
       Scope::Import,
       nullptr},
      {{"simplify", "what is constant is folded, shapes are index arithmetic, "
                    "broadcasts are explicit"},
       Scope::Model,
       simplify},
      {{"layout", "weights are packed, activations blocked, and reorders stand "
                  "only at the edges"},
       Scope::Kind,
       layout},
      {{"fuse", "every graph op that computes stands in a kernel; the entry "
                "function launches"},
       Scope::Kind,
       fuse},
      {{"kernels", "kernels are linalg and packed products, each with one loop "
                   "over its work"},
       Scope::Kind,
       kernels},
      {{"bufferize",
        "values live in memory: inputs, outputs, weights and one arena"},
       Scope::Kind,
       bufferize},
      {{"lower", "all is the target's own dialect"}, Scope::Level, lower},
      {{"emit", "machine code, linked and written"}, Scope::Output, nullptr},
  };
  return stages;
}

ArrayRef<Stage> compileStages() {
  static const std::vector<Stage> stages = [] {
    std::vector<Stage> all;
    for (const StagePasses &stage : stageList())
      all.push_back(stage.stage);
    return all;
  }();
  return stages;
}

} // namespace weft
