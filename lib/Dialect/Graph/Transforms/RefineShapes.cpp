// One walk in program order: a type rule sees operands that have been refined
// already. Loops are walked again when what they carry got a better type, which
// is taken from the initial value and the iteration's result alone, so that no
// guess has to be taken back.

#include "weft/Dialect/Graph/IR/Graph.h"
#include "weft/Dialect/Graph/IR/Shapes.h"
#include "weft/Dialect/Graph/Transforms/Passes.h"

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

namespace weft::graph {
#define GEN_PASS_DEF_REFINESHAPES
#include "weft/Dialect/Graph/Transforms/Passes.h.inc"
} // namespace weft::graph

using namespace mlir;
using namespace weft::graph;

namespace {

bool isGraph(Operation *op) {
  return isa_and_nonnull<GraphDialect>(op->getDialect());
}

/// Static extents of either type; null where they contradict each other.
RankedTensorType join(RankedTensorType a, RankedTensorType b) {
  if (!b || a.getElementType() != b.getElementType() ||
      failed(verifyCompatibleShape(a, b)))
    return {};
  SmallVector<int64_t> shape(a.getShape());
  for (auto [own, other] : llvm::zip(shape, b.getShape()))
    own = own == kDynamic ? other : own;
  return tensorType(shape, a.getElementType());
}

/// Static extents on which both types agree.
RankedTensorType meet(RankedTensorType a, RankedTensorType b) {
  if (!a || !b || a.getElementType() != b.getElementType() ||
      a.getRank() != b.getRank())
    return {};
  SmallVector<int64_t> shape(a.getShape());
  for (auto [own, other] : llvm::zip(shape, b.getShape()))
    own = own == other ? own : kDynamic;
  return tensorType(shape, a.getElementType());
}

/// `value` before casts that forgot extents.
Value beforeCasts(Value value) {
  while (auto cast = value.getDefiningOp<tensor::CastOp>()) {
    auto source = dyn_cast<RankedTensorType>(cast.getSource().getType());
    auto type = dyn_cast<RankedTensorType>(cast.getType());
    if (!source || !type || join(source, type) != source)
      break;
    value = cast.getSource();
  }
  return value;
}

RankedTensorType refinedType(Value value) {
  return dyn_cast<RankedTensorType>(beforeCasts(value).getType());
}

/// Gives `value` a type that says more; users that need the old one get a cast.
void retype(OpBuilder &b, Value value, RankedTensorType type) {
  Type old = value.getType();
  value.setType(type);
  Value cast;
  for (OpOperand &use : llvm::make_early_inc_range(value.getUses())) {
    Operation *user = use.getOwner();
    // These take what they are given.
    if (isGraph(user) ||
        isa<tensor::CastOp, tensor::DimOp, tensor::ExtractOp>(user))
      continue;
    if (!cast) {
      b.setInsertionPointAfterValue(value);
      cast = tensor::CastOp::create(b, value.getLoc(), old, value);
    }
    use.set(cast);
  }
}

/// Makes operand `i` of a terminator be of `type`.
void castOperand(OpBuilder &b, OpOperand &operand, RankedTensorType type) {
  Value source = beforeCasts(operand.get());
  if (source.getType() != type) {
    b.setInsertionPoint(operand.getOwner());
    source = tensor::CastOp::create(b, operand.get().getLoc(), type, source);
  }
  operand.set(source);
}

class Refiner {
public:
  explicit Refiner(MLIRContext *context) : b(context) {}

  void refine(Region &region) {
    for (Block &block : region)
      for (Operation &op : llvm::make_early_inc_range(block))
        refine(&op);
  }

private:
  void refine(Operation *op);
  void refineGraph(Operation *op);
  void refineIf(scf::IfOp op);
  void refineFor(scf::ForOp op);

  OpBuilder b;
};

void Refiner::refine(Operation *op) {
  if (isGraph(op))
    for (OpOperand &operand : op->getOpOperands())
      operand.set(beforeCasts(operand.get()));
  for (Region &region : op->getRegions())
    refine(region);
  if (isGraph(op))
    refineGraph(op);
  else if (auto branch = dyn_cast<scf::IfOp>(op))
    refineIf(branch);
  else if (auto loop = dyn_cast<scf::ForOp>(op))
    refineFor(loop);
}

void Refiner::refineGraph(Operation *op) {
  auto rule = dyn_cast<InferTypeOpInterface>(op);
  SmallVector<Type> inferred;
  if (!rule || failed(rule.inferReturnTypes(
                   op->getContext(), std::nullopt, op->getOperands(),
                   op->getDiscardableAttrDictionary(),
                   op->getPropertiesStorage(), op->getRegions(), inferred)))
    return;
  for (auto [result, type] : llvm::zip(op->getResults(), inferred)) {
    auto old = dyn_cast<RankedTensorType>(result.getType());
    RankedTensorType joined =
        old ? join(old, dyn_cast<RankedTensorType>(type)) : old;
    if (joined && joined != old)
      retype(b, result, joined);
  }
}

void Refiner::refineIf(scf::IfOp op) {
  if (op.getNumResults() == 0)
    return;
  scf::YieldOp yes = op.thenYield(), no = op.elseYield();
  for (auto [i, result] : llvm::enumerate(op.getResults())) {
    auto old = dyn_cast<RankedTensorType>(result.getType());
    RankedTensorType agreed = old ? meet(refinedType(yes.getOperand(i)),
                                         refinedType(no.getOperand(i)))
                                  : old;
    RankedTensorType joined = agreed ? join(old, agreed) : agreed;
    if (!joined || joined == old)
      continue;
    castOperand(b, yes->getOpOperand(i), joined);
    castOperand(b, no->getOpOperand(i), joined);
    retype(b, result, joined);
  }
}

void Refiner::refineFor(scf::ForOp op) {
  bool changed = false;
  auto yield = cast<scf::YieldOp>(op.getBody()->getTerminator());
  for (auto [i, result] : llvm::enumerate(op.getResults())) {
    OpOperand &init = op.getInitArgsMutable()[i];
    auto old = dyn_cast<RankedTensorType>(result.getType());
    RankedTensorType agreed =
        old ? meet(refinedType(init.get()), refinedType(yield.getOperand(i)))
            : old;
    RankedTensorType joined = agreed ? join(old, agreed) : agreed;
    if (!joined || joined == old)
      continue;
    castOperand(b, init, joined);
    castOperand(b, yield->getOpOperand(i), joined);
    retype(b, op.getRegionIterArg(i), joined);
    retype(b, result, joined);
    changed = true;
  }
  // Each round makes a type more static; it ends.
  if (changed) {
    refine(op.getRegion());
    refineFor(op);
  }
}

struct RefineShapes : weft::graph::impl::RefineShapesBase<RefineShapes> {
  void runOnOperation() override {
    Refiner(&getContext()).refine(getOperation().getBodyRegion());
    getOperation().walk([](tensor::CastOp op) {
      if (op->use_empty())
        op->erase();
    });
  }
};

} // namespace
