// Operators of com.microsoft on quantized values: each is the operator of real
// numbers that its name holds, between a dequantization and a quantization.
// And operators that have an activation in them.
#include "../Table.h"
#include "Equation.h"
#include "Shared.h"
#include "weft/Import/ONNX.h"

using namespace mlir;

namespace weft::onnx {

/// Runs ONNX's operator `op` with other inputs, but this node's attributes. No
/// results where it fails.
static SmallVector<Value> allApplied(NodeImport &n, StringRef op,
                                     ArrayRef<Value> inputs) {
  const Row *row = Table::instance().find("", op, kOpset);
  NodeImport inner(n.importer, n.node, n.scope, n.b, inputs);
  if (llvm::is_contained(inputs.take_front(1), Value()) ||
      failed(row->import(inner)))
    return {};
  return inner.outputs;
}

/// The first of its results, or null.
static Value applied(NodeImport &n, StringRef op, ArrayRef<Value> inputs) {
  SmallVector<Value> results = allApplied(n, op, inputs);
  return results.empty() ? nullptr : results.front();
}

//===- Quantized ----------------------------------------------------------===//

/// Input `i` as real numbers, by the scale and zero point that follow it.
static Value realInput(NodeImport &n, unsigned i) {
  if (!n.has(i) || !n.has(i + 1)) {
    n.error() << "has no input " << (n.has(i) ? i + 1 : i);
    return nullptr;
  }
  if (n.rank(i + 1) > 1 || !isa<IntegerType>(n.type(i).getElementType())) {
    n.error() << "input " << i << " is of " << n.type(i) << " with scales of "
              << n.type(i + 1) << "; integers with one scale are needed";
    return nullptr;
  }
  Type f32 = n.b.getF32Type();
  auto scalar = [&](Value x) { return x ? n.reshape(x, {}) : x; };
  Value centre = centred(n, n.input(i), scalar(n.input(i + 2)));
  return n.create<graph::MulOp>(n.cast(centre, f32), scalar(n.input(i + 1)));
}

/// `y` by the scale at input `i` and the zero point behind it, in the type of
/// input `like`.
static LogicalResult quantizedResult(NodeImport &n, Value y, unsigned i,
                                     unsigned like) {
  if (!n.has(i))
    return n.error() << "has no input " << i;
  Value zero = n.has(i + 1) ? n.reshape(n.input(i + 1), {}) : Value();
  return n.result(quantized(n, y, n.reshape(n.input(i), {}), zero,
                            n.type(like).getElementType()));
}

/// The operator of one input.
static LogicalResult quantizedUnary(NodeImport &n, StringRef op,
                                    ArrayRef<Value> more = {}) {
  SmallVector<Value> inputs = {realInput(n, 0)};
  llvm::append_range(inputs, more);
  return quantizedResult(n, applied(n, op, inputs), 3, 0);
}

static LogicalResult qLinearSigmoid(NodeImport &n) {
  return quantizedUnary(n, "Sigmoid");
}
static LogicalResult qLinearLeakyRelu(NodeImport &n) {
  return quantizedUnary(n, "LeakyRelu");
}
static LogicalResult qLinearReduceMean(NodeImport &n) {
  Ints axes = n.integers("axes");
  return quantizedUnary(n, "ReduceMean", axes.empty() ? Value() : n.ints(axes));
}

/// Before opset 13 all axes from `axis` on are one.
static LogicalResult qLinearSoftmax(NodeImport &n) {
  Value x = realInput(n, 0);
  if (!x)
    return failure();
  int64_t rank = n.rank(0);
  bool joins = n.integer("opset", 13) < 13;
  auto axis = n.axis(n.integer("axis", joins ? 1 : -1), rank);
  if (!axis)
    return failure();
  Value y;
  if (joins && *axis != rank - 1) {
    Ints rows(*axis, 0);
    rows.push_back(-1);
    Value flat = n.reshape(x, rows);
    y = n.create<graph::SoftmaxOp>(flat, *axis, false, false);
    y = n.create<graph::ReshapeOp>(y, n.shape(x), true);
  } else {
    y = n.create<graph::SoftmaxOp>(x, *axis, false, false);
  }
  return quantizedResult(n, y, 3, 0);
}

/// Pooling of images whose channels may come last.
static LogicalResult quantizedPool(NodeImport &n, StringRef op) {
  Value x = realInput(n, 0);
  if (!x)
    return failure();
  int64_t rank = n.rank(0);
  bool last = n.integer("channels_last", 0) != 0 && rank > 2;
  Ints order = llvm::to_vector(llvm::seq<int64_t>(0, rank)), back = order;
  if (last) {
    std::rotate(order.begin() + 1, order.end() - 1, order.end());
    std::rotate(back.begin() + 1, back.begin() + 2, back.end());
    x = n.transpose(x, order);
  }
  Value y = applied(n, op, {x});
  return quantizedResult(n, last ? n.transpose(y, back) : y, 3, 0);
}
static LogicalResult qLinearAveragePool(NodeImport &n) {
  return quantizedPool(n, "AveragePool");
}
static LogicalResult qLinearGlobalAveragePool(NodeImport &n) {
  return quantizedPool(n, "GlobalAveragePool");
}

template <typename Op>
static LogicalResult quantizedBinary(NodeImport &n) {
  Value a = realInput(n, 0), b = a ? realInput(n, 3) : nullptr;
  return quantizedResult(n, n.create<Op>(a, b), 6, 0);
}

static LogicalResult qLinearWhere(NodeImport &n) {
  Value x = realInput(n, 1), y = x ? realInput(n, 4) : nullptr;
  if (!n.has(0))
    return n.error() << "has no input 0";
  return quantizedResult(n, n.create<graph::SelectOp>(n.input(0), x, y), 7, 1);
}

static LogicalResult qLinearConcat(NodeImport &n) {
  SmallVector<Value> parts;
  if (n.inputCount() < 5 || n.inputCount() % 3 != 2)
    return n.error() << "has " << n.inputCount()
                     << " inputs; 2 and 3 for each part are needed";
  for (unsigned i = 2; i < n.inputCount(); i += 3) {
    parts.push_back(realInput(n, i));
    if (!parts.back())
      return failure();
  }
  auto axis = n.axis(n.integer("axis", 0), n.rank(2));
  return axis ? quantizedResult(n, n.concat(parts, *axis), 0, 2) : failure();
}

/// a · b + c, where c is in units of both scales.
static LogicalResult qGemm(NodeImport &n) {
  for (unsigned i : {0, 1, 3, 4})
    if (!n.has(i))
      return n.error() << "has no input " << i;
  if (n.rank(0) != 2 || n.rank(3) != 2)
    return n.error() << "inputs have ranks " << n.rank(0) << " and "
                     << n.rank(3) << " where 2 is needed";
  Type f32 = n.b.getF32Type();
  bool transB = n.integer("transB", 0) != 0;
  // A scale for each column of b, which is a row where b is transposed.
  auto perColumn = [&](Value x) {
    return x && transB && NodeImport::typeOf(x).getRank() == 1
               ? n.unsqueeze(x, {1})
               : x;
  };
  Value a = centred(n, n.input(0), n.input(2)),
        b = centred(n, n.input(3), perColumn(n.input(5)));
  Value sum =
      n.create<graph::MatMulOp>(a, b, n.integer("transA", 0) != 0, transB);
  if (n.has(6))
    sum = n.create<graph::AddOp>(sum, n.input(6));
  Num scale = Num(n, n.input(1)) * Num(n, n.input(4)) * n.real("alpha", 1);
  Value y = Num(n, n.cast(sum, f32)) * scale;
  return n.has(7) ? quantizedResult(n, y, 7, n.has(8) ? 8 : 0) : n.result(y);
}

/// LSTM's matrices, which stand the other way round here, as real numbers:
/// input `i`, with its scale and zero point at `parameters`. Those are one for
/// each direction, or for each of its columns.
static Value realMatrices(NodeImport &n, unsigned i, unsigned parameters) {
  auto spread = [&](unsigned at) -> Value {
    if (!n.has(at) || n.rank(at) == 0 || n.rank(at) > 2)
      return n.input(at);
    return n.unsqueeze(n.input(at),
                       n.rank(at) == 1 ? ArrayRef<int64_t>{1, 2} : 1);
  };
  if (!n.has(i) || !n.has(parameters) || n.rank(i) != 3) {
    n.error() << "needs matrices of rank 3 at input " << i
              << " and their scale at input " << parameters;
    return nullptr;
  }
  Num whole(n, centred(n, n.input(i), spread(parameters + 1)));
  return n.transpose(whole.as(n.b.getF32Type()) * Num(n, spread(parameters)),
                     {0, 2, 1});
}

/// Weights are those of the file, and all else is computed in f32. ONNX Runtime
/// also rounds inputs and states to 8 bits, which its kernel needs; results are
/// as far from those of the model before it was quantised either way.
static LogicalResult dynamicQuantizeLstm(NodeImport &n) {
  enum { kInput, kMatrices, kRecurrent, kFrom, kTo = 8, kScales = 8 };
  Value matrices = realMatrices(n, kMatrices, kScales);
  Value recurrent =
      matrices ? realMatrices(n, kRecurrent, kScales + 2) : nullptr;
  if (!recurrent)
    return failure();
  SmallVector<Value> inputs = {n.input(kInput), matrices, recurrent};
  for (unsigned i = kFrom; i < kTo; ++i)
    inputs.push_back(n.input(i));
  SmallVector<Value> results = allApplied(n, "LSTM", inputs);
  return results.empty() ? failure() : n.results(results);
}

//===- With an activation -------------------------------------------------===//

/// The activation that an attribute names, with its parameters.
static Value activated(NodeImport &n, Value y, StringRef kind,
                       ArrayRef<float> parameters) {
  if (!y || kind.empty())
    return y;
  Num x(n, y);
  auto parameter = [&](size_t i, double otherwise) {
    return i < parameters.size() ? double(parameters[i]) : otherwise;
  };
  if (kind == "Relu")
    return max(x, 0.0);
  if (kind == "Tanh")
    return apply<graph::TanhOp>(x);
  if (kind == "Sigmoid")
    return apply<graph::SigmoidOp>(x);
  if (kind == "LeakyRelu")
    return select(x < 0.0, x * parameter(0, 0.01), x);
  if (kind == "Clip")
    return clamp(x, parameter(0, -3.4e38), x.of(parameter(1, 3.4e38)));
  if (kind == "HardSigmoid")
    return clamp(x * parameter(0, 0.2) + parameter(1, 0.5), 0, x.of(1));
  n.error() << "activation is '" << kind
            << "'; Relu, Tanh, Sigmoid, LeakyRelu, Clip or HardSigmoid is "
               "needed";
  return nullptr;
}

static LogicalResult fusedConv(NodeImport &n) {
  Value y = applied(n, "Conv", {n.input(0), n.input(1), n.input(2)});
  if (n.has(3))
    y = n.create<graph::AddOp>(y, n.input(3));
  return n.result(
      activated(n, y, n.text("activation", ""), n.reals("activation_params")));
}

static LogicalResult fusedGemm(NodeImport &n) {
  Value y = applied(n, "Gemm", {n.input(0), n.input(1), n.input(2)});
  SmallVector<float> parameters;
  for (StringRef name : {"activation_alpha", "activation_beta"})
    if (n.hasAttribute(name))
      parameters.push_back(float(n.real(name, 0)));
  return n.result(activated(n, y, n.text("activation", ""), parameters));
}

void addMicrosoftQuantizedRows(Table &table) {
  table.add({
      {"com.microsoft.DynamicQuantizeLSTM", 1, dynamicQuantizeLstm,
       Row::kFloats},
      {"com.microsoft.FusedConv", 1, fusedConv, Row::kFloats},
      {"com.microsoft.FusedGemm", 1, fusedGemm, Row::kFloats},
      {"com.microsoft.QGemm", 1, qGemm, "int"},
      {"com.microsoft.QLinearAdd", 1, quantizedBinary<graph::AddOp>, "int"},
      {"com.microsoft.QLinearAveragePool", 1, qLinearAveragePool, "int"},
      {"com.microsoft.QLinearConcat", 1, qLinearConcat, "int"},
      {"com.microsoft.QLinearGlobalAveragePool", 1, qLinearGlobalAveragePool,
       "int"},
      {"com.microsoft.QLinearLeakyRelu", 1, qLinearLeakyRelu, "int"},
      {"com.microsoft.QLinearMul", 1, quantizedBinary<graph::MulOp>, "int"},
      {"com.microsoft.QLinearReduceMean", 1, qLinearReduceMean, "int"},
      {"com.microsoft.QLinearSigmoid", 1, qLinearSigmoid, "int"},
      {"com.microsoft.QLinearSoftmax", 1, qLinearSoftmax, "int"},
      {"com.microsoft.QLinearWhere", 1, qLinearWhere, "int"},
  });
}

} // namespace weft::onnx
