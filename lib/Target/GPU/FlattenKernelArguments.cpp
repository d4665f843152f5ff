// Drops from a device function's arguments what the types of the kernel's
// arguments say already, and makes pointers global, so that LLVM knows the
// address space of every access. Runs after the conversion to the LLVM dialect,
// which spells each memref as a whole descriptor.

#include "weft/Target/GPU/Passes.h"

using namespace mlir;

namespace weft::gpu {
#define GEN_PASS_DEF_FLATTENKERNELARGUMENTS
#include "weft/Target/GPU/Passes.h.inc"

namespace {

class Flattener {
public:
  Flattener(LLVM::LLVMFuncOp function)
      : function(function), block(function.getBody().front()),
        b(OpBuilder::atBlockBegin(&block)) {}

  void run(ArrayAttr types) {
    for (Type type : types.getAsValueRange<TypeAttr>()) {
      if (auto memref = dyn_cast<MemRefType>(type))
        flatten(memref);
      else
        keep(old++);
    }
    block.eraseArguments(0, old);
    SmallVector<Type> arguments(block.getArgumentTypes());
    function.setFunctionType(LLVM::LLVMFunctionType::get(
        function.getFunctionType().getReturnType(), arguments));
    function.removeArgAttrsAttr();
  }

private:
  Location loc() { return function.getLoc(); }

  void keep(unsigned number) {
    BlockArgument argument = block.getArgument(number);
    argument.replaceAllUsesWith(block.addArgument(argument.getType(), loc()));
  }

  void fix(unsigned number, int64_t value) {
    BlockArgument argument = block.getArgument(number);
    argument.replaceAllUsesWith(
        LLVM::ConstantOp::create(b, loc(), argument.getType(), value));
  }

  /// Descriptor: allocated pointer, aligned pointer, offset, sizes, strides.
  void flatten(MemRefType type) {
    auto global = LLVM::LLVMPointerType::get(b.getContext(), 1);
    Value pointer = block.addArgument(global, loc());
    Value generic = LLVM::AddrSpaceCastOp::create(
        b, loc(), block.getArgument(old).getType(), pointer);
    block.getArgument(old++).replaceAllUsesWith(generic);
    block.getArgument(old++).replaceAllUsesWith(generic);
    auto [strides, offset] = type.getStridesAndOffset();
    fix(old++, ShapedType::isDynamic(offset) ? 0 : offset);
    for (ArrayRef<int64_t> values : {type.getShape(), ArrayRef(strides)})
      for (int64_t value : values) {
        if (ShapedType::isDynamic(value))
          keep(old++);
        else
          fix(old++, value);
      }
  }

  LLVM::LLVMFuncOp function;
  Block &block;
  OpBuilder b;
  unsigned old = 0; ///< arguments before the new ones that are dealt with
};

struct FlattenKernelArguments
    : impl::FlattenKernelArgumentsBase<FlattenKernelArguments> {
  void runOnOperation() override {
    for (auto function : getOperation().getOps<LLVM::LLVMFuncOp>())
      if (auto types = function->getAttrOfType<ArrayAttr>(kArgumentsAttr)) {
        Flattener(function).run(types);
        function->removeAttr(kArgumentsAttr);
      }
  }
};

} // namespace
} // namespace weft::gpu
