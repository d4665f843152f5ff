// Work items, and cutting rows into register tiles.

#include "Microkernel.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "llvm/ADT/bit.h"

using namespace mlir;

namespace weft::cpu {

/// Tiles of up to so many rows have code for each smaller number of them, where
/// that is known at run time only: each piece reads a panel once more.
constexpr int64_t kMostExactRows = 8;

void emitItems(LoopBuilder &b, Value count, function_ref<void(Value)> body) {
  if (b.getInsertionBlock()->getParentOp()->getParentOfType<scf::ForallOp>() ||
      isa<scf::ForallOp>(b.getInsertionBlock()->getParentOp()))
    return b.loop(b.index(0), count, 1, body);
  auto forall =
      scf::ForallOp::create(b, ArrayRef<OpFoldResult>{getAsOpFoldResult(count)},
                            ValueRange(), std::nullopt);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(forall.getBody()->getTerminator());
  body(forall.getInductionVar(0));
}

Value columnsAhead(LoopBuilder &b, Value tiles, int64_t panels) {
  Value columns = b.index(kernel::kBlock);
  for (int64_t parts = 2; parts <= kernel::kBlock; parts *= 2)
    columns = b.createOrFold<arith::SelectOp>(
        b.less(tiles, b.index(parts * panels)), columns,
        b.index(kernel::kBlock / parts));
  return columns;
}

RowSplit::RowSplit(LoopBuilder &b, Value total, int64_t most)
    : total(total), most(most) {
  count = b.divUp(total, b.index(most));
  if (std::optional<int64_t> known = constantOf(total)) {
    int64_t tiles = std::max<int64_t>(1, *constantOf(count));
    base = *known / tiles;
    longer = *known % tiles;
  }
}

int64_t RowSplit::mostRows(int64_t tiles) const {
  if (!constantOf(total))
    return tiles * most;
  return tiles * base + std::min(tiles, longer);
}

Value RowSplit::start(LoopBuilder &b, Value tile) const {
  if (!constantOf(total))
    return b.min(b.mul(tile, most), total);
  return b.add(b.mul(tile, base), b.min(tile, b.index(longer)));
}

Value RowSplit::tileAt(LoopBuilder &b, int64_t size, Value start) const {
  if (!constantOf(total))
    return b.div(start, b.index(most));
  if (size > base)
    return b.div(start, b.index(size));
  return b.div(b.sub(start, b.index(longer)), b.index(base));
}

void RowSplit::forEach(LoopBuilder &b, Value first, Value last,
                       function_ref<void(int64_t, Value)> body) const {
  if (std::optional<int64_t> known = constantOf(total)) {
    if (longer != 0)
      b.loop(first, b.min(last, b.index(longer)), 1,
             [&](Value tile) { body(base + 1, b.mul(tile, base + 1)); });
    if (base != 0)
      b.loop(b.max(first, b.index(longer)), last, 1,
             [&](Value tile) { body(base, start(b, tile)); });
    return;
  }
  Value whole = b.div(total, b.index(most));
  b.loop(first, b.min(last, whole), 1,
         [&](Value tile) { body(most, b.mul(tile, most)); });
  b.when(b.less(whole, last), [&] {
    Value at = b.mul(whole, most), rest = b.sub(total, at);
    if (most <= kMostExactRows) {
      for (int64_t size = 1; size < most; ++size)
        b.when(b.createOrFold<arith::CmpIOp>(arith::CmpIPredicate::eq, rest,
                                             b.index(size)),
               [&] { body(size, at); });
      return;
    }
    for (int64_t size = llvm::bit_floor<uint64_t>(most); size > 0; size /= 2) {
      if (size == most)
        continue;
      Value part = b.createOrFold<arith::AndIOp>(rest, b.index(size));
      b.when(b.less(b.index(0), part), [&] { body(size, at); });
      at = b.add(at, part);
    }
  });
}

} // namespace weft::cpu
