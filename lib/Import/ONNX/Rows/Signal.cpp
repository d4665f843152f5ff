// Fourier transforms, and the operators around them.
#include "Equation.h"
#include "Fourier.h"
#include "NamedAxes.h"
#include "Places.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include <cmath>
#include <functional>

using namespace mlir;

namespace weft::onnx {

namespace {
struct Transform {
  Value length; ///< tensor<1xi64>
  bool inverse, onesided;
  Value isReal; ///< i1 where only the run knows how many parts numbers have
};
} // namespace

/// The elements [start, end) of axis `along`.
static Value slice(NodeImport &n, Value x, int64_t along, Value start,
                   Value end, int64_t step = 1) {
  return n.create<graph::SliceOp>(x, start, end, n.ints({step}),
                                  ArrayRef<int64_t>{along});
}

/// The first `count` elements of axis `along`, and zeros where it has less.
static Value cutOrPadded(NodeImport &n, Value x, int64_t along, Value count) {
  x = slice(n, x, along, n.ints({0}), count);
  Num missing = Num(n, count) - Num(n, n.extent(x, along));
  if (auto known = NodeImport::known(missing); !known || known->front() != 0)
    x = n.create<graph::PadOp>(x, n.concat({n.ints({0}), missing}, 0),
                               n.scalarLike(0, x), ArrayRef<int64_t>{along},
                               graph::PadMode::constant);
  auto known = NodeImport::known(count);
  if (!x || !known)
    return x;
  RankedTensorType type = NodeImport::typeOf(x);
  SmallVector<int64_t> shape(type.getShape());
  shape[along] = known->front();
  return n.b.createOrFold<tensor::CastOp>(n.loc, type.clone(shape), x);
}

/// All frequencies [.., length, parts] of a real signal, of which `x` has the
/// first half.
static Value mirrored(NodeImport &n, Value x, Num length) {
  int64_t last = NodeImport::typeOf(x).getRank() - 1, along = last - 1;
  Value count = (length - 1.0) / 2.0;
  auto known = NodeImport::known(count);
  auto both = [&](Value part, bool conjugate) {
    if (known && known->front() == 0)
      return part;
    Value rest = slice(n, part, along, count, n.ints({0}), -1);
    return n.concat({part, conjugate ? n.create<graph::NegOp>(rest) : rest},
                    along);
  };
  Value re = both(n.slice(x, last, 0, 1), false);
  if (NodeImport::typeOf(x).getDimSize(last) == 1)
    return re;
  Num im(n, both(n.slice(x, last, 1, 2), true));
  Num isReal(n, realFrequencies(n, length));
  return n.concat({re, select(isReal, 0.0, im)}, last);
}

/// The transform along the last axis but one of `given` [.., n, 1 or 2], with
/// the numbers' own precision or f32's.
static Value transform(NodeImport &n, Value given, const Transform &t) {
  if (!given)
    return nullptr;
  Type original = NodeImport::typeOf(given).getElementType();
  bool toReal = t.inverse && t.onesided;
  Value x = n.cast(given, original.isF64() ? original : n.b.getF32Type());
  // No numbers transform like one 0.
  Num asked(n, t.length), length = max(asked, 1.0);
  auto halfOf = [](Num x) { return x / 2.0 + 1.0; };
  int64_t rank = NodeImport::typeOf(given).getRank();
  x = cutOrPadded(n, x, rank - 2, toReal ? halfOf(length) : length);
  if (toReal && x)
    x = mirrored(n, x, length);
  if (!x)
    return nullptr;
  int64_t parts = NodeImport::typeOf(x).getDimSize(rank - 1);
  Value outer = n.slice(n.shape(x), 0, 0, rank - 2);
  Ints order = {rank - 1};
  llvm::append_range(order, llvm::seq<int64_t>(0, rank - 1));
  Value shape = n.concat({n.ints({parts, -1}), length}, 0);
  Value y = n.create<graph::ReshapeOp>(n.transpose(x, order), shape,
                                       /*allow_zero=*/true);
  y = fastTransform(n, y, t.inverse, t.isReal);
  if (t.inverse && y) {
    Num scale = 1.0 / length.as(n.b.getF64Type());
    y = Num(n, y) * scale.as(NodeImport::typeOf(y).getElementType());
  }
  if (toReal)
    y = n.slice(y, 0, 0, 1);
  y = slice(n, y, 1, n.ints({0}),
            t.onesided && !t.inverse ? halfOf(asked) : asked);
  y = n.cast(y, original);
  if (!y)
    return nullptr;
  Value found = n.slice(n.shape(y), 0, 0, 2);
  y = n.create<graph::ReshapeOp>(y, n.concat({found, outer}, 0),
                                 /*allow_zero=*/true);
  order = llvm::to_vector(llvm::seq<int64_t>(2, rank));
  order.append({1, 0});
  return n.transpose(y, order);
}

/// A length that is given as a scalar, as tensor<1xi64>.
static Value lengthInput(NodeImport &n, unsigned i) {
  return n.reshape(n.cast(n.input(i), n.b.getI64Type()), {1});
}

/// `x` with 1 or 2 parts of each number, known as its last extent. Where that
/// is data, real numbers get an imaginary part of 0, and `isReal` (i1) tells.
static Value withKnownParts(NodeImport &n, Value x, Value &isReal) {
  RankedTensorType type = NodeImport::typeOf(x);
  int64_t last = type.getRank() - 1;
  if (last < 0 || !type.isDynamicDim(last))
    return x;
  Num parts(n, n.extent(x, last));
  require(n, n.reshape((parts == 1.0) | (parts == 2.0), {}),
          "the last extent of the input must be 1 or 2");
  isReal = elementOf(n, parts == 1.0, 0);
  Value pads = n.concat({n.ints({0}), 2.0 - parts}, 0);
  Value padded =
      n.create<graph::PadOp>(x, pads, n.scalarLike(0, x),
                             ArrayRef<int64_t>{last}, graph::PadMode::constant);
  SmallVector<int64_t> shape(type.getShape());
  shape.back() = 2;
  return tensor::CastOp::create(n.b, n.loc, type.clone(shape), padded);
}

static LogicalResult dft(NodeImport &n) {
  int64_t rank = n.rank(0);
  int64_t parts = rank ? n.type(0).getDimSize(rank - 1) : 0;
  if (rank < 2 || (parts != 1 && parts != 2 && !ShapedType::isDynamic(parts)))
    return n.error() << "the input is " << n.type(0)
                     << "; its last extent must be 1 or 2";
  Transform t{nullptr, n.integer("inverse", 0) != 0,
              n.integer("onesided", 0) != 0, nullptr};
  Value x = withKnownParts(n, n.input(0), t.isReal);
  // The axis of the transform changes places with the last one before the
  // parts.
  std::function<Value(Value)> exchanged;
  auto exchangedWith = [&n, rank](Value x, int64_t axis) {
    Ints order = llvm::to_vector(llvm::seq<int64_t>(0, rank));
    std::swap(order[axis], order[rank - 2]);
    return n.transpose(x, order);
  };
  auto known = n.has(2) ? NodeImport::known(n.input(2)) : Ints{-2};
  if (!known) {
    Value flags = namedAxes(n, n.reshape(n.input(2), {1}), rank);
    Value isLast = n.reshape(n.slice(flags, 0, rank - 1, rank), {});
    require(n, n.create<graph::NotOp>(isLast),
            "the axis holds the parts of numbers");
    exchanged = [&n, flags, rank, exchangedWith](Value x) -> Value {
      if (!x)
        return nullptr;
      RankedTensorType type = NodeImport::typeOf(x);
      SmallVector<int64_t> shape(rank, ShapedType::kDynamic);
      shape.back() = type.getShape().back();
      return byAxis(n, flags, rank - 1, type.clone(shape),
                    [&](int64_t axis) { return exchangedWith(x, axis); });
    };
  } else {
    auto axis =
        known->size() == 1 ? n.axis(known->front(), rank) : std::nullopt;
    if (!axis)
      return failure();
    if (*axis == rank - 1)
      return n.error() << "axis " << *axis << " holds the parts of numbers";
    exchanged = [axis, exchangedWith](Value x) {
      return exchangedWith(x, *axis);
    };
  }
  x = exchanged(x);
  if (n.has(1))
    t.length = lengthInput(n, 1);
  else if (t.inverse && t.onesided)
    t.length = (Num(n, n.extent(x, rank - 2)) - 1.0) * 2.0;
  else
    t.length = n.extent(x, rank - 2);
  return n.result(exchanged(transform(n, x, t)));
}

/// Transforms of pieces of a signal, which begin `step` apart.
static LogicalResult stft(NodeImport &n) {
  Value signal = n.input(0);
  if (n.rank(0) != 3)
    return n.error() << "the signal has rank " << n.rank(0)
                     << " where 3 is needed";
  Value isReal;
  signal = withKnownParts(n, signal, isReal);
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
  Transform t{length, /*inverse=*/false, n.integer("onesided", 1) != 0, isReal};
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
