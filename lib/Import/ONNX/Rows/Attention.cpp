// Attention: ONNX's operator as products, a mask and a softmax. Keys and values
// that several heads share are not repeated.
#include "AttentionParts.h"

using namespace mlir;

namespace weft::onnx {

using namespace attention;

namespace {
/// The inputs of one node by ONNX's numbers.
enum Input { kQuery, kKey, kValue, kMask, kPastKey, kPastValue, kLengths };
} // namespace

/// The position of the first query among the keys: what is in the cache
/// before. Null for 0.
static Value queryOffset(NodeImport &n, Value query) {
  if (n.has(kPastKey))
    return n.reshape(n.extent(n.input(kPastKey), 2), {});
  if (!n.has(kLengths))
    return nullptr;
  Value lengths = n.unsqueeze(n.input(kLengths), {1, 2, 3});
  return n.create<graph::SubOp>(lengths, n.extent(query, 2));
}

/// Which keys may be seen by position, window and length; null where all are.
static FailureOr<Value> visibleKeys(NodeImport &n, Value query, Value key) {
  bool causal = n.integer("is_causal", 0) != 0;
  int64_t left = n.integer("left_window_size", -1),
          right = n.integer("right_window_size", -1);
  if (left < -1 || right < -1)
    return n.error() << "the window is " << left << " to the left and " << right
                     << " to the right; -1 (no bound) at least is needed";
  Value visible;
  if (causal || left >= 0 || right >= 0) {
    Positions at = positions(n, query, key, queryOffset(n, query));
    auto join = [&](graph::Comparison relation, Value bound) {
      visible = both(n, visible, n.compare(relation, at.key, bound));
    };
    if (causal)
      join(graph::Comparison::lessOrEqual, at.query);
    if (left >= 0)
      join(graph::Comparison::greaterOrEqual,
           n.create<graph::SubOp>(at.query, n.intScalar(left)));
    if (right >= 0)
      join(graph::Comparison::lessOrEqual,
           n.create<graph::AddOp>(at.query, n.intScalar(right)));
  }
  if (n.has(kLengths)) {
    Value lengths = n.unsqueeze(n.input(kLengths), {1, 2, 3});
    visible = both(
        n, visible,
        n.compare(graph::Comparison::less, n.iota(n.extent(key, 2)), lengths));
  }
  return visible;
}

/// Queries, keys and values with a dimension for heads, and behind what the
/// cache has.
static LogicalResult readInputs(NodeImport &n, Spec &spec) {
  int64_t rank = n.rank(kQuery);
  if (rank != n.rank(kKey) || rank != n.rank(kValue) || rank < 3 || rank > 4)
    return n.error() << "queries, keys and values have ranks " << rank << ", "
                     << n.rank(kKey) << " and " << n.rank(kValue)
                     << "; all must have 3 or 4";
  if (n.has(kPastKey) != n.has(kPastValue))
    return n.error() << "past keys and past values must be given together";
  if (n.has(kPastKey) && n.has(kLengths))
    return n.error()
           << "nonpad_kv_seqlen cannot be combined with past keys and values";
  spec.query = n.input(kQuery);
  spec.key = n.input(kKey);
  spec.value = n.input(kValue);
  if (rank == 3) {
    int64_t heads = n.integer("q_num_heads", 0),
            groups = n.integer("kv_num_heads", 0);
    if (heads < 1 || groups < 1)
      return n.error() << "inputs of rank 3 need q_num_heads and kv_num_heads, "
                          "which are "
                       << heads << " and " << groups;
    spec.query = splitHeads(n, spec.query, heads);
    spec.key = splitHeads(n, spec.key, groups);
    spec.value = splitHeads(n, spec.value, groups);
  }
  if (n.has(kPastKey)) {
    spec.key = n.concat({n.input(kPastKey), spec.key}, 2);
    spec.value = n.concat({n.input(kPastValue), spec.value}, 2);
  }
  return success(spec.query && spec.key && spec.value);
}

static LogicalResult importAttention(NodeImport &n) {
  Spec spec;
  if (failed(readInputs(n, spec)))
    return failure();
  auto visible = visibleKeys(n, spec.query, spec.key);
  if (failed(visible))
    return failure();
  spec.visible = *visible;
  if (n.has(kMask)) {
    bool isBool = n.type(kMask).getElementType().isInteger(1);
    Value mask = widen(n, n.input(kMask), spec.key, isBool ? 0.0 : -HUGE_VAL);
    if (!mask)
      return failure();
    (isBool ? spec.visible : spec.bias) =
        isBool ? both(n, spec.visible, mask) : mask;
  }
  if (n.hasAttribute("scale"))
    spec.scale = n.real("scale", 1);
  spec.softcap = n.real("softcap", 0);
  if (n.hasAttribute("softmax_precision")) {
    spec.precision =
        elementType(n.b.getContext(), int(n.integer("softmax_precision", 1)));
    if (!spec.precision || !isa<FloatType>(spec.precision))
      return n.error() << "softmax_precision is no float type";
  }
  int64_t mode = n.integer("qk_matmul_output_mode", 0);
  if (mode < 0 || mode > 3)
    return n.error() << "qk_matmul_output_mode is " << mode
                     << " where 0 to 3 is needed";
  Result result = attend(n, spec);
  Value output =
      n.rank(kQuery) == 3 ? joinHeads(n, result.output) : result.output;
  return n.results({output, spec.key, spec.value, result.steps[mode]});
}

void addAttentionRows(Table &table) {
  table.add({
      {"Attention", 23, importAttention, Row::kFloats},
  });
}

} // namespace weft::onnx
