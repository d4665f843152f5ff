// The model behind the tiles.
//
// A register tile of r rows and v vectors does r·v multiply-adds for r + v
// loads at each step of k. It needs r·v + min(r, v) + 1 registers. With two
// multiply-adds and two loads a cycle, and `chains` of them in flight, one step
// takes max(r·v, r + v, chains) / 2 cycles. Rows are split evenly (14 = 5 + 5 +
// 4 and not 6 + 6 + 2), because a tile of two rows costs as much as one of
// four.

#include "TileChoice.h"

#include "weft/Dialect/Kernel/IR/Kernel.h"

#include "mlir/IR/BuiltinTypes.h"
#include "llvm/Support/MathExtras.h"

#include <limits>
#include <numeric>

using namespace mlir;

namespace weft::cpu {

constexpr int64_t kDynamic = ShapedType::kDynamic;
/// Work items of a product, at least, where it is large enough.
constexpr int64_t kLeastItems = 16;
/// Panels of an item of a matrix product, at least.
constexpr int64_t kLeastItemPanels = 8;
/// Lines of one set that stay in L1, and bytes after which sets repeat.
constexpr int64_t kL1Ways = 8, kL1Period = 4096;
/// Rows of queries of a work item, at most.
constexpr int64_t kAttentionRows = 256;
/// The most that is taken of what is given, so that code and buffers stay of a
/// sane size.
constexpr int64_t kMostRows = 64, kMostPanels = 8, kMostOfItem = 1 << 16;

DictionaryAttr Tile::toAttr(MLIRContext *context) const {
  Builder b(context);
  return b.getDictionaryAttr(
      {b.getNamedAttr("rows", b.getI64IntegerAttr(rows)),
       b.getNamedAttr("panels", b.getI64IntegerAttr(panels)),
       b.getNamedAttr("depth", b.getI64IntegerAttr(depth)),
       b.getNamedAttr("item_tiles", b.getI64IntegerAttr(itemTiles)),
       b.getNamedAttr("item_rows", b.getI64IntegerAttr(itemRows)),
       b.getNamedAttr("item_panels", b.getI64IntegerAttr(itemPanels))});
}

bool Tile::update(DictionaryAttr attr) {
  auto read = [&](StringRef name, int64_t &number, int64_t least,
                  int64_t most) {
    Attribute given = attr.get(name);
    if (!given)
      return true;
    auto integer = dyn_cast<IntegerAttr>(given);
    if (!integer || integer.getInt() < least)
      return false;
    number = std::min(integer.getInt(), most);
    return true;
  };
  return read("rows", rows, 1, kMostRows) &&
         read("panels", panels, 1, kMostPanels) &&
         read("depth", depth, 0, kMostOfItem) &&
         read("item_tiles", itemTiles, 1, kMostOfItem) &&
         read("item_rows", itemRows, 1, kMostOfItem) &&
         read("item_panels", itemPanels, 1, kMostOfItem);
}

LogicalResult updateTile(Operation *op, Tile &tile) {
  auto given = op->getAttrOfType<DictionaryAttr>(kernel::kTileAttr);
  if (given && !tile.update(given))
    return op->emitOpError("has no valid tile in '")
           << kernel::kTileAttr << "': " << given;
  return success();
}

void noteTile(Operation *op, const Tile &tile) {
  op->setAttr(kernel::kTileAttr, tile.toAttr(op->getContext()));
}

/// Twice the cycles of one step of k.
static int64_t stepCost(int64_t rows, int64_t vectors, const Machine &machine) {
  return std::max({rows * vectors, rows + vectors, machine.chains});
}

/// The most rows that fit in registers beside `vectors`.
static int64_t mostRows(int64_t vectors, const Machine &machine) {
  int64_t rows = 0;
  while ((rows + 1) * vectors + std::min(rows + 1, vectors) + 1 <=
         machine.vectorRegisters)
    ++rows;
  return rows;
}

/// The register tile for `rows` rows that costs least for each panel; of nearly
/// equal ones the narrowest, which reads the panels least often. Panels that
/// are left over get tiles of as many rows.
static double chooseRegisterTile(int64_t rows, int64_t panels,
                                 int64_t panelVectors, const Machine &machine,
                                 Tile &tile) {
  double best = 0;
  for (int64_t p = 1; p <= std::min<int64_t>(panels, 8); ++p) {
    int64_t most = mostRows(p * panelVectors, machine);
    if (most == 0)
      break;
    int64_t tiles = llvm::divideCeil(rows, most), base = rows / tiles,
            longer = rows % tiles;
    auto group = [&](int64_t width) {
      return longer * stepCost(base + 1, width * panelVectors, machine) +
             (tiles - longer) * stepCost(base, width * panelVectors, machine);
    };
    int64_t rest = panels % p;
    double cost =
        static_cast<double>(panels / p * group(p) + (rest ? group(rest) : 0)) /
        panels;
    if (p == 1 || cost < 0.98 * best) {
      best = cost;
      tile.rows = std::min(most, rows);
      tile.panels = p;
    }
  }
  return best;
}

/// Rows of a matrix in one tile, at most: each has one line in L1 at a time,
/// and rows a multiple of the period apart have theirs in one set. Where the
/// number of rows is known at run time only, each smaller tile is code of its
/// own.
static int64_t mostMatMulRows(const MatMulShape &shape) {
  if (shape.k == kDynamic || shape.k == 0 || shape.m == kDynamic)
    return kL1Ways;
  int64_t sets = kL1Period / std::gcd(kL1Period, shape.k * 4);
  return kL1Ways * sets;
}

/// Cycles that a matrix product with groups of `panels` panels takes, and what
/// its loads add to them: an element of a row comes from L1, a vector of a
/// panel from L2.
static double costOfGroups(const MatMulShape &shape, int64_t rows,
                           int64_t allPanels, int64_t panels,
                           const Machine &machine) {
  constexpr double kElementLoad = 0.1, kVectorLoad = 0.15;
  int64_t most = std::min(mostMatMulRows(shape),
                          mostRows(panels * shape.panelVectors, machine));
  if (most == 0)
    return std::numeric_limits<double>::infinity();
  int64_t tiles = llvm::divideCeil(rows, most), base = rows / tiles,
          longer = rows % tiles;
  auto tile = [&](int64_t height, int64_t width) {
    int64_t vectors = width * shape.panelVectors;
    return stepCost(height, vectors, machine) + height * kElementLoad +
           vectors * kVectorLoad;
  };
  auto group = [&](int64_t width) {
    return longer * tile(base + 1, width) +
           (tiles - longer) * tile(base, width);
  };
  int64_t rest = allPanels % panels;
  return allPanels / panels * group(panels) + (rest ? group(rest) : 0);
}

Tile chooseMatMulTile(const MatMulShape &shape, const Machine &machine) {
  Tile tile;
  int64_t panels =
      shape.n == kDynamic
          ? 64
          : std::max<int64_t>(1, llvm::divideCeil(shape.n, kernel::kBlock));
  int64_t rows = shape.m == kDynamic ? 1024 : std::max<int64_t>(1, shape.m);
  // Four streams bring all that memory gives, eight 4 % less.
  double best = std::numeric_limits<double>::infinity();
  for (int64_t p = 1; p <= std::min<int64_t>(panels, 4); ++p) {
    double cost = costOfGroups(shape, rows, panels, p, machine);
    // Of equal ones the narrower reads the panels less often.
    if (cost >= 0.999 * best)
      continue;
    best = cost;
    tile.panels = p;
    tile.rows = std::min({rows, mostMatMulRows(shape),
                          mostRows(p * shape.panelVectors, machine)});
  }
  int64_t rowTiles = llvm::divideCeil(rows, tile.rows);

  // The rows of one register tile take three quarters of L1 at most; the panels
  // come from L2, which is fast enough for them. Cutting k costs more than
  // that.
  int64_t most =
      std::max<int64_t>(256, machine.l1Bytes * 3 / 4 / (tile.rows * 4));
  if (rowTiles > 1 && shape.k != kDynamic && shape.k > most * 3 / 2)
    tile.depth = llvm::divideCeil(shape.k, llvm::divideCeil(shape.k, most));
  // The item's rows of the left side take half of L2.
  int64_t depth = tile.depth            ? tile.depth
                  : shape.k == kDynamic ? 512
                                        : std::max<int64_t>(shape.k, 1);
  int64_t itemTiles =
      std::max<int64_t>(1, machine.l2Bytes / 2 / (depth * 4) / tile.rows);
  tile.itemTiles =
      llvm::divideCeil(rowTiles, llvm::divideCeil(rowTiles, itemTiles));
  // Many items feed all workers.
  int64_t groups = llvm::divideCeil(panels, tile.panels);
  int64_t rowBlocks = llvm::divideCeil(rowTiles, tile.itemTiles);
  int64_t least = std::max<int64_t>(1, kLeastItemPanels / tile.panels);
  int64_t itemGroups = std::max(
      least, std::min<int64_t>(groups * rowBlocks / kLeastItems, 8 * least));
  tile.itemPanels =
      tile.panels *
      llvm::divideCeil(groups, llvm::divideCeil(groups, itemGroups));
  return tile;
}

Tile chooseAttentionTile(const AttentionShape &shape, const Machine &machine) {
  Tile tile;
  tile.rows = std::max<int64_t>(1, mostRows(kAttentionVectors, machine));
  if (shape.rows != kDynamic)
    tile.rows = std::clamp<int64_t>(shape.rows, 1, tile.rows);
  // The scores of a tile take half of L1, and its keys and values a quarter of
  // L2.
  int64_t group = kAttentionVectors * shape.lanes;
  int64_t depth = std::max<int64_t>(1, shape.queryDepth + shape.valueDepth);
  int64_t most = std::min(machine.l1Bytes / 2 / (tile.rows * 4),
                          machine.l2Bytes / 4 / (depth * 4));
  most = std::max(group, most / group * group);
  tile.depth = most;
  if (shape.keys != kDynamic && shape.keys > 0)
    tile.depth = llvm::alignTo(
        llvm::divideCeil(shape.keys, llvm::divideCeil(shape.keys, most)),
        group);
  // An item packs all keys and values of its head, which many rows pay for.
  int64_t rows = shape.rows == kDynamic ? kAttentionRows : shape.rows;
  int64_t tiles = std::max<int64_t>(1, llvm::divideCeil(rows, tile.rows));
  int64_t items = llvm::divideCeil(rows, kAttentionRows);
  if (shape.heads != kDynamic)
    items = std::max<int64_t>(
        items, llvm::divideCeil(8, std::max<int64_t>(1, shape.heads)));
  tile.itemTiles =
      llvm::divideCeil(tiles, std::clamp<int64_t>(items, 1, tiles));
  return tile;
}

bool shouldListPixels(const ConvShape &shape, const Machine &machine) {
  if (shape.pixels == kDynamic || shape.rows == kDynamic || shape.rows < 2 ||
      shape.pixels == 0 || shape.outputBlocks == kDynamic)
    return false;
  Tile tile;
  double oneRow = chooseRegisterTile(shape.pixels, shape.outputBlocks,
                                     shape.panelVectors, machine, tile);
  double all = chooseRegisterTile(shape.pixels * shape.rows, shape.outputBlocks,
                                  shape.panelVectors, machine, tile);
  return all < 0.95 * oneRow * shape.rows;
}

Tile chooseConvTile(const ConvShape &shape, const Machine &machine) {
  Tile tile;
  int64_t pixels =
      shape.pixels == kDynamic ? 56 : std::max<int64_t>(1, shape.pixels);
  int64_t rows = shape.rows == kDynamic ? 56 : std::max<int64_t>(1, shape.rows);
  int64_t blocks = shape.outputBlocks == kDynamic ? 1 : shape.outputBlocks;
  chooseRegisterTile(pixels, blocks, shape.panelVectors, machine, tile);
  // A register tile stays within one group of channels.
  while (shape.groups > 1 && blocks % tile.panels)
    --tile.panels;
  tile.rows =
      std::min(pixels, mostRows(tile.panels * shape.panelVectors, machine));

  // Weights that do not fit in L2 beside the pixels are taken in chunks that
  // fit in L1.
  int64_t inputBlocks = shape.inputBlocks == kDynamic ? 1 : shape.inputBlocks;
  int64_t blockBytes =
      tile.panels * shape.window * shape.inputBlock * kernel::kBlock * 4;
  if (inputBlocks * blockBytes > machine.l2Bytes / 5) {
    int64_t most = std::max<int64_t>(1, machine.l1Bytes * 5 / 8 / blockBytes);
    tile.depth =
        llvm::divideCeil(inputBlocks, llvm::divideCeil(inputBlocks, most));
  }
  // The pixels that an item reads stay in L2 while its output blocks pass;
  // where weights come in chunks, they are what must not be read again and
  // again.
  int64_t pixelBytes =
      std::max<int64_t>(1, inputBlocks * shape.inputBlock * shape.step * 4);
  int64_t share = tile.depth ? machine.l2Bytes : machine.l2Bytes / 4;
  int64_t itemPixels = std::max(tile.rows, share / pixelBytes);
  int64_t rowTiles = llvm::divideCeil(pixels, tile.rows);
  if (rows == 1)
    tile.itemTiles = std::min(rowTiles, itemPixels / tile.rows);
  else
    tile.itemTiles = rowTiles;
  tile.itemRows = std::clamp<int64_t>(itemPixels / pixels, 1, rows);
  tile.itemPanels =
      llvm::alignTo(std::min<int64_t>(16, blocks * shape.groups), tile.panels);
  int64_t images = shape.images == kDynamic ? 1 : shape.images;
  // Enough items for all workers, as long as they are not tiny.
  auto items = [&] {
    return images * llvm::divideCeil(rows, tile.itemRows) *
           llvm::divideCeil(rowTiles, tile.itemTiles) *
           llvm::divideCeil(blocks * shape.groups, tile.itemPanels);
  };
  while (items() < kLeastItems) {
    if (tile.itemPanels > tile.panels)
      tile.itemPanels = llvm::alignTo(tile.itemPanels / 2, tile.panels);
    else if (tile.itemRows > 1)
      tile.itemRows = llvm::divideCeil(tile.itemRows, 2);
    else
      break;
  }
  return tile;
}

Tile chooseWinogradTile(const WinogradShape &shape, const Machine &machine) {
  Tile tile;
  int64_t rows =
      shape.tiles == kDynamic ? 196 : std::max<int64_t>(1, shape.tiles);
  chooseRegisterTile(rows, shape.outputBlocks, shape.panelVectors, machine,
                     tile);
  // So many tiles, transformed, stay in L2 where channels are few; where they
  // are many, they use the weights often enough for L3 to deliver these.
  int64_t itemRows = 28;
  // Weights that L2 does not keep from item to item shall come in a quarter of
  // the time that their products take, two operations a row and element.
  int64_t weightBytes = shape.positions * shape.channels * shape.outputBlocks *
                        kernel::kBlock * 4;
  if (weightBytes > 2 * machine.l2Bytes)
    itemRows =
        std::max<int64_t>(itemRows, 4 * sizeof(float) / 2 * machine.gigaflops /
                                        machine.gigabytes);
  int64_t rowTiles = llvm::divideCeil(rows, tile.rows);
  int64_t itemTiles = std::clamp<int64_t>(itemRows / tile.rows, 1, rowTiles);
  tile.itemTiles =
      llvm::divideCeil(rowTiles, llvm::divideCeil(rowTiles, itemTiles));
  // Items that share their tiles cost little more than one, so that there can
  // be enough for all workers.
  int64_t blocks = llvm::divideCeil(rowTiles, tile.itemTiles) * shape.groups;
  int64_t pieces = llvm::divideCeil(kLeastItems, blocks);
  tile.itemPanels =
      llvm::alignTo(llvm::divideCeil(shape.outputBlocks, pieces), tile.panels);
  return tile;
}

Tile chooseDepthwiseTile(int64_t rows, int64_t pixels, int64_t taps,
                         const Machine &machine) {
  Tile tile;
  // Beside the sums: one input vector, and the taps if they are few.
  int64_t most = machine.vectorRegisters - 1 - (taps == kDynamic ? 1 : taps);
  tile.rows = std::clamp<int64_t>(most, machine.chains,
                                  machine.vectorRegisters * 3 / 4);
  if (pixels != kDynamic)
    tile.rows = std::clamp<int64_t>(pixels, 1, tile.rows);
  int64_t width = pixels == kDynamic ? 56 : std::max<int64_t>(1, pixels);
  tile.itemTiles = std::min<int64_t>(llvm::divideCeil(width, tile.rows),
                                     1024 / tile.rows + 1);
  tile.itemRows =
      std::clamp<int64_t>(1024 / width, 1, std::max<int64_t>(1, rows));
  return tile;
}

Tile chooseConvDepthwiseTile(const ConvDepthwiseShape &shape,
                             const Machine &machine) {
  ConvShape conv = shape.conv;
  if (shouldListPixels(conv, machine)) {
    conv.pixels *= conv.rows;
    conv.rows = 1;
  }
  Tile tile = chooseConvTile(conv, machine);
  // All items have as many panels: those of a register tile, or a few more.
  constexpr int64_t kMostItemPanels = 8;
  int64_t blocks = conv.outputBlocks, panels = tile.panels;
  while (panels < blocks && panels <= kMostItemPanels && blocks % panels)
    ++panels;
  if (panels > kMostItemPanels)
    panels = tile.panels;
  while (blocks % panels)
    --panels;
  conv.outputBlocks = panels;
  tile = chooseConvTile(conv, machine);
  tile.depth = 0;
  tile.itemTiles = 1;
  tile.itemPanels = panels;
  // What an item's convolution gives stays in L2 until it is read, beside the
  // pixels that it reads itself. Rows that two items need are computed twice.
  auto bytes = [&](int64_t rows) {
    return panels * shape.rowBytes *
           ((rows - 1) * shape.stride + shape.windowRows);
  };
  int64_t rows = std::max<int64_t>(1, shape.rows), most = rows;
  while (most > 1 && bytes(most) > machine.l2Bytes / 2)
    --most;
  tile.itemRows = llvm::divideCeil(rows, llvm::divideCeil(rows, most));
  // Even items, if that does not take many more of them.
  for (int64_t even = tile.itemRows; even > most / 2; --even)
    if (rows % even == 0) {
      tile.itemRows = even;
      break;
    }
  return tile;
}

} // namespace weft::cpu
