// What this processor can do, in LLVM's words: the manifest lists the features
// that each body of code needs.
#ifndef WEFT_LIB_RUNTIME_CPUFEATURES_H
#define WEFT_LIB_RUNTIME_CPUFEATURES_H

#include <string>
#include <string_view>
#include <vector>

namespace weft::runtime {

/// True when processor and operating system support `feature`. False for a name
/// that this runtime does not know.
bool hasCpuFeature(std::string_view feature);

/// Those of `needed` that are missing here, "avx512f, avx512bw"; empty for
/// none.
std::string missingCpuFeatures(const std::vector<std::string> &needed);

} // namespace weft::runtime

#endif // WEFT_LIB_RUNTIME_CPUFEATURES_H
