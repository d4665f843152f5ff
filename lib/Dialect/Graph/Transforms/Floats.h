// Constants that a pass reads and rearranges.
#ifndef WEFT_LIB_DIALECT_GRAPH_TRANSFORMS_FLOATS_H
#define WEFT_LIB_DIALECT_GRAPH_TRANSFORMS_FLOATS_H

#include "weft/Dialect/Graph/IR/Graph.h"
#include "weft/Support/Constants.h"

namespace weft::graph {

/// The floats of a constant, splats repeated.
struct Floats {
  ConstantData data;
  const float *all;
  explicit Floats(ConstantData found) : data(std::move(found)) {
    all = reinterpret_cast<const float *>(data.bytes().data());
  }
  float operator[](int64_t i) const { return data.isSplat() ? all[0] : all[i]; }
};

/// Nothing unless `value` is a constant of f32 with at least one element.
inline std::optional<Floats> constantFloats(mlir::Value value) {
  auto data = ConstantData::get(value);
  if (!data || !data->type().getElementType().isF32() ||
      data->numElements() == 0)
    return std::nullopt;
  return Floats(std::move(*data));
}

/// The one value of a constant that has only one.
inline std::optional<double> splatValue(mlir::Value value) {
  std::optional<ConstantData> data = ConstantData::get(value);
  if (!data || (!data->isSplat() && data->numElements() != 1))
    return std::nullopt;
  return data->floatAt(0);
}

/// A constant of `type`, whose elements are stored as T; zeros where `fill`
/// leaves them.
template <typename T>
mlir::Value makeElements(mlir::OpBuilder &b, mlir::Location loc,
                         mlir::RankedTensorType type,
                         llvm::function_ref<void(T *)> fill) {
  mlir::AsmResourceBlob blob = allocateConstant(type);
  llvm::MutableArrayRef<char> bytes = blob.getMutableData();
  std::memset(bytes.data(), 0, bytes.size());
  fill(reinterpret_cast<T *>(bytes.data()));
  return ConstantOp::create(b, loc, makeConstant(type, std::move(blob)));
}

inline mlir::Value makeFloats(mlir::OpBuilder &b, mlir::Location loc,
                              llvm::ArrayRef<int64_t> shape,
                              llvm::function_ref<void(float *)> fill) {
  return makeElements<float>(
      b, loc, mlir::RankedTensorType::get(shape, b.getF32Type()), fill);
}

} // namespace weft::graph

#endif // WEFT_LIB_DIALECT_GRAPH_TRANSFORMS_FLOATS_H
