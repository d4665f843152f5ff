// The families of patterns that the layout passes run.
#ifndef WEFT_LIB_DIALECT_GRAPH_TRANSFORMS_LAYOUTPATTERNS_H
#define WEFT_LIB_DIALECT_GRAPH_TRANSFORMS_LAYOUTPATTERNS_H

#include "mlir/IR/PatternMatch.h"

namespace weft::graph {

/// Transposed convolutions by convolutions.
void populateTransposedConvPatterns(mlir::RewritePatternSet &patterns);

/// Products of bytes with constant weights: sums of integers.
void populateIntegerLayoutPatterns(mlir::RewritePatternSet &patterns);

} // namespace weft::graph

#endif // WEFT_LIB_DIALECT_GRAPH_TRANSFORMS_LAYOUTPATTERNS_H
