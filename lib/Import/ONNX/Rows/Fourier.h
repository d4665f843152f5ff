// Fast Fourier transforms of lengths that are known.
#ifndef WEFT_LIB_IMPORT_ONNX_ROWS_FOURIER_H
#define WEFT_LIB_IMPORT_ONNX_ROWS_FOURIER_H

#include "../NodeImport.h"

namespace weft::onnx {

/// True where there is a way that needs about n log n steps, and it pays.
bool hasFastTransform(int64_t length);

/// The transforms of the lines of `x` [parts, lines, length], f32 or f64; one
/// part means real numbers. The result is [2, length, lines]. `inverse` has the
/// other sign of angles, and does not scale.
mlir::Value fastTransform(NodeImport &n, mlir::Value x, bool inverse);

} // namespace weft::onnx

#endif // WEFT_LIB_IMPORT_ONNX_ROWS_FOURIER_H
