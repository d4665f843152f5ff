// Resize, axis by axis: each output position is a sum of input positions along
// the axis, whose indices and weights are computed here and become constants.
#include "../Table.h"
#include <cmath>

using namespace mlir;

namespace weft::onnx {

namespace {
/// One axis to resize.
struct Axis {
  int64_t axis, from, to;
  double scale;
};

/// For each output position the input positions it is made of, and how much of
/// each. `taps` of them per position, position-major.
struct Taps {
  int64_t count = 1;
  SmallVector<int64_t> indices;
  SmallVector<double> weights; ///< empty: one tap of weight 1
};
} // namespace

/// The place in the input of output position `x`.
static std::optional<double> place(StringRef mode, double x, const Axis &a) {
  if (mode == "half_pixel")
    return (x + 0.5) / a.scale - 0.5;
  if (mode == "pytorch_half_pixel")
    return a.to > 1 ? (x + 0.5) / a.scale - 0.5 : 0;
  if (mode == "asymmetric")
    return x / a.scale;
  if (mode == "align_corners") {
    // The last corner is where the scale puts it, not where rounding does.
    double length = a.scale * double(a.from);
    return length > 1 ? x * double(a.from - 1) / (length - 1) : 0;
  }
  if (mode == "half_pixel_symmetric") {
    double adjustment = double(a.to) / (a.scale * double(a.from));
    double offset = double(a.from) / 2 * (1 - adjustment);
    return offset + (x + 0.5) / a.scale - 0.5;
  }
  return {};
}

static int64_t nearest(StringRef mode, double x) {
  if (mode == "floor")
    return int64_t(std::floor(x));
  if (mode == "ceil")
    return int64_t(std::ceil(x));
  if (mode == "round_prefer_ceil")
    return int64_t(std::floor(x + 0.5));
  return int64_t(std::ceil(x - 0.5)); // round_prefer_floor
}

/// Keys' cubic kernel at distance d from a tap.
static double cubic(double d, double a) {
  d = std::abs(d);
  if (d <= 1)
    return ((a + 2) * d - (a + 3)) * d * d + 1;
  if (d < 2)
    return ((a * d - 5 * a) * d + 8 * a) * d - 4 * a;
  return 0;
}

static Taps computeTaps(NodeImport &n, const Axis &a, StringRef mode,
                        StringRef placement) {
  Taps taps;
  StringRef rounding = n.text("nearest_mode", "round_prefer_floor");
  double coefficient = n.real("cubic_coeff_a", -0.75);
  bool excludeOutside = n.integer("exclude_outside", 0) != 0;
  taps.count = mode == "nearest" ? 1 : mode == "linear" ? 2 : 4;
  auto clamped = [&](int64_t i) {
    return std::clamp<int64_t>(i, 0, a.from - 1);
  };
  for (int64_t x = 0; x < a.to; ++x) {
    double at = *place(placement, double(x), a);
    if (mode == "nearest") {
      taps.indices.push_back(clamped(nearest(rounding, at)));
      continue;
    }
    int64_t first = int64_t(std::floor(at)) - (taps.count / 2 - 1);
    double total = 0;
    for (int64_t i = first; i < first + taps.count; ++i) {
      double distance = at - double(i);
      double weight = mode == "linear" ? 1 - std::abs(distance)
                                       : cubic(distance, coefficient);
      if (excludeOutside && i != clamped(i))
        weight = 0;
      taps.indices.push_back(clamped(i));
      taps.weights.push_back(weight);
      total += weight;
    }
    if (excludeOutside && total != 0)
      for (double &weight : MutableArrayRef(taps.weights).take_back(taps.count))
        weight /= total;
  }
  return taps;
}

/// Column `tap` of the weights, shaped to broadcast along the axis.
static Value weightsOf(NodeImport &n, const Taps &taps, int64_t tap,
                       Type element, int64_t after) {
  SmallVector<Attribute> values;
  for (size_t i = tap; i < taps.weights.size(); i += taps.count)
    values.push_back(FloatAttr::get(element, taps.weights[i]));
  SmallVector<int64_t> shape(after + 1, 1);
  shape[0] = int64_t(values.size());
  return graph::ConstantOp::create(
      n.b, n.loc,
      DenseElementsAttr::get(RankedTensorType::get(shape, element), values));
}

static Value resizeAxis(NodeImport &n, Value x, const Axis &a,
                        const Taps &taps) {
  if (!x)
    return nullptr;
  RankedTensorType type = NodeImport::typeOf(x);
  Type original = type.getElementType();
  bool weighted = !taps.weights.empty();
  Type element =
      !weighted || isa<FloatType>(original) ? original : n.b.getF32Type();
  x = n.cast(x, element);
  Value sum;
  for (int64_t tap = 0; tap < taps.count; ++tap) {
    Ints indices;
    for (size_t i = tap; i < taps.indices.size(); i += taps.count)
      indices.push_back(taps.indices[i]);
    Value term = n.create<graph::GatherOp>(x, n.ints(indices), a.axis);
    if (weighted)
      term = n.create<graph::MulOp>(
          term, weightsOf(n, taps, tap, element, type.getRank() - a.axis - 1));
    sum = sum ? n.create<graph::AddOp>(sum, term) : term;
  }
  return n.cast(sum, original);
}

/// Elements of a constant float tensor.
static std::optional<SmallVector<double>> knownReals(Value value) {
  auto op = value.getDefiningOp<graph::ConstantOp>();
  auto dense =
      op ? dyn_cast<DenseFPElementsAttr>(op.getValue()) : DenseFPElementsAttr();
  if (!dense)
    return {};
  SmallVector<double> result;
  for (const APFloat &each : dense)
    result.push_back(
        FloatAttr::get(dense.getElementType(), each).getValueAsDouble());
  return result;
}

/// All of `sizes` follow the smallest (or largest) scale, so that a picture
/// keeps its form.
static void keepAspect(StringRef policy, MutableArrayRef<Axis> axes) {
  if (policy == "stretch" || axes.empty())
    return;
  double scale = axes[0].scale;
  for (const Axis &a : axes)
    scale = policy == "not_larger" ? std::min(scale, a.scale)
                                   : std::max(scale, a.scale);
  for (Axis &a : axes) {
    a.scale = scale;
    a.to = int64_t(std::floor(scale * double(a.from) + 0.5));
  }
}

static std::optional<SmallVector<Axis>> readAxes(NodeImport &n) {
  Ints given = n.hasAttribute("axes")
                   ? n.integers("axes")
                   : Ints(llvm::to_vector(llvm::seq<int64_t>(0, n.rank(0))));
  auto axes = n.axes(given, n.rank(0));
  if (!axes)
    return {};
  std::optional<SmallVector<double>> scales;
  std::optional<Ints> sizes;
  if (n.has(3))
    sizes = n.mustKnow(3, "sizes");
  else if (n.has(2) && !(scales = knownReals(n.input(2))))
    n.error() << "scales (input 2) must be known at compile time";
  size_t count = sizes ? sizes->size() : scales ? scales->size() : 0;
  if (!sizes && !scales)
    return {};
  if (count != axes->size()) {
    n.error() << "has " << count << " scales or sizes for " << axes->size()
              << " axes";
    return {};
  }
  constexpr double kMost = 1 << 24;
  SmallVector<Axis> result;
  for (auto [i, axis] : llvm::enumerate(*axes)) {
    int64_t from = n.type(0).getDimSize(axis);
    if (scales && (*scales)[i] == 1)
      continue;
    if (ShapedType::isDynamic(from)) {
      // A size of a dynamic axis that is not resized can only repeat it.
      n.error()
          << "axis " << axis
          << " is resized and must have a static extent: give one with --input";
      return {};
    }
    double scale = scales ? (*scales)[i] : double((*sizes)[i]) / double(from);
    int64_t to =
        scales ? int64_t(std::floor(double(from) * scale)) : (*sizes)[i];
    if (!(scale > 0) || from < 1 || double(to) > kMost || to < 1) {
      n.error() << "axis " << axis << " of extent " << from << " cannot become "
                << to;
      return {};
    }
    result.push_back({axis, from, to, scale});
  }
  if (sizes)
    keepAspect(n.text("keep_aspect_ratio_policy", "stretch"), result);
  return result;
}

static LogicalResult resize(NodeImport &n) {
  StringRef mode = n.text("mode", "nearest");
  StringRef placement = n.text("coordinate_transformation_mode", "half_pixel");
  if (mode != "nearest" && mode != "linear" && mode != "cubic")
    return n.error() << "mode is '" << mode
                     << "', not nearest, linear or cubic";
  if (!place(placement, 0, {0, 1, 1, 1}))
    return n.error() << "coordinate_transformation_mode '" << placement
                     << "' is not supported";
  if (n.integer("antialias", 0))
    return n.error() << "antialias is not supported";
  auto axes = readAxes(n);
  if (!axes)
    return failure();
  Value x = n.input(0);
  for (const Axis &a : *axes)
    if (a.from != a.to || a.scale != 1)
      x = resizeAxis(n, x, a, computeTaps(n, a, mode, placement));
  return n.result(x);
}

void addResizeRows(Table &table) {
  table.add({
      {"Resize", 19, resize},
  });
}

} // namespace weft::onnx
