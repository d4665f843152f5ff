// The ROCm target: what differs from other GPUs is the conversion of gpu ops,
// LLVM's back end, and that its object is linked, by lld in this process.

#include "weft/Target/ROCm/ROCm.h"

#include "weft/Artifact/Writer.h"
#include "weft/Target/GPU/DeviceCode.h"
#include "weft/Target/GPU/Passes.h"
#include "weft/Target/ROCm/Passes.h"

#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/IntrinsicsAMDGPU.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetMachine.h"

using namespace mlir;

namespace weft::rocm {
namespace {

constexpr llvm::StringLiteral kTriple = "amdgcn-amd-amdhsa";

/// Local data share of a work group, on every processor since gfx9.
constexpr int64_t kSharedBytes = 64 << 10;

/// Version 5 of the code object is what ROCm 5.6 and all later ones load.
constexpr unsigned kCodeObjectVersion = 500;

/// Defines the function that MLIR calls for the number of blocks; it is part of
/// a device library, which then is not needed. Implicit arguments of version 5
/// begin with the three numbers.
void defineGridSize(llvm::Module &code) {
  llvm::Function *function = code.getFunction("__ockl_get_num_groups");
  if (!function)
    return;
  function->setLinkage(llvm::GlobalValue::InternalLinkage);
  function->addFnAttr(llvm::Attribute::AlwaysInline);
  llvm::IRBuilder<> b(
      llvm::BasicBlock::Create(code.getContext(), "", function));
  llvm::Value *implicit = b.CreateIntrinsic(
      b.getPtrTy(/*AddrSpace=*/4), llvm::Intrinsic::amdgcn_implicitarg_ptr, {});
  llvm::Value *place =
      b.CreateGEP(b.getInt32Ty(), implicit, function->getArg(0));
  b.CreateRet(b.CreateZExt(b.CreateLoad(b.getInt32Ty(), place),
                           function->getReturnType()));
}

class ROCmTarget final : public Target {
public:
  explicit ROCmTarget(StringRef arch) : arch(arch) {}

  std::string name() const override { return "rocm:" + arch; }

  TargetTraits traits() const override {
    TargetTraits traits;
    traits.vectorWidth = gpu::kThreads; // a block works as one wide vector
    traits.nearBytes = kSharedBytes / 2;
    traits.farBytes = kSharedBytes;
    traits.workers = 1216; // 304 compute units (gfx942), four groups each
    return traits;
  }

  bool supports(ImageKind kind) const override {
    return kind == ImageKind::HSACO || kind == ImageKind::LLVMIR ||
           kind == ImageKind::Assembly;
  }

  void addPasses(OpPassManager &pm) const override {
    gpu::addDevicePasses(pm, kSharedBytes, createConvertToRocdl({arch}));
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
    code->addModuleFlag(llvm::Module::Error, "amdhsa_code_object_version",
                        kCodeObjectVersion);
    defineGridSize(*code);
    std::string threads = std::to_string(gpu::kThreads);
    for (llvm::Function &function : *code)
      if (function.getCallingConv() == llvm::CallingConv::AMDGPU_KERNEL)
        function.addFnAttr("amdgpu-flat-work-group-size",
                           threads + "," + threads);
    CodeImage image;
    image.info.target = arch;
    image.info.entrySymbol = ".weft.gpu." + arch;
    image.kind = kind;
    if (kind == ImageKind::LLVMIR) {
      image.bytes = gpu::printLLVM(*code);
      return image;
    }
    bool isText = kind == ImageKind::Assembly;
    auto bytes = gpu::generateCode(*device, *code, *machine,
                                   isText ? llvm::CodeGenFileType::AssemblyFile
                                          : llvm::CodeGenFileType::ObjectFile);
    if (succeeded(bytes) && !isText)
      bytes = link(*device, *bytes);
    if (failed(bytes))
      return failure();
    image.bytes = std::move(*bytes);
    return image;
  }

private:
  static FailureOr<SmallVector<char, 0>> link(mlir::gpu::GPUModuleOp device,
                                              ArrayRef<char> object) {
    std::vector<std::string> exports;
    for (const std::string &name : gpu::deviceKernels(device)) {
      exports.push_back(name);
      exports.push_back(name + ".kd"); // the kernel's descriptor
    }
    llvm::MemoryBufferRef buffer(StringRef(object.data(), object.size()),
                                 "kernels");
    auto linked = artifact::linkSharedObject(buffer, exports);
    if (!linked)
      return device.emitError("internal error: ")
             << llvm::toString(linked.takeError());
    return SmallVector<char, 0>((*linked)->getBuffer().begin(),
                                (*linked)->getBuffer().end());
  }

  std::string arch;
};

} // namespace

llvm::Expected<std::unique_ptr<Target>> createTarget(StringRef arch) {
  LLVMInitializeAMDGPUTargetInfo();
  LLVMInitializeAMDGPUTarget();
  LLVMInitializeAMDGPUTargetMC();
  LLVMInitializeAMDGPUAsmPrinter();
  if (!gpu::isKnownArch(kTriple, arch))
    return llvm::createStringError(
        "target 'rocm:" + arch +
        "' is not known; gfx90a, gfx942, gfx1100 and others are");
  return std::make_unique<ROCmTarget>(arch);
}

} // namespace weft::rocm
