// The families of patterns that `weft-simplify` runs together.
#ifndef WEFT_LIB_DIALECT_GRAPH_TRANSFORMS_SIMPLIFYPATTERNS_H
#define WEFT_LIB_DIALECT_GRAPH_TRANSFORMS_SIMPLIFYPATTERNS_H

#include "weft/Dialect/Graph/IR/Graph.h"
#include "weft/Dialect/Graph/IR/Shapes.h"

#include "mlir/IR/PatternMatch.h"

namespace weft::graph {

/// Scales and shifts by constants, into the weights before them.
void populateWeightPatterns(mlir::RewritePatternSet &patterns);
/// Reshapes, transposes, slices, concats, pads.
void populateMovementPatterns(mlir::RewritePatternSet &patterns);
/// Elementwise ops by cheaper or fewer ones.
void populateElementwisePatterns(mlir::RewritePatternSet &patterns);
/// What is rounded right afterwards.
void populateQuantizedPatterns(mlir::RewritePatternSet &patterns);

/// An i64 constant of rank 1.
mlir::Value shapeConstant(mlir::OpBuilder &b, mlir::Location loc,
                          llvm::ArrayRef<int64_t> values);

} // namespace weft::graph

#endif // WEFT_LIB_DIALECT_GRAPH_TRANSFORMS_SIMPLIFYPATTERNS_H
