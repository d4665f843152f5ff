// Verifiers of the recurrent ops: every operand against the same four extents.

#include "weft/Dialect/Graph/IR/Graph.h"
#include "weft/Dialect/Graph/IR/Shapes.h"

using namespace mlir;

namespace weft::graph {

namespace {
/// The extents that all operands share.
struct Extents {
  int64_t time, batch, features, directions, hidden;
};
} // namespace

/// The attributes and the extents; nothing after an error. `functions` is the
/// number of activations of one direction.
template <typename Op>
static std::optional<Extents> extentsOf(Op op, int64_t functions) {
  int64_t directions = llvm::StringSwitch<int64_t>(op.getDirection())
                           .Cases({"forward", "reverse"}, 1)
                           .Case("bidirectional", 2)
                           .Default(0);
  if (!directions) {
    op.emitOpError("direction is '")
        << op.getDirection()
        << "'; it must be forward, reverse or bidirectional";
    return std::nullopt;
  }
  int64_t needed = functions * directions;
  for (auto [what, size] :
       {std::pair("activations", op.getActivations().size()),
        std::pair("alphas", op.getAlphas().size()),
        std::pair("betas", op.getBetas().size())})
    if (static_cast<int64_t>(size) != needed) {
      op.emitOpError("has ")
          << size << " " << what << " where " << needed << " are needed";
      return std::nullopt;
    }
  RankedTensorType input = tensorType(op.getInput());
  if (input.getRank() != 3) {
    op.emitOpError("input has rank ")
        << input.getRank() << " where 3 (time, batch, features) is needed";
    return std::nullopt;
  }
  RankedTensorType recurrent = tensorType(op.getRecurrent());
  if (recurrent.getRank() != 3 || recurrent.isDynamicDim(2)) {
    op.emitOpError("recurrent weight is ")
        << recurrent << "; it needs rank 3 and a static hidden size";
    return std::nullopt;
  }
  return Extents{input.getDimSize(0), input.getDimSize(1), input.getDimSize(2),
                 directions, recurrent.getDimSize(2)};
}

template <typename Op>
static LogicalResult check(Op op, StringRef what, Value value,
                           ArrayRef<int64_t> shape) {
  if (!value ||
      succeeded(verifyCompatibleShape(tensorType(value).getShape(), shape)))
    return success();
  return op.emitOpError(what)
         << " is " << value.getType() << " where "
         << tensorType(shape, tensorType(op.getInput()).getElementType())
         << " is needed";
}

/// What the ops have in common, for a number of gates.
template <typename Op>
static LogicalResult checkCommon(Op op, const Extents &e, int64_t gates) {
  int64_t d = e.directions, h = e.hidden;
  return success(
      succeeded(
          check(op, "weight", op.getWeight(), {d, gates * h, e.features})) &&
      succeeded(check(op, "recurrent weight", op.getRecurrent(),
                      {d, gates * h, h})) &&
      succeeded(check(op, "bias", op.getBias(), {d, 2 * gates * h})) &&
      succeeded(check(op, "lengths", op.getLengths(), {e.batch})) &&
      succeeded(check(op, "initial_h", op.getInitialH(), {d, e.batch, h})) &&
      succeeded(
          check(op, "outputs", op.getOutputs(), {e.time, d, e.batch, h})) &&
      succeeded(check(op, "last_h", op.getLastH(), {d, e.batch, h})));
}

LogicalResult LstmOp::verify() {
  auto e = extentsOf(*this, 3);
  if (!e || failed(checkCommon(*this, *e, 4)))
    return failure();
  return success(succeeded(check(*this, "initial_c", getInitialC(),
                                 {e->directions, e->batch, e->hidden})) &&
                 succeeded(check(*this, "peephole", getPeephole(),
                                 {e->directions, 3 * e->hidden})) &&
                 succeeded(check(*this, "last_c", getLastC(),
                                 {e->directions, e->batch, e->hidden})));
}

LogicalResult GruOp::verify() {
  auto e = extentsOf(*this, 2);
  return success(e && succeeded(checkCommon(*this, *e, 3)));
}

LogicalResult RnnOp::verify() {
  auto e = extentsOf(*this, 1);
  return success(e && succeeded(checkCommon(*this, *e, 1)));
}

} // namespace weft::graph
