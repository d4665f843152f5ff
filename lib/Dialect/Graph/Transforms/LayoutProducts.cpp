// Blocks of channels around convolutions, for all types of elements.

#include "LayoutProducts.h"

#include "SimplifyPatterns.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;

namespace weft::graph {

using kernel::kBlock;

ConvShape::ConvShape(ConvOp op) : groups(op.getGroups()) {
  ArrayRef<int64_t> weight = tensorType(op.getWeight()).getShape();
  outputs = weight[0] / groups;
  inputs = weight[1];
  window.assign(weight.begin() + 2, weight.end());
  for (int64_t extent : window)
    taps *= extent;
}

int64_t ConvShape::inputPart() const {
  if (groups > 1)
    return std::min<int64_t>(kBlock, inputs & -inputs);
  int64_t part = kBlock;
  auto cost = [&](int64_t p) { return llvm::alignTo(inputs, p); };
  while (part > 4 && cost(part) > 1.1 * cost(4))
    part /= 2;
  return part;
}

Value padSpatial(OpBuilder &b, Location loc, Value x, ArrayRef<int64_t> pads,
                 TypedAttr value) {
  if (llvm::all_of(pads, [](int64_t pad) { return pad == 0; }))
    return x;
  SmallVector<int64_t> axes, needed, after;
  size_t spatial = pads.size() / 2;
  for (size_t i = 0; i < spatial; ++i)
    if (pads[i] || pads[spatial + i]) {
      axes.push_back(2 + i);
      needed.push_back(pads[i]);
      after.push_back(pads[spatial + i]);
    }
  llvm::append_range(needed, after);
  Value scalar =
      ConstantOp::create(b, loc,
                         DenseElementsAttr::get(tensorType({}, value.getType()),
                                                Attribute(value)));
  return PadOp::create(b, loc, x, shapeConstant(b, loc, needed), scalar, axes,
                       PadMode::constant);
}

Value unpackGroups(OpBuilder &b, Location loc, Value blocked,
                   const ConvShape &s) {
  if (s.groups == 1 || s.outputs % kBlock == 0)
    return UnpackOp::create(b, loc, blocked, 1, s.groups * s.outputs);
  DimBuilder d(b, loc);
  Dims dims = d.allOf(blocked), split = dims;
  split[1] = d.constant(s.groups);
  split.insert(split.begin() + 2, d.constant(s.outputBlocks()));
  SmallVector<ReassociationIndices> groups = {{0}, {1, 2}};
  for (int64_t i = 2, e = dims.size(); i < e; ++i)
    groups.push_back({i + 1});
  RankedTensorType type = tensorType(blocked);
  SmallVector<int64_t> shape(type.getShape());
  shape[1] = s.groups;
  shape.insert(shape.begin() + 2, s.outputBlocks());
  Value perGroup = tensor::ExpandShapeOp::create(b, loc, type.clone(shape),
                                                 blocked, groups, split);
  Value plain = UnpackOp::create(b, loc, perGroup, 2, s.outputs);
  groups.pop_back();
  return tensor::CollapseShapeOp::create(b, loc, plain, groups);
}

Value transposed(OpBuilder &b, Location loc, Value matrix) {
  SmallVector<int64_t> permutation =
      llvm::to_vector(llvm::seq<int64_t>(0, tensorType(matrix).getRank()));
  std::swap(permutation.back(), permutation[permutation.size() - 2]);
  return TransposeOp::create(b, loc, matrix, permutation);
}

} // namespace weft::graph
