// graph.gather in two loops: the first checks the indices and brings them into
// range, the second reads. So an index is checked once, not for each element of
// its slice, and no read can leave the data.

#include "Lowering.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "weft/Dialect/Kernel/IR/Kernel.h"
#include "weft/Support/Location.h"

using namespace mlir;

namespace weft::lowering {
namespace {

struct GatherToGenerics : OpRewritePattern<graph::GatherOp> {
  using OpRewritePattern::OpRewritePattern;

  /// The indices as positions in [0, extent).
  static Value checkedPlaces(LoopBuilder &b, graph::GatherOp op, Value extent) {
    std::string message = describeNodes(op.getLoc());
    message += message.empty() ? "" : ": ";
    message += "index {0} is out of range for the extent {1} of axis " +
               std::to_string(op.getAxis());
    int64_t rank = graph::tensorType(op.getIndices()).getRank();
    Value init = b.empty(b.dims().allOf(op.getIndices()), b.getIndexType());
    return b.generic(
        init, op.getIndices(), {b.identity(rank), b.identity(rank)},
        [&](ImplicitLocOpBuilder &body, ValueRange args) {
          Value zero = arith::ConstantIndexOp::create(body, 0);
          Value raw =
              arith::IndexCastOp::create(body, body.getIndexType(), args[0]);
          Value isNegative =
              arith::CmpIOp::create(body, arith::CmpIPredicate::slt, raw, zero);
          Value fromEnd = arith::AddIOp::create(body, raw, extent);
          Value place = arith::SelectOp::create(body, isNegative, fromEnd, raw);
          Value inside = arith::CmpIOp::create(body, arith::CmpIPredicate::ult,
                                               place, extent);
          kernel::CheckOp::create(body, inside, ValueRange{raw, extent},
                                  message);
          return clampIndex(body, place, extent);
        });
  }

  LogicalResult matchAndRewrite(graph::GatherOp op,
                                PatternRewriter &rewriter) const final {
    LoopBuilder b(op, rewriter);
    Value data = b.input(op.getData());
    int64_t axis = op.getAxis(),
            picked = graph::tensorType(op.getIndices()).getRank();
    int64_t rank = op.getType().getRank();
    Value places =
        checkedPlaces(b, op, b.dims().value(b.dims().of(data, axis)));
    SmallVector<AffineExpr> chosen;
    for (int64_t i = 0; i < picked; ++i)
      chosen.push_back(b.getAffineDimExpr(axis + i));
    Value init = b.empty(b.resultDims(), op.getType().getElementType());
    b.replace(
        b.generic(init, places, {b.map(rank, chosen), b.identity(rank)},
                  [&](ImplicitLocOpBuilder &body, ValueRange args) -> Value {
                    SmallVector<Value> at = positions(body, rank);
                    SmallVector<Value> from(at.begin(), at.begin() + axis);
                    from.push_back(args[0]);
                    from.append(at.begin() + axis + picked, at.end());
                    return tensor::ExtractOp::create(body, data, from);
                  }));
    return success();
  }
};

} // namespace

void addGatherPatterns(RewritePatternSet &patterns) {
  patterns.add<GatherToGenerics>(patterns.getContext());
}

} // namespace weft::lowering
