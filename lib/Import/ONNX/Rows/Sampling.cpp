// Operators that read pictures between their elements: each is a sum of gathers
// at computed positions, with computed weights.
#include "Equation.h"
#include "Places.h"
#include <cmath>

using namespace mlir;

namespace weft::onnx {

namespace {
/// What one axis adds to a sample: positions, weights (null for 1) and whether
/// the position is inside the picture (null for always).
struct Tap {
  Value place, weight, inside;
};
using AxisTaps = SmallVector<Tap>;
} // namespace

static Value product(NodeImport &n, Value a, Value b) {
  return !a ? b : !b ? a : n.create<graph::MulOp>(a, b);
}

static Value conjunction(NodeImport &n, Value a, Value b) {
  return !a ? b : !b ? a : n.create<graph::AndOp>(a, b);
}

/// Sum over all combinations of one tap of each axis of weight * x[lead …,
/// places …]; what is outside is 0.
static Value sample(NodeImport &n, Value x, ArrayRef<Value> lead,
                    ArrayRef<AxisTaps> axes) {
  if (!x)
    return nullptr;
  Type element = NodeImport::typeOf(x).getElementType();
  size_t combinations = 1;
  for (const AxisTaps &taps : axes)
    combinations *= taps.size();
  Value sum;
  for (size_t c = 0; c < combinations; ++c) {
    SmallVector<Value> places(lead);
    Value weight, inside;
    size_t rest = c;
    for (const AxisTaps &taps : axes) {
      const Tap &tap = taps[rest % taps.size()];
      rest /= taps.size();
      places.push_back(tap.place);
      weight = product(n, weight, tap.weight);
      inside = conjunction(n, inside, tap.inside);
    }
    Value term = gatherAt(n, x, places);
    if (inside)
      term = n.create<graph::SelectOp>(inside, term, n.scalarLike(0, x));
    if (weight)
      term = n.create<graph::MulOp>(term, n.cast(weight, element));
    sum = sum ? n.create<graph::AddOp>(sum, term) : term;
  }
  return sum;
}

//===- GridSample ---------------------------------------------------------===//

/// `x` mirrored at `low` and `high` until it is between them.
static Num reflect(Num x, Num low, Num high) {
  Num range = high - low;
  auto mirrored = [&](Num beyond, Num near, Num far, double direction) {
    Num turns = trunc(beyond / range);
    Num rest = (beyond - turns * range) * direction;
    return select((turns % 2.0) == 0.0, near + rest, far - rest);
  };
  Num below = mirrored(low - x, low, high, 1),
      above = mirrored(x - high, high, low, -1);
  Num result = select(x < low, below, select(x > high, above, x));
  // A picture of one element has nowhere else to go.
  return select(range == 0.0, low, result);
}

namespace {
/// How GridSample reads one axis.
struct GridAxis {
  Num extent, low, high; ///< the borders at which it reflects
  StringRef padding;

  Tap tap(Num place) const {
    Type i64 = place.n->b.getI64Type();
    Tap result;
    if (padding == "zeros")
      result.inside = (place >= 0.0) & (place <= extent - 1.0);
    if (padding == "reflection")
      place = trunc(reflect(place, low, high));
    result.place = clamp(place, 0, extent - 1.0).as(i64);
    return result;
  }

  AxisTaps taps(StringRef mode, Num x) const {
    if (mode == "nearest")
      x = apply<graph::RoundOp>(x);
    if (padding == "border") {
      Num moved = clamp(x, 0, extent - 1.0);
      // Half a pixel around the centres is still inside: a cubic is not
      // constant there.
      x = mode == "cubic" ? select((x >= low) & (x <= high), x, moved) : moved;
    }
    if (padding == "reflection")
      x = reflect(x, low, high);
    if (mode == "nearest")
      return {tap(trunc(x))};
    Num first = floor(x), rest = x - first;
    int64_t before = mode == "linear" ? 0 : 1, after = mode == "linear" ? 1 : 2;
    AxisTaps all;
    for (int64_t i = -before; i <= after; ++i) {
      all.push_back(tap(first + double(i)));
      all.back().weight = mode == "linear"
                              ? (i ? rest : 1.0 - rest)
                              : cubicKernel(rest - double(i), -0.75);
    }
    return all;
  }
};
} // namespace

static LogicalResult gridSample(NodeImport &n) {
  Value x = n.input(0), grid = n.input(1);
  int64_t rank = n.rank(0), spatial = rank - 2;
  StringRef mode = n.text("mode", "linear"),
            padding = n.text("padding_mode", "zeros");
  if (mode == "bilinear")
    mode = "linear";
  if (mode == "bicubic")
    mode = "cubic";
  if (spatial < 1 || n.rank(1) != rank)
    return n.error() << "input and grid have ranks " << rank << " and "
                     << n.rank(1) << "; equal ranks of 3 at least are needed";
  if ((mode != "linear" && mode != "nearest" && mode != "cubic") ||
      (padding != "zeros" && padding != "border" && padding != "reflection"))
    return n.error() << "mode '" << mode << "' with padding_mode '" << padding
                     << "' is not known";
  bool corners = n.integer("align_corners", 0) != 0;
  Type given = n.type(1).getElementType();
  Type element = given.isF64() ? given : n.b.getF32Type();
  SmallVector<AxisTaps> axes;
  for (int64_t i = 0; i < spatial; ++i) {
    // The grid names the last axis first.
    int64_t at = spatial - 1 - i;
    Num place(n,
              n.cast(n.squeeze(n.slice(grid, rank - 1, at, at + 1), {rank - 1}),
                     element));
    place = Num(n, n.unsqueeze(place, {1}));
    Num extent = extentAs(n, x, i + 2, element);
    Num first = extent.of(corners ? 0 : -0.5),
        last = corners ? extent - 1.0 : extent - 0.5;
    place = corners ? (place + 1.0) / 2.0 * (extent - 1.0)
                    : ((place + 1.0) * extent - 1.0) / 2.0;
    axes.push_back(GridAxis{extent, first, last, padding}.taps(mode, place));
  }
  Value batch = axisPositions(n, x, 0, rank),
        channel = axisPositions(n, x, 1, rank);
  return n.result(sample(n, x, {batch, channel}, axes));
}

//===- AffineGrid ---------------------------------------------------------===//

/// `extent` less `count`, where it is known.
static std::optional<int64_t> less(std::optional<int64_t> extent,
                                   int64_t count) {
  if (!extent || ShapedType::isDynamic(*extent))
    return {};
  return *extent - count;
}

/// How many spatial axes there are, by the first of `told` that knows; reports
/// where none does.
static std::optional<int64_t>
spatialAxes(NodeImport &n, ArrayRef<std::optional<int64_t>> told) {
  for (std::optional<int64_t> axes : told)
    if (axes && !ShapedType::isDynamic(*axes))
      return axes;
  n.error() << "how many spatial axes there are must be known at compile time; "
               "pin the length of input 1 with --input, or state the rank of "
               "the output";
  return {};
}

/// Where GridSample reads for each element of a picture of `size` that is moved
/// by `theta` [N, axes, axes + 1].
static LogicalResult affineGrid(NodeImport &n) {
  if (n.rank(0) != 3 || n.rank(1) != 1)
    return n.error() << "theta is " << n.type(0) << " and size " << n.type(1)
                     << "; ranks 3 and 1 are needed";
  auto axes =
      spatialAxes(n, {n.type(0).getDimSize(1), less(n.type(1).getDimSize(0), 2),
                      less(n.outputRank(0), 2)});
  if (!axes)
    return failure();
  if (*axes != 2 && *axes != 3)
    return n.error() << "theta is " << n.type(0) << " and size " << n.type(1)
                     << "; two or three spatial axes are needed";
  if (failed(n.fix(0, {ShapedType::kDynamic, *axes, *axes + 1})) ||
      failed(n.fix(1, {*axes + 2})))
    return failure();
  Value theta = n.input(0), size = n.cast(n.input(1), n.b.getI64Type());
  bool corners = n.integer("align_corners", 0) != 0;
  Type element = n.type(0).getElementType();
  auto extent = [&](int64_t i) { return n.slice(size, 0, i, i + 1); };
  SmallVector<Value> shape, columns;
  for (int64_t i = 0; i < *axes; ++i)
    shape.push_back(extent(i + 2));
  Value inner = n.concat(shape, 0);
  // The last axis is the first coordinate.
  for (int64_t i = *axes; i-- > 0;) {
    Num count(n, n.cast(n.reshape(shape[i], {}), element));
    Num place(n, n.cast(n.iota(shape[i]), element));
    Num at = corners ? place * 2.0 / max(count - 1.0, 1.0) - 1.0
                     : (place * 2.0 + 1.0) / count - 1.0;
    Ints behind = llvm::to_vector(llvm::seq<int64_t>(1, *axes - i));
    Value all = n.create<graph::ExpandOp>(n.unsqueeze(at, behind), inner);
    columns.push_back(n.reshape(all, {-1, 1}));
  }
  if (llvm::is_contained(columns, Value()))
    return failure();
  columns.push_back(n.create<graph::AddOp>(
      n.create<graph::MulOp>(columns[0], n.scalar(0, element)),
      n.scalar(1, element)));
  Value grid = n.unsqueeze(n.concat(columns, 1), {0});
  Value moved = n.create<graph::MatMulOp>(grid, theta, false, true);
  return n.result(n.create<graph::ReshapeOp>(
      moved, n.concat({n.extent(theta, 0), inner, n.ints({*axes})}, 0), true));
}

//===- Regions ------------------------------------------------------------===//

/// Bilinear taps at `x`, which is moved to the picture where it is less than 1
/// outside; beyond that the sample is 0.
static AxisTaps regionTaps(Num x, Num extent) {
  Type i64 = x.n->b.getI64Type();
  Value inside = (x >= -1.0) & (x <= extent);
  Num at = clamp(x, 0, extent - 1.0);
  Num low = floor(at), high = min(low + 1.0, extent - 1.0);
  Num rest = at - low;
  return {{low.as(i64), 1.0 - rest, inside}, {high.as(i64), rest, inside}};
}

namespace {
/// One direction of the samples of regions: positions [regions, 1, bins…].
struct RegionAxis {
  AxisTaps taps;
  Value valid; ///< whether the sample counts, where their number differs
  Value count; ///< samples of a bin of each region
};
} // namespace

/// Samples along axis `axis` (2 or 3) of the picture `x`; results have rank 6:
/// region, channel, bin y, bin x, sample y, sample x.
static RegionAxis regionAxis(NodeImport &n, Value x, Value regions,
                             int64_t axis, int64_t bins) {
  Type element = NodeImport::typeOf(regions).getElementType();
  int64_t column = axis == 3 ? 0 : 1;
  bool halfPixel =
      n.text("coordinate_transformation_mode", "half_pixel") == "half_pixel";
  double scale = n.real("spatial_scale", 1);
  int64_t ratio = n.integer("sampling_ratio", 0);
  auto bound = [&](int64_t i) {
    Value edge = n.squeeze(n.slice(regions, 1, i, i + 1), {1});
    Num place = Num(n, n.unsqueeze(edge, {1, 2, 3, 4, 5})) * scale;
    return halfPixel ? place - 0.5 : place;
  };
  Num start = bound(column), size = bound(column + 2) - start;
  if (!halfPixel)
    size = max(size, 1.0);
  Num bin = size / double(bins);
  RegionAxis result;
  Value most;
  Num samples = start.of(double(ratio));
  if (ratio > 0) {
    most = n.ints({ratio});
  } else {
    samples = max(ceil(bin), 0.0);
    most = n.cast(n.reduce(graph::ReduceKind::max, samples, {0}, false),
                  n.b.getI64Type());
    // Of no regions the most is no number.
    most = max(Num(n, n.reshape(most, {1})), 0.0);
  }
  auto counted = [&](Value count, int64_t at) {
    Ints others;
    for (int64_t i = 0; i < 6; ++i)
      if (i != at)
        others.push_back(i);
    return Num(n, n.cast(n.unsqueeze(n.iota(count), others), element));
  };
  Num sample = counted(most, axis + 2), place = counted(n.ints({bins}), axis);
  Num at = start + place * bin + (sample + 0.5) * bin / samples;
  if (ratio <= 0)
    result.valid = sample < samples;
  result.count = samples;
  result.taps = regionTaps(at, extentAs(n, x, axis, element));
  return result;
}

static LogicalResult roiAlign(NodeImport &n) {
  Value x = n.input(0), regions = n.input(1);
  if (n.rank(0) != 4 || n.rank(1) != 2 || n.rank(2) != 1)
    return n.error() << "inputs have ranks " << n.rank(0) << ", " << n.rank(1)
                     << " and " << n.rank(2) << " where 4, 2 and 1 are needed";
  int64_t height = n.integer("output_height", 1),
          width = n.integer("output_width", 1);
  StringRef mode = n.text("mode", "avg");
  if (height < 1 || width < 1 || (mode != "avg" && mode != "max"))
    return n.error() << "mode '" << mode << "' with an output of " << height
                     << " by " << width << " is not possible";
  RegionAxis y = regionAxis(n, x, regions, 2, height),
             z = regionAxis(n, x, regions, 3, width);
  Value batch =
            n.unsqueeze(n.cast(n.input(2), n.b.getI64Type()), {1, 2, 3, 4, 5}),
        channel = axisPositions(n, x, 1, 6);
  Value valid = conjunction(n, y.valid, z.valid);
  if (mode == "avg") {
    Value all = sample(n, x, {batch, channel}, {y.taps, z.taps});
    if (valid)
      all = n.create<graph::SelectOp>(valid, all, n.scalarLike(0, x));
    Value sum = n.reduce(graph::ReduceKind::sum, all, {4, 5}, false);
    Value count = max(Num(n, y.count) * Num(n, z.count), 1.0);
    // One number for all regions, or one of each.
    if (count && NodeImport::typeOf(count).getRank() == 6)
      count = n.squeeze(count, {4, 5});
    return n.result(
        n.create<graph::DivOp>(sum, n.cast(count, n.type(0).getElementType())));
  }
  // The largest of the weighted neighbours, not of the interpolated values.
  Value largest;
  for (const Tap &a : y.taps)
    for (const Tap &b : z.taps) {
      Value term = sample(n, x, {batch, channel}, {AxisTaps{a}, AxisTaps{b}});
      largest = largest ? n.create<graph::MaxOp>(largest, term) : term;
    }
  if (valid)
    largest =
        n.create<graph::SelectOp>(valid, largest, n.scalarLike(-HUGE_VAL, x));
  Num top(n, n.reduce(graph::ReduceKind::max, largest, {4, 5}, false));
  return n.result(valid ? select(top == -HUGE_VAL, 0.0, top) : top);
}

/// The largest element of each bin of each region, bounds rounded.
static LogicalResult maxRoiPool(NodeImport &n) {
  Value x = n.input(0);
  Ints bins = n.integers("pooled_shape");
  if (n.rank(0) != 4 || n.rank(1) != 2 || bins.size() != 2 || bins[0] < 1 ||
      bins[1] < 1)
    return n.error() << "inputs have ranks " << n.rank(0) << " and "
                     << n.rank(1) << " and pooled_shape has " << bins.size()
                     << " entries; 4, 2 and 2 above 0 are needed";
  Type element = n.type(1).getElementType();
  double scale = n.real("spatial_scale", 1);
  auto column = [&](int64_t i) {
    return Num(n, n.unsqueeze(n.squeeze(n.slice(n.input(1), 1, i, i + 1), {1}),
                              {1, 2, 3, 4, 5}));
  };
  Value inside;
  for (int64_t axis : {2, 3}) {
    int64_t from = axis == 3 ? 1 : 2, count = bins[axis - 2];
    auto bound = [&](int64_t i) { return floor(column(i) * scale + 0.5); };
    Num start = bound(from), end = bound(from + 2);
    Num bin = max(end - start + 1.0, 1.0) / double(count);
    Ints others;
    for (int64_t i = 0; i < 6; ++i)
      if (i != axis)
        others.push_back(i);
    Num number(n,
               n.cast(n.unsqueeze(n.iota(n.ints({count})), others), element));
    Num first = start + floor(number * bin),
        last = start + ceil((number + 1.0) * bin);
    others = {0, 1, 2, 3, axis == 3 ? 4 : 5};
    Num place(n,
              n.cast(n.unsqueeze(n.iota(n.extent(x, axis)), others), element));
    inside = conjunction(n, inside, (place >= first) & (place < last));
  }
  Value batch = n.cast(n.reshape(column(0), {-1}), n.b.getI64Type());
  Value pictures =
      n.unsqueeze(n.create<graph::GatherOp>(x, batch, int64_t(0)), {2, 3});
  Num top(n, n.reduce(graph::ReduceKind::max,
                      n.create<graph::SelectOp>(inside, pictures,
                                                n.scalarLike(-HUGE_VAL, x)),
                      {4, 5}, false));
  return n.result(select(top == -HUGE_VAL, 0.0, top));
}

//===- DeformConv ---------------------------------------------------------===//

namespace {
/// The attributes of a convolution of two spatial dimensions.
struct Window {
  Ints strides, pads, dilations;
};
} // namespace

static std::optional<Window> readWindow(NodeImport &n) {
  Window w{n.integers("strides"), n.integers("pads"), n.integers("dilations")};
  for (Ints *list : {&w.strides, &w.dilations})
    if (list->empty())
      list->assign(2, 1);
  if (w.pads.empty())
    w.pads.assign(4, 0);
  if (w.strides.size() != 2 || w.dilations.size() != 2 || w.pads.size() != 4) {
    n.error() << "has " << w.strides.size() << " strides, "
              << w.dilations.size() << " dilations and " << w.pads.size()
              << " pads where 2, 2 and 4 are needed";
    return {};
  }
  return w;
}

/// Samples of the picture for each window position: taps of one axis, of rank
/// 7: batch, offset group, channel, window y, window x, output y, output x.
static AxisTaps deformedTaps(NodeImport &n, Value x, Value offsets, Window &w,
                             int64_t i) {
  Type element = NodeImport::typeOf(x).getElementType();
  Value moved = n.unsqueeze(n.squeeze(n.slice(offsets, 4, i, i + 1), {4}), {2});
  Num window(n, n.cast(axisPositions(n, moved, 3 + i, 7), element)),
      output(n, n.cast(axisPositions(n, moved, 5 + i, 7), element));
  Num at = output * double(w.strides[i]) + window * double(w.dilations[i]) -
           double(w.pads[i]) + Num(n, moved);
  Num extent = extentAs(n, x, 3 + i, element);
  GridAxis axis{extent, extent, extent, "zeros"};
  return axis.taps("linear", at);
}

static LogicalResult deformConv(NodeImport &n) {
  if (n.rank(0) != 4 || n.rank(1) != 4 || n.rank(2) != 4)
    return n.error() << "inputs have ranks " << n.rank(0) << ", " << n.rank(1)
                     << " and " << n.rank(2)
                     << "; two spatial dimensions are supported";
  auto w = readWindow(n);
  Ints stated = n.integers("kernel_shape");
  if (!w || (stated.size() == 2 &&
             failed(n.fix(1, {ShapedType::kDynamic, ShapedType::kDynamic,
                              stated[0], stated[1]}))))
    return failure();
  Value x = n.input(0), weight = n.input(1), offset = n.input(2);
  int64_t groups = n.integer("group", 1), parts = n.integer("offset_group", 1);
  int64_t channels = n.type(0).getDimSize(1);
  if (groups < 1 || parts < 1 ||
      (!ShapedType::isDynamic(channels) &&
       (channels % groups || channels % parts)))
    return n.error() << channels << " channels are no multiple of " << groups
                     << " groups and " << parts << " offset groups";
  Value rows = n.extent(offset, 2), columns = n.extent(offset, 3);
  auto reshaped = [&](Value value, ArrayRef<Value> shape) {
    return n.create<graph::ReshapeOp>(value, n.concat(shape, 0), true);
  };
  Value batch = n.extent(x, 0), window = n.slice(n.shape(weight), 0, 2, 4);
  Value offsets = reshaped(
      offset, {batch, n.ints({parts}), window, n.ints({2}), rows, columns});
  // [batch, parts, window, 2, …]: the 2 stands behind both window axes.
  Value perPart = n.create<graph::DivOp>(n.extent(x, 1), n.ints({parts}));
  Value split = reshaped(
      x, {batch, n.ints({parts}), perPart, n.extent(x, 2), n.extent(x, 3)});
  Value lead[] = {axisPositions(n, split, 0, 7), axisPositions(n, split, 1, 7),
                  axisPositions(n, split, 2, 7)};
  if (!offsets)
    return failure();
  Value taken = sample(n, split, lead,
                       {deformedTaps(n, split, offsets, *w, 0),
                        deformedTaps(n, split, offsets, *w, 1)});
  if (n.has(4)) {
    Value mask =
        reshaped(n.input(4), {batch, n.ints({parts}), window, rows, columns});
    taken = n.create<graph::MulOp>(taken, n.unsqueeze(mask, {2}));
  }
  // A product for each group: [K / groups, terms] · [terms, positions].
  Value terms = n.reduce(graph::ReduceKind::prod,
                         n.slice(n.shape(weight), 0, 1, 4), {0}, true);
  Value count = n.create<graph::MulOp>(rows, columns);
  Value right = reshaped(taken, {batch, n.ints({groups}), terms, count});
  Value each = n.create<graph::DivOp>(n.extent(weight, 0), n.ints({groups}));
  Value left = reshaped(weight, {n.ints({1, groups}), each, terms});
  Value y = reshaped(n.create<graph::MatMulOp>(left, right, false, false),
                     {batch, n.extent(weight, 0), rows, columns});
  if (n.has(3))
    y = n.create<graph::AddOp>(y, n.unsqueeze(n.input(3), {1, 2}));
  return n.result(y);
}

//===- Col2Im -------------------------------------------------------------===//

/// Adds the columns of blocks to where the blocks were in the picture.
static LogicalResult col2Im(NodeImport &n) {
  Ints strides = n.integers("strides"), pads = n.integers("pads"),
       dilations = n.integers("dilations");
  auto listed = [](const Ints &list, size_t perAxis) {
    return list.empty() ? std::nullopt
                        : std::optional<int64_t>(list.size() / perAxis);
  };
  if (n.rank(0) != 3 || n.rank(1) != 1 || n.rank(2) != 1)
    return n.error() << "inputs have ranks " << n.rank(0) << ", " << n.rank(1)
                     << " and " << n.rank(2) << " where 3, 1 and 1 are needed";
  auto axes = spatialAxes(n, {n.type(1).getDimSize(0), n.type(2).getDimSize(0),
                              listed(strides, 1), listed(dilations, 1),
                              listed(pads, 2), less(n.outputRank(0), 2)});
  if (!axes || failed(n.fix(1, {*axes})) || failed(n.fix(2, {*axes})))
    return failure();
  int64_t spatial = *axes;
  Value x = n.input(0), image = n.cast(n.input(1), n.b.getI64Type()),
        block = n.cast(n.input(2), n.b.getI64Type());
  for (Ints *list : {&strides, &dilations})
    if (list->empty())
      list->assign(spatial, 1);
  if (pads.empty())
    pads.assign(2 * spatial, 0);
  if (spatial < 1 || int64_t(strides.size()) != spatial ||
      int64_t(dilations.size()) != spatial ||
      int64_t(pads.size()) != 2 * spatial ||
      llvm::any_of(strides, [](int64_t s) { return s < 1; }))
    return n.error() << "has " << strides.size() << " strides, "
                     << dilations.size() << " dilations and " << pads.size()
                     << " pads for " << spatial << " spatial dimensions";
  Value batch = n.extent(x, 0), elements = n.ints({1});
  SmallVector<Value> extents, shape, padded, places, counts;
  for (int64_t i = 0; i < spatial; ++i) {
    extents.push_back(n.slice(block, 0, i, i + 1));
    elements = n.create<graph::MulOp>(elements, extents.back());
  }
  Value channels = n.create<graph::DivOp>(n.extent(x, 1), elements);
  shape = {batch, channels};
  llvm::append_range(shape, extents);
  for (int64_t i = 0; i < spatial; ++i) {
    Num extent = Num(n, n.slice(image, 0, i, i + 1)) +
                 double(pads[i] + pads[spatial + i]);
    padded.push_back(extent);
    Num reach = (Num(n, extents[i]) - 1.0) * double(dilations[i]) + 1.0;
    counts.push_back((extent - reach) / double(strides[i]) + 1.0);
  }
  llvm::append_range(shape, counts);
  Value blocks = n.create<graph::ReshapeOp>(x, n.concat(shape, 0), true);
  // Positions lead, so that one row has all batches and channels of a place.
  Ints order = llvm::to_vector(llvm::seq<int64_t>(2, 2 + 2 * spatial));
  order.append({0, 1});
  Value updates = n.transpose(blocks, order);
  if (!updates)
    return failure();
  for (int64_t i = 0; i < spatial; ++i) {
    Num inBlock(n, axisPositions(n, updates, i, 2 * spatial)),
        ofBlock(n, axisPositions(n, updates, spatial + i, 2 * spatial));
    places.push_back(ofBlock * double(strides[i]) +
                     inBlock * double(dilations[i]));
  }
  Value zeros = n.create<graph::ExpandOp>(
      n.scalarLike(0, x), n.concat({n.concat(padded, 0), batch, channels}, 0));
  Value sum = scatterAt(n, graph::ScatterKind::add, zeros, places, updates);
  Ints back = {spatial, spatial + 1};
  for (int64_t i = 0; i < spatial; ++i)
    back.push_back(i);
  Value y = n.transpose(sum, back);
  for (int64_t i = 0; i < spatial; ++i)
    y = n.create<graph::SliceOp>(y, n.ints({pads[i]}),
                                 Num(n, n.slice(image, 0, i, i + 1)) +
                                     double(pads[i]),
                                 n.ints({1}), ArrayRef<int64_t>{i + 2});
  return n.result(y);
}

void addSamplingRows(Table &table) {
  constexpr auto floats = Row::kFloats;
  table.add({
      {"AffineGrid", 20, affineGrid, floats},
      {"Col2Im", 18, col2Im, floats},
      {"DeformConv", 22, deformConv, floats},
      {"GridSample", 22, gridSample, floats},
      {"MaxRoiPool", 22, maxRoiPool, floats},
      {"RoiAlign", 22, roiAlign, floats},
  });
}

} // namespace weft::onnx
