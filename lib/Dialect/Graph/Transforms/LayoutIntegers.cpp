// Lays out products of bytes with constant weights for instructions that add
// up four products of an unsigned and a signed byte:
//
//   sum (x - z) * (w + d) = sum x * w - z * sum w + d * sum (x - z)
//
// where x is unsigned (a signed x is x + 128 less 128) and w signed; z * sum w
// is known for each column but for zero points of a run, and d, the same for
// all weights of a column, is 0 unless weights are unsigned. All is modulo
// 2^32, so that the result is the one of the sum on the left.

#include "CentredBytes.h"
#include "LayoutPatterns.h"
#include "LayoutProducts.h"
#include "SimplifyPatterns.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "weft/Dialect/Graph/Transforms/Evaluate.h"
#include "weft/Support/Constants.h"

using namespace mlir;

namespace weft::graph {
namespace {

using kernel::kBlock;
/// Bytes of one sum that an instruction multiplies at once.
constexpr int64_t kStep = kernel::kBytesPerStep;

Value scalarConstant(OpBuilder &b, Location loc, Type element, int64_t value) {
  return ConstantOp::create(
      b, loc,
      DenseElementsAttr::get(tensorType({}, element),
                             Attribute(b.getIntegerAttr(element, value))));
}

/// A left side: bytes less a zero point of i32.
struct Bytes : CentredBytes {
  static std::optional<Bytes> match(Value wide) {
    auto centred = CentredBytes::match(wide);
    return centred ? std::optional(Bytes{*centred}) : std::nullopt;
  }

  bool areUnsigned() const { return isUnsigned(bytes); }

  /// The zero point, where it is one known number.
  std::optional<int64_t> knownZeroPoint() const {
    if (!zeroPoint)
      return 0;
    std::optional<double> value = splatValue(zeroPoint);
    return value ? std::optional<int64_t>(*value) : std::nullopt;
  }

  /// x = (x + 128) - 128; the sum is x with its first bit inverted.
  void makeUnsigned(PatternRewriter &rewriter) {
    if (areUnsigned())
      return;
    Location loc = bytes.getLoc();
    Type i8 = rewriter.getI8Type(), i32 = rewriter.getI32Type(),
         ui8 =
             IntegerType::get(rewriter.getContext(), 8, IntegerType::Unsigned);
    RankedTensorType type = tensorType(bytes);
    Value moved = XorOp::create(rewriter, loc, type, bytes,
                                scalarConstant(rewriter, loc, i8, -128));
    bytes = BitCastOp::create(rewriter, loc, type.clone(ui8), moved, ui8);
    Value offset = scalarConstant(rewriter, loc, i32, 128);
    zeroPoint = zeroPoint
                    ? createOrEvaluate<AddOp>(rewriter, loc, zeroPoint, offset)
                    : offset;
  }
};

/// The elements of a constant of i32.
struct Integers {
  ConstantData data;
  const int32_t *all;
  explicit Integers(ConstantData found) : data(std::move(found)) {
    all = reinterpret_cast<const int32_t *>(data.bytes().data());
  }
  int64_t operator[](int64_t i) const { return all[data.isSplat() ? 0 : i]; }

  static std::optional<Integers> of(Value value) {
    auto data = value ? ConstantData::get(value) : std::nullopt;
    if (!data || !data->type().getElementType().isSignlessInteger(32) ||
        data->numElements() == 0)
      return std::nullopt;
    return Integers(std::move(*data));
  }
};

//===-- Matrix products
//------------------------------------------------------------//

/// A constant matrix [k, n] of i32 as bytes and what they lack.
struct ByteMatrix {
  int64_t k, n;
  SmallVector<int32_t> shifts; ///< of each column, what its bytes are less
  SmallVector<int32_t> sums;   ///< of the bytes of each column
  bool isShifted = false;
  Integers all;
  bool transposed;

  int64_t at(int64_t i, int64_t j) const {
    return all[transposed ? j * k + i : i * n + j];
  }

  /// Nothing where the weights of a column span more than a byte does.
  static std::optional<ByteMatrix> of(Value value, bool transposed) {
    auto all = Integers::of(value);
    if (!all || all->data.type().getRank() != 2)
      return std::nullopt;
    ArrayRef<int64_t> shape = all->data.type().getShape();
    ByteMatrix m{shape[transposed ? 1 : 0],
                 shape[transposed ? 0 : 1],
                 {},
                 {},
                 false,
                 std::move(*all),
                 transposed};
    for (int64_t j = 0; j < m.n; ++j) {
      int64_t least = m.at(0, j), most = least, sum = 0;
      for (int64_t i = 0; i < m.k; ++i) {
        least = std::min(least, m.at(i, j));
        most = std::max(most, m.at(i, j));
        sum += m.at(i, j);
      }
      if (most - least > 255)
        return std::nullopt;
      int64_t shift = least >= -128 && most <= 127 ? 0 : most - 127;
      m.isShifted |= shift != 0;
      m.shifts.push_back(shift);
      m.sums.push_back(static_cast<int32_t>(sum - shift * m.k));
    }
    return m;
  }

  /// As [N/16, K/4, 64]: four elements of a column side by side.
  Value pack(OpBuilder &b, Location loc) const {
    int64_t steps = llvm::divideCeil(k, kStep);
    return makeElements<int8_t>(
        b, loc,
        tensorType({static_cast<int64_t>(llvm::divideCeil(n, kBlock)), steps,
                    kBlock * kStep},
                   b.getI8Type()),
        [&](int8_t *packed) {
          for (int64_t i = 0; i < k; ++i)
            for (int64_t j = 0; j < n; ++j)
              packed[((j / kBlock * steps + i / kStep) * kBlock + j % kBlock) *
                         kStep +
                     i % kStep] = static_cast<int8_t>(at(i, j) - shifts[j]);
        });
  }

  /// One number for each column.
  Value row(OpBuilder &b, Location loc, ArrayRef<int32_t> numbers) const {
    return makeElements<int32_t>(
        b, loc, tensorType({n}, b.getI32Type()),
        [&](int32_t *all) { llvm::copy(numbers, all); });
  }
};

struct LayOutByteMatMul : OpRewritePattern<MatMulOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(MatMulOp op,
                                PatternRewriter &rewriter) const final {
    RankedTensorType type = op.getType(), left = tensorType(op.getLhs());
    int64_t rank = type.getRank();
    bool flip = op.getTransposeLhs();
    if (!type.getElementType().isSignlessInteger(32) || left.getRank() != rank)
      return rewriter.notifyMatchFailure(op, "is not of i32, or broadcasts");
    auto lhs = Bytes::match(op.getLhs());
    if (!lhs || !isUniformAlongRows(*lhs, flip))
      return rewriter.notifyMatchFailure(op, "the left side is not of bytes");
    auto weight = ByteMatrix::of(op.getRhs(), op.getTransposeRhs());
    if (!weight || left.getDimSize(flip ? rank - 2 : rank - 1) != weight->k)
      return rewriter.notifyMatchFailure(op, "the right side is no constant");
    FailureOr<Dims> extents = resultDims(rewriter, op);
    if (failed(extents))
      return failure();
    lhs->makeUnsigned(rewriter);
    Location loc = op.getLoc(), weightLoc = op.getRhs().getLoc();
    Value x = flip ? transposed(rewriter, loc, lhs->bytes) : lhs->bytes;
    Dims dims = *extents;
    dims.back() = rewriter.getIndexAttr(weight->n);
    Value out =
        tensor::EmptyOp::create(rewriter, loc, dims, rewriter.getI32Type());
    Value y = finishProduct(
        rewriter,
        kernel::MatMulOp::create(
            rewriter, loc, out.getType(), wholeSteps(rewriter, loc, x),
            weight->pack(rewriter, weightLoc), ValueRange{}, out,
            rewriter.getAffineMapArrayAttr({}), rewriter.getUnitAttr()));
    y = corrected(rewriter, loc, y, x, lhs->zeroPoint, *weight);
    if (y.getType() != type)
      y = tensor::CastOp::create(rewriter, loc, type, y);
    rewriter.replaceOp(op, y);
    return success();
  }

  /// True where the zero point is the same for all that one sum takes in.
  static bool isUniformAlongRows(const Bytes &lhs, bool flip) {
    if (lhs.knownZeroPoint())
      return true;
    RankedTensorType type = tensorType(lhs.zeroPoint);
    if (flip)
      return type.hasStaticShape() && type.getNumElements() == 1;
    return type.getRank() == 0 || type.getShape().back() == 1;
  }

  /// Zeros that no weight meets after rows that are no multiple of four.
  static Value wholeSteps(PatternRewriter &rewriter, Location loc, Value x) {
    RankedTensorType type = tensorType(x);
    int64_t rank = type.getRank(), k = type.getShape().back();
    if (k % kStep == 0)
      return x;
    Value zero = scalarConstant(rewriter, loc, type.getElementType(), 0);
    int64_t after = kStep - k % kStep;
    return PadOp::create(rewriter, loc, x,
                         shapeConstant(rewriter, loc, {0, after}), zero,
                         ArrayRef<int64_t>{rank - 1}, PadMode::constant);
  }

  static Value corrected(PatternRewriter &rewriter, Location loc, Value y,
                         Value x, Value zeroPoint, const ByteMatrix &weight) {
    Type i32 = rewriter.getI32Type();
    if (zeroPoint) {
      Value part = createOrEvaluate<MulOp>(
          rewriter, loc, zeroPoint, weight.row(rewriter, loc, weight.sums));
      y = SubOp::create(rewriter, loc, y.getType(), y, part);
    }
    if (!weight.isShifted)
      return y;
    RankedTensorType type = tensorType(x);
    Value wide = CastOp::create(rewriter, loc, type.clone(i32), x, i32);
    Value sum = ReduceOp::create(rewriter, loc, ReduceKind::sum, wide,
                                 ArrayRef<int64_t>{type.getRank() - 1},
                                 /*keep_dims=*/true);
    if (zeroPoint) {
      Value all =
          createOrEvaluate<MulOp>(rewriter, loc, zeroPoint,
                                  scalarConstant(rewriter, loc, i32, weight.k));
      sum = SubOp::create(rewriter, loc, sum.getType(), sum, all);
    }
    Value part = MulOp::create(rewriter, loc, y.getType(), sum,
                               weight.row(rewriter, loc, weight.shifts));
    return AddOp::create(rewriter, loc, y.getType(), y, part);
  }
};

//===-- Convolutions
//---------------------------------------------------------------//

struct LayOutByteConv : OpRewritePattern<ConvOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(ConvOp op,
                                PatternRewriter &rewriter) const final {
    auto weight = Integers::of(op.getWeight());
    auto bias = Integers::of(op.getBias());
    if (!weight || (op.getBias() && !bias) ||
        tensorType(op.getInput()).isDynamicDim(1))
      return rewriter.notifyMatchFailure(op, "is not of i32 and constants");
    ConvShape s(op);
    if ((s.groups > 1 && s.inputs % kStep) || !areBytes(*weight))
      return rewriter.notifyMatchFailure(op, "has other weights than bytes");
    auto input = Bytes::match(op.getInput());
    auto zero = input ? input->knownZeroPoint() : std::nullopt;
    if (zero && !input->areUnsigned())
      *zero += 128;
    // Padding is a byte that stands for 0.
    if (!zero || *zero < 0 || *zero > 255)
      return rewriter.notifyMatchFailure(op, "the input is not of bytes");
    FailureOr<Dims> extents = resultDims(rewriter, op);
    if (failed(extents))
      return failure();
    input->makeUnsigned(rewriter);
    Location loc = op.getLoc();
    int64_t block = inputBlock(s), part = std::min(s.inputPart(), block);
    Dims dims = *extents;
    dims[1] = rewriter.getIndexAttr(s.groups * s.outputBlocks());
    dims.push_back(rewriter.getIndexAttr(kBlock));
    Type i32 = rewriter.getI32Type();
    Value out = tensor::EmptyOp::create(rewriter, loc, dims, i32);
    Type ui8 = tensorType(input->bytes).getElementType();
    Value x = padSpatial(rewriter, loc,
                         PackOp::create(rewriter, loc, input->bytes, 1, block),
                         op.getPads(), rewriter.getIntegerAttr(ui8, *zero));
    Value sum = finishProduct(
        rewriter, kernel::ConvOp::create(
                      rewriter, loc, out.getType(), x,
                      pack(rewriter, op.getWeight().getLoc(), s, part, *weight),
                      ValueRange{}, out, rewriter.getAffineMapArrayAttr({}),
                      op.getStrides(), op.getDilations(), s.groups));
    int64_t perOutput = s.inputs * s.taps;
    Value added = packChannels<int32_t>(rewriter, loc, s, i32, [&](int64_t k) {
      int64_t total = 0;
      for (int64_t i = 0; i < perOutput; ++i)
        total += (*weight)[k * perOutput + i];
      return static_cast<int32_t>((bias ? (*bias)[k] : 0) - *zero * total);
    });
    sum = AddOp::create(rewriter, loc, sum.getType(), sum, added);
    Value plain = unpackGroups(rewriter, loc, sum, s);
    if (plain.getType() != op.getType())
      plain = tensor::CastOp::create(rewriter, loc, op.getType(), plain);
    rewriter.replaceOp(op, plain);
    return success();
  }

  static bool areBytes(const Integers &weight) {
    for (int64_t i = 0; i < weight.data.numElements(); ++i)
      if (weight[i] < -128 || weight[i] > 127)
        return false;
    return true;
  }

  /// Channels of a block of the input; few are not padded to a whole block.
  static int64_t inputBlock(const ConvShape &s) {
    if (s.groups > 1 || s.inputs >= kFewChannels)
      return kBlock;
    return s.inputs > kStep ? 2 * kStep : kStep;
  }

  /// [K, C, window…] as [groups * K1, C1, window…, part / 4, 64].
  static Value pack(OpBuilder &b, Location loc, const ConvShape &s,
                    int64_t part, const Integers &weight) {
    int64_t k1 = s.outputBlocks(), c1 = llvm::divideCeil(s.inputs, part);
    SmallVector<int64_t> shape = {s.groups * k1, c1};
    llvm::append_range(shape, s.window);
    shape.append({part / kStep, kBlock * kStep});
    return makeElements<int8_t>(
        b, loc, tensorType(shape, b.getI8Type()), [&](int8_t *packed) {
          int64_t from = 0;
          for (int64_t k = 0; k < s.groups * s.outputs; ++k) {
            int64_t block = k / s.outputs * k1 + k % s.outputs / kBlock,
                    lane = k % s.outputs % kBlock;
            for (int64_t c = 0; c < s.inputs; ++c)
              for (int64_t tap = 0; tap < s.taps; ++tap, ++from) {
                int64_t place = (block * c1 + c / part) * s.taps + tap,
                        step = place * (part / kStep) + c % part / kStep;
                packed[(step * kBlock + lane) * kStep + c % kStep] =
                    static_cast<int8_t>(weight[from]);
              }
          }
        });
  }
};

} // namespace

void populateIntegerLayoutPatterns(RewritePatternSet &patterns) {
  patterns.add<LayOutByteMatMul, LayOutByteConv>(patterns.getContext());
}

} // namespace weft::graph
