// A node is a NameLoc wrapped in a FusedLoc whose metadata is the operator.
// Plain fused locations combine nodes, so passes need no helper to carry them.
#include "weft/Support/Location.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;

namespace weft {

static constexpr llvm::StringLiteral kUnnamed = "producing '";

Location nodeLocation(MLIRContext *context, StringRef name, StringRef op) {
  Location loc = NameLoc::get(StringAttr::get(context, name));
  return FusedLoc::get(context, {loc}, StringAttr::get(context, op));
}

std::string unnamedNode(StringRef output) {
  return (kUnnamed + output + "'").str();
}

static void collect(Location loc, StringRef op,
                    SmallVectorImpl<NodeRef> &nodes) {
  if (auto fused = dyn_cast<FusedLoc>(loc)) {
    if (auto metadata = dyn_cast_or_null<StringAttr>(fused.getMetadata()))
      op = metadata.getValue();
    for (Location part : fused.getLocations())
      collect(part, op, nodes);
    return;
  }
  if (auto call = dyn_cast<CallSiteLoc>(loc)) {
    collect(call.getCallee(), op, nodes);
    collect(call.getCaller(), op, nodes);
    return;
  }
  auto name = dyn_cast<NameLoc>(loc);
  if (!name)
    return;
  // A name without an operator is a value's or an argument's: not a node.
  NodeRef node{name.getName().getValue(), op};
  if (!op.empty() && !llvm::is_contained(nodes, node))
    nodes.push_back(node);
}

SmallVector<NodeRef> nodesOf(Location loc) {
  SmallVector<NodeRef> nodes;
  collect(loc, "", nodes);
  return nodes;
}

std::string quotedName(StringRef node) {
  return node.starts_with(kUnnamed) ? node.str() : ("'" + node + "'").str();
}

static std::string quoted(NodeRef node) {
  return quotedName(node.name) + " (" + node.op.str() + ")";
}

std::string describeNode(NodeRef node) { return "node " + quoted(node); }

std::string describeNodes(Location loc) {
  SmallVector<NodeRef> nodes = nodesOf(loc);
  if (nodes.empty())
    return "";
  constexpr size_t kShown = 3;
  std::string text;
  llvm::raw_string_ostream os(text);
  os << (nodes.size() == 1 ? "node " : "nodes ");
  llvm::interleaveComma(ArrayRef(nodes).take_front(kShown), os,
                        [&](NodeRef node) { os << quoted(node); });
  if (nodes.size() > kShown)
    os << " and " << nodes.size() - kShown << " more";
  return text;
}

} // namespace weft
