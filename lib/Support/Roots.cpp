#include "weft/Support/Roots.h"
#include <cmath>
#include <utility>

namespace weft {

std::complex<double> rootOfUnity(int64_t k, int64_t n) {
  k = (k % n + n) % n;
  bool below = k > n - k;
  if (below)
    k = n - k;
  bool left = 4 * k > n;
  // From here on the angle is counted in n-ths of a quarter of the circle.
  int64_t angle = left ? 2 * n - 4 * k : 4 * k;
  bool steep = angle > n - angle;
  if (steep)
    angle = n - angle;
  long double radians = std::acos(0.0L) * static_cast<long double>(angle) /
                        static_cast<long double>(n);
  auto c = static_cast<double>(std::cos(radians)),
       s = static_cast<double>(std::sin(radians));
  if (steep)
    std::swap(c, s);
  return {left ? -c : c, below ? -s : s};
}

} // namespace weft
