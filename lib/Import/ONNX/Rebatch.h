// Models exported for one batch size repeat it where they reshape. When the
// user makes the batch dynamic, those reshapes must follow.
#ifndef WEFT_LIB_IMPORT_ONNX_REBATCH_H
#define WEFT_LIB_IMPORT_ONNX_REBATCH_H

#include "Proto.h"
#include "weft/Import/ImportOptions.h"

namespace weft::onnx {

/// Where a pin makes the first dimension of an input dynamic (or another
/// extent), each Reshape to a constant shape whose first extent is that of its
/// input, and of the input that is pinned, copies it instead: [1, 2048] becomes
/// [0, 2048]. For the model's own batch the result is the same. To be called
/// before the pins are applied.
llvm::Error followBatch(ModelProto &model, llvm::ArrayRef<InputPin> pins);

} // namespace weft::onnx

#endif // WEFT_LIB_IMPORT_ONNX_REBATCH_H
