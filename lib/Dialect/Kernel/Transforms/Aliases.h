// What may be the same memory in @main. Private to this folder.
#ifndef WEFT_LIB_DIALECT_KERNEL_TRANSFORMS_ALIASES_H
#define WEFT_LIB_DIALECT_KERNEL_TRANSFORMS_ALIASES_H

#include "mlir/IR/Value.h"
#include "llvm/ADT/SetVector.h"

namespace weft::kernel {

/// All values that may be the memory of `root`, `root` included.
llvm::SetVector<mlir::Value> aliasesOf(mlir::Value root);

} // namespace weft::kernel

#endif // WEFT_LIB_DIALECT_KERNEL_TRANSFORMS_ALIASES_H
