// Index arithmetic and loops that fold while they are built: a loop that runs
// once becomes its body, one that never runs becomes nothing.
#ifndef WEFT_LIB_TARGET_CPU_MICROKERNEL_LOOPBUILDER_H
#define WEFT_LIB_TARGET_CPU_MICROKERNEL_LOOPBUILDER_H

#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include <optional>

namespace weft::cpu {

using Values = llvm::SmallVector<mlir::Value>;

class LoopBuilder : public mlir::ImplicitLocOpBuilder {
public:
  using mlir::ImplicitLocOpBuilder::ImplicitLocOpBuilder;

  mlir::Value index(int64_t value);
  mlir::Value add(mlir::Value a, mlir::Value b);
  mlir::Value add(mlir::Value a, int64_t b) { return add(a, index(b)); }
  mlir::Value sub(mlir::Value a, mlir::Value b);
  mlir::Value mul(mlir::Value a, mlir::Value b);
  mlir::Value mul(mlir::Value a, int64_t b) { return mul(a, index(b)); }
  /// Unsigned division, rounded down and up.
  mlir::Value div(mlir::Value a, mlir::Value b);
  mlir::Value divUp(mlir::Value a, mlir::Value b);
  mlir::Value rem(mlir::Value a, mlir::Value b);
  mlir::Value min(mlir::Value a, mlir::Value b);
  mlir::Value max(mlir::Value a, mlir::Value b);
  mlir::Value less(mlir::Value a, mlir::Value b);
  /// Asks for the cache line of an element, to be in L2 when it is loaded. The
  /// indices must be valid: nothing is loaded, but addresses are computed.
  void prefetch(mlir::Value memref, mlir::ValueRange indices);
  /// An extent of a memref, a constant where its type says so.
  mlir::Value dim(mlir::Value memref, int64_t dim);

  /// The indices of element `linear` of a space of these extents.
  Values delinearize(mlir::Value linear, llvm::ArrayRef<mlir::Value> extents);

  /// for i in [lower, upper) by step; the body returns what it carries on.
  Values loop(mlir::Value lower, mlir::Value upper, int64_t step,
              mlir::ValueRange init,
              llvm::function_ref<Values(mlir::Value, mlir::ValueRange)> body);
  void loop(mlir::Value lower, mlir::Value upper, int64_t step,
            llvm::function_ref<void(mlir::Value)> body);
  /// for i in [0, count), two steps in one turn where the count is known.
  Values
  loopByTwo(mlir::Value count, mlir::ValueRange init,
            llvm::function_ref<Values(mlir::Value, mlir::ValueRange)> body);
  /// if (condition) body else otherwise; one of them alone where it is
  /// constant.
  void when(mlir::Value condition, llvm::function_ref<void()> body,
            llvm::function_ref<void()> otherwise = nullptr);
};

/// The value of an index that is known at compile time.
std::optional<int64_t> constantOf(mlir::Value value);

} // namespace weft::cpu

#endif // WEFT_LIB_TARGET_CPU_MICROKERNEL_LOOPBUILDER_H
