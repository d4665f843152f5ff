// Operators that write at positions which are data.
#include "../Strings.h"
#include "Places.h"

using namespace mlir;

namespace weft::onnx {

static std::optional<graph::ScatterKind> kindOf(NodeImport &n) {
  StringRef name = n.text("reduction", "none");
  auto kind = llvm::StringSwitch<std::optional<graph::ScatterKind>>(name)
                  .Case("none", graph::ScatterKind::set)
                  .Case("add", graph::ScatterKind::add)
                  .Case("mul", graph::ScatterKind::mul)
                  .Case("max", graph::ScatterKind::max)
                  .Case("min", graph::ScatterKind::min)
                  .Default(std::nullopt);
  if (!kind)
    n.error() << "reduction is '" << name
              << "'; none, add, mul, max or min is needed";
  else if (*kind != graph::ScatterKind::set &&
           holdsStrings(n.input(0).getType()))
    n.error() << "reduction is '" << name << "' for strings; none is needed";
  else
    return kind;
  return {};
}

static LogicalResult scatterElements(NodeImport &n) {
  int64_t rank = n.rank(0);
  if (n.rank(1) != rank || n.rank(2) != rank)
    return n.error() << "data, indices and updates have ranks " << rank << ", "
                     << n.rank(1) << " and " << n.rank(2);
  auto axis = n.axis(n.integer("axis", 0), rank);
  auto kind = kindOf(n);
  if (!axis || !kind)
    return failure();
  Value indices = n.cast(n.input(1), n.b.getI64Type());
  SmallVector<Value> places;
  for (int64_t i = 0; i < rank; ++i)
    places.push_back(i == *axis ? indices : axisPositions(n, indices, i, rank));
  return n.result(scatterAt(n, *kind, n.input(0), places, n.input(2)));
}

static LogicalResult scatterNd(NodeImport &n) {
  if (int64_t rank = n.rank(1); rank && n.type(1).isDynamicDim(rank - 1)) {
    // The rank of the updates tells how many axes indices name.
    Ints shape(rank, ShapedType::kDynamic);
    shape.back() = rank - 1 + n.rank(0) - n.rank(2);
    if (failed(n.fix(1, shape)))
      return failure();
  }
  Value indices = n.cast(n.input(1), n.b.getI64Type());
  RankedTensorType type = NodeImport::typeOf(indices);
  int64_t last = type.getRank() - 1;
  auto kind = kindOf(n);
  if (!kind)
    return failure();
  if (last < 0 || type.isDynamicDim(last))
    return n.error() << "the last extent of indices must be known";
  int64_t depth = type.getDimSize(last);
  if (depth < 1 || depth > n.rank(0))
    return n.error() << "indices of depth " << depth
                     << " do not fit data of rank " << n.rank(0);
  SmallVector<Value> places;
  for (int64_t i = 0; i < depth; ++i)
    places.push_back(n.squeeze(n.slice(indices, last, i, i + 1), {last}));
  return n.result(scatterAt(n, *kind, n.input(0), places, n.input(2)));
}

/// Writes `update` into a cache along one axis, from a position of each batch's
/// own on; in circular mode what passes the end goes on at the start.
static LogicalResult tensorScatter(NodeImport &n) {
  Value cache = n.input(0), update = n.input(1);
  int64_t rank = n.rank(0);
  auto axis = n.axis(n.integer("axis", -2), rank);
  if (!axis)
    return failure();
  StringRef mode = n.text("mode", "linear");
  if (*axis == 0 || n.rank(1) != rank ||
      (mode != "linear" && mode != "circular"))
    return n.error() << "axis is " << *axis << ", mode is '" << mode
                     << "' and the inputs have ranks " << rank << " and "
                     << n.rank(1)
                     << "; an axis above 0, linear or circular and equal ranks "
                        "are needed";
  int64_t leading = *axis + 1;
  Value position = axisPositions(n, update, *axis, leading);
  if (n.has(2)) {
    Ints behind = llvm::to_vector(llvm::seq<int64_t>(1, leading));
    Value start = n.cast(n.input(2), n.b.getI64Type());
    position = n.create<graph::AddOp>(position, n.unsqueeze(start, behind));
  }
  if (mode == "circular")
    position = n.create<graph::RemOp>(position, n.extent(cache, *axis));
  SmallVector<Value> places;
  for (int64_t i = 0; i < *axis; ++i)
    places.push_back(axisPositions(n, update, i, leading));
  places.push_back(position);
  // The positions need not depend on every axis, but each has an update.
  places.back() = n.create<graph::ExpandOp>(
      position, n.slice(n.shape(update), 0, 0, leading));
  return n.result(scatterAt(n, graph::ScatterKind::set, cache, places, update));
}

/// Puts the elements back where a MaxPool took them from; 0 elsewhere.
static LogicalResult maxUnpool(NodeImport &n) {
  Value x = n.input(0);
  int64_t rank = n.rank(0), spatial = rank - 2;
  Ints window = n.integers("kernel_shape"), strides = n.integers("strides"),
       pads = n.integers("pads");
  if (strides.empty())
    strides.assign(spatial, 1);
  if (pads.empty())
    pads.assign(2 * spatial, 0);
  if (spatial < 1 || int64_t(window.size()) != spatial ||
      int64_t(strides.size()) != spatial || int64_t(pads.size()) != 2 * spatial)
    return n.error() << "has " << window.size() << " window extents, "
                     << strides.size() << " strides and " << pads.size()
                     << " pads for " << spatial << " spatial dimensions";
  if (n.has(2) && failed(n.fix(2, {rank})))
    return failure();
  SmallVector<Value> inner;
  for (int64_t i = 0; i < spatial; ++i) {
    Value steps = n.create<graph::MulOp>(
        n.create<graph::SubOp>(n.extent(x, i + 2), n.ints({1})),
        n.ints({strides[i]}));
    inner.push_back(n.create<graph::AddOp>(
        steps, n.ints({window[i] - pads[i] - pads[spatial + i]})));
  }
  Value lead = n.slice(n.shape(x), 0, 0, 2);
  Value natural = n.concat({lead, n.concat(inner, 0)}, 0);
  Value shape = n.has(2) ? n.cast(n.input(2), n.b.getI64Type()) : natural;
  // Indices count in the tensor that the pool read, all axes as one.
  Value count = n.reduce(graph::ReduceKind::prod, natural, {0}, true);
  Value indices = n.cast(n.input(1), n.b.getI64Type());
  if (n.has(2)) {
    // The larger output keeps each element's place in its spatial position.
    SmallVector<Value> places(rank);
    Value rest = indices;
    for (int64_t i = rank; i-- > 0;) {
      Value extent = n.slice(natural, 0, i, i + 1);
      places[i] = n.create<graph::RemOp>(rest, extent);
      rest = n.create<graph::DivOp>(rest, extent);
    }
    Value zeros = n.create<graph::ExpandOp>(n.scalarLike(0, x), shape);
    return n.result(scatterAt(n, graph::ScatterKind::set, zeros, places, x));
  }
  Value zeros = n.create<graph::ExpandOp>(n.scalarLike(0, x), count);
  Value flat = scatterAt(n, graph::ScatterKind::set, zeros, {indices}, x);
  return n.result(n.create<graph::ReshapeOp>(flat, shape, /*allow_zero=*/true));
}

void addScatterRows(Table &table) {
  constexpr auto any = Row::kAny;
  table.add({
      {"MaxUnpool", 22, maxUnpool, Row::kFloats},
      {"Scatter", 11, scatterElements, any},
      {"ScatterElements", 18, scatterElements, any},
      {"ScatterND", 18, scatterNd, any},
      {"TensorScatter", 24, tensorScatter, any},
  });
}

} // namespace weft::onnx
