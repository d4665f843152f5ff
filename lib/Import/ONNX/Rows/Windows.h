// The window attributes that convolutions and pooling share.
#ifndef WEFT_LIB_IMPORT_ONNX_ROWS_WINDOWS_H
#define WEFT_LIB_IMPORT_ONNX_ROWS_WINDOWS_H

#include "Equation.h"

namespace weft::onnx {

/// A window over the spatial dimensions, those of input 0 from 2 on.
struct Window {
  Ints extents; ///< dynamic where only the run knows
  Ints strides, pads, dilations;
  /// tensor<2 x count x i64>: what auto_pad adds before and after each
  /// dimension where only the run knows; `pads` are then 0.
  mlir::Value amounts;

  bool isKnown() const {
    return llvm::none_of(extents, mlir::ShapedType::isDynamic);
  }
};

/// Bounds that keep products of these far inside 64 bits; the type rules of the
/// ops check the same of what they are given. Reports what is outside.
bool inRange(NodeImport &n, llvm::StringRef what,
             llvm::ArrayRef<int64_t> values, size_t count, int64_t least);

/// Strides, pads and dilations for windows of `extents`. auto_pad is left to
/// the caller.
std::optional<Window> readWindow(NodeImport &n,
                                 llvm::ArrayRef<int64_t> extents);

/// The same with the pads of auto_pad. Extents that are not known are those of
/// `weight`.
std::optional<Window> window(NodeImport &n, llvm::ArrayRef<int64_t> extents,
                             mlir::Value weight = nullptr);

/// From its first element to its last, how many the window spans along spatial
/// dimension `i`: tensor<1xi64>.
Num reachOf(NodeImport &n, const Window &w, size_t i, mlir::Value weight);

/// `x` with the window's `amounts` of `fill` around, if it has some.
mlir::Value padded(NodeImport &n, mlir::Value x, const Window &w,
                   mlir::Value fill);

} // namespace weft::onnx

#endif // WEFT_LIB_IMPORT_ONNX_ROWS_WINDOWS_H
