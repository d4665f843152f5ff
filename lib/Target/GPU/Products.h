// The emitters of matrix products and convolutions for a thread block.
#ifndef WEFT_LIB_TARGET_GPU_PRODUCTS_H
#define WEFT_LIB_TARGET_GPU_PRODUCTS_H

#include "IndexBuilder.h"
#include "weft/Dialect/Kernel/IR/Kernel.h"

namespace weft::gpu {

/// A product's value as the type of its sums: widened where it is narrower.
mlir::Value widen(IndexBuilder &b, mlir::Value value, mlir::Type sum);

/// a * b + sum, in one rounding for floats.
mlir::Value multiplyAdd(IndexBuilder &b, mlir::Value x, mlir::Value y,
                        mlir::Value sum);

/// Computes the epilogue of `op` (a product) on `sum` for the result's element
/// at `indices`, and stores it there.
void storeThroughEpilogue(IndexBuilder &b, mlir::Operation *op, mlir::Value sum,
                          mlir::ValueRange indices);

/// Replace the op, which works on memrefs, by one `scf.forall`.
void emitMatMul(kernel::MatMulOp op, IndexBuilder &b);
void emitConv(kernel::ConvOp op, IndexBuilder &b);
void emitDepthwiseConv(kernel::DepthwiseConvOp op, IndexBuilder &b);

} // namespace weft::gpu

#endif // WEFT_LIB_TARGET_GPU_PRODUCTS_H
