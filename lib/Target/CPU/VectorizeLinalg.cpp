// The one emitter for linalg ops on memrefs: loops of scf.for, vectors in the
// loop that LoopPlan chose, and the rest of a loop that is no multiple of the
// vector under a mask or element by element. Sums are kept in registers, in an
// order that depends on extents alone, so that results do not change with the
// number of threads. Products (kernel.*) have emitters of their own.

#include "LoopPlan.h"
#include "TransposeVectors.h"
#include "weft/Target/CPU/Passes.h"
#include "weft/Target/CPU/VectorizeBody.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Dialect/Vector/Transforms/LoweringPatterns.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace weft::cpu {
#define GEN_PASS_DEF_VECTORIZELINALG
#include "weft/Target/CPU/Passes.h.inc"
} // namespace weft::cpu

using namespace mlir;

namespace weft::cpu {
namespace {

/// Emits one linalg.generic on memrefs at the op's place.
class GenericEmitter {
public:
  GenericEmitter(linalg::GenericOp op, const LoopPlan &plan)
      : op(op), plan(plan), b(op.getLoc(), op), at(op.getNumLoops()) {}

  void emit();

private:
  using Values = SmallVector<Value>;
  /// What an innermost step works on: how many lanes, how many vectors, and
  /// which lanes count (null: all).
  struct Step {
    int64_t lanes = 1, vectors = 1;
    Value mask;
  };

  Value index(int64_t value) {
    return arith::ConstantIndexOp::create(b, value);
  }
  void emitLoops(ArrayRef<int64_t> loops, function_ref<void()> inner);
  Values emitSums(ArrayRef<int64_t> loops, Values sums,
                  function_ref<Values(Values)> inner);
  Value emitChains(ArrayRef<int64_t> loops, Value sum, const Step &step);
  bool isShort(ArrayRef<int64_t> loops);
  Value loopTo(Value low, Value high, int64_t step,
               function_ref<void(Value)> inner);

  void emitParallelVectors(Value from);
  void emitSquares();
  void emitSquare(int64_t width);
  Value loadFirst(VectorType type, Value memory, ArrayRef<Value> place,
                  int64_t count);
  void emitElements(const Step &step);
  void emitLaneReduction();
  Value joinLanes(Value vector);
  Value combine(Value x, Value y);

  Values indices(OpOperand &operand, int64_t vector, int64_t lanes,
                 int64_t lane = 0);
  Value load(OpOperand &operand, int64_t vector, const Step &step);
  void store(OpOperand &operand, Value value, int64_t vector, const Step &step);
  Value loadInBody(memref::LoadOp load, IRMapping &mapping, int64_t vector,
                   const Step &step);
  Value atFirstLane(Value index, IRMapping &mapping, int64_t vector,
                    const Step &step);
  /// Runs the body; `outs` are the old elements of the outputs.
  Values body(int64_t vector, const Step &step, ArrayRef<Value> outs);
  /// Position in the vector loop of lane 0 of `vector`.
  Value vectorStart(int64_t vector, int64_t lanes);

  linalg::GenericOp op;
  LoopPlan plan;
  ImplicitLocOpBuilder b;
  Values extents;
  /// Current position of each loop; of the vector loop, its first lane.
  Values at;
  /// Of the square that is being emitted: the vectors of each scattered
  /// operand, one for each step of the transposed loop, and the step.
  llvm::DenseMap<OpOperand *, Values> columns;
  int64_t column = 0;
};

/// The value that changes nothing when `combiner` joins it with another.
static TypedAttr neutral(Operation *combiner, Type element, OpBuilder &b) {
  auto ofFloat = [&](const APFloat &value) {
    return FloatAttr::get(element, value);
  };
  if (auto type = dyn_cast<FloatType>(element)) {
    const llvm::fltSemantics &semantics = type.getFloatSemantics();
    if (isa<arith::AddFOp>(combiner)) // -0 is neutral even to -0.
      return ofFloat(APFloat::getZero(semantics, /*Negative=*/true));
    if (isa<arith::MulFOp>(combiner))
      return ofFloat(APFloat::getOne(semantics));
    return ofFloat(APFloat::getInf(
        semantics, isa<arith::MaximumFOp, arith::MaxNumFOp>(combiner)));
  }
  unsigned width = element.isIndex() ? 64 : element.getIntOrFloatBitWidth();
  APInt value = TypeSwitch<Operation *, APInt>(combiner)
                    .Case<arith::MulIOp>([&](auto) { return APInt(width, 1); })
                    .Case<arith::AndIOp, arith::MinUIOp>(
                        [&](auto) { return APInt::getAllOnes(width); })
                    .Case<arith::MaxSIOp>(
                        [&](auto) { return APInt::getSignedMinValue(width); })
                    .Case<arith::MinSIOp>(
                        [&](auto) { return APInt::getSignedMaxValue(width); })
                    .Default([&](auto) { return APInt(width, 0); });
  return IntegerAttr::get(element, value);
}

void GenericEmitter::emit() {
  for (Range range : cast<linalg::LinalgOp>(op.getOperation())
                         .createLoopRanges(b, op.getLoc()))
    extents.push_back(
        getValueOrCreateConstantIndexOp(b, op.getLoc(), range.size));
  emitLoops(plan.parallelLoops, [&] {
    if (plan.vectorLoop < 0)
      emitElements(Step());
    else if (plan.reducesLanes)
      emitLaneReduction();
    else if (plan.transposedLoop >= 0)
      emitSquares();
    else
      emitParallelVectors(index(0));
  });
}

/// Nested loops over `loops`, outside in.
void GenericEmitter::emitLoops(ArrayRef<int64_t> loops,
                               function_ref<void()> inner) {
  if (loops.empty())
    return inner();
  int64_t loop = loops.front();
  if (getConstantIntValue(extents[loop]) == 1) {
    at[loop] = index(0);
    return emitLoops(loops.drop_front(), inner);
  }
  loopTo(index(0), extents[loop], 1, [&](Value i) {
    at[loop] = i;
    emitLoops(loops.drop_front(), inner);
  });
}

/// True if all steps of `loops` are so few that they stand one after another,
/// as those of a window: counting them takes as many instructions, and the
/// processor asks for data no further ahead than it keeps instructions.
bool GenericEmitter::isShort(ArrayRef<int64_t> loops) {
  constexpr int64_t kMostOps = 32;
  int64_t count = llvm::range_size(op.getBody()->without_terminator());
  for (int64_t loop : loops) {
    auto extent = getConstantIntValue(extents[loop]);
    if (!extent || *extent > kMostOps)
      return false;
    count *= *extent;
  }
  return count <= kMostOps;
}

/// Nested loops that carry `sums`.
SmallVector<Value>
GenericEmitter::emitSums(ArrayRef<int64_t> loops, Values sums,
                         function_ref<Values(Values)> inner) {
  if (loops.empty())
    return inner(sums);
  int64_t loop = loops.front();
  if (getConstantIntValue(extents[loop]) == 1 || isShort(loops)) {
    for (int64_t i = 0, n = *getConstantIntValue(extents[loop]); i < n; ++i) {
      at[loop] = index(i);
      sums = emitSums(loops.drop_front(), sums, inner);
    }
    return sums;
  }
  auto nest = scf::ForOp::create(b, index(0), extents[loop], index(1), sums);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(nest.getBody());
  at[loop] = nest.getInductionVar();
  Values next =
      emitSums(loops.drop_front(), Values(nest.getRegionIterArgs()), inner);
  scf::YieldOp::create(b, next);
  return nest.getResults();
}

/// A loop over whole steps between `low` and `high`; returns where it ends.
Value GenericEmitter::loopTo(Value low, Value high, int64_t step,
                             function_ref<void(Value)> inner) {
  auto from = getConstantIntValue(low), to = getConstantIntValue(high);
  Value end = high;
  if (step > 1) {
    if (from && to) {
      end = index(*from + (*to - *from) / step * step);
    } else {
      AffineExpr l = b.getAffineSymbolExpr(0), h = b.getAffineSymbolExpr(1);
      OpFoldResult e = affine::makeComposedFoldedAffineApply(
          b, b.getLoc(), l + (h - l).floorDiv(step) * step,
          {getAsOpFoldResult(low), getAsOpFoldResult(high)});
      end = getValueOrCreateConstantIndexOp(b, b.getLoc(), e);
    }
  }
  if (from && getConstantIntValue(end) == *from)
    return end;
  auto loop = scf::ForOp::create(b, low, end, index(step));
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  inner(loop.getInductionVar());
  return end;
}

/// The same for one vector of sums, as several that take turns: one alone would
/// wait for its last addition.
Value GenericEmitter::emitChains(ArrayRef<int64_t> loops, Value sum,
                                 const Step &step) {
  Value start = splat(
      b, b.getLoc(),
      arith::ConstantOp::create(
          b, neutral(plan.combiner, getElementTypeOrSelf(sum.getType()), b)),
      step.lanes);
  Values sums(plan.chains, start);
  sums[0] = sum;
  int64_t loop = loops.back();
  auto along = [&](Values carried, Value from, Value to, int64_t count) {
    if (getConstantIntValue(from) &&
        getConstantIntValue(from) == getConstantIntValue(to))
      return carried;
    auto nest = scf::ForOp::create(b, from, to, index(count), carried);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(nest.getBody());
    Values next(nest.getRegionIterArgs());
    for (int64_t i = 0; i < count; ++i) {
      at[loop] = i ? arith::AddIOp::create(b, nest.getInductionVar(), index(i))
                         .getResult()
                   : nest.getInductionVar();
      next[i] = splat(b, b.getLoc(), body(0, step, {next[i]})[0], step.lanes);
    }
    scf::YieldOp::create(b, next);
    return Values(nest.getResults());
  };
  AffineExpr e = b.getAffineSymbolExpr(0);
  Value extent = extents[loop],
        whole = getValueOrCreateConstantIndexOp(
            b, b.getLoc(),
            affine::makeComposedFoldedAffineApply(
                b, b.getLoc(), e.floorDiv(plan.chains) * plan.chains,
                {getAsOpFoldResult(extent)}));
  sums = emitSums(loops.drop_back(), sums, [&](Values carried) {
    carried = along(carried, index(0), whole, plan.chains);
    return along(carried, whole, extent, 1);
  });
  for (size_t n = sums.size(); n > 1; n /= 2)
    for (size_t i = 0; i < n / 2; ++i)
      sums[i] = combine(sums[i], sums[i + n / 2]);
  return sums[0];
}

//===-- Vectors along a parallel loop
//-------------------------------------------//

void GenericEmitter::emitParallelVectors(Value from) {
  int64_t loop = plan.vectorLoop, lanes = plan.lanes;
  Value extent = extents[loop], done = from;
  for (int64_t vectors = plan.unroll; vectors >= 1;
       vectors = vectors > 1 ? 1 : 0)
    done = loopTo(done, extent, lanes * vectors, [&](Value i) {
      at[loop] = i;
      emitElements({lanes, vectors, Value()});
    });
  if (getConstantIntValue(extent) &&
      getConstantIntValue(extent) == getConstantIntValue(done))
    return;
  if (!plan.masked) {
    loopTo(done, extent, 1, [&](Value i) {
      at[loop] = i;
      emitElements(Step());
    });
    return;
  }
  // A loop of one iteration at most: nothing runs where nothing is left.
  auto rest = scf::ForOp::create(b, done, extent, index(lanes));
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(rest.getBody());
  at[loop] = rest.getInductionVar();
  Value left = arith::SubIOp::create(b, extent, at[loop]);
  Value mask = vector::CreateMaskOp::create(
      b, VectorType::get({lanes}, b.getI1Type()), left);
  emitElements({lanes, 1, mask});
}

/// Squares of lanes x lanes, and what is left of both loops vector by vector.
void GenericEmitter::emitSquares() {
  int64_t loop = plan.transposedLoop;
  auto oneByOne = [&](Value low, Value high, Value from) {
    loopTo(low, high, 1, [&](Value i) {
      at[loop] = i;
      emitParallelVectors(from);
    });
  };
  // A short loop is one square of which the last columns are missing.
  auto known = getConstantIntValue(extents[loop]);
  int64_t step = known ? std::min(*known, plan.lanes) : plan.lanes;
  Value done = loopTo(index(0), extents[loop], step, [&](Value first) {
    at[loop] = first;
    Value whole =
        loopTo(index(0), extents[plan.vectorLoop], plan.lanes, [&](Value i) {
          at[plan.vectorLoop] = i;
          emitSquare(step);
        });
    auto left = getConstantIntValue(whole);
    if (!left || left != getConstantIntValue(extents[plan.vectorLoop]))
      oneByOne(first, arith::AddIOp::create(b, first, index(step)).getResult(),
               whole);
  });
  oneByOne(done, extents[loop], index(0));
}

/// The first `count` lanes of a vector.
Value GenericEmitter::loadFirst(VectorType type, Value memory,
                                ArrayRef<Value> place, int64_t count) {
  if (count == type.getNumElements())
    return vector::LoadOp::create(b, type, memory, place);
  Value mask = vector::ConstantMaskOp::create(b, type.clone(b.getI1Type()),
                                              ArrayRef<int64_t>{count});
  Value nothing = arith::ConstantOp::create(b, b.getZeroAttr(type));
  return vector::MaskedLoadOp::create(b, type, memory, place, mask, nothing);
}

/// Loads what is scattered along the transposed loop, where it is contiguous,
/// and turns it; turns results back likewise.
void GenericEmitter::emitSquare(int64_t width) {
  int64_t lanes = plan.lanes;
  Value first = at[plan.transposedLoop];
  auto isScattered = [&](OpOperand &operand) {
    return accessAlong(op, operand, plan.vectorLoop) == Access::Scattered;
  };
  for (OpOperand *input : op.getDpsInputOperands()) {
    if (!isScattered(*input))
      continue;
    VectorType type =
        VectorType::get({lanes}, getElementTypeOrSelf(input->get().getType()));
    Values rows;
    for (int64_t lane = 0; lane < lanes; ++lane)
      rows.push_back(loadFirst(type, input->get(),
                               indices(*input, 0, lanes, lane), width));
    columns[input] = transposeVectors(b, rows);
  }
  Step step{lanes, 1, Value()};
  llvm::DenseMap<OpOperand *, Values> results;
  for (column = 0; column < width; ++column) {
    at[plan.transposedLoop] =
        column ? arith::AddIOp::create(b, first, index(column)).getResult()
               : first;
    Values olds;
    for (OpOperand &out : op.getDpsInitsMutable())
      olds.push_back(op.payloadUsesValueFromOperand(&out) ? load(out, 0, step)
                                                          : Value());
    for (auto [out, value] :
         llvm::zip(op.getDpsInitsMutable(), body(0, step, olds))) {
      Value vector = splat(b, b.getLoc(), value, lanes);
      if (isScattered(out))
        results[&out].push_back(vector);
      else
        store(out, vector, 0, step);
    }
  }
  at[plan.transposedLoop] = first;
  columns.clear();
  for (OpOperand &out : op.getDpsInitsMutable())
    if (isScattered(out))
      for (auto [lane, row] :
           llvm::enumerate(transposeVectors(b, results[&out])))
        vector::StoreOp::create(b, row, out.get(),
                                indices(out, 0, lanes, lane));
}

/// All vectors of one step: old elements, the reduction loops, new elements.
void GenericEmitter::emitElements(const Step &step) {
  Values sums;
  for (int64_t vector = 0; vector < step.vectors; ++vector)
    for (OpOperand &out : op.getDpsInitsMutable())
      sums.push_back(op.payloadUsesValueFromOperand(&out) ||
                             !plan.reductionLoops.empty()
                         ? load(out, vector, step)
                         : Value());
  auto run = [&](Values old) {
    Values next;
    int64_t outs = op.getNumDpsInits();
    for (int64_t vector = 0; vector < step.vectors; ++vector)
      llvm::append_range(
          next, body(vector, step, ArrayRef(old).slice(vector * outs, outs)));
    if (step.lanes > 1)
      for (auto [i, value] : llvm::enumerate(next))
        next[i] = splat(b, b.getLoc(), value, step.lanes);
    return next;
  };
  if (!plan.reductionLoops.empty() && step.lanes > 1)
    for (Value &sum : sums)
      sum = splat(b, b.getLoc(), sum, step.lanes);
  if (plan.reductionLoops.empty())
    sums = run(sums);
  else if (plan.chains > 1 && step.lanes > 1 && step.vectors == 1)
    sums = {emitChains(plan.reductionLoops, sums[0], step)};
  else
    sums = emitSums(plan.reductionLoops, sums, run);
  for (auto [i, sum] : llvm::enumerate(sums))
    store(op.getDpsInitsMutable()[i % op.getNumDpsInits()], sum,
          i / op.getNumDpsInits(), step);
}

//===-- Vectors along a reduction
//--------------------------------------------------//

Value GenericEmitter::combine(Value x, Value y) {
  OperationState state(b.getLoc(), plan.combiner->getName(), {x, y},
                       {x.getType()},
                       plan.combiner->getAttrDictionary().getValue());
  return b.create(state)->getResult(0);
}

/// Joins the lanes in halves: lane i with lane i + n/2, until one is left.
Value GenericEmitter::joinLanes(Value vector) {
  for (int64_t n = cast<VectorType>(vector.getType()).getDimSize(0); n > 1;
       n /= 2) {
    auto half = [&](int64_t from) -> Value {
      SmallVector<int64_t> picks;
      for (int64_t i = 0; i < n / 2; ++i)
        picks.push_back(from + i);
      return vector::ShuffleOp::create(b, vector, vector, picks);
    };
    Value low = half(0), high = half(n / 2);
    vector = combine(low, high);
  }
  return vector::ExtractOp::create(b, vector, 0);
}

void GenericEmitter::emitLaneReduction() {
  int64_t loop = plan.vectorLoop, lanes = plan.lanes;
  OpOperand &out = op.getDpsInitsMutable()[0];
  Type element = getElementTypeOrSelf(out.get().getType());
  Value start = splat(
      b, b.getLoc(),
      arith::ConstantOp::create(b, neutral(plan.combiner, element, b)), lanes);
  Values sums(plan.unroll, start);
  // One pass along the loop with `vectors` sums at a time.
  auto pass = [&](Values carried, Value from, Value to, int64_t vectors,
                  Value mask) {
    auto nest =
        scf::ForOp::create(b, from, to, index(lanes * vectors), carried);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(nest.getBody());
    at[loop] = nest.getInductionVar();
    Values next(nest.getRegionIterArgs());
    for (int64_t v = 0; v < vectors; ++v) {
      Step step{lanes, 1, mask};
      Value inside = nest.getRegionIterArgs()[v];
      Value sum = splat(b, b.getLoc(), body(v, step, {inside})[0], lanes);
      next[v] =
          mask ? Value(arith::SelectOp::create(b, mask, sum, inside)) : sum;
    }
    scf::YieldOp::create(b, next);
    return Values(nest.getResults());
  };
  auto run = [&](Values carried) {
    AffineExpr e = b.getAffineSymbolExpr(0);
    auto whole = [&](int64_t step) {
      return getValueOrCreateConstantIndexOp(
          b, b.getLoc(),
          affine::makeComposedFoldedAffineApply(
              b, b.getLoc(), e.floorDiv(step) * step,
              {getAsOpFoldResult(extents[loop])}));
    };
    Value extent = extents[loop], many = whole(lanes * plan.unroll),
          full = whole(lanes);
    auto differ = [](Value x, Value y) {
      return !getConstantIntValue(x) ||
             getConstantIntValue(x) != getConstantIntValue(y);
    };
    carried = pass(carried, index(0), many, plan.unroll, Value());
    if (plan.unroll > 1 && differ(many, full))
      carried = pass(carried, many, full, 1, Value());
    if (!differ(full, extent))
      return carried;
    if (plan.masked) {
      Value left = arith::SubIOp::create(b, extent, full);
      Value mask = vector::CreateMaskOp::create(
          b, VectorType::get({lanes}, b.getI1Type()), left);
      return pass(carried, full, extent, 1, mask);
    }
    // Element by element into lane 0 of the first sum.
    Value lane0 = vector::ExtractOp::create(b, carried[0], 0);
    auto nest = scf::ForOp::create(b, full, extent, index(1), lane0);
    {
      OpBuilder::InsertionGuard guard(b);
      b.setInsertionPointToStart(nest.getBody());
      at[loop] = nest.getInductionVar();
      Value next = body(0, Step(), {nest.getRegionIterArgs()[0]})[0];
      scf::YieldOp::create(b, next);
    }
    carried[0] = vector::InsertOp::create(b, nest.getResult(0), carried[0], 0);
    return carried;
  };
  sums = emitSums(plan.reductionLoops, sums, run);
  // Sums are joined as a tree.
  for (size_t n = sums.size(); n > 1; n /= 2)
    for (size_t i = 0; i < n / 2; ++i)
      sums[i] = combine(sums[i], sums[i + n / 2]);
  Value total = combine(load(out, 0, Step()), joinLanes(sums[0]));
  store(out, total, 0, Step());
}

//===-- Elements
//----------------------------------------------------------------------//

Value GenericEmitter::vectorStart(int64_t vector, int64_t lanes) {
  Value first = at[plan.vectorLoop];
  if (!vector)
    return first;
  AffineExpr e = b.getAffineSymbolExpr(0);
  return getValueOrCreateConstantIndexOp(
      b, b.getLoc(),
      affine::makeComposedFoldedAffineApply(b, b.getLoc(), e + vector * lanes,
                                            {getAsOpFoldResult(first)}));
}

/// Where lane `lane` of `vector` finds its element of `operand`.
SmallVector<Value> GenericEmitter::indices(OpOperand &operand, int64_t vector,
                                           int64_t lanes, int64_t lane) {
  AffineMap map = op.getMatchingIndexingMap(&operand);
  SmallVector<OpFoldResult> positions;
  for (int64_t loop = 0, e = op.getNumLoops(); loop < e; ++loop) {
    Value position = at[loop];
    if (loop == plan.vectorLoop && map.isFunctionOfDim(loop)) {
      position = vectorStart(vector, lanes);
      if (lane)
        position = arith::AddIOp::create(b, position, index(lane));
    }
    // A map that does not use the loop may be read before the loop runs.
    positions.push_back(position ? getAsOpFoldResult(position)
                                 : b.getIndexAttr(0));
  }
  Values result;
  for (AffineExpr expr : map.getResults())
    result.push_back(getValueOrCreateConstantIndexOp(
        b, b.getLoc(),
        affine::makeComposedFoldedAffineApply(
            b, b.getLoc(), AffineMap::get(map.getNumDims(), 0, expr),
            positions)));
  return result;
}

Value GenericEmitter::load(OpOperand &operand, int64_t vector,
                           const Step &step) {
  Value memory = operand.get();
  if (!isa<MemRefType>(memory.getType()))
    return memory;
  Type element = getElementTypeOrSelf(memory.getType());
  Access access = step.lanes == 1 ? Access::Uniform
                                  : accessAlong(op, operand, plan.vectorLoop);
  if (access == Access::Uniform)
    return memref::LoadOp::create(b, memory,
                                  indices(operand, vector, step.lanes));
  if (auto turned = columns.find(&operand); turned != columns.end())
    return turned->second[column];
  VectorType type = VectorType::get({step.lanes}, element);
  if (access == Access::Contiguous) {
    Values place = indices(operand, vector, step.lanes);
    if (!step.mask)
      return vector::LoadOp::create(b, type, memory, place);
    Value nothing = arith::ConstantOp::create(b, b.getZeroAttr(type));
    return vector::MaskedLoadOp::create(b, type, memory, place, step.mask,
                                        nothing);
  }
  Values lanes;
  for (int64_t lane = 0; lane < step.lanes; ++lane)
    lanes.push_back(memref::LoadOp::create(
        b, memory, indices(operand, vector, step.lanes, lane)));
  return vector::FromElementsOp::create(b, type, lanes);
}

void GenericEmitter::store(OpOperand &operand, Value value, int64_t vector,
                           const Step &step) {
  Value memory = operand.get();
  if (step.lanes == 1) {
    memref::StoreOp::create(b, value, memory,
                            indices(operand, vector, step.lanes));
    return;
  }
  if (accessAlong(op, operand, plan.vectorLoop) == Access::Contiguous) {
    Values place = indices(operand, vector, step.lanes);
    if (step.mask)
      vector::MaskedStoreOp::create(b, memory, place, step.mask, value);
    else
      vector::StoreOp::create(b, value, memory, place);
    return;
  }
  for (int64_t lane = 0; lane < step.lanes; ++lane) {
    Value element = vector::ExtractOp::create(b, value, lane);
    memref::StoreOp::create(b, element, memory,
                            indices(operand, vector, step.lanes, lane));
  }
}

//===-- The body
//------------------------------------------------------------------------//

/// `index` of the body, a value that grows by a constant from lane to lane, as
/// it is in the first lane.
Value GenericEmitter::atFirstLane(Value index, IRMapping &mapping,
                                  int64_t vector, const Step &step) {
  Operation *def = index.getDefiningOp();
  if (!def || def->getBlock() != op.getBody())
    return mapping.lookupOrDefault(index);
  Value mapped = mapping.lookupOrNull(index);
  if (mapped && !isa<VectorType>(mapped.getType()))
    return mapped;
  if (isa<linalg::IndexOp>(def))
    return vectorStart(vector, step.lanes);
  IRMapping scalars;
  for (Value operand : def->getOperands())
    scalars.map(operand, atFirstLane(operand, mapping, vector, step));
  return b.clone(*def, scalars)
      ->getResult(cast<OpResult>(index).getResultNumber());
}

Value GenericEmitter::loadInBody(memref::LoadOp load, IRMapping &mapping,
                                 int64_t vector, const Step &step) {
  Values places;
  bool uniform = true, lastOnly = true;
  for (auto [i, index] : llvm::enumerate(load.getIndices())) {
    places.push_back(mapping.lookupOrDefault(index));
    bool varies = isa<VectorType>(places.back().getType());
    uniform &= !varies;
    lastOnly &= !varies || i + 1 == load.getIndices().size();
  }
  Value memory = mapping.lookupOrDefault(load.getMemRef());
  if (uniform)
    return memref::LoadOp::create(b, memory, places);
  MemRefType type = load.getMemRefType();
  VectorType vectorType = VectorType::get({step.lanes}, type.getElementType());
  auto [strides, offset] = type.getStridesAndOffset();
  if (lastOnly && strides.back() == 1 && !type.getElementType().isInteger(1) &&
      laneStep(op, load.getIndices().back(), plan.vectorLoop) == 1) {
    places.back() =
        atFirstLane(load.getIndices().back(), mapping, vector, step);
    return vector::LoadOp::create(b, vectorType, memory, places);
  }
  Values lanes;
  for (int64_t lane = 0; lane < step.lanes; ++lane) {
    Values place;
    for (Value p : places)
      place.push_back(isa<VectorType>(p.getType())
                          ? Value(vector::ExtractOp::create(b, p, lane))
                          : p);
    lanes.push_back(memref::LoadOp::create(b, memory, place));
  }
  return vector::FromElementsOp::create(b, vectorType, lanes);
}

SmallVector<Value> GenericEmitter::body(int64_t vector, const Step &step,
                                        ArrayRef<Value> outs) {
  IRMapping mapping;
  for (OpOperand &operand : op->getOpOperands()) {
    BlockArgument argument = op.getMatchingBlockArgument(&operand);
    if (op.isDpsInit(&operand))
      mapping.map(argument,
                  outs[operand.getOperandNumber() - op.getNumDpsInputs()]);
    else if (!argument.use_empty())
      mapping.map(argument, load(operand, vector, step));
  }
  return vectorizeBody(
      b, *op.getBody(), mapping, step.lanes,
      [&](OpBuilder &, Operation *inner, IRMapping &map) {
        if (auto position = dyn_cast<linalg::IndexOp>(inner)) {
          int64_t loop = position.getDim();
          Value value = at[loop];
          if (loop == plan.vectorLoop) {
            value = vectorStart(vector, step.lanes);
            if (step.lanes > 1) {
              VectorType type = VectorType::get({step.lanes}, b.getIndexType());
              value = arith::AddIOp::create(
                  b, splat(b, b.getLoc(), value, step.lanes),
                  vector::StepOp::create(b, type));
            }
          }
          map.map(inner->getResult(0), value);
          return true;
        }
        if (auto load = dyn_cast<memref::LoadOp>(inner)) {
          map.map(inner->getResult(0), loadInBody(load, map, vector, step));
          return true;
        }
        if (auto apply = dyn_cast<affine::AffineApplyOp>(inner)) {
          // Index arithmetic becomes plain arith, which has a vector form.
          Values operands;
          bool uniform = true;
          for (Value operand : apply.getOperands()) {
            operands.push_back(map.lookupOrDefault(operand));
            uniform &= !isa<VectorType>(operands.back().getType());
          }
          if (uniform)
            return false;
          Values lanes;
          for (int64_t lane = 0; lane < step.lanes; ++lane) {
            SmallVector<OpFoldResult> scalars;
            for (Value operand : operands)
              scalars.push_back(
                  isa<VectorType>(operand.getType())
                      ? Value(vector::ExtractOp::create(b, operand, lane))
                      : operand);
            lanes.push_back(getValueOrCreateConstantIndexOp(
                b, b.getLoc(),
                affine::makeComposedFoldedAffineApply(
                    b, b.getLoc(), apply.getAffineMap(), scalars)));
          }
          map.map(
              inner->getResult(0),
              vector::FromElementsOp::create(
                  b, VectorType::get({step.lanes}, b.getIndexType()), lanes));
          return true;
        }
        if (step.lanes == 1) {
          b.clone(*inner, map);
          return true;
        }
        return false;
      });
}

//===-- The pass
//---------------------------------------------------------------------------//

struct VectorizeLinalgPass : impl::VectorizeLinalgBase<VectorizeLinalgPass> {
  using VectorizeLinalgBase::VectorizeLinalgBase;

  void runOnOperation() override {
    IRRewriter rewriter(&getContext());
    SmallVector<linalg::LinalgOp> ops;
    getOperation().walk([&](linalg::LinalgOp op) { ops.push_back(op); });
    for (linalg::LinalgOp op : ops) {
      if (!op.hasPureBufferSemantics()) {
        op.emitOpError("is not on memrefs; bufferize first");
        return signalPassFailure();
      }
      auto generic = dyn_cast<linalg::GenericOp>(op.getOperation());
      rewriter.setInsertionPoint(op);
      if (!generic) {
        FailureOr<linalg::GenericOp> general =
            linalg::generalizeNamedOp(rewriter, op);
        if (failed(general)) {
          op.emitOpError("has no general form");
          return signalPassFailure();
        }
        generic = *general;
      }
      generic = mergeLoops(rewriter, generic);
      LoopPlan plan = planLoops(generic, width);
      GenericEmitter(generic, plan).emit();
      rewriter.eraseOp(generic);
    }
    // Kernels that came with vectors of their own (picked channels).
    RewritePatternSet transfers(&getContext());
    vector::populateVectorTransferLoweringPatterns(transfers);
    if (failed(applyPatternsGreedily(getOperation(), std::move(transfers))))
      return signalPassFailure();
  }
};

} // namespace
} // namespace weft::cpu
