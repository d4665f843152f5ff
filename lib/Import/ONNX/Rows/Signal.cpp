// Fourier transforms. Those of a length that only the run knows, or for which
// there is no better way, are matrix products. Angles are reduced before
// they are multiplied by pi, so large ones stay exact.
#include "Equation.h"
#include "Fourier.h"
#include "NamedAxes.h"
#include "Places.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include <cmath>

using namespace mlir;

namespace weft::onnx {

namespace {
/// cos and sin of 2 * pi * row * column / length, [rows, columns].
struct Waves {
  Value cosine, sine;
};
} // namespace

static Waves waves(NodeImport &n, Value rows, Value columns, Value length,
                   Type element) {
  Type f64 = n.b.getF64Type();
  Num row = Num(n, n.unsqueeze(n.iota(rows), {1})).as(f64),
      column = Num(n, n.iota(columns)).as(f64), whole = Num(n, length).as(f64);
  // All of these are integers below 2^53. The quotient may be rounded to the
  // next one: a turn more or less is the same angle.
  Num product = row * column;
  Num turn = product - floor(product / whole) * whole;
  Num angle = turn * (2 * M_PI) / whole;
  return {apply<graph::CosOp>(angle).as(element),
          apply<graph::SinOp>(angle).as(element)};
}

namespace {
struct Transform {
  Value length; ///< tensor<1xi64>
  bool inverse, onesided;
};
} // namespace

/// Component `i` of the last axis, which goes.
static Value component(NodeImport &n, Value x, int64_t i) {
  int64_t last = NodeImport::typeOf(x).getRank() - 1;
  return n.squeeze(n.slice(x, last, i, i + 1), {last});
}

/// The first `count` elements of axis `along`, and zeros where it has less.
static Value cutOrPadded(NodeImport &n, Value x, int64_t along, int64_t count) {
  x = n.slice(x, along, 0, count);
  Num missing = Num(n, n.ints({count})) - Num(n, n.extent(x, along));
  if (auto known = NodeImport::known(missing); !known || known->front() != 0)
    x = n.create<graph::PadOp>(x, n.concat({n.ints({0}), missing}, 0),
                               n.scalarLike(0, x), ArrayRef<int64_t>{along},
                               graph::PadMode::constant);
  if (!x)
    return nullptr;
  RankedTensorType type = NodeImport::typeOf(x);
  SmallVector<int64_t> shape(type.getShape());
  shape[along] = count;
  return n.b.createOrFold<tensor::CastOp>(n.loc, type.clone(shape), x);
}

/// All frequencies [.., length, parts] of a real signal, of which `x` has the
/// first half. The mean and the highest frequency of an even length are real.
static Value mirrored(NodeImport &n, Value x, int64_t length) {
  int64_t last = NodeImport::typeOf(x).getRank() - 1, along = last - 1;
  int64_t count = (length - 1) / 2;
  auto both = [&](Value part, bool conjugate) {
    if (count == 0)
      return part;
    Value rest = n.slice(part, along, count, 0, -1);
    return n.concat({part, conjugate ? n.create<graph::NegOp>(rest) : rest},
                    along);
  };
  Value re = both(n.slice(x, last, 0, 1), false);
  if (NodeImport::typeOf(x).getDimSize(last) == 1)
    return re;
  Value im = both(n.slice(x, last, 1, 2), true);
  SmallVector<bool> isComplex(length, true);
  isComplex[0] = false;
  if (length % 2 == 0)
    isComplex[length / 2] = false;
  auto mask = DenseElementsAttr::get(
      RankedTensorType::get({length, 1}, n.b.getI1Type()), isComplex);
  im = n.create<graph::SelectOp>(
      graph::ConstantOp::create(n.b, n.loc, mask).getResult(), im,
      n.scalarLike(0, im));
  return n.concat({re, im}, last);
}

/// The transform along the last axis but one of `given` [.., n, 1 or 2], of a
/// known length, with the numbers' own precision or f32's.
static Value knownTransform(NodeImport &n, Value given, int64_t length,
                            const Transform &t) {
  Type original = NodeImport::typeOf(given).getElementType();
  bool toReal = t.inverse && t.onesided;
  Value x = n.cast(given, original.isF64() ? original : n.b.getF32Type());
  int64_t rank = NodeImport::typeOf(x).getRank();
  int64_t half = length / 2 + 1;
  x = cutOrPadded(n, x, rank - 2, toReal ? half : length);
  if (toReal && x)
    x = mirrored(n, x, length);
  if (!x)
    return nullptr;
  int64_t parts = NodeImport::typeOf(x).getDimSize(rank - 1);
  Value outer = n.slice(n.shape(x), 0, 0, rank - 2);
  Ints order = {rank - 1};
  llvm::append_range(order, llvm::seq<int64_t>(0, rank - 1));
  Value y = n.reshape(n.transpose(x, order), {parts, -1, length});
  y = fastTransform(n, y, t.inverse);
  if (t.inverse)
    y = Num(n, y) * (1.0 / static_cast<double>(length));
  if (toReal)
    y = n.slice(y, 0, 0, 1);
  else if (t.onesided)
    y = n.slice(y, 1, 0, half);
  y = n.cast(y, original);
  if (!y)
    return nullptr;
  ArrayRef<int64_t> found = NodeImport::typeOf(y).getShape().take_front(2);
  y = n.create<graph::ReshapeOp>(y, n.concat({n.ints(found), outer}, 0),
                                 /*allow_zero=*/true);
  order = llvm::to_vector(llvm::seq<int64_t>(2, rank));
  order.append({1, 0});
  return n.transpose(y, order);
}

/// The transform along the last axis but one of `x` [.., n, 1 or 2], in f64: a
/// sum of n terms has a larger error than a fast transform's few steps.
static Value transform(NodeImport &n, Value given, const Transform &t) {
  if (!given)
    return nullptr;
  if (auto length = NodeImport::known(t.length);
      length && hasFastTransform(length->front()))
    return knownTransform(n, given, length->front(), t);
  Type original = NodeImport::typeOf(given).getElementType();
  Value x = n.cast(given, n.b.getF64Type());
  RankedTensorType type = NodeImport::typeOf(x);
  int64_t rank = type.getRank(), along = rank - 2;
  Type element = type.getElementType();
  bool isReal = type.getDimSize(rank - 1) == 1;
  Num length(n, t.length);
  Num half = length / 2.0 + 1.0;
  bool toReal = t.inverse && t.onesided;
  // What is longer than the transform is cut, what is shorter counts as zeros.
  Value used = toReal ? half : length;
  x = n.create<graph::SliceOp>(x, n.ints({0}), used, n.ints({1}),
                               ArrayRef<int64_t>{along});
  Value terms = n.extent(x, along);
  Waves w = waves(n, t.onesided && !t.inverse ? Value(half) : Value(length),
                  terms, length, element);
  if (toReal) {
    // Each frequency but the first and the middle stands for two.
    Num k(n, n.iota(terms));
    Num single = (k == 0.0) | (k * 2.0 == length);
    Num weight(n, n.create<graph::SelectOp>(single, n.scalar(1, element),
                                            n.scalar(2, element)));
    w = {n.create<graph::MulOp>(w.cosine, weight),
         n.create<graph::MulOp>(w.sine, weight)};
  }
  auto times = [&](Value a, Value matrix) {
    bool vector = a && NodeImport::typeOf(a).getRank() == 1;
    Value rows = vector ? n.unsqueeze(a, {0}) : a;
    Value y = n.create<graph::MatMulOp>(rows, matrix, false, true);
    return Num(n, vector ? n.squeeze(y, {0}) : y);
  };
  Value re = component(n, x, 0);
  Num real = times(re, w.cosine), imaginary = times(re, w.sine);
  if (!t.inverse)
    imaginary = 0.0 - imaginary;
  if (!isReal) {
    Value im = component(n, x, 1);
    Num a = times(im, w.sine), b = times(im, w.cosine);
    real = t.inverse ? real - a : real + a;
    imaginary = imaginary + b;
  }
  if (t.inverse) {
    Num scale = length.as(element);
    real = real / scale;
    imaginary = imaginary / scale;
  }
  Value first = n.unsqueeze(real.as(original), {rank - 1});
  return toReal ? first
                : n.concat(
                      {first, n.unsqueeze(imaginary.as(original), {rank - 1})},
                      rank - 1);
}

/// A length that is given as a scalar, as tensor<1xi64>.
static Value lengthInput(NodeImport &n, unsigned i) {
  return n.reshape(n.cast(n.input(i), n.b.getI64Type()), {1});
}

/// `x` with 1 or 2 parts of each number, known as its last extent. Where that
/// is data, real numbers get an imaginary part of 0.
static Value withKnownParts(NodeImport &n, Value x) {
  RankedTensorType type = NodeImport::typeOf(x);
  int64_t last = type.getRank() - 1;
  if (last < 0 || !type.isDynamicDim(last))
    return x;
  Num parts(n, n.extent(x, last));
  require(n, n.reshape((parts == 1.0) | (parts == 2.0), {}),
          "the last extent of the input must be 1 or 2");
  Value pads = n.concat({n.ints({0}), 2.0 - parts}, 0);
  Value padded =
      n.create<graph::PadOp>(x, pads, n.scalarLike(0, x),
                             ArrayRef<int64_t>{last}, graph::PadMode::constant);
  SmallVector<int64_t> shape(type.getShape());
  shape.back() = 2;
  return tensor::CastOp::create(n.b, n.loc, type.clone(shape), padded);
}

static Value dftAlong(NodeImport &n, Value x, int64_t axis) {
  int64_t rank = n.rank(0);
  Transform t{nullptr, n.integer("inverse", 0) != 0,
              n.integer("onesided", 0) != 0};
  if (n.has(1))
    t.length = lengthInput(n, 1);
  else if (t.inverse && t.onesided)
    t.length = (Num(n, n.extent(x, axis)) - 1.0) * 2.0;
  else
    t.length = n.extent(x, axis);
  Ints order = llvm::to_vector(llvm::seq<int64_t>(0, rank));
  std::swap(order[axis], order[rank - 2]);
  return n.transpose(transform(n, n.transpose(x, order), t), order);
}

static LogicalResult dft(NodeImport &n) {
  int64_t rank = n.rank(0);
  int64_t parts = rank ? n.type(0).getDimSize(rank - 1) : 0;
  if (rank < 2 || (parts != 1 && parts != 2 && !ShapedType::isDynamic(parts)))
    return n.error() << "the input is " << n.type(0)
                     << "; its last extent must be 1 or 2";
  Value x = withKnownParts(n, n.input(0));
  auto known = n.has(2) ? NodeImport::known(n.input(2)) : Ints{-2};
  if (!known) {
    SmallVector<int64_t> shape(rank, ShapedType::kDynamic);
    bool toReal = n.integer("inverse", 0) && n.integer("onesided", 0);
    shape.back() = toReal ? 1 : 2;
    Value flags = namedAxes(n, n.reshape(n.input(2), {1}), rank);
    Value isLast = n.reshape(n.slice(flags, 0, rank - 1, rank), {});
    require(n, n.create<graph::NotOp>(isLast),
            "the axis holds the parts of numbers");
    return n.result(byAxis(n, flags, rank - 1, n.type(0).clone(shape),
                           [&](int64_t axis) { return dftAlong(n, x, axis); }));
  }
  auto axis = known->size() == 1 ? n.axis(known->front(), rank) : std::nullopt;
  if (!axis)
    return failure();
  if (*axis == rank - 1)
    return n.error() << "axis " << *axis << " holds the parts of numbers";
  return n.result(dftAlong(n, x, *axis));
}

/// Transforms of pieces of a signal, which begin `step` apart.
static LogicalResult stft(NodeImport &n) {
  Value signal = n.input(0);
  if (n.rank(0) != 3)
    return n.error() << "the signal has rank " << n.rank(0)
                     << " where 3 is needed";
  signal = withKnownParts(n, signal);
  Value step = lengthInput(n, 1);
  Value window = n.input(2);
  Value length = n.has(3)   ? lengthInput(n, 3)
                 : n.has(2) ? n.extent(window, 0)
                            : n.extent(signal, 1);
  Value size = n.has(2) ? n.extent(window, 0) : length;
  Num frames = max(
      (Num(n, n.extent(signal, 1)) - Num(n, length)) / Num(n, step) + 1.0, 0.0);
  Num start(n, n.unsqueeze(n.iota(frames), {1}));
  Num places = start * Num(n, step) + Num(n, n.iota(size));
  Value pieces = n.create<graph::GatherOp>(signal, places, int64_t(1));
  if (window)
    pieces = n.create<graph::MulOp>(pieces, n.unsqueeze(window, {1}));
  Transform t{length, /*inverse=*/false, n.integer("onesided", 1) != 0};
  return n.result(transform(n, pieces, t));
}

/// Triangles over frequencies whose corners are even steps of the mel scale.
static LogicalResult melWeightMatrix(NodeImport &n) {
  Type f64 = n.b.getF64Type();
  Type element =
      elementType(n.b.getContext(), int(n.integer("output_datatype", 1)));
  if (!element)
    return n.error() << "output_datatype "
                     << typeName(int(n.integer("output_datatype", 1)))
                     << " is not supported";
  auto number = [&](unsigned i) {
    return Num(n, n.cast(n.reshape(n.input(i), {}), f64));
  };
  Value bins = max(Num(n, lengthInput(n, 0)), 0.0),
        length = max(Num(n, lengthInput(n, 1)), 0.0);
  auto mel = [&](Num hertz) {
    return 2595.0 / std::log(10.0) * apply<graph::Log1pOp>(hertz / 700.0);
  };
  Num low = mel(number(3)), high = mel(number(4));
  Num step = (high - low) / (number(0) + 2.0);
  Num corner(n, n.cast(n.iota(Num(n, bins) + 2.0), f64));
  Num hertz =
      700.0 *
      (apply<graph::ExpOp>((corner * step + low) * (std::log(10.0) / 2595)) -
       1.0);
  Num corners = floor((number(1) + 1.0) * hertz / number(2));
  auto shifted = [&](int64_t by) {
    return Num(n, n.create<graph::SliceOp>(corners, n.ints({by}),
                                           Num(n, bins) + double(by),
                                           n.ints({1}), ArrayRef<int64_t>{0}));
  };
  Num left = shifted(0), center = shifted(1), right = shifted(2);
  Num row(n, n.cast(n.unsqueeze(n.iota(Num(n, length) / 2.0 + 1.0), {1}), f64));
  Num rising = select(row >= left, (row - left) / max(center - left, 1.0), 0.0);
  Num falling =
      select(row < right, (right - row) / max(right - center, 1.0), 0.0);
  Num y = select(row == center, 1.0, select(row < center, rising, falling));
  return n.result(y.as(element));
}

void addSignalRows(Table &table) {
  constexpr auto floats = Row::kFloats;
  table.add({
      {"DFT", 20, dft, floats},
      {"MelWeightMatrix", 17, melWeightMatrix, Row::kNumbers},
      {"STFT", 17, stft, floats},
  });
}

} // namespace weft::onnx
