// Index arithmetic and thread numbers for the emitters of device code. All
// indices are below 2^63 and not negative, so division is unsigned.
#ifndef WEFT_LIB_TARGET_GPU_INDEXBUILDER_H
#define WEFT_LIB_TARGET_GPU_INDEXBUILDER_H

#include "weft/Target/GPU/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace weft::gpu {

struct IndexBuilder : mlir::ImplicitLocOpBuilder {
  using Value = mlir::Value;
  using ImplicitLocOpBuilder::ImplicitLocOpBuilder;

  Value index(int64_t value) {
    return createOrFold<mlir::arith::ConstantIndexOp>(value);
  }
  Value add(Value a, Value b) {
    return createOrFold<mlir::arith::AddIOp>(a, b);
  }
  Value mul(Value a, Value b) {
    return createOrFold<mlir::arith::MulIOp>(a, b);
  }
  Value div(Value a, Value b) {
    return createOrFold<mlir::arith::DivUIOp>(a, b);
  }
  Value rem(Value a, Value b) {
    return createOrFold<mlir::arith::RemUIOp>(a, b);
  }
  Value min(Value a, Value b) {
    return createOrFold<mlir::arith::MinUIOp>(a, b);
  }
  Value ceilDiv(Value a, int64_t b) {
    return div(add(a, index(b - 1)), index(b));
  }
  Value less(Value a, Value b) {
    return createOrFold<mlir::arith::CmpIOp>(mlir::arith::CmpIPredicate::ult, a,
                                             b);
  }
  Value both(Value a, Value b) {
    return createOrFold<mlir::arith::AndIOp>(a, b);
  }
  Value dim(Value shaped, int64_t axis) {
    return createOrFold<mlir::memref::DimOp>(shaped, index(axis));
  }
  /// This thread's number in its block.
  Value thread() {
    return createOrFold<mlir::gpu::ThreadIdOp>(mlir::gpu::Dimension::x);
  }

  /// The product of extents; 1 for none.
  Value product(mlir::ValueRange extents) {
    Value result = index(1);
    for (Value extent : extents)
      result = mul(result, extent);
    return result;
  }

  /// Splits a row-major position into one index for each extent. Extents that
  /// are 1 cost nothing.
  mlir::SmallVector<Value> delinearize(Value position,
                                       mlir::ValueRange extents) {
    mlir::SmallVector<Value> indices(extents.size(), index(0));
    llvm::SmallVector<size_t> wide;
    for (size_t i = 0; i < extents.size(); ++i)
      if (!mlir::isConstantIntValue(extents[i], 1))
        wide.push_back(i);
    for (size_t i : llvm::reverse(wide)) {
      indices[i] = i == wide.front() ? position : rem(position, extents[i]);
      if (i != wide.front())
        position = div(position, extents[i]);
    }
    return indices;
  }

  /// Opens `for (i = begin; i < end; i += step)`; `body` is called inside it
  /// with the index and the carried values, and returns what they become.
  mlir::SmallVector<Value>
  loop(Value begin, Value end, Value step, mlir::ValueRange carried,
       llvm::function_ref<mlir::SmallVector<Value>(Value, mlir::ValueRange)>
           body) {
    auto loop = mlir::scf::ForOp::create(
        *this, begin, end, step, carried,
        [](mlir::OpBuilder &, mlir::Location, Value, mlir::ValueRange) {});
    OpBuilder::InsertionGuard guard(*this);
    setInsertionPointToEnd(loop.getBody());
    mlir::scf::YieldOp::create(
        *this, body(loop.getInductionVar(), loop.getRegionIterArgs()));
    return llvm::to_vector(mlir::ValueRange(loop.getResults()));
  }

  /// Opens `if (condition)` and calls `body` inside it.
  void when(Value condition, llvm::function_ref<void()> body) {
    auto branch = mlir::scf::IfOp::create(*this, condition,
                                          /*withElseRegion=*/false);
    OpBuilder::InsertionGuard guard(*this);
    setInsertionPoint(branch.thenYield());
    body();
  }
};

} // namespace weft::gpu

#endif // WEFT_LIB_TARGET_GPU_INDEXBUILDER_H
