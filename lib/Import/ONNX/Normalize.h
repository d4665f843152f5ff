// Makes any model look alike: one opset, no functions, every value with the
// type that can be inferred. ONNX's own code does the work; what it throws
// becomes one sentence.
#ifndef WEFT_LIB_IMPORT_ONNX_NORMALIZE_H
#define WEFT_LIB_IMPORT_ONNX_NORMALIZE_H

#include "Weights.h"
#include "weft/Import/ImportOptions.h"

namespace weft::onnx {

/// Applies the user's shapes and types to the inputs named by `pins`. Shapes
/// that the model states elsewhere are dropped, since they were stated for its
/// own input shapes; inference finds them again.
/// Inputs that stand for `weights` cannot be pinned.
llvm::Error pinInputs(ModelProto &model, const WeightMap &weights,
                      llvm::ArrayRef<InputPin> pins);

/// Converts to kOpset where the model is older, inlines the model's functions
/// and those operators that `isPrimitive(name)` does not know and that ONNX
/// defines by a function body, and infers types and shapes strictly, with data
/// propagation. What inference objects to is returned in `objection`: the type
/// rules of IR come to the same verdict, and their messages name values.
llvm::Error normalize(ModelProto &model,
                      llvm::function_ref<bool(llvm::StringRef)> isPrimitive,
                      std::string &objection);

} // namespace weft::onnx

#endif // WEFT_LIB_IMPORT_ONNX_NORMALIZE_H
