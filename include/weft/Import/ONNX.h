// From an ONNX file to the `graph` dialect.
#ifndef WEFT_IMPORT_ONNX_H
#define WEFT_IMPORT_ONNX_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "weft/Import/ImportOptions.h"

namespace weft::onnx {

/// True where `head`, the first bytes of a file, can begin an ONNX model.
bool looksLikeModel(llvm::StringRef head);

/// Imports the model in file `path`: one function `main` of graph ops. Reports
/// through the context's diagnostics and returns null when the file or the
/// model is at fault; all unsupported operators are reported together. Weights
/// stay in memory (or mapped, for external data) as long as the context lives.
/// External data is read only from the model's own folder.
mlir::OwningOpRef<mlir::ModuleOp> importModel(llvm::StringRef path,
                                              const ImportOptions &options,
                                              mlir::MLIRContext *context);

/// One operator that can be imported.
struct OperatorInfo {
  std::string name;
  std::string domain; ///< "" is ONNX's own
  int firstOpset;     ///< oldest version of the operator that is accepted
  int lastOpset;      ///< newest opset that is accepted
  std::string types;  ///< what its main input may be: "float, int, bool"
};

/// All rows of the importer's table, in alphabetical order, followed by the
/// operators that ONNX defines as functions of those.
std::vector<OperatorInfo> supportedOperators();

} // namespace weft::onnx

#endif // WEFT_IMPORT_ONNX_H
