// Constants as bytes: one way to read and to make the elements of a constant
// tensor, whichever attribute holds them. Small ones and splats are
// DenseElementsAttr, which live as long as the context; others are
// DenseResourceElementsAttr, whose bytes can be freed when no op uses them.
#ifndef WEFT_SUPPORT_CONSTANTS_H
#define WEFT_SUPPORT_CONSTANTS_H

#include "mlir/IR/AsmState.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Operation.h"
#include <cstring>
#include <optional>

namespace weft {

/// Constants of more elements (unless all are equal) are kept as resources.
constexpr int64_t kInlineElements = 64;

/// Bytes of one element in memory and in the data below; i1 takes one. 0 for
/// types that no constant has.
unsigned elementBytes(mlir::Type elementType);

/// Bytes of all elements of a tensor; nothing where an extent is dynamic or the
/// size exceeds 63 bits.
std::optional<int64_t> tensorBytes(mlir::ShapedType type);

/// The elements of a constant, row-major, in the machine's byte order. Refers
/// to the attribute's storage: valid while the attribute is used.
class ConstantData {
public:
  /// Nothing where `attr` is no elements attribute with bytes to read.
  static std::optional<ConstantData> get(mlir::Attribute attr);
  /// Of the constant op that defines `value`; nothing where there is none.
  static std::optional<ConstantData> get(mlir::Value value);

  mlir::RankedTensorType type() const { return tensor; }
  int64_t numElements() const { return tensor.getNumElements(); }
  /// True where all elements are equal; `bytes` is then one element.
  bool isSplat() const { return splat; }
  /// All elements, or the one of a splat.
  llvm::ArrayRef<char> bytes() const {
    return owned.empty() ? data : llvm::ArrayRef<char>(owned);
  }
  /// The bytes of element `i`.
  llvm::ArrayRef<char> element(int64_t i) const {
    unsigned size = elementBytes(tensor.getElementType());
    return bytes().slice(splat ? 0 : i * size, size);
  }
  /// Element `i` of a tensor whose elements are stored as T.
  template <typename T>
  T at(int64_t i) const {
    T value;
    std::memcpy(&value, element(i).data(), sizeof(T));
    return value;
  }
  /// Element `i` of a tensor of integers, extended to 64 bits as its type's
  /// signedness says.
  int64_t intAt(int64_t i) const;
  /// Element `i` of a tensor of any number type, to double precision.
  double floatAt(int64_t i) const;

private:
  mlir::RankedTensorType tensor;
  llvm::ArrayRef<char> data;
  llvm::SmallVector<char, 0> owned; // unpacked bits of a dense i1 attribute
  bool splat = false;
};

/// A constant with the given elements, copied. `bytes` holds all elements or
/// one, which is then repeated; equal elements make a splat in any case.
mlir::ElementsAttr makeConstant(mlir::RankedTensorType type,
                                llvm::ArrayRef<char> bytes);

/// Uninitialised elements for `type`, to be filled and handed to the overload
/// below: saves a copy of big constants.
mlir::AsmResourceBlob allocateConstant(mlir::RankedTensorType type);

/// A constant that takes over `blob`. Without a name it gets one made of its
/// contents' hash, and equal constants share one blob; with a name nothing is
/// read, as suits mapped files.
mlir::ElementsAttr makeConstant(mlir::RankedTensorType type,
                                mlir::AsmResourceBlob blob,
                                llvm::StringRef name = "");

/// The same elements under another type of as many elements and the same
/// element width; nothing is copied. Null where `attr` cannot be retyped.
mlir::ElementsAttr retypeConstant(mlir::ElementsAttr attr,
                                  mlir::RankedTensorType type);

/// Frees the bytes of one resource constant. The caller knows that no op of the
/// context uses them any more.
void freeConstant(mlir::ElementsAttr attr);

/// Frees the bytes of all resource constants of the context that no op below
/// `root` uses. A context holds one module, or this must not be called.
void freeUnusedConstants(mlir::Operation *root);

} // namespace weft

#endif // WEFT_SUPPORT_CONSTANTS_H
