// Sequences and optionals as tensors, so that nothing behind the importer needs
// to know them.
//
// A sequence is the elements of all its tensors one after another, tensor<?xT>,
// and their shapes, tensor<?x8xi64>: one row for each tensor, with -1 after its
// last extent. An optional is a flag, tensor<i1>, and the value, which is zeros
// where there is none.
//
// While a model is imported they are values of tuple types, made of their parts
// by an unrealized_conversion_cast. Parts are taken from the cast's operands,
// so that no cast is left at the end; regions take and give parts.
#ifndef WEFT_LIB_IMPORT_ONNX_SEQUENCES_H
#define WEFT_LIB_IMPORT_ONNX_SEQUENCES_H

#include "NodeImport.h"

namespace weft::onnx {

struct Sequence {
  mlir::Value elements, shapes;
};

/// How one tensor that passes the boundary of a model belongs to a value.
struct Port {
  std::string name;
  mlir::RankedTensorType type;
  llvm::StringRef role; ///< "", "elements", "shapes" or "present"
};

bool isSequence(mlir::Type type);
bool isOptional(mlir::Type type);
/// T of a sequence of tensors of T.
mlir::Type elementOfSequence(mlir::Type type);

/// A sequence of tensors that are known one by one.
mlir::Value knownSequence(mlir::OpBuilder &b, mlir::Location loc,
                          mlir::ValueRange tensors, mlir::Type element);
/// The tensors of such a sequence; nothing for others.
std::optional<llvm::SmallVector<mlir::Value>>
knownTensors(mlir::Value sequence);

mlir::Value makeSequence(mlir::OpBuilder &b, mlir::Location loc,
                         Sequence parts);
/// Writes the parts of a known sequence at the builder's place.
Sequence partsOf(mlir::OpBuilder &b, mlir::Location loc, mlir::Value sequence);

mlir::Value makeOptional(mlir::OpBuilder &b, mlir::Location loc,
                         mlir::Value present, mlir::Value value);
/// Flag and value of an optional; any other value is there.
std::pair<mlir::Value, mlir::Value>
optionalParts(mlir::OpBuilder &b, mlir::Location loc, mlir::Value value);

/// All tensors that a value is made of; a tensor itself.
llvm::SmallVector<mlir::Value> flattened(mlir::OpBuilder &b, mlir::Location loc,
                                         mlir::ValueRange values);
/// The reverse for values of these types; types of tensors need not be exact.
llvm::SmallVector<mlir::Value> assembled(mlir::OpBuilder &b, mlir::Location loc,
                                         mlir::TypeRange types,
                                         mlir::ValueRange tensors);

/// A value as an optional where `like` is one, or as what is in it where `like`
/// is none.
mlir::Value coerced(mlir::OpBuilder &b, mlir::Location loc, mlir::Value value,
                    mlir::Type like);

/// The type of values of an ONNX type; null where IR has none.
mlir::Type valueTypeOf(mlir::MLIRContext *context, const TypeProto &type);
/// The tensors by which a value of this type is passed.
void addPorts(llvm::StringRef name, mlir::Type type,
              llvm::SmallVectorImpl<Port> &ports);
/// Zeros, or an empty sequence; extents that are not known are 0.
mlir::Value emptyValue(mlir::OpBuilder &b, mlir::Location loc, mlir::Type type);

} // namespace weft::onnx

#endif // WEFT_LIB_IMPORT_ONNX_SEQUENCES_H
