// exp, log and what is made of them. Where an argument is out of a formula's
// range the formula still runs and `choose` drops its result, so that vectors
// need no branches.

#include "Formula.h"

#include <cmath>
#include <limits>

using namespace mlir;

namespace weft {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kLn2 = 0.693147180559945309417;

/// The integer type with the bits of `x`'s type.
Type bitsType(F x) {
  Type element = x.b->getIntegerType(x.isDouble() ? 64 : 32);
  if (auto vector = dyn_cast<VectorType>(x.v.getType()))
    return vector.clone(element);
  return element;
}

Value bitsOf(F x) { return arith::BitcastOp::create(*x.b, bitsType(x), x.v); }
F floatOf(Value bits, F like) {
  return {like.b, arith::BitcastOp::create(*like.b, like.v.getType(), bits)};
}

Value bitsConstant(F like, int64_t value) {
  Type type = bitsType(like);
  TypedAttr attr = like.b->getIntegerAttr(getElementTypeOrSelf(type), value);
  if (auto shaped = dyn_cast<ShapedType>(type))
    attr = SplatElementsAttr::get(shaped, attr);
  return arith::ConstantOp::create(*like.b, attr);
}

/// Bits of the fraction, and of 1.0.
int64_t fractionBits(F x) { return x.isDouble() ? 52 : 23; }
int64_t oneBits(F x) { return x.isDouble() ? 0x3FF0000000000000 : 0x3F800000; }

/// 2^n for an integer n (as bits) within the exponents of normal numbers.
F powerOfTwo(Value n, F like) {
  Value shifted =
      arith::ShLIOp::create(*like.b, n, bitsConstant(like, fractionBits(like)));
  return floatOf(arith::AddIOp::create(*like.b, shifted,
                                       bitsConstant(like, oneBits(like))),
                 like);
}

/// x * 2^n in two steps, so that results below the normal range and just
/// below infinity come out right.
F scale(F x, Value n) {
  ImplicitLocOpBuilder &b = *x.b;
  Value half = arith::ShRSIOp::create(b, n, bitsConstant(x, 1));
  Value rest = arith::SubIOp::create(b, n, half);
  return x * powerOfTwo(half, x) * powerOfTwo(rest, x);
}

/// e and n (as bits) with exp(x) = e * 2^n, for x within [low, high].
std::pair<F, Value> splitExp(F x, double low, double high) {
  bool wide = x.isDouble();
  // NaN passes both comparisons.
  F limited = choose(x > high, x(high), choose(x < low, x(low), x));
  // Adding 1.5 * 2^fraction rounds to an integer and leaves it in the low bits.
  double magic = wide ? 6755399441055744.0 : 12582912.0;
  F shifted = fma(limited, x(1 / kLn2), x(magic));
  F n = shifted - magic;
  // ln 2 in two parts (Cody and Waite), the first with zeros at its end.
  double ln2High = wide ? 6.93145751953125e-1 : 0.693359375;
  double ln2Low = wide ? 1.42860682030941723212e-6 : -2.12194440e-4;
  F r = fma(n, x(-ln2Low), fma(n, x(-ln2High), limited));
  F p = wide ? // Taylor: the rest is below 2^-55 for |r| <= ln 2 / 2.
            polynomial(r, {1.0 / 6227020800, 1.0 / 479001600, 1.0 / 39916800,
                           1.0 / 3628800, 1.0 / 362880, 1.0 / 40320, 1.0 / 5040,
                           1.0 / 720, 1.0 / 120, 1.0 / 24, 1.0 / 6, 0.5})
             : // Cephes, expf.
            polynomial(r, {1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3,
                           4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1});
  F e = fma(p * r, r, r) + 1.0;
  return {e, arith::SubIOp::create(*x.b, bitsOf(shifted), bitsOf(x(magic)))};
}

} // namespace

F exp(F x) {
  // Beyond these the result is infinite or 0.
  auto [e, n] = x.isDouble() ? splitExp(x, -746, 710) : splitExp(x, -104, 89);
  return scale(e, n);
}

/// Added to an f32, rounds it to an integer n; the lowest bits are then n +
/// 127, which is what the exponent of 2^n has.
static constexpr double kRounding = 12582912.0 + 127;

/// 2^n of n + kRounding.
static F powerInLowBits(F shifted) {
  return floatOf(
      arith::ShLIOp::create(*shifted.b, bitsOf(shifted),
                            bitsConstant(shifted, fractionBits(shifted))),
      shifted);
}

/// 2^f for |f| <= 1/2: minimax, relative, 9.2e-8.
static F powerOfFraction(F f) {
  return polynomial(f, {1.3264714507386088e-3, 9.671512991189957e-3,
                        5.550733953714371e-2, 2.4022242426872253e-1,
                        6.931470036506653e-1, 1.0});
}

/// e and 2^n with exp(sign * x) = e * 2^n, 2^n a normal number, 0 or infinite,
/// so that one multiplication scales.
static std::pair<F, F> splitInLogistic(F x, double sign) {
  if (x.isDouble()) {
    auto [e, n] = splitExp(x * sign, -708, 710);
    return {e, powerOfTwo(n, x)};
  }
  // This is most of what SiLU costs, so: limits that are one instruction each
  // and let NaN pass, powers of 2, and the sign within the constants.
  double least = sign > 0 ? -88 : -89, most = least + 177;
  F raised = choose(x < least, x(least), x);
  F limited = choose(raised > most, x(most), raised);
  double high = static_cast<float>(1 / kLn2);
  F shifted = fma(limited, x(sign / kLn2), x(kRounding));
  F n = shifted - kRounding;
  F f = fma(limited, x(sign * (1 / kLn2 - high)),
            fma(limited, x(sign * high), -n));
  return {powerOfFraction(f), powerInLowBits(shifted)};
}

F expInLogistic(F x, double sign) {
  auto [e, scale] = splitInLogistic(x, sign);
  return e * scale;
}

F onePlusExp(F x, double sign) {
  auto [e, scale] = splitInLogistic(x, sign);
  return fma(e, scale, x(1));
}

F expm1(F x) {
  // Taylor near 0, where exp(x) - 1 would lose the leading digits.
  F small =
      fma(polynomial(x, {1.0 / 6227020800, 1.0 / 479001600, 1.0 / 39916800,
                         1.0 / 3628800, 1.0 / 362880, 1.0 / 40320, 1.0 / 5040,
                         1.0 / 720, 1.0 / 120, 1.0 / 24, 1.0 / 6, 0.5}) *
              x,
          x, x);
  F result = choose(abs(x) < (x.isDouble() ? 0.35 : 1.0), small, exp(x) - 1.0);
  return choose(equal(x, x(0)), x, result); // keeps the sign of zero
}

F log(F x) {
  ImplicitLocOpBuilder &b = *x.b;
  bool wide = x.isDouble();
  int64_t fraction = fractionBits(x);
  double leastNormal = wide ? 0x1p-1022 : 0x1p-126;
  // Numbers below the normal range are lifted into it.
  Condition tiny = x < leastNormal;
  F lifted = choose(tiny, x * (wide ? 0x1p54 : 0x1p25), x);
  F lift = choose(tiny, x(wide ? -54 : -25), x(0));
  // x = 2^e * m with m in [sqrt(1/2), sqrt(2)).
  Value offset = bitsConstant(x, wide ? 0x3FE6A09E667F3BCD : 0x3F3504F3);
  Value bits = arith::SubIOp::create(b, bitsOf(lifted), offset);
  Value e = arith::ShRSIOp::create(b, bits, bitsConstant(x, fraction));
  Value rest = arith::AndIOp::create(
      b, bits, bitsConstant(x, (int64_t(1) << fraction) - 1));
  F m = floatOf(arith::AddIOp::create(b, rest, offset), x);
  F exponent = F{&b, arith::SIToFPOp::create(b, x.v.getType(), e)} + lift;
  // log(1 + f) = f - s * (f - R), s = f / (2 + f), R the rest of 2 artanh(s):
  // fdlibm's arrangement, which is exact at 1.
  F f = m - 1.0, s = f / (f + 2.0), z = s * s;
  F r = wide
            ? polynomial(z, {2.0 / 23, 2.0 / 21, 2.0 / 19, 2.0 / 17, 2.0 / 15,
                             2.0 / 13, 2.0 / 11, 2.0 / 9, 2.0 / 7, 2.0 / 5,
                             2.0 / 3}) *
                  z
            : polynomial(z, {2.0 / 11, 2.0 / 9, 2.0 / 7, 2.0 / 5, 2.0 / 3}) * z;
  F half = f * f * 0.5;
  double ln2High = wide ? 6.93147180369123816490e-1 : 6.9313812256e-1;
  double ln2Low = wide ? 1.90821492927058770002e-10 : 9.0580006145e-6;
  F correction = fma(s, half + r, exponent * ln2Low);
  F result = fma(exponent, x(ln2High), f - (half - correction));
  // x < 0: NaN; 0: -infinity; infinity and NaN: themselves.
  result = choose(equal(x, x(0)), x(-kInfinity),
                  choose(x < 0.0, x(std::nan("")), result));
  return choose(equal(x, x(kInfinity)) | isNan(x), x, result);
}

F log1p(F x) {
  // What 1 + x rounds away is put back to first order.
  F u = x + 1.0, lost = x - (u - 1.0);
  F result = log(u) + lost / u;
  return choose(equal(u, x(kInfinity)) | equal(x, x(-1)), log(u),
                choose(equal(u, x(1)), x, result));
}

F pow(F x, F y) {
  if (!x.isDouble()) // f64 holds more than twice the digits that are needed.
    return fromDouble(pow(toDouble(x), toDouble(y)), x);
  F magnitude = exp(y * log(abs(x)));
  // A negative base: an integer exponent decides the sign, any other is NaN.
  F whole = apply<math::RoundEvenOp>(y), half = y * 0.5;
  Condition isInteger = equal(whole, y);
  Condition isEven = equal(apply<math::RoundEvenOp>(half), half);
  F odd = choose(isEven, magnitude, copySign(magnitude, x));
  F finite = abs(x);
  F negative = choose(isInteger, odd,
                      choose(equal(finite, x(kInfinity)) | equal(x, x(0)),
                             magnitude, x(std::nan(""))));
  F signedZero = choose(isInteger, odd, magnitude);
  F result =
      choose(x < 0.0, negative, choose(equal(x, x(0)), signedZero, magnitude));
  // pow(1, y) and pow(x, 0) are 1, of NaN too; pow(-1, ±infinity) is 1.
  Condition one = equal(x, x(1)) | equal(y, x(0)) |
                  (equal(x, x(-1)) & equal(abs(y), x(kInfinity)));
  return choose(one, x(1), result);
}

//===-- Hyperbolic
//----------------------------------------------------------------//

F sinh(F x) {
  F z = x * x;
  F small = fma(polynomial(z, {1.0 / 355687428096000, 1.0 / 1307674368000,
                               1.0 / 6227020800, 1.0 / 39916800, 1.0 / 362880,
                               1.0 / 5040, 1.0 / 120, 1.0 / 6}) *
                    z,
                x, x);
  // exp(|x| / 2)^2 does not overflow before the result does.
  F root = exp(abs(x) * 0.5);
  F large = root * 0.5 * root - 0.5 / (root * root);
  return choose(abs(x) < 1.0, small, copySign(large, x));
}

F cosh(F x) {
  F root = exp(abs(x) * 0.5);
  return root * 0.5 * root + 0.5 / (root * root);
}

F tanh(F x) {
  F z = x * x;
  F small = x.isDouble() // Cephes, tanh and tanhf.
                ? fma(x * z,
                      polynomial(z, {-9.64399179425052238628e-1,
                                     -9.92877231001918586564e1,
                                     -1.61468768441708447952e3}) /
                          polynomial(z, {1.0, 1.12811678491632931402e2,
                                         2.23548839060100448583e3,
                                         4.84406305325125486048e3}),
                      x)
                : fma(polynomial(z, {-5.70498872745e-3, 2.06390887954e-2,
                                     -5.37397155531e-2, 1.33314422036e-1,
                                     -3.33332819422e-1}) *
                          z,
                      x, x);
  F large = 1.0 - 2.0 / (exp(abs(x) * 2.0) + 1.0);
  return copySign(choose(abs(x) < 0.625, small, large), x);
}

F onePlusTanh(F x) { return 2.0 / onePlusExp(x * 2.0, -1); }

F asinh(F x) {
  F a = abs(x), z = a * a;
  F usual = log1p(a + z / (sqrt(z + 1.0) + 1.0));
  F large = log(a) + kLn2; // z would overflow, and 1 no longer counts
  return copySign(choose(a > 1e9, large, usual), x);
}

F acosh(F x) {
  F t = x - 1.0;
  return choose(x > 1e9, log(x) + kLn2, log1p(t + sqrt(t * (t + 2.0))));
}

F atanh(F x) {
  F a = abs(x);
  return copySign(log1p(a * 2.0 / (1.0 - a)) * 0.5, x);
}

//===-- Error function
//----------------------------------------------------------------//

/// For f32: two minimax polynomials, one in the exponent, which meet at 0.93
/// and keep one unit in the last place.
static F erfNarrow(F x) {
  F t = abs(x), s = x * x;
  F tail = fma(x(-1.72853470e-5), t, x(3.83197126e-4));
  F u = fma(x(-3.88396438e-3), t, x(2.42546219e-2));
  tail = fma(tail, s, u);
  tail = fma(tail, t, x(-1.06777877e-1));
  tail = fma(tail, t, x(-6.34846687e-1));
  tail = fma(tail, t, x(-1.28717512e-1));
  tail = 1.0 - exp(fma(tail, t, -t));
  F near = fma(polynomial(s, {-5.96761703e-4, 4.99119423e-3, -2.67681349e-2,
                              1.12819925e-1, -3.76125336e-1, 1.28379166e-1}),
               x, x);
  // Beyond 4 the result is 1, where the polynomial is no longer good.
  F far = copySign(choose(t > 4.0, x(1), tail), x);
  return choose(t < 0.927734375, near, choose(isNan(x), x, far));
}

/// For f64: the Maclaurin series below 1, erfc's Chebyshev series above.
static F erfWide(F x) {
  F t = abs(x), z = x * x;
  SmallVector<double> series;
  double factorial = 1;
  for (int n = 0; n < 20; ++n) {
    if (n)
      factorial *= -n;
    series.insert(series.begin(),
                  1.12837916709551257390 / (factorial * (2 * n + 1)));
  }
  F near = polynomial(z, series) * x;
  // Press et al., Numerical Recipes, 3rd edition, section 6.2.2.
  static const double c[] = {-1.3026537197817094,
                             6.4196979235649026e-1,
                             1.9476473204185836e-2,
                             -9.561514786808631e-3,
                             -9.46595344482036e-4,
                             3.66839497852761e-4,
                             4.2523324806907e-5,
                             -2.0278578112534e-5,
                             -1.624290004647e-6,
                             1.303655835580e-6,
                             1.5626441722e-8,
                             -8.5238095915e-8,
                             6.529054439e-9,
                             5.059343495e-9,
                             -9.91364156e-10,
                             -2.27365122e-10,
                             9.6467911e-11,
                             2.394038e-12,
                             -6.886027e-12,
                             8.94487e-13,
                             3.13092e-13,
                             -1.12708e-13,
                             3.81e-16,
                             7.106e-15,
                             -1.523e-15,
                             -9.4e-17,
                             1.21e-16,
                             -2.8e-17};
  F k = 2.0 / (t + 2.0), y = k * 4.0 - 2.0;
  F d = x(0), previous = x(0);
  for (int j = std::size(c) - 1; j > 0; --j) {
    F next = fma(y, d, x(c[j]) - previous);
    previous = d;
    d = next;
  }
  F erfc = k * exp(fma(-t, t, (y * d + c[0]) * 0.5 - previous));
  return choose(
      t < 1.0, near,
      choose(isNan(x), x, copySign(choose(t > 6.0, x(1), 1.0 - erfc), x)));
}

/// 2^p(t) is erfc(t), t = |x|: minimax with 2.3e-8 of the error in what it adds
/// to 1. No second polynomial is needed near 0, where only erf itself would
/// lose its leading digits.
F onePlusErf(F x) {
  F t = abs(x);
  F power = polynomial(t, {-4.535860326186004e-5, 4.455077088505984e-4,
                           -1.4894419015037742e-3, -7.746291129280834e-4,
                           2.8253680517425283e-2, -1.4848161477693284e-1,
                           -9.18416393327266e-1, -1.6279085930569732}) *
            t;
  F shifted = power + kRounding;
  F e =
      powerOfFraction(power - (shifted - kRounding)) * powerInLowBits(shifted);
  e = choose(t > 4.0, x(0), e);
  return choose(x < 0.0, e, 2.0 - e);
}

F erf(F x) { return x.isDouble() ? erfWide(x) : erfNarrow(x); }

} // namespace weft
