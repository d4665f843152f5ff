#include "Regions.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;

namespace weft::onnx {

/// Ends the block at the builder's place with `values`, as `types`.
static LogicalResult yield(NodeImport &n, ArrayRef<Value> values,
                           TypeRange types) {
  if (llvm::is_contained(values, Value()))
    return failure();
  SmallVector<Value> cast(values);
  for (auto [value, type] : llvm::zip_equal(cast, types))
    if (value.getType() != type)
      value = tensor::CastOp::create(n.b, n.loc, type, value);
  scf::YieldOp::create(n.b, n.loc, cast);
  return success();
}

Value either(NodeImport &n, Value condition, Type type,
             function_ref<Value()> yes, function_ref<Value()> no) {
  if (!condition)
    return nullptr;
  auto op = scf::IfOp::create(n.b, n.loc, type, condition,
                              /*withElseRegion=*/true);
  auto fill = [&](Region &region, function_ref<Value()> value) {
    OpBuilder::InsertionGuard guard(n.b);
    n.b.setInsertionPointToStart(&region.front());
    return yield(n, value(), type);
  };
  if (failed(fill(op.getThenRegion(), yes)) ||
      failed(fill(op.getElseRegion(), no)))
    return nullptr;
  return op.getResult(0);
}

SmallVector<Value> repeated(NodeImport &n, ValueRange values,
                            function_ref<Value(ValueRange)> more,
                            function_ref<SmallVector<Value>(ValueRange)> turn) {
  auto loop = scf::WhileOp::create(n.b, n.loc, values.getTypes(), values);
  SmallVector<Location> locs(values.size(), n.loc);
  OpBuilder::InsertionGuard guard(n.b);
  Block *before =
      n.b.createBlock(&loop.getBefore(), {}, values.getTypes(), locs);
  scf::ConditionOp::create(n.b, n.loc, more(before->getArguments()),
                           before->getArguments());
  Block *after = n.b.createBlock(&loop.getAfter(), {}, values.getTypes(), locs);
  scf::YieldOp::create(n.b, n.loc, turn(after->getArguments()));
  return loop.getResults();
}

SmallVector<Value> times(NodeImport &n, Value count, ValueRange values,
                         function_ref<SmallVector<Value>(ValueRange)> turn) {
  Value zero = arith::ConstantIndexOp::create(n.b, n.loc, 0),
        one = arith::ConstantIndexOp::create(n.b, n.loc, 1);
  auto loop = scf::ForOp::create(n.b, n.loc, zero, count, one, values);
  OpBuilder::InsertionGuard guard(n.b);
  n.b.setInsertionPointToStart(loop.getBody());
  if (failed(yield(n, turn(loop.getRegionIterArgs()), values.getTypes())))
    return SmallVector<Value>(values.size());
  return loop.getResults();
}

} // namespace weft::onnx
