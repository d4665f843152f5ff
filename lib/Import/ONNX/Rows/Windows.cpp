#include "Windows.h"

using namespace mlir;

namespace weft::onnx {

bool inRange(NodeImport &n, StringRef what, ArrayRef<int64_t> values,
             size_t count, int64_t least) {
  constexpr int64_t kMost = int64_t(1) << 31;
  if (values.size() != count) {
    n.error() << what << " has " << values.size() << " entries where " << count
              << " are needed";
    return false;
  }
  for (int64_t value : values)
    if (!ShapedType::isDynamic(value) && (value < least || value > kMost)) {
      n.error() << what << " is " << value << "; it must be between " << least
                << " and " << kMost;
      return false;
    }
  return true;
}

std::optional<Window> readWindow(NodeImport &n, ArrayRef<int64_t> extents) {
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

Num reachOf(NodeImport &n, const Window &w, size_t i, Value weight) {
  if (!ShapedType::isDynamic(w.extents[i]))
    return {n, n.ints({w.dilations[i] * (w.extents[i] - 1) + 1})};
  return (Num(n, n.extent(weight, 2 + int64_t(i))) - 1.0) *
             double(w.dilations[i]) +
         1.0;
}

/// SAME pads so that the output has ceil(extent / stride) elements, which takes
/// the extent unless the stride is 1.
static void padToSame(NodeImport &n, Window &w, Value weight, bool upper) {
  size_t count = w.extents.size();
  SmallVector<Value> amounts(2 * count);
  for (size_t i = 0; i < count; ++i) {
    auto stride = double(w.strides[i]);
    // The last window begins this many elements before the end.
    Num last(n, n.ints({1}));
    if (w.strides[i] != 1)
      last =
          (Num(n, n.extent(n.input(0), 2 + int64_t(i))) - 1.0) % stride + 1.0;
    Num total = max(reachOf(n, w, i, weight) - last, 0.0);
    Num smaller = total / 2.0;
    amounts[i] = upper ? smaller : total - smaller;
    amounts[i + count] = total - Num(n, amounts[i]);
  }
  Value all = n.concat(amounts, 0);
  w.pads.assign(2 * count, 0);
  if (auto known = NodeImport::known(all))
    w.pads = *known;
  else
    w.amounts = all;
}

std::optional<Window> window(NodeImport &n, ArrayRef<int64_t> extents,
                             Value weight) {
  auto w = readWindow(n, extents);
  StringRef mode = n.text("auto_pad", "NOTSET");
  if (!w || mode == "NOTSET")
    return w;
  if (mode == "VALID") {
    w->pads.assign(w->pads.size(), 0);
  } else if (mode == "SAME_UPPER" || mode == "SAME_LOWER") {
    padToSame(n, *w, weight, mode == "SAME_UPPER");
  } else {
    n.error() << "auto_pad is '" << mode
              << "', not NOTSET, VALID, SAME_UPPER or SAME_LOWER";
    return {};
  }
  return w;
}

Value padded(NodeImport &n, Value x, const Window &w, Value fill) {
  if (!w.amounts)
    return x;
  Ints axes = llvm::to_vector(llvm::seq<int64_t>(2, 2 + w.extents.size()));
  return n.create<graph::PadOp>(x, w.amounts, fill, axes,
                                graph::PadMode::constant);
}

} // namespace weft::onnx
