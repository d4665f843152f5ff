// Quantized values: real numbers as (integer - zero point) * scale. Products
// are summed exactly in i32; what is not a product is computed in f32.
#include "../NarrowTypes.h"
#include "../Table.h"
#include "Shared.h"

using namespace mlir;

namespace weft::onnx {

Value alongAxis(NodeImport &n, Value values, int64_t axis, int64_t rank) {
  if (!values)
    return nullptr;
  int64_t own = NodeImport::typeOf(values).getRank();
  if (own == 0 || own == rank)
    return values;
  if (own != 1) {
    n.error() << "scale or zero point has rank " << own << "; 0, 1 or " << rank
              << " are possible";
    return nullptr;
  }
  Ints others;
  for (int64_t i = 0; i < rank; ++i)
    if (i != axis)
      others.push_back(i);
  return n.unsqueeze(values, others);
}

static Type elementOf(Value value) {
  return NodeImport::typeOf(value).getElementType();
}

Value centred(NodeImport &n, Value x, Value zeroPoint) {
  if (!x)
    return nullptr;
  Type element = elementOf(x);
  Type wide =
      isa<FloatType>(element) ? Type(n.b.getF32Type()) : Type(n.b.getI32Type());
  Value value = n.cast(x, wide);
  return zeroPoint ? n.create<graph::SubOp>(value, n.cast(zeroPoint, wide))
                   : value;
}

Value quantized(NodeImport &n, Value x, Value scale, Value zeroPoint,
                Type element, bool saturate) {
  Value ratio = n.create<graph::DivOp>(x, scale);
  if (!ratio)
    return nullptr;
  if (isa<FloatType>(element)) {
    NarrowRounding rounding;
    rounding.saturate = saturate;
    return encodeNarrow(n, ratio, element, rounding);
  }
  auto integer = cast<IntegerType>(element);
  unsigned width = integer.getWidth();
  bool isCommon = (width == 8 || width == 16) && elementOf(ratio).isF32() &&
                  (!zeroPoint || elementOf(zeroPoint) == element);
  if (isCommon)
    return n.create<graph::QuantizeOp>(ratio, zeroPoint ? zeroPoint
                                                        : n.scalar(0, element));
  bool isUnsigned = integer.isUnsigned();
  double least = isUnsigned ? 0 : -std::ldexp(1.0, width - 1),
         most = std::ldexp(1.0, isUnsigned ? width : width - 1) - 1;
  // f16 and bf16 cannot hold all sums.
  Type f32 = n.b.getF32Type();
  Value whole = n.create<graph::RoundOp>(ratio);
  if (!elementOf(ratio).isF64())
    whole = n.cast(whole, f32);
  if (zeroPoint)
    whole = n.create<graph::AddOp>(whole, n.cast(zeroPoint, elementOf(whole)));
  Value clamped = n.create<graph::ClampOp>(whole, n.scalarLike(least, whole),
                                           n.scalarLike(most, whole));
  Value bytes = n.cast(clamped, storageType(element));
  return isNarrow(element) ? fromBytes(n, bytes, element) : bytes;
}

Value scaledProduct(NodeImport &n, const Scaled &a, const Scaled &b,
                    Value bias) {
  Value sum =
      n.create<graph::MatMulOp>(centred(n, a.whole, a.zeroPoint),
                                centred(n, b.whole, b.zeroPoint), false, false);
  Value y = n.create<graph::MulOp>(n.cast(sum, n.b.getF32Type()),
                                   n.create<graph::MulOp>(a.scale, b.scale));
  return bias ? n.create<graph::AddOp>(y, bias) : y;
}

//===- QuantizeLinear, DequantizeLinear -----------------------------------===//

namespace {
/// The second and third input, so that they broadcast with the first.
struct Parameters {
  Value scale, zeroPoint;
};
} // namespace

/// Repeats each element along `axis` as often as a block is long.
static Value spreadBlocks(NodeImport &n, Value values, int64_t axis,
                          int64_t block) {
  if (!values || NodeImport::typeOf(values).getRank() != n.rank(0))
    return values;
  Value position = n.iota(n.extent(n.input(0), axis));
  Value index = n.create<graph::DivOp>(position, n.intScalar(block));
  return n.create<graph::GatherOp>(values, index, axis);
}

static std::optional<Parameters> parameters(NodeImport &n) {
  int64_t rank = n.rank(0), block = n.integer("block_size", 0);
  if (block < 0) {
    n.error() << "block_size is " << block << "; 0 at least is needed";
    return {};
  }
  int64_t axis = 0;
  // The axis does not count where there is one scale, which files write as a
  // scalar or as one element.
  bool perTensor =
      n.rank(1) == 0 || (n.rank(1) == 1 && n.type(1).getDimSize(0) == 1);
  if (perTensor && !block) {
    auto scalar = [&](unsigned i) {
      return n.rank(i) ? n.reshape(n.input(i), {}) : n.input(i);
    };
    return Parameters{scalar(1), n.has(2) ? scalar(2) : Value()};
  }
  if (rank > 0) {
    auto given = n.axis(n.integer("axis", 1), rank);
    if (!given)
      return {};
    axis = *given;
  }
  Parameters p;
  if (block) {
    if (rank == 0 || n.rank(1) != rank) {
      n.error() << "scales of blocks have rank " << n.rank(1)
                << " where the input has " << rank
                << "; equal ranks of 1 at least are needed";
      return {};
    }
    p.scale = spreadBlocks(n, n.input(1), axis, block);
    p.zeroPoint = spreadBlocks(n, n.input(2), axis, block);
    return p.scale ? std::optional(p) : std::nullopt;
  }
  p.scale = alongAxis(n, n.input(1), axis, rank);
  p.zeroPoint = alongAxis(n, n.input(2), axis, rank);
  if (!p.scale || (n.has(2) && !p.zeroPoint))
    return {};
  return p;
}

/// The type that an attribute names; null with an error where there is none.
static Type namedType(NodeImport &n, StringRef attribute, Type otherwise) {
  int64_t number = n.integer(attribute, 0);
  if (number == 0)
    return otherwise;
  Type type = elementType(n.b.getContext(), int(number));
  if (!type)
    n.error() << attribute << " " << typeName(int(number))
              << " is not supported";
  return type;
}

static LogicalResult quantizeLinear(NodeImport &n) {
  if (failed(needInputs(n, 2)))
    return failure();
  auto p = parameters(n);
  Type u8 = IntegerType::get(n.b.getContext(), 8, IntegerType::Unsigned);
  Type element =
      n.has(2) ? n.type(2).getElementType() : namedType(n, "output_dtype", u8);
  if (!p || !element)
    return failure();
  Value scale = p->scale;
  if (isNarrow(elementOf(scale)))
    scale = n.cast(scale, n.b.getF32Type());
  Type precision = namedType(n, "precision", elementOf(scale));
  if (!precision || !isa<FloatType>(precision))
    return n.error() << "scales are of " << elementOf(scale)
                     << " where floats are needed";
  return n.result(quantized(n, n.cast(n.input(0), precision),
                            n.cast(scale, precision), p->zeroPoint, element,
                            n.integer("saturate", 1) != 0));
}

static LogicalResult dequantizeLinear(NodeImport &n) {
  if (failed(needInputs(n, 2)))
    return failure();
  auto p = parameters(n);
  if (!p)
    return failure();
  Type scaleType = elementOf(p->scale), f32 = n.b.getF32Type();
  Type element =
      namedType(n, "output_dtype", isNarrow(scaleType) ? f32 : scaleType);
  if (!element)
    return failure();
  Type precision = scaleType.isF64() ? scaleType : f32;
  Value x = n.cast(centred(n, n.input(0), p->zeroPoint), precision);
  Value y = n.create<graph::MulOp>(x, n.cast(p->scale, precision));
  return n.result(y ? n.cast(y, element) : nullptr);
}

//===- Products -----------------------------------------------------------===//

/// A vector of values for the rows of a matrix, as a column.
static Value perRow(NodeImport &n, Value values) {
  return values && NodeImport::typeOf(values).getRank() == 1
             ? n.unsqueeze(values, {1})
             : values;
}

static LogicalResult matMulInteger(NodeImport &n) {
  Value a = centred(n, n.input(0), perRow(n, n.input(2))),
        b = centred(n, n.input(1), n.input(3));
  return n.result(matrixProduct(n, a, b));
}

static LogicalResult qLinearMatMul(NodeImport &n) {
  for (unsigned i : {1, 2, 4, 5, 6, 7})
    if (!n.has(i))
      return n.error() << "input " << i << " is missing";
  Type f32 = n.b.getF32Type();
  Value a = centred(n, n.input(0), perRow(n, n.input(2))),
        b = centred(n, n.input(3), n.input(5));
  Value sum = n.cast(matrixProduct(n, a, b), f32);
  Value real = n.create<graph::MulOp>(
      n.create<graph::MulOp>(sum, n.cast(perRow(n, n.input(1)), f32)),
      n.cast(n.input(4), f32));
  return n.result(quantized(n, real, n.cast(perRow(n, n.input(6)), f32),
                            perRow(n, n.input(7)), n.type(7).getElementType()));
}

void addQuantizationRows(Table &table) {
  constexpr auto all = Row::kNumbers;
  table.add({
      {"DequantizeLinear", 25, dequantizeLinear, all},
      {"MatMulInteger", 10, matMulInteger, "int"},
      {"QLinearMatMul", 21, qLinearMatMul, all},
      {"QuantizeLinear", 25, quantizeLinear, all},
      // The same, as written before ONNX had integers of 4 and 16 bits.
      {"com.microsoft.DequantizeLinear", 1, dequantizeLinear, all},
      {"com.microsoft.QuantizeLinear", 1, quantizeLinear, all},
  });
}

} // namespace weft::onnx
