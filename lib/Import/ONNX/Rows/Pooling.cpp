// Operators that combine what a window sees of each channel.
#include "Places.h"
#include "Windows.h"
#include <cmath>

using namespace mlir;

namespace weft::onnx {

/// The least value of an element type, as a scalar.
static Value leastOf(NodeImport &n, Type element) {
  if (isa<FloatType>(element))
    return n.scalar(-HUGE_VAL, element);
  auto type = cast<IntegerType>(element);
  return n.scalar(type.isUnsigned() ? 0 : -std::ldexp(1, type.getWidth() - 1),
                  element);
}

static Value slide(NodeImport &n, graph::ReduceKind kind, Value x,
                   const Window &w) {
  Ints axes = llvm::to_vector(llvm::seq<int64_t>(2, 2 + w.extents.size()));
  return n.create<graph::PoolOp>(kind, x, axes, w.extents, w.strides, w.pads,
                                 w.dilations, n.integer("ceil_mode", 0) != 0,
                                 n.integer("count_include_pad", 0) != 0);
}

/// How many elements of the input, not of the padding, each window sees: [1, 1,
/// spatial…].
static Value countOfSeen(NodeImport &n, Value x, const Window &w) {
  int64_t rank = NodeImport::typeOf(x).getRank();
  Value shape = n.concat({n.ints({1, 1}), n.slice(n.shape(x), 0, 2, rank)}, 0);
  Value ones = n.create<graph::ExpandOp>(n.scalarLike(1, x), shape);
  return slide(n, graph::ReduceKind::sum,
               padded(n, ones, w, n.scalarLike(0, x)), w);
}

/// The op pads itself where it is known how much.
static Value pool(NodeImport &n, graph::ReduceKind kind, Value x,
                  const Window &w) {
  using graph::ReduceKind;
  if (!w.amounts)
    return slide(n, kind, x, w);
  if (kind == ReduceKind::max)
    return slide(
        n, kind,
        padded(n, x, w, leastOf(n, NodeImport::typeOf(x).getElementType())), w);
  bool counts = kind == ReduceKind::mean && !n.integer("count_include_pad", 0);
  Value y = slide(n, counts ? ReduceKind::sum : kind,
                  padded(n, x, w, n.scalarLike(0, x)), w);
  return counts ? n.create<graph::DivOp>(y, countOfSeen(n, x, w)) : y;
}

static std::optional<Window> poolWindow(NodeImport &n) {
  Ints extents = n.integers("kernel_shape");
  if (n.rank(0) < 3 || int64_t(extents.size()) != n.rank(0) - 2) {
    n.error() << "kernel_shape has " << extents.size()
              << " entries for an input of rank " << n.rank(0);
    return {};
  }
  return window(n, extents);
}

template <graph::ReduceKind kind>
static LogicalResult pooling(NodeImport &n) {
  auto w = poolWindow(n);
  return w ? n.result(pool(n, kind, n.input(0), *w)) : failure();
}

/// Where in the whole input the largest element of each window of `y` stands:
/// all elements of a window side by side, of which one is chosen. With
/// storage_order 1 the first spatial dimension is the fastest.
static Value poolIndices(NodeImport &n, Value y, const Window &w) {
  Value x = n.input(0);
  int64_t spatial = w.extents.size(), rank = spatial + 2, count = 1;
  for (int64_t extent : w.extents)
    count *= extent;
  Num rest(n, n.iota(n.ints({count})));
  SmallVector<Value> places = {axisPositions(n, y, 0, rank + 1),
                               axisPositions(n, y, 1, rank + 1)};
  SmallVector<Value> moved(spatial);
  Num valid(n, nullptr);
  for (int64_t i = spatial; i-- > 0;) {
    Num step = rest % double(w.extents[i]);
    rest = rest / double(w.extents[i]);
    Num output(n, axisPositions(n, y, i + 2, rank + 1));
    Num place = output * double(w.strides[i]) + step * double(w.dilations[i]);
    place = w.amounts ? place - Num(n, n.slice(w.amounts, 0, i, i + 1))
                      : place - double(w.pads[i]);
    Num extent = extentAs(n, x, i + 2, n.b.getI64Type());
    Num inside = (place >= 0.0) & (place < extent);
    valid = valid.value ? valid & inside : inside;
    moved[i] = clamp(place, 0, extent - 1.0);
  }
  llvm::append_range(places, moved);
  Value taken = n.create<graph::SelectOp>(
      valid, gatherAt(n, x, places), leastOf(n, n.type(0).getElementType()));
  Value best = n.create<graph::ArgReduceOp>(graph::ReduceKind::max, taken, rank,
                                            /*keep_dims=*/true,
                                            /*select_last=*/false);
  Num linear(n, places[0]);
  SmallVector<int64_t> order = {1};
  for (int64_t i = 0; i < spatial; ++i)
    order.push_back(n.integer("storage_order", 0) ? rank - 1 - i : i + 2);
  for (int64_t i : order)
    linear = linear * extentAs(n, x, i, n.b.getI64Type()) + Num(n, places[i]);
  // The chosen of all positions of the window.
  Num chosen = Num(n, n.iota(n.ints({count}))) == Num(n, best);
  return n.reduce(graph::ReduceKind::sum, select(chosen, linear, 0.0), {rank},
                  /*keepDims=*/false);
}

static LogicalResult maxPool(NodeImport &n) {
  auto w = poolWindow(n);
  if (!w)
    return failure();
  Value y = pool(n, graph::ReduceKind::max, n.input(0), *w);
  if (!n.wants(1) || !y)
    return n.result(y);
  return n.results({y, poolIndices(n, y, *w)});
}

/// (sum |x|^p)^(1/p); squares for the usual p = 2.
static Value powered(NodeImport &n, Value x, int64_t p) {
  if (p == 1)
    return n.create<graph::AbsOp>(x);
  if (p == 2)
    return n.create<graph::MulOp>(x, x);
  return n.create<graph::PowOp>(n.create<graph::AbsOp>(x),
                                n.scalarLike(double(p), x));
}
static Value rooted(NodeImport &n, Value x, int64_t p) {
  if (p == 1)
    return x;
  if (p == 2)
    return n.create<graph::SqrtOp>(x);
  return n.create<graph::PowOp>(x, n.scalarLike(1.0 / double(p), x));
}

static LogicalResult lpPool(NodeImport &n) {
  int64_t p = n.integer("p", 2);
  auto w = poolWindow(n);
  if (!w)
    return failure();
  Value sum = pool(n, graph::ReduceKind::sum, powered(n, n.input(0), p), *w);
  return n.result(rooted(n, sum, p));
}

static Ints spatialAxes(NodeImport &n) {
  return llvm::to_vector(
      llvm::seq<int64_t>(std::min<int64_t>(2, n.rank(0)), n.rank(0)));
}

template <graph::ReduceKind kind>
static LogicalResult globalPooling(NodeImport &n) {
  return n.result(n.reduce(kind, n.input(0), spatialAxes(n), true));
}

static LogicalResult globalLpPool(NodeImport &n) {
  int64_t p = n.integer("p", 2);
  Value sum = n.reduce(graph::ReduceKind::sum, powered(n, n.input(0), p),
                       spatialAxes(n), true);
  return n.result(rooted(n, sum, p));
}

void addPoolingRows(Table &table) {
  constexpr auto floats = Row::kFloats;
  using graph::ReduceKind;
  table.add({
      {"AveragePool", 22, pooling<ReduceKind::mean>, floats},
      {"GlobalAveragePool", 22, globalPooling<ReduceKind::mean>, floats},
      {"GlobalLpPool", 22, globalLpPool, floats},
      {"GlobalMaxPool", 22, globalPooling<ReduceKind::max>, floats},
      {"LpPool", 22, lpPool, floats},
      {"MaxPool", 22, maxPool},
  });
}

} // namespace weft::onnx
