// Ops that place elements elsewhere. Where an affine map says from where, it is
// an operand's map; otherwise the body computes the position and reads it by
// tensor.extract, kept in range where a guard may choose something else.

#include "Lowering.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "weft/Dialect/Graph/IR/ScalarBuilder.h"

using namespace mlir;
namespace scalar = weft::graph::scalar;

namespace weft::lowering {
namespace {

using Positions = ArrayRef<Value>;

/// A generic whose element at `at` is the input's at `from(at)`.
Value readFrom(
    LoopBuilder &b, Value input, LoopBuilder::Dims dims,
    function_ref<SmallVector<Value>(ImplicitLocOpBuilder &, Positions)> from) {
  Type element = cast<RankedTensorType>(input.getType()).getElementType();
  return b.generate(
      dims, element, [&](ImplicitLocOpBuilder &body, Positions at) -> Value {
        return tensor::ExtractOp::create(body, input, from(body, at));
      });
}

struct TransposeToGeneric : OpRewritePattern<graph::TransposeOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(graph::TransposeOp op,
                                PatternRewriter &rewriter) const final {
    LoopBuilder b(op, rewriter);
    unsigned rank = op.getType().getRank();
    SmallVector<AffineExpr> places(rank);
    for (auto [i, from] : llvm::enumerate(op.getPermutation()))
      places[from] = b.getAffineDimExpr(i);
    Value init = b.empty(b.resultDims(), op.getType().getElementType());
    b.replace(b.generic(
        init, b.input(op.getInput()), {b.map(rank, places), b.identity(rank)},
        [](ImplicitLocOpBuilder &, ValueRange args) { return args[0]; }));
    return success();
  }
};

struct ExpandToGeneric : OpRewritePattern<graph::ExpandOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(graph::ExpandOp op,
                                PatternRewriter &rewriter) const final {
    LoopBuilder b(op, rewriter);
    SmallVector<OpFoldResult> dims = b.resultDims();
    if (!b.ok())
      return failure();
    if (TypedAttr scalar = splatValue(op.getInput())) {
      b.replace(b.filled(dims, arith::ConstantOp::create(b, scalar)));
      return success();
    }
    Value input = b.input(op.getInput());
    auto type = cast<RankedTensorType>(input.getType());
    int64_t rank = op.getType().getRank(), offset = rank - type.getRank();
    // An extent that is 1 only at run time repeats, too.
    bool affine = llvm::none_of(type.getShape(), ShapedType::isDynamic);
    if (!affine) {
      SmallVector<Value> extents;
      for (OpFoldResult extent : b.dims().allOf(input))
        extents.push_back(b.dims().value(extent));
      b.replace(readFrom(b, input, dims,
                         [&](ImplicitLocOpBuilder &body, Positions at) {
                           SmallVector<Value> from;
                           Value zero = arith::ConstantIndexOp::create(body, 0),
                                 one = arith::ConstantIndexOp::create(body, 1);
                           for (auto [i, extent] : llvm::enumerate(extents)) {
                             Value repeats = body.createOrFold<arith::CmpIOp>(
                                 arith::CmpIPredicate::eq, extent, one);
                             from.push_back(body.createOrFold<arith::SelectOp>(
                                 repeats, zero, at[offset + i]));
                           }
                           return from;
                         }));
      return success();
    }
    SmallVector<AffineExpr> places;
    for (int64_t i = 0; i < type.getRank(); ++i)
      places.push_back(type.getDimSize(i) == 1
                           ? b.getAffineConstantExpr(0)
                           : b.getAffineDimExpr(offset + i));
    b.replace(b.generic(
        b.empty(dims, type.getElementType()), input,
        {b.map(rank, places), b.identity(rank)},
        [](ImplicitLocOpBuilder &, ValueRange args) { return args[0]; }));
    return success();
  }
};

struct TileToGeneric : OpRewritePattern<graph::TileOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(graph::TileOp op,
                                PatternRewriter &rewriter) const final {
    LoopBuilder b(op, rewriter);
    SmallVector<OpFoldResult> dims = b.resultDims();
    if (!b.ok())
      return failure();
    Value input = b.input(op.getInput());
    auto repeats = graph::constantInts(op.getRepeats());
    SmallVector<Value> extents;
    for (OpFoldResult extent : b.dims().allOf(input))
      extents.push_back(b.dims().value(extent));
    b.replace(
        readFrom(b, input, dims, [&](ImplicitLocOpBuilder &body, Positions at) {
          SmallVector<Value> from(at);
          for (auto [i, extent] : llvm::enumerate(extents))
            if (!repeats || (*repeats)[i] != 1)
              from[i] = arith::RemUIOp::create(body, at[i], extent);
          return from;
        }));
    return success();
  }
};

/// Slices with a step other than 1; unit steps are views (Shapes.cpp).
struct SliceToGeneric : OpRewritePattern<graph::SliceOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(graph::SliceOp op,
                                PatternRewriter &rewriter) const final {
    auto steps = graph::constantInts(op.getSteps());
    if (steps && llvm::all_of(*steps, [](int64_t step) { return step == 1; }))
      return rewriter.notifyMatchFailure(op, "is a view");
    LoopBuilder b(op, rewriter);
    graph::DimBuilder d = b.dims();
    SmallVector<OpFoldResult> dims = b.resultDims();
    SmallVector<std::pair<Value, Value>> startAndStep(dims.size());
    for (auto [i, axis] : llvm::enumerate(op.getAxes())) {
      OpFoldResult step = d.element(op.getSteps(), i);
      graph::SliceBounds bounds = graph::sliceBounds(
          d, d.of(op.getInput(), axis), d.element(op.getStarts(), i),
          d.element(op.getEnds(), i), step);
      startAndStep[axis] = {d.value(bounds.start), d.value(step)};
    }
    b.replace(
        readFrom(b, b.input(op.getInput()), dims,
                 [&](ImplicitLocOpBuilder &body, Positions at) {
                   SmallVector<Value> from(at);
                   for (auto [i, pair] : llvm::enumerate(startAndStep))
                     if (pair.first)
                       from[i] = arith::AddIOp::create(
                           body, pair.first,
                           arith::MulIOp::create(body, at[i], pair.second));
                   return from;
                 }));
    return success();
  }
};

/// Padding that reads the input. Where a kernel can write into the padded
/// tensor at once, fusion has made it a fill and an insert_slice instead.
struct PadToGeneric : OpRewritePattern<graph::PadOp> {
  using OpRewritePattern::OpRewritePattern;

  /// Where position `i`, which may lie outside [0, extent), is read.
  static Value fold(ImplicitLocOpBuilder &b, graph::PadMode mode, Value i,
                    Value extent) {
    auto constant = [&](int64_t v) -> Value {
      return arith::ConstantIndexOp::create(b, v);
    };
    auto modulo = [&](Value x, Value by) -> Value {
      Value safe = arith::MaxSIOp::create(b, by, constant(1));
      Value rest = arith::RemSIOp::create(b, x, safe);
      Value negative = arith::CmpIOp::create(b, arith::CmpIPredicate::slt, rest,
                                             constant(0));
      return arith::SelectOp::create(
          b, negative, arith::AddIOp::create(b, rest, safe), rest);
    };
    if (mode == graph::PadMode::wrap)
      i = modulo(i, extent);
    if (mode == graph::PadMode::reflect) {
      Value last = arith::SubIOp::create(b, extent, constant(1));
      Value period = arith::MulIOp::create(b, last, constant(2));
      Value place = modulo(i, period);
      i = arith::MinSIOp::create(b, place,
                                 arith::SubIOp::create(b, period, place));
    }
    return clampIndex(b, i, extent);
  }

  LogicalResult matchAndRewrite(graph::PadOp op,
                                PatternRewriter &rewriter) const final {
    LoopBuilder b(op, rewriter);
    graph::DimBuilder d = b.dims();
    SmallVector<OpFoldResult> dims = b.resultDims();
    Value input = b.input(op.getInput());
    struct Axis {
      int64_t axis;
      Value before, extent;
    };
    SmallVector<Axis> padded;
    auto ints = graph::constantInts(op.getPads());
    int64_t count = op.getAxes().size();
    for (auto [i, axis] : llvm::enumerate(op.getAxes()))
      if (!ints || (*ints)[i] != 0 || (*ints)[count + i] != 0)
        padded.push_back({axis, d.value(d.element(op.getPads(), i)),
                          d.value(d.of(input, axis))});
    bool guards = op.getMode() == graph::PadMode::constant;
    Value value = guards ? Value(tensor::ExtractOp::create(
                               b, b.input(op.getValue()), ValueRange{}))
                         : Value();
    Type element = cast<RankedTensorType>(input.getType()).getElementType();
    b.replace(b.generate(
        dims, element, [&](ImplicitLocOpBuilder &body, Positions at) -> Value {
          SmallVector<Value> from(at);
          Value inside = arith::ConstantIntOp::create(body, 1, 1);
          for (const Axis &axis : padded) {
            Value place =
                arith::SubIOp::create(body, at[axis.axis], axis.before);
            if (guards) // One unsigned comparison checks both ends.
              inside = arith::AndIOp::create(
                  body, inside,
                  arith::CmpIOp::create(body, arith::CmpIPredicate::ult, place,
                                        axis.extent));
            from[axis.axis] = fold(body, op.getMode(), place, axis.extent);
          }
          if (!guards)
            return tensor::ExtractOp::create(body, input, from);
          auto chosen = scf::IfOp::create(
              body, inside,
              [&](OpBuilder &then, Location loc) {
                scf::YieldOp::create(
                    then, loc,
                    tensor::ExtractOp::create(then, loc, input, from)
                        .getResult());
              },
              [&](OpBuilder &other, Location loc) {
                scf::YieldOp::create(other, loc, value);
              });
          return chosen.getResult(0);
        }));
    return success();
  }
};

struct IotaToGeneric : OpRewritePattern<graph::IotaOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(graph::IotaOp op,
                                PatternRewriter &rewriter) const final {
    LoopBuilder b(op, rewriter);
    Type element = signless(op.getType().getElementType());
    b.replace(b.generate(b.resultDims(), element,
                         [&](ImplicitLocOpBuilder &body, Positions at) {
                           Value i = arith::IndexCastOp::create(
                               body, body.getI64Type(), at[op.getAxis()]);
                           return scalar::cast(body, i, element, false, false);
                         }));
    return success();
  }
};

/// [.., E, ..] to [.., ceil(E / block), .., block].
struct PackToGeneric : OpRewritePattern<graph::PackOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(graph::PackOp op,
                                PatternRewriter &rewriter) const final {
    LoopBuilder b(op, rewriter);
    Value input = b.input(op.getInput());
    auto type = cast<RankedTensorType>(input.getType());
    int64_t axis = op.getAxis(), block = op.getBlock(), rank = type.getRank();
    SmallVector<OpFoldResult> dims = b.resultDims();
    if (!type.isDynamicDim(axis) && type.getDimSize(axis) % block == 0) {
      SmallVector<AffineExpr> places;
      for (int64_t i = 0; i < rank; ++i)
        places.push_back(b.getAffineDimExpr(i));
      places[axis] = places[axis] * block + b.getAffineDimExpr(rank);
      b.replace(b.generic(
          b.empty(dims, type.getElementType()), input,
          {b.map(rank + 1, places), b.identity(rank + 1)},
          [](ImplicitLocOpBuilder &, ValueRange args) { return args[0]; }));
      return success();
    }
    Value extent = b.dims().value(b.dims().of(input, axis));
    b.replace(b.generate(
        dims, type.getElementType(),
        [&](ImplicitLocOpBuilder &body, Positions at) -> Value {
          SmallVector<Value> from(at.drop_back());
          Value first = arith::MulIOp::create(
              body, at[axis], arith::ConstantIndexOp::create(body, block));
          Value place = arith::AddIOp::create(body, first, at[rank]);
          Value inside = arith::CmpIOp::create(body, arith::CmpIPredicate::slt,
                                               place, extent);
          from[axis] = clampIndex(body, place, extent);
          Value read = tensor::ExtractOp::create(body, input, from);
          return arith::SelectOp::create(
              body, inside, read, scalar::constant(body, read.getType(), 0));
        }));
    return success();
  }
};

struct UnpackToGeneric : OpRewritePattern<graph::UnpackOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(graph::UnpackOp op,
                                PatternRewriter &rewriter) const final {
    LoopBuilder b(op, rewriter);
    int64_t axis = op.getAxis(),
            block = graph::tensorType(op.getInput()).getShape().back();
    b.replace(
        readFrom(b, b.input(op.getInput()), b.resultDims(),
                 [&](ImplicitLocOpBuilder &body, Positions at) {
                   SmallVector<Value> from(at);
                   Value size = arith::ConstantIndexOp::create(body, block);
                   from[axis] = arith::DivUIOp::create(body, at[axis], size);
                   from.push_back(arith::RemUIOp::create(body, at[axis], size));
                   return from;
                 }));
    return success();
  }
};

} // namespace

void addMovementPatterns(RewritePatternSet &patterns) {
  patterns
      .add<TransposeToGeneric, ExpandToGeneric, TileToGeneric, SliceToGeneric,
           PadToGeneric, IotaToGeneric, PackToGeneric, UnpackToGeneric>(
          patterns.getContext());
}

} // namespace weft::lowering
