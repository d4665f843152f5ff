// Winograd's minimal filtering F(m, 3): m neighbouring outputs of a window of 3
// from m + 2 products. Input and weights are seen as polynomials, evaluated at
// m + 1 points and infinity, and multiplied there. Here is what the weights'
// transform at compile time and the emitted code must agree on.
#ifndef WEFT_DIALECT_KERNEL_IR_WINOGRAD_H
#define WEFT_DIALECT_KERNEL_IR_WINOGRAD_H

#include <cstdint>

namespace weft::kernel {

/// The points of F(4, 3) are 0, ±near, ±far. Square roots of 1/2 and 2 instead
/// of the usual 1 and 2 halve the error, which is then about twice that of the
/// direct algorithm; their squares are exact. The points of F(2, 3) are 0, ±1.
constexpr double kWinogradNear = 0.70710678118654752440;
constexpr double kWinogradFar = 1.41421356237309504880;

/// Products along an axis for `extent` outputs: 4, 2, or 1 where the window has
/// extent 1.
constexpr int64_t winogradPositions(int64_t extent) {
  return extent == 1 ? 1 : extent + 2;
}

} // namespace weft::kernel

#endif // WEFT_DIALECT_KERNEL_IR_WINOGRAD_H
