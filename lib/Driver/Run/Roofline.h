// How fast this machine can be at best, measured where and when a profile is
// taken, so that shared machines are judged by what they give: not counting the
// time that others have the processor.
#ifndef WEFT_LIB_DRIVER_RUN_ROOFLINE_H
#define WEFT_LIB_DRIVER_RUN_ROOFLINE_H

#include <cstdint>

namespace weft {

/// Of all threads together.
struct MachineRates {
  double flops = 0; ///< f32 operations a second, a multiply-add is 2
  double l2 = 0, l3 = 0, dram = 0;  ///< bytes a second that can be read
  int64_t l2Bytes = 0, l3Bytes = 0; ///< sizes, of one core and of all
  int threads = 1;
};

/// Takes about a tenth of a second.
MachineRates measureRates(int threads);

/// The least time that a kernel can take, and what sets it.
struct Bound {
  double seconds;
  const char *by; ///< "multiply-adds", "L2", "L3", "DRAM" or "launch"
};

/// Of `calls` launches with `flops` operations on `bytes` bytes together, whose
/// data lies in the nearest memory that can hold one launch's.
Bound boundOf(const MachineRates &rates, double flops, double bytes,
              double calls);

} // namespace weft

#endif // WEFT_LIB_DRIVER_RUN_ROOFLINE_H
