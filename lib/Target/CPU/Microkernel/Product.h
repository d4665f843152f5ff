// The innermost step of all products: one register tile takes in one element of
// k. What differs between element types (how operands are widened, which
// instruction multiplies) is here and nowhere else.
#ifndef WEFT_LIB_TARGET_CPU_MICROKERNEL_PRODUCT_H
#define WEFT_LIB_TARGET_CPU_MICROKERNEL_PRODUCT_H

#include "LoopBuilder.h"
#include "Machine.h"

#include "weft/Dialect/Kernel/IR/Kernel.h"

#include "mlir/IR/BuiltinTypes.h"

namespace weft::cpu {

/// The arithmetic of one product on one machine.
class Product {
public:
  /// `sum`: the type that products are added up in; `right`: the element type
  /// of the right side, where it may be bytes.
  Product(mlir::Type sum, const Machine &machine, mlir::Type right = {});

  /// A register of sums, and how many of them a panel of 16 columns takes.
  mlir::VectorType sums() const { return type; }
  /// A register as it is in memory, of other elements.
  mlir::VectorType vectorOf(mlir::Type element) const {
    return mlir::VectorType(type).clone(element);
  }
  int64_t lanes() const { return type.getNumElements(); }
  int64_t vectorsPerPanel() const;
  /// Elements of one sum that a step takes in, side by side in memory: 1, or 4
  /// bytes, which are then one "element" of 32 bits in what follows.
  int64_t elementsPerStep() const { return bytes ? kernel::kBytesPerStep : 1; }

  mlir::Value zero(LoopBuilder &b) const;
  /// `lanes()` elements, contiguous in memory.
  mlir::Value loadVector(LoopBuilder &b, mlir::Value memref,
                         mlir::ValueRange indices) const;
  /// The first `count` of them (an index), zero in the rest.
  mlir::Value loadFirst(LoopBuilder &b, mlir::Value memref,
                        mlir::ValueRange indices, mlir::Value count) const;
  /// One element, the first of a step, in all lanes.
  mlir::Value loadSplat(LoopBuilder &b, mlir::Value memref,
                        mlir::ValueRange indices) const;
  /// sum + left * right, rounded once where the machine can.
  mlir::Value step(LoopBuilder &b, mlir::Value left, mlir::Value right,
                   mlir::Value sum) const;

private:
  mlir::Value widen(LoopBuilder &b, mlir::Value value) const;

  mlir::VectorType type;
  bool fused;
  bool bytes;     ///< ui8 times i8, by fours
  bool dotsBytes; ///< in one instruction
};

/// rows x vectors sums, row by row.
struct RegisterTile {
  int64_t rows, vectors;

  Values zeros(LoopBuilder &b, const Product &product) const;
  /// sums[r][v] += left(r) * right(v). Loads the shorter side first, so that
  /// the registers beside the sums are min(rows, vectors) + 1.
  Values step(LoopBuilder &b, const Product &product, mlir::ValueRange sums,
              llvm::function_ref<mlir::Value(int64_t)> left,
              llvm::function_ref<mlir::Value(int64_t)> right) const;
};

} // namespace weft::cpu

#endif // WEFT_LIB_TARGET_CPU_MICROKERNEL_PRODUCT_H
