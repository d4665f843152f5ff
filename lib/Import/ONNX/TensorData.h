// The contents of TensorProto, in the three places ONNX allows: raw bytes, a
// field of its type, or a file. Sizes are checked against each other before any
// memory is allocated for them.
#ifndef WEFT_LIB_IMPORT_ONNX_TENSORDATA_H
#define WEFT_LIB_IMPORT_ONNX_TENSORDATA_H

#include "ExternalData.h"
#include "Proto.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"

namespace weft::onnx {

/// The element type that IR has for ONNX's; null where it has none. Signed
/// integers are signless, unsigned ones are unsigned, bool is i1.
mlir::Type elementType(mlir::MLIRContext *context, int onnxType);
/// The same with strings, which are no numbers.
mlir::Type anyElementType(mlir::MLIRContext *context, int onnxType);
mlir::Type stringType(mlir::MLIRContext *context);
bool isString(mlir::Type element);
/// "float", "int4", … as ONNX writes it.
std::string typeName(int onnxType);
/// Bytes of `count` elements in raw_data, where those of less than a byte are
/// packed; 0 for types that IR has not.
uint64_t packedBytes(int onnxType, int64_t count);

/// Elements of a tensor of these extents; fails on negative extents and on more
/// than 2^40 elements.
llvm::Expected<int64_t> elementCount(const TensorProto &tensor);

/// Checks type, extents and amount of data. `folder` resolves external data;
/// the file must exist and hold what the tensor claims.
llvm::Error checkTensor(const TensorProto &tensor, ExternalFolder &folder);

/// The elements of one tensor as row-major little-endian bytes, one byte a
/// bool or an element of less than a byte. What backs them (a string, a mapped
/// file) lives as long as this or any copy.
struct TensorBytes {
  llvm::ArrayRef<char> bytes;
  std::shared_ptr<void> owner;
};

/// The bytes of a checked tensor. Moves or maps what it can instead of copying:
/// `tensor` has no data afterwards.
llvm::Expected<TensorBytes> takeBytes(TensorProto &tensor,
                                      ExternalFolder &folder);

/// The attribute of a constant: dense up to 64 elements, a resource above.
mlir::ElementsAttr constantAttr(mlir::RankedTensorType type, TensorBytes data,
                                llvm::StringRef name);

} // namespace weft::onnx

#endif // WEFT_LIB_IMPORT_ONNX_TENSORDATA_H
