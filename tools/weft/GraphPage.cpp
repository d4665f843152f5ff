// Writes nodes and edges as JSON into a page whose script lays them out. The
// layout is the page's, because only the browser knows how wide a label is.
#include "GraphPage.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Matchers.h"
#include "weft/Support/Location.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/StringExtras.h"
#include <nlohmann/json.hpp>

using namespace mlir;
using namespace weft;
using Json = nlohmann::ordered_json;

/// The page with the place for the data.
static constexpr llvm::StringLiteral kPage =
#include "graph_page.inc"
    ;

static std::string typeText(Type type) {
  std::string text;
  llvm::raw_string_ostream(text) << type;
  llvm::StringRef inner = text;
  if (inner.consume_front("tensor<"))
    inner.consume_back(">");
  return inner.str();
}

/// "Conv, BatchNormalization, Relu" of a fused operation; else its own name.
static std::string labelOf(Operation *op, llvm::ArrayRef<NodeRef> nodes) {
  llvm::MapVector<llvm::StringRef, unsigned> counts;
  for (const NodeRef &node : nodes)
    ++counts[node.op];
  std::string label;
  for (auto [name, count] : counts) {
    label += (label.empty() ? "" : ", ") + name.str();
    if (count > 1)
      label += " x" + std::to_string(count);
  }
  return label.empty() ? op->getName().stripDialect().str() : label;
}

static Json nodeOf(Operation *op) {
  llvm::SmallVector<NodeRef> nodes = nodesOf(op->getLoc());
  Json names = Json::array(), types = Json::array();
  for (const NodeRef &node : nodes)
    names.push_back(node.name.str() + " (" + node.op.str() + ")");
  for (Type type : op->getResultTypes())
    types.push_back(typeText(type));
  std::string kind = op->getName().getStringRef().str();
  // Which kernel a launch runs.
  for (NamedAttribute attribute : op->getAttrs())
    if (auto symbol = dyn_cast<FlatSymbolRefAttr>(attribute.getValue()))
      kind += " @" + symbol.getValue().str();
  return {{"label", labelOf(op, nodes)},
          {"kind", kind},
          {"types", types},
          {"nodes", names}};
}

/// Nodes and edges of @main. Constants are left out: they are many, and where
/// they go is in the types.
static Json graphOf(ModuleOp module) {
  Json nodes = Json::array(), edges = Json::array();
  auto function = module.lookupSymbol<func::FuncOp>("main");
  if (!function || function.isExternal())
    return {{"nodes", nodes}, {"edges", edges}};
  llvm::DenseMap<Value, unsigned> producer;
  auto connect = [&](Operation *op, unsigned index) {
    llvm::SmallDenseSet<unsigned> sources;
    op->walk([&](Operation *inner) {
      for (Value operand : inner->getOperands())
        if (auto found = producer.find(operand); found != producer.end())
          if (sources.insert(found->second).second)
            edges.push_back({found->second, index});
    });
  };
  for (BlockArgument argument : function.getArguments()) {
    auto name = function.getArgAttrOfType<StringAttr>(argument.getArgNumber(),
                                                      "graph.name");
    producer[argument] = nodes.size();
    nodes.push_back({{"label", name ? name.getValue().str() : "input"},
                     {"kind", "input"},
                     {"types", {typeText(argument.getType())}},
                     {"nodes", Json::array()}});
  }
  for (Operation &op : function.front()) {
    if (matchPattern(&op, m_Constant()))
      continue;
    unsigned index = nodes.size();
    connect(&op, index);
    nodes.push_back(op.hasTrait<OpTrait::IsTerminator>()
                        ? Json{{"label", "outputs"},
                               {"kind", "output"},
                               {"types", Json::array()},
                               {"nodes", Json::array()}}
                        : nodeOf(&op));
    for (Value result : op.getResults())
      producer[result] = index;
  }
  return {{"nodes", nodes}, {"edges", edges}};
}

std::string driver::graphPage(llvm::StringRef title, ModuleOp before,
                              ModuleOp after) {
  Json data = {{"title", title.str()},
               {"before", graphOf(before)},
               {"after", graphOf(after)}};
  std::string text = data.dump(-1, ' ', true, Json::error_handler_t::replace);
  // A name of the model must not end the script element.
  std::string safe;
  for (char c : text)
    safe += c == '<' ? "\\u003c" : std::string(1, c);
  auto [head, tail] = kPage.split("/*DATA*/");
  return (head + safe + tail).str();
}
