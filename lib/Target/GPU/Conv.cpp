// Convolution of a thread block: a direct loop, one thread for each element of
// the result in blocked layout, consecutive threads along the channels of a
// block. Inputs are padded already, so nothing is masked inside the window.
// Does not share what neighbouring threads read, but for the caches.

#include "Products.h"

using namespace mlir;

namespace weft::gpu {
namespace {

/// What differs between the two convolutions, for one element of the result.
struct Taps {
  SmallVector<Value> extents; ///< of the sum
  /// Indices into input and weight for one point of the sum.
  function_ref<std::pair<SmallVector<Value>, SmallVector<Value>>(ValueRange)>
      places;
};

template <typename Op>
Value sumOver(Op op, IndexBuilder &b, const Taps &taps, Type type) {
  Value zero = arith::ConstantOp::create(b, b.getZeroAttr(type));
  SmallVector<Value> point;
  auto nest = [&](auto &self, ValueRange sum) -> SmallVector<Value> {
    if (point.size() < taps.extents.size())
      return b.loop(b.index(0), taps.extents[point.size()], b.index(1), sum,
                    [&](Value i, ValueRange inner) {
                      point.push_back(i);
                      auto next = self(self, inner);
                      point.pop_back();
                      return next;
                    });
    auto [input, weight] = taps.places(point);
    Value x = memref::LoadOp::create(b, op.getInput(), input);
    Value w = memref::LoadOp::create(b, op.getWeight(), weight);
    return {multiplyAdd(b, widen(b, x, type), widen(b, w, type), sum[0])};
  };
  return nest(nest, zero)[0];
}

/// One thread for each element of the output; `element` emits it.
template <typename Op>
void forEachElement(Op op, IndexBuilder &b,
                    function_ref<void(ValueRange)> element) {
  Value out = op.getOutputs()[0];
  SmallVector<Value> extents;
  for (int64_t i = 0; i < cast<MemRefType>(out.getType()).getRank(); ++i)
    extents.push_back(b.dim(out, i));
  Value total = b.product(extents);
  Value blocks = b.ceilDiv(total, kThreads);
  auto forall = scf::ForallOp::create(b, ArrayRef<OpFoldResult>{blocks},
                                      ValueRange(), std::nullopt);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(forall.getBody());
  Value position =
      b.add(b.mul(forall.getInductionVar(0), b.index(kThreads)), b.thread());
  b.when(b.less(position, total),
         [&] { element(b.delinearize(position, extents)); });
}

/// Where the window's points stand in the input: o * stride + w * dilation.
template <typename Op>
SmallVector<Value> window(Op op, IndexBuilder &b, ValueRange out,
                          ValueRange point) {
  SmallVector<Value> at;
  for (size_t i = 0; i < op.getStrides().size(); ++i)
    at.push_back(b.add(b.mul(out[i], b.index(op.getStrides()[i])),
                       b.mul(point[i], b.index(op.getDilations()[i]))));
  return at;
}

} // namespace

void emitConv(kernel::ConvOp op, IndexBuilder &b) {
  size_t spatial = op.getStrides().size();
  Value weight = op.getWeight();
  Type type = op.getEpilogue().getArgument(0).getType();
  forEachElement(op, b, [&](ValueRange out) { // n, k1, spatial…, kb
    Value perGroup = b.div(b.dim(weight, 0), b.index(op.getGroups()));
    Value inputs = b.dim(weight, 1);
    Value firstInput = b.mul(b.div(out[1], perGroup), inputs);
    Taps taps; // c1, window…, cb
    for (size_t i = 0; i < spatial + 2; ++i)
      taps.extents.push_back(b.dim(weight, i + 1));
    Value part = b.dim(weight, spatial + 2),
          block = b.dim(op.getInput(), spatial + 2);
    auto places = [&](ValueRange p) {
      // Weights may be in parts of a block of the input.
      Value channel = b.add(b.mul(b.add(firstInput, p[0]), part), p.back());
      SmallVector<Value> in{out[0], b.div(channel, block)};
      in.append(window(op, b, out.slice(2, spatial), p.slice(1, spatial)));
      in.push_back(b.rem(channel, block));
      SmallVector<Value> w{out[1]};
      llvm::append_range(w, p);
      w.push_back(out.back());
      return std::make_pair(in, w);
    };
    taps.places = places;
    storeThroughEpilogue(b, op, sumOver(op, b, taps, type), out);
  });
}

void emitDepthwiseConv(kernel::DepthwiseConvOp op, IndexBuilder &b) {
  size_t spatial = op.getStrides().size();
  Type type = op.getEpilogue().getArgument(0).getType();
  forEachElement(op, b, [&](ValueRange out) { // n, c1, spatial…, cb
    Taps taps;                                // window…
    for (size_t i = 0; i < spatial; ++i)
      taps.extents.push_back(b.dim(op.getWeight(), i + 1));
    auto places = [&](ValueRange p) {
      SmallVector<Value> in{out[0], out[1]};
      in.append(window(op, b, out.slice(2, spatial), p));
      in.push_back(out.back());
      SmallVector<Value> w{out[1]};
      llvm::append_range(w, p);
      w.push_back(out.back());
      return std::make_pair(in, w);
    };
    taps.places = places;
    storeThroughEpilogue(b, op, sumOver(op, b, taps, type), out);
  });
}

} // namespace weft::gpu
