#include "Places.h"

using namespace mlir;

namespace weft::onnx {

Value fromStart(NodeImport &n, Value indices, Value extent) {
  return n.create<graph::SelectOp>(
      n.compare(graph::Comparison::less, indices, n.intScalar(0)),
      n.create<graph::AddOp>(indices, extent), indices);
}

Value extentProduct(NodeImport &n, Value x, int64_t begin, int64_t end) {
  if (begin == end)
    return n.intScalar(1);
  return n.reduce(graph::ReduceKind::prod, n.slice(n.shape(x), 0, begin, end),
                  {0}, /*keepDims=*/false);
}

Value linearIndex(NodeImport &n, Value x, ArrayRef<Value> places) {
  Value linear, valid;
  for (auto [i, given] : llvm::enumerate(places)) {
    Value extent = n.reshape(n.extent(x, i), {});
    Value place = fromStart(n, given, extent);
    Value inside = n.create<graph::AndOp>(
        n.compare(graph::Comparison::greaterOrEqual, place, n.intScalar(0)),
        n.compare(graph::Comparison::less, place, extent));
    valid = valid ? n.create<graph::AndOp>(valid, inside) : inside;
    linear = linear ? n.create<graph::AddOp>(
                          n.create<graph::MulOp>(linear, extent), place)
                    : place;
  }
  return n.create<graph::SelectOp>(valid, linear, n.intScalar(INT64_MIN));
}

Value asMatrix(NodeImport &n, Value x, int64_t axes) {
  if (!x)
    return nullptr;
  int64_t rank = NodeImport::typeOf(x).getRank();
  // Both extents are stated, so that none is left over where one is 0.
  Value rows = n.reshape(extentProduct(n, x, 0, axes), {1}),
        columns = n.reshape(extentProduct(n, x, axes, rank), {1});
  return n.create<graph::ReshapeOp>(x, n.concat({rows, columns}, 0),
                                    /*allow_zero=*/true);
}

Value gatherAt(NodeImport &n, Value x, ArrayRef<Value> places) {
  Value linear = linearIndex(n, x, places);
  int64_t rank = NodeImport::typeOf(x).getRank(), count = places.size();
  Value rows = n.reshape(extentProduct(n, x, 0, count), {1});
  Value shape = count == rank
                    ? rows
                    : n.concat({rows, n.slice(n.shape(x), 0, count, rank)}, 0);
  Value flat = n.create<graph::ReshapeOp>(x, shape, /*allow_zero=*/true);
  return n.create<graph::GatherOp>(flat, linear, 0);
}

Value scatterAt(NodeImport &n, graph::ScatterKind kind, Value x,
                ArrayRef<Value> places, Value updates) {
  Value linear = linearIndex(n, x, places);
  if (!linear || !updates)
    return nullptr;
  int64_t rank = NodeImport::typeOf(linear).getRank();
  Value all = n.reshape(extentProduct(n, linear, 0, rank), {1});
  Value rows = n.create<graph::ReshapeOp>(linear, all, /*allow_zero=*/true);
  Value result = n.create<graph::ScatterOp>(kind, asMatrix(n, x, places.size()),
                                            rows, asMatrix(n, updates, rank));
  return n.create<graph::ReshapeOp>(result, n.shape(x), /*allow_zero=*/true);
}

Value truePositions(NodeImport &n, Value flags) {
  Value ones = n.cast(flags, n.b.getI64Type());
  Value before = n.create<graph::CumSumOp>(ones, int64_t(0),
                                           /*exclusive=*/true,
                                           /*reverse=*/false);
  Value count = n.reduce(graph::ReduceKind::sum, ones, {0}, /*keepDims=*/true);
  // Those that are false go to a place behind the result.
  Value slots = n.create<graph::SelectOp>(flags, before, count);
  Value one = n.ints({1});
  Value room = n.concat({n.create<graph::AddOp>(count, one), one}, 0);
  Value data = n.create<graph::ExpandOp>(
      n.splat(0, RankedTensorType::get({1, 1}, n.b.getI64Type())), room);
  Value numbers = n.unsqueeze(n.iota(n.extent(flags, 0)), {1});
  Value all =
      n.create<graph::ScatterOp>(graph::ScatterKind::set, data, slots, numbers);
  Value taken = n.create<graph::SliceOp>(all, n.ints({0}), count, one,
                                         ArrayRef<int64_t>{0});
  return n.squeeze(taken, {1});
}

Value axisPositions(NodeImport &n, Value like, int64_t axis, int64_t rank) {
  Value positions = n.iota(n.extent(like, axis));
  Ints others;
  for (int64_t i = 0; i < rank; ++i)
    if (i != axis)
      others.push_back(i);
  return n.unsqueeze(positions, others);
}

} // namespace weft::onnx
