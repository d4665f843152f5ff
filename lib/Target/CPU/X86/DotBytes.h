// Sums of products of bytes by x86's instructions. Private to lib/Target/CPU.
#ifndef WEFT_LIB_TARGET_CPU_X86_DOTBYTES_H
#define WEFT_LIB_TARGET_CPU_X86_DOTBYTES_H

#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace weft::cpu {

/// sum + the four products of the bytes of each lane, those of `left` unsigned
/// and those of `right` signed, exactly (modulo 2^32). All are one register of
/// i32, of 128, 256 or 512 bits; `inOne` asks for AVX-512 VNNI's instruction.
mlir::Value dotBytes(mlir::ImplicitLocOpBuilder &b, mlir::Value left,
                     mlir::Value right, mlir::Value sum, bool inOne);

} // namespace weft::cpu

#endif // WEFT_LIB_TARGET_CPU_X86_DOTBYTES_H
