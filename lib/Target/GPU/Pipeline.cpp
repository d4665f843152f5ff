// The passes that all GPU targets share, in order.

#include "weft/Target/GPU/Passes.h"

#include "weft/Conversion/ExpandMath/Passes.h"

#include "mlir/Conversion/Passes.h"
#include "mlir/Dialect/Affine/Transforms/Passes.h"
#include "mlir/Dialect/MemRef/Transforms/Passes.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;

void weft::gpu::addDevicePasses(OpPassManager &pm, int64_t sharedBytes,
                                std::unique_ptr<Pass> toDialect) {
  pm.addPass(createEmitGpuProducts());
  pm.addPass(createDistributeToThreads());
  pm.addPass(createOutlineGpuKernels({sharedBytes}));
  pm.addPass(createCanonicalizerPass());
  OpPassManager &device = pm.nest<mlir::gpu::GPUModuleOp>();
  device.addPass(memref::createExpandStridedMetadataPass());
  device.addPass(createLowerAffinePass());
  device.addPass(createCanonicalizerPass());
  device.addPass(createLoopInvariantCodeMotionPass());
  device.addPass(createCSEPass());
  device.addPass(createExpandMath());
  device.addPass(createSCFToControlFlowPass());
  device.addPass(std::move(toDialect));
  device.addPass(createReconcileUnrealizedCastsPass());
  device.addPass(createFlattenKernelArguments());
  device.addPass(createCanonicalizerPass());
  device.addPass(createCSEPass());
}
