// Transforms of length r1 * r2 * … are a step of radix r1, r2, … each
// (Stockham's order, which sorts while it goes). The factors of real numbers
// stand the other way round: the steps are then those of a transform of real
// numbers, and what must be real is so to the last bit. Lengths with large
// prime factors are convolutions with a chirp (Bluestein), which are transforms
// of a power of two.
//
// Before a step the numbers are [parts, lines, r * rest] or, with the lines
// innermost, [r * rest, parts, lines]. It reads [r, rest] by columns, and what
// it found so far are more lines. Loops are long if lines stand innermost as
// soon as there are enough.
#include "Fourier.h"
#include "weft/Dialect/Graph/IR/Fourier.h"
#include "weft/Support/Constants.h"
#include "weft/Support/Roots.h"

using namespace mlir;

namespace weft::onnx {

/// More would be code as long as for the numbers.
static constexpr int64_t kLargestRadix = 13;
/// Shorter lengths with larger primes take less time as matrix products.
static constexpr int64_t kLeastChirp = 128;
/// Beyond that tables of roots are too large to be constants.
static constexpr int64_t kLongest = int64_t(1) << 24;
/// Lines that fill a vector.
static constexpr int64_t kManyLines = 16;

/// The radices, in the order of pocketfft for complex numbers; nothing where a
/// prime factor is too large.
static std::optional<Ints> radicesOf(int64_t length) {
  Ints radices;
  for (; length % 4 == 0; length /= 4)
    radices.push_back(4);
  if (length % 2 == 0) {
    radices.insert(radices.begin(), 2);
    length /= 2;
  }
  for (int64_t prime = 3; prime <= kLargestRadix; prime += 2)
    for (; length % prime == 0; length /= prime)
      radices.push_back(prime);
  if (length != 1)
    return std::nullopt;
  return radices;
}

bool hasFastTransform(int64_t length) {
  return length > 1 && length <= kLongest &&
         (length >= kLeastChirp || radicesOf(length));
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
static Value reshaped(NodeImport &n, Value x, ArrayRef<int64_t> shape) {
  return n.create<graph::ReshapeOp>(x, n.ints(shape), /*allow_zero=*/true);
}

namespace {

/// One transform of lines of a length.
class Steps {
public:
  Steps(NodeImport &n, Value x, bool inverse)
      : n(n), x(x), inverse(inverse),
        element(NodeImport::typeOf(x).getElementType()),
        parts(NodeImport::typeOf(x).getDimSize(0)),
        lines(NodeImport::typeOf(x).getDimSize(1)),
        length(NodeImport::typeOf(x).getDimSize(2)) {}

  /// [2, length, lines].
  Value run(ArrayRef<int64_t> radices);

private:
  /// One step; the lines become `radix` times as many.
  void step(int64_t radix);
  Value piece(Value columns, int64_t part, int64_t q);
  /// The roots by which result p of a step is multiplied, p = 1 … radix - 1:
  /// real parts, then imaginary parts.
  SmallVector<Value> twiddles(int64_t radix, int64_t rest);
  void moveLinesInside() {
    x = n.transpose(x, {2, 0, 1});
    inside = true;
  }

  NodeImport &n;
  Value x;
  bool inverse, inside = false;
  Type element;
  int64_t parts, lines, length;
};

} // namespace

SmallVector<Value> Steps::twiddles(int64_t radix, int64_t rest) {
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

Value Steps::piece(Value columns, int64_t part, int64_t q) {
  Ints from = inside ? Ints{q, part} : Ints{part, q};
  return n.create<graph::SliceOp>(columns, n.ints(from),
                                  n.ints({from[0] + 1, from[1] + 1}),
                                  n.ints({1, 1}), ArrayRef<int64_t>{0, 2});
}

void Steps::step(int64_t radix) {
  int64_t rest = length / radix;
  // What is not known may be 0, but only the lines may.
  int64_t all = ShapedType::isDynamic(lines) ? -1 : lines;
  Value columns = reshaped(n, x,
                           inside ? Ints{radix, rest, parts, all}
                                  : Ints{parts, all, radix, rest});
  SmallVector<Value> re, im;
  for (int64_t q = 0; q < radix; ++q) {
    re.push_back(piece(columns, 0, q));
    if (parts == 2)
      im.push_back(piece(columns, 1, q));
  }
  auto butterfly = graph::ButterflyOp::create(n.b, n.loc, re, im,
                                              twiddles(radix, rest), inverse);
  x = n.concat(butterfly.getParts(), inside ? 2 : 0);
  parts = 2;
  length = rest;
  if (!ShapedType::isDynamic(lines))
    all = lines *= radix;
  x = reshaped(n, x, inside ? Ints{rest, 2, all} : Ints{2, all, rest});
}

Value Steps::run(ArrayRef<int64_t> radices) {
  Ints order(radices);
  if (parts == 1)
    std::reverse(order.begin(), order.end());
  int64_t whole = length, given = lines;
  for (int64_t radix : order) {
    if (!inside && (ShapedType::isDynamic(lines) || lines >= kManyLines))
      moveLinesInside();
    step(radix);
  }
  return reshaped(n, x, {2, whole, ShapedType::isDynamic(given) ? -1 : given});
}

//===-- Convolution with a chirp ------------------------------------------===//

/// exp(-pi * i * j * j / length), or its conjugate.
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

namespace {
/// Complex numbers.
struct Parts {
  Value re, im;
};
} // namespace

static Parts complexConstant(NodeImport &n, ArrayRef<int64_t> shape,
                             Type element,
                             ArrayRef<std::complex<double>> values) {
  SmallVector<double, 0> re, im;
  for (std::complex<double> value : values) {
    re.push_back(value.real());
    im.push_back(value.imag());
  }
  return {realConstant(n, shape, element, re),
          realConstant(n, shape, element, im)};
}

/// x * y for x [1 or 2, …]; [2, …].
static Value times(NodeImport &n, Value x, Parts y) {
  auto part = [&](int64_t i) { return n.slice(x, 0, i, i + 1); };
  auto product = [&](Value a, Value b) { return n.create<graph::MulOp>(a, b); };
  Value re = product(part(0), y.re), im = product(part(0), y.im);
  if (NodeImport::typeOf(x).getDimSize(0) == 2) {
    re = n.create<graph::SubOp>(re, product(part(1), y.im));
    im = n.create<graph::AddOp>(im, product(part(1), y.re));
  }
  return n.concat({re, im}, 0);
}

/// X_k = c_k * sum over j of (x_j * c_j) * conj(c_(k-j)), c the chirp: twice
/// j * k is j² + k² - (k - j)².
static Value chirpTransform(NodeImport &n, Value x, bool inverse) {
  RankedTensorType type = NodeImport::typeOf(x);
  Type element = type.getElementType();
  int64_t length = type.getDimSize(2);
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
  Value y = times(n, x, complexConstant(n, {length}, element, chirps));
  y = n.create<graph::PadOp>(y, n.ints({0, size - length}), n.scalarLike(0, y),
                             ArrayRef<int64_t>{2}, graph::PadMode::constant);
  y = Steps(n, y, /*inverse=*/false).run(*radicesOf(size));
  y = times(n, y, complexConstant(n, {size, 1}, element, filter));
  y = n.transpose(y, {0, 2, 1});
  y = Steps(n, y, /*inverse=*/true).run(*radicesOf(size));
  y = n.slice(y, 1, 0, length);
  return times(n, y, complexConstant(n, {length, 1}, element, chirps));
}

Value fastTransform(NodeImport &n, Value x, bool inverse) {
  if (!x)
    return nullptr;
  auto radices = radicesOf(NodeImport::typeOf(x).getDimSize(2));
  return radices ? Steps(n, x, inverse).run(*radices)
                 : chirpTransform(n, x, inverse);
}

} // namespace weft::onnx
