#include "Rebatch.h"
#include "TensorData.h"
#include "onnx/shape_inference/implementation.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/StringMap.h"
#include <cstring>

using namespace llvm;

namespace weft::onnx {

/// The extents that pins take away from first dimensions.
static DenseSet<int64_t> replacedBatches(const GraphProto &graph,
                                         ArrayRef<InputPin> pins) {
  DenseSet<int64_t> batches;
  for (const ValueInfoProto &input : graph.input())
    for (const InputPin &pin : pins) {
      const TensorShapeProto &shape = input.type().tensor_type().shape();
      if (pin.name == input.name() && pin.shape && !pin.shape->empty() &&
          shape.dim_size() > 0 && shape.dim(0).has_dim_value() &&
          shape.dim(0).dim_value() != pin.shape->front())
        batches.insert(shape.dim(0).dim_value());
    }
  return batches;
}

namespace {
class BatchFollower {
public:
  BatchFollower(GraphProto &graph, const ModelProto &inferred,
                const DenseSet<int64_t> &batches)
      : graph(graph), batches(batches) {
    for (const TensorProto &tensor : graph.initializer())
      note(tensor.name(), tensor);
    note(inferred.graph().input());
    note(inferred.graph().output());
    note(inferred.graph().value_info());
  }

  void run() {
    for (NodeProto &node : *graph.mutable_node())
      visit(node);
    for (TensorProto &tensor : added)
      graph.mutable_initializer()->Add(std::move(tensor));
  }

private:
  /// Remembers a vector of integers; the data was checked.
  void note(StringRef name, const TensorProto &tensor) {
    if (tensor.data_type() != TensorProto::INT64 || tensor.dims_size() != 1 ||
        tensor.dims(0) == 0)
      return;
    SmallVector<int64_t> &values = constants[name];
    values.resize(tensor.dims(0));
    if (tensor.has_raw_data())
      std::memcpy(values.data(), tensor.raw_data().data(),
                  tensor.raw_data().size());
    else
      llvm::copy(tensor.int64_data(), values.begin());
  }

  template <typename Values>
  void note(const Values &values) {
    for (const ValueInfoProto &value : values) {
      const TensorShapeProto &shape = value.type().tensor_type().shape();
      if (shape.dim_size() > 0 && shape.dim(0).has_dim_value())
        firstExtents[value.name()] = shape.dim(0).dim_value();
    }
  }

  void visit(NodeProto &node) {
    if (!isDefaultDomain(node.domain()))
      return;
    if (node.op_type() == "Constant" && node.output_size() == 1)
      for (const AttributeProto &attribute : node.attribute()) {
        if (attribute.name() == "value" && attribute.has_t())
          note(node.output(0), attribute.t());
        else if (attribute.name() == "value_ints" && attribute.ints_size())
          constants[node.output(0)].assign(attribute.ints().begin(),
                                           attribute.ints().end());
      }
    if (node.op_type() != "Reshape" || node.input_size() != 2)
      return;
    auto target = constants.find(node.input(1));
    auto extent = firstExtents.find(node.input(0));
    if (target == constants.end() || extent == firstExtents.end() ||
        !batches.contains(extent->second))
      return;
    for (const AttributeProto &attribute : node.attribute())
      if (attribute.name() == "allowzero" && attribute.i())
        return;
    if (target->second.front() != extent->second)
      return;
    // Several nodes may share the shape, and not all of them may follow.
    TensorProto shape;
    shape.set_name(node.output(0) + "\nshape");
    shape.set_data_type(TensorProto::INT64);
    shape.add_dims(target->second.size());
    shape.add_int64_data(0);
    for (int64_t each : ArrayRef(target->second).drop_front())
      shape.add_int64_data(each);
    node.set_input(1, shape.name());
    added.push_back(std::move(shape));
  }

  GraphProto &graph;
  const DenseSet<int64_t> &batches;
  StringMap<SmallVector<int64_t>> constants;
  StringMap<int64_t> firstExtents;
  std::vector<TensorProto> added;
};
} // namespace

Error followBatch(ModelProto &model, ArrayRef<InputPin> pins) {
  DenseSet<int64_t> batches = replacedBatches(model.graph(), pins);
  if (batches.empty())
    return Error::success();
  ModelProto inferred = model;
  try {
    ::onnx::ShapeInferenceOptions options(/*check_type=*/false,
                                          /*strict_mode=*/0,
                                          /*data_prop=*/true);
    ::onnx::shape_inference::InferShapes(
        inferred, ::onnx::OpSchemaRegistry::Instance(), options);
  } catch (const std::exception &error) {
    return modelError(plainSentence(error.what()));
  }
  BatchFollower(*model.mutable_graph(), inferred, batches).run();
  return Error::success();
}

} // namespace weft::onnx
