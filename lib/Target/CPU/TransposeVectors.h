// A square of elements in registers, turned.
#ifndef WEFT_LIB_TARGET_CPU_TRANSPOSEVECTORS_H
#define WEFT_LIB_TARGET_CPU_TRANSPOSEVECTORS_H

#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace weft::cpu {

/// Lane j of vector i becomes lane i of vector j. There are as many `rows` as a
/// row has lanes, a power of two.
llvm::SmallVector<mlir::Value>
transposeVectors(mlir::ImplicitLocOpBuilder &b,
                 llvm::ArrayRef<mlir::Value> rows);

} // namespace weft::cpu

#endif // WEFT_LIB_TARGET_CPU_TRANSPOSEVECTORS_H
