// What elementwise ops have beyond their tables: the folding that all share,
// and the few whose result type or body does not fit the common classes.

#include "weft/Dialect/Graph/IR/Graph.h"
#include "weft/Dialect/Graph/IR/ScalarBuilder.h"
#include "weft/Dialect/Graph/IR/Shapes.h"
#include "weft/Dialect/Kernel/IR/Kernel.h"

#include "mlir/IR/Matchers.h"

#include <cmath>

using namespace mlir;

namespace weft::graph {

bool isUnsigned(Value value) {
  return getElementTypeOrSelf(value.getType()).isUnsignedInteger();
}

/// Signless form of an element type, as scalar bodies see it.
static Type signless(Type type) {
  if (auto i = dyn_cast<IntegerType>(type))
    return IntegerType::get(type.getContext(), i.getWidth());
  return type;
}

/// Element `i` of a constant (or its splat) as a scalar attribute.
static TypedAttr scalarAttr(DenseElementsAttr elements, int64_t i) {
  Type type = signless(elements.getElementType());
  if (isa<FloatType>(type))
    return FloatAttr::get(type, elements.isSplat()
                                    ? elements.getSplatValue<APFloat>()
                                    : elements.getValues<APFloat>()[i]);
  return IntegerAttr::get(type, elements.isSplat()
                                    ? elements.getSplatValue<APInt>()
                                    : elements.getValues<APInt>()[i]);
}

/// The value of the body for constant scalars, by the folders of arith and
/// math; null where one of them does not fold.
static Attribute evaluate(ScalarBody op, ArrayRef<TypedAttr> scalars) {
  OwningOpRef<ModuleOp> scratch = ModuleOp::create(op->getLoc());
  ImplicitLocOpBuilder b(op->getLoc(), scratch->getBodyRegion());
  b.setInsertionPointToStart(scratch->getBody());
  SmallVector<Value> args;
  for (TypedAttr scalar : scalars)
    args.push_back(arith::ConstantOp::create(b, scalar));
  Value result = op.buildScalar(b, args);
  DenseMap<Value, Attribute> known;
  for (Operation &step : *scratch->getBody()) {
    SmallVector<Attribute> operands;
    for (Value operand : step.getOperands())
      operands.push_back(known.lookup(operand));
    SmallVector<OpFoldResult> folded;
    if (failed(step.fold(operands, folded)) || folded.size() != 1)
      return {};
    if (auto attr = dyn_cast<Attribute>(folded[0]))
      known[step.getResult(0)] = attr;
    else
      known[step.getResult(0)] = known.lookup(cast<Value>(folded[0]));
    if (!known[step.getResult(0)])
      return {};
  }
  return known.lookup(result);
}

/// True where `operand` is a constant whose every element is `value`. Zeros of
/// floats count with their sign.
static bool isSplatOf(Attribute operand, double value) {
  auto elements = dyn_cast_or_null<DenseElementsAttr>(operand);
  if (!elements || !elements.isSplat())
    return false;
  TypedAttr scalar = scalarAttr(elements, 0);
  if (auto number = dyn_cast<FloatAttr>(scalar))
    return number.getValue().bitwiseIsEqual(
        FloatAttr::get(number.getType(), value).getValue());
  APInt integer = cast<IntegerAttr>(scalar).getValue();
  return integer == APInt(integer.getBitWidth(), static_cast<int64_t>(value),
                          /*isSigned=*/true, /*implicitTrunc=*/true);
}

/// The operand that `op` returns unchanged whatever it is; NaN and the sign of
/// zero included: x + 0 is not x for x = -0, x + -0 is.
static Value identityOperand(Operation *op, ArrayRef<Attribute> operands) {
  Value x = op->getOperand(0);
  Value y = op->getNumOperands() > 1 ? op->getOperand(1) : Value();
  bool isFloat = isa<FloatType>(getElementTypeOrSelf(x.getType()));
  auto either = [&](double neutral) {
    return isSplatOf(operands[1], neutral)   ? x
           : isSplatOf(operands[0], neutral) ? y
                                             : Value();
  };
  auto right = [&](double neutral) {
    return isSplatOf(operands[1], neutral) ? x : Value();
  };
  return TypeSwitch<Operation *, Value>(op)
      .Case([&](AddOp) { return either(isFloat ? -0.0 : 0.0); })
      .Case([&](MulOp) { return either(1); })
      .Case<OrOp, XorOp>([&](auto) { return either(0); })
      .Case([&](AndOp) { return x == y ? x : either(-1); })
      .Case<MaxOp, MinOp>([&](auto) { return x == y ? x : Value(); })
      .Case<SubOp, ShlOp, ShrOp>([&](auto) { return right(0); })
      .Case<DivOp, PowOp>([&](auto) { return right(1); })
      .Case<SelectOp>([&](auto) {
        return isSplatOf(operands[0], -1)  ? y
               : isSplatOf(operands[0], 0) ? op->getOperand(2)
               : y == op->getOperand(2)    ? y
                                           : Value();
      })
      .Case([&](CastOp) { return x; })
      .Case<NotOp, NegOp>([&](auto outer) {
        auto inner = x.getDefiningOp<decltype(outer)>();
        return inner ? inner.getX() : Value();
      })
      .Case<AbsOp, FloorOp, CeilOp, RoundOp, TruncOp, SignOp>([&](auto outer) {
        return x.getDefiningOp<decltype(outer)>() ? x : Value();
      })
      .Default([](Operation *) { return Value(); });
}

OpFoldResult foldScalarBody(Operation *op, ArrayRef<Attribute> operands) {
  Value same = identityOperand(op, operands);
  if (same && same.getType() == op->getResult(0).getType())
    return same;
  // More elements than this are folded by weft-fold-constants.
  constexpr int64_t kFewElements = 64;
  auto type = cast<RankedTensorType>(op->getResult(0).getType());
  if (!type.hasStaticShape())
    return {};
  bool allSplat = true, sameShape = true;
  SmallVector<DenseElementsAttr> constants;
  for (Attribute operand : operands) {
    auto elements = dyn_cast_or_null<DenseElementsAttr>(operand);
    if (!elements)
      return {};
    allSplat &= elements.isSplat();
    sameShape &=
        elements.isSplat() || elements.getType().getShape() == type.getShape();
    constants.push_back(elements);
  }
  int64_t count = allSplat ? 1 : type.getNumElements();
  if (count == 0 || count > kFewElements || !sameShape)
    return {};
  SmallVector<Attribute> results;
  for (int64_t i = 0; i < count; ++i) {
    SmallVector<TypedAttr> scalars;
    for (DenseElementsAttr elements : constants)
      scalars.push_back(scalarAttr(elements, i));
    Attribute value = evaluate(cast<ScalarBody>(op), scalars);
    if (!value)
      return {};
    // Dense attributes hold integers in their own signedness.
    if (auto integer = dyn_cast<IntegerAttr>(value))
      value = IntegerAttr::get(type.getElementType(), integer.getValue());
    results.push_back(value);
  }
  return DenseElementsAttr::get(type, results);
}

//===-- Ops with a result type of their own
//--------------------------------------//

static Type i1(MLIRContext *context) { return IntegerType::get(context, 1); }

#define WEFT_ELEMENTWISE_COMMON(OP)                                            \
  LogicalResult OP::reifyResultShapes(OpBuilder &b,                            \
                                      ReifiedRankedShapedTypeDims &dims) {     \
    return reifyBroadcast(b, getOperation(), dims);                            \
  }                                                                            \
  OpFoldResult OP::fold(FoldAdaptor adaptor) {                                 \
    return foldScalarBody(getOperation(), adaptor.getOperands());              \
  }
WEFT_ELEMENTWISE_COMMON(CompareOp)
WEFT_ELEMENTWISE_COMMON(SelectOp)
WEFT_ELEMENTWISE_COMMON(ClampOp)
WEFT_ELEMENTWISE_COMMON(CastOp)
WEFT_ELEMENTWISE_COMMON(QuantizeOp)
WEFT_ELEMENTWISE_COMMON(IsNanOp)
WEFT_ELEMENTWISE_COMMON(IsInfOp)
#undef WEFT_ELEMENTWISE_COMMON

LogicalResult CopyOp::inferReturnTypes(MLIRContext *,
                                       std::optional<Location> loc, Adaptor op,
                                       SmallVectorImpl<Type> &types) {
  return inferElementwise(loc, op.getOperands(), {}, types);
}

LogicalResult CopyOp::reifyResultShapes(OpBuilder &b,
                                        ReifiedRankedShapedTypeDims &dims) {
  return reifyBroadcast(b, getOperation(), dims);
}

Value CopyOp::buildScalar(ImplicitLocOpBuilder &, ValueRange args) {
  return args[0];
}

LogicalResult CompareOp::inferReturnTypes(MLIRContext *context,
                                          std::optional<Location> loc,
                                          Adaptor op,
                                          SmallVectorImpl<Type> &types) {
  Type x = tensorType(op.getX()).getElementType(),
       y = tensorType(op.getY()).getElementType();
  if (x != y)
    return emitOptionalError(loc, "compares ", x, " with ", y);
  return inferElementwise(loc, op.getOperands(), i1(context), types);
}

Value CompareOp::buildScalar(ImplicitLocOpBuilder &b, ValueRange args) {
  if (isa<FloatType>(args[0].getType())) {
    using P = arith::CmpFPredicate;
    static constexpr P predicates[] = {P::OEQ, P::UNE, P::OLT,
                                       P::OLE, P::OGT, P::OGE};
    return arith::CmpFOp::create(b, predicates[static_cast<int>(getRelation())],
                                 args[0], args[1]);
  }
  using P = arith::CmpIPredicate;
  static constexpr P asSigned[] = {P::eq,  P::ne,  P::slt,
                                   P::sle, P::sgt, P::sge};
  static constexpr P asUnsigned[] = {P::eq,  P::ne,  P::ult,
                                     P::ule, P::ugt, P::uge};
  bool positive = isUnsigned(getX()) || args[0].getType().isInteger(1);
  P predicate =
      (positive ? asUnsigned : asSigned)[static_cast<int>(getRelation())];
  return arith::CmpIOp::create(b, predicate, args[0], args[1]);
}

LogicalResult SelectOp::inferReturnTypes(MLIRContext *,
                                         std::optional<Location> loc,
                                         Adaptor op,
                                         SmallVectorImpl<Type> &types) {
  Type x = tensorType(op.getX()).getElementType(),
       y = tensorType(op.getY()).getElementType();
  if (x != y)
    return emitOptionalError(loc, "chooses between ", x, " and ", y);
  return inferElementwise(loc, op.getOperands(), x, types);
}

Value SelectOp::buildScalar(ImplicitLocOpBuilder &b, ValueRange args) {
  return arith::SelectOp::create(b, args[0], args[1], args[2]);
}

LogicalResult ClampOp::inferReturnTypes(MLIRContext *,
                                        std::optional<Location> loc, Adaptor op,
                                        SmallVectorImpl<Type> &types) {
  return inferElementwise(loc, op.getOperands(), {}, types);
}

Value ClampOp::buildScalar(ImplicitLocOpBuilder &b, ValueRange args) {
  bool positive = isUnsigned(getX());
  return scalar::min(b, scalar::max(b, args[0], args[1], positive), args[2],
                     positive);
}

LogicalResult CastOp::inferReturnTypes(MLIRContext *,
                                       std::optional<Location> loc, Adaptor op,
                                       SmallVectorImpl<Type> &types) {
  return inferElementwise(loc, op.getOperands(), op.getTo(), types);
}

Value CastOp::buildScalar(ImplicitLocOpBuilder &b, ValueRange args) {
  return scalar::cast(b, args[0], signless(getTo()), isUnsigned(getX()),
                      getTo().isUnsignedInteger());
}

LogicalResult QuantizeOp::inferReturnTypes(MLIRContext *,
                                           std::optional<Location> loc,
                                           Adaptor op,
                                           SmallVectorImpl<Type> &types) {
  return inferElementwise(loc, op.getOperands(),
                          tensorType(op.getZero()).getElementType(), types);
}

Value QuantizeOp::buildScalar(ImplicitLocOpBuilder &b, ValueRange args) {
  Type element = args[1].getType(), f32 = b.getF32Type(), i32 = b.getI32Type();
  bool positive = isUnsigned(getZero());
  unsigned width = element.getIntOrFloatBitWidth();
  double least = positive ? 0 : -std::ldexp(1.0, width - 1),
         most = std::ldexp(1.0, positive ? width : width - 1) - 1;
  // All sums that do not saturate are exact in f32.
  Value y =
      arith::AddFOp::create(b, math::RoundEvenOp::create(b, args[0]),
                            scalar::cast(b, args[1], f32, positive, false));
  // One instruction each: NaN is neither above nor below.
  auto bound = [&](arith::CmpFPredicate keeps, double value) {
    Value limit = scalar::constant(b, f32, value);
    Value inside = arith::CmpFOp::create(b, keeps, y, limit);
    y = arith::SelectOp::create(b, inside, y, limit);
  };
  bound(arith::CmpFPredicate::OGT, least);
  bound(arith::CmpFPredicate::OLT, most);
  return arith::TruncIOp::create(b, element,
                                 arith::FPToSIOp::create(b, i32, y));
}

LogicalResult BitCastOp::inferReturnTypes(MLIRContext *,
                                          std::optional<Location> loc,
                                          Adaptor op,
                                          SmallVectorImpl<Type> &types) {
  Type from = tensorType(op.getX()).getElementType(), to = op.getTo();
  if (from.getIntOrFloatBitWidth() != to.getIntOrFloatBitWidth())
    return emitOptionalError(loc, "takes ", from.getIntOrFloatBitWidth(),
                             " bits of ", from, " for ",
                             to.getIntOrFloatBitWidth(), " bits of ", to);
  return inferElementwise(loc, op.getOperands(), to, types);
}

LogicalResult BitCastOp::reifyResultShapes(OpBuilder &b,
                                           ReifiedRankedShapedTypeDims &dims) {
  return reifyBroadcast(b, getOperation(), dims);
}

Value BitCastOp::buildScalar(ImplicitLocOpBuilder &b, ValueRange args) {
  return b.createOrFold<arith::BitcastOp>(signless(getTo()), args[0]);
}

LogicalResult IsNanOp::inferReturnTypes(MLIRContext *context,
                                        std::optional<Location> loc, Adaptor op,
                                        SmallVectorImpl<Type> &types) {
  return inferElementwise(loc, op.getOperands(), i1(context), types);
}

Value IsNanOp::buildScalar(ImplicitLocOpBuilder &b, ValueRange args) {
  return arith::CmpFOp::create(b, arith::CmpFPredicate::UNO, args[0], args[0]);
}

LogicalResult IsInfOp::inferReturnTypes(MLIRContext *context,
                                        std::optional<Location> loc, Adaptor op,
                                        SmallVectorImpl<Type> &types) {
  return inferElementwise(loc, op.getOperands(), i1(context), types);
}

Value IsInfOp::buildScalar(ImplicitLocOpBuilder &b, ValueRange args) {
  auto type = cast<FloatType>(args[0].getType());
  auto equals = [&](bool negative) -> Value {
    Value infinity = arith::ConstantOp::create(
        b, b.getFloatAttr(type,
                          APFloat::getInf(type.getFloatSemantics(), negative)));
    return arith::CmpFOp::create(b, arith::CmpFPredicate::OEQ, args[0],
                                 infinity);
  };
  Value found = scalar::constant(b, b.getI1Type(), 0);
  if (getPositive())
    found = equals(false);
  if (getNegative())
    found = arith::OrIOp::create(b, found, equals(true));
  return found;
}

//===-- Strings -----------------------------------------------------------===//

LogicalResult StringOp::inferReturnTypes(MLIRContext *,
                                         std::optional<Location> loc,
                                         Adaptor op,
                                         SmallVectorImpl<Type> &types) {
  return inferElementwise(loc, op.getOperands(), {}, types);
}

LogicalResult StringOp::reifyResultShapes(OpBuilder &b,
                                          ReifiedRankedShapedTypeDims &dims) {
  return reifyBroadcast(b, getOperation(), dims);
}

Value StringOp::buildScalar(ImplicitLocOpBuilder &b, ValueRange args) {
  return kernel::StringOp::create(b, uint64_t(getFunction()), args);
}

} // namespace weft::graph
