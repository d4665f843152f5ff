#include "Sequences.h"
#include "NarrowTypes.h"
#include "weft/Artifact/Abi.h"

using namespace mlir;

namespace weft::onnx {

static constexpr StringLiteral kKnown = "graph.known";

//===- Types --------------------------------------------------------------===//

static RankedTensorType elementsType(Type element,
                                     int64_t extent = ShapedType::kDynamic) {
  return RankedTensorType::get({extent}, element);
}

static RankedTensorType shapesType(MLIRContext *context,
                                   int64_t extent = ShapedType::kDynamic) {
  return RankedTensorType::get({extent, WEFT_MAX_RANK},
                               IntegerType::get(context, 64));
}

static Type sequenceType(Type element) {
  return TupleType::get(
      element.getContext(),
      {elementsType(element), shapesType(element.getContext())});
}

static Type optionalType(Type value) {
  auto flag =
      RankedTensorType::get({}, IntegerType::get(value.getContext(), 1));
  return TupleType::get(value.getContext(), {flag, value});
}

bool isOptional(Type type) {
  auto tuple = dyn_cast<TupleType>(type);
  auto flag =
      tuple ? dyn_cast<RankedTensorType>(tuple.getType(0)) : RankedTensorType();
  return flag && flag.getRank() == 0;
}

bool isSequence(Type type) { return isa<TupleType>(type) && !isOptional(type); }

Type elementOfSequence(Type type) {
  return cast<RankedTensorType>(cast<TupleType>(type).getType(0))
      .getElementType();
}

Type valueTypeOf(MLIRContext *context, const TypeProto &type) {
  if (type.has_optional_type()) {
    Type value = valueTypeOf(context, type.optional_type().elem_type());
    return value && !isOptional(value) ? optionalType(value) : Type();
  }
  if (!type.has_sequence_type())
    return tensorTypeOf(context, type);
  const TypeProto &of = type.sequence_type().elem_type();
  Type element = of.has_tensor_type()
                     ? anyElementType(context, of.tensor_type().elem_type())
                     : Type();
  return element ? sequenceType(element) : Type();
}

void addPorts(StringRef name, Type type, SmallVectorImpl<Port> &ports) {
  if (auto tensor = dyn_cast<RankedTensorType>(type)) {
    ports.push_back({name.str(), tensor, ""});
    return;
  }
  auto tuple = cast<TupleType>(type);
  auto first = cast<RankedTensorType>(tuple.getType(0));
  if (isOptional(type)) {
    ports.push_back({(name + ".present").str(), first, "present"});
    return addPorts(name, tuple.getType(1), ports);
  }
  ports.push_back({name.str(), first, "elements"});
  ports.push_back({(name + ".shapes").str(),
                   cast<RankedTensorType>(tuple.getType(1)), "shapes"});
}

//===- Values -------------------------------------------------------------===//

static Value bundle(OpBuilder &b, Location loc, Type type, ValueRange parts) {
  return UnrealizedConversionCastOp::create(b, loc, type, parts).getResult(0);
}

static ValueRange operandsOf(Value value) {
  return value.getDefiningOp<UnrealizedConversionCastOp>().getOperands();
}

Value knownSequence(OpBuilder &b, Location loc, ValueRange tensors,
                    Type element) {
  Value sequence = bundle(b, loc, sequenceType(element), tensors);
  sequence.getDefiningOp()->setAttr(kKnown, b.getUnitAttr());
  return sequence;
}

std::optional<SmallVector<Value>> knownTensors(Value sequence) {
  Operation *op = sequence.getDefiningOp();
  if (!op->hasAttr(kKnown))
    return std::nullopt;
  return SmallVector<Value>(op->getOperands());
}

Value makeSequence(OpBuilder &b, Location loc, Sequence parts) {
  if (!parts.elements || !parts.shapes)
    return nullptr;
  Type element = NodeImport::typeOf(parts.elements).getElementType();
  return bundle(b, loc, sequenceType(element), {parts.elements, parts.shapes});
}

static Value int64s(OpBuilder &b, Location loc, ArrayRef<int64_t> values) {
  auto type = RankedTensorType::get({int64_t(values.size())}, b.getI64Type());
  return graph::ConstantOp::create(b, loc,
                                   DenseIntElementsAttr::get(type, values));
}

template <typename Op, typename... Args>
static Value built(OpBuilder &b, Location loc, Type type, Args &&...args) {
  return Op::create(b, loc, type, std::forward<Args>(args)...);
}

/// The elements of a tensor in a row.
static Value inRow(OpBuilder &b, Location loc, Value tensor) {
  RankedTensorType type = NodeImport::typeOf(tensor);
  int64_t count =
      type.hasStaticShape() ? type.getNumElements() : ShapedType::kDynamic;
  return built<graph::ReshapeOp>(b, loc,
                                 elementsType(type.getElementType(), count),
                                 tensor, int64s(b, loc, {-1}), false);
}

/// The shape of a tensor as a row of `shapes`.
static Value shapeRow(OpBuilder &b, Location loc, Value tensor) {
  int64_t rank = NodeImport::typeOf(tensor).getRank();
  Value rest = int64s(b, loc, SmallVector<int64_t>(WEFT_MAX_RANK - rank, -1));
  Value row = rest;
  if (rank > 0) {
    Value shape = built<graph::ShapeOp>(
        b, loc, RankedTensorType::get({rank}, b.getI64Type()), tensor);
    row = built<graph::ConcatOp>(
        b, loc, RankedTensorType::get({WEFT_MAX_RANK}, b.getI64Type()),
        ValueRange{shape, rest}, 0);
  }
  return built<graph::UnsqueezeOp>(b, loc, shapesType(b.getContext(), 1), row,
                                   ArrayRef<int64_t>{0});
}

Sequence partsOf(OpBuilder &b, Location loc, Value sequence) {
  auto tensors = knownTensors(sequence);
  if (!tensors) {
    ValueRange parts = operandsOf(sequence);
    return {parts[0], parts[1]};
  }
  if (tensors->empty()) {
    Value nothing = emptyValue(b, loc, sequence.getType());
    return partsOf(b, loc, nothing);
  }
  SmallVector<Value> elements, shapes;
  int64_t total = 0;
  for (Value tensor : *tensors) {
    elements.push_back(inRow(b, loc, tensor));
    shapes.push_back(shapeRow(b, loc, tensor));
    int64_t count = NodeImport::typeOf(elements.back()).getDimSize(0);
    total = ShapedType::isDynamic(count) || ShapedType::isDynamic(total)
                ? ShapedType::kDynamic
                : total + count;
  }
  if (tensors->size() == 1)
    return {elements[0], shapes[0]};
  Type element = elementOfSequence(sequence.getType());
  return {
      built<graph::ConcatOp>(b, loc, elementsType(element, total), elements, 0),
      built<graph::ConcatOp>(
          b, loc, shapesType(b.getContext(), tensors->size()), shapes, 0)};
}

Value makeOptional(OpBuilder &b, Location loc, Value present, Value value) {
  if (!present || !value)
    return nullptr;
  return bundle(b, loc, optionalType(value.getType()), {present, value});
}

static Value flag(OpBuilder &b, Location loc, bool value) {
  auto type = RankedTensorType::get({}, b.getI1Type());
  return graph::ConstantOp::create(b, loc, DenseElementsAttr::get(type, value));
}

std::pair<Value, Value> optionalParts(OpBuilder &b, Location loc, Value value) {
  if (!isOptional(value.getType()))
    return {flag(b, loc, true), value};
  ValueRange parts = operandsOf(value);
  return {parts[0], parts[1]};
}

Value coerced(OpBuilder &b, Location loc, Value value, Type like) {
  if (isOptional(value.getType()) == isOptional(like))
    return value;
  auto [present, inner] = optionalParts(b, loc, value);
  return isOptional(like) ? makeOptional(b, loc, present, inner) : inner;
}

SmallVector<Value> flattened(OpBuilder &b, Location loc, ValueRange values) {
  SmallVector<Value> tensors;
  for (Value value : values) {
    if (value && isOptional(value.getType())) {
      auto [present, inner] = optionalParts(b, loc, value);
      tensors.push_back(present);
      value = inner;
    }
    if (!value || !isSequence(value.getType())) {
      tensors.push_back(value);
      continue;
    }
    Sequence parts = partsOf(b, loc, value);
    tensors.append({parts.elements, parts.shapes});
  }
  return tensors;
}

static Value assembledOne(OpBuilder &b, Location loc, Type type,
                          ValueRange &tensors) {
  auto take = [&] {
    Value first = tensors.front();
    tensors = tensors.drop_front();
    return first;
  };
  if (isOptional(type)) {
    Value present = take();
    Value inner =
        assembledOne(b, loc, cast<TupleType>(type).getType(1), tensors);
    return makeOptional(b, loc, present, inner);
  }
  if (!isSequence(type))
    return take();
  Value elements = take();
  return makeSequence(b, loc, {elements, take()});
}

SmallVector<Value> assembled(OpBuilder &b, Location loc, TypeRange types,
                             ValueRange tensors) {
  SmallVector<Value> values;
  for (Type type : types)
    values.push_back(assembledOne(b, loc, type, tensors));
  llvm::append_range(values, tensors);
  return values;
}

Value emptyValue(OpBuilder &b, Location loc, Type type) {
  auto zeros = [&](RankedTensorType tensor) -> Value {
    SmallVector<int64_t> shape(tensor.getShape());
    llvm::replace(shape, ShapedType::kDynamic, int64_t(0));
    Type element = tensor.getElementType();
    tensor = tensor.clone(shape);
    RankedTensorType bytes = tensor.clone(storageType(element));
    return constantOfBytes(b, loc, tensor,
                           cast<ElementsAttr>(b.getZeroAttr(bytes)));
  };
  if (auto tensor = dyn_cast<RankedTensorType>(type))
    return zeros(tensor);
  auto tuple = cast<TupleType>(type);
  if (isOptional(type))
    return makeOptional(b, loc, flag(b, loc, false),
                        emptyValue(b, loc, tuple.getType(1)));
  return makeSequence(b, loc,
                      {zeros(cast<RankedTensorType>(tuple.getType(0))),
                       zeros(cast<RankedTensorType>(tuple.getType(1)))});
}

} // namespace weft::onnx
