// The operands of a convolution as rows of pixels; all spatial dimensions
// become one row where every operand allows it.
#ifndef WEFT_LIB_TARGET_CPU_MICROKERNEL_FLATIMAGE_H
#define WEFT_LIB_TARGET_CPU_MICROKERNEL_FLATIMAGE_H

#include "Epilogue.h"
#include "LoopBuilder.h"

namespace weft::cpu {

/// Input [N, C1, spatial…, cb] and output [N, K1, spatial…, 16].
struct ImageOperands {
  mlir::Value input;
  Epilogue epilogue;
  Values extents; ///< of the output, the block left out

  /// Asks for one row of all pixels. Only for windows and strides of 1; nothing
  /// happens where an operand's layout or map does not allow it.
  void flatten();
  bool isFlat() const { return flat; }

  /// Makes one row of all pixels without views: each pixel's indices are
  /// computed. For rows so short that tiles of one row would waste registers.
  void listPixels(LoopBuilder &b);
  bool isListed() const { return !listed.empty(); }

  /// The spatial indices in the output of a pixel of a row.
  Values place(LoopBuilder &b, llvm::ArrayRef<mlir::Value> row,
               mlir::Value pixel) const;

  /// Sets `extents`.
  void readExtents(LoopBuilder &b);
  /// Makes the views of flat operands at the insertion point.
  void collapse(LoopBuilder &b);

  /// The extents of the rows: the spatial ones but the last.
  llvm::ArrayRef<mlir::Value> rowExtents() const {
    return llvm::ArrayRef(extents).drop_front(2).drop_back();
  }
  mlir::Value rowCount(LoopBuilder &b) const;
  mlir::Value pixels() const { return extents.back(); }

private:
  bool flat = false;
  Values listed; ///< the spatial extents behind the row of all pixels
};

} // namespace weft::cpu

#endif // WEFT_LIB_TARGET_CPU_MICROKERNEL_FLATIMAGE_H
