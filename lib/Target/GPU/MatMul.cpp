// Matrix product of a thread block: 64 x 64 elements of the result, 4 x 4 for a
// thread, through slices of both sides in shared memory. Any extents: elements
// past an edge are read from a valid place and count as zero, and are not
// stored. The sum over k runs upwards, so it does not depend on the tile.
// Does not use tensor cores, nor overlap loads with arithmetic.

#include "Products.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace weft::gpu {
namespace {

constexpr int64_t kTile = 64;  // rows and columns of a block's tile
constexpr int64_t kDepth = 16; // of the summed dimension, in shared memory
constexpr int64_t kSide = 4;   // rows and columns of a thread's sums
// Rows of the left slice are one vector longer: consecutive threads store to
// consecutive rows, and without it all would use one bank.
constexpr int64_t kLhsPitch = kTile + kSide;
static_assert(kTile / kSide * (kTile / kSide) == kThreads);
static_assert(kTile * kDepth % kThreads == 0);

class MatMulEmitter {
public:
  MatMulEmitter(kernel::MatMulOp op, IndexBuilder &b)
      : op(op), b(b), out(op.getOutputs()[0]),
        rank(cast<MemRefType>(out.getType()).getRank()),
        sumType(op.getEpilogue().getArgument(0).getType()) {}

  void emit() {
    for (int64_t i = 0; i < rank - 2; ++i)
      batch.push_back(b.dim(out, i));
    rows = b.dim(out, rank - 2);
    columns = b.dim(out, rank - 1);
    depth = b.dim(op.getLhs(), rank - 1);
    Value across = b.ceilDiv(columns, kTile), down = b.ceilDiv(rows, kTile);
    Value tiles = b.mul(b.mul(b.product(batch), down), across);
    auto forall = scf::ForallOp::create(b, ArrayRef<OpFoldResult>{tiles},
                                        ValueRange(), std::nullopt);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(forall.getBody());
    Value tile = forall.getInductionVar(0);
    batchIndex = b.delinearize(b.div(tile, b.mul(down, across)), batch);
    row0 = b.mul(b.rem(b.div(tile, across), down), b.index(kTile));
    column0 = b.mul(b.rem(tile, across), b.index(kTile));
    thread = b.thread();
    emitTile();
  }

private:
  Value sharedSlice(int64_t pitch) {
    auto space = mlir::gpu::AddressSpaceAttr::get(
        b.getContext(), mlir::gpu::AddressSpace::Workgroup);
    auto type = MemRefType::get({kDepth, pitch}, sumType,
                                MemRefLayoutAttrInterface(), space);
    return memref::AllocOp::create(b, type, b.getI64IntegerAttr(16));
  }

  void emitTile() {
    lhsSlice = sharedSlice(kLhsPitch);
    rhsSlice = sharedSlice(kTile);
    Value zero = arith::ConstantOp::create(b, b.getZeroAttr(sumType));
    SmallVector<Value> zeros(kSide * kSide, zero);
    Value row = b.mul(b.div(thread, b.index(kTile / kSide)), b.index(kSide));
    Value column = b.mul(b.rem(thread, b.index(kTile / kSide)), b.index(kSide));
    auto sums = b.loop(b.index(0), depth, b.index(kDepth), zeros,
                       [&](Value k0, ValueRange sums) {
                         fillLhs(k0, zero);
                         fillRhs(k0, zero);
                         mlir::gpu::BarrierOp::create(b);
                         auto next =
                             b.loop(b.index(0), b.index(kDepth), b.index(1),
                                    sums, [&](Value k, ValueRange sums) {
                                      return multiply(k, row, column, sums);
                                    });
                         mlir::gpu::BarrierOp::create(b);
                         return next;
                       });
    store(b.add(row0, row), b.add(column0, column), sums);
  }

  /// The element at `indices` of its two last, limited dimensions, or zero.
  Value load(Value from, SmallVector<Value> indices, Value row, Value rows,
             Value column, Value columns, Value zero,
             function_ref<SmallVector<Value>(Value, Value)> place) {
    Value inside = b.both(b.less(row, rows), b.less(column, columns));
    Value one = b.index(1);
    auto last = [&](Value extent) {
      return b.createOrFold<arith::SubIOp>(extent, one);
    };
    indices.append(place(b.min(row, last(rows)), b.min(column, last(columns))));
    Value value = widen(b, memref::LoadOp::create(b, from, indices), sumType);
    return arith::SelectOp::create(b, inside, value, zero);
  }

  /// Consecutive threads read along k, which is contiguous.
  void fillLhs(Value k0, Value zero) {
    for (int64_t part = 0; part < kTile * kDepth / kThreads; ++part) {
      Value k = b.rem(thread, b.index(kDepth));
      Value m = b.add(b.div(thread, b.index(kDepth)),
                      b.index(part * kThreads / kDepth));
      Value value = load(
          op.getLhs(), batchIndex, b.add(row0, m), rows, b.add(k0, k), depth,
          zero, [](Value r, Value c) { return SmallVector<Value>{r, c}; });
      memref::StoreOp::create(b, value, lhsSlice, ValueRange{k, m});
    }
  }

  /// Consecutive threads read along n, which is contiguous or in panels.
  void fillRhs(Value k0, Value zero) {
    SmallVector<Value> outer;
    if (!op.getPacked())
      for (auto [i, index] : llvm::enumerate(batchIndex))
        outer.push_back(rhsBatch(i, index));
    auto place = [&](Value k, Value n) -> SmallVector<Value> {
      if (!op.getPacked())
        return {k, n};
      Value width = b.index(kernel::kBlock);
      return {b.div(n, width), k, b.rem(n, width)};
    };
    for (int64_t part = 0; part < kTile * kDepth / kThreads; ++part) {
      Value n = b.rem(thread, b.index(kTile));
      Value k = b.add(b.div(thread, b.index(kTile)),
                      b.index(part * kThreads / kTile));
      Value value = load(op.getRhs(), outer, b.add(k0, k), depth,
                         b.add(column0, n), columns, zero, place);
      memref::StoreOp::create(b, value, rhsSlice, ValueRange{k, n});
    }
  }

  /// The right side may have extent 1 where the result has a batch.
  Value rhsBatch(unsigned axis, Value index) {
    Value last =
        b.createOrFold<arith::SubIOp>(b.dim(op.getRhs(), axis), b.index(1));
    return b.min(index, last);
  }

  SmallVector<Value> multiply(Value k, Value row, Value column,
                              ValueRange sums) {
    auto type = VectorType::get({kSide}, sumType);
    auto read = [&](Value slice, Value at) -> Value {
      return vector::LoadOp::create(b, type, slice, ValueRange{k, at},
                                    /*nontemporal=*/false, llvm::Align(16));
    };
    Value left = read(lhsSlice, row), right = read(rhsSlice, column);
    SmallVector<Value> lefts, rights, next;
    for (int64_t i = 0; i < kSide; ++i) {
      lefts.push_back(vector::ExtractOp::create(b, left, i));
      rights.push_back(vector::ExtractOp::create(b, right, i));
    }
    for (int64_t i = 0; i < kSide * kSide; ++i)
      next.push_back(
          multiplyAdd(b, lefts[i / kSide], rights[i % kSide], sums[i]));
    return next;
  }

  void store(Value row, Value column, ValueRange sums) {
    for (int64_t i = 0; i < kSide * kSide; ++i) {
      Value m = b.add(row, b.index(i / kSide));
      Value n = b.add(column, b.index(i % kSide));
      b.when(b.both(b.less(m, rows), b.less(n, columns)), [&] {
        SmallVector<Value> indices(batchIndex);
        indices.append({m, n});
        storeThroughEpilogue(b, op, sums[i], indices);
      });
    }
  }

  kernel::MatMulOp op;
  IndexBuilder &b;
  Value out;
  int64_t rank;
  Type sumType;
  SmallVector<Value> batch, batchIndex;
  Value rows, columns, depth, row0, column0, thread, lhsSlice, rhsSlice;
};

} // namespace

void emitMatMul(kernel::MatMulOp op, IndexBuilder &b) {
  MatMulEmitter(op, b).emit();
}

} // namespace weft::gpu
