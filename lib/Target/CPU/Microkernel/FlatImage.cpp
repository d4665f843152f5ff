// Collapses spatial dimensions. Views are made where they are used, inside the
// item: outside it a kernel does index arithmetic only.

#include "FlatImage.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/AffineExpr.h"

using namespace mlir;

namespace weft::cpu {

/// Groups of dimensions for collapsing [first, first + count) of `rank` into
/// one.
static SmallVector<ReassociationIndices> grouping(int64_t rank, int64_t first,
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

static bool canCollapse(Value memref, int64_t first, int64_t count) {
  auto type = cast<MemRefType>(memref.getType());
  return memref::CollapseShapeOp::isGuaranteedCollapsible(
      type, grouping(type.getRank(), first, count));
}

/// Where the spatial loops [2, 2 + count) stand among a map's results: at the
/// position returned, in order and nowhere else; the map's rank if nowhere.
static std::optional<int64_t> findSpatial(AffineMap map, int64_t count) {
  std::optional<int64_t> first;
  for (auto [i, expr] : llvm::enumerate(map.getResults())) {
    bool isSpatial = false;
    for (int64_t d = 2; d < 2 + count; ++d)
      isSpatial |= expr.isFunctionOfDim(d);
    if (!isSpatial)
      continue;
    if (!first)
      first = i;
    auto dim = dyn_cast<AffineDimExpr>(expr);
    if (!dim || dim.getPosition() != 2 + i - *first)
      return std::nullopt;
  }
  if (first && (*first + count > map.getNumResults() ||
                !map.getResult(*first + count - 1).isFunctionOfDim(1 + count)))
    return std::nullopt;
  return first.value_or(map.getNumResults());
}

void ImageOperands::flatten() {
  int64_t spatial = cast<MemRefType>(input.getType()).getRank() - 3;
  flat = canCollapse(input, 2, spatial) &&
         canCollapse(epilogue.output, 2, spatial);
  for (auto [extra, map] : llvm::zip_equal(epilogue.extras, epilogue.maps)) {
    std::optional<int64_t> first = findSpatial(map, spatial);
    flat =
        flat && first &&
        (*first == map.getNumResults() || canCollapse(extra, *first, spatial));
  }
}

void ImageOperands::readExtents(LoopBuilder &b) {
  int64_t rank = cast<MemRefType>(epilogue.output.getType()).getRank();
  extents.clear();
  for (int64_t d = 0; d + 1 < rank; ++d)
    extents.push_back(b.dim(epilogue.output, d));
  if (!flat)
    return;
  while (extents.size() > 3) {
    Value last = extents.pop_back_val();
    extents.back() = b.mul(extents.back(), last);
  }
}

void ImageOperands::listPixels(LoopBuilder &b) {
  listed.assign(extents.begin() + 2, extents.end());
  while (extents.size() > 3) {
    Value last = extents.pop_back_val();
    extents.back() = b.mul(extents.back(), last);
  }
}

Values ImageOperands::place(LoopBuilder &b, ArrayRef<Value> row,
                            Value pixel) const {
  if (isListed())
    return b.delinearize(pixel, listed);
  Values indices(row);
  indices.push_back(pixel);
  return indices;
}

void ImageOperands::collapse(LoopBuilder &b) {
  if (!flat)
    return;
  auto view = [&](Value memref, int64_t first, int64_t count) -> Value {
    int64_t rank = cast<MemRefType>(memref.getType()).getRank();
    return memref::CollapseShapeOp::create(b, memref,
                                           grouping(rank, first, count));
  };
  int64_t spatial = cast<MemRefType>(input.getType()).getRank() - 3;
  MLIRContext *context = b.getContext();
  SmallVector<AffineExpr> loops = {b.getAffineDimExpr(0),
                                   b.getAffineDimExpr(1)};
  loops.append(spatial, b.getAffineDimExpr(2));
  loops.push_back(b.getAffineDimExpr(3));
  for (auto [extra, map] : llvm::zip_equal(epilogue.extras, epilogue.maps)) {
    int64_t first = *findSpatial(map, spatial);
    SmallVector<AffineExpr> results;
    for (auto [i, expr] : llvm::enumerate(map.getResults()))
      if (static_cast<int64_t>(i) <= first ||
          static_cast<int64_t>(i) >= first + spatial)
        results.push_back(expr.replaceDims(loops));
    if (first != map.getNumResults())
      extra = view(extra, first, spatial);
    map = AffineMap::get(4, 0, results, context);
  }
  if (!epilogue.origin.empty()) {
    // A part that is flat is whole along all spatial dimensions but the first.
    auto type = cast<MemRefType>(epilogue.output.getType());
    Value start = epilogue.origin[2];
    for (int64_t d = 3; d < 2 + spatial; ++d)
      start = b.mul(start, b.index(type.getDimSize(d)));
    epilogue.origin = {epilogue.origin[0], epilogue.origin[1], start,
                       epilogue.origin.back()};
  }
  input = view(input, 2, spatial);
  epilogue.output = view(epilogue.output, 2, spatial);
}

Value ImageOperands::rowCount(LoopBuilder &b) const {
  Value count = b.index(1);
  for (Value extent : rowExtents())
    count = b.mul(count, extent);
  return count;
}

} // namespace weft::cpu
