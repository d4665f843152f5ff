// From a scalar body (of a linalg op, of a product's epilogue) to the same
// computation on vectors.
#ifndef WEFT_TARGET_CPU_VECTORIZEBODY_H
#define WEFT_TARGET_CPU_VECTORIZEBODY_H

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/STLFunctionalExtras.h"

namespace weft::cpu {

/// `vector<lanes x element of type>`; `type` is a scalar or a vector type.
mlir::VectorType laneType(mlir::Type type, int64_t lanes);

/// `value` in every lane; a vector is returned as it is.
mlir::Value splat(mlir::OpBuilder &b, mlir::Location loc, mlir::Value value,
                  int64_t lanes);

/// True where vectorizeBody can handle every op of `body` but those that
/// `accepts` is true for.
bool isVectorizable(
    mlir::Block &body,
    llvm::function_ref<bool(mlir::Operation *)> accepts = nullptr);

/// Emits one op of the body in the caller's own way and maps its results.
/// Returns false where the op is to be treated like any other.
using EmitOp = llvm::function_ref<bool(mlir::OpBuilder &, mlir::Operation *,
                                       mlir::IRMapping &)>;

/// Emits `body`, without its terminator, at `b`'s insertion point, and returns
/// what the terminator yields. `mapping` gives each block argument a vector of
/// `lanes` lanes or, where all lanes are equal, a scalar; values defined
/// outside the body are uniform unless mapped. What depends on uniform values
/// alone stays scalar, in the results too. Every op must be isVectorizable or
/// handled by `emit`.
llvm::SmallVector<mlir::Value>
vectorizeBody(mlir::OpBuilder &b, mlir::Block &body, mlir::IRMapping &mapping,
              int64_t lanes, EmitOp emit = nullptr);

} // namespace weft::cpu

#endif // WEFT_TARGET_CPU_VECTORIZEBODY_H
