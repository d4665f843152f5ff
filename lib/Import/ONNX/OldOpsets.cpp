#include "OldOpsets.h"
#include "onnx/shape_inference/implementation.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringMap.h"

using namespace llvm;

namespace weft::onnx {

using Nodes = google::protobuf::RepeatedPtrField<NodeProto>;

template <typename Visitor>
static void forEachGraph(GraphProto &graph, Visitor visit) {
  visit(graph);
  for (NodeProto &node : *graph.mutable_node())
    for (AttributeProto &attribute : *node.mutable_attribute())
      if (attribute.has_g())
        forEachGraph(*attribute.mutable_g(), visit);
}

static bool isCall(const NodeProto &node, StringRef name) {
  return isDefaultDomain(node.domain()) && node.op_type() == name;
}

template <typename Predicate>
static bool hasNode(const GraphProto &graph, Predicate matches) {
  return llvm::any_of(graph.node(), [&](const NodeProto &node) {
    bool found = matches(node);
    cantFail(forEachSubgraph(node, [&](const GraphProto &nested) {
      found |= hasNode(nested, matches);
      return Error::success();
    }));
    return found;
  });
}

static NodeProto &append(Nodes &nodes, StringRef type,
                         std::initializer_list<StringRef> inputs,
                         const Twine &output) {
  NodeProto &node = *nodes.Add();
  node.set_op_type(type.str());
  for (StringRef input : inputs)
    node.add_input(input.str());
  node.add_output(output.str());
  return node;
}

static AttributeProto &addAttribute(NodeProto &node, StringRef name,
                                    AttributeProto::AttributeType type) {
  AttributeProto &attribute = *node.add_attribute();
  attribute.set_name(name.str());
  attribute.set_type(type);
  return attribute;
}

static void setText(NodeProto &node, StringRef name, StringRef text) {
  addAttribute(node, name, AttributeProto::STRING).set_s(text.str());
}

//===- PRelu --------------------------------------------------------------===//

namespace {
/// Ranks of the values of all graphs, as far as they can be inferred.
class Ranks {
public:
  explicit Ranks(const ModelProto &model) {
    ModelProto inferred = model;
    try {
      ::onnx::shape_inference::InferShapes(inferred);
    } catch (const std::exception &) {
      // What is stated is known all the same.
    }
    forEachGraph(*inferred.mutable_graph(), [&](GraphProto &graph) {
      for (auto *infos : {&graph.input(), &graph.output(), &graph.value_info()})
        for (const ValueInfoProto &info : *infos)
          if (info.type().tensor_type().has_shape())
            ranks[info.name()] = info.type().tensor_type().shape().dim_size();
      for (const TensorProto &tensor : graph.initializer())
        ranks[tensor.name()] = tensor.dims_size();
    });
  }

  /// -1 where it is not known.
  int64_t of(StringRef name) const {
    auto found = ranks.find(name);
    return found == ranks.end() ? -1 : found->second;
  }

private:
  StringMap<int64_t> ranks;
};
} // namespace

/// Gives vectors of slopes a dimension for each that follows the channels.
static void alignSlopes(GraphProto &graph, const Ranks &ranks) {
  Nodes nodes;
  nodes.Swap(graph.mutable_node());
  for (NodeProto &node : nodes) {
    if (isCall(node, "PRelu") && node.input_size() == 2 &&
        ranks.of(node.input(0)) > 2 && ranks.of(node.input(1)) == 1) {
      std::string slopes = node.output(0) + "\nslopes";
      NodeProto &unsqueeze =
          append(*graph.mutable_node(), "Unsqueeze", {node.input(1)}, slopes);
      auto &axes = addAttribute(unsqueeze, "axes", AttributeProto::INTS);
      for (int64_t i = 1; i < ranks.of(node.input(0)) - 1; ++i)
        axes.add_ints(i);
      node.set_input(1, slopes);
    }
    *graph.add_node() = std::move(node);
  }
}

//===- From opset 6 to 7 --------------------------------------------------===//

static AttributeProto *findAttribute(NodeProto &node, StringRef name) {
  for (AttributeProto &attribute : *node.mutable_attribute())
    if (attribute.name() == name)
      return &attribute;
  return nullptr;
}

static void drop(NodeProto &node, StringRef name) {
  auto &attributes = *node.mutable_attribute();
  attributes.erase(llvm::remove_if(attributes,
                                   [&](const AttributeProto &attribute) {
                                     return attribute.name() == name;
                                   }),
                   attributes.end());
}

/// Until opset 6 the second operand lay along the dimensions of the first from
/// `axis` on: gives it a dimension for each behind.
static Error alignOperand(NodeProto &node, const Ranks &ranks, Nodes &before) {
  AttributeProto *axis = findAttribute(node, "axis"),
                 *broadcast = findAttribute(node, "broadcast");
  bool aligns = axis && broadcast && broadcast->i() && node.input_size() == 2;
  int64_t at = axis ? axis->i() : 0;
  drop(node, "axis");
  drop(node, "broadcast");
  if (!aligns)
    return Error::success();
  int64_t rank = ranks.of(node.input(0)), own = ranks.of(node.input(1));
  if (rank < 0 || own < 0)
    return nodeError(node, "axis is " + Twine(at) +
                               " for operands whose ranks are not known");
  int64_t behind = rank - (at < 0 ? at + rank : at) - own;
  if (behind < 0 || behind > rank - own)
    return nodeError(node, "an operand of rank " + Twine(own) +
                               " does not fit one of rank " + Twine(rank) +
                               " from axis " + Twine(at) + " on");
  if (behind == 0)
    return Error::success();
  std::string aligned = node.output(0) + "\naligned";
  NodeProto &unsqueeze = append(before, "Unsqueeze", {node.input(1)}, aligned);
  auto &axes = addAttribute(unsqueeze, "axes", AttributeProto::INTS);
  for (int64_t i = 0; i < behind; ++i)
    axes.add_ints(own + i);
  node.set_input(1, aligned);
  return Error::success();
}

/// Upsample has had one list of scales since.
static Error joinScales(NodeProto &node) {
  AttributeProto *height = findAttribute(node, "height_scale"),
                 *width = findAttribute(node, "width_scale");
  if (!height || !width)
    return nodeError(node, "height_scale and width_scale are needed");
  float all[] = {1, 1, height->f(), width->f()};
  drop(node, "height_scale");
  drop(node, "width_scale");
  auto &scales = addAttribute(node, "scales", AttributeProto::FLOATS);
  for (float scale : all)
    scales.add_floats(scale);
  return Error::success();
}

static Error toOpset7(NodeProto &node, const Ranks &ranks, Nodes &before) {
  if (!isDefaultDomain(node.domain()))
    return Error::success();
  StringRef type = node.op_type();
  if (llvm::is_contained({"Add", "And", "Div", "Equal", "Greater", "Less",
                          "Mul", "Or", "Pow", "Sub", "Xor"},
                         type))
    return alignOperand(node, ranks, before);
  if (type == "Upsample")
    return joinScales(node);
  if (type == "Gemm")
    drop(node, "broadcast");
  if (type == "GRU" || type == "LSTM" || type == "RNN")
    drop(node, "output_sequence");
  if (type == "BatchNormalization" || type == "Dropout") {
    AttributeProto *inference = findAttribute(node, "is_test");
    if (inference && !inference->i())
      return nodeError(node, "is_test is 0, and training is not supported");
    drop(node, "is_test");
  }
  return Error::success();
}

static Error toOpset7(GraphProto &graph, const Ranks &ranks) {
  Nodes nodes;
  nodes.Swap(graph.mutable_node());
  for (NodeProto &node : nodes) {
    for (AttributeProto &attribute : *node.mutable_attribute())
      if (attribute.has_g())
        if (Error error = toOpset7(*attribute.mutable_g(), ranks))
          return error;
    if (Error error = toOpset7(node, ranks, *graph.mutable_node()))
      return error;
    *graph.add_node() = std::move(node);
  }
  return Error::success();
}

Error convertToOpset7(ModelProto &model) {
  Ranks ranks(model);
  if (Error error = toOpset7(*model.mutable_graph(), ranks))
    return error;
  for (auto &import : *model.mutable_opset_import())
    if (isDefaultDomain(import.domain()))
      import.set_version(7);
  return Error::success();
}

//===- Scan ---------------------------------------------------------------===//

namespace {
/// A Scan of opset 8 as a Loop over the batch around a Loop over the sequence.
/// Both are of opset 8 too, so that the body is converted with the model.
class BatchedScan {
public:
  explicit BatchedScan(const NodeProto &scan) : scan(scan) {
    prefix = scan.output_size() ? scan.output(0) + "\n" : "\n";
    for (const AttributeProto &attribute : scan.attribute()) {
      if (attribute.name() == "body")
        body = &attribute.g();
      else if (attribute.name() == "num_scan_inputs")
        sequences = int(attribute.i());
      else if (attribute.name() == "directions")
        directions = &attribute;
    }
    states = scan.input_size() - 1 - sequences;
  }

  Error replace(Nodes &nodes);

private:
  std::string name(const Twine &text) const { return (prefix + text).str(); }
  std::string state(int i) const { return name("state" + Twine(i)); }
  std::string sequence(int i) const { return name("sequence" + Twine(i)); }

  void number(Nodes &nodes, int64_t value, const Twine &output) const;
  void extent(Nodes &nodes, StringRef of, StringRef output) const;
  void element(Nodes &nodes, StringRef from, StringRef at,
               const Twine &output) const;
  GraphProto &addBody(NodeProto &loop, StringRef counter) const;
  void fillBatch(GraphProto &graph) const;
  void fillStep(GraphProto &graph) const;

  const NodeProto &scan;
  const GraphProto *body = nullptr;
  const AttributeProto *directions = nullptr;
  std::string prefix; ///< no name of the model starts so
  int sequences = 0, states = 0;
};
} // namespace

void BatchedScan::number(Nodes &nodes, int64_t value,
                         const Twine &output) const {
  NodeProto &constant = append(nodes, "Constant", {}, output);
  auto &tensor =
      *addAttribute(constant, "value", AttributeProto::TENSOR).mutable_t();
  tensor.set_data_type(TensorProto::INT64);
  tensor.add_int64_data(value);
}

/// The first extent of a value as a scalar.
void BatchedScan::extent(Nodes &nodes, StringRef of, StringRef output) const {
  append(nodes, "Shape", {of}, output + "shape");
  number(nodes, 0, output + "first");
  append(nodes, "Gather", {(output + "shape").str(), (output + "first").str()},
         output);
}

void BatchedScan::element(Nodes &nodes, StringRef from, StringRef at,
                          const Twine &output) const {
  append(nodes, "Gather", {from, at}, output);
}

/// A loop's body with its counter, and a condition that stays true.
GraphProto &BatchedScan::addBody(NodeProto &loop, StringRef counter) const {
  GraphProto &graph =
      *addAttribute(loop, "body", AttributeProto::GRAPH).mutable_g();
  graph.set_name(name(counter + "body"));
  std::string condition = name(counter + "on");
  for (auto [input, type] : {std::pair(name(counter), TensorProto::INT64),
                             std::pair(condition, TensorProto::BOOL)}) {
    ValueInfoProto &info = *graph.add_input();
    info.set_name(input);
    info.mutable_type()->mutable_tensor_type()->set_elem_type(type);
    info.mutable_type()->mutable_tensor_type()->mutable_shape();
  }
  append(*graph.mutable_node(), "Identity", {condition}, condition + "still");
  graph.add_output()->set_name(condition + "still");
  return graph;
}

/// One step: the body on one element of each sequence.
void BatchedScan::fillStep(GraphProto &graph) const {
  Nodes &nodes = *graph.mutable_node();
  for (int i = 0; i < states; ++i) {
    graph.add_input()->set_name(body->input(i).name());
    graph.add_output()->set_name(body->output(i).name());
  }
  std::string step = name("step"), back = name("back");
  if (directions) {
    append(nodes, "Sub", {name("steps"), step}, back + "end");
    number(nodes, 1, back + "one");
    append(nodes, "Sub", {back + "end", back + "one"}, back);
  }
  for (int i = 0; i < sequences; ++i) {
    bool isBackward =
        directions && i < directions->ints_size() && directions->ints(i);
    element(nodes, sequence(i), isBackward ? back : step,
            body->input(states + i).name());
  }
  nodes.MergeFrom(body->node());
  graph.mutable_initializer()->MergeFrom(body->initializer());
  for (int i = states; i < body->output_size(); ++i)
    graph.add_output()->set_name(body->output(i).name());
}

/// All steps of one element of the batch.
void BatchedScan::fillBatch(GraphProto &graph) const {
  Nodes &nodes = *graph.mutable_node();
  std::string batch = name("batch"), batches = name("batches");
  graph.add_input()->set_name(batches + "in");
  append(nodes, "Identity", {batches + "in"}, batches + "out");
  graph.add_output()->set_name(batches + "out");
  for (int i = 0; i < states; ++i)
    element(nodes, scan.input(1 + i), batch, state(i));
  for (int i = 0; i < sequences; ++i)
    element(nodes, scan.input(1 + states + i), batch, sequence(i));
  extent(nodes, sequence(0), name("steps"));
  NodeProto loop;
  loop.set_op_type("Loop");
  loop.set_name(scan.name());
  loop.add_input(name("steps"));
  loop.add_input("");
  for (int i = 0; i < states; ++i)
    loop.add_input(state(i));
  for (int i = 0; i < scan.output_size(); ++i) {
    loop.add_output(name("of" + Twine(i)));
    graph.add_output()->set_name(loop.output(i));
  }
  fillStep(addBody(loop, "step"));
  *nodes.Add() = std::move(loop);
}

Error BatchedScan::replace(Nodes &nodes) {
  if (!body || sequences < 1 || states < 1 ||
      body->input_size() != states + sequences ||
      body->output_size() != scan.output_size())
    return nodeError(scan, "its body does not fit its inputs and outputs, or "
                           "it has no state");
  if (!scan.input(0).empty())
    return nodeError(scan, "sequence_lens is not supported");
  std::string batches = name("batches");
  extent(nodes, scan.input(1 + states), batches);
  NodeProto loop;
  loop.set_op_type("Loop");
  loop.set_name(scan.name());
  for (StringRef input : {StringRef(batches), StringRef(), StringRef(batches)})
    loop.add_input(input.str());
  loop.add_output(batches + "after");
  for (const std::string &output : scan.output())
    loop.add_output(output);
  fillBatch(addBody(loop, "batch"));
  *nodes.Add() = std::move(loop);
  return Error::success();
}

static Error unbatchScans(GraphProto &graph) {
  Nodes nodes;
  nodes.Swap(graph.mutable_node());
  for (NodeProto &node : nodes) {
    for (AttributeProto &attribute : *node.mutable_attribute())
      if (attribute.has_g())
        if (Error error = unbatchScans(*attribute.mutable_g()))
          return error;
    if (!isCall(node, "Scan"))
      *graph.add_node() = std::move(node);
    else if (Error error = BatchedScan(node).replace(*graph.mutable_node()))
      return error;
  }
  return Error::success();
}

Error keepOldMeanings(ModelProto &model) {
  int64_t opset = opsetOf(model);
  if (opset > 0 && opset < 7 &&
      hasNode(
          model.graph(),
          [](const auto &node) { return isCall(node, "PRelu"); })) {
    Ranks ranks(model);
    forEachGraph(*model.mutable_graph(),
                 [&](GraphProto &graph) { alignSlopes(graph, ranks); });
  }
  return opset == 8 ? unbatchScans(*model.mutable_graph()) : Error::success();
}

//===- Resize -------------------------------------------------------------===//

bool hasOldResizing(const ModelProto &model) {
  int64_t opset = opsetOf(model);
  return opset > 0 && opset <= 10 &&
         hasNode(model.graph(), [](const NodeProto &node) {
           return isCall(node, "Upsample") || isCall(node, "Resize");
         });
}

void stateResizing(GraphProto &graph) {
  forEachGraph(graph, [](GraphProto &each) {
    for (NodeProto &node : *each.mutable_node())
      if (isCall(node, "Resize")) {
        setText(node, "coordinate_transformation_mode", "asymmetric");
        setText(node, "nearest_mode", kTowardsLarger);
      }
  });
}

} // namespace weft::onnx
