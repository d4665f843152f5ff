// Matrix products and convolutions that layout has not turned into packed
// kernel ops (other types than f32, weights that are no constants): plain
// contractions, correct for every rank, group, stride and padding. Narrow
// floats are summed in f32, and a bias is what the sum starts with.

#include "Reduce.h"

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "weft/Dialect/Graph/IR/ScalarBuilder.h"

using namespace mlir;
namespace scalar = weft::graph::scalar;

namespace weft::lowering {
namespace {

/// total + x * y, all in the accumulator's type.
Value multiplyAdd(ImplicitLocOpBuilder &b, Value x, Value y, Value total) {
  Type sum = total.getType();
  if (isa<FloatType>(sum)) {
    x = convertFloat(b, x, sum);
    y = convertFloat(b, y, sum);
  }
  return scalar::add(b, total, scalar::mul(b, x, y));
}

/// Back from the accumulator's type to the result's.
Value narrow(LoopBuilder &b, Value sum, Type element) {
  if (cast<RankedTensorType>(sum.getType()).getElementType() == element)
    return sum;
  return mapElements(b, sum, element, [&](ImplicitLocOpBuilder &body, Value x) {
    return convertFloat(body, x, element);
  });
}

/// Zeros, or the bias of each channel (dimension 1).
Value biased(LoopBuilder &b, LoopBuilder::Dims dims, Value bias, Type sum) {
  if (!bias)
    return b.filled(dims, scalar::constant(b, sum, 0));
  unsigned rank = dims.size();
  return b.generic(b.empty(dims, sum), b.input(bias),
                   {b.map(rank, b.getAffineDimExpr(1)), b.identity(rank)},
                   [&](ImplicitLocOpBuilder &body, ValueRange args) {
                     return isa<FloatType>(sum)
                                ? convertFloat(body, args[0], sum)
                                : args[0];
                   });
}

struct MatMulToGeneric : OpRewritePattern<graph::MatMulOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(graph::MatMulOp op,
                                PatternRewriter &rewriter) const final {
    LoopBuilder b(op, rewriter);
    SmallVector<OpFoldResult> dims = b.resultDims();
    Type element = signless(op.getType().getElementType());
    unsigned rank = dims.size(), loops = rank + 1;
    AffineExpr m = b.getAffineDimExpr(rank - 2),
               n = b.getAffineDimExpr(rank - 1), k = b.getAffineDimExpr(rank);
    auto operandMap = [&](Value operand, AffineExpr row, AffineExpr column) {
      RankedTensorType type = graph::tensorType(operand);
      SmallVector<AffineExpr> places;
      int64_t batch = type.getRank() - 2, offset = rank - type.getRank();
      for (int64_t i = 0; i < batch; ++i)
        places.push_back(type.getDimSize(i) == 1
                             ? b.getAffineConstantExpr(0)
                             : b.getAffineDimExpr(offset + i));
      places.append({row, column});
      return b.map(loops, places);
    };
    AffineMap lhs = op.getTransposeLhs() ? operandMap(op.getLhs(), k, m)
                                         : operandMap(op.getLhs(), m, k);
    AffineMap rhs = op.getTransposeRhs() ? operandMap(op.getRhs(), n, k)
                                         : operandMap(op.getRhs(), k, n);
    Value sum = b.generic(biased(b, dims, {}, accumulator(element)),
                          {b.input(op.getLhs()), b.input(op.getRhs())},
                          {lhs, rhs, b.identity(loops).getMajorSubMap(rank)},
                          [](ImplicitLocOpBuilder &body, ValueRange args) {
                            return multiplyAdd(body, args[0], args[1], args[2]);
                          });
    b.replace(narrow(b, sum, element));
    return success();
  }
};

Value index(ImplicitLocOpBuilder &b, int64_t v) {
  return arith::ConstantIndexOp::create(b, v);
}

/// `total`, plus input[from] * weight where `inside` holds.
Value guardedAdd(ImplicitLocOpBuilder &b, Value inside, Value input,
                 ArrayRef<Value> from, Value weight, Value total) {
  auto chosen = scf::IfOp::create(
      b, inside,
      [&](OpBuilder &nested, Location loc) {
        ImplicitLocOpBuilder then(loc, nested);
        Value x = tensor::ExtractOp::create(then, input, from);
        scf::YieldOp::create(then, multiplyAdd(then, x, weight, total));
      },
      [&](OpBuilder &nested, Location loc) {
        scf::YieldOp::create(nested, loc, total);
      });
  return chosen.getResult(0);
}

/// Loops (n, k, spatial…, c, window…): result first, then what is summed.
struct ConvToGeneric : OpRewritePattern<graph::ConvOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(graph::ConvOp op,
                                PatternRewriter &rewriter) const final {
    LoopBuilder b(op, rewriter);
    SmallVector<OpFoldResult> dims = b.resultDims();
    if (!b.ok())
      return failure();
    Type element = signless(op.getType().getElementType());
    unsigned rank = dims.size(), spatial = rank - 2, loops = 2 * rank - 1;
    Value input = b.input(op.getInput()), weight = b.input(op.getWeight());
    SmallVector<AffineExpr> kernel = {b.getAffineDimExpr(1),
                                      b.getAffineDimExpr(rank)};
    SmallVector<AffineExpr> places = {b.getAffineDimExpr(0),
                                      b.getAffineDimExpr(rank)};
    for (unsigned i = 0; i < spatial; ++i) {
      kernel.push_back(b.getAffineDimExpr(rank + 1 + i));
      places.push_back(b.getAffineDimExpr(2 + i) * op.getStrides()[i] +
                       kernel.back() * op.getDilations()[i]);
    }
    AffineMap output = b.identity(loops).getMajorSubMap(rank);
    Value init = biased(b, dims, op.getBias(), accumulator(element));
    bool padded =
        llvm::any_of(op.getPads(), [](int64_t pad) { return pad != 0; });
    Value sum;
    if (!padded && op.getGroups() == 1) {
      sum = b.generic(init, {input, weight},
                      {b.map(loops, places), b.map(loops, kernel), output},
                      [](ImplicitLocOpBuilder &body, ValueRange args) {
                        return multiplyAdd(body, args[0], args[1], args[2]);
                      });
    } else {
      graph::DimBuilder d = b.dims();
      SmallVector<Value> extents;
      for (unsigned i = 0; i < spatial; ++i)
        extents.push_back(d.value(d.of(input, i + 2)));
      Value perGroup = d.value(d.floorDiv(d.of(weight, 0), op.getGroups())),
            channels = d.value(d.of(weight, 1));
      sum = b.generic(
          init, weight, {b.map(loops, kernel), output},
          [&](ImplicitLocOpBuilder &body, ValueRange args) {
            SmallVector<Value> at = positions(body, loops), from = {at[0]};
            Value group = arith::DivUIOp::create(body, at[1], perGroup);
            from.push_back(arith::AddIOp::create(
                body, arith::MulIOp::create(body, group, channels), at[rank]));
            Value inside = arith::ConstantIntOp::create(body, 1, 1);
            for (unsigned i = 0; i < spatial; ++i) {
              Value start = arith::MulIOp::create(
                  body, at[2 + i], index(body, op.getStrides()[i]));
              Value tap = arith::MulIOp::create(
                  body, at[rank + 1 + i], index(body, op.getDilations()[i]));
              Value place = arith::AddIOp::create(body, start, tap);
              from.push_back(arith::SubIOp::create(
                  body, place, index(body, op.getPads()[i])));
              Value ok = arith::CmpIOp::create(body, arith::CmpIPredicate::ult,
                                               from.back(), extents[i]);
              inside = arith::AndIOp::create(body, inside, ok);
            }
            return guardedAdd(body, inside, input, from, args[0], args[1]);
          });
    }
    b.replace(narrow(b, sum, element));
    return success();
  }
};

/// Each output element gathers the inputs whose window covers it.
struct ConvTransposeToGeneric : OpRewritePattern<graph::ConvTransposeOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(graph::ConvTransposeOp op,
                                PatternRewriter &rewriter) const final {
    LoopBuilder b(op, rewriter);
    SmallVector<OpFoldResult> dims = b.resultDims();
    Type element = signless(op.getType().getElementType());
    unsigned rank = dims.size(), spatial = rank - 2, loops = 2 * rank - 1;
    Value input = b.input(op.getInput()), weight = b.input(op.getWeight());
    graph::DimBuilder d = b.dims();
    // Extents of the summed loops: channels of a group, then the window.
    SmallVector<OpFoldResult> summed = {
        d.floorDiv(d.of(weight, 0), op.getGroups())};
    SmallVector<AffineExpr> inner = {b.getAffineDimExpr(rank)};
    SmallVector<Value> extents;
    for (unsigned i = 0; i < spatial; ++i) {
      summed.push_back(d.of(weight, 2 + i));
      inner.push_back(b.getAffineDimExpr(rank + 1 + i));
      extents.push_back(d.value(d.of(input, 2 + i)));
    }
    Value channels = d.value(summed[0]), outputs = d.value(d.of(weight, 1));
    Value init = biased(b, dims, op.getBias(), accumulator(element));
    AffineMap output = b.identity(loops).getMajorSubMap(rank);
    Value sum = b.generic(
        init, b.empty(summed, element), {b.map(loops, inner), output},
        [&](ImplicitLocOpBuilder &body, ValueRange args) {
          SmallVector<Value> at = positions(body, loops);
          Value group = arith::DivUIOp::create(body, at[1], outputs);
          Value channel = arith::AddIOp::create(
              body, arith::MulIOp::create(body, group, channels), at[rank]);
          SmallVector<Value> from = {at[0], channel};
          SmallVector<Value> tap = {
              channel, arith::RemUIOp::create(body, at[1], outputs)};
          Value inside = arith::ConstantIntOp::create(body, 1, 1),
                zero = index(body, 0);
          auto require = [&](arith::CmpIPredicate relation, Value x, Value y) {
            inside = arith::AndIOp::create(
                body, inside, arith::CmpIOp::create(body, relation, x, y));
          };
          for (unsigned i = 0; i < spatial; ++i) {
            tap.push_back(at[rank + 1 + i]);
            Value shift = arith::MulIOp::create(
                body, at[rank + 1 + i], index(body, op.getDilations()[i]));
            Value moved = arith::AddIOp::create(body, at[2 + i],
                                                index(body, op.getPads()[i]));
            Value place = arith::SubIOp::create(body, moved, shift),
                  stride = index(body, op.getStrides()[i]);
            require(arith::CmpIPredicate::sge, place, zero);
            require(arith::CmpIPredicate::eq,
                    arith::RemSIOp::create(body, place, stride), zero);
            from.push_back(arith::DivSIOp::create(body, place, stride));
            require(arith::CmpIPredicate::slt, from.back(), extents[i]);
          }
          Value w = tensor::ExtractOp::create(body, weight, tap);
          return guardedAdd(body, inside, input, from, w, args[1]);
        });
    b.replace(narrow(b, sum, element));
    return success();
  }
};

} // namespace

void addProductPatterns(RewritePatternSet &patterns) {
  patterns.add<MatMulToGeneric, ConvToGeneric, ConvTransposeToGeneric>(
      patterns.getContext());
}

} // namespace weft::lowering
