// Weights in huge pages. In pages of 4 KiB there is one for every 64 lines that
// a product reads; on machines where a page that the TLB does not know costs
// much (virtual ones walk two tables) products waited for them half of their
// time. So the file is read in huge pages where the file system has them. Where
// it lies in small ones, weights move to huge pages at the same addresses, a
// little after each run, once the model runs again and again.
#ifndef WEFT_LIB_RUNTIME_HUGEWEIGHTS_H
#define WEFT_LIB_RUNTIME_HUGEWEIGHTS_H

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <mutex>

namespace weft::runtime {

/// Asks for huge pages when the mapped file is read from the disk, unless it is
/// large for what this process is granted: each page that is missing takes
/// megabytes with it then, which would push out others that are needed. Changes
/// nothing for what the system holds in its cache already.
void readInHugePages(void *mapped, size_t bytes);

class HugeWeights {
public:
  using Nanoseconds = std::chrono::nanoseconds;

  HugeWeights() = default;
  HugeWeights(const HugeWeights &) = delete;

  /// The mapped bytes that may move, which `file` is open on. None do if the
  /// file is in memory, which would then hold them twice, if the system has no
  /// huge pages, or if this process is granted less memory than twice as much.
  /// The mapping stays its owner's to unmap.
  void cover(const void *begin, size_t bytes, int file);

  /// After a run that took `run`: moves some of what runs have read, for about
  /// half of that time, and nothing after the first run of all. What the file
  /// has in huge pages stays. Other threads may read the weights meanwhile.
  void afterRun(Nanoseconds run) noexcept;

  /// False where nothing is left to do; costs nothing to ask.
  bool isMoving() const { return moving.load(std::memory_order_relaxed); }

private:
  bool moveChunk() noexcept;

  std::atomic<bool> moving{false};
  std::mutex mutex;            ///< of all below
  uintptr_t next = 0, end = 0; ///< not yet moved, on boundaries of huge pages
  bool hasRun = false;
  Nanoseconds saved{0}; ///< time that runs have allowed for and none took
  Nanoseconds cost;     ///< of one chunk
};

} // namespace weft::runtime

#endif // WEFT_LIB_RUNTIME_HUGEWEIGHTS_H
