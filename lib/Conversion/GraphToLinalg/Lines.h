// The parallel loop of ops whose lines are computed by sequential loops.
#ifndef WEFT_LIB_CONVERSION_GRAPHTOLINALG_LINES_H
#define WEFT_LIB_CONVERSION_GRAPHTOLINALG_LINES_H

#include "Lowering.h"

namespace weft::lowering {

/// Writes one line: `at` is where it starts, `target` the line as a tensor with
/// extent 1 on all axes but its own. Returns `target` as written.
using LineBody = llvm::function_ref<mlir::Value(mlir::ImplicitLocOpBuilder &,
                                                llvm::ArrayRef<mlir::Value> at,
                                                mlir::Value target)>;

/// A tensor of `dims`, one work item for each of its lines along `axes`.
mlir::Value forEachLine(LoopBuilder &b, LoopBuilder::Dims dims,
                        mlir::Type element, llvm::ArrayRef<int64_t> axes,
                        LineBody body);

/// A loop over [from, to) that carries `carried`; returns what it ends with.
llvm::SmallVector<mlir::Value>
loop(mlir::ImplicitLocOpBuilder &b, mlir::Value from, mlir::Value to,
     mlir::ValueRange carried,
     llvm::function_ref<llvm::SmallVector<mlir::Value>(
         mlir::ImplicitLocOpBuilder &, mlir::Value i, mlir::ValueRange carried)>
         body);

/// Values by one of two ways.
llvm::SmallVector<mlir::Value>
branch(mlir::ImplicitLocOpBuilder &b, mlir::Value condition,
       llvm::function_ref<
           llvm::SmallVector<mlir::Value>(mlir::ImplicitLocOpBuilder &)>
           yes,
       llvm::function_ref<
           llvm::SmallVector<mlir::Value>(mlir::ImplicitLocOpBuilder &)>
           no);

/// `at` with its entry `axis` set to `i`.
llvm::SmallVector<mlir::Value> along(llvm::ArrayRef<mlir::Value> at,
                                     int64_t axis, mlir::Value i);

} // namespace weft::lowering

#endif // WEFT_LIB_CONVERSION_GRAPHTOLINALG_LINES_H
