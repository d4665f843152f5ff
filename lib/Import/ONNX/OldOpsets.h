// What operators of old opsets mean where ONNX's version converter loses it.
#ifndef WEFT_LIB_IMPORT_ONNX_OLDOPSETS_H
#define WEFT_LIB_IMPORT_ONNX_OLDOPSETS_H

#include "Proto.h"

namespace weft::onnx {

/// A Weft value of Resize's nearest_mode, which opset 10 had no name for: the
/// place is rounded down, or up along axes that become smaller.
constexpr llvm::StringLiteral kTowardsLarger = "towards_larger";

/// Says in the operators of the model's own opset what the converter would
/// drop: PRelu's slopes lay along the channels before opset 7, and Scan had a
/// batch axis in opset 8.
llvm::Error keepOldMeanings(ModelProto &model);

/// Converts a model of opset 6. ONNX's converter wants to know all extents for
/// that, aligns operands wrongly, and lacks comparisons and recurrent layers.
llvm::Error convertToOpset7(ModelProto &model);

/// True where conversion has to stop at opset 10 for `stateResizing`.
bool hasOldResizing(const ModelProto &model);

/// Upsample, and Resize in opset 10, divided places by the scale. Says so in
/// the attributes that Resize has had since; `model` is of opset 10.
void stateResizing(GraphProto &graph);

} // namespace weft::onnx

#endif // WEFT_LIB_IMPORT_ONNX_OLDOPSETS_H
