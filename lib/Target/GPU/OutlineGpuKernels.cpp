// Moves a kernel's work items to a gpu.func and leaves the launch. A block runs
// over items in steps of the grid, which bounds both the grid and the scratch
// memory. Index arithmetic before the scf.forall is done twice, on the host for
// the grid and on the device: it is cheaper than more arguments.

#include "IndexBuilder.h"
#include "weft/Dialect/Kernel/IR/Kernel.h"

#include "mlir/Dialect/Affine/Transforms/Transforms.h"
#include "mlir/Dialect/Arith/Transforms/Passes.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

using namespace mlir;

namespace weft::gpu {
#define GEN_PASS_DEF_OUTLINEGPUKERNELS
#include "weft/Target/GPU/Passes.h.inc"

namespace {

/// Blocks of a launch at most: enough to fill any device many times over, and
/// where each needs scratch memory, enough to fill it once or twice.
constexpr int64_t kMaxGrid = 1 << 20, kMaxGridWithScratch = 1 << 10;
/// Alignment of buffers of a work item, for vector accesses.
constexpr int64_t kBufferAlignment = 16;

int64_t elementBytes(Type element) {
  return element.isIndex()
             ? 8
             : llvm::divideCeil(element.getIntOrFloatBitWidth(), 8);
}

class Outliner {
public:
  Outliner(func::FuncOp kernel, scf::ForallOp items,
           mlir::gpu::GPUModuleOp device, int64_t sharedBytes)
      : kernel(kernel), items(items), device(device), sharedBytes(sharedBytes),
        b(items.getLoc(), items) {}

  LogicalResult run() {
    if (items.getRank() != 1 || items->getNumResults() != 0)
      return items.emitError("internal error: work items of kernel '")
             << kernel.getName() << "' are not in one dimension";
    countItems();
    if (failed(sortBuffers()))
      return failure();
    int64_t most = scratched.empty() ? kMaxGrid : kMaxGridWithScratch;
    Value grid =
        b.createOrFold<arith::MaxUIOp>(b.min(count, b.index(most)), b.index(1));
    if (!scratched.empty())
      makeScratch(grid);
    mlir::gpu::GPUFuncOp function = createFunction();
    fillFunction(function);
    launch(function, grid);
    items.erase();
    for (memref::AllocOp alloc : shared)
      alloc.erase();
    return success();
  }

private:
  Value value(OpFoldResult v) {
    return getValueOrCreateConstantIndexOp(b, b.getLoc(), v);
  }

  void countItems() {
    first = value(items.getMixedLowerBound()[0]);
    step = value(items.getMixedStep()[0]);
    Value last = value(items.getMixedUpperBound()[0]);
    count = b.createOrFold<arith::SubIOp>(last, first);
    if (!isConstantIntValue(step, 1))
      count = b.createOrFold<arith::CeilDivUIOp>(count, step);
  }

  /// Bytes of a buffer in terms of values from before the items, at least as
  /// many as any of them needs.
  FailureOr<Value> bytesOf(memref::AllocOp alloc) {
    Value bytes = b.index(elementBytes(alloc.getType().getElementType()));
    auto outside = [&](Value v, std::optional<int64_t>,
                       ValueBoundsConstraintSet &) {
      return !items->isAncestor(v.getParentBlock()->getParentOp());
    };
    for (OpFoldResult size : alloc.getMixedSizes()) {
      FailureOr<OpFoldResult> bound = size;
      if (isa<Value>(size))
        bound = affine::reifyValueBound(
            b, b.getLoc(), presburger::BoundType::UB,
            ValueBoundsConstraintSet::Variable(size), outside,
            /*closedUB=*/true);
      if (failed(bound))
        return alloc.emitError("internal error: size of a buffer in kernel '")
               << kernel.getName() << "' has no bound outside its work items";
      bytes = b.mul(bytes, value(*bound));
    }
    return b.mul(b.ceilDiv(bytes, kBufferAlignment), b.index(kBufferAlignment));
  }

  /// Decides for each buffer of an item where it lives.
  LogicalResult sortBuffers() {
    SmallVector<memref::AllocOp> allocs;
    items->walk([&](memref::AllocOp alloc) { allocs.push_back(alloc); });
    int64_t used = 0;
    for (memref::AllocOp alloc : allocs) {
      FailureOr<Value> bytes = bytesOf(alloc);
      if (failed(bytes))
        return failure();
      auto constant = getConstantIntValue(*bytes);
      if (alloc.getType().hasStaticShape() && constant &&
          used + *constant <= sharedBytes) {
        used += *constant;
        alloc->moveBefore(items);
        shared.push_back(alloc);
        continue;
      }
      if (mlir::gpu::GPUDialect::hasWorkgroupMemoryAddressSpace(
              alloc.getType()))
        return alloc.emitError("internal error: kernel '")
               << kernel.getName() << "' needs more than " << sharedBytes
               << " bytes of shared memory";
      Value offset = scratched.empty() ? b.index(0) : itemBytes;
      scratched.push_back({alloc, offset});
      itemBytes = b.add(offset, *bytes);
    }
    return success();
  }

  /// One allocation for all blocks; buffers become views of the block's part.
  void makeScratch(Value grid) {
    auto type = MemRefType::get({ShapedType::kDynamic}, b.getI8Type());
    scratch = mlir::gpu::AllocOp::create(b, type, Type(), ValueRange(),
                                         ValueRange{b.mul(grid, itemBytes)},
                                         ValueRange())
                  .getMemref();
    for (auto [alloc, offset] : scratched) {
      IndexBuilder at(alloc.getLoc(), alloc);
      Value block = mlir::gpu::BlockIdOp::create(at, mlir::gpu::Dimension::x);
      Value view = memref::ViewOp::create(
          at, alloc.getType(), scratch,
          at.add(at.mul(block, itemBytes), offset), alloc.getDynamicSizes());
      alloc.replaceAllUsesWith(view);
      alloc.erase();
    }
  }

  mlir::gpu::GPUFuncOp createFunction() {
    SmallVector<Type> arguments(kernel.getArgumentTypes()), sharedTypes;
    if (scratch)
      arguments.push_back(scratch.getType());
    auto space = mlir::gpu::AddressSpaceAttr::get(
        b.getContext(), mlir::gpu::AddressSpace::Workgroup);
    for (memref::AllocOp alloc : shared)
      sharedTypes.push_back(MemRefType::get(
          alloc.getType().getShape(), alloc.getType().getElementType(),
          MemRefLayoutAttrInterface(), space));
    auto at = OpBuilder::atBlockEnd(device.getBody());
    auto function = mlir::gpu::GPUFuncOp::create(
        at, kernel.getLoc(), kernel.getName(),
        at.getFunctionType(arguments, {}), sharedTypes);
    function->setAttr(mlir::gpu::GPUDialect::getKernelFuncAttrName(),
                      at.getUnitAttr());
    function.setKnownBlockSize(
        ArrayRef<int32_t>{static_cast<int32_t>(kThreads), 1, 1});
    function->setAttr(kArgumentsAttr, at.getTypeArrayAttr(arguments));
    for (unsigned i = 0; i < shared.size(); ++i)
      function.setWorkgroupAttributionAttr(
          i, "llvm.align", at.getI64IntegerAttr(kBufferAlignment));
    return function;
  }

  void fillFunction(mlir::gpu::GPUFuncOp function) {
    IndexBuilder d(kernel.getLoc(), function.getContext());
    d.setInsertionPointToStart(&function.getBody().front());
    IRMapping map;
    for (auto [from, to] :
         llvm::zip(kernel.getArguments(), function.getArguments()))
      map.map(from, to);
    if (scratch)
      map.map(scratch, function.getArgument(kernel.getNumArguments()));
    for (auto [alloc, memory] :
         llvm::zip(shared, function.getWorkgroupAttributions()))
      map.map(alloc.getResult(), generic(d, memory, alloc.getType()));
    for (Operation &op : *items->getBlock()) {
      if (&op == items)
        break;
      if (!isa<mlir::gpu::AllocOp, memref::AllocOp>(op))
        d.clone(op, map);
    }
    Value block = mlir::gpu::BlockIdOp::create(d, mlir::gpu::Dimension::x);
    Value blocks = mlir::gpu::GridDimOp::create(d, mlir::gpu::Dimension::x);
    d.loop(block, map.lookup(count), blocks, {}, [&](Value i, ValueRange) {
      Value item = d.add(d.mul(i, map.lookup(step)), map.lookup(first));
      map.map(items.getInductionVar(0), item);
      for (Operation &op : items.getBody()->without_terminator())
        d.clone(op, map);
      if (scratch || !shared.empty())
        mlir::gpu::BarrierOp::create(d); // the next item uses them again
      return SmallVector<Value>();
    });
    mlir::gpu::ReturnOp::create(d);
  }

  /// Shared memory as the kernel sees it: the address space is found again in
  /// LLVM, which spares rewriting the types of all views.
  static Value generic(IndexBuilder &d, Value memory, MemRefType type) {
    if (memory.getType() == type)
      return memory;
    auto plain = MemRefType::get(type.getShape(), type.getElementType());
    memory = memref::MemorySpaceCastOp::create(d, plain, memory);
    return d.createOrFold<memref::CastOp>(type, memory);
  }

  void launch(mlir::gpu::GPUFuncOp function, Value grid) {
    SmallVector<Value> operands(kernel.getArguments());
    if (scratch)
      operands.push_back(scratch);
    Value one = b.index(1);
    mlir::gpu::LaunchFuncOp::create(
        b, function, mlir::gpu::KernelDim3{grid, one, one},
        mlir::gpu::KernelDim3{b.index(kThreads), one, one}, Value(), operands);
    if (scratch)
      mlir::gpu::DeallocOp::create(b, Type(), ValueRange(), scratch);
  }

  func::FuncOp kernel;
  scf::ForallOp items;
  mlir::gpu::GPUModuleOp device;
  int64_t sharedBytes;
  IndexBuilder b;
  Value first, step, count;
  SmallVector<memref::AllocOp> shared;
  SmallVector<std::pair<memref::AllocOp, Value>> scratched; ///< and offsets
  Value scratch, itemBytes;
};

/// Copies the constants that device functions read into their module.
void copyGlobals(ModuleOp module, mlir::gpu::GPUModuleOp device) {
  llvm::SmallPtrSet<Operation *, 4> copied;
  device->walk([&](memref::GetGlobalOp get) {
    auto global = module.lookupSymbol<memref::GlobalOp>(get.getName());
    if (global && copied.insert(global).second) {
      auto b = OpBuilder::atBlockBegin(device.getBody());
      b.clone(*global);
    }
  });
}

/// Functions of strings are the runtime's.
LogicalResult checkOps(func::FuncOp kernel) {
  WalkResult walked = kernel.walk([](kernel::StringOp op) {
    op.emitError("looks into strings, which only CPUs do: compile this model "
                 "with --target cpu");
    return WalkResult::interrupt();
  });
  return failure(walked.wasInterrupted());
}

struct OutlineGpuKernels : impl::OutlineGpuKernelsBase<OutlineGpuKernels> {
  using Base::Base;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    auto b = OpBuilder::atBlockEnd(module.getBody());
    auto device =
        mlir::gpu::GPUModuleOp::create(b, module.getLoc(), kModuleName);
    module->setAttr(mlir::gpu::GPUDialect::getContainerModuleAttrName(),
                    b.getUnitAttr());
    for (auto kernel : module.getOps<func::FuncOp>()) {
      if (!kernel->hasAttr(kernel::kEntryAttr) || kernel.isExternal())
        continue;
      if (failed(checkOps(kernel)))
        return signalPassFailure();
      FailureOr<scf::ForallOp> items = kernel::loopOverItems(kernel);
      if (failed(items) ||
          failed(Outliner(kernel, *items, device, sharedBytes).run()))
        return signalPassFailure();
    }
    copyGlobals(module, device);
    // The LLVM dialect has no division that rounds up or down.
    RewritePatternSet patterns(&getContext());
    arith::populateCeilFloorDivExpandOpsPatterns(patterns);
    if (failed(applyPatternsGreedily(device, std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace
} // namespace weft::gpu
