// The kernel's side of weft-lower-to-entry. Private to lib/Target/CPU.
#ifndef WEFT_LIB_TARGET_CPU_LOWERKERNEL_H
#define WEFT_LIB_TARGET_CPU_LOWERKERNEL_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "weft/Dialect/Kernel/Transforms/Program.h"

namespace weft::cpu {

/// What a launch must know of a kernel, in terms of the kernel's values.
struct KernelFrame {
  mlir::scf::ForallOp loop;
  mlir::OpFoldResult count;                    ///< work items
  int64_t picoseconds = 0;                     ///< that one of them takes
  int64_t scratchBytes = 0;                    ///< of static size
  llvm::SmallVector<mlir::Value> scratchSizes; ///< of dynamic size, in bytes
  bool canFail = false;
  mlir::Value turn; ///< the argument that counts turns; null where none does
};

/// Finds the outer loop and moves buffers of the kernel's body in front of it:
/// small static ones to the stack, others to a list for `lowerKernel`.
mlir::FailureOr<KernelFrame> frameKernel(mlir::func::FuncOp kernel);

/// A copy of `value` and the index arithmetic behind it at `b`, with the
/// kernel's arguments mapped by `mapping`. Null where it cannot be computed
/// before the kernel runs.
mlir::Value copySlice(mlir::OpBuilder &b, mlir::Value value,
                      mlir::IRMapping &mapping);

/// Gives the kernel the signature of weft_kernel_fn.
void lowerKernel(mlir::func::FuncOp kernel, KernelFrame &frame,
                 const kernel::CheckNumbers &numbers);

/// Emits "record the failure of check `number`" with up to two `values`.
void emitFail(mlir::ImplicitLocOpBuilder &b, mlir::Value context,
              int64_t number, mlir::ValueRange values);

} // namespace weft::cpu

#endif // WEFT_LIB_TARGET_CPU_LOWERKERNEL_H
