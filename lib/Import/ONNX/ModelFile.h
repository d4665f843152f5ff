// Reading an .onnx file: what is wrong with the file itself is said here, in
// one sentence, before anything of the model is looked at.
#ifndef WEFT_LIB_IMPORT_ONNX_MODELFILE_H
#define WEFT_LIB_IMPORT_ONNX_MODELFILE_H

#include "Proto.h"

namespace weft::onnx {

/// Parses the file into `model`. Fails on what is no regular file, no ONNX,
/// truncated, nested too deeply, or too large for one protobuf message.
llvm::Error readModel(llvm::StringRef path, ModelProto &model);

} // namespace weft::onnx

#endif // WEFT_LIB_IMPORT_ONNX_MODELFILE_H
