#include "NamedAxes.h"
#include "Equation.h"
#include "Places.h"
#include "Regions.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "weft/Dialect/Kernel/IR/Kernel.h"
#include "weft/Support/Location.h"

using namespace mlir;

namespace weft::onnx {

Value elementOf(NodeImport &n, Value tensor, std::optional<int64_t> i) {
  SmallVector<Value> at;
  if (i)
    at.push_back(arith::ConstantIndexOp::create(n.b, n.loc, *i));
  return tensor::ExtractOp::create(n.b, n.loc, tensor, at);
}

void require(NodeImport &n, Value condition, StringRef message) {
  if (!condition)
    return;
  std::string node = describeNode({n.node.name(), n.node.op_type()});
  kernel::CheckOp::create(n.b, n.loc, elementOf(n, condition), ValueRange(),
                          n.b.getStringAttr(node + ": " + message));
}

Value namedAxes(NodeImport &n, Value axes, int64_t rank) {
  if (!axes)
    return nullptr;
  Num given(n, n.reshape(n.cast(axes, n.b.getI64Type()), {-1}));
  Num inRange = (given >= double(-rank)) & (given < double(rank));
  require(n, n.reduce(graph::ReduceKind::min, inRange, {0}, false),
          "an axis is out of range for rank " + std::to_string(rank));
  Num axis = select(given < 0.0, given + double(rank), given);
  Num positions(n, n.iota(n.ints({rank})));
  Value hits = Num(n, n.unsqueeze(axis, {1})) == positions;
  Value count = n.reduce(graph::ReduceKind::sum, n.cast(hits, n.b.getI32Type()),
                         {0}, false);
  Value once = Num(n, count) <= 1.0;
  require(n, n.reduce(graph::ReduceKind::min, once, {0}, false),
          "an axis is named twice");
  return Num(n, count) > 0.0;
}

/// As axisCount, where the model says nothing of the axes themselves.
static std::optional<int64_t> statedCount(NodeImport &n, int64_t direction) {
  if (auto rank = n.outputRank(0)) {
    int64_t more = *rank - n.rank(0);
    if (more * direction >= 0)
      return more * direction;
  }
  return {};
}

std::optional<int64_t> axisCount(NodeImport &n, Value axes, int64_t direction) {
  RankedTensorType type = NodeImport::typeOf(axes);
  if (type.hasStaticShape())
    return type.getNumElements();
  auto stated = statedCount(n, direction);
  if (!stated)
    n.error() << "how many axes are meant must be known at compile time; pin "
                 "the length of the list with --input, or state the rank of "
                 "the output";
  return stated;
}

/// The run fails unless `count` of the flags are set.
static void requireCount(NodeImport &n, Value flags, int64_t count) {
  Num marked(n, n.reduce(graph::ReduceKind::sum,
                         n.cast(flags, n.b.getI64Type()), {0}, false));
  require(n, marked == double(count),
          "the number of axes is not " + std::to_string(count) +
              ", for which the model was compiled");
}

Value squeezeUnits(NodeImport &n, Value x) {
  if (!x)
    return nullptr;
  RankedTensorType type = NodeImport::typeOf(x);
  Value flags;
  if (!type.hasStaticShape())
    flags = Num(n, n.shape(x)) == 1.0;
  if (auto count = flags ? statedCount(n, -1) : std::nullopt)
    return squeezeNamed(n, x, flags, *count);
  Ints axes;
  for (auto [i, extent] : llvm::enumerate(type.getShape()))
    if (extent == 1)
      axes.push_back(i);
  if (flags)
    requireCount(n, flags, int64_t(axes.size()));
  return n.squeeze(x, axes);
}

Value squeezeNamed(NodeImport &n, Value x, Value flags, int64_t count) {
  if (!x || !flags)
    return nullptr;
  int64_t rank = NodeImport::typeOf(x).getRank();
  requireCount(n, flags, count);
  Num extents(n, n.shape(x));
  Value dropped =
      n.create<graph::OrOp>(n.create<graph::NotOp>(flags), extents == 1.0);
  require(n, n.reduce(graph::ReduceKind::min, dropped, {0}, false),
          "an axis that is dropped has more than one element");
  Value kept = truePositions(n, n.create<graph::NotOp>(flags));
  // Their number is what was just checked.
  kept = n.create<graph::SliceOp>(kept, n.ints({0}), n.ints({rank - count}),
                                  n.ints({1}), ArrayRef<int64_t>{0});
  kept = n.reshape(kept, {rank - count});
  Value shape = n.create<graph::GatherOp>(extents, kept, int64_t(0));
  return n.create<graph::ReshapeOp>(x, shape, /*allow_zero=*/true);
}

Value unsqueezeNamed(NodeImport &n, Value x, Value flags) {
  if (!x || !flags)
    return nullptr;
  int64_t rank = NodeImport::typeOf(x).getRank();
  if (rank == 0)
    return n.reshape(x, Ints(NodeImport::typeOf(flags).getNumElements(), 1));
  // The axis of the input is the number of unmarked ones before.
  Value kept = n.cast(n.create<graph::NotOp>(flags), n.b.getI64Type());
  Num before(n, n.create<graph::CumSumOp>(kept, int64_t(0), /*exclusive=*/true,
                                          /*reverse=*/false));
  Num extent(n, n.create<graph::GatherOp>(
                    n.shape(x), min(before, double(rank - 1)), int64_t(0)));
  return n.create<graph::ReshapeOp>(x, select(Num(n, flags), 1.0, extent),
                                    /*allow_zero=*/true);
}

static Value byAxisFrom(NodeImport &n, Value flags, int64_t first, int64_t axes,
                        RankedTensorType type,
                        function_ref<Value(int64_t)> change) {
  if (first + 1 == axes)
    return change(first);
  return either(
      n, elementOf(n, flags, first), type, [&] { return change(first); },
      [&] { return byAxisFrom(n, flags, first + 1, axes, type, change); });
}

Value byAxis(NodeImport &n, Value flags, int64_t axes, RankedTensorType type,
             function_ref<Value(int64_t)> change) {
  return flags && axes > 0 ? byAxisFrom(n, flags, 0, axes, type, change)
                           : nullptr;
}

Value forNamed(NodeImport &n, Value x, Value flags, bool changesExtent,
               function_ref<Value(Value, int64_t)> change) {
  if (!x || !flags)
    return nullptr;
  for (int64_t axis = 0, rank = NodeImport::typeOf(x).getRank(); axis < rank;
       ++axis) {
    SmallVector<int64_t> shape(NodeImport::typeOf(x).getShape());
    if (changesExtent && shape[axis] != 1)
      shape[axis] = ShapedType::kDynamic;
    RankedTensorType type = NodeImport::typeOf(x).clone(shape);
    x = either(
        n, elementOf(n, flags, axis), type, [&] { return change(x, axis); },
        [&] { return x; });
    if (!x)
      return nullptr;
  }
  return x;
}

Value reduceNamed(NodeImport &n, graph::ReduceKind kind, Value x, Value flags) {
  if (!x || !flags)
    return nullptr;
  bool isMean = kind == graph::ReduceKind::mean;
  Type element = NodeImport::typeOf(x).getElementType();
  bool isNarrow =
      isa<FloatType>(element) && element.getIntOrFloatBitWidth() < 32;
  Value wide = isNarrow ? n.cast(x, n.b.getF32Type()) : x;
  graph::ReduceKind step = isMean ? graph::ReduceKind::sum : kind;
  Value y = forNamed(n, wide, flags, /*changesExtent=*/true,
                     [&](Value before, int64_t axis) {
                       return n.reduce(step, before, {axis}, true);
                     });
  if (isMean) {
    Num factor = select(Num(n, flags), Num(n, n.shape(x)), 1.0);
    Num count(n, n.reduce(graph::ReduceKind::prod, factor, {0}, false));
    y = n.create<graph::DivOp>(
        y, n.cast(count, NodeImport::typeOf(wide).getElementType()));
  }
  return n.cast(y, element);
}

Value spreadOverAxes(NodeImport &n, Value values, Value axes, int64_t rank,
                     int64_t otherwise) {
  Value all = n.ints(Ints(rank, otherwise));
  return scatterAt(n, graph::ScatterKind::set, all,
                   {n.cast(axes, n.b.getI64Type())}, values);
}

} // namespace weft::onnx
