// Extents as index values that depend on arguments alone, not on the tensors
// that are computed between.
#ifndef WEFT_DIALECT_GRAPH_ANALYSIS_DIMRESOLVER_H
#define WEFT_DIALECT_GRAPH_ANALYSIS_DIMRESOLVER_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/StringMap.h"

namespace weft::graph {

/// Computes extents and keeps them, so that all users of a tensor share its
/// extents. The index arithmetic of an op stands right behind the op; extents
/// of function arguments that carry one name in `graph.symbols` are one value,
/// which the runtime has verified; a scf.for with the unit attribute
/// `graph.invariant_shapes` carries tensors of unchanging shape. Each extent is
/// resolved once: the cost is linear in the number of ops.
class DimResolver : private mlir::OpBuilder::Listener {
public:
  explicit DimResolver(mlir::MLIRContext *context) : b(context, this) {}

  /// The extents of a ranked tensor; attributes where static.
  llvm::ArrayRef<mlir::OpFoldResult> dims(mlir::Value tensor);
  mlir::OpFoldResult dim(mlir::Value tensor, int64_t i) {
    return dims(tensor)[i];
  }

  /// States what the extents of a tensor are, where its op cannot tell.
  void set(mlir::Value tensor, llvm::ArrayRef<mlir::OpFoldResult> extents) {
    known[tensor].assign(extents.begin(), extents.end());
  }

  /// Erases what was created in vain. Values handed out and not used yet become
  /// invalid, and so does the resolver.
  void eraseUnused();

private:
  using Dims = llvm::SmallVector<mlir::OpFoldResult>;
  void notifyOperationInserted(mlir::Operation *op,
                               mlir::OpBuilder::InsertPoint) override {
    created.push_back(op);
  }
  void ofArguments(mlir::Block *block);
  Dims readDims(mlir::Value tensor);
  void ofResults(mlir::Operation *op);
  /// What must be resolved before `op`'s results; empty for opaque ops.
  llvm::SmallVector<mlir::Value> inputsOf(mlir::Operation *op);

  mlir::OpBuilder b;
  llvm::DenseMap<mlir::Value, Dims> known;
  llvm::DenseMap<mlir::Attribute, mlir::OpFoldResult> symbols;
  std::vector<mlir::Operation *> created;
};

/// The name of a dimension of a function argument; null where it has none.
mlir::StringAttr dimSymbol(mlir::BlockArgument argument, int64_t i);

} // namespace weft::graph

#endif // WEFT_DIALECT_GRAPH_ANALYSIS_DIMRESOLVER_H
