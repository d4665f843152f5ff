// Which reductions can be shared by threads, and how their parts are put
// together in a fixed order.
#ifndef WEFT_LIB_TARGET_GPU_REDUCTIONS_H
#define WEFT_LIB_TARGET_GPU_REDUCTIONS_H

#include "IndexBuilder.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"

namespace weft::gpu {

/// How an output of a reduction combines two values.
struct Combiner {
  mlir::Operation *op; ///< with two operands, in the body
  mlir::TypedAttr neutral;

  mlir::Value combine(IndexBuilder &b, mlir::Value x, mlir::Value y) const;
};

/// One combiner for each output; nothing where some output does not combine by
/// one associative op, or has a type that threads cannot exchange.
std::optional<llvm::SmallVector<Combiner>>
findCombiners(mlir::linalg::GenericOp op);

/// Combines the values of the 32 threads of a warp; all of them get the result.
mlir::Value combineWarp(IndexBuilder &b, const Combiner &combiner,
                        mlir::Value value);

} // namespace weft::gpu

#endif // WEFT_LIB_TARGET_GPU_REDUCTIONS_H
