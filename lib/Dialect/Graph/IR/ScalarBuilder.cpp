// One scalar step on floats or integers, with the semantics that graph ops
// promise: no integer operation traps, and NaN propagates.

#include "weft/Dialect/Graph/IR/ScalarBuilder.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include <cmath>

using namespace mlir;
namespace arith = mlir::arith;

namespace weft::graph::scalar {

static bool isFloat(Value x) { return isa<FloatType>(x.getType()); }

Value constant(ImplicitLocOpBuilder &b, Type type, double value) {
  if (isa<FloatType>(type))
    return arith::ConstantOp::create(b, b.getFloatAttr(type, value));
  return arith::ConstantOp::create(
      b, b.getIntegerAttr(type, static_cast<int64_t>(value)));
}

Value add(ImplicitLocOpBuilder &b, Value x, Value y) {
  if (isFloat(x))
    return arith::AddFOp::create(b, x, y);
  return arith::AddIOp::create(b, x, y);
}

Value sub(ImplicitLocOpBuilder &b, Value x, Value y) {
  if (isFloat(x))
    return arith::SubFOp::create(b, x, y);
  return arith::SubIOp::create(b, x, y);
}

Value mul(ImplicitLocOpBuilder &b, Value x, Value y) {
  if (isFloat(x))
    return arith::MulFOp::create(b, x, y);
  return arith::MulIOp::create(b, x, y);
}

/// `y` where a division by it is defined, 1 elsewhere; `defined` tells which.
static Value safeDivisor(ImplicitLocOpBuilder &b, Value x, Value y,
                         bool isUnsigned, Value &isZero, Value &overflows) {
  Value zero = constant(b, y.getType(), 0), one = constant(b, y.getType(), 1);
  isZero = arith::CmpIOp::create(b, arith::CmpIPredicate::eq, y, zero);
  Value safe = arith::SelectOp::create(b, isZero, one, y);
  overflows = Value();
  unsigned width = y.getType().getIntOrFloatBitWidth();
  if (isUnsigned || width == 1)
    return safe;
  Value least = arith::ConstantOp::create(
      b, b.getIntegerAttr(y.getType(), APInt::getSignedMinValue(width)));
  Value minusOne = constant(b, y.getType(), -1);
  Value isLeast = arith::CmpIOp::create(b, arith::CmpIPredicate::eq, x, least);
  Value isMinusOne =
      arith::CmpIOp::create(b, arith::CmpIPredicate::eq, y, minusOne);
  overflows = arith::AndIOp::create(b, isLeast, isMinusOne);
  return arith::SelectOp::create(b, overflows, one, safe);
}

Value div(ImplicitLocOpBuilder &b, Value x, Value y, bool isUnsigned) {
  if (isFloat(x))
    return arith::DivFOp::create(b, x, y);
  Value isZero, overflows;
  Value divisor = safeDivisor(b, x, y, isUnsigned, isZero, overflows);
  // x / 1 is INT_MIN where the true quotient overflows: it wraps.
  Value quotient = isUnsigned ? Value(arith::DivUIOp::create(b, x, divisor))
                              : Value(arith::DivSIOp::create(b, x, divisor));
  return arith::SelectOp::create(b, isZero, constant(b, x.getType(), 0),
                                 quotient);
}

Value rem(ImplicitLocOpBuilder &b, Value x, Value y, bool isUnsigned) {
  if (isFloat(x))
    return arith::RemFOp::create(b, x, y);
  Value isZero, overflows;
  // x % 1 is 0, which is right for the overflowing pair and for zero alike.
  Value divisor = safeDivisor(b, x, y, isUnsigned, isZero, overflows);
  if (isUnsigned)
    return arith::RemUIOp::create(b, x, divisor);
  return arith::RemSIOp::create(b, x, divisor);
}

Value max(ImplicitLocOpBuilder &b, Value x, Value y, bool isUnsigned) {
  if (isFloat(x))
    return arith::MaximumFOp::create(b, x, y);
  if (isUnsigned || x.getType().isInteger(1))
    return arith::MaxUIOp::create(b, x, y);
  return arith::MaxSIOp::create(b, x, y);
}

Value min(ImplicitLocOpBuilder &b, Value x, Value y, bool isUnsigned) {
  if (isFloat(x))
    return arith::MinimumFOp::create(b, x, y);
  if (isUnsigned || x.getType().isInteger(1))
    return arith::MinUIOp::create(b, x, y);
  return arith::MinSIOp::create(b, x, y);
}

Value neg(ImplicitLocOpBuilder &b, Value x) {
  if (isFloat(x))
    return arith::NegFOp::create(b, x);
  return arith::SubIOp::create(b, constant(b, x.getType(), 0), x);
}

Value abs(ImplicitLocOpBuilder &b, Value x, bool isUnsigned) {
  if (isFloat(x))
    return math::AbsFOp::create(b, x);
  if (isUnsigned || x.getType().isInteger(1))
    return x;
  return math::AbsIOp::create(b, x);
}

Value sign(ImplicitLocOpBuilder &b, Value x, bool isUnsigned) {
  Type type = x.getType();
  Value zero = constant(b, type, 0), one = constant(b, type, 1);
  if (isFloat(x)) {
    Value above = arith::CmpFOp::create(b, arith::CmpFPredicate::OGT, x, zero);
    Value below = arith::CmpFOp::create(b, arith::CmpFPredicate::OLT, x, zero);
    // Zero and NaN are their own sign.
    Value rest = arith::SelectOp::create(b, below, constant(b, type, -1), x);
    return arith::SelectOp::create(b, above, one, rest);
  }
  Value isZero = arith::CmpIOp::create(b, arith::CmpIPredicate::eq, x, zero);
  Value nonZero = one;
  if (!isUnsigned && !type.isInteger(1)) {
    Value below = arith::CmpIOp::create(b, arith::CmpIPredicate::slt, x, zero);
    nonZero = arith::SelectOp::create(b, below, constant(b, type, -1), one);
  }
  return arith::SelectOp::create(b, isZero, zero, nonZero);
}

/// The sum of (-1)^k * square^k / (2 * k + first)! for `terms` k: cos(x) with
/// `first` 0, and with 1 sin(x) / x.
static Value taylorSum(ImplicitLocOpBuilder &b, Value square, int first,
                       int terms) {
  SmallVector<double> factors = {1};
  for (int k = 1; k < terms; ++k)
    factors.push_back(-factors.back() / (2 * k + first) / (2 * k + first - 1));
  Type type = square.getType();
  Value sum = constant(b, type, factors.back());
  for (double factor : llvm::drop_begin(llvm::reverse(factors)))
    sum = math::FmaOp::create(b, sum, square, constant(b, type, factor));
  return sum;
}

Value cosQuarters(ImplicitLocOpBuilder &b, Value x, Value y) {
  // What remains up to an eighth of the circle is below the last bit of f64.
  constexpr int kTerms = 9;
  Type type = x.getType();
  auto smaller = [&](Value p, Value q, Value &isLarge) {
    isLarge = arith::CmpFOp::create(b, arith::CmpFPredicate::OGT, p, q);
    return arith::SelectOp::create(b, isLarge, q, p).getResult();
  };
  Value twice = add(b, y, y), isFar, isNegative, isSteep;
  x = math::AbsFOp::create(b, x);
  x = smaller(x, sub(b, add(b, twice, twice), x), isFar);
  isNegative = arith::CmpFOp::create(b, arith::CmpFPredicate::OGT, x, y);
  Value ignored;
  x = smaller(x, sub(b, twice, x), ignored);
  x = smaller(x, sub(b, y, x), isSteep);
  Value angle = mul(b, x, div(b, constant(b, type, M_PI_2), y, false));
  Value square = mul(b, angle, angle);
  Value cosine = taylorSum(b, square, 0, kTerms),
        sine = mul(b, angle, taylorSum(b, square, 1, kTerms));
  Value size = arith::SelectOp::create(b, isSteep, sine, cosine);
  return arith::SelectOp::create(b, isNegative, neg(b, size), size);
}

Value bitNot(ImplicitLocOpBuilder &b, Value x) {
  return arith::XOrIOp::create(b, x, constant(b, x.getType(), -1));
}

Value shift(ImplicitLocOpBuilder &b, Value x, Value y, bool left) {
  Type type = x.getType();
  Value width = constant(b, type, type.getIntOrFloatBitWidth());
  Value zero = constant(b, type, 0);
  Value inRange = arith::CmpIOp::create(b, arith::CmpIPredicate::ult, y, width);
  Value amount = arith::SelectOp::create(b, inRange, y, zero);
  Value shifted = left ? Value(arith::ShLIOp::create(b, x, amount))
                       : Value(arith::ShRUIOp::create(b, x, amount));
  return arith::SelectOp::create(b, inRange, shifted, zero);
}

/// By squaring, modulo 2^width. What a negative exponent gives is cut off: 0
/// but for bases of magnitude 1.
static Value integerPower(ImplicitLocOpBuilder &b, Value x, Value y) {
  Type type = x.getType(), exponent = y.getType();
  Value one = constant(b, type, 1), zero = constant(b, type, 0);
  Value bit = constant(b, exponent, 1), none = constant(b, exponent, 0);
  Value result = one, square = x, rest = y;
  for (unsigned i = 0, e = exponent.getIntOrFloatBitWidth(); i < e; ++i) {
    Value isSet = arith::CmpIOp::create(
        b, arith::CmpIPredicate::ne, arith::AndIOp::create(b, rest, bit), none);
    result = arith::SelectOp::create(
        b, isSet, arith::MulIOp::create(b, result, square), result);
    square = arith::MulIOp::create(b, square, square);
    rest = arith::ShRUIOp::create(b, rest, bit);
  }
  Value isNegative =
      arith::CmpIOp::create(b, arith::CmpIPredicate::slt, y, none);
  Value size = math::AbsIOp::create(b, x);
  Value isUnit = arith::CmpIOp::create(b, arith::CmpIPredicate::eq, size, one);
  Value inverse = arith::SelectOp::create(b, isUnit, result, zero);
  return arith::SelectOp::create(b, isNegative, inverse, result);
}

Value pow(ImplicitLocOpBuilder &b, Value x, Value y) {
  Type type = x.getType();
  if (isa<FloatType>(type))
    return math::PowFOp::create(b, x, cast(b, y, type, false, false));
  return integerPower(b, x, y);
}

/// Float to integer without undefined values: clamped to the type's range.
static Value floatToInt(ImplicitLocOpBuilder &b, Value x, IntegerType to,
                        bool toUnsigned) {
  auto from = mlir::cast<FloatType>(x.getType());
  unsigned width = to.getWidth();
  APInt least =
      toUnsigned ? APInt::getMinValue(width) : APInt::getSignedMinValue(width);
  APInt greatest =
      toUnsigned ? APInt::getMaxValue(width) : APInt::getSignedMaxValue(width);
  // The bounds as floats, rounded towards zero so that they convert back.
  auto bound = [&](const APInt &value) {
    APFloat f(from.getFloatSemantics());
    f.convertFromAPInt(value, !toUnsigned, APFloat::rmTowardZero);
    return Value(arith::ConstantOp::create(b, b.getFloatAttr(from, f)));
  };
  Value low = bound(least), high = bound(greatest);
  Value clamped =
      arith::MinimumFOp::create(b, arith::MaximumFOp::create(b, x, low), high);
  Value isNan = arith::CmpFOp::create(b, arith::CmpFPredicate::UNO, x, x);
  Value number =
      arith::SelectOp::create(b, isNan, constant(b, from, 0), clamped);
  Value converted = toUnsigned ? Value(arith::FPToUIOp::create(b, to, number))
                               : Value(arith::FPToSIOp::create(b, to, number));
  // A float cannot hold the greatest integer of a wider type exactly.
  Value tooHigh = arith::CmpFOp::create(b, arith::CmpFPredicate::OGT, x, high);
  return arith::SelectOp::create(
      b, tooHigh, arith::ConstantOp::create(b, b.getIntegerAttr(to, greatest)),
      converted);
}

Value cast(ImplicitLocOpBuilder &b, Value x, Type to, bool fromUnsigned,
           bool toUnsigned) {
  Type from = x.getType();
  if (from == to)
    return x;
  unsigned fromWidth = from.getIntOrFloatBitWidth();
  unsigned toWidth = to.getIntOrFloatBitWidth();
  if (to.isInteger(1)) {
    Value zero = constant(b, from, 0);
    if (isa<FloatType>(from))
      return arith::CmpFOp::create(b, arith::CmpFPredicate::UNE, x, zero);
    return arith::CmpIOp::create(b, arith::CmpIPredicate::ne, x, zero);
  }
  if (isa<FloatType>(from) && isa<FloatType>(to)) {
    if (fromWidth < toWidth)
      return arith::ExtFOp::create(b, to, x);
    if (fromWidth > toWidth)
      return arith::TruncFOp::create(b, to, x);
    // f16 and bf16 meet in f32.
    return arith::TruncFOp::create(b, to,
                                   arith::ExtFOp::create(b, b.getF32Type(), x));
  }
  if (isa<FloatType>(from))
    return floatToInt(b, x, mlir::cast<IntegerType>(to), toUnsigned);
  bool zeroExtend = fromUnsigned || from.isInteger(1);
  // No target converts integers to floats of 16 bits; f64 holds those of 32
  // bits and tells apart the halfway points of all others.
  if (isa<FloatType>(to) && toWidth < 32) {
    Type wide = fromWidth <= 16 ? Type(b.getF32Type()) : Type(b.getF64Type());
    return arith::TruncFOp::create(b, to,
                                   cast(b, x, wide, fromUnsigned, toUnsigned));
  }
  if (isa<FloatType>(to))
    return zeroExtend ? Value(arith::UIToFPOp::create(b, to, x))
                      : Value(arith::SIToFPOp::create(b, to, x));
  if (fromWidth > toWidth)
    return arith::TruncIOp::create(b, to, x);
  return zeroExtend ? Value(arith::ExtUIOp::create(b, to, x))
                    : Value(arith::ExtSIOp::create(b, to, x));
}

} // namespace weft::graph::scalar
