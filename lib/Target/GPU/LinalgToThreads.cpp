// One linalg op as loops that the threads of a block share. There are four
// forms; which one is taken depends on types and maps alone, so results do not
// vary between launches.
//   block    one sum in all: 256 partial sums
//   warp     sums along contiguous memory: 32 partial sums each
//   thread   other sums, and whatever has no sum: a thread for each element
//   memory   reductions whose running values are stored in between (scans)

#include "LinalgToThreads.h"

#include "Reductions.h"
#include "mlir/Dialect/Affine/Utils.h"
#include "mlir/IR/IRMapping.h"

using namespace mlir;

namespace weft::gpu {
namespace {

class Emitter {
public:
  Emitter(linalg::GenericOp op, IndexBuilder &b) : op(op), b(b) {
    auto linalgOp = cast<linalg::LinalgOp>(op.getOperation());
    for (Range range : linalgOp.createLoopRanges(b, b.getLoc()))
      extents.push_back(
          getValueOrCreateConstantIndexOp(b, b.getLoc(), range.size));
    op.getParallelDims(parallel);
    for (unsigned i = 0; i < op.getNumLoops(); ++i)
      if (!llvm::is_contained(parallel, i))
        reduced.push_back(i);
  }

  void emit() {
    if (reduced.empty() || storesRunningValues())
      return emitMemory();
    auto combiners = findCombiners(op);
    if (combiners && isOneSum())
      return emitBlock(*combiners);
    if (combiners && readsAlongSums())
      return emitWarps(*combiners);
    emitThreads();
  }

private:
  SmallVector<Value> of(ArrayRef<unsigned> dims) {
    return llvm::map_to_vector(dims, [&](unsigned d) { return extents[d]; });
  }

  bool storesRunningValues() {
    return llvm::any_of(op.getDpsInitsMutable(), [&](OpOperand &out) {
      AffineMap map = op.getMatchingIndexingMap(&out);
      return llvm::any_of(reduced,
                          [&](unsigned d) { return map.isFunctionOfDim(d); });
    });
  }

  bool isOneSum() {
    return llvm::all_of(parallel, [&](unsigned d) {
      return isConstantIntValue(extents[d], 1);
    });
  }

  /// True where some input's contiguous dimension is summed and long.
  bool readsAlongSums() {
    return llvm::any_of(op.getDpsInputOperands(), [&](OpOperand *in) {
      AffineMap map = op.getMatchingIndexingMap(in);
      if (map.getNumResults() == 0 || !op.payloadUsesValueFromOperand(in))
        return false;
      auto last = dyn_cast<AffineDimExpr>(map.getResults().back());
      if (!last || !llvm::is_contained(reduced, last.getPosition()))
        return false;
      auto extent = getConstantIntValue(extents[last.getPosition()]);
      return !extent || *extent >= kWarp / 2;
    });
  }

  /// Calls `body` with each position below the product of the `dims`' extents
  /// that falls to this one of `workers`; the indices of `dims` are set.
  SmallVector<Value> share(ArrayRef<unsigned> dims, Value worker,
                           int64_t workers, ValueRange carried,
                           function_ref<SmallVector<Value>(ValueRange)> body) {
    SmallVector<Value> shape = of(dims);
    return b.loop(worker, b.product(shape), b.index(workers), carried,
                  [&](Value position, ValueRange values) {
                    auto at = b.delinearize(position, shape);
                    for (auto [dim, index] : llvm::zip(dims, at))
                      indices[dim] = index;
                    return body(values);
                  });
  }

  /// One thread runs over the reduced dimensions.
  SmallVector<Value> nest(unsigned depth, ValueRange carried,
                          function_ref<SmallVector<Value>(ValueRange)> body) {
    if (depth == reduced.size())
      return body(carried);
    return b.loop(b.index(0), extents[reduced[depth]], b.index(1), carried,
                  [&](Value i, ValueRange values) {
                    indices[reduced[depth]] = i;
                    return nest(depth + 1, values, body);
                  });
  }

  SmallVector<Value> place(OpOperand *operand) {
    return *affine::expandAffineMap(
        b, b.getLoc(), op.getMatchingIndexingMap(operand), indices);
  }

  Value load(OpOperand *operand) {
    if (!isa<MemRefType>(operand->get().getType()))
      return operand->get();
    return memref::LoadOp::create(b, operand->get(), place(operand));
  }

  SmallVector<Value> loadOutputs() {
    SmallVector<Value> values;
    for (OpOperand &out : op.getDpsInitsMutable())
      values.push_back(load(&out));
    return values;
  }

  void storeOutputs(ValueRange values) {
    for (auto [out, value] : llvm::zip(op.getDpsInitsMutable(), values))
      memref::StoreOp::create(b, value, out.get(), place(&out));
  }

  /// The body at the current indices; `outputs` stand for the outputs' elements
  /// (null ones are loaded where they are used).
  SmallVector<Value> body(ValueRange outputs = {}) {
    IRMapping map;
    for (OpOperand &operand : op->getOpOperands()) {
      BlockArgument argument = op.getMatchingBlockArgument(&operand);
      if (argument.use_empty())
        continue;
      unsigned number = operand.getOperandNumber();
      bool given = number >= op.getNumDpsInputs() && !outputs.empty();
      map.map(argument,
              given ? outputs[number - op.getNumDpsInputs()] : load(&operand));
    }
    for (Operation &inner : op.getBody()->without_terminator()) {
      if (auto index = dyn_cast<linalg::IndexOp>(inner))
        map.map(index.getResult(), indices[index.getDim()]);
      else
        b.clone(inner, map);
    }
    return llvm::map_to_vector(
        op.getBody()->getTerminator()->getOperands(),
        [&](Value value) { return map.lookupOrDefault(value); });
  }

  void emitMemory() {
    share(parallel, b.thread(), kThreads, {}, [&](ValueRange) {
      return nest(0, {}, [&](ValueRange) {
        storeOutputs(body());
        return SmallVector<Value>();
      });
    });
  }

  void emitThreads() {
    share(parallel, b.thread(), kThreads, {}, [&](ValueRange) {
      storeOutputs(nest(0, loadOutputs(),
                        [&](ValueRange values) { return body(values); }));
      return SmallVector<Value>();
    });
  }

  /// This worker's part of the sums at the current parallel indices.
  SmallVector<Value> partialSums(ArrayRef<Combiner> combiners, Value worker,
                                 int64_t workers) {
    SmallVector<Value> neutral;
    for (const Combiner &combiner : combiners)
      neutral.push_back(arith::ConstantOp::create(b, combiner.neutral));
    SmallVector<Value> sums =
        share(reduced, worker, workers, neutral,
              [&](ValueRange values) { return body(values); });
    for (auto [combiner, sum] : llvm::zip(combiners, sums))
      sum = combineWarp(b, combiner, sum);
    return sums;
  }

  /// Adds complete sums to what the outputs hold; for one thread.
  void finish(ArrayRef<Combiner> combiners, ArrayRef<Value> sums) {
    SmallVector<Value> values = loadOutputs();
    for (auto [combiner, value, sum] : llvm::zip(combiners, values, sums))
      value = combiner.combine(b, value, sum);
    storeOutputs(values);
  }

  Value isFirst(Value worker) { return b.less(worker, b.index(1)); }

  void emitWarps(ArrayRef<Combiner> combiners) {
    Value lane = b.rem(b.thread(), b.index(kWarp));
    Value warp = b.div(b.thread(), b.index(kWarp));
    share(parallel, warp, kThreads / kWarp, {}, [&](ValueRange) {
      SmallVector<Value> sums = partialSums(combiners, lane, kWarp);
      b.when(isFirst(lane), [&] { finish(combiners, sums); });
      return SmallVector<Value>();
    });
  }

  void emitBlock(ArrayRef<Combiner> combiners) {
    for (unsigned dim : parallel)
      indices[dim] = b.index(0);
    Value thread = b.thread();
    SmallVector<Value> sums = partialSums(combiners, thread, kThreads);
    auto space = mlir::gpu::AddressSpaceAttr::get(
        b.getContext(), mlir::gpu::AddressSpace::Workgroup);
    SmallVector<Value> shared;
    for (Value sum : sums)
      shared.push_back(memref::AllocOp::create(
          b, MemRefType::get({kThreads / kWarp}, sum.getType(),
                             MemRefLayoutAttrInterface(), space)));
    b.when(isFirst(b.rem(thread, b.index(kWarp))), [&] {
      for (auto [sum, buffer] : llvm::zip(sums, shared))
        memref::StoreOp::create(b, sum, buffer, b.div(thread, b.index(kWarp)));
    });
    mlir::gpu::BarrierOp::create(b);
    b.when(isFirst(thread), [&] {
      SmallVector<Value> total;
      for (auto [combiner, buffer] : llvm::zip(combiners, shared)) {
        Value value = memref::LoadOp::create(b, buffer, b.index(0));
        for (int64_t i = 1; i < kThreads / kWarp; ++i)
          value = combiner.combine(
              b, value, memref::LoadOp::create(b, buffer, b.index(i)));
        total.push_back(value);
      }
      finish(combiners, total);
    });
  }

  linalg::GenericOp op;
  IndexBuilder &b;
  SmallVector<Value> extents;
  SmallVector<unsigned> parallel, reduced;
  SmallVector<Value> indices = SmallVector<Value>(op.getNumLoops(), Value());
};

} // namespace

void emitForThreads(linalg::GenericOp op, IndexBuilder &b) {
  Emitter(op, b).emit();
}

} // namespace weft::gpu
