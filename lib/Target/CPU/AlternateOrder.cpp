// A loop that reads more weights in each turn than L2 holds reads all of them
// from L3: walked from first to last each time, every one is pushed out by
// those behind it before its next turn. Walked from last to first in every
// second turn, those that were read last are read first, from L2.
//
// What changes is the order of a worker's items, which no result depends on.
// Leaves alone products of many rows, for which multiplying takes longer than
// reading.

#include "Microkernel/Machine.h"
#include "weft/Dialect/Kernel/IR/Kernel.h"
#include "weft/Dialect/Kernel/Transforms/Program.h"
#include "weft/Target/CPU/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/Interfaces/ViewLikeInterface.h"
#include "llvm/ADT/MapVector.h"

namespace weft::cpu {

#define GEN_PASS_DEF_ALTERNATEORDER
#include "weft/Target/CPU/Passes.h.inc"

namespace {

using namespace mlir;

/// Rows up to which a product waits for its weights: an LSTM of 512 units
/// gained 14 % with one row, 17 % with 4, 3 % with 8.
constexpr int64_t kMostRows = 8;
/// Weights of up to so many times L2: with 16 times that, layers gain 1 % or
/// nothing; with 64 times an RNN lost 16 %.
constexpr int64_t kMostOfL2 = 16;

/// The constants that products read, by name, with their bytes.
using Weights = llvm::MapVector<StringRef, int64_t>;

Value memoryOf(Value value) {
  while (auto view = value.getDefiningOp<ViewLikeOpInterface>())
    value = view.getViewSource();
  return value;
}

/// The constant that `launch` passes for `value` of its kernel; null where it
/// is none.
memref::GetGlobalOp weightOf(kernel::LaunchOp launch, Value value) {
  auto argument = dyn_cast<BlockArgument>(memoryOf(value));
  if (!argument || !isa<func::FuncOp>(argument.getOwner()->getParentOp()))
    return {};
  return memoryOf(launch->getOperand(argument.getArgNumber()))
      .getDefiningOp<memref::GetGlobalOp>();
}

/// True if the rows of the product are few; those of an extent that is known at
/// run time only may be.
bool mayHaveFewRows(kernel::MatMulOp op) {
  int64_t rows = 1;
  for (int64_t extent :
       cast<MemRefType>(op.getOutputs()[0].getType()).getShape().drop_back())
    rows *= ShapedType::isDynamic(extent) ? 1 : extent;
  return rows <= kMostRows;
}

bool isOdd(Value value) {
  std::optional<int64_t> known = getConstantIntValue(value);
  return known && *known % 2 != 0;
}

/// An index in the body of `loop` that is even and odd by turns; null where
/// there is none.
Value turnOf(scf::ForOp loop) {
  Value counter = loop.getInductionVar();
  return isOdd(loop.getStep()) && counter.getType().isIndex() ? counter
                                                              : Value();
}

/// The same: what goes around, and an odd number is added to it.
Value turnOf(scf::WhileOp loop) {
  ValueRange passed = loop.getConditionOp().getArgs();
  for (auto [before, next] : llvm::zip_equal(loop.getBeforeArguments(),
                                             loop.getYieldOp().getOperands())) {
    auto sum = next.getDefiningOp<arith::AddIOp>();
    if (!sum || !sum.getType().isIndex() || !isOdd(sum.getRhs()))
      continue;
    for (auto [argument, value] :
         llvm::zip_equal(loop.getAfterArguments(), passed))
      if (argument == sum.getLhs() && value == before)
        return argument;
  }
  return {};
}

/// The same of the innermost loop with `launch` in its body.
Value turnOf(kernel::LaunchOp launch) {
  Region *body = launch->getParentRegion();
  while (body && !isa<LoopLikeOpInterface>(body->getParentOp()))
    body = body->getParentRegion();
  if (!body)
    return {};
  if (auto loop = dyn_cast<scf::ForOp>(body->getParentOp()))
    return turnOf(loop);
  auto loop = dyn_cast<scf::WhileOp>(body->getParentOp());
  return loop && body == &loop.getAfter() ? turnOf(loop) : Value();
}

class Alternator {
public:
  Alternator(ModuleOp module, int64_t l2Bytes)
      : module(module), symbols(module), l2Bytes(l2Bytes) {}
  void run();

private:
  func::FuncOp kernelOf(kernel::LaunchOp launch) const {
    return symbols.lookup<func::FuncOp>(launch.getCallee());
  }
  void addWeights(kernel::LaunchOp launch, Weights &weights) const;
  bool gains(kernel::LaunchOp launch, Operation *loop);
  int64_t bytesOfLoop(Operation *loop);
  void addTurn(func::FuncOp kernel, ArrayRef<kernel::LaunchOp> launches);

  ModuleOp module;
  SymbolTable symbols;
  int64_t l2Bytes;
  llvm::DenseMap<Operation *, int64_t> loops; ///< bytes that a turn reads
  llvm::DenseMap<Operation *, Value> turns;   ///< by launch, where it gains
};

void Alternator::addWeights(kernel::LaunchOp launch, Weights &weights) const {
  kernelOf(launch).walk([&](Operation *op) {
    if (!kernel::isProduct(op))
      return;
    for (Value operand : op->getOperands())
      if (memref::GetGlobalOp weight = weightOf(launch, operand))
        weights[weight.getName()] = kernel::bytesOf(weight.getType());
  });
}

/// Between two reads of a weight lie those behind it and all that others in the
/// loop read, which has to leave most of L2.
bool Alternator::gains(kernel::LaunchOp launch, Operation *loop) {
  int64_t own = 0;
  kernelOf(launch).walk([&](kernel::MatMulOp product) {
    if (!product.getPacked() || !mayHaveFewRows(product))
      return;
    if (memref::GetGlobalOp weight = weightOf(launch, product.getRhs()))
      own += kernel::bytesOf(weight.getType());
  });
  if (own == 0)
    return false;
  int64_t all = bytesOfLoop(loop);
  return all > l2Bytes * 3 / 4 && all <= l2Bytes * kMostOfL2 &&
         all - own <= l2Bytes / 4;
}

int64_t Alternator::bytesOfLoop(Operation *loop) {
  auto [known, isNew] = loops.try_emplace(loop, 0);
  if (isNew) {
    Weights weights;
    loop->walk([&](kernel::LaunchOp launch) { addWeights(launch, weights); });
    for (auto [name, bytes] : weights)
      known->second += bytes;
  }
  return known->second;
}

/// Gives `kernel` the argument, and 0 for it to launches that have no turn.
void Alternator::addTurn(func::FuncOp kernel,
                         ArrayRef<kernel::LaunchOp> launches) {
  Builder b(kernel.getContext());
  unsigned position = kernel::LaunchOp(launches.front()).getInputs().size();
  (void)kernel.insertArgument(
      position, b.getIndexType(),
      b.getDictionaryAttr(b.getNamedAttr(kernel::kTurnAttr, b.getUnitAttr())),
      kernel.getLoc());
  for (kernel::LaunchOp launch : launches) {
    Value turn = turns.lookup(launch);
    if (!turn) {
      OpBuilder here(launch);
      turn = arith::ConstantIndexOp::create(here, launch.getLoc(), 0);
    }
    launch.getInputsMutable().append(turn);
  }
}

void Alternator::run() {
  llvm::MapVector<func::FuncOp, SmallVector<kernel::LaunchOp>> kernels;
  module.walk([&](kernel::LaunchOp launch) {
    kernels[kernelOf(launch)].push_back(launch);
    Value turn = turnOf(launch);
    if (turn && gains(launch, turn.getParentBlock()->getParentOp()))
      turns[launch] = turn;
  });
  for (auto &[kernel, launches] : kernels)
    if (llvm::any_of(launches, [&](kernel::LaunchOp launch) {
          return turns.contains(launch);
        }))
      addTurn(kernel, launches);
}

struct AlternateOrder : impl::AlternateOrderBase<AlternateOrder> {
  using Base::Base;

  void runOnOperation() override {
    std::optional<Machine> machine = machineOfLevel(level, getOperation());
    if (!machine)
      return signalPassFailure();
    Alternator(getOperation(), machine->l2Bytes).run();
  }
};

} // namespace
} // namespace weft::cpu
