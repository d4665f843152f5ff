// No linalg op has an order in which it goes along an axis, so each line is one
// iteration of a parallel loop, and a sequential loop within it. The lowerings
// that use this are the only ones that make their own scf.forall.

#include "Lines.h"

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;

namespace weft::lowering {

Value forEachLine(LoopBuilder &b, LoopBuilder::Dims dims, Type element,
                  ArrayRef<int64_t> axes, LineBody body) {
  SmallVector<OpFoldResult> lines(dims);
  for (int64_t axis : axes)
    lines[axis] = b.getIndexAttr(1);
  auto forall =
      scf::ForallOp::create(b, ArrayRef<OpFoldResult>{b.dims().product(lines)},
                            ValueRange{b.empty(dims, element)}, std::nullopt);
  b.setInsertionPointToStart(forall.getBody());
  // The number of the line as its digits, the last axis the fastest.
  SmallVector<Value> line(lines.size(), b.index(0));
  Value rest = forall.getInductionVar(0);
  for (size_t i = lines.size(); i-- > 0;) {
    if (isConstantIntValue(lines[i], 1))
      continue;
    Value count = b.dims().value(lines[i]);
    line[i] = arith::RemUIOp::create(b, rest, count);
    rest = arith::DivUIOp::create(b, rest, count);
  }
  SmallVector<OpFoldResult> offsets(line.begin(), line.end()),
      sizes(dims.size(), b.getIndexAttr(1)),
      strides(dims.size(), b.getIndexAttr(1));
  for (int64_t axis : axes) {
    offsets[axis] = b.getIndexAttr(0);
    sizes[axis] = dims[axis];
    line[axis] = b.index(0);
  }
  Value shared = forall.getRegionIterArgs()[0];
  Value target =
      tensor::ExtractSliceOp::create(b, shared, offsets, sizes, strides);
  Value written = body(b, line, target);
  b.setInsertionPointToStart(forall.getTerminator().getBody());
  tensor::ParallelInsertSliceOp::create(b, written, shared, offsets, sizes,
                                        strides);
  b.setInsertionPointAfter(forall);
  return forall.getResult(0);
}

SmallVector<Value>
loop(ImplicitLocOpBuilder &b, Value from, Value to, ValueRange carried,
     function_ref<SmallVector<Value>(ImplicitLocOpBuilder &, Value, ValueRange)>
         body) {
  auto op = scf::ForOp::create(
      b, from, to, arith::ConstantIndexOp::create(b, 1), carried,
      [&](OpBuilder &nested, Location loc, Value i, ValueRange before) {
        ImplicitLocOpBuilder inner(loc, nested);
        scf::YieldOp::create(inner, body(inner, i, before));
      });
  return SmallVector<Value>(op.getResults());
}

SmallVector<Value>
branch(ImplicitLocOpBuilder &b, Value condition,
       function_ref<SmallVector<Value>(ImplicitLocOpBuilder &)> yes,
       function_ref<SmallVector<Value>(ImplicitLocOpBuilder &)> no) {
  auto fill = [](auto way) {
    return [way](OpBuilder &nested, Location loc) {
      ImplicitLocOpBuilder inner(loc, nested);
      scf::YieldOp::create(inner, way(inner));
    };
  };
  auto op = scf::IfOp::create(b, condition, fill(yes), fill(no));
  return SmallVector<Value>(op.getResults());
}

SmallVector<Value> along(ArrayRef<Value> at, int64_t axis, Value i) {
  SmallVector<Value> moved(at);
  moved[axis] = i;
  return moved;
}

} // namespace weft::lowering
