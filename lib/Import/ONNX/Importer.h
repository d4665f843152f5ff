// From a normalised model to IR: values by name, scopes of subgraphs,
// constants, locations. What a single operator means is not here but in its row
// (Table.h).
#ifndef WEFT_LIB_IMPORT_ONNX_IMPORTER_H
#define WEFT_LIB_IMPORT_ONNX_IMPORTER_H

#include "Weights.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/StringMap.h"

namespace weft::onnx {

class Table;

/// The values that nodes of one graph can name; those of the graphs around it
/// are seen through `outer`.
struct ValueScope {
  const ValueScope *outer = nullptr;
  llvm::StringMap<mlir::Value> values;
  /// What ONNX inferred for the values of this graph.
  llvm::StringMap<const TypeProto *> types;

  mlir::Value lookup(llvm::StringRef name) const;
  const TypeProto *typeOf(llvm::StringRef name) const;
};

/// What one attempt at an import takes for granted where the model leaves it to
/// run time. Each is checked in the compiled program.
struct Assumptions {
  /// For each If whose branches differ in rank, in the order in which they are
  /// met: whether the more likely one is taken.
  std::vector<bool> choices;
  /// A branch that does not fit the model's shapes is never taken.
  bool dropUnfitBranches = false;
};

class Importer {
public:
  Importer(const Table &table, int64_t opset, WeightMap &weights,
           mlir::MLIRContext *context, Assumptions &assumptions);

  /// Builds `main` into `module`. Failures have been reported.
  llvm::LogicalResult importMain(const GraphProto &graph,
                                 mlir::ModuleOp module);

  /// Imports the nodes of a subgraph at the builder's place, with `arguments`
  /// for its inputs, and returns the values of its outputs.
  llvm::LogicalResult
  importSubgraph(const GraphProto &graph, const ValueScope &outer,
                 mlir::ValueRange arguments,
                 llvm::SmallVectorImpl<mlir::Value> &results);

  /// Whether to take the more likely branch where ranks differ and the
  /// condition is not known; at the first attempt it is.
  bool assumeBranch();
  bool mayDropBranches() const { return assumptions.dropUnfitBranches; }

  mlir::OpBuilder &builder() { return b; }

  /// The number of a string in the model's table; 0 is the empty one.
  int64_t numberOf(llvm::StringRef text);

private:
  mlir::Value lookup(llvm::StringRef name, const ValueScope &scope);
  /// The constant of a weight, which dominates all of `main`; null where there
  /// is no weight of that name.
  mlir::Value weight(llvm::StringRef key);
  llvm::LogicalResult importNodes(const GraphProto &graph, ValueScope &scope);
  llvm::LogicalResult importNode(const NodeProto &node, ValueScope &scope);
  llvm::LogicalResult importInitializers(const GraphProto &graph,
                                         ValueScope &scope);
  llvm::LogicalResult returnOutputs(const GraphProto &graph,
                                    const ValueScope &scope,
                                    mlir::Operation *main);
  void noteTypes(const GraphProto &graph, ValueScope &scope);
  mlir::Value refined(mlir::Value value, const TypeProto *type);

  const Table &table;
  int64_t opset;
  WeightMap &weights;
  llvm::StringMap<mlir::Value> weightValues;
  mlir::OpBuilder b;
  mlir::OpBuilder constants; ///< at the start of main
  Assumptions &assumptions;
  size_t assumed = 0;
  llvm::MapVector<llvm::StringRef, int64_t> strings; ///< but the empty one
};

/// The tensor type that ONNX's type stands for; null where it is no tensor or
/// has no rank or an element type that Weft has not.
mlir::RankedTensorType tensorTypeOf(mlir::MLIRContext *context,
                                    const TypeProto &type);

} // namespace weft::onnx

#endif // WEFT_LIB_IMPORT_ONNX_IMPORTER_H
