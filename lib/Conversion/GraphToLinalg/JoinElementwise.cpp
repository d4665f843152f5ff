// Elementwise generics join what reads them, whole trees at once. MLIR's
// pattern joins two at a time and copies both bodies each time, so that a chain
// of n costs n² steps; what it takes besides (permuted results, values of
// several users elsewhere) is left to it.

#include "Lowering.h"

#include "mlir/IR/IRMapping.h"
#include "weft/Dialect/Kernel/IR/Kernel.h"
#include "llvm/ADT/MapVector.h"

using namespace mlir;

namespace weft::lowering {
namespace {

/// Generics that become one: the last, which the others feed, and for each the
/// map from its loops to theirs.
struct Cluster {
  llvm::MapVector<Operation *, AffineMap> members; ///< users come first

  linalg::GenericOp root() {
    return cast<linalg::GenericOp>(members.front().first);
  }
};

/// What joins which, of one block.
class Clusters {
public:
  explicit Clusters(Block &block) {
    for (Operation &op : llvm::reverse(block))
      if (auto generic = dyn_cast<linalg::GenericOp>(op))
        place(generic);
  }

  SmallVector<std::unique_ptr<Cluster>> all;

private:
  void place(linalg::GenericOp op) {
    Cluster *cluster = nullptr;
    AffineMap loops;
    if (joins(op, cluster, loops)) {
      cluster->members.insert({op, loops});
    } else {
      cluster = all.emplace_back(std::make_unique<Cluster>()).get();
      cluster->members.insert({op, AffineMap::getMultiDimIdentityMap(
                                       op.getNumLoops(), op.getContext())});
    }
    of[op] = cluster;
  }

  /// True where all uses are inputs of one cluster, which read each element
  /// once and at the same place.
  bool joins(linalg::GenericOp op, Cluster *&cluster, AffineMap &loops) {
    if (!isElementwise(op) || hasEffects(op) || op->use_empty())
      return false;
    for (OpOperand &use : op->getUses()) {
      Cluster *reader = of.lookup(use.getOwner());
      if (!reader || (cluster && reader != cluster))
        return false;
      auto user = cast<linalg::GenericOp>(use.getOwner());
      if (user.isDpsInit(&use))
        return false;
      AffineMap map = user.getMatchingIndexingMap(&use).compose(
          reader->members.find(user)->second);
      if (!map.isPermutation() || (loops && map != loops))
        return false;
      cluster = reader;
      loops = map;
    }
    return true;
  }

  DenseMap<Operation *, Cluster *> of;
};

/// The inputs of the joined op, each once for the places where it is read.
class Inputs {
public:
  void add(Value value, AffineMap map) {
    if (index.try_emplace({value, map}, values.size()).second) {
      values.push_back(value);
      maps.push_back(map);
    }
  }
  unsigned at(Value value, AffineMap map) const {
    return index.at({value, map});
  }

  SmallVector<Value> values;
  SmallVector<AffineMap> maps;

private:
  DenseMap<std::pair<Value, AffineMap>, unsigned> index;
};

/// Copies a member's body; its inputs are scalars of the joined body.
void copyBody(linalg::GenericOp member, AffineMap loops, ValueRange scalars,
              IRMapping &values, OpBuilder &b) {
  values.map(member.getRegionInputArgs(), scalars);
  for (Operation &step : member.getBody()->without_terminator()) {
    auto index = dyn_cast<linalg::IndexOp>(step);
    if (!index) {
      b.clone(step, values);
      continue;
    }
    unsigned loop = loops.getDimPosition(index.getDim());
    values.map(index.getResult(),
               linalg::IndexOp::create(b, index.getLoc(), loop).getResult());
  }
}

/// The body of the joined op: those of the members, producers first.
void buildBody(Cluster &cluster, const Inputs &inputs, OpBuilder &b,
               ValueRange args) {
  linalg::GenericOp root = cluster.root();
  IRMapping values;
  DenseMap<Value, Value> scalarOf;
  for (auto &[op, loops] : llvm::reverse(cluster.members)) {
    auto member = cast<linalg::GenericOp>(op);
    SmallVector<Value> scalars;
    for (OpOperand *input : member.getDpsInputOperands()) {
      AffineMap map = member.getMatchingIndexingMap(input).compose(loops);
      if (Value inner = scalarOf.lookup(input->get()))
        scalars.push_back(inner);
      else if (TypedAttr splat = splatValue(input->get()))
        scalars.push_back(arith::ConstantOp::create(b, member.getLoc(), splat));
      else
        scalars.push_back(args[inputs.at(input->get(), map)]);
    }
    if (member == root)
      values.map(member.getRegionOutputArgs(),
                 args.take_back(member.getNumDpsInits()));
    copyBody(member, loops, scalars, values, b);
    if (member != root)
      scalarOf[op->getResult(0)] = values.lookupOrDefault(
          member.getBody()->getTerminator()->getOperand(0));
  }
  b.clone(*root.getBody()->getTerminator(), values);
}

void join(Cluster &cluster, RewriterBase &rewriter) {
  linalg::GenericOp root = cluster.root();
  Inputs inputs;
  for (auto &[op, loops] : llvm::reverse(cluster.members)) {
    auto member = cast<linalg::GenericOp>(op);
    for (OpOperand *input : member.getDpsInputOperands())
      if (!cluster.members.contains(input->get().getDefiningOp()) &&
          !splatValue(input->get()))
        inputs.add(input->get(),
                   member.getMatchingIndexingMap(input).compose(loops));
  }
  SmallVector<AffineMap> maps(inputs.maps);
  for (OpOperand &init : root.getDpsInitsMutable())
    maps.push_back(root.getMatchingIndexingMap(&init));
  // A loop that no operand names any more would have no extent.
  if (!inversePermutation(concatAffineMaps(maps, root.getContext())))
    return;
  rewriter.setInsertionPoint(root);
  auto joined = linalg::GenericOp::create(
      rewriter, root.getLoc(), root.getResultTypes(), inputs.values,
      root.getDpsInits(), maps, root.getIteratorTypesArray(),
      [&](OpBuilder &b, Location, ValueRange args) {
        buildBody(cluster, inputs, b, args);
      });
  for (auto [op, loops] : llvm::make_early_inc_range(cluster.members))
    if (op == root)
      rewriter.replaceOp(op, joined);
    else
      rewriter.eraseOp(op);
}

} // namespace

bool isElementwise(linalg::GenericOp op) {
  return op.getNumParallelLoops() == op.getNumLoops() &&
         op->getNumResults() == 1 &&
         op.getIndexingMapsArray().back().isIdentity() &&
         !op.payloadUsesValueFromOperand(op.getDpsInitOperand(0));
}

bool hasEffects(linalg::GenericOp op) {
  return op.getBody()
      ->walk([](kernel::CheckOp) { return WalkResult::interrupt(); })
      .wasInterrupted();
}

void joinElementwise(Block &block, RewriterBase &rewriter) {
  for (std::unique_ptr<Cluster> &cluster : Clusters(block).all)
    if (cluster->members.size() > 1)
      join(*cluster, rewriter);
}

} // namespace weft::lowering
