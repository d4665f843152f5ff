// Builders of one scalar step that work for floats and integers alike: what
// the bodies of elementwise ops, reductions and importers' compositions are
// written with.
#ifndef WEFT_DIALECT_GRAPH_IR_SCALARBUILDER_H
#define WEFT_DIALECT_GRAPH_IR_SCALARBUILDER_H

#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace weft::graph::scalar {

using mlir::ImplicitLocOpBuilder;
using mlir::Type;
using mlir::Value;

/// `value` in type `type`, a float or a signless integer.
Value constant(ImplicitLocOpBuilder &b, Type type, double value);

Value add(ImplicitLocOpBuilder &b, Value x, Value y);
Value sub(ImplicitLocOpBuilder &b, Value x, Value y);
Value mul(ImplicitLocOpBuilder &b, Value x, Value y);
/// Integer division by 0 is 0, and INT_MIN / -1 wraps: neither may trap.
Value div(ImplicitLocOpBuilder &b, Value x, Value y, bool isUnsigned);
Value rem(ImplicitLocOpBuilder &b, Value x, Value y, bool isUnsigned);
/// Powers of integers are computed in f64 and converted back.
Value pow(ImplicitLocOpBuilder &b, Value x, Value y);
Value max(ImplicitLocOpBuilder &b, Value x, Value y, bool isUnsigned);
Value min(ImplicitLocOpBuilder &b, Value x, Value y, bool isUnsigned);
Value neg(ImplicitLocOpBuilder &b, Value x);
Value abs(ImplicitLocOpBuilder &b, Value x, bool isUnsigned);
Value sign(ImplicitLocOpBuilder &b, Value x, bool isUnsigned);
/// cos(pi / 2 * x / y) of floats as graph.cos_quarters describes it.
Value cosQuarters(ImplicitLocOpBuilder &b, Value x, Value y);
Value bitNot(ImplicitLocOpBuilder &b, Value x);
Value shift(ImplicitLocOpBuilder &b, Value x, Value y, bool left);
/// Conversion as graph.cast describes it; `to` is signless.
Value cast(ImplicitLocOpBuilder &b, Value x, Type to, bool fromUnsigned,
           bool toUnsigned);

} // namespace weft::graph::scalar

#endif // WEFT_DIALECT_GRAPH_IR_SCALARBUILDER_H
