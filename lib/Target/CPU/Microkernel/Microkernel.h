// The entry points of the microkernel emitter: each replaces one product by one
// scf.forall over work items and vector code.
#ifndef WEFT_LIB_TARGET_CPU_MICROKERNEL_MICROKERNEL_H
#define WEFT_LIB_TARGET_CPU_MICROKERNEL_MICROKERNEL_H

#include "LoopBuilder.h"
#include "Machine.h"
#include "TileChoice.h"

#include "weft/Dialect/Kernel/IR/Kernel.h"

#include "mlir/Support/LogicalResult.h"

namespace weft::cpu {

llvm::LogicalResult emitMatMul(kernel::MatMulOp op, const Machine &machine);
llvm::LogicalResult emitConv(kernel::ConvOp op, const Machine &machine);
llvm::LogicalResult emitDepthwiseConv(kernel::DepthwiseConvOp op,
                                      const Machine &machine);

/// Emits `for item in [0, count)` as the kernel's only scf.forall.
void emitItems(LoopBuilder &b, mlir::Value count,
               llvm::function_ref<void(mlir::Value)> body);

/// `total` elements cut into as few tiles as `most` allows, as even as
/// possible: the first `total % count` have one element more than the others.
struct EvenSplit {
  mlir::Value total, count, base, longer;
  int64_t most;

  EvenSplit(LoopBuilder &b, mlir::Value total, int64_t most);
  /// body(size, start) for the tiles [first, last), with every size a constant:
  /// two loops where `total` is known, else one with a switch over sizes.
  void
  forEach(LoopBuilder &b, mlir::Value first, mlir::Value last,
          llvm::function_ref<void(int64_t size, mlir::Value start)> body) const;
  mlir::Value start(LoopBuilder &b, mlir::Value tile) const;
};

} // namespace weft::cpu

#endif // WEFT_LIB_TARGET_CPU_MICROKERNEL_MICROKERNEL_H
