// Multiply-accumulate on registers. Float sums are fused multiply-adds in
// ascending k, so every tile shape gives the same bits.

#include "Product.h"

#include "../X86/DotBytes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace weft::cpu {

Product::Product(Type sum, const Machine &machine, Type right)
    : type(VectorType::get({machine.lanes(sum.getIntOrFloatBitWidth() / 8)},
                           sum)),
      fused(machine.fusedMultiplyAdd),
      bytes(right && kernel::elementsPerStep(right) > 1),
      dotsBytes(machine.dotsBytes) {}

int64_t Product::vectorsPerPanel() const { return kernel::kBlock / lanes(); }

Value Product::zero(LoopBuilder &b) const {
  return arith::ConstantOp::create(b, b.getZeroAttr(type));
}

Value Product::widen(LoopBuilder &b, Value value) const {
  Type from = getElementTypeOrSelf(value.getType()), to = type.getElementType();
  if (from == to)
    return value;
  if (isa<FloatType>(to))
    return arith::ExtFOp::create(b, type, value);
  return arith::ExtSIOp::create(b, type, value);
}

Value Product::loadVector(LoopBuilder &b, Value memref,
                          ValueRange indices) const {
  Type element = cast<MemRefType>(memref.getType()).getElementType();
  if (bytes) {
    auto loaded = VectorType::get({lanes() * elementsPerStep()}, element);
    return vector::BitCastOp::create(
        b, type, vector::LoadOp::create(b, loaded, memref, indices));
  }
  return widen(b,
               vector::LoadOp::create(b, vectorOf(element), memref, indices));
}

Value Product::loadFirst(LoopBuilder &b, Value memref, ValueRange indices,
                         Value count) const {
  VectorType loaded =
      vectorOf(cast<MemRefType>(memref.getType()).getElementType());
  Value mask = vector::CreateMaskOp::create(b, vectorOf(b.getI1Type()), count);
  Value zeros = arith::ConstantOp::create(b, b.getZeroAttr(loaded));
  return widen(
      b, vector::MaskedLoadOp::create(b, loaded, memref, indices, mask, zeros));
}

/// The bytes of one step as one integer.
static Value loadStep(LoopBuilder &b, Value memref, ValueRange indices) {
  auto from = cast<MemRefType>(memref.getType());
  auto type = VectorType::get({kernel::kBytesPerStep}, from.getElementType());
  Value all;
  if (from.areTrailingDimsContiguous(1)) {
    all = vector::LoadOp::create(b, type, memref, indices);
  } else {
    Values each, at(indices);
    for (int64_t i = 0; i < kernel::kBytesPerStep; ++i) {
      at.back() = b.add(indices.back(), i);
      each.push_back(memref::LoadOp::create(b, memref, at));
    }
    all = vector::FromElementsOp::create(b, type, each);
  }
  Value joined =
      vector::BitCastOp::create(b, VectorType::get({1}, b.getI32Type()), all);
  return vector::ExtractOp::create(b, joined, 0);
}

Value Product::loadSplat(LoopBuilder &b, Value memref,
                         ValueRange indices) const {
  if (bytes)
    return vector::BroadcastOp::create(b, type, loadStep(b, memref, indices));
  Value scalar = memref::LoadOp::create(b, memref, indices);
  return widen(
      b, vector::BroadcastOp::create(b, vectorOf(scalar.getType()), scalar));
}

Value Product::step(LoopBuilder &b, Value left, Value right, Value sum) const {
  if (isa<FloatType>(type.getElementType())) {
    if (fused)
      return vector::FMAOp::create(b, left, right, sum);
    return arith::AddFOp::create(b, arith::MulFOp::create(b, left, right), sum);
  }
  if (bytes)
    return dotBytes(b, left, right, sum, dotsBytes);
  return arith::AddIOp::create(b, arith::MulIOp::create(b, left, right), sum);
}

Values RegisterTile::zeros(LoopBuilder &b, const Product &product) const {
  return Values(rows * vectors, product.zero(b));
}

Values RegisterTile::step(LoopBuilder &b, const Product &product,
                          ValueRange sums, function_ref<Value(int64_t)> left,
                          function_ref<Value(int64_t)> right) const {
  Values result(sums), held;
  bool holdLeft = rows < vectors;
  int64_t inner = holdLeft ? rows : vectors, outer = holdLeft ? vectors : rows;
  for (int64_t i = 0; i < inner; ++i)
    held.push_back(holdLeft ? left(i) : right(i));
  for (int64_t o = 0; o < outer; ++o) {
    Value other = holdLeft ? right(o) : left(o);
    for (int64_t i = 0; i < inner; ++i) {
      Value &sum = result[holdLeft ? i * vectors + o : o * vectors + i];
      sum = product.step(b, holdLeft ? held[i] : other,
                         holdLeft ? other : held[i], sum);
    }
  }
  return result;
}

} // namespace weft::cpu
