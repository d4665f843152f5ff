// Counts operations times iterations. Vector code has about the same cost for
// each of its operations: a register's worth of arithmetic, or of data that
// comes from L2.

#include "WorkCost.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/Interfaces/ViewLikeInterface.h"

using namespace mlir;

namespace weft::cpu {
namespace {

constexpr int64_t kOperation = 250, kDivision = 3000, kFunction = 10000;
constexpr int64_t kUnknownTrips = 64, kMostTrips = 1'000'000;
/// Sums stop here, far below overflow: a second is worth any thread.
constexpr int64_t kEnough = 1'000'000'000'000;

using Bound = std::optional<int64_t>;

/// Constants that values, and differences of values, do not exceed. What is
/// looked for is how many tiles an item has: min(first + most, all) - first.
class Bounds {
public:
  Bound of(Value value, int depth = 0) const {
    if (Bound known = getConstantIntValue(value))
      return known;
    Operation *op = value.getDefiningOp();
    if (!op || depth > kDepth)
      return std::nullopt;
    auto operand = [&](int i) { return of(op->getOperand(i), depth + 1); };
    if (isa<arith::MinSIOp, arith::MinUIOp>(op))
      return least(operand(0), operand(1));
    if (isa<arith::SubIOp>(op))
      return ofDifference(op->getOperand(0), op->getOperand(1), depth + 1);
    Bound left, right;
    if (isa<arith::AddIOp, arith::MulIOp, arith::DivUIOp>(op))
      left = operand(0), right = getConstantIntValue(op->getOperand(1));
    if (left && right && isa<arith::AddIOp>(op))
      return *left + *right;
    if (left && right && isa<arith::MulIOp>(op))
      return *left * *right;
    if (left && right && *right > 0)
      return *left / *right;
    Bound bound;
    if (auto min = dyn_cast<affine::AffineMinOp>(op))
      for (AffineExpr expr : min.getMap().getResults())
        if (auto constant = dyn_cast<AffineConstantExpr>(expr))
          bound = least(bound, constant.getValue());
    return bound;
  }

  Bound ofDifference(Value end, Value begin, int depth = 0) const {
    if (end == begin)
      return 0;
    if (getConstantIntValue(begin) == 0)
      return of(end, depth + 1);
    Operation *op = end.getDefiningOp();
    if (!op || depth > kDepth)
      return std::nullopt;
    auto operand = [&](int i) {
      return ofDifference(op->getOperand(i), begin, depth + 1);
    };
    if (isa<arith::MinSIOp, arith::MinUIOp>(op))
      return least(operand(0), operand(1));
    if (!isa<arith::AddIOp>(op))
      return std::nullopt;
    if (op->getOperand(0) == begin)
      return of(op->getOperand(1), depth + 1);
    Bound left = operand(0), right = getConstantIntValue(op->getOperand(1));
    return left && right ? Bound(*left + *right) : std::nullopt;
  }

private:
  static constexpr int kDepth = 12;
  static Bound least(Bound a, Bound b) {
    return !a ? b : !b ? a : std::min(*a, *b);
  }
};

int64_t tripsOf(scf::ForOp loop) {
  Bound extent =
      Bounds().ofDifference(loop.getUpperBound(), loop.getLowerBound());
  Bound step = getConstantIntValue(loop.getStep());
  if (!extent || !step || *step <= 0)
    return kUnknownTrips;
  return std::max<int64_t>(0, llvm::divideCeil(*extent, *step));
}

int64_t picosecondsOf(Operation &op) {
  auto inside = [&](Region &region) {
    int64_t sum = 0;
    for (Block &block : region)
      sum += weft::cpu::picosecondsOf(block);
    return sum;
  };
  if (auto loop = dyn_cast<scf::ForOp>(op))
    return inside(loop.getRegion()) * std::min(tripsOf(loop), kMostTrips);
  if (auto branch = dyn_cast<scf::IfOp>(op))
    return std::max(inside(branch.getThenRegion()),
                    inside(branch.getElseRegion()));
  int64_t sum = 0;
  for (Region &region : op.getRegions())
    sum += inside(region) * kUnknownTrips;
  if (sum)
    return sum;
  if (op.hasTrait<OpTrait::ConstantLike>() || isa<ViewLikeOpInterface>(op) ||
      op.hasTrait<OpTrait::IsTerminator>())
    return 0;
  if (isa<math::MathDialect>(op.getDialect()))
    return kFunction;
  return isa<arith::DivFOp, arith::DivSIOp, arith::DivUIOp, arith::RemSIOp,
             arith::RemUIOp>(op)
             ? kDivision
             : kOperation;
}

} // namespace

int64_t picosecondsOf(Block &block) {
  int64_t sum = 0;
  for (Operation &op : block)
    sum = std::min(sum + picosecondsOf(op), kEnough);
  return sum;
}

} // namespace weft::cpu
