// The evaluator's families; Evaluate.cpp chooses among them. Each returns the
// value of an op for constant operands, of the static type given, or null where
// that op is not evaluated. Types have been inferred and agree.
#ifndef WEFT_LIB_DIALECT_GRAPH_TRANSFORMS_EVALUATEFAMILIES_H
#define WEFT_LIB_DIALECT_GRAPH_TRANSFORMS_EVALUATEFAMILIES_H

#include "weft/Dialect/Graph/IR/Graph.h"
#include "weft/Support/Constants.h"

namespace weft::graph {

mlir::ElementsAttr evaluateElementwise(ScalarBody op,
                                       llvm::ArrayRef<ConstantData> operands,
                                       mlir::RankedTensorType type);
/// Transpose, concat, slice, expand, tile, pad, gather, pack, unpack.
mlir::ElementsAttr evaluateMovement(mlir::Operation *op,
                                    llvm::ArrayRef<ConstantData> operands,
                                    mlir::RankedTensorType type);
/// Reduce and cumsum.
mlir::ElementsAttr evaluateReduction(mlir::Operation *op,
                                     const ConstantData &input,
                                     mlir::RankedTensorType type);

/// Copies elements of `size` bytes between two strided arrays of one shape;
/// strides count elements and may be 0 or negative.
void copyStrided(llvm::ArrayRef<int64_t> shape, unsigned size, const char *from,
                 llvm::ArrayRef<int64_t> fromStrides, char *to,
                 llvm::ArrayRef<int64_t> toStrides);

/// Strides of a dense row-major array.
llvm::SmallVector<int64_t> rowMajorStrides(llvm::ArrayRef<int64_t> shape);

} // namespace weft::graph

#endif // WEFT_LIB_DIALECT_GRAPH_TRANSFORMS_EVALUATEFAMILIES_H
