// Arithmetic on values as equations are written; numbers take the element type
// of the value that they meet. A null value makes everything after it null, as
// with NodeImport's builders.
#ifndef WEFT_LIB_IMPORT_ONNX_ROWS_EQUATION_H
#define WEFT_LIB_IMPORT_ONNX_ROWS_EQUATION_H

#include "../NodeImport.h"

namespace weft::onnx {

struct Num {
  NodeImport *n;
  mlir::Value value;

  Num(NodeImport &n, mlir::Value value) : n(&n), value(value) {}
  operator mlir::Value() const { return value; }
  Num of(double number) const { return {*n, n->scalarLike(number, value)}; }
  Num as(mlir::Type element) const { return {*n, n->cast(value, element)}; }
};

#define WEFT_BINARY(OPERATOR, OP)                                              \
  inline Num operator OPERATOR(Num a, Num b) {                                 \
    return {*a.n, a.n->create<graph::OP>(a.value, b.value)};                   \
  }                                                                            \
  inline Num operator OPERATOR(Num a, double b) { return a OPERATOR a.of(b); } \
  inline Num operator OPERATOR(double a, Num b) { return b.of(a) OPERATOR b; }
WEFT_BINARY(+, AddOp)
WEFT_BINARY(-, SubOp)
WEFT_BINARY(*, MulOp)
WEFT_BINARY(/, DivOp)
WEFT_BINARY(%, RemOp)
#undef WEFT_BINARY

#define WEFT_RELATION(OPERATOR, NAME)                                          \
  inline Num operator OPERATOR(Num a, Num b) {                                 \
    return {*a.n, a.n->compare(graph::Comparison::NAME, a.value, b.value)};    \
  }                                                                            \
  inline Num operator OPERATOR(Num a, double b) { return a OPERATOR a.of(b); }
WEFT_RELATION(<, less)
WEFT_RELATION(<=, lessOrEqual)
WEFT_RELATION(>, greater)
WEFT_RELATION(>=, greaterOrEqual)
WEFT_RELATION(==, equal)
WEFT_RELATION(!=, notEqual)
#undef WEFT_RELATION

inline Num operator&(Num a, Num b) {
  return {*a.n, a.n->create<graph::AndOp>(a.value, b.value)};
}
inline Num operator|(Num a, Num b) {
  return {*a.n, a.n->create<graph::OrOp>(a.value, b.value)};
}
inline Num operator!(Num a) {
  return {*a.n, a.n->create<graph::NotOp>(a.value)};
}
template <typename Op>
Num apply(Num x) {
  return {*x.n, x.n->create<Op>(x.value)};
}
inline Num floor(Num x) { return apply<graph::FloorOp>(x); }
inline Num ceil(Num x) { return apply<graph::CeilOp>(x); }
inline Num trunc(Num x) { return apply<graph::TruncOp>(x); }
inline Num abs(Num x) { return apply<graph::AbsOp>(x); }
inline Num max(Num a, Num b) {
  return {*a.n, a.n->create<graph::MaxOp>(a.value, b.value)};
}
inline Num min(Num a, Num b) {
  return {*a.n, a.n->create<graph::MinOp>(a.value, b.value)};
}
inline Num max(Num a, double b) { return max(a, a.of(b)); }
inline Num min(Num a, double b) { return min(a, a.of(b)); }
inline Num clamp(Num x, double low, Num high) { return max(min(x, high), low); }
inline Num select(Num condition, Num a, Num b) {
  return {*a.n,
          a.n->create<graph::SelectOp>(condition.value, a.value, b.value)};
}
inline Num select(Num condition, Num a, double b) {
  return select(condition, a, a.of(b));
}
inline Num select(Num condition, double a, Num b) {
  return select(condition, b.of(a), b);
}

/// Extent `i` of `x` as a scalar of `element`.
inline Num extentAs(NodeImport &n, mlir::Value x, int64_t i,
                    mlir::Type element) {
  return {n, n.cast(n.reshape(n.extent(x, i), {}), element)};
}

/// Keys' cubic kernel at distance `d` from a tap.
inline Num cubicKernel(Num d, double a) {
  d = abs(d);
  Num nearTaps = ((a + 2) * d - (a + 3)) * d * d + 1.0;
  Num farTaps = ((a * d - 5 * a) * d + 8 * a) * d - 4 * a;
  return select(d <= 1.0, nearTaps, select(d < 2.0, farTaps, 0.0));
}

} // namespace weft::onnx

#endif // WEFT_LIB_IMPORT_ONNX_ROWS_EQUATION_H
