// VNNI's vpdpbusd does it at once. Without it bytes are widened to 16 bits:
// vpmaddubsw, which multiplies bytes, saturates. Those of even and of odd
// places are widened apart, so that sums keep their lanes and none are to be
// joined.

#include "DotBytes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace weft::cpu {
namespace {

Value call(ImplicitLocOpBuilder &b, StringRef name, Type result,
           ValueRange operands) {
  return LLVM::CallIntrinsicOp::create(b, result, b.getStringAttr(name),
                                       operands)
      .getResult(0);
}

Value splatConstant(ImplicitLocOpBuilder &b, VectorType type, int64_t value) {
  return arith::ConstantOp::create(
      b, DenseElementsAttr::get(
             type, b.getIntegerAttr(type.getElementType(), value)));
}

/// The even or the odd bytes of each lane, zeros above them.
Value widenUnsigned(ImplicitLocOpBuilder &b, Value x, bool odd) {
  auto type = cast<VectorType>(x.getType());
  if (odd)
    x = arith::ShRUIOp::create(b, x, splatConstant(b, type, 8));
  return arith::AndIOp::create(b, x, splatConstant(b, type, 0x00ff00ff));
}

/// The even or the odd bytes of each lane of 16 bits, their signs above them.
Value widenSigned(ImplicitLocOpBuilder &b, Value halves, bool odd) {
  Value eight = splatConstant(b, cast<VectorType>(halves.getType()), 8);
  if (!odd)
    halves = arith::ShLIOp::create(b, halves, eight);
  return arith::ShRSIOp::create(b, halves, eight);
}

} // namespace

Value dotBytes(ImplicitLocOpBuilder &b, Value left, Value right, Value sum,
               bool inOne) {
  auto type = cast<VectorType>(sum.getType());
  int64_t bits = 32 * type.getNumElements();
  auto of = [&](int64_t width) {
    return VectorType::get({bits / width}, b.getIntegerType(width));
  };
  auto as = [&](Value x, int64_t width) -> Value {
    return vector::BitCastOp::create(b, of(width), x);
  };
  if (inOne)
    return call(b,
                bits == 512   ? "llvm.x86.avx512.vpdpbusd.512"
                : bits == 256 ? "llvm.x86.avx512.vpdpbusd.256"
                              : "llvm.x86.avx512.vpdpbusd.128",
                type, {sum, as(left, 8), as(right, 8)});
  Value halves = as(right, 16);
  for (bool odd : {false, true}) {
    Value x = as(widenUnsigned(b, left, odd), 16),
          w = widenSigned(b, halves, odd);
    Value products = call(b,
                          bits == 512   ? "llvm.x86.avx512.pmaddw.d.512"
                          : bits == 256 ? "llvm.x86.avx2.pmadd.wd"
                                        : "llvm.x86.sse2.pmadd.wd",
                          type, {x, w});
    sum = arith::AddIOp::create(b, sum, products);
  }
  return sum;
}

} // namespace weft::cpu
