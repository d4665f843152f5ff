// Operators that draw random numbers. The generator is a function of the
// element's position and the node's seed (Philox4x32-10, Salmon et al., 2011),
// so results do not depend on the number of threads, and two runs of a model
// draw the same numbers.
#include "../Table.h"
#include "Shared.h"
#include "llvm/Support/xxhash.h"
#include <cmath>

using namespace mlir;

namespace weft::onnx {

namespace {
/// Words of 32 bits in ui64 tensors of one shape (or scalars).
struct Words {
  Value w0, w1;
};
} // namespace

/// What the model says, or else the node's name: nodes without a seed draw
/// different numbers.
static uint64_t seedOf(NodeImport &n) {
  if (const AttributeProto *seed = n.attribute("seed"))
    return seed->type() == AttributeProto::INT
               ? uint64_t(seed->i())
               : uint64_t(llvm::bit_cast<uint32_t>(seed->f()));
  return llvm::xxHash64(n.node.name());
}

static Words philox(NodeImport &n, Value position, uint64_t seed) {
  Type u64 = IntegerType::get(n.b.getContext(), 64, IntegerType::Unsigned);
  auto word = [&](uint64_t value) {
    return Value(graph::ConstantOp::create(
        n.b, n.loc,
        DenseElementsAttr::get(RankedTensorType::get({}, u64),
                               APInt(64, value))));
  };
  auto low = [&](Value x) {
    return n.create<graph::AndOp>(x, word(0xffffffff));
  };
  auto high = [&](Value x) { return n.create<graph::ShrOp>(x, word(32)); };
  Value counter = n.cast(position, u64);
  Value c0 = low(counter), c1 = high(counter), c2 = word(0), c3 = word(0);
  uint32_t key0 = uint32_t(seed), key1 = uint32_t(seed >> 32);
  for (int round = 0; round < 10; ++round) {
    Value p0 = n.create<graph::MulOp>(c0, word(0xD2511F53));
    Value p1 = n.create<graph::MulOp>(c2, word(0xCD9E8D57));
    c0 = n.create<graph::XorOp>(n.create<graph::XorOp>(high(p1), c1),
                                word(key0));
    c2 = n.create<graph::XorOp>(n.create<graph::XorOp>(high(p0), c3),
                                word(key1));
    c1 = low(p1);
    c3 = low(p0);
    key0 += 0x9E3779B9;
    key1 += 0xBB67AE85;
  }
  return {c0, c1};
}

/// Row-major positions in a tensor of this shape, given as tensor<rank x i64>.
static Value positions(NodeImport &n, Value shape) {
  if (!shape)
    return nullptr;
  Value count = n.reduce(graph::ReduceKind::prod, shape, {0}, false);
  auto known = NodeImport::known(shape);
  if (known) {
    int64_t product = 1;
    for (int64_t extent : *known)
      product *= extent;
    count = n.intScalar(product);
  }
  return n.create<graph::ReshapeOp>(n.iota(count), shape, true);
}

static Value wordTo(NodeImport &n, Value word, int drop, double scale,
                    Type element) {
  Value cut = n.create<graph::ShrOp>(word, n.scalarLike(drop, word));
  return n.create<graph::MulOp>(n.cast(cut, element), n.scalar(scale, element));
}

/// In [0, 1), f32 with 24 bits or f64 with 53.
static Value unit(NodeImport &n, Words words, Type element) {
  if (element.isF64())
    return n.create<graph::AddOp>(
        wordTo(n, words.w0, 5, std::ldexp(1, -27), element),
        wordTo(n, words.w1, 6, std::ldexp(1, -53), element));
  return wordTo(n, words.w0, 8, std::ldexp(1, -24), element);
}

/// Standard normal, by the method of Box and Muller.
static Value normal(NodeImport &n, Words words, Type element) {
  double step = element.isF64() ? std::ldexp(1, -32) : std::ldexp(1, -24);
  int drop = element.isF64() ? 0 : 8;
  // The logarithm takes (0, 1].
  Value u = n.create<graph::AddOp>(wordTo(n, words.w0, drop, step, element),
                                   n.scalar(step, element));
  Value angle = n.create<graph::MulOp>(wordTo(n, words.w1, drop, step, element),
                                       n.scalar(2 * M_PI, element));
  Value square =
      n.create<graph::MulOp>(n.create<graph::LogOp>(u), n.scalar(-2, element));
  return n.create<graph::MulOp>(n.create<graph::SqrtOp>(square),
                                n.create<graph::CosOp>(angle));
}

static Type wideType(NodeImport &n, Type element) {
  return element.isF64() ? element : Type(n.b.getF32Type());
}

Value uniformLike(NodeImport &n, Value like, Type element) {
  return unit(n, philox(n, positions(n, n.shape(like)), seedOf(n)),
              wideType(n, element));
}

//===- Rows ---------------------------------------------------------------===//

static Type typeAttribute(NodeImport &n, Type otherwise) {
  int64_t number = n.integer("dtype", 0);
  Type type = number ? elementType(n.b.getContext(), int(number)) : otherwise;
  if (!type || !type.isIntOrFloat()) {
    n.error() << "dtype " << typeName(int(number)) << " is not supported";
    return {};
  }
  return type;
}

/// offset + scale * number, for each element of the shape.
template <Value (*draw)(NodeImport &, Words, Type)>
static LogicalResult random(NodeImport &n, Value shape, Type element,
                            double offset, double scale) {
  if (!element || !shape)
    return failure();
  if (!isa<FloatType>(element))
    return n.error() << "dtype " << element << " is no float";
  Type wide = wideType(n, element);
  Value drawn = draw(n, philox(n, positions(n, shape), seedOf(n)), wide);
  Value scaled = n.create<graph::MulOp>(drawn, n.scalar(scale, wide));
  Value moved = n.create<graph::AddOp>(scaled, n.scalar(offset, wide));
  return n.result(moved ? n.cast(moved, element) : nullptr);
}

static Value shapeAttribute(NodeImport &n) {
  for (int64_t extent : n.integers("shape"))
    if (extent < 0) {
      n.error() << "shape has a negative extent, " << extent;
      return nullptr;
    }
  return n.ints(n.integers("shape"));
}

template <bool like>
static LogicalResult randomUniform(NodeImport &n) {
  double low = n.real("low", 0), high = n.real("high", 1);
  Type element = typeAttribute(n, like ? n.type(0).getElementType()
                                       : Type(n.b.getF32Type()));
  return random<unit>(n, like ? n.shape(n.input(0)) : shapeAttribute(n),
                      element, low, high - low);
}

template <bool like>
static LogicalResult randomNormal(NodeImport &n) {
  Type element = typeAttribute(n, like ? n.type(0).getElementType()
                                       : Type(n.b.getF32Type()));
  return random<normal>(n, like ? n.shape(n.input(0)) : shapeAttribute(n),
                        element, n.real("mean", 0), n.real("scale", 1));
}

static LogicalResult bernoulli(NodeImport &n) {
  Value p = n.input(0);
  Type element = typeAttribute(n, n.type(0).getElementType());
  if (!element)
    return failure();
  Type wide = wideType(n, n.type(0).getElementType());
  Value hit = n.compare(graph::Comparison::less, uniformLike(n, p, wide),
                        n.cast(p, wide));
  return n.result(hit ? n.cast(hit, element) : nullptr);
}

/// Each sample is the number of classes whose cumulated probability is at or
/// below a uniform number.
static LogicalResult multinomial(NodeImport &n) {
  int64_t samples = n.integer("sample_size", 1);
  Type element = typeAttribute(n, n.b.getI32Type());
  if (!element)
    return failure();
  if (n.rank(0) != 2 || samples < 1)
    return n.error() << "sample_size is " << samples << " for an input of rank "
                     << n.rank(0) << "; 1 at least and rank 2 are needed";
  Type wide = wideType(n, n.type(0).getElementType());
  Value weights =
      n.create<graph::SoftmaxOp>(n.cast(n.input(0), wide), 1, false);
  Value below = n.create<graph::CumSumOp>(weights, 1, false, false);
  Value shape = n.concat({n.extent(n.input(0), 0), n.ints({samples})}, 0);
  Value drawn = unit(n, philox(n, positions(n, shape), seedOf(n)), wide);
  Value passed = n.compare(graph::Comparison::lessOrEqual,
                           n.unsqueeze(below, {1}), n.unsqueeze(drawn, {2}));
  if (!passed)
    return failure();
  Value count = n.reduce(graph::ReduceKind::sum,
                         n.cast(passed, n.b.getI64Type()), {2}, false);
  // Rounding may leave the last sum below 1.
  Value last = n.create<graph::SubOp>(n.reshape(n.extent(n.input(0), 1), {}),
                                      n.intScalar(1));
  Value index = n.create<graph::MinOp>(count, last);
  return n.result(index ? n.cast(index, element) : nullptr);
}

void addRandomRows(Table &table) {
  constexpr auto floats = Row::kFloats;
  table.add({
      {"Bernoulli", 22, bernoulli, floats},
      {"Multinomial", 22, multinomial, floats},
      {"RandomNormal", 22, randomNormal<false>, floats},
      {"RandomNormalLike", 22, randomNormal<true>, Row::kAll},
      {"RandomUniform", 22, randomUniform<false>, floats},
      {"RandomUniformLike", 22, randomUniform<true>, Row::kAll},
  });
}

} // namespace weft::onnx
