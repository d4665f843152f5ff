// How much a launch computes and moves, for profiles. Private to this folder.
#ifndef WEFT_LIB_DIALECT_KERNEL_TRANSFORMS_COUNTWORK_H
#define WEFT_LIB_DIALECT_KERNEL_TRANSFORMS_COUNTWORK_H

#include "Outline.h"

#include "weft/Dialect/Kernel/IR/Kernel.h"

namespace weft::kernel {

/// Attributes of a launch whose shapes are all static: what one launch does.
constexpr llvm::StringLiteral kFlopsAttr = "kernel.flops";
constexpr llvm::StringLiteral kBytesAttr = "kernel.bytes";

/// Sets both on the launch of `group`. A multiply-add is two operations, any
/// scalar op of the graph one; a direct algorithm's are counted where another
/// is used. Each operand is read or written once; a gather reads what it
/// yields.
void countWork(const Group &group, LaunchOp launch);

/// Launches of one run: iterations of the loops around it; 0 where unknown.
double callsOf(LaunchOp launch);

} // namespace weft::kernel

#endif // WEFT_LIB_DIALECT_KERNEL_TRANSFORMS_COUNTWORK_H
