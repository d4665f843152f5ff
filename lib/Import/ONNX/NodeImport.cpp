#include "NodeImport.h"
#include "KnownElements.h"
#include "NarrowTypes.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "weft/Dialect/Kernel/IR/Kernel.h"
#include "weft/Support/Location.h"

using namespace mlir;

namespace weft::onnx {

NodeImport::NodeImport(Importer &importer, const NodeProto &node,
                       const ValueScope &scope, OpBuilder &builder,
                       ArrayRef<Value> inputs)
    : importer(importer), node(node), scope(scope), b(builder),
      loc(nodeLocation(builder.getContext(), node.name(), operatorName(node))),
      inputs(inputs) {}

InFlightDiagnostic NodeImport::error() const { return emitError(loc); }

//===- Attributes ---------------------------------------------------------===//

const AttributeProto *NodeImport::attribute(StringRef name) const {
  for (const AttributeProto &attribute : node.attribute())
    if (attribute.name() == name)
      return &attribute;
  return nullptr;
}

// ONNX's checker has compared the kinds of attributes with the schema, so a
// present attribute is of the kind that its row asks for.

int64_t NodeImport::integer(StringRef name, int64_t otherwise) const {
  const AttributeProto *found = attribute(name);
  return found && found->has_i() ? found->i() : otherwise;
}

double NodeImport::real(StringRef name, double otherwise) const {
  const AttributeProto *found = attribute(name);
  return found && found->has_f() ? found->f() : otherwise;
}

StringRef NodeImport::text(StringRef name, StringRef otherwise) const {
  const AttributeProto *found = attribute(name);
  return found && found->has_s() ? StringRef(found->s()) : otherwise;
}

Ints NodeImport::integers(StringRef name) const {
  const AttributeProto *found = attribute(name);
  return found ? Ints(found->ints().begin(), found->ints().end()) : Ints();
}

SmallVector<float> NodeImport::reals(StringRef name) const {
  const AttributeProto *found = attribute(name);
  return found ? SmallVector<float>(found->floats().begin(),
                                    found->floats().end())
               : SmallVector<float>();
}

SmallVector<StringRef> NodeImport::texts(StringRef name) const {
  const AttributeProto *found = attribute(name);
  return found ? SmallVector<StringRef>(found->strings().begin(),
                                        found->strings().end())
               : SmallVector<StringRef>();
}

const GraphProto *NodeImport::graph(StringRef name) const {
  const AttributeProto *found = attribute(name);
  return found && found->has_g() ? &found->g() : nullptr;
}

std::optional<int64_t> NodeImport::axis(int64_t axis, int64_t rank) const {
  if (axis >= -rank && axis < rank)
    return axis < 0 ? axis + rank : axis;
  error() << "axis " << axis << " is out of range for rank " << rank;
  return {};
}

std::optional<Ints> NodeImport::axes(ArrayRef<int64_t> axes,
                                     int64_t rank) const {
  Ints result;
  for (int64_t each : axes) {
    auto counted = axis(each, rank);
    if (!counted)
      return {};
    if (llvm::is_contained(result, *counted)) {
      error() << "axis " << each << " is named twice";
      return {};
    }
    result.push_back(*counted);
  }
  return result;
}

//===- Known values -------------------------------------------------------===//

std::optional<Ints> NodeImport::known(Value value) {
  constexpr int64_t kMost = 1024;
  if (!value || !typeOf(value).hasStaticShape() ||
      typeOf(value).getNumElements() > kMost)
    return {};
  Ints result;
  for (int64_t i = 0, e = typeOf(value).getNumElements(); i < e; ++i) {
    auto element = knownElement(value, i);
    if (!element)
      return {};
    result.push_back(*element);
  }
  return result;
}

std::optional<Ints> NodeImport::mustKnow(unsigned i, StringRef what) const {
  auto values = known(input(i));
  if (!values)
    error() << what << " (input " << i
            << ") must be known at compile time; here it is computed from the "
               "model's inputs";
  return values;
}

LogicalResult NodeImport::fix(unsigned i, ArrayRef<int64_t> shape) {
  RankedTensorType from = type(i);
  SmallVector<int64_t> extents(from.getShape());
  if (extents.size() != shape.size())
    return error() << "input " << i << " has rank " << extents.size()
                   << " where " << shape.size() << " is needed";
  for (auto [axis, have, want] : llvm::enumerate(extents, shape)) {
    if (ShapedType::isDynamic(want) || have == want)
      continue;
    if (!ShapedType::isDynamic(have))
      return error() << "input " << i << " has " << have << " on axis " << axis
                     << " where " << want << " is needed";
    Value found = tensor::DimOp::create(b, loc, inputs[i], axis),
          needed = arith::ConstantIndexOp::create(b, loc, want);
    Value same =
        arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, found, needed);
    std::string text = describeNode({node.name(), node.op_type()}) +
                       ": input " + std::to_string(i) + " has {0} on axis " +
                       std::to_string(axis) + " where {1} is needed";
    kernel::CheckOp::create(b, loc, same, ValueRange{found, needed},
                            b.getStringAttr(text));
    have = want;
  }
  if (from.clone(extents) != from)
    inputs[i] = tensor::CastOp::create(b, loc, from.clone(extents), inputs[i]);
  return success();
}

std::optional<int64_t> NodeImport::outputRank(unsigned i) const {
  const TypeProto *type =
      int(i) < node.output_size() ? scope.typeOf(node.output(i)) : nullptr;
  if (!type || !type->has_tensor_type() || !type->tensor_type().has_shape())
    return {};
  return type->tensor_type().shape().dim_size();
}

//===- Building -----------------------------------------------------------===//

/// `inferred` with what is known of the extents that a reshape or expansion was
/// asked for, which its type rule sees only where all of them are.
static Type withKnownExtents(Operation *op, Type inferred) {
  auto type = cast<RankedTensorType>(inferred);
  SmallVector<int64_t> shape(type.getShape());
  auto reshape = dyn_cast<graph::ReshapeOp>(op);
  auto expand = dyn_cast<graph::ExpandOp>(op);
  if (!reshape && !expand)
    return inferred;
  RankedTensorType from = NodeImport::typeOf(op->getOperand(0));
  // An expansion may be asked for less dimensions than its input has, or more.
  int64_t rank = type.getRank(), more = rank - from.getRank(),
          asked = NodeImport::typeOf(op->getOperand(1)).getDimSize(0);
  for (int64_t i = expand ? rank - asked : 0; i < rank; ++i) {
    if (!ShapedType::isDynamic(shape[i]))
      continue;
    auto known = knownElement(op->getOperand(1), expand ? i - rank + asked : i);
    if (reshape && known &&
        (*known > 0 || (*known == 0 && reshape.getAllowZero())))
      shape[i] = *known;
    // What is asked for is the result's extent if the input's is 1.
    if (expand && known && *known >= 0 &&
        (i < more || from.getDimSize(i - more) == 1))
      shape[i] = *known;
  }
  return type.clone(shape);
}

Value NodeImport::inferAndInsert(OperationState &state) {
  // Lists of extents that are known as a whole become constants, so that type
  // rules see them.
  for (Value &operand : state.operands) {
    auto type = dyn_cast<RankedTensorType>(operand.getType());
    if (!type || type.getRank() != 1 ||
        !type.getElementType().isSignlessInteger(64) ||
        !type.hasStaticShape() || type.getNumElements() > 16 ||
        operand.getDefiningOp<graph::ConstantOp>())
      continue;
    if (auto values = known(operand))
      operand = ints(*values);
  }
  Operation *op = Operation::create(state);
  SmallVector<Type> types;
  auto infers = llvm::cast<InferTypeOpInterface>(op);
  if (failed(infers.inferReturnTypes(
          b.getContext(), loc, op->getOperands(), op->getAttrDictionary(),
          op->getPropertiesStorage(), op->getRegions(), types))) {
    op->destroy();
    return nullptr;
  }
  types.front() = withKnownExtents(op, types.front());
  op->getResult(0).setType(types.front());
  SmallVector<OpFoldResult> folded;
  if (succeeded(op->fold(folded)) && folded.size() == 1) {
    Value existing = dyn_cast<Value>(folded[0]);
    auto constant =
        dyn_cast_or_null<ElementsAttr>(dyn_cast<Attribute>(folded[0]));
    if (constant && constant.getShapedType() == types.front())
      existing = graph::ConstantOp::create(b, loc, constant);
    if (existing && existing.getType() == types.front()) {
      op->destroy();
      return existing;
    }
  }
  b.insert(op);
  return op->getResult(0);
}

static Attribute scalarAttr(Type element, double value) {
  if (isa<FloatType>(element))
    return FloatAttr::get(element, value);
  return IntegerAttr::get(element,
                          APInt(element.getIntOrFloatBitWidth(), int64_t(value),
                                /*isSigned=*/true, /*implicitTrunc=*/true));
}

Value NodeImport::splat(double value, RankedTensorType type) {
  Type element = type.getElementType();
  if (isNarrow(element))
    return encodeNarrow(*this, splat(value, type.clone(b.getF32Type())),
                        element);
  // The number of the empty string.
  if (isString(element))
    return fromBytes(*this, splat(0, type.clone(b.getI64Type())), element);
  return graph::ConstantOp::create(
      b, loc,
      DenseElementsAttr::get(type, scalarAttr(type.getElementType(), value)));
}

Value NodeImport::scalar(double value, Type element) {
  return splat(value, RankedTensorType::get({}, element));
}

Value NodeImport::ints(ArrayRef<int64_t> values) {
  auto type = RankedTensorType::get({int64_t(values.size())}, b.getI64Type());
  return graph::ConstantOp::create(b, loc,
                                   DenseIntElementsAttr::get(type, values));
}

Value NodeImport::intScalar(int64_t value) {
  auto type = RankedTensorType::get({}, b.getI64Type());
  return graph::ConstantOp::create(b, loc,
                                   DenseIntElementsAttr::get(type, value));
}

Value NodeImport::cast(Value value, Type element) {
  if (!value || typeOf(value).getElementType() == element)
    return value;
  if (isNarrow(typeOf(value).getElementType()))
    return cast(decodeNarrow(*this, value), element);
  if (isNarrow(element))
    return encodeNarrow(*this, value, element);
  return create<graph::CastOp>(value, TypeAttr::get(element));
}

Value NodeImport::transpose(Value value, ArrayRef<int64_t> permutation) {
  return create<graph::TransposeOp>(value, permutation);
}

Value NodeImport::unsqueeze(Value value, ArrayRef<int64_t> axes) {
  return axes.empty() ? value : create<graph::UnsqueezeOp>(value, axes);
}

Value NodeImport::squeeze(Value value, ArrayRef<int64_t> axes) {
  return axes.empty() ? value : create<graph::SqueezeOp>(value, axes);
}

Value NodeImport::reshape(Value value, ArrayRef<int64_t> shape) {
  return create<graph::ReshapeOp>(value, ints(shape), false);
}

Value NodeImport::concat(ValueRange values, int64_t axis) {
  return values.size() == 1 ? values[0] : create<graph::ConcatOp>(values, axis);
}

Value NodeImport::slice(Value value, int64_t axis, int64_t start, int64_t end,
                        int64_t step) {
  return create<graph::SliceOp>(value, ints({start}), ints({end}), ints({step}),
                                ArrayRef<int64_t>{axis});
}

Value NodeImport::extent(Value value, int64_t i) {
  return slice(shape(value), 0, i, i + 1);
}

Value NodeImport::shape(Value value) { return create<graph::ShapeOp>(value); }

Value NodeImport::iotaLike(Value like, int64_t axis) {
  if (!like)
    return nullptr;
  SmallVector<Value> extents;
  for (auto [i, extent] : llvm::enumerate(typeOf(like).getShape()))
    if (ShapedType::isDynamic(extent))
      extents.push_back(tensor::DimOp::create(b, loc, like, i));
  Type type = typeOf(like).clone(b.getI64Type());
  return graph::IotaOp::create(b, loc, type, extents, axis);
}

Value NodeImport::iota(Value count) {
  if (!count)
    return nullptr;
  int64_t extent = ShapedType::kDynamic;
  SmallVector<Value> extents;
  if (auto known = NodeImport::known(count)) {
    // Few positions are a constant, so that what is computed of them folds.
    constexpr int64_t kFew = 64;
    extent = std::max<int64_t>(known->front(), 0);
    if (extent <= kFew)
      return ints(llvm::to_vector(llvm::seq<int64_t>(0, extent)));
  } else {
    SmallVector<Value> indices;
    if (typeOf(count).getRank() == 1)
      indices.push_back(arith::ConstantIndexOp::create(b, loc, 0));
    Value element = tensor::ExtractOp::create(b, loc, count, indices);
    extents.push_back(
        arith::IndexCastOp::create(b, loc, b.getIndexType(), element));
  }
  auto type = RankedTensorType::get({extent}, b.getI64Type());
  return graph::IotaOp::create(b, loc, type, extents, 0);
}

Value NodeImport::compare(graph::Comparison relation, Value x, Value y) {
  return create<graph::CompareOp>(relation, x, y);
}

Value NodeImport::reduce(graph::ReduceKind kind, Value x,
                         ArrayRef<int64_t> axes, bool keepDims) {
  return create<graph::ReduceOp>(kind, x, axes, keepDims);
}

LogicalResult NodeImport::results(ArrayRef<Value> values) {
  outputs.assign(values.begin(), values.end());
  return success(!llvm::is_contained(values, Value()));
}

} // namespace weft::onnx
