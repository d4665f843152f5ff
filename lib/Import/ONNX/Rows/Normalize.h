// Norms that operators of several domains are made of.
#ifndef WEFT_LIB_IMPORT_ONNX_ROWS_NORMALIZE_H
#define WEFT_LIB_IMPORT_ONNX_ROWS_NORMALIZE_H

#include "../Table.h"

namespace weft::onnx {

/// (x - mean) / sqrt(variance + epsilon) * scale + bias over the axes from
/// `axis` on; scale and bias may be null.
mlir::Value layerNorm(NodeImport &n, mlir::Value x, mlir::Value scale,
                      mlir::Value bias, int64_t axis, double epsilon);

/// x / sqrt(mean(x²) + epsilon) * scale over the axes from `axis` on, in f32 at
/// least.
mlir::Value rmsNorm(NodeImport &n, mlir::Value x, mlir::Value scale,
                    int64_t axis, double epsilon);

} // namespace weft::onnx

#endif // WEFT_LIB_IMPORT_ONNX_ROWS_NORMALIZE_H
