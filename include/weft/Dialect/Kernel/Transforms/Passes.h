// Passes on kernels that all targets share.
#ifndef WEFT_DIALECT_KERNEL_TRANSFORMS_PASSES_H
#define WEFT_DIALECT_KERNEL_TRANSFORMS_PASSES_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"
#include "weft/Dialect/Kernel/IR/Kernel.h"

namespace weft::kernel {

#define GEN_PASS_DECL
#include "weft/Dialect/Kernel/Transforms/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "weft/Dialect/Kernel/Transforms/Passes.h.inc"

/// Interface models of upstream dialects that these passes call: tiling and
/// bufferization.
void registerTransformInterfaces(mlir::DialectRegistry &registry);

} // namespace weft::kernel

#endif // WEFT_DIALECT_KERNEL_TRANSFORMS_PASSES_H
