// weft-opt runs any piece of the compiler on textual IR.

#include "weft/Conversion/ExpandMath/Passes.h"
#include "weft/Conversion/GraphToLinalg/Passes.h"
#include "weft/Dialect/Graph/IR/Graph.h"
#include "weft/Dialect/Graph/Transforms/Passes.h"
#include "weft/Dialect/Kernel/IR/Kernel.h"
#include "weft/Dialect/Kernel/Transforms/Passes.h"
#include "weft/Target/CPU/Passes.h"
#include "weft/Target/CUDA/Passes.h"
#include "weft/Target/GPU/Passes.h"
#include "weft/Target/ROCm/Passes.h"

#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/InitAllPasses.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  mlir::registerAllDialects(registry);
  mlir::registerAllExtensions(registry);
  registry.insert<weft::graph::GraphDialect, weft::kernel::KernelDialect>();
  weft::kernel::registerTransformInterfaces(registry);
  mlir::registerAllPasses();
  weft::graph::registerWeftGraphPasses();
  weft::cpu::registerWeftCPUPasses();
  weft::cpu::registerPipelines();
  weft::gpu::registerWeftGPUPasses();
  weft::cuda::registerWeftCUDAPasses();
  weft::rocm::registerWeftROCmPasses();
  weft::registerWeftExpandMathPasses();
  weft::registerWeftGraphToLinalgPasses();
  weft::kernel::registerWeftKernelPasses();
  return mlir::asMainReturnCode(mlir::MlirOptMain(
      argc, argv, "weft-opt: runs passes of the Weft compiler\n", registry));
}
