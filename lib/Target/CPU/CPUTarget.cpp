// The CPU's side of include/weft/Target/Target.h.

#include "CodeGen.h"
#include "Microkernel/Machine.h"
#include "X86/X86Levels.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "weft/Dialect/Kernel/IR/Kernel.h"
#include "weft/Target/CPU/Passes.h"
#include "weft/Target/CPU/Target.h"

using namespace mlir;

namespace weft::cpu {
namespace {

class CPUTarget : public Target {
public:
  explicit CPUTarget(CpuLevel level) : level(std::move(level)) {}

  std::string name() const override { return "cpu:" + level.name; }

  TargetTraits traits() const override {
    TargetTraits traits;
    traits.block = kernel::kBlock;
    traits.vectorWidth = level.width;
    if (std::optional<Machine> machine = machineOfLevel(level.machine)) {
      traits.gigaflops = machine->gigaflops;
      traits.gigabytes = machine->gigabytes;
    }
    traits.attention = true;
    traits.convDepthwise = true;
    return traits;
  }

  bool supports(ImageKind kind) const override {
    return kind == ImageKind::Object || kind == ImageKind::LLVMIR ||
           kind == ImageKind::Assembly;
  }

  void addPasses(OpPassManager &pm) const override {
    addLoweringPasses(pm, level.machine, level.width, symbol());
  }

  FailureOr<CodeImage> emit(ModuleOp module, ImageKind kind) const override {
    CodeImage image;
    image.kind = kind;
    image.info.target = level.name;
    image.info.entrySymbol = symbol();
    image.info.cpuFeatures = level.needed;
    FailureOr<SmallVector<char, 0>> bytes =
        generateCode(module, level, symbol(), kind);
    if (failed(bytes))
      return failure();
    image.bytes = std::move(*bytes);
    return image;
  }

private:
  /// "weft_entry_x86_64_v3": a C name, one for each level of an artifact.
  std::string symbol() const {
    std::string symbol = "weft_entry_" + level.name;
    for (char &c : symbol)
      c = llvm::isAlnum(c) ? c : '_';
    return symbol;
  }

  CpuLevel level;
};

} // namespace

llvm::Expected<std::vector<std::unique_ptr<Target>>>
createTargets(llvm::StringRef arch) {
  initializeX86();
  std::vector<std::string> names =
      arch.empty() ? x86BaselineLevels() : std::vector<std::string>{arch.str()};
  std::vector<std::unique_ptr<Target>> targets;
  for (const std::string &name : names) {
    llvm::Expected<CpuLevel> level = x86Level(name);
    if (!level)
      return level.takeError();
    targets.push_back(std::make_unique<CPUTarget>(std::move(*level)));
  }
  return targets;
}

void registerTranslations(DialectRegistry &registry) {
  registerBuiltinDialectTranslation(registry);
  registerLLVMDialectTranslation(registry);
}

} // namespace weft::cpu
