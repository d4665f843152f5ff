// sin, cos, tan and their inverses.

#include "Formula.h"

#include <cmath>
#include <iterator>
#include <optional>

using namespace mlir;

namespace weft {
namespace {

constexpr double kPi = 3.14159265358979323846;

/// An angle as `quarter` right angles (a whole number, in f64) and a rest in
/// [-pi/4, pi/4], also in f64.
struct Reduced {
  F quarter, rest;
};

/// An f64 angle. pi/2 is taken in three parts (fdlibm's), so that angles keep
/// their digits near multiples of it; beyond 2^52 there are none to keep.
Reduced reduceDouble(F angle) {
  F n = apply<math::RoundEvenOp>(angle * (2 / kPi));
  F r = fma(n, angle(-1.57079632673412561417), angle);
  r = fma(n, angle(-6.07710050630396597660e-11), r);
  r = fma(n, angle(-2.02226624879595063154e-21), r);
  return {n, r};
}

/// An angle that was f32 or narrower, of any size (after Payne and Hanek,
/// 1983). 2/pi comes in pieces of 29 bits, whose products with the angle's 24
/// are exact, as is what each leaves of whole turns. The 203 bits reach 2^-75
/// of a right angle for the largest f32.
Reduced reduceSingle(F angle) {
  constexpr int64_t kPieces[] = {0x145f306d, 0x19391054, 0x14fe13ab, 0x1d1f534d,
                                 0x1b81b6c5, 0x05664f10, 0x1c820ff2};
  std::optional<F> turns;
  // The smallest first.
  for (int i = std::size(kPieces); i-- > 0;) {
    F part = angle * std::ldexp(double(kPieces[i]), -29 * (i + 1));
    part = fma(apply<math::RoundEvenOp>(part * 0.25), angle(-4), part);
    turns = turns ? *turns + part : part;
  }
  F n = apply<math::RoundEvenOp>(*turns);
  return {n, (*turns - n) * (kPi / 2)};
}

Reduced reduce(F angle) {
  return angle.isDouble() ? reduceDouble(angle) : reduceSingle(toDouble(angle));
}

/// sin and cos of a reduced angle, Taylor (the rest is below 2^-54 for pi/4).
F sinOf(F r) {
  F z = r * r;
  return fma(
      polynomial(z, {-1.0 / 1307674368000, 1.0 / 6227020800, -1.0 / 39916800,
                     1.0 / 362880, -1.0 / 5040, 1.0 / 120, -1.0 / 6}) *
          z,
      r, r);
}

F cosOf(F r) {
  F z = r * r;
  return fma(
      polynomial(z, {1.0 / 20922789888000, -1.0 / 87178291200, 1.0 / 479001600,
                     -1.0 / 3628800, 1.0 / 40320, -1.0 / 720, 1.0 / 24}) *
          z,
      z, 1.0 - z * 0.5);
}

/// An f64 `value` in the type of `x`.
F narrowed(F value, F x) { return x.isDouble() ? value : fromDouble(value, x); }

/// sin(x + shift * pi/2) for a whole `shift`.
F sineShifted(F x, double shift) {
  Reduced a = reduce(x);
  F quarter = a.quarter + shift;
  // quarter mod 4 in [-2, 2].
  F turn = quarter - apply<math::RoundEvenOp>(quarter * 0.25) * 4.0;
  F which = abs(turn);
  Condition odd = equal(which, which(1));
  F value = narrowed(choose(odd, cosOf(a.rest), sinOf(a.rest)), x);
  Condition negative = (turn < -0.5) | (which > 1.5);
  return choose(negative, -value, value);
}

} // namespace

F sin(F x) {
  // Keeps the sign of zero.
  return choose(equal(x, x(0)), x, sineShifted(x, 0));
}
F cos(F x) { return sineShifted(x, 1); }
F tan(F x) {
  Reduced a = reduce(x);
  F sine = sinOf(a.rest), cosine = cosOf(a.rest);
  F rest = a.quarter - apply<math::RoundEvenOp>(a.quarter * 0.5) * 2.0;
  Condition odd = equal(abs(rest), rest(1));
  F value = choose(odd, -cosine, sine) / choose(odd, sine, cosine);
  // Keeps the sign of zero.
  return choose(equal(x, x(0)), x, narrowed(value, x));
}

F atan(F x) {
  if (!x.isDouble())
    return fromDouble(atan(toDouble(x)), x);
  // To (0, 1] by the complement, then two halvings of the angle to tan(pi/16).
  F a = abs(x);
  Condition large = a > 1.0;
  F t = choose(large, 1.0 / a, a);
  for (int i = 0; i < 2; ++i)
    t = t / (sqrt(fma(t, t, t(1))) + 1.0);
  F z = t * t;
  F small = fma(polynomial(z, {1.0 / 25, -1.0 / 23, 1.0 / 21, -1.0 / 19,
                               1.0 / 17, -1.0 / 15, 1.0 / 13, -1.0 / 11,
                               1.0 / 9, -1.0 / 7, 1.0 / 5, -1.0 / 3}) *
                    z,
                t, t) *
            4.0;
  return copySign(choose(large, kPi / 2 - small, small), x);
}

F asin(F x) {
  if (!x.isDouble())
    return fromDouble(asin(toDouble(x)), x);
  return atan(x / sqrt((1.0 - x) * (x + 1.0)));
}

F acos(F x) {
  if (!x.isDouble())
    return fromDouble(acos(toDouble(x)), x);
  return atan(sqrt((1.0 - x) / (x + 1.0))) * 2.0;
}

F atan2(F y, F x) {
  if (!x.isDouble())
    return fromDouble(atan2(toDouble(y), toDouble(x)), x);
  // The angle in the first quadrant, then the quadrant by the signs; both zero
  // or both infinite give 0 and pi/4 like everyone's.
  F ay = abs(y), ax = abs(x);
  F ratio = choose(equal(ay, ax), x(1), ay / ax);
  F first = choose(equal(ay, y(0)), x(0), atan(ratio));
  Condition left = copySign(x(1), x) < 0.0;
  F angle = choose(left, kPi - first, first);
  return choose(isNan(x) | isNan(y), x + y, copySign(angle, y));
}

} // namespace weft
