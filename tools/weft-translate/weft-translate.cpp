// weft-translate runs the last part of the compiler alone: bufferized kernels
// in textual IR to the code of one target. For tests of targets.

#include "weft/Dialect/Kernel/IR/Kernel.h"
#include "weft/Target/CUDA/CUDA.h"
#include "weft/Target/ROCm/ROCm.h"

#include "mlir/IR/AsmState.h"
#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/Parser/Parser.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/SourceMgr.h"
#include "llvm/Support/ToolOutputFile.h"

using namespace llvm;

static cl::opt<std::string> input(cl::Positional, cl::init("-"),
                                  cl::desc("kernels.mlir"));
static cl::opt<std::string> output("o", cl::init("-"), cl::desc("output file"));
static cl::opt<std::string> target("target", cl::Required,
                                   cl::desc("cuda:ARCH or rocm:ARCH"));
static cl::opt<weft::ImageKind>
    emit("emit", cl::Required,
         cl::values(clEnumValN(weft::ImageKind::PTX, "ptx", "PTX"),
                    clEnumValN(weft::ImageKind::HSACO, "hsaco", "HSACO"),
                    clEnumValN(weft::ImageKind::Assembly, "asm", "assembly"),
                    clEnumValN(weft::ImageKind::LLVMIR, "llvm", "LLVM IR")));

static Expected<std::unique_ptr<weft::Target>> createTarget() {
  auto [kind, arch] = StringRef(target).split(':');
  if (kind == "cuda")
    return weft::cuda::createTarget(arch);
  if (kind == "rocm")
    return weft::rocm::createTarget(arch);
  return createStringError("target '" + kind + "' is neither cuda nor rocm");
}

static int run() {
  const std::string path = output; // lld resets all options
  auto made = createTarget();
  if (!made) {
    errs() << "error: " << toString(made.takeError()) << "\n";
    return 1;
  }
  std::unique_ptr<weft::Target> code = std::move(*made);
  if (!code->supports(emit)) {
    errs() << "error: target '" << code->name()
           << "' does not emit this form\n";
    return 1;
  }
  mlir::DialectRegistry registry;
  mlir::registerAllDialects(registry);
  mlir::registerAllExtensions(registry);
  registry.insert<weft::kernel::KernelDialect>();
  mlir::MLIRContext context(registry);
  context.printOpOnDiagnostic(false);
  SourceMgr sources;
  mlir::SourceMgrDiagnosticHandler handler(sources, &context);
  auto module = mlir::parseSourceFile<mlir::ModuleOp>(input, sources, &context);
  if (!module)
    return 1;
  mlir::PassManager passes(&context);
  code->addPasses(passes);
  if (failed(passes.run(*module)))
    return 3;
  auto image = code->emit(*module, emit);
  if (failed(image))
    return 3;
  std::error_code error;
  ToolOutputFile file(path, error, sys::fs::OF_None);
  if (error) {
    errs() << "error: " << path << ": " << error.message() << "\n";
    return 1;
  }
  file.os().write(image->bytes.data(), image->bytes.size());
  file.keep();
  return 0;
}

int main(int argc, char **argv) {
  InitLLVM init(argc, argv);
  cl::ParseCommandLineOptions(argc, argv, "weft-translate: kernels to code\n");
  return run();
}
