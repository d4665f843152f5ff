// Roots of unity are right, exact on the axes, and mirror each other exactly.
#include "weft/Support/Roots.h"
#include "gtest/gtest.h"
#include <cmath>

using namespace weft;

namespace {

TEST(RootsTest, AreThoseOfTheCircle) {
  for (int64_t n = 1; n < 50; ++n)
    for (int64_t k = -n; k < 3 * n; ++k) {
      double angle = 2 * M_PI * static_cast<double>(k) / static_cast<double>(n);
      EXPECT_NEAR(rootOfUnity(k, n).real(), std::cos(angle), 1e-14);
      EXPECT_NEAR(rootOfUnity(k, n).imag(), std::sin(angle), 1e-14);
    }
}

TEST(RootsTest, AreExactOnTheAxes) {
  using C = std::complex<double>;
  for (int64_t n : {4, 12, 100, 4096}) {
    EXPECT_EQ(rootOfUnity(0, n), C(1, 0));
    EXPECT_EQ(rootOfUnity(n / 4, n), C(0, 1));
    EXPECT_EQ(rootOfUnity(n / 2, n), C(-1, 0));
    EXPECT_EQ(rootOfUnity(-n / 4, n), C(0, -1));
  }
}

TEST(RootsTest, MirrorEachOther) {
  for (int64_t n : {10, 12, 97, 360})
    for (int64_t k = 0; k < n; ++k) {
      EXPECT_EQ(rootOfUnity(k, n), std::conj(rootOfUnity(n - k, n)));
      if (n % 2 == 0) {
        EXPECT_EQ(rootOfUnity(k, n), -rootOfUnity(k + n / 2, n));
      }
      if (n % 8 == 0) {
        EXPECT_EQ(rootOfUnity(k, n).real(), rootOfUnity(n / 4 - k, n).imag());
      }
    }
}

TEST(RootsTest, LargeAnglesAreReducedExactly) {
  int64_t n = int64_t(1) << 40;
  EXPECT_EQ(rootOfUnity(n + 12345, n), rootOfUnity(12345, n));
}

} // namespace
