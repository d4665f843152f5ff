// The time of each kernel over several runs, beside the least that it can take.
#ifndef WEFT_LIB_DRIVER_RUN_PROFILE_H
#define WEFT_LIB_DRIVER_RUN_PROFILE_H

#include "Report.h"
#include "Roofline.h"
#include <vector>

namespace weft {

/// Adds up what the runtime reports. All times that it tells are those of one
/// run, the mean of all runs since `clear`.
class Profile {
public:
  explicit Profile(const Model &model)
      : model(model), nanoseconds(model.describe().kernel_count),
        calls(nanoseconds.size()) {}

  void attach(weft_session_options &options);
  void clear();
  /// After `count` runs that took `seconds` together.
  void finish(int count, double seconds, int threads);

  /// All kernels in their order, as JSON.
  std::string report(const std::string &name) const;
  /// Those that take most, as text.
  std::string table() const;

private:
  struct Line {
    size_t kernel;
    uint64_t calls; ///< in one run
    double seconds, flops, bytes;
    Bound bound; ///< of no meaning where both are unknown
    bool isKnown() const { return flops > 0 || bytes > 0; }
  };
  std::vector<Line> lines() const;

  const Model &model;
  std::vector<uint64_t> nanoseconds, calls;
  MachineRates rates;
  int runs = 1;
  double total = 0; ///< seconds of one run
};

} // namespace weft

#endif // WEFT_LIB_DRIVER_RUN_PROFILE_H
