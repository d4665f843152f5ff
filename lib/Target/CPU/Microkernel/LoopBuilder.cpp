// Folding builders of index arithmetic and loops.

#include "LoopBuilder.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

using namespace mlir;

namespace weft::cpu {

std::optional<int64_t> constantOf(Value value) {
  return getConstantIntValue(value);
}

Value LoopBuilder::index(int64_t value) {
  return arith::ConstantIndexOp::create(*this, value);
}

Value LoopBuilder::add(Value a, Value b) {
  return createOrFold<arith::AddIOp>(a, b);
}

Value LoopBuilder::sub(Value a, Value b) {
  return createOrFold<arith::SubIOp>(a, b);
}

Value LoopBuilder::mul(Value a, Value b) {
  return createOrFold<arith::MulIOp>(a, b);
}

Value LoopBuilder::div(Value a, Value b) {
  return createOrFold<arith::DivUIOp>(a, b);
}

Value LoopBuilder::divUp(Value a, Value b) {
  std::optional<int64_t> divisor = constantOf(b);
  return div(add(a, divisor ? index(*divisor - 1) : sub(b, index(1))), b);
}

Value LoopBuilder::rem(Value a, Value b) {
  if (constantOf(b) == 1)
    return index(0);
  return createOrFold<arith::RemUIOp>(a, b);
}

Value LoopBuilder::min(Value a, Value b) {
  return createOrFold<arith::MinUIOp>(a, b);
}

Value LoopBuilder::max(Value a, Value b) {
  return createOrFold<arith::MaxUIOp>(a, b);
}

Value LoopBuilder::less(Value a, Value b) {
  return createOrFold<arith::CmpIOp>(arith::CmpIPredicate::ult, a, b);
}

void LoopBuilder::prefetch(Value memref, ValueRange indices) {
  memref::PrefetchOp::create(*this, memref, indices, /*isWrite=*/false,
                             /*localityHint=*/2, /*isDataCache=*/true);
}

Value LoopBuilder::dim(Value memref, int64_t dim) {
  auto type = cast<MemRefType>(memref.getType());
  if (!type.isDynamicDim(dim))
    return index(type.getDimSize(dim));
  return createOrFold<memref::DimOp>(memref, dim);
}

Values LoopBuilder::delinearize(Value linear, ArrayRef<Value> extents) {
  Values indices(extents.size());
  for (int64_t i = extents.size() - 1; i > 0; --i) {
    indices[i] = rem(linear, extents[i]);
    linear = div(linear, extents[i]);
  }
  if (!extents.empty())
    indices[0] = linear;
  return indices;
}

Values LoopBuilder::loop(Value lower, Value upper, int64_t step,
                         ValueRange init,
                         function_ref<Values(Value, ValueRange)> body) {
  std::optional<int64_t> first = constantOf(lower), last = constantOf(upper);
  if (first && last && *first >= *last)
    return Values(init);
  if (first && last && *last - *first <= step)
    return body(lower, init);
  auto loop = scf::ForOp::create(*this, lower, upper, index(step), init);
  OpBuilder::InsertionGuard guard(*this);
  if (init.empty())
    setInsertionPoint(loop.getBody()->getTerminator());
  else
    setInsertionPointToStart(loop.getBody());
  Values results = body(loop.getInductionVar(), loop.getRegionIterArgs());
  if (!init.empty())
    scf::YieldOp::create(*this, results);
  return Values(loop.getResults());
}

void LoopBuilder::loop(Value lower, Value upper, int64_t step,
                       function_ref<void(Value)> body) {
  loop(lower, upper, step, {}, [&](Value i, ValueRange) {
    body(i);
    return Values();
  });
}

Values LoopBuilder::loopByTwo(Value count, ValueRange init,
                              function_ref<Values(Value, ValueRange)> body) {
  std::optional<int64_t> known = constantOf(count);
  if (!known)
    return loop(index(0), count, 1, init, body);
  int64_t even = *known - *known % 2;
  Values results = loop(index(0), index(even), 2, init,
                        [&](Value i, ValueRange carried) -> Values {
                          return body(add(i, 1), body(i, carried));
                        });
  return even == *known ? results : body(index(even), results);
}

void LoopBuilder::when(Value condition, function_ref<void()> body,
                       function_ref<void()> otherwise) {
  if (std::optional<int64_t> known = constantOf(condition)) {
    if (*known)
      body();
    else if (otherwise)
      otherwise();
    return;
  }
  auto branch = scf::IfOp::create(*this, condition,
                                  /*withElseRegion=*/bool(otherwise));
  OpBuilder::InsertionGuard guard(*this);
  setInsertionPointToStart(branch.thenBlock());
  body();
  if (!otherwise)
    return;
  setInsertionPointToStart(branch.elseBlock());
  otherwise();
}

} // namespace weft::cpu
