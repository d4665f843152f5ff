// `weft compile --tune`: tiles found by measuring in place of those that the
// model of the machine chooses, and the file that keeps them.
#ifndef WEFT_DRIVER_TUNE_H
#define WEFT_DRIVER_TUNE_H

#include "weft/Driver/Compile.h"

namespace weft {

struct TuneRequest {
  double seconds = 0; ///< how long to search; 0: not at all
  int threads = 0;    ///< of the runs; 0: every core that this process may use
};

/// Reads a record; an error names the file and what is wrong in it.
llvm::Expected<TuningRecord> readTuningRecord(const std::string &path);

/// Writes a record, whole or not at all: sorted, so that equal records are
/// equal files. Returns "" or one sentence.
std::string writeTuningRecord(const std::string &path,
                              const TuningRecord &record);

/// Compiles `job.model` again and again, each time with other tiles for all of
/// its products at once, and times each kernel within runs of the whole model
/// on random inputs. What is found goes to `job.options.tuning` and
/// `job.tuning`. The target must be one that this machine runs. Returns an exit
/// code, after errors have been printed.
int tune(CompileJob &job, const TuneRequest &request);

} // namespace weft

#endif // WEFT_DRIVER_TUNE_H
