// Type rules of ops that move data: transpose, concat, slice, expand, tile,
// pad, gather, and the blocked layouts.

#include "weft/Dialect/Graph/IR/Graph.h"
#include "weft/Dialect/Graph/IR/Shapes.h"

#include "mlir/Dialect/Utils/IndexingUtils.h"

using namespace mlir;

namespace weft::graph {

LogicalResult TransposeOp::inferReturnTypes(MLIRContext *,
                                            std::optional<Location> loc,
                                            Adaptor op,
                                            SmallVectorImpl<Type> &types) {
  RankedTensorType input = tensorType(op.getInput());
  ArrayRef<int64_t> permutation = op.getPermutation();
  if (static_cast<int64_t>(permutation.size()) != input.getRank() ||
      !isPermutationVector(permutation))
    return emitOptionalError(loc, "[", permutation, "] is no permutation of ",
                             input.getRank(), " dimensions");
  types.push_back(tensorType(applyPermutation(input.getShape(), permutation),
                             input.getElementType()));
  return success();
}

LogicalResult
TransposeOp::reifyResultShapes(OpBuilder &b,
                               ReifiedRankedShapedTypeDims &dims) {
  SmallVector<OpFoldResult> shape = DimBuilder(b, getLoc()).allOf(getInput());
  applyPermutationToVector(shape, getPermutation());
  appendReified(b, getResult(), shape, dims);
  return success();
}

OpFoldResult TransposeOp::fold(FoldAdaptor adaptor) {
  if (getInput().getType() == getType() &&
      isIdentityPermutation(getPermutation()))
    return getInput();
  auto elements = dyn_cast_or_null<DenseElementsAttr>(adaptor.getInput());
  if (elements && elements.isSplat() && getType().hasStaticShape())
    return elements.reshape(getType());
  return {};
}

LogicalResult ConcatOp::inferReturnTypes(MLIRContext *,
                                         std::optional<Location> loc,
                                         Adaptor op,
                                         SmallVectorImpl<Type> &types) {
  if (op.getInputs().empty())
    return emitOptionalError(
        loc, "concatenates nothing; one input is needed at least");
  RankedTensorType first = tensorType(op.getInputs().front());
  int64_t axis = op.getAxis(), rank = first.getRank();
  if (failed(checkAxis(loc, "axis", axis, rank)))
    return failure();
  SmallVector<int64_t> shape(first.getShape());
  for (auto [i, input] : llvm::drop_begin(llvm::enumerate(op.getInputs()))) {
    RankedTensorType type = tensorType(input);
    if (type.getElementType() != first.getElementType())
      return emitOptionalError(loc, "input ", i, " is of ",
                               type.getElementType(), " where input 0 is of ",
                               first.getElementType());
    if (type.getRank() != rank)
      return emitOptionalError(loc, "input ", i, " has rank ", type.getRank(),
                               " where input 0 has ", rank);
    for (int64_t d = 0; d < rank; ++d) {
      int64_t extent = type.getDimSize(d);
      if (d == axis)
        shape[d] = shape[d] == kDynamic || extent == kDynamic
                       ? kDynamic
                       : shape[d] + extent;
      else if (shape[d] == kDynamic)
        shape[d] = extent;
      else if (extent != kDynamic && extent != shape[d])
        return emitOptionalError(loc, "input ", i, " has ", extent, " on axis ",
                                 d, " where input 0 has ", shape[d]);
    }
  }
  types.push_back(tensorType(shape, first.getElementType()));
  return success();
}

LogicalResult ConcatOp::reifyResultShapes(OpBuilder &b,
                                          ReifiedRankedShapedTypeDims &dims) {
  DimBuilder d(b, getLoc());
  SmallVector<OpFoldResult> shape = d.allOf(getInputs().front());
  for (Value input : getInputs().drop_front())
    shape[getAxis()] = d.add(shape[getAxis()], d.of(input, getAxis()));
  appendReified(b, getResult(), shape, dims);
  return success();
}

OpFoldResult ConcatOp::fold(FoldAdaptor) {
  if (getInputs().size() == 1 && getInputs()[0].getType() == getType())
    return getInputs()[0];
  return {};
}

//===-- Slice
//------------------------------------------------------------------------//

/// How many elements a slice takes; arguments as ONNX gives them.
static int64_t sliceCount(int64_t extent, int64_t start, int64_t end,
                          int64_t step) {
  auto place = [&](int64_t i, int64_t low, int64_t high) {
    return std::min(std::max(i < 0 ? i + extent : i, low), high);
  };
  if (step > 0) {
    int64_t from = place(start, 0, extent), to = place(end, 0, extent);
    return to <= from ? 0 : (to - from - 1) / step + 1;
  }
  // An end that is still negative after counting from the end means "past 0".
  int64_t from = place(start, 0, extent - 1), to = place(end, -1, extent - 1);
  return from <= to ? 0 : (from - to - 1) / -step + 1;
}

LogicalResult SliceOp::inferReturnTypes(MLIRContext *,
                                        std::optional<Location> loc, Adaptor op,
                                        SmallVectorImpl<Type> &types) {
  RankedTensorType input = tensorType(op.getInput());
  SmallVector<int64_t> shape(input.getShape());
  int64_t count = op.getAxes().size();
  for (auto [what, list] :
       {std::pair("starts", op.getStarts()), std::pair("ends", op.getEnds()),
        std::pair("steps", op.getSteps())})
    if (int64_t n = tensorType(list).getDimSize(0); n != count)
      return emitOptionalError(loc, what, " has ", n, " entries where ", count,
                               " axes are sliced");
  auto starts = knownInts(op.getStarts()), ends = knownInts(op.getEnds()),
       steps = knownInts(op.getSteps());
  for (auto [i, axis] : llvm::enumerate(op.getAxes())) {
    if (failed(checkAxis(loc, "axis", axis, input.getRank())))
      return failure();
    if (steps[i] == 0)
      return emitOptionalError(loc, "step of axis ", axis, " is 0");
    bool known = starts[i] && ends[i] && steps[i] && shape[axis] != kDynamic;
    shape[axis] = known
                      ? sliceCount(shape[axis], *starts[i], *ends[i], *steps[i])
                      : kDynamic;
  }
  types.push_back(tensorType(shape, input.getElementType()));
  return success();
}

LogicalResult SliceOp::reifyResultShapes(OpBuilder &b,
                                         ReifiedRankedShapedTypeDims &dims) {
  DimBuilder d(b, getLoc());
  SmallVector<OpFoldResult> shape = d.allOf(getInput());
  for (auto [i, axis] : llvm::enumerate(getAxes())) {
    if (!getType().isDynamicDim(axis))
      continue;
    SliceBounds bounds =
        sliceBounds(d, d.of(getInput(), axis), d.element(getStarts(), i),
                    d.element(getEnds(), i), d.element(getSteps(), i));
    shape[axis] = bounds.count;
  }
  appendReified(b, getResult(), shape, dims);
  return success();
}

OpFoldResult SliceOp::fold(FoldAdaptor adaptor) {
  auto starts = constantInts(getStarts()), steps = constantInts(getSteps()),
       ends = constantInts(getEnds());
  if (!starts || !steps || !ends)
    return {};
  if (getInput().getType() == getType()) {
    bool whole = true;
    for (auto [i, axis] : llvm::enumerate(getAxes()))
      whole &= (*steps)[i] == 1 && (*starts)[i] == 0 &&
               (!getType().isDynamicDim(axis) ||
                (*ends)[i] == std::numeric_limits<int64_t>::max());
    if (whole)
      return getInput();
  }
  // Slices of shapes: rank 1, few elements.
  auto elements = dyn_cast_or_null<DenseElementsAttr>(adaptor.getInput());
  if (!elements || getType().getRank() != 1 || !getType().hasStaticShape() ||
      elements.getNumElements() > 64)
    return {};
  int64_t extent = elements.getNumElements(), step = (*steps)[0],
          start = (*starts)[0];
  start = std::min(std::max<int64_t>(start < 0 ? start + extent : start, 0),
                   step > 0 ? extent : extent - 1);
  SmallVector<Attribute> values(elements.getValues<Attribute>()), taken;
  for (int64_t i = 0; i < getType().getDimSize(0); ++i)
    taken.push_back(values[start + i * step]);
  return DenseElementsAttr::get(getType(), taken);
}

SliceBounds sliceBounds(DimBuilder &d, OpFoldResult extent, OpFoldResult start,
                        OpFoldResult end, OpFoldResult step) {
  auto fromEnd = [&](OpFoldResult i) {
    return d.selectNegative(i, d.add(i, extent), i);
  };
  OpFoldResult zero = d.constant(0), minusOne = d.constant(-1),
               last = d.sub(extent, d.constant(1));
  auto clamp = [&](OpFoldResult i, OpFoldResult low, OpFoldResult high) {
    return d.min(d.max(fromEnd(i), low), high);
  };
  OpFoldResult upFrom = clamp(start, zero, extent),
               upTo = clamp(end, zero, extent);
  if (getConstantIntValue(step) == 1)
    return {upFrom, d.max(d.sub(upTo, upFrom), zero)};
  OpFoldResult downFrom = clamp(start, zero, last),
               downTo = clamp(end, minusOne, last);
  OpFoldResult negated = d.sub(zero, step);
  auto count = [&](OpFoldResult distance, OpFoldResult stride) {
    // ceil(distance / stride) for a stride of 1 at least.
    OpFoldResult safe = d.max(stride, d.constant(1));
    return d.div(d.add(d.max(distance, zero), d.sub(safe, d.constant(1))),
                 safe);
  };
  return {d.selectNegative(step, downFrom, upFrom),
          d.selectNegative(step, count(d.sub(downFrom, downTo), negated),
                           count(d.sub(upTo, upFrom), step))};
}

//===-- Expand, tile, pad
//----------------------------------------------------------------//

LogicalResult ExpandOp::inferReturnTypes(MLIRContext *,
                                         std::optional<Location> loc,
                                         Adaptor op,
                                         SmallVectorImpl<Type> &types) {
  RankedTensorType input = tensorType(op.getInput());
  int64_t asked = tensorType(op.getShape()).getDimSize(0);
  if (asked == kDynamic)
    return emitOptionalError(
        loc, "the rank of the new shape is not known at compile time; pin the "
             "length of the list that states it");
  int64_t rank = std::max(asked, input.getRank());
  auto known = knownInts(op.getShape());
  SmallVector<int64_t> shape(rank, 1);
  for (int64_t i = 0; i < rank; ++i) {
    int64_t a = i - (rank - input.getRank()), s = i - (rank - asked);
    int64_t have = a < 0 ? 1 : input.getDimSize(a);
    int64_t want = s < 0 ? 1 : known[s].value_or(kDynamic);
    if (s >= 0 && known[s] && want < 0)
      return emitOptionalError(loc, "the new shape has ", want, " at position ",
                               s);
    auto joined = broadcastExtent(have, want);
    if (!joined)
      return emitOptionalError(loc, "extent ", have, " of axis ", a,
                               " cannot be repeated to ", want);
    shape[i] = *joined;
  }
  types.push_back(tensorType(shape, input.getElementType()));
  return success();
}

LogicalResult ExpandOp::reifyResultShapes(OpBuilder &b,
                                          ReifiedRankedShapedTypeDims &dims) {
  DimBuilder d(b, getLoc());
  int64_t rank = getType().getRank(),
          asked = tensorType(getShape()).getDimSize(0);
  int64_t have = tensorType(getInput()).getRank();
  SmallVector<OpFoldResult> shape;
  for (int64_t i = 0; i < rank; ++i) {
    int64_t a = i - (rank - have), s = i - (rank - asked);
    shape.push_back(
        d.broadcast(a < 0 ? d.constant(1) : d.of(getInput(), a),
                    s < 0 ? d.constant(1) : d.element(getShape(), s)));
  }
  appendReified(b, getResult(), shape, dims);
  return success();
}

OpFoldResult ExpandOp::fold(FoldAdaptor adaptor) {
  auto elements = dyn_cast_or_null<DenseElementsAttr>(adaptor.getInput());
  if (elements && elements.isSplat() && getType().hasStaticShape())
    return DenseElementsAttr::get(getType(),
                                  elements.getSplatValue<Attribute>());
  if (getInput().getType() == getType() && getType().hasStaticShape())
    return getInput();
  return {};
}

LogicalResult TileOp::inferReturnTypes(MLIRContext *,
                                       std::optional<Location> loc, Adaptor op,
                                       SmallVectorImpl<Type> &types) {
  RankedTensorType input = tensorType(op.getInput());
  int64_t count = tensorType(op.getRepeats()).getDimSize(0);
  if (count != input.getRank())
    return emitOptionalError(loc, "repeats has ", count,
                             " entries where the input has rank ",
                             input.getRank());
  auto known = knownInts(op.getRepeats());
  SmallVector<int64_t> shape(input.getRank(), kDynamic);
  for (int64_t i = 0; i < input.getRank(); ++i) {
    if (!known[i])
      continue;
    int64_t repeats = *known[i], extent = input.getDimSize(i);
    if (repeats < 0)
      return emitOptionalError(loc, "repeats is ", repeats, " on axis ", i);
    if (extent != kDynamic && llvm::MulOverflow(extent, repeats, shape[i]))
      return emitOptionalError(loc, extent, " repeated ", repeats,
                               " times exceeds 2^63");
  }
  types.push_back(tensorType(shape, input.getElementType()));
  return success();
}

LogicalResult TileOp::reifyResultShapes(OpBuilder &b,
                                        ReifiedRankedShapedTypeDims &dims) {
  DimBuilder d(b, getLoc());
  SmallVector<OpFoldResult> shape;
  for (int64_t i = 0, e = getType().getRank(); i < e; ++i)
    shape.push_back(d.mul(d.of(getInput(), i), d.element(getRepeats(), i)));
  appendReified(b, getResult(), shape, dims);
  return success();
}

LogicalResult PadOp::inferReturnTypes(MLIRContext *,
                                      std::optional<Location> loc, Adaptor op,
                                      SmallVectorImpl<Type> &types) {
  RankedTensorType input = tensorType(op.getInput()),
                   value = tensorType(op.getValue());
  int64_t count = op.getAxes().size(),
          given = tensorType(op.getPads()).getDimSize(0);
  if (given != 2 * count && given != kDynamic)
    return emitOptionalError(loc, "pads has ", given, " entries where ", count,
                             " axes need ", 2 * count);
  if (value.getRank() != 0 || value.getElementType() != input.getElementType())
    return emitOptionalError(loc, "the padding value is ", value,
                             " where a scalar of ", input.getElementType(),
                             " is needed");
  auto known = knownInts(op.getPads());
  SmallVector<int64_t> shape(input.getShape());
  for (auto [i, axis] : llvm::enumerate(op.getAxes())) {
    if (failed(checkAxis(loc, "axis", axis, input.getRank())))
      return failure();
    int64_t extent = shape[axis];
    shape[axis] = kDynamic;
    if (given == kDynamic || !known[i] || !known[count + i] ||
        extent == kDynamic)
      continue;
    if (llvm::AddOverflow(extent, *known[i], shape[axis]) ||
        llvm::AddOverflow(shape[axis], *known[count + i], shape[axis]))
      return emitOptionalError(loc, "pads of axis ", axis, " exceed 2^63");
    if (shape[axis] < 0)
      return emitOptionalError(loc, "pads ", *known[i], " and ",
                               *known[count + i], " remove more than the ",
                               extent, " elements of axis ", axis);
  }
  types.push_back(tensorType(shape, input.getElementType()));
  return success();
}

LogicalResult PadOp::reifyResultShapes(OpBuilder &b,
                                       ReifiedRankedShapedTypeDims &dims) {
  DimBuilder d(b, getLoc());
  SmallVector<OpFoldResult> shape = d.allOf(getInput());
  int64_t count = getAxes().size();
  for (auto [i, axis] : llvm::enumerate(getAxes()))
    shape[axis] =
        d.max(d.add(shape[axis], d.add(d.element(getPads(), i),
                                       d.element(getPads(), count + i))),
              d.constant(0));
  appendReified(b, getResult(), shape, dims);
  return success();
}

//===-- Gather
//-----------------------------------------------------------------------------//

LogicalResult GatherOp::inferReturnTypes(MLIRContext *,
                                         std::optional<Location> loc,
                                         Adaptor op,
                                         SmallVectorImpl<Type> &types) {
  RankedTensorType data = tensorType(op.getData()),
                   indices = tensorType(op.getIndices());
  int64_t axis = op.getAxis();
  if (failed(checkAxis(loc, "axis", axis, data.getRank())))
    return failure();
  SmallVector<int64_t> shape(data.getShape().take_front(axis));
  llvm::append_range(shape, indices.getShape());
  llvm::append_range(shape, data.getShape().drop_front(axis + 1));
  types.push_back(tensorType(shape, data.getElementType()));
  return success();
}

LogicalResult GatherOp::reifyResultShapes(OpBuilder &b,
                                          ReifiedRankedShapedTypeDims &dims) {
  DimBuilder d(b, getLoc());
  SmallVector<OpFoldResult> data = d.allOf(getData());
  SmallVector<OpFoldResult> shape(ArrayRef(data).take_front(getAxis()));
  llvm::append_range(shape, d.allOf(getIndices()));
  llvm::append_range(shape, ArrayRef(data).drop_front(getAxis() + 1));
  appendReified(b, getResult(), shape, dims);
  return success();
}

OpFoldResult GatherOp::fold(FoldAdaptor adaptor) {
  // Picks of a shape: data of rank 1, constant indices in range.
  auto data = dyn_cast_or_null<DenseElementsAttr>(adaptor.getData());
  auto indices = dyn_cast_or_null<DenseIntElementsAttr>(adaptor.getIndices());
  if (!data || !indices || data.getType().getRank() != 1 ||
      indices.getNumElements() > 64)
    return {};
  SmallVector<Attribute> values(data.getValues<Attribute>()), taken;
  int64_t extent = values.size();
  for (APInt i : indices.getValues<APInt>()) {
    int64_t at =
        i.getSExtValue() < 0 ? i.getSExtValue() + extent : i.getSExtValue();
    if (at < 0 || at >= extent)
      return {}; // The run reports it.
    taken.push_back(values[at]);
  }
  return DenseElementsAttr::get(getType(), taken);
}

//===-- Blocked layouts
//------------------------------------------------------------------------//

LogicalResult PackOp::inferReturnTypes(MLIRContext *,
                                       std::optional<Location> loc, Adaptor op,
                                       SmallVectorImpl<Type> &types) {
  RankedTensorType input = tensorType(op.getInput());
  int64_t axis = op.getAxis(), block = op.getBlock();
  if (failed(checkAxis(loc, "axis", axis, input.getRank())))
    return failure();
  if (block < 1)
    return emitOptionalError(loc, "block is ", block,
                             "; it must be 1 at least");
  SmallVector<int64_t> shape(input.getShape());
  if (shape[axis] != kDynamic)
    shape[axis] = llvm::divideCeil(shape[axis], block);
  shape.push_back(block);
  types.push_back(tensorType(shape, input.getElementType()));
  return success();
}

LogicalResult PackOp::reifyResultShapes(OpBuilder &b,
                                        ReifiedRankedShapedTypeDims &dims) {
  DimBuilder d(b, getLoc());
  SmallVector<OpFoldResult> shape = d.allOf(getInput());
  shape[getAxis()] = d.ceilDiv(shape[getAxis()], getBlock());
  shape.push_back(d.constant(getBlock()));
  appendReified(b, getResult(), shape, dims);
  return success();
}

OpFoldResult PackOp::fold(FoldAdaptor) {
  // pack(unpack(x)) is x: unpack drops padding that is 0, pack puts 0 back.
  auto unpack = getInput().getDefiningOp<UnpackOp>();
  if (unpack && unpack.getAxis() == getAxis() &&
      unpack.getInput().getType() == getType())
    return unpack.getInput();
  return {};
}

LogicalResult UnpackOp::inferReturnTypes(MLIRContext *,
                                         std::optional<Location> loc,
                                         Adaptor op,
                                         SmallVectorImpl<Type> &types) {
  RankedTensorType input = tensorType(op.getInput());
  int64_t axis = op.getAxis(), extent = op.getExtent();
  if (failed(checkAxis(loc, "axis", axis, input.getRank() - 1)))
    return failure();
  SmallVector<int64_t> shape(input.getShape().drop_back());
  int64_t block = input.getShape().back();
  if (block == kDynamic ||
      (shape[axis] != kDynamic &&
       (extent > shape[axis] * block || extent <= (shape[axis] - 1) * block)))
    return emitOptionalError(loc, "extent ", extent, " does not fit ",
                             shape[axis], " blocks of ", block);
  shape[axis] = extent;
  types.push_back(tensorType(shape, input.getElementType()));
  return success();
}

LogicalResult UnpackOp::reifyResultShapes(OpBuilder &b,
                                          ReifiedRankedShapedTypeDims &dims) {
  DimBuilder d(b, getLoc());
  SmallVector<OpFoldResult> shape = d.allOf(getInput());
  shape.pop_back();
  shape[getAxis()] = d.constant(getExtent());
  appendReified(b, getResult(), shape, dims);
  return success();
}

OpFoldResult UnpackOp::fold(FoldAdaptor) {
  auto pack = getInput().getDefiningOp<PackOp>();
  if (pack && pack.getAxis() == getAxis() &&
      pack.getInput().getType() == getType())
    return pack.getInput();
  return {};
}

} // namespace weft::graph
