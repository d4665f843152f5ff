// What run and bench share.
#ifndef WEFT_LIB_DRIVER_RUN_REPORT_H
#define WEFT_LIB_DRIVER_RUN_REPORT_H

#include "weft/Driver/Arrays.h"
#include "weft/Driver/Run.h"
#include <functional>

namespace weft {

/// Loads the artifact that `request` names, on the device it names.
Model loadModel(const RunRequest &request);

std::vector<TensorView> viewsOf(const std::vector<Array> &arrays);

/// "prob: f32[1, 1000], min 1.2e-06, max 0.93, mean 0.001, first 0.1 0.2 …"
std::string summary(const TensorView &tensor);

/// Writes `text` to file `path`, or to standard output where that is "-".
void writeReport(const std::string &path, const std::string &text);

/// Runs `body`, prints what it throws and returns the exit code.
int reportFailures(const std::function<void()> &body);

} // namespace weft

#endif // WEFT_LIB_DRIVER_RUN_REPORT_H
