// One outer parallel loop for each kernel of linalg ops. The last op is tiled
// and everything before it is fused into the tiles by upstream's tile-and-fuse;
// what is decided here is which dimensions, and how many elements a tile has.
// Products are tiled by their own emitters.

#include "weft/Dialect/Kernel/Transforms/Passes.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/Transforms/Transforms.h"
#include "mlir/Dialect/SCF/Transforms/TileUsingInterface.h"
#include "mlir/Dialect/Tensor/Utils/Utils.h"
#include "mlir/IR/Dominance.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "mlir/Transforms/CSE.h"
#include "weft/Dialect/Graph/IR/Shapes.h"
#include "weft/Dialect/Kernel/IR/Kernel.h"

namespace weft::kernel {
#define GEN_PASS_DEF_TILEKERNELS
#include "weft/Dialect/Kernel/Transforms/Passes.h.inc"

using namespace mlir;
using graph::DimBuilder;

namespace {

/// Stands for an unknown extent where only a rough cost is needed.
constexpr int64_t kGuessedExtent = 64;

/// Where one loop of the root reappears in the other ops of the kernel.
using LoopOfOp = llvm::DenseMap<Operation *, unsigned>;

/// The position at which `map` yields exactly loop `dim`; nothing where it does
/// not depend on the loop, or in another way.
std::optional<unsigned> positionOf(AffineMap map, unsigned dim) {
  for (auto [i, expr] : llvm::enumerate(map.getResults()))
    if (expr == getAffineDimExpr(dim, map.getContext()))
      return i;
  return std::nullopt;
}

/// Follows loop `dim` of `op` into its producers. False where a producer would
/// have to be computed again for each tile along that loop.
bool followLoop(linalg::LinalgOp op, unsigned dim, LoopOfOp &loops) {
  auto [known, isNew] = loops.try_emplace(op, dim);
  if (!isNew)
    return known->second == dim;
  for (OpOperand &operand : op->getOpOperands()) {
    auto producer = operand.get().getDefiningOp<linalg::LinalgOp>();
    if (!producer)
      continue;
    auto position = positionOf(op.getMatchingIndexingMap(&operand), dim);
    if (!position)
      return false;
    AffineMap map =
        producer.getIndexingMapMatchingResult(cast<OpResult>(operand.get()));
    auto loop = dyn_cast<AffineDimExpr>(map.getResult(*position));
    if (!loop || !followLoop(producer, loop.getPosition(), loops))
      return false;
  }
  return true;
}

/// Scalar operations for one point of the op's iteration space.
double weightOf(linalg::LinalgOp op) {
  double weight = 1;
  for (Operation &inner : op.getBlock()->without_terminator()) {
    if (isa_and_nonnull<math::MathDialect>(inner.getDialect()))
      weight += 8;
    else if (isa<arith::DivFOp, arith::DivSIOp, arith::DivUIOp, arith::RemSIOp,
                 tensor::ExtractOp>(inner))
      weight += 4;
    else if (!isa<arith::ConstantOp, linalg::IndexOp>(inner))
      weight += 0.5;
  }
  return weight;
}

/// A kernel of linalg ops, and the loops of its last op that can be tiled.
class Tiler {
public:
  Tiler(func::FuncOp kernel, int64_t work) : kernel(kernel), work(work) {}

  LogicalResult run();

private:
  bool findRoot();
  double costOfElement();
  bool readsAlong(unsigned dim, bool inSums);
  SmallVector<OpFoldResult> tileSizes(OpBuilder &b);
  LogicalResult tile(IRRewriter &rewriter, ArrayRef<OpFoldResult> sizes);
  void flatten(IRRewriter &rewriter, scf::ForallOp loop);
  void wrap(IRRewriter &rewriter);

  func::FuncOp kernel;
  int64_t work;
  SmallVector<linalg::LinalgOp> ops;
  linalg::LinalgOp root;
  /// Of each tileable loop of the root.
  llvm::MapVector<unsigned, LoopOfOp> tileable;
};

/// True where `op`'s result is read or changed inside the kernel, which would
/// be behind the loop over its tiles.
bool isWorkedOn(Operation *op) {
  return llvm::any_of(op->getUses(), [](OpOperand &use) {
    Operation *user = use.getOwner();
    if (auto insert = dyn_cast<tensor::InsertSliceOp>(user))
      return &use == &insert.getDestMutable();
    return isa<tensor::ExtractOp, tensor::InsertOp>(user) ||
           user->getNumRegions() != 0;
  });
}

/// The root is the last op; every other op must feed it through operands, or
/// it could not be fused. Fills `tileable`.
bool Tiler::findRoot() {
  root = ops.back();
  if (!isa<TilingInterface>(root.getOperation()) || isWorkedOn(root))
    return false;
  llvm::SmallPtrSet<Operation *, 8> feeding = {root};
  for (linalg::LinalgOp op : llvm::reverse(ops)) {
    if (!feeding.contains(op))
      return false;
    for (Value operand : op->getOperands())
      if (Operation *producer = operand.getDefiningOp())
        feeding.insert(producer);
    // Bodies that read a whole tensor need it finished before the loop.
    WalkResult walk = op->walk([&](tensor::ExtractOp extract) {
      return isa_and_nonnull<linalg::LinalgOp>(
                 extract.getTensor().getDefiningOp())
                 ? WalkResult::interrupt()
                 : WalkResult::advance();
    });
    if (walk.wasInterrupted())
      return false;
  }
  SmallVector<int64_t> extents = root.getStaticLoopRanges();
  for (auto [dim, kind] : llvm::enumerate(root.getIteratorTypesArray())) {
    LoopOfOp loops;
    if (kind == utils::IteratorType::parallel && extents[dim] != 1 &&
        followLoop(root, dim, loops) && loops.size() == ops.size())
      tileable[dim] = std::move(loops);
  }
  return !tileable.empty();
}

/// Scalar operations for one element of the tileable space.
double Tiler::costOfElement() {
  double cost = 0;
  for (linalg::LinalgOp op : ops) {
    double points = weightOf(op);
    for (auto [dim, extent] : llvm::enumerate(op.getStaticLoopRanges())) {
      bool isTiled = llvm::any_of(tileable, [&, dim = dim](const auto &loops) {
        auto it = loops.second.find(op);
        return it != loops.second.end() && it->second == dim;
      });
      if (!isTiled)
        points *= ShapedType::isDynamic(extent) ? kGuessedExtent : extent;
    }
    cost += points;
  }
  return std::max(cost, 1.0);
}

/// True where inputs (of ops that sum up, or of others) are contiguous along
/// loop `dim` of the root: a tile of one element there would read every vector
/// for one of its lanes.
bool Tiler::readsAlong(unsigned dim, bool inSums) {
  const LoopOfOp &loops = tileable[dim];
  return llvm::any_of(ops, [&](linalg::LinalgOp op) {
    auto loop = loops.find(op);
    return loop != loops.end() && inSums == (op.getNumReductionLoops() > 0) &&
           llvm::any_of(op.getDpsInputOperands(), [&](OpOperand *input) {
             AffineMap map = op.getMatchingIndexingMap(input);
             return map.getNumResults() &&
                    map.getResults().back() ==
                        getAffineDimExpr(loop->second, map.getContext());
           });
  });
}

/// Whole inner loops while they fit, a part of the first that does not, and
/// single iterations of those outside it.
SmallVector<OpFoldResult> Tiler::tileSizes(OpBuilder &b) {
  DimBuilder dims(b, root.getLoc());
  SmallVector<int64_t> extents = root.getStaticLoopRanges();
  SmallVector<Range> ranges = root.createLoopRanges(b, root.getLoc());
  SmallVector<OpFoldResult> sizes(extents.size(), b.getIndexAttr(0));
  // Values between ops stay in L1 when a tile of them is smaller.
  double budget = ops.size() > 2 ? work / 2.0 : work;
  // What is transposed is read and written in vectors: tiles are as wide.
  llvm::SmallDenseMap<unsigned, int64_t> widths;
  for (const auto &entry : llvm::drop_end(tileable))
    if (readsAlong(entry.first, /*inSums=*/false)) {
      int64_t extent = extents[entry.first];
      widths[entry.first] =
          ShapedType::isDynamic(extent) ? kBlock : std::min(extent, kBlock);
      budget /= widths[entry.first];
    }
  OpFoldResult rest = b.getIndexAttr(
      std::max<int64_t>(1, static_cast<int64_t>(budget / costOfElement())));
  bool innermost = true;
  for (const auto &entry : llvm::reverse(tileable)) {
    unsigned dim = entry.first;
    if (auto width = widths.find(dim); width != widths.end())
      rest = dims.mul(rest, b.getIndexAttr(width->second));
    sizes[dim] = rest;
    std::optional<int64_t> room = getConstantIntValue(rest);
    int64_t extent = extents[dim];
    if (innermost && room && *room < kBlock &&
        readsAlong(dim, /*inSums=*/true)) {
      room = kBlock;
      sizes[dim] = rest = b.getIndexAttr(kBlock);
    }
    if (room && !ShapedType::isDynamic(extent)) {
      if (extent <= *room) {
        rest = b.getIndexAttr(
            std::max<int64_t>(1, *room / std::max<int64_t>(extent, 1)));
        sizes[dim] = b.getIndexAttr(0);
        continue;
      }
      int64_t tile = llvm::divideCeil(extent, llvm::divideCeil(extent, *room));
      if (innermost && tile >= kBlock)
        tile = llvm::alignTo(tile, kBlock);
      sizes[dim] = b.getIndexAttr(tile);
      rest = b.getIndexAttr(1);
    } else {
      OpFoldResult full = dims.max(ranges[dim].size, b.getIndexAttr(1));
      // A tile may be larger than the loop, the last one is cut short anyway;
      // but buffers are sized by tiles, whose product must stay in proportion.
      sizes[dim] = room ? rest : dims.min(rest, full);
      if (room == 1 || dim == tileable.front().first) {
        innermost = false;
        continue;
      }
      rest = dims.max(dims.div(rest, full), b.getIndexAttr(1));
    }
    innermost = false;
  }
  return sizes;
}

LogicalResult Tiler::tile(IRRewriter &rewriter, ArrayRef<OpFoldResult> sizes) {
  scf::SCFTileAndFuseOptions options;
  options.tilingOptions.setLoopType(scf::SCFTilingOptions::LoopType::ForallOp)
      .setTileSizes(sizes);
  // Producers whose values leave the kernel too are yielded by the loop.
  options.setFusionControlFn([&](tensor::ExtractSliceOp, OpResult producer,
                                 bool) {
    scf::SCFTileAndFuseOptions::ControlFnResult result;
    result.yieldProducerReplacement =
        llvm::any_of(producer.getUsers(),
                     [](Operation *user) { return isa<func::ReturnOp>(user); });
    return std::optional(result);
  });
  rewriter.setInsertionPoint(root);
  FailureOr<scf::SCFTileAndFuseResult> tiled =
      scf::tileConsumerAndFuseProducersUsingSCF(
          rewriter, cast<TilingInterface>(root.getOperation()), options);
  if (failed(tiled) || tiled->loops.size() != 1)
    return root->emitError("cannot be tiled");
  for (auto [value, replacement] : tiled->replacements)
    rewriter.replaceAllUsesWith(value, replacement);
  flatten(rewriter, cast<scf::ForallOp>(tiled->loops[0].getOperation()));
  // A producer with two consumers was fused twice: the copies are equal.
  DominanceInfo dominance(kernel);
  eliminateCommonSubExpressions(rewriter, dominance, kernel);
  // Extents must not keep the untiled ops alive; the driver drops dead ones.
  RewritePatternSet patterns(kernel.getContext());
  memref::populateResolveRankedShapedTypeResultDimsPatterns(patterns);
  tensor::DimOp::getCanonicalizationPatterns(patterns, kernel.getContext());
  (void)applyPatternsGreedily(kernel, std::move(patterns));
  // All ops are in the tiles now; a check in a body keeps its original alive.
  SmallVector<linalg::LinalgOp> untiled(
      kernel.getBody().front().getOps<linalg::LinalgOp>());
  for (linalg::LinalgOp op : llvm::reverse(untiled))
    if (op->use_empty())
      rewriter.eraseOp(op);
  return success();
}

/// Replaces the loop over a grid of tiles by one over their numbers, row-major.
void Tiler::flatten(IRRewriter &rewriter, scf::ForallOp loop) {
  Location loc = loop.getLoc();
  rewriter.setInsertionPoint(loop);
  DimBuilder dims(rewriter, loc);
  SmallVector<OpFoldResult> lower = loop.getMixedLowerBound(),
                            step = loop.getMixedStep(), counts;
  for (auto [from, to, by] :
       llvm::zip(lower, loop.getMixedUpperBound(), step)) {
    OpFoldResult extent = dims.sub(to, from);
    counts.push_back(
        dims.div(dims.sub(dims.add(extent, by), rewriter.getIndexAttr(1)), by));
  }
  auto flat =
      scf::ForallOp::create(rewriter, loc, ArrayRef{dims.product(counts)},
                            loop.getOutputs(), std::nullopt);
  rewriter.eraseOp(flat.getBody()->getTerminator());
  rewriter.setInsertionPointToStart(flat.getBody());
  Value rest = flat.getInductionVar(0);
  SmallVector<Value> arguments(counts.size());
  for (size_t i = counts.size(); i-- > 0;) {
    Value digit = rest;
    if (i > 0) {
      Value count = dims.value(counts[i]);
      digit = arith::RemUIOp::create(rewriter, loc, rest, count);
      rest = arith::DivUIOp::create(rewriter, loc, rest, count);
    }
    arguments[i] = dims.value(dims.add(dims.mul(digit, step[i]), lower[i]));
  }
  llvm::append_range(arguments, flat.getRegionIterArgs());
  rewriter.mergeBlocks(loop.getBody(), flat.getBody(), arguments);
  rewriter.replaceOp(loop, flat);
}

/// The loop of one iteration around a kernel that cannot be divided.
void Tiler::wrap(IRRewriter &rewriter) {
  Block &body = kernel.getBody().front();
  auto ret = cast<func::ReturnOp>(body.getTerminator());
  Location loc = kernel.getLoc();
  auto outputs = body.getArguments().take_back(ret.getNumOperands());
  rewriter.setInsertionPointToStart(&body);
  auto loop = scf::ForallOp::create(
      rewriter, loc, ArrayRef<OpFoldResult>{rewriter.getIndexAttr(1)},
      ValueRange(outputs), std::nullopt);
  Block *inner = loop.getBody();
  for (Operation &op : llvm::make_early_inc_range(body))
    if (&op != loop && &op != ret)
      rewriter.moveOpBefore(&op, inner->getTerminator());
  for (auto [output, shared] : llvm::zip(outputs, loop.getRegionIterArgs()))
    rewriter.replaceUsesWithIf(output, shared, [&](OpOperand &use) {
      return loop->isProperAncestor(use.getOwner());
    });
  rewriter.setInsertionPoint(inner->getTerminator());
  SmallVector<SmallVector<OpFoldResult>> sizes;
  for (Value value : ret.getOperands())
    sizes.push_back(tensor::getMixedSizes(rewriter, loc, value));
  rewriter.setInsertionPointToStart(loop.getTerminator().getBody());
  for (auto [value, shared, size] :
       llvm::zip(ret.getOperands(), loop.getRegionIterArgs(), sizes)) {
    SmallVector<OpFoldResult> zeros(size.size(), rewriter.getIndexAttr(0)),
        ones(size.size(), rewriter.getIndexAttr(1));
    tensor::ParallelInsertSliceOp::create(rewriter, loc, value, shared, zeros,
                                          size, ones);
  }
  rewriter.modifyOpInPlace(ret, [&] { ret->setOperands(loop.getResults()); });
}

LogicalResult Tiler::run() {
  bool hasProduct = false;
  kernel.walk([&](Operation *op) {
    if (auto linalgOp = dyn_cast<linalg::LinalgOp>(op))
      ops.push_back(linalgOp);
    hasProduct |= isProduct(op) || isa<scf::ForallOp>(op);
  });
  if (hasProduct)
    return success();
  IRRewriter rewriter(kernel.getContext());
  bool isFlat = llvm::all_of(ops, [&](linalg::LinalgOp op) {
    return op->getBlock() == &kernel.getBody().front() &&
           op.hasPureTensorSemantics() &&
           // Upstream takes an extent of 0 for a loop that is not tiled.
           !llvm::is_contained(op.getStaticLoopRanges(), 0);
  });
  if (!ops.empty() && isFlat && findRoot()) {
    rewriter.setInsertionPoint(root);
    SmallVector<OpFoldResult> sizes = tileSizes(rewriter);
    if (!llvm::all_of(sizes, [](OpFoldResult size) {
          return isConstantIntValue(size, 0);
        }))
      return tile(rewriter, sizes);
  }
  wrap(rewriter);
  return success();
}

struct TileKernelsPass : impl::TileKernelsBase<TileKernelsPass> {
  using TileKernelsBase::TileKernelsBase;

  void runOnOperation() override {
    for (auto kernel : getOperation().getOps<func::FuncOp>())
      if (kernel->hasAttr(kEntryAttr) && failed(Tiler(kernel, work).run()))
        return signalPassFailure();
  }
};

} // namespace
} // namespace weft::kernel
