#include "Normalize.h"
#include "OldOpsets.h"
#include "TensorData.h"
#include "onnx/inliner/inliner.h"
#include "onnx/shape_inference/implementation.h"
#include "onnx/version_converter/convert.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"
#include <set>

using namespace llvm;

namespace weft::onnx {

/// Inlining may multiply nodes; a model made to explode ends here.
static constexpr uint64_t kMaxNodes = 1 << 20;

/// Runs `body`, which calls into ONNX, and turns what it throws into an error.
template <typename Body>
static Error guarded(StringRef doing, Body body) {
  try {
    body();
  } catch (const std::exception &error) {
    std::string text = plainSentence(error.what());
    return modelError(StringRef(text).starts_with("node ")
                          ? text
                          : (doing + ": " + text).str());
  }
  return Error::success();
}

//===- Inputs -------------------------------------------------------------===//

static int typeFromName(StringRef name) {
  return StringSwitch<int>(name)
      .Case("f32", TensorProto::FLOAT)
      .Case("f64", TensorProto::DOUBLE)
      .Case("f16", TensorProto::FLOAT16)
      .Case("bf16", TensorProto::BFLOAT16)
      .Case("i8", TensorProto::INT8)
      .Case("i16", TensorProto::INT16)
      .Case("i32", TensorProto::INT32)
      .Case("i64", TensorProto::INT64)
      .Case("u8", TensorProto::UINT8)
      .Case("u16", TensorProto::UINT16)
      .Case("u32", TensorProto::UINT32)
      .Case("u64", TensorProto::UINT64)
      .Case("bool", TensorProto::BOOL)
      .Default(TensorProto::UNDEFINED);
}

static Error pinShape(TypeProto::Tensor &type, const InputPin &pin) {
  TensorShapeProto old = type.shape();
  if (type.has_shape() && old.dim_size() != int(pin.shape->size()))
    return modelError("input '" + pin.name + "' has rank " +
                      Twine(old.dim_size()) + ", it is given a shape of rank " +
                      Twine(pin.shape->size()));
  TensorShapeProto *shape = type.mutable_shape();
  shape->Clear();
  for (auto [i, extent] : llvm::enumerate(*pin.shape)) {
    auto *dim = shape->add_dim();
    if (extent >= 0)
      dim->set_dim_value(extent);
    else if (int(i) < old.dim_size() && old.dim(i).has_dim_param())
      dim->set_dim_param(old.dim(i).dim_param());
  }
  return Error::success();
}

/// All dimensions of one name have one extent, so pinning one pins the others.
static Error pinSymbols(GraphProto &graph, const TensorShapeProto &before,
                        const TensorShapeProto &after) {
  for (int i = 0; i < before.dim_size(); ++i) {
    if (!before.dim(i).has_dim_param() || before.dim(i).dim_param().empty() ||
        !after.dim(i).has_dim_value())
      continue;
    for (ValueInfoProto &input : *graph.mutable_input()) {
      auto *shape =
          input.mutable_type()->mutable_tensor_type()->mutable_shape();
      for (auto &dim : *shape->mutable_dim())
        if (dim.has_dim_param() && dim.dim_param() == before.dim(i).dim_param())
          dim.set_dim_value(after.dim(i).dim_value());
    }
  }
  return Error::success();
}

/// Keeps the outputs' element types and ranks, and drops what follows from the
/// input shapes.
static void forgetShapes(GraphProto &graph) {
  graph.clear_value_info();
  for (ValueInfoProto &output : *graph.mutable_output())
    if (output.type().tensor_type().has_shape())
      for (auto &dim : *output.mutable_type()
                            ->mutable_tensor_type()
                            ->mutable_shape()
                            ->mutable_dim())
        dim.Clear();
  for (NodeProto &node : *graph.mutable_node())
    for (AttributeProto &attribute : *node.mutable_attribute()) {
      if (attribute.has_g())
        forgetShapes(*attribute.mutable_g());
      for (GraphProto &nested : *attribute.mutable_graphs())
        forgetShapes(nested);
    }
}

Error pinInputs(ModelProto &model, const WeightMap &weights,
                ArrayRef<InputPin> pins) {
  if (pins.empty())
    return Error::success();
  GraphProto &graph = *model.mutable_graph();
  StringMap<ValueInfoProto *> inputs;
  std::string known;
  for (ValueInfoProto &input : *graph.mutable_input()) {
    if (weights.contains(input.name()))
      continue;
    inputs[input.name()] = &input;
    known += (known.empty() ? "'" : ", '") + input.name() + "'";
  }
  for (const InputPin &pin : pins) {
    ValueInfoProto *input = inputs.lookup(pin.name);
    if (!input)
      return modelError("there is no input '" + pin.name +
                        "'; the inputs are " + known);
    auto *type = input->mutable_type()->mutable_tensor_type();
    int wanted = typeFromName(pin.type);
    if (!pin.type.empty()) {
      if (type->elem_type() != TensorProto::UNDEFINED &&
          type->elem_type() != wanted)
        return modelError("input '" + pin.name + "' has type " +
                          typeName(type->elem_type()) + ", not " + pin.type);
      type->set_elem_type(wanted);
    }
    if (!pin.shape)
      continue;
    TensorShapeProto before = type->shape();
    if (Error error = pinShape(*type, pin))
      return error;
    if (Error error = pinSymbols(graph, before, type->shape()))
      return error;
  }
  forgetShapes(graph);
  return Error::success();
}

//===- Functions ----------------------------------------------------------===//

namespace {
/// How many nodes a function becomes once everything in it is inlined.
class ExpandedSize {
public:
  explicit ExpandedSize(const ModelProto &model) {
    for (const FunctionProto &function : model.functions())
      functions[function.domain() + ":" + function.name()] = &function;
  }

  template <typename Nodes>
  uint64_t of(const Nodes &nodes) {
    uint64_t total = 0;
    for (const NodeProto &node : nodes) {
      total += ofCall(node);
      cantFail(forEachSubgraph(node, [&](const GraphProto &graph) {
        total += of(graph.node());
        return Error::success();
      }));
      if (total > kMaxNodes)
        return kMaxNodes + 1;
    }
    return total;
  }

private:
  uint64_t ofCall(const NodeProto &node) {
    auto found = functions.find(node.domain() + ":" + node.op_type());
    if (found == functions.end())
      return 1;
    auto [known, isNew] = sizes.try_emplace(found->getKey(), 1);
    if (isNew) {
      // A recursive function meets its own preliminary 1; ONNX's inliner then
      // names the cycle.
      uint64_t size = of(found->second->node());
      sizes[found->getKey()] = size;
      return size;
    }
    return known->second;
  }

  StringMap<const FunctionProto *> functions;
  StringMap<uint64_t> sizes;
};
} // namespace

static Error inlineFunctions(ModelProto &model) {
  if (ExpandedSize(model).of(model.graph().node()) > kMaxNodes)
    return modelError("inlining the model's functions gives more than " +
                      Twine(kMaxNodes) + " nodes");
  if (model.functions_size() == 0)
    return Error::success();
  return guarded("cannot inline the model's functions", [&] {
    ::onnx::inliner::InlineLocalFunctions(model, /*convert_version=*/true);
  });
}

using Operators = std::set<std::pair<std::string, std::string>>;

/// The domains and names of what may have a function body.
static void collectOperators(const GraphProto &graph, Operators &operators) {
  for (const NodeProto &node : graph.node()) {
    operators.emplace(isDefaultDomain(node.domain()) ? "" : node.domain(),
                      node.op_type());
    cantFail(forEachSubgraph(node, [&](const GraphProto &nested) {
      collectOperators(nested, operators);
      return Error::success();
    }));
  }
}

/// Writes out the attributes that nodes leave to their defaults. A function
/// body that refers to an attribute needs it to be there.
static void stateDefaults(GraphProto &graph, int64_t opset,
                          llvm::function_ref<bool(StringRef)> isPrimitive) {
  auto *registry = ::onnx::OpSchemaRegistry::Instance();
  for (NodeProto &node : *graph.mutable_node()) {
    for (AttributeProto &attribute : *node.mutable_attribute())
      if (attribute.has_g())
        stateDefaults(*attribute.mutable_g(), opset, isPrimitive);
    auto *schema =
        isDefaultDomain(node.domain()) && !isPrimitive(node.op_type())
            ? registry->GetSchema(node.op_type(), int(opset), "")
            : nullptr;
    if (!schema)
      continue;
    for (const auto &[name, attribute] : schema->attributes()) {
      bool stated =
          llvm::any_of(node.attribute(), [&name = name](const auto &each) {
            return each.name() == name;
          });
      if (!stated && attribute.default_value.has_name())
        *node.add_attribute() = attribute.default_value;
    }
  }
}

/// States the types of initializers as those of other values are: the inliner
/// knows no others.
static void describeInitializers(GraphProto &graph) {
  llvm::StringSet<> known;
  for (const ValueInfoProto &info : graph.input())
    known.insert(info.name());
  for (const ValueInfoProto &info : graph.value_info())
    known.insert(info.name());
  for (const TensorProto &tensor : graph.initializer()) {
    if (!known.insert(tensor.name()).second)
      continue;
    ValueInfoProto &info = *graph.add_value_info();
    info.set_name(tensor.name());
    auto &type = *info.mutable_type()->mutable_tensor_type();
    type.set_elem_type(tensor.data_type());
    auto &shape = *type.mutable_shape();
    for (int64_t extent : tensor.dims())
      shape.add_dim()->set_dim_value(extent);
  }
  for (NodeProto &node : *graph.mutable_node())
    for (AttributeProto &attribute : *node.mutable_attribute())
      if (attribute.has_g())
        describeInitializers(*attribute.mutable_g());
}

static Error inlineOperators(ModelProto &model,
                             llvm::function_ref<bool(StringRef)> isPrimitive) {
  Operators operators;
  collectOperators(model.graph(), operators);
  ::onnx::inliner::FunctionIdVector ids;
  for (const auto &[domain, name] : operators)
    if (!domain.empty() || !isPrimitive(name))
      ids.emplace_back(domain, name);
  if (ids.empty())
    return Error::success();
  GraphProto &graph = *model.mutable_graph();
  stateDefaults(graph, opsetOf(model), isPrimitive);
  describeInitializers(graph);
  // The inliner asks for the type of each input by name, that of an input that
  // is left out too; no type then says that it is.
  graph.add_value_info()->set_name("");
  Error error = guarded("cannot inline operators", [&] {
    auto set = ::onnx::inliner::FunctionIdSet::Create(std::move(ids));
    ::onnx::inliner::InlineSelectedFunctions(
        model, *set, ::onnx::OpSchemaRegistry::Instance());
  });
  auto &infos = *graph.mutable_value_info();
  infos.erase(llvm::remove_if(infos,
                              [](const ValueInfoProto &info) {
                                return info.name().empty();
                              }),
              infos.end());
  return error;
}

//===- Version, types -----------------------------------------------------===//

/// True where no operator of the model changed between its opset and ours, so
/// that conversion would change nothing.
static bool sameSchemas(const GraphProto &graph, int64_t opset) {
  auto *registry = ::onnx::OpSchemaRegistry::Instance();
  for (const NodeProto &node : graph.node()) {
    if (!isDefaultDomain(node.domain()))
      continue;
    auto *from = registry->GetSchema(node.op_type(), int(opset), "");
    auto *to = registry->GetSchema(node.op_type(), kOpset, "");
    if (!from || !to || from->since_version() != to->since_version())
      return false;
    bool same = true;
    cantFail(forEachSubgraph(node, [&](const GraphProto &nested) {
      same &= sameSchemas(nested, opset);
      return Error::success();
    }));
    if (!same)
      return false;
  }
  return true;
}

namespace {
/// What the model says of its values' types. A conversion adds what the older
/// schemas infer, and newer ones may contradict that: before opset 22 a window
/// that starts in the padding at the end counted as one.
class StatedTypes {
public:
  explicit StatedTypes(const GraphProto &graph) { collect(graph); }

  void restore(GraphProto &graph) const {
    auto &infos = *graph.mutable_value_info();
    infos.erase(llvm::remove_if(infos,
                                [&](const ValueInfoProto &info) {
                                  return !types.contains(info.name());
                                }),
                infos.end());
    for (auto *list : {&infos, graph.mutable_output()})
      for (ValueInfoProto &info : *list)
        if (auto found = types.find(info.name()); found != types.end())
          *info.mutable_type() = found->second;
    for (NodeProto &node : *graph.mutable_node())
      for (AttributeProto &attribute : *node.mutable_attribute())
        if (attribute.has_g())
          restore(*attribute.mutable_g());
  }

private:
  void collect(const GraphProto &graph) {
    for (const auto *list : {&graph.value_info(), &graph.output()})
      for (const ValueInfoProto &info : *list)
        types[info.name()] = info.type();
    for (const NodeProto &node : graph.node())
      for (const AttributeProto &attribute : node.attribute())
        if (attribute.has_g())
          collect(attribute.g());
  }

  StringMap<TypeProto> types;
};
} // namespace

static Error convert(ModelProto &model) {
  int64_t opset = opsetOf(model);
  if (opset >= kOpset || opset == 0)
    return Error::success();
  if (!sameSchemas(model.graph(), opset)) {
    StatedTypes stated(model.graph());
    if (Error error = keepOldMeanings(model))
      return error;
    auto convertTo = [&](int target) {
      return guarded("cannot convert from opset " + std::to_string(opset) +
                         " to " + std::to_string(target),
                     [&] {
                       ModelProto converted =
                           ::onnx::version_conversion::ConvertVersion(model,
                                                                      target);
                       model.Swap(&converted);
                     });
    };
    if (opset < 7) {
      if (Error error = opset < 6 ? convertTo(6) : Error::success())
        return error;
      if (Error error = convertToOpset7(model))
        return error;
      opset = 7;
    }
    if (hasOldResizing(model)) {
      if (Error error = opset < 10 ? convertTo(10) : Error::success())
        return error;
      stateResizing(*model.mutable_graph());
    }
    if (Error error = convertTo(kOpset))
      return error;
    stated.restore(*model.mutable_graph());
  }
  for (auto &import : *model.mutable_opset_import())
    if (isDefaultDomain(import.domain()))
      import.set_version(kOpset);
  // What the IR version changed is settled by now: initializers are constants.
  model.set_ir_version(::onnx::Version::IR_VERSION);
  return Error::success();
}

namespace {
/// The lists of sizes and scales of Resize that are inputs of the model and of
/// unknown length have the only length that fits for a while: ONNX's functions
/// would take it for 0.
class UnknownLists {
public:
  explicit UnknownLists(ModelProto &model) {
    GraphProto &graph = *model.mutable_graph();
    StringMap<ValueInfoProto *> inputs;
    for (ValueInfoProto &input : *graph.mutable_input())
      inputs[input.name()] = &input;
    for (const NodeProto &node : graph.node()) {
      int64_t length = node.op_type() == "Resize" ? axesOf(node, inputs) : 0;
      for (int i = 2; length && i < node.input_size(); ++i)
        if (ValueInfoProto *list = inputs.lookup(node.input(i)))
          state(*list, length);
    }
  }

  void restore(ModelProto &model) const {
    for (ValueInfoProto &input : *model.mutable_graph()->mutable_input())
      if (auto found = types.find(input.name()); found != types.end())
        *input.mutable_type() = found->second;
  }

private:
  /// How many axes the node resizes; 0 where that is not known yet.
  static int64_t axesOf(const NodeProto &node,
                        const StringMap<ValueInfoProto *> &inputs) {
    for (const AttributeProto &attribute : node.attribute())
      if (attribute.name() == "axes")
        return attribute.ints_size();
    ValueInfoProto *x =
        node.input_size() ? inputs.lookup(node.input(0)) : nullptr;
    return x ? x->type().tensor_type().shape().dim_size() : 0;
  }

  void state(ValueInfoProto &list, int64_t length) {
    const TensorShapeProto &shape = list.type().tensor_type().shape();
    if (shape.dim_size() != 1 || shape.dim(0).has_dim_value())
      return;
    types[list.name()] = list.type();
    list.mutable_type()
        ->mutable_tensor_type()
        ->mutable_shape()
        ->mutable_dim(0)
        ->set_dim_value(length);
  }

  StringMap<TypeProto> types;
};
} // namespace

static Error infer(ModelProto &model) {
  auto attempt = [&](bool followData) {
    return guarded("cannot infer shapes", [&] {
      ::onnx::ShapeInferenceOptions options(/*check_type=*/true,
                                            /*strict_mode=*/1, followData);
      ::onnx::shape_inference::InferShapes(
          model, ::onnx::OpSchemaRegistry::Instance(), options);
    });
  };
  Error error = attempt(/*followData=*/true);
  if (!error)
    return error;
  // ONNX takes any few integers for a list of extents, a matrix of them too,
  // and objects where two such do not broadcast as lists.
  if (Error withoutData = attempt(/*followData=*/false)) {
    consumeError(std::move(withoutData));
    return error;
  }
  consumeError(std::move(error));
  return Error::success();
}

/// True where the result has the shape of the first input.
static bool keepsShape(const NodeProto &node) {
  static const StringSet<> names = {
      "Abs",   "Cast",     "CastLike", "Ceil", "Erf",  "Exp",
      "Floor", "Identity", "IsNaN",    "Log",  "Neg",  "Reciprocal",
      "Relu",  "Round",    "Sigmoid",  "Sign", "Sqrt", "Tanh"};
  return isDefaultDomain(node.domain()) && names.contains(node.op_type()) &&
         node.input_size() && node.output_size() == 1;
}

/// Inference follows values forwards; a shape that the model states for a
/// result goes back through functions of single elements here. How many axes a
/// reduction drops may follow from nothing else.
static void inferBackwards(GraphProto &graph) {
  StringMap<TypeProto *> types;
  for (auto *infos : {graph.mutable_output(), graph.mutable_value_info()})
    for (ValueInfoProto &info : *infos)
      types[info.name()] = info.mutable_type();
  for (const NodeProto &node : llvm::reverse(graph.node())) {
    if (!keepsShape(node))
      continue;
    TypeProto *from = types.lookup(node.output(0)),
              *to = types.lookup(node.input(0));
    if (from && to && from->tensor_type().has_shape() &&
        to->has_tensor_type() && !to->tensor_type().has_shape())
      *to->mutable_tensor_type()->mutable_shape() = from->tensor_type().shape();
  }
}

Error normalize(ModelProto &model,
                llvm::function_ref<bool(StringRef)> isPrimitive,
                std::string &objection) {
  if (Error error = inlineFunctions(model))
    return error;
  UnknownLists lists(model);
  if (Error error = convert(model))
    return error;
  if (Error error = inlineOperators(model, isPrimitive))
    return error;
  objection = toString(infer(model));
  inferBackwards(*model.mutable_graph());
  lists.restore(model);
  return Error::success();
}

} // namespace weft::onnx
