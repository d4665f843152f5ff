// Runs LLVM's middle and back end on the device functions, in this process.
// Nothing of a vendor's toolkit is needed or looked for.

#include "weft/Target/GPU/DeviceCode.h"

#include "weft/Target/GPU/Passes.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/LLVMIR/ROCDLDialect.h"
#include "mlir/ExecutionEngine/OptUtils.h"
#include "mlir/Target/LLVMIR/Dialect/All.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/MC/MCSubtargetInfo.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/Target/TargetOptions.h"

using namespace mlir;

namespace weft::gpu {

FailureOr<mlir::gpu::GPUModuleOp> deviceModule(ModuleOp module) {
  auto device = module.lookupSymbol<mlir::gpu::GPUModuleOp>(kModuleName);
  if (!device)
    return module.emitError("internal error: there are no device functions");
  return device;
}

std::vector<std::string> deviceKernels(mlir::gpu::GPUModuleOp device) {
  std::vector<std::string> names;
  for (auto function : device.getOps<LLVM::LLVMFuncOp>())
    if (function->hasAttr(mlir::gpu::GPUDialect::getKernelFuncAttrName()))
      names.push_back(function.getName().str());
  return names;
}

bool isKnownArch(StringRef triple, StringRef arch) {
  std::string error;
  llvm::Triple parsed(triple);
  const llvm::Target *target =
      llvm::TargetRegistry::lookupTarget(parsed, error);
  if (!target)
    return false;
  std::unique_ptr<llvm::MCSubtargetInfo> info(
      target->createMCSubtargetInfo(parsed, "", ""));
  return info && !arch.empty() && info->isCPUStringValid(arch);
}

std::unique_ptr<llvm::TargetMachine>
createDeviceMachine(Operation *at, StringRef triple, StringRef arch) {
  std::string error;
  llvm::Triple parsed(triple);
  const llvm::Target *target =
      llvm::TargetRegistry::lookupTarget(parsed, error);
  if (!target) {
    at->emitError("internal error: ") << error;
    return nullptr;
  }
  std::unique_ptr<llvm::TargetMachine> machine(target->createTargetMachine(
      parsed, arch, /*Features=*/"", llvm::TargetOptions(), llvm::Reloc::PIC_,
      std::nullopt, llvm::CodeGenOptLevel::Aggressive));
  if (!machine)
    at->emitError("internal error: no code generator for ") << triple;
  return machine;
}

std::unique_ptr<llvm::Module> translateToLLVM(mlir::gpu::GPUModuleOp device,
                                              llvm::LLVMContext &context,
                                              llvm::TargetMachine &machine) {
  DialectRegistry registry;
  registerAllGPUToLLVMIRTranslations(registry);
  device.getContext()->appendDialectRegistry(registry);
  // Before the translation, which reads alignments from it.
  device->setAttr(
      LLVM::LLVMDialect::getDataLayoutAttrName(),
      StringAttr::get(device.getContext(),
                      machine.createDataLayout().getStringRepresentation()));
  auto code = translateModuleToLLVMIR(device, context, device.getName());
  if (code) {
    code->setTargetTriple(machine.getTargetTriple());
    code->setDataLayout(machine.createDataLayout());
  }
  return code;
}

FailureOr<SmallVector<char, 0>> generateCode(mlir::gpu::GPUModuleOp device,
                                             llvm::Module &code,
                                             llvm::TargetMachine &machine,
                                             llvm::CodeGenFileType type) {
  auto optimize =
      makeOptimizingTransformer(/*optLevel=*/3, /*sizeLevel=*/0, &machine);
  if (llvm::Error error = optimize(&code))
    return device.emitError("internal error: ")
           << llvm::toString(std::move(error));
  for (const llvm::Function &function : code)
    if (function.isDeclaration() && !function.isIntrinsic())
      return device.emitError("internal error: a kernel calls '")
             << function.getName() << "', which no runtime provides";
  SmallVector<char, 0> bytes;
  llvm::raw_svector_ostream os(bytes);
  llvm::legacy::PassManager passes;
  if (machine.addPassesToEmitFile(passes, os, nullptr, type))
    return device.emitError("internal error: no code generator for this form");
  passes.run(code);
  return bytes;
}

SmallVector<char, 0> printLLVM(const llvm::Module &code) {
  SmallVector<char, 0> bytes;
  llvm::raw_svector_ostream os(bytes);
  os << code;
  return bytes;
}

} // namespace weft::gpu
