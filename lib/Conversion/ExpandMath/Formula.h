// Formulas over floats that read as in a book: `F` is a scalar or vector value
// whose operators build arith ops.
#ifndef WEFT_LIB_CONVERSION_EXPANDMATH_FORMULA_H
#define WEFT_LIB_CONVERSION_EXPANDMATH_FORMULA_H

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace weft {

/// A float value and the builder that its operators insert with.
struct F {
  mlir::ImplicitLocOpBuilder *b;
  mlir::Value v;

  bool isDouble() const {
    return mlir::getElementTypeOrSelf(v.getType()).isF64();
  }

  /// `value` in the type of this one, in all lanes.
  F operator()(double value) const {
    mlir::Type element = mlir::getElementTypeOrSelf(v.getType());
    mlir::TypedAttr attr = b->getFloatAttr(element, value);
    if (auto shaped = mlir::dyn_cast<mlir::ShapedType>(v.getType()))
      attr = mlir::SplatElementsAttr::get(shaped, attr);
    return {b, mlir::arith::ConstantOp::create(*b, attr)};
  }
};

template <typename Op>
F apply(F x) {
  return {x.b, Op::create(*x.b, x.v)};
}
template <typename Op>
F apply(F x, F y) {
  return {x.b, Op::create(*x.b, x.v, y.v)};
}

inline F operator+(F x, F y) { return apply<mlir::arith::AddFOp>(x, y); }
inline F operator-(F x, F y) { return apply<mlir::arith::SubFOp>(x, y); }
inline F operator*(F x, F y) { return apply<mlir::arith::MulFOp>(x, y); }
inline F operator/(F x, F y) { return apply<mlir::arith::DivFOp>(x, y); }
inline F operator-(F x) { return apply<mlir::arith::NegFOp>(x); }
inline F operator+(F x, double c) { return x + x(c); }
inline F operator-(F x, double c) { return x - x(c); }
inline F operator*(F x, double c) { return x * x(c); }
inline F operator-(double c, F x) { return x(c) - x; }
inline F operator/(double c, F x) { return x(c) / x; }

/// x * y + z, rounded once.
inline F fma(F x, F y, F z) {
  return {x.b, mlir::math::FmaOp::create(*x.b, x.v, y.v, z.v)};
}
inline F abs(F x) { return apply<mlir::math::AbsFOp>(x); }
inline F sqrt(F x) { return apply<mlir::math::SqrtOp>(x); }
/// |x| with the sign of y.
inline F copySign(F x, F y) { return apply<mlir::math::CopySignOp>(x, y); }

/// A condition in every lane.
struct Condition {
  mlir::ImplicitLocOpBuilder *b;
  mlir::Value v;
};

/// All comparisons with NaN are false, but `isNan`.
inline Condition compare(mlir::arith::CmpFPredicate predicate, F x, F y) {
  return {x.b, mlir::arith::CmpFOp::create(*x.b, predicate, x.v, y.v)};
}
inline Condition operator<(F x, F y) {
  return compare(mlir::arith::CmpFPredicate::OLT, x, y);
}
inline Condition operator>(F x, F y) {
  return compare(mlir::arith::CmpFPredicate::OGT, x, y);
}
inline Condition operator<(F x, double c) { return x < x(c); }
inline Condition operator>(F x, double c) { return x > x(c); }
inline Condition equal(F x, F y) {
  return compare(mlir::arith::CmpFPredicate::OEQ, x, y);
}
inline Condition isNan(F x) {
  return compare(mlir::arith::CmpFPredicate::UNO, x, x);
}
inline Condition operator&(Condition x, Condition y) {
  return {x.b, mlir::arith::AndIOp::create(*x.b, x.v, y.v)};
}
inline Condition operator|(Condition x, Condition y) {
  return {x.b, mlir::arith::OrIOp::create(*x.b, x.v, y.v)};
}

/// `x` where the condition holds, `y` elsewhere.
inline F choose(Condition c, F x, F y) {
  return {x.b, mlir::arith::SelectOp::create(*x.b, c.v, x.v, y.v)};
}

/// c[0] * x^n + … + c[n], by Horner's rule.
inline F polynomial(F x, llvm::ArrayRef<double> c) {
  F sum = x(c.front());
  for (double next : c.drop_front())
    sum = fma(sum, x, x(next));
  return sum;
}

/// x in f64, and back in the element type of `like`.
F toDouble(F x);
F fromDouble(F x, F like);

// Exponential.cpp
F exp(F x);
/// exp(sign * x) where it is enough that 1 / (1 + exp(sign * x)) is right: what
/// vanishes beside 1, or makes a quotient below 5e-39, need not be.
F expInLogistic(F x, double sign);
/// 1 + that, rounded once.
F onePlusExp(F x, double sign);
F expm1(F x);
F log(F x);
F log1p(F x);
F pow(F x, F y);
F sinh(F x);
F cosh(F x);
F tanh(F x);
/// 1 + tanh(x), which GELU multiplies by.
F onePlusTanh(F x);
F asinh(F x);
F acosh(F x);
F atanh(F x);
F erf(F x);
/// 1 + erf(x) of f32, which GELU multiplies by.
F onePlusErf(F x);

// Trigonometric.cpp
F sin(F x);
F cos(F x);
F tan(F x);
F asin(F x);
F acos(F x);
F atan(F x);
F atan2(F y, F x);

} // namespace weft

#endif // WEFT_LIB_CONVERSION_EXPANDMATH_FORMULA_H
