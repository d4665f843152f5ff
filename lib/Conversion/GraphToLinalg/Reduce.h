// Pieces of reductions that norms, softmax and pooling use too.
#ifndef WEFT_LIB_CONVERSION_GRAPHTOLINALG_REDUCE_H
#define WEFT_LIB_CONVERSION_GRAPHTOLINALG_REDUCE_H

#include "Lowering.h"

namespace weft::lowering {

/// What a reduction starts with: combine(neutral, x) is x.
mlir::Value neutral(mlir::ImplicitLocOpBuilder &b, graph::ReduceKind kind,
                    mlir::Type type, bool isUnsigned);
/// `x` joined to the `total` so far; a mean is joined as a sum.
mlir::Value combine(mlir::ImplicitLocOpBuilder &b, graph::ReduceKind kind,
                    mlir::Value total, mlir::Value x, bool isUnsigned);

struct ReductionMaps {
  mlir::AffineMap input, output;
};
/// Loops of the result first, then one for each of `axes`.
ReductionMaps reductionMaps(LoopBuilder &b, int64_t rank,
                            llvm::ArrayRef<int64_t> axes, bool keepDims);

/// `input` combined along `axes` to a tensor of `dims`, in the accumulator's
/// type; sums, not means.
mlir::Value reduceLoops(LoopBuilder &b, graph::ReduceKind kind,
                        mlir::Value input, llvm::ArrayRef<int64_t> axes,
                        bool keepDims, LoopBuilder::Dims dims, bool isUnsigned);

/// The number of elements along `axes` as a scalar of `type`.
mlir::Value countOf(LoopBuilder &b, mlir::Value input,
                    llvm::ArrayRef<int64_t> axes, mlir::Type type);

/// `body` of each element of `input`.
mlir::Value mapElements(
    LoopBuilder &b, mlir::Value input, mlir::Type element,
    llvm::function_ref<mlir::Value(mlir::ImplicitLocOpBuilder &, mlir::Value)>
        body);

} // namespace weft::lowering

#endif // WEFT_LIB_CONVERSION_GRAPHTOLINALG_REDUCE_H
