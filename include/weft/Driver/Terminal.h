// What the programs show while they work and when they are done. Nothing here
// needs LLVM; weft and weft-run share it.
#ifndef WEFT_DRIVER_TERMINAL_H
#define WEFT_DRIVER_TERMINAL_H

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace weft {

/// Draws one line on standard error, rewritten in place: only on a terminal,
/// and only once the work has lasted two seconds. The line is gone when this
/// is.
class ProgressBar {
public:
  explicit ProgressBar(std::string title);
  ~ProgressBar();
  ProgressBar(const ProgressBar &) = delete;
  ProgressBar &operator=(const ProgressBar &) = delete;

  /// `done` of `total` steps are finished and `step` is under way. From any
  /// thread.
  void update(std::string step, unsigned done, unsigned total);
  /// Removes the line and draws no more, so that other text can be printed.
  void stop();

private:
  void loop();
  std::string line() const;

  std::string title, step;
  unsigned done = 0, total = 0;
  std::chrono::steady_clock::time_point begin;
  bool shown = false, stopping = false;
  std::mutex mutex;
  std::condition_variable wake;
  std::thread thread;
};

/// A table of text, each column as wide as its widest cell. A column whose
/// title begins with '>' is aligned to the right.
class Table {
public:
  explicit Table(std::vector<std::string> titles);
  void add(std::vector<std::string> row);
  /// Lines with `indent` spaces before each.
  std::string str(unsigned indent = 0) const;

private:
  std::vector<std::vector<std::string>> rows;
  std::vector<bool> right;
};

/// "97.5 MiB", "312 B".
std::string formatBytes(uint64_t bytes);
/// "4.13 s", "12.3 ms", "870 us".
std::string formatSeconds(double seconds);

/// CPU seconds of this process, and the most memory it has held.
double cpuSeconds();
uint64_t peakResidentBytes();
/// Memory that it holds now.
uint64_t residentBytes();

} // namespace weft

#endif // WEFT_DRIVER_TERMINAL_H
