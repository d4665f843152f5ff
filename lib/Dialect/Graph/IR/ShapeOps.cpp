// Constants, extents and reshapes.

#include "weft/Dialect/Graph/IR/Graph.h"
#include "weft/Dialect/Graph/IR/Shapes.h"

using namespace mlir;

namespace weft::graph {

OpFoldResult ConstantOp::fold(FoldAdaptor) { return getValue(); }

LogicalResult ShapeOp::inferReturnTypes(MLIRContext *context,
                                        std::optional<Location>, Adaptor op,
                                        SmallVectorImpl<Type> &types) {
  types.push_back(tensorType({tensorType(op.getInput()).getRank()},
                             IntegerType::get(context, 64)));
  return success();
}

OpFoldResult ShapeOp::fold(FoldAdaptor) {
  RankedTensorType input = tensorType(getInput());
  if (!input.hasStaticShape() || !getType().hasStaticShape())
    return {};
  return DenseIntElementsAttr::get(getType(), input.getShape());
}

LogicalResult ShapeOp::reifyResultShapes(OpBuilder &b,
                                         ReifiedRankedShapedTypeDims &dims) {
  appendReified(b, getResult(),
                {b.getIndexAttr(tensorType(getInput()).getRank())}, dims);
  return success();
}

LogicalResult IotaOp::verify() {
  if (failed(checkAxis(getLoc(), "axis", getAxis(), getType().getRank())))
    return failure();
  if (static_cast<size_t>(getType().getNumDynamicDims()) != getExtents().size())
    return emitOpError("has ")
           << getExtents().size() << " extents where the result has "
           << getType().getNumDynamicDims() << " dynamic dimensions";
  return success();
}

LogicalResult IotaOp::reifyResultShapes(OpBuilder &b,
                                        ReifiedRankedShapedTypeDims &dims) {
  dims.push_back(mlir::getMixedValues(getType().getShape(), getExtents(), b));
  return success();
}

//===-- Reshape
//------------------------------------------------------------------//

LogicalResult ReshapeOp::inferReturnTypes(MLIRContext *,
                                          std::optional<Location> loc,
                                          Adaptor op,
                                          SmallVectorImpl<Type> &types) {
  RankedTensorType input = tensorType(op.getInput());
  RankedTensorType shapeType = tensorType(op.getShape());
  if (shapeType.isDynamicDim(0))
    return emitOptionalError(
        loc, "the rank of the new shape is not known at compile time; pin the "
             "length of the list that states it");
  int64_t rank = shapeType.getDimSize(0);
  SmallVector<int64_t> shape(rank, kDynamic);
  auto finish = [&] {
    types.push_back(tensorType(shape, input.getElementType()));
    return success();
  };
  // Elements of the result over elements of the input, without the extents
  // that a 0 copies, so that a dynamic extent that is copied cancels. One
  // extent may be free: a -1, or an element that is not known.
  std::optional<int64_t> inferred, free;
  llvm::SmallDenseSet<int64_t> copied;
  int64_t product = 1, unknown = 0;
  for (auto [i, extent] : llvm::enumerate(knownInts(op.getShape()))) {
    if (!extent) {
      free = i;
      ++unknown;
    } else if (*extent == -1) {
      if (inferred)
        return emitOptionalError(loc, "the new shape has -1 at positions ",
                                 *inferred, " and ", i);
      inferred = free = i;
      ++unknown;
    } else if (*extent == 0 && !op.getAllowZero()) {
      if (static_cast<int64_t>(i) >= input.getRank())
        return emitOptionalError(loc, "the new shape copies extent ", i,
                                 " of an input of rank ", input.getRank());
      shape[i] = input.getDimSize(i);
      copied.insert(i);
    } else if (*extent < 0) {
      return emitOptionalError(loc, "the new shape has ", *extent,
                               " at position ", i);
    } else {
      shape[i] = *extent;
      if (llvm::MulOverflow(product, *extent, product))
        return emitOptionalError(loc,
                                 "the new shape has more than 2^63 elements");
    }
  }
  int64_t elements = 1;
  bool known = unknown <= 1;
  for (auto [i, extent] : llvm::enumerate(input.getShape())) {
    if (copied.contains(i))
      continue;
    known &= extent != kDynamic;
    if (known && llvm::MulOverflow(elements, extent, elements))
      return emitOptionalError(loc, "the input has more than 2^63 elements");
  }
  if (!known)
    return finish();
  bool zero =
      llvm::any_of(copied, [&](int64_t i) { return input.getDimSize(i) == 0; });
  if (!free) {
    if (elements != product && !zero)
      return emitOptionalError(loc, "the input's ", elements,
                               " elements do not fit the new shape's ",
                               product);
  } else if (product == 0 || elements % product) {
    // What an element that is not known turns out to be, the run checks.
    if (inferred)
      return emitOptionalError(loc, "the input's ", elements,
                               " elements are no multiple of the new shape's ",
                               product);
  } else if (inferred || (elements != 0 && !zero)) {
    shape[*free] = elements / product;
  }
  return finish();
}

LogicalResult ReshapeOp::reifyResultShapes(OpBuilder &b,
                                           ReifiedRankedShapedTypeDims &dims) {
  DimBuilder d(b, getLoc());
  int64_t rank = getType().getRank();
  SmallVector<OpFoldResult> input = d.allOf(getInput()), shape;
  SmallVector<std::optional<int64_t>> known = knownInts(getShape());
  std::optional<int64_t> inferred;
  SmallVector<int64_t> doubtful; // positions whose element may be -1 in a run
  for (int64_t i = 0; i < rank; ++i) {
    if (!getType().isDynamicDim(i)) {
      shape.push_back(d.constant(getType().getDimSize(i)));
    } else if (known[i] == -1) {
      inferred = i;
      shape.push_back(d.constant(1));
    } else if (known[i] == 0 && !getAllowZero()) {
      shape.push_back(input[i]);
    } else if (known[i]) {
      shape.push_back(d.constant(*known[i]));
    } else {
      OpFoldResult extent = d.element(getShape(), i);
      if (!isNonNegative(d.value(extent)))
        doubtful.push_back(i);
      if (!getAllowZero() && i < static_cast<int64_t>(input.size()) &&
          extent != input[i]) {
        Value e = d.value(extent), zero = d.value(d.constant(0));
        Value isZero = b.createOrFold<arith::CmpIOp>(
            getLoc(), arith::CmpIPredicate::eq, e, zero);
        extent = b.createOrFold<arith::SelectOp>(getLoc(), isZero,
                                                 d.value(input[i]), e);
      }
      shape.push_back(extent);
    }
  }
  if (inferred) {
    // Extents that stand on both sides cancel, so no division is needed for
    // the usual [0, -1]-like shapes.
    SmallVector<OpFoldResult> above = input, below = shape;
    for (OpFoldResult extent : shape) {
      auto same = llvm::find(above, extent);
      if (same == above.end() || getConstantIntValue(extent) == 0)
        continue;
      above.erase(same);
      below.erase(llvm::find(below, extent));
    }
    shape[*inferred] = d.div(d.product(above), d.product(below));
  } else if (!doubtful.empty()) {
    Value minusOne = d.value(d.constant(-1)), one = d.value(d.constant(1));
    SmallVector<Value> isInferred(rank);
    SmallVector<OpFoldResult> below = shape;
    for (int64_t i : doubtful) {
      Value e = d.value(shape[i]);
      isInferred[i] = b.createOrFold<arith::CmpIOp>(
          getLoc(), arith::CmpIPredicate::eq, e, minusOne);
      below[i] =
          b.createOrFold<arith::SelectOp>(getLoc(), isInferred[i], one, e);
    }
    OpFoldResult left = d.div(d.product(input), d.product(below));
    for (int64_t i : doubtful)
      shape[i] = b.createOrFold<arith::SelectOp>(
          getLoc(), isInferred[i], d.value(left), d.value(shape[i]));
  }
  appendReified(b, getResult(), shape, dims);
  return success();
}

OpFoldResult ReshapeOp::fold(FoldAdaptor adaptor) {
  if (getInput().getType() == getType() && (getType().getNumDynamicDims() <= 1))
    return getInput();
  auto elements = dyn_cast_or_null<DenseElementsAttr>(adaptor.getInput());
  if (elements && getType().hasStaticShape())
    return elements.reshape(getType());
  return {};
}

//===-- Squeeze and unsqueeze
//-------------------------------------------------------//

LogicalResult UnsqueezeOp::inferReturnTypes(MLIRContext *,
                                            std::optional<Location> loc,
                                            Adaptor op,
                                            SmallVectorImpl<Type> &types) {
  RankedTensorType input = tensorType(op.getInput());
  int64_t rank = input.getRank() + op.getAxes().size();
  SmallVector<int64_t> shape(rank, 0);
  for (int64_t axis : op.getAxes()) {
    if (failed(checkAxis(loc, "axis", axis, rank)))
      return failure();
    if (shape[axis] == 1)
      return emitOptionalError(loc, "axis ", axis, " is named twice");
    shape[axis] = 1;
  }
  const int64_t *next = input.getShape().begin();
  for (int64_t i = 0; i < rank; ++i)
    if (!llvm::is_contained(op.getAxes(), i))
      shape[i] = *next++;
  types.push_back(tensorType(shape, input.getElementType()));
  return success();
}

LogicalResult
UnsqueezeOp::reifyResultShapes(OpBuilder &b,
                               ReifiedRankedShapedTypeDims &dims) {
  DimBuilder d(b, getLoc());
  SmallVector<OpFoldResult> shape;
  int64_t next = 0;
  for (int64_t i = 0, e = getType().getRank(); i < e; ++i)
    shape.push_back(llvm::is_contained(getAxes(), i)
                        ? d.constant(1)
                        : d.of(getInput(), next++));
  appendReified(b, getResult(), shape, dims);
  return success();
}

LogicalResult SqueezeOp::inferReturnTypes(MLIRContext *,
                                          std::optional<Location> loc,
                                          Adaptor op,
                                          SmallVectorImpl<Type> &types) {
  RankedTensorType input = tensorType(op.getInput());
  SmallVector<int64_t> shape;
  for (int64_t axis : op.getAxes()) {
    if (failed(checkAxis(loc, "axis", axis, input.getRank())))
      return failure();
    int64_t extent = input.getDimSize(axis);
    if (extent != 1 && extent != kDynamic)
      return emitOptionalError(loc, "axis ", axis, " has extent ", extent,
                               "; only 1 can be dropped");
  }
  for (auto [i, extent] : llvm::enumerate(input.getShape()))
    if (!llvm::is_contained(op.getAxes(), static_cast<int64_t>(i)))
      shape.push_back(extent);
  types.push_back(tensorType(shape, input.getElementType()));
  return success();
}

LogicalResult SqueezeOp::reifyResultShapes(OpBuilder &b,
                                           ReifiedRankedShapedTypeDims &dims) {
  DimBuilder d(b, getLoc());
  SmallVector<OpFoldResult> shape;
  for (int64_t i = 0, e = tensorType(getInput()).getRank(); i < e; ++i)
    if (!llvm::is_contained(getAxes(), i))
      shape.push_back(d.of(getInput(), i));
  appendReified(b, getResult(), shape, dims);
  return success();
}

/// Folding that squeeze and unsqueeze share: same elements, another shape.
template <typename Op>
static OpFoldResult foldSameElements(Op op, Attribute input) {
  if (op.getAxes().empty() && op.getInput().getType() == op.getType())
    return op.getInput();
  auto elements = dyn_cast_or_null<DenseElementsAttr>(input);
  if (elements && op.getType().hasStaticShape())
    return elements.reshape(op.getType());
  return {};
}

OpFoldResult UnsqueezeOp::fold(FoldAdaptor adaptor) {
  return foldSameElements(*this, adaptor.getInput());
}
OpFoldResult SqueezeOp::fold(FoldAdaptor adaptor) {
  return foldSameElements(*this, adaptor.getInput());
}

} // namespace weft::graph
