// weft-import MODEL [--input NAME=SHAPE:TYPE]…: the IR right after the import.
#include "mlir/IR/AsmState.h"
#include "mlir/IR/MLIRContext.h"
#include "weft/Import/ONNX.h"
#include "weft/Support/Diagnostics.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/Path.h"

using namespace llvm;

int main(int argc, char **argv) {
  cl::opt<std::string> model(cl::Positional, cl::Required);
  cl::list<std::string> inputs("input");
  cl::opt<bool> debugInfo("mlir-print-debuginfo");
  cl::opt<bool> quiet("quiet", cl::desc("print errors only"));
  cl::opt<bool> full("full", cl::desc("print all elements of constants"));
  cl::ParseCommandLineOptions(argc, argv);
  mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
  weft::DiagnosticPrinter printer(&context, sys::path::filename(model), errs());
  weft::ImportOptions options;
  for (const std::string &text : inputs) {
    auto pin = weft::parseInputPin(text);
    if (!pin) {
      errs() << "error: " << toString(pin.takeError()) << "\n";
      return 1;
    }
    options.inputs.push_back(*pin);
  }
  auto module = weft::onnx::importModel(model, options, &context);
  if (!module)
    return 1;
  mlir::OpPrintingFlags flags;
  if (!full)
    flags.elideLargeElementsAttrs(64).elideLargeResourceString(64);
  if (debugInfo)
    flags.enableDebugInfo();
  if (!quiet)
    module->print(outs(), flags);
  return 0;
}
