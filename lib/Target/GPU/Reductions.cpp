// Combines values of several threads with the op that a linalg body reduces by.
// A butterfly of exchanges combines in the same order for every thread, and a
// commutative op then gives all of them the same bits.

#include "Reductions.h"

#include "mlir/Analysis/SliceAnalysis.h"
#include "mlir/IR/IRMapping.h"

using namespace mlir;

namespace weft::gpu {

Value Combiner::combine(IndexBuilder &b, Value x, Value y) const {
  IRMapping map;
  map.map(op->getOperand(0), x);
  map.map(op->getOperand(1), y);
  Operation *copy = b.clone(*op, map);
  copy->setOperands({x, y}); // also where both operands were one value
  return copy->getResult(0);
}

std::optional<SmallVector<Combiner>> findCombiners(linalg::GenericOp op) {
  SmallVector<Combiner> combiners;
  for (unsigned i = 0; i < op.getNumDpsInits(); ++i) {
    SmallVector<Operation *, 4> ops;
    Value reduced = matchReduction(op.getRegionOutputArgs(), i, ops);
    if (!reduced || ops.size() != 1 || ops[0]->getNumOperands() != 2)
      return std::nullopt;
    auto neutral = arith::getNeutralElement(ops[0]);
    Type type = ops[0]->getResult(0).getType();
    if (!neutral || !type.isIntOrFloat() || type.getIntOrFloatBitWidth() > 64)
      return std::nullopt;
    combiners.push_back({ops[0], *neutral});
  }
  return combiners;
}

/// The value of the thread whose number in the warp differs in `bit`. Hardware
/// exchanges 32 bits at a time.
static Value exchange(IndexBuilder &b, Value value, int32_t bit) {
  Type type = value.getType();
  unsigned bits = type.getIntOrFloatBitWidth();
  auto swap = [&](Value word) -> Value {
    return mlir::gpu::ShuffleOp::create(b, word, bit, kWarp,
                                        mlir::gpu::ShuffleMode::XOR)
        .getShuffleResult();
  };
  Type word = b.getI32Type(), raw = b.getIntegerType(bits);
  if (isa<FloatType>(type))
    value = arith::BitcastOp::create(b, raw, value);
  if (bits < 32) {
    value = swap(arith::ExtUIOp::create(b, word, value));
    value = arith::TruncIOp::create(b, raw, value);
  } else if (bits == 32) {
    value = swap(value);
  } else {
    Value half = arith::ConstantOp::create(b, b.getIntegerAttr(raw, 32));
    Value high = arith::ShRUIOp::create(b, value, half);
    Value low = swap(arith::TruncIOp::create(b, word, value));
    high = swap(arith::TruncIOp::create(b, word, high));
    high = arith::ShLIOp::create(b, arith::ExtUIOp::create(b, raw, high), half);
    value = arith::OrIOp::create(b, high, arith::ExtUIOp::create(b, raw, low));
  }
  return isa<FloatType>(type) ? arith::BitcastOp::create(b, type, value)
                              : value;
}

Value combineWarp(IndexBuilder &b, const Combiner &combiner, Value value) {
  for (int32_t bit = kWarp / 2; bit > 0; bit /= 2)
    value = combiner.combine(b, value, exchange(b, value, bit));
  return value;
}

} // namespace weft::gpu
