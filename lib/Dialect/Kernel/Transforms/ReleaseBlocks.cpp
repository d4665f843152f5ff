// A block apart lives until the run ends, unless it is given back before. What
// is used in the region of its allocation alone is given back behind the last
// use. A loop makes blocks anew in each turn and carries them on: what it
// carries is given back by the region that sees it last,
//
//   for:    made in a body, read in the next one
//   while:  made in `do`, read by the condition's region; or made there,
//           read in `do`
//
// at that region's end. Such a value may also be no block at all, an input of
// the first turn, say: giving that back does nothing. It must not be a block
// that something else still reads. What is left as it is: blocks that come out
// of a branch.

#include "weft/Dialect/Kernel/Transforms/Passes.h"
#include "weft/Dialect/Kernel/Transforms/Program.h"

#include "Aliases.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Interfaces/LoopLikeInterface.h"

namespace weft::kernel {
#define GEN_PASS_DEF_RELEASEBLOCKS
#include "weft/Dialect/Kernel/Transforms/Passes.h.inc"

using namespace mlir;

namespace {

using Values = llvm::SetVector<Value>;

/// The op of `block` behind which none of `values` is used; null where the
/// block's end or something outside of it uses one.
Operation *lastUseWithin(Block *block, const Values &values) {
  Operation *last = nullptr;
  for (Value value : values)
    for (Operation *user : value.getUsers()) {
      Operation *inBlock = block->findAncestorOpInBlock(*user);
      if (!inBlock || inBlock == block->getTerminator())
        return nullptr;
      if (!last || last->isBeforeInBlock(inBlock))
        last = inBlock;
    }
  return last;
}

class Releaser {
public:
  explicit Releaser(func::FuncOp main) : main(main) {}
  unsigned run();

private:
  void releaseOwn(AllocateOp block);
  void releaseCarried(LoopLikeOpInterface loop, BlockArgument value);
  bool isMadeForTurn(AllocateOp block, LoopLikeOpInterface loop,
                     const Values &carried) const;
  void release(Value value, Operation *before);

  func::FuncOp main;
  /// What may be a block's memory, and the reverse.
  llvm::MapVector<AllocateOp, Values> aliases;
  llvm::DenseMap<Value, SmallVector<AllocateOp>> blocks;
  unsigned released = 0;
};

void Releaser::release(Value value, Operation *before) {
  OpBuilder b(before);
  ReleaseOp::create(b, value.getLoc(), value);
  ++released;
}

void Releaser::releaseOwn(AllocateOp block) {
  if (Operation *last = lastUseWithin(block->getBlock(), aliases[block]))
    release(block.getBuffer(), last->getNextNode());
}

/// True where `block` is made once in each turn of `loop`, and `carried`, which
/// holds one of its values, is all that the next region sees of it.
bool Releaser::isMadeForTurn(AllocateOp block, LoopLikeOpInterface loop,
                             const Values &carried) const {
  Block *maker = block->getBlock();
  const Values &all = aliases.find(block)->second;
  // A loop around this one may bring the last turn's back.
  if (maker->getParentOp() != loop ||
      llvm::any_of(loop.getInits(),
                   [&](Value init) { return all.contains(init); }))
    return false;
  return llvm::all_of(all, [&](Value alias) {
    if (carried.contains(alias))
      return true;
    Operation *place = alias.getDefiningOp();
    if (!place) {
      place = alias.getParentBlock()->getParentOp();
      if (place == loop)
        return false;
    }
    // Outside are values of the last turn.
    return !loop->isProperAncestor(place) ||
           maker->findAncestorOpInBlock(*place);
  });
}

/// `value` is an argument of one of the loop's regions.
void Releaser::releaseCarried(LoopLikeOpInterface loop, BlockArgument value) {
  auto made = blocks.find(value);
  if (made == blocks.end())
    return;
  Block *reader = value.getOwner();
  Values carried = aliasesOf(value);
  if (lastUseWithin(reader, carried) &&
      llvm::all_of(made->second, [&](AllocateOp block) {
        return isMadeForTurn(block, loop, carried);
      }))
    release(value, reader->getTerminator());
}

unsigned Releaser::run() {
  main.walk([&](AllocateOp block) {
    const Values &found = aliases[block] = aliasesOf(block.getBuffer());
    for (Value alias : found)
      blocks[alias].push_back(block);
  });
  if (aliases.empty())
    return 0;
  for (auto &[block, found] : aliases)
    releaseOwn(block);
  main.walk([&](LoopLikeOpInterface loop) {
    for (Region &region : loop->getRegions())
      for (BlockArgument value : region.getArguments())
        if (isa<MemRefType>(value.getType()))
          releaseCarried(loop, value);
  });
  return released;
}

struct ReleaseBlocksPass : impl::ReleaseBlocksBase<ReleaseBlocksPass> {
  void runOnOperation() override {
    func::FuncOp main = mainOf(getOperation());
    if (!main)
      return signalPassFailure();
    released = Releaser(main).run();
  }
};

} // namespace
} // namespace weft::kernel
