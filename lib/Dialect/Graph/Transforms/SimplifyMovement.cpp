// Movement of data that cancels, merges, or disappears into the op beside it.
// Shapes are compared statically; what only a run can know stays as it is.

#include "SimplifyPatterns.h"
#include "weft/Support/Constants.h"

#include "mlir/Dialect/Utils/IndexingUtils.h"

using namespace mlir;

namespace weft::graph {

namespace {

/// transpose(transpose(x, p), q) = transpose(x, p[q]).
struct MergeTransposes : OpRewritePattern<TransposeOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(TransposeOp op,
                                PatternRewriter &rewriter) const final {
    auto inner = op.getInput().getDefiningOp<TransposeOp>();
    if (!inner)
      return rewriter.notifyMatchFailure(op, "input is no transpose");
    SmallVector<int64_t> permutation;
    for (int64_t axis : op.getPermutation())
      permutation.push_back(inner.getPermutation()[axis]);
    rewriter.replaceOpWithNewOp<TransposeOp>(op, op.getType(), inner.getInput(),
                                             permutation);
    return success();
  }
};

/// A transpose that moves only extents of 1 is a reshape.
struct TransposeOfUnitsToReshape : OpRewritePattern<TransposeOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(TransposeOp op,
                                PatternRewriter &rewriter) const final {
    RankedTensorType input = tensorType(op.getInput());
    if (!op.getType().hasStaticShape() || !input.hasStaticShape())
      return rewriter.notifyMatchFailure(op, "shape is dynamic");
    int64_t last = -1;
    for (int64_t axis : op.getPermutation()) {
      if (input.getDimSize(axis) == 1)
        continue;
      if (axis < last)
        return rewriter.notifyMatchFailure(op, "elements move");
      last = axis;
    }
    rewriter.replaceOpWithNewOp<ReshapeOp>(
        op, op.getType(), op.getInput(),
        shapeConstant(rewriter, op.getLoc(), op.getType().getShape()), true);
    return success();
  }
};

bool keepsElements(Operation *op) {
  return isa_and_nonnull<ReshapeOp, SqueezeOp, UnsqueezeOp>(op);
}

/// reshape(reshape(x, s), t) = reshape(x, t), with squeeze and unsqueeze for
/// either. Needs a t that does not copy extents of the tensor between.
template <typename Op>
struct MergeReshapes : OpRewritePattern<Op> {
  using OpRewritePattern<Op>::OpRewritePattern;

  LogicalResult matchAndRewrite(Op op, PatternRewriter &rewriter) const final {
    Operation *inner = op.getInput().getDefiningOp();
    if (!keepsElements(inner))
      return rewriter.notifyMatchFailure(op, "input is no reshape");
    Value input = inner->getOperand(0);
    RankedTensorType type = op.getType();
    if (input.getType() == type && type.getNumDynamicDims() <= 1) {
      rewriter.replaceOp(op, input);
      return success();
    }
    Location loc = rewriter.getFusedLoc({inner->getLoc(), op.getLoc()});
    // One dynamic extent is what the others leave over.
    if (type.getNumDynamicDims() <= 1 &&
        !llvm::is_contained(type.getShape(), 0)) {
      SmallVector<int64_t> shape(type.getShape());
      llvm::replace(shape, kDynamic, int64_t(-1));
      rewriter.replaceOpWithNewOp<ReshapeOp>(
          op, type, input, shapeConstant(rewriter, loc, shape), true);
      return success();
    }
    if constexpr (std::is_same_v<Op, ReshapeOp>) {
      auto ints = constantInts(op.getShape());
      if (op.getAllowZero() || (ints && !llvm::is_contained(*ints, 0))) {
        rewriter.modifyOpInPlace(op,
                                 [&] { op.getInputMutable().assign(input); });
        return success();
      }
    }
    return rewriter.notifyMatchFailure(op, "extents are copied");
  }
};

/// matmul(transpose(a), b) = matmul {transpose_lhs} (a, b), and the same of b.
struct TransposeIntoMatMul : OpRewritePattern<MatMulOp> {
  using OpRewritePattern::OpRewritePattern;

  static TransposeOp swapsLastTwo(Value value) {
    auto op = value.getDefiningOp<TransposeOp>();
    if (!op)
      return {};
    SmallVector<int64_t> permutation(op.getPermutation());
    if (permutation.size() < 2)
      return {};
    std::swap(permutation.back(), permutation[permutation.size() - 2]);
    return isIdentityPermutation(permutation) ? op : TransposeOp();
  }

  LogicalResult matchAndRewrite(MatMulOp op,
                                PatternRewriter &rewriter) const final {
    TransposeOp lhs = swapsLastTwo(op.getLhs());
    TransposeOp rhs = swapsLastTwo(op.getRhs());
    if (!lhs && !rhs)
      return rewriter.notifyMatchFailure(op, "no operand is transposed");
    rewriter.modifyOpInPlace(op, [&] {
      if (lhs) {
        op.getLhsMutable().assign(lhs.getInput());
        op.setTransposeLhs(!op.getTransposeLhs());
      }
      if (rhs) {
        op.getRhsMutable().assign(rhs.getInput());
        op.setTransposeRhs(!op.getTransposeRhs());
      }
    });
    return success();
  }
};

/// x where `value` is a reshape of x that only makes fewer of the dimensions
/// before the last one.
Value withRowsMerged(Value value) {
  auto op = value.getDefiningOp<ReshapeOp>();
  if (!op)
    return {};
  RankedTensorType from = tensorType(op.getInput()), to = op.getType();
  if (to.getRank() < 2 || from.getRank() <= to.getRank() ||
      ShapedType::isDynamic(to.getShape().back()) ||
      from.getShape().back() != to.getShape().back())
    return {};
  return op.getInput();
}

/// Replaces `op` by a reshape of `value`, which has the same elements.
void replaceByReshape(PatternRewriter &rewriter, Operation *op, Value value,
                      Value shape) {
  rewriter.replaceOpWithNewOp<ReshapeOp>(op, op->getResult(0).getType(), value,
                                         shape, /*allow_zero=*/true);
}

/// The shape of `type` with at most one unknown extent, as a reshape takes it.
Value restOfShape(PatternRewriter &rewriter, Location loc,
                  RankedTensorType type) {
  SmallVector<int64_t> shape(type.getShape());
  llvm::replace(shape, kDynamic, int64_t(-1));
  return shapeConstant(rewriter, loc, shape);
}

bool isReshapeOfRest(RankedTensorType type) {
  return type.getNumDynamicDims() == 0 ||
         (type.getNumDynamicDims() == 1 &&
          !llvm::is_contained(type.getShape(), 0));
}

/// matmul(reshape(x), w) = reshape(matmul(x, w)) where the reshape merges rows
/// and w is one matrix: what exporters put around a linear layer then meets its
/// opposite behind the layer.
struct MatMulOfMergedRows : OpRewritePattern<MatMulOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(MatMulOp op,
                                PatternRewriter &rewriter) const final {
    Value x = withRowsMerged(op.getLhs());
    RankedTensorType type = op.getType();
    if (!x || op.getTransposeLhs() || tensorType(op.getRhs()).getRank() != 2 ||
        type.getRank() != 2 || !isReshapeOfRest(type))
      return rewriter.notifyMatchFailure(op, "rows are not merged before");
    SmallVector<int64_t> shape(tensorType(x).getShape());
    shape.back() = type.getShape().back();
    auto product = cast<MatMulOp>(rewriter.clone(*op));
    product.getLhsMutable().assign(x);
    product.getResult().setType(type.clone(shape));
    replaceByReshape(rewriter, op, product,
                     restOfShape(rewriter, op.getLoc(), type));
    return success();
  }
};

/// f(reshape(matmul), bias) = reshape(f(matmul, bias)) where the reshape merges
/// rows: so that it meets its opposite behind the bias and the activation.
struct ElementwiseOfMergedRows : OpInterfaceRewritePattern<ScalarBody> {
  using OpInterfaceRewritePattern::OpInterfaceRewritePattern;

  LogicalResult matchAndRewrite(ScalarBody op,
                                PatternRewriter &rewriter) const final {
    auto type = cast<RankedTensorType>(op->getResult(0).getType());
    if (op->getNumResults() != 1 || !isReshapeOfRest(type))
      return rewriter.notifyMatchFailure(op, "result has no known shape");
    SmallVector<Value> operands;
    ArrayRef<int64_t> shape;
    bool followsProduct = false;
    for (Value operand : op->getOperands()) {
      Value x = withRowsMerged(operand);
      if (!x) {
        RankedTensorType other = tensorType(operand);
        if (other.getRank() > 1 ||
            (other.getRank() == 1 && other.getDimSize(0) != 1 &&
             other.getDimSize(0) != type.getShape().back()))
          return rewriter.notifyMatchFailure(op, "an operand has rows");
        operands.push_back(operand);
        continue;
      }
      ArrayRef<int64_t> extents = tensorType(x).getShape();
      if (tensorType(operand).getShape() != type.getShape() ||
          (!shape.empty() &&
           (shape != extents || llvm::is_contained(extents, kDynamic))))
        return rewriter.notifyMatchFailure(op, "rows differ");
      shape = extents;
      Operation *producer = x.getDefiningOp();
      followsProduct |= isa_and_nonnull<MatMulOp, ScalarBody>(producer);
      operands.push_back(x);
    }
    if (!followsProduct)
      return rewriter.notifyMatchFailure(op, "no product's rows are merged");
    Operation *copy = rewriter.clone(*op);
    copy->setOperands(operands);
    copy->getResult(0).setType(type.clone(shape));
    replaceByReshape(rewriter, op, copy->getResult(0),
                     restOfShape(rewriter, op->getLoc(), type));
    return success();
  }
};

/// concat(a, concat(b, c), d) = concat(a, b, c, d) along one axis; inputs
/// without elements are dropped.
struct FlattenConcat : OpRewritePattern<ConcatOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(ConcatOp op,
                                PatternRewriter &rewriter) const final {
    SmallVector<Value> inputs;
    for (Value input : op.getInputs()) {
      auto inner = input.getDefiningOp<ConcatOp>();
      if (inner && inner.getAxis() == op.getAxis() && inner->hasOneUse())
        llvm::append_range(inputs, inner.getInputs());
      else if (tensorType(input).getDimSize(op.getAxis()) != 0 ||
               op.getInputs().size() == 1)
        inputs.push_back(input);
    }
    if (inputs == SmallVector<Value>(op.getInputs()) || inputs.empty())
      return rewriter.notifyMatchFailure(op, "nothing to flatten");
    rewriter.modifyOpInPlace(op, [&] { op.getInputsMutable().assign(inputs); });
    return success();
  }
};

/// What a slice with constant bounds of static extents takes of each axis.
struct Range {
  int64_t start = 0, step = 1;
};

std::optional<SmallVector<Range>> rangesOf(SliceOp op) {
  RankedTensorType input = tensorType(op.getInput());
  auto starts = constantInts(op.getStarts()),
       steps = constantInts(op.getSteps());
  if (!starts || !steps || !constantInts(op.getEnds()) ||
      !input.hasStaticShape() || !op.getType().hasStaticShape() ||
      op.getType().getNumElements() == 0)
    return std::nullopt;
  SmallVector<Range> ranges(input.getRank());
  for (auto [i, axis] : llvm::enumerate(op.getAxes())) {
    int64_t start = (*starts)[i], extent = input.getDimSize(axis);
    start =
        std::clamp<int64_t>(start < 0 ? start + extent : start, 0, extent - 1);
    ranges[axis] = {start, (*steps)[i]};
  }
  return ranges;
}

/// The slice of `input` that `ranges` describes, which has `type`.
Value sliceOf(PatternRewriter &rewriter, Location loc, Value input,
              ArrayRef<Range> ranges, RankedTensorType type) {
  SmallVector<int64_t> axes, starts, ends, steps;
  for (auto [axis, range] : llvm::enumerate(ranges)) {
    int64_t extent = tensorType(input).getDimSize(axis);
    int64_t count = type.getDimSize(axis);
    if (range.start == 0 && range.step == 1 && count == extent)
      continue;
    axes.push_back(axis);
    starts.push_back(range.start);
    steps.push_back(range.step);
    int64_t end =
        range.start + range.step * (count - 1) + (range.step > 0 ? 1 : -1);
    // Before the first element is not -1, which counts from the end.
    ends.push_back(end < 0 ? std::numeric_limits<int64_t>::min() : end);
  }
  if (axes.empty())
    return input;
  return SliceOp::create(rewriter, loc, type, input,
                         shapeConstant(rewriter, loc, starts),
                         shapeConstant(rewriter, loc, ends),
                         shapeConstant(rewriter, loc, steps), axes);
}

/// slice(slice(x)) = slice(x).
struct MergeSlices : OpRewritePattern<SliceOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(SliceOp op,
                                PatternRewriter &rewriter) const final {
    auto inner = op.getInput().getDefiningOp<SliceOp>();
    if (!inner)
      return rewriter.notifyMatchFailure(op, "input is no slice");
    auto outerRanges = rangesOf(op), innerRanges = rangesOf(inner);
    if (!outerRanges || !innerRanges)
      return rewriter.notifyMatchFailure(op, "bounds are not constant");
    SmallVector<Range> ranges;
    for (auto [o, i] : llvm::zip(*outerRanges, *innerRanges))
      ranges.push_back({i.start + i.step * o.start, i.step * o.step});
    rewriter.replaceOp(op, sliceOf(rewriter, op.getLoc(), inner.getInput(),
                                   ranges, op.getType()));
    return success();
  }
};

/// slice(concat(…, x, …)) = slice(x) where it takes elements of x alone.
struct SliceOfConcat : OpRewritePattern<SliceOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(SliceOp op,
                                PatternRewriter &rewriter) const final {
    auto concat = op.getInput().getDefiningOp<ConcatOp>();
    if (!concat)
      return rewriter.notifyMatchFailure(op, "input is no concat");
    auto ranges = rangesOf(op);
    if (!ranges)
      return rewriter.notifyMatchFailure(op, "bounds are not constant");
    int64_t axis = concat.getAxis(), begin = 0;
    Range &range = (*ranges)[axis];
    int64_t count = op.getType().getDimSize(axis);
    int64_t last = range.start + (count - 1) * range.step;
    for (Value input : concat.getInputs()) {
      RankedTensorType type = tensorType(input);
      if (!type.hasStaticShape())
        return rewriter.notifyMatchFailure(op, "an input is dynamic");
      int64_t end = begin + type.getDimSize(axis);
      if (range.start >= begin && range.start < end && last >= begin &&
          last < end) {
        range.start -= begin;
        rewriter.replaceOp(
            op, sliceOf(rewriter, op.getLoc(), input, *ranges, op.getType()));
        return success();
      }
      begin = end;
    }
    return rewriter.notifyMatchFailure(op, "takes of several inputs");
  }
};

/// concat(…, x[a:b], x[b:c], …) = concat(…, x[a:c], …), which is x where the
/// slices are all of it: what was split is written to its place at once.
struct JoinSlices : OpRewritePattern<ConcatOp> {
  using OpRewritePattern::OpRewritePattern;

  /// Nothing unless `second` goes on where `first` ends.
  static Value joined(PatternRewriter &rewriter, SliceOp first, SliceOp second,
                      int64_t axis) {
    if (!first || !second || first.getInput() != second.getInput())
      return {};
    auto ranges = rangesOf(first), others = rangesOf(second);
    if (!ranges || !others)
      return {};
    for (int64_t i = 0, e = ranges->size(); i < e; ++i) {
      const Range &x = (*ranges)[i], &y = (*others)[i];
      int64_t next =
          i == axis ? x.start + first.getType().getDimSize(i) : x.start;
      if (x.step != y.step || (i == axis && x.step != 1) || y.start != next)
        return {};
    }
    SmallVector<int64_t> shape(first.getType().getShape());
    shape[axis] += second.getType().getDimSize(axis);
    return sliceOf(rewriter, first.getLoc(), first.getInput(), *ranges,
                   first.getType().clone(shape));
  }

  LogicalResult matchAndRewrite(ConcatOp op,
                                PatternRewriter &rewriter) const final {
    SmallVector<Value> inputs;
    for (Value input : op.getInputs()) {
      auto slice = input.getDefiningOp<SliceOp>();
      Value both =
          !slice || inputs.empty()
              ? Value()
              : joined(rewriter, inputs.back().getDefiningOp<SliceOp>(), slice,
                       op.getAxis());
      if (both)
        inputs.back() = both;
      else
        inputs.push_back(input);
    }
    if (inputs.size() == op.getInputs().size())
      return rewriter.notifyMatchFailure(op,
                                         "no slice goes on where another ends");
    rewriter.modifyOpInPlace(op, [&] { op.getInputsMutable().assign(inputs); });
    return success();
  }
};

/// The pads of every axis; nothing unless constant and not negative.
std::optional<SmallVector<std::pair<int64_t, int64_t>>> padsOf(PadOp op) {
  auto ints = constantInts(op.getPads());
  if (!ints || op.getMode() != PadMode::constant ||
      llvm::any_of(*ints, [](int64_t p) { return p < 0; }))
    return std::nullopt;
  SmallVector<std::pair<int64_t, int64_t>> pads(op.getType().getRank());
  int64_t count = op.getAxes().size();
  for (auto [i, axis] : llvm::enumerate(op.getAxes()))
    pads[axis] = {(*ints)[i], (*ints)[count + i]};
  return pads;
}

bool equalConstants(Value x, Value y) {
  auto a = ConstantData::get(x), b = ConstantData::get(y);
  return x == y || (a && b && a->bytes() == b->bytes());
}

/// pad(pad(x, p), q) = pad(x, p + q) with one value; pad(x, 0) = x.
struct SumOfPads : OpRewritePattern<PadOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(PadOp op,
                                PatternRewriter &rewriter) const final {
    auto pads = padsOf(op);
    if (!pads)
      return rewriter.notifyMatchFailure(op, "pads are not constant");
    if (op.getInput().getType() == op.getType() &&
        llvm::all_of(*pads, [](auto p) { return p.first + p.second == 0; })) {
      rewriter.replaceOp(op, op.getInput());
      return success();
    }
    auto inner = op.getInput().getDefiningOp<PadOp>();
    auto innerPads = inner ? padsOf(inner) : std::nullopt;
    if (!innerPads || !equalConstants(op.getValue(), inner.getValue()))
      return rewriter.notifyMatchFailure(op, "input is no such pad");
    SmallVector<int64_t> axes, before, after;
    for (int64_t axis = 0, e = pads->size(); axis < e; ++axis) {
      auto [b, a] = (*pads)[axis];
      auto [innerB, innerA] = (*innerPads)[axis];
      axes.push_back(axis);
      before.push_back(b + innerB);
      after.push_back(a + innerA);
    }
    before.append(after);
    rewriter.replaceOpWithNewOp<PadOp>(
        op, op.getType(), inner.getInput(),
        shapeConstant(rewriter, op.getLoc(), before), op.getValue(), axes,
        PadMode::constant);
    return success();
  }
};

/// conv(pad(x, 0), w) = conv(x, w) with larger pads.
struct PadIntoConv : OpRewritePattern<ConvOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(ConvOp op,
                                PatternRewriter &rewriter) const final {
    auto pad = op.getInput().getDefiningOp<PadOp>();
    auto pads = pad ? padsOf(pad) : std::nullopt;
    if (!pads || (*pads)[0] != std::pair<int64_t, int64_t>() ||
        (*pads)[1] != std::pair<int64_t, int64_t>())
      return rewriter.notifyMatchFailure(op, "input is no spatial pad");
    auto value = ConstantData::get(pad.getValue());
    if (!value || value->floatAt(0) != 0)
      return rewriter.notifyMatchFailure(op, "padding is not 0");
    SmallVector<int64_t> sums(op.getPads());
    size_t spatial = sums.size() / 2;
    for (size_t i = 0; i < spatial; ++i) {
      sums[i] += (*pads)[i + 2].first;
      sums[spatial + i] += (*pads)[i + 2].second;
    }
    rewriter.modifyOpInPlace(op, [&] {
      op.setPads(sums);
      op.getInputMutable().assign(pad.getInput());
    });
    return success();
  }
};

/// pool(x, window 1) = x.
struct PoolOfWindowOne : OpRewritePattern<PoolOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(PoolOp op,
                                PatternRewriter &rewriter) const final {
    auto all = [](ArrayRef<int64_t> list, int64_t value) {
      return llvm::all_of(list, [=](int64_t v) { return v == value; });
    };
    if (!all(op.getWindow(), 1) || !all(op.getStrides(), 1) ||
        !all(op.getPads(), 0) || op.getInput().getType() != op.getType())
      return rewriter.notifyMatchFailure(op, "window is larger than 1");
    rewriter.replaceOp(op, op.getInput());
    return success();
  }
};

/// f(expand(x), y) = f(x, y) where y has the expanded extents anyway.
struct DropExpandOfElementwise : OpInterfaceRewritePattern<ScalarBody> {
  using OpInterfaceRewritePattern::OpInterfaceRewritePattern;

  LogicalResult matchAndRewrite(ScalarBody op,
                                PatternRewriter &rewriter) const final {
    auto type = cast<RankedTensorType>(op->getResult(0).getType());
    for (OpOperand &operand : op->getOpOperands()) {
      auto expand = operand.get().getDefiningOp<ExpandOp>();
      // A dynamic extent is expanded for the check that comes with it.
      if (!expand || !type.hasStaticShape() ||
          !tensorType(expand.getInput()).hasStaticShape())
        continue;
      SmallVector<Value> others;
      for (OpOperand &other : op->getOpOperands())
        others.push_back(&other == &operand ? expand.getInput() : other.get());
      SmallVector<Type> joined;
      if (failed(inferElementwise(std::nullopt, others, type.getElementType(),
                                  joined)) ||
          joined[0] != type)
        continue;
      rewriter.modifyOpInPlace(op, [&] { operand.set(expand.getInput()); });
      return success();
    }
    return rewriter.notifyMatchFailure(op, "no operand is expanded in vain");
  }
};

} // namespace

void populateMovementPatterns(RewritePatternSet &patterns) {
  patterns
      .add<MergeTransposes, TransposeOfUnitsToReshape, MergeReshapes<ReshapeOp>,
           MergeReshapes<SqueezeOp>, MergeReshapes<UnsqueezeOp>,
           TransposeIntoMatMul, MatMulOfMergedRows, ElementwiseOfMergedRows,
           FlattenConcat, JoinSlices, MergeSlices, SliceOfConcat, SumOfPads,
           PadIntoConv, PoolOfWindowOne, DropExpandOfElementwise>(
          patterns.getContext());
}

} // namespace weft::graph
