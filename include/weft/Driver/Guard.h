// Ends the process in an orderly way where the compiler cannot: a budget that
// ran out, a crash, memory that is not there.
#ifndef WEFT_DRIVER_GUARD_H
#define WEFT_DRIVER_GUARD_H

#include "weft/Pipeline/Options.h"
#include <atomic>
#include <thread>

namespace weft {

/// The driver's exit codes.
enum ExitCode {
  kDone = 0,
  kUserError = 1,
  kWrongUsage = 2,
  kInternalError = 3,
  kBudgetExceeded = 4
};

/// From here on, signals of a crash, LLVM's fatal errors and failed allocations
/// end the process with one `internal error:` line (a stack trace too when
/// `verbose`) and its exit code. Call once, first thing in main.
void installCrashHandlers();
void setCrashVerbosity(bool verbose);
/// What crash messages say was going on; `what` must live on.
void setCrashContext(const char *what);

/// Watches time and memory of the process while it lives.
class BudgetGuard {
public:
  /// When more than `budget` is used, calls `exceeded` with one sentence (from
  /// another thread) and ends the process with kBudgetExceeded.
  BudgetGuard(Budget budget, std::function<void(const std::string &)> exceeded);
  ~BudgetGuard();

private:
  void loop(Budget budget);

  std::function<void(const std::string &)> exceeded;
  std::atomic<bool> stopping{false};
  std::thread thread;
};

} // namespace weft

#endif // WEFT_DRIVER_GUARD_H
