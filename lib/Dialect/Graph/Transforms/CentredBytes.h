// Bytes less a zero point, the integers that quantised models scale.
#ifndef WEFT_LIB_DIALECT_GRAPH_TRANSFORMS_CENTREDBYTES_H
#define WEFT_LIB_DIALECT_GRAPH_TRANSFORMS_CENTREDBYTES_H

#include "weft/Dialect/Graph/IR/Graph.h"
#include "weft/Dialect/Graph/IR/Shapes.h"
#include "weft/Dialect/Kernel/IR/Kernel.h"

#include <optional>

namespace weft::graph {

struct CentredBytes {
  mlir::Value bytes;
  mlir::Value zeroPoint; ///< of the wide type, or null for 0

  /// Of a tensor whose elements are bytes, widened and perhaps less a zero
  /// point that broadcasts to them. A difference of what is not widened wraps.
  static std::optional<CentredBytes> match(mlir::Value wide) {
    CentredBytes found;
    mlir::Value x = wide;
    if (auto difference = x.getDefiningOp<SubOp>()) {
      x = difference.getX();
      found.zeroPoint = difference.getY();
    }
    auto cast = x.getDefiningOp<CastOp>();
    if (!cast || !kernel::isByte(tensorType(cast.getX()).getElementType()) ||
        x.getType() != wide.getType())
      return std::nullopt;
    found.bytes = cast.getX();
    return found;
  }
};

} // namespace weft::graph

#endif // WEFT_LIB_DIALECT_GRAPH_TRANSFORMS_CENTREDBYTES_H
