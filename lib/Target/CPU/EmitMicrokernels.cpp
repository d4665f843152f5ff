// Replaces the packed products in kernels by loops over register tiles.
//
// One emitter for each kind of product, all on the same register tile, epilogue
// and tile choice (Microkernel/). Leaves linalg ops alone.

#include "Microkernel/Microkernel.h"
#include "weft/Target/CPU/Passes.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

namespace weft::cpu {

#define GEN_PASS_DEF_EMITMICROKERNELS
#include "weft/Target/CPU/Passes.h.inc"

namespace {

using namespace mlir;

LogicalResult emitProduct(Operation *op, const Machine &machine) {
  if (auto matmul = dyn_cast<kernel::MatMulOp>(op)) {
    mergeBatch(matmul);
    return emitMatMul(matmul, machine);
  }
  if (auto attention = dyn_cast<kernel::AttentionOp>(op))
    return emitAttention(attention, machine);
  if (auto conv = dyn_cast<kernel::ConvOp>(op))
    return emitConv(conv, machine);
  if (auto conv = dyn_cast<kernel::WinogradConvOp>(op))
    return emitWinogradConv(conv, machine);
  if (auto conv = dyn_cast<kernel::ConvDepthwiseOp>(op))
    return emitConvDepthwise(conv, machine);
  return emitDepthwiseConv(cast<kernel::DepthwiseConvOp>(op), machine);
}

struct EmitMicrokernels : impl::EmitMicrokernelsBase<EmitMicrokernels> {
  using Base::Base;

  void runOnOperation() override {
    std::optional<Machine> machine = machineOfLevel(level, getOperation());
    if (!machine)
      return signalPassFailure();
    SmallVector<Operation *> products;
    SmallVector<Attribute> tiles;
    getOperation()->walk([&](Operation *op) {
      if (kernel::isProduct(op))
        products.push_back(op);
    });
    for (Operation *op : products) {
      if (!llvm::all_of(op->getOperandTypes(), llvm::IsaPred<MemRefType>)) {
        op->emitOpError("must be bufferized before microkernels are emitted");
        return signalPassFailure();
      }
      if (failed(emitProduct(op, *machine)))
        return signalPassFailure();
      tiles.push_back(op->getAttr(kernel::kTileAttr));
      op->erase();
    }
    if (!tiles.empty())
      getOperation()->setAttr(kernel::kTilesAttr,
                              ArrayAttr::get(&getContext(), tiles));
  }
};

} // namespace
} // namespace weft::cpu
