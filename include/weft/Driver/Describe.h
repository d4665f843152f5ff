// What an artifact holds, as text and as JSON, from its manifest alone. Needs
// no LLVM.
#ifndef WEFT_DRIVER_DESCRIBE_H
#define WEFT_DRIVER_DESCRIBE_H

#include "weft/Artifact/Manifest.h"

namespace weft {

/// "f32[N, 3, 224, 224]"; a dynamic dimension without a name is "?".
std::string typeText(const artifact::TensorInfo &tensor);

/// Inputs, outputs, code with what it needs of the machine, kernels and memory.
/// `fileBytes` is the artifact's size.
std::string describe(const artifact::Manifest &manifest, uint64_t fileBytes);

/// The same as JSON text.
std::string describeAsJson(const artifact::Manifest &manifest,
                           uint64_t fileBytes);

/// A line for each block; kernels have their numbers in `describe`.
std::string describeMemory(const std::vector<artifact::MemoryBlock> &blocks);

} // namespace weft

#endif // WEFT_DRIVER_DESCRIBE_H
