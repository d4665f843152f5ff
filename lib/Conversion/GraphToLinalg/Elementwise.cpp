// All elementwise ops share one iteration space, so one pattern lowers them
// all; what differs is the scalar body, which each op states in
// GraphElementwise.td. Extents of 1 broadcast; two dynamic extents are taken to
// be equal: fusion has inserted graph.expand where they may not be.

#include "Lowering.h"

using namespace mlir;

namespace weft::lowering {

AffineMap broadcastMap(LoopBuilder &b, RankedTensorType operand,
                       RankedTensorType result) {
  int64_t rank = result.getRank(), offset = rank - operand.getRank();
  SmallVector<AffineExpr> places;
  for (int64_t i = 0; i < operand.getRank(); ++i) {
    bool repeats =
        operand.getDimSize(i) == 1 && result.getDimSize(offset + i) != 1;
    places.push_back(repeats ? b.getAffineConstantExpr(0)
                             : b.getAffineDimExpr(offset + i));
  }
  return b.map(rank, places);
}

namespace {

/// Extents of the result: static, or those of an operand that does not
/// broadcast.
SmallVector<OpFoldResult> broadcastDims(LoopBuilder &b, ValueRange operands,
                                        RankedTensorType result) {
  graph::DimBuilder d = b.dims();
  SmallVector<OpFoldResult> dims;
  for (int64_t i = 0, rank = result.getRank(); i < rank; ++i) {
    OpFoldResult extent =
        d.constant(result.isDynamicDim(i) ? 1 : result.getDimSize(i));
    for (Value operand : operands) {
      int64_t at = i - (rank - graph::tensorType(operand).getRank());
      if (at >= 0 && result.isDynamicDim(i) &&
          graph::tensorType(operand).getDimSize(at) != 1) {
        extent = d.of(operand, at);
        break;
      }
    }
    dims.push_back(extent);
  }
  return dims;
}

/// The body with f16 and bf16 computed in f32: no target has functions of
/// narrower floats, and conversions between chained ops fold.
Value buildWidened(graph::ScalarBody op, ImplicitLocOpBuilder &b,
                   ArrayRef<Value> args, Type element) {
  if (isa<graph::BitCastOp>(op))
    return op.buildScalar(b, args);
  SmallVector<Value> wide;
  for (Value arg : args)
    wide.push_back(isa<FloatType>(arg.getType())
                       ? convertFloat(b, arg, accumulator(arg.getType()))
                       : arg);
  Value result = op.buildScalar(b, wide);
  return isa<FloatType>(element) ? convertFloat(b, result, element) : result;
}

struct ScalarBodyToGeneric : OpInterfaceRewritePattern<graph::ScalarBody> {
  using OpInterfaceRewritePattern::OpInterfaceRewritePattern;

  LogicalResult matchAndRewrite(graph::ScalarBody op,
                                PatternRewriter &rewriter) const final {
    LoopBuilder b(op, rewriter);
    auto type = cast<RankedTensorType>(op->getResult(0).getType());
    Value init = b.empty(broadcastDims(b, op->getOperands(), type),
                         type.getElementType());
    SmallVector<Value> inputs;
    SmallVector<AffineMap> maps;
    SmallVector<TypedAttr> scalars; // Null where the operand is read.
    for (Value operand : op->getOperands()) {
      scalars.push_back(splatValue(operand));
      if (scalars.back())
        continue;
      inputs.push_back(b.input(operand));
      maps.push_back(
          broadcastMap(b, cast<RankedTensorType>(operand.getType()), type));
    }
    maps.push_back(b.identity(type.getRank()));
    b.replace(b.generic(
        init, inputs, maps, [&](ImplicitLocOpBuilder &body, ValueRange read) {
          SmallVector<Value> args;
          for (TypedAttr scalar : scalars)
            args.push_back(scalar
                               ? Value(arith::ConstantOp::create(body, scalar))
                               : read[0]),
                read = scalar ? read : read.drop_front();
          return buildWidened(op, body, args, signless(type.getElementType()));
        }));
    return success();
  }
};

} // namespace

void addElementwisePatterns(RewritePatternSet &patterns) {
  patterns.add<ScalarBodyToGeneric>(patterns.getContext());
}

} // namespace weft::lowering
