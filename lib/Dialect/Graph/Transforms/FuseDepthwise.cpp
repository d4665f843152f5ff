// Makes one op of a direct convolution and the depthwise one that alone reads
// it, as in inverted residuals: what is between, often the largest tensor of a
// model, is then computed in pieces that stay in a core's cache. Elementwise
// ops between the two become a region; padding with zeros becomes `pads`.
// Leaves alone what another op reads as well, groups, and extents that are not
// known, of which nothing says how large the pieces are.

#include "weft/Dialect/Graph/Transforms/Passes.h"

#include "ElementwiseSteps.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/IR/Matchers.h"
#include "weft/Dialect/Graph/IR/Graph.h"
#include "weft/Dialect/Graph/IR/Shapes.h"
#include "weft/Dialect/Kernel/IR/Kernel.h"

namespace weft::graph {
#define GEN_PASS_DEF_FUSEDEPTHWISE
#include "weft/Dialect/Graph/Transforms/Passes.h.inc"
} // namespace weft::graph

using namespace mlir;
using namespace weft;
using namespace weft::graph;

namespace {

/// A constant of one value, as a scalar.
TypedAttr scalarOf(Value value) {
  DenseElementsAttr elements;
  if (!matchPattern(value, m_Constant(&elements)) || !elements.isSplat() ||
      !elements.getElementType().isF32())
    return {};
  return elements.getSplatValue<TypedAttr>();
}

/// A convolution, the elementwise ops behind it, and the depthwise convolution
/// that reads what they give.
class Chain : ElementwiseSteps<kernel::ConvOp> {
public:
  static std::optional<Chain> match(kernel::DepthwiseConvOp depthwise);
  void apply(RewriterBase &rewriter);

private:
  explicit Chain(kernel::DepthwiseConvOp depthwise) : depthwise(depthwise) {}

  bool peelPadding();
  bool isClosed(Value end);
  bool isInner(Value value) const {
    Operation *op = value.getDefiningOp();
    return op && (op == source || steps.contains(op));
  }
  void collectExtras();
  AffineMap mapOf(Value extra) const;
  void fillBetween(Region &region);

  kernel::DepthwiseConvOp depthwise;
  PadOp pad;
  Value between; ///< what the padding surrounds
  SmallVector<int64_t> pads;
  llvm::SetVector<Value> extras;
};

/// Sets `between` and `pads`; false where the padding is another than of zeros
/// around spatial dimensions.
bool Chain::peelPadding() {
  size_t spatial = depthwise.getStrides().size();
  pads.assign(2 * spatial, 0);
  between = depthwise.getInput();
  pad = between.getDefiningOp<PadOp>();
  if (!pad)
    return true;
  std::optional<SmallVector<int64_t>> given = constantInts(pad.getPads());
  if (pad.getMode() != PadMode::constant || !pad->hasOneUse() || !given ||
      !matchPattern(pad.getValue(), m_AnyZeroFloat()))
    return false;
  ArrayRef<int64_t> axes = pad.getAxes();
  for (auto [i, axis] : llvm::enumerate(axes)) {
    int64_t before = (*given)[i], after = (*given)[axes.size() + i];
    if (axis < 2 || axis >= static_cast<int64_t>(2 + spatial) || before < 0 ||
        after < 0)
      return false;
    pads[axis - 2] = before;
    pads[spatial + axis - 2] = after;
  }
  between = pad.getInput();
  return true;
}

/// True where nothing else uses what is computed up to `end`, and all of it has
/// one shape and is of floats or decisions between them.
bool Chain::isClosed(Value end) {
  auto shape = tensorType(end).getShape();
  auto closed = [&](Operation *op) {
    Value result = op->getResult(0);
    Type element = tensorType(result).getElementType();
    if (tensorType(result).getShape() != shape ||
        !(element.isF32() || (element.isInteger(1) && result != end)))
      return false;
    if (result == end)
      return result.hasOneUse();
    return llvm::all_of(result.getUsers(),
                        [&](Operation *user) { return steps.contains(user); });
  };
  return closed(source) && llvm::all_of(steps, closed);
}

void Chain::collectExtras() {
  for (Operation *step : steps)
    for (Value operand : step->getOperands())
      if (!isInner(operand) && !scalarOf(operand))
        extras.insert(operand);
}

std::optional<Chain> Chain::match(kernel::DepthwiseConvOp depthwise) {
  Chain chain(depthwise);
  auto isStatic = [](Value value, unsigned from) {
    return !llvm::is_contained(tensorType(value).getShape().drop_front(from),
                               ShapedType::kDynamic);
  };
  if (!isStatic(depthwise.getOutputs()[0], 1) ||
      !isStatic(depthwise.getWeight(), 0) || !chain.peelPadding() ||
      !chain.reach(chain.between, depthwise->getBlock()) ||
      !chain.isClosed(chain.between))
    return std::nullopt;
  kernel::ConvOp conv = chain.source;
  if (conv.getGroups() != 1 || !isStatic(conv.getInput(), 1) ||
      !isStatic(conv.getWeight(), 0) || !conv.getExtras().empty() ||
      !conv.getEpilogue().front().without_terminator().empty() ||
      !tensorType(depthwise.getResult(0)).getElementType().isF32())
    return std::nullopt;
  chain.collectExtras();
  for (Value extra : chain.extras)
    if (!tensorType(extra).getElementType().isF32() || !isStatic(extra, 0))
      return std::nullopt;
  return chain;
}

/// Where an element of `extra` is read: extents of 1 are repeated.
AffineMap Chain::mapOf(Value extra) const {
  Builder b(extra.getContext());
  RankedTensorType type = tensorType(extra);
  ArrayRef<int64_t> loops = tensorType(between).getShape();
  int64_t rank = loops.size(), offset = rank - type.getRank();
  SmallVector<AffineExpr> at;
  for (int64_t i = 0; i < type.getRank(); ++i)
    at.push_back(type.getDimSize(i) == 1 ? b.getAffineConstantExpr(0)
                                         : b.getAffineDimExpr(offset + i));
  return AffineMap::get(rank, 0, at, b.getContext());
}

void Chain::fillBetween(Region &region) {
  Block &block = region.emplaceBlock();
  IRMapping values;
  ImplicitLocOpBuilder b(source.getLoc(), source.getContext());
  b.setInsertionPointToStart(&block);
  values.map(source.getResult(0),
             block.addArgument(b.getF32Type(), b.getLoc()));
  for (Value extra : extras)
    values.map(extra, block.addArgument(b.getF32Type(), b.getLoc()));
  for (Operation *step : steps) {
    b.setLoc(step->getLoc());
    SmallVector<Value> scalars;
    for (Value operand : step->getOperands()) {
      TypedAttr constant = isInner(operand) ? TypedAttr() : scalarOf(operand);
      scalars.push_back(constant ? arith::ConstantOp::create(b, constant)
                                 : values.lookup(operand));
    }
    values.map(step->getResult(0),
               cast<ScalarBody>(step).buildScalar(b, scalars));
  }
  kernel::YieldOp::create(b, values.lookup(between));
}

void Chain::apply(RewriterBase &rewriter) {
  kernel::ConvOp conv = source;
  rewriter.setInsertionPoint(depthwise);
  SmallVector<AffineMap> maps =
      llvm::map_to_vector(extras, [&](Value extra) { return mapOf(extra); });
  SmallVector<Location> locations = {conv.getLoc()};
  for (Operation *step : steps)
    locations.push_back(step->getLoc());
  locations.push_back(depthwise.getLoc());
  auto fused = kernel::ConvDepthwiseOp::create(
      rewriter, rewriter.getFusedLoc(locations), depthwise->getResultTypes(),
      conv.getInput(), conv.getWeight(), depthwise.getWeight(),
      extras.getArrayRef(), depthwise.getExtras(), depthwise.getOutputs(),
      rewriter.getAffineMapArrayAttr(maps), depthwise.getExtraMaps(),
      conv.getStrides(), conv.getDilations(), pads, depthwise.getStrides(),
      depthwise.getDilations());
  fillBetween(fused.getBetween());
  fused.getEpilogue().takeBody(depthwise.getEpilogue());
  rewriter.replaceOp(depthwise, fused.getResults());
  if (pad)
    rewriter.eraseOp(pad);
  for (Operation *step : llvm::reverse(steps))
    rewriter.eraseOp(step);
  rewriter.eraseOp(conv);
}

struct FuseDepthwise : graph::impl::FuseDepthwiseBase<FuseDepthwise> {
  void runOnOperation() final {
    SmallVector<kernel::DepthwiseConvOp> ops;
    getOperation().walk([&](kernel::DepthwiseConvOp op) { ops.push_back(op); });
    IRRewriter rewriter(&getContext());
    for (kernel::DepthwiseConvOp op : ops)
      if (std::optional<Chain> chain = Chain::match(op)) {
        chain->apply(rewriter);
        ++numFused;
      }
  }
};

} // namespace
