// The kernel dialect in C++.
#ifndef WEFT_DIALECT_KERNEL_IR_KERNEL_H
#define WEFT_DIALECT_KERNEL_IR_KERNEL_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/DestinationStyleOpInterface.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

namespace weft::kernel {

/// Channels of a block, columns of a panel: one width for every x86 level, so
/// that all levels share one copy of the packed weights.
constexpr int64_t kBlock = 16;

/// Bytes of one sum side by side in packed weights: as many as an instruction
/// multiplies and adds up at once.
constexpr int64_t kBytesPerStep = 4;

/// Unit attribute on the functions that are kernels.
constexpr llvm::StringLiteral kEntryAttr = "kernel.entry";

/// Unit attribute on a kernel's argument that counts the turns of a loop: in
/// odd ones a worker takes its items from last to first.
constexpr llvm::StringLiteral kTurnAttr = "kernel.turn";

/// The attribute of a module whose kernels were lowered: bytes of their private
/// buffers, for each worker; -1: depends on shapes.
constexpr llvm::StringLiteral kScratchAttr = "kernel.scratch_bytes";

/// The attribute of a product with the numbers of its tile, where they are not
/// left to the target's choice: `kernel.tile = {rows = 6, panels = 1, …}`.
constexpr llvm::StringLiteral kTileAttr = "kernel.tile";
/// The attribute of a kernel whose products were lowered: the tiles that they
/// got, in the order in which they stood.
constexpr llvm::StringLiteral kTilesAttr = "kernel.tiles";

} // namespace weft::kernel

#include "weft/Dialect/Kernel/IR/KernelDialect.h.inc"

#define GET_OP_CLASSES
#include "weft/Dialect/Kernel/IR/KernelOps.h.inc"

namespace weft::kernel {

/// True for the ops that a tile is chosen for: products and convolutions.
bool isProduct(mlir::Operation *op);

/// True for integers of 8 bits, with or without a sign.
bool isByte(mlir::Type type);

/// Elements of one sum that stand side by side in weights of this element type:
/// kBytesPerStep bytes, one of any other type.
int64_t elementsPerStep(mlir::Type weightElement);

/// The loop over the work items of a kernel that lies in memory. One whose only
/// item needed no loop gets a loop of one round around its body. Fails, with an
/// error, where there are several loops.
mlir::FailureOr<mlir::scf::ForallOp> loopOverItems(mlir::func::FuncOp kernel);

/// True where `root` has a product of bytes.
bool multipliesBytes(mlir::Operation *root);

/// A product by what its best tile depends on: "conv 1x4x56x56x16f32
/// 8x4x1x1x16x16f32 -> 1x8x56x56x16f32 dilations 1,1 groups 1 strides 1,1".
/// What it does with its sums is left out.
std::string describeProduct(mlir::Operation *op);

/// Makes the ops of this dialect known to one-shot bufferization.
void registerBufferizableOpInterfaces(mlir::DialectRegistry &registry);

} // namespace weft::kernel

#endif // WEFT_DIALECT_KERNEL_IR_KERNEL_H
