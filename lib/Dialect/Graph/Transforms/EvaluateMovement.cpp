// Ops that move elements, on constants: each is one or more strided copies;
// what is no affine map of the indices (gather, the padding modes) copies
// slices by a list of positions.

#include "EvaluateFamilies.h"
#include "weft/Dialect/Graph/IR/Shapes.h"

#include "mlir/Dialect/Utils/IndexingUtils.h"

using namespace mlir;

namespace weft::graph {

SmallVector<int64_t> rowMajorStrides(ArrayRef<int64_t> shape) {
  return computeStrides(shape);
}

//===-- Strided copies -----===//

template <typename T>
static void copyRow(int64_t count, const char *from, int64_t fromStride,
                    char *to, int64_t toStride) {
  for (int64_t i = 0; i < count; ++i)
    std::memcpy(to + i * toStride * static_cast<int64_t>(sizeof(T)),
                from + i * fromStride * static_cast<int64_t>(sizeof(T)),
                sizeof(T));
}

static void copyRow(int64_t count, unsigned size, const char *from,
                    int64_t fromStride, char *to, int64_t toStride) {
  if (fromStride == 1 && toStride == 1)
    std::memcpy(to, from, count * size);
  else if (size == 1)
    copyRow<uint8_t>(count, from, fromStride, to, toStride);
  else if (size == 2)
    copyRow<uint16_t>(count, from, fromStride, to, toStride);
  else if (size == 4)
    copyRow<uint32_t>(count, from, fromStride, to, toStride);
  else if (size == 8)
    copyRow<uint64_t>(count, from, fromStride, to, toStride);
  else
    for (int64_t i = 0; i < count; ++i)
      std::memcpy(to + i * toStride * size, from + i * fromStride * size, size);
}

namespace {
struct Axis {
  int64_t extent, from, to; // strides in elements
};
} // namespace

static void copyAxes(ArrayRef<Axis> axes, unsigned size, const char *from,
                     char *to) {
  if (axes.size() == 1)
    return copyRow(axes[0].extent, size, from, axes[0].from, to, axes[0].to);
  // A transposition of the last two axes goes by tiles, so that each cache
  // line it touches is used whole.
  constexpr int64_t kTile = 32;
  if (axes.size() == 2 && axes[1].from != 1 && axes[1].extent > kTile) {
    for (int64_t j = 0; j < axes[1].extent; j += kTile)
      for (int64_t i = 0; i < axes[0].extent; ++i)
        copyRow(std::min(kTile, axes[1].extent - j), size,
                from + (i * axes[0].from + j * axes[1].from) * size,
                axes[1].from, to + (i * axes[0].to + j * axes[1].to) * size,
                axes[1].to);
    return;
  }
  for (int64_t i = 0; i < axes[0].extent; ++i)
    copyAxes(axes.drop_front(), size, from + i * axes[0].from * size,
             to + i * axes[0].to * size);
}

void copyStrided(ArrayRef<int64_t> shape, unsigned size, const char *from,
                 ArrayRef<int64_t> fromStrides, char *to,
                 ArrayRef<int64_t> toStrides) {
  SmallVector<Axis> axes;
  for (auto [extent, f, t] : llvm::zip(shape, fromStrides, toStrides)) {
    if (extent == 0)
      return;
    if (extent == 1)
      continue;
    if (!axes.empty() && axes.back().from == f * extent &&
        axes.back().to == t * extent)
      axes.back() = {axes.back().extent * extent, f, t};
    else
      axes.push_back({extent, f, t});
  }
  if (axes.empty())
    axes.push_back({1, 1, 1});
  copyAxes(axes, size, from, to);
}

//===-- The ops -----===//

namespace {

/// One op on its way from operand bytes to the result's blob.
struct Mover {
  ArrayRef<ConstantData> operands;
  RankedTensorType type;
  unsigned size = elementBytes(type.getElementType());
  SmallVector<int64_t> strides = rowMajorStrides(type.getShape());
  AsmResourceBlob blob = allocateConstant(type);

  char *to(int64_t element = 0) {
    return blob.getMutableData().data() + element * size;
  }
  ElementsAttr finish() { return makeConstant(type, std::move(blob)); }

  /// Copies an operand of shape `shape` to the result from element `at` on;
  /// `from` are the operand's strides, `offset` its first element.
  void copy(const ConstantData &operand, ArrayRef<int64_t> shape,
            ArrayRef<int64_t> from, int64_t offset = 0, int64_t at = 0) {
    copy(operand, shape, from, offset, at, strides);
  }
  void copy(const ConstantData &operand, ArrayRef<int64_t> shape,
            ArrayRef<int64_t> from, int64_t offset, int64_t at,
            ArrayRef<int64_t> toStrides) {
    SmallVector<int64_t> zeros(shape.size(), 0);
    bool splat = operand.isSplat();
    copyStrided(shape, size,
                operand.bytes().data() + (splat ? 0 : offset * size),
                splat ? ArrayRef<int64_t>(zeros) : from, to(at), toStrides);
  }
  void fill(const ConstantData &value) {
    SmallVector<int64_t> zeros(type.getRank(), 0);
    copyStrided(type.getShape(), size, value.bytes().data(), zeros, to(),
                strides);
  }
};

} // namespace

static ElementsAttr evaluateOp(TransposeOp op, Mover m) {
  SmallVector<int64_t> from = rowMajorStrides(m.operands[0].type().getShape());
  applyPermutationToVector(from, op.getPermutation());
  m.copy(m.operands[0], m.type.getShape(), from);
  return m.finish();
}

static ElementsAttr evaluateOp(ConcatOp op, Mover m) {
  int64_t at = 0;
  for (const ConstantData &operand : m.operands) {
    ArrayRef<int64_t> shape = operand.type().getShape();
    m.copy(operand, shape, rowMajorStrides(shape), 0,
           at * m.strides[op.getAxis()]);
    at += shape[op.getAxis()];
  }
  return m.finish();
}

static ElementsAttr evaluateOp(SliceOp op, Mover m) {
  const ConstantData &input = m.operands[0];
  SmallVector<int64_t> from = rowMajorStrides(input.type().getShape());
  int64_t offset = 0;
  for (auto [i, axis] : llvm::enumerate(op.getAxes())) {
    int64_t extent = input.type().getDimSize(axis);
    int64_t start = m.operands[1].intAt(i), step = m.operands[3].intAt(i);
    if (m.type.getDimSize(axis) == 0)
      continue;
    start =
        std::clamp<int64_t>(start < 0 ? start + extent : start, 0, extent - 1);
    offset += start * from[axis];
    from[axis] *= step;
  }
  m.copy(input, m.type.getShape(), from, offset);
  return m.finish();
}

static ElementsAttr evaluateOp(ExpandOp, Mover m) {
  ArrayRef<int64_t> shape = m.operands[0].type().getShape();
  SmallVector<int64_t> dense = rowMajorStrides(shape);
  SmallVector<int64_t> from(m.type.getRank() - shape.size(), 0);
  for (auto [extent, stride] : llvm::zip(shape, dense))
    from.push_back(extent == 1 ? 0 : stride);
  m.copy(m.operands[0], m.type.getShape(), from);
  return m.finish();
}

static ElementsAttr evaluateOp(TileOp, Mover m) {
  // Each axis is [repeat, extent] in the result, [0, stride] in the input.
  ArrayRef<int64_t> input = m.operands[0].type().getShape();
  SmallVector<int64_t> dense = rowMajorStrides(input), shape, from, to;
  for (int64_t i = 0; i < m.type.getRank(); ++i) {
    shape.append({m.operands[1].intAt(i), input[i]});
    from.append({0, dense[i]});
    to.append({input[i] * m.strides[i], m.strides[i]});
  }
  m.copy(m.operands[0], shape, from, 0, 0, to);
  return m.finish();
}

/// Slices of `data` along `axis` at `positions`, in order.
static void gather(Mover &m, const ConstantData &data, int64_t axis,
                   ArrayRef<int64_t> positions) {
  ArrayRef<int64_t> shape = data.type().getShape();
  int64_t outer = computeProduct(shape.take_front(axis));
  int64_t inner = computeProduct(shape.drop_front(axis + 1));
  for (int64_t o = 0; o < outer; ++o)
    for (auto [i, position] : llvm::enumerate(positions)) {
      char *to = m.to((o * positions.size() + i) * inner);
      const char *from = data.bytes().data();
      if (data.isSplat())
        copyRow(inner, m.size, from, 0, to, 1);
      else
        copyRow(inner, m.size,
                from + (o * shape[axis] + position) * inner * m.size, 1, to, 1);
    }
}

static ElementsAttr evaluateOp(GatherOp op, Mover m) {
  int64_t extent = m.operands[0].type().getDimSize(op.getAxis());
  SmallVector<int64_t> positions;
  for (int64_t i = 0, e = m.operands[1].numElements(); i < e; ++i) {
    int64_t at = m.operands[1].intAt(i);
    at = at < 0 ? at + extent : at;
    if (at < 0 || at >= extent)
      return {}; // The run reports it.
    positions.push_back(at);
  }
  gather(m, m.operands[0], op.getAxis(), positions);
  return m.finish();
}

static ElementsAttr evaluateOp(PadOp op, Mover m) {
  // The other modes are rare on constants and left to the run.
  if (op.getMode() != PadMode::constant)
    return {};
  m.fill(m.operands[2]);
  const ConstantData &input = m.operands[0];
  SmallVector<int64_t> shape(input.type().getShape());
  SmallVector<int64_t> from = rowMajorStrides(shape);
  int64_t offset = 0, at = 0, count = op.getAxes().size();
  for (auto [i, axis] : llvm::enumerate(op.getAxes())) {
    int64_t before = m.operands[1].intAt(i);
    int64_t after = m.operands[1].intAt(count + i);
    shape[axis] += std::min<int64_t>(before, 0) + std::min<int64_t>(after, 0);
    if (shape[axis] <= 0)
      return m.finish();
    if (before < 0)
      offset -= before * from[axis];
    else
      at += before * m.strides[axis];
  }
  m.copy(input, shape, from, offset, at);
  return m.finish();
}

static ElementsAttr evaluateOp(PackOp op, Mover m) {
  std::memset(m.to(), 0, m.blob.getData().size());
  // Whole blocks, then what is left, each one copy of [.., blocks, .., block].
  ArrayRef<int64_t> input = m.operands[0].type().getShape();
  SmallVector<int64_t> from = rowMajorStrides(input), shape(input);
  int64_t axis = op.getAxis(), block = op.getBlock();
  int64_t whole = input[axis] / block, rest = input[axis] % block;
  int64_t step = from[axis];
  from.push_back(step);
  from[axis] = step * block;
  shape.push_back(block);
  shape[axis] = whole;
  m.copy(m.operands[0], shape, from);
  shape[axis] = 1;
  shape.back() = rest;
  m.copy(m.operands[0], shape, from, whole * block * step,
         whole * m.strides[axis]);
  return m.finish();
}

static ElementsAttr evaluateOp(UnpackOp op, Mover m) {
  ArrayRef<int64_t> input = m.operands[0].type().getShape();
  SmallVector<int64_t> from = rowMajorStrides(input);
  SmallVector<int64_t> shape(input), to = m.strides;
  int64_t axis = op.getAxis(), block = input.back();
  int64_t whole = op.getExtent() / block, rest = op.getExtent() % block;
  to.push_back(to[axis]);
  to[axis] *= block;
  shape[axis] = whole;
  m.copy(m.operands[0], shape, from, 0, 0, to);
  shape[axis] = 1;
  shape.back() = rest;
  m.copy(m.operands[0], shape, from, whole * from[axis], whole * to[axis], to);
  return m.finish();
}

ElementsAttr evaluateMovement(Operation *op, ArrayRef<ConstantData> operands,
                              RankedTensorType type) {
  if (type.getNumElements() == 0)
    return makeConstant(type, ArrayRef<char>());
  bool splat = llvm::all_of(operands, [](auto &o) { return o.isSplat(); });
  // Of one repeated value every rearrangement is that value again.
  if (operands[0].isSplat() &&
      (isa<TransposeOp, SliceOp, ExpandOp, TileOp, UnpackOp>(op) ||
       (isa<ConcatOp>(op) && splat &&
        llvm::all_of(operands, [&](const ConstantData &o) {
          return o.bytes() == operands[0].bytes();
        }))))
    return makeConstant(type, operands[0].bytes());
  return TypeSwitch<Operation *, ElementsAttr>(op)
      .Case<TransposeOp, ConcatOp, SliceOp, ExpandOp, TileOp, GatherOp, PadOp,
            PackOp, UnpackOp>(
          [&](auto movement) { return evaluateOp(movement, {operands, type}); })
      .Default([](Operation *) { return ElementsAttr(); });
}

} // namespace weft::graph
