// Verifier of the recurrent ops: every operand against the same four extents.

#include "weft/Dialect/Graph/IR/Graph.h"
#include "weft/Dialect/Graph/IR/Shapes.h"

using namespace mlir;

namespace weft::graph {

LogicalResult LstmOp::verify() {
  int64_t directions = llvm::StringSwitch<int64_t>(getDirection())
                           .Cases({"forward", "reverse"}, 1)
                           .Case("bidirectional", 2)
                           .Default(0);
  if (!directions)
    return emitOpError("direction is '") << getDirection() << "'; it must be forward, reverse or bidirectional";
  if (static_cast<int64_t>(getActivations().size()) != 3 * directions)
    return emitOpError("has ") << getActivations().size() << " activations where " << 3 * directions << " are needed";
  RankedTensorType input = tensorType(getInput());
  if (input.getRank() != 3)
    return emitOpError("input has rank ") << input.getRank() << " where 3 (time, batch, features) is needed";
  RankedTensorType recurrent = tensorType(getRecurrent());
  if (recurrent.getRank() != 3 || recurrent.isDynamicDim(2))
    return emitOpError("recurrent weight is ") << recurrent << "; it needs rank 3 and a static hidden size";
  int64_t hidden = recurrent.getDimSize(2), time = input.getDimSize(0), batch = input.getDimSize(1);
  auto check = [&](StringRef what, Value value, ArrayRef<int64_t> shape) -> LogicalResult {
    if (!value || succeeded(verifyCompatibleShape(tensorType(value).getShape(), shape)))
      return success();
    return emitOpError(what) << " is " << value.getType() << " where "
                             << tensorType(shape, input.getElementType()) << " is needed";
  };
  return success(succeeded(check("weight", getWeight(), {directions, 4 * hidden, input.getDimSize(2)})) &&
                 succeeded(check("recurrent weight", getRecurrent(), {directions, 4 * hidden, hidden})) &&
                 succeeded(check("bias", getBias(), {directions, 8 * hidden})) &&
                 succeeded(check("lengths", getLengths(), {batch})) &&
                 succeeded(check("initial_h", getInitialH(), {directions, batch, hidden})) &&
                 succeeded(check("initial_c", getInitialC(), {directions, batch, hidden})) &&
                 succeeded(check("peephole", getPeephole(), {directions, 3 * hidden})) &&
                 succeeded(check("outputs", getOutputs(), {time, directions, batch, hidden})) &&
                 succeeded(check("last_h", getLastH(), {directions, batch, hidden})) &&
                 succeeded(check("last_c", getLastC(), {directions, batch, hidden})));
}

} // namespace weft::graph
