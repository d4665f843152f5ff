// Bufferizes @main, then each kernel with the memref types it is launched with.
// Boundaries are made explicit first (tensors of arguments, a destination for
// each result), so that one-shot bufferization sees plain function bodies and
// never has to guess a layout. Unsigned elements become signless: from here on
// the operations say how bits are read.

#include "weft/Dialect/Kernel/Transforms/Passes.h"

#include "ShareBuffers.h"

#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Bufferization/Transforms/OneShotAnalysis.h"
#include "mlir/Dialect/Bufferization/Transforms/Transforms.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Dominance.h"
#include "mlir/Interfaces/LoopLikeInterface.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/CSE.h"
#include "mlir/Transforms/Passes.h"
#include "weft/Dialect/Graph/IR/Graph.h"
#include "weft/Dialect/Kernel/Transforms/Program.h"

namespace weft::kernel {
#define GEN_PASS_DEF_BUFFERIZE
#include "weft/Dialect/Kernel/Transforms/Passes.h.inc"

using namespace mlir;
using namespace mlir::bufferization;

namespace {

MemRefType identityType(Type type) {
  auto shaped = cast<ShapedType>(type);
  return MemRefType::get(shaped.getShape(), shaped.getElementType());
}

/// The strides of `type` with any offset: what a kernel is compiled for.
MemRefType argumentType(MemRefType type) {
  if (type.getLayout().isIdentity())
    return MemRefType::get(type.getShape(), type.getElementType());
  auto [strides, offset] = type.getStridesAndOffset();
  return MemRefType::get(
      type.getShape(), type.getElementType(),
      StridedLayoutAttr::get(type.getContext(), ShapedType::kDynamic, strides));
}

/// Replaces the tensor arguments of `function` by memrefs of `types`; the body
/// goes on with tensors. The last `writable` arguments may be written.
void bufferizeArguments(func::FuncOp function, TypeRange types,
                        size_t writable) {
  Block &body = function.getBody().front();
  OpBuilder b = OpBuilder::atBlockBegin(&body);
  size_t first = types.size() - writable;
  for (auto [i, argument, type] : llvm::enumerate(body.getArguments(), types)) {
    auto tensor = dyn_cast<RankedTensorType>(argument.getType());
    if (!tensor)
      continue;
    argument.setType(type);
    auto view = ToTensorOp::create(b, function.getLoc(), tensor, argument,
                                   /*restrict=*/true, /*writable=*/i >= first);
    argument.replaceAllUsesExcept(view, view);
  }
  function.setType(FunctionType::get(function.getContext(), types,
                                     function.getResultTypes()));
}

/// Gives each use its own of what `op` makes.
void separateUses(Operation *op) {
  while (!op->use_empty() && !op->hasOneUse()) {
    OpOperand &use = *op->use_begin();
    OpBuilder b(use.getOwner());
    use.set(b.clone(*op)->getResult(0));
  }
}

/// Separates the uses of what may alias but need not, since aliases are
/// analysed pair by pair: of empty tensors, of which CSE made one of all that
/// have the same type, and of inputs and constants, which nobody writes.
void separateTensors(func::FuncOp function) {
  SmallVector<Operation *> shared;
  function.walk([&](Operation *op) {
    auto view = dyn_cast<ToTensorOp>(op);
    if (isa<tensor::EmptyOp>(op) || (view && !view.getWritable()))
      shared.push_back(op);
  });
  llvm::for_each(shared, separateUses);
}

/// Copies what is handed on from loop to loop behind each eighth of a chain of
/// them. Otherwise all of the chain may be one buffer, and for each use of it
/// every pair of its uses is analysed.
void cutChainsOfLoops(func::FuncOp main) {
  constexpr unsigned kLongest = 8;
  // How many loops in a row may have made a value in one buffer.
  llvm::DenseMap<Value, unsigned> lengths;
  main.walk<WalkOrder::PreOrder>([&](Operation *op) {
    // A launch has a buffer of its own.
    if (isa<LaunchOp>(op))
      return;
    bool isLoop = isa<LoopLikeOpInterface>(op);
    unsigned longest = 0;
    for (OpOperand &operand : op->getOpOperands()) {
      unsigned length = lengths.lookup(operand.get());
      if (isLoop && length == kLongest) {
        OpBuilder b(op);
        operand.set(AllocTensorOp::create(
            b, op->getLoc(), cast<RankedTensorType>(operand.get().getType()),
            /*dynamicSizes=*/ValueRange(), /*copy=*/operand.get()));
        length = 0;
      }
      longest = std::max(longest, length);
    }
    for (Value result : op->getResults())
      if (isa<RankedTensorType>(result.getType()))
        lengths[result] = longest + isLoop;
  });
}

LogicalResult runOneShot(func::FuncOp function) {
  OneShotBufferizationOptions options;
  options.bufferAlignment = 64;
  // A loop or branch may hand out a buffer of its own.
  options.allowReturnAllocsFromLoops = true;
  options.setFunctionBoundaryTypeConversion(LayoutMapOption::IdentityLayoutMap);
  BufferizationState state;
  IRRewriter rewriter(function.getContext());
  separateTensors(function);
  if (failed(eliminateEmptyTensors(rewriter, function)))
    return failure();
  return runOneShotBufferize(function, options, state);
}

/// What was computed in its destination is "copied" to itself, if the views of
/// both are one.
void dropSelfCopies(func::FuncOp function) {
  IRRewriter rewriter(function.getContext());
  DominanceInfo dominance(function);
  eliminateCommonSubExpressions(rewriter, dominance, function);
  function.walk([](memref::CopyOp op) {
    if (op.getSource() == op.getTarget())
      op.erase();
  });
}

class Bufferizer {
public:
  Bufferizer(ModuleOp module) : module(module), symbols(module) {}

  LogicalResult bufferizeMain(func::FuncOp main);
  LogicalResult specialize(func::FuncOp main);
  unsigned kernelCount() const { return clones.size(); }

private:
  void globalize(graph::ConstantOp constant);
  FailureOr<func::FuncOp> clone(func::FuncOp kernel, ArrayRef<Type> types);

  ModuleOp module;
  SymbolTable symbols;
  llvm::DenseMap<Attribute, memref::GlobalOp> globals;
  llvm::MapVector<std::pair<Operation *, Attribute>, func::FuncOp> clones;
};

/// Constants live in the weight section; equal ones share a place.
void Bufferizer::globalize(graph::ConstantOp constant) {
  ElementsAttr value = constant.getValue();
  OpBuilder b(constant);
  memref::GlobalOp &global = globals[value];
  MemRefType type = identityType(constant.getType());
  if (!global) {
    OpBuilder atStart = OpBuilder::atBlockBegin(module.getBody());
    global = memref::GlobalOp::create(
        atStart, constant.getLoc(), "constant", b.getStringAttr("private"),
        type, value, /*constant=*/true, b.getI64IntegerAttr(64));
    symbols.insert(global);
  }
  auto get = memref::GetGlobalOp::create(b, constant.getLoc(), type,
                                         global.getSymName());
  auto tensor = ToTensorOp::create(b, constant.getLoc(), constant.getType(),
                                   get, /*restrict=*/true);
  constant.replaceAllUsesWith(tensor.getResult());
  constant.erase();
}

LogicalResult Bufferizer::bufferizeMain(func::FuncOp main) {
  main.walk([&](graph::ConstantOp constant) { globalize(constant); });
  SmallVector<Type> types;
  for (Type type : main.getArgumentTypes())
    types.push_back(isa<RankedTensorType>(type) ? Type(identityType(type))
                                                : type);
  bufferizeArguments(main, types, /*writable=*/0);
  auto ret = cast<func::ReturnOp>(main.getBody().front().getTerminator());
  OpBuilder b(ret);
  SmallVector<Value> results;
  SmallVector<Type> resultTypes;
  for (Value value : ret.getOperands()) {
    MemRefType type = identityType(value.getType());
    results.push_back(
        ToBufferOp::create(b, ret.getLoc(), type, value, /*readOnly=*/true));
    resultTypes.push_back(type);
  }
  ret->setOperands(results);
  main.setType(FunctionType::get(main.getContext(), types, resultTypes));
  cutChainsOfLoops(main);
  return runOneShot(main);
}

/// The kernel bufferized for arguments of `types`.
FailureOr<func::FuncOp> Bufferizer::clone(func::FuncOp kernel,
                                          ArrayRef<Type> types) {
  func::FuncOp copy = kernel.clone();
  symbols.insert(copy, Block::iterator(kernel));
  auto ret = cast<func::ReturnOp>(copy.getBody().front().getTerminator());
  size_t outputs = ret.getNumOperands();
  bufferizeArguments(copy, types, outputs);
  OpBuilder b(ret);
  auto destinations = copy.getArguments().take_back(outputs);
  for (auto [value, destination] : llvm::zip(ret.getOperands(), destinations)) {
    auto store =
        MaterializeInDestinationOp::create(b, ret.getLoc(), value, destination);
    store.setRestrict(true);
    store.setWritable(true);
  }
  ret->setOperands({});
  copy.setType(FunctionType::get(copy.getContext(), types, {}));
  if (failed(runOneShot(copy)))
    return failure();
  dropSelfCopies(copy);
  return copy;
}

LogicalResult Bufferizer::specialize(func::FuncOp main) {
  SmallVector<LaunchOp> launches;
  main.walk([&](LaunchOp launch) { launches.push_back(launch); });
  llvm::SetVector<Operation *> originals;
  for (LaunchOp launch : launches) {
    auto kernel = symbols.lookup<func::FuncOp>(launch.getCallee());
    originals.insert(kernel);
    OpBuilder b(launch);
    SmallVector<Type> types;
    for (OpOperand &operand : launch->getOpOperands()) {
      Type type = operand.get().getType();
      if (auto memref = dyn_cast<MemRefType>(type)) {
        type = argumentType(memref);
        if (type != memref)
          operand.set(
              memref::CastOp::create(b, launch.getLoc(), type, operand.get()));
      }
      types.push_back(type);
    }
    auto key = std::make_pair(kernel.getOperation(),
                              Attribute(b.getTypeArrayAttr(types)));
    func::FuncOp &special = clones[key];
    if (!special) {
      FailureOr<func::FuncOp> copy = clone(kernel, types);
      if (failed(copy))
        return failure();
      special = *copy;
    }
    launch.setCallee(special.getSymName());
  }
  // Launches that nobody needed went with the clean-up, their kernels did not.
  for (auto kernel : module.getOps<func::FuncOp>())
    if (kernel->hasAttr(kEntryAttr) && llvm::none_of(clones, [&](auto &entry) {
          return entry.second == kernel;
        }))
      originals.insert(kernel);
  // The first clone of each kernel takes over its name.
  for (Operation *original : originals)
    symbols.erase(original);
  return success();
}

/// Copies between buffers are kernels like any other loop.
unsigned copiesToLinalg(func::FuncOp function) {
  SmallVector<memref::CopyOp> copies;
  function.walk([&](memref::CopyOp copy) { copies.push_back(copy); });
  for (memref::CopyOp copy : copies) {
    ImplicitLocOpBuilder b(copy.getLoc(), copy);
    linalg::CopyOp::create(b, ValueRange{copy.getSource()},
                           ValueRange{copy.getTarget()});
    copy.erase();
  }
  return copies.size();
}

/// Elements without sign, everywhere: ui8 becomes i8.
void dropSigns(ModuleOp module) {
  AttrTypeReplacer replacer;
  replacer.addReplacement([](IntegerType type) -> std::optional<Type> {
    if (type.isSignless())
      return std::nullopt;
    return IntegerType::get(type.getContext(), type.getWidth());
  });
  replacer.recursivelyReplaceElementsIn(module, /*replaceAttrs=*/true,
                                        /*replaceLocs=*/false,
                                        /*replaceTypes=*/true);
}

struct BufferizePass : impl::BufferizeBase<BufferizePass> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    func::FuncOp main = mainOf(module);
    if (!main)
      return signalPassFailure();
    Bufferizer bufferizer(module);
    if (failed(bufferizer.bufferizeMain(main)))
      return signalPassFailure();
    dropSelfCopies(main);
    shared = shareBuffers(main);
    if (failed(bufferizer.specialize(main)))
      return signalPassFailure();
    copies = copiesToLinalg(main);
    for (auto function : module.getOps<func::FuncOp>())
      if (function->hasAttr(kEntryAttr))
        copiesToLinalg(function);
    dropSigns(module);
    kernels = bufferizer.kernelCount();
    OpPassManager cleanup("builtin.module");
    cleanup.addPass(createCanonicalizerPass());
    cleanup.addPass(createCSEPass());
    if (failed(runPipeline(cleanup, module)))
      return signalPassFailure();
    numberProgram(module);
  }
};

} // namespace
} // namespace weft::kernel
