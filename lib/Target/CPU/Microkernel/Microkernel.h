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

/// Makes rows of the batch of a product with packed right side, where memory
/// lies so that they are.
void mergeBatch(kernel::MatMulOp op);

llvm::LogicalResult emitMatMul(kernel::MatMulOp op, const Machine &machine);
llvm::LogicalResult emitAttention(kernel::AttentionOp op,
                                  const Machine &machine);
/// A product that computes a part of a whole: some blocks of channels of some
/// positions along the first spatial dimension.
struct ConvPart {
  /// Where its output begins, for each loop of the epilogue's maps, which speak
  /// of the whole; empty where the output is all.
  Values origin;
  mlir::Value weight; ///< the whole's, from which what comes next is fetched
};

llvm::LogicalResult emitConv(kernel::ConvOp op, const Machine &machine,
                             const ConvPart &part = {});
llvm::LogicalResult emitWinogradConv(kernel::WinogradConvOp op,
                                     const Machine &machine);
llvm::LogicalResult emitDepthwiseConv(kernel::DepthwiseConvOp op,
                                      const Machine &machine,
                                      llvm::ArrayRef<mlir::Value> origin = {});
llvm::LogicalResult emitConvDepthwise(kernel::ConvDepthwiseOp op,
                                      const Machine &machine);

/// Emits `for item in [0, count)` as the kernel's only scf.forall; within an
/// item of another product, as a loop.
void emitItems(LoopBuilder &b, mlir::Value count,
               llvm::function_ref<void(mlir::Value)> body);

/// Columns of a packed panel's line to ask for ahead at each step of k, where
/// `tiles` tiles of rows fetch the next group of `panels` panels together: a
/// part of a line, so that as few as can be are on their way at a time. Those
/// occupy the buffers that lines from L2 to L1 need.
mlir::Value columnsAhead(LoopBuilder &b, mlir::Value tiles, int64_t panels);

/// `total` rows cut into as few tiles of at most `most` as there can be: even
/// ones where the number is known (14 = 5 + 5 + 4), else whole ones and what is
/// left: one tile, or pieces of 8, 4, 2 and 1 rows where tiles are large.
struct RowSplit {
  mlir::Value total, count;
  int64_t most, base = 0, longer = 0;

  RowSplit(LoopBuilder &b, mlir::Value total, int64_t most);
  /// body(size, start) for all rows of the tiles [first, last); every size is a
  /// constant.
  void
  forEach(LoopBuilder &b, mlir::Value first, mlir::Value last,
          llvm::function_ref<void(int64_t size, mlir::Value start)> body) const;
  /// The number of the tile that forEach gives as `size` rows from `start` on.
  mlir::Value tileAt(LoopBuilder &b, int64_t size, mlir::Value start) const;
  /// The most rows of `tiles` tiles that follow each other.
  int64_t mostRows(int64_t tiles) const;
  /// The first row of a tile; `total` past the last one.
  mlir::Value start(LoopBuilder &b, mlir::Value tile) const;
};

} // namespace weft::cpu

#endif // WEFT_LIB_TARGET_CPU_MICROKERNEL_MICROKERNEL_H
