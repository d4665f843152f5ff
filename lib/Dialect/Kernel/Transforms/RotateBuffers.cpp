// A buffer that a loop allocates in each iteration and carries to the next
// lives for one iteration more: two buffers that take turns serve all
// iterations.
//
//   state, next, other:   reads state, writes next, carries next, other, next
//
// The first state is read and never written, since it may be anything: a
// constant, an input. Buffers that other carried values may be, too, or whose
// size the loop changes, are left to weft-plan-memory.

#include "weft/Dialect/Kernel/Transforms/Passes.h"

#include "Aliases.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Transforms/LoopInvariantCodeMotionUtils.h"

namespace weft::kernel {
#define GEN_PASS_DEF_ROTATEBUFFERS
#include "weft/Dialect/Kernel/Transforms/Passes.h.inc"

using namespace mlir;

namespace {

/// The allocation in the loop's body that is carried as value `i`, and as no
/// other.
memref::AllocOp carriedAlloc(scf::ForOp loop, unsigned i) {
  auto alloc = loop.getYieldedValues()[i].getDefiningOp<memref::AllocOp>();
  if (!alloc || alloc->getBlock() != loop.getBody() ||
      alloc.getType() != loop.getInitArgs()[i].getType() ||
      !llvm::all_of(alloc.getDynamicSizes(), [&](Value size) {
        return loop.isDefinedOutsideOfLoop(size);
      }))
    return nullptr;
  llvm::SetVector<Value> aliases = aliasesOf(alloc);
  for (OpResult result : loop.getResults())
    if (result.getResultNumber() != i && aliases.contains(result))
      return nullptr;
  return alloc;
}

/// The loop with two buffers for each of `carried` (number, allocation).
void rotate(IRRewriter &rewriter, scf::ForOp loop,
            ArrayRef<std::pair<unsigned, memref::AllocOp>> carried) {
  rewriter.setInsertionPoint(loop);
  SmallVector<Value> spares;
  for (auto [i, alloc] : carried)
    for (int twice = 0; twice < 2; ++twice)
      spares.push_back(rewriter.clone(*alloc)->getResult(0));
  auto replaced = loop.replaceWithAdditionalYields(
      rewriter, spares, /*replaceInitOperandUsesInLoop=*/false,
      [&, carried](OpBuilder &, Location, ArrayRef<BlockArgument> spare) {
        SmallVector<Value> yields;
        for (auto [n, entry] : llvm::enumerate(carried)) {
          BlockArgument next = spare[2 * n], other = spare[2 * n + 1];
          rewriter.replaceOp(entry.second, next);
          yields.append({other, next});
        }
        return yields;
      });
  assert(succeeded(replaced) && "scf.for takes more values");
  (void)replaced;
}

struct RotateBuffersPass : impl::RotateBuffersBase<RotateBuffersPass> {
  void runOnOperation() override {
    IRRewriter rewriter(&getContext());
    SmallVector<scf::ForOp> loops;
    getOperation().walk([&](func::FuncOp function) {
      if (!function->hasAttr(kEntryAttr))
        function.walk([&](scf::ForOp loop) { loops.push_back(loop); });
    });
    for (scf::ForOp loop : loops) {
      moveLoopInvariantCode(loop);
      SmallVector<std::pair<unsigned, memref::AllocOp>> carried;
      for (unsigned i = 0; i < loop.getNumResults(); ++i)
        if (memref::AllocOp alloc = carriedAlloc(loop, i))
          carried.emplace_back(i, alloc);
      buffers += carried.size();
      if (!carried.empty())
        rotate(rewriter, loop, carried);
    }
  }
};

} // namespace
} // namespace weft::kernel
