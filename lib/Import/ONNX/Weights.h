// Takes large tensors out of a model before ONNX's code sees it, because
// version conversion and shape inference copy the model several times. Each
// becomes a graph input of the same name and type; small tensors stay, since
// shapes are computed from them.
#ifndef WEFT_LIB_IMPORT_ONNX_WEIGHTS_H
#define WEFT_LIB_IMPORT_ONNX_WEIGHTS_H

#include "TensorData.h"
#include "llvm/ADT/StringMap.h"

namespace weft::onnx {

struct Weight {
  std::string name; ///< as the model calls it
  int type;         ///< ONNX's element type
  llvm::SmallVector<int64_t> shape;
  TensorBytes data;
  mlir::ElementsAttr attr; ///< made when the weight is first used
};

/// By the name of the graph input that stands for the weight.
using WeightMap = llvm::StringMap<Weight>;

/// Moves the initializers and constants above about a kilobyte out of the main
/// graph and all subgraphs. All tensors of the model were checked before.
/// Initializers leave the graph's inputs, so those that remain are the user's.
llvm::Error takeWeights(ModelProto &model, ExternalFolder &folder,
                        WeightMap &weights);

} // namespace weft::onnx

#endif // WEFT_LIB_IMPORT_ONNX_WEIGHTS_H
