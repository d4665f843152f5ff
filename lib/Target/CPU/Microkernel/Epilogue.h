// What happens to a register of sums before it is stored: the op's epilogue on
// vectors, its extra operands read at their maps.
#ifndef WEFT_LIB_TARGET_CPU_MICROKERNEL_EPILOGUE_H
#define WEFT_LIB_TARGET_CPU_MICROKERNEL_EPILOGUE_H

#include "LoopBuilder.h"
#include "Product.h"

#include "mlir/IR/AffineMap.h"

namespace weft::cpu {

/// The epilogue of one product, its loops numbered as the output's indices. The
/// last loop runs along the vector.
struct Epilogue {
  mlir::Block *body = nullptr;
  Values extras;
  llvm::SmallVector<mlir::AffineMap> maps;
  mlir::Value output;
  /// What the loops of `maps` are ahead of the output's indices, where the
  /// output is a part of a whole; empty where they are equal.
  Values origin = {};

  /// True if its temporaries fit beside a register tile of sums; a heavier one
  /// runs from memory, where it does not make the sums spill.
  bool isLight() const;

  /// The epilogue of `sums` at `position`. `count` (an index) lanes are valid,
  /// all if it is null.
  mlir::Value apply(LoopBuilder &b, mlir::Value sums,
                    llvm::ArrayRef<mlir::Value> position,
                    mlir::Value count = {}) const;
  /// Stores it.
  void store(LoopBuilder &b, mlir::Value sums,
             llvm::ArrayRef<mlir::Value> position,
             mlir::Value count = {}) const;

private:
  mlir::Value load(LoopBuilder &b, size_t extra, mlir::VectorType type,
                   llvm::ArrayRef<mlir::Value> place, mlir::Value count) const;
};

/// True if `maps` read element x + 1 of the last index, and no other index
/// moves, where the last loop advances by one.
bool isContiguousInLastLoop(mlir::AffineMap map, mlir::MemRefType type);

} // namespace weft::cpu

#endif // WEFT_LIB_TARGET_CPU_MICROKERNEL_EPILOGUE_H
