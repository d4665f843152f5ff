// The kernel dialect in C++.
#ifndef WEFT_DIALECT_KERNEL_IR_KERNEL_H
#define WEFT_DIALECT_KERNEL_IR_KERNEL_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/DestinationStyleOpInterface.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

namespace weft::kernel {

/// Channels of a block, columns of a panel: one width for every x86 level, so
/// that all levels share one copy of the packed weights.
constexpr int64_t kBlock = 16;

/// Unit attribute on the functions that are kernels.
constexpr llvm::StringLiteral kEntryAttr = "kernel.entry";

} // namespace weft::kernel

#include "weft/Dialect/Kernel/IR/KernelDialect.h.inc"

#define GET_OP_CLASSES
#include "weft/Dialect/Kernel/IR/KernelOps.h.inc"

namespace weft::kernel {

/// Makes the ops of this dialect known to one-shot bufferization.
void registerBufferizableOpInterfaces(mlir::DialectRegistry &registry);

} // namespace weft::kernel

#endif // WEFT_DIALECT_KERNEL_IR_KERNEL_H
