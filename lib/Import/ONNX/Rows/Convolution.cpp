// Operators that slide a weight over spatial dimensions.
#include "../Table.h"
#include "Shared.h"
#include "Windows.h"
#include <limits>

using namespace mlir;

namespace weft::onnx {

/// The window of a convolution: the spatial dimensions of its weight, which
/// kernel_shape may repeat. Those that only the run knows are dynamic.
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
  Ints weight(2, ShapedType::kDynamic);
  llvm::append_range(weight, extents);
  if (failed(n.fix(1, weight)))
    return {};
  return extents;
}

/// The product of extents [begin, end) of `x`: tensor<1xi64>.
static Num product(NodeImport &n, Value x, int64_t begin, int64_t end) {
  Num all(n, n.ints({1}));
  for (int64_t i = begin; i < end; ++i)
    all = all * Num(n, n.extent(x, i));
  return all;
}

static Value withShape(NodeImport &n, Value x, ArrayRef<Value> shape) {
  return n.create<graph::ReshapeOp>(x, n.concat(shape, 0),
                                    /*allow_zero=*/true);
}

/// x [N, C, spatial…] as [N, C, window…, output…]: what each window sees.
static Value allWindows(NodeImport &n, const Window &w, Value x, Value weight) {
  int64_t count = w.extents.size();
  if (llvm::any_of(w.pads, [](int64_t pad) { return pad != 0; }))
    x = n.create<graph::PadOp>(
        x, n.ints(w.pads), n.scalarLike(0, x),
        ArrayRef<int64_t>(llvm::to_vector(llvm::seq<int64_t>(2, 2 + count))),
        graph::PadMode::constant);
  Ints order = {0, 1};
  for (int64_t i = 0; i < count; ++i)
    order.push_back(3 + 2 * i);
  for (int64_t i = 0; i < count; ++i)
    order.push_back(2 + 2 * i);
  for (int64_t i = count; i-- > 0;) {
    auto stride = double(w.strides[i]);
    Num free = Num(n, n.extent(x, 2 + i)) - reachOf(n, w, i, weight);
    Value outputs = max(free + stride, 0.0) / stride;
    Num first(n, n.unsqueeze(n.iota(outputs), {1}));
    Num step(n, n.iota(n.extent(weight, 2 + i)));
    x = n.create<graph::GatherOp>(
        x, first * stride + step * double(w.dilations[i]), 2 + i);
  }
  return n.transpose(x, order);
}

/// A convolution whose window only the run knows, as a matrix product for each
/// group; no kernel for it could be made in advance.
static Value productOfWindows(NodeImport &n, const Window &w, Value input,
                              Value weight, Value bias) {
  int64_t count = w.extents.size(), groups = n.integer("group", 1);
  if (groups < 1) {
    n.error() << "group is " << groups << "; it must be 1 at least";
    return nullptr;
  }
  Value x = allWindows(n, w, input, weight);
  if (!x)
    return nullptr;
  Value each = n.ints({groups}), depth = product(n, weight, 1, 2 + count);
  Value filters = withShape(
      n, weight, {each, Num(n, n.extent(weight, 0)) / double(groups), depth});
  Value columns = withShape(
      n, x,
      {n.extent(x, 0), each, depth, product(n, x, 2 + count, 2 + 2 * count)});
  Value y = n.create<graph::MatMulOp>(filters, columns, false, false);
  SmallVector<Value> shape = {n.extent(x, 0), n.extent(weight, 0)};
  for (int64_t i = 0; i < count; ++i)
    shape.push_back(n.extent(x, 2 + count + i));
  y = withShape(n, y, shape);
  if (bias)
    y = n.create<graph::AddOp>(y, alongAxis(n, bias, 1, 2 + count));
  return y;
}

/// The convolution of the node's attributes with these operands; `bias` may be
/// null.
static Value convolution(NodeImport &n, const Window &w, Value input,
                         Value weight, Value bias) {
  if (!input || !weight)
    return nullptr;
  input = padded(n, input, w, n.scalarLike(0, input));
  if (!w.isKnown())
    return productOfWindows(n, w, input, weight, bias);
  OperationState state(n.loc, graph::ConvOp::getOperationName());
  graph::ConvOp::build(n.b, state, NoneType::get(n.b.getContext()), input,
                       weight, bias, w.strides, w.pads, w.dilations,
                       n.integer("group", 1));
  return n.inferAndInsert(state);
}

static LogicalResult conv(NodeImport &n) {
  auto extents = weightWindow(n);
  auto w = extents ? window(n, *extents, n.input(1)) : std::nullopt;
  if (!w)
    return failure();
  return n.result(convolution(n, *w, n.input(0), n.input(1), n.input(2)));
}

/// Padding stands for the real number 0, which is what zero points become.
static LogicalResult convInteger(NodeImport &n) {
  auto extents = weightWindow(n);
  auto w = extents ? window(n, *extents, n.input(1)) : std::nullopt;
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
  auto w = extents ? window(shifted, *extents, shifted.input(1)) : std::nullopt;
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
namespace {
struct TransposedPads {
  SmallVector<Value> before, after, output; ///< tensor<1xi64> each
};
} // namespace

static std::optional<TransposedPads>
padTransposed(NodeImport &n, const Window &w, ArrayRef<int64_t> outputPadding) {
  Ints outputShape = n.integers("output_shape");
  StringRef mode = n.text("auto_pad", "NOTSET");
  bool same = mode == "SAME_UPPER" || mode == "SAME_LOWER";
  size_t count = w.extents.size();
  if (!outputShape.empty() &&
      !inRange(n, "output_shape", outputShape, count, 1))
    return std::nullopt;
  TransposedPads pads;
  for (size_t i = 0; i < count; ++i) {
    bool none = mode == "VALID";
    Num before(n, n.ints({none ? 0 : w.pads[i]})),
        after(n, n.ints({none ? 0 : w.pads[i + count]})),
        output(n, n.ints({outputPadding[i]}));
    if (!outputShape.empty() || same) {
      auto stride = double(w.strides[i]);
      Num total = reachOf(n, w, i, n.input(1)) + output - stride;
      if (!outputShape.empty())
        total = total + Num(n, n.extent(n.input(0), 2 + int64_t(i))) * stride -
                double(outputShape[i]);
      output = output + max(0.0 - total, 0.0);
      total = max(total, 0.0);
      Num smaller = total / 2.0;
      before = mode == "SAME_UPPER" ? smaller : total - smaller;
      after = total - before;
    }
    pads.before.push_back(before);
    pads.after.push_back(after);
    pads.output.push_back(output);
  }
  return pads;
}

/// `x` with `stride` - 1 zeros between its elements along `axis`.
static Value spread(NodeImport &n, Value x, int64_t axis, int64_t stride) {
  if (stride == 1 || !x)
    return x;
  int64_t rank = NodeImport::typeOf(x).getRank();
  SmallVector<Value> shape;
  for (int64_t i = 0; i < rank; ++i)
    shape.push_back(n.extent(x, i));
  Num all = Num(n, shape[axis]) * double(stride);
  shape[axis] = all;
  x = n.create<graph::PadOp>(
      n.unsqueeze(x, {axis + 1}), n.ints({0, stride - 1}), n.scalarLike(0, x),
      ArrayRef<int64_t>{axis + 1}, graph::PadMode::constant);
  return n.create<graph::SliceOp>(withShape(n, x, shape), n.ints({0}),
                                  max(all - double(stride - 1), 0.0),
                                  n.ints({1}), ArrayRef<int64_t>{axis});
}

/// The weight [C, K / groups, window…] of a transposed convolution as that of a
/// convolution: [K, C / groups, window…], from its end to its start.
static Value flipped(NodeImport &n, Value weight, int64_t groups) {
  int64_t rank = NodeImport::typeOf(weight).getRank();
  Value each = n.ints({groups}),
        channels = Num(n, n.extent(weight, 0)) / double(groups),
        filters = n.extent(weight, 1);
  SmallVector<Value> window;
  Ints order = {0, 2, 1}, axes;
  for (int64_t i = 2; i < rank; ++i) {
    window.push_back(n.extent(weight, i));
    order.push_back(i + 1);
    axes.push_back(i);
  }
  SmallVector<Value> shape = {each, channels, filters};
  llvm::append_range(shape, window);
  Value y = n.transpose(withShape(n, weight, shape), order);
  shape = {Num(n, filters) * double(groups), channels};
  llvm::append_range(shape, window);
  Ints last(axes.size(), -1),
      end(axes.size(), std::numeric_limits<int64_t>::min());
  return n.create<graph::SliceOp>(withShape(n, y, shape), n.ints(last),
                                  n.ints(end), n.ints(last), axes);
}

/// A transposed convolution of which only the run knows the window or the pads:
/// the convolution of what lies `stride` apart, with all that a window reaches
/// around it.
static Value spreadConvolution(NodeImport &n, const Window &w,
                               const TransposedPads &pads) {
  int64_t count = w.extents.size(), groups = n.integer("group", 1);
  if (groups < 1) {
    n.error() << "group is " << groups << "; it must be 1 at least";
    return nullptr;
  }
  Window plain = w;
  plain.strides.assign(count, 1);
  plain.pads.assign(2 * count, 0);
  Value x = n.input(0);
  SmallVector<Value> amounts(2 * count);
  for (int64_t i = 0; i < count; ++i) {
    x = spread(n, x, 2 + i, w.strides[i]);
    Num around = reachOf(n, w, i, n.input(1)) - 1.0;
    amounts[i] = around - Num(n, pads.before[i]);
    amounts[i + count] =
        around - Num(n, pads.after[i]) + Num(n, pads.output[i]);
  }
  plain.amounts = n.concat(amounts, 0);
  return convolution(n, plain, x, flipped(n, n.input(1), groups), n.input(2));
}

static LogicalResult convTranspose(NodeImport &n) {
  auto extents = weightWindow(n);
  auto w = extents ? readWindow(n, *extents) : std::nullopt;
  if (!w)
    return failure();
  Ints outputPadding = n.hasAttribute("output_padding")
                           ? n.integers("output_padding")
                           : Ints(extents->size(), 0);
  if (!inRange(n, "output_padding", outputPadding, extents->size(), 0))
    return failure();
  auto pads = padTransposed(n, *w, outputPadding);
  if (!pads)
    return failure();
  auto before = NodeImport::known(n.concat(pads->before, 0)),
       after = NodeImport::known(n.concat(pads->after, 0)),
       output = NodeImport::known(n.concat(pads->output, 0));
  if (!w->isKnown() || !before || !after || !output)
    return n.result(spreadConvolution(n, *w, *pads));
  llvm::append_range(*before, *after);
  OperationState state(n.loc, graph::ConvTransposeOp::getOperationName());
  graph::ConvTransposeOp::build(n.b, state, NoneType::get(n.b.getContext()),
                                n.input(0), n.input(1), n.input(2), w->strides,
                                *before, w->dilations, *output,
                                n.integer("group", 1));
  return n.result(n.inferAndInsert(state));
}

/// Each channel's convolution with what was before, which is zeros or the state
/// of an earlier step; what the next step needs is the new state.
static LogicalResult causalConvolution(NodeImport &n) {
  if (n.rank(0) != 3 || n.rank(1) != 3)
    return n.error() << "input and weight have ranks " << n.rank(0) << " and "
                     << n.rank(1) << " where 3 is needed";
  StringRef activation = n.text("activation", "none");
  if (!llvm::is_contained({"none", "silu", "swish"}, activation))
    return n.error() << "activation is '" << activation
                     << "', not none, silu or swish";
  Value weight = n.input(1), input = n.input(0);
  Num before = Num(n, n.extent(weight, 2)) - 1.0;
  Value x =
      n.has(3)
          ? n.concat({n.input(3), input}, 2)
          : n.create<graph::PadOp>(input, n.concat({before, n.ints({0})}, 0),
                                   n.scalarLike(0, input), ArrayRef<int64_t>{2},
                                   graph::PadMode::constant);
  if (!x)
    return failure();
  Type element = n.type(0).getElementType();
  Type wide = element.isF64() ? element : n.b.getF32Type();
  int64_t size = n.type(1).getDimSize(2), channels = n.type(1).getDimSize(0);
  Value y;
  if (!ShapedType::isDynamic(size) && !ShapedType::isDynamic(channels)) {
    OperationState state(n.loc, graph::ConvOp::getOperationName());
    graph::ConvOp::build(n.b, state, NoneType::get(n.b.getContext()), x, weight,
                         n.input(2), Ints{1}, Ints{0, 0}, Ints{1}, channels);
    y = n.cast(n.inferAndInsert(state), wide);
  } else {
    Window w{{ShapedType::kDynamic}, {1}, {0, 0}, {1}, nullptr};
    Num seen(n, n.cast(allWindows(n, w, x, weight), wide));
    Num filters(n, n.cast(n.unsqueeze(n.squeeze(weight, {1}), {2}), wide));
    y = n.reduce(graph::ReduceKind::sum, seen * filters, {2},
                 /*keepDims=*/false);
    if (n.has(2))
      y = Num(n, y) + Num(n, n.cast(alongAxis(n, n.input(2), 1, 3), wide));
  }
  if (activation != "none")
    y = Num(n, y) * apply<graph::SigmoidOp>(Num(n, y));
  Num end(n, n.extent(x, 2));
  Value state = n.create<graph::SliceOp>(x, end - before, end, n.ints({1}),
                                         ArrayRef<int64_t>{2});
  return n.results({n.cast(y, element), state});
}

void addConvolutionRows(Table &table) {
  constexpr auto floats = Row::kFloats;
  table.add({
      {"CausalConvWithState", 27, causalConvolution, floats},
      {"Conv", 22, conv, floats},
      {"ConvInteger", 10, convInteger, "int"},
      {"ConvTranspose", 22, convTranspose, floats},
      {"QLinearConv", 10, qLinearConv, "int"},
  });
}

} // namespace weft::onnx
