// Operators of the domain com.microsoft, as ONNX Runtime's optimiser and
// exporters write them, without attention. ONNX has no schemas of these, so
// their inputs are checked here.
#include "Equation.h"
#include "Normalize.h"
#include "Places.h"

using namespace mlir;

namespace weft::onnx {

/// Fails where one of the first `count` inputs is absent.
static LogicalResult needs(NodeImport &n, unsigned count) {
  for (unsigned i = 0; i < count; ++i)
    if (!n.has(i))
      return n.error() << "has no input " << i;
  return success();
}

//===- Activations --------------------------------------------------------===//

static Num gelu(Num x) {
  return 0.5 * x * (1.0 + apply<graph::ErfOp>(x * 0.7071067811865476));
}

static LogicalResult importGelu(NodeImport &n) {
  if (failed(needs(n, 1)))
    return failure();
  Num x(n, n.input(0));
  return n.result(gelu(n.has(1) ? x + Num(n, n.input(1)) : x));
}

static LogicalResult fastGelu(NodeImport &n) {
  if (failed(needs(n, 1)))
    return failure();
  Num x(n, n.input(0));
  if (n.has(1))
    x = x + Num(n, n.input(1));
  Num inner = 0.7978845608028654 * (x + 0.044715 * x * x * x);
  return n.result(0.5 * x * (1.0 + apply<graph::TanhOp>(inner)));
}

static LogicalResult quickGelu(NodeImport &n) {
  if (failed(needs(n, 1)))
    return failure();
  Num x(n, n.input(0));
  return n.result(x * apply<graph::SigmoidOp>(x * n.real("alpha", 1.702)));
}

//===- Norms --------------------------------------------------------------===//

/// (input + skip + bias), normalised along the last axis.
template <bool simplified>
static LogicalResult skipNorm(NodeImport &n) {
  if (failed(needs(n, 3)))
    return failure();
  unsigned biasAt = simplified ? 3 : 4;
  Num sum = Num(n, n.input(0)) + Num(n, n.input(1));
  if (n.has(biasAt))
    sum = sum + Num(n, n.input(biasAt));
  if (n.wants(1) || n.wants(2))
    return n.error() << "the outputs mean and inv_std_var are not supported";
  int64_t last = n.rank(0) - 1;
  double epsilon = n.real("epsilon", 1e-12);
  Value y = simplified
                ? rmsNorm(n, sum, n.input(2), last, epsilon)
                : layerNorm(n, sum, n.input(2), n.input(3), last, epsilon);
  // The two in between are asked for by nobody.
  return n.results({y, y, y, sum});
}

/// Rows of three tables, added and normalised; and how many tokens the mask
/// leaves of each batch.
static LogicalResult embedLayerNorm(NodeImport &n) {
  enum {
    kIds,
    kSegments,
    kWords,
    kPositions,
    kSegmentTable,
    kScale,
    kBias,
    kMask,
    kPositionIds
  };
  if (!n.has(kIds) || !n.has(kWords) || !n.has(kPositions) || !n.has(kScale) ||
      !n.has(kBias) || n.rank(kIds) != 2)
    return n.error() << "needs ids of rank 2, two tables, gamma and beta";
  auto rows = [&](unsigned table, Value ids) {
    return Num(n, n.create<graph::GatherOp>(n.input(table), ids, int64_t(0)));
  };
  Value ids = n.input(kIds);
  Value places = n.has(kPositionIds)
                     ? n.input(kPositionIds)
                     : n.unsqueeze(n.iota(n.extent(ids, 1)), {0});
  Num sum = rows(kWords, ids) + rows(kPositions, places);
  if (n.has(kSegments) && n.has(kSegmentTable))
    sum = sum + rows(kSegmentTable, n.input(kSegments));
  Value y = layerNorm(n, sum, n.input(kScale), n.input(kBias), 2,
                      n.real("epsilon", 1e-12));
  Type i32 = n.b.getI32Type();
  Value kept =
      n.has(kMask)
          ? n.cast(n.compare(graph::Comparison::notEqual, n.input(kMask),
                             n.scalarLike(0, n.input(kMask))),
                   i32)
          : n.create<graph::MulOp>(n.cast(ids, i32), n.scalar(0, i32));
  Value counts = n.reduce(graph::ReduceKind::sum, kept, {1}, false);
  return n.results({y, counts, sum});
}

//===- Products -----------------------------------------------------------===//

static LogicalResult fusedMatMul(NodeImport &n) {
  if (failed(needs(n, 2)))
    return failure();
  if (n.integer("transBatchA", 0) || n.integer("transBatchB", 0))
    return n.error() << "transBatchA and transBatchB are not supported";
  if (n.rank(0) < 2 || n.rank(1) < 2)
    return n.error() << "inputs have ranks " << n.rank(0) << " and "
                     << n.rank(1) << "; 2 at least is needed";
  Num y(n, n.create<graph::MatMulOp>(n.input(0), n.input(1),
                                     n.integer("transA", 0) != 0,
                                     n.integer("transB", 0) != 0));
  double alpha = n.real("alpha", 1);
  return n.result(alpha == 1 ? y : y * alpha);
}

/// Weights of a few bits, in blocks that share a scale and a zero point.
static LogicalResult matMulNBits(NodeImport &n) {
  if (failed(needs(n, 3)))
    return failure();
  int64_t k = n.integer("K", 0), columns = n.integer("N", 0),
          bits = n.integer("bits", 4), block = n.integer("block_size", 0);
  if (k < 1 || columns < 1 || block < 1 ||
      (bits != 2 && bits != 4 && bits != 8))
    return n.error() << "K is " << k << ", N " << columns << ", block_size "
                     << block << " and bits " << bits
                     << "; numbers above 0 and 2, 4 or 8 bits are needed";
  if (n.has(4))
    return n.error() << "g_idx is not supported";
  int64_t blocks = llvm::divideCeil(k, block), perByte = 8 / bits;
  Type element = n.type(0).getElementType();
  // Several numbers of each byte, the lowest bits first.
  auto unpacked = [&](Value packed, int64_t rows, int64_t count) {
    Num bytes(n, n.cast(n.reshape(packed, {rows, -1, 1}), n.b.getI32Type()));
    SmallVector<Value> parts;
    int64_t unit = int64_t(1) << bits, divisor = 1;
    for (int64_t i = 0; i < perByte; ++i, divisor *= unit)
      parts.push_back((bytes / double(divisor)) % double(unit));
    Value all = n.reshape(n.concat(parts, 2), {rows, -1});
    return Num(n, n.slice(all, 1, 0, count)).as(element);
  };
  Num weight = unpacked(n.input(1), columns, blocks * block);
  weight = Num(n, n.reshape(weight, {columns, blocks, block}));
  Num scale(n, n.reshape(n.input(2), {columns, blocks, 1}));
  Num zero = weight.of(double(int64_t(1) << (bits - 1)));
  if (n.has(3)) {
    bool isFloat = isa<FloatType>(n.type(3).getElementType());
    Value given = isFloat ? n.cast(n.input(3), element)
                          : Value(unpacked(n.input(3), columns, blocks));
    zero = Num(n, n.reshape(given, {columns, blocks, 1}));
  }
  Value matrix =
      n.reshape((weight - zero) * scale.as(element), {columns, blocks * block});
  matrix = n.slice(matrix, 1, 0, k);
  Num y(n, n.create<graph::MatMulOp>(n.input(0), matrix, false, true));
  if (n.has(5))
    y = y + Num(n, n.input(5));
  return n.result(y);
}

/// (a - zero) · (b - zero) in integers, times both scales.
static Value scaledProduct(NodeImport &n, Value a, Value aZero, Value aScale,
                           Value b, Value bZero, Value bScale, Value bias) {
  Type i32 = n.b.getI32Type();
  auto centered = [&](Value x, Value zero) {
    Num wide(n, n.cast(x, i32));
    return zero ? wide - Num(n, n.cast(zero, i32)) : wide;
  };
  Num sum(n, n.create<graph::MatMulOp>(centered(a, aZero), centered(b, bZero),
                                       false, false));
  Num y = sum.as(n.b.getF32Type()) * (Num(n, aScale) * Num(n, bScale));
  return bias ? Value(y + Num(n, bias)) : Value(y);
}

static LogicalResult matMulIntegerToFloat(NodeImport &n) {
  if (failed(needs(n, 4)))
    return failure();
  return n.result(scaledProduct(n, n.input(0), n.input(4), n.input(2),
                                n.input(1), n.input(5), n.input(3),
                                n.input(6)));
}

/// `a` is quantised to 8 bits by its own extrema first.
static LogicalResult dynamicQuantizeMatMul(NodeImport &n) {
  if (failed(needs(n, 3)))
    return failure();
  Ints all = llvm::to_vector(llvm::seq<int64_t>(0, n.rank(0)));
  Num x(n, n.input(0));
  Num low = min(Num(n, n.reduce(graph::ReduceKind::min, x, all, false)), 0.0),
      high = max(Num(n, n.reduce(graph::ReduceKind::max, x, all, false)), 0.0);
  Num scale = (high - low) / 255.0;
  scale = select(scale == 0.0, 1.0, scale);
  auto rounded = [&](Num value) {
    return clamp(apply<graph::RoundOp>(value), 0, value.of(255));
  };
  Num zero =
      rounded((0.0 - low) / scale)
          .as(IntegerType::get(n.b.getContext(), 8, IntegerType::Unsigned));
  Value a = n.create<graph::QuantizeOp>((x / scale).value, zero.value);
  return n.result(scaledProduct(n, a, zero.value, scale, n.input(1), n.input(3),
                                n.input(2), n.input(4)));
}

void addMicrosoftRows(Table &table) {
  constexpr auto floats = Row::kFloats;
  table.add({
      {"com.microsoft.BiasGelu", 1, importGelu, floats},
      {"com.microsoft.DynamicQuantizeMatMul", 1, dynamicQuantizeMatMul, floats},
      {"com.microsoft.EmbedLayerNormalization", 1, embedLayerNorm},
      {"com.microsoft.FastGelu", 1, fastGelu, floats},
      {"com.microsoft.FusedMatMul", 1, fusedMatMul, floats},
      {"com.microsoft.Gelu", 1, importGelu, floats},
      {"com.microsoft.MatMulIntegerToFloat", 1, matMulIntegerToFloat},
      {"com.microsoft.MatMulNBits", 1, matMulNBits, floats},
      {"com.microsoft.QuickGelu", 1, quickGelu, floats},
      {"com.microsoft.SkipLayerNormalization", 1, skipNorm<false>, floats},
      {"com.microsoft.SkipSimplifiedLayerNormalization", 1, skipNorm<true>,
       floats},
  });
}

} // namespace weft::onnx
