// Gives pools an input that is padded already, so that their loops read without
// a guard and the padded tensor can be what the op before writes to. Means that
// do not count padding become sums times one over the counts, which are
// constants where the extents are static; other means keep their padding.

#include "weft/Dialect/Graph/Transforms/Passes.h"

#include "mlir/Transforms/WalkPatternRewriteDriver.h"
#include "weft/Dialect/Graph/IR/Graph.h"
#include "weft/Dialect/Graph/IR/Shapes.h"
#include "weft/Support/Constants.h"

namespace weft::graph {
#define GEN_PASS_DEF_SPLITPADDING
#include "weft/Dialect/Graph/Transforms/Passes.h.inc"
} // namespace weft::graph

using namespace mlir;
using namespace weft;
using namespace weft::graph;

namespace {

/// What padding of a pool holds.
TypedAttr paddingValue(OpBuilder &b, ReduceKind kind, Type element) {
  if (kind != ReduceKind::max)
    return b.getZeroAttr(element);
  if (auto type = dyn_cast<FloatType>(element))
    return b.getFloatAttr(
        type, APFloat::getInf(type.getFloatSemantics(), /*Negative=*/true));
  unsigned width = element.getIntOrFloatBitWidth();
  return b.getIntegerAttr(element, element.isUnsignedInteger()
                                       ? APInt::getMinValue(width)
                                       : APInt::getSignedMinValue(width));
}

struct SplitPool : OpRewritePattern<PoolOp> {
  using OpRewritePattern::OpRewritePattern;

  /// 1 / count for each position along axis number `i`, which factors.
  static SmallVector<float> counts(PoolOp op, size_t i) {
    size_t axes = op.getAxes().size();
    int64_t axis = op.getAxes()[i],
            extent = tensorType(op.getInput()).getDimSize(axis);
    int64_t before = op.getPads()[i], after = op.getPads()[axes + i];
    bool padding = op.getCountIncludePad();
    int64_t low = padding ? -before : 0,
            high = padding ? extent + after : extent;
    SmallVector<float> all;
    for (int64_t o = 0; o < op.getType().getDimSize(axis); ++o) {
      int64_t count = 0;
      for (int64_t k = 0; k < op.getWindow()[i]; ++k) {
        int64_t place =
            o * op.getStrides()[i] - before + k * op.getDilations()[i];
        count += place >= low && place < high;
      }
      all.push_back(count);
    }
    return all;
  }

  /// The number of elements that each window counts, with extent 1 on all other
  /// axes.
  static Value countTensor(PoolOp op, OpBuilder &b) {
    SmallVector<int64_t> shape(op.getType().getRank(), 1);
    std::vector<float> product = {1};
    SmallVector<std::pair<int64_t, size_t>> order;
    for (auto [i, axis] : llvm::enumerate(op.getAxes()))
      order.push_back({axis, i});
    llvm::sort(order);
    for (auto [axis, i] : order) {
      SmallVector<float> along = counts(op, i);
      shape[axis] = along.size();
      std::vector<float> next;
      for (float x : product)
        for (float y : along)
          next.push_back(x * y);
      product = std::move(next);
    }
    auto type = RankedTensorType::get(shape, b.getF32Type());
    auto bytes = ArrayRef<char>(reinterpret_cast<const char *>(product.data()),
                                product.size() * sizeof(float));
    return ConstantOp::create(b, op.getLoc(), makeConstant(type, bytes));
  }

  LogicalResult matchAndRewrite(PoolOp op,
                                PatternRewriter &rewriter) const final {
    size_t axes = op.getAxes().size();
    SmallVector<int64_t> pads(op.getPads());
    RankedTensorType input = tensorType(op.getInput());
    bool anyPad = llvm::any_of(pads, [](int64_t pad) { return pad != 0; });
    if (!anyPad && !op.getCeilMode())
      return rewriter.notifyMatchFailure(op, "has no padding");
    bool known = llvm::all_of(
        op.getAxes(), [&](int64_t axis) { return !input.isDynamicDim(axis); });
    bool mean = op.getKind() == ReduceKind::mean;
    bool constantCount = mean && op.getCountIncludePad() && !op.getCeilMode();
    if ((op.getCeilMode() && !known) ||
        (mean && !constantCount && (!known || !input.getElementType().isF32())))
      return rewriter.notifyMatchFailure(op, "the extents are not known");
    // With ceil_mode the last window may reach beyond the padding asked for.
    for (size_t i = 0; op.getCeilMode() && i < axes; ++i) {
      int64_t axis = op.getAxes()[i];
      int64_t reach = (op.getType().getDimSize(axis) - 1) * op.getStrides()[i] +
                      op.getDilations()[i] * (op.getWindow()[i] - 1) + 1;
      pads[axes + i] =
          std::max<int64_t>(reach - pads[i] - input.getDimSize(axis), 0);
    }
    Location loc = op.getLoc();
    auto scalar = RankedTensorType::get({}, input.getElementType());
    Value value = ConstantOp::create(
        rewriter, loc,
        DenseElementsAttr::get(
            scalar, Attribute(paddingValue(rewriter, op.getKind(),
                                           input.getElementType()))));
    auto padsType = RankedTensorType::get({static_cast<int64_t>(pads.size())},
                                          rewriter.getI64Type());
    Value needed = ConstantOp::create(
        rewriter, loc,
        DenseIntElementsAttr::get(padsType, ArrayRef<int64_t>(pads)));
    Value padded = op.getInput();
    if (llvm::any_of(pads, [](int64_t pad) { return pad != 0; }))
      padded = PadOp::create(rewriter, loc, padded, needed, value, op.getAxes(),
                             PadMode::constant);
    bool divides = mean && !constantCount;
    Value result = PoolOp::create(
        rewriter, loc, op.getType(), divides ? ReduceKind::sum : op.getKind(),
        padded, op.getAxes(), op.getWindow(), op.getStrides(),
        SmallVector<int64_t>(2 * axes, 0), op.getDilations(),
        /*ceil_mode=*/false, /*count_include_pad=*/false);
    if (divides)
      result = DivOp::create(rewriter, loc, op.getType(), result,
                             countTensor(op, rewriter));
    rewriter.replaceOp(op, result);
    return success();
  }
};

struct SplitPadding : weft::graph::impl::SplitPaddingBase<SplitPadding> {
  void runOnOperation() final {
    RewritePatternSet patterns(&getContext());
    patterns.add<SplitPool>(&getContext());
    walkAndApplyPatterns(getOperation(), std::move(patterns));
  }
};

} // namespace
