// Operators that sort, and those whose result has as many elements as the data
// says.
#include "Places.h"
#include <cmath>

using namespace mlir;

namespace weft::onnx {

using graph::Comparison;

//===- Order --------------------------------------------------------------===//

/// The elements of `x` at `positions` along `axis`.
static Value pickAlong(NodeImport &n, Value x, Value positions, int64_t axis) {
  int64_t rank = NodeImport::typeOf(x).getRank();
  SmallVector<Value> places;
  for (int64_t i = 0; i < rank; ++i)
    places.push_back(i == axis ? positions
                               : axisPositions(n, positions, i, rank));
  return gatherAt(n, x, places);
}

static LogicalResult topK(NodeImport &n) {
  if (n.rank(0) < 1)
    return n.error() << "input has rank 0; 1 at least is needed";
  auto axis = n.axis(n.integer("axis", -1), n.rank(0));
  if (!axis)
    return failure();
  Value k = n.reshape(n.cast(n.input(1), n.b.getI64Type()), {1});
  Value positions = n.create<graph::TopKOp>(n.input(0), k, *axis,
                                            n.integer("largest", 1) != 0);
  return n.results({pickAlong(n, n.input(0), positions, *axis), positions});
}

/// Rows [0, len) of each batch's sequence backwards, the others as they are.
static LogicalResult reverseSequence(NodeImport &n) {
  int64_t time = n.integer("time_axis", 0), batch = n.integer("batch_axis", 1);
  if (n.rank(0) < 2 || time < 0 || batch < 0 || time > 1 || batch > 1 ||
      time == batch)
    return n.error() << "time_axis is " << time << " and batch_axis " << batch
                     << " for rank " << n.rank(0)
                     << "; 0 and 1 in one order or the other are needed";
  Value x = n.input(0);
  Value lengths = n.unsqueeze(n.cast(n.input(1), n.b.getI64Type()), {time});
  Value step = axisPositions(n, x, time, 2);
  Value mirrored = n.create<graph::SubOp>(
      n.create<graph::SubOp>(lengths, n.intScalar(1)), step);
  Value from = n.create<graph::SelectOp>(
      n.compare(Comparison::less, step, lengths), mirrored, step);
  SmallVector<Value> places(2);
  places[time] = from;
  places[batch] = axisPositions(n, x, batch, 2);
  return n.result(gatherAt(n, x, places));
}

//===- As many as there are -----------------------------------------------===//

/// Coordinates of element numbers in a tensor shaped like `x`.
static SmallVector<Value> coordinates(NodeImport &n, Value numbers, Value x) {
  int64_t rank = NodeImport::typeOf(x).getRank();
  SmallVector<Value> result(rank);
  for (int64_t i = rank; i-- > 0;) {
    Value extent = n.reshape(n.extent(x, i), {});
    result[i] = n.create<graph::RemOp>(numbers, extent);
    numbers = n.create<graph::DivOp>(numbers, extent);
  }
  return result;
}

static Value flattened(NodeImport &n, Value x) {
  int64_t rank = NodeImport::typeOf(x).getRank();
  return n.create<graph::ReshapeOp>(
      x, n.reshape(extentProduct(n, x, 0, rank), {1}), /*allow_zero=*/true);
}

static LogicalResult nonZero(NodeImport &n) {
  Value x = n.input(0);
  if (n.rank(0) == 0)
    x = n.unsqueeze(x, {0});
  Value flags = n.type(0).getElementType().isInteger(1)
                    ? x
                    : n.compare(Comparison::notEqual, x, n.scalarLike(0, x));
  Value numbers = truePositions(n, flattened(n, flags));
  SmallVector<Value> rows;
  for (Value row : coordinates(n, numbers, x))
    rows.push_back(n.unsqueeze(row, {0}));
  return n.result(n.concat(rows, 0));
}

static LogicalResult compress(NodeImport &n) {
  Value x = n.input(0);
  Value positions = truePositions(n, n.input(1));
  if (!n.hasAttribute("axis"))
    return n.result(
        n.create<graph::GatherOp>(flattened(n, x), positions, int64_t(0)));
  auto axis = n.axis(n.integer("axis", 0), n.rank(0));
  return axis ? n.result(n.create<graph::GatherOp>(x, positions, *axis))
              : failure();
}

//===- Unique -------------------------------------------------------------===//

/// `x` == `y`, where NaN is NaN.
static Value same(NodeImport &n, Value x, Value y) {
  Value equal = n.compare(Comparison::equal, x, y);
  if (!equal || !isa<FloatType>(NodeImport::typeOf(x).getElementType()))
    return equal;
  Value bothNan = n.create<graph::AndOp>(n.create<graph::IsNanOp>(x),
                                         n.create<graph::IsNanOp>(y));
  return n.create<graph::OrOp>(equal, bothNan);
}

/// The stable ascending order of the rows of a matrix: the rank of each is the
/// number of rows before it.
static Value rowOrder(NodeImport &n, Value rows) {
  Value a = n.unsqueeze(rows, {1}), b = n.unsqueeze(rows, {0});
  Type i32 = n.b.getI32Type();
  Value differs = n.cast(n.create<graph::NotOp>(same(n, a, b)), i32);
  // The first column in which they differ decides.
  Value column = n.create<graph::ArgReduceOp>(graph::ReduceKind::max, differs,
                                              int64_t(2), /*keep_dims=*/false,
                                              /*select_last=*/false);
  Value i = axisPositions(n, rows, 0, 2),
        j = n.unsqueeze(n.iota(n.extent(rows, 0)), {0});
  Value x = gatherAt(n, rows, {i, column}), y = gatherAt(n, rows, {j, column});
  Value less = n.compare(Comparison::less, y, x);
  Value earlier =
      n.create<graph::AndOp>(same(n, x, y), n.compare(Comparison::less, j, i));
  Value before = n.cast(n.create<graph::OrOp>(less, earlier), n.b.getI64Type());
  Value rank = n.reduce(graph::ReduceKind::sum, before, {1}, false);
  return scatterAt(n, graph::ScatterKind::set,
                   n.create<graph::MulOp>(rank, n.intScalar(0)), {rank},
                   n.iota(n.extent(rows, 0)));
}

namespace {
/// What Unique finds about the entries of a list (rows of a matrix).
struct Groups {
  Value first;   ///< where each kind stands for the first time
  Value inverse; ///< the kind of each entry
  Value counts;  ///< entries of each kind
};
} // namespace

static Groups group(NodeImport &n, Value rows, bool isList) {
  Value count = n.extent(rows, 0);
  Value order = isList ? n.create<graph::TopKOp>(n.squeeze(rows, {1}), count,
                                                 int64_t(0), /*largest=*/false)
                       : rowOrder(n, rows);
  Value sorted = n.create<graph::GatherOp>(rows, order, int64_t(0));
  Value numbers = n.iota(count), one = n.intScalar(1);
  Value previous = n.create<graph::MaxOp>(n.create<graph::SubOp>(numbers, one),
                                          n.intScalar(0));
  Value equal = n.reduce(
      graph::ReduceKind::min,
      same(n, sorted, n.create<graph::GatherOp>(sorted, previous, int64_t(0))),
      {1}, false);
  Value starts = n.create<graph::OrOp>(
      n.create<graph::NotOp>(equal),
      n.compare(Comparison::equal, numbers, n.intScalar(0)));
  Value heads = truePositions(n, starts);
  Value kinds = n.create<graph::SubOp>(
      n.create<graph::CumSumOp>(n.cast(starts, n.b.getI64Type()), int64_t(0),
                                false, false),
      one);
  Groups result;
  result.first = n.create<graph::GatherOp>(order, heads, int64_t(0));
  result.inverse = scatterAt(n, graph::ScatterKind::set, kinds, {order}, kinds);
  Value ends = n.concat({n.slice(heads, 0, 1, INT64_MAX), count}, 0);
  // Of no entries there is one end and no start.
  ends = n.create<graph::SliceOp>(ends, n.ints({0}), n.extent(heads, 0),
                                  n.ints({1}), ArrayRef<int64_t>{0});
  result.counts = n.create<graph::SubOp>(ends, heads);
  return result;
}

/// The kinds in the order in which they stand in the input.
static void byAppearance(NodeImport &n, Groups &groups) {
  Value count = n.extent(groups.first, 0);
  Value order = n.create<graph::TopKOp>(groups.first, count, int64_t(0),
                                        /*largest=*/false);
  Value place =
      scatterAt(n, graph::ScatterKind::set, order, {order}, n.iota(count));
  groups.first = n.create<graph::GatherOp>(groups.first, order, int64_t(0));
  groups.counts = n.create<graph::GatherOp>(groups.counts, order, int64_t(0));
  groups.inverse = n.create<graph::GatherOp>(place, groups.inverse, int64_t(0));
}

static LogicalResult unique(NodeImport &n) {
  Value x = n.input(0);
  bool isList = !n.hasAttribute("axis");
  std::optional<int64_t> axis = 0;
  if (!isList && !(axis = n.axis(n.integer("axis", 0), n.rank(0))))
    return failure();
  if (isList)
    x = flattened(n, x);
  Value rows = x;
  if (*axis != 0) {
    Ints order = llvm::to_vector(llvm::seq<int64_t>(0, n.rank(0)));
    order.erase(order.begin() + *axis);
    order.insert(order.begin(), *axis);
    rows = n.transpose(x, order);
  }
  rows = asMatrix(n, rows, 1);
  Groups groups = group(n, rows, isList);
  if (!groups.counts)
    return failure();
  if (!n.integer("sorted", 1))
    byAppearance(n, groups);
  Value y = n.create<graph::GatherOp>(x, groups.first, *axis);
  return n.results({y, groups.first, groups.inverse, groups.counts});
}

//===- Suppression --------------------------------------------------------===//

/// Boxes as y1, x1, y2, x2 with the smaller of each first.
static Value corners(NodeImport &n, Value boxes) {
  auto column = [&](int64_t i) { return n.slice(boxes, 2, i, i + 1); };
  Value a, b; // two opposite corners
  if (n.integer("center_point_box", 0)) {
    Value center = n.concat({column(1), column(0)}, 2);
    Value half = n.create<graph::MulOp>(n.concat({column(3), column(2)}, 2),
                                        n.scalarLike(0.5, boxes));
    a = n.create<graph::SubOp>(center, half);
    b = n.create<graph::AddOp>(center, half);
  } else {
    a = n.slice(boxes, 2, 0, 2);
    b = n.slice(boxes, 2, 2, 4);
  }
  return n.concat({n.create<graph::MinOp>(a, b), n.create<graph::MaxOp>(a, b)},
                  2);
}

static LogicalResult nonMaxSuppression(NodeImport &n) {
  if (n.rank(0) != 3 || n.rank(1) != 3)
    return n.error() << "boxes and scores have ranks " << n.rank(0) << " and "
                     << n.rank(1) << " where 3 is needed";
  Value scores = n.input(1);
  auto scalarInput = [&](unsigned i, Value otherwise) {
    return n.has(i) ? n.reshape(n.input(i), {}) : otherwise;
  };
  // NaN is no score.
  scores = n.create<graph::SelectOp>(n.create<graph::IsNanOp>(scores),
                                     n.scalarLike(-HUGE_VAL, scores), scores);
  Value count = n.extent(n.input(1), 2);
  Value order = n.create<graph::TopKOp>(scores, count, int64_t(2),
                                        /*largest=*/true);
  Value passes =
      n.has(4) ? n.compare(Comparison::greater, scores, scalarInput(4, nullptr))
               : n.compare(Comparison::equal, scores, scores);
  Value candidates =
      n.reduce(graph::ReduceKind::sum, n.cast(passes, n.b.getI64Type()), {2},
               /*keepDims=*/false);
  Value kept = n.create<graph::NonMaxSuppressionOp>(
      corners(n, n.input(0)), order, candidates, scalarInput(2, n.intScalar(0)),
      scalarInput(3, n.scalar(0, n.b.getF32Type())));
  Value numbers = truePositions(n, flattened(n, kept));
  SmallVector<Value> columns = coordinates(n, numbers, order);
  if (!columns[0])
    return failure();
  columns[2] =
      n.create<graph::GatherOp>(flattened(n, order), numbers, int64_t(0));
  for (Value &column : columns)
    column = n.unsqueeze(column, {1});
  return n.result(n.concat(columns, 1));
}

void addSelectionRows(Table &table) {
  constexpr auto all = Row::kAll, any = Row::kAny;
  table.add({
      {"Compress", 11, compress, any},
      {"NonMaxSuppression", 11, nonMaxSuppression, Row::kFloats},
      {"NonZero", 13, nonZero, all},
      {"ReverseSequence", 10, reverseSequence, any},
      {"TopK", 24, topK},
      {"Unique", 11, unique},
  });
}

} // namespace weft::onnx
