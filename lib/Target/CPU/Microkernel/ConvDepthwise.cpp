// A direct convolution and the depthwise one that reads it. One work item is
// some blocks of some rows of the output of one image:
//
//   a buffer takes the rows between that the item reads, zeros around them
//   the convolution, on the part of its input that these rows need
//   the depthwise convolution, from the buffer
//
// Both are emitted as the products that they are, as loops within the item.
// Rows that two items read are computed by both; all sums are those of the
// separate products.

#include "Microkernel.h"
#include "Product.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace weft::cpu {
namespace {

constexpr int64_t kBlock = kernel::kBlock;

class ConvDepthwiseEmitter {
public:
  ConvDepthwiseEmitter(kernel::ConvDepthwiseOp op, const Machine &machine);
  LogicalResult emit();

private:
  ConvDepthwiseShape shape();
  LogicalResult chooseTile();
  void emitItem(ArrayRef<Value> item);
  void setRows(Value band);
  void zeroAround(Values at);
  void zeroAll(Values at);
  void convolve();
  void convolveDepthwise();
  Values originOf(Value row);
  Value part(Value memref, ArrayRef<Value> offsets, ArrayRef<Value> extents);

  LoopBuilder b;
  kernel::ConvDepthwiseOp op;
  const Machine &machine;
  Product product;
  SmallVector<int64_t> between, padded, pads; ///< spatial
  int64_t spatial, blocks, rows;
  Tile tile;
  LogicalResult result = success();

  // Of the item that is being emitted.
  Value batch, block, blockCount;
  Value firstRow, rowCount; ///< of the output
  Value height;             ///< rows in the buffer that are read
  Value begin, end;         ///< those of them that the convolution gives
  Value firstBetween;       ///< the first of these, among all that it could
  Value buffer;
};

ConvDepthwiseEmitter::ConvDepthwiseEmitter(kernel::ConvDepthwiseOp op,
                                           const Machine &machine)
    : b(op.getLoc(), op), op(op), machine(machine),
      product(op.getEpilogue().getArgument(0).getType(), machine),
      between(op.getBetweenExtents()), pads(op.getPads()),
      spatial(between.size()) {
  auto out = cast<MemRefType>(op.getOutputs()[0].getType());
  blocks = out.getDimSize(1);
  rows = out.getDimSize(2);
  for (int64_t i = 0; i < spatial; ++i)
    padded.push_back(pads[i] + between[i] + pads[spatial + i]);
}

ConvDepthwiseShape ConvDepthwiseEmitter::shape() {
  auto weight = cast<MemRefType>(op.getWeight().getType());
  auto depthwise = cast<MemRefType>(op.getDepthwise().getType());
  int64_t window = 1, step = 1, rowsBefore = 1;
  for (int64_t i = 0; i < spatial; ++i) {
    window *= weight.getDimSize(2 + i);
    step *= op.getStrides()[i];
  }
  for (int64_t extent : ArrayRef(between).drop_back())
    rowsBefore *= extent;
  int64_t elements = kBlock;
  for (int64_t extent : ArrayRef(padded).drop_front())
    elements *= extent;
  ConvShape conv = {1,
                    rowsBefore,
                    between.back(),
                    blocks,
                    1,
                    weight.getDimSize(1),
                    window,
                    step,
                    weight.getDimSize(2 + spatial),
                    product.vectorsPerPanel()};
  return {conv, rows, op.getDepthwiseStrides()[0],
          (depthwise.getDimSize(1) - 1) * op.getDepthwiseDilations()[0] + 1,
          elements * 4};
}

LogicalResult ConvDepthwiseEmitter::chooseTile() {
  tile = chooseConvDepthwiseTile(shape(), machine);
  if (failed(updateTile(op, tile)))
    return failure();
  // Static extents make better code than full items.
  tile.itemRows =
      std::clamp<int64_t>(tile.itemRows, 1, std::max<int64_t>(1, rows));
  tile.itemPanels = std::clamp<int64_t>(tile.itemPanels, 1, blocks);
  while (blocks % tile.itemPanels)
    --tile.itemPanels;
  noteTile(op, tile);
  return success();
}

LogicalResult ConvDepthwiseEmitter::emit() {
  if (failed(chooseTile()))
    return failure();
  Values extents = {b.dim(op.getOutputs()[0], 0),
                    b.index(llvm::divideCeil(rows, tile.itemRows)),
                    b.index(blocks / tile.itemPanels)};
  Value count = b.mul(b.mul(extents[0], extents[1]), extents[2]);
  emitItems(b, count,
            [&](Value item) { emitItem(b.delinearize(item, extents)); });
  return result;
}

void ConvDepthwiseEmitter::emitItem(ArrayRef<Value> item) {
  batch = item[0];
  setRows(item[1]);
  block = b.mul(item[2], tile.itemPanels);
  blockCount = b.index(tile.itemPanels);
  ConvDepthwiseShape s = shape();
  SmallVector<int64_t> extents = {
      1, tile.itemPanels, (tile.itemRows - 1) * s.stride + s.windowRows};
  extents.append(padded.begin() + 1, padded.end());
  extents.push_back(kBlock);
  buffer = memref::AllocOp::create(
      b, MemRefType::get(extents, product.sums().getElementType()),
      ValueRange(), b.getI64IntegerAttr(64));
  b.loop(b.index(0), blockCount, 1,
         [&](Value panel) { zeroAround({b.index(0), panel}); });
  b.when(b.less(begin, end), [&] { convolve(); });
  convolveDepthwise();
}

/// Which rows the item computes and reads. Those of the buffer are numbered
/// from the first that is read.
void ConvDepthwiseEmitter::setRows(Value band) {
  ConvDepthwiseShape s = shape();
  firstRow = b.mul(band, tile.itemRows);
  rowCount = b.index(tile.itemRows);
  if (rows % tile.itemRows)
    rowCount = b.min(rowCount, b.sub(b.index(rows), firstRow));
  height = b.add(b.mul(b.sub(rowCount, b.index(1)), s.stride), s.windowRows);
  // In rows of the padded whole; indices are unsigned, and windows may lie in
  // the padding alone.
  Value first = b.mul(firstRow, s.stride), last = b.add(first, height),
        before = b.index(pads[0]), behind = b.add(before, between[0]);
  Value low = b.min(b.max(first, before), last),
        high = b.max(b.min(last, behind), low);
  begin = b.sub(low, first);
  end = b.sub(high, first);
  firstBetween = b.sub(low, before);
}

/// Zeros what lies around the convolution's result within the part of the
/// buffer at the indices `at`.
void ConvDepthwiseEmitter::zeroAround(Values at) {
  int64_t axis = at.size() - 2;
  auto isPadded = [&](int64_t i) { return pads[i] || pads[spatial + i]; };
  Value low = axis ? b.index(pads[axis]) : begin,
        high = axis ? b.index(pads[axis] + between[axis]) : end,
        size = axis ? b.index(padded[axis]) : height;
  auto deeper = [&](Value i) {
    Values inner(at);
    inner.push_back(i);
    return inner;
  };
  b.loop(b.index(0), low, 1, [&](Value i) { zeroAll(deeper(i)); });
  b.loop(high, size, 1, [&](Value i) { zeroAll(deeper(i)); });
  if (llvm::any_of(llvm::seq(axis + 1, spatial), isPadded))
    b.loop(low, high, 1, [&](Value i) { zeroAround(deeper(i)); });
}

void ConvDepthwiseEmitter::zeroAll(Values at) {
  int64_t axis = at.size() - 2;
  if (axis < spatial) {
    b.loop(b.index(0), b.index(padded[axis]), 1, [&](Value i) {
      Values inner(at);
      inner.push_back(i);
      zeroAll(inner);
    });
    return;
  }
  at.push_back({});
  for (int64_t v = 0; v < product.vectorsPerPanel(); ++v) {
    at.back() = b.index(v * product.lanes());
    vector::StoreOp::create(b, product.zero(b), buffer, at);
  }
}

/// The part of `memref` at `offsets` of the first dimensions, which has
/// `extents` there and is whole along the others.
Value ConvDepthwiseEmitter::part(Value memref, ArrayRef<Value> offsets,
                                 ArrayRef<Value> extents) {
  auto type = cast<MemRefType>(memref.getType());
  SmallVector<OpFoldResult> starts, sizes,
      steps(type.getRank(), b.getIndexAttr(1));
  for (int64_t d = 0; d < type.getRank(); ++d) {
    bool isPart = d < static_cast<int64_t>(offsets.size());
    starts.push_back(isPart ? getAsOpFoldResult(offsets[d])
                            : OpFoldResult(b.getIndexAttr(0)));
    sizes.push_back(isPart ? getAsOpFoldResult(extents[d])
                           : OpFoldResult(b.getIndexAttr(type.getDimSize(d))));
  }
  return memref::SubViewOp::create(b, memref, starts, sizes, steps);
}

void ConvDepthwiseEmitter::convolve() {
  auto in = cast<MemRefType>(op.getInput().getType()),
       weight = cast<MemRefType>(op.getWeight().getType());
  Value one = b.index(1), zero = b.index(0), count = b.sub(end, begin);
  int64_t stride = op.getStrides()[0],
          reach = (weight.getDimSize(2) - 1) * op.getDilations()[0] + 1;
  Value inputRows = b.add(b.mul(b.sub(count, one), stride), reach);
  Value input = part(op.getInput(), {batch, zero, b.mul(firstBetween, stride)},
                     {one, b.index(in.getDimSize(1)), inputRows});
  Values starts = {zero, zero, begin}, extents = {one, blockCount, count};
  for (int64_t i = 1; i < spatial; ++i) {
    starts.push_back(b.index(pads[i]));
    extents.push_back(b.index(between[i]));
  }
  auto conv = kernel::ConvOp::create(
      b, TypeRange(), input, part(op.getWeight(), {block}, {blockCount}),
      op.getBetweenExtras(), part(buffer, starts, extents), op.getBetweenMaps(),
      op.getStrides(), op.getDilations(), /*groups=*/1);
  conv.getEpilogue().takeBody(op.getBetween());
  // The rest of the tile is the model's choice for the item.
  auto number = [&](StringRef name, int64_t value) {
    return b.getNamedAttr(name, b.getI64IntegerAttr(value));
  };
  conv->setAttr(kernel::kTileAttr,
                b.getDictionaryAttr({number("panels", tile.panels),
                                     number("rows", tile.rows)}));
  if (failed(emitConv(conv, machine, {originOf(firstBetween), op.getWeight()})))
    result = failure();
  conv.erase();
}

/// The item's blocks from `row` on, as the loops of an epilogue's maps.
Values ConvDepthwiseEmitter::originOf(Value row) {
  Values origin = {batch, block, row};
  origin.append(spatial, b.index(0));
  return origin;
}

void ConvDepthwiseEmitter::convolveDepthwise() {
  Value one = b.index(1), zero = b.index(0);
  Value input = part(buffer, {zero, zero, zero}, {one, blockCount, height});
  Value output = part(op.getOutputs()[0], {batch, block, firstRow},
                      {one, blockCount, rowCount});
  auto depthwise = kernel::DepthwiseConvOp::create(
      b, TypeRange(), input, part(op.getDepthwise(), {block}, {blockCount}),
      op.getExtras(), output, op.getExtraMaps(), op.getDepthwiseStrides(),
      op.getDepthwiseDilations());
  depthwise.getEpilogue().takeBody(op.getEpilogue());
  if (failed(emitDepthwiseConv(depthwise, machine, originOf(firstRow))))
    result = failure();
  depthwise.erase();
}

} // namespace

LogicalResult emitConvDepthwise(kernel::ConvDepthwiseOp op,
                                const Machine &machine) {
  return ConvDepthwiseEmitter(op, machine).emit();
}

} // namespace weft::cpu
