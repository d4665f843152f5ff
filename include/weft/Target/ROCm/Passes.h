// Passes that only the ROCm target needs; described in Passes.td.
#ifndef WEFT_TARGET_ROCM_PASSES_H
#define WEFT_TARGET_ROCM_PASSES_H

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/ROCDLDialect.h"
#include "mlir/Pass/Pass.h"

namespace weft::rocm {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "weft/Target/ROCm/Passes.h.inc"

} // namespace weft::rocm

#endif // WEFT_TARGET_ROCM_PASSES_H
