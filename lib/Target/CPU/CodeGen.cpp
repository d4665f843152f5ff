// Kernels arrive as the vector code that is wanted, so LLVM's middle end only
// cleans up after the lowering; all of it would cost more compile time than the
// rest and change nothing (docs: measured for O0 to O3).

#include "CodeGen.h"
#include "SplitAddresses.h"

#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/IR/IntrinsicInst.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/SmallVectorMemoryBuffer.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/Target/TargetOptions.h"
#include "llvm/Transforms/InstCombine/InstCombine.h"
#include "llvm/Transforms/Scalar/EarlyCSE.h"
#include "llvm/Transforms/Scalar/LICM.h"
#include "llvm/Transforms/Scalar/LoopPassManager.h"
#include "llvm/Transforms/Scalar/LoopRotation.h"
#include "llvm/Transforms/Scalar/SimplifyCFG.h"

using namespace mlir;

namespace weft::cpu {

static std::unique_ptr<llvm::TargetMachine>
createMachine(const CpuLevel &level) {
  llvm::Triple triple("x86_64-unknown-linux-gnu");
  std::string error;
  const llvm::Target *target =
      llvm::TargetRegistry::lookupTarget(triple, error);
  if (!target)
    return nullptr;
  llvm::TargetOptions options;
  return std::unique_ptr<llvm::TargetMachine>(target->createTargetMachine(
      triple, level.processor, level.features, options, llvm::Reloc::PIC_,
      std::nullopt, llvm::CodeGenOptLevel::Default));
}

/// What holds for all generated functions: it is never unwound, and registers
/// are as wide as the level's.
static void annotate(llvm::Module &module, const CpuLevel &level) {
  for (llvm::Function &function : module) {
    if (function.isDeclaration())
      continue;
    function.addFnAttr(llvm::Attribute::NoUnwind);
    function.addFnAttr("target-cpu", level.processor);
    if (!level.features.empty())
      function.addFnAttr("target-features", level.features);
    function.addFnAttr("prefer-vector-width",
                       level.width == 16 ? "512" : "256");
    if (!function.hasLocalLinkage())
      function.setVisibility(llvm::GlobalValue::DefaultVisibility);
  }
}

/// Whether a function is `program` or a part of it, which weft-lower-to-entry
/// cut off: kernels are named "program.kernel".
static bool launches(StringRef function, StringRef program) {
  return function.consume_front(program) && !function.starts_with(".");
}

/// What only launches kernels is left alone by the loop passes: its loops do
/// not compute, and their heads would be there twice.
static void cleanUp(llvm::Module &module, llvm::TargetMachine &machine,
                    StringRef program) {
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager components;
  llvm::ModuleAnalysisManager modules;
  llvm::PassBuilder builder(&machine);
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(components);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, components, modules);
  llvm::FunctionPassManager everywhere, inKernels;
  everywhere.addPass(llvm::EarlyCSEPass());
  everywhere.addPass(llvm::InstCombinePass());
  everywhere.addPass(llvm::SimplifyCFGPass());
  // Register tiles fill the register file: what a loop leaves unhoisted, or a
  // loop that is tested at its head, makes their sums spill.
  llvm::LoopPassManager inLoops;
  inLoops.addPass(llvm::LoopRotatePass());
  inLoops.addPass(llvm::LICMPass(llvm::LICMOptions()));
  inKernels.addPass(llvm::createFunctionToLoopPassAdaptor(
      std::move(inLoops), /*UseMemorySSA=*/true));
  for (llvm::Function &function : module) {
    if (function.isDeclaration())
      continue;
    bool isKernel = !launches(function.getName(), program);
    if (isKernel)
      splitAddresses(function);
    functions.invalidate(function, everywhere.run(function, functions));
    if (isKernel) {
      functions.invalidate(function, inKernels.run(function, functions));
      shareAddresses(function);
    }
    functions.clear(function, function.getName());
  }
}

static bool isBfloat(llvm::Type *type) {
  return type->getScalarType()->isBFloatTy();
}

/// A choice between bf16 values as one between their bits.
static llvm::Value *chooseBits(llvm::Instruction *choice, llvm::Type *bits) {
  llvm::IRBuilder<> b(choice);
  if (auto select = dyn_cast<llvm::SelectInst>(choice))
    return b.CreateSelect(select->getCondition(),
                          b.CreateBitCast(select->getTrueValue(), bits),
                          b.CreateBitCast(select->getFalseValue(), bits));
  auto from = cast<llvm::PHINode>(choice);
  llvm::PHINode *phi = b.CreatePHI(bits, from->getNumIncomingValues());
  for (auto [value, block] :
       llvm::zip(from->incoming_values(), from->blocks())) {
    b.SetInsertPoint(block->getTerminator());
    phi->addIncoming(b.CreateBitCast(value, bits), block);
  }
  return phi;
}

/// Moves bf16 as bits. The code generator makes f32 of a bf16 that comes from
/// several places, or that a masked store has to take apart, and calls a
/// library to have it back.
static void moveBits(llvm::Module &module) {
  SmallVector<llvm::Instruction *> choices;
  SmallVector<llvm::IntrinsicInst *> stores;
  for (llvm::Function &function : module)
    for (llvm::Instruction &instruction : llvm::instructions(function)) {
      auto intrinsic = dyn_cast<llvm::IntrinsicInst>(&instruction);
      if (isa<llvm::PHINode, llvm::SelectInst>(instruction) &&
          isBfloat(instruction.getType()))
        choices.push_back(&instruction);
      else if (intrinsic &&
               intrinsic->getIntrinsicID() == llvm::Intrinsic::masked_store &&
               isBfloat(intrinsic->getArgOperand(0)->getType()))
        stores.push_back(intrinsic);
    }
  auto bitsOf = [&](llvm::Type *type) {
    return type->getWithNewType(llvm::Type::getInt16Ty(module.getContext()));
  };
  for (llvm::IntrinsicInst *store : stores) {
    llvm::IRBuilder<> b(store);
    llvm::Value *value = store->getArgOperand(0);
    b.CreateMaskedStore(b.CreateBitCast(value, bitsOf(value->getType())),
                        store->getArgOperand(1),
                        store->getParamAlign(1).valueOrOne(),
                        store->getArgOperand(store->arg_size() - 1));
    store->eraseFromParent();
  }
  for (llvm::Instruction *choice : choices) {
    llvm::Value *chosen = chooseBits(choice, bitsOf(choice->getType()));
    llvm::IRBuilder<> b(choice);
    if (isa<llvm::PHINode>(choice))
      b.SetInsertPoint(choice->getParent()->getFirstNonPHIIt());
    choice->replaceAllUsesWith(b.CreateBitCast(chosen, choice->getType()));
    choice->eraseFromParent();
  }
}

FailureOr<SmallVector<char, 0>> generateCode(ModuleOp module,
                                             const CpuLevel &level,
                                             StringRef program,
                                             ImageKind kind) {
  initializeX86();
  llvm::LLVMContext context;
  std::unique_ptr<llvm::TargetMachine> machine = createMachine(level);
  if (!machine)
    return module.emitError("LLVM has no code generator for x86-64");
  std::unique_ptr<llvm::Module> code = translateModuleToLLVMIR(module, context);
  if (!code)
    return failure();
  code->setDataLayout(machine->createDataLayout());
  code->setTargetTriple(machine->getTargetTriple());
  code->setModuleIdentifier("");
  code->setSourceFileName("");
  annotate(*code, level);
  cleanUp(*code, *machine, program);
  moveBits(*code);
  SmallVector<char, 0> bytes;
  llvm::raw_svector_ostream os(bytes);
  if (kind == ImageKind::LLVMIR) {
    code->print(os, nullptr);
    return bytes;
  }
  llvm::legacy::PassManager passes;
  auto type = kind == ImageKind::Assembly ? llvm::CodeGenFileType::AssemblyFile
                                          : llvm::CodeGenFileType::ObjectFile;
  if (machine->addPassesToEmitFile(passes, os, nullptr, type))
    return module.emitError("LLVM cannot write this kind of file for x86-64");
  passes.run(*code);
  return bytes;
}

} // namespace weft::cpu
