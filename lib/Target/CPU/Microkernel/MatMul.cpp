// Matrix product. One work item is a block of rows by a block of panels:
//
//   for each block of k (all of k if it is short)
//     for each group of panels           their k-block stays in L2
//       for each tile of rows            its rows come from L1 or L2
//         for k: registers += row element * panel vector
//         epilogue, on the registers or, if it is heavy, from a small buffer
//
// Rows of the left side are read where they lie: a tile has at most as many of
// them as L1 has ways, so that rows a power of two apart stay in it side by
// side. Copies of them cost 3 to 5 %.
//
// Sums that do not stay in registers (several k-blocks, a heavy epilogue) go
// through a buffer of the item. Every sum takes in its k in ascending order, so
// neither tiles nor threads change a bit of the result.

#include "Epilogue.h"
#include "Microkernel.h"
#include "Product.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include <numeric>

using namespace mlir;

namespace weft::cpu {
namespace {

constexpr int64_t kPanel = kernel::kBlock;
/// Up to this many rows, where the number is known at run time only, are taken
/// one by one over this many panels.
constexpr int64_t kFewRows = 3, kNarrowPanels = 4;

/// Neighbouring panels that one register tile covers.
struct Group {
  Value panel; ///< the first
  int64_t panels;
  bool isWhole; ///< false: the last column lies inside
};

/// A stretch of k that is summed up at once.
struct DepthBlock {
  Value begin, count;
  bool isFirst, isLast;
};

class MatMulEmitter {
public:
  MatMulEmitter(kernel::MatMulOp op, const Machine &machine, const Tile &tile);
  void emit();

private:
  void emitItem();
  void emitBlocks();
  void emitNarrow();
  void allocateBuffers();
  void emitDepthBlock(const DepthBlock &block);
  void packPanel(Value slot, const Group &group, const DepthBlock &block);
  void emitGroups(function_ref<void(const Group &)> body);
  void emitTile(int64_t rows, Value row, const Group &group,
                const DepthBlock &block);
  Values placeAhead(Value tileNumber, const Group &group,
                    const DepthBlock &block);
  Value fetchingTiles();
  void finishTile(int64_t rows, Value row, const Group &group);
  void store(Value sum, Value row, const Group &group, int64_t vector);

  Value left(Value row, int64_t r, Value at, const DepthBlock &block);
  Value right(const Group &group, int64_t vector, Value at,
              const DepthBlock &block);
  Value loadPlain(Value column, Value at, const Group &group, bool widened);
  Value validLanes(Value column);
  Values sumsIndex(Value row, int64_t r, const Group &group, int64_t vector);
  Values operandBatch(Value operand);
  Values lhsBatch() { return operandBatch(lhs); }
  Values rhsBatch() { return operandBatch(rhs); }
  Value allocate(ArrayRef<Value> extents, Type element);

  LoopBuilder b;
  Tile tile;
  Product product;
  Epilogue epilogue;
  Value lhs, rhs, out;
  RowSplit split;      ///< of the rows
  bool packed;         ///< the right side comes in panels
  bool blocked;        ///< k is summed up in several blocks
  bool light;          ///< the epilogue runs on the register tile
  bool packs;          ///< panels of a plain right side are copied
  bool fetches;        ///< panels are fetched ahead
  bool mayNarrow;      ///< the number of rows is not known and may be small
  bool narrow = false; ///< code for few rows is being emitted
  int64_t batchRank, vectors;
  Value m, n, k, panelCount;
  Values batchExtents;

  // Of the item that is being emitted.
  Values batch;
  Value firstTile, lastTile, firstRow, firstPanel, lastPanel;
  Value panelBuffer, sumsBuffer;
  Value tileRow; ///< the first one of the tile
};

MatMulEmitter::MatMulEmitter(kernel::MatMulOp op, const Machine &machine,
                             const Tile &tile)
    : b(op.getLoc(), op), tile(tile),
      product(op.getEpilogue().getArgument(0).getType(), machine,
              getElementTypeOrSelf(op.getRhs().getType())),
      lhs(op.getLhs()), rhs(op.getRhs()), out(op.getOutputs()[0]),
      split(b, b.dim(out, cast<MemRefType>(out.getType()).getRank() - 2),
            tile.rows),
      packed(op.getPacked()) {
  epilogue = {
      &op.getEpilogue().front(), Values(op.getExtras()),
      llvm::to_vector(op.getExtraMaps().getAsValueRange<AffineMapAttr>()), out};
  batchRank = cast<MemRefType>(out.getType()).getRank() - 2;
  vectors = product.vectorsPerPanel();
  m = b.dim(out, batchRank);
  n = b.dim(out, batchRank + 1);
  // In steps: of a packed right side there may be several elements in one.
  k = packed ? b.dim(rhs, 1) : b.dim(lhs, batchRank + 1);
  panelCount = b.divUp(n, b.index(kPanel));
  for (int64_t i = 0; i < batchRank; ++i)
    batchExtents.push_back(b.dim(out, i));
  blocked = tile.depth != 0 && constantOf(k) && tile.depth < *constantOf(k);
  light = epilogue.isLight();
  std::optional<int64_t> rows = constantOf(m);
  bool manyRows = !rows || *rows > 2 * tile.rows;
  auto rhsType = cast<MemRefType>(rhs.getType());
  mayNarrow = !rows && kNarrowPanels > tile.panels &&
              (packed || rhsType.areTrailingDimsContiguous(1));
  if (mayNarrow)
    // Both kinds of groups fill an item, or what is left of all columns.
    this->tile.itemPanels =
        llvm::alignTo(tile.itemPanels, std::lcm(tile.panels, kNarrowPanels));
  // Where one or two tiles are all rows, loads of panels are what there is to
  // do, and asking for others delays them.
  fetches = packed && manyRows;
  packs = !packed && (manyRows || !rhsType.areTrailingDimsContiguous(1));
}

void MatMulEmitter::emit() {
  Value rowBlocks = b.divUp(split.count, b.index(tile.itemTiles));
  Value panelBlocks = b.divUp(panelCount, b.index(tile.itemPanels));
  Values extents = batchExtents;
  extents.append({panelBlocks, rowBlocks});
  Value count = b.index(1);
  for (Value extent : extents)
    count = b.mul(count, extent);
  emitItems(b, count, [&](Value item) {
    Values index = b.delinearize(item, extents);
    batch.assign(index.begin(), index.begin() + batchRank);
    firstTile = b.mul(index[batchRank + 1], tile.itemTiles);
    lastTile = b.min(b.add(firstTile, tile.itemTiles), split.count);
    firstPanel = b.mul(index[batchRank], tile.itemPanels);
    lastPanel = b.min(b.add(firstPanel, tile.itemPanels), panelCount);
    firstRow = split.start(b, firstTile);
    emitItem();
  });
}

Value MatMulEmitter::allocate(ArrayRef<Value> extents, Type element) {
  SmallVector<int64_t> shape;
  Values dynamic;
  for (Value extent : extents) {
    std::optional<int64_t> known = constantOf(extent);
    shape.push_back(known.value_or(ShapedType::kDynamic));
    if (!known)
      dynamic.push_back(extent);
  }
  return memref::AllocOp::create(b, MemRefType::get(shape, element), dynamic,
                                 b.getI64IntegerAttr(64));
}

void MatMulEmitter::allocateBuffers() {
  Value depth = blocked ? b.index(tile.depth) : k;
  Value rows = b.index(blocked ? tile.itemTiles * tile.rows : tile.rows);
  if (packs)
    panelBuffer = allocate({b.index(tile.panels), depth, b.index(kPanel)},
                           cast<MemRefType>(rhs.getType()).getElementType());
  int64_t sumPanels =
      mayNarrow ? std::max(tile.panels, kNarrowPanels) : tile.panels;
  if (blocked || !light)
    sumsBuffer = allocate(
        {b.index(blocked ? tile.itemPanels : sumPanels), rows, b.index(kPanel)},
        product.sums().getElementType());
}

void MatMulEmitter::emitItem() {
  allocateBuffers();
  if (!mayNarrow)
    return emitBlocks();
  b.when(b.less(b.index(kFewRows), m), [&] { emitBlocks(); });
  b.when(b.less(m, b.index(kFewRows + 1)), [&] { emitNarrow(); });
}

/// Few rows: what counts is that panels come from memory without a pause, so a
/// tile is one row by several panels, which later rows find in the cache.
void MatMulEmitter::emitNarrow() {
  auto saved = std::tuple(tile.panels, blocked, packs);
  tile.panels = kNarrowPanels;
  blocked = packs = false;
  narrow = true;
  emitDepthBlock({b.index(0), k, true, true});
  narrow = false;
  std::tie(tile.panels, blocked, packs) = saved;
}

void MatMulEmitter::emitBlocks() {
  if (!blocked) {
    emitDepthBlock({b.index(0), k, true, true});
    return;
  }
  // The last block may be shorter; the first and the last do not read sums and
  // do not write them.
  Value depth = b.index(tile.depth);
  int64_t lastBegin = (*constantOf(k) - 1) / tile.depth * tile.depth;
  emitDepthBlock({b.index(0), depth, true, false});
  b.loop(depth, b.index(lastBegin), tile.depth,
         [&](Value begin) { emitDepthBlock({begin, depth, false, false}); });
  Value begin = b.index(lastBegin);
  emitDepthBlock({begin, b.sub(k, begin), false, true});
}

/// Adds the block's products to the item's sums, and finishes them if they are
/// the last.
void MatMulEmitter::emitDepthBlock(const DepthBlock &block) {
  emitGroups([&](const Group &group) {
    if (packs)
      for (int64_t i = 0; i < group.panels; ++i)
        packPanel(b.index(i), group, block);
    auto emit = [&](int64_t rows, Value row) {
      emitTile(rows, row, group, block);
    };
    if (narrow)
      b.loop(b.index(0), m, 1, [&](Value row) { emit(1, row); });
    else
      split.forEach(b, firstTile, lastTile, emit);
  });
}

/// Copies one panel of a plain right side to `slot` of the panel buffer, zeros
/// past the last column.
void MatMulEmitter::packPanel(Value slot, const Group &group,
                              const DepthBlock &block) {
  auto type = cast<MemRefType>(rhs.getType());
  Value panel = b.add(group.panel, slot);
  if (type.areTrailingDimsContiguous(1)) {
    b.loop(b.index(0), block.count, 1, [&](Value at) {
      for (int64_t v = 0; v < vectors; ++v) {
        Value first = b.index(v * product.lanes());
        Value chunk = loadPlain(b.add(b.mul(panel, kPanel), first),
                                b.add(block.begin, at), group,
                                /*widened=*/false);
        vector::StoreOp::create(b, chunk, panelBuffer,
                                ValueRange{slot, at, first});
      }
    });
    return;
  }
  Value zero =
      arith::ConstantOp::create(b, b.getZeroAttr(type.getElementType()));
  b.loop(b.index(0), b.index(kPanel), 1, [&](Value lane) {
    Value column = b.add(b.mul(panel, kPanel), lane);
    Value exists = b.less(column, n);
    Value clamped = b.min(column, b.sub(n, b.index(1)));
    b.loop(b.index(0), block.count, 1, [&](Value at) {
      Values index = rhsBatch();
      index.append({b.add(block.begin, at), clamped});
      Value one = memref::LoadOp::create(b, rhs, index);
      one = b.createOrFold<arith::SelectOp>(exists, one, zero);
      memref::StoreOp::create(b, one, panelBuffer, ValueRange{slot, at, lane});
    });
  });
}

/// body for the item's groups of panels: whole groups, then what is left of the
/// whole panels, then the panel that the last column cuts.
void MatMulEmitter::emitGroups(function_ref<void(const Group &)> body) {
  Value wholePanels = b.div(n, b.index(kPanel));
  Value wholeEnd = b.min(lastPanel, wholePanels);
  Value wide = b.div(b.sub(wholeEnd, firstPanel), b.index(tile.panels));
  Value groupsEnd = b.add(firstPanel, b.mul(wide, tile.panels));
  b.loop(firstPanel, groupsEnd, tile.panels,
         [&](Value panel) { body({panel, tile.panels, true}); });
  if (std::optional<int64_t> known = constantOf(wholePanels)) {
    if (int64_t rest = *known % tile.panels)
      b.when(b.less(groupsEnd, wholeEnd),
             [&] { body({groupsEnd, rest, true}); });
  } else if (tile.panels > 1) {
    b.loop(groupsEnd, wholeEnd, 1,
           [&](Value panel) { body({panel, 1, true}); });
  }
  if (constantOf(wholePanels) != constantOf(panelCount) ||
      !constantOf(panelCount))
    b.when(b.less(wholeEnd, lastPanel), [&] { body({wholeEnd, 1, false}); });
}

void MatMulEmitter::emitTile(int64_t rows, Value row, const Group &group,
                             const DepthBlock &block) {
  RegisterTile shape = {rows, group.panels * vectors};
  tileRow = row;
  Values sums = shape.zeros(b, product);
  for (auto [i, sum] : llvm::enumerate(sums))
    if (!block.isFirst)
      sum = vector::LoadOp::create(
          b, product.sums(), sumsBuffer,
          sumsIndex(row, i / shape.vectors, group, i % shape.vectors));
  Values ahead;
  if (fetches && !narrow)
    ahead = placeAhead(split.tileAt(b, rows, row), group, block);
  sums = b.loopByTwo(block.count, sums, [&](Value at, ValueRange carried) {
    if (!ahead.empty())
      b.prefetch(rhs, {ahead[0], ahead[1],
                       b.mul(b.mul(at, ahead[2]), product.elementsPerStep())});
    return shape.step(
        b, product, carried, [&](int64_t r) { return left(row, r, at, block); },
        [&](int64_t v) { return right(group, v, at, block); });
  });
  for (auto [i, sum] : llvm::enumerate(sums)) {
    int64_t r = i / shape.vectors, v = i % shape.vectors;
    if (block.isLast && light)
      store(sum, b.add(row, r), group, v);
    else
      vector::StoreOp::create(b, sum, sumsBuffer, sumsIndex(row, r, group, v));
  }
  if (block.isLast && !light)
    finishTile(rows, row, group);
}

/// Panel and depth of the lines to bring into L2 meanwhile, and the columns to
/// go on by at each step: weights come from memory, and the processor's own
/// prefetch stops at the end of a page, which a panel reaches every 64 steps.
/// The tiles of the rows share the group that comes next; tiles beyond those
/// fetch again what is there, which costs nothing.
Values MatMulEmitter::placeAhead(Value tileNumber, const Group &group,
                                 const DepthBlock &block) {
  // The item's last group is followed by its first one, for the next block or
  // for the rows of the next item, or by the panels of the next item.
  Value next = b.add(group.panel, group.panels);
  Value inside = b.less(next, lastPanel);
  Value after = firstPanel, begin = b.add(block.begin, block.count);
  if (block.isLast) {
    begin = b.index(0);
    after = b.createOrFold<arith::SelectOp>(b.less(lastTile, split.count),
                                            firstPanel, lastPanel);
  }
  next = b.createOrFold<arith::SelectOp>(inside, next, after);
  begin = b.createOrFold<arith::SelectOp>(inside, block.begin, begin);
  Value advance = columnsAhead(b, fetchingTiles(), tile.panels);
  Value parts = b.div(b.index(kPanel), advance);
  Value slot = b.rem(b.sub(tileNumber, firstTile), b.mul(parts, tile.panels));
  Value panel =
      b.min(b.add(next, b.div(slot, parts)), b.sub(panelCount, b.index(1)));
  Value first = b.mul(b.rem(slot, parts), b.div(block.count, parts));
  return {panel, b.add(begin, first), advance};
}

/// One answer for all items, where the number of rows is known: the last one
/// has the fewest tiles.
Value MatMulEmitter::fetchingTiles() {
  std::optional<int64_t> all = constantOf(split.count);
  if (!all)
    return b.sub(lastTile, firstTile);
  int64_t last = *all % tile.itemTiles;
  return b.index(last ? last : std::min(*all, tile.itemTiles));
}

/// Runs the epilogue on the sums of a tile, which lie in the buffer.
void MatMulEmitter::finishTile(int64_t rows, Value row, const Group &group) {
  b.loop(row, b.add(row, b.index(rows)), 1, [&](Value at) {
    for (int64_t v = 0; v < group.panels * vectors; ++v) {
      Value sum = vector::LoadOp::create(b, product.sums(), sumsBuffer,
                                         sumsIndex(at, 0, group, v));
      store(sum, at, group, v);
    }
  });
}

void MatMulEmitter::store(Value sum, Value row, const Group &group,
                          int64_t vector) {
  Value column = b.add(b.mul(group.panel, kPanel), vector * product.lanes());
  Values position = batch;
  position.append({row, column});
  if (group.isWhole) {
    epilogue.store(b, sum, position);
    return;
  }
  b.when(b.less(column, n),
         [&] { epilogue.store(b, sum, position, validLanes(column)); });
}

Value MatMulEmitter::validLanes(Value column) {
  return b.min(b.sub(b.max(n, column), column), b.index(product.lanes()));
}

/// Element (row + r, at) of the block's left side in all lanes.
Value MatMulEmitter::left(Value row, int64_t r, Value at,
                          const DepthBlock &block) {
  Values index = lhsBatch();
  Value element = b.mul(b.add(block.begin, at), product.elementsPerStep());
  index.append({b.add(row, r), element});
  return product.loadSplat(b, lhs, index);
}

/// Vector `vector` of the group's panels, `at` steps into the block.
Value MatMulEmitter::right(const Group &group, int64_t vector, Value at,
                           const DepthBlock &block) {
  Value lane = b.index(vector % vectors * product.lanes());
  int64_t slot = vector / vectors;
  if (packs)
    return product.loadVector(b, panelBuffer, {b.index(slot), at, lane});
  Value depth = b.add(block.begin, at);
  if (packed)
    return product.loadVector(b, rhs,
                              {b.add(group.panel, slot), depth,
                               b.mul(lane, product.elementsPerStep())});
  return loadPlain(b.add(b.mul(group.panel, kPanel), vector * product.lanes()),
                   depth, group, true);
}

/// A vector of a plain right side whose columns are contiguous.
Value MatMulEmitter::loadPlain(Value column, Value at, const Group &group,
                               bool widened) {
  Values index = rhsBatch();
  index.append({at, column});
  Value count = group.isWhole ? Value() : validLanes(column);
  if (widened)
    return count ? product.loadFirst(b, rhs, index, count)
                 : product.loadVector(b, rhs, index);
  VectorType type =
      product.vectorOf(cast<MemRefType>(rhs.getType()).getElementType());
  if (!count)
    return vector::LoadOp::create(b, type, rhs, index);
  Value mask =
      vector::CreateMaskOp::create(b, type.clone(b.getI1Type()), count);
  Value zeros = arith::ConstantOp::create(b, b.getZeroAttr(type));
  return vector::MaskedLoadOp::create(b, type, rhs, index, mask, zeros);
}

Values MatMulEmitter::sumsIndex(Value row, int64_t r, const Group &group,
                                int64_t vector) {
  Value panel = blocked
                    ? b.add(b.sub(group.panel, firstPanel), vector / vectors)
                    : b.index(vector / vectors);
  Value first = blocked ? firstRow : tileRow;
  return {panel, b.add(b.sub(row, first), r),
          b.index(vector % vectors * product.lanes())};
}

/// The batch indices of an operand: 0 where its extent is 1.
Values MatMulEmitter::operandBatch(Value operand) {
  Values index;
  for (int64_t i = 0; i < batchRank; ++i) {
    Value isOne = b.createOrFold<arith::CmpIOp>(arith::CmpIPredicate::eq,
                                                b.dim(operand, i), b.index(1));
    index.push_back(
        b.createOrFold<arith::SelectOp>(isOne, b.index(0), batch[i]));
  }
  return index;
}

} // namespace

LogicalResult emitMatMul(kernel::MatMulOp op, const Machine &machine) {
  auto lhs = cast<MemRefType>(op.getLhs().getType());
  auto rhs = cast<MemRefType>(op.getRhs().getType());
  auto out = cast<MemRefType>(op.getOutputs()[0].getType());
  int64_t rank = out.getRank();
  Product product(op.getEpilogue().getArgument(0).getType(), machine,
                  rhs.getElementType());
  Tile tile = chooseMatMulTile(
      {out.getDimSize(rank - 2), out.getDimSize(rank - 1),
       op.getPacked() ? rhs.getDimSize(1) : lhs.getDimSize(rank - 1),
       product.vectorsPerPanel()},
      machine);
  if (failed(updateTile(op, tile)))
    return failure();
  tile.itemPanels = llvm::alignTo(tile.itemPanels, tile.panels);
  noteTile(op, tile);
  MatMulEmitter(op, machine, tile).emit();
  return success();
}

} // namespace weft::cpu
