// Functions of floats as polynomials; described in Passes.td.
#ifndef WEFT_CONVERSION_EXPANDMATH_PASSES_H
#define WEFT_CONVERSION_EXPANDMATH_PASSES_H

#include "mlir/Pass/Pass.h"

namespace weft {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "weft/Conversion/ExpandMath/Passes.h.inc"

} // namespace weft

#endif // WEFT_CONVERSION_EXPANDMATH_PASSES_H
