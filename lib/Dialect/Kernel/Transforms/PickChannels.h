// Packs whose channels lie in blocks already, in another order.
#ifndef WEFT_LIB_DIALECT_KERNEL_TRANSFORMS_PICKCHANNELS_H
#define WEFT_LIB_DIALECT_KERNEL_TRANSFORMS_PICKCHANNELS_H

#include "Outline.h"

namespace weft::kernel {

/// Replaces each graph.pack of f32 channels that are those of blocked tensors —
/// split, joined, shuffled — by one kernel that picks them from there.
void pickChannels(mlir::func::FuncOp function, Extents &extents,
                  Outliner &outliner);

} // namespace weft::kernel

#endif // WEFT_LIB_DIALECT_KERNEL_TRANSFORMS_PICKCHANNELS_H
