// A packed right side is the same for the whole batch, so the rows of all of
// the batch are rows of one product, which reads the right side once and not
// once for each element of the batch.

#include "Microkernel.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/AffineExpr.h"

using namespace mlir;

namespace weft::cpu {
namespace {

/// Dimensions [first, first + count) as one, each of the others by itself.
SmallVector<ReassociationIndices> groupsOf(int64_t rank, int64_t first,
                                           int64_t count) {
  SmallVector<ReassociationIndices> groups;
  for (int64_t d = 0; d < rank; ++d) {
    if (d > first && d < first + count)
      groups.back().push_back(d);
    else
      groups.push_back({d});
  }
  return groups;
}

/// How one extra operand is seen when the loops [0, rows) are one.
struct MergedExtra {
  int64_t first = 0; ///< dimension that the merged loops begin at
  bool merges = false;
  AffineMap map;
};

/// Nothing where the extra does not run through the merged loops as one.
std::optional<MergedExtra> mergeExtra(AffineMap map, MemRefType type,
                                      int64_t rows) {
  MLIRContext *context = map.getContext();
  // (merged, n) in place of (d0, …, d[rows - 1], n).
  SmallVector<AffineExpr> loops(rows, getAffineConstantExpr(0, context));
  loops.push_back(getAffineDimExpr(1, context));
  bool usesRows = false;
  for (int64_t d = 0; d < rows; ++d)
    usesRows |= map.isFunctionOfDim(d);
  MergedExtra extra;
  if (!usesRows) {
    extra.map = map.replaceDimsAndSymbols(loops, {}, 2, 0);
    return extra;
  }
  ArrayRef<AffineExpr> results = map.getResults();
  auto *at = llvm::find(results, getAffineDimExpr(0, context));
  extra.first = at - results.begin();
  extra.merges = true;
  SmallVector<AffineExpr> merged;
  for (int64_t i = 0, e = results.size(); i < e; ++i) {
    int64_t loop = i - extra.first;
    bool inside = loop >= 0 && loop < rows;
    if (inside && results[i] != getAffineDimExpr(loop, context))
      return std::nullopt;
    if (!inside)
      for (int64_t d = 0; d < rows; ++d)
        if (results[i].isFunctionOfDim(d))
          return std::nullopt;
    if (!inside)
      merged.push_back(results[i].replaceDims(loops));
    else if (loop == 0)
      merged.push_back(getAffineDimExpr(0, context));
  }
  if (extra.first + rows > static_cast<int64_t>(results.size()) ||
      !memref::CollapseShapeOp::isGuaranteedCollapsible(
          type, groupsOf(type.getRank(), extra.first, rows)))
    return std::nullopt;
  extra.map = AffineMap::get(2, 0, merged, context);
  return extra;
}

} // namespace

void mergeBatch(kernel::MatMulOp op) {
  Value out = op.getOutputs()[0];
  auto outType = cast<MemRefType>(out.getType()),
       lhsType = cast<MemRefType>(op.getLhs().getType());
  int64_t rank = outType.getRank(), rows = rank - 1;
  auto canMerge = [&](MemRefType type) {
    return memref::CollapseShapeOp::isGuaranteedCollapsible(
        type, groupsOf(rank, 0, rows));
  };
  if (!op.getPacked() || rank <= 2 ||
      lhsType.getShape().drop_back() != outType.getShape().drop_back() ||
      !canMerge(outType) || !canMerge(lhsType))
    return;
  SmallVector<MergedExtra> merged;
  for (auto [map, extra] : llvm::zip_equal(
           op.getExtraMaps().getAsValueRange<AffineMapAttr>(), op.getExtras()))
    if (std::optional<MergedExtra> view =
            mergeExtra(map, cast<MemRefType>(extra.getType()), rows))
      merged.push_back(*view);
    else
      return;

  OpBuilder b(op);
  auto collapse = [&](Value value, int64_t first) -> Value {
    int64_t all = cast<MemRefType>(value.getType()).getRank();
    return memref::CollapseShapeOp::create(b, op.getLoc(), value,
                                           groupsOf(all, first, rows));
  };
  SmallVector<Value> operands{collapse(op.getLhs(), 0), op.getRhs()};
  SmallVector<AffineMap> maps;
  for (auto [view, extra] : llvm::zip_equal(merged, op.getExtras())) {
    operands.push_back(view.merges ? collapse(extra, view.first) : extra);
    maps.push_back(view.map);
  }
  operands.push_back(collapse(out, 0));
  op->setOperands(operands);
  op.setExtraMapsAttr(b.getAffineMapArrayAttr(maps));
}

} // namespace weft::cpu
