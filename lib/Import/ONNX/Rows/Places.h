// Positions in tensors as arithmetic: one index over a flattened tensor stands
// for an index for each axis, so that one kind of gather and one of scatter
// serve all.
#ifndef WEFT_LIB_IMPORT_ONNX_ROWS_PLACES_H
#define WEFT_LIB_IMPORT_ONNX_ROWS_PLACES_H

#include "../Table.h"

namespace weft::onnx {

/// Indices along an axis of `extent` (tensor<1xi64>) that count from the end,
/// made to count from the start.
mlir::Value fromStart(NodeImport &n, mlir::Value indices, mlir::Value extent);

/// The product of the extents [begin, end) of `x`, as tensor<i64>.
mlir::Value extentProduct(NodeImport &n, mlir::Value x, int64_t begin,
                          int64_t end);

/// Where the element at `places` (one i64 tensor for each of the first axes of
/// `x`, which broadcast) stands when these axes are one. An entry outside its
/// axis makes the result a position that the gather or scatter rejects.
mlir::Value linearIndex(NodeImport &n, mlir::Value x,
                        llvm::ArrayRef<mlir::Value> places);

/// `x` as a matrix: its first `axes` axes, and all others.
mlir::Value asMatrix(NodeImport &n, mlir::Value x, int64_t axes);

/// Elements of `x` that `places` name, with whatever follows those axes.
mlir::Value gatherAt(NodeImport &n, mlir::Value x,
                     llvm::ArrayRef<mlir::Value> places);

/// `x` with `updates` put at, or combined with what is at, `places`, which all
/// have the shape of the leading axes of `updates`.
mlir::Value scatterAt(NodeImport &n, graph::ScatterKind kind, mlir::Value x,
                      llvm::ArrayRef<mlir::Value> places, mlir::Value updates);

/// Numbers (i64) of the true elements of a vector of i1.
mlir::Value truePositions(NodeImport &n, mlir::Value flags);

/// 0, 1, … along `axis` of a tensor of rank `rank` whose other extents are 1;
/// as many as `like` has along that axis.
mlir::Value axisPositions(NodeImport &n, mlir::Value like, int64_t axis,
                          int64_t rank);

} // namespace weft::onnx

#endif // WEFT_LIB_IMPORT_ONNX_ROWS_PLACES_H
