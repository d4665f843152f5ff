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

/// How often each word stands in the rows of `x` [B, N], strings: [B, words].
static Value countWords(NodeImport &n, Value x, ArrayRef<int64_t> words) {
  int64_t count = words.size();
  Type f32 = n.b.getF32Type();
  Num place(n, placeAmong(n, x, words));
  // A column behind all others counts what is none of them.
  place = select(place < 0.0, place.of(double(count)), place);
  Num rows(n, n.extent(x, 0)), first(n, n.unsqueeze(n.iota(rows), {1}));
  Value at = n.reshape(first * double(count + 1) + place, {-1});
  auto filled = [&](double value, Value extent) {
    return n.create<graph::ExpandOp>(n.scalar(value, f32),
                                     n.concat({extent, n.ints({1})}, 0));
  };
  Value sums = n.create<graph::ScatterOp>(graph::ScatterKind::add,
                                          filled(0, rows * double(count + 1)),
                                          at, filled(1, n.shape(at)));
  Value all = n.create<graph::ReshapeOp>(
      sums, n.concat({rows, n.ints({count + 1})}, 0), /*allow_zero=*/true);
  return n.slice(all, 1, 0, count);
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

/// The same with up to `skips` items between those of an n-gram.
static Value countPool(NodeImport &n, Value x, const Pool &pool,
                       int64_t skips) {
  if (holdsStrings(x.getType()) && pool.length == 1)
    return countWords(n, x, pool.items);
  if (holdsStrings(x.getType()))
    x = toNumbers(n, x);
  Value sum = countGrams(n, x, pool, 1);
  // Single items have nothing between them to skip.
  for (int64_t skip = 1; skip <= (pool.length == 1 ? 0 : skips); ++skip)
    sum = n.create<graph::AddOp>(sum, countGrams(n, x, pool, skip + 1));
  return sum;
}

/// Counts [B, …] of n-grams, summed in the columns that they count to.
static Value inColumns(NodeImport &n, ArrayRef<Value> counts,
                       ArrayRef<int64_t> columns, int64_t width, Value x) {
  Type f32 = n.b.getF32Type();
  auto zeros = [&](int64_t columns) {
    return n.create<graph::ExpandOp>(
        n.scalar(0, f32), n.concat({n.extent(x, 0), n.ints({columns})}, 0));
  };
  if (counts.empty())
    return zeros(width);
  SmallVector<Value> parts(counts);
  parts.push_back(zeros(1));
  Value all = n.concat(parts, 1);
  // Columns seldom have more than one n-gram.
  SmallVector<int64_t> from(width, int64_t(columns.size()));
  bool isUnique = true;
  for (auto [i, column] : llvm::enumerate(columns)) {
    isUnique &= from[column] == int64_t(columns.size());
    from[column] = int64_t(i);
  }
  if (isUnique)
    return n.create<graph::GatherOp>(all, n.ints(from), int64_t(1));
  Value rows = n.transpose(n.slice(all, 1, 0, columns.size()), {1, 0});
  Value sums = n.create<graph::ScatterOp>(graph::ScatterKind::add,
                                          n.transpose(zeros(width), {1, 0}),
                                          n.ints(columns), rows);
  return n.transpose(sums, {1, 0});
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
  SmallVector<Value> counts;
  Ints columns;
  for (const Pool &pool : *pools) {
    llvm::append_range(columns, pool.columns);
    counts.push_back(countPool(n, x, pool, skips));
  }
  Value sum = inColumns(n, counts, columns, width, x);
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
