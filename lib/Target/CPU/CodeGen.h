// From the LLVM dialect to machine code. Private to lib/Target/CPU.
#ifndef WEFT_LIB_TARGET_CPU_CODEGEN_H
#define WEFT_LIB_TARGET_CPU_CODEGEN_H

#include "X86/X86Levels.h"
#include "weft/Target/Target.h"

namespace weft::cpu {

/// Compiles `module` (LLVM dialect) for `level` in two threads. An object is a
/// relocatable ELF file; equal modules give equal bytes. `program` names the
/// function that launches the kernels.
mlir::FailureOr<llvm::SmallVector<char, 0>>
generateCode(mlir::ModuleOp module, const CpuLevel &level,
             llvm::StringRef program, ImageKind kind);

} // namespace weft::cpu

#endif // WEFT_LIB_TARGET_CPU_CODEGEN_H
