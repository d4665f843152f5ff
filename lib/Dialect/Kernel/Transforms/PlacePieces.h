// Concatenation and constant padding as tensors that others write into.
#ifndef WEFT_LIB_DIALECT_KERNEL_TRANSFORMS_PLACEPIECES_H
#define WEFT_LIB_DIALECT_KERNEL_TRANSFORMS_PLACEPIECES_H

#include "Outline.h"

namespace weft::kernel {

/// Replaces each graph.concat and each constant graph.pad of known pads by
/// insertions of their pieces into one tensor. A piece that a kernel computes
/// for this one use is inserted as it is, right after the kernel, so that the
/// kernel can write in place; any other piece is copied by a kernel.
void placePieces(mlir::func::FuncOp function, Extents &extents,
                 Outliner &outliner);

} // namespace weft::kernel

#endif // WEFT_LIB_DIALECT_KERNEL_TRANSFORMS_PLACEPIECES_H
