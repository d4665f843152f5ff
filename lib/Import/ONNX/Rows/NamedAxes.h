// Axes that are data: which ones are meant is known at run time only, how many
// they are as a rule from their type or from the rank of the result.
#ifndef WEFT_LIB_IMPORT_ONNX_ROWS_NAMEDAXES_H
#define WEFT_LIB_IMPORT_ONNX_ROWS_NAMEDAXES_H

#include "../Table.h"

namespace weft::onnx {

/// Fails the run unless `condition` (tensor<i1>) holds.
void require(NodeImport &n, mlir::Value condition, llvm::StringRef message);

/// Element `i` (none for rank 0) of a tensor as a scalar.
mlir::Value elementOf(NodeImport &n, mlir::Value tensor,
                      std::optional<int64_t> i = {});

/// For each of `rank` axes whether the list `axes` names it: tensor<rank x i1>.
/// The run fails where an axis is out of range or named twice.
mlir::Value namedAxes(NodeImport &n, mlir::Value axes, int64_t rank);

/// How many axes output 0 has more (positive) or less than input 0, by the
/// length of `axes` or what the model says of the output. Reports and returns
/// nothing where neither tells.
std::optional<int64_t> axisCount(NodeImport &n, mlir::Value axes,
                                 int64_t direction);

/// `x` without its axes of one element. Their number is what the model says of
/// the output, or else extents that are not known are taken for other than 1;
/// the run fails where that is not so.
mlir::Value squeezeUnits(NodeImport &n, mlir::Value x);
/// `x` without the `count` axes that `flags` mark, which have one element.
mlir::Value squeezeNamed(NodeImport &n, mlir::Value x, mlir::Value flags,
                         int64_t count);
/// `x` with axes of one element where `flags` mark them in the result.
mlir::Value unsqueezeNamed(NodeImport &n, mlir::Value x, mlir::Value flags);

/// `x` reduced along the axes that `flags` mark, which stay as 1.
mlir::Value reduceNamed(NodeImport &n, graph::ReduceKind kind, mlir::Value x,
                        mlir::Value flags);

/// `change(x, axis)` for each axis that `flags` mark, one after another. An
/// axis may change its own extent.
mlir::Value
forNamed(NodeImport &n, mlir::Value x, mlir::Value flags, bool changesExtent,
         llvm::function_ref<mlir::Value(mlir::Value x, int64_t axis)> change);

/// `change(axis)` of the one axis below `axes` that `flags` mark, as a `type`
/// that all of them can be cast to.
mlir::Value byAxis(NodeImport &n, mlir::Value flags, int64_t axes,
                   mlir::RankedTensorType type,
                   llvm::function_ref<mlir::Value(int64_t axis)> change);

/// A list with one entry for each of `rank` axes: `values` at `axes`, else
/// `otherwise`.
mlir::Value spreadOverAxes(NodeImport &n, mlir::Value values, mlir::Value axes,
                           int64_t rank, int64_t otherwise);

} // namespace weft::onnx

#endif // WEFT_LIB_IMPORT_ONNX_ROWS_NAMEDAXES_H
