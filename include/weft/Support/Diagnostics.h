// How errors reach the user:
//
//   error: model.onnx: node '/encoder/Concat_3' (Concat): input 1 has 5 …
//
// MLIR's own handlers print a name as `<unknown>:0` and drop the node's name
// when there is a file position; this one always names the model and the node.
#ifndef WEFT_SUPPORT_DIAGNOSTICS_H
#define WEFT_SUPPORT_DIAGNOSTICS_H

#include "mlir/IR/Diagnostics.h"
#include "llvm/Support/raw_ostream.h"
#include <string>

namespace weft {

/// Prints the diagnostics of one context while it lives, one line each. Several
/// threads may report at once.
class DiagnosticPrinter : public mlir::ScopedDiagnosticHandler {
public:
  /// `model` is the name that errors begin with, as the user wrote it. With
  /// `verbose`, dumps of operations are printed too. `os` must outlive this.
  DiagnosticPrinter(mlir::MLIRContext *context, llvm::StringRef model,
                    llvm::raw_ostream &os, bool verbose = false);

  /// From here on, errors are this project's fault and not the user's: they
  /// begin with `internal error:`.
  void setInternal(bool value) { internal = value; }

  unsigned errorCount() const { return errors; }

private:
  void print(const mlir::Diagnostic &diagnostic);

  std::string model;
  llvm::raw_ostream &os;
  bool verbose;
  bool internal = false;
  unsigned errors = 0;
};

/// `diagnostic` as one line without its severity:
/// "model.onnx: node 'a' (Conv): text". For locations inside a text file the
/// position stands where the model's name would: "x.mlir:3:5: text".
std::string formatDiagnostic(const mlir::Diagnostic &diagnostic,
                             llvm::StringRef model);

} // namespace weft

#endif // WEFT_SUPPORT_DIAGNOSTICS_H
