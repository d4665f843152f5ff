// From device functions in the LLVM dialect to what LLVM's back end writes.
#ifndef WEFT_TARGET_GPU_DEVICECODE_H
#define WEFT_TARGET_GPU_DEVICECODE_H

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/Support/CodeGen.h"

#include <memory>
#include <string>
#include <vector>

namespace llvm {
class LLVMContext;
class Module;
class TargetMachine;
} // namespace llvm

namespace weft::gpu {

/// The `gpu.module` of a module that `addDevicePasses` has lowered; a failure
/// is reported there.
mlir::FailureOr<mlir::gpu::GPUModuleOp> deviceModule(mlir::ModuleOp module);

/// Its functions that a host launches, in order.
std::vector<std::string> deviceKernels(mlir::gpu::GPUModuleOp device);

/// True where LLVM's back end for `triple`, which must be initialised, has a
/// processor `arch`.
bool isKnownArch(llvm::StringRef triple, llvm::StringRef arch);

/// A target machine for a known `arch`; a failure is reported at `at`.
std::unique_ptr<llvm::TargetMachine> createDeviceMachine(mlir::Operation *at,
                                                         llvm::StringRef triple,
                                                         llvm::StringRef arch);

/// LLVM IR of the functions, laid out for `machine`; null after a report.
std::unique_ptr<llvm::Module> translateToLLVM(mlir::gpu::GPUModuleOp device,
                                              llvm::LLVMContext &context,
                                              llvm::TargetMachine &machine);

/// Optimises `code` and writes it as assembly or as an object.
mlir::FailureOr<llvm::SmallVector<char, 0>>
generateCode(mlir::gpu::GPUModuleOp device, llvm::Module &code,
             llvm::TargetMachine &machine, llvm::CodeGenFileType type);

/// LLVM IR as text.
llvm::SmallVector<char, 0> printLLVM(const llvm::Module &code);

} // namespace weft::gpu

#endif // WEFT_TARGET_GPU_DEVICECODE_H
