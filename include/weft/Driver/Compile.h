// One compilation as the programs see it: progress, budget, messages and a
// report. `weft compile` shows it; `weft run` and `weft bench` use it for a
// model that is not compiled yet.
#ifndef WEFT_DRIVER_COMPILE_H
#define WEFT_DRIVER_COMPILE_H

#include "weft/Pipeline/Compiler.h"

namespace weft {

/// What a search for tiles found (Tune.h).
struct TuneOutcome {
  size_t products = 0, changed = 0; ///< that tiles were tried for, and kept
  double seconds = 0;
  /// One run with the model's choice and with what was found, interleaved.
  double modelSeconds = 0, tunedSeconds = 0;

  /// How much longer than the tuned one the model's choice takes: 0.02 is 2 %.
  double regret() const { return modelSeconds / tunedSeconds - 1; }
};

struct CompileJob {
  std::string model, output;
  CompileOptions options;
  /// JSON report: a file, "-" for standard output, or empty for none. Written
  /// after a failure too, as far as it goes.
  std::string json;
  bool showProgress = true;          ///< on a terminal
  std::optional<TuneOutcome> tuning; ///< for the report
};

struct CompileOutcome {
  int exitCode = 0; ///< see ExitCode
  CompileReport report;
  double seconds = 0, cpuSeconds = 0;
  uint64_t outputBytes = 0;
};

/// Compiles; messages have been printed on standard error when this returns.
/// A budget that runs out ends the process.
CompileOutcome runCompileJob(const CompileJob &job);

/// The report as JSON text. `error` is empty when all went well.
std::string jsonReport(const CompileJob &job, const CompileOutcome &outcome,
                       const std::string &error);

} // namespace weft

#endif // WEFT_DRIVER_COMPILE_H
