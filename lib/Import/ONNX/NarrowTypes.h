// Element types of less than a byte and floats of a byte. No target computes
// with them; models store weights and quantized values in them and convert.
//
// Rows see them as MLIR's own types, so that every type rule and message says
// what the model says. Behind that each element is one byte: conversions are
// written out by tables, and when a model is imported every narrow type is
// replaced by the type of its bytes. Signed integers are sign-extended to i8,
// unsigned ones zero-extended to ui8, floats are their bits in ui8.
#ifndef WEFT_LIB_IMPORT_ONNX_NARROWTYPES_H
#define WEFT_LIB_IMPORT_ONNX_NARROWTYPES_H

#include "NodeImport.h"
#include "mlir/IR/BuiltinOps.h"

namespace weft::onnx {

/// How a conversion to a narrow float treats what it cannot represent.
struct NarrowRounding {
  enum Direction { Nearest, Up, Down };
  /// Too large becomes the largest number; otherwise infinity or NaN.
  bool saturate = true;
  Direction direction = Nearest; ///< for float8e8m0, which alone may choose
};

bool isNarrow(mlir::Type element);
/// The type of an element's byte, or of a string's number; `element` itself
/// where it is neither.
mlir::Type storageType(mlir::Type element);
/// "f8e4m3fn", "i4", "string", …: as manifests name the type.
std::string narrowName(mlir::Type element);

/// The bytes of narrow elements, and back. The element types must fit.
mlir::Value toBytes(NodeImport &n, mlir::Value narrow);
mlir::Value fromBytes(NodeImport &n, mlir::Value bytes, mlir::Type element);

/// Conversions; null operands give null. `decode` gives f32 for floats and the
/// byte for integers.
mlir::Value decodeNarrow(NodeImport &n, mlir::Value narrow);
mlir::Value encodeNarrow(NodeImport &n, mlir::Value x, mlir::Type element,
                         NarrowRounding rounding = {});

/// A constant of narrow or other elements.
mlir::Value constantOfBytes(mlir::OpBuilder &b, mlir::Location loc,
                            mlir::RankedTensorType type,
                            mlir::ElementsAttr attr);

/// What the caller of a model wrote beside the bits of a narrow integer is
/// ignored.
mlir::Value canonicalBytes(mlir::OpBuilder &b, mlir::Location loc,
                           mlir::Value narrow);

/// Replaces narrow types everywhere in `main` by those of their bytes.
void storeNarrowTypes(mlir::Operation *main);

} // namespace weft::onnx

#endif // WEFT_LIB_IMPORT_ONNX_NARROWTYPES_H
