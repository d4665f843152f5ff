// Convolution by minimal filtering, F(4, 3) or F(2, 3) along each axis, on
// blocked channels, in one or two dimensions. A window along a third dimension
// before these is summed up as more channels, which are the input's planes one
// after another. One work item is some output blocks of some tiles of the
// output:
//
//   for each tile, for each input block: transform into `transformed`
//   for each group of output blocks
//     for each position of a tile: sums = transformed tiles x weights
//     for each tile: transform the sums back, epilogue
//
// `transformed` and the sums stay in L2, a position's rows of tiles and its
// weights pass through L1. Items that differ in their output blocks alone
// follow each other: the first of them that a worker meets transforms the
// input, the others find it. Every sum takes in channels in ascending order,
// whatever the blocks, so all give the same bits.
//
// Tiles that hang over the input are copied to a patch with zeros around them,
// and outputs of tiles that hang over the output pass through one as well, so
// neither input nor output needs padding.

#include "Epilogue.h"
#include "Microkernel.h"
#include "Product.h"
#include "WinogradTransform.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace weft::cpu {
namespace {

constexpr int64_t kBlock = kernel::kBlock;

/// One spatial axis: how tiles lie on input and output. Those of a dilated
/// convolution interleave: a tile's elements lie `dilation` apart.
struct Axis {
  WinogradAxis transform;
  int64_t pad, dilation;
  Value input, output; ///< extents
  Value tiles;

  // Of the tile at hand: its first output, and whether all it reads lies in
  // the input, all it writes in the output.
  Value start, readsInside, writesInside;

  Axis(LoopBuilder &b, int64_t extent, int64_t pad, int64_t dilation,
       Value input, Value output)
      : transform(extent), pad(pad), dilation(dilation), input(input),
        output(output) {
    Value interleaved = b.divUp(output, b.index(dilation));
    tiles = b.mul(b.divUp(interleaved, b.index(extent)), dilation);
  }

  /// True where no tile hangs over the output.
  bool fillsOutput() const {
    std::optional<int64_t> known = constantOf(output);
    return known && *known % (transform.outputs() * dilation) == 0;
  }

  void place(LoopBuilder &b, Value tile) {
    Value whole = b.div(tile, b.index(dilation));
    start = b.add(b.rem(tile, b.index(dilation)),
                  b.mul(whole, transform.outputs() * dilation));
    int64_t reach = (transform.positions() - 1) * dilation,
            width = (transform.outputs() - 1) * dilation;
    readsInside = b.createOrFold<arith::AndIOp>(
        b.less(b.index(pad), b.add(start, 1)),
        b.less(b.add(start, reach), b.add(input, pad)));
    writesInside = b.less(b.add(start, width), output);
  }

  /// Where the tile's element number `i` lies in the input, in the output.
  Value source(LoopBuilder &b, Value i) const {
    return b.add(b.sub(start, b.index(pad)), b.mul(i, dilation));
  }
  Value target(LoopBuilder &b, Value i) const {
    return b.add(start, b.mul(i, dilation));
  }
  /// How many elements lie before `end`, counted from where the tile starts.
  Value countUpTo(LoopBuilder &b, Value end) const {
    return b.divUp(b.sub(b.max(end, start), start), b.index(dilation));
  }
};

/// The dimension before the two that are filtered, if there is one.
struct Planes {
  int64_t count = 1; ///< that the window takes in
  int64_t pad = 0, dilation = 1;
  Value input, output; ///< extents; null without such a dimension

  /// Where plane `i` of the window that gives plane `at` lies in the input; far
  /// behind it if that is before it.
  Value source(LoopBuilder &b, Value at, Value i) const {
    return b.sub(b.add(at, b.mul(i, dilation)), b.index(pad));
  }
};

class WinogradEmitter {
public:
  WinogradEmitter(kernel::WinogradConvOp op, const Machine &machine);
  /// False if the op's own tile is not valid.
  LogicalResult chooseTile(kernel::WinogradConvOp op, const Machine &machine);
  void emit();

private:
  using ReadElement = function_ref<Value(int64_t row, int64_t column)>;
  using WriteElement = function_ref<void(int64_t, int64_t, Value)>;
  /// Asks for a cache line in the step of a channel.
  using Fetch = std::function<void(Value channel)>;

  Value buffer(ArrayRef<int64_t> shape);
  void setItem(ValueRange index);
  void placeTile(Value tile);
  void transformTile(Value tile);
  void transformPlane(Value slot, Value firstBlock);
  void clearPlane(Value slot, Value firstBlock);
  void forEachLane(function_ref<void(Value)> body);
  void copyToPatch(Value block);
  void forward(Value slot, Value block, Value lane, ReadElement read);
  void emitPanels();
  void emitPanels(int64_t panels, Value first);
  void multiply(int64_t rows, Value at, Value position, int64_t panels,
                Value panel);
  Values placeAhead(Value number, Value position, int64_t panels, Value panel);
  Fetch placeNext(Value at, Value position);
  void finishTile(Value at, int64_t panels, Value panel);
  void inverse(Value slot, Value lane, WriteElement write);
  void storeOutputs(Value panel, Value lane);
  Values inputIndex(Value block, Value row, Value column, Value lane);
  Values outputIndex(Value panel, Value row, Value column, Value lane);

  LoopBuilder b;
  Product product;
  Value input, weight;
  Epilogue epilogue;
  int64_t groups, groupPanels, positions;
  int64_t channels; ///< that an output sums up, of all planes
  Planes planes;
  SmallVector<Axis, 2> axes; ///< the first is of one element in one dimension
  bool hasRows;              ///< false in one dimension
  Value images, tileCount;
  bool light;
  bool streamsInput; ///< L2 does not hold an image of it
  bool alwaysInside; ///< no tile hangs over the output
  Tile tile;
  std::optional<RowSplit> split;
  Value transformed, sums, patch, outputs; ///< buffers

  // Of the item at hand, then of the tile.
  Value group, firstBlock, lastBlock, firstPanel, lastPanel, firstTile,
      lastTile;
  Value batch, outputPlane, inputPlane;
};

WinogradEmitter::WinogradEmitter(kernel::WinogradConvOp op,
                                 const Machine &machine)
    : b(op.getLoc(), op),
      product(op.getEpilogue().getArgument(0).getType(), machine),
      input(op.getInput()), weight(op.getWeight()),
      epilogue(
          {&op.getEpilogue().front(), Values(op.getExtras()),
           llvm::to_vector(op.getExtraMaps().getAsValueRange<AffineMapAttr>()),
           op.getOutputs()[0]}),
      groups(op.getGroups()), light(epilogue.isLight()) {
  ArrayRef<int64_t> shape = cast<MemRefType>(weight.getType()).getShape();
  groupPanels = shape[0] / groups;
  positions = shape[1];
  channels = shape[2];
  images = b.dim(epilogue.output, 0);
  size_t spatial = op.getTile().size();
  hasRows = spatial >= 2;
  if (!hasRows)
    axes.push_back(Axis(b, 1, 0, 1, b.index(1), b.index(1)));
  for (size_t i = 0; i < spatial; ++i) {
    Value in = b.dim(input, 2 + i), out = b.dim(epilogue.output, 2 + i);
    if (spatial - i > 2)
      planes = {groups * channels / (*constantOf(b.dim(input, 1)) * kBlock),
                op.getPads()[i], op.getDilations()[i], in, out};
    else
      axes.push_back(Axis(b, op.getTile()[i], op.getPads()[i],
                          op.getDilations()[i], in, out));
  }
  tileCount = b.mul(images, b.mul(axes[0].tiles, axes[1].tiles));
  if (planes.output)
    tileCount = b.mul(tileCount, planes.output);
  alwaysInside = axes[0].fillsOutput() && axes[1].fillsOutput();
  std::optional<int64_t> height = constantOf(axes[0].input),
                         width = constantOf(axes[1].input);
  // All planes but one have just been read for the plane before.
  streamsInput =
      !planes.output && axes[0].dilation == 1 && axes[1].dilation == 1 &&
      (!height || !width || *height * *width * channels * 4 > machine.l2Bytes);
}

LogicalResult WinogradEmitter::chooseTile(kernel::WinogradConvOp op,
                                          const Machine &machine) {
  tile = chooseWinogradTile(
      {constantOf(tileCount).value_or(ShapedType::kDynamic), positions,
       channels, groupPanels, groups, product.vectorsPerPanel()},
      machine);
  if (failed(updateTile(op, tile)))
    return failure();
  tile.panels = std::min(tile.panels, groupPanels);
  tile.itemPanels = std::min<int64_t>(
      llvm::alignTo(tile.itemPanels, tile.panels), groupPanels);
  noteTile(op, tile);
  return success();
}

Value WinogradEmitter::buffer(ArrayRef<int64_t> shape) {
  auto type = MemRefType::get(shape, product.sums().getElementType());
  return memref::AllocOp::create(b, type, ValueRange(),
                                 b.getI64IntegerAttr(64));
}

/// Rows of buffers lie an odd number of cache lines apart, so that those of all
/// positions spread over the cache's sets.
static int64_t spread(int64_t count) { return count | 1; }

void WinogradEmitter::emit() {
  split.emplace(b, tileCount, tile.rows);
  Values extents = {b.divUp(split->count, b.index(tile.itemTiles)),
                    b.index(groups),
                    b.divUp(b.index(groupPanels), b.index(tile.itemPanels))};
  Value count = b.mul(b.mul(extents[0], extents[1]), extents[2]);
  int64_t rows = spread(split->mostRows(tile.itemTiles));
  transformed =
      buffer({positions, rows, spread(channels / kBlock + 1) * kBlock});
  // The number of the tiles and channels that `transformed` holds.
  Value held =
      memref::AllocOp::create(b, MemRefType::get({1}, b.getIndexType()));
  memref::StoreOp::create(b, b.index(-1), held, b.index(0));
  emitItems(b, count, [&](Value item) {
    setItem(b.delinearize(item, extents));
    sums = buffer({positions, rows, tile.panels * kBlock});
    patch = buffer(
        {axes[0].transform.positions(), axes[1].transform.positions(), kBlock});
    outputs = buffer(
        {axes[0].transform.outputs(), axes[1].transform.outputs(), kBlock});
    Value number = b.div(item, extents[2]);
    Value isNew =
        arith::CmpIOp::create(b, arith::CmpIPredicate::ne, number,
                              memref::LoadOp::create(b, held, b.index(0)));
    b.when(isNew, [&] {
      memref::StoreOp::create(b, number, held, b.index(0));
      b.loop(firstTile, lastTile, 1, [&](Value at) { transformTile(at); });
    });
    emitPanels();
  });
}

/// `index`: block of tiles, group, block of panels.
void WinogradEmitter::setItem(ValueRange index) {
  group = index[1];
  firstBlock = b.mul(index[0], tile.itemTiles);
  lastBlock = b.min(b.add(firstBlock, tile.itemTiles), split->count);
  firstTile = split->start(b, firstBlock);
  lastTile = split->start(b, lastBlock);
  Value ofGroup = b.mul(group, groupPanels),
        first = b.mul(index[2], tile.itemPanels);
  firstPanel = b.add(ofGroup, first);
  lastPanel = b.add(ofGroup,
                    b.min(b.add(first, tile.itemPanels), b.index(groupPanels)));
}

void WinogradEmitter::placeTile(Value at) {
  Values extents = {images};
  if (planes.output)
    extents.push_back(planes.output);
  extents.append({axes[0].tiles, axes[1].tiles});
  Values index = b.delinearize(at, extents);
  batch = index[0];
  if (planes.output)
    outputPlane = index[1];
  axes[0].place(b, index.end()[-2]);
  axes[1].place(b, index.back());
}

/// Writes a tile's input at all positions.
void WinogradEmitter::transformTile(Value at) {
  placeTile(at);
  Value slot = b.sub(at, firstTile);
  if (!planes.output)
    return transformPlane(slot, b.index(0));
  b.loop(b.index(0), b.index(planes.count), 1, [&](Value plane) {
    inputPlane = planes.source(b, outputPlane, plane);
    Value firstBlock = b.mul(plane, channels / planes.count / kBlock);
    b.when(
        b.less(inputPlane, planes.input),
        [&] { transformPlane(slot, firstBlock); },
        [&] { clearPlane(slot, firstBlock); });
  });
}

void WinogradEmitter::forEachLane(function_ref<void(Value)> body) {
  b.loop(b.index(0), b.index(kBlock), product.lanes(), body);
}

/// Writes zeros for a plane outside the input.
void WinogradEmitter::clearPlane(Value slot, Value firstBlock) {
  Value first = b.mul(firstBlock, kBlock),
        last = b.add(first, channels / planes.count);
  b.loop(b.index(0), b.index(positions), 1, [&](Value position) {
    b.loop(first, last, product.lanes(), [&](Value channel) {
      vector::StoreOp::create(b, product.zero(b), transformed,
                              ValueRange{position, slot, channel});
    });
  });
}

/// Writes the blocks of one plane, as those from `firstBlock` on.
void WinogradEmitter::transformPlane(Value slot, Value firstBlock) {
  int64_t blocks = channels / planes.count / kBlock;
  Value firstInput = b.mul(group, blocks);
  auto forEachBlock = [&](function_ref<void(Value)> body) {
    b.loop(b.index(0), b.index(blocks), 1, body);
  };
  Value inside =
      b.createOrFold<arith::AndIOp>(axes[0].readsInside, axes[1].readsInside);
  b.when(
      inside,
      [&] {
        forEachBlock([&](Value block) {
          forEachLane([&](Value lane) {
            Value to = b.add(firstBlock, block);
            forward(slot, to, lane, [&](int64_t i, int64_t j) {
              return product.loadVector(b, input,
                                        inputIndex(b.add(firstInput, block),
                                                   b.index(i), b.index(j),
                                                   lane));
            });
          });
        });
      },
      [&] {
        Value zero = product.zero(b);
        for (int64_t i = 0; i < axes[0].transform.positions(); ++i)
          for (int64_t j = 0; j < axes[1].transform.positions(); ++j)
            forEachLane([&](Value lane) {
              vector::StoreOp::create(b, zero, patch,
                                      ValueRange{b.index(i), b.index(j), lane});
            });
        forEachBlock([&](Value block) {
          copyToPatch(b.add(firstInput, block));
          forEachLane([&](Value lane) {
            Value to = b.add(firstBlock, block);
            forward(slot, to, lane, [&](int64_t i, int64_t j) {
              return product.loadVector(b, patch,
                                        {b.index(i), b.index(j), lane});
            });
          });
        });
      });
}

/// Copies what lies inside the input.
void WinogradEmitter::copyToPatch(Value block) {
  SmallVector<Value, 2> from, to;
  for (const Axis &axis : axes) {
    from.push_back(axis.countUpTo(b, b.index(axis.pad)));
    to.push_back(b.min(axis.countUpTo(b, b.add(axis.input, axis.pad)),
                       b.index(axis.transform.positions())));
  }
  b.loop(from[0], to[0], 1, [&](Value i) {
    b.loop(from[1], to[1], 1, [&](Value j) {
      for (int64_t lane = 0; lane < kBlock; lane += product.lanes()) {
        Value at = b.index(lane);
        Value loaded =
            product.loadVector(b, input, inputIndex(block, i, j, at));
        vector::StoreOp::create(b, loaded, patch, ValueRange{i, j, at});
      }
    });
  });
}

/// Transforms a vector of channels of one tile: columns, then rows.
void WinogradEmitter::forward(Value slot, Value block, Value lane,
                              ReadElement read) {
  const WinogradAxis &vertical = axes[0].transform,
                     &horizontal = axes[1].transform;
  Value channel = b.add(b.mul(block, kBlock), lane);
  for (const WinogradAxis::Part &part : vertical.parts()) {
    SmallVector<Values, 2> rows(part.count);
    for (int64_t j = 0; j < horizontal.positions(); ++j) {
      Values column = vertical.forward(b, product, part,
                                       [&](int64_t i) { return read(i, j); });
      for (auto [row, value] : llvm::zip_equal(rows, column))
        row.push_back(value);
    }
    for (auto [i, row] : llvm::enumerate(rows))
      for (const WinogradAxis::Part &inner : horizontal.parts()) {
        Values results = horizontal.forward(
            b, product, inner, [&, &row = row](int64_t j) { return row[j]; });
        for (auto [j, value] : llvm::enumerate(results)) {
          int64_t position =
              (part.first + i) * horizontal.positions() + inner.first + j;
          vector::StoreOp::create(b, value, transformed,
                                  ValueRange{b.index(position), slot, channel});
        }
      }
  }
}

/// Groups of `tile.panels` output blocks, then single ones.
void WinogradEmitter::emitPanels() {
  Value whole = lastPanel;
  if (groupPanels % tile.panels)
    whole =
        b.add(firstPanel,
              b.mul(b.div(b.sub(lastPanel, firstPanel), b.index(tile.panels)),
                    tile.panels));
  b.loop(firstPanel, whole, tile.panels,
         [&](Value panel) { emitPanels(tile.panels, panel); });
  if (groupPanels % tile.panels)
    b.loop(whole, lastPanel, 1, [&](Value panel) { emitPanels(1, panel); });
}

void WinogradEmitter::emitPanels(int64_t panels, Value first) {
  b.loop(b.index(0), b.index(positions), 1, [&](Value position) {
    split->forEach(b, firstBlock, lastBlock, [&](int64_t rows, Value at) {
      multiply(rows, at, position, panels, first);
    });
  });
  b.loop(firstTile, lastTile, 1,
         [&](Value at) { finishTile(at, panels, first); });
}

/// Panel, position and channel of the weights to bring into L2 meanwhile, those
/// of the next position, and the columns to go on by at each step: they come
/// from L3 or memory, and the processor's own prefetch stops at the end of a
/// page, which a panel reaches every 64 channels. The item's row tiles share
/// them.
Values WinogradEmitter::placeAhead(Value number, Value position, int64_t panels,
                                   Value panel) {
  Value advance = columnsAhead(b, b.index(tile.itemTiles), panels),
        parts = b.div(b.index(kBlock), advance);
  Value slot = b.rem(b.sub(number, firstBlock), b.mul(parts, panels));
  Value next = b.add(position, 1), isInside = b.less(next, b.index(positions));
  Value ahead = b.add(panel, b.div(slot, parts));
  Value ofNextGroup =
      b.min(b.add(ahead, panels), b.index(groups * groupPanels - 1));
  return {b.createOrFold<arith::SelectOp>(isInside, ahead, ofNextGroup),
          b.createOrFold<arith::SelectOp>(isInside, next, b.index(0)),
          b.mul(b.rem(slot, parts), b.div(b.index(channels), parts)), advance};
}

/// Asks, in the steps over the channels at one position, for that position's
/// element of the tiles that lie as far behind as this item has tiles: those of
/// the next item, whose transform would wait for every line.
WinogradEmitter::Fetch WinogradEmitter::placeNext(Value at, Value position) {
  const Axis &vertical = axes[0], &horizontal = axes[1];
  Values first = b.delinearize(b.add(at, b.sub(lastTile, firstTile)),
                               {images, vertical.tiles, horizontal.tiles});
  Value columns = b.index(horizontal.transform.positions());
  Value image = b.min(first[0], b.sub(images, b.index(1))),
        firstInput = b.mul(group, channels / kBlock),
        top = b.add(b.mul(first[1], vertical.transform.outputs()),
                    b.div(position, columns)),
        left = b.rem(position, columns);
  return [=, &vertical, &horizontal](Value channel) {
    Value block = b.add(firstInput, b.div(channel, b.index(kBlock)));
    // Tiles past the end of a row are those of the next.
    Value tile = b.add(first[2], b.rem(channel, b.index(kBlock)));
    Value isInRow = b.less(tile, horizontal.tiles);
    auto select = [&](Value x, Value y) {
      return b.createOrFold<arith::SelectOp>(isInRow, x, y);
    };
    tile = select(tile, b.sub(tile, horizontal.tiles));
    Value row = select(top, b.add(top, vertical.transform.outputs())),
          column = b.add(left, b.mul(tile, horizontal.transform.outputs()));
    // What lies before the image wraps and is clamped as well.
    auto inside = [&](Value index, const Axis &axis) {
      return b.min(b.sub(index, b.index(axis.pad)),
                   b.sub(axis.input, b.index(1)));
    };
    Values index = {image, block};
    if (hasRows)
      index.push_back(inside(row, vertical));
    index.append({inside(column, horizontal), b.index(0)});
    b.prefetch(input, index);
  };
}

/// The sums over channels of some tiles at one position.
void WinogradEmitter::multiply(int64_t rows, Value at, Value position,
                               int64_t panels, Value panel) {
  Value slot = b.sub(at, firstTile), number = split->tileAt(b, rows, at);
  int64_t vectors = product.vectorsPerPanel(), lanes = product.lanes();
  RegisterTile shape = {rows, panels * vectors};
  Values ahead = placeAhead(number, position, panels, panel);
  Fetch fetchNext = streamsInput ? placeNext(at, position) : nullptr;
  Values found = b.loop(
      b.index(0), b.index(channels), 1, shape.zeros(b, product),
      [&](Value channel, ValueRange carried) {
        b.prefetch(weight,
                   {ahead[0], ahead[1], ahead[2], b.mul(channel, ahead[3])});
        if (fetchNext)
          fetchNext(channel);
        auto left = [&](int64_t i) {
          return product.loadSplat(b, transformed,
                                   {position, b.add(slot, i), channel});
        };
        auto right = [&](int64_t v) {
          return product.loadVector(b, weight,
                                    {b.add(panel, v / vectors), position,
                                     channel, b.index(v % vectors * lanes)});
        };
        return shape.step(b, product, carried, left, right);
      });
  for (auto [i, sum] : llvm::enumerate(found))
    vector::StoreOp::create(b, sum, sums,
                            ValueRange{position, b.add(slot, i / shape.vectors),
                                       b.index(i % shape.vectors * lanes)});
}

/// Transforms a tile's sums back and stores their epilogue.
void WinogradEmitter::finishTile(Value at, int64_t panels, Value panel) {
  placeTile(at);
  Value slot = b.sub(at, firstTile);
  Value inside = alwaysInside ? Value(arith::ConstantIntOp::create(b, 1, 1))
                              : b.createOrFold<arith::AndIOp>(
                                    axes[0].writesInside, axes[1].writesInside);
  if (!light)
    inside = arith::ConstantIntOp::create(b, 0, 1);
  b.loop(b.index(0), b.index(panels), 1, [&](Value i) {
    b.loop(b.index(0), b.index(kBlock), product.lanes(), [&](Value lane) {
      Value sumLane = b.add(b.mul(i, kBlock), lane), block = b.add(panel, i);
      b.when(
          inside,
          [&] {
            inverse(slot, sumLane, [&](int64_t row, int64_t column, Value y) {
              epilogue.store(
                  b, y,
                  outputIndex(block, b.index(row), b.index(column), lane));
            });
          },
          [&] {
            inverse(slot, sumLane, [&](int64_t row, int64_t column, Value y) {
              vector::StoreOp::create(
                  b, y, outputs,
                  ValueRange{b.index(row), b.index(column), b.index(0)});
            });
            storeOutputs(block, lane);
          });
    });
  });
}

void WinogradEmitter::inverse(Value slot, Value lane, WriteElement write) {
  const WinogradAxis &vertical = axes[0].transform,
                     &horizontal = axes[1].transform;
  SmallVector<Values, 4> rows(vertical.outputs());
  for (int64_t j = 0; j < horizontal.positions(); ++j) {
    Values column;
    for (int64_t i = 0; i < vertical.positions(); ++i)
      column.push_back(product.loadVector(
          b, sums, {b.index(i * horizontal.positions() + j), slot, lane}));
    Values results = vertical.inverse(b, product, column);
    for (auto [row, value] : llvm::zip_equal(rows, results))
      row.push_back(value);
  }
  for (auto [i, row] : llvm::enumerate(rows)) {
    Values results = horizontal.inverse(b, product, row);
    for (auto [j, value] : llvm::enumerate(results))
      write(i, j, value);
  }
}

/// Stores the epilogue of what lies in `outputs`, as far as it is inside.
void WinogradEmitter::storeOutputs(Value panel, Value lane) {
  auto count = [&](const Axis &axis) {
    return b.min(b.index(axis.transform.outputs()),
                 axis.countUpTo(b, axis.output));
  };
  b.loop(b.index(0), count(axes[0]), 1, [&](Value row) {
    b.loop(b.index(0), count(axes[1]), 1, [&](Value column) {
      Value y = vector::LoadOp::create(b, product.sums(), outputs,
                                       ValueRange{row, column, b.index(0)});
      epilogue.store(b, y, outputIndex(panel, row, column, lane));
    });
  });
}

Values WinogradEmitter::inputIndex(Value block, Value row, Value column,
                                   Value lane) {
  Values index = {batch, block};
  if (planes.output)
    index.push_back(inputPlane);
  if (hasRows)
    index.push_back(axes[0].source(b, row));
  index.append({axes[1].source(b, column), lane});
  return index;
}

Values WinogradEmitter::outputIndex(Value panel, Value row, Value column,
                                    Value lane) {
  Values index = {batch, panel};
  if (planes.output)
    index.push_back(outputPlane);
  if (hasRows)
    index.push_back(axes[0].target(b, row));
  index.append({axes[1].target(b, column), lane});
  return index;
}

} // namespace

LogicalResult emitWinogradConv(kernel::WinogradConvOp op,
                               const Machine &machine) {
  WinogradEmitter emitter(op, machine);
  if (failed(emitter.chooseTile(op, machine)))
    return failure();
  emitter.emit();
  return success();
}

} // namespace weft::cpu
