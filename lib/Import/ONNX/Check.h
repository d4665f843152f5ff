// What must hold before any other code may look at a model: names resolve, no
// value is computed twice or from itself, tensors have the data they claim,
// nothing is nested or sized beyond what later stages can take.
#ifndef WEFT_LIB_IMPORT_ONNX_CHECK_H
#define WEFT_LIB_IMPORT_ONNX_CHECK_H

#include "ExternalData.h"
#include "Proto.h"

namespace weft::onnx {

/// Gives unnamed nodes the name that messages use for them, in all graphs.
void nameNodes(ModelProto &model);

/// Our own checks, whose messages name nodes and values, then ONNX's checker,
/// which compares nodes with the schemas of their operators.
llvm::Error checkModel(const ModelProto &model, ExternalFolder &folder);

/// ONNX's checker alone, on a model without its weights. The model is the same
/// afterwards.
llvm::Error checkSchemas(ModelProto &model);

/// All operators for which `isSupported(node, opset)` is false and that are not
/// functions of the model, counted and with the names of their nodes, as one
/// error; success when there is none.
llvm::Error
checkSupport(const ModelProto &model,
             llvm::function_ref<bool(const NodeProto &, int64_t)> isSupported);

} // namespace weft::onnx

#endif // WEFT_LIB_IMPORT_ONNX_CHECK_H
