// What follows the lowering inside each kernel: chains of elementwise generics
// become one, reads at computed positions inline what computes the element, the
// elementwise followers of a product, with what they read, become its epilogue,
// and the results are
// written to the output arguments. Which ops share a kernel was decided before
// (`weft-fuse-kernels`).

#include "Lowering.h"

#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/MemRef/Transforms/Transforms.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/TypeUtilities.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "weft/Dialect/Kernel/IR/Kernel.h"

using namespace mlir;

namespace weft::lowering {
namespace {

/// A producer joins its consumer when nothing is computed twice: it has no
/// other use, and each of its elements is read once.
bool readsOnce(OpOperand *operand) {
  auto producer = operand->get().getDefiningOp<linalg::GenericOp>();
  auto consumer = dyn_cast<linalg::GenericOp>(operand->getOwner());
  if (!producer || !consumer || !operand->get().hasOneUse() ||
      hasEffects(producer))
    return false;
  AffineMap map = consumer.getMatchingIndexingMap(operand);
  return map.isProjectedPermutation() &&
         map.getNumDims() == map.getNumResults();
}

/// extract(generic(x …))[i] => body(extract(x)[map(i)] …).
struct InlineReadElement : OpRewritePattern<tensor::ExtractOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(tensor::ExtractOp extract,
                                PatternRewriter &rewriter) const final {
    auto producer = extract.getTensor().getDefiningOp<linalg::GenericOp>();
    if (!producer || !producer->hasOneUse() || !isElementwise(producer) ||
        hasEffects(producer) || !extract->getParentOfType<linalg::GenericOp>())
      return rewriter.notifyMatchFailure(extract,
                                         "reads no elementwise op of its own");
    SmallVector<AffineMap> maps = producer.getIndexingMapsArray();
    if (!llvm::all_of(maps, [](AffineMap map) {
          return map.isProjectedPermutation(/*allowZeroInResults=*/true);
        }))
      return rewriter.notifyMatchFailure(extract,
                                         "the op reads at computed positions");
    IRMapping values;
    Location loc = extract.getLoc();
    Block *body = producer.getBody();
    for (auto [i, input] : llvm::enumerate(producer.getDpsInputs())) {
      SmallVector<Value> at;
      for (AffineExpr place : maps[i].getResults()) {
        auto dim = dyn_cast<AffineDimExpr>(place);
        at.push_back(
            dim ? extract.getIndices()[dim.getPosition()]
                : Value(arith::ConstantIndexOp::create(rewriter, loc, 0)));
      }
      values.map(
          body->getArgument(i),
          tensor::ExtractOp::create(rewriter, loc, input, at).getResult());
    }
    for (Operation &step : body->without_terminator()) {
      if (auto index = dyn_cast<linalg::IndexOp>(step))
        values.map(index.getResult(), extract.getIndices()[index.getDim()]);
      else
        rewriter.clone(step, values);
    }
    rewriter.replaceOp(
        extract, values.lookupOrDefault(body->getTerminator()->getOperand(0)));
    return success();
  }
};

/// generic(product, x …) => product with the generic's body at the end of its
/// epilogue and x … as extras.
template <typename Product>
struct FoldIntoEpilogue : OpRewritePattern<linalg::GenericOp> {
  using OpRewritePattern<linalg::GenericOp>::OpRewritePattern;

  LogicalResult matchAndRewrite(linalg::GenericOp op,
                                PatternRewriter &rewriter) const final {
    if (!isElementwise(op) || op.hasIndexSemantics())
      return rewriter.notifyMatchFailure(op, "is not elementwise");
    // Products store vectors, and a vector of i1 would be stored as bits.
    if (getElementTypeOrSelf(op->getResult(0).getType()).isInteger(1))
      return rewriter.notifyMatchFailure(op, "gives i1");
    OpOperand *read = nullptr;
    for (OpOperand *input : op.getDpsInputOperands())
      if (input->get().getDefiningOp<Product>() && input->get().hasOneUse() &&
          op.getMatchingIndexingMap(input).isIdentity())
        read = input;
    if (!read)
      return rewriter.notifyMatchFailure(op, "follows no product");
    auto product = read->get().getDefiningOp<Product>();
    SmallVector<Value> extras(product.getExtras());
    SmallVector<Attribute> maps(product.getExtraMaps().getValue());
    SmallVector<unsigned> added;
    for (OpOperand *input : op.getDpsInputOperands())
      if (input != read) {
        extras.push_back(input->get());
        maps.push_back(AffineMapAttr::get(op.getMatchingIndexingMap(input)));
        added.push_back(input->getOperandNumber());
      }
    // The epilogue's block has one argument for the sum, then the extras'.
    auto joined = cast<Product>(rewriter.clone(*product.getOperation()));
    joined->setLoc(rewriter.getFusedLoc({product.getLoc(), op.getLoc()}));
    joined.getExtrasMutable().assign(extras);
    joined.getOutputsMutable().assign(op.getDpsInits());
    joined.setExtraMapsAttr(rewriter.getArrayAttr(maps));
    joined->getResult(0).setType(op->getResult(0).getType());
    Block &body = joined.getEpilogue().front();
    Operation *yield = body.getTerminator();
    IRMapping values;
    values.map(op.getBody()->getArgument(read->getOperandNumber()),
               yield->getOperand(0));
    for (unsigned i : added) {
      Value scalar = op.getBody()->getArgument(i);
      values.map(scalar, body.addArgument(scalar.getType(), op.getLoc()));
    }
    rewriter.setInsertionPoint(yield);
    for (Operation &step : op.getBody()->without_terminator())
      rewriter.clone(step, values);
    yield->setOperands(
        values.lookupOrDefault(op.getBody()->getTerminator()->getOperand(0)));
    rewriter.replaceOp(op, joined->getResults());
    return success();
  }
};

/// product(extra generic(x …)) => product with x … as extras and the generic's
/// body at the head of its epilogue. The generic may have joined the product's
/// follower only after that became the epilogue.
template <typename Product>
struct InlineExtra : OpRewritePattern<Product> {
  using OpRewritePattern<Product>::OpRewritePattern;

  LogicalResult matchAndRewrite(Product product,
                                PatternRewriter &rewriter) const final {
    SmallVector<Value> extras(product.getExtras());
    auto isOwn = [](Value extra) {
      auto generic = extra.getDefiningOp<linalg::GenericOp>();
      return generic && isElementwise(generic) && generic->hasOneUse() &&
             !generic.hasIndexSemantics() && !hasEffects(generic);
    };
    auto found = llvm::find_if(extras, isOwn);
    if (found == extras.end())
      return rewriter.notifyMatchFailure(product, "computes no extra");
    size_t place = found - extras.begin();
    auto producer = found->template getDefiningOp<linalg::GenericOp>();
    SmallVector<Attribute> maps(product.getExtraMaps().getValue());
    AffineMap read = cast<AffineMapAttr>(maps[place]).getValue();
    Block &body = product.getEpilogue().front();
    Block *source = producer.getBody();
    IRMapping values;
    rewriter.modifyOpInPlace(product, [&] {
      for (OpOperand *input : producer.getDpsInputOperands()) {
        AffineMap map = producer.getMatchingIndexingMap(input).compose(read);
        extras.push_back(input->get());
        maps.push_back(AffineMapAttr::get(map));
        Value scalar = source->getArgument(input->getOperandNumber());
        values.map(scalar,
                   body.addArgument(scalar.getType(), producer.getLoc()));
      }
      rewriter.setInsertionPointToStart(&body);
      for (Operation &step : source->without_terminator())
        rewriter.clone(step, values);
      // The first argument is the sum.
      body.getArgument(place + 1).replaceAllUsesWith(
          values.lookupOrDefault(source->getTerminator()->getOperand(0)));
      body.eraseArgument(place + 1);
      extras.erase(extras.begin() + place);
      maps.erase(maps.begin() + place);
      product.getExtrasMutable().assign(extras);
      product.setExtraMapsAttr(rewriter.getArrayAttr(maps));
    });
    rewriter.eraseOp(producer);
    return success();
  }
};

template <typename... Products>
void addEpiloguePatterns(RewritePatternSet &patterns) {
  patterns.add<FoldIntoEpilogue<Products>..., InlineExtra<Products>...>(
      patterns.getContext());
}

/// Makes `value` be computed into `out`; false where it is no result of an op
/// that writes to a fresh tensor.
bool writeTo(Value value, Value out, RewriterBase &rewriter) {
  auto producer = value.getDefiningOp<DestinationStyleOpInterface>();
  OpOperand *init = nullptr;
  if (producer) {
    init = producer.getTiedOpOperand(cast<OpResult>(value));
  } else if (auto forall = value.getDefiningOp<scf::ForallOp>()) {
    init = forall.getTiedOpOperand(cast<OpResult>(value));
  }
  if (!init || init->get().getType() != out.getType())
    return false;
  if (init->get().getDefiningOp<tensor::EmptyOp>()) {
    rewriter.modifyOpInPlace(init->getOwner(), [&] { init->set(out); });
    return true;
  }
  auto fill = init->get().getDefiningOp<linalg::FillOp>();
  return fill && fill->hasOneUse() && writeTo(fill.getResult(0), out, rewriter);
}

/// Elements of `value` copied to `out`.
Value copyTo(Value value, Value out, OpBuilder &b) {
  int64_t rank = cast<RankedTensorType>(out.getType()).getRank();
  SmallVector<AffineMap> maps(2, b.getMultiDimIdentityMap(rank));
  SmallVector<utils::IteratorType> loops(rank, utils::IteratorType::parallel);
  auto copy = linalg::GenericOp::create(
      b, value.getLoc(), out.getType(), value, out, maps, loops,
      [](OpBuilder &body, Location loc, ValueRange args) {
        linalg::YieldOp::create(body, loc, args[0]);
      });
  return copy.getResult(0);
}

void bindOutputs(func::FuncOp function) {
  IRRewriter rewriter(function.getContext());
  Operation *end = function.getBody().back().getTerminator();
  auto outs = function.getArguments().take_back(end->getNumOperands());
  llvm::SmallPtrSet<Value, 4> bound;
  for (OpOperand &result : end->getOpOperands()) {
    Value out = outs[result.getOperandNumber()];
    if (bound.insert(result.get()).second &&
        writeTo(result.get(), out, rewriter))
      continue;
    rewriter.setInsertionPoint(end);
    if (result.get().getType() != out.getType())
      result.set(tensor::CastOp::create(rewriter, end->getLoc(), out.getType(),
                                        result.get()));
    result.set(copyTo(result.get(), out, rewriter));
  }
}

} // namespace

LogicalResult fuseInKernels(Operation *root) {
  MLIRContext *context = root->getContext();
  // An extent read from an op's result would count as a second use of it.
  RewritePatternSet dims(context);
  memref::populateResolveRankedShapedTypeResultDimsPatterns(dims);
  FrozenRewritePatternSet frozenDims(std::move(dims));
  RewritePatternSet patterns(context);
  linalg::populateElementwiseOpsFusionPatterns(patterns, readsOnce);
  memref::populateResolveRankedShapedTypeResultDimsPatterns(patterns);
  patterns.add<InlineReadElement>(context);
  addEpiloguePatterns<kernel::MatMulOp, kernel::ConvOp, kernel::WinogradConvOp,
                      kernel::DepthwiseConvOp, kernel::ConvDepthwiseOp>(
      patterns);
  FrozenRewritePatternSet frozen(std::move(patterns));
  WalkResult walked = root->walk([&](func::FuncOp function) {
    if (!function->hasAttr(kernel::kEntryAttr))
      return WalkResult::advance();
    IRRewriter rewriter(context);
    if (failed(applyPatternsGreedily(function, frozenDims)))
      return WalkResult::interrupt();
    for (Block &block : function.getBody())
      joinElementwise(block, rewriter);
    if (failed(applyPatternsGreedily(function, frozen)))
      return WalkResult::interrupt();
    bindOutputs(function);
    return WalkResult::advance();
  });
  return failure(walked.wasInterrupted());
}

} // namespace weft::lowering
