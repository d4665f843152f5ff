// Tensors that are attributes of nodes.
#ifndef WEFT_LIB_IMPORT_ONNX_ROWS_TENSORATTRIBUTE_H
#define WEFT_LIB_IMPORT_ONNX_ROWS_TENSORATTRIBUTE_H

#include "../NodeImport.h"

namespace weft::onnx {

/// The elements as numbers; false where the tensor has none that are.
bool readReals(const TensorProto &tensor, std::vector<double> &values);

} // namespace weft::onnx

#endif // WEFT_LIB_IMPORT_ONNX_ROWS_TENSORATTRIBUTE_H
