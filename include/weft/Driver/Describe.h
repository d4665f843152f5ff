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

/// A block of temporary memory and the kernels that first and last use it, by
/// their numbers in `describe`.
struct MemoryBlock {
  uint64_t offset = 0, bytes = 0;
  size_t first = 0, last = 0;
};

/// A line for each block.
std::string describeMemory(const std::vector<MemoryBlock> &blocks);

} // namespace weft

#endif // WEFT_DRIVER_DESCRIBE_H
