// Work items, and cutting rows into register tiles.

#include "Microkernel.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;

namespace weft::cpu {

void emitItems(LoopBuilder &b, Value count, function_ref<void(Value)> body) {
  auto forall =
      scf::ForallOp::create(b, ArrayRef<OpFoldResult>{getAsOpFoldResult(count)},
                            ValueRange(), std::nullopt);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(forall.getBody()->getTerminator());
  body(forall.getInductionVar(0));
}

EvenSplit::EvenSplit(LoopBuilder &b, Value total, int64_t most)
    : total(total), most(most) {
  count = b.divUp(total, b.index(most));
  if (constantOf(count) == 0) {
    base = longer = count;
    return;
  }
  base = b.div(total, b.max(count, b.index(1)));
  longer = b.sub(total, b.mul(base, count));
}

Value EvenSplit::start(LoopBuilder &b, Value tile) const {
  return b.add(b.mul(tile, base), b.min(tile, longer));
}

void EvenSplit::forEach(LoopBuilder &b, Value first, Value last,
                        function_ref<void(int64_t, Value)> body) const {
  if (std::optional<int64_t> size = constantOf(base)) {
    if (constantOf(longer) != 0)
      b.loop(first, b.min(last, longer), 1,
             [&](Value tile) { body(*size + 1, b.mul(tile, *size + 1)); });
    if (constantOf(longer) != constantOf(count))
      b.loop(b.max(first, longer), last, 1,
             [&](Value tile) { body(*size, start(b, tile)); });
    return;
  }
  b.loop(first, last, 1, [&](Value tile) {
    Value extra =
        arith::IndexCastUIOp::create(b, b.getIndexType(), b.less(tile, longer));
    Value size = b.add(base, extra), from = start(b, tile);
    SmallVector<int64_t> sizes = llvm::to_vector(llvm::seq<int64_t>(1, most));
    auto choice =
        scf::IndexSwitchOp::create(b, TypeRange(), size, sizes, sizes.size());
    OpBuilder::InsertionGuard guard(b);
    auto fill = [&](Region &region, int64_t rows) {
      b.setInsertionPointToStart(&region.emplaceBlock());
      scf::YieldOp yield = scf::YieldOp::create(b);
      b.setInsertionPoint(yield);
      body(rows, from);
    };
    for (auto [rows, region] : llvm::zip_equal(sizes, choice.getCaseRegions()))
      fill(region, rows);
    fill(choice.getDefaultRegion(), most);
  });
}

} // namespace weft::cpu
