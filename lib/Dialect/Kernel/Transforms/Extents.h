// Which dimensions are equal, and their extents as values that are computed as
// early as possible.
#ifndef WEFT_LIB_DIALECT_KERNEL_TRANSFORMS_EXTENTS_H
#define WEFT_LIB_DIALECT_KERNEL_TRANSFORMS_EXTENTS_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/OpDefinition.h"
#include "llvm/ADT/DenseMap.h"

namespace weft::kernel {

/// The extents of all tensors of a function. Those of equal meaning are one
/// value, as far as the shape arithmetic of the ops (reification) tells.
class Extents {
public:
  /// Adds the computation of all dynamic extents to `function`, each in the
  /// block of the tensor and as far up as what it is computed from allows.
  /// Unused ones are trivially dead.
  static llvm::FailureOr<Extents> compute(mlir::func::FuncOp function);

  mlir::OpFoldResult get(mlir::Value tensor, int64_t i) const;
  llvm::SmallVector<mlir::OpFoldResult> all(mlir::Value tensor) const;
  /// True where both have one shape at every run.
  bool same(mlir::Value a, mlir::Value b) const;
  /// Says that `copy` has the shape of `original`.
  void setSame(mlir::Value copy, mlir::Value original);
  void set(mlir::Value tensor, llvm::ArrayRef<mlir::OpFoldResult> extents);

private:
  llvm::DenseMap<mlir::Value, llvm::SmallVector<mlir::OpFoldResult>> known;
};

/// True where `op` may be computed earlier than it stands: it has no effects,
/// and what it divides by is at least 1.
bool mayComeEarlier(mlir::Operation *op);

/// Moves index arithmetic of `block` up, directly behind what it uses.
void hoistIndexArithmetic(mlir::Block &block);

} // namespace weft::kernel

#endif // WEFT_LIB_DIALECT_KERNEL_TRANSFORMS_EXTENTS_H
