// One linalg op as loops that the threads of a block share.
#ifndef WEFT_LIB_TARGET_GPU_LINALGTOTHREADS_H
#define WEFT_LIB_TARGET_GPU_LINALGTOTHREADS_H

#include "IndexBuilder.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"

namespace weft::gpu {

/// Emits before `op`, which works on memrefs, what all threads of the block do
/// for it. Every thread of the block must come by. What is written is seen by
/// others after the next barrier.
void emitForThreads(mlir::linalg::GenericOp op, IndexBuilder &b);

} // namespace weft::gpu

#endif // WEFT_LIB_TARGET_GPU_LINALGTOTHREADS_H
