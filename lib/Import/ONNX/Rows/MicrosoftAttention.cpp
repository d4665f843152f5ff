// The attention operators of the domain com.microsoft: MultiHeadAttention,
// Attention, QAttention, GroupQueryAttention and RotaryEmbedding.
#include "AttentionParts.h"
#include "Equation.h"
#include "Places.h"
#include "Shared.h"

using namespace mlir;

namespace weft::onnx {

using namespace attention;

/// What is added to scores that a mask hides.
static double hidden(NodeImport &n) {
  return n.real("mask_filter_value", -10000);
}

/// A padding mask as something to add: [batch, keys] of 0 and 1, lengths
/// [batch], or [batch, queries, keys].
static Value paddingBias(NodeImport &n, Value mask, Value key) {
  int64_t rank = NodeImport::typeOf(mask).getRank();
  Type element = NodeImport::typeOf(key).getElementType();
  if (rank < 1 || rank > 3) {
    n.error() << "the mask has rank " << rank << "; 1 to 3 is needed";
    return nullptr;
  }
  Value visible;
  if (rank == 1) {
    Value lengths = n.unsqueeze(n.cast(mask, n.b.getI64Type()), {1, 2, 3});
    visible =
        n.compare(graph::Comparison::less, n.iota(n.extent(key, 2)), lengths);
  } else {
    visible =
        n.compare(graph::Comparison::notEqual, mask, n.scalarLike(0, mask));
    visible = n.unsqueeze(visible, rank == 2 ? ArrayRef<int64_t>{1, 2}
                                             : ArrayRef<int64_t>{1});
  }
  return n.create<graph::SelectOp>(visible, n.scalar(0, element),
                                   n.scalar(hidden(n), element));
}

static Value sum(NodeImport &n, Value a, Value b) {
  return !a ? b : !b ? a : n.create<graph::AddOp>(a, b);
}

/// The queries' own position and all before.
static Value causal(NodeImport &n, Value query, Value key, Value offset) {
  Positions at = positions(n, query, key, offset);
  return n.compare(graph::Comparison::lessOrEqual, at.key, at.query);
}

/// Joins what is given and what the cache has.
static Value behind(NodeImport &n, Value past, Value now) {
  return past ? n.concat({past, now}, 2) : now;
}

static LogicalResult multiHeadAttention(NodeImport &n) {
  enum { kQuery, kKey, kValue, kBias, kMask, kScores, kPastKey, kPastValue };
  int64_t heads = n.integer("num_heads", 0);
  if (!n.has(kQuery) || !n.has(kKey) || !n.has(kValue) || n.rank(kQuery) != 3)
    return n.error() << "packed queries, keys and values are not supported";
  Value inputs[3];
  for (int64_t i = 0, at = 0; i < 3; ++i) {
    Value x = n.input(i);
    if (n.has(kBias) && n.rank(i) == 3) {
      int64_t width = n.type(i).getDimSize(2);
      if (ShapedType::isDynamic(width))
        return n.error() << "the last extent of input " << i
                         << " must be known where there is a bias";
      x = n.create<graph::AddOp>(x, n.slice(n.input(kBias), 0, at, at + width));
      at += width;
    }
    inputs[i] = n.rank(i) == 4 ? x : splitHeads(n, x, heads);
  }
  Spec spec;
  spec.query = inputs[0];
  spec.key = behind(n, n.input(kPastKey), inputs[1]);
  spec.value = behind(n, n.input(kPastValue), inputs[2]);
  if (!spec.query || !spec.key || !spec.value)
    return failure();
  if (n.has(kMask)) {
    spec.bias = paddingBias(n, n.input(kMask), spec.key);
    if (!spec.bias)
      return failure();
  }
  spec.bias = sum(n, spec.bias, n.input(kScores));
  if (n.integer("unidirectional", 0)) {
    Value offset = n.has(kPastKey)
                       ? n.reshape(n.extent(n.input(kPastKey), 2), {})
                       : nullptr;
    spec.visible = causal(n, spec.query, spec.key, offset);
  }
  if (double scale = n.real("scale", 0); scale != 0)
    spec.scale = scale;
  Result result = attend(n, spec);
  return n.results(
      {joinHeads(n, result.output), spec.key, spec.value, result.steps[2]});
}

/// Attention of queries, keys and values that stand side by side in `all`,
/// [batch, sequence, width]. What else it takes stands at the inputs of these
/// numbers; -1 for none.
static LogicalResult projectedAttention(NodeImport &n, Value all, int maskAt,
                                        int pastAt, int scoresAt) {
  if (!all)
    return failure();
  auto optional = [&](int i) { return i < 0 ? Value() : n.input(i); };
  Value mask = optional(maskAt), cache = optional(pastAt);
  int64_t heads = n.integer("num_heads", 0);
  int64_t width = NodeImport::typeOf(all).getDimSize(2);
  Ints sizes = n.integers("qkv_hidden_sizes");
  if (sizes.empty())
    sizes = {width / 3, width / 3, width / 3};
  if (sizes.size() != 3 || sizes[0] + sizes[1] + sizes[2] != width)
    return n.error() << "qkv_hidden_sizes do not add up to " << width;
  if (n.integer("do_rotary", 0))
    return n.error() << "do_rotary is not supported";
  Value parts[3];
  for (int64_t i = 0, at = 0; i < 3; at += sizes[i++])
    parts[i] = splitHeads(n, n.slice(all, 2, at, at + sizes[i]), heads);
  auto past = [&](int64_t i) {
    return cache ? n.squeeze(n.slice(cache, 0, i, i + 1), {0}) : Value();
  };
  Spec spec;
  spec.query = parts[0];
  spec.key = behind(n, past(0), parts[1]);
  spec.value = behind(n, past(1), parts[2]);
  if (!spec.query || !spec.key || !spec.value)
    return failure();
  if (mask) {
    spec.bias = paddingBias(n, mask, spec.key);
    if (!spec.bias)
      return failure();
  }
  spec.bias = sum(n, spec.bias, optional(scoresAt));
  if (n.integer("unidirectional", 0))
    spec.visible = causal(n, spec.query, spec.key,
                          cache ? n.reshape(n.extent(cache, 3), {}) : nullptr);
  if (double scale = n.real("scale", 0); scale != 0)
    spec.scale = scale;
  Result result = attend(n, spec);
  SmallVector<Value> results = {joinHeads(n, result.output)};
  if (n.wants(1))
    results.push_back(n.concat(
        {n.unsqueeze(spec.key, {0}), n.unsqueeze(spec.value, {0})}, 0));
  return n.results(results);
}

/// Reports where the first two inputs cannot be multiplied to a known width.
static LogicalResult checkProjection(NodeImport &n) {
  if (n.has(0) && n.has(1) && n.rank(0) == 3 && n.rank(1) == 2 &&
      !n.type(1).isDynamicDim(1))
    return success();
  return n.error() << "needs an input of rank 3 and weights of rank 2 with a "
                      "known last extent";
}

/// The projection of queries, keys and values in one product, then attention.
static LogicalResult attentionWithWeights(NodeImport &n) {
  enum { kInput, kWeights, kBias, kMask, kPast, kScores };
  if (failed(checkProjection(n)))
    return failure();
  Value all = n.create<graph::MatMulOp>(n.input(kInput), n.input(kWeights),
                                        false, false);
  if (n.has(kBias))
    all = n.create<graph::AddOp>(all, n.input(kBias));
  return projectedAttention(n, all, kMask, kPast, kScores);
}

/// The same with a projection of integers; all else is of real numbers.
static LogicalResult quantizedAttention(NodeImport &n) {
  enum {
    kInput,
    kWeights,
    kBias,
    kScale,
    kWeightScale,
    kMask,
    kZero,
    kWeightZero,
    kPast
  };
  if (failed(checkProjection(n)))
    return failure();
  if (!n.has(kScale) || !n.has(kWeightScale))
    return n.error() << "has no input "
                     << (n.has(kScale) ? int(kWeightScale) : int(kScale));
  Value all = scaledProduct(
      n, {n.input(kInput), n.input(kScale), n.input(kZero)},
      {n.input(kWeights), n.input(kWeightScale), n.input(kWeightZero)},
      n.input(kBias));
  return projectedAttention(n, all, kMask, kPast, /*scoresAt=*/-1);
}

//===- Positions as rotations ---------------------------------------------===//

/// The first 2 * width elements of each head of x [batch, heads, sequence,
/// size], rotated by the tables' rows at `places` [batch, sequence].
static Value rotate(NodeImport &n, Value x, Value cosines, Value sines,
                    Value places, bool interleaved) {
  if (!x)
    return nullptr;
  auto row = [&](Value table) {
    return Num(
        n,
        n.unsqueeze(n.create<graph::GatherOp>(table, places, int64_t(0)), {1}));
  };
  int64_t width = NodeImport::typeOf(cosines).getDimSize(1),
          size = NodeImport::typeOf(x).getDimSize(3);
  if (ShapedType::isDynamic(width) || ShapedType::isDynamic(size) ||
      2 * width > size) {
    n.error() << "rotates " << width << " pairs of " << size
              << " elements; both must be known and fit";
    return nullptr;
  }
  Num cosine = row(cosines), sine = row(sines);
  int64_t step = interleaved ? 2 : 1;
  Num a(n, n.slice(x, 3, 0, interleaved ? 2 * width : width, step)),
      b(n, interleaved ? n.slice(x, 3, 1, 2 * width, step)
                       : n.slice(x, 3, width, 2 * width));
  Value first = a * cosine - b * sine, second = a * sine + b * cosine;
  SmallVector<Value> pieces;
  if (interleaved) {
    Value pairs =
        n.concat({n.unsqueeze(first, {4}), n.unsqueeze(second, {4})}, 4);
    Value shape =
        n.concat({n.slice(n.shape(x), 0, 0, 3), n.ints({2 * width})}, 0);
    pieces.push_back(n.create<graph::ReshapeOp>(pairs, shape, true));
  } else {
    pieces = {first, second};
  }
  if (2 * width < size)
    pieces.push_back(n.slice(x, 3, 2 * width, size));
  return n.concat(pieces, 3);
}

static LogicalResult rotaryEmbedding(NodeImport &n) {
  enum { kInput, kPlaces, kCosines, kSines };
  if (!n.has(kInput) || !n.has(kPlaces) || !n.has(kCosines) || !n.has(kSines))
    return n.error() << "needs an input, positions and two tables";
  int64_t rank = n.rank(kInput), heads = n.integer("num_heads", 0);
  if (rank == 3 && heads == 0) {
    // One head is as wide as the tables say.
    int64_t size = 2 * n.type(kCosines).getDimSize(1),
            all = n.type(kInput).getDimSize(2);
    if (ShapedType::isDynamic(all) || size < 1 || all % size)
      return n.error() << "the last extent " << all << " is no multiple of "
                       << size;
    heads = all / size;
  }
  Value x = rank == 4 ? n.input(kInput) : splitHeads(n, n.input(kInput), heads);
  Value places = n.cast(n.input(kPlaces), n.b.getI64Type());
  if (!x)
    return failure();
  if (n.rank(kPlaces) == 1)
    places = n.unsqueeze(n.create<graph::AddOp>(n.iota(n.extent(x, 2)), places),
                         {0});
  Value y = rotate(n, x, n.input(kCosines), n.input(kSines), places,
                   n.integer("interleaved", 0) != 0);
  return n.result(rank == 4 ? y : joinHeads(n, y));
}

//===- GroupQueryAttention ------------------------------------------------===//

/// `now` [batch, heads, sequence, size] written into `past` from the position
/// `start` [batch] on, in a tensor of `total` positions at least.
static Value intoCache(NodeImport &n, Value past, Value now, Value start,
                       Value total) {
  if (!past)
    return now;
  Value missing = max(Num(n, total) - Num(n, n.extent(past, 2)), 0.0);
  Value room = n.create<graph::PadOp>(
      past, n.concat({n.ints({0}), missing}, 0), n.scalarLike(0, past),
      ArrayRef<int64_t>{2}, graph::PadMode::constant);
  Value position = n.create<graph::AddOp>(n.unsqueeze(start, {1, 2}),
                                          axisPositions(n, now, 2, 3));
  Value places[] = {
      axisPositions(n, now, 0, 3), axisPositions(n, now, 1, 3),
      n.create<graph::ExpandOp>(position, n.slice(n.shape(now), 0, 0, 3))};
  return scatterAt(n, graph::ScatterKind::set, room, places, now);
}

static LogicalResult groupQueryAttention(NodeImport &n) {
  enum {
    kQuery,
    kKey,
    kValue,
    kPastKey,
    kPastValue,
    kLengths,
    kTotal,
    kCosines,
    kSines
  };
  int64_t heads = n.integer("num_heads", 0),
          groups = n.integer("kv_num_heads", 0);
  if (!n.has(kQuery) || !n.has(kLengths) || !n.has(kTotal) || heads < 1 ||
      groups < 1 || n.rank(kQuery) != 3)
    return n.error() << "needs queries of rank 3, lengths and a total length";
  Value q = n.input(kQuery), k = n.input(kKey), v = n.input(kValue);
  if (!k) {
    int64_t width = n.type(kQuery).getDimSize(2);
    if (ShapedType::isDynamic(width) || width % (heads + 2 * groups))
      return n.error() << "the last extent " << width
                       << " of packed queries, keys and values is no multiple "
                          "of "
                       << heads + 2 * groups << " heads";
    int64_t size = width / (heads + 2 * groups);
    v = n.slice(q, 2, (heads + groups) * size, width);
    k = n.slice(q, 2, heads * size, (heads + groups) * size);
    q = n.slice(q, 2, 0, heads * size);
  }
  Spec spec;
  spec.query = splitHeads(n, q, heads);
  spec.key = splitHeads(n, k, groups);
  spec.value = splitHeads(n, v, groups);
  if (!spec.query || !spec.key || !spec.value)
    return failure();
  Type i64 = n.b.getI64Type();
  Num length(n, n.extent(spec.query, 2)),
      total(n, n.reshape(n.cast(n.input(kTotal), i64), {1}));
  // A prompt starts at 0; later tokens follow what each batch has.
  Num known = Num(n, n.reshape(n.cast(n.input(kLengths), i64), {-1})) + 1.0;
  Num start = select(total == length, 0.0, known - length);
  if (n.integer("do_rotary", 0)) {
    if (!n.has(kCosines) || !n.has(kSines))
      return n.error() << "do_rotary needs two tables";
    Value places =
        n.create<graph::AddOp>(n.unsqueeze(start, {1}), n.iota(length));
    bool interleaved = n.integer("rotary_interleaved", 0) != 0;
    for (Value *x : {&spec.query, &spec.key})
      *x = rotate(n, *x, n.input(kCosines), n.input(kSines), places,
                  interleaved);
  }
  spec.key = intoCache(n, n.input(kPastKey), spec.key, start, total);
  spec.value = intoCache(n, n.input(kPastValue), spec.value, start, total);
  if (!spec.query || !spec.key || !spec.value)
    return failure();
  Value offset = n.unsqueeze(start, {1, 2, 3});
  spec.visible = causal(n, spec.query, spec.key, offset);
  if (int64_t window = n.integer("local_window_size", -1); window >= 0) {
    Positions at = positions(n, spec.query, spec.key, offset);
    spec.visible = both(n, spec.visible,
                        Num(n, at.key) > Num(n, at.query) - double(window));
  }
  if (double scale = n.real("scale", 0); scale != 0)
    spec.scale = scale;
  spec.softcap = n.real("softcap", 0);
  Result result = attend(n, spec);
  return n.results({joinHeads(n, result.output), spec.key, spec.value});
}

void addMicrosoftAttentionRows(Table &table) {
  constexpr auto floats = Row::kFloats;
  table.add({
      {"com.microsoft.Attention", 1, attentionWithWeights, floats},
      {"com.microsoft.GroupQueryAttention", 1, groupQueryAttention, floats},
      {"com.microsoft.MultiHeadAttention", 1, multiHeadAttention, floats},
      {"com.microsoft.QAttention", 1, quantizedAttention, "int"},
      {"com.microsoft.RotaryEmbedding", 1, rotaryEmbedding, floats},
  });
}

} // namespace weft::onnx
