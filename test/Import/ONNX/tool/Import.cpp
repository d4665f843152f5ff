// weft-import MODEL… [--input NAME=SHAPE:TYPE]…: the IR right after the import.
// Fails if one of the models does.
#include "mlir/IR/AsmState.h"
#include "mlir/IR/MLIRContext.h"
#include "weft/Import/ONNX.h"
#include "weft/Support/Diagnostics.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/Path.h"

using namespace llvm;

int main(int argc, char **argv) {
  cl::list<std::string> models(cl::Positional, cl::OneOrMore);
  cl::list<std::string> inputs("input");
  cl::opt<bool> debugInfo("mlir-print-debuginfo");
  cl::opt<bool> quiet("quiet", cl::desc("print errors only"));
  cl::opt<bool> full("full", cl::desc("print all elements of constants"));
  cl::ParseCommandLineOptions(argc, argv);
  weft::ImportOptions options;
  for (const std::string &text : inputs) {
    auto pin = weft::parseInputPin(text);
    if (!pin) {
      errs() << "error: " << toString(pin.takeError()) << "\n";
      return 1;
    }
    options.inputs.push_back(*pin);
  }
  mlir::OpPrintingFlags flags;
  if (!full)
    flags.elideLargeElementsAttrs(64).elideLargeResourceString(64);
  if (debugInfo)
    flags.enableDebugInfo();
  int result = 0;
  for (const std::string &model : models) {
    mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
    weft::DiagnosticPrinter printer(&context, sys::path::filename(model),
                                    errs());
    auto module = weft::onnx::importModel(model, options, &context);
    if (!module)
      result = 1;
    else if (!quiet)
      module->print(outs(), flags);
  }
  return result;
}
