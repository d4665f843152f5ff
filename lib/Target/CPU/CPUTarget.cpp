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

/// Which programs a target is for, where there are several: one level more is
/// made where it has an instruction that the program needs.
enum class Programs { All, WithBytes, WithoutBytes };

class CPUTarget : public Target {
public:
  CPUTarget(CpuLevel level, Programs programs)
      : level(std::move(level)), programs(programs) {}

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

  bool suits(ModuleOp module) const override {
    return programs == Programs::All ||
           (programs == Programs::WithBytes) == kernel::multipliesBytes(module);
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
    image.info.scratchBytes =
        module->getAttrOfType<IntegerAttr>(kernel::kScratchAttr).getInt();
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
  Programs programs;
};

} // namespace

llvm::Expected<std::vector<std::unique_ptr<Target>>>
createTargets(llvm::StringRef arch) {
  initializeX86();
  std::vector<std::pair<std::string, Programs>> names;
  if (arch.empty()) {
    for (const std::string &name : x86BaselineLevels())
      names.push_back({name, Programs::All});
    names.push_back({x86BytesLevel(), Programs::WithBytes});
  } else if (arch == "host" && hostMultipliesBytes()) {
    names = {{arch.str(), Programs::WithoutBytes},
             {x86BytesLevel(), Programs::WithBytes}};
  } else {
    names = {{arch.str(), Programs::All}};
  }
  std::vector<std::unique_ptr<Target>> targets;
  for (const auto &[name, programs] : names) {
    llvm::Expected<CpuLevel> level = x86Level(name);
    if (!level)
      return level.takeError();
    targets.push_back(std::make_unique<CPUTarget>(std::move(*level), programs));
  }
  return targets;
}

void registerTranslations(DialectRegistry &registry) {
  registerBuiltinDialectTranslation(registry);
  registerLLVMDialectTranslation(registry);
}

} // namespace weft::cpu
