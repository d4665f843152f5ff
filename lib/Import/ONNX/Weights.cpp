#include "Weights.h"
#include "llvm/ADT/StringSet.h"

using namespace llvm;

namespace weft::onnx {

/// What data propagation may need to see, in bytes: a shape or a list of axes.
static constexpr uint64_t kSmallBytes = 1024;

namespace {
/// A weight of a subgraph gets a new name in the main graph, and the subgraph's
/// nodes are renamed to match.
using Renames = StringMap<std::string>;

class WeightTaker {
public:
  WeightTaker(ModelProto &model, ExternalFolder &folder, WeightMap &weights)
      : main(*model.mutable_graph()), folder(folder), weights(weights) {}

  Error run() {
    if (Error error = takeFrom(main, {}))
      return error;
    dropInitializedInputs();
    return Error::success();
  }

private:
  Error takeFrom(GraphProto &graph, Renames renames);
  Error takeInitializers(GraphProto &graph, Renames &renames);
  Error takeConstant(NodeProto &node, bool &taken, Renames &renames,
                     bool isMain);
  Expected<std::string> take(TensorProto &tensor, StringRef name, bool isMain);
  void dropInitializedInputs();

  static bool isLarge(const TensorProto &tensor) {
    auto count = elementCount(tensor);
    if (!count) {
      consumeError(count.takeError());
      return false;
    }
    return packedBytes(tensor.data_type(), *count) > kSmallBytes;
  }

  GraphProto &main;
  ExternalFolder &folder;
  WeightMap &weights;
  std::vector<ValueInfoProto> added;
};
} // namespace

Expected<std::string> WeightTaker::take(TensorProto &tensor, StringRef name,
                                        bool isMain) {
  Weight weight;
  weight.name = name.str();
  weight.type = tensor.data_type();
  weight.shape.assign(tensor.dims().begin(), tensor.dims().end());
  auto data = takeBytes(tensor, folder);
  if (!data)
    return data.takeError();
  weight.data = std::move(*data);
  // No value of a model has a name with a newline, so this cannot clash.
  std::string key =
      isMain ? name.str() : (name + "\n" + Twine(weights.size())).str();
  ValueInfoProto info;
  info.set_name(key);
  auto *type = info.mutable_type()->mutable_tensor_type();
  type->set_elem_type(weight.type);
  type->mutable_shape();
  for (int64_t extent : weight.shape)
    type->mutable_shape()->add_dim()->set_dim_value(extent);
  added.push_back(std::move(info));
  weights[key] = std::move(weight);
  return key;
}

Error WeightTaker::takeInitializers(GraphProto &graph, Renames &renames) {
  auto *all = graph.mutable_initializer();
  int kept = 0;
  for (int i = 0; i < all->size(); ++i) {
    TensorProto &tensor = *all->Mutable(i);
    if (isLarge(tensor)) {
      auto key = take(tensor, tensor.name(), &graph == &main);
      if (!key)
        return key.takeError();
      renames[tensor.name()] = *key;
      continue;
    }
    // ONNX's code would look for the file itself, in the wrong folder.
    if (tensor.data_location() == TensorProto::EXTERNAL) {
      auto data = takeBytes(tensor, folder);
      if (!data)
        return data.takeError();
      tensor.clear_data_location();
      tensor.clear_external_data();
      tensor.set_raw_data(data->bytes.data(), data->bytes.size());
    }
    all->SwapElements(kept++, i);
  }
  all->DeleteSubrange(kept, all->size() - kept);
  return Error::success();
}

Error WeightTaker::takeConstant(NodeProto &node, bool &taken, Renames &renames,
                                bool isMain) {
  taken = false;
  if (node.op_type() != "Constant" || !isDefaultDomain(node.domain()) ||
      node.output_size() != 1)
    return Error::success();
  for (AttributeProto &attribute : *node.mutable_attribute()) {
    if (attribute.name() != "value" || !attribute.has_t() ||
        !isLarge(attribute.t()))
      continue;
    auto key = take(*attribute.mutable_t(), node.output(0), isMain);
    if (!key)
      return key.takeError();
    renames[node.output(0)] = *key;
    taken = true;
  }
  return Error::success();
}

Error WeightTaker::takeFrom(GraphProto &graph, Renames renames) {
  // A name that this graph defines anew is no longer the outer weight.
  for (const auto &input : graph.input())
    renames.erase(input.name());
  if (Error error = takeInitializers(graph, renames))
    return error;
  for (const TensorProto &tensor : graph.initializer())
    renames.erase(tensor.name());
  bool isMain = &graph == &main;
  auto renamed = [&](std::string *name) {
    auto found = renames.find(*name);
    if (found != renames.end())
      *name = found->second;
  };
  auto *nodes = graph.mutable_node();
  int kept = 0;
  for (int i = 0; i < nodes->size(); ++i) {
    NodeProto &node = *nodes->Mutable(i);
    bool taken;
    if (Error error = takeConstant(node, taken, renames, isMain))
      return error;
    if (taken)
      continue;
    for (std::string &input : *node.mutable_input())
      renamed(&input);
    for (AttributeProto &attribute : *node.mutable_attribute()) {
      if (attribute.has_g())
        if (Error error = takeFrom(*attribute.mutable_g(), renames))
          return error;
      for (GraphProto &nested : *attribute.mutable_graphs())
        if (Error error = takeFrom(nested, renames))
          return error;
    }
    for (const std::string &output : node.output())
      renames.erase(output);
    nodes->SwapElements(kept++, i);
  }
  nodes->DeleteSubrange(kept, nodes->size() - kept);
  if (isMain)
    return Error::success();
  // An output of a subgraph that is a weight needs a node that produces it.
  for (ValueInfoProto &output : *graph.mutable_output()) {
    auto found = renames.find(output.name());
    if (found == renames.end())
      continue;
    NodeProto *identity = graph.add_node();
    identity->set_op_type("Identity");
    identity->set_name(output.name());
    identity->add_input(found->second);
    identity->add_output(output.name() + "\noutput");
    output.set_name(identity->output(0));
  }
  return Error::success();
}

void WeightTaker::dropInitializedInputs() {
  StringSet<> initialized;
  for (const TensorProto &tensor : main.initializer())
    initialized.insert(tensor.name());
  for (const ValueInfoProto &info : added)
    initialized.insert(info.name());
  auto *all = main.mutable_input();
  int kept = 0;
  for (int i = 0; i < all->size(); ++i)
    if (!initialized.contains(all->Get(i).name()))
      all->SwapElements(kept++, i);
  all->DeleteSubrange(kept, all->size() - kept);
  for (ValueInfoProto &info : added)
    main.mutable_input()->Add(std::move(info));
}

Error takeWeights(ModelProto &model, ExternalFolder &folder,
                  WeightMap &weights) {
  // From version 4 on an initializer need not be an input.
  model.set_ir_version(std::max<int64_t>(model.ir_version(), 4));
  return WeightTaker(model, folder, weights).run();
}

} // namespace weft::onnx
