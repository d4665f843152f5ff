// Conversions to f16 and bf16 with integer arithmetic.
#ifndef WEFT_LIB_CONVERSION_EXPANDMATH_NARROWING_H
#define WEFT_LIB_CONVERSION_EXPANDMATH_NARROWING_H

#include "mlir/IR/PatternMatch.h"

namespace weft {

/// Conversions of f64 to f16 and of f32 and f64 to bf16, each rounded once.
void addNarrowingPatterns(mlir::RewritePatternSet &patterns);

} // namespace weft

#endif // WEFT_LIB_CONVERSION_EXPANDMATH_NARROWING_H
