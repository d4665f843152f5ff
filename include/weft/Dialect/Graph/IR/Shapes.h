// Shape arithmetic that type rules, reification and lowerings share.
#ifndef WEFT_DIALECT_GRAPH_IR_SHAPES_H
#define WEFT_DIALECT_GRAPH_IR_SHAPES_H

#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Value.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include <optional>

namespace weft::graph {

constexpr int64_t kDynamic = mlir::ShapedType::kDynamic;

/// The ranked tensor type of `value`.
mlir::RankedTensorType tensorType(mlir::Value value);
mlir::RankedTensorType tensorType(llvm::ArrayRef<int64_t> shape,
                                  mlir::Type element);

/// The integers of a constant tensor, row-major; nothing if it is not constant.
std::optional<llvm::SmallVector<int64_t>> constantInts(mlir::Value value);

/// The integers of a shape tensor of static extent, as far as they are known:
/// of a constant, or of a tensor.from_elements some of whose operands are.
/// Empty where the extent is dynamic.
llvm::SmallVector<std::optional<int64_t>> knownInts(mlir::Value shapeTensor);

/// True where an integer or index scalar can be seen to be 0 or more: an
/// extent, or computed from extents by sums, products, quotients, …
bool isNonNegative(mlir::Value scalar);

/// numpy's broadcast of two extents; nothing where both are static and clash.
/// A dynamic extent against a static one other than 1 gives the static one.
std::optional<int64_t> broadcastExtent(int64_t a, int64_t b);

/// Output extent of a sliding window (convolution, pooling). Negative where the
/// window does not fit; dynamic where `extent` is.
int64_t windowExtent(int64_t extent, int64_t window, int64_t stride,
                     int64_t padBefore, int64_t padAfter, int64_t dilation,
                     bool ceilMode);

/// Type rule of elementwise ops: broadcast shape; element type `element`, or,
/// where null, the one all operands must share.
llvm::LogicalResult inferElementwise(std::optional<mlir::Location> loc,
                                     mlir::ValueRange operands,
                                     mlir::Type element,
                                     llvm::SmallVectorImpl<mlir::Type> &types);

/// Fails with a message where `axis` is not in [0, rank).
llvm::LogicalResult checkAxis(std::optional<mlir::Location> loc,
                              llvm::StringRef what, int64_t axis, int64_t rank);

/// Index arithmetic that folds constants and composes into canonical
/// affine.apply ops, so that equal extents become equal values under CSE.
class DimBuilder {
public:
  using Dim = mlir::OpFoldResult;
  DimBuilder(mlir::OpBuilder &b, mlir::Location loc) : b(b), loc(loc) {}

  Dim constant(int64_t value) { return b.getIndexAttr(value); }
  /// Extent `i` of `tensor`, an attribute where static.
  Dim of(mlir::Value tensor, int64_t i);
  llvm::SmallVector<Dim> allOf(mlir::Value tensor);
  /// Element `i` of an i64 shape tensor as an index.
  Dim element(mlir::Value shapeTensor, int64_t i);
  mlir::Value value(Dim dim);

  Dim add(Dim x, Dim y);
  Dim sub(Dim x, Dim y);
  Dim mul(Dim x, Dim y);
  Dim ceilDiv(Dim x, int64_t divisor);
  Dim floorDiv(Dim x, int64_t divisor);
  /// Division of any two non-negative extents; by 0 gives 0.
  Dim div(Dim x, Dim y);
  Dim max(Dim x, Dim y);
  Dim min(Dim x, Dim y);
  /// `negative` where x < 0, `other` elsewhere.
  Dim selectNegative(Dim x, Dim negative, Dim other);
  Dim product(llvm::ArrayRef<Dim> dims);
  /// numpy's broadcast of two extents at run time.
  Dim broadcast(Dim x, Dim y);
  /// See windowExtent above.
  Dim window(Dim extent, int64_t window, int64_t stride, int64_t padBefore,
             int64_t padAfter, int64_t dilation, bool ceilMode);

private:
  Dim apply(mlir::AffineExpr expr, llvm::ArrayRef<Dim> operands);
  mlir::OpBuilder &b;
  mlir::Location loc;
};

/// First element and number of elements that a slice of one axis takes, with
/// ONNX's rules for negative and out-of-range bounds and negative steps.
struct SliceBounds {
  mlir::OpFoldResult start, count;
};
SliceBounds sliceBounds(DimBuilder &d, mlir::OpFoldResult extent,
                        mlir::OpFoldResult start, mlir::OpFoldResult end,
                        mlir::OpFoldResult step);

/// Reification of elementwise ops.
llvm::LogicalResult reifyBroadcast(mlir::OpBuilder &b, mlir::Operation *op,
                                   mlir::ReifiedRankedShapedTypeDims &dims);

/// Makes `dims` of one result agree with its type: static extents win.
void appendReified(mlir::OpBuilder &b, mlir::Value result,
                   llvm::ArrayRef<mlir::OpFoldResult> computed,
                   mlir::ReifiedRankedShapedTypeDims &dims);

} // namespace weft::graph

#endif // WEFT_DIALECT_GRAPH_IR_SHAPES_H
