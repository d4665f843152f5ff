// Decides how a linalg op on memrefs becomes loops: which loops are merged,
// which one runs on vectors, and how far it is unrolled.
#ifndef WEFT_LIB_TARGET_CPU_LOOPPLAN_H
#define WEFT_LIB_TARGET_CPU_LOOPPLAN_H

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/IR/PatternMatch.h"

namespace weft::cpu {

/// How an operand is read or written along the vector loop.
enum class Access {
  Uniform,    ///< the same element in every lane
  Contiguous, ///< neighbours in memory
  Scattered   ///< lane by lane
};

struct LoopPlan {
  /// The loop that runs on vectors, or -1.
  int64_t vectorLoop = -1;
  int64_t lanes = 1;
  /// Vectors in flight, so that chains of sums do not wait for each other.
  int64_t unroll = 1;
  /// True where the vector loop is a reduction, kept in vector sums that are
  /// joined at the end by `combiner`.
  bool reducesLanes = false;
  mlir::Operation *combiner = nullptr;
  /// Partial sums of each vector along the last reduction loop, joined by
  /// `combiner`: for where a vector is all there is along the vector loop.
  int64_t chains = 1;
  /// A partial last vector can be loaded and stored under a mask; otherwise
  /// the rest is done element by element.
  bool masked = false;

  /// A parallel loop along which what is scattered along the vector loop is
  /// contiguous, or -1: a square of both is transposed in registers.
  int64_t transposedLoop = -1;

  /// Outside in, without the vector loop and the transposed one.
  llvm::SmallVector<int64_t> parallelLoops;
  llvm::SmallVector<int64_t> reductionLoops; ///< likewise
};

/// Access to `operand` of `op` along `loop`.
Access accessAlong(mlir::linalg::GenericOp op, mlir::OpOperand &operand,
                   int64_t loop);

/// By how much `index`, an index in the body of `op`, grows from lane to lane
/// of `loop`; nothing where it does not grow by a constant.
std::optional<int64_t> laneStep(mlir::linalg::GenericOp op, mlir::Value index,
                                int64_t loop);

LoopPlan planLoops(mlir::linalg::GenericOp op, int64_t width);

/// Merges neighbouring loops wherever all operands are contiguous over both.
/// Returns the op to go on with.
mlir::linalg::GenericOp mergeLoops(mlir::RewriterBase &rewriter,
                                   mlir::linalg::GenericOp op);

} // namespace weft::cpu

#endif // WEFT_LIB_TARGET_CPU_LOOPPLAN_H
