// Roots of unity, the constants of Fourier transforms.
#ifndef WEFT_SUPPORT_ROOTS_H
#define WEFT_SUPPORT_ROOTS_H

#include <complex>
#include <cstdint>

namespace weft {

/// exp(2 * pi * i * k / n), n >= 1. Angles are reduced as integers to the first
/// eighth of the circle, so that roots which mirror each other do so exactly
/// and those on the axes are exact.
std::complex<double> rootOfUnity(int64_t k, int64_t n);

} // namespace weft

#endif // WEFT_SUPPORT_ROOTS_H
