// What is known of the elements of small integer tensors: constants, static
// extents of dynamic tensors, and arithmetic on them. Importing needs them for
// branch conditions and target shapes, before any pass has run.
#ifndef WEFT_LIB_IMPORT_ONNX_KNOWNELEMENTS_H
#define WEFT_LIB_IMPORT_ONNX_KNOWNELEMENTS_H

#include "mlir/IR/Value.h"
#include <optional>

namespace weft::onnx {

/// Element `index` (row-major) of an integer or bool tensor, where it follows
/// from constants and static extents.
std::optional<int64_t> knownElement(mlir::Value value, int64_t index);

} // namespace weft::onnx

#endif // WEFT_LIB_IMPORT_ONNX_KNOWNELEMENTS_H
