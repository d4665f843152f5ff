// What all GPU targets share: from bufferized kernels to device functions.
#ifndef WEFT_TARGET_GPU_PASSES_H
#define WEFT_TARGET_GPU_PASSES_H

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace weft::gpu {

/// Threads of a block, for every kernel.
constexpr int64_t kThreads = 256;

/// Threads that exchange values through shuffles. AMD's wider wavefronts work
/// as two such groups, so that one order of summation serves all targets.
constexpr int64_t kWarp = 32;

/// Symbol of the `gpu.module` that holds the device functions.
constexpr llvm::StringLiteral kModuleName = "kernels";

/// On device functions: the types of the kernel's arguments.
constexpr llvm::StringLiteral kArgumentsAttr = "kernel.arguments";

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "weft/Target/GPU/Passes.h.inc"

/// Appends the passes from bufferized kernels to `gpu.func` on scf, memref,
/// arith, math and vector ops, then to the LLVM dialect but for what
/// `toDialect` adds: the conversion of gpu ops, run on the `gpu.module`.
void addDevicePasses(mlir::OpPassManager &pm, int64_t sharedBytes,
                     std::unique_ptr<mlir::Pass> toDialect);

} // namespace weft::gpu

#endif // WEFT_TARGET_GPU_PASSES_H
