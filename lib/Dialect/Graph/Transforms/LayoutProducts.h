// What the layouts of products share, whatever is multiplied: the extents of a
// convolution, blocks of channels, padding, the first epilogue.
#ifndef WEFT_LIB_DIALECT_GRAPH_TRANSFORMS_LAYOUTPRODUCTS_H
#define WEFT_LIB_DIALECT_GRAPH_TRANSFORMS_LAYOUTPRODUCTS_H

#include "Floats.h"

#include "weft/Dialect/Graph/IR/Graph.h"
#include "weft/Dialect/Graph/IR/Shapes.h"
#include "weft/Dialect/Kernel/IR/Kernel.h"

#include "mlir/IR/PatternMatch.h"
#include "mlir/IR/TypeUtilities.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"

namespace weft::graph {

using Dims = llvm::SmallVector<mlir::OpFoldResult>;

/// Fewer input channels than this are read plain: blocks would be mostly zeros.
constexpr int64_t kFewChannels = 9;

/// The extents of the one result of `op`.
template <typename Op>
mlir::FailureOr<Dims> resultDims(mlir::PatternRewriter &rewriter, Op op) {
  mlir::ReifiedRankedShapedTypeDims reified;
  if (failed(reifyResultShapes(rewriter, op, reified)))
    return rewriter.notifyMatchFailure(op, "the result's extents are unknown");
  return Dims(reified[0]);
}

/// The extents of a convolution, seen by its weights.
struct ConvShape {
  int64_t groups, inputs, outputs; ///< channels of one group
  int64_t taps = 1;                ///< elements of the window
  llvm::SmallVector<int64_t> window;

  explicit ConvShape(ConvOp op);
  int64_t outputBlocks() const {
    return llvm::divideCeil(outputs, kernel::kBlock);
  }
  /// True where the input is read in blocks of channels.
  bool readsBlocks() const {
    return inputs % kernel::kBlock == 0 ||
           (groups == 1 && inputs >= kFewChannels);
  }
  /// How many channels of a block of the input the weights take at a time: less
  /// than all where zeros for the rest of the last block would cost much, and
  /// where groups begin inside of blocks.
  int64_t inputPart() const;
};

/// `x` with `value` around its spatial dimensions, those from 2 on.
mlir::Value padSpatial(mlir::OpBuilder &b, mlir::Location loc, mlir::Value x,
                       llvm::ArrayRef<int64_t> pads, mlir::TypedAttr value);

/// [N, groups * K1, …, 16] as [N, groups * K, …]. Groups that do not fill their
/// blocks are unpacked each for itself.
mlir::Value unpackGroups(mlir::OpBuilder &b, mlir::Location loc,
                         mlir::Value blocked, const ConvShape &s);

/// The last two dimensions swapped.
mlir::Value transposed(mlir::OpBuilder &b, mlir::Location loc,
                       mlir::Value matrix);

/// A value of each output channel as [groups * K1, 1…, 16], to be added to the
/// blocked result.
template <typename T>
mlir::Value packChannels(mlir::OpBuilder &b, mlir::Location loc,
                         const ConvShape &s, mlir::Type element,
                         llvm::function_ref<T(int64_t)> valueOf) {
  constexpr int64_t block = kernel::kBlock;
  int64_t k1 = s.outputBlocks();
  llvm::SmallVector<int64_t> shape = {s.groups * k1};
  shape.append(s.window.size(), 1);
  shape.push_back(block);
  return makeElements<T>(b, loc, tensorType(shape, element), [&](T *packed) {
    for (int64_t k = 0; k < s.groups * s.outputs; ++k)
      packed[((k / s.outputs) * k1 + (k % s.outputs) / block) * block +
             (k % s.outputs) % block] = valueOf(k);
  });
}

/// Gives a product an epilogue that yields the sum.
template <typename Op>
mlir::Value finishProduct(mlir::OpBuilder &b, Op op) {
  mlir::Block &body = op.getEpilogue().emplaceBlock();
  mlir::Value result = op->getResult(0);
  mlir::Value sum =
      body.addArgument(getElementTypeOrSelf(result.getType()), op.getLoc());
  auto nested = mlir::OpBuilder::atBlockBegin(&body);
  kernel::YieldOp::create(nested, op.getLoc(), sum);
  return result;
}

} // namespace weft::graph

#endif // WEFT_LIB_DIALECT_GRAPH_TRANSFORMS_LAYOUTPRODUCTS_H
