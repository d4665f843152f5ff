// A group of ops that becomes one kernel, and the turning of groups into
// kernels and launches.
#ifndef WEFT_LIB_DIALECT_KERNEL_TRANSFORMS_OUTLINE_H
#define WEFT_LIB_DIALECT_KERNEL_TRANSFORMS_OUTLINE_H

#include "Extents.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/SymbolTable.h"
#include "weft/Dialect/Kernel/IR/Kernel.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/StringMap.h"

namespace weft::kernel {

/// What fusion makes of an op.
enum class Family {
  None,        ///< stays in the entry function: views, constants, control flow
  Elementwise, ///< a ScalarBody op
  RowWise,     ///< reductions and norms
  Window,      ///< pooling
  Movement,    ///< elements placed elsewhere
  Product,     ///< matrix products and convolutions
  Alone        ///< what has no epilogue for others to join
};
Family familyOf(mlir::Operation *op);

/// Ops in block order; only the results of the last are used by others.
struct Group {
  llvm::SmallVector<mlir::Operation *> ops;
  mlir::Operation *root() const { return ops.back(); }
  bool contains(mlir::Operation *op) const {
    return llvm::is_contained(ops, op);
  }
};

/// The kernels of a module: equal ones are made once.
class Outliner {
public:
  Outliner(mlir::ModuleOp module, Extents &extents)
      : module(module), symbols(module), extents(extents) {}

  /// Replaces the group by a launch at the place of its root.
  void outline(const Group &group);
  /// Launches `made`, which belongs to no module yet, or the kernel that is
  /// equal to it.
  LaunchOp launch(mlir::OpBuilder &b, mlir::func::FuncOp made,
                  mlir::ValueRange inputs, mlir::ValueRange outputs,
                  bool hasMessages = false);
  unsigned launches() const { return numLaunches; }
  unsigned kernels() const { return known.size(); }

private:
  mlir::func::FuncOp addKernel(mlir::func::FuncOp made, bool hasMessages);

  mlir::ModuleOp module;
  mlir::SymbolTable symbols;
  Extents &extents;
  llvm::StringMap<mlir::func::FuncOp> known; ///< by text without names
  unsigned numLaunches = 0;
};

} // namespace weft::kernel

#endif // WEFT_LIB_DIALECT_KERNEL_TRANSFORMS_OUTLINE_H
