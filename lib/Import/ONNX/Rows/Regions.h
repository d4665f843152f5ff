// Branches and loops that rows build of functions, as scf on tensors. A region
// may use all values around it.
#ifndef WEFT_LIB_IMPORT_ONNX_ROWS_REGIONS_H
#define WEFT_LIB_IMPORT_ONNX_ROWS_REGIONS_H

#include "../NodeImport.h"

namespace weft::onnx {

/// `yes()` where `condition` (i1) holds, else `no()`, as a `type` that both can
/// be cast to.
mlir::Value either(NodeImport &n, mlir::Value condition, mlir::Type type,
                   llvm::function_ref<mlir::Value()> yes,
                   llvm::function_ref<mlir::Value()> no);

/// `values` after `turn` of them as often as `more` (i1) of them holds before.
llvm::SmallVector<mlir::Value> repeated(
    NodeImport &n, mlir::ValueRange values,
    llvm::function_ref<mlir::Value(mlir::ValueRange)> more,
    llvm::function_ref<llvm::SmallVector<mlir::Value>(mlir::ValueRange)> turn);

/// `values` after `turn` of them for `count` (index) times. What a turn gives
/// has the types of `values`, or can be cast to them. Nulls where one is null.
llvm::SmallVector<mlir::Value> times(
    NodeImport &n, mlir::Value count, mlir::ValueRange values,
    llvm::function_ref<llvm::SmallVector<mlir::Value>(mlir::ValueRange)> turn);

} // namespace weft::onnx

#endif // WEFT_LIB_IMPORT_ONNX_ROWS_REGIONS_H
