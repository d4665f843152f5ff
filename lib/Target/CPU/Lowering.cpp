// The passes from bufferized kernels to the LLVM dialect, in order.

#include "mlir/Conversion/AffineToStandard/AffineToStandard.h"
#include "mlir/Conversion/ArithToLLVM/ArithToLLVM.h"
#include "mlir/Conversion/ControlFlowToLLVM/ControlFlowToLLVM.h"
#include "mlir/Conversion/FuncToLLVM/ConvertFuncToLLVMPass.h"
#include "mlir/Conversion/MathToLLVM/MathToLLVM.h"
#include "mlir/Conversion/MemRefToLLVM/MemRefToLLVM.h"
#include "mlir/Conversion/ReconcileUnrealizedCasts/ReconcileUnrealizedCasts.h"
#include "mlir/Conversion/SCFToControlFlow/SCFToControlFlow.h"
#include "mlir/Conversion/UBToLLVM/UBToLLVM.h"
#include "mlir/Conversion/VectorToLLVM/ConvertVectorToLLVMPass.h"
#include "mlir/Dialect/Arith/Transforms/Passes.h"
#include "mlir/Dialect/MemRef/Transforms/Passes.h"
#include "mlir/Dialect/X86Vector/X86VectorDialect.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/Passes.h"
#include "weft/Conversion/ExpandMath/Passes.h"
#include "weft/Target/CPU/Passes.h"

using namespace mlir;

void weft::cpu::addLoweringPasses(OpPassManager &pm, StringRef level,
                                  int64_t width, StringRef symbol) {
  pm.addNestedPass<func::FuncOp>(createEmitMicrokernels({level.str()}));
  pm.addNestedPass<func::FuncOp>(createVectorizeLinalg({width}));
  pm.addNestedPass<func::FuncOp>(weft::createExpandMath());
  pm.addPass(createCanonicalizerPass());
  pm.addNestedPass<func::FuncOp>(createLoopInvariantCodeMotionPass());
  pm.addPass(createLowerToEntry({symbol.str()}));
  pm.addPass(createCSEPass());
  pm.addPass(createSCFToControlFlowPass());
  pm.addPass(memref::createExpandStridedMetadataPass());
  pm.addPass(createLowerAffinePass());
  ConvertVectorToLLVMPassOptions vectors;
  vectors.x86Vector = true;
  pm.addPass(createConvertVectorToLLVMPass(vectors));
  pm.addPass(createConvertMathToLLVMPass());
  pm.addPass(createFinalizeMemRefToLLVMConversionPass());
  pm.addPass(createConvertFuncToLLVMPass());
  pm.addPass(createArithToLLVMConversionPass());
  pm.addPass(createConvertControlFlowToLLVMPass());
  pm.addPass(createUBToLLVMConversionPass());
  pm.addPass(createReconcileUnrealizedCastsPass());
  pm.addPass(createCanonicalizerPass());
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
