// Concatenation and constant padding: one tensor, and each piece inserted right
// behind the kernel that computes it, which bufferization then lets write in
// place. The tensor is created before the first piece, for which all extents
// have been hoisted, but no earlier, so that it does not take up memory sooner
// than it must.

#include "PlacePieces.h"

#include "Border.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Dominance.h"
#include "weft/Dialect/Graph/IR/Graph.h"
#include "weft/Dialect/Graph/IR/Shapes.h"
#include "weft/Dialect/Kernel/IR/Kernel.h"
#include "weft/Support/Location.h"

using namespace mlir;

namespace weft::kernel {
namespace {

using Dims = SmallVector<OpFoldResult>;

struct Piece {
  Value value;
  Dims offsets;
};

class Placer {
public:
  Placer(func::FuncOp function, Extents &extents, Outliner &outliner)
      : dominance(function), extents(extents), outliner(outliner) {}

  void placeConcat(graph::ConcatOp concat);
  void placePad(graph::PadOp pad);

private:
  /// Inserts `pieces` into `whole`, which stands before all kernels that can
  /// write in place, and replaces `op`.
  void place(Operation *op, Value whole, SmallVector<Piece> pieces);
  /// The piece as something that a kernel computes for this one use.
  bool isFresh(Value piece, Operation *user) const {
    Operation *producer = piece.getDefiningOp();
    return producer && piece.hasOneUse() &&
           producer->getBlock() == user->getBlock() &&
           familyOf(producer) != Family::None;
  }
  /// Fails the run where the pieces' other extents differ.
  void checkExtents(graph::ConcatOp concat);
  /// The first op of the block behind which all `dims` are known.
  static void setBehind(OpBuilder &b, Block *block,
                        ArrayRef<OpFoldResult> dims);
  /// Where to create the tensor that `op` puts together of `pieces`: before the
  /// first kernel that can write into it.
  void setBeforeWriters(OpBuilder &b, Operation *op, ValueRange pieces,
                        ArrayRef<OpFoldResult> dims) const;
  Value shapeTensor(OpBuilder &b, Location loc, ArrayRef<OpFoldResult> dims);
  /// A tensor for the result of `pad`, of which only the border is certain to
  /// be set.
  Value bordered(OpBuilder &b, graph::PadOp pad, ArrayRef<int64_t> pads,
                 DenseElementsAttr value);

  DominanceInfo dominance;
  Extents &extents;
  Outliner &outliner;
};

void Placer::setBehind(OpBuilder &b, Block *block,
                       ArrayRef<OpFoldResult> dims) {
  Operation *last = nullptr;
  for (OpFoldResult dim : dims)
    if (auto value = dyn_cast<Value>(dim)) {
      Operation *producer = value.getDefiningOp();
      if (producer && producer->getBlock() == block &&
          (!last || last->isBeforeInBlock(producer)))
        last = producer;
    }
  if (last)
    b.setInsertionPointAfter(last);
  else
    b.setInsertionPointToStart(block);
}

void Placer::setBeforeWriters(OpBuilder &b, Operation *op, ValueRange pieces,
                              ArrayRef<OpFoldResult> dims) const {
  setBehind(b, op->getBlock(), dims);
  Operation *first = op;
  for (Value piece : pieces)
    if (isFresh(piece, op) && piece.getDefiningOp()->isBeforeInBlock(first))
      first = piece.getDefiningOp();
  Block::iterator known = b.getInsertionPoint();
  if (&*known == first || known->isBeforeInBlock(first))
    b.setInsertionPoint(first);
}

Value Placer::shapeTensor(OpBuilder &b, Location loc,
                          ArrayRef<OpFoldResult> dims) {
  SmallVector<Value> elements;
  for (OpFoldResult dim : dims)
    elements.push_back(b.createOrFold<arith::IndexCastOp>(
        loc, b.getI64Type(), getValueOrCreateConstantIndexOp(b, loc, dim)));
  Value shape = tensor::FromElementsOp::create(b, loc, elements);
  extents.set(shape, {b.getIndexAttr(dims.size())});
  return shape;
}

void Placer::place(Operation *op, Value whole, SmallVector<Piece> pieces) {
  OpBuilder b(op);
  Location loc = op->getLoc();
  Operation *ready = whole.getDefiningOp();
  // A kernel can write in place if the whole and the offsets stand before it.
  auto inPlace = [&](const Piece &piece) {
    if (!isFresh(piece.value, op) ||
        !ready->isBeforeInBlock(piece.value.getDefiningOp()))
      return false;
    return llvm::all_of(piece.offsets, [&](OpFoldResult offset) {
      auto value = dyn_cast<Value>(offset);
      return !value ||
             dominance.properlyDominates(value, piece.value.getDefiningOp());
    });
  };
  llvm::stable_sort(pieces, [&](const Piece &x, const Piece &y) {
    bool a = inPlace(x), c = inPlace(y);
    if (a != c || !a)
      return a && !c;
    return x.value.getDefiningOp()->isBeforeInBlock(y.value.getDefiningOp());
  });
  for (Piece &piece : pieces) {
    bool direct = inPlace(piece);
    b.setInsertionPoint(op);
    Value value = piece.value;
    if (direct) {
      // Pieces of one kernel are inserted one after another.
      Operation *computed = value.getDefiningOp(),
                *before = whole.getDefiningOp();
      b.setInsertionPointAfter(computed->isBeforeInBlock(before) ? before
                                                                 : computed);
    } else {
      value = graph::CopyOp::create(b, loc, value.getType(), value);
      extents.setSame(value, piece.value);
    }
    Dims strides(piece.offsets.size(), b.getIndexAttr(1));
    whole = tensor::InsertSliceOp::create(b, loc, value, whole, piece.offsets,
                                          extents.all(value), strides);
    extents.setSame(whole, op->getResult(0));
  }
  op->getResult(0).replaceAllUsesWith(whole);
  op->erase();
}

void Placer::checkExtents(graph::ConcatOp concat) {
  OpBuilder b(concat);
  Location loc = concat.getLoc();
  std::string node = describeNodes(loc);
  for (auto [i, input] : llvm::enumerate(concat.getInputs()))
    for (int64_t axis = 0, e = concat.getType().getRank(); axis < e; ++axis) {
      OpFoldResult have = extents.get(input, axis),
                   want = extents.get(concat, axis);
      if (axis == static_cast<int64_t>(concat.getAxis()) ||
          isEqualConstantIntOrValue(have, want))
        continue;
      // Before anything is written, which may be long before the concatenation.
      setBehind(b, concat->getBlock(), {have, want});
      Value x = getValueOrCreateConstantIndexOp(b, loc, have),
            y = getValueOrCreateConstantIndexOp(b, loc, want);
      Value same =
          arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, x, y);
      CheckOp::create(b, loc, same, ValueRange{x, y},
                      node + (node.empty() ? "" : ": ") + "input " +
                          std::to_string(i) + " has {0} on axis " +
                          std::to_string(axis) + " where the result has {1}");
    }
}

void Placer::placeConcat(graph::ConcatOp concat) {
  checkExtents(concat);
  Dims dims = extents.all(concat);
  OpBuilder b(concat);
  graph::DimBuilder d(b, concat.getLoc());
  int64_t axis = concat.getAxis();
  // Offsets are sums of extents, as early as these.
  SmallVector<Piece> pieces;
  Dims offsets(dims.size(), d.constant(0));
  for (Value input : concat.getInputs()) {
    pieces.push_back({input, offsets});
    Dims used = {offsets[axis], extents.get(input, axis)};
    setBehind(b, concat->getBlock(), used);
    offsets[axis] = d.add(used[0], used[1]);
  }
  setBeforeWriters(b, concat, concat.getInputs(), dims);
  Value whole = tensor::EmptyOp::create(b, concat.getLoc(), dims,
                                        concat.getType().getElementType());
  extents.setSame(whole, concat);
  place(concat, whole, pieces);
}

Value Placer::bordered(OpBuilder &b, graph::PadOp pad, ArrayRef<int64_t> pads,
                       DenseElementsAttr value) {
  Dims dims = extents.all(pad);
  Location loc = pad.getLoc();
  auto scalar = value.getSplatValue<TypedAttr>();
  if (pad.getAxes().empty()) {
    Value fill = graph::ConstantOp::create(b, loc, value);
    return graph::ExpandOp::create(b, loc, pad.getType(), fill,
                                   shapeTensor(b, loc, dims));
  }
  Value whole =
      tensor::EmptyOp::create(b, loc, dims, pad.getType().getElementType());
  func::FuncOp border =
      makeBorderKernel(loc, cast<RankedTensorType>(whole.getType()),
                       {pad.getAxes(), pads, scalar});
  return outliner.launch(b, border, {}, whole).getResult(0);
}

void Placer::placePad(graph::PadOp pad) {
  auto pads = graph::constantInts(pad.getPads());
  DenseElementsAttr value;
  if (pad.getMode() != graph::PadMode::constant || !pads ||
      !matchPattern(pad.getValue(), m_Constant(&value)) ||
      llvm::any_of(*pads, [](int64_t p) { return p < 0; }))
    return;
  Dims dims = extents.all(pad);
  OpBuilder b(pad);
  setBeforeWriters(b, pad, pad.getInput(), dims);
  Value whole = bordered(b, pad, *pads, value);
  extents.setSame(whole, pad);
  Piece piece{pad.getInput(), Dims(dims.size(), b.getIndexAttr(0))};
  for (auto [i, axis] : llvm::enumerate(pad.getAxes()))
    piece.offsets[axis] = b.getIndexAttr((*pads)[i]);
  place(pad, whole, {piece});
}

} // namespace

void placePieces(func::FuncOp function, Extents &extents, Outliner &outliner) {
  SmallVector<Operation *> ops;
  function.walk([&](Operation *op) {
    if (isa<graph::ConcatOp, graph::PadOp>(op))
      ops.push_back(op);
  });
  Placer placer(function, extents, outliner);
  for (Operation *op : ops) {
    if (auto concat = dyn_cast<graph::ConcatOp>(op))
      placer.placeConcat(concat);
    else
      placer.placePad(cast<graph::PadOp>(op));
  }
}

} // namespace weft::kernel
