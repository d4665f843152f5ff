// AMD GPUs: kernels to HSACO, a linked ELF file that the driver loads.
#ifndef WEFT_TARGET_ROCM_ROCM_H
#define WEFT_TARGET_ROCM_ROCM_H

#include "weft/Target/Target.h"

namespace weft::rocm {

/// `arch` is a processor of LLVM's AMDGPU target: "gfx90a", "gfx942",
/// "gfx1100".
llvm::Expected<std::unique_ptr<Target>> createTarget(llvm::StringRef arch);

} // namespace weft::rocm

#endif // WEFT_TARGET_ROCM_ROCM_H
