// Depthwise convolution on blocked channels: a vector runs over channels, a
// tile of pixels of one row stays in registers. Each input vector is loaded
// once for a row of the window and used by every tap that it meets; each sum
// still takes in its taps in ascending order. One work item is some rows of one
// block.

#include "Epilogue.h"
#include "FlatImage.h"
#include "Microkernel.h"
#include "Product.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;

namespace weft::cpu {
namespace {

/// Longer windows are loops: their taps do not fit in registers anyway.
constexpr int64_t kMostTaps = 16;

class DepthwiseEmitter {
public:
  DepthwiseEmitter(kernel::DepthwiseConvOp op, const Machine &machine,
                   ArrayRef<Value> origin);
  void emit(const Tile &tile);

private:
  void emitTile(int64_t pixels, Value pixel);
  Values sumRows(ValueRange sums, Value pixel, int64_t vector,
                 ArrayRef<Value> window);
  Values sumRow(ValueRange sums, Value pixel, int64_t vector,
                ArrayRef<Value> window);
  Values sumLongRow(ValueRange sums, Value pixel, int64_t vector,
                    ArrayRef<Value> window);
  Value loadInput(Value position, int64_t vector, ArrayRef<Value> window);
  Value loadTap(Value tap, int64_t vector, ArrayRef<Value> window);

  LoopBuilder b;
  Product product;
  ImageOperands image;
  Value weight;
  SmallVector<int64_t> strides, dilations;
  int64_t last; ///< spatial axis that pixels run along

  // Of what is being emitted.
  Value batch, block;
  Values rowIndex;
};

DepthwiseEmitter::DepthwiseEmitter(kernel::DepthwiseConvOp op,
                                   const Machine &machine,
                                   ArrayRef<Value> origin)
    : b(op.getLoc(), op),
      product(op.getEpilogue().getArgument(0).getType(), machine),
      weight(op.getWeight()), strides(op.getStrides()),
      dilations(op.getDilations()), last(strides.size() - 1) {
  image.input = op.getInput();
  image.epilogue = {
      &op.getEpilogue().front(), Values(op.getExtras()),
      llvm::to_vector(op.getExtraMaps().getAsValueRange<AffineMapAttr>()),
      op.getOutputs()[0], Values(origin)};
  image.readExtents(b);
}

void DepthwiseEmitter::emit(const Tile &tile) {
  Value rows = image.rowCount(b);
  RowSplit split(b, image.pixels(), tile.rows);
  Values extents = {image.extents[0], image.extents[1],
                    b.divUp(rows, b.index(tile.itemRows)),
                    b.divUp(split.count, b.index(tile.itemTiles))};
  Value count = b.index(1);
  for (Value extent : extents)
    count = b.mul(count, extent);
  emitItems(b, count, [&](Value item) {
    Values index = b.delinearize(item, extents);
    batch = index[0];
    block = index[1];
    Value firstRow = b.mul(index[2], tile.itemRows);
    Value firstTile = b.mul(index[3], tile.itemTiles);
    b.loop(firstRow, b.min(b.add(firstRow, tile.itemRows), rows), 1,
           [&](Value row) {
             rowIndex = b.delinearize(row, image.rowExtents());
             split.forEach(
                 b, firstTile,
                 b.min(b.add(firstTile, tile.itemTiles), split.count),
                 [&](int64_t pixels, Value pixel) { emitTile(pixels, pixel); });
           });
  });
}

void DepthwiseEmitter::emitTile(int64_t pixels, Value pixel) {
  for (int64_t v = 0; v < product.vectorsPerPanel(); ++v) {
    Values sums = sumRows(Values(pixels, product.zero(b)), pixel, v, {});
    for (int64_t i = 0; i < pixels; ++i) {
      Values position = {batch, block};
      position.append(rowIndex);
      position.append({b.add(pixel, i), b.index(v * product.lanes())});
      image.epilogue.store(b, sums[i], position);
    }
  }
}

/// The loops over the window but the last.
Values DepthwiseEmitter::sumRows(ValueRange sums, Value pixel, int64_t vector,
                                 ArrayRef<Value> window) {
  if (static_cast<int64_t>(window.size()) == last) {
    int64_t taps = cast<MemRefType>(weight.getType()).getDimSize(1 + last);
    bool isShort = taps != ShapedType::kDynamic && taps <= kMostTaps;
    return isShort ? sumRow(sums, pixel, vector, window)
                   : sumLongRow(sums, pixel, vector, window);
  }
  return b.loop(b.index(0), b.dim(weight, 1 + window.size()), 1, sums,
                [&](Value at, ValueRange carried) {
                  Values inner(window);
                  inner.push_back(at);
                  return sumRows(carried, pixel, vector, inner);
                });
}

Values DepthwiseEmitter::sumRow(ValueRange sums, Value pixel, int64_t vector,
                                ArrayRef<Value> window) {
  int64_t taps = cast<MemRefType>(weight.getType()).getDimSize(1 + last);
  int64_t pixels = sums.size(), stride = strides[last],
          dilation = dilations[last];
  Values result(sums), weights;
  for (int64_t tap = 0; tap < taps; ++tap)
    weights.push_back(loadTap(b.index(tap), vector, window));
  for (int64_t x = 0; x <= (pixels - 1) * stride + (taps - 1) * dilation; ++x) {
    Value loaded;
    for (int64_t tap = 0; tap < taps; ++tap) {
      int64_t offset = x - tap * dilation;
      if (offset < 0 || offset % stride || offset / stride >= pixels)
        continue;
      if (!loaded)
        loaded = loadInput(b.add(b.mul(pixel, stride), x), vector, window);
      Value &sum = result[offset / stride];
      sum = product.step(b, loaded, weights[tap], sum);
    }
  }
  return result;
}

Values DepthwiseEmitter::sumLongRow(ValueRange sums, Value pixel,
                                    int64_t vector, ArrayRef<Value> window) {
  return b.loop(b.index(0), b.dim(weight, 1 + last), 1, sums,
                [&](Value tap, ValueRange carried) {
                  Values result(carried);
                  Value weights = loadTap(tap, vector, window);
                  for (auto [i, sum] : llvm::enumerate(result)) {
                    Value position =
                        b.add(b.mul(b.add(pixel, i), strides[last]),
                              b.mul(tap, dilations[last]));
                    sum = product.step(b, loadInput(position, vector, window),
                                       weights, sum);
                  }
                  return result;
                });
}

Value DepthwiseEmitter::loadInput(Value position, int64_t vector,
                                  ArrayRef<Value> window) {
  Values index = {batch, block};
  for (int64_t axis = 0; axis < last; ++axis)
    index.push_back(b.add(b.mul(rowIndex[axis], strides[axis]),
                          b.mul(window[axis], dilations[axis])));
  index.append({position, b.index(vector * product.lanes())});
  return product.loadVector(b, image.input, index);
}

Value DepthwiseEmitter::loadTap(Value tap, int64_t vector,
                                ArrayRef<Value> window) {
  Values index = {block};
  index.append(window.begin(), window.end());
  index.append({tap, b.index(vector * product.lanes())});
  return product.loadVector(b, weight, index);
}

} // namespace

LogicalResult emitDepthwiseConv(kernel::DepthwiseConvOp op,
                                const Machine &machine,
                                ArrayRef<Value> origin) {
  auto weight = cast<MemRefType>(op.getWeight().getType());
  auto out = cast<MemRefType>(op.getOutputs()[0].getType());
  int64_t rank = out.getRank(), rows = 1;
  for (int64_t extent : out.getShape().slice(2, rank - 4))
    rows *= extent == ShapedType::kDynamic ? 1 : extent;
  Tile tile = chooseDepthwiseTile(rows, out.getDimSize(rank - 2),
                                  weight.getDimSize(rank - 3), machine);
  if (failed(updateTile(op, tile)))
    return failure();
  noteTile(op, tile);
  DepthwiseEmitter(op, machine, origin).emit(tile);
  return success();
}

} // namespace weft::cpu
