// Strings while a model is imported. Rows see tensors of a type of their own,
// so that no operator takes them for numbers; behind that an element is its
// number in the table of strings, an i64, and equal strings have equal numbers.
// So whatever moves or compares elements does the same with strings.
#ifndef WEFT_LIB_IMPORT_ONNX_STRINGS_H
#define WEFT_LIB_IMPORT_ONNX_STRINGS_H

#include "NodeImport.h"

namespace weft::onnx {

/// Whether a value's tensors, or one of them, are of strings.
bool holdsStrings(mlir::Type type);

/// The numbers of strings as i64, and back; null gives null.
mlir::Value toNumbers(NodeImport &n, mlir::Value strings);
mlir::Value toStrings(NodeImport &n, mlir::Value numbers);

/// A constant of strings.
mlir::Value stringConstant(Importer &importer, mlir::OpBuilder &b,
                           mlir::Location loc, llvm::ArrayRef<int64_t> shape,
                           llvm::ArrayRef<llvm::StringRef> values);
mlir::Value stringVector(NodeImport &n, llvm::ArrayRef<llvm::StringRef> values);
mlir::Value stringScalar(NodeImport &n, llvm::StringRef value);
/// The constant of a tensor of strings, which has been checked.
mlir::Value stringConstant(Importer &importer, mlir::OpBuilder &b,
                           mlir::Location loc, const TensorProto &tensor);

/// A function of strings and integers, which broadcast; gives i64.
mlir::Value stringFunction(NodeImport &n, graph::StringFunction function,
                           llvm::ArrayRef<mlir::Value> arguments);

/// For each string the place of the last of `keys` that it is, or -1; in any
/// number of keys by one look into a table.
mlir::Value placeAmong(NodeImport &n, mlir::Value strings,
                       llvm::ArrayRef<llvm::StringRef> keys);
/// The same for keys by their numbers.
mlir::Value placeAmong(NodeImport &n, mlir::Value strings,
                       llvm::ArrayRef<int64_t> keys);

/// Conversions. What is no number fails the run.
mlir::Value stringsToNumbers(NodeImport &n, mlir::Value strings,
                             mlir::Type element);
mlir::Value numbersToStrings(NodeImport &n, mlir::Value numbers);

} // namespace weft::onnx

#endif // WEFT_LIB_IMPORT_ONNX_STRINGS_H
