#include "Check.h"
#include "TensorData.h"
#include "onnx/checker.h"
#include "onnx/defs/schema.h"
#include "weft/Support/Location.h"
#include "llvm/ADT/StringSet.h"
#include <map>

using namespace llvm;

namespace weft::onnx {

static constexpr int kMaxInputs = 1 << 16;
static constexpr int kMaxDepth = 64;

//===- Names --------------------------------------------------------------===//

static void nameNodes(GraphProto &graph);

static void nameNode(NodeProto &node) {
  if (node.name().empty()) {
    auto output =
        llvm::find_if(node.output(), [](auto &name) { return !name.empty(); });
    node.set_name(unnamedNode(
        output == node.output().end() ? StringRef() : StringRef(*output)));
  }
  for (AttributeProto &attribute : *node.mutable_attribute()) {
    if (attribute.has_g())
      nameNodes(*attribute.mutable_g());
    for (GraphProto &graph : *attribute.mutable_graphs())
      nameNodes(graph);
  }
}

static void nameNodes(GraphProto &graph) {
  for (NodeProto &node : *graph.mutable_node())
    nameNode(node);
}

void nameNodes(ModelProto &model) {
  nameNodes(*model.mutable_graph());
  for (FunctionProto &function : *model.mutable_functions())
    for (NodeProto &node : *function.mutable_node())
      nameNode(node);
}

//===- Structure ----------------------------------------------------------===//

namespace {
/// The names that nodes of a graph may use: its own and those around it.
struct Scope {
  const Scope *outer;
  StringMap<const NodeProto *> names; ///< null: an input or initializer

  bool sees(StringRef name) const {
    return names.contains(name) || (outer && outer->sees(name));
  }
};

class Checker {
public:
  explicit Checker(ExternalFolder &folder) : folder(folder) {}

  Error checkGraph(const GraphProto &graph, const Scope *outer, int depth);
  Error checkFunction(const FunctionProto &function);

private:
  Error checkNodes(const google::protobuf::RepeatedPtrField<NodeProto> &nodes,
                   Scope &scope, int depth);
  Error checkNode(const NodeProto &node, const Scope &scope, int depth);
  Error checkAttribute(const NodeProto &node, const AttributeProto &attribute);
  Error define(StringRef name, const NodeProto *node, Scope &scope);

  ExternalFolder &folder;
};
} // namespace

/// Why `name`, an input of `node`, is not there: it comes later, or from
/// nowhere.
static Error
missingInput(const NodeProto &node, StringRef name,
             const google::protobuf::RepeatedPtrField<NodeProto> &nodes) {
  for (const NodeProto &other : nodes)
    if (llvm::is_contained(other.output(), name))
      return nodeError(
          node,
          &other == &node
              ? "input '" + name + "' is its own output"
              : "input '" + name + "' is computed only later, by " +
                    describeNode({other.name(), operatorName(other)}) +
                    ": nodes must be in topological order, without cycles");
  return nodeError(node, "input '" + name + "' is computed by no node");
}

Error Checker::define(StringRef name, const NodeProto *node, Scope &scope) {
  if (name.empty())
    return Error::success();
  auto [at, isNew] = scope.names.try_emplace(name, node);
  if (isNew)
    return Error::success();
  const NodeProto *other = at->second;
  std::string by = other ? describeNode({other->name(), operatorName(*other)})
                         : "an input or initializer";
  if (!node)
    return modelError("'" + name +
                      "' is defined twice among the inputs and "
                      "initializers");
  return nodeError(*node, "output '" + name + "' is already the name of " +
                              (other ? "an output of " + by : by));
}

Error Checker::checkAttribute(const NodeProto &node,
                              const AttributeProto &attribute) {
  auto check = [&](const TensorProto &tensor) -> Error {
    // String attributes are the operator's business; the rest needs its data.
    if (tensor.data_type() == TensorProto::STRING)
      return Error::success();
    if (Error error = checkTensor(tensor, folder))
      return nodeError(node, toString(std::move(error)));
    if (tensor.data_location() == TensorProto::EXTERNAL &&
        (node.op_type() != "Constant" || attribute.name() != "value"))
      return nodeError(node, "attribute '" + attribute.name() +
                                 "' is external data, which only constants "
                                 "and initializers may be");
    return Error::success();
  };
  if (attribute.has_t())
    if (Error error = check(attribute.t()))
      return error;
  for (const TensorProto &tensor : attribute.tensors())
    if (Error error = check(tensor))
      return error;
  if (attribute.has_sparse_tensor() || attribute.sparse_tensors_size())
    return nodeError(node, "attribute '" + attribute.name() +
                               "' is a sparse tensor, which is not supported");
  return Error::success();
}

Error Checker::checkNode(const NodeProto &node, const Scope &scope, int depth) {
  if (node.op_type().empty())
    return nodeError(node, "has no operator");
  if (node.input_size() > kMaxInputs || node.output_size() > kMaxInputs)
    return nodeError(
        node, "has " + Twine(std::max(node.input_size(), node.output_size())) +
                  " inputs or outputs; at most " + Twine(kMaxInputs) +
                  " are supported");
  for (const AttributeProto &attribute : node.attribute())
    if (Error error = checkAttribute(node, attribute))
      return error;
  return forEachSubgraph(node, [&](const GraphProto &graph) -> Error {
    if (depth == kMaxDepth)
      return nodeError(node, "graphs are nested more than " + Twine(kMaxDepth) +
                                 " deep");
    return checkGraph(graph, &scope, depth + 1);
  });
}

Error Checker::checkNodes(
    const google::protobuf::RepeatedPtrField<NodeProto> &nodes, Scope &scope,
    int depth) {
  for (const NodeProto &node : nodes) {
    for (const std::string &input : node.input())
      if (!input.empty() && !scope.sees(input))
        return missingInput(node, input, nodes);
    if (Error error = checkNode(node, scope, depth))
      return error;
    for (const std::string &output : node.output())
      if (Error error = define(output, &node, scope))
        return error;
  }
  return Error::success();
}

Error Checker::checkGraph(const GraphProto &graph, const Scope *outer,
                          int depth) {
  Scope scope{outer, {}};
  for (const ValueInfoProto &input : graph.input())
    if (Error error = define(input.name(), nullptr, scope))
      return error;
  if (graph.sparse_initializer_size())
    return modelError("initializer '" +
                      graph.sparse_initializer(0).values().name() +
                      "' is a sparse tensor, which is not supported");
  StringSet<> initializers;
  for (const TensorProto &tensor : graph.initializer()) {
    // An initializer may repeat an input: it is that input's default.
    if (!initializers.insert(tensor.name()).second)
      return modelError("initializer '" + tensor.name() + "' is defined twice");
    scope.names.try_emplace(tensor.name(), nullptr);
    if (Error error = checkTensor(tensor, folder))
      return error;
  }
  if (Error error = checkNodes(graph.node(), scope, depth))
    return error;
  for (const ValueInfoProto &output : graph.output())
    if (!scope.sees(output.name()))
      return modelError("output '" + output.name() +
                        "' is computed by no node");
  return Error::success();
}

Error Checker::checkFunction(const FunctionProto &function) {
  Scope scope{nullptr, {}};
  for (const std::string &input : function.input())
    if (Error error = define(input, nullptr, scope))
      return error;
  return checkNodes(function.node(), scope, 0);
}

Error checkModel(const ModelProto &model, ExternalFolder &folder) {
  Checker checker(folder);
  if (model.opset_import_size() == 0)
    return modelError("the model does not say which opset it is written for");
  int64_t newest = ::onnx::OpSchemaRegistry::DomainToVersionRange::Instance()
                       .Map()
                       .at("")
                       .second;
  if (opsetOf(model) < 0 || opsetOf(model) > newest)
    return modelError("the model is written for opset " +
                      Twine(opsetOf(model)) + "; the newest that is known is " +
                      Twine(newest));
  if (model.graph().output_size() == 0)
    return modelError("the model has no outputs");
  for (const FunctionProto &function : model.functions())
    if (Error error = checker.checkFunction(function))
      return error;
  return checker.checkGraph(model.graph(), nullptr, 0);
}

/// Fills in a type where none is stated. The checker insists on the types of
/// inputs and outputs; what is missing is found by inference, or named with
/// what to do about it.
static void stateType(ValueInfoProto &info) {
  if (info.type().value_case() != TypeProto::VALUE_NOT_SET &&
      !info.type().has_tensor_type())
    return;
  auto *type = info.mutable_type()->mutable_tensor_type();
  if (!type->has_elem_type())
    type->set_elem_type(TensorProto::FLOAT);
  type->mutable_shape();
}

Error checkSchemas(ModelProto &model) {
  GraphProto &graph = *model.mutable_graph();
  auto inputs = graph.input(), outputs = graph.output();
  llvm::for_each(*graph.mutable_input(), stateType);
  llvm::for_each(*graph.mutable_output(), stateType);
  std::string found;
  try {
    ::onnx::checker::check_model(model);
  } catch (const std::exception &error) {
    found = plainSentence(error.what());
  }
  graph.mutable_input()->Swap(&inputs);
  graph.mutable_output()->Swap(&outputs);
  return found.empty() ? Error::success() : modelError(found);
}

//===- Support ------------------------------------------------------------===//

namespace {
struct SupportSurvey {
  llvm::function_ref<bool(const NodeProto &, int64_t)> isSupported;
  StringSet<> functions;
  /// Ordered, so that the message is the same in every run.
  std::map<std::string, std::vector<std::string>> missing;

  template <typename Nodes>
  void visit(const Nodes &nodes, int64_t opset) {
    for (const NodeProto &node : nodes) {
      if (!functions.contains(operatorName(node)) && !isSupported(node, opset))
        missing[operatorName(node)].push_back(quotedName(node.name()));
      cantFail(forEachSubgraph(node, [&](const GraphProto &graph) {
        visit(graph.node(), opset);
        return Error::success();
      }));
    }
  }
};
} // namespace

Error checkSupport(
    const ModelProto &model,
    llvm::function_ref<bool(const NodeProto &, int64_t)> isSupported) {
  SupportSurvey survey{isSupported, {}, {}};
  for (const FunctionProto &function : model.functions()) {
    NodeProto call;
    call.set_domain(function.domain());
    call.set_op_type(function.name());
    survey.functions.insert(operatorName(call));
  }
  survey.visit(model.graph().node(), opsetOf(model));
  for (const FunctionProto &function : model.functions())
    survey.visit(function.node(), opsetOf(function));
  if (survey.missing.empty())
    return Error::success();
  constexpr size_t kShown = 5;
  size_t count = survey.missing.size();
  std::string text;
  raw_string_ostream os(text);
  os << (count == 1 ? "1 operator is"
                    : std::to_string(count) + " operators are")
     << " not supported: ";
  llvm::interleaveComma(survey.missing, os, [&](const auto &entry) {
    ArrayRef<std::string> nodes = entry.second;
    os << entry.first << " (" << nodes.size()
       << (nodes.size() == 1 ? " node: " : " nodes: ");
    llvm::interleaveComma(nodes.take_front(kShown), os);
    if (nodes.size() > kShown)
      os << " and " << nodes.size() - kShown << " more";
    os << ")";
  });
  return modelError(text);
}

} // namespace weft::onnx
