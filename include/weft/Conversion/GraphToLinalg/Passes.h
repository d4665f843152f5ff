// The pass from graph ops to linalg; Passes.td describes it.
#ifndef WEFT_CONVERSION_GRAPHTOLINALG_PASSES_H
#define WEFT_CONVERSION_GRAPHTOLINALG_PASSES_H

#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Pass/Pass.h"
#include "weft/Dialect/Kernel/IR/Kernel.h"

namespace weft {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "weft/Conversion/GraphToLinalg/Passes.h.inc"

} // namespace weft

#endif // WEFT_CONVERSION_GRAPHTOLINALG_PASSES_H
