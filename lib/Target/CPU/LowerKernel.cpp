// Kernels as functions of the runtime: arguments from slots, the outer loop
// over a range of work items, buffers on the stack or in the worker's scratch
// memory.

#include "LowerKernel.h"

#include "EntryAbi.h"
#include "WorkCost.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Interfaces/ValueBoundsOpInterface.h"
#include "weft/Artifact/Abi.h"
#include "weft/Dialect/Kernel/IR/Kernel.h"

using namespace mlir;

namespace weft::cpu {

constexpr int64_t kStackBytes = 16 << 10, kAlign = 64;

Value copySlice(OpBuilder &b, Value value, IRMapping &mapping) {
  if (Value known = mapping.lookupOrNull(value))
    return known;
  Operation *op = value.getDefiningOp();
  if (!op || op->getNumRegions() != 0 ||
      !(isMemoryEffectFree(op) || isa<memref::LoadOp>(op)))
    return Value();
  for (Value operand : op->getOperands()) {
    Value copy = copySlice(b, operand, mapping);
    if (!copy)
      return Value();
    mapping.map(operand, copy);
  }
  b.clone(*op, mapping);
  return mapping.lookup(value);
}

/// A value known in front of the loop that `value` never exceeds: a tile's
/// extent is the lesser of its size and of what is left, and the size will do.
static Value copyBound(OpBuilder &b, Value value, IRMapping &mapping) {
  if (Value same = copySlice(b, value, mapping))
    return same;
  auto least = value.getDefiningOp<affine::AffineMinOp>();
  if (!least)
    return Value();
  AffineMap map = least.getMap();
  Value bound;
  for (AffineExpr expr : map.getResults()) {
    SmallVector<OpFoldResult> operands;
    bool known = true;
    for (auto [i, operand] : llvm::enumerate(least.getOperands())) {
      bool used = i < map.getNumDims()
                      ? expr.isFunctionOfDim(i)
                      : expr.isFunctionOfSymbol(i - map.getNumDims());
      Value copy = used ? copySlice(b, operand, mapping) : Value();
      known &= !used || copy;
      operands.push_back(copy ? OpFoldResult(copy)
                              : OpFoldResult(b.getIndexAttr(0)));
    }
    if (!known)
      continue;
    Value candidate = getValueOrCreateConstantIndexOp(
        b, value.getLoc(),
        affine::makeComposedFoldedAffineApply(
            b, value.getLoc(),
            AffineMap::get(map.getNumDims(), map.getNumSymbols(), expr),
            operands));
    bound =
        bound
            ? Value(arith::MinSIOp::create(b, value.getLoc(), bound, candidate))
            : candidate;
  }
  return bound;
}

static int64_t elementBytes(MemRefType type) {
  return type.getElementType().isIndex()
             ? 8
             : std::max(8u, type.getElementTypeBitWidth()) / 8;
}

/// The most that `size` can be; nothing where that is unknown.
static std::optional<int64_t> mostOf(Value size) {
  FailureOr<int64_t> bound = ValueBoundsConstraintSet::computeConstantBound(
      presburger::BoundType::UB, ValueBoundsConstraintSet::Variable(size),
      /*stopCondition=*/nullptr,
      /*closedUB=*/true);
  if (failed(bound))
    return std::nullopt;
  return std::max<int64_t>(*bound, 0);
}

/// Most bytes that `alloc` can need; nothing where that is unknown.
static std::optional<int64_t> mostBytes(memref::AllocOp alloc) {
  MemRefType type = alloc.getType();
  int64_t bytes = elementBytes(type);
  for (int64_t extent : type.getShape())
    bytes *= ShapedType::isDynamic(extent) ? 1 : extent;
  for (Value size : alloc.getDynamicSizes()) {
    std::optional<int64_t> most = mostOf(size);
    if (!most)
      return std::nullopt;
    bytes *= *most;
  }
  return llvm::alignTo(bytes, kAlign);
}

namespace {

/// Moves the allocations of one kernel.
class BufferPlacer {
public:
  BufferPlacer(func::FuncOp kernel, KernelFrame &frame)
      : kernel(kernel), frame(frame), b(kernel.getLoc(), kernel.getContext()) {}
  LogicalResult place(memref::AllocOp alloc);

private:
  void replace(memref::AllocOp alloc, Value block, Value offset);
  Value scratchBlock();

  func::FuncOp kernel;
  KernelFrame &frame;
  ImplicitLocOpBuilder b;
  int64_t stackBytes = 0;
};

void BufferPlacer::replace(memref::AllocOp alloc, Value block, Value offset) {
  b.setInsertionPoint(alloc);
  auto view = memref::ViewOp::create(b, alloc.getType(), block, offset,
                                     alloc.getDynamicSizes());
  alloc.replaceAllUsesWith(view.getResult());
  alloc.erase();
}

/// Stands for the scratch memory until lowerKernel knows worker and context.
Value BufferPlacer::scratchBlock() {
  auto type = MemRefType::get({ShapedType::kDynamic}, b.getI8Type());
  for (auto block : kernel.getBody().front().getOps<kernel::AllocateOp>())
    return block.getBuffer();
  b.setInsertionPoint(frame.loop);
  Value zero = arith::ConstantIndexOp::create(b, 0);
  return kernel::AllocateOp::create(b, type, zero);
}

LogicalResult BufferPlacer::place(memref::AllocOp alloc) {
  std::optional<int64_t> bytes = mostBytes(alloc);
  if (bytes && stackBytes + *bytes <= kStackBytes) {
    stackBytes += *bytes;
    b.setInsertionPointToStart(&kernel.getBody().front());
    auto type = MemRefType::get({*bytes}, b.getI8Type());
    Value block =
        memref::AllocaOp::create(b, type, b.getI64IntegerAttr(kAlign));
    Value zero = arith::ConstantIndexOp::create(b, 0);
    replace(alloc, block, zero);
    return success();
  }
  Value block = scratchBlock();
  // What one item leaves for the next lies in front of the loop.
  if (alloc->getBlock() == frame.loop->getBlock())
    alloc->moveBefore(frame.loop);
  b.setInsertionPointAfterValue(block);
  if (bytes) {
    Value offset = arith::ConstantIndexOp::create(b, frame.scratchBytes);
    frame.scratchBytes += *bytes;
    replace(alloc, block, offset);
    return success();
  }
  // Sizes by the kernel's arguments: dynamic blocks follow the static ones.
  IRMapping mapping;
  for (Value argument : kernel.getArguments())
    mapping.map(argument, argument);
  int64_t element = elementBytes(alloc.getType());
  for (int64_t extent : alloc.getType().getShape())
    element *= ShapedType::isDynamic(extent) ? 1 : extent;
  b.setInsertionPoint(frame.loop);
  Value size = arith::ConstantIndexOp::create(b, element);
  for (Value extent : alloc.getDynamicSizes()) {
    std::optional<int64_t> most = mostOf(extent);
    Value copy = most ? Value(arith::ConstantIndexOp::create(b, *most))
                      : copyBound(b, extent, mapping);
    if (!copy)
      return alloc.emitError("has a size that depends on the work item");
    size = arith::MulIOp::create(b, size, copy);
  }
  Value mask = arith::ConstantIndexOp::create(b, -kAlign);
  size = arith::AndIOp::create(
      b,
      arith::AddIOp::create(b, size,
                            arith::ConstantIndexOp::create(b, kAlign - 1)),
      mask);
  Value offset;
  for (Value before : frame.scratchSizes)
    offset = offset ? arith::AddIOp::create(b, offset, before) : before;
  if (!offset)
    offset = arith::ConstantIndexOp::create(b, 0);
  // The static part is not yet known to be complete: it is added later.
  Value base = arith::ConstantIndexOp::create(b, 0);
  base.getDefiningOp()->setAttr("weft.static_scratch", b.getUnitAttr());
  offset = arith::AddIOp::create(b, base, offset);
  frame.scratchSizes.push_back(size);
  replace(alloc, block, offset);
  return success();
}

/// Erases a buffer of which no more than the extents are asked; false where
/// there is more.
bool eraseUnread(memref::AllocOp alloc) {
  MemRefType type = alloc.getType();
  SmallVector<Operation *> users(alloc->getUsers());
  for (Operation *user : users) {
    auto dim = dyn_cast<memref::DimOp>(user);
    if (!isa<memref::DeallocOp>(user) && !(dim && dim.getConstantIndex()))
      return false;
  }
  for (Operation *user : users) {
    if (auto dim = dyn_cast<memref::DimOp>(user)) {
      int64_t i = *dim.getConstantIndex();
      OpBuilder b(dim);
      dim.replaceAllUsesWith(
          type.isDynamicDim(i)
              ? alloc.getDynamicSizes()[type.getDynamicDimIndex(i)]
              : Value(arith::ConstantIndexOp::create(b, dim.getLoc(),
                                                     type.getDimSize(i))));
    }
    user->erase();
  }
  alloc.erase();
  return true;
}

} // namespace

/// Each worker runs a part of the items and what stands behind them: there
/// nothing may depend on all of them.
static bool computesBehind(scf::ForallOp loop) {
  for (Operation *op = loop->getNextNode(); op; op = op->getNextNode())
    if (!op->hasTrait<OpTrait::IsTerminator>() && !isa<memref::DeallocOp>(op) &&
        !isMemoryEffectFree(op))
      return true;
  return false;
}

FailureOr<KernelFrame> frameKernel(func::FuncOp kernel) {
  KernelFrame frame;
  FailureOr<scf::ForallOp> loop = kernel::loopOverItems(kernel);
  if (failed(loop))
    return failure();
  frame.loop = *loop;
  if (frame.loop.getRank() != 1 ||
      !isConstantIntValue(frame.loop.getMixedLowerBound()[0], 0) ||
      !isConstantIntValue(frame.loop.getMixedStep()[0], 1))
    return kernel.emitError("has no outer loop of work items");
  if (computesBehind(frame.loop))
    return kernel.emitError("computes behind its loop of work items");
  frame.count = frame.loop.getMixedUpperBound()[0];
  frame.picoseconds = picosecondsOf(*frame.loop.getBody());
  kernel.walk([&](kernel::CheckOp) { frame.canFail = true; });
  for (BlockArgument argument : kernel.getArguments())
    if (kernel.getArgAttr(argument.getArgNumber(), kernel::kTurnAttr))
      frame.turn = argument;
  BufferPlacer placer(kernel, frame);
  SmallVector<memref::AllocOp> allocs;
  kernel.walk([&](memref::AllocOp alloc) {
    if (!eraseUnread(alloc))
      allocs.push_back(alloc);
  });
  for (memref::AllocOp alloc : allocs)
    if (failed(placer.place(alloc)))
      return failure();
  return frame;
}

void emitFail(ImplicitLocOpBuilder &b, Value context, int64_t number,
              ValueRange values) {
  EntryAbi abi(b);
  SmallVector<Value> arguments{abi.i64(number)};
  for (size_t i = 0; i < 2; ++i)
    arguments.push_back(i < values.size() ? abi.toI64(values[i]) : abi.i64(0));
  abi.call(context, Field::Fail, Type(), arguments);
}

/// Checks in loops record the failure and go on: what follows is kept in range.
static void lowerChecks(func::FuncOp kernel, Value context,
                        const kernel::CheckNumbers &numbers) {
  SmallVector<kernel::CheckOp> checks;
  kernel.walk([&](kernel::CheckOp check) { checks.push_back(check); });
  for (kernel::CheckOp check : checks) {
    ImplicitLocOpBuilder b(check.getLoc(), check);
    Value one = arith::ConstantIntOp::create(b, 1, 1);
    Value fails = arith::XOrIOp::create(b, check.getCondition(), one);
    auto branch = scf::IfOp::create(b, fails, /*withElseRegion=*/false);
    b.setInsertionPointToStart(branch.thenBlock());
    emitFail(b, context, numbers.lookup(check.getMessageAttr()),
             check.getValues());
    check.erase();
  }
}

static void lowerStrings(func::FuncOp kernel, Value context) {
  SmallVector<kernel::StringOp> calls;
  kernel.walk([&](kernel::StringOp call) { calls.push_back(call); });
  for (kernel::StringOp call : calls) {
    ImplicitLocOpBuilder b(call.getLoc(), call);
    EntryAbi abi(b);
    SmallVector<Value> arguments{abi.i64(call.getFunction())};
    llvm::append_range(arguments, call.getArguments());
    arguments.resize(1 + WEFT_STRING_ARGUMENTS, abi.i64(0));
    call.replaceAllUsesWith(
        abi.call(context, Field::String, b.getI64Type(), arguments));
    call.erase();
  }
}

/// The item that `loop` takes at its induction variable: from last to first in
/// odd turns.
static Value itemOfTurn(ImplicitLocOpBuilder &b, Value turn, scf::ForOp loop) {
  b.setInsertionPoint(loop);
  Value one = arith::ConstantIndexOp::create(b, 1);
  Value isOdd = arith::CmpIOp::create(b, arith::CmpIPredicate::eq,
                                      arith::AndIOp::create(b, turn, one), one);
  Value last = arith::AddIOp::create(
      b, loop.getLowerBound(),
      arith::SubIOp::create(b, loop.getUpperBound(), one));
  b.setInsertionPointToStart(loop.getBody());
  Value item = loop.getInductionVar();
  return arith::SelectOp::create(b, isOdd, arith::SubIOp::create(b, last, item),
                                 item);
}

void lowerKernel(func::FuncOp kernel, KernelFrame &frame,
                 const kernel::CheckNumbers &numbers) {
  ImplicitLocOpBuilder b(kernel.getLoc(), kernel.getContext());
  Block &body = kernel.getBody().front();
  EntryAbi abi(b);
  Type i64 = b.getI64Type();
  SmallVector<Type> types{abi.pointer(), i64, i64, i64, abi.pointer()};
  SmallVector<Value> own;
  unsigned old = body.getNumArguments();
  for (Type type : types)
    own.push_back(body.addArgument(type, b.getLoc()));
  b.setInsertionPointToStart(&body);
  unsigned slot = 0;
  for (unsigned i = 0; i < old; ++i) {
    BlockArgument argument = body.getArgument(i);
    unsigned next = slot + slotsOf(argument.getType());
    bool isTurn = argument == frame.turn;
    if (isTurn || !argument.use_empty()) {
      Value value = unpackArgument(b, argument.getType(), own[0], slot);
      argument.replaceAllUsesWith(value);
      if (isTurn)
        frame.turn = value;
    }
    slot = next;
  }
  body.eraseArguments(0, old);
  kernel.removeArgAttrsAttr();
  kernel.setType(FunctionType::get(kernel.getContext(), types, {}));
  lowerChecks(kernel, own[4], numbers);
  lowerStrings(kernel, own[4]);

  SmallVector<arith::ConstantOp> bases;
  kernel.walk([&](arith::ConstantOp op) {
    if (op->hasAttr("weft.static_scratch"))
      bases.push_back(op);
  });
  for (arith::ConstantOp base : bases) {
    base.setValueAttr(b.getIndexAttr(frame.scratchBytes));
    base->removeAttr("weft.static_scratch");
  }
  for (auto block :
       llvm::make_early_inc_range(body.getOps<kernel::AllocateOp>())) {
    b.setInsertionPoint(frame.scratchSizes.empty() ? block.getOperation()
                                                   : frame.loop);
    Value bytes = abi.i64(frame.scratchBytes);
    for (Value size : frame.scratchSizes)
      bytes = arith::AddIOp::create(b, bytes, abi.toI64(size));
    Value memory =
        abi.call(own[4], Field::Scratch, abi.pointer(), {own[3], bytes});
    Value view = abi.memref(block.getBuffer().getType(), memory, {bytes});
    // All users follow the loop's beginning or compute views in front of it.
    block.getBuffer().replaceAllUsesWith(view);
    block.erase();
  }

  b.setInsertionPoint(frame.loop);
  Value begin = abi.toIndex(own[1]), end = abi.toIndex(own[2]);
  auto loop =
      scf::ForOp::create(b, begin, end, arith::ConstantIndexOp::create(b, 1));
  frame.loop.getBody()->getTerminator()->erase();
  loop.getBody()->getTerminator()->erase();
  loop.getBody()->getOperations().splice(loop.getBody()->end(),
                                         frame.loop.getBody()->getOperations());
  Value item = loop.getInductionVar();
  if (frame.turn)
    item = itemOfTurn(b, frame.turn, loop);
  frame.loop.getInductionVar(0).replaceAllUsesWith(item);
  b.setInsertionPointToEnd(loop.getBody());
  scf::YieldOp::create(b);
  frame.loop.erase();
}

} // namespace weft::cpu
