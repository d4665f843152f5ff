// Fourier transforms.
#ifndef WEFT_LIB_IMPORT_ONNX_ROWS_FOURIER_H
#define WEFT_LIB_IMPORT_ONNX_ROWS_FOURIER_H

#include "../NodeImport.h"

namespace weft::onnx {

/// The transforms of the lines of `x` [parts, lines, length], f32 or f64; one
/// part means real numbers. The result is [2, length, lines]. `inverse` has the
/// other sign of angles, and does not scale. The length is at least 1; where it
/// is not known, the run takes the same steps as if it were. Then `isReal`
/// (i1), if any, says whether numbers of two parts are real.
mlir::Value fastTransform(NodeImport &n, mlir::Value x, bool inverse,
                          mlir::Value isReal = nullptr);

/// [length, 1] i1: the frequencies of real numbers that are real, the mean and
/// the highest one of an even length (tensor<1xi64>).
mlir::Value realFrequencies(NodeImport &n, mlir::Value length);

} // namespace weft::onnx

#endif // WEFT_LIB_IMPORT_ONNX_ROWS_FOURIER_H
