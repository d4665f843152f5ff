// Pieces of operators that several files of rows use.
#ifndef WEFT_LIB_IMPORT_ONNX_ROWS_SHARED_H
#define WEFT_LIB_IMPORT_ONNX_ROWS_SHARED_H

#include "../Table.h"

namespace weft::onnx {

/// Fails with an error where one of the first `count` inputs is absent: of
/// operators of which ONNX has no schema.
llvm::LogicalResult needInputs(NodeImport &n, unsigned count);

/// numpy's matmul: the product of the last two dimensions, vectors included.
mlir::Value matrixProduct(NodeImport &n, mlir::Value a, mlir::Value b);

/// A vector of values for one axis, as a tensor that broadcasts with `rank`
/// dimensions; scalars and tensors of that rank stay as they are. Null with an
/// error where it is neither.
mlir::Value alongAxis(NodeImport &n, mlir::Value values, int64_t axis,
                      int64_t rank);

/// x - zeroPoint of quantized values: exactly, in i32, or for narrow floats in
/// f32. `zeroPoint` may be null and broadcasts.
mlir::Value centred(NodeImport &n, mlir::Value x, mlir::Value zeroPoint);

/// round(x / scale) + zeroPoint, saturated, in the given element type. Scale
/// and zero point broadcast; the latter may be null.
mlir::Value quantized(NodeImport &n, mlir::Value x, mlir::Value scale,
                      mlir::Value zeroPoint, mlir::Type element,
                      bool saturate = true);

/// The real numbers (whole - zeroPoint) * scale. `zeroPoint` may be null; it
/// and the scale are scalars or broadcast.
struct Scaled {
  mlir::Value whole, scale, zeroPoint;
};

/// a · b + bias in f32, of which the products are summed in integers; the scale
/// and zero point of `a` are scalars, those of `b` may be one for each column.
/// `bias` may be null.
mlir::Value scaledProduct(NodeImport &n, const Scaled &a, const Scaled &b,
                          mlir::Value bias);

/// Uniform numbers in [0, 1), f32 or f64, one for each element of `like`: the
/// same in every run.
mlir::Value uniformLike(NodeImport &n, mlir::Value like, mlir::Type element);

} // namespace weft::onnx

#endif // WEFT_LIB_IMPORT_ONNX_ROWS_SHARED_H
