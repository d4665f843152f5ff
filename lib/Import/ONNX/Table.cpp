#include "Table.h"
#include "onnx/defs/schema.h"
#include "weft/Import/ONNX.h"

namespace weft::onnx {

const Table &Table::instance() {
  static const Table table = [] {
    Table all;
    addAttentionRows(all);
    addComposedRows(all);
    addControlRows(all);
    addConvolutionRows(all);
    addPoolingRows(all);
    addEinsumRows(all);
    addElementwiseRows(all);
    addIndexingRows(all);
    addLoopRows(all);
    addMachineLearningRows(all);
    addMicrosoftAttentionRows(all);
    addMicrosoftBlockRows(all);
    addMicrosoftQuantizedRows(all);
    addMicrosoftRows(all);
    addNgramRows(all);
    addNormalizationRows(all);
    addQuantizationRows(all);
    addRandomRows(all);
    addRecurrentRows(all);
    addReductionRows(all);
    addResizeRows(all);
    addSamplingRows(all);
    addScatterRows(all);
    addSelectionRows(all);
    addSequenceRows(all);
    addShapeRows(all);
    addSignalRows(all);
    addStringRows(all);
    addSupportVectorRows(all);
    addTreeRows(all);
    addTrainingRows(all);
    return all;
  }();
  return table;
}

void Table::add(llvm::ArrayRef<Row> family) {
  for (const Row &row : family)
    rows[row.name].push_back(row);
}

const Row *Table::find(llvm::StringRef domain, llvm::StringRef name,
                       int64_t opset) const {
  NodeProto node;
  node.set_domain(domain.str());
  node.set_op_type(name.str());
  auto found = rows.find(operatorName(node));
  if (found == rows.end())
    return nullptr;
  // Other domains have versions of their own; rows take all of them.
  if (!isDefaultDomain(domain))
    return &found->second.back();
  const Row *newest = nullptr;
  for (const Row &row : found->second)
    if (row.since <= opset && (!newest || row.since > newest->since))
      newest = &row;
  return newest;
}

std::vector<OperatorInfo> supportedOperators() {
  std::vector<OperatorInfo> result;
  auto *registry = ::onnx::OpSchemaRegistry::Instance();
  const Table &table = Table::instance();
  // The converter brings every older version to the row's.
  llvm::StringMap<int> oldest;
  for (const auto &schema :
       ::onnx::OpSchemaRegistry::get_all_schemas_with_history())
    if (isDefaultDomain(schema.domain())) {
      auto [at, isNew] =
          oldest.try_emplace(schema.Name(), schema.since_version());
      at->second = std::min(at->second, int(schema.since_version()));
    }
  for (const auto &[name, first] : oldest) {
    const Row *row = table.find("", name, kOpset);
    auto *schema = registry->GetSchema(name.str(), kOpset, "");
    bool isFunction = schema && (schema->HasFunction() ||
                                 schema->HasContextDependentFunction());
    if (row)
      result.push_back({name.str(), "", first, kOpset, row->types});
    else if (isFunction)
      result.push_back({name.str(), "", first, kOpset, "as its function body"});
  }
  llvm::sort(result, [](const OperatorInfo &a, const OperatorInfo &b) {
    return a.name < b.name;
  });
  return result;
}

} // namespace weft::onnx
