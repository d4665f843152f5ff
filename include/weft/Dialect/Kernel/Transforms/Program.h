// What a bufferized program needs beside its code: the weights, the messages of
// its checks, and a line for each launch. Every target sees the same tables.
#ifndef WEFT_DIALECT_KERNEL_TRANSFORMS_PROGRAM_H
#define WEFT_DIALECT_KERNEL_TRANSFORMS_PROGRAM_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinOps.h"
#include "weft/Artifact/Manifest.h"

namespace weft::kernel {

/// Attribute of each memref.global: its offset in the weight section.
constexpr llvm::StringLiteral kOffsetAttr = "kernel.offset";
/// Attribute of the module: the messages of all kernel.check ops, each once.
constexpr llvm::StringLiteral kChecksAttr = "kernel.checks";
/// Attribute of each launch: its number in the order of the program.
constexpr llvm::StringLiteral kLaunchAttr = "kernel.number";

struct Weight {
  uint64_t offset = 0;
  mlir::ElementsAttr value; ///< of the type that memory holds: i1 as bytes
};

struct Program {
  llvm::SmallVector<Weight> weights; ///< in order, 64-byte aligned
  uint64_t weightBytes = 0;
  int64_t arenaBytes = 0; ///< after weft-plan-memory; -1: depends on shapes
  /// The arena's blocks of known place and size, by first launch and offset.
  std::vector<artifact::MemoryBlock> buffers;
  std::vector<std::string> checks;
  std::vector<std::string> strings; ///< of the model, numbered from 1 on
  std::vector<artifact::KernelInfo> kernels;
};

/// What memory holds of a type of static shape.
uint64_t bytesOf(mlir::ShapedType type);

/// The function that the program begins with; null, with an error, where there
/// is none.
mlir::func::FuncOp mainOf(mlir::ModuleOp module);

/// Numbers launches, checks and constants; part of weft-bufferize.
void numberProgram(mlir::ModuleOp module);

/// The number of each check's message in kChecksAttr.
using CheckNumbers = llvm::DenseMap<mlir::Attribute, int64_t>;
CheckNumbers numbersOfChecks(mlir::ModuleOp module);

/// The tables of a module after weft-bufferize.
Program readProgram(mlir::ModuleOp module);

} // namespace weft::kernel

#endif // WEFT_DIALECT_KERNEL_TRANSFORMS_PROGRAM_H
