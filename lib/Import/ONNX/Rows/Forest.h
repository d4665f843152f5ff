// Decision trees on their way to graph.tree_ensemble.
#ifndef WEFT_LIB_IMPORT_ONNX_ROWS_FOREST_H
#define WEFT_LIB_IMPORT_ONNX_ROWS_FOREST_H

#include "../Table.h"

namespace weft::onnx {

/// How a node of ONNX's tree compares the feature with its value.
enum class Branch { leq, lt, gte, gt, eq, neq, member, leaf };

/// A forest as a model states it. Nodes are numbered over all trees.
struct ForestSpec {
  struct Node {
    Branch branch = Branch::leaf;
    int64_t feature = 0;
    double value = 0;
    bool nanIsTrue = false;
    int64_t yes = 0, no = 0;
    std::vector<double> members; ///< of Branch::member
  };
  std::vector<Node> nodes;
  std::vector<int64_t> roots;
  int64_t targets = 1;
  /// What a leaf adds to which target.
  std::vector<std::vector<std::pair<int64_t, double>>> leaves;
  graph::ReduceKind kind = graph::ReduceKind::sum;
  mlir::Type weightType;
};

/// The combination of all trees for each row of `x` [N, features]: [N,
/// targets].
mlir::Value buildForest(NodeImport &n, mlir::Value x, const ForestSpec &spec);

} // namespace weft::onnx

#endif // WEFT_LIB_IMPORT_ONNX_ROWS_FOREST_H
