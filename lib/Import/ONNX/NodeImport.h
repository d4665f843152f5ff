// What a row sees of the node that it imports.
#ifndef WEFT_LIB_IMPORT_ONNX_NODEIMPORT_H
#define WEFT_LIB_IMPORT_ONNX_NODEIMPORT_H

#include "Importer.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "weft/Dialect/Graph/IR/Graph.h"
#include <optional>

namespace weft::onnx {

using Ints = llvm::SmallVector<int64_t>;

/// One node while it is imported: its inputs as values, its attributes with
/// checks, and builders whose failures are reported at the node.
///
/// A null Value stands for an input that is absent, or for an operation that
/// could not be built; the latter has been reported. All builders accept null
/// and return null, so a row need check only its final result.
class NodeImport {
public:
  NodeImport(Importer &importer, const NodeProto &node, const ValueScope &scope,
             mlir::OpBuilder &builder, llvm::ArrayRef<mlir::Value> inputs);

  Importer &importer;
  const NodeProto &node;
  const ValueScope &scope;
  mlir::OpBuilder &b;
  const mlir::Location loc;

  /// Reports at the node; converts to failure and to a null Value's result.
  mlir::InFlightDiagnostic error() const;

  //===- Inputs -----------------------------------------------------------===//

  unsigned inputCount() const { return inputs.size(); }
  bool has(unsigned i) const { return i < inputs.size() && inputs[i]; }
  /// Null where absent.
  mlir::Value input(unsigned i) const { return has(i) ? inputs[i] : nullptr; }
  llvm::ArrayRef<mlir::Value> allInputs() const { return inputs; }
  mlir::RankedTensorType type(unsigned i) const { return typeOf(inputs[i]); }
  static mlir::RankedTensorType typeOf(mlir::Value value) {
    return llvm::cast<mlir::RankedTensorType>(value.getType());
  }
  int64_t rank(unsigned i) const { return type(i).getRank(); }
  /// True where a result of this index is used by somebody.
  bool wants(unsigned i) const {
    return int(i) < node.output_size() && !node.output(i).empty();
  }

  //===- Attributes, with the operator's defaults -------------------------===//

  bool hasAttribute(llvm::StringRef name) const { return attribute(name); }
  int64_t integer(llvm::StringRef name, int64_t otherwise) const;
  double real(llvm::StringRef name, double otherwise) const;
  llvm::StringRef text(llvm::StringRef name, llvm::StringRef otherwise) const;
  Ints integers(llvm::StringRef name) const;
  llvm::SmallVector<float> reals(llvm::StringRef name) const;
  llvm::SmallVector<llvm::StringRef> texts(llvm::StringRef name) const;
  const GraphProto *graph(llvm::StringRef name) const;
  const AttributeProto *attribute(llvm::StringRef name) const;

  /// `axis` counted from the front; reports and returns nothing where it is
  /// outside [-rank, rank).
  std::optional<int64_t> axis(int64_t axis, int64_t rank) const;
  std::optional<Ints> axes(llvm::ArrayRef<int64_t> axes, int64_t rank) const;

  //===- Known values -----------------------------------------------------===//

  /// All elements of an integer tensor, where they are known.
  static std::optional<Ints> known(mlir::Value value);
  /// The same of input `i`, which must be known for the operator to be
  /// importable; `what` names it in the error.
  std::optional<Ints> mustKnow(unsigned i, llvm::StringRef what) const;

  /// Gives input `i` a type with the extents `shape`, where dynamic ones say
  /// nothing; fails where its type says otherwise, and the run where it is so.
  llvm::LogicalResult fix(unsigned i, llvm::ArrayRef<int64_t> shape);
  /// The rank that the model says output `i` has, if it does.
  std::optional<int64_t> outputRank(unsigned i) const;

  //===- Building ---------------------------------------------------------===//

  /// Creates a graph op of one result, whose type its own rule infers, or folds
  /// it. Null operands give null.
  template <typename Op, typename... Args>
  mlir::Value create(Args &&...args) {
    if ((isNull(args) || ...))
      return nullptr;
    mlir::OperationState state(loc, Op::getOperationName());
    Op::build(b, state, mlir::NoneType::get(b.getContext()),
              std::forward<Args>(args)...);
    return inferAndInsert(state);
  }

  /// The same for an op whose optional operands may be null; `state` has any
  /// result type.
  mlir::Value inferAndInsert(mlir::OperationState &state);

  mlir::Value scalar(double value, mlir::Type element);
  mlir::Value scalarLike(double value, mlir::Value like) {
    return like ? scalar(value, typeOf(like).getElementType()) : nullptr;
  }
  mlir::Value splat(double value, mlir::RankedTensorType type);
  /// A tensor<Nxi64>.
  mlir::Value ints(llvm::ArrayRef<int64_t> values);
  mlir::Value intScalar(int64_t value);

  mlir::Value cast(mlir::Value value, mlir::Type element);
  mlir::Value transpose(mlir::Value value, llvm::ArrayRef<int64_t> permutation);
  mlir::Value unsqueeze(mlir::Value value, llvm::ArrayRef<int64_t> axes);
  mlir::Value squeeze(mlir::Value value, llvm::ArrayRef<int64_t> axes);
  mlir::Value reshape(mlir::Value value, llvm::ArrayRef<int64_t> shape);
  mlir::Value concat(mlir::ValueRange values, int64_t axis);
  mlir::Value slice(mlir::Value value, int64_t axis, int64_t start, int64_t end,
                    int64_t step = 1);
  /// Element `i` of the shape of `value`, as tensor<1xi64>.
  mlir::Value extent(mlir::Value value, int64_t i);
  /// The whole shape, tensor<rank x i64>.
  mlir::Value shape(mlir::Value value);
  /// i64 positions along `axis`, in the shape of `like`.
  mlir::Value iotaLike(mlir::Value like, int64_t axis);
  /// 0, 1, … of as many elements as the tensor<1xi64> or tensor<i64> says.
  mlir::Value iota(mlir::Value count);
  mlir::Value compare(graph::Comparison relation, mlir::Value x, mlir::Value y);
  mlir::Value reduce(graph::ReduceKind kind, mlir::Value x,
                     llvm::ArrayRef<int64_t> axes, bool keepDims);

  //===- Results ----------------------------------------------------------===//

  /// Fails where a value is null.
  llvm::LogicalResult results(llvm::ArrayRef<mlir::Value> values);
  llvm::LogicalResult result(mlir::Value value) { return results({value}); }
  llvm::SmallVector<mlir::Value> outputs;

private:
  template <typename T>
  static bool isNull(const T &arg) {
    if constexpr (std::is_convertible_v<T, mlir::Value>)
      return !mlir::Value(arg);
    else if constexpr (std::is_convertible_v<T, mlir::ValueRange>)
      return llvm::is_contained(mlir::ValueRange(arg), mlir::Value());
    else
      return false;
  }
  llvm::SmallVector<mlir::Value> inputs;
};

} // namespace weft::onnx

#endif // WEFT_LIB_IMPORT_ONNX_NODEIMPORT_H
