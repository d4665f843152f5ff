// Direct convolution on blocked channels. One work item is some output blocks
// of some rows of pixels of one image:
//
//   for each group of output blocks
//     for each chunk of input blocks (all of them if the weights are few)
//       for each row, for each tile of its pixels
//         for input block, window, channel: registers += pixel * weight vector
//         epilogue, on the registers or, if it is heavy, from a tile in L1
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

/// Input blocks that are summed up at once.
struct Chunk {
  Value begin, end;
  bool isFirst, isLast;
};

class ConvEmitter {
public:
  ConvEmitter(kernel::ConvOp op, const Machine &machine, const ConvPart &part);
  /// False if the op's own tile is not valid.
  LogicalResult chooseTile(kernel::ConvOp op, const Machine &machine);
  void emit();

private:
  ConvShape shape();
  void emitItem();
  void emitPanels(Value first);
  void emitChunk(const Chunk &chunk);
  void forEachTile(function_ref<void(int64_t pixels, Value pixel)> body);
  void emitTile(int64_t pixels, Value pixel, const Chunk &chunk);
  Values sumWindow(const RegisterTile &shape, ValueRange sums, Value inputBlock,
                   ArrayRef<Value> window);
  Values sumChannels(const RegisterTile &shape, ValueRange sums,
                     Value inputBlock, ArrayRef<Value> window);
  void fetchAhead(Value inputBlock, ArrayRef<Value> window, Value steps);
  void finish(const RegisterTile &shape, ValueRange sums);
  void store(Value sum, Value pixel, int64_t vector);
  Values sumsIndex(Value pixel, int64_t vector);
  Values sourceIndex(Value block, int64_t pixel, ArrayRef<Value> window);

  LoopBuilder b;
  Product product;
  ImageOperands image;
  Value weight;
  ConvPart partOf;
  SmallVector<int64_t> strides, dilations;
  int64_t groups, vectors;
  Tile tile;
  int64_t restPanels = 0; ///< of the last group of output blocks; 0: all alike
  bool blocked = false;   ///< input blocks are summed up in several chunks
  bool fetches;           ///< weights, more than L1 holds, are asked for ahead
  bool light;             ///< the epilogue runs on the register tile
  Value inputBlocks;      ///< of one group

  // Of what is being emitted: item, group of output blocks, row, tile.
  Value batch, firstPanel, lastPanel, firstRow, lastRow, firstTile, lastTile;
  std::optional<RowSplit> split;
  Value sumsBuffer, tileBuffer, panel, firstInput, row;
  Values rowIndex;
  SmallVector<Values> places; ///< of the tile's pixels, if they are listed
  Value firstPixel;           ///< of the tile
};

ConvEmitter::ConvEmitter(kernel::ConvOp op, const Machine &machine,
                         const ConvPart &part)
    : b(op.getLoc(), op),
      product(op.getEpilogue().getArgument(0).getType(), machine,
              getElementTypeOrSelf(op.getWeight().getType())),
      weight(op.getWeight()), partOf(part), strides(op.getStrides()),
      dilations(op.getDilations()), groups(op.getGroups()),
      vectors(product.vectorsPerPanel()) {
  image.input = op.getInput();
  image.epilogue = {
      &op.getEpilogue().front(), Values(op.getExtras()),
      llvm::to_vector(op.getExtraMaps().getAsValueRange<AffineMapAttr>()),
      op.getOutputs()[0], part.origin};
  light = image.epilogue.isLight();
  inputBlocks = b.dim(weight, 1);
  ArrayRef<int64_t> window =
      cast<MemRefType>(weight.getType()).getShape().slice(2, strides.size());
  auto isOne = [](int64_t x) { return x == 1; };
  if (strides.size() > 1 && llvm::all_of(window, isOne) &&
      llvm::all_of(strides, isOne))
    image.flatten();
  image.readExtents(b);
}

ConvShape ConvEmitter::shape() {
  auto type = cast<MemRefType>(weight.getType());
  auto known = [](Value value) {
    return constantOf(value).value_or(ShapedType::kDynamic);
  };
  int64_t window = 1, blocks = type.getDimSize(0);
  for (int64_t extent : type.getShape().slice(2, strides.size()))
    window *= extent == ShapedType::kDynamic ? 3 : extent;
  int64_t step = 1;
  for (int64_t stride : strides)
    step *= stride;
  return {known(image.extents[0]),
          known(image.rowCount(b)),
          known(image.pixels()),
          blocks == ShapedType::kDynamic ? blocks : blocks / groups,
          groups,
          known(inputBlocks),
          window,
          step,
          type.getShape().drop_back().back(),
          vectors};
}

LogicalResult ConvEmitter::chooseTile(kernel::ConvOp op,
                                      const Machine &machine) {
  ConvShape known = shape();
  if (shouldListPixels(known, machine)) {
    image.listPixels(b);
    known = shape();
  }
  tile = chooseConvTile(known, machine);
  if (failed(updateTile(op, tile)))
    return failure();
  // A group of output blocks reads one group of input blocks. What is left over
  // of one group of channels is a narrower one.
  if (known.outputBlocks == ShapedType::kDynamic)
    tile.panels = 1;
  while (tile.panels > 1 && groups > 1 && known.outputBlocks % tile.panels)
    --tile.panels;
  restPanels = known.outputBlocks == ShapedType::kDynamic
                   ? 0
                   : known.outputBlocks % tile.panels;
  tile.itemPanels = llvm::alignTo(tile.itemPanels, tile.panels);
  blocked = tile.depth && known.inputBlocks != ShapedType::kDynamic &&
            tile.depth < known.inputBlocks;
  auto type = cast<MemRefType>(weight.getType());
  bool isOneTile = known.rows == 1 && known.pixels != ShapedType::kDynamic &&
                   known.pixels <= tile.rows;
  fetches =
      !isOneTile && (!type.hasStaticShape() ||
                     type.getNumElements() * type.getElementTypeBitWidth() / 8 >
                         machine.l1Bytes / 2);
  noteTile(op, tile);
  return success();
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
  auto allocate = [&](ArrayRef<int64_t> shape) -> Value {
    return memref::AllocOp::create(
        b, MemRefType::get(shape, product.sums().getElementType()),
        ValueRange(), b.getI64IntegerAttr(64));
  };
  if (blocked)
    sumsBuffer = allocate(
        {tile.itemRows, tile.itemTiles * tile.rows, tile.panels * kBlock});
  if (!light)
    tileBuffer = allocate({tile.rows, tile.panels * kBlock});
  if (!restPanels) {
    b.loop(firstPanel, lastPanel, tile.panels,
           [&](Value first) { emitPanels(first); });
    return;
  }
  Value groupCount = b.div(b.sub(lastPanel, firstPanel), b.index(tile.panels)),
        rest = b.add(firstPanel, b.mul(groupCount, tile.panels));
  b.loop(firstPanel, rest, tile.panels,
         [&](Value first) { emitPanels(first); });
  std::swap(tile.panels, restPanels);
  b.when(b.less(rest, lastPanel), [&] { emitPanels(rest); });
  std::swap(tile.panels, restPanels);
}

/// Computes the item's part of the group of output blocks that begins at
/// `first`.
void ConvEmitter::emitPanels(Value first) {
  panel = first;
  Value groupPanels = b.div(image.extents[1], b.index(groups));
  firstInput = b.mul(b.div(panel, groupPanels), inputBlocks);
  if (!blocked) {
    emitChunk({b.index(0), inputBlocks, true, true});
    return;
  }
  // The first chunk does not read sums, the last does not write them.
  int64_t last = (*constantOf(inputBlocks) - 1) / tile.depth * tile.depth;
  Value depth = b.index(tile.depth);
  emitChunk({b.index(0), depth, true, false});
  b.loop(depth, b.index(last), tile.depth, [&](Value begin) {
    emitChunk({begin, b.add(begin, depth), false, false});
  });
  emitChunk({b.index(last), inputBlocks, false, true});
}

void ConvEmitter::emitChunk(const Chunk &chunk) {
  forEachTile(
      [&](int64_t pixels, Value pixel) { emitTile(pixels, pixel, chunk); });
}

void ConvEmitter::forEachTile(function_ref<void(int64_t, Value)> body) {
  b.loop(firstRow, lastRow, 1, [&](Value at) {
    row = at;
    rowIndex = b.delinearize(at, image.rowExtents());
    split->forEach(b, firstTile, lastTile, body);
  });
}

/// Adds what a chunk of input blocks gives to a tile of pixels.
void ConvEmitter::emitTile(int64_t pixels, Value pixel, const Chunk &chunk) {
  RegisterTile shape = {pixels, tile.panels * vectors};
  firstPixel = pixel;
  places.clear();
  if (image.isListed())
    for (int64_t i = 0; i < pixels; ++i)
      places.push_back(image.place(b, rowIndex, b.add(pixel, i)));
  Values sums = shape.zeros(b, product);
  for (auto [i, sum] : llvm::enumerate(sums))
    if (!chunk.isFirst)
      sum = vector::LoadOp::create(
          b, product.sums(), sumsBuffer,
          sumsIndex(b.add(pixel, i / shape.vectors), i % shape.vectors));
  sums = b.loop(chunk.begin, chunk.end, 1, sums,
                [&](Value inputBlock, ValueRange carried) {
                  return sumWindow(shape, carried, inputBlock, {});
                });
  if (chunk.isLast)
    return finish(shape, sums);
  for (auto [i, sum] : llvm::enumerate(sums))
    vector::StoreOp::create(
        b, sum, sumsBuffer,
        sumsIndex(b.add(pixel, i / shape.vectors), i % shape.vectors));
}

/// The loops over the window, outermost first.
Values ConvEmitter::sumWindow(const RegisterTile &shape, ValueRange sums,
                              Value inputBlock, ArrayRef<Value> window) {
  if (window.size() == strides.size())
    return sumChannels(shape, sums, inputBlock, window);
  return b.loop(b.index(0), b.dim(weight, 2 + window.size()), 1, sums,
                [&](Value at, ValueRange carried) {
                  Values inner(window);
                  inner.push_back(at);
                  return sumWindow(shape, carried, inputBlock, inner);
                });
}

Values ConvEmitter::sumChannels(const RegisterTile &shape, ValueRange sums,
                                Value inputBlock, ArrayRef<Value> window) {
  // Weights may be in parts of a block of the input.
  int64_t perStep = product.elementsPerStep();
  Value steps = b.dim(weight, 2 + strides.size()),
        channels = b.mul(steps, perStep),
        parts =
            b.div(b.dim(image.input,
                        cast<MemRefType>(image.input.getType()).getRank() - 1),
                  channels),
        part = b.add(firstInput, inputBlock), block = b.div(part, parts),
        firstChannel = b.mul(b.rem(part, parts), channels);
  SmallVector<Values> sources;
  for (int64_t i = 0; i < shape.rows; ++i)
    sources.push_back(sourceIndex(block, i, window));
  if (fetches)
    fetchAhead(inputBlock, window, steps);
  return b.loop(
      b.index(0), steps, 1, sums, [&](Value step, ValueRange carried) {
        auto left = [&](int64_t i) {
          Values index = sources[i];
          index.push_back(b.add(firstChannel, b.mul(step, perStep)));
          return product.loadSplat(b, image.input, index);
        };
        auto right = [&](int64_t v) {
          Values index = {b.add(panel, v / vectors), inputBlock};
          index.append(window.begin(), window.end());
          index.append(
              {step, b.index(v % vectors * product.lanes() * perStep)});
          return product.loadVector(b, weight, index);
        };
        return shape.step(b, product, carried, left, right);
      });
}

/// Asks for the weights that come next where these are used: of the next chunk
/// or of the next group of output blocks. Each tile of the item asks for its
/// share; within the loop over channels it would cost 6 % of that.
void ConvEmitter::fetchAhead(Value inputBlock, ArrayRef<Value> window,
                             Value steps) {
  int64_t count = constantOf(steps).value_or(kBlock), share = count;
  Value from = b.index(0);
  if (split->base) {
    std::optional<int64_t> tiles = constantOf(split->count),
                           rows = constantOf(image.rowCount(b));
    int64_t inRow = std::min(tile.itemTiles, *tiles),
            all = inRow * (rows ? std::min(tile.itemRows, *rows) : 1);
    share = llvm::divideCeil(count, all);
    Value number = b.div(b.sub(firstPixel, split->start(b, firstTile)),
                         b.index(split->base));
    number = b.add(number, b.mul(b.sub(row, firstRow), inRow));
    from = b.rem(b.mul(number, share), steps);
  }
  Value whole = partOf.weight ? partOf.weight : weight,
        first = partOf.weight ? b.add(partOf.origin[1], panel) : panel;
  for (int64_t p = 0; p < tile.panels; ++p)
    for (int64_t i = 0; i < share; ++i) {
      Values index = blocked ? Values{b.add(first, p),
                                      b.min(b.add(inputBlock, tile.depth),
                                            b.sub(inputBlocks, b.index(1)))}
                             : Values{b.min(b.add(first, tile.panels + p),
                                            b.sub(b.dim(whole, 0), b.index(1))),
                                      inputBlock};
      index.append(window.begin(), window.end());
      index.append({b.rem(b.add(from, i), steps), b.index(0)});
      b.prefetch(whole, index);
    }
}

/// Where the tile's pixel number `pixel` reads a block of the input at a window
/// position.
Values ConvEmitter::sourceIndex(Value block, int64_t pixel,
                                ArrayRef<Value> window) {
  Values index = {batch, block};
  if (image.isFlat()) {
    index.push_back(b.add(firstPixel, pixel));
    return index;
  }
  // Pixels of one row differ by a constant, which addresses can take in.
  Values place =
      image.isListed() ? places[pixel] : image.place(b, rowIndex, firstPixel);
  for (auto [axis, at] : llvm::enumerate(place))
    index.push_back(
        b.add(b.mul(at, strides[axis]), b.mul(window[axis], dilations[axis])));
  if (!image.isListed())
    index.back() = b.add(index.back(), pixel * strides.back());
  return index;
}

/// Runs the epilogue on the final sums of a tile. A heavy one would make the
/// sums spill and, unrolled, be more code than the product.
void ConvEmitter::finish(const RegisterTile &shape, ValueRange sums) {
  if (light) {
    for (auto [i, sum] : llvm::enumerate(sums))
      store(sum, b.add(firstPixel, i / shape.vectors), i % shape.vectors);
    return;
  }
  auto place = [&](Value pixel, int64_t vector) {
    return Values{pixel, b.index(vector * product.lanes())};
  };
  for (auto [i, sum] : llvm::enumerate(sums))
    vector::StoreOp::create(
        b, sum, tileBuffer,
        place(b.index(i / shape.vectors), i % shape.vectors));
  b.loop(b.index(0), b.index(shape.rows), 1, [&](Value pixel) {
    for (int64_t v = 0; v < shape.vectors; ++v)
      store(vector::LoadOp::create(b, product.sums(), tileBuffer,
                                   place(pixel, v)),
            b.add(firstPixel, pixel), v);
  });
}

void ConvEmitter::store(Value sum, Value pixel, int64_t vector) {
  Values position = {batch, b.add(panel, vector / vectors)};
  position.append(image.place(b, rowIndex, pixel));
  position.push_back(b.index(vector % vectors * product.lanes()));
  image.epilogue.store(b, sum, position);
}

Values ConvEmitter::sumsIndex(Value pixel, int64_t vector) {
  return {b.sub(row, firstRow), b.sub(pixel, split->start(b, firstTile)),
          b.index(vector * product.lanes())};
}

} // namespace

LogicalResult emitConv(kernel::ConvOp op, const Machine &machine,
                       const ConvPart &part) {
  ConvEmitter emitter(op, machine, part);
  if (failed(emitter.chooseTile(op, machine)))
    return failure();
  emitter.emit();
  return success();
}

} // namespace weft::cpu
