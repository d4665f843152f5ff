#include "Importer.h"
#include "NarrowTypes.h"
#include "NodeImport.h"
#include "Sequences.h"
#include "Strings.h"
#include "Table.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "weft/Support/Location.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;

namespace weft::onnx {

Value ValueScope::lookup(StringRef name) const {
  for (const ValueScope *scope = this; scope; scope = scope->outer)
    if (Value value = scope->values.lookup(name))
      return value;
  return nullptr;
}

const TypeProto *ValueScope::typeOf(StringRef name) const {
  return types.lookup(name);
}

RankedTensorType tensorTypeOf(MLIRContext *context, const TypeProto &type) {
  if (!type.has_tensor_type() || !type.tensor_type().has_shape())
    return {};
  Type element = anyElementType(context, type.tensor_type().elem_type());
  if (!element)
    return {};
  SmallVector<int64_t> shape;
  for (const auto &dim : type.tensor_type().shape().dim())
    shape.push_back(dim.has_dim_value() && dim.dim_value() >= 0
                        ? dim.dim_value()
                        : ShapedType::kDynamic);
  return RankedTensorType::get(shape, element);
}

Importer::Importer(const Table &table, int64_t opset, WeightMap &weights,
                   MLIRContext *context, Assumptions &assumptions)
    : table(table), opset(opset), weights(weights), b(context),
      constants(context), assumptions(assumptions) {}

bool Importer::assumeBranch() {
  if (assumed == assumptions.choices.size())
    assumptions.choices.push_back(true);
  return assumptions.choices[assumed++];
}

//===- Types --------------------------------------------------------------===//

void Importer::noteTypes(const GraphProto &graph, ValueScope &scope) {
  for (const ValueInfoProto &info : graph.value_info())
    scope.types[info.name()] = &info.type();
  for (const ValueInfoProto &info : graph.output())
    scope.types[info.name()] = &info.type();
}

/// `value` with the extents that ONNX's data propagation found and its own type
/// rule did not. The op's type rule allows a result to say more.
Value Importer::refined(Value value, const TypeProto *type) {
  auto known = type ? tensorTypeOf(b.getContext(), *type) : RankedTensorType();
  auto current = dyn_cast<RankedTensorType>(value.getType());
  if (!known || !current || current.hasStaticShape() ||
      known.getElementType() != current.getElementType() ||
      known.getRank() != current.getRank())
    return value;
  auto infers = value.getDefiningOp<InferTypeOpInterface>();
  if (!infers || !isa<graph::GraphDialect>(infers->getDialect()) ||
      !value.use_empty())
    return value;
  SmallVector<int64_t> shape(current.getShape());
  // ONNX's functions read 0 out of extents that they do not know (Attention).
  for (auto [i, extent] : llvm::enumerate(shape))
    if (ShapedType::isDynamic(extent) && known.getDimSize(i) != 0)
      extent = known.getDimSize(i);
  value.setType(current.clone(shape));
  return value;
}

/// Small integer tensors that are known as a whole become constants, so that
/// rows and branches see them.
static Value foldKnown(NodeImport &node, Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  if (!type || !type.hasStaticShape() || type.getNumElements() > 64 ||
      !type.getElementType().isSignlessInteger() ||
      value.getDefiningOp<graph::ConstantOp>())
    return value;
  auto ints = NodeImport::known(value);
  if (!ints)
    return value;
  SmallVector<APInt> elements;
  unsigned width = type.getElementType().getIntOrFloatBitWidth();
  for (int64_t each : *ints)
    elements.emplace_back(width, each, /*isSigned=*/true,
                          /*implicitTrunc=*/true);
  return graph::ConstantOp::create(node.b, node.loc,
                                   DenseElementsAttr::get(type, elements));
}

//===- Values -------------------------------------------------------------===//

int64_t Importer::numberOf(StringRef text) {
  if (text.empty())
    return 0;
  StringRef kept = b.getStringAttr(text).getValue(); // as long as the context
  return strings.try_emplace(kept, strings.size() + 1).first->second;
}

Value Importer::weight(StringRef key) {
  auto found = weights.find(key);
  if (found == weights.end())
    return nullptr;
  Value &value = weightValues[key];
  if (value)
    return value;
  Weight &weight = found->second;
  auto type = RankedTensorType::get(weight.shape,
                                    elementType(b.getContext(), weight.type));
  if (!weight.attr)
    weight.attr = constantAttr(type.clone(storageType(type.getElementType())),
                               weight.data, weight.name);
  value = constantOfBytes(constants, NameLoc::get(b.getStringAttr(weight.name)),
                          type, weight.attr);
  return value;
}

Value Importer::lookup(StringRef name, const ValueScope &scope) {
  Value value = scope.lookup(name);
  return value ? value : weight(name);
}

LogicalResult Importer::importInitializers(const GraphProto &graph,
                                           ValueScope &scope) {
  ExternalFolder none("");
  for (const TensorProto &tensor : graph.initializer()) {
    Location loc = NameLoc::get(b.getStringAttr(tensor.name()));
    if (tensor.data_type() == TensorProto::STRING) {
      scope.values[tensor.name()] = stringConstant(*this, b, loc, tensor);
      continue;
    }
    TensorProto copy = tensor;
    auto data = takeBytes(copy, none);
    if (!data)
      return emitError(loc) << toString(data.takeError());
    auto type = RankedTensorType::get(
        ArrayRef<int64_t>(tensor.dims().data(), tensor.dims_size()),
        elementType(b.getContext(), tensor.data_type()));
    auto bytes = type.clone(storageType(type.getElementType()));
    scope.values[tensor.name()] = constantOfBytes(
        b, loc, type, constantAttr(bytes, *data, tensor.name()));
  }
  return success();
}

//===- Nodes --------------------------------------------------------------===//

LogicalResult Importer::importNode(const NodeProto &proto, ValueScope &scope) {
  SmallVector<Value> inputs;
  for (const std::string &name : proto.input())
    inputs.push_back(name.empty() ? Value() : lookup(name, scope));
  NodeImport node(*this, proto, scope, b, inputs);
  const Row *row = table.find(proto.domain(), proto.op_type(), opset);
  if (!row)
    return node.error() << "the operator is not supported";
  for (auto [i, name] : llvm::enumerate(proto.input()))
    if (!name.empty() && !inputs[i])
      return node.error() << "input '" << name << "' is computed by no node";
  for (auto [i, input] : llvm::enumerate(inputs))
    if (row->values == Row::OnlyTensors && input &&
        !isa<RankedTensorType>(input.getType()))
      return node.error() << "input " << i << " is no tensor";
  for (auto [i, input] : llvm::enumerate(inputs))
    if (input && holdsStrings(input.getType()) && !row->takesStrings())
      return node.error() << "input " << i
                          << " holds strings, which the operator does not take";
  if (failed(row->import(node)))
    return failure();
  for (auto [i, name] : llvm::enumerate(proto.output())) {
    if (name.empty())
      continue;
    if (i >= node.outputs.size())
      return node.error() << "output " << i << " ('" << name
                          << "') is not supported";
    Value value = refined(node.outputs[i], scope.typeOf(name));
    scope.values[name] = foldKnown(node, value);
  }
  return success();
}

LogicalResult Importer::importNodes(const GraphProto &graph,
                                    ValueScope &scope) {
  for (const NodeProto &node : graph.node())
    if (failed(importNode(node, scope)))
      return failure();
  return success();
}

LogicalResult Importer::importSubgraph(const GraphProto &graph,
                                       const ValueScope &outer,
                                       ValueRange arguments,
                                       SmallVectorImpl<Value> &results) {
  ValueScope scope{&outer, {}, {}};
  noteTypes(graph, scope);
  for (auto [input, value] : llvm::zip(graph.input(), arguments))
    scope.values[input.name()] = value;
  if (failed(importInitializers(graph, scope)) ||
      failed(importNodes(graph, scope)))
    return failure();
  for (const ValueInfoProto &output : graph.output())
    results.push_back(lookup(output.name(), scope));
  return success();
}

//===- Main ---------------------------------------------------------------===//

/// Symbols that a user gave a meaning by naming them in an input; ONNX's
/// inference makes up others.
static void collectSymbols(const GraphProto &graph,
                           llvm::StringSet<> &symbols) {
  for (const ValueInfoProto &input : graph.input())
    for (const auto &dim : input.type().tensor_type().shape().dim())
      if (dim.has_dim_param())
        symbols.insert(dim.dim_param());
}

/// The attributes of an argument or result: `graph.name`; where one of the
/// dimensions has a name, `graph.symbols`; where the model's elements are
/// narrower than a byte of IR says, `graph.element`; where it is part of a
/// sequence or optional, `graph.role`.
static DictionaryAttr portAttrs(OpBuilder &b, const ValueInfoProto &info,
                                const Port &port,
                                const llvm::StringSet<> &symbols) {
  NamedAttrList attrs;
  attrs.append("graph.name", b.getStringAttr(port.name));
  SmallVector<Attribute> names;
  bool any = false;
  const auto &shape = info.type().tensor_type().shape();
  for (int64_t i = 0; i < port.type.getRank(); ++i) {
    StringRef name;
    if (i < shape.dim_size() && port.type.isDynamicDim(i) &&
        symbols.contains(shape.dim(i).dim_param()))
      name = shape.dim(i).dim_param();
    any |= !name.empty();
    names.push_back(b.getStringAttr(name));
  }
  if (any)
    attrs.append("graph.symbols", b.getArrayAttr(names));
  Type element = port.type.getElementType();
  if (storageType(element) != element)
    attrs.append("graph.element", b.getStringAttr(narrowName(element)));
  if (!port.role.empty())
    attrs.append("graph.role", b.getStringAttr(port.role));
  return attrs.getDictionary(b.getContext());
}

namespace {
/// An input of the model and the types of the arguments that stand for it.
struct ModelInput {
  const ValueInfoProto *info;
  Type type;
  SmallVector<Port> ports;
};
} // namespace

/// The tensor inside of optionals and sequences.
static const TypeProto &innermost(const TypeProto &type) {
  if (type.has_optional_type())
    return innermost(type.optional_type().elem_type());
  if (type.has_sequence_type())
    return innermost(type.sequence_type().elem_type());
  return type;
}

static LogicalResult readInputs(const GraphProto &graph,
                                const WeightMap &weights, MLIRContext *context,
                                SmallVectorImpl<ModelInput> &inputs) {
  Location loc = UnknownLoc::get(context);
  for (const ValueInfoProto &input : graph.input()) {
    if (weights.contains(input.name()))
      continue;
    const TypeProto &tensor = innermost(input.type());
    if (!tensor.has_tensor_type())
      return emitError(loc) << "input '" << input.name()
                            << "' is no tensor, which is not supported";
    int element = tensor.tensor_type().elem_type();
    if (!anyElementType(context, element))
      return emitError(loc) << "input '" << input.name() << "' has type "
                            << typeName(element) << ", which is not supported";
    Type type = valueTypeOf(context, input.type());
    if (!type)
      return emitError(loc) << "input '" << input.name()
                            << "' has no rank: give its shape with --input "
                            << input.name() << "=…";
    inputs.push_back({&input, type, {}});
    addPorts(input.name(), type, inputs.back().ports);
  }
  return success();
}

/// Erases what nobody uses: constants that became attributes, shapes that
/// turned out to be known.
static void dropUnused(Block &block) {
  for (Operation &op : llvm::make_early_inc_range(llvm::reverse(block))) {
    for (Region &region : op.getRegions())
      for (Block &nested : region)
        dropUnused(nested);
    if (isOpTriviallyDead(&op))
      op.erase();
  }
}

/// Arguments of @main for an input of the model, and the value they make.
static Value addArguments(OpBuilder &b, func::FuncOp main,
                          const ModelInput &input,
                          const llvm::StringSet<> &symbols) {
  Location loc = NameLoc::get(b.getStringAttr(input.info->name()));
  SmallVector<Value> parts;
  for (const Port &port : input.ports) {
    unsigned index = main.getNumArguments();
    (void)main.insertArgument(index, port.type,
                              portAttrs(b, *input.info, port, symbols), loc);
    parts.push_back(canonicalBytes(b, loc, main.getArgument(index)));
  }
  return assembled(b, loc, input.type, parts).front();
}

/// Returns the model's outputs, in the form that the model declares.
LogicalResult Importer::returnOutputs(const GraphProto &graph,
                                      const ValueScope &scope, Operation *op) {
  auto main = cast<func::FuncOp>(op);
  llvm::StringSet<> symbols;
  collectSymbols(graph, symbols);
  SmallVector<Value> results;
  SmallVector<DictionaryAttr> attrs;
  for (const ValueInfoProto &output : graph.output()) {
    Value value = lookup(output.name(), scope);
    if (Type declared = valueTypeOf(b.getContext(), output.type()))
      value = coerced(b, main.getLoc(), value, declared);
    SmallVector<Port> ports;
    addPorts(output.name(), value.getType(), ports);
    for (auto [part, port] :
         llvm::zip_equal(flattened(b, main.getLoc(), value), ports)) {
      port.type = cast<RankedTensorType>(part.getType());
      results.push_back(part);
      attrs.push_back(portAttrs(b, output, port, symbols));
    }
  }
  func::ReturnOp::create(b, main.getLoc(), results);
  main.setType(b.getFunctionType(main.getArgumentTypes(),
                                 ValueRange(results).getTypes()));
  for (auto [i, attr] : llvm::enumerate(attrs))
    main.setResultAttrs(i, attr);
  return success();
}

LogicalResult Importer::importMain(const GraphProto &graph, ModuleOp module) {
  SmallVector<ModelInput> inputs;
  if (failed(readInputs(graph, weights, b.getContext(), inputs)))
    return failure();
  b.setInsertionPointToEnd(module.getBody());
  auto main = func::FuncOp::create(b, module.getLoc(), "main",
                                   b.getFunctionType({}, {}));
  Block *entry = main.addEntryBlock();
  // Weights gather before this op, which goes at the end.
  b.setInsertionPointToStart(entry);
  auto anchor = graph::ConstantOp::create(
      b, module.getLoc(),
      DenseIntElementsAttr::get(RankedTensorType::get({0}, b.getI64Type()),
                                ArrayRef<int64_t>()));
  constants.setInsertionPoint(anchor);

  ValueScope scope;
  noteTypes(graph, scope);
  llvm::StringSet<> symbols;
  collectSymbols(graph, symbols);
  for (const ModelInput &input : inputs)
    scope.values[input.info->name()] = addArguments(b, main, input, symbols);
  if (failed(importInitializers(graph, scope)) ||
      failed(importNodes(graph, scope)) ||
      failed(returnOutputs(graph, scope, main)))
    return failure();
  anchor->erase();
  dropUnused(*entry);
  storeNarrowTypes(main);
  dropUnused(*entry);
  if (!strings.empty())
    module->setAttr("graph.strings", b.getStrArrayAttr(llvm::to_vector(
                                         llvm::make_first_range(strings))));
  return success();
}

} // namespace weft::onnx
