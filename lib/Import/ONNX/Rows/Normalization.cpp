// Normalisations and matrix products.
#include "Equation.h"
#include "Normalize.h"
#include "Shared.h"

using namespace mlir;

namespace weft::onnx {

/// A vector over channels, brought to broadcast along axis 1 of rank `rank`.
static Value alongChannels(NodeImport &n, Value vector, int64_t rank) {
  return n.unsqueeze(vector, llvm::to_vector(llvm::seq<int64_t>(
                                 1, std::max<int64_t>(rank - 1, 1))));
}

/// Normalises by the mean and the variance of the batch itself, and lets the
/// running ones follow: running * momentum + own * (1 - momentum).
static LogicalResult batchNormalizationTraining(NodeImport &n) {
  Num x(n, n.input(0));
  Type element = n.type(0).getElementType(),
       sum = element.isF64() ? element : n.b.getF32Type();
  Num wide = x.as(sum);
  Ints axes;
  for (int64_t i = 0; i < n.rank(0); ++i)
    if (i != 1)
      axes.push_back(i);
  auto average = [&](Num values) {
    return Num(n, n.reduce(graph::ReduceKind::mean, values, axes, false));
  };
  auto along = [&](Num vector) {
    return Num(n, alongChannels(n, vector, n.rank(0)));
  };
  Num mean = average(wide);
  Num centered = wide - along(mean);
  Num variance = average(centered * centered);
  Num scale = Num(n, n.input(1)).as(sum), bias = Num(n, n.input(2)).as(sum);
  Num factor = scale / apply<graph::SqrtOp>(variance + n.real("epsilon", 1e-5));
  Num y = centered * along(factor) + along(bias);
  double momentum = n.real("momentum", 0.9);
  auto follow = [&](unsigned input, Num own) {
    Num running(n, n.input(input));
    return running * momentum +
           own.as(n.type(input).getElementType()) * (1 - momentum);
  };
  return n.results({y.as(element), follow(3, mean), follow(4, variance)});
}

/// x * a + b with a = scale / sqrt(variance + epsilon), b = bias - mean * a.
/// All four vectors are weights as a rule, so a and b fold.
static LogicalResult batchNormalization(NodeImport &n) {
  if (n.integer("training_mode", 0))
    return batchNormalizationTraining(n);
  Value x = n.input(0), scale = n.input(1), bias = n.input(2);
  Value mean = n.input(3), variance = n.input(4);
  Type statistics = NodeImport::typeOf(mean).getElementType();
  Value epsilon = n.scalarLike(n.real("epsilon", 1e-5), variance);
  Value deviation =
      n.create<graph::SqrtOp>(n.create<graph::AddOp>(variance, epsilon));
  Value a = n.create<graph::DivOp>(n.cast(scale, statistics), deviation);
  Value b = n.create<graph::SubOp>(n.cast(bias, statistics),
                                   n.create<graph::MulOp>(mean, a));
  Type element = n.type(0).getElementType();
  a = alongChannels(n, n.cast(a, element), n.rank(0));
  b = alongChannels(n, n.cast(b, element), n.rank(0));
  return n.result(n.create<graph::AddOp>(n.create<graph::MulOp>(x, a), b));
}

Value layerNorm(NodeImport &n, Value x, Value scale, Value bias, int64_t axis,
                double epsilon) {
  if (!x)
    return nullptr;
  // Optional operands are null on purpose, which create() takes for failure.
  OperationState state(n.loc, graph::LayerNormOp::getOperationName());
  graph::LayerNormOp::build(n.b, state, NoneType::get(n.b.getContext()), x,
                            scale, bias, axis, APFloat(epsilon));
  return n.inferAndInsert(state);
}

static LogicalResult layerNormalization(NodeImport &n) {
  auto axis = n.axis(n.integer("axis", -1), n.rank(0));
  if (!axis)
    return failure();
  double epsilon = n.real("epsilon", 1e-5);
  Value x = n.input(0);
  Value y = layerNorm(n, x, n.input(1), n.input(2), *axis, epsilon);
  SmallVector<Value> results = {y};
  if (n.wants(1) || n.wants(2)) {
    Ints axes = llvm::to_vector(llvm::seq<int64_t>(*axis, n.rank(0)));
    Value f32 = n.cast(x, n.b.getF32Type());
    Value mean = n.reduce(graph::ReduceKind::mean, f32, axes, true);
    Value centered = n.create<graph::SubOp>(f32, mean);
    Value variance =
        n.reduce(graph::ReduceKind::mean,
                 n.create<graph::MulOp>(centered, centered), axes, true);
    results.push_back(mean);
    results.push_back(n.create<graph::RsqrtOp>(
        n.create<graph::AddOp>(variance, n.scalarLike(epsilon, variance))));
  }
  return n.results(results);
}

static LogicalResult instanceNormalization(NodeImport &n) {
  int64_t rank = n.rank(0);
  if (rank < 3)
    return n.error() << "input has rank " << rank << "; 3 at least is needed";
  Value y =
      layerNorm(n, n.input(0), alongChannels(n, n.input(1), rank),
                alongChannels(n, n.input(2), rank), 2, n.real("epsilon", 1e-5));
  return n.result(y);
}

/// Normalises [N, groups, rest] over rest, then scales each channel.
static LogicalResult groupNormalization(NodeImport &n) {
  int64_t rank = n.rank(0), groups = n.integer("num_groups", 1);
  if (rank < 2)
    return n.error() << "input has rank " << rank << "; 2 at least is needed";
  if (groups < 1 ||
      (!n.type(0).isDynamicDim(1) && n.type(0).getDimSize(1) % groups))
    return n.error() << "num_groups is " << groups << ", which does not divide "
                     << n.type(0).getDimSize(1) << " channels";
  Value x = n.input(0);
  Value grouped = n.reshape(x, {0, groups, -1});
  Value normal =
      layerNorm(n, grouped, nullptr, nullptr, 2, n.real("epsilon", 1e-5));
  Value back = n.create<graph::ReshapeOp>(normal, n.create<graph::ShapeOp>(x),
                                          /*allow_zero=*/true);
  Value scaled =
      n.create<graph::MulOp>(back, alongChannels(n, n.input(1), rank));
  return n.result(
      n.create<graph::AddOp>(scaled, alongChannels(n, n.input(2), rank)));
}

static Value rmsNorm(NodeImport &n, Value given, Value scale, int64_t axis,
                     double epsilon, Type stash) {
  if (!given)
    return nullptr;
  RankedTensorType type = NodeImport::typeOf(given);
  Value x = n.cast(given, stash);
  Value square =
      n.reduce(graph::ReduceKind::mean, n.create<graph::MulOp>(x, x),
               llvm::to_vector(llvm::seq<int64_t>(axis, type.getRank())), true);
  Value factor = n.create<graph::RsqrtOp>(
      n.create<graph::AddOp>(square, n.scalarLike(epsilon, square)));
  Value normal =
      n.cast(n.create<graph::MulOp>(x, factor), type.getElementType());
  return n.create<graph::MulOp>(normal, scale);
}

Value rmsNorm(NodeImport &n, Value x, Value scale, int64_t axis,
              double epsilon) {
  if (!x)
    return nullptr;
  Type element = NodeImport::typeOf(x).getElementType();
  return rmsNorm(n, x, scale, axis, epsilon,
                 element.isF64() ? element : n.b.getF32Type());
}

/// x / sqrt(mean(x²) + epsilon) * scale.
static LogicalResult rmsNormalization(NodeImport &n) {
  auto axis = n.axis(n.integer("axis", -1), n.rank(0));
  if (!axis)
    return failure();
  Type stash = elementType(n.b.getContext(), int(n.integer("stash_type", 1)));
  if (!stash || !isa<FloatType>(stash))
    return n.error() << "stash_type is no float type";
  return n.result(rmsNorm(n, n.input(0), n.input(1), *axis,
                          n.real("epsilon", 1e-5), stash));
}

/// x / (bias + alpha / size * sum of squares over `size` channels) ^ beta.
static LogicalResult lrn(NodeImport &n) {
  int64_t size = n.integer("size", 1);
  if (size < 1 || n.rank(0) < 2)
    return n.error() << "size is " << size << " and the input has rank "
                     << n.rank(0) << "; 1 and 2 at least are needed";
  double alpha = n.real("alpha", 1e-4), beta = n.real("beta", 0.75);
  Value x = n.input(0);
  Value sum = n.create<graph::PoolOp>(
      graph::ReduceKind::sum, n.create<graph::MulOp>(x, x),
      ArrayRef<int64_t>{1}, ArrayRef<int64_t>{size}, ArrayRef<int64_t>{1},
      ArrayRef<int64_t>{(size - 1) / 2, size / 2}, ArrayRef<int64_t>{1}, false,
      false);
  Value base = n.create<graph::AddOp>(
      n.scalarLike(n.real("bias", 1), x),
      n.create<graph::MulOp>(sum, n.scalarLike(alpha / double(size), x)));
  // Roots are much cheaper than powers, and 0.75 is what models use.
  Value power;
  if (beta == 0.75) {
    Value root = n.create<graph::SqrtOp>(base);
    power = n.create<graph::MulOp>(root, n.create<graph::SqrtOp>(root));
  } else if (beta == 0.5) {
    power = n.create<graph::SqrtOp>(base);
  } else {
    power = n.create<graph::PowOp>(base, n.scalarLike(beta, x));
  }
  return n.result(n.create<graph::DivOp>(x, power));
}

/// x / (sum |x|^p)^(1/p) along one axis.
static LogicalResult lpNormalization(NodeImport &n) {
  auto axis = n.axis(n.integer("axis", -1), n.rank(0));
  if (!axis)
    return failure();
  Value x = n.input(0);
  bool absolute = n.integer("p", 2) == 1;
  Value terms =
      absolute ? n.create<graph::AbsOp>(x) : n.create<graph::MulOp>(x, x);
  Value norm = n.reduce(graph::ReduceKind::sum, terms, {*axis}, true);
  if (!absolute)
    norm = n.create<graph::SqrtOp>(norm);
  // A vector of zeros stays zeros.
  Value zero = n.scalarLike(0, x);
  Value isZero = n.compare(graph::Comparison::equal, norm, zero);
  norm = n.create<graph::SelectOp>(isZero, n.scalarLike(1, x), norm);
  return n.result(n.create<graph::DivOp>(x, norm));
}

//===- Matrix products ----------------------------------------------------===//

Value matrixProduct(NodeImport &n, Value a, Value b) {
  if (!a || !b)
    return nullptr;
  int64_t rankA = NodeImport::typeOf(a).getRank(),
          rankB = NodeImport::typeOf(b).getRank();
  if (rankA == 0 || rankB == 0) {
    n.error() << "inputs have ranks " << rankA << " and " << rankB
              << "; 1 at least is needed";
    return nullptr;
  }
  if (rankA == 1)
    a = n.unsqueeze(a, {0});
  if (rankB == 1)
    b = n.unsqueeze(b, {1});
  Value y = n.create<graph::MatMulOp>(a, b, false, false);
  if (!y)
    return nullptr;
  int64_t rank = NodeImport::typeOf(y).getRank();
  Ints vectors;
  if (rankA == 1)
    vectors.push_back(rank - 2);
  if (rankB == 1)
    vectors.push_back(rank - 1);
  return n.squeeze(y, vectors);
}

static LogicalResult matMul(NodeImport &n) {
  return n.result(matrixProduct(n, n.input(0), n.input(1)));
}

static LogicalResult gemm(NodeImport &n) {
  if (n.rank(0) != 2 || n.rank(1) != 2)
    return n.error() << "inputs have ranks " << n.rank(0) << " and "
                     << n.rank(1) << " where 2 is needed";
  Value y = n.create<graph::MatMulOp>(n.input(0), n.input(1),
                                      n.integer("transA", 0) != 0,
                                      n.integer("transB", 0) != 0);
  if (double alpha = n.real("alpha", 1); alpha != 1)
    y = n.create<graph::MulOp>(y, n.scalarLike(alpha, y));
  if (!n.has(2))
    return n.result(y);
  Value c = n.input(2);
  if (double beta = n.real("beta", 1); beta != 1)
    c = n.create<graph::MulOp>(c, n.scalarLike(beta, c));
  return n.result(n.create<graph::AddOp>(y, c));
}

static LogicalResult det(NodeImport &n) {
  return n.result(n.create<graph::DetOp>(n.input(0)));
}

void addNormalizationRows(Table &table) {
  constexpr auto floats = Row::kFloats;
  table.add({
      {"BatchNormalization", 15, batchNormalization, floats},
      {"Det", 22, det, floats},
      {"Gemm", 13, gemm},
      {"GroupNormalization", 21, groupNormalization, floats},
      {"InstanceNormalization", 22, instanceNormalization, floats},
      {"LRN", 13, lrn, floats},
      {"LayerNormalization", 17, layerNormalization, floats},
      {"LpNormalization", 22, lpNormalization, floats},
      {"MatMul", 13, matMul},
      {"RMSNormalization", 23, rmsNormalization, floats},
  });
}

} // namespace weft::onnx
