// Operators that slide a window over spatial dimensions.
#include "Equation.h"
#include "Places.h"
#include "Shared.h"
#include <cmath>

using namespace mlir;

namespace weft::onnx {

namespace {
/// The window attributes that all of these operators share.
struct Window {
  Ints extents, strides, pads, dilations;
};
} // namespace

/// Bounds that keep products of these far inside 64 bits; the type rules of the
/// ops check the same of what they are given.
static bool inRange(NodeImport &n, StringRef what, ArrayRef<int64_t> values,
                    size_t count, int64_t least) {
  constexpr int64_t kMost = int64_t(1) << 31;
  if (values.size() != count) {
    n.error() << what << " has " << values.size() << " entries where " << count
              << " are needed";
    return false;
  }
  for (int64_t value : values)
    if (value < least || value > kMost) {
      n.error() << what << " is " << value << "; it must be between " << least
                << " and " << kMost;
      return false;
    }
  return true;
}

/// Reads strides, pads and dilations for windows of `extents` over the spatial
/// dimensions of input 0. auto_pad is left to the caller.
static std::optional<Window> readWindow(NodeImport &n,
                                        ArrayRef<int64_t> extents) {
  Window w;
  w.extents.assign(extents.begin(), extents.end());
  size_t count = extents.size();
  w.strides =
      n.hasAttribute("strides") ? n.integers("strides") : Ints(count, 1);
  w.dilations =
      n.hasAttribute("dilations") ? n.integers("dilations") : Ints(count, 1);
  w.pads = n.hasAttribute("pads") ? n.integers("pads") : Ints(2 * count, 0);
  if (!inRange(n, "kernel_shape", w.extents, count, 1) ||
      !inRange(n, "strides", w.strides, count, 1) ||
      !inRange(n, "dilations", w.dilations, count, 1) ||
      !inRange(n, "pads", w.pads, 2 * count, 0))
    return {};
  return w;
}

/// SAME pads so that the output has ceil(extent / stride) elements, which takes
/// the extent unless the stride is 1.
static LogicalResult applyAutoPad(NodeImport &n, Window &w) {
  StringRef mode = n.text("auto_pad", "NOTSET");
  if (mode == "NOTSET")
    return success();
  size_t count = w.extents.size();
  w.pads.assign(2 * count, 0);
  if (mode == "VALID")
    return success();
  if (mode != "SAME_UPPER" && mode != "SAME_LOWER")
    return n.error() << "auto_pad is '" << mode
                     << "', not NOTSET, VALID, SAME_UPPER or SAME_LOWER";
  for (size_t i = 0; i < count; ++i) {
    int64_t extent = n.type(0).getDimSize(2 + i), stride = w.strides[i];
    int64_t reach = w.dilations[i] * (w.extents[i] - 1) + 1;
    if (ShapedType::isDynamic(extent) && stride != 1)
      return n.error() << "auto_pad " << mode << " with stride " << stride
                       << " needs a static extent on axis " << 2 + i
                       << ": give one with --input";
    // The last window begins this many elements before the end.
    int64_t last = stride == 1 ? 1 : (extent - 1) % stride + 1;
    int64_t total = std::max<int64_t>(0, reach - last);
    int64_t smaller = total / 2;
    w.pads[i] = mode == "SAME_UPPER" ? smaller : total - smaller;
    w.pads[i + count] = total - w.pads[i];
  }
  return success();
}

static std::optional<Window> window(NodeImport &n, ArrayRef<int64_t> extents) {
  auto w = readWindow(n, extents);
  if (!w || failed(applyAutoPad(n, *w)))
    return {};
  return w;
}

/// The window of a convolution: the spatial dimensions of its weight, which
/// kernel_shape may repeat.
static std::optional<Ints> weightWindow(NodeImport &n) {
  if (n.rank(0) < 3 || n.rank(1) != n.rank(0)) {
    n.error() << "input and weight have ranks " << n.rank(0) << " and "
              << n.rank(1) << "; they must be equal and 3 at least";
    return {};
  }
  Ints extents(n.type(1).getShape().drop_front(2));
  Ints stated = n.integers("kernel_shape");
  if (stated.size() == extents.size())
    for (auto [extent, value] : llvm::zip(extents, stated)) {
      if (ShapedType::isDynamic(extent))
        extent = value;
      if (extent == value)
        continue;
      n.error() << "kernel_shape has " << value << " where the weight has "
                << extent;
      return {};
    }
  if (llvm::any_of(extents, ShapedType::isDynamic)) {
    n.error() << "the window's extents must be known at compile time";
    return {};
  }
  Ints weight(2, ShapedType::kDynamic);
  llvm::append_range(weight, extents);
  if (failed(n.fix(1, weight)))
    return {};
  return extents;
}

/// The convolution of the node's attributes with these operands; `bias` may be
/// null.
static Value convolution(NodeImport &n, const Window &w, Value input,
                         Value weight, Value bias) {
  if (!input || !weight)
    return nullptr;
  OperationState state(n.loc, graph::ConvOp::getOperationName());
  graph::ConvOp::build(n.b, state, NoneType::get(n.b.getContext()), input,
                       weight, bias, w.strides, w.pads, w.dilations,
                       n.integer("group", 1));
  return n.inferAndInsert(state);
}

static LogicalResult conv(NodeImport &n) {
  auto extents = weightWindow(n);
  auto w = extents ? window(n, *extents) : std::nullopt;
  if (!w)
    return failure();
  return n.result(convolution(n, *w, n.input(0), n.input(1), n.input(2)));
}

/// Padding stands for the real number 0, which is what zero points become.
static LogicalResult convInteger(NodeImport &n) {
  auto extents = weightWindow(n);
  auto w = extents ? window(n, *extents) : std::nullopt;
  if (!w)
    return failure();
  Value weightZero = alongAxis(n, n.input(3), 0, n.rank(1));
  if (n.has(3) && !weightZero)
    return failure();
  return n.result(convolution(n, *w, centred(n, n.input(0), n.input(2)),
                              centred(n, n.input(1), weightZero), nullptr));
}

static LogicalResult qLinearConv(NodeImport &n) {
  for (unsigned i = 0; i < 8; ++i)
    if (!n.has(i))
      return n.error() << "input " << i << " is missing";
  // The weight is the fourth input.
  NodeImport shifted(n.importer, n.node, n.scope, n.b,
                     {n.input(0), n.input(3)});
  auto extents = weightWindow(shifted);
  auto w = extents ? window(shifted, *extents) : std::nullopt;
  Value weightZero = alongAxis(n, n.input(5), 0, n.rank(3));
  Value weightScale = alongAxis(n, n.input(4), 1, n.rank(0));
  if (!w || !weightZero || !weightScale)
    return failure();
  Type f32 = n.b.getF32Type();
  Value sum = convolution(n, *w, centred(n, n.input(0), n.input(2)),
                          centred(n, shifted.input(1), weightZero), n.input(8));
  if (!sum)
    return failure();
  Value real = n.create<graph::MulOp>(
      n.create<graph::MulOp>(n.cast(sum, f32), n.cast(n.input(1), f32)),
      n.cast(weightScale, f32));
  return n.result(quantized(n, real, n.cast(n.input(6), f32), n.input(7),
                            n.type(7).getElementType()));
}

/// output_shape fixes the total padding, as auto_pad does; it is split evenly,
/// the odd one before with SAME_LOWER and after otherwise. What an output is
/// larger than the convolution makes it goes to its end.
static LogicalResult padTransposed(NodeImport &n, Window &w,
                                   MutableArrayRef<int64_t> outputPadding) {
  Ints outputShape = n.integers("output_shape");
  StringRef mode = n.text("auto_pad", "NOTSET");
  bool same = mode == "SAME_UPPER" || mode == "SAME_LOWER";
  size_t count = w.extents.size();
  if (mode == "VALID")
    w.pads.assign(2 * count, 0);
  if (outputShape.empty() && !same)
    return success();
  if (!outputShape.empty() &&
      !inRange(n, "output_shape", outputShape, count, 1))
    return failure();
  for (size_t i = 0; i < count; ++i) {
    int64_t extent = n.type(0).getDimSize(2 + i);
    int64_t reach = w.dilations[i] * (w.extents[i] - 1) + 1;
    int64_t total = reach + outputPadding[i] - w.strides[i];
    if (!outputShape.empty()) {
      if (ShapedType::isDynamic(extent))
        return n.error() << "output_shape needs a static extent on axis "
                         << 2 + i << ": give one with --input";
      total += w.strides[i] * extent - outputShape[i];
    }
    outputPadding[i] += std::max<int64_t>(-total, 0);
    total = std::max<int64_t>(total, 0);
    int64_t smaller = total / 2;
    w.pads[i] = mode == "SAME_UPPER" ? smaller : total - smaller;
    w.pads[i + count] = total - w.pads[i];
  }
  return success();
}

static LogicalResult convTranspose(NodeImport &n) {
  auto extents = weightWindow(n);
  auto w = extents ? readWindow(n, *extents) : std::nullopt;
  if (!w)
    return failure();
  Ints outputPadding = n.hasAttribute("output_padding")
                           ? n.integers("output_padding")
                           : Ints(extents->size(), 0);
  if (!inRange(n, "output_padding", outputPadding, extents->size(), 0) ||
      failed(padTransposed(n, *w, outputPadding)))
    return failure();
  OperationState state(n.loc, graph::ConvTransposeOp::getOperationName());
  graph::ConvTransposeOp::build(n.b, state, NoneType::get(n.b.getContext()),
                                n.input(0), n.input(1), n.input(2), w->strides,
                                w->pads, w->dilations, outputPadding,
                                n.integer("group", 1));
  return n.result(n.inferAndInsert(state));
}

//===- Pooling ------------------------------------------------------------===//

static Value pool(NodeImport &n, graph::ReduceKind kind, Value x,
                  const Window &w) {
  Ints axes = llvm::to_vector(llvm::seq<int64_t>(2, 2 + w.extents.size()));
  return n.create<graph::PoolOp>(kind, x, axes, w.extents, w.strides, w.pads,
                                 w.dilations, n.integer("ceil_mode", 0) != 0,
                                 n.integer("count_include_pad", 0) != 0);
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

/// The least value of an element type, as a scalar.
static Value leastOf(NodeImport &n, Type element) {
  if (isa<FloatType>(element))
    return n.scalar(-HUGE_VAL, element);
  auto type = cast<IntegerType>(element);
  return n.scalar(type.isUnsigned() ? 0 : -std::ldexp(1, type.getWidth() - 1),
                  element);
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
    Num place = output * double(w.strides[i]) + step * double(w.dilations[i]) -
                double(w.pads[i]);
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

void addConvolutionRows(Table &table) {
  constexpr auto floats = Row::kFloats;
  using graph::ReduceKind;
  table.add({
      {"AveragePool", 22, pooling<ReduceKind::mean>, floats},
      {"Conv", 22, conv, floats},
      {"ConvInteger", 10, convInteger, "int"},
      {"ConvTranspose", 22, convTranspose, floats},
      {"GlobalAveragePool", 22, globalPooling<ReduceKind::mean>, floats},
      {"GlobalLpPool", 22, globalLpPool, floats},
      {"GlobalMaxPool", 22, globalPooling<ReduceKind::max>, floats},
      {"LpPool", 22, lpPool, floats},
      {"MaxPool", 22, maxPool},
      {"QLinearConv", 10, qLinearConv, "int"},
  });
}

} // namespace weft::onnx
