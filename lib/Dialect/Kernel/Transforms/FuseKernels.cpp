// Decides which ops share a kernel. Groups grow from the last op upwards: an op
// joins the group of its users when all of them are in one group, so no value
// is computed twice and groups cannot depend on each other in a circle. A group
// has at most one op that is not elementwise; elementwise ops before it read
// what it reads, those after it have its result's shape.
// Pieces of concat and constant padding are written where they belong
// (PlacePieces.cpp). Loops and memory come later.

#include "weft/Dialect/Kernel/Transforms/Passes.h"

#include "Outline.h"
#include "PickChannels.h"
#include "PlacePieces.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/Transforms/Transforms.h"
#include "mlir/IR/Iterators.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "weft/Dialect/Graph/IR/Graph.h"
#include "weft/Dialect/Graph/IR/Shapes.h"
#include "weft/Dialect/Kernel/IR/Kernel.h"
#include "weft/Support/Location.h"

namespace weft::kernel {
#define GEN_PASS_DEF_FUSEKERNELS
#include "weft/Dialect/Kernel/Transforms/Passes.h.inc"
} // namespace weft::kernel

using namespace mlir;
using namespace weft::kernel;
namespace graph = weft::graph;

namespace {

/// Code that a group may have, in instructions or so. So much hides what it
/// costs to store a value and read it again, and LLVM's time grows faster than
/// the code of one loop.
constexpr int64_t kMostCode = 2048;

/// What each tensor of its own costs beside: LLVM orders every read of it
/// against every other one of the loop.
constexpr int64_t kReadCode = 8;

/// Whether `operand` is read from memory whatever is fused: a constant or an
/// argument, of more than one element.
bool isAlwaysRead(Value operand) {
  auto type = dyn_cast<RankedTensorType>(operand.getType());
  bool isScalar =
      !type || (type.hasStaticShape() && type.getNumElements() <= 1);
  return !isScalar && (isa<BlockArgument>(operand) ||
                       operand.getDefiningOp<graph::ConstantOp>());
}

int64_t codeOf(Operation *op) {
  bool isShort =
      isa<graph::AddOp, graph::SubOp, graph::MulOp, graph::MaxOp, graph::MinOp,
          graph::NegOp, graph::AbsOp, graph::AndOp, graph::OrOp, graph::NotOp,
          graph::SelectOp, graph::CompareOp, graph::CastOp, graph::XorOp,
          graph::BitCastOp>(op);
  return (isShort ? 1 : 16) +
         kReadCode * llvm::count_if(op->getOperands(), isAlwaysRead);
}

/// Grows one group around its root.
class Grouping {
public:
  Grouping(const Extents &extents, llvm::SmallPtrSetImpl<Operation *> &taken)
      : extents(extents), taken(taken) {}

  Group grow(Operation *root) {
    add(root, /*before=*/false);
    if (familyOf(root) != Family::Elementwise)
      anchor = root;
    growElementwise();
    if (!anchor)
      if (Operation *found = findAnchor()) {
        anchor = found;
        add(found, false);
        growElementwise();
      }
    Group group;
    group.ops.assign(members.begin(), members.end());
    llvm::sort(group.ops, [](Operation *a, Operation *b) {
      return a->isBeforeInBlock(b);
    });
    return group;
  }

private:
  void add(Operation *op, bool before) {
    members.insert(op);
    code += codeOf(op);
    taken.insert(op);
    if (before)
      prologue.insert(op);
  }

  /// True where `op` is free and all its results are used by members alone.
  bool usedByMembersOnly(Operation *op) {
    return !taken.contains(op) &&
           op->getBlock() == members.front()->getBlock() &&
           llvm::all_of(op->getUsers(), [&](Operation *user) {
             return members.contains(user);
           });
  }

  bool isBefore(Operation *user) const {
    return user == anchor || prologue.contains(user);
  }

  /// What the anchor can take in: it reads each element once, or a row that
  /// stays in cache.
  bool takesPrologue(Operation *producer) const {
    if (isa<graph::ReduceOp, graph::ArgReduceOp, graph::SoftmaxOp,
            graph::LayerNormOp>(anchor))
      return extents.same(producer->getResult(0), anchor->getOperand(0)) &&
             llvm::all_of(producer->getUsers(), [&](Operation *user) {
               return user != anchor ||
                      (anchor->getOperand(0) == producer->getResult(0) &&
                       llvm::count(anchor->getOperands(),
                                   producer->getResult(0)) == 1);
             });
    if (isa<graph::TransposeOp, graph::SliceOp, graph::PackOp, graph::UnpackOp>(
            anchor))
      return extents.same(producer->getResult(0), anchor->getOperand(0));
    return false;
  }

  /// True where `op` can be in the epilogue of a product, which is better than
  /// before a reduction: the product's result is then never stored. All users
  /// of what comes before `op` must end in it, as in x * sigmoid(x).
  bool followsProduct(Operation *op) const {
    llvm::SmallSetVector<Operation *, 4> chain;
    chain.insert(op);
    for (bool grew = true; grew;) {
      grew = false;
      for (size_t i = 0; i < chain.size(); ++i)
        for (Value operand : chain[i]->getOperands()) {
          Operation *producer = operand.getDefiningOp();
          if (!producer || chain.contains(producer) ||
              producer->getBlock() != op->getBlock() ||
              !extents.same(operand, op->getResult(0)) ||
              !llvm::all_of(operand.getUsers(), [&](Operation *user) {
                return chain.contains(user);
              }))
            continue;
          Family family = familyOf(producer);
          if (family == Family::Product)
            return true;
          if (family == Family::Elementwise)
            grew |= chain.insert(producer);
        }
    }
    return false;
  }

  bool canJoin(Operation *producer) {
    if (familyOf(producer) != Family::Elementwise ||
        code + codeOf(producer) > kMostCode || !usedByMembersOnly(producer))
      return false;
    bool anyBefore = llvm::any_of(
        producer->getUsers(), [&](Operation *user) { return isBefore(user); });
    bool allBefore = llvm::all_of(
        producer->getUsers(), [&](Operation *user) { return isBefore(user); });
    if (anyBefore != allBefore)
      return false;
    if (anyBefore)
      return takesPrologue(producer) && !followsProduct(producer);
    return extents.same(producer->getResult(0), members.front()->getResult(0));
  }

  void growElementwise() {
    for (bool grew = true; grew;) {
      grew = false;
      for (size_t i = 0; i < members.size(); ++i)
        for (Value operand : members[i]->getOperands()) {
          Operation *producer = operand.getDefiningOp();
          if (!producer || members.contains(producer) || !canJoin(producer))
            continue;
          add(producer,
              llvm::any_of(producer->getUsers(),
                           [&](Operation *user) { return isBefore(user); }));
          grew = true;
        }
    }
  }

  /// The op whose elementwise followers this group is: a product rather than
  /// another, and the latest of several.
  Operation *findAnchor() {
    Operation *best = nullptr;
    auto rank = [](Operation *op) { return familyOf(op) == Family::Product; };
    for (Operation *member : members)
      for (Value operand : member->getOperands()) {
        Operation *producer = operand.getDefiningOp();
        if (!producer || !usedByMembersOnly(producer) ||
            producer->getNumResults() != 1)
          continue;
        Family family = familyOf(producer);
        if (family != Family::Product && family != Family::RowWise &&
            family != Family::Window)
          continue;
        if (isPackedProduct(producer) && !canEndEpilogue())
          continue;
        if (!extents.same(producer->getResult(0),
                          members.front()->getResult(0)))
          continue;
        if (!best || rank(producer) > rank(best) ||
            (rank(producer) == rank(best) && best->isBeforeInBlock(producer)))
          best = producer;
      }
    return best;
  }

  static bool isPackedProduct(Operation *op) {
    return familyOf(op) == Family::Product &&
           isa<KernelDialect>(op->getDialect());
  }

  /// Packed products store vectors, and a vector of i1 would be stored as bits:
  /// then what follows would stand outside the loop over the product's rows.
  bool canEndEpilogue() const {
    return !getElementTypeOrSelf(members.front()->getResult(0).getType())
                .isInteger(1);
  }

  const Extents &extents;
  llvm::SmallPtrSetImpl<Operation *> &taken;
  llvm::SmallSetVector<Operation *, 8> members; // The root first.
  llvm::SmallPtrSet<Operation *, 8> prologue;
  Operation *anchor = nullptr;
  int64_t code = 0;
};

/// Elementwise lowering takes dynamic extents of an operand to be the result's.
/// Where that is not certain, the operand is repeated at run time before, and
/// extents that are neither equal nor 1 fail the run.
void makeBroadcastsExplicit(func::FuncOp function, Extents &extents) {
  SmallVector<Operation *> ops;
  function.walk([&](graph::ScalarBody op) { ops.push_back(op); });
  for (Operation *op : ops) {
    Value result = op->getResult(0);
    auto type = cast<RankedTensorType>(result.getType());
    for (OpOperand &operand : op->getOpOperands()) {
      auto from = cast<RankedTensorType>(operand.get().getType());
      int64_t offset = type.getRank() - from.getRank();
      OpBuilder b(op);
      graph::DimBuilder d(b, op->getLoc());
      SmallVector<OpFoldResult> shape = extents.all(operand.get());
      bool repeats = false;
      for (int64_t i = 0; i < from.getRank(); ++i) {
        OpFoldResult have = shape[i], want = extents.get(result, offset + i);
        if (from.getDimSize(i) == 1 || isEqualConstantIntOrValue(have, want))
          continue;
        repeats = true;
        shape[i] = want;
        Value fits =
            arith::CmpIOp::create(b, op->getLoc(), arith::CmpIPredicate::eq,
                                  d.value(have), d.value(want));
        Value isOne =
            arith::CmpIOp::create(b, op->getLoc(), arith::CmpIPredicate::eq,
                                  d.value(have), d.value(d.constant(1)));
        Value ok = arith::OrIOp::create(b, op->getLoc(), fits, isOne);
        std::string node = weft::describeNodes(op->getLoc());
        CheckOp::create(b, op->getLoc(), ok,
                        ValueRange{d.value(have), d.value(want)},
                        node + (node.empty() ? "" : ": ") + "input " +
                            std::to_string(operand.getOperandNumber()) +
                            " has {0} on axis " + std::to_string(i) +
                            " where the result has {1}");
      }
      if (!repeats)
        continue;
      SmallVector<Value> elements;
      for (OpFoldResult extent : shape)
        elements.push_back(b.createOrFold<arith::IndexCastOp>(
            op->getLoc(), b.getI64Type(), d.value(extent)));
      Value wanted = tensor::FromElementsOp::create(b, op->getLoc(), elements);
      SmallVector<int64_t> extentsOfType;
      for (OpFoldResult extent : shape)
        extentsOfType.push_back(
            getConstantIntValue(extent).value_or(ShapedType::kDynamic));
      auto expanded = graph::ExpandOp::create(
          b, op->getLoc(), from.clone(extentsOfType), operand.get(), wanted);
      extents.set(expanded, shape);
      extents.set(wanted, {b.getIndexAttr(shape.size())});
      operand.set(expanded);
    }
  }
}

/// The first `count` elements of the last axis of `value`.
Value firstOf(Value value, int64_t count, Location loc, Extents &extents) {
  OpBuilder b(value.getContext());
  b.setInsertionPointAfterValue(value);
  auto type = cast<RankedTensorType>(value.getType());
  SmallVector<int64_t> shape(type.getShape());
  if (shape.back() == count)
    return value;
  shape.back() = count;
  SmallVector<OpFoldResult> dims = extents.all(value);
  dims.back() = b.getIndexAttr(count);
  SmallVector<OpFoldResult> offsets(shape.size(), b.getIndexAttr(0)),
      strides(shape.size(), b.getIndexAttr(1));
  Value first = tensor::ExtractSliceOp::create(b, loc, type.clone(shape), value,
                                               offsets, dims, strides);
  extents.set(first, dims);
  return first;
}

/// unpack(x) = collapse(transpose(x)) where channels fill their blocks or are a
/// part of one: a permutation is moved in squares.
void transposeBlocks(func::FuncOp function, Extents &extents) {
  SmallVector<graph::UnpackOp> unpacks;
  function.walk([&](graph::UnpackOp unpack) { unpacks.push_back(unpack); });
  for (graph::UnpackOp unpack : unpacks) {
    auto from = cast<RankedTensorType>(unpack.getInput().getType());
    int64_t rank = from.getRank(), axis = unpack.getAxis(),
            extent = unpack.getExtent(), count = from.getDimSize(axis),
            block = from.getShape().back();
    if (count != 1 && count * block != extent)
      continue;
    Value input = firstOf(unpack.getInput(), std::min(block, extent),
                          unpack.getLoc(), extents);
    SmallVector<int64_t> permutation = llvm::to_vector(llvm::seq(rank - 1));
    permutation.insert(permutation.begin() + axis + 1, rank - 1);
    SmallVector<int64_t> shape;
    SmallVector<OpFoldResult> dims;
    SmallVector<ReassociationIndices> groups;
    for (auto [i, source] : llvm::enumerate(permutation)) {
      shape.push_back(
          cast<RankedTensorType>(input.getType()).getDimSize(source));
      dims.push_back(extents.get(input, source));
      if (static_cast<int64_t>(i) == axis + 1)
        groups.back().push_back(i);
      else
        groups.push_back({static_cast<int64_t>(i)});
    }
    OpBuilder b(unpack);
    Location loc = unpack.getLoc();
    Value turned = graph::TransposeOp::create(b, loc, from.clone(shape), input,
                                              permutation);
    extents.set(turned, dims);
    Value joined = tensor::CollapseShapeOp::create(b, loc, unpack.getType(),
                                                   turned, groups);
    extents.setSame(joined, unpack);
    unpack.replaceAllUsesWith(joined);
    unpack.erase();
  }
}

/// Products take dynamic extents of their operands to fit: fails the run where
/// they do not. A right side of one batch is read for all.
void checkProducts(func::FuncOp function, const Extents &extents) {
  function.walk([&](MatMulOp op) {
    OpBuilder b(op);
    Location loc = op.getLoc();
    std::string node = weft::describeNodes(loc);
    int64_t rank =
        cast<RankedTensorType>(op.getOutputs()[0].getType()).getRank();
    auto require = [&](Value x, int64_t i, Value y, int64_t j) {
      OpFoldResult have = extents.get(x, i), want = extents.get(y, j);
      if (isEqualConstantIntOrValue(have, want) ||
          getConstantIntValue(have) == 1)
        return;
      Value a = getValueOrCreateConstantIndexOp(b, loc, have),
            c = getValueOrCreateConstantIndexOp(b, loc, want);
      Value same =
          arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, a, c);
      CheckOp::create(b, loc, same, ValueRange{a, c},
                      node + (node.empty() ? "" : ": ") +
                          "extents {0} and {1} do not fit a matrix product");
    };
    if (op.getPacked())
      return;
    for (int64_t i = 0; i < rank - 2; ++i) {
      require(op.getLhs(), i, op.getOutputs()[0], i);
      require(op.getRhs(), i, op.getOutputs()[0], i);
    }
    require(op.getRhs(), rank - 2, op.getLhs(), rank - 1);
  });
}

/// What has no element is not computed, nor what is then read by nobody. Only
/// extents that are 0 at compile time count; kernels find out about the others.
void dropEmptyResults(func::FuncOp function, Extents &extents) {
  function.walk([&](Operation *op) {
    if (familyOf(op) == Family::None || !isPure(op) || op->getNumResults() != 1)
      return;
    Value result = op->getResult(0);
    auto type = dyn_cast<RankedTensorType>(result.getType());
    if (!type || !llvm::is_contained(type.getShape(), 0))
      return;
    OpBuilder b(op);
    Value empty = tensor::EmptyOp::create(b, op->getLoc(), extents.all(result),
                                          type.getElementType());
    extents.setSame(empty, result);
    result.replaceAllUsesWith(empty);
  });
  function.walk<WalkOrder::PostOrder, ReverseIterator>([](Operation *op) {
    // Index arithmetic stays: `extents` refers to it.
    if (familyOf(op) != Family::None && isOpTriviallyDead(op))
      op->erase();
  });
}

struct FuseKernels : weft::kernel::impl::FuseKernelsBase<FuseKernels> {
  void runOnOperation() final {
    SmallVector<func::FuncOp> functions;
    getOperation().walk([&](func::FuncOp function) {
      if (!function->hasAttr(kEntryAttr) && !function.isExternal())
        functions.push_back(function);
    });
    for (func::FuncOp function : functions)
      if (failed(runOn(function)))
        return signalPassFailure();
  }

  LogicalResult runOn(func::FuncOp function) {
    FailureOr<Extents> extents = Extents::compute(function);
    if (failed(extents))
      return failure();
    makeBroadcastsExplicit(function, *extents);
    checkProducts(function, *extents);
    Outliner outliner(getOperation(), *extents);
    pickChannels(function, *extents, outliner);
    transposeBlocks(function, *extents);
    placePieces(function, *extents, outliner);
    dropEmptyResults(function, *extents);
    SmallVector<Block *> blocks;
    function.walk([&](Block *block) { blocks.push_back(block); });
    SmallVector<Group> groups;
    for (Block *block : blocks) {
      llvm::SmallPtrSet<Operation *, 32> taken;
      SmallVector<Group> found;
      for (Operation &op : llvm::reverse(*block)) {
        bool dead = op.use_empty() && isPure(&op);
        if (familyOf(&op) != Family::None && !taken.contains(&op) && !dead)
          found.push_back(Grouping(*extents, taken).grow(&op));
      }
      llvm::append_range(groups, llvm::reverse(found));
    }
    for (const Group &group : groups)
      outliner.outline(group);
    numLaunches += outliner.launches();
    numKernels += outliner.kernels();
    return cleanUp(function);
  }

  /// Extents of launches' results follow from their destinations.
  LogicalResult cleanUp(func::FuncOp function) {
    RewritePatternSet patterns(&getContext());
    memref::populateResolveRankedShapedTypeResultDimsPatterns(patterns);
    return applyPatternsGreedily(function, std::move(patterns));
  }
};

} // namespace
