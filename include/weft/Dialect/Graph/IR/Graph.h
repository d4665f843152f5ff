// The graph dialect in C++: ops, interfaces, and the type rules they share.
#ifndef WEFT_DIALECT_GRAPH_IR_GRAPH_H
#define WEFT_DIALECT_GRAPH_IR_GRAPH_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

namespace weft::graph {

/// True where no pair of types contradicts itself: same element types, same
/// ranks, no two different static extents.
bool areCompatible(mlir::TypeRange inferred, mlir::TypeRange actual);

/// True where the elements of `value` are unsigned integers (ui8, …).
bool isUnsigned(mlir::Value value);

/// The folding of every elementwise op: evaluates the scalar body over constant
/// operands. Null when an operand is not constant or the result is large and
/// not a splat, which `weft-fold-constants` handles once instead of at every
/// visit.
mlir::OpFoldResult foldScalarBody(mlir::Operation *op,
                                  llvm::ArrayRef<mlir::Attribute> operands);

} // namespace weft::graph

#include "weft/Dialect/Graph/IR/GraphDialect.h.inc"

#include "weft/Dialect/Graph/IR/GraphEnums.h.inc"

#define GET_ATTRDEF_CLASSES
#include "weft/Dialect/Graph/IR/GraphAttributes.h.inc"

#include "weft/Dialect/Graph/IR/GraphInterfaces.h.inc"

#define GET_OP_CLASSES
#include "weft/Dialect/Graph/IR/GraphOps.h.inc"

#endif // WEFT_DIALECT_GRAPH_IR_GRAPH_H
