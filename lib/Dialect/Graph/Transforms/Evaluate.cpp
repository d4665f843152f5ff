// Evaluation of one op: gathers the operands' bytes, keeps the budget, chooses
// the family. The type always comes from the op's own rule, so that a constant
// never disagrees with it.

#include "weft/Dialect/Graph/Transforms/Evaluate.h"
#include "EvaluateFamilies.h"
#include "ScalarProgram.h"
#include "weft/Dialect/Graph/IR/Shapes.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;

namespace weft::graph {

/// The static type of the op's result; null where it is not known, or where
/// the op contradicts its rule, which the verifier reports.
static RankedTensorType staticType(Operation *op) {
  auto type = dyn_cast<RankedTensorType>(op->getResult(0).getType());
  if (!type)
    return {};
  if (auto rule = dyn_cast<InferTypeOpInterface>(op)) {
    SmallVector<Type> types;
    if (failed(rule.inferReturnTypes(
            op->getContext(), std::nullopt, op->getOperands(),
            op->getDiscardableAttrDictionary(), op->getPropertiesStorage(),
            op->getRegions(), types)) ||
        !areCompatible(types, op->getResultTypes()))
      return {};
    auto inferred = cast<RankedTensorType>(types[0]);
    type = type.hasStaticShape() ? type : inferred;
  }
  return type.hasStaticShape() ? type : RankedTensorType();
}

static bool withinBudget(RankedTensorType type,
                         ArrayRef<ConstantData> operands) {
  constexpr int64_t kAlways = 1 << 20;
  int64_t given = 0;
  for (const ConstantData &operand : operands)
    given += operand.bytes().size();
  std::optional<int64_t> needed = tensorBytes(type);
  return needed && *needed <= std::max(kAlways, 4 * given);
}

static ElementsAttr evaluateShape(ShapeOp op) {
  RankedTensorType input = tensorType(op.getInput());
  if (!input.hasStaticShape() || input.getRank() == 0)
    return {};
  ArrayRef<int64_t> shape = input.getShape();
  return makeConstant(
      tensorType({input.getRank()}, op.getType().getElementType()),
      ArrayRef(reinterpret_cast<const char *>(shape.data()),
               shape.size() * sizeof(int64_t)));
}

static ElementsAttr evaluateIota(IotaOp op) {
  RankedTensorType type = op.getType();
  Type element = type.getElementType();
  std::optional<Lane> lane = laneOf(element);
  if (!type.hasStaticShape() || !lane || !withinBudget(type, {}))
    return {};
  int64_t length = type.getDimSize(op.getAxis());
  SmallVector<double> doubles(length);
  SmallVector<float> floats(length);
  SmallVector<uint64_t> ints(length);
  for (int64_t i = 0; i < length; ++i)
    doubles[i] = floats[i] = ints[i] = i;
  SmallVector<char, 0> row(length * elementBytes(element));
  storeLanes(element,
             *lane == Lane::F64   ? static_cast<void *>(doubles.data())
             : *lane == Lane::F32 ? static_cast<void *>(floats.data())
                                  : static_cast<void *>(ints.data()),
             length, row.data());
  SmallVector<char, 0> bytes(*tensorBytes(type));
  SmallVector<int64_t> from(type.getRank(), 0);
  from[op.getAxis()] = 1;
  copyStrided(type.getShape(), elementBytes(element), row.data(), from,
              bytes.data(), rowMajorStrides(type.getShape()));
  return makeConstant(type, bytes);
}

ElementsAttr evaluate(Operation *op) {
  if (op->getNumResults() != 1 || !isa<GraphDialect>(op->getDialect()))
    return {};
  if (auto shape = dyn_cast<ShapeOp>(op))
    return evaluateShape(shape);
  if (auto iota = dyn_cast<IotaOp>(op))
    return evaluateIota(iota);
  if (op->getNumOperands() == 0 || isa<ConstantOp>(op))
    return {};
  SmallVector<ConstantData> operands;
  for (Value operand : op->getOperands()) {
    std::optional<ConstantData> data = ConstantData::get(operand);
    if (!data)
      return {};
    operands.push_back(std::move(*data));
  }
  RankedTensorType type = staticType(op);
  if (!type || !elementBytes(type.getElementType()))
    return {};
  if (isa<ReshapeOp, SqueezeOp, UnsqueezeOp>(op)) {
    ElementsAttr input;
    matchPattern(op->getOperand(0), m_Constant(&input));
    return retypeConstant(input, type);
  }
  bool splat = isa<ScalarBody>(op)
                   ? llvm::all_of(operands, [](auto &o) { return o.isSplat(); })
                   : operands[0].isSplat() && isa<ExpandOp, TileOp>(op);
  if (!tensorBytes(type) || (!splat && !withinBudget(type, operands)))
    return {};
  if (auto body = dyn_cast<ScalarBody>(op))
    return evaluateElementwise(body, operands, type);
  if (isa<ReduceOp, CumSumOp>(op))
    return evaluateReduction(op, operands[0], type);
  return evaluateMovement(op, operands, type);
}

/// A constant of `value` that has the type `type` says or, through a cast,
/// less.
static Value materialize(RewriterBase &rewriter, Location loc,
                         ElementsAttr value, Type type) {
  Value constant = ConstantOp::create(rewriter, loc, value);
  if (constant.getType() == type)
    return constant;
  return tensor::CastOp::create(rewriter, loc, type, constant);
}

bool replaceByConstant(RewriterBase &rewriter, Operation *op) {
  ElementsAttr value = evaluate(op);
  if (!value)
    return false;
  OpBuilder::InsertionGuard guard(rewriter);
  rewriter.setInsertionPoint(op);
  rewriter.replaceOp(op, materialize(rewriter, op->getLoc(), value,
                                     op->getResult(0).getType()));
  return true;
}

Value evaluatedResult(RewriterBase &rewriter, Operation *op) {
  ElementsAttr value = evaluate(op);
  if (!value)
    return op->getResult(0);
  Value constant = ConstantOp::create(rewriter, op->getLoc(), value);
  rewriter.eraseOp(op);
  return constant;
}

} // namespace weft::graph
