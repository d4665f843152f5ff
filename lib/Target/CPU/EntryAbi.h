// The binary interface of include/weft/Artifact/Abi.h in IR: argument slots,
// fields of the context, calls through it. Private to lib/Target/CPU.
#ifndef WEFT_LIB_TARGET_CPU_ENTRYABI_H
#define WEFT_LIB_TARGET_CPU_ENTRYABI_H

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace weft::cpu {

/// Fields of weft_context.
enum class Field {
  WorkerCount,
  ParallelFor,
  ReserveArena,
  Allocate,
  Release,
  Output,
  Fail,
  Failed,
  Scratch,
  ReserveScratch,
  Profile,
  String
};

class EntryAbi {
public:
  explicit EntryAbi(mlir::ImplicitLocOpBuilder &b) : b(b) {}

  mlir::Type pointer() const;
  mlir::Value i64(int64_t value);
  /// `value`, an index or integer, as i64; the reverse.
  mlir::Value toI64(mlir::Value value);
  mlir::Value toIndex(mlir::Value value);
  /// `pointer` moved by `bytes`.
  mlir::Value at(mlir::Value pointer, int64_t bytes);
  mlir::Value at(mlir::Value pointer, mlir::Value bytes);

  mlir::Value load(mlir::Value pointer, mlir::Type type);
  mlir::Value field(mlir::Value context, Field field, mlir::Type type);
  /// Calls the function in `field` with the context and `arguments`.
  mlir::Value call(mlir::Value context, Field field, mlir::Type result,
                   llvm::ArrayRef<mlir::Value> arguments);

  /// A memref of `type` at `pointer`, offset 0. `sizes` and `strides` are the
  /// dynamic ones (i64); strides of identity layouts follow from the sizes.
  mlir::Value memref(mlir::MemRefType type, mlir::Value pointer,
                     llvm::ArrayRef<mlir::Value> sizes,
                     llvm::ArrayRef<mlir::Value> strides = {});
  /// The address of the first element, as i64.
  mlir::Value address(mlir::Value memref);

private:
  mlir::ImplicitLocOpBuilder &b;
};

/// 8-byte slots that an argument of `type` takes in a kernel's argument block.
unsigned slotsOf(mlir::Type type);

/// Reads an argument of `type` from slot `slot` on; `slot` is advanced.
mlir::Value unpackArgument(mlir::ImplicitLocOpBuilder &b, mlir::Type type,
                           mlir::Value block, unsigned &slot);

/// The reverse.
void packArgument(mlir::ImplicitLocOpBuilder &b, mlir::Value value,
                  mlir::Value block, unsigned &slot);

} // namespace weft::cpu

#endif // WEFT_LIB_TARGET_CPU_ENTRYABI_H
