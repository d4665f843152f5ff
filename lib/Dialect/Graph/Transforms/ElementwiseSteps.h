// Elementwise ops behind one op, which a fusion takes into a region.
#ifndef WEFT_LIB_DIALECT_GRAPH_TRANSFORMS_ELEMENTWISESTEPS_H
#define WEFT_LIB_DIALECT_GRAPH_TRANSFORMS_ELEMENTWISESTEPS_H

#include "weft/Dialect/Graph/IR/Graph.h"

#include "llvm/ADT/SetVector.h"

namespace weft::graph {

template <typename Source>
struct ElementwiseSteps {
  Source source;                            ///< null until it is found
  llvm::SetVector<mlir::Operation *> steps; ///< each after what it reads

  /// True where `value` is computed from the source by elementwise ops. The
  /// first Source on the way is the one; another is only read. `within`: the
  /// block that all of them are in, if that matters.
  bool reach(mlir::Value value, mlir::Block *within = nullptr) {
    mlir::Operation *op = value.getDefiningOp();
    if (!op || (within && op->getBlock() != within))
      return false;
    if (auto found = llvm::dyn_cast<Source>(op)) {
      if (!source)
        source = found;
      return source == found;
    }
    if (!llvm::isa<ScalarBody>(op) || llvm::isa<CopyOp>(op))
      return false;
    if (steps.contains(op))
      return true;
    bool reaches = false;
    for (mlir::Value operand : op->getOperands())
      reaches |= reach(operand, within);
    if (reaches)
      steps.insert(op);
    return reaches;
  }
};

} // namespace weft::graph

#endif // WEFT_LIB_DIALECT_GRAPH_TRANSFORMS_ELEMENTWISESTEPS_H
