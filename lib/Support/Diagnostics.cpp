#include "weft/Support/Diagnostics.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "weft/Support/Location.h"

using namespace mlir;

namespace weft {

/// The innermost position in a text file that `loc` knows of.
static FileLineColLoc filePosition(Location loc) {
  FileLineColLoc found;
  loc->walk([&](Location part) {
    found = dyn_cast<FileLineColLoc>(part);
    return found ? WalkResult::interrupt() : WalkResult::advance();
  });
  return found;
}

std::string formatDiagnostic(const Diagnostic &diagnostic, StringRef model) {
  std::string text;
  llvm::raw_string_ostream os(text);
  Location loc = diagnostic.getLocation();
  std::string nodes = describeNodes(loc);
  if (FileLineColLoc position = filePosition(loc); position && nodes.empty())
    os << position.getFilename().getValue() << ":" << position.getLine() << ":"
       << position.getColumn() << ": ";
  else if (!model.empty())
    os << model << ": ";
  if (!nodes.empty())
    os << nodes << ": ";
  os << diagnostic;
  return text;
}

DiagnosticPrinter::DiagnosticPrinter(MLIRContext *context, StringRef model,
                                     llvm::raw_ostream &os, bool verbose)
    : ScopedDiagnosticHandler(context), model(model.str()), os(os),
      verbose(verbose) {
  setHandler([this](Diagnostic &diagnostic) { print(diagnostic); });
  // The operation is appended as a note of many lines; print() drops it anyway
  // unless asked, and printing IR that failed to verify costs time.
  context->printOpOnDiagnostic(verbose);
}

void DiagnosticPrinter::print(const Diagnostic &diagnostic) {
  switch (diagnostic.getSeverity()) {
  case DiagnosticSeverity::Error:
    os << (internal ? "internal error: " : "error: ");
    ++errors;
    break;
  case DiagnosticSeverity::Warning:
    os << "warning: ";
    break;
  case DiagnosticSeverity::Remark:
  case DiagnosticSeverity::Note:
    os << "note: ";
    break;
  }
  os << formatDiagnostic(diagnostic, model) << "\n";
  if (!verbose)
    return;
  for (const Diagnostic &note : diagnostic.getNotes())
    os << "  note: " << note << "\n";
}

} // namespace weft
