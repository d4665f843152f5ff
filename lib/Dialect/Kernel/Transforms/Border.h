// The kernel that writes the border of a padded tensor.
#ifndef WEFT_LIB_DIALECT_KERNEL_TRANSFORMS_BORDER_H
#define WEFT_LIB_DIALECT_KERNEL_TRANSFORMS_BORDER_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinTypes.h"

namespace weft::kernel {

/// Constant padding: `pads` is [before of each of `axes` …, after of each …],
/// none negative.
struct Padding {
  llvm::ArrayRef<int64_t> axes, pads;
  mlir::TypedAttr value;
};

/// A kernel with one output of `type` that sets what `padding` adds and nothing
/// else. It belongs to no module yet.
mlir::func::FuncOp makeBorderKernel(mlir::Location loc,
                                    mlir::RankedTensorType type,
                                    const Padding &padding);

} // namespace weft::kernel

#endif // WEFT_LIB_DIALECT_KERNEL_TRANSFORMS_BORDER_H
