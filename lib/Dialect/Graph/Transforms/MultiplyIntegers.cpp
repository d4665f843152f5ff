// Takes the scales of quantised operands out of products, whose sums are then
// of integers:
//
//   (a * s) . (w * t) = float(a . w) * (s * t)
//
// where a and w are bytes less their zero points, w constant. Integers are
// summed exactly and, in bytes, four at a time; that, and what takes the place
// of the bytes' differences to their zero points, is the layout's business.

#include "weft/Dialect/Graph/Transforms/Passes.h"

#include "CentredBytes.h"
#include "SimplifyPatterns.h"

#include "mlir/Transforms/WalkPatternRewriteDriver.h"
#include "weft/Dialect/Graph/IR/Graph.h"
#include "weft/Dialect/Graph/IR/Shapes.h"
#include "weft/Dialect/Graph/Transforms/Evaluate.h"
#include "weft/Support/Constants.h"

namespace weft::graph {
#define GEN_PASS_DEF_MULTIPLYINTEGERS
#include "weft/Dialect/Graph/Transforms/Passes.h.inc"
} // namespace weft::graph

using namespace mlir;
using namespace weft;
using namespace weft::graph;

namespace {

/// So many products of differences of bytes have a sum that an i32 holds.
constexpr int64_t kMostSummands = INT32_MAX / (255 * 255);

/// A byte, widened.
Value byteBehind(Value wide) {
  auto cast = wide.getDefiningOp<CastOp>();
  return cast && kernel::isByte(tensorType(cast.getX()).getElementType())
             ? cast.getX()
             : Value();
}

/// The elements of a constant i32 tensor or of a byte one that is widened.
std::optional<ConstantData> constantBehind(Value wide) {
  Value byte = byteBehind(wide);
  Value source = byte ? byte : wide;
  // Zero points of an axis, which have not been folded yet.
  while (auto column = source.getDefiningOp<UnsqueezeOp>())
    source = column.getInput();
  return ConstantData::get(source);
}

/// True where `wide` is a byte of `like`'s type, widened, or a constant that
/// such a byte could be.
bool isZeroPoint(Value wide, Value like) {
  if (byteBehind(wide))
    return true;
  auto data = ConstantData::get(wide);
  if (!data)
    return false;
  int64_t least = isUnsigned(like) ? 0 : -128;
  for (int64_t i = 0; i < (data->isSplat() ? 1 : data->numElements()); ++i)
    if (data->intAt(i) < least || data->intAt(i) > least + 255)
      return false;
  return true;
}

/// Real numbers as (bytes - zero point) * scale.
struct Quantized : CentredBytes {
  Value centred; ///< i32, of the numbers' shape
  Value scale;   ///< f32

  static std::optional<Quantized> match(Value real) {
    auto product = real.getDefiningOp<MulOp>();
    if (!product || !tensorType(real).getElementType().isF32())
      return std::nullopt;
    for (auto [x, scale] : {std::pair(product.getX(), product.getY()),
                            std::pair(product.getY(), product.getX())}) {
      auto toFloat = x.getDefiningOp<CastOp>();
      if (!toFloat || tensorType(x).getShape() != tensorType(real).getShape())
        continue;
      Value centred = toFloat.getX();
      if (!tensorType(centred).getElementType().isInteger(32))
        continue;
      auto found = CentredBytes::match(centred);
      if (found &&
          (!found->zeroPoint || isZeroPoint(found->zeroPoint, found->bytes)))
        return Quantized{*found, centred, scale};
    }
    return std::nullopt;
  }

  bool isConstant() const {
    return matchPattern(bytes, m_Constant()) &&
           (!zeroPoint || constantBehind(zeroPoint));
  }

  /// True where the differences to the zero point are bytes themselves.
  bool isCentredByte() const {
    if (tensorType(bytes).getElementType().isUnsignedInteger())
      return false;
    if (!zeroPoint)
      return true;
    auto data = constantBehind(zeroPoint);
    for (int64_t i = 0; i < (data->isSplat() ? 1 : data->numElements()); ++i)
      if (data->intAt(i) != 0)
        return false;
    return true;
  }
};

/// True where `x`, combined with a tensor of `rank` dimensions, is the same
/// along all axes but `axis`.
bool variesAlongOnly(Value x, int64_t rank, int64_t axis) {
  RankedTensorType type = tensorType(x);
  int64_t offset = rank - type.getRank();
  for (auto [i, extent] : llvm::enumerate(type.getShape()))
    if (extent != 1 && static_cast<int64_t>(i) + offset != axis)
      return false;
  return offset >= 0;
}

bool isOneElement(Value x) {
  RankedTensorType type = tensorType(x);
  return type.hasStaticShape() && type.getNumElements() == 1;
}

/// The elements of `x`, of which all axes but one are 1, as [n, 1…], with
/// `after` ones.
Value alongAxis(PatternRewriter &rewriter, Value x, int64_t after) {
  RankedTensorType type = tensorType(x);
  if (isOneElement(x))
    return x;
  SmallVector<int64_t> shape(after + 1, 1);
  shape[0] = type.getNumElements();
  return createOrEvaluate<ReshapeOp>(
      rewriter, x.getLoc(), type.clone(shape), x,
      shapeConstant(rewriter, x.getLoc(), shape));
}

/// float(sum) * (s * t).
Value scaled(PatternRewriter &rewriter, Location loc, Value sum, Value s,
             Value t) {
  Type f32 = rewriter.getF32Type();
  RankedTensorType type = tensorType(sum).clone(f32);
  Value real = CastOp::create(rewriter, loc, type, sum, f32);
  auto times = [&](Value x, Value y) -> Value {
    return createOrEvaluate<MulOp>(rewriter, loc, x, y);
  };
  // A scale for each row and one for each column would be a matrix.
  if (!isOneElement(s) && !isOneElement(t))
    return times(times(real, s), t);
  return times(real, times(s, t));
}

struct ScalesOutOfMatMul : OpRewritePattern<MatMulOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(MatMulOp op,
                                PatternRewriter &rewriter) const final {
    auto lhs = Quantized::match(op.getLhs()),
         rhs = Quantized::match(op.getRhs());
    if (!lhs || !rhs || !rhs->isConstant())
      return rewriter.notifyMatchFailure(op, "multiplies no quantised values");
    RankedTensorType left = tensorType(op.getLhs()),
                     right = tensorType(op.getRhs());
    int64_t rank = op.getType().getRank(), rows = left.getRank() - 2;
    bool flip = op.getTransposeRhs();
    if (right.getRank() != 2 || left.getRank() != rank ||
        right.getDimSize(flip ? 1 : 0) > kMostSummands)
      return rewriter.notifyMatchFailure(op, "is no product with one matrix");
    // Scales that vary along the sum stay in it.
    bool perRow = !op.getTransposeLhs() &&
                  tensorType(lhs->scale).getRank() <= left.getRank() &&
                  tensorType(lhs->scale).getRank() > 0 &&
                  tensorType(lhs->scale).getShape().back() == 1;
    auto isRowwise = [&](Value x) {
      return isOneElement(x) || variesAlongOnly(x, left.getRank(), rows);
    };
    if ((!isOneElement(lhs->scale) && !perRow) ||
        (lhs->zeroPoint &&
         !(op.getTransposeLhs() ? isOneElement(lhs->zeroPoint)
                                : isRowwise(lhs->zeroPoint))) ||
        !variesAlongOnly(rhs->scale, 2, flip ? 0 : 1))
      return rewriter.notifyMatchFailure(op, "scales vary along the sum");
    RankedTensorType type = op.getType().clone(rewriter.getI32Type());
    Value sum = MatMulOp::create(rewriter, op.getLoc(), type, lhs->centred,
                                 rhs->centred, op.getTransposeLhs(),
                                 op.getTransposeRhs());
    rewriter.replaceOp(op, scaled(rewriter, op.getLoc(), sum, lhs->scale,
                                  alongAxis(rewriter, rhs->scale, 0)));
    return success();
  }
};

struct ScalesOutOfConv : OpRewritePattern<ConvOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(ConvOp op,
                                PatternRewriter &rewriter) const final {
    auto input = Quantized::match(op.getInput()),
         weight = Quantized::match(op.getWeight());
    if (!input || !weight || !weight->isConstant() || !weight->isCentredByte())
      return rewriter.notifyMatchFailure(op, "multiplies no quantised values");
    RankedTensorType type = tensorType(op.getWeight());
    int64_t rank = type.getRank(), groups = op.getGroups(),
            outputs = type.getDimSize(0);
    // Padding holds the zero point.
    if (!isOneElement(input->scale) ||
        (input->zeroPoint && (!isOneElement(input->zeroPoint) ||
                              !constantBehind(input->zeroPoint))) ||
        !variesAlongOnly(weight->scale, rank, 0))
      return rewriter.notifyMatchFailure(op, "scales vary along the sum");
    // Channels are taken in fours.
    if ((groups > 1 && type.getDimSize(1) % 4) || outputs == 0 ||
        type.getNumElements() / outputs > kMostSummands)
      return rewriter.notifyMatchFailure(op, "groups are small or sums large");
    Location loc = op.getLoc();
    Value sum = ConvOp::create(
        rewriter, loc, op.getType().clone(rewriter.getI32Type()),
        input->centred, weight->centred, Value(), op.getStridesAttr(),
        op.getPadsAttr(), op.getDilationsAttr(), op.getGroupsAttr());
    Value y = scaled(rewriter, loc, sum, input->scale,
                     alongAxis(rewriter, weight->scale, rank - 2));
    if (op.getBias()) {
      auto axes = llvm::to_vector(llvm::seq<int64_t>(1, rank - 1));
      y = AddOp::create(
          rewriter, loc, y.getType(), y,
          createOrEvaluate<UnsqueezeOp>(rewriter, loc, op.getBias(), axes));
    }
    rewriter.replaceOp(op, y);
    return success();
  }
};

struct MultiplyIntegers : graph::impl::MultiplyIntegersBase<MultiplyIntegers> {
  void runOnOperation() final {
    RewritePatternSet patterns(&getContext());
    patterns.add<ScalesOutOfMatMul, ScalesOutOfConv>(&getContext());
    walkAndApplyPatterns(getOperation(), std::move(patterns));
  }
};

} // namespace
