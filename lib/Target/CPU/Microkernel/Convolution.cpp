// Direct convolution on blocked channels. One work item is some output blocks
// of some rows of pixels of one image:
//
//   for each group of output blocks
//     for each chunk of input blocks (all of them if the weights are few)
//       for each row, for each tile of its pixels
//         for input block, window, channel: registers += pixel * weight vector
//     epilogue, if it did not run on the registers
//
// The weights of one chunk stay in L1 while the pixels pass. A 1x1 convolution
// of stride 1 takes all pixels of an image as one row. Every sum takes in input
// block, window and channel in ascending order, whatever the tile.

#include "Epilogue.h"
#include "FlatImage.h"
#include "Microkernel.h"
#include "Product.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace weft::cpu {
namespace {

constexpr int64_t kBlock = kernel::kBlock;

class ConvEmitter {
public:
  ConvEmitter(kernel::ConvOp op, const Machine &machine);
  /// False if the op's own tile is not valid.
  bool chooseTile(const Machine &machine, DictionaryAttr given);
  void emit();

private:
  void emitItem();
  void forEachTile(function_ref<void(int64_t pixels, Value pixel)> body);
  void emitTile(int64_t pixels, Value pixel, Value begin, Value end);
  Values sumWindow(const RegisterTile &shape, ValueRange sums, Value pixel,
                   Value inputBlock, ArrayRef<Value> window);
  Values sumChannels(const RegisterTile &shape, ValueRange sums, Value pixel,
                     Value inputBlock, ArrayRef<Value> window);
  void finishGroup();
  void store(Value sum, Value pixel, int64_t vector);
  Values sumsIndex(Value pixel, int64_t vector);
  Value sourceIndex(int64_t axis, Value position, Value window);

  LoopBuilder b;
  Product product;
  ImageOperands image;
  Value weight;
  SmallVector<int64_t> strides, dilations;
  int64_t groups, vectors;
  Tile tile;
  bool blocked = false;  ///< input blocks are summed up in several chunks
  bool buffered = false; ///< sums go through memory before the epilogue
  Value inputBlocks;     ///< of one group

  // Of what is being emitted: item, group of output blocks, row.
  Value batch, firstPanel, lastPanel, firstRow, lastRow, firstTile, lastTile;
  std::optional<EvenSplit> split;
  Value sumsBuffer, panel, firstInput, row;
  Values rowIndex;
};

ConvEmitter::ConvEmitter(kernel::ConvOp op, const Machine &machine)
    : b(op.getLoc(), op),
      product(op.getEpilogue().getArgument(0).getType(), machine),
      weight(op.getWeight()), strides(op.getStrides()),
      dilations(op.getDilations()), groups(op.getGroups()),
      vectors(product.vectorsPerPanel()) {
  image.input = op.getInput();
  image.epilogue = {
      &op.getEpilogue().front(), Values(op.getExtras()),
      llvm::to_vector(op.getExtraMaps().getAsValueRange<AffineMapAttr>()),
      op.getOutputs()[0]};
  inputBlocks = b.dim(weight, 1);
  ArrayRef<int64_t> window =
      cast<MemRefType>(weight.getType()).getShape().slice(2, strides.size());
  auto isOne = [](int64_t x) { return x == 1; };
  if (strides.size() > 1 && llvm::all_of(window, isOne) &&
      llvm::all_of(strides, isOne))
    image.flatten();
  image.readExtents(b);
}

bool ConvEmitter::chooseTile(const Machine &machine, DictionaryAttr given) {
  auto weightType = cast<MemRefType>(weight.getType());
  int64_t window = 1;
  for (int64_t extent : weightType.getShape().slice(2, strides.size()))
    window = extent == ShapedType::kDynamic ? extent : window * extent;
  auto known = [](Value value) {
    return constantOf(value).value_or(ShapedType::kDynamic);
  };
  int64_t blocks = weightType.getDimSize(0);
  ConvShape shape = {known(image.extents[0]),
                     known(image.rowCount(b)),
                     known(image.pixels()),
                     blocks == ShapedType::kDynamic ? blocks : blocks / groups,
                     known(inputBlocks),
                     window,
                     weightType.getShape().drop_back().back(),
                     vectors};
  tile = chooseConvTile(shape, machine);
  if (given && !tile.update(given))
    return false;
  // A group of output blocks reads one group of input blocks.
  if (shape.outputBlocks == ShapedType::kDynamic)
    tile.panels = 1;
  while (tile.panels > 1 && shape.outputBlocks % tile.panels)
    --tile.panels;
  tile.itemPanels = llvm::alignTo(tile.itemPanels, tile.panels);
  std::optional<int64_t> depth = constantOf(inputBlocks);
  blocked = tile.depth && depth && tile.depth < *depth;
  buffered = blocked || !image.epilogue.isLight();
  return true;
}

void ConvEmitter::emit() {
  Value panels = image.extents[1], rows = image.rowCount(b);
  split.emplace(b, image.pixels(), tile.rows);
  Values extents = {image.extents[0], b.divUp(panels, b.index(tile.itemPanels)),
                    b.divUp(rows, b.index(tile.itemRows)),
                    b.divUp(split->count, b.index(tile.itemTiles))};
  Value count = b.index(1);
  for (Value extent : extents)
    count = b.mul(count, extent);
  emitItems(b, count, [&](Value item) {
    Values index = b.delinearize(item, extents);
    batch = index[0];
    firstPanel = b.mul(index[1], tile.itemPanels);
    lastPanel = b.min(b.add(firstPanel, tile.itemPanels), panels);
    firstRow = b.mul(index[2], tile.itemRows);
    lastRow = b.min(b.add(firstRow, tile.itemRows), rows);
    firstTile = b.mul(index[3], tile.itemTiles);
    lastTile = b.min(b.add(firstTile, tile.itemTiles), split->count);
    image.collapse(b);
    emitItem();
  });
}

void ConvEmitter::emitItem() {
  int64_t pixels = tile.itemTiles * tile.rows;
  if (buffered)
    sumsBuffer = memref::AllocOp::create(
        b,
        MemRefType::get({tile.itemRows, pixels, tile.panels * kBlock},
                        product.sums().getElementType()),
        ValueRange(), b.getI64IntegerAttr(64));
  Value groupPanels = b.div(image.extents[1], b.index(groups));
  b.loop(firstPanel, lastPanel, tile.panels, [&](Value first) {
    panel = first;
    firstInput = b.mul(b.div(panel, groupPanels), inputBlocks);
    if (blocked)
      forEachTile([&](int64_t pixels, Value pixel) {
        for (int64_t i = 0; i < pixels; ++i)
          for (int64_t v = 0; v < tile.panels * vectors; ++v)
            vector::StoreOp::create(b, product.zero(b), sumsBuffer,
                                    sumsIndex(b.add(pixel, i), v));
      });
    Value chunk = blocked ? b.index(tile.depth) : inputBlocks;
    auto emitChunk = [&](Value begin) {
      Value end =
          blocked ? b.min(b.add(begin, chunk), inputBlocks) : inputBlocks;
      forEachTile([&](int64_t pixels, Value pixel) {
        emitTile(pixels, pixel, begin, end);
      });
    };
    if (blocked)
      b.loop(b.index(0), inputBlocks, tile.depth, emitChunk);
    else
      emitChunk(b.index(0));
    if (buffered)
      finishGroup();
  });
}

void ConvEmitter::forEachTile(function_ref<void(int64_t, Value)> body) {
  b.loop(firstRow, lastRow, 1, [&](Value at) {
    row = at;
    rowIndex = b.delinearize(at, image.rowExtents());
    split->forEach(b, firstTile, lastTile, body);
  });
}

/// Adds what the input blocks [begin, end) give to a tile of pixels.
void ConvEmitter::emitTile(int64_t pixels, Value pixel, Value begin,
                           Value end) {
  RegisterTile shape = {pixels, tile.panels * vectors};
  Values sums;
  for (int64_t i = 0; i < pixels; ++i)
    for (int64_t v = 0; v < shape.vectors; ++v)
      sums.push_back(blocked
                         ? vector::LoadOp::create(b, product.sums(), sumsBuffer,
                                                  sumsIndex(b.add(pixel, i), v))
                               .getResult()
                         : product.zero(b));
  sums = b.loop(begin, end, 1, sums, [&](Value inputBlock, ValueRange carried) {
    return sumWindow(shape, carried, pixel, inputBlock, {});
  });
  for (int64_t i = 0; i < pixels; ++i)
    for (int64_t v = 0; v < shape.vectors; ++v) {
      Value sum = sums[i * shape.vectors + v], at = b.add(pixel, i);
      if (buffered)
        vector::StoreOp::create(b, sum, sumsBuffer, sumsIndex(at, v));
      else
        store(sum, at, v);
    }
}

/// The loops over the window, outermost first.
Values ConvEmitter::sumWindow(const RegisterTile &shape, ValueRange sums,
                              Value pixel, Value inputBlock,
                              ArrayRef<Value> window) {
  if (window.size() == strides.size())
    return sumChannels(shape, sums, pixel, inputBlock, window);
  return b.loop(b.index(0), b.dim(weight, 2 + window.size()), 1, sums,
                [&](Value at, ValueRange carried) {
                  Values inner(window);
                  inner.push_back(at);
                  return sumWindow(shape, carried, pixel, inputBlock, inner);
                });
}

/// The position that output position `position` reads on an axis at `window`.
Value ConvEmitter::sourceIndex(int64_t axis, Value position, Value window) {
  return b.add(b.mul(position, strides[axis]), b.mul(window, dilations[axis]));
}

Values ConvEmitter::sumChannels(const RegisterTile &shape, ValueRange sums,
                                Value pixel, Value inputBlock,
                                ArrayRef<Value> window) {
  Values source = {batch, b.add(firstInput, inputBlock)};
  int64_t last = strides.size() - 1;
  if (image.isFlat())
    source.push_back(pixel);
  else
    for (int64_t axis = 0; axis <= last; ++axis)
      source.push_back(sourceIndex(axis, axis < last ? rowIndex[axis] : pixel,
                                   window[axis]));
  Value first = source.back();
  int64_t apart = image.isFlat() ? 1 : strides[last];
  Value channels = b.dim(weight, 2 + strides.size());
  return b.loop(
      b.index(0), channels, 1, sums, [&](Value channel, ValueRange carried) {
        auto left = [&](int64_t i) {
          Values index = source;
          index.back() = b.add(first, i * apart);
          index.push_back(channel);
          return product.loadSplat(b, image.input, index);
        };
        auto right = [&](int64_t v) {
          Values index = {b.add(panel, v / vectors), inputBlock};
          index.append(window.begin(), window.end());
          index.append({channel, b.index(v % vectors * product.lanes())});
          return product.loadVector(b, weight, index);
        };
        return shape.step(b, product, carried, left, right);
      });
}

/// Runs the epilogue on the sums that lie in the buffer.
void ConvEmitter::finishGroup() {
  b.loop(firstRow, lastRow, 1, [&](Value at) {
    row = at;
    rowIndex = b.delinearize(at, image.rowExtents());
    b.loop(split->start(b, firstTile), split->start(b, lastTile), 1,
           [&](Value pixel) {
             for (int64_t v = 0; v < tile.panels * vectors; ++v)
               store(vector::LoadOp::create(b, product.sums(), sumsBuffer,
                                            sumsIndex(pixel, v)),
                     pixel, v);
           });
  });
}

void ConvEmitter::store(Value sum, Value pixel, int64_t vector) {
  Values position = {batch, b.add(panel, vector / vectors)};
  position.append(rowIndex);
  position.append({pixel, b.index(vector % vectors * product.lanes())});
  image.epilogue.store(b, sum, position);
}

Values ConvEmitter::sumsIndex(Value pixel, int64_t vector) {
  return {b.sub(row, firstRow), b.sub(pixel, split->start(b, firstTile)),
          b.index(vector * product.lanes())};
}

} // namespace

LogicalResult emitConv(kernel::ConvOp op, const Machine &machine) {
  ConvEmitter emitter(op, machine);
  auto given = op->getAttrOfType<DictionaryAttr>(kTileAttr);
  if (!emitter.chooseTile(machine, given))
    return op.emitOpError("has no valid tile in '")
           << kTileAttr << "': " << given;
  emitter.emit();
  op.erase();
  return success();
}

} // namespace weft::cpu
