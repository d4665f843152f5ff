// Copies that become unnecessary because the source is computed in the target.
#ifndef WEFT_LIB_DIALECT_KERNEL_TRANSFORMS_SHAREBUFFERS_H
#define WEFT_LIB_DIALECT_KERNEL_TRANSFORMS_SHAREBUFFERS_H

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace weft::kernel {

/// Marks the launch of a kernel that copies its one input to its one output.
constexpr llvm::StringLiteral kCopyAttr = "kernel.copy";

/// Lets buffers of bufferized @main that are copied into a part of another one
/// be that part, where no other write is in the way. Returns how many copies
/// that saved. Launches still name kernels on tensors, so types may change.
unsigned shareBuffers(mlir::func::FuncOp main);

} // namespace weft::kernel

#endif // WEFT_LIB_DIALECT_KERNEL_TRANSFORMS_SHAREBUFFERS_H
