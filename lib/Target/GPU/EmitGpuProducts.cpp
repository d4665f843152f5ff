// Replaces products by loops for a thread block: the pass and what its emitters
// share. Works on memrefs, after bufferization; leaves linalg ops alone.

#include "Products.h"

#include "mlir/Dialect/Affine/Utils.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/IRMapping.h"

using namespace mlir;

namespace weft::gpu {
#define GEN_PASS_DEF_EMITGPUPRODUCTS
#include "weft/Target/GPU/Passes.h.inc"

Value widen(IndexBuilder &b, Value value, Type sum) {
  Type type = value.getType();
  if (type == sum)
    return value;
  if (isa<FloatType>(sum))
    return arith::ExtFOp::create(b, sum, value);
  return arith::ExtSIOp::create(b, sum, value);
}

Value multiplyAdd(IndexBuilder &b, Value x, Value y, Value sum) {
  if (isa<FloatType>(sum.getType()))
    return math::FmaOp::create(b, x, y, sum);
  return arith::AddIOp::create(b, arith::MulIOp::create(b, x, y), sum);
}

template <typename Op>
static void storeElement(IndexBuilder &b, Op op, Value sum,
                         ValueRange indices) {
  Block &body = op.getEpilogue().front();
  IRMapping map;
  map.map(body.getArgument(0), sum);
  for (auto [i, extra] : llvm::enumerate(op.getExtras())) {
    AffineMap access = cast<AffineMapAttr>(op.getExtraMaps()[i]).getAffineMap();
    auto at = affine::expandAffineMap(b, b.getLoc(), access, indices);
    map.map(body.getArgument(i + 1), memref::LoadOp::create(b, extra, *at));
  }
  for (Operation &inner : body.without_terminator())
    b.clone(inner, map);
  Value result = map.lookupOrDefault(body.getTerminator()->getOperand(0));
  memref::StoreOp::create(b, result, op.getOutputs()[0], indices);
}

void storeThroughEpilogue(IndexBuilder &b, Operation *op, Value sum,
                          ValueRange indices) {
  if (auto matmul = dyn_cast<kernel::MatMulOp>(op))
    storeElement(b, matmul, sum, indices);
  else if (auto conv = dyn_cast<kernel::ConvOp>(op))
    storeElement(b, conv, sum, indices);
  else
    storeElement(b, cast<kernel::DepthwiseConvOp>(op), sum, indices);
}

namespace {
struct EmitGpuProducts : impl::EmitGpuProductsBase<EmitGpuProducts> {
  void runOnOperation() override {
    getOperation()->walk([](Operation *op) {
      IndexBuilder b(op->getLoc(), op);
      if (auto matmul = dyn_cast<kernel::MatMulOp>(op))
        emitMatMul(matmul, b);
      else if (auto conv = dyn_cast<kernel::ConvOp>(op))
        emitConv(conv, b);
      else if (auto depthwise = dyn_cast<kernel::DepthwiseConvOp>(op))
        emitDepthwiseConv(depthwise, b);
      else
        return;
      op->erase();
    });
  }
};
} // namespace
} // namespace weft::gpu
