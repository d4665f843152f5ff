// graph.scatter: the updates come one after another, so that the result does
// not depend on who computes it; what is divided among work items is the
// columns.

#include "Lines.h"
#include "Reduce.h"

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "weft/Dialect/Kernel/IR/Kernel.h"
#include "weft/Support/Location.h"

using namespace mlir;

namespace weft::lowering {
namespace {

constexpr int64_t kColumns = 64; ///< of one work item

struct ScatterToLoops : OpRewritePattern<graph::ScatterOp> {
  using OpRewritePattern::OpRewritePattern;

  /// What an update makes of the element that it meets.
  static Value combined(ImplicitLocOpBuilder &b, graph::ScatterOp op, Value old,
                        Value update) {
    using graph::ReduceKind;
    using graph::ScatterKind;
    if (op.getKind() == ScatterKind::set)
      return update;
    ReduceKind kind = op.getKind() == ScatterKind::add   ? ReduceKind::sum
                      : op.getKind() == ScatterKind::mul ? ReduceKind::prod
                      : op.getKind() == ScatterKind::max ? ReduceKind::max
                                                         : ReduceKind::min;
    Type element = old.getType(), wide = accumulator(element);
    bool isFloat = isa<FloatType>(element);
    auto widened = [&](Value x) {
      return isFloat ? convertFloat(b, x, wide) : x;
    };
    Value result = combine(b, kind, widened(old), widened(update),
                           graph::isUnsigned(op.getData()));
    return isFloat ? convertFloat(b, result, element) : result;
  }

  /// Entry `i` of the indices as a row in [0, extent).
  static Value rowOf(ImplicitLocOpBuilder &b, graph::ScatterOp op, Value i,
                     Value extent) {
    std::string message = describeNodes(op.getLoc());
    message += message.empty() ? "" : ": ";
    message += "index {0} is out of range for the extent {1}";
    Value raw = arith::IndexCastOp::create(
        b, b.getIndexType(), tensor::ExtractOp::create(b, op.getIndices(), i));
    Value zero = arith::ConstantIndexOp::create(b, 0);
    Value isNegative =
        arith::CmpIOp::create(b, arith::CmpIPredicate::slt, raw, zero);
    Value fromEnd = arith::AddIOp::create(b, raw, extent);
    Value row = arith::SelectOp::create(b, isNegative, fromEnd, raw);
    Value inside =
        arith::CmpIOp::create(b, arith::CmpIPredicate::ult, row, extent);
    kernel::CheckOp::create(b, inside, ValueRange{raw, extent}, message);
    return clampIndex(b, row, extent);
  }

  /// `part` after the update of its row `row` by row `i` of `updates`.
  static Value updateRow(ImplicitLocOpBuilder &b, graph::ScatterOp op,
                         Value part, Value updates, Value row, Value i) {
    auto type = cast<RankedTensorType>(part.getType());
    OpFoldResult one = b.getIndexAttr(1);
    SmallVector<OpFoldResult> strides = {one, one},
                              sizes = {one, tensor::getMixedSize(b, b.getLoc(),
                                                                 part, 1)},
                              from = {i, b.getIndexAttr(0)},
                              to = {row, b.getIndexAttr(0)};
    auto rowType = type.clone({1, type.getDimSize(1)});
    Value update = tensor::ExtractSliceOp::create(b, rowType, updates, from,
                                                  sizes, strides);
    Value old =
        tensor::ExtractSliceOp::create(b, rowType, part, to, sizes, strides);
    SmallVector<AffineMap> maps(2, b.getMultiDimIdentityMap(2));
    SmallVector<utils::IteratorType> loops(2, utils::IteratorType::parallel);
    auto next = linalg::GenericOp::create(
        b, rowType, update, old, maps, loops,
        [&](OpBuilder &nested, Location loc, ValueRange args) {
          ImplicitLocOpBuilder body(loc, nested);
          linalg::YieldOp::create(body, combined(body, op, args[1], args[0]));
        });
    return tensor::InsertSliceOp::create(b, next.getResult(0), part, to, sizes,
                                         strides);
  }

  static Value updateElement(ImplicitLocOpBuilder &b, graph::ScatterOp op,
                             Value part, Value updates, Value row, Value i) {
    Value zero = arith::ConstantIndexOp::create(b, 0);
    Value update = tensor::ExtractOp::create(b, updates, ValueRange{i, zero});
    Value old = tensor::ExtractOp::create(b, part, ValueRange{row, zero});
    return tensor::InsertOp::create(b, combined(b, op, old, update), part,
                                    ValueRange{row, zero});
  }

  LogicalResult matchAndRewrite(graph::ScatterOp op,
                                PatternRewriter &rewriter) const final {
    LoopBuilder b(op, rewriter);
    graph::DimBuilder d = b.dims();
    Value data = b.input(op.getData()), updates = b.input(op.getUpdates());
    SmallVector<OpFoldResult> dims = d.allOf(data);
    auto columns = getConstantIntValue(dims[1]);
    bool isNarrow = columns && *columns <= kColumns;
    OpFoldResult width = isNarrow ? dims[1] : d.constant(kColumns);
    Value init = b.empty(dims, op.getType().getElementType());
    // No columns are no work.
    OpFoldResult items = columns == 0 ? d.constant(0)
                         : isNarrow   ? d.constant(1)
                                      : d.ceilDiv(dims[1], kColumns);
    auto forall = scf::ForallOp::create(b, ArrayRef<OpFoldResult>{items},
                                        ValueRange{init}, std::nullopt);
    b.setInsertionPointToStart(forall.getBody());
    OpFoldResult first = d.constant(0);
    if (!isNarrow) {
      first = d.mul(forall.getInductionVar(0), width);
      width = d.min(width, d.sub(dims[1], first));
    }
    OpFoldResult zero = d.constant(0), one = d.constant(1);
    SmallVector<OpFoldResult> offsets = {zero, first}, sizes = {dims[0], width},
                              strides = {one, one};
    SmallVector<OpFoldResult> some = {d.of(updates, 0), width};
    Value shared = forall.getRegionIterArgs()[0];
    Value part =
        tensor::ExtractSliceOp::create(b, shared, offsets, sizes, strides);
    // A copy in a form that no folding takes for the data itself.
    Value start = d.value(first);
    part = b.generic(part, {}, b.identity(2),
                     [&](ImplicitLocOpBuilder &body, ValueRange) -> Value {
                       SmallVector<Value> at = positions(body, 2);
                       at[1] = arith::AddIOp::create(body, at[1], start);
                       return tensor::ExtractOp::create(body, data, at);
                     });
    Value with =
        tensor::ExtractSliceOp::create(b, updates, offsets, some, strides);
    Value extent = d.value(dims[0]);
    Value count = d.value(d.of(op.getIndices(), 0));
    auto update = columns == 1 ? updateElement : updateRow;
    part = loop(b, b.index(0), count, part,
                [&](ImplicitLocOpBuilder &body, Value i, ValueRange carried) {
                  Value row = rowOf(body, op, i, extent);
                  return SmallVector<Value>{
                      update(body, op, carried[0], with, row, i)};
                })[0];
    b.setInsertionPointToStart(forall.getTerminator().getBody());
    tensor::ParallelInsertSliceOp::create(b, part, shared, offsets, sizes,
                                          strides);
    b.setInsertionPointAfter(forall);
    b.replace(forall.getResults());
    return success();
  }
};

} // namespace

void addScatterPatterns(RewritePatternSet &patterns) {
  patterns.add<ScatterToLoops>(patterns.getContext());
}

} // namespace weft::lowering
