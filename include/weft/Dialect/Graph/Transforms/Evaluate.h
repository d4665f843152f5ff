// Graph ops on constants, computed by the compiler at native speed. What
// `weft-fold-constants` does to a whole module, for rewrites that need the
// result at once.
#ifndef WEFT_DIALECT_GRAPH_TRANSFORMS_EVALUATE_H
#define WEFT_DIALECT_GRAPH_TRANSFORMS_EVALUATE_H

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/PatternMatch.h"

namespace weft::graph {

/// The value of a graph op with one result whose operands are constants. Its
/// type is static and agrees with the op's result type, which may say less.
/// Null where an operand is not constant, where the op's family is not
/// evaluated, and where the result would take more than 1 MiB and more than
/// four times the operands' bytes (splats are free).
mlir::ElementsAttr evaluate(mlir::Operation *op);

/// Replaces `op` by a constant where evaluate() gives one; a tensor.cast keeps
/// the old type where that said less. True when it did.
bool replaceByConstant(mlir::RewriterBase &rewriter, mlir::Operation *op);

/// Creates an op and, where its operands are constants, evaluates it at once.
template <typename Op, typename... Args>
mlir::Value createOrEvaluate(mlir::RewriterBase &rewriter, mlir::Location loc,
                             Args &&...args);

/// The constant that `op`, just created, evaluates to, or its result.
mlir::Value evaluatedResult(mlir::RewriterBase &rewriter, mlir::Operation *op);

template <typename Op, typename... Args>
mlir::Value createOrEvaluate(mlir::RewriterBase &rewriter, mlir::Location loc,
                             Args &&...args) {
  return evaluatedResult(
      rewriter, Op::create(rewriter, loc, std::forward<Args>(args)...));
}

} // namespace weft::graph

#endif // WEFT_DIALECT_GRAPH_TRANSFORMS_EVALUATE_H
