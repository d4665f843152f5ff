// Operators of the domain com.microsoft, as ONNX Runtime's optimiser and
// exporters write them, without attention. ONNX has no schemas of these, so
// their inputs are checked here.
#include "Equation.h"
#include "Normalize.h"
#include "Shared.h"

using namespace mlir;

namespace weft::onnx {

LogicalResult needInputs(NodeImport &n, unsigned count) {
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
  if (failed(needInputs(n, 1)))
    return failure();
  Num x(n, n.input(0));
  return n.result(gelu(n.has(1) ? x + Num(n, n.input(1)) : x));
}

static LogicalResult fastGelu(NodeImport &n) {
  if (failed(needInputs(n, 1)))
    return failure();
  Num x(n, n.input(0));
  if (n.has(1))
    x = x + Num(n, n.input(1));
  Num inner = 0.7978845608028654 * (x + 0.044715 * x * x * x);
  return n.result(0.5 * x * (1.0 + apply<graph::TanhOp>(inner)));
}

static LogicalResult quickGelu(NodeImport &n) {
  if (failed(needInputs(n, 1)))
    return failure();
  Num x(n, n.input(0));
  return n.result(x * apply<graph::SigmoidOp>(x * n.real("alpha", 1.702)));
}

//===- Norms --------------------------------------------------------------===//

/// (input + skip + bias), normalised along the last axis.
template <bool simplified>
static LogicalResult skipNorm(NodeImport &n) {
  if (failed(needInputs(n, 3)))
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
/// leaves of each batch. `real` gives what input `i` stands for, of which `x`
/// is a part.
static LogicalResult
embedLayerNorm(NodeImport &n, Value places,
               llvm::function_ref<Value(unsigned i, Value x)> real) {
  enum {
    kIds,
    kSegments,
    kWords,
    kPositions,
    kSegmentTable,
    kScale,
    kBias,
    kMask
  };
  if (!n.has(kIds) || !n.has(kWords) || !n.has(kPositions) || !n.has(kScale) ||
      !n.has(kBias) || n.rank(kIds) != 2)
    return n.error() << "needs ids of rank 2, two tables, gamma and beta";
  auto rows = [&](unsigned table, Value ids) {
    return Num(n, real(table, n.create<graph::GatherOp>(n.input(table), ids,
                                                        int64_t(0))));
  };
  Value ids = n.input(kIds);
  if (!places)
    places = n.unsqueeze(n.iota(n.extent(ids, 1)), {0});
  Num sum = rows(kWords, ids) + rows(kPositions, places);
  if (n.has(kSegments) && n.has(kSegmentTable))
    sum = sum + rows(kSegmentTable, n.input(kSegments));
  Value y = layerNorm(n, sum, real(kScale, n.input(kScale)),
                      real(kBias, n.input(kBias)), 2, n.real("epsilon", 1e-12));
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

static LogicalResult realEmbedLayerNorm(NodeImport &n) {
  enum { kPositionIds = 8 };
  return embedLayerNorm(n, n.input(kPositionIds),
                        [](unsigned, Value x) { return x; });
}

/// The scales of inputs 2 to 6 follow the mask, and behind them are the zero
/// points.
static LogicalResult quantizedEmbedLayerNorm(NodeImport &n) {
  enum { kFirst = 2, kScales = 8, kZeros = 13, kEnd = 18 };
  for (unsigned i = kFirst; i < kScales - 1; ++i)
    if (n.has(i) && (!n.has(i - kFirst + kScales) ||
                     !isa<IntegerType>(n.type(i).getElementType())))
      return n.error() << "input " << i << " is of " << n.type(i)
                       << "; integers with a scale at input "
                       << i - kFirst + kScales << " are needed";
  for (unsigned i = kScales; i < kEnd; ++i)
    if (n.has(i) && n.rank(i) != 0 &&
        n.type(i).getShape() != ArrayRef{int64_t(1)})
      return n.error() << "input " << i << " is of " << n.type(i)
                       << " where one number is needed";
  return embedLayerNorm(n, nullptr, [&](unsigned i, Value x) {
    unsigned more = i - kFirst;
    auto scalar = [&](unsigned at) {
      return n.has(at) ? n.reshape(n.input(at), {}) : Value();
    };
    Num whole(n, centred(n, x, scalar(kZeros + more)));
    return Value(whole.as(n.b.getF32Type()) * Num(n, scalar(kScales + more)));
  });
}

//===- Products -----------------------------------------------------------===//

static LogicalResult fusedMatMul(NodeImport &n) {
  if (failed(needInputs(n, 2)))
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

static LogicalResult matMulIntegerToFloat(NodeImport &n) {
  if (failed(needInputs(n, 4)))
    return failure();
  return n.result(scaledProduct(n, {n.input(0), n.input(2), n.input(4)},
                                {n.input(1), n.input(3), n.input(5)},
                                n.input(6)));
}

/// `a` is quantised to 8 bits by its own extrema first.
static LogicalResult dynamicQuantizeMatMul(NodeImport &n) {
  if (failed(needInputs(n, 3)))
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
  return n.result(scaledProduct(
      n, {a, scale, zero}, {n.input(1), n.input(2), n.input(3)}, n.input(4)));
}

void addMicrosoftRows(Table &table) {
  constexpr auto floats = Row::kFloats;
  table.add({
      {"com.microsoft.BiasGelu", 1, importGelu, floats},
      {"com.microsoft.DynamicQuantizeMatMul", 1, dynamicQuantizeMatMul, floats},
      {"com.microsoft.EmbedLayerNormalization", 1, realEmbedLayerNorm},
      {"com.microsoft.FastGelu", 1, fastGelu, floats},
      {"com.microsoft.FusedMatMul", 1, fusedMatMul, floats},
      {"com.microsoft.Gelu", 1, importGelu, floats},
      {"com.microsoft.MatMulIntegerToFloat", 1, matMulIntegerToFloat},
      {"com.microsoft.QEmbedLayerNormalization", 1, quantizedEmbedLayerNorm},
      {"com.microsoft.QuickGelu", 1, quickGelu, floats},
      {"com.microsoft.SkipLayerNormalization", 1, skipNorm<false>, floats},
      {"com.microsoft.SkipSimplifiedLayerNormalization", 1, skipNorm<true>,
       floats},
  });
}

} // namespace weft::onnx
