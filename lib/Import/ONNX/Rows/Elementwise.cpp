// Operators that are one elementwise op of graph, or two.
#include "../NarrowTypes.h"
#include "../Strings.h"
#include "../Table.h"

using namespace mlir;

namespace weft::onnx {

template <typename Op>
static LogicalResult unary(NodeImport &n) {
  return n.result(n.create<Op>(n.input(0)));
}

template <typename Op>
static LogicalResult binary(NodeImport &n) {
  return n.result(n.create<Op>(n.input(0), n.input(1)));
}

/// Max, Min, Sum: any number of inputs.
template <typename Op>
static LogicalResult variadic(NodeImport &n) {
  Value sum = n.input(0);
  for (unsigned i = 1; i < n.inputCount(); ++i)
    sum = n.create<Op>(sum, n.input(i));
  return n.result(sum);
}

static LogicalResult mean(NodeImport &n) {
  if (failed(variadic<graph::AddOp>(n)))
    return failure();
  Value sum = n.outputs[0];
  return n.result(
      n.create<graph::DivOp>(sum, n.scalarLike(double(n.inputCount()), sum)));
}

template <graph::Comparison relation>
static LogicalResult comparison(NodeImport &n) {
  return n.result(n.compare(relation, n.input(0), n.input(1)));
}

static LogicalResult identity(NodeImport &n) { return n.result(n.input(0)); }

/// Narrow floats may saturate or not, and float8e8m0 rounds as asked.
static Value converted(NodeImport &n, Value x, Type to) {
  Type from = NodeImport::typeOf(x).getElementType();
  if (isString(from) && !isString(to))
    return stringsToNumbers(n, x, to);
  if (isString(to) && !isString(from))
    return numbersToStrings(n, x);
  if (!isNarrow(to) || from == to)
    return n.cast(x, to);
  NarrowRounding rounding;
  rounding.saturate = n.integer("saturate", 1) != 0;
  StringRef mode = n.text("round_mode", "up");
  if (isa<Float8E8M0FNUType>(to)) {
    if (mode != "up" && mode != "down" && mode != "nearest") {
      n.error() << "round_mode is '" << mode << "', not up, down or nearest";
      return nullptr;
    }
    rounding.direction = mode == "up"     ? NarrowRounding::Up
                         : mode == "down" ? NarrowRounding::Down
                                          : NarrowRounding::Nearest;
  }
  return encodeNarrow(n, isNarrow(from) ? decodeNarrow(n, x) : x, to, rounding);
}

static LogicalResult cast(NodeImport &n) {
  int64_t to = n.integer("to", 0);
  Type element = anyElementType(n.b.getContext(), int(to));
  if (!element)
    return n.error() << "conversion to " << typeName(int(to))
                     << " is not supported";
  return n.result(converted(n, n.input(0), element));
}

static LogicalResult bitCast(NodeImport &n) {
  int to = int(n.integer("to", 0));
  Type element = elementType(n.b.getContext(), to);
  if (!element)
    return n.error() << "element type " << typeName(to) << " is not supported";
  Value x = n.input(0);
  Type from = n.type(0).getElementType();
  // A bool is a byte in memory, whose other bits are 0.
  if (from.isInteger(1) != element.isInteger(1)) {
    if (from.isInteger(1) && element.getIntOrFloatBitWidth() == 8)
      return n.result(n.create<graph::BitCastOp>(
          n.cast(x, n.b.getIntegerType(8)), TypeAttr::get(element)));
    if (element.isInteger(1) && from.getIntOrFloatBitWidth() == 8)
      return n.result(n.cast(x, element));
  }
  return n.result(n.create<graph::BitCastOp>(x, TypeAttr::get(element)));
}

static LogicalResult castLike(NodeImport &n) {
  return n.result(converted(n, n.input(0), n.type(1).getElementType()));
}

/// The exponent may be of another type; the result has that of the base.
static LogicalResult pow(NodeImport &n) {
  Value x = n.input(0), y = n.input(1);
  Type base = n.type(0).getElementType(), exponent = n.type(1).getElementType();
  if (isa<FloatType>(base) || !isa<FloatType>(exponent))
    return n.result(n.create<graph::PowOp>(x, n.cast(y, base)));
  if (isa<FloatType>(base))
    return n.result(
        n.cast(n.create<graph::PowOp>(n.cast(x, exponent), y), base));
  // The conversion to integers cuts off, so a power just below one that is
  // whole is moved up first.
  Type f64 = n.b.getF64Type();
  Value power = n.create<graph::PowOp>(n.cast(x, f64), n.cast(y, f64));
  Value raised = n.create<graph::MulOp>(
      power, n.scalar(1 + 4 * std::numeric_limits<double>::epsilon(), f64));
  return n.result(n.cast(raised, base));
}

static LogicalResult clip(NodeImport &n) {
  Value x = n.input(0), low = n.input(1), high = n.input(2);
  if (low && high)
    return n.result(n.create<graph::ClampOp>(x, low, high));
  if (low)
    x = n.create<graph::MaxOp>(x, low);
  if (high)
    x = n.create<graph::MinOp>(x, high);
  return n.result(x);
}

static LogicalResult where(NodeImport &n) {
  return n.result(
      n.create<graph::SelectOp>(n.input(0), n.input(1), n.input(2)));
}

/// fmod=1 is C's remainder; otherwise the result has the sign of the divisor.
static LogicalResult mod(NodeImport &n) {
  Value x = n.input(0), y = n.input(1);
  Value rest = n.create<graph::RemOp>(x, y);
  if (n.integer("fmod", 0) || graph::isUnsigned(x))
    return n.result(rest);
  Value zero = n.scalarLike(0, x);
  Value signsDiffer =
      n.create<graph::XorOp>(n.compare(graph::Comparison::less, rest, zero),
                             n.compare(graph::Comparison::less, y, zero));
  Value wrong = n.create<graph::AndOp>(
      n.compare(graph::Comparison::notEqual, rest, zero), signsDiffer);
  return n.result(
      n.create<graph::SelectOp>(wrong, n.create<graph::AddOp>(rest, y), rest));
}

static LogicalResult bitShift(NodeImport &n) {
  StringRef direction = n.text("direction", "");
  if (direction == "LEFT")
    return binary<graph::ShlOp>(n);
  if (direction != "RIGHT")
    return n.error() << "direction is '" << direction << "', not LEFT or RIGHT";
  Value x = n.input(0), y = n.input(1);
  Value shifted = n.create<graph::ShrOp>(x, y);
  if (graph::isUnsigned(x))
    return n.result(shifted);
  // Ones are shifted into negative numbers: ~(~x >> y).
  Value ones = n.create<graph::NotOp>(
      n.create<graph::ShrOp>(n.create<graph::NotOp>(x), y));
  Value negative = n.compare(graph::Comparison::less, x, n.scalarLike(0, x));
  return n.result(n.create<graph::SelectOp>(negative, ones, shifted));
}

static LogicalResult isInf(NodeImport &n) {
  return n.result(
      n.create<graph::IsInfOp>(n.input(0), n.integer("detect_positive", 1) != 0,
                               n.integer("detect_negative", 1) != 0));
}

void addElementwiseRows(Table &table) {
  constexpr auto floats = Row::kFloats, all = Row::kAll, any = Row::kAny,
                 bools = Row::kBools;
  using graph::Comparison;
  table.add({
      {"Abs", 13, unary<graph::AbsOp>},
      {"Acos", 22, unary<graph::AcosOp>, floats},
      {"Acosh", 22, unary<graph::AcoshOp>, floats},
      {"Add", 14, binary<graph::AddOp>},
      {"And", 7, binary<graph::AndOp>, bools},
      {"Asin", 22, unary<graph::AsinOp>, floats},
      {"Asinh", 22, unary<graph::AsinhOp>, floats},
      {"Atan", 22, unary<graph::AtanOp>, floats},
      {"Atanh", 22, unary<graph::AtanhOp>, floats},
      {"BitCast", 26, bitCast, all},
      {"BitShift", 11, bitShift, "int"},
      {"BitwiseAnd", 18, binary<graph::AndOp>, "int"},
      {"BitwiseNot", 18, unary<graph::NotOp>, "int"},
      {"BitwiseOr", 18, binary<graph::OrOp>, "int"},
      {"BitwiseXor", 18, binary<graph::XorOp>, "int"},
      {"Cast", 25, cast, any},
      {"CastLike", 25, castLike, any},
      {"Ceil", 13, unary<graph::CeilOp>, floats},
      {"Clip", 13, clip},
      {"Cos", 22, unary<graph::CosOp>, floats},
      {"Cosh", 22, unary<graph::CoshOp>, floats},
      {"Div", 14, binary<graph::DivOp>},
      {"Equal", 19, comparison<Comparison::equal>, any},
      {"Erf", 13, unary<graph::ErfOp>, floats},
      {"Exp", 13, unary<graph::ExpOp>, floats},
      {"Floor", 13, unary<graph::FloorOp>, floats},
      {"Greater", 13, comparison<Comparison::greater>},
      {"GreaterOrEqual", 16, comparison<Comparison::greaterOrEqual>},
      {"Identity", 25, identity, any, Row::AnyValue},
      {"IsInf", 20, isInf, floats},
      {"IsNaN", 20, unary<graph::IsNanOp>, floats},
      {"Less", 13, comparison<Comparison::less>},
      {"LessOrEqual", 16, comparison<Comparison::lessOrEqual>},
      {"Log", 13, unary<graph::LogOp>, floats},
      {"Max", 13, variadic<graph::MaxOp>},
      {"Mean", 13, mean, floats},
      {"Min", 13, variadic<graph::MinOp>},
      {"Mod", 13, mod},
      {"Mul", 14, binary<graph::MulOp>},
      {"Neg", 13, unary<graph::NegOp>},
      {"Not", 1, unary<graph::NotOp>, bools},
      {"Or", 7, binary<graph::OrOp>, bools},
      {"Pow", 15, pow},
      {"Relu", 14, unary<graph::ReluOp>},
      {"Round", 22, unary<graph::RoundOp>, floats},
      {"Sigmoid", 13, unary<graph::SigmoidOp>, floats},
      {"Sign", 13, unary<graph::SignOp>},
      {"Sin", 22, unary<graph::SinOp>, floats},
      {"Sinh", 22, unary<graph::SinhOp>, floats},
      {"Sqrt", 13, unary<graph::SqrtOp>, floats},
      {"Sub", 14, binary<graph::SubOp>},
      {"Sum", 13, variadic<graph::AddOp>, floats},
      {"Tan", 22, unary<graph::TanOp>, floats},
      {"Tanh", 13, unary<graph::TanhOp>, floats},
      {"Where", 16, where, any},
      {"Xor", 7, binary<graph::XorOp>, bools},
  });
}

} // namespace weft::onnx
