// The choice of the vector loop. A parallel loop along which the output is
// contiguous is best; a reduction along which the inputs are contiguous comes
// next, and wins where the parallel loop is too short for a vector.

#include "LoopPlan.h"

#include "weft/Dialect/Kernel/IR/Kernel.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;

namespace weft::cpu {

/// Coefficient of `loop` in a linear expression; nothing if it is not linear
/// in it.
static std::optional<int64_t> coefficient(AffineExpr expr, int64_t loop) {
  if (!expr.isFunctionOfDim(loop))
    return 0;
  if (auto dim = dyn_cast<AffineDimExpr>(expr))
    return dim.getPosition() == loop ? 1 : 0;
  auto binary = dyn_cast<AffineBinaryOpExpr>(expr);
  if (!binary)
    return std::nullopt;
  auto lhs = coefficient(binary.getLHS(), loop),
       rhs = coefficient(binary.getRHS(), loop);
  if (!lhs || !rhs)
    return std::nullopt;
  if (expr.getKind() == AffineExprKind::Add)
    return *lhs + *rhs;
  if (expr.getKind() == AffineExprKind::Mul)
    if (auto factor = dyn_cast<AffineConstantExpr>(binary.getRHS()))
      return *lhs * factor.getValue();
  return std::nullopt;
}

static bool lastStrideIsOne(MemRefType type) {
  if (type.getRank() == 0)
    return false;
  auto [strides, offset] = type.getStridesAndOffset();
  return strides.back() == 1;
}

Access accessAlong(linalg::GenericOp op, OpOperand &operand, int64_t loop) {
  auto type = dyn_cast<MemRefType>(operand.get().getType());
  AffineMap map = op.getMatchingIndexingMap(&operand);
  if (!type || !map.isFunctionOfDim(loop))
    return Access::Uniform;
  // A byte holds one i1, so a vector of them has another form in memory.
  if (type.getElementType().isInteger(1) || !lastStrideIsOne(type))
    return Access::Scattered;
  for (AffineExpr expr : map.getResults().drop_back())
    if (expr.isFunctionOfDim(loop))
      return Access::Scattered;
  return coefficient(map.getResults().back(), loop) == 1 ? Access::Contiguous
                                                         : Access::Scattered;
}

std::optional<int64_t> laneStep(linalg::GenericOp op, Value index,
                                int64_t loop) {
  if (auto argument = dyn_cast<BlockArgument>(index)) {
    if (argument.getOwner() != op.getBody())
      return 0;
    OpOperand &operand = op->getOpOperand(argument.getArgNumber());
    if (accessAlong(op, operand, loop) == Access::Uniform &&
        !op.isDpsInit(&operand))
      return 0;
    return std::nullopt;
  }
  Operation *def = index.getDefiningOp();
  if (def->getBlock() != op.getBody())
    return 0;
  if (auto position = dyn_cast<linalg::IndexOp>(def))
    return static_cast<int64_t>(position.getDim()) == loop ? 1 : 0;
  SmallVector<std::optional<int64_t>> steps;
  bool uniform = true;
  for (Value operand : def->getOperands()) {
    steps.push_back(laneStep(op, operand, loop));
    uniform &= steps.back() == 0;
  }
  if (uniform)
    return 0;
  if (llvm::is_contained(steps, std::nullopt))
    return std::nullopt;
  if (isa<arith::AddIOp>(def))
    return *steps[0] + *steps[1];
  if (isa<arith::SubIOp>(def))
    return *steps[0] - *steps[1];
  if (isa<arith::IndexCastOp>(def))
    return steps[0];
  APInt factor;
  if (isa<arith::MulIOp>(def) &&
      matchPattern(def->getOperand(1), m_ConstantInt(&factor)))
    return *steps[0] * factor.getSExtValue();
  if (auto apply = dyn_cast<affine::AffineApplyOp>(def)) {
    int64_t total = 0;
    AffineExpr expr = apply.getAffineMap().getResult(0);
    for (unsigned i = 0; i < steps.size(); ++i) {
      if (*steps[i] == 0)
        continue;
      if (i >= apply.getAffineMap().getNumDims())
        return std::nullopt;
      auto c = coefficient(expr, i);
      if (!c)
        return std::nullopt;
      total += *c * *steps[i];
    }
    return total;
  }
  return std::nullopt;
}

/// The op that joins the output's old element with the new one, where the body
/// is a plain reduction: one output, one use of its element, and an operation
/// whose order may be regrouped into lanes.
static Operation *findCombiner(linalg::GenericOp op) {
  if (op.getNumDpsInits() != 1)
    return nullptr;
  BlockArgument out = op.getRegionOutputArgs().front();
  Operation *combiner =
      op.getBody()->getTerminator()->getOperand(0).getDefiningOp();
  if (!combiner || combiner->getBlock() != op.getBody() || !out.hasOneUse() ||
      *out.user_begin() != combiner || combiner->getNumOperands() != 2)
    return nullptr;
  if (isa<arith::AddFOp, arith::MulFOp, arith::MaximumFOp, arith::MinimumFOp,
          arith::MaxNumFOp, arith::MinNumFOp, arith::AddIOp, arith::MulIOp,
          arith::MaxSIOp, arith::MaxUIOp, arith::MinSIOp, arith::MinUIOp,
          arith::AndIOp, arith::OrIOp, arith::XOrIOp>(combiner))
    return combiner;
  return nullptr;
}

/// Number of loads and stores along `loop` that go lane by lane, and of those
/// that are contiguous.
static std::pair<int64_t, int64_t> countAccesses(linalg::GenericOp op,
                                                 int64_t loop) {
  int64_t scattered = 0, contiguous = 0;
  for (OpOperand &operand : op->getOpOperands()) {
    if (!op.isDpsInit(&operand) && !op.payloadUsesValueFromOperand(&operand))
      continue;
    Access access = accessAlong(op, operand, loop);
    scattered += access == Access::Scattered;
    contiguous += access == Access::Contiguous;
  }
  op.getBody()->walk([&](memref::LoadOp load) {
    if (load.getIndices().empty()) // One element for all lanes.
      return;
    bool lastOnly = true;
    for (Value index : load.getIndices().drop_back())
      lastOnly &= laneStep(op, index, loop) == 0;
    auto last = laneStep(op, load.getIndices().back(), loop);
    if (lastOnly && last == 0)
      return;
    bool runs = lastOnly && last == 1 &&
                lastStrideIsOne(load.getMemRefType()) &&
                !load.getMemRefType().getElementType().isInteger(1);
    ++(runs ? contiguous : scattered);
  });
  return {scattered, contiguous};
}

/// True where a partial vector can use masked loads and stores of the machine.
static bool canMask(linalg::GenericOp op, int64_t loop) {
  bool loads = false;
  op.getBody()->walk([&](memref::LoadOp) { loads = true; });
  if (loads)
    return false;
  return llvm::all_of(op->getOpOperands(), [&](OpOperand &operand) {
    Access access = accessAlong(op, operand, loop);
    if (access == Access::Uniform)
      return true;
    Type element = cast<MemRefType>(operand.get().getType()).getElementType();
    return access == Access::Contiguous && element.isIntOrFloat() &&
           (element.getIntOrFloatBitWidth() == 32 ||
            element.getIntOrFloatBitWidth() == 64);
  });
}

/// A check in the body reports the values of one element, so it runs on one;
/// functions of strings take one as well.
static bool mustBeScalar(linalg::GenericOp op) {
  bool found = false;
  op.getBody()->walk([&](Operation *inner) {
    found |= isa<kernel::CheckOp, kernel::StringOp>(inner) ||
             (inner->getNumRegions() && inner != op.getOperation());
  });
  return found;
}

/// The loop that squares to be transposed have beside `vectorLoop`, or -1. The
/// body is emitted for each vector of a square, so it must be short.
static int64_t findTransposedLoop(linalg::GenericOp op, int64_t vectorLoop,
                                  int64_t lanes) {
  constexpr int64_t kMostOps = 8;
  SmallVector<int64_t> extents = op.getStaticLoopRanges();
  auto isLong = [&](int64_t loop) {
    return ShapedType::isDynamic(extents[loop]) || extents[loop] >= lanes;
  };
  bool reads = false, masks = true;
  op.getBody()->walk([&](memref::LoadOp) { reads = true; });
  if (reads || op.getNumReductionLoops() || !isLong(vectorLoop) ||
      llvm::range_size(op.getBody()->without_terminator()) > kMostOps)
    return -1;
  SmallVector<OpOperand *> scattered;
  for (OpOperand &operand : op->getOpOperands()) {
    if (accessAlong(op, operand, vectorLoop) != Access::Scattered)
      continue;
    if (op.isDpsInit(&operand) && op.payloadUsesValueFromOperand(&operand))
      return -1;
    Type element = getElementTypeOrSelf(operand.get().getType());
    masks &= !op.isDpsInit(&operand) && element.isIntOrFloat() &&
             element.getIntOrFloatBitWidth() >= 32;
    scattered.push_back(&operand);
  }
  for (int64_t loop = op.getNumLoops() - 1; loop >= 0 && !scattered.empty();
       --loop)
    if (loop != vectorLoop && (isLong(loop) || (masks && extents[loop] > 1)) &&
        llvm::all_of(scattered, [&](OpOperand *operand) {
          return accessAlong(op, *operand, loop) == Access::Contiguous;
        }))
      return loop;
  return -1;
}

LoopPlan planLoops(linalg::GenericOp op, int64_t width) {
  LoopPlan plan;
  SmallVector<int64_t> extents = op.getStaticLoopRanges();
  SmallVector<utils::IteratorType> kinds = op.getIteratorTypesArray();
  Operation *combiner = findCombiner(op);

  // The widest element that moves along the loop decides how many lanes a
  // register has.
  auto lanesAlong = [&](int64_t loop) {
    unsigned widest = 32;
    for (OpOperand &operand : op->getOpOperands()) {
      if (accessAlong(op, operand, loop) == Access::Uniform)
        continue;
      Type element = getElementTypeOrSelf(operand.get().getType());
      widest = std::max(
          widest, element.isIndex() ? 64 : element.getIntOrFloatBitWidth());
    }
    return std::max<int64_t>(2, width * 32 / widest);
  };

  auto score = [&](int64_t loop) -> int64_t {
    int64_t extent = extents[loop], lanes = lanesAlong(loop);
    bool reduction = kinds[loop] == utils::IteratorType::reduction;
    if (reduction && !combiner)
      return -1;
    if (extent != ShapedType::kDynamic && extent < lanes / 2)
      return -1;
    auto [scattered, contiguous] = countAccesses(op, loop);
    if (!contiguous || scattered > contiguous)
      return -1;
    // Full vectors before partial ones, parallel before reduction, inner
    // before outer.
    int64_t fits = extent == ShapedType::kDynamic || extent >= lanes;
    return 1000 * fits + 100 * (contiguous - 2 * scattered) + 50 * !reduction +
           loop;
  };
  int64_t best = -1;
  for (int64_t loop = 0, e = extents.size(); loop < e && !mustBeScalar(op);
       ++loop)
    if (int64_t s = score(loop); s > best) {
      best = s;
      plan.vectorLoop = loop;
    }

  if (plan.vectorLoop >= 0 &&
      kinds[plan.vectorLoop] == utils::IteratorType::parallel)
    plan.transposedLoop =
        findTransposedLoop(op, plan.vectorLoop, lanesAlong(plan.vectorLoop));
  for (int64_t loop = 0, e = extents.size(); loop < e; ++loop) {
    if (loop == plan.vectorLoop || loop == plan.transposedLoop)
      continue;
    bool reduction = kinds[loop] == utils::IteratorType::reduction;
    (reduction ? plan.reductionLoops : plan.parallelLoops).push_back(loop);
  }
  if (plan.vectorLoop < 0)
    return plan;

  plan.lanes = lanesAlong(plan.vectorLoop);
  plan.reducesLanes = kinds[plan.vectorLoop] == utils::IteratorType::reduction;
  plan.masked = canMask(op, plan.vectorLoop);
  bool sums = plan.reducesLanes || !plan.reductionLoops.empty();
  bool light = std::distance(op.getBody()->begin(), op.getBody()->end()) <= 8;
  plan.unroll = sums && light ? 4 : 1;
  int64_t extent = extents[plan.vectorLoop];
  while (extent != ShapedType::kDynamic && plan.unroll > 1 &&
         extent < plan.unroll * plan.lanes)
    plan.unroll /= 2;
  if (!plan.reducesLanes && !plan.reductionLoops.empty() && light && combiner &&
      plan.unroll == 1)
    plan.chains = 4;
  plan.combiner = plan.reducesLanes || plan.chains > 1 ? combiner : nullptr;
  return plan;
}

//===-- Merging loops
//-------------------------------------------------------------//

/// True where operand memory is contiguous over loops `a` and `a + 1`.
static bool isMergeable(linalg::GenericOp op, int64_t a) {
  for (OpOperand &operand : op->getOpOperands()) {
    AffineMap map = op.getMatchingIndexingMap(&operand);
    bool usesA = map.isFunctionOfDim(a), usesB = map.isFunctionOfDim(a + 1);
    if (!usesA && !usesB)
      continue;
    if (!linalg::isDimSequencePreserved(map, {a, a + 1}))
      return false;
    auto type = dyn_cast<MemRefType>(operand.get().getType());
    if (!type)
      return false;
    int64_t place = -1;
    for (auto [i, expr] : llvm::enumerate(map.getResults()))
      if (expr == getAffineDimExpr(a, op.getContext()))
        place = i;
    SmallVector<ReassociationIndices> groups;
    for (int64_t i = 0; i < type.getRank(); ++i) {
      if (i == place + 1 && place >= 0)
        groups.back().push_back(i);
      else
        groups.push_back({i});
    }
    if (!memref::CollapseShapeOp::isGuaranteedCollapsible(type, groups))
      return false;
    // Merged with an extent of 1, a dynamic extent loses its known stride.
    MemRefType merged =
        memref::CollapseShapeOp::computeCollapsedType(type, groups);
    if (lastStrideIsOne(type) && !lastStrideIsOne(merged))
      return false;
  }
  return true;
}

/// Splits each dimension of `operand` that is read at `i * block + j`, where j
/// runs over a block, so that its map is a permutation.
static void splitBlocks(RewriterBase &rewriter, linalg::GenericOp op,
                        OpOperand &operand) {
  AffineMap map = op.getMatchingIndexingMap(&operand);
  auto type = dyn_cast<MemRefType>(operand.get().getType());
  SmallVector<int64_t> extents = op.getStaticLoopRanges();
  SmallVector<ReassociationIndices> groups;
  SmallVector<int64_t> shape;
  SmallVector<AffineExpr> places;
  for (auto [i, place] : llvm::enumerate(map.getResults())) {
    AffineExpr outer, inner;
    int64_t block = 0;
    auto sum = dyn_cast<AffineBinaryOpExpr>(place);
    auto product = sum && sum.getKind() == AffineExprKind::Add
                       ? dyn_cast<AffineBinaryOpExpr>(sum.getLHS())
                       : AffineBinaryOpExpr(nullptr);
    if (product && product.getKind() == AffineExprKind::Mul)
      if (auto factor = dyn_cast<AffineConstantExpr>(product.getRHS()))
        if (auto within = dyn_cast<AffineDimExpr>(sum.getRHS());
            within && isa<AffineDimExpr>(product.getLHS()) &&
            extents[within.getPosition()] == factor.getValue())
          outer = product.getLHS(), inner = within, block = factor.getValue();
    if (block && type && !type.isDynamicDim(i) &&
        type.getDimSize(i) % block == 0) {
      groups.push_back({static_cast<int64_t>(shape.size()),
                        static_cast<int64_t>(shape.size()) + 1});
      llvm::append_values(shape, type.getDimSize(i) / block, block);
      llvm::append_values(places, outer, inner);
      continue;
    }
    groups.push_back({static_cast<int64_t>(shape.size())});
    shape.push_back(type ? type.getDimSize(i) : 1);
    places.push_back(place);
  }
  if (!type || places.size() == map.getNumResults() ||
      llvm::is_contained(shape, ShapedType::kDynamic))
    return;
  FailureOr<MemRefType> split =
      memref::ExpandShapeOp::computeExpandedType(type, shape, groups);
  if (failed(split))
    return;
  rewriter.setInsertionPoint(op);
  Value view = memref::ExpandShapeOp::create(rewriter, op.getLoc(), *split,
                                             operand.get(), groups);
  SmallVector<AffineMap> maps = op.getIndexingMapsArray();
  maps[operand.getOperandNumber()] =
      AffineMap::get(map.getNumDims(), 0, places, op.getContext());
  rewriter.modifyOpInPlace(op, [&] {
    operand.set(view);
    op.setIndexingMapsAttr(rewriter.getAffineMapArrayAttr(maps));
  });
}

linalg::GenericOp mergeLoops(RewriterBase &rewriter, linalg::GenericOp op) {
  if (op.hasIndexSemantics() || !op.hasPureBufferSemantics())
    return op;
  for (OpOperand &operand : op->getOpOperands())
    splitBlocks(rewriter, op, operand);
  bool plain = true;
  op.getBody()->walk([&](memref::LoadOp) { plain = false; });
  for (AffineMap map : op.getIndexingMapsArray())
    plain &= map.isProjectedPermutation();
  if (!plain)
    return op;
  SmallVector<utils::IteratorType> kinds = op.getIteratorTypesArray();
  SmallVector<ReassociationIndices> groups;
  bool merges = false;
  for (int64_t loop = 0, e = kinds.size(); loop < e; ++loop) {
    if (loop && kinds[loop] == kinds[loop - 1] && isMergeable(op, loop - 1)) {
      groups.back().push_back(loop);
      merges = true;
    } else {
      groups.push_back({loop});
    }
  }
  SmallVector<ReassociationIndices> sequences;
  for (ReassociationIndices &group : groups)
    if (group.size() > 1)
      sequences.push_back(group);
  if (!merges ||
      !linalg::areDimSequencesPreserved(op.getIndexingMapsArray(), sequences))
    return op;
  rewriter.setInsertionPoint(op);
  FailureOr<linalg::CollapseResult> merged =
      linalg::collapseOpIterationDims(op, sequences, rewriter);
  if (failed(merged))
    return op;
  auto generic = cast<linalg::GenericOp>(merged->collapsedOp.getOperation());
  rewriter.eraseOp(op);
  return generic;
}

} // namespace weft::cpu
