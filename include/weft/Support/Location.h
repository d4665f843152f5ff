// Where an operation comes from: the nodes of the user's model. Importers
// encode it once, passes carry it along with ordinary fused locations, and
// diagnostics, profiles and reports read it back.
#ifndef WEFT_SUPPORT_LOCATION_H
#define WEFT_SUPPORT_LOCATION_H

#include "mlir/IR/Location.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"
#include <string>

namespace weft {

/// A node of a model: its name and the operator as the model's format calls it.
/// Both point into the context that owns the location.
struct NodeRef {
  llvm::StringRef name;
  llvm::StringRef op;

  bool operator==(const NodeRef &other) const {
    return name == other.name && op == other.op;
  }
};

/// "'a'"; a name that stands for an unnamed node is left as it is.
std::string quotedName(llvm::StringRef node);

/// "node 'a' (Conv)".
std::string describeNode(NodeRef node);

/// The location of everything that node `name`, an `op`, is imported to:
/// `fused<"Conv">["block1/conv"]`.
mlir::Location nodeLocation(mlir::MLIRContext *context, llvm::StringRef name,
                            llvm::StringRef op);

/// The nodes that `loc` stems from, each once, in order. Empty when it stems
/// from no model.
llvm::SmallVector<NodeRef> nodesOf(mlir::Location loc);

/// "node 'a' (Conv)", or "nodes 'a' (Conv), 'b' (Relu) and 3 more"; empty when
/// `loc` stems from no model. Node names that an importer made up, because the
/// model gives none, begin with "producing " and are printed as they are:
/// "node producing 'y' (Conv)".
std::string describeNodes(mlir::Location loc);

/// The name that stands for an unnamed node whose first output is `output`.
std::string unnamedNode(llvm::StringRef output);

} // namespace weft

#endif // WEFT_SUPPORT_LOCATION_H
