// Gives every buffer of @main its place: outputs in the caller's memory,
// temporaries in one arena. Aliases are followed through views, branches and
// loops; lifetimes are counted in program order, so a buffer that is used
// inside a region lives for all of the region's op.

#include "weft/Dialect/Kernel/Transforms/Passes.h"
#include "weft/Dialect/Kernel/Transforms/Program.h"

#include "Aliases.h"
#include "Extents.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace weft::kernel {
#define GEN_PASS_DEF_PLANMEMORY
#include "weft/Dialect/Kernel/Transforms/Passes.h.inc"

using namespace mlir;

namespace {

constexpr int64_t kAlign = 64;

/// A buffer: `bytes` times the product of `factors`, from op `begin` to `end`.
struct Buffer {
  memref::AllocOp alloc;
  int64_t bytes = 0;
  SmallVector<Value> factors;
  unsigned begin = 0, end = 0;
  int64_t offset = 0;
};

class Planner {
public:
  Planner(func::FuncOp main) : main(main), entry(main.getBody().front()) {}

  void placeOutputs();
  void collect();
  void pack();
  void rewrite();

  int64_t arenaBytes = 0, totalBytes = 0;
  unsigned temporaries = 0, apart = 0, direct = 0;

private:
  using Group = std::vector<Buffer>;

  memref::AllocOp producerOf(Value output, SmallVectorImpl<Operation *> &views);
  bool hoist(Value value, Operation *before);
  bool isAvailable(Value value);
  std::optional<Buffer> measure(memref::AllocOp alloc);
  void allocateApart(memref::AllocOp alloc);
  int64_t packGroup(Group &group);
  Operation *topLevel(Operation *op) const;

  func::FuncOp main;
  Block &entry;
  llvm::DenseMap<Operation *, unsigned> order;
  /// Answers of isAvailable: extents of one layer come from those of the layer
  /// before, each twice, so that asking anew would double the time by layer.
  llvm::DenseMap<Operation *, bool> available;
  /// Buffers by the run-time factors of their sizes; the static ones first.
  std::vector<std::pair<SmallVector<Value>, Group>> groups;
  std::vector<int64_t> peaks;
};

Operation *Planner::topLevel(Operation *op) const {
  while (op->getBlock() != &entry)
    op = op->getParentOp();
  return op;
}

//===-- Outputs
//-------------------------------------------------------------------//

/// The allocation that `output` is all of, seen through reshapes.
memref::AllocOp Planner::producerOf(Value output,
                                    SmallVectorImpl<Operation *> &views) {
  while (Operation *op = output.getDefiningOp()) {
    if (auto alloc = dyn_cast<memref::AllocOp>(op))
      return alloc->getBlock() == &entry ? alloc : nullptr;
    if (!isa<memref::CastOp, memref::ExpandShapeOp, memref::CollapseShapeOp>(
            op))
      return nullptr;
    views.push_back(op);
    output = op->getOperand(0);
  }
  return nullptr;
}

/// Moves `value` and the index arithmetic it needs before `before`, if need be.
bool Planner::hoist(Value value, Operation *before) {
  Operation *op = value.getDefiningOp();
  if (!op)
    return cast<BlockArgument>(value).getOwner() == &entry;
  if (op->getBlock() != &entry)
    return false;
  if (op->isBeforeInBlock(before))
    return true;
  if (!mayComeEarlier(op) ||
      !llvm::all_of(op->getOperands(),
                    [&](Value operand) { return hoist(operand, before); }))
    return false;
  op->moveBefore(before);
  return true;
}

/// What is returned becomes the output buffer itself, or is copied to it.
void Planner::placeOutputs() {
  auto ret = cast<func::ReturnOp>(entry.getTerminator());
  llvm::SmallPtrSet<Operation *, 4> taken;
  for (auto [i, value] : llvm::enumerate(ret.getOperands())) {
    auto type = cast<MemRefType>(value.getType());
    SmallVector<Operation *> views;
    memref::AllocOp alloc = producerOf(value, views);
    Operation *at = alloc && taken.insert(alloc).second ? alloc.getOperation()
                                                        : ret.getOperation();
    // The extents must be known where the buffer is first needed.
    SmallVector<Value> sizes;
    auto collectSizes = [&](Operation *before) {
      sizes.clear();
      OpBuilder b(before);
      for (auto [d, extent] : llvm::enumerate(type.getShape())) {
        if (!ShapedType::isDynamic(extent))
          continue;
        Value size;
        if (before == ret) {
          size = memref::DimOp::create(b, ret.getLoc(), value, d);
        } else if (views.empty()) {
          size = alloc.getDynamicSizes()[type.getDynamicDimIndex(d)];
        } else if (auto expand =
                       dyn_cast<memref::ExpandShapeOp>(views.front())) {
          auto mixed = expand.getMixedOutputShape();
          size = dyn_cast<Value>(mixed[d]);
        } else if (auto collapse =
                       dyn_cast<memref::CollapseShapeOp>(views.front());
                   collapse && views.size() == 1) {
          size = arith::ConstantIndexOp::create(b, ret.getLoc(), 1);
          ReassociationIndices group = collapse.getReassociationIndices()[d];
          for (int64_t source : group) {
            Value extentOf =
                alloc.getType().isDynamicDim(source)
                    ? alloc.getDynamicSizes()[alloc.getType()
                                                  .getDynamicDimIndex(source)]
                    : Value(arith::ConstantIndexOp::create(
                          b, ret.getLoc(), alloc.getType().getDimSize(source)));
            size = arith::MulIOp::create(b, ret.getLoc(), size, extentOf);
          }
        }
        if (!size || (before != ret && !hoist(size, before)))
          return false;
        sizes.push_back(size);
      }
      return true;
    };
    if (at != ret && !collectSizes(at))
      at = ret;
    if (at == ret)
      (void)collectSizes(ret);
    OpBuilder b(at);
    Value output = OutputOp::create(b, ret.getLoc(), type, i, sizes);
    if (at == ret) {
      linalg::CopyOp::create(b, ret.getLoc(), ValueRange{value},
                             ValueRange{output});
      continue;
    }
    ++direct;
    if (!views.empty()) {
      // What is written has to fit: reshapes are checked before, not after.
      for (CheckOp check : llvm::to_vector(entry.getOps<CheckOp>()))
        if (at->isBeforeInBlock(check) &&
            llvm::all_of(check->getOperands(),
                         [&](Value value) { return hoist(value, at); }))
          check->moveBefore(at);
      MemRefType flat = alloc.getType();
      auto [strides, offset] = flat.getStridesAndOffset();
      (void)offset;
      SmallVector<OpFoldResult> extents, steps(flat.getRank());
      unsigned dynamic = 0;
      for (int64_t extent : flat.getShape())
        extents.push_back(ShapedType::isDynamic(extent)
                              ? OpFoldResult(alloc.getDynamicSizes()[dynamic++])
                              : OpFoldResult(b.getIndexAttr(extent)));
      OpFoldResult step = b.getIndexAttr(1);
      for (size_t d = extents.size(); d-- > 0;) {
        steps[d] = ShapedType::isDynamic(strides[d])
                       ? step
                       : OpFoldResult(b.getIndexAttr(strides[d]));
        Value product = arith::MulIOp::create(
            b, ret.getLoc(),
            getValueOrCreateConstantIndexOp(b, ret.getLoc(), steps[d]),
            getValueOrCreateConstantIndexOp(b, ret.getLoc(), extents[d]));
        step = product;
      }
      output = memref::ReinterpretCastOp::create(
          b, ret.getLoc(), flat, output, b.getIndexAttr(0), extents, steps);
    }
    alloc.replaceAllUsesWith(output);
    alloc.erase();
  }
  OpBuilder b(ret);
  func::ReturnOp::create(b, ret.getLoc());
  ret.erase();
  main.removeResAttrsAttr();
  main.setType(
      FunctionType::get(main.getContext(), main.getArgumentTypes(), {}));
}

//===-- Lifetimes
//-----------------------------------------------------------------//

/// True where `value` can be had at the beginning of @main.
bool Planner::isAvailable(Value value) {
  Operation *op = value.getDefiningOp();
  if (!op)
    return cast<BlockArgument>(value).getOwner() == &entry;
  if (auto known = available.find(op); known != available.end())
    return known->second;
  bool found = mayComeEarlier(op) && op->getNumRegions() == 0 &&
               llvm::all_of(op->getOperands(), [&](Value operand) {
                 return isAvailable(operand);
               });
  return available[op] = found;
}

/// Size and lifetime; nothing where the buffer cannot lie in the arena.
std::optional<Buffer> Planner::measure(memref::AllocOp alloc) {
  Buffer buffer{alloc};
  MemRefType type = alloc.getType();
  unsigned width = std::max(8u, type.getElementTypeBitWidth());
  buffer.bytes = width / 8;
  for (int64_t extent : type.getShape())
    if (!ShapedType::isDynamic(extent))
      buffer.bytes *= extent;
  for (Value size : alloc.getDynamicSizes()) {
    if (!isAvailable(size))
      return std::nullopt;
    buffer.factors.push_back(size);
  }
  buffer.begin = buffer.end = order[topLevel(alloc)];
  for (Value alias : aliasesOf(alloc)) {
    // One place serves one iteration only: the next would overwrite it.
    if (Operation *loop = alloc->getParentOfType<LoopLikeOpInterface>())
      if (alias.getDefiningOp() == loop ||
          (!alias.getDefiningOp() &&
           isa<LoopLikeOpInterface>(alias.getParentBlock()->getParentOp())))
        return std::nullopt;
    for (Operation *user : alias.getUsers())
      buffer.end = std::max(buffer.end, order[topLevel(user)]);
  }
  return buffer;
}

void Planner::collect() {
  for (auto [i, op] : llvm::enumerate(entry))
    order[&op] = i;
  SmallVector<memref::AllocOp> allocs;
  main.walk([&](memref::AllocOp alloc) { allocs.push_back(alloc); });
  groups.emplace_back();
  for (memref::AllocOp alloc : allocs) {
    std::optional<Buffer> buffer = measure(alloc);
    if (!buffer) {
      allocateApart(alloc);
      continue;
    }
    ++temporaries;
    // Factors in order of definition: the same product, the same group.
    llvm::sort(buffer->factors, [&](Value x, Value y) {
      auto rank = [&](Value v) {
        if (auto argument = dyn_cast<BlockArgument>(v))
          return std::make_pair(-1, static_cast<int>(argument.getArgNumber()));
        Operation *op = v.getDefiningOp();
        return std::make_pair(
            static_cast<int>(order[topLevel(op)]),
            static_cast<int>(cast<OpResult>(v).getResultNumber()));
      };
      return rank(x) < rank(y);
    });
    auto group = llvm::find_if(
        groups, [&](const auto &g) { return g.first == buffer->factors; });
    if (group == groups.end())
      group = groups.insert(groups.end(), {buffer->factors, {}});
    buffer->bytes = llvm::alignTo(buffer->bytes, kAlign);
    group->second.push_back(std::move(*buffer));
  }
}

//===-- Packing
//-------------------------------------------------------------------//

/// Largest first, each into the smallest gap between the buffers that live at
/// the same time. Returns the height of the pile.
int64_t Planner::packGroup(Group &group) {
  SmallVector<Buffer *> sorted;
  for (Buffer &buffer : group)
    sorted.push_back(&buffer);
  llvm::stable_sort(sorted,
                    [](Buffer *x, Buffer *y) { return x->bytes > y->bytes; });
  int64_t peak = 0;
  SmallVector<Buffer *> placed; // by offset
  for (Buffer *buffer : sorted) {
    int64_t top = 0, best = -1, bestGap = std::numeric_limits<int64_t>::max();
    for (Buffer *other : placed) {
      if (other->end < buffer->begin || buffer->end < other->begin)
        continue;
      int64_t gap = other->offset - top;
      if (gap >= buffer->bytes && gap < bestGap)
        best = top, bestGap = gap;
      top = std::max(top, other->offset + other->bytes);
    }
    buffer->offset = best < 0 ? top : best;
    peak = std::max(peak, buffer->offset + buffer->bytes);
    placed.insert(llvm::upper_bound(placed, buffer,
                                    [](Buffer *x, Buffer *y) {
                                      return x->offset < y->offset;
                                    }),
                  buffer);
  }
  return peak;
}

void Planner::pack() {
  for (auto &[factors, group] : groups) {
    peaks.push_back(packGroup(group));
    if (!factors.empty())
      continue;
    arenaBytes = peaks.back();
    for (Buffer &buffer : group)
      totalBytes += buffer.bytes;
  }
}

//===-- Rewriting
//-----------------------------------------------------------------//

void Planner::allocateApart(memref::AllocOp alloc) {
  ++apart;
  OpBuilder b(alloc);
  Location loc = alloc.getLoc();
  int64_t bytes = std::max(8u, alloc.getType().getElementTypeBitWidth()) / 8;
  for (int64_t extent : alloc.getType().getShape())
    bytes *= ShapedType::isDynamic(extent) ? 1 : extent;
  Value size = arith::ConstantIndexOp::create(b, loc, bytes);
  for (Value extent : alloc.getDynamicSizes())
    size = arith::MulIOp::create(b, loc, size, extent);
  auto block = MemRefType::get({ShapedType::kDynamic}, b.getI8Type());
  Value memory = AllocateOp::create(b, loc, block, size);
  Value zero = arith::ConstantIndexOp::create(b, loc, 0);
  auto view = memref::ViewOp::create(b, loc, alloc.getType(), memory, zero,
                                     alloc.getDynamicSizes());
  alloc.replaceAllUsesWith(view.getResult());
  alloc.erase();
}

void Planner::rewrite() {
  if (temporaries == 0)
    return;
  Location loc = main.getLoc();
  // All sizes come first, then the arena.
  IRMapping early;
  OpBuilder b = OpBuilder::atBlockBegin(&entry);
  std::function<Value(Value)> copyUp = [&](Value value) -> Value {
    if (Value known = early.lookupOrNull(value))
      return known;
    Operation *op = value.getDefiningOp();
    if (!op)
      return value;
    for (Value operand : op->getOperands())
      early.map(operand, copyUp(operand));
    b.clone(*op, early);
    return early.lookup(value);
  };
  SmallVector<Value> bases;
  Value total = arith::ConstantIndexOp::create(b, loc, 0);
  for (auto [entryOfGroup, peak] : llvm::zip(groups, peaks)) {
    bases.push_back(total);
    Value size = arith::ConstantIndexOp::create(b, loc, peak);
    for (Value factor : entryOfGroup.first)
      size = arith::MulIOp::create(b, loc, size, copyUp(factor));
    total = arith::AddIOp::create(b, loc, total, size);
  }
  auto block = MemRefType::get({ShapedType::kDynamic}, b.getI8Type());
  Value arena = ArenaOp::create(b, loc, block, total);
  for (auto [entryOfGroup, base] : llvm::zip(groups, bases)) {
    for (Buffer &buffer : entryOfGroup.second) {
      Location at = buffer.alloc.getLoc();
      OpBuilder inPlace(buffer.alloc);
      Value offset = arith::ConstantIndexOp::create(inPlace, at, buffer.offset);
      for (Value factor : entryOfGroup.first)
        offset = arith::MulIOp::create(inPlace, at, offset, copyUp(factor));
      offset = arith::AddIOp::create(inPlace, at, base, offset);
      auto view =
          memref::ViewOp::create(inPlace, at, buffer.alloc.getType(), arena,
                                 offset, buffer.alloc.getDynamicSizes());
      buffer.alloc.replaceAllUsesWith(view.getResult());
      buffer.alloc.erase();
    }
  }
}

struct PlanMemoryPass : impl::PlanMemoryBase<PlanMemoryPass> {
  void runOnOperation() override {
    func::FuncOp main = mainOf(getOperation());
    if (!main)
      return signalPassFailure();
    Planner planner(main);
    planner.placeOutputs();
    planner.collect();
    planner.pack();
    planner.rewrite();
    arenaBytes = planner.arenaBytes;
    totalBytes = planner.totalBytes;
    temporaries = planner.temporaries;
    apart = planner.apart;
    direct = planner.direct;
  }
};

} // namespace
} // namespace weft::kernel
