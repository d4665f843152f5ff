// The builder of loops on tensors that all families of lowerings use.

#include "Lowering.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;

namespace weft::lowering {

Type signless(Type type) {
  if (auto i = dyn_cast<IntegerType>(type))
    return IntegerType::get(type.getContext(), i.getWidth());
  if (auto t = dyn_cast<RankedTensorType>(type))
    return RankedTensorType::get(t.getShape(), signless(t.getElementType()),
                                 t.getEncoding());
  return type;
}

Type accumulator(Type type) {
  if (auto f = dyn_cast<FloatType>(type); f && f.getWidth() < 32)
    return Float32Type::get(type.getContext());
  return type;
}

Value convertFloat(ImplicitLocOpBuilder &b, Value x, Type to) {
  if (x.getType() == to)
    return x;
  if (x.getType().getIntOrFloatBitWidth() < to.getIntOrFloatBitWidth())
    return arith::ExtFOp::create(b, to, x);
  return arith::TruncFOp::create(b, to, x);
}

TypedAttr splatValue(Value value) {
  DenseElementsAttr elements;
  if (!matchPattern(value, m_Constant(&elements)) || !elements.isSplat())
    return {};
  Type type = signless(elements.getElementType());
  if (isa<FloatType>(type))
    return FloatAttr::get(type, elements.getSplatValue<APFloat>());
  return IntegerAttr::get(type, elements.getSplatValue<APInt>());
}

LoopBuilder::LoopBuilder(Operation *op, PatternRewriter &rewriter)
    : ImplicitLocOpBuilder(op->getLoc(), rewriter), op(op), rewriter(rewriter) {
}

Value LoopBuilder::input(Value value) {
  Type plain = signless(value.getType());
  if (plain == value.getType())
    return value;
  return UnrealizedConversionCastOp::create(*this, plain, value).getResult(0);
}

SmallVector<OpFoldResult> LoopBuilder::resultDims(unsigned i) {
  ReifiedRankedShapedTypeDims reified;
  if (failed(reifyResultShapes(*this, op, reified))) {
    op->emitError("extents of the result cannot be computed");
    good = false;
    return {};
  }
  return reified[i];
}

void LoopBuilder::replace(ValueRange values) {
  SmallVector<Value> replacements;
  for (auto [value, result] : llvm::zip(values, op->getResults())) {
    Value v = value;
    auto type = cast<RankedTensorType>(result.getType());
    if (Type plain = signless(type); v.getType() != plain)
      v = tensor::CastOp::create(*this, plain, v);
    if (v.getType() != type)
      v = UnrealizedConversionCastOp::create(*this, type, v).getResult(0);
    replacements.push_back(v);
  }
  rewriter.replaceOp(op, replacements);
}

Value LoopBuilder::index(int64_t value) {
  return arith::ConstantIndexOp::create(*this, value);
}

Value LoopBuilder::empty(Dims dims, Type element) {
  return tensor::EmptyOp::create(*this, dims, signless(element));
}

Value LoopBuilder::filled(Dims dims, Value scalar) {
  return linalg::FillOp::create(*this, scalar, empty(dims, scalar.getType()))
      .getResult(0);
}

static SmallVector<utils::IteratorType> iterators(AffineMap output) {
  SmallVector<utils::IteratorType> loops;
  for (unsigned i = 0; i < output.getNumDims(); ++i)
    loops.push_back(output.isFunctionOfDim(i) ? utils::IteratorType::parallel
                                              : utils::IteratorType::reduction);
  return loops;
}

Value LoopBuilder::generic(Value init, ValueRange inputs,
                           ArrayRef<AffineMap> maps, Body body) {
  return generics(init, inputs, maps,
                  [&](ImplicitLocOpBuilder &b, ValueRange args) {
                    return SmallVector<Value>{body(b, args)};
                  })[0];
}

ValueRange LoopBuilder::generics(ValueRange inits, ValueRange inputs,
                                 ArrayRef<AffineMap> maps, Bodies body) {
  SmallVector<AffineMap> all(maps);
  all.append(inits.size() - 1, maps.back());
  auto op = linalg::GenericOp::create(
      *this, TypeRange(inits), inputs, inits, all, iterators(maps.back()),
      [&](OpBuilder &nested, Location loc, ValueRange args) {
        ImplicitLocOpBuilder b(loc, nested);
        linalg::YieldOp::create(b, body(b, args));
      });
  return op.getResults();
}

Value LoopBuilder::generate(
    Dims dims, Type element,
    function_ref<Value(ImplicitLocOpBuilder &, ArrayRef<Value>)> body) {
  unsigned rank = dims.size();
  return generic(empty(dims, element), {}, {identity(rank)},
                 [&](ImplicitLocOpBuilder &b, ValueRange) {
                   return body(b, positions(b, rank));
                 });
}

AffineMap LoopBuilder::map(unsigned loops, ArrayRef<AffineExpr> results) {
  return AffineMap::get(loops, 0, results, getContext());
}

SmallVector<Value> positions(ImplicitLocOpBuilder &b, unsigned loops) {
  SmallVector<Value> all;
  for (unsigned i = 0; i < loops; ++i)
    all.push_back(linalg::IndexOp::create(b, i));
  return all;
}

Value clampIndex(ImplicitLocOpBuilder &b, Value i, Value extent) {
  Value zero = arith::ConstantIndexOp::create(b, 0),
        one = arith::ConstantIndexOp::create(b, 1);
  Value last = b.createOrFold<arith::SubIOp>(extent, one);
  return arith::MaxSIOp::create(b, arith::MinSIOp::create(b, i, last), zero);
}

} // namespace weft::lowering
