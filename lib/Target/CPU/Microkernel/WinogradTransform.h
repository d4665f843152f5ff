// The transforms of minimal filtering along one axis, on vectors of channels:
// F(4, 3) and F(2, 3) with the points of weft/Dialect/Kernel/IR/Winograd.h, and
// the identity, F(1, 1).
#ifndef WEFT_LIB_TARGET_CPU_MICROKERNEL_WINOGRADTRANSFORM_H
#define WEFT_LIB_TARGET_CPU_MICROKERNEL_WINOGRADTRANSFORM_H

#include "Product.h"

namespace weft::cpu {

class WinogradAxis {
public:
  explicit WinogradAxis(int64_t extent);

  int64_t outputs() const { return extent; }
  /// Inputs that a tile reads, and products that it needs.
  int64_t positions() const { return count; }

  /// Neighbouring positions that share most of their arithmetic.
  struct Part {
    int64_t first, count;
  };
  llvm::ArrayRef<Part> parts() const;

  /// The input at a part's positions. Asks for each element once at most.
  Values forward(LoopBuilder &b, const Product &product, const Part &part,
                 llvm::function_ref<mlir::Value(int64_t)> input) const;
  /// The outputs from the sums at all positions.
  Values inverse(LoopBuilder &b, const Product &product,
                 llvm::ArrayRef<mlir::Value> sums) const;

private:
  int64_t extent, count;
};

} // namespace weft::cpu

#endif // WEFT_LIB_TARGET_CPU_MICROKERNEL_WINOGRADTRANSFORM_H
