// TfIdfVectorizer: how often each n-gram of a list stands in each row. Every
// window of the row is compared with every n-gram of the window's length.
#include "../Strings.h"
#include "Equation.h"
#include "PostTransform.h"

using namespace mlir;

namespace weft::onnx {

namespace {
/// The n-grams of one length.
struct Pool {
  int64_t length;
  Ints items;   ///< `length` for each n-gram
  Ints columns; ///< of the result
};
} // namespace

static FailureOr<SmallVector<Pool>> readPools(NodeImport &n) {
  Ints starts = n.integers("ngram_counts"), items = n.integers("pool_int64s"),
       columns = n.integers("ngram_indexes");
  int64_t least = n.integer("min_gram_length", 1),
          most = n.integer("max_gram_length", 1);
  // Strings are counted by their numbers.
  for (StringRef text : n.texts("pool_strings"))
    items.push_back(n.importer.numberOf(text));
  SmallVector<Pool> pools;
  size_t next = 0;
  for (size_t i = 0; i < starts.size(); ++i) {
    int64_t begin = starts[i], length = int64_t(i) + 1,
            end = i + 1 < starts.size() ? starts[i + 1] : int64_t(items.size());
    if (begin < 0 || end < begin || end > int64_t(items.size()) ||
        (end - begin) % length)
      return n.error() << "ngram_counts gives " << begin << " to " << end
                       << " of " << items.size() << " items to n-grams of "
                       << length;
    size_t count = (end - begin) / length;
    if (next + count > columns.size())
      return n.error() << "has " << columns.size()
                       << " ngram_indexes for more n-grams";
    if (count > 0 && length >= least && length <= most) {
      ArrayRef<int64_t> all(items), places(columns);
      pools.push_back({length, Ints(all.slice(begin, end - begin)),
                       Ints(places.slice(next, count))});
    }
    next += count;
  }
  return pools;
}

/// How often the n-grams stand in the rows of `x` [B, N] with `step` from one
/// item to the next: [B, n-grams].
static Value countGrams(NodeImport &n, Value x, const Pool &pool,
                        int64_t step) {
  int64_t reach = (pool.length - 1) * step, count = pool.columns.size();
  Num windows = max(Num(n, n.extent(x, 1)) - double(reach), 0.0);
  Num start(n, n.unsqueeze(n.iota(windows), {1}));
  Num places = start + Num(n, n.iota(n.ints({pool.length}))) * double(step);
  Value taken = n.create<graph::GatherOp>(x, places, int64_t(1));
  Value grams = n.reshape(n.ints(pool.items), {count, pool.length});
  Value same =
      n.compare(graph::Comparison::equal, n.unsqueeze(taken, {2}), grams);
  Value hits = n.cast(n.reduce(graph::ReduceKind::min, same, {3}, false),
                      n.b.getF32Type());
  return n.reduce(graph::ReduceKind::sum, hits, {1}, false);
}

static LogicalResult tfIdfVectorizer(NodeImport &n) {
  auto pools = readPools(n);
  int64_t rank = n.rank(0), skips = n.integer("max_skip_count", 0), width = 0;
  for (int64_t column : n.integers("ngram_indexes"))
    width = std::max(width, column + 1);
  SmallVector<float> weights = n.reals("weights");
  StringRef mode = n.text("mode", "TF");
  if (failed(pools))
    return failure();
  if (rank < 1 || rank > 2 || skips < 0 ||
      (!weights.empty() && int64_t(weights.size()) != width) ||
      llvm::any_of(
          n.integers("ngram_indexes"),
          [](int64_t column) { return column < 0; }))
    return n.error() << "input has rank " << rank << ", max_skip_count is "
                     << skips << " and there are " << weights.size()
                     << " weights for " << width << " columns";
  bool isText = holdsStrings(n.input(0).getType());
  if (isText != n.hasAttribute("pool_strings"))
    return n.error() << "has no n-grams of " << n.type(0).getElementType();
  Value x =
      isText ? toNumbers(n, n.input(0)) : n.cast(n.input(0), n.b.getI64Type());
  if (rank == 1)
    x = n.unsqueeze(x, {0});
  Value sum = n.create<graph::ExpandOp>(
      n.splat(0, RankedTensorType::get({1, 1}, n.b.getF32Type())),
      n.concat({n.extent(x, 0), n.ints({width})}, 0));
  for (const Pool &pool : *pools) {
    // To which column each n-gram counts.
    std::vector<float> to(pool.columns.size() * width, 0);
    for (auto [i, column] : llvm::enumerate(pool.columns))
      to[i * width + column] = 1;
    Value target = floats(n, to, {int64_t(pool.columns.size()), width});
    // Single items have nothing between them to skip.
    for (int64_t skip = 0; skip <= (pool.length == 1 ? 0 : skips); ++skip)
      sum = n.create<graph::AddOp>(
          sum, n.create<graph::MatMulOp>(countGrams(n, x, pool, skip + 1),
                                         target, false, false));
  }
  Num y(n, sum);
  if (mode == "IDF")
    y = (y > 0.0).as(n.b.getF32Type());
  else if (mode != "TF" && mode != "TFIDF")
    return n.error() << "mode is '" << mode << "'; TF, IDF or TFIDF is needed";
  if (mode != "TF" && !weights.empty())
    y = y * Num(n, floats(n, weights));
  return n.result(rank == 1 ? n.squeeze(y, {0}) : Value(y));
}

void addNgramRows(Table &table) {
  table.add({
      {"TfIdfVectorizer", 9, tfIdfVectorizer, "int, string"},
  });
}

} // namespace weft::onnx
