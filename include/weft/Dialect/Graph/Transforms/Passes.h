// Passes from the graph dialect to the graph dialect; Passes.td describes them.
#ifndef WEFT_DIALECT_GRAPH_TRANSFORMS_PASSES_H
#define WEFT_DIALECT_GRAPH_TRANSFORMS_PASSES_H

#include "mlir/Pass/Pass.h"

namespace weft::graph {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "weft/Dialect/Graph/Transforms/Passes.h.inc"

} // namespace weft::graph

#endif // WEFT_DIALECT_GRAPH_TRANSFORMS_PASSES_H
