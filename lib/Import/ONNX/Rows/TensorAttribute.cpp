#include "TensorAttribute.h"
#include "../TensorData.h"

namespace weft::onnx {

template <typename T>
static void append(llvm::ArrayRef<char> bytes, std::vector<double> &values) {
  for (size_t i = 0; i + sizeof(T) <= bytes.size(); i += sizeof(T)) {
    T value;
    std::memcpy(&value, bytes.data() + i, sizeof(T));
    values.push_back(double(value));
  }
}

bool readReals(const TensorProto &tensor, std::vector<double> &values) {
  TensorProto copy = tensor;
  ExternalFolder none("");
  auto data = takeBytes(copy, none);
  if (!data) {
    llvm::consumeError(data.takeError());
    return false;
  }
  switch (tensor.data_type()) {
  case TensorProto::FLOAT:
    append<float>(data->bytes, values);
    return true;
  case TensorProto::DOUBLE:
    append<double>(data->bytes, values);
    return true;
  case TensorProto::INT64:
    append<int64_t>(data->bytes, values);
    return true;
  case TensorProto::INT32:
    append<int32_t>(data->bytes, values);
    return true;
  case TensorProto::INT16:
    append<int16_t>(data->bytes, values);
    return true;
  case TensorProto::INT8:
    append<int8_t>(data->bytes, values);
    return true;
  case TensorProto::UINT8:
    append<uint8_t>(data->bytes, values);
    return true;
  default:
    return false;
  }
}

} // namespace weft::onnx
