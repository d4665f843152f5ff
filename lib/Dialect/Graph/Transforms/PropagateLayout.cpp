// Moves unpacks towards the end of the graph, past every op that can as well
// work on blocks, until they meet packs and cancel. Blocks are innermost, so
// the axes of an op before them keep their numbers. Where channels do not fill
// their last block, an op is passed only if the padding stays harmless: 0, or
// at least finite where weights of 0 meet it.

#include "weft/Dialect/Graph/Transforms/Passes.h"

#include "SimplifyPatterns.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "weft/Dialect/Graph/IR/Graph.h"
#include "weft/Dialect/Graph/IR/Shapes.h"
#include "weft/Dialect/Graph/Transforms/Evaluate.h"

namespace weft::graph {
#define GEN_PASS_DEF_PROPAGATELAYOUT
#include "weft/Dialect/Graph/Transforms/Passes.h.inc"
} // namespace weft::graph

using namespace mlir;
using namespace weft::graph;

namespace {

/// How a plain tensor was blocked.
struct Blocking {
  int64_t axis, extent, block;

  static std::optional<Blocking> of(Value value) {
    auto unpack = value.getDefiningOp<UnpackOp>();
    if (!unpack)
      return std::nullopt;
    return Blocking{static_cast<int64_t>(unpack.getAxis()),
                    static_cast<int64_t>(unpack.getExtent()),
                    tensorType(unpack.getInput()).getShape().back()};
  }
  bool operator==(const Blocking &other) const {
    return axis == other.axis && extent == other.extent && block == other.block;
  }
  bool fills() const { return extent % block == 0; }
};

Value blocked(Value plain) {
  return plain.getDefiningOp<UnpackOp>().getInput();
}

/// `type` with `blocking` applied.
RankedTensorType blockedType(RankedTensorType type, const Blocking &blocking) {
  SmallVector<int64_t> shape(type.getShape());
  shape[blocking.axis] = llvm::divideCeil(blocking.extent, blocking.block);
  shape.push_back(blocking.block);
  return type.clone(shape);
}

/// Replaces `op` by `result`, unpacked.
void replaceUnpacked(PatternRewriter &rewriter, Operation *op, Value result,
                     const Blocking &blocking) {
  Value plain = UnpackOp::create(rewriter, op->getLoc(), result, blocking.axis,
                                 blocking.extent);
  if (plain.getType() != op->getResult(0).getType())
    plain = tensor::CastOp::create(rewriter, op->getLoc(),
                                   op->getResult(0).getType(), plain);
  rewriter.replaceOp(op, plain);
}

/// True where padding that is 0 (or finite) stays finite.
bool keepsPaddingFinite(Operation *op) {
  if (isa<AddOp, SubOp, MulOp, MaxOp, MinOp, NegOp, AbsOp, SignOp, SqrtOp,
          SinOp, CosOp, TanhOp, AsinhOp, AtanOp, ErfOp, FloorOp, CeilOp,
          RoundOp, TruncOp, SigmoidOp, ReluOp, ClampOp, SelectOp, CompareOp,
          AndOp, OrOp, XorOp, NotOp, QuantizeOp>(op))
    return true;
  // Integers and what becomes of them are finite.
  if (isa<CastOp, BitCastOp>(op))
    return isa<IntegerType>(tensorType(op->getResult(0)).getElementType()) ||
           (isa<CastOp>(op) &&
            isa<IntegerType>(tensorType(op->getOperand(0)).getElementType()));
  if (auto division = dyn_cast<DivOp>(op)) {
    DenseElementsAttr divisor;
    return matchPattern(division.getY(), m_Constant(&divisor)) &&
           divisor.isSplat() && isa<FloatType>(divisor.getElementType()) &&
           !divisor.getSplatValue<APFloat>().isZero();
  }
  return false;
}

/// elementwise(unpack(x), y) => unpack(elementwise(x, pack(y))), where y is
/// blocked too, or one value for each channel, or one for all.
struct PassElementwise : OpInterfaceRewritePattern<ScalarBody> {
  using OpInterfaceRewritePattern::OpInterfaceRewritePattern;

  /// `operand` for blocks, or null. Only what is small is packed anew.
  static Value asBlocked(PatternRewriter &rewriter, Operation *op,
                         Value operand, const Blocking &blocking) {
    RankedTensorType type = tensorType(operand),
                     result = tensorType(op->getResult(0));
    int64_t offset = result.getRank() - type.getRank(),
            axis = blocking.axis - offset;
    if (Blocking::of(operand) && offset == 0 &&
        type.getDimSize(axis) == blocking.extent)
      return *Blocking::of(operand) == blocking ? blocked(operand) : Value();
    if (type.getRank() == 0)
      return operand;
    Location loc = operand.getLoc();
    if (axis < 0 ||
        type.getDimSize(axis) == 1) // The same for all channels of a block.
      return UnsqueezeOp::create(rewriter, loc, operand,
                                 ArrayRef<int64_t>{type.getRank()});
    for (int64_t i = 0; i < type.getRank(); ++i)
      if (i != axis && i + offset > 0 && type.getDimSize(i) != 1)
        return {};
    if (type.getDimSize(axis) != blocking.extent)
      return {};
    return createOrEvaluate<PackOp>(rewriter, loc, operand, axis,
                                    blocking.block);
  }

  LogicalResult matchAndRewrite(ScalarBody op,
                                PatternRewriter &rewriter) const final {
    RankedTensorType type = tensorType(op->getResult(0));
    std::optional<Blocking> blocking;
    for (Value operand : op->getOperands())
      if (auto found = Blocking::of(operand);
          found && tensorType(operand).getRank() == type.getRank() &&
          type.getDimSize(found->axis) == found->extent &&
          (!blocking ||
           tensorType(operand).getDimSize(found->axis) == found->extent))
        blocking = found;
    if (!blocking || !(blocking->fills() || keepsPaddingFinite(op)))
      return rewriter.notifyMatchFailure(
          op, "reads nothing blocked, or its padding would not stay harmless");
    // Another full tensor that is not blocked would have to be packed instead.
    SmallVector<Value> operands;
    for (Value operand : op->getOperands()) {
      operands.push_back(asBlocked(rewriter, op, operand, *blocking));
      if (!operands.back())
        return rewriter.notifyMatchFailure(op,
                                           "an operand is not blocked alike");
    }
    Operation *moved = rewriter.clone(*op.getOperation());
    moved->setOperands(operands);
    moved->getResult(0).setType(blockedType(type, *blocking));
    replaceUnpacked(rewriter, op, moved->getResult(0), *blocking);
    return success();
  }
};

/// Ops on one tensor that leave the channels alone: pool, pad, gather, slice.
struct PassAlongAxes : RewritePattern {
  PassAlongAxes(MLIRContext *context)
      : RewritePattern(MatchAnyOpTypeTag(), 1, context) {}

  static std::optional<SmallVector<int64_t>> axesOf(Operation *op) {
    if (auto pool = dyn_cast<PoolOp>(op))
      return SmallVector<int64_t>(pool.getAxes());
    if (auto slice = dyn_cast<SliceOp>(op))
      return SmallVector<int64_t>(slice.getAxes());
    if (auto pad = dyn_cast<PadOp>(op)) {
      DenseElementsAttr value;
      bool finite =
          matchPattern(pad.getValue(), m_Constant(&value)) && value.isSplat();
      return finite ? std::optional(SmallVector<int64_t>(pad.getAxes()))
                    : std::nullopt;
    }
    if (auto gather = dyn_cast<GatherOp>(op);
        gather && tensorType(gather.getIndices()).getRank() == 1)
      return SmallVector<int64_t>{static_cast<int64_t>(gather.getAxis())};
    return std::nullopt;
  }

  LogicalResult matchAndRewrite(Operation *op,
                                PatternRewriter &rewriter) const final {
    auto axes = axesOf(op);
    if (!axes)
      return rewriter.notifyMatchFailure(op, "does not work along axes");
    auto blocking = Blocking::of(op->getOperand(0));
    if (!blocking || llvm::is_contained(*axes, blocking->axis))
      return rewriter.notifyMatchFailure(
          op, "its input is not blocked, or it works along the channels");
    Operation *moved = rewriter.clone(*op);
    moved->setOperand(0, blocked(op->getOperand(0)));
    moved->getResult(0).setType(
        blockedType(tensorType(op->getResult(0)), *blocking));
    replaceUnpacked(rewriter, op, moved->getResult(0), *blocking);
    return success();
  }
};

/// A slice of channels that begins and ends between blocks, or at the end.
struct PassSlice : OpRewritePattern<SliceOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(SliceOp op,
                                PatternRewriter &rewriter) const final {
    auto blocking = Blocking::of(op.getInput());
    if (!blocking || !llvm::is_contained(op.getAxes(), blocking->axis))
      return rewriter.notifyMatchFailure(
          op, "its input is not blocked, or it leaves the channels alone");
    auto starts = constantInts(op.getStarts()),
         ends = constantInts(op.getEnds()), steps = constantInts(op.getSteps());
    int64_t count = op.getType().getDimSize(blocking->axis);
    if (!starts || !ends || !steps || ShapedType::isDynamic(count))
      return rewriter.notifyMatchFailure(op, "its bounds are not constant");
    int64_t place = std::distance(op.getAxes().begin(),
                                  llvm::find(op.getAxes(), blocking->axis)),
            extent = blocking->extent, block = blocking->block,
            start = (*starts)[place];
    start = std::clamp<int64_t>(start < 0 ? start + extent : start, 0, extent);
    // What follows in the last block would be no padding.
    if ((*steps)[place] != 1 || count == 0 || start % block ||
        (count % block && start + count != extent))
      return rewriter.notifyMatchFailure(op, "cuts blocks");
    (*starts)[place] = start / block;
    (*ends)[place] = llvm::divideCeil(start + count, block);
    blocking->extent = count;
    Location loc = op.getLoc();
    auto moved = SliceOp::create(
        rewriter, loc, blockedType(op.getType(), *blocking),
        blocked(op.getInput()), shapeConstant(rewriter, loc, *starts),
        shapeConstant(rewriter, loc, *ends),
        shapeConstant(rewriter, loc, *steps), op.getAxes());
    replaceUnpacked(rewriter, op, moved, *blocking);
    return success();
  }
};

struct PassReduce : OpRewritePattern<ReduceOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(ReduceOp op,
                                PatternRewriter &rewriter) const final {
    auto blocking = Blocking::of(op.getInput());
    if (!blocking || llvm::is_contained(op.getAxes(), blocking->axis))
      return rewriter.notifyMatchFailure(
          op, "its input is not blocked, or it reduces the channels");
    if (!op.getKeepDims())
      blocking->axis -= llvm::count_if(
          op.getAxes(), [&](int64_t axis) { return axis < blocking->axis; });
    auto moved = cast<ReduceOp>(rewriter.clone(*op.getOperation()));
    moved.getInputMutable().assign(blocked(op.getInput()));
    moved.getResult().setType(blockedType(op.getType(), *blocking));
    replaceUnpacked(rewriter, op, moved, *blocking);
    return success();
  }
};

struct PassConcat : OpRewritePattern<ConcatOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(ConcatOp op,
                                PatternRewriter &rewriter) const final {
    SmallVector<Value> inputs;
    std::optional<Blocking> joined;
    for (Value input : op.getInputs()) {
      auto blocking = Blocking::of(input);
      if (!blocking || (joined && (joined->axis != blocking->axis ||
                                   joined->block != blocking->block)))
        return rewriter.notifyMatchFailure(op,
                                           "not all inputs are blocked alike");
      inputs.push_back(blocked(input));
      if (!joined) {
        joined = blocking;
      } else if (blocking->axis == static_cast<int64_t>(op.getAxis())) {
        // Padding may stand at the very end alone.
        if (!joined->fills())
          return rewriter.notifyMatchFailure(
              op, "an input before the last does not fill its blocks");
        joined->extent += blocking->extent;
      }
    }
    auto moved = ConcatOp::create(rewriter, op.getLoc(),
                                  blockedType(op.getType(), *joined), inputs,
                                  op.getAxis());
    replaceUnpacked(rewriter, op, moved, *joined);
    return success();
  }
};

struct PassTranspose : OpRewritePattern<TransposeOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(TransposeOp op,
                                PatternRewriter &rewriter) const final {
    auto blocking = Blocking::of(op.getInput());
    if (!blocking)
      return rewriter.notifyMatchFailure(op, "its input is not blocked");
    SmallVector<int64_t> permutation(op.getPermutation());
    blocking->axis = std::distance(permutation.begin(),
                                   llvm::find(permutation, blocking->axis));
    permutation.push_back(permutation.size());
    auto moved = TransposeOp::create(rewriter, op.getLoc(),
                                     blockedType(op.getType(), *blocking),
                                     blocked(op.getInput()), permutation);
    replaceUnpacked(rewriter, op, moved, *blocking);
    return success();
  }
};

/// A reshape that leaves the blocks whole: one that splits or joins axes where
/// what is blocked stays the innermost part, or that changes other axes.
struct PassReshape : OpRewritePattern<ReshapeOp> {
  using OpRewritePattern::OpRewritePattern;

  /// The axis of `to` that has the blocks of `axis` of `from`; the extents of
  /// both make up equal products group by group.
  static std::optional<int64_t> follow(ArrayRef<int64_t> from,
                                       ArrayRef<int64_t> to, int64_t axis) {
    size_t i = 0, j = 0;
    while (i < from.size() && j < to.size()) {
      size_t firstOut = j;
      int64_t x = from[i++], y = to[j++];
      while (x != y) {
        if (x < y && i < from.size() && !ShapedType::isDynamic(from[i]))
          x *= from[i++];
        else if (y < x && j < to.size() && !ShapedType::isDynamic(to[j]))
          y *= to[j++];
        else
          return std::nullopt;
      }
      // Axes of 1 at the end of a group change nothing.
      size_t lastIn = i, lastOut = j;
      while (lastIn > static_cast<size_t>(axis) + 1 && from[lastIn - 1] == 1)
        --lastIn;
      while (lastOut > firstOut + 1 && to[lastOut - 1] == 1)
        --lastOut;
      if (i > static_cast<size_t>(axis))
        return lastIn == static_cast<size_t>(axis) + 1
                   ? std::optional<int64_t>(lastOut - 1)
                   : std::nullopt;
    }
    return std::nullopt;
  }

  LogicalResult matchAndRewrite(ReshapeOp op,
                                PatternRewriter &rewriter) const final {
    auto blocking = Blocking::of(op.getInput());
    if (!blocking)
      return rewriter.notifyMatchFailure(op, "its input is not blocked");
    ArrayRef<int64_t> from = tensorType(op.getInput()).getShape(),
                      to = op.getType().getShape();
    // Only the first extent may be dynamic: it keeps its place.
    auto isKnown = [](ArrayRef<int64_t> shape) {
      return llvm::all_of(llvm::enumerate(shape), [](auto extent) {
        return extent.value() > 0 ||
               (extent.index() == 0 && ShapedType::isDynamic(extent.value()));
      });
    };
    if (to.empty() || !isKnown(from) || !isKnown(to) ||
        ShapedType::isDynamic(from[0]) != ShapedType::isDynamic(to[0]))
      return rewriter.notifyMatchFailure(op, "its extents are not known");
    auto axis = follow(from, to, blocking->axis);
    if (!axis || (to[*axis] != blocking->extent &&
                  (!blocking->fills() || to[*axis] % blocking->block)))
      return rewriter.notifyMatchFailure(op, "blocks do not stay whole");
    Blocking now{*axis, to[*axis], blocking->block};
    RankedTensorType type = blockedType(op.getType(), now);
    SmallVector<int64_t> shape(type.getShape());
    if (ShapedType::isDynamic(shape[0]))
      shape[0] = 0;
    auto moved =
        ReshapeOp::create(rewriter, op.getLoc(), type, blocked(op.getInput()),
                          shapeConstant(rewriter, op.getLoc(), shape));
    replaceUnpacked(rewriter, op, moved, now);
    return success();
  }
};

/// True where moving `axis`'s block behind the axes after it moves no element.
bool isOnlyUnits(RankedTensorType plain, int64_t axis) {
  return llvm::all_of(plain.getShape().drop_front(axis + 1),
                      [](int64_t extent) { return extent == 1; });
}

/// Packs and unpacks that change the shape alone become reshapes, which are
/// views. The reshape copies dynamic extents, so they must keep their places.
struct ReshapeInsteadOfUnpack : OpRewritePattern<UnpackOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(UnpackOp op,
                                PatternRewriter &rewriter) const final {
    Blocking blocking = *Blocking::of(op);
    if (!blocking.fills() || !isOnlyUnits(op.getType(), blocking.axis))
      return rewriter.notifyMatchFailure(op, "moves elements");
    SmallVector<int64_t> shape(op.getType().getShape());
    for (int64_t &extent : shape)
      extent = ShapedType::isDynamic(extent) ? 0 : extent;
    Value wanted = shapeConstant(rewriter, op.getLoc(), shape);
    rewriter.replaceOpWithNewOp<ReshapeOp>(op, op.getType(), op.getInput(),
                                           wanted);
    return success();
  }
};

struct ReshapeInsteadOfPack : OpRewritePattern<PackOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(PackOp op,
                                PatternRewriter &rewriter) const final {
    RankedTensorType plain = tensorType(op.getInput());
    int64_t axis = op.getAxis();
    if (plain.isDynamicDim(axis) || plain.getDimSize(axis) % op.getBlock() ||
        !isOnlyUnits(plain, axis))
      return rewriter.notifyMatchFailure(op, "moves elements");
    SmallVector<int64_t> shape(op.getType().getShape());
    for (int64_t &extent : shape)
      extent = ShapedType::isDynamic(extent) ? 0 : extent;
    Value wanted = shapeConstant(rewriter, op.getLoc(), shape);
    rewriter.replaceOpWithNewOp<ReshapeOp>(op, op.getType(), op.getInput(),
                                           wanted);
    return success();
  }
};

struct PropagateLayout
    : weft::graph::impl::PropagateLayoutBase<PropagateLayout> {
  void runOnOperation() final {
    // Views come last: they would hide what is blocked.
    RewritePatternSet moves(&getContext()), views(&getContext());
    moves.add<PassElementwise, PassAlongAxes, PassSlice, PassReduce, PassConcat,
              PassTranspose, PassReshape>(&getContext());
    views.add<ReshapeInsteadOfPack, ReshapeInsteadOfUnpack>(&getContext());
    if (failed(applyPatternsGreedily(getOperation(), std::move(moves))) ||
        failed(applyPatternsGreedily(getOperation(), std::move(views))))
      return signalPassFailure();
    getOperation()->walk(
        [&](Operation *op) { numLeft += isa<PackOp, UnpackOp>(op); });
  }
};

} // namespace
