// The table of operators: one row each. The newest row that is not above the
// opset wins, so an operator whose meaning changed later gets a second row and
// the first stays as it is.
#ifndef WEFT_LIB_IMPORT_ONNX_TABLE_H
#define WEFT_LIB_IMPORT_ONNX_TABLE_H

#include "NodeImport.h"

namespace weft::onnx {

using ImportFunction = llvm::LogicalResult (*)(NodeImport &);

struct Row {
  const char *name; ///< behind its domain and a dot if that is not ONNX's own
  int since;        ///< version of ONNX's schema from which on this row holds
  ImportFunction import;
  const char *types = kNumbers; ///< what its main input may be
  /// Whether an input may be a sequence or an optional; all rows get tensors.
  enum Values { OnlyTensors, AnyValue } values = OnlyTensors;

  static constexpr const char *kNumbers = "float, int";
  static constexpr const char *kFloats = "float";
  static constexpr const char *kBools = "bool";
  static constexpr const char *kStrings = "string";
  static constexpr const char *kAll = "float, int, bool";
  static constexpr const char *kAny = "float, int, bool, string";

  bool takesStrings() const {
    return llvm::StringRef(types).contains("string");
  }
};

class Table {
public:
  /// The one table; built at first use.
  static const Table &instance();

  /// Null where the operator has no row at or below `opset`.
  const Row *find(llvm::StringRef domain, llvm::StringRef name,
                  int64_t opset) const;
  const llvm::StringMap<llvm::SmallVector<Row, 1>> &all() const { return rows; }

  void add(llvm::ArrayRef<Row> family);

private:
  llvm::StringMap<llvm::SmallVector<Row, 1>> rows;
};

// One function for each file of rows.
void addAttentionRows(Table &table);
void addComposedRows(Table &table);
void addControlRows(Table &table);
void addConvolutionRows(Table &table);
void addPoolingRows(Table &table);
void addEinsumRows(Table &table);
void addElementwiseRows(Table &table);
void addIndexingRows(Table &table);
void addLoopRows(Table &table);
void addMachineLearningRows(Table &table);
void addMicrosoftAttentionRows(Table &table);
void addMicrosoftBlockRows(Table &table);
void addMicrosoftQuantizedRows(Table &table);
void addMicrosoftRows(Table &table);
void addNgramRows(Table &table);
void addNormalizationRows(Table &table);
void addQuantizationRows(Table &table);
void addRandomRows(Table &table);
void addRecurrentRows(Table &table);
void addReductionRows(Table &table);
void addResizeRows(Table &table);
void addSamplingRows(Table &table);
void addScatterRows(Table &table);
void addSelectionRows(Table &table);
void addSequenceRows(Table &table);
void addShapeRows(Table &table);
void addSignalRows(Table &table);
void addStringRows(Table &table);
void addSupportVectorRows(Table &table);
void addTreeRows(Table &table);
void addTrainingRows(Table &table);

} // namespace weft::onnx

#endif // WEFT_LIB_IMPORT_ONNX_TABLE_H
