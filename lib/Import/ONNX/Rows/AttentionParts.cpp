#include "AttentionParts.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "weft/Dialect/Kernel/IR/Kernel.h"
#include "weft/Support/Diagnostics.h"
#include "weft/Support/Location.h"
#include <cmath>

using namespace mlir;

namespace weft::onnx::attention {

static int64_t dim(Value x, int64_t i) {
  return NodeImport::typeOf(x).getDimSize(i);
}

Value splitHeads(NodeImport &n, Value x, int64_t heads) {
  if (!x)
    return nullptr;
  int64_t size = dim(x, 2);
  if (heads < 1 || (!ShapedType::isDynamic(size) && size % heads != 0)) {
    n.error() << "the last extent " << size << " is no multiple of " << heads
              << " heads";
    return nullptr;
  }
  // Both extents are stated, so that none is left over where one is 0.
  Value each = n.create<graph::DivOp>(n.extent(x, 2), n.ints({heads}));
  Value shape =
      n.concat({n.extent(x, 0), n.extent(x, 1), n.ints({heads}), each}, 0);
  return n.transpose(n.create<graph::ReshapeOp>(x, shape, /*allow_zero=*/true),
                     {0, 2, 1, 3});
}

Value joinHeads(NodeImport &n, Value x) {
  if (!x)
    return nullptr;
  Value shape =
      n.concat({n.extent(x, 0), n.extent(x, 2),
                n.create<graph::MulOp>(n.extent(x, 1), n.extent(x, 3))},
               0);
  return n.create<graph::ReshapeOp>(n.transpose(x, {0, 2, 1, 3}), shape,
                                    /*allow_zero=*/true);
}

/// Fails the run, or the import where it is known, unless the heads of `x` are
/// a multiple of those of `m`.
static LogicalResult checkHeads(NodeImport &n, Value x, Value m) {
  int64_t heads = dim(x, 1), groups = dim(m, 1);
  if (!ShapedType::isDynamic(heads) && !ShapedType::isDynamic(groups)) {
    if (groups > 0 && heads % groups == 0)
      return success();
    return n.error() << heads << " heads are no multiple of the " << groups
                     << " heads of keys and values";
  }
  Value have = tensor::DimOp::create(n.b, n.loc, x, 1),
        each = tensor::DimOp::create(n.b, n.loc, m, 1);
  Value one = arith::ConstantIndexOp::create(n.b, n.loc, 1),
        zero = arith::ConstantIndexOp::create(n.b, n.loc, 0);
  Value safe = arith::MaxUIOp::create(n.b, n.loc, each, one);
  Value rest = arith::RemUIOp::create(n.b, n.loc, have, safe);
  Value fits =
      arith::CmpIOp::create(n.b, n.loc, arith::CmpIPredicate::eq, rest, zero);
  kernel::CheckOp::create(
      n.b, n.loc, fits, ValueRange{have, each},
      n.b.getStringAttr(describeNode({n.node.name(), n.node.op_type()}) +
                        ": {0} heads are no multiple of the {1} heads of keys "
                        "and values"));
  return success();
}

Value headProduct(NodeImport &n, Value x, Value m, bool transposed) {
  if (!x || !m || failed(checkHeads(n, x, m)))
    return nullptr;
  if (!ShapedType::isDynamic(dim(x, 1)) && dim(x, 1) == dim(m, 1))
    return n.create<graph::MatMulOp>(x, m, false, transposed);
  // Heads that share a matrix are consecutive: one product with all their rows.
  Value rows = n.create<graph::DivOp>(
      n.create<graph::MulOp>(n.extent(x, 1), n.extent(x, 2)), n.extent(m, 1));
  Value grouped = n.create<graph::ReshapeOp>(
      x, n.concat({n.extent(x, 0), n.extent(m, 1), rows, n.extent(x, 3)}, 0),
      /*allow_zero=*/true);
  Value y = n.create<graph::MatMulOp>(grouped, m, false, transposed);
  if (!y)
    return nullptr;
  return n.create<graph::ReshapeOp>(
      y, n.concat({n.slice(n.shape(x), 0, 0, 3), n.extent(y, 3)}, 0),
      /*allow_zero=*/true);
}

Positions positions(NodeImport &n, Value queries, Value keys, Value offset) {
  Value query = n.unsqueeze(n.iota(n.extent(queries, 2)), {1});
  if (offset)
    query = n.create<graph::AddOp>(query, offset);
  return {query, n.iota(n.extent(keys, 2))};
}

Value both(NodeImport &n, Value a, Value b) {
  return !a ? b : !b ? a : n.create<graph::AndOp>(a, b);
}

Value widen(NodeImport &n, Value mask, Value keys, double value) {
  if (!mask || !keys)
    return nullptr;
  RankedTensorType type = NodeImport::typeOf(mask);
  int64_t last = type.getRank() - 1;
  if (last < 0 || last > 3) {
    n.error() << "the mask has rank " << last + 1 << "; 1 to 4 is needed";
    return nullptr;
  }
  if (!type.isDynamicDim(last) && type.getDimSize(last) == dim(keys, 2))
    return mask;
  Value missing = n.create<graph::MaxOp>(
      n.create<graph::SubOp>(n.extent(keys, 2), n.extent(mask, last)),
      n.ints({0}));
  return n.create<graph::PadOp>(mask, n.concat({n.ints({0}), missing}, 0),
                                n.scalar(value, type.getElementType()),
                                ArrayRef<int64_t>{last},
                                graph::PadMode::constant);
}

Result attend(NodeImport &n, const Spec &spec) {
  Result result;
  Value q = spec.query;
  if (!q || !spec.key || !spec.value)
    return result;
  Type element = NodeImport::typeOf(q).getElementType();
  // Products of 16-bit floats may be too large before they are scaled, so their
  // factors are, each by the root, as ONNX says it.
  bool early = isa<FloatType>(element) && element.getIntOrFloatBitWidth() == 16;
  Value scale, k = spec.key;
  if (spec.scale || !ShapedType::isDynamic(dim(q, 3))) {
    double known = spec.scale ? *spec.scale : 1 / std::sqrt(double(dim(q, 3)));
    scale = n.scalar(early ? std::sqrt(known) : known, element);
  } else {
    Value size = n.cast(n.reshape(n.extent(q, 3), {}), n.b.getF32Type());
    Value known = n.create<graph::RsqrtOp>(size);
    scale = n.cast(early ? n.create<graph::SqrtOp>(known) : known, element);
  }
  if (early) {
    q = n.create<graph::MulOp>(q, scale);
    k = n.create<graph::MulOp>(k, scale);
  }
  Value scores = headProduct(n, q, k, /*transposed=*/true);
  if (!early)
    scores = n.create<graph::MulOp>(scores, scale);
  result.steps[0] = scores;
  if (spec.softcap != 0) {
    Value cap = n.scalar(spec.softcap, element);
    scores = n.create<graph::MulOp>(
        cap, n.create<graph::TanhOp>(n.create<graph::DivOp>(scores, cap)));
  }
  result.steps[1] = scores;
  // Joined first: both are the same for many heads, or known.
  Value bias = spec.bias ? n.cast(spec.bias, element) : nullptr;
  if (spec.visible) {
    Value none = bias ? bias : n.scalar(0, element);
    bias = n.create<graph::SelectOp>(spec.visible, none,
                                     n.scalar(-HUGE_VAL, element));
  }
  if (bias)
    scores = n.create<graph::AddOp>(scores, bias);
  result.steps[2] = scores;
  if (!scores)
    return result;
  if (spec.precision)
    scores = n.cast(scores, spec.precision);
  bool masked = spec.bias || spec.visible;
  Value weights = n.cast(
      n.create<graph::SoftmaxOp>(scores, int64_t(3), /*log=*/false, masked),
      element);
  result.steps[3] = weights;
  result.output = headProduct(n, weights, spec.value, /*transposed=*/false);
  return result;
}

} // namespace weft::onnx::attention
