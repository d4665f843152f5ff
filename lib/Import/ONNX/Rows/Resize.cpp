// Resize, axis by axis: each output position is a sum of input positions along
// the axis. Their indices and weights are vectors, computed as graph ops that
// fold where the extents are known.
#include "../OldOpsets.h"
#include "../Table.h"
#include "Equation.h"
#include <cmath>

using namespace mlir;

namespace weft::onnx {

namespace {
/// One axis to resize. Numbers that places are computed from are f64.
struct Axis {
  int64_t axis;
  Num from, scale;  ///< f64
  Value to;         ///< tensor<1xi64>
  Value start, end; ///< of the region, where the mode needs one

  Num last() const { return from - 1.0; }
};

/// The input positions that each output position is made of: i64 vectors, and
/// weights (null for 1). With `isTable` there is one matrix of each instead,
/// [output, tap].
struct Taps {
  SmallVector<Value> indices, weights;
  Value outside; ///< i1: positions that get the extrapolation value
  bool isTable = false;
};
} // namespace

static bool isKnownPlacement(StringRef mode) {
  return llvm::is_contained({"half_pixel", "pytorch_half_pixel", "asymmetric",
                             "align_corners", "half_pixel_symmetric",
                             "tf_crop_and_resize"},
                            mode);
}

/// The places in the input of output positions `x`.
static Num place(StringRef mode, Num x, const Axis &a) {
  NodeImport &n = *x.n;
  // The last corner is where the scale puts it, not where rounding does.
  Num length = a.scale * a.from;
  if (mode == "asymmetric")
    return x / a.scale;
  if (mode == "align_corners")
    return select(length > 1.0, x * a.last() / (length - 1.0), 0.0);
  if (mode == "tf_crop_and_resize") {
    Num start(n, a.start), end(n, a.end);
    Num many = x * (end - start) * a.last() / (length - 1.0);
    Num one = (end - start) * a.last() / 2.0;
    return select(length == 1.0, one, many) + start * a.last();
  }
  Num half = (x + 0.5) / a.scale - 0.5;
  auto to = [&] {
    return Num(n, n.cast(n.reshape(a.to, {}), n.b.getF64Type()));
  };
  if (mode == "pytorch_half_pixel")
    return select(to() > 1.0, half, 0.0);
  if (mode == "half_pixel_symmetric")
    return half + a.from / 2.0 * (1.0 - to() / length);
  return half;
}

static Num nearest(StringRef mode, Num x, Num scale) {
  if (mode == kTowardsLarger)
    return select(scale < 1.0, ceil(x), floor(x));
  if (mode == "floor")
    return floor(x);
  if (mode == "ceil")
    return ceil(x);
  if (mode == "round_prefer_ceil")
    return floor(x + 0.5);
  return ceil(x - 0.5); // round_prefer_floor
}

/// The kernel at distance `d` from a tap.
static Num kernel(NodeImport &n, Num d) {
  return n.text("mode", "") == "cubic"
             ? cubicKernel(d, n.real("cubic_coeff_a", -0.75))
             : max(1.0 - abs(d), 0.0);
}

/// `weight` where `place` is in the picture or may be outside.
static Num counted(NodeImport &n, Num weight, Num place, const Axis &a) {
  if (!n.integer("exclude_outside", 0))
    return weight;
  return select((place >= 0.0) & (place <= a.last()), weight, 0.0);
}

/// Two or four neighbours, each with its vectors.
static Taps neighbours(NodeImport &n, Num at, const Axis &a) {
  int64_t count = n.text("mode", "") == "linear" ? 2 : 4;
  Type i64 = n.b.getI64Type();
  Taps taps;
  Num first = floor(at) - double(count / 2 - 1);
  SmallVector<Num> weights;
  for (int64_t i = 0; i < count; ++i) {
    Num place = first + double(i);
    weights.push_back(counted(n, kernel(n, at - place), place, a));
    taps.indices.push_back(clamp(place, 0, a.last()).as(i64));
  }
  Num total = weights[0];
  for (Num weight : ArrayRef(weights).drop_front())
    total = total + weight;
  for (Num weight : weights)
    taps.weights.push_back(n.integer("exclude_outside", 0) ? weight / total
                                                           : weight);
  return taps;
}

/// As many neighbours as one output position covers: the kernel is stretched
/// where the picture becomes smaller.
static Taps antialiased(NodeImport &n, Num at, const Axis &a) {
  Type i64 = n.b.getI64Type(), f64 = n.b.getF64Type();
  double reach = n.text("mode", "") == "cubic" ? 2 : 1;
  Num stretch = min(a.scale, 1.0);
  Num start = floor(-reach / stretch) + 1.0;
  Num count = (2.0 - start * 2.0).as(i64);
  Num offset = Num(n, n.cast(n.iota(n.reshape(count, {1})), f64)) + start;
  at = Num(n, n.unsqueeze(at, {1}));
  Num places = ceil(at) - 1.0 + offset;
  Num weights = kernel(n, (places - at) * stretch);
  auto normalised = [&](Num weight) {
    return weight / Num(n, n.reduce(graph::ReduceKind::sum, weight, {1}, true));
  };
  weights = normalised(weights);
  if (n.integer("exclude_outside", 0))
    weights = normalised(counted(n, weights, places, a));
  Taps taps;
  taps.isTable = true;
  taps.indices.push_back(clamp(places, 0, a.last()).as(i64));
  taps.weights.push_back(weights);
  return taps;
}

static Taps computeTaps(NodeImport &n, const Axis &a) {
  StringRef mode = n.text("mode", "nearest");
  StringRef placement = n.text("coordinate_transformation_mode", "half_pixel");
  Num x(n, n.cast(n.iota(a.to), n.b.getF64Type()));
  Num at = place(placement, x, a);
  Taps taps;
  if (mode == "nearest") {
    Num found =
        nearest(n.text("nearest_mode", "round_prefer_floor"), at, a.scale);
    taps.indices.push_back(clamp(found, 0, a.last()).as(n.b.getI64Type()));
    taps.weights.push_back(nullptr);
  } else {
    taps = n.integer("antialias", 0) ? antialiased(n, at, a)
                                     : neighbours(n, at, a);
  }
  if (placement == "tf_crop_and_resize")
    taps.outside = (at < 0.0) | (at > a.last());
  return taps;
}

static Value resizeAxis(NodeImport &n, Value x, const Axis &a) {
  if (!x)
    return nullptr;
  RankedTensorType type = NodeImport::typeOf(x);
  Type original = type.getElementType();
  Taps taps = computeTaps(n, a);
  bool weighted = bool(taps.weights.front());
  Type element =
      !weighted || isa<FloatType>(original) ? original : n.b.getF32Type();
  Ints after = llvm::to_vector(llvm::seq<int64_t>(1, type.getRank() - a.axis));
  x = n.cast(x, element);
  Value sum;
  for (auto [indices, weights] : llvm::zip(taps.indices, taps.weights)) {
    Value term = n.create<graph::GatherOp>(x, indices, a.axis);
    if (weighted) {
      Ints behind = after;
      if (taps.isTable)
        for (int64_t &axis : behind)
          ++axis;
      term = n.create<graph::MulOp>(
          term, n.unsqueeze(n.cast(weights, element), behind));
    }
    if (taps.isTable)
      term = n.reduce(graph::ReduceKind::sum, term, {a.axis + 1}, false);
    sum = sum ? n.create<graph::AddOp>(sum, term) : term;
  }
  if (taps.outside)
    sum = n.create<graph::SelectOp>(
        n.unsqueeze(taps.outside, after),
        n.scalarLike(n.real("extrapolation_value", 0), x), sum);
  return n.cast(sum, original);
}

/// All of `sizes` follow the smallest (or largest) scale, so that a picture
/// keeps its form.
static void keepAspect(NodeImport &n, MutableArrayRef<Axis> axes) {
  StringRef policy = n.text("keep_aspect_ratio_policy", "stretch");
  if (policy == "stretch" || axes.empty())
    return;
  Num scale = axes[0].scale;
  for (const Axis &a : axes)
    scale = policy == "not_larger" ? min(scale, a.scale) : max(scale, a.scale);
  for (Axis &a : axes) {
    a.scale = scale;
    Num to = floor(scale * a.from + 0.5).as(n.b.getI64Type());
    a.to = max(Num(n, n.reshape(to, {1})), 0.0);
  }
}

/// Element `i` of a float constant.
static std::optional<double> knownReal(Value value, int64_t i) {
  auto op = value.getDefiningOp<graph::ConstantOp>();
  auto dense =
      op ? dyn_cast<DenseFPElementsAttr>(op.getValue()) : DenseFPElementsAttr();
  if (!dense || i >= dense.getNumElements())
    return {};
  return FloatAttr::get(dense.getElementType(),
                        *(dense.value_begin<APFloat>() + i))
      .getValueAsDouble();
}

/// The axes whose extent changes, or may.
static std::optional<SmallVector<Axis>> readAxes(NodeImport &n) {
  Ints given = n.hasAttribute("axes")
                   ? n.integers("axes")
                   : Ints(llvm::to_vector(llvm::seq<int64_t>(0, n.rank(0))));
  auto axes = n.axes(given, n.rank(0));
  if (!axes)
    return {};
  bool bySize = n.has(3);
  unsigned list = bySize ? 3 : 2;
  if (!n.has(list) || n.rank(list) != 1) {
    n.error() << "needs scales or sizes, a list";
    return {};
  }
  int64_t count = n.type(list).getDimSize(0);
  if (!ShapedType::isDynamic(count) && count != int64_t(axes->size())) {
    n.error() << "has " << count << " scales or sizes for " << axes->size()
              << " axes";
    return {};
  }
  Type f64 = n.b.getF64Type(), i64 = n.b.getI64Type();
  bool cropped = n.text("coordinate_transformation_mode", "half_pixel") ==
                 "tf_crop_and_resize";
  if (cropped && !n.has(1)) {
    n.error() << "coordinate_transformation_mode 'tf_crop_and_resize' needs a "
                 "region (input 1)";
    return {};
  }
  auto element = [&](unsigned input, int64_t i) {
    return n.reshape(n.slice(n.input(input), 0, i, i + 1), {});
  };
  SmallVector<Axis> result;
  for (auto [i, axis] : llvm::enumerate(*axes)) {
    int64_t extent = n.type(0).getDimSize(axis);
    Num from = extentAs(n, n.input(0), axis, f64);
    std::optional<double> factor;
    auto sizes = bySize ? NodeImport::known(n.input(3)) : std::nullopt;
    if (!bySize)
      factor = knownReal(n.input(2), i);
    else if (sizes && !ShapedType::isDynamic(extent) && extent > 0)
      factor = double((*sizes)[i]) / double(extent);
    if (factor && !(*factor > 0 || (bySize && (*sizes)[i] == 0))) {
      n.error() << "axis " << axis << " of extent " << extent
                << " cannot be resized by " << *factor;
      return {};
    }
    if (factor == 1 && !cropped)
      continue;
    Num given(n, n.cast(element(list, i), f64));
    Num scale = bySize ? given / from : given;
    Value to = bySize ? given.as(i64) : floor(from * given).as(i64);
    // What a run is given may be no size at all.
    to = max(Num(n, n.reshape(to, {1})), 0.0);
    Axis a{axis, from, scale, to, nullptr, nullptr};
    if (cropped) {
      a.start = n.cast(element(1, i), f64);
      a.end = n.cast(element(1, i + axes->size()), f64);
    }
    result.push_back(a);
  }
  if (bySize)
    keepAspect(n, result);
  return result;
}

static LogicalResult resize(NodeImport &n) {
  StringRef mode = n.text("mode", "nearest");
  StringRef placement = n.text("coordinate_transformation_mode", "half_pixel");
  if (mode != "nearest" && mode != "linear" && mode != "cubic")
    return n.error() << "mode is '" << mode
                     << "', not nearest, linear or cubic";
  if (!isKnownPlacement(placement))
    return n.error() << "coordinate_transformation_mode '" << placement
                     << "' is not supported";
  auto axes = readAxes(n);
  if (!axes)
    return failure();
  Value x = n.input(0);
  for (const Axis &a : *axes)
    x = resizeAxis(n, x, a);
  return n.result(x);
}

void addResizeRows(Table &table) {
  table.add({
      {"Resize", 19, resize},
  });
}

} // namespace weft::onnx
