// The last step of ai.onnx.ml's models: scores as they are asked for.
#ifndef WEFT_LIB_IMPORT_ONNX_ROWS_POSTTRANSFORM_H
#define WEFT_LIB_IMPORT_ONNX_ROWS_POSTTRANSFORM_H

#include "../Table.h"

namespace weft::onnx {

/// `scores` [N, classes] after NONE, LOGISTIC, SOFTMAX, SOFTMAX_ZERO or PROBIT;
/// null after an error for another name.
mlir::Value postTransform(NodeImport &n, llvm::StringRef name,
                          mlir::Value scores);

/// labels[best entry of each row of `scores`], and an error for strings.
/// Without labels it is the number of the entry.
mlir::Value bestLabel(NodeImport &n, mlir::Value scores,
                      llvm::ArrayRef<int64_t> labels);

/// A constant vector (or of `shape`) of f32.
mlir::Value floats(NodeImport &n, llvm::ArrayRef<float> values,
                   llvm::ArrayRef<int64_t> shape = {});

/// `x` as floats: integers become f32.
mlir::Value asFloats(NodeImport &n, mlir::Value x);

} // namespace weft::onnx

#endif // WEFT_LIB_IMPORT_ONNX_ROWS_POSTTRANSFORM_H
