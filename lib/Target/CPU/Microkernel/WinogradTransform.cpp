// The equations, sparse and with shared terms. With points 0, ±p, ±q, where
// p² q² = 1, position 0 is d0 - (p² + q²) d2 + d4, positions 1 and 2 are
// (d4 - q² d2) ± p (d3 - q² d1), and so on; no element is multiplied by 0, so
// that a NaN reaches exactly what depends on it.

#include "WinogradTransform.h"

#include "weft/Dialect/Kernel/IR/Winograd.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;

namespace weft::cpu {
namespace {

constexpr double kNear = kernel::kWinogradNear, kFar = kernel::kWinogradFar;
constexpr double kNear2 = 0.5, kFar2 = 2; // Their squares.

/// Arithmetic on registers.
struct Terms {
  LoopBuilder &b;
  const Product &product;

  Value add(Value x, Value y) { return arith::AddFOp::create(b, x, y); }
  Value sub(Value x, Value y) { return arith::SubFOp::create(b, x, y); }
  Value scale(double factor, Value x) {
    return arith::MulFOp::create(b, splat(factor), x);
  }
  /// factor * x + y
  Value step(double factor, Value x, Value y) {
    return product.step(b, splat(factor), x, y);
  }
  Value splat(double value) {
    Type element = product.sums().getElementType();
    return arith::ConstantOp::create(
        b,
        DenseElementsAttr::get(product.sums(), b.getFloatAttr(element, value)));
  }
};

} // namespace

WinogradAxis::WinogradAxis(int64_t extent)
    : extent(extent), count(kernel::winogradPositions(extent)) {}

ArrayRef<WinogradAxis::Part> WinogradAxis::parts() const {
  static constexpr Part four[] = {{0, 1}, {1, 2}, {3, 2}, {5, 1}},
                        two[] = {{0, 1}, {1, 2}, {3, 1}}, one[] = {{0, 1}};
  if (extent == 4)
    return four;
  return extent == 2 ? ArrayRef<Part>(two) : ArrayRef<Part>(one);
}

Values WinogradAxis::forward(LoopBuilder &b, const Product &product,
                             const Part &part,
                             function_ref<Value(int64_t)> input) const {
  Terms t = {b, product};
  int64_t first = part.first;
  if (extent == 1)
    return {input(0)};
  if (extent == 2) {
    if (part.count == 2) {
      Value x = input(1), y = input(2);
      return {t.add(x, y), t.sub(y, x)};
    }
    return {first == 0 ? t.sub(input(2), input(0)) : t.sub(input(3), input(1))};
  }
  if (part.count == 1) {
    int64_t odd = first == 0 ? 0 : 1;
    Value low = input(odd), middle = input(odd + 2), high = input(odd + 4);
    return {t.add(low, t.step(-(kNear2 + kFar2), middle, high))};
  }
  double point = first == 1 ? kNear : kFar,
         otherSquare = first == 1 ? kFar2 : kNear2;
  Value d1 = input(1), d2 = input(2), d3 = input(3), d4 = input(4);
  Value even = t.step(-otherSquare, d2, d4), odd = t.step(-otherSquare, d1, d3);
  return {t.step(point, odd, even), t.step(-point, odd, even)};
}

Values WinogradAxis::inverse(LoopBuilder &b, const Product &product,
                             ArrayRef<Value> sums) const {
  Terms t = {b, product};
  if (extent == 1)
    return {sums[0]};
  Value even = t.add(sums[1], sums[2]), odd = t.sub(sums[1], sums[2]);
  if (extent == 2)
    return {t.add(sums[0], even), t.add(odd, sums[3])};
  Value farEven = t.add(sums[3], sums[4]), farOdd = t.sub(sums[3], sums[4]);
  return {t.add(t.add(sums[0], even), farEven),
          t.step(kNear, odd, t.scale(kFar, farOdd)),
          t.step(kNear2, even, t.scale(kFar2, farEven)),
          t.step(kNear2 * kNear, odd, t.step(kFar2 * kFar, farOdd, sums[5]))};
}

} // namespace weft::cpu
