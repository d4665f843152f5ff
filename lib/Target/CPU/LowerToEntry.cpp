// @main becomes the entry function of include/weft/Artifact/Abi.h. Launches go
// through one small function that asks for the number of workers; whatever can
// fail ends the run at once by a branch to the exit, so @main is turned into a
// graph of blocks first.

#include "weft/Target/CPU/Passes.h"

#include "EntryAbi.h"
#include "LowerKernel.h"
#include "SplitProgram.h"
#include "mlir/Conversion/SCFToControlFlow/SCFToControlFlow.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Transforms/DialectConversion.h"
#include "weft/Artifact/Abi.h"
#include "weft/Dialect/Kernel/IR/Kernel.h"
#include "weft/Dialect/Kernel/Transforms/Program.h"

namespace weft::cpu {
#define GEN_PASS_DEF_LOWERTOENTRY
#include "weft/Target/CPU/Passes.h.inc"

using namespace mlir;

namespace {

class EntryBuilder {
public:
  EntryBuilder(ModuleOp module, func::FuncOp main, StringRef symbol,
               int64_t partSize)
      : module(module), main(main), symbol(symbol), partSize(partSize),
        symbols(module), checkNumbers(kernel::numbersOfChecks(module)),
        b(main.getLoc(), main.getContext()), abi(b) {}

  LogicalResult run();

private:
  /// All of a kind in the function that is being lowered, in order.
  template <typename Op>
  SmallVector<Op> all() {
    SmallVector<Op> ops;
    function.walk([&](Op op) { ops.push_back(op); });
    return ops;
  }
  /// For what splits its block: what follows is moved.
  template <typename Op>
  SmallVector<Op> lastFirst() {
    SmallVector<Op> ops = all<Op>();
    std::reverse(ops.begin(), ops.end());
    return ops;
  }
  func::FuncOp kernelOf(kernel::LaunchOp launch) const {
    return symbols.lookup<func::FuncOp>(launch.getCallee());
  }

  LogicalResult frameKernels();
  LogicalResult countWork();
  void changeSignature();
  LogicalResult lowerFunction();
  void reserveStack();
  void lowerWeights();
  LogicalResult flatten();
  void lowerLaunches();
  void lowerLaunch(kernel::LaunchOp launch);
  Value grainOfTurns(Value count, int64_t grain);
  void lowerMemory();
  void lowerChecks();
  void lowerCalls();
  void lowerReturns();
  void createLauncher();
  void renameKernels();
  void exitIf(Value condition, Value status);
  void exitIf(Value condition, int64_t status);
  void reserveScratch();
  void stateScratch();
  /// The most that kernels need whose memory does not depend on shapes.
  int64_t staticScratch() const;

  ModuleOp module;
  func::FuncOp main;
  StringRef symbol;
  int64_t partSize;
  SymbolTable symbols; // of the names that kernels arrive with
  kernel::CheckNumbers checkNumbers;
  ImplicitLocOpBuilder b;
  EntryAbi abi;

  llvm::MapVector<Operation *, KernelFrame> frames;
  llvm::DenseMap<Operation *, Value> counts, scratchOf; // by launch
  func::FuncOp launcher;
  Value reserved; // status of the static request for scratch memory

  // Of the function that is being lowered.
  func::FuncOp function;
  Value context, weights, arguments, shape;
  Block *exit = nullptr;
};

/// Upstream's expansion of memref.expand_shape knows one dynamic extent a group
/// only; with more, the view is spelled out by its sizes and strides.
void expandViews(ModuleOp module) {
  module.walk([](memref::ExpandShapeOp op) {
    MemRefType type = op.getResultType();
    SmallVector<ReassociationIndices> groups = op.getReassociationIndices();
    bool many = llvm::any_of(groups, [&](const ReassociationIndices &group) {
      return llvm::count_if(
                 group, [&](int64_t i) { return type.isDynamicDim(i); }) > 1;
    });
    if (!many)
      return;
    ImplicitLocOpBuilder b(op.getLoc(), op);
    auto source = memref::ExtractStridedMetadataOp::create(b, op.getSrc());
    SmallVector<OpFoldResult> sizes = op.getMixedOutputShape(),
                              strides(type.getRank());
    auto [known, offset] = type.getStridesAndOffset();
    for (auto [g, group] : llvm::enumerate(groups)) {
      OpFoldResult stride = source.getConstifiedMixedStrides()[g];
      for (int64_t i : llvm::reverse(group)) {
        strides[i] = ShapedType::isDynamic(known[i])
                         ? stride
                         : OpFoldResult(b.getIndexAttr(known[i]));
        AffineExpr x = b.getAffineSymbolExpr(0), y = b.getAffineSymbolExpr(1);
        stride = affine::makeComposedFoldedAffineApply(b, b.getLoc(), x * y,
                                                       {stride, sizes[i]});
      }
    }
    auto view = memref::ReinterpretCastOp::create(
        b, type, source.getBaseBuffer(), source.getConstifiedMixedOffset(),
        sizes, strides);
    op.replaceAllUsesWith(view.getResult());
    op.erase();
  });
}

LogicalResult EntryBuilder::frameKernels() {
  for (auto kernel : module.getOps<func::FuncOp>()) {
    if (!kernel->hasAttr(kernel::kEntryAttr))
      continue;
    FailureOr<KernelFrame> frame = frameKernel(kernel);
    if (failed(frame))
      return failure();
    frames[kernel] = *frame;
  }
  return success();
}

/// Computes in the program, in front of each launch, how many work items it has
/// and how much scratch memory it needs.
LogicalResult EntryBuilder::countWork() {
  for (kernel::LaunchOp launch : all<kernel::LaunchOp>()) {
    func::FuncOp kernel = kernelOf(launch);
    KernelFrame &frame = frames[kernel];
    b.setLoc(launch.getLoc());
    b.setInsertionPoint(launch);
    IRMapping mapping;
    mapping.map(kernel.getArguments(), launch->getOperands());
    Value count;
    if (auto value = dyn_cast<Value>(frame.count))
      count = copySlice(b, value, mapping);
    else
      count =
          arith::ConstantIndexOp::create(b, *getConstantIntValue(frame.count));
    if (!count)
      return launch.emitError(
          "launches a kernel whose work depends on what it computes");
    counts[launch] = count;
    if (frame.scratchSizes.empty())
      continue;
    Value bytes = abi.i64(frame.scratchBytes);
    for (Value size : frame.scratchSizes) {
      Value copy = copySlice(b, size, mapping);
      if (!copy)
        return launch.emitError(
            "launches a kernel whose memory depends on what it computes");
      bytes = arith::AddIOp::create(b, bytes, abi.toI64(copy));
    }
    scratchOf[launch] = bytes;
  }
  return success();
}

/// (context, inputs, weights) -> status; inputs become memrefs here.
void EntryBuilder::changeSignature() {
  Block &body = main.getBody().front();
  unsigned old = body.getNumArguments();
  SmallVector<Type> types(3, abi.pointer());
  SmallVector<Value> own;
  for (Type type : types)
    own.push_back(body.addArgument(type, main.getLoc()));
  Value inputs = own[1];
  context = own[0];
  b.setLoc(main.getLoc());
  b.setInsertionPointToStart(&body);
  for (unsigned i = 0; i < old; ++i) {
    BlockArgument argument = body.getArgument(i);
    auto type = cast<MemRefType>(argument.getType());
    int64_t at = i * sizeof(weft_buffer);
    Value data = abi.load(abi.at(inputs, at), abi.pointer());
    SmallVector<Value> sizes;
    for (auto [d, extent] : llvm::enumerate(type.getShape()))
      if (ShapedType::isDynamic(extent))
        sizes.push_back(
            abi.load(abi.at(inputs, at + offsetof(weft_buffer, shape) + 8 * d),
                     b.getI64Type()));
    argument.replaceAllUsesWith(abi.memref(type, data, sizes));
  }
  reserveScratch();
  body.eraseArguments(0, old);
  main.removeArgAttrsAttr();
  main.removeResAttrsAttr();
  main.setType(FunctionType::get(b.getContext(), types, {b.getI32Type()}));
}

/// What launches and outputs are told, on the stack.
void EntryBuilder::reserveStack() {
  int64_t slots = 1;
  for (kernel::LaunchOp launch : all<kernel::LaunchOp>()) {
    int64_t needed = 0;
    for (Type type : launch->getOperandTypes())
      needed += slotsOf(type);
    slots = std::max(slots, needed);
  }
  auto stack = [&](int64_t words) {
    Value size = abi.i64(words);
    return LLVM::AllocaOp::create(b, abi.pointer(), b.getI64Type(), size,
                                  /*alignment=*/16);
  };
  b.setLoc(function.getLoc());
  b.setInsertionPointToStart(&function.front());
  arguments = stack(slots);
  shape = stack(WEFT_MAX_RANK);
}

/// Constants are at their places in the weights.
void EntryBuilder::lowerWeights() {
  for (memref::GetGlobalOp get : all<memref::GetGlobalOp>()) {
    auto global = symbols.lookup<memref::GlobalOp>(get.getName());
    b.setLoc(get.getLoc());
    b.setInsertionPoint(get);
    int64_t offset =
        global->getAttrOfType<IntegerAttr>(kernel::kOffsetAttr).getInt();
    Value pointer = abi.at(weights, abi.i64(offset));
    get.replaceAllUsesWith(abi.memref(get.getType(), pointer, {}));
    get.erase();
  }
}

int64_t EntryBuilder::staticScratch() const {
  int64_t bytes = 0;
  for (const auto &[kernel, frame] : frames)
    if (frame.scratchSizes.empty())
      bytes = std::max(bytes, frame.scratchBytes);
  return bytes;
}

/// For the manifest: what a run reserves for each worker.
void EntryBuilder::stateScratch() {
  bool isDynamic = llvm::any_of(frames, [](const auto &entry) {
    return !entry.second.scratchSizes.empty();
  });
  module->setAttr(kernel::kScratchAttr,
                  b.getI64IntegerAttr(isDynamic ? -1 : staticScratch()));
}

/// The largest static request, before the first launch.
void EntryBuilder::reserveScratch() {
  int64_t bytes = staticScratch();
  if (bytes == 0)
    return;
  Value status = abi.call(context, Field::ReserveScratch, b.getI64Type(),
                          {abi.i64(bytes)});
  reserved = status;
}

/// Structured control flow to blocks, so that a failure can leave at once.
LogicalResult EntryBuilder::flatten() {
  RewritePatternSet patterns(main.getContext());
  populateSCFToControlFlowConversionPatterns(patterns);
  ConversionTarget target(*main.getContext());
  target.addIllegalOp<scf::IfOp, scf::ForOp, scf::WhileOp, scf::IndexSwitchOp,
                      scf::ExecuteRegionOp>();
  target.markUnknownOpDynamicallyLegal([](Operation *) { return true; });
  if (failed(applyPartialConversion(function, target, std::move(patterns))))
    return failure();
  // The exit takes the status.
  exit = new Block();
  function.getBody().push_back(exit);
  Value status = exit->addArgument(b.getI32Type(), function.getLoc());
  b.setInsertionPointToEnd(exit);
  func::ReturnOp::create(b, status);
  return success();
}

/// Leaves with `status` where `condition` holds; code goes on behind `b`.
void EntryBuilder::exitIf(Value condition, Value status) {
  Block *here = b.getInsertionBlock();
  Block *rest = here->splitBlock(b.getInsertionPoint());
  b.setInsertionPointToEnd(here);
  cf::CondBranchOp::create(b, condition, exit, ValueRange{status}, rest,
                           ValueRange{});
  b.setInsertionPointToStart(rest);
}

void EntryBuilder::exitIf(Value condition, int64_t status) {
  exitIf(condition, Value(arith::ConstantIntOp::create(b, status, 32)));
}

/// launch(context, kernel, arguments, count, grain, number): what is not worth
/// a second worker is called directly, the rest through the pool.
void EntryBuilder::createLauncher() {
  b.setLoc(module.getLoc());
  b.setInsertionPointToEnd(module.getBody());
  Type pointer = abi.pointer(), i64 = b.getI64Type();
  launcher = func::FuncOp::create(
      b, (symbol + "_launch").str(),
      b.getFunctionType({pointer, pointer, pointer, i64, i64, i64}, {}));
  launcher.setPrivate();
  Block *body = launcher.addEntryBlock();
  b.setInsertionPointToStart(body);
  Value ctx = body->getArgument(0), kernel = body->getArgument(1),
        block = body->getArgument(2), count = body->getArgument(3),
        grain = body->getArgument(4), number = body->getArgument(5);
  Value profile = abi.field(ctx, Field::Profile, pointer);
  Value null = LLVM::ZeroOp::create(b, pointer);
  Value profiles =
      LLVM::ICmpOp::create(b, LLVM::ICmpPredicate::ne, profile, null);
  auto report = [&](int64_t isEnd) {
    auto branch = scf::IfOp::create(b, profiles, /*withElseRegion=*/false);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(branch.thenBlock());
    abi.call(ctx, Field::Profile, Type(), {number, abi.i64(isEnd)});
  };
  report(0);
  Value one = abi.i64(1);
  Value workers = abi.field(ctx, Field::WorkerCount, i64);
  Value alone = arith::OrIOp::create(
      b, arith::CmpIOp::create(b, arith::CmpIPredicate::sle, workers, one),
      arith::CmpIOp::create(b, arith::CmpIPredicate::sle, count, grain));
  auto branch = scf::IfOp::create(b, alone, /*withElseRegion=*/true);
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(branch.thenBlock());
    Value zero = abi.i64(0);
    auto type =
        LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(b.getContext()),
                                    {pointer, i64, i64, i64, pointer});
    LLVM::CallOp::create(b, type,
                         ValueRange{kernel, block, zero, count, zero, ctx});
    b.setInsertionPointToStart(branch.elseBlock());
    abi.call(ctx, Field::ParallelFor, Type(), {kernel, block, count, grain});
  }
  report(1);
  func::ReturnOp::create(b);
}

/// Work items that are worth waking another worker for.
static int64_t grainOf(const KernelFrame &frame) {
  // A launch through the pool takes 0.4 us more than a call.
  constexpr int64_t kWorthWorker = 1'000'000;
  return llvm::divideCeil(kWorthWorker,
                          std::max<int64_t>(frame.picoseconds, 1));
}

/// A worker that walks back and forth does its whole share in one call, so that
/// it begins with what it did last. Calls of parts would come in one order.
Value EntryBuilder::grainOfTurns(Value count, int64_t grain) {
  Value workers = abi.field(context, Field::WorkerCount, b.getI64Type());
  Value share = arith::CeilDivUIOp::create(b, count, workers);
  return arith::MaxUIOp::create(b, share, abi.i64(grain));
}

void EntryBuilder::lowerLaunch(kernel::LaunchOp launch) {
  func::FuncOp kernel = kernelOf(launch);
  b.setLoc(launch.getLoc());
  b.setInsertionPoint(launch);
  KernelFrame &frame = frames[kernel];
  if (Value bytes = scratchOf.lookup(launch)) {
    Value status =
        abi.call(context, Field::ReserveScratch, b.getI64Type(), {bytes});
    exitIf(
        arith::CmpIOp::create(b, arith::CmpIPredicate::ne, status, abi.i64(0)),
        WEFT_RUN_NO_MEMORY);
  }
  unsigned slot = 0;
  for (Value operand : launch->getOperands())
    packArgument(b, operand, arguments, slot);
  Value function = func::ConstantOp::create(b, kernel.getFunctionType(),
                                            SymbolRefAttr::get(kernel));
  Value address = UnrealizedConversionCastOp::create(
                      b, TypeRange{abi.pointer()}, ValueRange{function})
                      .getResult(0);
  Value number =
      abi.i64(launch->getAttrOfType<IntegerAttr>(kernel::kLaunchAttr).getInt());
  Value count = abi.toI64(counts[launch]);
  int64_t grain = grainOf(frame);
  func::CallOp::create(
      b, launcher,
      ValueRange{context, address, arguments, count,
                 frame.turn ? grainOfTurns(count, grain) : abi.i64(grain),
                 number});
  if (frame.canFail) {
    Value failed = abi.field(context, Field::Failed, b.getI64Type());
    exitIf(
        arith::CmpIOp::create(b, arith::CmpIPredicate::ne, failed, abi.i64(0)),
        WEFT_RUN_CHECK_FAILED);
  }
  launch.erase();
}

/// The last one first: an exit splits its block, which moves what follows.
void EntryBuilder::lowerLaunches() {
  for (kernel::LaunchOp launch : lastFirst<kernel::LaunchOp>())
    lowerLaunch(launch);
}

/// A part of the program ends it where the part has failed.
void EntryBuilder::lowerCalls() {
  for (func::CallOp call : lastFirst<func::CallOp>()) {
    if (call.getNumResults() == 0)
      continue; // of the launcher
    b.setLoc(call.getLoc());
    b.setInsertionPointAfter(call);
    Value status = call.getResult(0);
    Value ok = arith::ConstantIntOp::create(b, WEFT_RUN_OK, 32);
    exitIf(arith::CmpIOp::create(b, arith::CmpIPredicate::ne, status, ok),
           status);
  }
}

/// Arena, outputs and blocks apart: a call, a test for null, a memref. Giving a
/// block back is a call.
void EntryBuilder::lowerMemory() {
  SmallVector<Operation *> ops;
  function.walk([&](Operation *op) {
    if (isa<kernel::ArenaOp, kernel::AllocateOp, kernel::ReleaseOp,
            kernel::OutputOp>(op))
      ops.push_back(op);
  });
  for (Operation *op : llvm::reverse(ops)) {
    b.setLoc(op->getLoc());
    b.setInsertionPoint(op);
    if (auto release = dyn_cast<kernel::ReleaseOp>(op)) {
      Value pointer = LLVM::IntToPtrOp::create(
          b, abi.pointer(), abi.address(release.getBuffer()));
      abi.call(context, Field::Release, Type(), {pointer});
      op->erase();
      continue;
    }
    auto type = cast<MemRefType>(op->getResult(0).getType());
    SmallVector<Value> sizes = llvm::map_to_vector(
        op->getOperands(), [&](Value size) { return abi.toI64(size); });
    Value pointer;
    if (auto output = dyn_cast<kernel::OutputOp>(op)) {
      unsigned dynamic = 0;
      for (auto [d, extent] : llvm::enumerate(type.getShape())) {
        Value size =
            ShapedType::isDynamic(extent) ? sizes[dynamic++] : abi.i64(extent);
        LLVM::StoreOp::create(b, size, abi.at(shape, 8 * d));
      }
      pointer = abi.call(
          context, Field::Output, abi.pointer(),
          {abi.i64(output.getNumber()), abi.i64(type.getRank()), shape});
    } else {
      pointer = abi.call(context,
                         isa<kernel::ArenaOp>(op) ? Field::ReserveArena
                                                  : Field::Allocate,
                         abi.pointer(), {sizes[0]});
    }
    Value null = LLVM::ZeroOp::create(b, abi.pointer());
    exitIf(LLVM::ICmpOp::create(b, LLVM::ICmpPredicate::eq, pointer, null),
           WEFT_RUN_NO_MEMORY);
    op->getResult(0).replaceAllUsesWith(abi.memref(type, pointer, sizes));
    op->erase();
  }
}

void EntryBuilder::lowerChecks() {
  for (kernel::CheckOp check : lastFirst<kernel::CheckOp>()) {
    b.setLoc(check.getLoc());
    Block *here = check->getBlock();
    Block *rest = here->splitBlock(check);
    Block *fails = new Block();
    function.getBody().push_back(fails);
    b.setInsertionPointToEnd(here);
    cf::CondBranchOp::create(b, check.getCondition(), rest, fails);
    b.setInsertionPointToEnd(fails);
    emitFail(b, context, checkNumbers.lookup(check.getMessageAttr()),
             check.getValues());
    Value code = arith::ConstantIntOp::create(b, WEFT_RUN_CHECK_FAILED, 32);
    cf::BranchOp::create(b, exit, ValueRange{code});
    check.erase();
  }
}

void EntryBuilder::lowerReturns() {
  for (func::ReturnOp ret : all<func::ReturnOp>()) {
    if (ret->getBlock() == exit)
      continue;
    b.setInsertionPoint(ret);
    Value code = arith::ConstantIntOp::create(b, WEFT_RUN_OK, 32);
    cf::BranchOp::create(b, exit, ValueRange{code});
    ret.erase();
  }
}

/// Code of several levels shares one space of names. What refers to kernels is
/// made afterwards, by lowerLaunches.
void EntryBuilder::renameKernels() {
  for (auto &[op, frame] : frames) {
    auto kernel = cast<func::FuncOp>(op);
    kernel.setSymName((symbol + "." + kernel.getSymName()).str());
  }
  main.setSymName(symbol);
  main.setPublic();
}

LogicalResult EntryBuilder::lowerFunction() {
  context = function.getArgument(0);
  weights = function.getArgument(function == main ? 2 : 1);
  reserveStack();
  lowerWeights();
  if (failed(flatten()))
    return failure();
  if (function == main && reserved) {
    b.setInsertionPointAfterValue(reserved);
    exitIf(arith::CmpIOp::create(b, arith::CmpIPredicate::ne, reserved,
                                 abi.i64(0)),
           WEFT_RUN_NO_MEMORY);
  }
  lowerMemory();
  lowerChecks();
  lowerLaunches();
  lowerCalls();
  lowerReturns();
  return success();
}

LogicalResult EntryBuilder::run() {
  if (failed(frameKernels()))
    return failure();
  stateScratch();
  createLauncher();
  Operation *begin = &main.front().front();
  changeSignature();
  SmallVector<func::FuncOp> functions =
      splitProgram(main, begin, (symbol + "_part").str(), partSize);
  functions.push_back(main);
  for (func::FuncOp each : functions) {
    function = each;
    if (failed(countWork()))
      return failure();
  }
  for (auto &[kernel, frame] : frames)
    lowerKernel(cast<func::FuncOp>(kernel), frame, checkNumbers);
  renameKernels();
  for (func::FuncOp each : functions) {
    function = each;
    if (failed(lowerFunction()))
      return failure();
  }
  for (auto global :
       llvm::make_early_inc_range(module.getOps<memref::GlobalOp>()))
    global.erase();
  return success();
}

struct LowerToEntryPass : impl::LowerToEntryBase<LowerToEntryPass> {
  using LowerToEntryBase::LowerToEntryBase;

  void runOnOperation() override {
    func::FuncOp main = kernel::mainOf(getOperation());
    if (!main)
      return signalPassFailure();
    expandViews(getOperation());
    if (failed(EntryBuilder(getOperation(), main, symbol, partSize).run()))
      signalPassFailure();
  }
};

} // namespace
} // namespace weft::cpu
