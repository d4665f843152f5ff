// Transforms of length r1 * r2 * … are a step of radix r1, r2, … each
// (Stockham's order, which sorts while it goes). The factors of real numbers
// stand the other way round: the steps are then those of a transform of real
// numbers, and what must be real is so to the last bit. Lengths with large
// prime factors are convolutions with a chirp (Bluestein), which are transforms
// of a power of two, or if they are short products with a matrix.
//
// Before a step the numbers are [parts, lines, r * rest] or, with the lines
// innermost, [r * rest, parts, lines]. It reads [r, rest] by columns, and what
// it found so far are more lines. Loops are long if lines stand innermost as
// soon as there are enough.
//
// A length that only the run knows takes the same steps: each radix is a loop
// around one step of it, with as many turns as the length has such factors.
#include "Fourier.h"
#include "Equation.h"
#include "Regions.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "weft/Dialect/Graph/IR/Fourier.h"
#include "weft/Support/Constants.h"
#include "weft/Support/Roots.h"
#include <cmath>

using namespace mlir;

namespace weft::onnx {

/// In the order of pocketfft for complex numbers; 2 once at most. Larger ones
/// would be code as long as for the numbers.
static constexpr int64_t kRadices[] = {2, 4, 3, 5, 7, 11, 13};
/// Shorter lengths with larger primes take less time as matrix products.
static constexpr int64_t kLeastChirp = 128;
/// Beyond that tables of roots are too large to be constants.
static constexpr int64_t kLongest = int64_t(1) << 24;
/// Lines that fill a vector.
static constexpr int64_t kManyLines = 16;
/// Where only the run knows how many lines there are, steps of larger radices
/// have them innermost.
static constexpr int64_t kLargestOuter = 4;

/// The factors of a length; nothing where a prime one is too large.
static std::optional<Ints> radicesOf(int64_t length) {
  Ints radices;
  for (int64_t radix : kRadices) {
    // All other factors 2 are in pairs.
    int64_t most = radix == 2 ? llvm::countr_zero(uint64_t(length)) % 2 : 63;
    for (; most > 0 && length % radix == 0; --most, length /= radix)
      radices.push_back(radix);
  }
  if (length != 1)
    return std::nullopt;
  return radices;
}

/// A constant of the numbers, which are doubles, as f32 or f64.
static Value realConstant(NodeImport &n, ArrayRef<int64_t> shape, Type element,
                          ArrayRef<double> values) {
  auto type = RankedTensorType::get(shape, element);
  auto make = [&](auto numbers) {
    ArrayRef bytes(reinterpret_cast<const char *>(numbers.data()),
                   numbers.size() * sizeof(numbers[0]));
    return graph::ConstantOp::create(n.b, n.loc, makeConstant(type, bytes));
  };
  return element.isF64()
             ? make(SmallVector<double>(values))
             : make(SmallVector<float>(values.begin(), values.end()));
}

/// The same numbers in another shape, where 0 is an extent and -1 what is left.
static Value reshaped(NodeImport &n, Value x, ValueRange shape) {
  return n.create<graph::ReshapeOp>(x, n.concat(shape, 0), /*allow_zero=*/true);
}

namespace {
/// Complex numbers.
struct Parts {
  Value re, im;
};

/// A factor of a length that only the run knows, and how many there are of it.
struct Factor {
  int64_t radix;
  Value count; ///< index
};

/// One transform of lines of a length.
class Steps {
public:
  Steps(NodeImport &n, bool inverse) : n(n), inverse(inverse) {}

  /// The transform of `x` [parts, lines, length]; [2, length, lines].
  Value run(Value x, ArrayRef<int64_t> radices);
  /// The same of [2, lines, length] where only the run knows the length, whose
  /// factors these are.
  Value run(Value x, ArrayRef<Factor> factors);

private:
  /// One step of `lines`, or a number that only the run knows, of a `length`;
  /// the former become `radix` times as many.
  Value step(Value x, int64_t parts, int64_t lines, Num length, int64_t radix);
  Value piece(Value columns, int64_t part, int64_t q);
  /// The roots by which result p of a step is multiplied, p = 1 … radix - 1:
  /// real parts, then imaginary parts.
  SmallVector<Value> twiddles(int64_t radix, Num length, Type element);
  SmallVector<Value> knownTwiddles(int64_t radix, int64_t rest, Type element);
  Value moveLinesInside(Value x) {
    inside = true;
    return n.transpose(x, {2, 0, 1});
  }

  NodeImport &n;
  bool inverse, inside = false;
  Value positions; ///< 0, 1, … in f64, as many as a length that is not known
};

} // namespace

SmallVector<Value> Steps::knownTwiddles(int64_t radix, int64_t rest,
                                        Type element) {
  SmallVector<Value> roots;
  if (rest == 1)
    return roots;
  Ints shape(4, 1);
  shape[inside ? 1 : 3] = rest;
  SmallVector<double> re(rest), im(rest);
  SmallVector<Value> imaginary;
  for (int64_t p = 1; p < radix; ++p) {
    for (int64_t i = 0; i < rest; ++i) {
      std::complex<double> root = rootOfUnity(p * i, radix * rest);
      re[i] = root.real();
      im[i] = inverse ? root.imag() : -root.imag();
    }
    roots.push_back(realConstant(n, shape, element, re));
    imaginary.push_back(realConstant(n, shape, element, im));
  }
  llvm::append_range(roots, imaginary);
  return roots;
}

/// exp(-2 * pi * i * p * k / whole) for each of `powers` p and each k of
/// `places`, f64, [2 * powers, places]: real parts, then imaginary ones. All
/// are integers, 0 <= p * k < whole. exp(+…) where `inverse`.
static Value rootsInRun(NodeImport &n, ArrayRef<int64_t> powers, Num places,
                        Num whole, bool inverse) {
  Type f64 = n.b.getF64Type();
  // Imaginary parts are the cosines of one or three quarters less.
  SmallVector<double> factors, quarters(powers.size(), 0);
  for (int twice = 0; twice < 2; ++twice)
    for (int64_t power : powers)
      factors.push_back(4.0 * static_cast<double>(power));
  quarters.append(powers.size(), inverse ? -1 : -3);
  auto column = [&](ArrayRef<double> values) {
    return Num(n, realConstant(n, {int64_t(values.size()), 1}, f64, values));
  };
  Num w = whole.as(f64);
  Num angle = column(factors) * places.as(f64) + column(quarters) * w;
  return n.create<graph::CosQuartersOp>(angle, w);
}

SmallVector<Value> Steps::twiddles(int64_t radix, Num length, Type element) {
  Value rest = length / double(radix);
  Num places(n, n.create<graph::SliceOp>(positions, n.ints({0}), rest,
                                         n.ints({1}), ArrayRef<int64_t>{0}));
  Ints powers = llvm::to_vector(llvm::seq<int64_t>(1, radix));
  Value all = n.cast(rootsInRun(n, powers, places, length, inverse), element);
  all = n.unsqueeze(all, inside ? Ints{2, 3} : Ints{1, 2});
  SmallVector<Value> roots;
  for (int64_t i = 0; i < 2 * (radix - 1); ++i)
    roots.push_back(n.slice(all, 0, i, i + 1));
  return roots;
}

Value Steps::piece(Value columns, int64_t part, int64_t q) {
  Ints from = inside ? Ints{q, part} : Ints{part, q};
  return n.create<graph::SliceOp>(columns, n.ints(from),
                                  n.ints({from[0] + 1, from[1] + 1}),
                                  n.ints({1, 1}), ArrayRef<int64_t>{0, 2});
}

Value Steps::step(Value x, int64_t parts, int64_t lines, Num length,
                  int64_t radix) {
  Value rest = length / double(radix);
  // What is not known may be 0, but only the lines may.
  auto linesTimes = [&](int64_t factor) {
    return ShapedType::isDynamic(lines) ? -1 : lines * factor;
  };
  Value columns = reshaped(
      n, x,
      inside ? ValueRange{n.ints({radix}), rest, n.ints({parts, linesTimes(1)})}
             : ValueRange{n.ints({parts, linesTimes(1), radix}), rest});
  SmallVector<Value> re, im;
  for (int64_t q = 0; q < radix; ++q) {
    re.push_back(piece(columns, 0, q));
    if (parts == 2)
      im.push_back(piece(columns, 1, q));
  }
  Type element = NodeImport::typeOf(x).getElementType();
  auto known = NodeImport::known(rest);
  SmallVector<Value> roots = known
                                 ? knownTwiddles(radix, known->front(), element)
                                 : twiddles(radix, length, element);
  if (llvm::is_contained(re, Value()) || llvm::is_contained(roots, Value()))
    return nullptr;
  auto butterfly =
      graph::ButterflyOp::create(n.b, n.loc, re, im, roots, inverse);
  return n.concat(butterfly.getParts(), inside ? 2 : 0);
}

/// `x` [1 or 2, …] with imaginary parts of 0 where it has none.
static Value withImaginary(NodeImport &n, Value x) {
  if (!x || NodeImport::typeOf(x).getDimSize(0) == 2)
    return x;
  return n.create<graph::PadOp>(x, n.ints({0, 1}), n.scalarLike(0, x),
                                ArrayRef<int64_t>{0}, graph::PadMode::constant);
}

Value Steps::run(Value x, ArrayRef<int64_t> radices) {
  RankedTensorType type = NodeImport::typeOf(x);
  int64_t parts = type.getDimSize(0), given = type.getDimSize(1),
          whole = type.getDimSize(2);
  bool unknownLines = ShapedType::isDynamic(given);
  Ints order(radices);
  if (parts == 1)
    std::reverse(order.begin(), order.end());
  if (order.empty())
    x = withImaginary(n, x);
  int64_t lines = given, length = whole;
  for (int64_t radix : order) {
    if (!inside && (unknownLines || lines >= kManyLines))
      x = moveLinesInside(x);
    x = step(x, parts, lines, {n, n.ints({length})}, radix);
    parts = 2;
    length /= radix;
    lines = unknownLines ? ShapedType::kDynamic : lines * radix;
    x = reshaped(n, x,
                 n.ints(inside ? Ints{length, 2, unknownLines ? -1 : lines}
                               : Ints{2, lines, length}));
  }
  return reshaped(n, x, n.ints({2, whole, unknownLines ? -1 : given}));
}

//===-- Lengths that only the run knows -----------------------------------===//

static Value indexConstant(NodeImport &n, int64_t value) {
  return arith::ConstantIndexOp::create(n.b, n.loc, value);
}

static Value asTensor(NodeImport &n, Value x) {
  Value element = arith::IndexCastOp::create(n.b, n.loc, n.b.getI64Type(), x);
  return tensor::FromElementsOp::create(n.b, n.loc, element);
}

static Value asIndex(NodeImport &n, Value x) {
  Value element = tensor::ExtractOp::create(n.b, n.loc, x, indexConstant(n, 0));
  return arith::IndexCastOp::create(n.b, n.loc, n.b.getIndexType(), element);
}

/// `length` without its factors `radix`, and their number.
static std::pair<Value, Value> divideOut(NodeImport &n, Value length,
                                         int64_t radix) {
  Value zero = indexConstant(n, 0), one = indexConstant(n, 1),
        divisor = indexConstant(n, radix);
  SmallVector<Value> found = repeated(
      n, {length, zero},
      [&](ValueRange x) -> Value {
        Value rest = arith::RemUIOp::create(n.b, n.loc, x[0], divisor);
        return arith::CmpIOp::create(n.b, n.loc, arith::CmpIPredicate::eq, rest,
                                     zero);
      },
      [&](ValueRange x) -> SmallVector<Value> {
        return {arith::DivUIOp::create(n.b, n.loc, x[0], divisor),
                arith::AddIOp::create(n.b, n.loc, x[1], one)};
      });
  return {found[0], found[1]};
}

/// The factors of `length` (index, at least 1) in the order of kRadices, and
/// what is left of it.
static SmallVector<Factor> factorsOf(NodeImport &n, Value length, Value &rest,
                                     ArrayRef<int64_t> radices) {
  SmallVector<Factor> factors;
  rest = length;
  for (int64_t radix : radices) {
    Value count;
    // Pairs of 2 are taken out first.
    int64_t divisor = radix == 2 ? 4 : radix == 4 ? 2 : radix;
    std::tie(rest, count) = divideOut(n, rest, divisor);
    factors.push_back({divisor, count});
  }
  std::swap(factors[0], factors[1]);
  return factors;
}

/// How many steps of each factor come before there are kManyLines; none after
/// one whose radix is larger than kLargestOuter.
static SmallVector<Value> outerSteps(NodeImport &n, Value lines,
                                     ArrayRef<Factor> factors) {
  Value zero = indexConstant(n, 0), one = indexConstant(n, 1),
        many = indexConstant(n, kManyLines);
  auto isLess = [&](Value x, Value y) {
    return arith::CmpIOp::create(n.b, n.loc, arith::CmpIPredicate::ult, x, y)
        .getResult();
  };
  SmallVector<Value> counts;
  for (const Factor &factor : factors) {
    if (factor.radix > kLargestOuter) {
      counts.push_back(zero);
      lines = arith::SelectOp::create(n.b, n.loc, isLess(zero, factor.count),
                                      many, lines);
      continue;
    }
    SmallVector<Value> found = repeated(
        n, {lines, zero},
        [&](ValueRange x) -> Value {
          return arith::AndIOp::create(n.b, n.loc, isLess(x[0], many),
                                       isLess(x[1], factor.count));
        },
        [&](ValueRange x) -> SmallVector<Value> {
          return {arith::MulIOp::create(n.b, n.loc, x[0],
                                        indexConstant(n, factor.radix)),
                  arith::AddIOp::create(n.b, n.loc, x[1], one)};
        });
    lines = found[0];
    counts.push_back(found[1]);
  }
  return counts;
}

Value Steps::run(Value x, ArrayRef<Factor> factors) {
  if (!x)
    return nullptr;
  Value lines = n.extent(x, 1), length = n.extent(x, 2);
  positions = n.cast(n.iota(length), n.b.getF64Type());
  // Loops carry tensors of one shape: all numbers in a row.
  auto flat = [&](Value x) { return reshaped(n, x, n.ints({-1})); };
  SmallVector<Value> state = {flat(x), tensor::DimOp::create(n.b, n.loc, x, 2)};
  auto take = [&](const Factor &factor, Value count) {
    if (llvm::is_contained(state, Value()))
      return;
    state =
        onnx::times(n, count, state, [&](ValueRange x) -> SmallVector<Value> {
          Num left(n, asTensor(n, x[1]));
          Value rest = arith::DivUIOp::create(n.b, n.loc, x[1],
                                              indexConstant(n, factor.radix));
          return {flat(step(x[0], 2, ShapedType::kDynamic, left, factor.radix)),
                  rest};
        });
  };
  SmallVector<Value> outer =
      outerSteps(n, tensor::DimOp::create(n.b, n.loc, x, 1), factors);
  for (auto [factor, count] : llvm::zip(factors, outer))
    if (factor.radix <= kLargestOuter)
      take(factor, count);
  if (!state[0])
    return nullptr;
  x = reshaped(n, state[0], {n.ints({2, -1}), asTensor(n, state[1])});
  state[0] = flat(moveLinesInside(x));
  for (auto [factor, count] : llvm::zip(factors, outer))
    take(factor, arith::SubIOp::create(n.b, n.loc, factor.count, count));
  return reshaped(n, state[0], {n.ints({2}), length, lines});
}

//===-- Convolution with a chirp ------------------------------------------===//

namespace {
/// A transform as a convolution with c_j = exp(-pi * i * j * j / length), or
/// its conjugate where it is inverse.
struct Chirp {
  Value length, size; ///< of the lines and of the convolution, tensor<1xi64>
  Parts chirps;       ///< c, [length]
  Parts filter;       ///< the transform of 1 / (c * size), [size]
  SmallVector<Factor> factors; ///< of `size` where only the run knows it
};
} // namespace

/// c_j of a known length.
static std::complex<double> chirp(int64_t j, int64_t length, bool inverse) {
  std::complex<double> root = rootOfUnity(j * j, 2 * length);
  return inverse ? root : std::conj(root);
}

/// The transform of what are constants; their number is a power of two and
/// divides that of `roots`, which are all of their own power.
static void transformInPlace(MutableArrayRef<std::complex<double>> x,
                             ArrayRef<std::complex<double>> roots) {
  int64_t size = x.size(), half = size / 2, apart = roots.size() / size;
  if (size == 1)
    return;
  SmallVector<std::complex<double>, 0> even(half), odd(half);
  for (int64_t i = 0; i < half; ++i) {
    even[i] = x[2 * i];
    odd[i] = x[2 * i + 1];
  }
  transformInPlace(even, roots);
  transformInPlace(odd, roots);
  for (int64_t i = 0; i < half; ++i) {
    std::complex<double> turned = odd[i] * std::conj(roots[i * apart]);
    x[i] = even[i] + turned;
    x[i + half] = even[i] - turned;
  }
}

static Parts complexConstant(NodeImport &n, Type element,
                             ArrayRef<std::complex<double>> values) {
  SmallVector<double, 0> re, im;
  for (std::complex<double> value : values) {
    re.push_back(value.real());
    im.push_back(value.imag());
  }
  auto count = static_cast<int64_t>(values.size());
  return {realConstant(n, {count}, element, re),
          realConstant(n, {count}, element, im)};
}

static Chirp knownChirp(NodeImport &n, int64_t length, Type element,
                        bool inverse) {
  auto size = static_cast<int64_t>(llvm::PowerOf2Ceil(2 * length - 1));
  SmallVector<std::complex<double>, 0> chirps(length), filter(size);
  for (int64_t j = 0; j < length; ++j) {
    chirps[j] = chirp(j, length, inverse);
    filter[j] = filter[j ? size - j : 0] =
        std::conj(chirps[j]) / static_cast<double>(size);
  }
  SmallVector<std::complex<double>, 0> roots(size);
  for (int64_t i = 0; i < size; ++i)
    roots[i] = rootOfUnity(i, size);
  transformInPlace(filter, roots);
  return {n.ints({length}),
          n.ints({size}),
          complexConstant(n, element, chirps),
          complexConstant(n, element, filter),
          {}};
}

/// The parts of numbers [2, 1, count] or [2, count, 1].
static Parts rows(NodeImport &n, Value x) {
  return {n.reshape(n.slice(x, 0, 0, 1), {-1}),
          n.reshape(n.slice(x, 0, 1, 2), {-1})};
}

static Chirp unknownChirp(NodeImport &n, Value length, Value size, Type element,
                          bool inverse) {
  Num whole(n, size), count(n, length), twice = count * 2.0;
  auto chirps = [&](Num j, bool inverse) {
    return Num(n, rootsInRun(n, {1}, (j * j) % twice, twice, inverse));
  };
  // The filter is even: element `size` - j is element j.
  Num i(n, n.iota(size)), j = min(i, whole - i);
  Num scale = 1.0 / whole.as(n.b.getF64Type());
  Num filter = select(j < count, chirps(j, !inverse) * scale, 0.0);
  Value rest;
  SmallVector<Factor> factors =
      factorsOf(n, asIndex(n, size), rest, ArrayRef(kRadices).take_front(2));
  Value spectrum =
      Steps(n, /*inverse=*/false).run(n.unsqueeze(filter, {1}), factors);
  return {length, size,
          rows(n, n.cast(chirps({n, n.iota(length)}, inverse), element)),
          rows(n, n.cast(spectrum, element)), factors};
}

/// x * y for x [1 or 2, …]; `isSwapped` says that the imaginary parts of x come
/// first.
static Parts times(NodeImport &n, Value x, Parts y, bool isSwapped = false) {
  if (!x)
    return {};
  auto part = [&](int64_t i) {
    int64_t at = isSwapped ? 1 - i : i;
    return n.slice(x, 0, at, at + 1);
  };
  auto product = [&](Value a, Value b) { return n.create<graph::MulOp>(a, b); };
  Value re = product(part(0), y.re), im = product(part(0), y.im);
  if (NodeImport::typeOf(x).getDimSize(0) == 2) {
    re = n.create<graph::SubOp>(re, product(part(1), y.im));
    im = n.create<graph::AddOp>(im, product(part(1), y.re));
  }
  return {re, im};
}

/// [2, …], where `swapped` with the imaginary parts first.
static Value joined(NodeImport &n, Parts x, bool swapped = false) {
  return swapped ? n.concat({x.im, x.re}, 0) : n.concat({x.re, x.im}, 0);
}

Value realFrequencies(NodeImport &n, Value length) {
  Num k(n, n.unsqueeze(n.iota(length), {1}));
  return (k == 0.0) | (k * 2.0 == Num(n, length));
}

/// X_k = c_k * sum over j of (x_j * c_j) * conj(c_(k-j)): twice j * k is
/// j² + k² - (k - j)².
static Value chirpTransform(NodeImport &n, Value x, const Chirp &c,
                            bool inverse, Value isReal) {
  // In the run one direction does for both, so that they share their code: with
  // parts that are swapped it is the other one, to the last bit.
  bool isKnown = c.factors.empty(), swapFirst = !isKnown && inverse,
       swapSecond = !isKnown && !inverse;
  auto transform = [&](Value y, bool second) {
    if (!y)
      return y;
    if (!isKnown)
      return Steps(n, inverse).run(y, c.factors);
    return Steps(n, /*inverse=*/second)
        .run(y, *radicesOf(NodeImport::known(c.size)->front()));
  };
  auto asColumn = [&](Parts x) {
    return Parts{n.unsqueeze(x.re, {1}), n.unsqueeze(x.im, {1})};
  };
  Value y = joined(n, times(n, x, c.chirps), swapFirst);
  Value missing = Num(n, c.size) - Num(n, c.length);
  y = n.create<graph::PadOp>(y, n.concat({n.ints({0}), missing}, 0),
                             n.scalarLike(0, y), ArrayRef<int64_t>{2},
                             graph::PadMode::constant);
  y = transform(y, /*second=*/false);
  y = joined(n, times(n, y, asColumn(c.filter), swapFirst), swapSecond);
  y = transform(n.transpose(y, {0, 2, 1}), /*second=*/true);
  y = n.create<graph::SliceOp>(y, n.ints({0}), c.length, n.ints({1}),
                               ArrayRef<int64_t>{1});
  Parts result = times(n, y, asColumn(c.chirps), swapSecond);
  // What must be real of real numbers is so to the last bit.
  bool real = NodeImport::typeOf(x).getDimSize(0) == 1;
  if (result.im && (real || isReal)) {
    Num mask(n, realFrequencies(n, c.length));
    if (isReal)
      mask = mask & Num(n, tensor::FromElementsOp::create(n.b, n.loc, isReal));
    result.im = select(mask, 0.0, Num(n, result.im));
  }
  return joined(n, result);
}

/// The factors in the order of real numbers where `isReal` (i1) holds, and in
/// that of complex ones, which is given, where it does not.
static SmallVector<Factor> ordered(NodeImport &n, ArrayRef<Factor> factors,
                                   Value isReal) {
  Value zero = indexConstant(n, 0);
  SmallVector<Factor> both;
  for (const Factor &factor : factors)
    both.push_back({factor.radix, arith::SelectOp::create(n.b, n.loc, isReal,
                                                          zero, factor.count)});
  for (const Factor &factor : llvm::reverse(factors))
    both.push_back({factor.radix, arith::SelectOp::create(n.b, n.loc, isReal,
                                                          factor.count, zero)});
  return both;
}

/// The transform of lines of a length, at least 1, that only the run knows.
static Value unknownTransform(NodeImport &n, Value x, bool inverse,
                              Value isReal) {
  RankedTensorType type = NodeImport::typeOf(x);
  Type element = type.getElementType(), index = n.b.getIndexType();
  Value length = tensor::DimOp::create(n.b, n.loc, x, 2), rest;
  SmallVector<Factor> factors = factorsOf(n, length, rest, kRadices);
  if (isReal)
    factors = ordered(n, factors, isReal);
  else if (type.getDimSize(0) == 1)
    std::reverse(factors.begin(), factors.end());
  Value smooth = arith::CmpIOp::create(n.b, n.loc, arith::CmpIPredicate::eq,
                                       rest, indexConstant(n, 1));
  // That is at least twice the length less one, which is no power of two.
  auto powerOfTwo = [&] {
    Value least =
        arith::MulIOp::create(n.b, n.loc, length, indexConstant(n, 2));
    return repeated(
        n, indexConstant(n, 1),
        [&](ValueRange x) -> Value {
          return arith::CmpIOp::create(n.b, n.loc, arith::CmpIPredicate::ult,
                                       x[0], least);
        },
        [&](ValueRange x) -> SmallVector<Value> {
          return {arith::AddIOp::create(n.b, n.loc, x[0], x[0])};
        })[0];
  };
  Value size = either(n, smooth, index, [&] { return length; }, powerOfTwo);
  Value sizes = asTensor(n, size);
  Type result = type.clone({2, ShapedType::kDynamic, type.getDimSize(1)});
  return either(
      n, smooth, result,
      [&] { return Steps(n, inverse).run(withImaginary(n, x), factors); },
      [&] {
        return chirpTransform(
            n, x, unknownChirp(n, asTensor(n, length), sizes, element, inverse),
            inverse, isReal);
      });
}

//===-- Lengths that are known --------------------------------------------===//

/// The product with the matrix of all roots, in f64: a sum of n terms has a
/// larger error than a fast transform's few steps.
static Value matrixTransform(NodeImport &n, Value x, bool inverse) {
  RankedTensorType type = NodeImport::typeOf(x);
  int64_t parts = type.getDimSize(0), length = type.getDimSize(2);
  Type element = type.getElementType(), f64 = n.b.getF64Type();
  SmallVector<double> matrix;
  for (bool toImaginary : {false, true})
    for (int64_t k = 0; k < length; ++k)
      for (int64_t part = 0; part < parts; ++part)
        for (int64_t j = 0; j < length; ++j) {
          std::complex<double> root = rootOfUnity(j * k, length);
          if (!inverse)
            root = std::conj(root);
          if (part == 1)
            root *= std::complex<double>(0, 1);
          matrix.push_back(toImaginary ? root.imag() : root.real());
        }
  Value rows = reshaped(n, n.transpose(n.cast(x, f64), {1, 0, 2}),
                        n.ints({-1, parts * length}));
  Value y = n.create<graph::MatMulOp>(
      rows, realConstant(n, {2 * length, parts * length}, f64, matrix), false,
      true);
  y = n.cast(n.transpose(y, {1, 0}), element);
  return reshaped(n, y, n.ints({2, length, -1}));
}

Value fastTransform(NodeImport &n, Value x, bool inverse, Value isReal) {
  if (!x)
    return nullptr;
  RankedTensorType type = NodeImport::typeOf(x);
  int64_t length = type.getDimSize(2);
  if (ShapedType::isDynamic(length) || length > kLongest)
    return unknownTransform(n, x, inverse, isReal);
  if (auto radices = radicesOf(length))
    return Steps(n, inverse).run(x, *radices);
  if (length < kLeastChirp)
    return matrixTransform(n, x, inverse);
  return chirpTransform(
      n, x, knownChirp(n, length, type.getElementType(), inverse), inverse,
      /*isReal=*/nullptr);
}

} // namespace weft::onnx
