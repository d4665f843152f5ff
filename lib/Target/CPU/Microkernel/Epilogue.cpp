// Epilogues on vectors. An extra operand that does not depend on the vector's
// loop stays a scalar, one that runs along it is one vector load,
// any other is read lane by lane.

#include "Epilogue.h"

#include "weft/Target/CPU/VectorizeBody.h"

#include "mlir/Dialect/Affine/Utils.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/AffineExpr.h"

using namespace mlir;

namespace weft::cpu {

/// How far `expr` moves where the last loop advances by one, if that is
/// constant.
static std::optional<int64_t> advance(AffineExpr expr, unsigned loops) {
  AffineExpr last = getAffineDimExpr(loops - 1, expr.getContext());
  AffineExpr next = expr.replace(last, last + 1);
  auto difference =
      dyn_cast<AffineConstantExpr>(simplifyAffineExpr(next - expr, loops, 0));
  if (!difference)
    return std::nullopt;
  return difference.getValue();
}

bool isContiguousInLastLoop(AffineMap map, MemRefType type) {
  // A vector of i1 would be read as packed bits; memory has a byte for each.
  if (type.getElementType().isInteger(1))
    return false;
  if (map.getNumResults() == 0 || !type.areTrailingDimsContiguous(1))
    return false;
  for (AffineExpr expr : map.getResults().drop_back())
    if (advance(expr, map.getNumDims()) != 0)
      return false;
  return advance(map.getResults().back(), map.getNumDims()) == 1;
}

static bool isUniformInLastLoop(AffineMap map) {
  return llvm::all_of(map.getResults(), [&](AffineExpr expr) {
    return advance(expr, map.getNumDims()) == 0;
  });
}

static Values evaluate(LoopBuilder &b, AffineMap map,
                       ArrayRef<Value> position) {
  Values indices;
  for (AffineExpr expr : map.getResults())
    indices.push_back(
        affine::expandAffineExpr(b, b.getLoc(), expr, position, {}));
  return indices;
}

bool Epilogue::isLight() const {
  int64_t cost = 0;
  for (Operation &op : body->without_terminator())
    if (!op.hasTrait<OpTrait::ConstantLike>())
      cost +=
          isa<arith::ArithDialect>(op.getDialect()) && !isa<arith::DivFOp>(op)
              ? 1
              : 16;
  for (auto [extra, map] : llvm::zip_equal(extras, maps))
    if (!isUniformInLastLoop(map) &&
        !isContiguousInLastLoop(map, cast<MemRefType>(extra.getType())))
      cost += 16;
  return cost <= 8;
}

Value Epilogue::load(LoopBuilder &b, size_t extra, VectorType type,
                     ArrayRef<Value> place, Value count) const {
  Values position(place);
  for (auto [index, start] : llvm::zip(position, origin))
    index = b.add(index, start);
  AffineMap map = maps[extra];
  Value memref = extras[extra];
  auto memrefType = cast<MemRefType>(memref.getType());
  type = type.clone(memrefType.getElementType());
  if (isUniformInLastLoop(map))
    return memref::LoadOp::create(b, memref, evaluate(b, map, position));
  if (isContiguousInLastLoop(map, memrefType)) {
    Values indices = evaluate(b, map, position);
    if (!count)
      return vector::LoadOp::create(b, type, memref, indices);
    Value mask =
        vector::CreateMaskOp::create(b, type.clone(b.getI1Type()), count);
    Value zeros = arith::ConstantOp::create(b, b.getZeroAttr(type));
    return vector::MaskedLoadOp::create(b, type, memref, indices, mask, zeros);
  }
  // Lanes past the end read the last valid element again.
  Values lanes, lanePosition(position);
  for (int64_t lane = 0; lane < type.getNumElements(); ++lane) {
    Value offset = b.index(lane);
    if (count)
      offset = b.min(offset, b.sub(count, b.index(1)));
    lanePosition.back() = b.add(position.back(), offset);
    lanes.push_back(
        memref::LoadOp::create(b, memref, evaluate(b, map, lanePosition)));
  }
  return vector::FromElementsOp::create(b, type, lanes);
}

Value Epilogue::apply(LoopBuilder &b, Value sums, ArrayRef<Value> position,
                      Value count) const {
  auto type = cast<VectorType>(sums.getType());
  int64_t lanes = type.getNumElements();
  if (count && constantOf(count) == lanes)
    count = {};
  IRMapping mapping;
  mapping.map(body->getArgument(0), sums);
  for (size_t i = 0; i < extras.size(); ++i)
    mapping.map(body->getArgument(i + 1), load(b, i, type, position, count));
  return splat(b, b.getLoc(), vectorizeBody(b, *body, mapping, lanes)[0],
               lanes);
}

void Epilogue::store(LoopBuilder &b, Value sums, ArrayRef<Value> position,
                     Value count) const {
  auto type = cast<VectorType>(sums.getType());
  if (count && constantOf(count) == type.getNumElements())
    count = {};
  Value result = apply(b, sums, position, count);
  if (!count) {
    vector::StoreOp::create(b, result, output, position);
    return;
  }
  Value mask =
      vector::CreateMaskOp::create(b, type.clone(b.getI1Type()), count);
  vector::MaskedStoreOp::create(b, output, position, mask, result);
}

} // namespace weft::cpu
