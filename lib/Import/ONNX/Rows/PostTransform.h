// The last step of ai.onnx.ml's models: scores as they are asked for.
#ifndef WEFT_LIB_IMPORT_ONNX_ROWS_POSTTRANSFORM_H
#define WEFT_LIB_IMPORT_ONNX_ROWS_POSTTRANSFORM_H

#include "../Table.h"

namespace weft::onnx {

/// `scores` [N, classes] after NONE, LOGISTIC, SOFTMAX, SOFTMAX_ZERO or PROBIT;
/// null after an error for another name.
mlir::Value postTransform(NodeImport &n, llvm::StringRef name,
                          mlir::Value scores);

/// The names of a model's classes.
struct ClassLabels {
  llvm::SmallVector<int64_t> numbers;
  llvm::SmallVector<llvm::StringRef> texts; ///< where there are no numbers

  ClassLabels(NodeImport &n, llvm::StringRef numbersName,
              llvm::StringRef textsName);
  size_t size() const { return std::max(numbers.size(), texts.size()); }
  bool empty() const { return size() == 0; }
  mlir::Value vector(NodeImport &n) const;
  mlir::Value at(NodeImport &n, size_t i) const;
};

/// The label of the best entry of each row of `scores`; without labels the
/// number of the entry.
mlir::Value bestLabel(NodeImport &n, mlir::Value scores,
                      const ClassLabels &labels);

/// A constant vector (or of `shape`) of f32.
mlir::Value floats(NodeImport &n, llvm::ArrayRef<float> values,
                   llvm::ArrayRef<int64_t> shape = {});

/// `x` as floats: integers become f32.
mlir::Value asFloats(NodeImport &n, mlir::Value x);

} // namespace weft::onnx

#endif // WEFT_LIB_IMPORT_ONNX_ROWS_POSTTRANSFORM_H
