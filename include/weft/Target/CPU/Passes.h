// Passes of the CPU target; described in Passes.td.
#ifndef WEFT_TARGET_CPU_PASSES_H
#define WEFT_TARGET_CPU_PASSES_H

#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Pass/Pass.h"

namespace weft::cpu {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "weft/Target/CPU/Passes.h.inc"

/// Appends the passes from bufferized kernels to the LLVM dialect. `level` is
/// what weft-emit-microkernels takes, `width` the number of f32 lanes, `symbol`
/// the name of the entry function.
void addLoweringPasses(mlir::OpPassManager &pm, llvm::StringRef level,
                       int64_t width, llvm::StringRef symbol);

/// Makes addLoweringPasses known as the pipeline `weft-lower-to-llvm`.
void registerPipelines();

} // namespace weft::cpu

#endif // WEFT_TARGET_CPU_PASSES_H
