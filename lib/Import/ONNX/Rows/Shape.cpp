// Constants, shapes, and operators that move or repeat data by shape alone.
#include "../NarrowTypes.h"
#include "../Strings.h"
#include "Equation.h"
#include "NamedAxes.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace weft::onnx {

/// An integer tensor as the i64 that shape operands have.
static Value asShape(NodeImport &n, Value value) {
  return n.cast(value, n.b.getI64Type());
}

/// Input `i`, the shape of output 0, with as many extents as the model says
/// that has, where the input's own type does not tell.
static Value shapeOfOutput(NodeImport &n, unsigned i) {
  auto rank = n.outputRank(0);
  if (rank && n.rank(i) == 1 && n.type(i).isDynamicDim(0) &&
      failed(n.fix(i, {*rank})))
    return nullptr;
  return asShape(n, n.input(i));
}

//===- Constants ----------------------------------------------------------===//

static Value constantOf(NodeImport &n, const TensorProto &tensor) {
  // The tensor was checked, and large and external ones were taken out before.
  if (tensor.data_type() == TensorProto::STRING)
    return stringConstant(n.importer, n.b, n.loc, tensor);
  TensorProto copy = tensor;
  ExternalFolder none("");
  auto data = takeBytes(copy, none);
  if (!data) {
    n.error() << toString(data.takeError());
    return nullptr;
  }
  auto type = RankedTensorType::get(
      ArrayRef<int64_t>(tensor.dims().data(), tensor.dims_size()),
      elementType(n.b.getContext(), tensor.data_type()));
  auto bytes = type.clone(storageType(type.getElementType()));
  return constantOfBytes(n.b, n.loc, type,
                         constantAttr(bytes, *data, n.node.output(0)));
}

static LogicalResult constant(NodeImport &n) {
  if (auto *value = n.attribute("value"))
    return n.result(constantOf(n, value->t()));
  auto vector = [&](size_t size, Type element) {
    return RankedTensorType::get({int64_t(size)}, element);
  };
  if (n.hasAttribute("value_int"))
    return n.result(n.intScalar(n.integer("value_int", 0)));
  if (n.hasAttribute("value_ints"))
    return n.result(n.ints(n.integers("value_ints")));
  if (n.hasAttribute("value_float"))
    return n.result(n.scalar(n.real("value_float", 0), n.b.getF32Type()));
  if (n.hasAttribute("value_floats")) {
    SmallVector<float> values = n.reals("value_floats");
    return n.result(graph::ConstantOp::create(
        n.b, n.loc,
        DenseElementsAttr::get(vector(values.size(), n.b.getF32Type()),
                               ArrayRef<float>(values))));
  }
  if (n.hasAttribute("value_string"))
    return n.result(stringScalar(n, n.text("value_string", "")));
  if (n.hasAttribute("value_strings"))
    return n.result(stringVector(n, n.texts("value_strings")));
  return n.error() << "constants of sparse tensors are not supported";
}

static LogicalResult constantOfShape(NodeImport &n) {
  Value value;
  if (auto *given = n.attribute("value"))
    value = constantOf(n, given->t());
  else
    value = n.scalar(0, n.b.getF32Type());
  if (!value)
    return failure();
  auto shape = NodeImport::known(n.input(0));
  auto splat = value.getDefiningOp<graph::ConstantOp>();
  auto dense = splat ? dyn_cast<DenseElementsAttr>(splat.getValue())
                     : DenseElementsAttr();
  if (NodeImport::typeOf(value).getNumElements() != 1)
    return n.error() << "value must have one element";
  if (!shape || !dense) {
    Value scalar = n.reshape(value, {});
    return n.result(n.create<graph::ExpandOp>(scalar, shapeOfOutput(n, 0)));
  }
  int64_t count = 1;
  for (int64_t extent : *shape)
    if (extent < 0 || llvm::MulOverflow(count, extent, count) ||
        count > int64_t(1) << 40)
      return n.error() << "extent " << extent
                       << " makes no tensor of at most 2^40 elements";
  auto type = RankedTensorType::get(*shape, dense.getElementType());
  splat.erase();
  return n.result(graph::ConstantOp::create(
      n.b, n.loc,
      dense.getElementType().isInteger(1)
          ? DenseElementsAttr::get(type, *dense.value_begin<bool>())
          : DenseElementsAttr::get(type, *dense.value_begin<Attribute>())));
}

//===- Shapes -------------------------------------------------------------===//

static LogicalResult shape(NodeImport &n) {
  int64_t rank = n.rank(0);
  auto clamped = [&](int64_t i) {
    return std::clamp<int64_t>(i < 0 ? i + rank : i, 0, rank);
  };
  int64_t start = clamped(n.integer("start", 0));
  int64_t end = std::max(start, clamped(n.integer("end", rank)));
  Value all = n.shape(n.input(0));
  if (start != 0 || end != rank)
    all = n.slice(all, 0, start, end);
  return n.result(all);
}

static LogicalResult size(NodeImport &n) {
  return n.result(n.reduce(graph::ReduceKind::prod, n.shape(n.input(0)), {0},
                           /*keepDims=*/false));
}

static LogicalResult reshape(NodeImport &n) {
  return n.result(n.create<graph::ReshapeOp>(n.input(0), shapeOfOutput(n, 1),
                                             n.integer("allowzero", 0) != 0));
}

/// [product of the extents before axis, product of the others].
static LogicalResult flatten(NodeImport &n) {
  int64_t rank = n.rank(0), axis = n.integer("axis", 1);
  if (axis < -rank || axis > rank)
    return n.error() << "axis " << axis << " is out of range for rank " << rank;
  axis = axis < 0 ? axis + rank : axis;
  if (axis == 0)
    return n.result(n.reshape(n.input(0), {1, -1}));
  // What follows an extent of 0 cannot be inferred from it.
  ArrayRef<int64_t> extents = n.type(0).getShape();
  if (axis == 1 && !ShapedType::isDynamicShape(extents.drop_front()))
    return n.result(n.reshape(
        n.input(0), {0, ShapedType::getNumElements(extents.drop_front())}));
  Value all = n.shape(n.input(0));
  auto product = [&](int64_t from, int64_t to) {
    return n.reduce(graph::ReduceKind::prod, n.slice(all, 0, from, to), {0},
                    /*keepDims=*/true);
  };
  return n.result(n.create<graph::ReshapeOp>(
      n.input(0), n.concat({product(0, axis), product(axis, rank)}, 0),
      /*allow_zero=*/true));
}

static LogicalResult transpose(NodeImport &n) {
  int64_t rank = n.rank(0);
  Ints order = n.integers("perm");
  if (!n.hasAttribute("perm"))
    order = llvm::to_vector(llvm::reverse(llvm::seq<int64_t>(0, rank)));
  return n.result(n.transpose(n.input(0), order));
}

static LogicalResult unsqueeze(NodeImport &n) {
  auto given = NodeImport::known(n.input(1));
  if (!given) {
    auto count = axisCount(n, n.input(1), 1);
    return count ? n.result(unsqueezeNamed(
                       n, n.input(0),
                       namedAxes(n, n.input(1), n.rank(0) + *count)))
                 : failure();
  }
  auto axes =
      given ? n.axes(*given, n.rank(0) + int64_t(given->size())) : std::nullopt;
  if (!axes)
    return failure();
  llvm::sort(*axes);
  return n.result(n.unsqueeze(n.input(0), *axes));
}

static LogicalResult squeeze(NodeImport &n) {
  if (!n.has(1))
    return n.result(squeezeUnits(n, n.input(0)));
  auto given = NodeImport::known(n.input(1));
  if (!given) {
    auto count = axisCount(n, n.input(1), -1);
    return count ? n.result(squeezeNamed(n, n.input(0),
                                         namedAxes(n, n.input(1), n.rank(0)),
                                         *count))
                 : failure();
  }
  auto axes = n.axes(*given, n.rank(0));
  if (!axes)
    return failure();
  llvm::sort(*axes);
  return n.result(n.squeeze(n.input(0), *axes));
}

//===- Joining, cutting, repeating ----------------------------------------===//

static LogicalResult concat(NodeImport &n) {
  auto axis = n.axis(n.integer("axis", 0), n.rank(0));
  return axis ? n.result(n.concat(n.allInputs(), *axis)) : failure();
}

/// A slice whose axes, or how many they are, are data: all axes are sliced,
/// those that are not named by all they have.
static Value sliceNamed(NodeImport &n, Value starts, Value ends) {
  int64_t rank = n.rank(0);
  Value at = n.has(3) ? n.input(3) : n.iota(n.extent(starts, 0));
  starts = spreadOverAxes(n, starts, at, rank, 0);
  ends = spreadOverAxes(n, ends, at, rank, INT64_MAX);
  Value steps = n.has(4)
                    ? spreadOverAxes(n, asShape(n, n.input(4)), at, rank, 1)
                    : n.ints(Ints(rank, 1));
  return n.create<graph::SliceOp>(n.input(0), starts, ends, steps,
                                  llvm::to_vector(llvm::seq<int64_t>(0, rank)));
}

static LogicalResult slice(NodeImport &n) {
  Value starts = asShape(n, n.input(1)), ends = asShape(n, n.input(2));
  RankedTensorType type = NodeImport::typeOf(starts);
  if (type.getRank() != 1)
    return n.error() << "starts have rank " << type.getRank()
                     << " where 1 is needed";
  if (type.isDynamicDim(0))
    return n.result(sliceNamed(n, starts, ends));
  int64_t count = type.getDimSize(0);
  Value steps = n.has(4) ? asShape(n, n.input(4)) : n.ints(Ints(count, 1));
  Ints given = llvm::to_vector(llvm::seq<int64_t>(0, count));
  if (n.has(3)) {
    if (auto known = NodeImport::known(n.input(3))) {
      given = *known;
    } else {
      // All axes are sliced, those that are not named by all they have.
      return n.result(sliceNamed(n, starts, ends));
    }
  }
  auto axes = n.axes(given, n.rank(0));
  if (!axes)
    return failure();
  return n.result(
      n.create<graph::SliceOp>(n.input(0), starts, ends, steps, *axes));
}

/// The sizes of the parts of a split as i64 values of one element each.
static FailureOr<SmallVector<Value>> partSizes(NodeImport &n, int64_t axis) {
  SmallVector<Value> sizes;
  int64_t count = n.node.output_size();
  if (n.has(1)) {
    if (n.rank(1) == 1 && !n.type(1).isDynamicDim(0) &&
        n.type(1).getDimSize(0) != count)
      return n.error() << "split has " << n.type(1).getDimSize(0)
                       << " entries for " << count << " outputs";
    if (failed(n.fix(1, {count})))
      return failure();
    Value given = asShape(n, n.input(1));
    for (int64_t i = 0; i < count; ++i)
      sizes.push_back(n.slice(given, 0, i, i + 1));
    return sizes;
  }
  // Equal parts of ceil(extent / count); the last takes what is left.
  Value whole = n.extent(n.input(0), axis);
  Value parts = n.ints({count}), more = n.ints({count - 1});
  Value each =
      n.create<graph::DivOp>(n.create<graph::AddOp>(whole, more), parts);
  sizes.assign(count - 1, each);
  sizes.push_back(
      n.create<graph::SubOp>(whole, n.create<graph::MulOp>(each, more)));
  return sizes;
}

static LogicalResult split(NodeImport &n) {
  auto axis = n.axis(n.integer("axis", 0), n.rank(0));
  if (!axis)
    return failure();
  auto sizes = partSizes(n, *axis);
  if (failed(sizes))
    return failure();
  // Known sizes must fill the axis; unknown ones are clamped by the slices.
  int64_t extent = n.type(0).getDimSize(*axis), sum = 0;
  bool allKnown = !ShapedType::isDynamic(extent);
  for (Value size : *sizes) {
    auto known = NodeImport::known(size);
    allKnown &= known.has_value();
    sum += known ? known->front() : 0;
    if (known && known->front() < 0)
      return n.error() << "split has a part of " << known->front()
                       << " elements";
  }
  if (allKnown && sum != extent)
    return n.error() << "split adds up to " << sum << " where axis " << *axis
                     << " has " << extent;
  SmallVector<Value> parts;
  Value start = n.ints({0});
  for (Value size : *sizes) {
    Value end = n.create<graph::AddOp>(start, size);
    parts.push_back(n.create<graph::SliceOp>(
        n.input(0), start, end, n.ints({1}), ArrayRef<int64_t>{*axis}));
    start = end;
  }
  return n.results(parts);
}

/// The shape that an Expand asks for. A list of unknown length may be shorter
/// than the rank of the result, which is then the input's.
static Value expandedShape(NodeImport &n) {
  auto rank = n.outputRank(0);
  if (!rank || *rank != n.rank(0) || n.rank(1) != 1 ||
      !n.type(1).isDynamicDim(0))
    return shapeOfOutput(n, 1);
  Value shape = asShape(n, n.input(1)), count = n.extent(shape, 0);
  Value first = n.create<graph::SubOp>(n.ints({*rank}), count);
  Value axes = n.create<graph::AddOp>(n.iota(count), first);
  return spreadOverAxes(n, shape, axes, *rank, 1);
}

static LogicalResult expand(NodeImport &n) {
  return n.result(n.create<graph::ExpandOp>(n.input(0), expandedShape(n)));
}

static LogicalResult tile(NodeImport &n) {
  if (failed(n.fix(1, {n.rank(0)})))
    return failure();
  return n.result(n.create<graph::TileOp>(n.input(0), asShape(n, n.input(1))));
}

static LogicalResult pad(NodeImport &n) {
  StringRef name = n.text("mode", "constant");
  auto mode = graph::symbolizePadMode(name);
  if (!mode)
    return n.error() << "mode is '" << name
                     << "', not constant, reflect, edge or wrap";
  Ints given = llvm::to_vector(llvm::seq<int64_t>(0, n.rank(0)));
  auto known = n.has(3) ? NodeImport::known(n.input(3)) : given;
  if (known && failed(n.fix(1, {int64_t(2 * known->size())})))
    return failure();
  Value pads = asShape(n, n.input(1));
  if (n.has(3)) {
    if (known) {
      given = *known;
    } else {
      int64_t rank = n.rank(0);
      Value count = n.extent(n.input(3), 0);
      auto half = [&](Value from, Value to) {
        Value part = n.create<graph::SliceOp>(pads, from, to, n.ints({1}),
                                              ArrayRef<int64_t>{0});
        return spreadOverAxes(n, part, n.input(3), rank, 0);
      };
      pads = n.concat(
          {half(n.ints({0}), count), half(count, n.ints({INT64_MAX}))}, 0);
    }
  }
  auto axes = n.axes(given, n.rank(0));
  if (!axes)
    return failure();
  Value value = n.has(2) ? n.input(2) : n.scalarLike(0, n.input(0));
  if (NodeImport::typeOf(value).getRank() != 0)
    value = n.reshape(value, {});
  return n.result(
      n.create<graph::PadOp>(n.input(0), pads, value, *axes, *mode));
}

/// Blocks of the channels become blocks of the picture, and back.
static LogicalResult depthToSpace(NodeImport &n) {
  int64_t block = n.integer("blocksize", 0);
  RankedTensorType type = n.type(0);
  bool isKnown = type.getRank() == 4 && !type.isDynamicDim(1);
  if (type.getRank() != 4 || block < 1 || block > (1 << 15) ||
      (isKnown && type.getDimSize(1) % (block * block)))
    return n.error() << "blocksize is " << block << " for an input of shape "
                     << type
                     << "; rank 4 and channels that its square divides "
                        "are needed";
  bool columns = n.text("mode", "DCR") == "CRD";
  Num given(n, n.extent(n.input(0), 1));
  if (!isKnown)
    require(n, n.reshape(given % double(block * block) == 0.0, {}),
            "the channels are no multiple of " + std::to_string(block) +
                " squared, the blocksize");
  Value height = n.extent(n.input(0), 2), width = n.extent(n.input(0), 3);
  Value batch = n.extent(n.input(0), 0), b = n.ints({block});
  Value c = given / double(block * block);
  Value split = n.create<graph::ReshapeOp>(
      n.input(0),
      columns ? n.concat({batch, c, b, b, height, width}, 0)
              : n.concat({batch, b, b, c, height, width}, 0),
      true);
  Value moved =
      n.transpose(split, columns ? ArrayRef<int64_t>{0, 1, 4, 2, 5, 3}
                                 : ArrayRef<int64_t>{0, 3, 4, 1, 5, 2});
  return n.result(n.create<graph::ReshapeOp>(
      moved,
      n.concat({batch, c, n.create<graph::MulOp>(height, b),
                n.create<graph::MulOp>(width, b)},
               0),
      true));
}

static LogicalResult spaceToDepth(NodeImport &n) {
  int64_t block = n.integer("blocksize", 0);
  RankedTensorType type = n.type(0);
  if (type.getRank() != 4 || block < 1 || block > (1 << 15))
    return n.error() << "blocksize is " << block << " for an input of shape "
                     << type << "; 1 and rank 4 are needed at least";
  for (int64_t axis : {2, 3})
    if (!type.isDynamicDim(axis) && type.getDimSize(axis) % block)
      return n.error() << "axis " << axis << " has " << type.getDimSize(axis)
                       << ", which blocksize " << block << " does not divide";
  Value x = n.input(0), b = n.ints({block});
  Value batch = n.extent(x, 0), channels = n.extent(x, 1);
  Value height = n.create<graph::DivOp>(n.extent(x, 2), b);
  Value width = n.create<graph::DivOp>(n.extent(x, 3), b);
  Value split = n.create<graph::ReshapeOp>(
      x, n.concat({batch, channels, height, b, width, b}, 0), true);
  bool columns = n.text("mode", "DCR") == "CRD";
  Value moved =
      n.transpose(split, columns ? ArrayRef<int64_t>{0, 1, 3, 5, 2, 4}
                                 : ArrayRef<int64_t>{0, 3, 5, 1, 2, 4});
  Value depth = n.create<graph::MulOp>(channels, n.ints({block * block}));
  return n.result(n.create<graph::ReshapeOp>(
      moved, n.concat({batch, depth, height, width}, 0), true));
}

void addShapeRows(Table &table) {
  constexpr auto any = Row::kAny;
  table.add({
      {"Concat", 13, concat, any},
      {"Constant", 25, constant, any},
      {"ConstantOfShape", 25, constantOfShape, any},
      {"DepthToSpace", 13, depthToSpace, any},
      {"Expand", 13, expand, any},
      {"Flatten", 25, flatten, any},
      {"Pad", 25, pad, any},
      {"Reshape", 25, reshape, any},
      {"Shape", 25, shape, any},
      {"Size", 25, size, any},
      {"Slice", 13, slice, any},
      {"SpaceToDepth", 13, spaceToDepth, any},
      {"Split", 18, split, any},
      {"Squeeze", 25, squeeze, any},
      {"Tile", 13, tile, any},
      {"Transpose", 25, transpose, any},
      {"Unsqueeze", 25, unsqueeze, any},
  });
}

} // namespace weft::onnx
