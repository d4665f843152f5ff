// Passes that only the CUDA target needs; described in Passes.td.
#ifndef WEFT_TARGET_CUDA_PASSES_H
#define WEFT_TARGET_CUDA_PASSES_H

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Pass/Pass.h"

namespace weft::cuda {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "weft/Target/CUDA/Passes.h.inc"

} // namespace weft::cuda

#endif // WEFT_TARGET_CUDA_PASSES_H
