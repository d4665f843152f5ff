// sin, cos, tan and their inverses.

#include "Formula.h"

using namespace mlir;

namespace weft {
namespace {

constexpr double kPi = 3.14159265358979323846;

/// An angle as `quarter` right angles (a whole number, in f64) and a rest in
/// [-pi/4, pi/4], also in f64. f32 angles gain by it: up to 2^30 nothing is
/// lost. pi/2 is taken in three parts (fdlibm's), so that f64 angles keep their
/// digits near multiples of it.
struct Reduced {
  F quarter, rest;
};

Reduced reduce(F angle) {
  F n = apply<math::RoundEvenOp>(angle * (2 / kPi));
  F r = fma(n, angle(-1.57079632673412561417), angle);
  r = fma(n, angle(-6.07710050630396597660e-11), r);
  r = fma(n, angle(-2.02226624879595063154e-21), r);
  return {n, r};
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

/// sin(x + shift * pi/2) for a whole `shift`.
F sineShifted(F x, double shift) {
  F wide = x.isDouble() ? x : toDouble(x);
  Reduced a = reduce(wide);
  F quarter = a.quarter + shift;
  // quarter mod 4 in [-2, 2].
  F turn = quarter - apply<math::RoundEvenOp>(quarter * 0.25) * 4.0;
  F which = abs(turn);
  Condition odd = equal(which, wide(1));
  F rest = x.isDouble() ? a.rest : fromDouble(a.rest, x);
  F value = x.isDouble() ? choose(odd, cosOf(rest), sinOf(rest))
                         : choose(odd, fromDouble(cosOf(a.rest), x),
                                  fromDouble(sinOf(a.rest), x));
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
  if (!x.isDouble())
    return fromDouble(tan(toDouble(x)), x);
  return sin(x) / cos(x);
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
