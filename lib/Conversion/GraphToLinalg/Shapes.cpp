// Reshapes and slices become views of tensors, concat the insertion of its
// pieces into one tensor, shape a small tensor of extents: what stands in the
// entry function between the kernels.

#include "Lowering.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Tensor/Utils/Utils.h"
#include "mlir/Dialect/Utils/ReshapeOpsUtils.h"

using namespace mlir;

namespace weft::lowering {
namespace {

using Groups = SmallVector<ReassociationIndices>;

/// One group of all dimensions; none for a scalar.
Groups flatGroups(int64_t rank) {
  if (rank == 0)
    return {};
  return {llvm::to_vector<2>(llvm::seq<int64_t>(0, rank))};
}

/// `input` as a tensor of one dimension.
Value flatten(LoopBuilder &b, Value input) {
  auto type = cast<RankedTensorType>(input.getType());
  if (type.getRank() == 1)
    return input;
  if (type.getRank() == 0) {
    Type one = type.clone(ArrayRef<int64_t>{1});
    return tensor::ExpandShapeOp::create(b, one, input, Groups());
  }
  return tensor::CollapseShapeOp::create(b, input, flatGroups(type.getRank()));
}

/// `flat`, of one dimension, in the shape `dims`.
Value unflatten(LoopBuilder &b, Value flat, RankedTensorType type,
                LoopBuilder::Dims dims) {
  auto have = cast<RankedTensorType>(flat.getType());
  int64_t elements =
      type.hasStaticShape() ? type.getNumElements() : ShapedType::kDynamic;
  auto needed = type.clone(ArrayRef<int64_t>{elements});
  if (have != needed)
    flat = tensor::CastOp::create(b, needed, flat);
  if (type.getRank() == 1)
    return flat;
  if (type.getRank() == 0)
    return tensor::CollapseShapeOp::create(b, type, flat, Groups());
  return tensor::ExpandShapeOp::create(b, type, flat,
                                       flatGroups(type.getRank()), dims);
}

/// `input` in the shape `dims`, by groups where types tell them, so that a view
/// of a strided tensor stays a view.
Value reshape(LoopBuilder &b, Value input, RankedTensorType type,
              LoopBuilder::Dims dims) {
  auto from = cast<RankedTensorType>(input.getType());
  // One unknown extent follows from the number of elements, several do not.
  if (from == type && type.getNumDynamicDims() <= 1 &&
      !llvm::is_contained(type.getShape(), 0))
    return input;
  if (from.hasStaticShape() && type.hasStaticShape() &&
      from.getRank() != type.getRank())
    if (auto groups = getReassociationIndicesForReshape(from, type)) {
      if (from.getRank() > type.getRank())
        return tensor::CollapseShapeOp::create(b, type, input, *groups);
      return tensor::ExpandShapeOp::create(b, type, input, *groups);
    }
  return unflatten(b, flatten(b, input), type, dims);
}

struct ReshapeToView : OpRewritePattern<graph::ReshapeOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(graph::ReshapeOp op,
                                PatternRewriter &rewriter) const final {
    LoopBuilder b(op, rewriter);
    SmallVector<OpFoldResult> dims = b.resultDims();
    if (!b.ok())
      return failure();
    b.replace(reshape(b, b.input(op.getInput()),
                      cast<RankedTensorType>(signless(op.getType())), dims));
    return success();
  }
};

/// Each dimension of the longer type belongs to one of the shorter; `unit`
/// tells which ones of the longer are added or dropped.
Groups unitGroups(int64_t rank, ArrayRef<int64_t> units) {
  Groups groups;
  ReassociationIndices leading;
  for (int64_t i = 0; i < rank; ++i) {
    bool unit = llvm::is_contained(units, i);
    if (!unit) {
      groups.push_back(leading);
      leading.clear();
    }
    // Units go with the dimension before them, the first ones with the next.
    (unit && groups.empty() ? leading : groups.back()).push_back(i);
  }
  return groups;
}

struct UnsqueezeToView : OpRewritePattern<graph::UnsqueezeOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(graph::UnsqueezeOp op,
                                PatternRewriter &rewriter) const final {
    LoopBuilder b(op, rewriter);
    auto type = cast<RankedTensorType>(signless(op.getType()));
    Value input = b.input(op.getInput());
    if (op.getAxes().empty())
      return b.replace(input), success();
    // The result's type may say more than the input's.
    SmallVector<int64_t> shape;
    for (int64_t i = 0; i < type.getRank(); ++i)
      if (!llvm::is_contained(op.getAxes(), i))
        shape.push_back(type.getDimSize(i));
    if (auto refined = type.clone(shape); refined != input.getType())
      input = tensor::CastOp::create(b, refined, input);
    Groups groups = unitGroups(type.getRank(), op.getAxes());
    b.replace(
        tensor::ExpandShapeOp::create(b, type, input, groups, b.resultDims())
            .getResult());
    return success();
  }
};

struct SqueezeToView : OpRewritePattern<graph::SqueezeOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(graph::SqueezeOp op,
                                PatternRewriter &rewriter) const final {
    LoopBuilder b(op, rewriter);
    Value input = b.input(op.getInput());
    auto type = cast<RankedTensorType>(input.getType());
    if (op.getAxes().empty())
      return b.replace(input), success();
    SmallVector<int64_t> shape(type.getShape());
    for (int64_t axis : op.getAxes())
      shape[axis] = 1;
    if (auto refined = type.clone(shape); refined != type)
      input = tensor::CastOp::create(b, refined, input);
    b.replace(tensor::CollapseShapeOp::create(
                  b, input, unitGroups(type.getRank(), op.getAxes()))
                  .getResult());
    return success();
  }
};

struct SliceToView : OpRewritePattern<graph::SliceOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(graph::SliceOp op,
                                PatternRewriter &rewriter) const final {
    auto steps = graph::constantInts(op.getSteps());
    if (!steps || llvm::any_of(*steps, [](int64_t step) { return step != 1; }))
      return rewriter.notifyMatchFailure(op, "has steps other than 1");
    LoopBuilder b(op, rewriter);
    graph::DimBuilder d = b.dims();
    SmallVector<OpFoldResult> sizes = b.resultDims();
    SmallVector<OpFoldResult> offsets(sizes.size(), d.constant(0)),
        strides(sizes.size(), d.constant(1));
    for (auto [i, axis] : llvm::enumerate(op.getAxes()))
      offsets[axis] =
          graph::sliceBounds(d, d.of(op.getInput(), axis),
                             d.element(op.getStarts(), i),
                             d.element(op.getEnds(), i), d.constant(1))
              .start;
    b.replace(tensor::ExtractSliceOp::create(b, b.input(op.getInput()), offsets,
                                             sizes, strides)
                  .getResult());
    return success();
  }
};

struct ConcatToInserts : OpRewritePattern<graph::ConcatOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(graph::ConcatOp op,
                                PatternRewriter &rewriter) const final {
    LoopBuilder b(op, rewriter);
    graph::DimBuilder d = b.dims();
    SmallVector<OpFoldResult> dims = b.resultDims();
    SmallVector<OpFoldResult> offsets(dims.size(), d.constant(0)),
        strides(dims.size(), d.constant(1));
    Value whole = b.empty(dims, op.getType().getElementType());
    for (Value piece : op.getInputs()) {
      SmallVector<OpFoldResult> sizes = d.allOf(piece);
      whole = tensor::InsertSliceOp::create(b, b.input(piece), whole, offsets,
                                            sizes, strides);
      offsets[op.getAxis()] = d.add(offsets[op.getAxis()], sizes[op.getAxis()]);
    }
    b.replace(whole);
    return success();
  }
};

struct ShapeToElements : OpRewritePattern<graph::ShapeOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(graph::ShapeOp op,
                                PatternRewriter &rewriter) const final {
    LoopBuilder b(op, rewriter);
    SmallVector<Value> extents;
    for (OpFoldResult extent : b.dims().allOf(op.getInput()))
      extents.push_back(arith::IndexCastOp::create(b, b.getI64Type(),
                                                   b.dims().value(extent)));
    auto type = RankedTensorType::get({static_cast<int64_t>(extents.size())},
                                      b.getI64Type());
    b.replace(tensor::FromElementsOp::create(b, type, extents).getResult());
    return success();
  }
};

} // namespace

void addShapePatterns(RewritePatternSet &patterns) {
  patterns.add<ReshapeToView, UnsqueezeToView, SqueezeToView, SliceToView,
               ConcatToInserts, ShapeToElements>(patterns.getContext());
}

} // namespace weft::lowering
