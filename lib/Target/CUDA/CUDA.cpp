// The CUDA target: what differs from other GPUs is the conversion of gpu ops
// and LLVM's back end.

#include "weft/Target/CUDA/CUDA.h"

#include "weft/Target/CUDA/Passes.h"
#include "weft/Target/GPU/DeviceCode.h"
#include "weft/Target/GPU/Passes.h"

#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetMachine.h"

using namespace mlir;

namespace weft::cuda {
namespace {

constexpr llvm::StringLiteral kTriple = "nvptx64-nvidia-cuda";

/// What a block gets without asking the driver for more.
constexpr int64_t kSharedBytes = 48 << 10;

class CUDATarget final : public Target {
public:
  explicit CUDATarget(StringRef arch) : arch(arch) {}

  std::string name() const override { return "cuda:" + arch; }

  TargetTraits traits() const override {
    TargetTraits traits;
    traits.vectorWidth = gpu::kThreads; // a block works as one wide vector
    traits.nearBytes = kSharedBytes / 2;
    traits.farBytes = kSharedBytes;
    traits.workers = 432; // 108 multiprocessors (A100), four blocks each
    return traits;
  }

  bool supports(ImageKind kind) const override {
    return kind == ImageKind::PTX || kind == ImageKind::LLVMIR ||
           kind == ImageKind::Assembly;
  }

  void addPasses(OpPassManager &pm) const override {
    gpu::addDevicePasses(pm, kSharedBytes, createConvertToNvvm());
  }

  FailureOr<CodeImage> emit(ModuleOp module, ImageKind kind) const override {
    FailureOr<mlir::gpu::GPUModuleOp> device = gpu::deviceModule(module);
    if (failed(device))
      return failure();
    auto machine = gpu::createDeviceMachine(*device, kTriple, arch);
    llvm::LLVMContext context;
    if (!machine)
      return failure();
    auto code = gpu::translateToLLVM(*device, context, *machine);
    if (!code)
      return failure();
    // Left to itself, ptxas trades registers for blocks until it spills.
    for (llvm::Function &function : *code)
      if (function.getCallingConv() == llvm::CallingConv::PTX_Kernel)
        function.addFnAttr("nvvm.minctasm", "1");
    CodeImage image;
    image.info.target = arch;
    image.info.entrySymbol = ".weft.gpu." + arch;
    image.kind = kind;
    if (kind == ImageKind::LLVMIR) {
      image.bytes = gpu::printLLVM(*code);
      return image;
    }
    auto ptx = gpu::generateCode(*device, *code, *machine,
                                 llvm::CodeGenFileType::AssemblyFile);
    if (failed(ptx))
      return failure();
    image.bytes = std::move(*ptx);
    return image;
  }

private:
  std::string arch;
};

} // namespace

llvm::Expected<std::unique_ptr<Target>> createTarget(StringRef arch) {
  LLVMInitializeNVPTXTargetInfo();
  LLVMInitializeNVPTXTarget();
  LLVMInitializeNVPTXTargetMC();
  LLVMInitializeNVPTXAsmPrinter();
  unsigned number = 0;
  StringRef digits = arch;
  bool known = gpu::isKnownArch(kTriple, arch) && digits.consume_front("sm_") &&
               !digits.consumeInteger(10, number);
  if (!known || number < 80)
    return llvm::createStringError(
        "target 'cuda:" + arch +
        "' is not known; sm_80, sm_90, sm_90a, sm_100 and others are");
  return std::make_unique<CUDATarget>(arch);
}

} // namespace weft::cuda
