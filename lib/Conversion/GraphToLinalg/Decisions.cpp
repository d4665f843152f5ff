// graph.non_max_suppression and graph.det: what one line or one matrix of the
// result needs is decided step by step.

#include "Lines.h"

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "weft/Dialect/Graph/IR/ScalarBuilder.h"

using namespace mlir;
namespace scalar = weft::graph::scalar;

namespace weft::lowering {
namespace {

Value index(ImplicitLocOpBuilder &b, int64_t value) {
  return arith::ConstantIndexOp::create(b, value);
}

Value read(ImplicitLocOpBuilder &b, Value tensor, ValueRange at) {
  return tensor::ExtractOp::create(b, tensor, at);
}

//===-- Suppression -------------------------------------------------------===//

struct SuppressionToLoops : OpRewritePattern<graph::NonMaxSuppressionOp> {
  using OpRewritePattern::OpRewritePattern;

  using Box = SmallVector<Value>; // y1, x1, y2, x2

  static Box boxAt(ImplicitLocOpBuilder &b, Value boxes, Value batch,
                   Value position) {
    Box box;
    for (int64_t i = 0; i < 4; ++i)
      box.push_back(read(b, boxes, {batch, position, index(b, i)}));
    return box;
  }

  static Value area(ImplicitLocOpBuilder &b, const Box &box) {
    return arith::MulFOp::create(b, arith::SubFOp::create(b, box[2], box[0]),
                                 arith::SubFOp::create(b, box[3], box[1]));
  }

  /// Whether the intersection is more than `threshold` of the union.
  static Value overlaps(ImplicitLocOpBuilder &b, const Box &x, const Box &y,
                        Value threshold) {
    Value zero = scalar::constant(b, b.getF32Type(), 0);
    Box common = {arith::MaximumFOp::create(b, x[0], y[0]),
                  arith::MaximumFOp::create(b, x[1], y[1]),
                  arith::MinimumFOp::create(b, x[2], y[2]),
                  arith::MinimumFOp::create(b, x[3], y[3])};
    using P = arith::CmpFPredicate;
    Value high = arith::CmpFOp::create(b, P::OGT, common[2], common[0]),
          wide = arith::CmpFOp::create(b, P::OGT, common[3], common[1]);
    Value meets = arith::AndIOp::create(b, high, wide);
    Value shared = area(b, common);
    Value whole = arith::SubFOp::create(
        b, arith::AddFOp::create(b, area(b, x), area(b, y)), shared);
    Value some = arith::CmpFOp::create(b, P::OGT, whole, zero);
    Value ratio = arith::DivFOp::create(b, shared, whole);
    Value more = arith::CmpFOp::create(b, P::OGT, ratio, threshold);
    return arith::AndIOp::create(b, meets,
                                 arith::AndIOp::create(b, some, more));
  }

  LogicalResult matchAndRewrite(graph::NonMaxSuppressionOp op,
                                PatternRewriter &rewriter) const final {
    LoopBuilder b(op, rewriter);
    SmallVector<OpFoldResult> dims = b.dims().allOf(op.getOrder());
    Value extent = b.dims().value(dims[2]);
    b.replace(forEachLine(
        b, dims, b.getI1Type(), 2,
        [&](ImplicitLocOpBuilder &body, ArrayRef<Value> at, Value target) {
          return line(body, op, extent, dims[2], at, target);
        }));
    return success();
  }

  static Value line(ImplicitLocOpBuilder &b, graph::NonMaxSuppressionOp op,
                    Value extent, OpFoldResult length, ArrayRef<Value> at,
                    Value target) {
    Value zero = index(b, 0);
    Value no = arith::ConstantIntOp::create(b, 0, 1),
          yes = arith::ConstantIntOp::create(b, 1, 1);
    target = linalg::FillOp::create(b, no, target).getResult(0);
    Value threshold = read(b, op.getThreshold(), {});
    auto number = [&](Value x) -> Value {
      return arith::IndexCastOp::create(b, b.getIndexType(), x);
    };
    Value most = number(read(b, op.getMost(), {}));
    Value candidates = number(read(b, op.getCandidates(), {at[0], at[1]}));
    candidates = arith::MaxSIOp::create(
        b, arith::MinSIOp::create(b, candidates, extent), zero);
    Value list = tensor::EmptyOp::create(b, ArrayRef<OpFoldResult>{length},
                                         b.getIndexType());
    auto step = [&](ImplicitLocOpBuilder &body, Value i,
                    ValueRange carried) -> SmallVector<Value> {
      Value kept = carried[0], places = carried[1], count = carried[2];
      Value position = arith::IndexCastOp::create(
          body, body.getIndexType(),
          read(body, op.getOrder(), {at[0], at[1], i}));
      position = clampIndex(body, position, extent);
      Box box = boxAt(body, op.getBoxes(), at[0], position);
      Value room =
          arith::CmpIOp::create(body, arith::CmpIPredicate::slt, count, most);
      // With no room left there is nothing to compare with.
      Value others = arith::SelectOp::create(body, room, count, zero);
      Value free =
          loop(body, zero, others, room,
               [&](ImplicitLocOpBuilder &inner, Value j,
                   ValueRange before) -> SmallVector<Value> {
                 Value other = read(inner, places, j);
                 Box better = boxAt(inner, op.getBoxes(), at[0], other);
                 Value hit = overlaps(inner, box, better, threshold);
                 Value misses = arith::XOrIOp::create(inner, hit, yes);
                 return {arith::AndIOp::create(inner, before[0], misses)};
               })[0];
      kept =
          tensor::InsertOp::create(body, free, kept, ValueRange{zero, zero, i});
      // Written in any case; it counts only where it was kept.
      Value slot = clampIndex(body, count, extent);
      Value old = read(body, places, slot);
      Value put = arith::SelectOp::create(body, free, position, old);
      places = tensor::InsertOp::create(body, put, places, ValueRange{slot});
      Value more =
          arith::IndexCastUIOp::create(body, body.getIndexType(), free);
      return {kept, places, arith::AddIOp::create(body, count, more)};
    };
    return loop(b, zero, candidates, {target, list, zero}, step)[0];
  }
};

//===-- Determinants ------------------------------------------------------===//

/// Gaussian elimination with the largest pivot of each column.
struct DetToLoops : OpRewritePattern<graph::DetOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(graph::DetOp op,
                                PatternRewriter &rewriter) const final {
    LoopBuilder b(op, rewriter);
    SmallVector<OpFoldResult> all = b.dims().allOf(op.getInput());
    int64_t rank = all.size();
    Value extent = b.dims().value(all.back());
    Type element = op.getType().getElementType(), sum = accumulator(element);
    b.replace(forEachLine(
        b, ArrayRef(all).drop_back(2), element, {},
        [&](ImplicitLocOpBuilder &body, ArrayRef<Value> at, Value target) {
          Value zero = index(body, 0);
          Value matrix = tensor::EmptyOp::create(
              body, ArrayRef<OpFoldResult>{all.back(), all.back()}, sum);
          // A copy, which is then worked on.
          matrix = loop(
              body, zero, extent, matrix,
              [&](ImplicitLocOpBuilder &rows, Value i, ValueRange x) {
                return loop(
                    rows, zero, extent, x,
                    [&](ImplicitLocOpBuilder &cell, Value j, ValueRange y) {
                      SmallVector<Value> from(at);
                      from.append({i, j});
                      Value v = convertFloat(
                          cell, read(cell, op.getInput(), from), sum);
                      return SmallVector<Value>{tensor::InsertOp::create(
                          cell, v, y[0], ValueRange{i, j})};
                    });
              })[0];
          Value det = eliminate(body, matrix, extent, sum);
          return Value(tensor::InsertOp::create(
              body, convertFloat(body, det, element), target,
              SmallVector<Value>(rank - 2, zero)));
        }));
    return success();
  }

  static Value eliminate(ImplicitLocOpBuilder &b, Value matrix, Value extent,
                         Type type) {
    Value one = scalar::constant(b, type, 1);
    return loop(b, index(b, 0), extent, {matrix, one},
                [&](ImplicitLocOpBuilder &body, Value k, ValueRange x) {
                  return column(body, x[0], x[1], k, extent);
                })[1];
  }

  /// Clears column `k` below the diagonal; multiplies `det` by the pivot.
  static SmallVector<Value> column(ImplicitLocOpBuilder &b, Value matrix,
                                   Value det, Value k, Value extent) {
    Value next = arith::AddIOp::create(b, k, index(b, 1));
    SmallVector<Value> best = loop(
        b, next, extent, {math::AbsFOp::create(b, read(b, matrix, {k, k})), k},
        [&](ImplicitLocOpBuilder &body, Value i, ValueRange x) {
          Value size = math::AbsFOp::create(body, read(body, matrix, {i, k}));
          Value more = arith::CmpFOp::create(body, arith::CmpFPredicate::OGT,
                                             size, x[0]);
          return SmallVector<Value>{
              arith::SelectOp::create(body, more, size, x[0]),
              arith::SelectOp::create(body, more, i, x[1])};
        });
    Value row = best[1];
    matrix = loop(b, k, extent, matrix,
                  [&](ImplicitLocOpBuilder &body, Value j, ValueRange x) {
                    Value upper = read(body, x[0], {k, j}),
                          lower = read(body, x[0], {row, j});
                    Value swapped = tensor::InsertOp::create(body, lower, x[0],
                                                             ValueRange{k, j});
                    return SmallVector<Value>{tensor::InsertOp::create(
                        body, upper, swapped, ValueRange{row, j})};
                  })[0];
    Value pivot = read(b, matrix, {k, k});
    Value zero = scalar::constant(b, pivot.getType(), 0);
    Value isZero =
        arith::CmpFOp::create(b, arith::CmpFPredicate::OEQ, pivot, zero);
    matrix = loop(
        b, next, extent, matrix,
        [&](ImplicitLocOpBuilder &rows, Value i, ValueRange x) {
          Value quotient =
              arith::DivFOp::create(rows, read(rows, x[0], {i, k}), pivot);
          Value factor = arith::SelectOp::create(rows, isZero, zero, quotient);
          return loop(rows, next, extent, x,
                      [&](ImplicitLocOpBuilder &cell, Value j, ValueRange y) {
                        Value less = arith::SubFOp::create(
                            cell, read(cell, y[0], {i, j}),
                            arith::MulFOp::create(cell, factor,
                                                  read(cell, y[0], {k, j})));
                        return SmallVector<Value>{tensor::InsertOp::create(
                            cell, less, y[0], ValueRange{i, j})};
                      });
        })[0];
    Value same = arith::CmpIOp::create(b, arith::CmpIPredicate::eq, row, k);
    Value sign = arith::SelectOp::create(b, same, pivot,
                                         arith::NegFOp::create(b, pivot));
    return {matrix, arith::MulFOp::create(b, det, sign)};
  }
};

} // namespace

void addDecisionPatterns(RewritePatternSet &patterns) {
  patterns.add<SuppressionToLoops, DetToLoops>(patterns.getContext());
}

} // namespace weft::lowering
