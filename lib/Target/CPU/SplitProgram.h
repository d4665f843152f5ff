// Cuts a long program into functions of bounded size. Private to
// lib/Target/CPU.
#ifndef WEFT_LIB_TARGET_CPU_SPLITPROGRAM_H
#define WEFT_LIB_TARGET_CPU_SPLITPROGRAM_H

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace weft::cpu {

/// Moves runs of about `size` operands and operations of `main`, at any depth
/// of its regions, from `begin` of its body on, to functions
///   (context, weights, frame) -> status
/// named `prefix` and a number, and returns these; they are called where the
/// operations were, and the status is not looked at yet. The first and third
/// arguments of `main` are the context and the weights. Values that one
/// function makes and another one reads are passed through the frame, a block
/// on the stack of `main`. A program of less than two parts is left alone.
llvm::SmallVector<mlir::func::FuncOp> splitProgram(mlir::func::FuncOp main,
                                                   mlir::Operation *begin,
                                                   llvm::StringRef prefix,
                                                   int64_t size);

} // namespace weft::cpu

#endif // WEFT_LIB_TARGET_CPU_SPLITPROGRAM_H
