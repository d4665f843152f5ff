// Clones a scalar body with vector types. Only ops that MLIR calls elementwise
// mappable occur in bodies, so one rule serves all of them: operands become
// vectors, the result type follows. Memory accesses, loop indices and regions
// are the callers' business.

#include "weft/Target/CPU/VectorizeBody.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace weft::cpu {

VectorType laneType(Type type, int64_t lanes) {
  return VectorType::get({lanes}, getElementTypeOrSelf(type));
}

Value splat(OpBuilder &b, Location loc, Value value, int64_t lanes) {
  if (isa<VectorType>(value.getType()))
    return value;
  VectorType type = laneType(value.getType(), lanes);
  Attribute constant;
  if (matchPattern(value, m_Constant(&constant)))
    if (auto typed = dyn_cast<TypedAttr>(constant))
      return arith::ConstantOp::create(b, loc,
                                       SplatElementsAttr::get(type, typed));
  return vector::BroadcastOp::create(b, loc, type, value);
}

bool isVectorizable(Block &body, function_ref<bool(Operation *)> accepts) {
  return llvm::all_of(body.without_terminator(), [&](Operation &op) {
    if (accepts && accepts(&op))
      return true;
    return isa<arith::ConstantOp>(op) ||
           (op.getNumRegions() == 0 &&
            OpTrait::hasElementwiseMappableTraits(&op));
  });
}

/// Emits `op` with vectors wherever one operand is a vector.
static void vectorizeOp(OpBuilder &b, Operation *op, IRMapping &mapping,
                        int64_t lanes) {
  bool uniform = llvm::none_of(op->getOperands(), [&](Value operand) {
    return isa<VectorType>(mapping.lookupOrDefault(operand).getType());
  });
  if (uniform) {
    b.clone(*op, mapping);
    return;
  }
  SmallVector<Value> operands;
  for (auto [i, operand] : llvm::enumerate(op->getOperands())) {
    Value value = mapping.lookupOrDefault(operand);
    // One condition for all lanes is a branchless choice of whole vectors.
    bool keep = isa<arith::SelectOp>(op) && i == 0;
    operands.push_back(keep ? value : splat(b, op->getLoc(), value, lanes));
  }
  SmallVector<Type> types =
      llvm::map_to_vector(op->getResultTypes(), [&](Type type) -> Type {
        return laneType(type, lanes);
      });
  OperationState state(op->getLoc(), op->getName(), operands, types,
                       op->getAttrDictionary().getValue());
  Operation *copy = b.create(state);
  mapping.map(op->getResults(), copy->getResults());
}

SmallVector<Value> vectorizeBody(OpBuilder &b, Block &body, IRMapping &mapping,
                                 int64_t lanes, EmitOp emit) {
  for (Operation &op : body.without_terminator()) {
    if (emit && emit(b, &op, mapping))
      continue;
    vectorizeOp(b, &op, mapping, lanes);
  }
  return llvm::map_to_vector(
      body.getTerminator()->getOperands(),
      [&](Value value) { return mapping.lookupOrDefault(value); });
}

} // namespace weft::cpu
