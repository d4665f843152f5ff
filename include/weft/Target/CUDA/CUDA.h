// NVIDIA GPUs: kernels to PTX, which the driver turns into machine code.
#ifndef WEFT_TARGET_CUDA_CUDA_H
#define WEFT_TARGET_CUDA_CUDA_H

#include "weft/Target/Target.h"

namespace weft::cuda {

/// `arch` is "sm_80" or newer, with an "a" or "f" where LLVM knows one.
llvm::Expected<std::unique_ptr<Target>> createTarget(llvm::StringRef arch);

} // namespace weft::cuda

#endif // WEFT_TARGET_CUDA_CUDA_H
