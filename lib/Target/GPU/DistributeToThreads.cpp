// Divides what a work item does among the threads of a block and places the
// barriers. Loops, branches and scalars between linalg ops are done by every
// thread alike, so a barrier is met by all threads or by none. Accesses are
// told apart by buffers made in the work item; all that comes from outside
// counts as one buffer, because arguments may share memory.

#include "LinalgToThreads.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "mlir/Interfaces/ViewLikeInterface.h"
#include "weft/Dialect/Kernel/IR/Kernel.h"
#include "llvm/ADT/SmallPtrSet.h"

using namespace mlir;

namespace weft::gpu {
#define GEN_PASS_DEF_DISTRIBUTETOTHREADS
#include "weft/Target/GPU/Passes.h.inc"

namespace {

/// Buffers that were accessed since the last barrier.
struct Accesses {
  llvm::SmallPtrSet<void *, 4> read, written;

  void add(const Accesses &other) {
    read.insert_range(other.read);
    written.insert_range(other.written);
  }
  bool conflicts(const Accesses &later) const {
    auto meet = [](auto &a, auto &b) {
      return llvm::any_of(a, [&](void *p) { return b.contains(p); });
    };
    return meet(written, later.read) || meet(written, later.written) ||
           meet(read, later.written);
  }
};

class Distributor {
public:
  LogicalResult run(Block &block) {
    for (Operation &op : llvm::make_early_inc_range(block.without_terminator()))
      if (failed(visit(&op)))
        return failure();
    return success();
  }

private:
  /// The allocation behind `buffer`, null for memory from outside.
  static void *root(Value buffer) {
    while (Operation *op = buffer.getDefiningOp()) {
      if (isa<memref::AllocOp, memref::AllocaOp>(op))
        return op;
      auto view = dyn_cast<ViewLikeOpInterface>(op);
      if (!view)
        return nullptr;
      buffer = view.getViewSource();
    }
    return nullptr;
  }

  /// What `op` and the ops in it read and write.
  static Accesses accessesOf(Operation *op) {
    Accesses accesses;
    op->walk([&](Operation *inner) {
      auto effects = dyn_cast<MemoryEffectOpInterface>(inner);
      if (!effects)
        return;
      SmallVector<MemoryEffects::EffectInstance> instances;
      effects.getEffects(instances);
      for (auto &instance : instances) {
        void *buffer =
            instance.getValue() ? root(instance.getValue()) : nullptr;
        if (isa<MemoryEffects::Read>(instance.getEffect()))
          accesses.read.insert(buffer);
        else if (isa<MemoryEffects::Write>(instance.getEffect()))
          accesses.written.insert(buffer);
      }
    });
    return accesses;
  }

  /// Puts a barrier before `op` where what came before demands it.
  void order(Operation *op) {
    Accesses accesses = accessesOf(op);
    if (pending.conflicts(accesses)) {
      OpBuilder b(op);
      mlir::gpu::BarrierOp::create(b, op->getLoc());
      pending = Accesses();
    }
    pending.add(accesses);
  }

  LogicalResult visit(Operation *op) {
    // All threads do alike what only reads and computes.
    if (isa<scf::ForOp, scf::WhileOp>(op) && accessesOf(op).written.empty()) {
      order(op);
      return success();
    }
    if (auto loop = dyn_cast<scf::ForOp>(op))
      return visitLoop(loop);
    if (auto branch = dyn_cast<scf::IfOp>(op))
      return visitBranch(branch);
    if (auto copy = dyn_cast<memref::CopyOp>(op))
      return visitCopy(copy);
    if (isa<memref::DeallocOp>(op)) {
      op->erase();
      return success();
    }
    if (isa<linalg::LinalgOp>(op))
      return visitLinalg(op);
    if (isa<memref::AllocOp, memref::AllocaOp>(op) || isMemoryEffectFree(op))
      return success();
    if (isa<memref::LoadOp>(op)) {
      order(op);
      return success();
    }
    if (auto store = dyn_cast<memref::StoreOp>(op)) {
      order(op);
      IndexBuilder b(op->getLoc(), op);
      b.when(b.less(b.thread(), b.index(1)), [&] { b.clone(*op); });
      op->erase();
      return success();
    }
    return op->emitError("internal error: '")
           << op->getName() << "' cannot be divided among threads";
  }

  LogicalResult visitLinalg(Operation *op) {
    IRRewriter rewriter(op);
    auto generic = dyn_cast<linalg::GenericOp>(op);
    if (!generic) {
      auto general =
          linalg::generalizeNamedOp(rewriter, cast<linalg::LinalgOp>(op));
      if (failed(general))
        return op->emitError("internal error: '")
               << op->getName() << "' has no loops";
      generic = *general;
    }
    order(generic);
    IndexBuilder b(generic.getLoc(), generic);
    emitForThreads(generic, b);
    generic.erase();
    return success();
  }

  LogicalResult visitCopy(memref::CopyOp copy) {
    OpBuilder b(copy);
    auto type = cast<MemRefType>(copy.getTarget().getType());
    auto map = b.getMultiDimIdentityMap(type.getRank());
    SmallVector<utils::IteratorType> loops(type.getRank(),
                                           utils::IteratorType::parallel);
    auto generic = linalg::GenericOp::create(
        b, copy.getLoc(), copy.getSource(), copy.getTarget(),
        ArrayRef<AffineMap>{map, map}, loops,
        [](OpBuilder &b, Location loc, ValueRange args) {
          linalg::YieldOp::create(b, loc, args[0]);
        });
    copy.erase();
    return visitLinalg(generic);
  }

  /// Each round begins behind a barrier, so that it need not know which round
  /// came before.
  LogicalResult visitLoop(scf::ForOp loop) {
    Accesses before = pending, inside = accessesOf(loop);
    bool touches = !inside.read.empty() || !inside.written.empty();
    if (touches) {
      auto b = OpBuilder::atBlockBegin(loop.getBody());
      mlir::gpu::BarrierOp::create(b, loop.getLoc());
      pending = Accesses();
    }
    if (failed(runBehindBarrier(*loop.getBody(), touches)))
      return failure();
    pending.add(before); // there may be no round
    return success();
  }

  LogicalResult runBehindBarrier(Block &block, bool skipFirst) {
    for (Operation &op : llvm::make_early_inc_range(block.without_terminator()))
      if (!(skipFirst && isa<mlir::gpu::BarrierOp>(op)) && failed(visit(&op)))
        return failure();
    return success();
  }

  /// All threads take the same branch: its condition came from scalars.
  LogicalResult visitBranch(scf::IfOp branch) {
    Accesses before = pending, after;
    for (Region *region : {&branch.getThenRegion(), &branch.getElseRegion()}) {
      pending = before;
      if (!region->empty() && failed(run(region->front())))
        return failure();
      after.add(pending);
    }
    pending = after;
    pending.add(before);
    return success();
  }

  Accesses pending;
};

struct DistributeToThreads
    : impl::DistributeToThreadsBase<DistributeToThreads> {
  void runOnOperation() override {
    SmallVector<func::FuncOp> kernels;
    getOperation()->walk([&](func::FuncOp kernel) {
      if (kernel->hasAttr(kernel::kEntryAttr) && !kernel.isExternal())
        kernels.push_back(kernel);
    });
    for (func::FuncOp kernel : kernels) {
      FailureOr<scf::ForallOp> loop = kernel::loopOverItems(kernel);
      if (failed(loop))
        return signalPassFailure();
      scf::ForallOp item = *loop;
      // The emitters of products have divided theirs already.
      bool divided = item->walk([](mlir::gpu::ThreadIdOp) {
                           return WalkResult::interrupt();
                         })
                         .wasInterrupted();
      if (!divided && failed(Distributor().run(*item.getBody())))
        return signalPassFailure();
    }
  }
};

} // namespace
} // namespace weft::gpu
