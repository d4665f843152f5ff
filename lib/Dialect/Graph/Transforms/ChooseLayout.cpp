// Chooses the memory layout of convolutions and matrix products of f32 with
// constant weights: activations in blocks of channels, weights packed here, at
// compile time. Packs and unpacks around each op are left to
// `weft-propagate-layout` to cancel. Other products stay graph ops, which lower
// to plain loops.

#include "weft/Dialect/Graph/Transforms/Passes.h"

#include "Floats.h"
#include "LayoutPatterns.h"
#include "LayoutProducts.h"
#include "Winograd.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Transforms/WalkPatternRewriteDriver.h"
#include "weft/Dialect/Graph/IR/Graph.h"
#include "weft/Dialect/Graph/IR/Shapes.h"
#include "weft/Dialect/Kernel/IR/Kernel.h"
#include "weft/Support/Constants.h"

namespace weft::graph {
#define GEN_PASS_DEF_CHOOSELAYOUT
#include "weft/Dialect/Graph/Transforms/Passes.h.inc"
} // namespace weft::graph

using namespace mlir;
using namespace weft;
using namespace weft::graph;
using kernel::kBlock;

namespace {

/// [K, C, window…] as [groups * K1, C1, window…, cb, 16].
Value packConvWeight(OpBuilder &b, Location loc, const ConvShape &s, int64_t cb,
                     const Floats &weight) {
  int64_t k1 = s.outputBlocks(), c1 = llvm::divideCeil(s.inputs, cb);
  SmallVector<int64_t> shape = {s.groups * k1, c1};
  llvm::append_range(shape, s.window);
  shape.append({cb, kBlock});
  return makeFloats(b, loc, shape, [&](float *packed) {
    int64_t from = 0;
    for (int64_t group = 0; group < s.groups; ++group)
      for (int64_t k = 0; k < s.outputs; ++k) {
        int64_t block = group * k1 + k / kBlock;
        for (int64_t c = 0; c < s.inputs; ++c)
          for (int64_t tap = 0; tap < s.taps; ++tap, ++from)
            packed[((((block * c1 + c / cb) * s.taps + tap) * cb) + c % cb) *
                       kBlock +
                   k % kBlock] = weight[from];
      }
  });
}

/// [C, 1, window…] as [C1, window…, 16].
Value packDepthwiseWeight(OpBuilder &b, Location loc, const ConvShape &s,
                          const Floats &weight) {
  SmallVector<int64_t> shape = {
      static_cast<int64_t>(llvm::divideCeil(s.groups, kBlock))};
  llvm::append_range(shape, s.window);
  shape.push_back(kBlock);
  return makeFloats(b, loc, shape, [&](float *packed) {
    for (int64_t c = 0; c < s.groups; ++c)
      for (int64_t tap = 0; tap < s.taps; ++tap)
        packed[((c / kBlock) * s.taps + tap) * kBlock + c % kBlock] =
            weight[c * s.taps + tap];
  });
}

/// The convolution as one that minimal filtering can compute; nothing where it
/// is another kind.
std::optional<WinogradConv> asWinogradConv(ConvOp op, const ConvShape &s) {
  size_t spatial = s.window.size();
  if (spatial > 3 || !s.readsBlocks() ||
      llvm::any_of(op.getStrides(), [](int64_t stride) { return stride != 1; }))
    return std::nullopt;
  ArrayRef<int64_t> out = op.getType().getShape();
  WinogradConv conv = {s.groups, s.inputs, s.outputs, 1,
                       {1, 1},   {1, 1},   out[0],    {1, 1}};
  if (spatial == 3) {
    conv.planes = s.window[0];
    conv.images = ShapedType::isDynamic(out[0]) || ShapedType::isDynamic(out[2])
                      ? ShapedType::kDynamic
                      : out[0] * out[2];
  }
  for (size_t axis = spatial == 1 ? 1 : 0; axis < 2; ++axis) {
    size_t i = spatial - 2 + axis;
    conv.window[axis] = s.window[i];
    // Windows of 1 have no distances.
    conv.dilations[axis] = s.window[i] == 1 ? 1 : op.getDilations()[i];
    conv.extents[axis] = out[2 + i];
  }
  return conv;
}

/// A convolution's input as `input` times one factor for each channel.
struct ScaledInput {
  Value input, factors; ///< [1, C, spatial…] and [1, C, 1…]

  /// Nothing unless the weights, which take the factors instead, have fewer
  /// elements. One image only: weights are the same for all.
  static std::optional<ScaledInput> of(ConvOp op, const ConvShape &s) {
    auto scale = op.getInput().getDefiningOp<MulOp>();
    if (!scale || !scale->hasOneUse() || s.groups != 1 ||
        s.inputs < kFewChannels)
      return std::nullopt;
    ArrayRef<int64_t> shape = scale.getType().getShape();
    SmallVector<int64_t> perChannel(shape.size(), 1);
    perChannel[1] = shape[1];
    for (auto [x, y] : {std::pair(scale.getX(), scale.getY()),
                        std::pair(scale.getY(), scale.getX())})
      if (tensorType(x) == scale.getType() &&
          scale.getType().hasStaticShape() && shape[0] == 1 &&
          tensorType(y).getShape() == ArrayRef(perChannel) &&
          ShapedType::getNumElements(shape) > s.inputs * s.outputs * s.taps)
        return ScaledInput{x, y};
    return std::nullopt;
  }

  /// The packed weights [K1, C1, window…, part, 16] times the factors.
  Value scale(OpBuilder &b, Location loc, Value packed, int64_t part) const {
    Value blocked = PackOp::create(b, loc, factors, 1, part);
    Value column = UnsqueezeOp::create(
        b, loc, blocked, ArrayRef<int64_t>{tensorType(blocked).getRank()});
    return MulOp::create(b, loc, packed.getType(), packed, column);
  }
};

struct LayOutConv : OpRewritePattern<ConvOp> {
  LayOutConv(MLIRContext *context, std::optional<WorkerSpeed> speed)
      : OpRewritePattern(context), speed(speed) {}

  /// For the choice of minimal filtering; nothing where it is not wanted.
  std::optional<WorkerSpeed> speed;

  LogicalResult matchAndRewrite(ConvOp op,
                                PatternRewriter &rewriter) const final {
    std::optional<Floats> weight = constantFloats(op.getWeight());
    RankedTensorType input = tensorType(op.getInput());
    if (!weight || input.isDynamicDim(1))
      return rewriter.notifyMatchFailure(op, "the weight is no f32 constant");
    FailureOr<Dims> extents = resultDims(rewriter, op);
    if (failed(extents))
      return failure();
    ConvShape s(op);
    Location loc = op.getLoc();
    int64_t spatial = s.window.size();
    bool depthwise = s.inputs == 1 && s.outputs == 1 && s.groups > 1;
    Dims dims = *extents;
    dims[1] =
        rewriter.getIndexAttr(depthwise ? llvm::divideCeil(s.groups, kBlock)
                                        : s.groups * s.outputBlocks());
    dims.push_back(rewriter.getIndexAttr(kBlock));
    Value out = tensor::EmptyOp::create(rewriter, loc, dims,
                                        rewriter.getF32Type()),
          sum, x = op.getInput();
    if (depthwise) {
      x = padSpatial(rewriter, loc, PackOp::create(rewriter, loc, x, 1, kBlock),
                     op.getPads(), rewriter.getF32FloatAttr(0));
      Value packed =
          packDepthwiseWeight(rewriter, op.getWeight().getLoc(), s, *weight);
      sum = finishProduct(rewriter, kernel::DepthwiseConvOp::create(
                                        rewriter, loc, out.getType(), x, packed,
                                        ValueRange{}, out,
                                        rewriter.getAffineMapArrayAttr({}),
                                        op.getStrides(), op.getDilations()));
      // One group of all channels, as far as blocks are concerned.
      s.outputs = s.groups;
      s.groups = 1;
    } else if (std::optional<WinogradTile> tile = winogradTile(op, s)) {
      sum = minimalFiltering(rewriter, op, *tile, s, *weight, out);
    } else {
      bool blocked = s.groups > 1 || s.readsBlocks();
      int64_t part = blocked ? s.inputPart() : 1;
      Value packed =
          packConvWeight(rewriter, op.getWeight().getLoc(), s, part, *weight);
      if (std::optional<ScaledInput> scaled = ScaledInput::of(op, s)) {
        x = scaled->input;
        packed = scaled->scale(rewriter, loc, packed, part);
      }
      sum = finishProduct(
          rewriter,
          kernel::ConvOp::create(
              rewriter, loc, out.getType(), readInput(op, x, blocked, rewriter),
              packed, ValueRange{}, out, rewriter.getAffineMapArrayAttr({}),
              op.getStrides(), op.getDilations(), s.groups));
    }
    std::optional<Floats> bias =
        op.getBias() ? constantFloats(op.getBias()) : std::nullopt;
    if (bias) {
      Value packed = packChannels<float>(rewriter, op.getBias().getLoc(), s,
                                         rewriter.getF32Type(),
                                         [&](int64_t k) { return (*bias)[k]; });
      sum = AddOp::create(rewriter, loc, sum.getType(), sum, packed);
    }
    Value plain = unpackGroups(rewriter, loc, sum, s);
    if (op.getBias() && !bias) {
      auto axes = llvm::to_vector(llvm::seq<int64_t>(1, spatial + 1));
      Value column = UnsqueezeOp::create(rewriter, loc, op.getBias(), axes);
      plain = AddOp::create(rewriter, loc, plain.getType(), plain, column);
    }
    if (plain.getType() != op.getType())
      plain = tensor::CastOp::create(rewriter, loc, op.getType(), plain);
    rewriter.replaceOp(op, plain);
    return success();
  }

  std::optional<WinogradTile> winogradTile(ConvOp op,
                                           const ConvShape &s) const {
    std::optional<WinogradConv> conv = asWinogradConv(op, s);
    return conv && speed ? chooseWinogradTile(*conv, *speed) : std::nullopt;
  }

  static Value minimalFiltering(OpBuilder &b, ConvOp op,
                                const WinogradTile &tile, const ConvShape &s,
                                const Floats &weight, Value out) {
    WinogradConv conv = *asWinogradConv(op, s);
    Value packed = makeFloats(
        b, op.getWeight().getLoc(), winogradWeightShape(conv, tile),
        [&](float *transformed) {
          transformWinogradWeight(
              conv, tile, [&](int64_t i) { return weight[i]; }, transformed);
        });
    Value x = PackOp::create(b, op.getLoc(), op.getInput(), 1, kBlock);
    // The output's extents say how far windows reach behind the input.
    size_t spatial = s.window.size(), filtered = std::min<size_t>(spatial, 2);
    SmallVector<int64_t> extents(spatial - filtered, 1),
        dilations(op.getDilations().take_front(spatial - filtered));
    llvm::append_range(extents, ArrayRef(tile).take_back(filtered));
    llvm::append_range(dilations, ArrayRef(conv.dilations).take_back(filtered));
    return finishProduct(b, kernel::WinogradConvOp::create(
                                b, op.getLoc(), out.getType(), x, packed,
                                ValueRange{}, out, b.getAffineMapArrayAttr({}),
                                extents, op.getPads().take_front(spatial),
                                dilations, s.groups));
  }

  /// The padded input in blocks, or plain with a unit dimension as its block.
  static Value readInput(ConvOp op, Value input, bool blocked, OpBuilder &b) {
    Location loc = op.getLoc();
    if (blocked)
      return padSpatial(b, loc, PackOp::create(b, loc, input, 1, kBlock),
                        op.getPads(), b.getF32FloatAttr(0));
    Value padded =
        padSpatial(b, loc, input, op.getPads(), b.getF32FloatAttr(0));
    return UnsqueezeOp::create(b, loc, padded,
                               ArrayRef<int64_t>{tensorType(padded).getRank()});
  }
};

/// [K, N] (or [N, K] if `transposed`) as [N/16][K][16].
Value packMatrix(OpBuilder &b, Location loc, int64_t k, int64_t n,
                 bool transposed, const Floats &matrix) {
  return makeFloats(
      b, loc, {static_cast<int64_t>(llvm::divideCeil(n, kBlock)), k, kBlock},
      [&](float *packed) {
        for (int64_t i = 0; i < k; ++i)
          for (int64_t j = 0; j < n; ++j)
            packed[((j / kBlock) * k + i) * kBlock + j % kBlock] =
                matrix[transposed ? j * k + i : i * n + j];
      });
}

struct LayOutMatMul : OpRewritePattern<MatMulOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(MatMulOp op,
                                PatternRewriter &rewriter) const final {
    if (!op.getType().getElementType().isF32())
      return rewriter.notifyMatchFailure(op, "is not f32");
    Location loc = op.getLoc();
    RankedTensorType rhsType = tensorType(op.getRhs());
    int64_t rank = op.getType().getRank();
    std::optional<Floats> constant;
    if (rhsType.getRank() == 2 && tensorType(op.getLhs()).getRank() == rank)
      constant = constantFloats(op.getRhs());
    FailureOr<Dims> extents = resultDims(rewriter, op);
    if (failed(extents))
      return failure();
    Dims dims = *extents;
    Value lhs = op.getTransposeLhs() ? transposed(rewriter, loc, op.getLhs())
                                     : op.getLhs(),
          rhs;
    if (constant) {
      bool flip = op.getTransposeRhs();
      int64_t k = rhsType.getDimSize(flip ? 1 : 0),
              n = rhsType.getDimSize(flip ? 0 : 1);
      rhs = packMatrix(rewriter, op.getRhs().getLoc(), k, n, flip, *constant);
      dims.back() = rewriter.getIndexAttr(n);
    } else {
      rhs = op.getTransposeRhs() ? transposed(rewriter, loc, op.getRhs())
                                 : op.getRhs();
      lhs = repeatBatches(rewriter, loc, withRank(rewriter, loc, lhs, rank),
                          dims);
      rhs = withRank(rewriter, loc, rhs, rank);
    }
    Value out =
        tensor::EmptyOp::create(rewriter, loc, dims, rewriter.getF32Type());
    Value product = finishProduct(
        rewriter, kernel::MatMulOp::create(
                      rewriter, loc, out.getType(), lhs, rhs, ValueRange{}, out,
                      rewriter.getAffineMapArrayAttr({}),
                      constant ? rewriter.getUnitAttr() : UnitAttr()));
    if (product.getType() != op.getType())
      product = tensor::CastOp::create(rewriter, loc, op.getType(), product);
    rewriter.replaceOp(op, product);
    return success();
  }

  /// `x` with dimensions of 1 before its own.
  static Value withRank(OpBuilder &b, Location loc, Value x, int64_t rank) {
    int64_t missing = rank - tensorType(x).getRank();
    if (missing == 0)
      return x;
    return UnsqueezeOp::create(b, loc, x,
                               llvm::to_vector(llvm::seq<int64_t>(0, missing)));
  }

  /// The left side has all batches of the result; the right side may have 1.
  static Value repeatBatches(OpBuilder &b, Location loc, Value lhs,
                             ArrayRef<OpFoldResult> dims) {
    DimBuilder d(b, loc);
    RankedTensorType type = tensorType(lhs);
    SmallVector<int64_t> shape(type.getShape());
    SmallVector<Value> extents;
    bool repeats = false;
    for (int64_t i = 0; i < type.getRank(); ++i) {
      bool batch = i < type.getRank() - 2;
      auto known = getConstantIntValue(dims[i]);
      OpFoldResult extent = d.of(lhs, i);
      if (batch && type.getDimSize(i) == 1 && known != 1) {
        repeats = true;
        shape[i] = known.value_or(kDynamic);
        extent = dims[i];
      }
      extents.push_back(
          arith::IndexCastOp::create(b, loc, b.getI64Type(), d.value(extent)));
    }
    if (!repeats)
      return lhs;
    Value wanted = tensor::FromElementsOp::create(b, loc, extents);
    return ExpandOp::create(b, loc, type.clone(shape), lhs, wanted);
  }
};

struct ChooseLayout : graph::impl::ChooseLayoutBase<ChooseLayout> {
  using ChooseLayoutBase::ChooseLayoutBase;

  void runOnOperation() final {
    if (block == 0)
      return;
    if (block != kBlock) {
      getOperation()->emitError("channels are blocked by ")
          << kBlock << " or not at all (0), not by " << block;
      return signalPassFailure();
    }
    std::optional<WorkerSpeed> speed;
    if (winograd)
      speed = WorkerSpeed{gigaflops * 1e9, gigabytes * 1e9};
    RewritePatternSet first(&getContext()), patterns(&getContext());
    populateTransposedConvPatterns(first);
    walkAndApplyPatterns(getOperation(), std::move(first));
    patterns.add<LayOutConv>(&getContext(), speed);
    patterns.add<LayOutMatMul>(&getContext());
    populateIntegerLayoutPatterns(patterns);
    walkAndApplyPatterns(getOperation(), std::move(patterns));
  }
};

} // namespace
