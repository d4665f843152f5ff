// Recurrent layers.
#include "../Table.h"

using namespace mlir;

namespace weft::onnx {

namespace {
/// One activation per gate and direction, with its two parameters; NaN where
/// the activation's own default holds.
struct Activations {
  SmallVector<StringRef> names;
  SmallVector<float> alphas, betas;
};
} // namespace

static std::optional<Activations> activations(NodeImport &n, int64_t directions,
                                              ArrayRef<StringRef> defaults) {
  Activations result;
  result.names = n.texts("activations");
  size_t count = defaults.size() * directions;
  if (result.names.empty())
    for (int64_t i = 0; i < directions; ++i)
      result.names.append(defaults.begin(), defaults.end());
  if (result.names.size() != count) {
    n.error() << "activations has " << result.names.size() << " entries where "
              << count << " are needed";
    return {};
  }
  static const StringRef known[] = {
      "Relu",       "Tanh",        "Sigmoid",
      "Affine",     "LeakyRelu",   "ThresholdedRelu",
      "ScaledTanh", "HardSigmoid", "Elu",
      "Softsign",   "Softplus"};
  for (StringRef name : result.names)
    if (!llvm::is_contained(known, name)) {
      n.error() << "activation '" << name << "' is not supported";
      return {};
    }
  auto padded = [&](StringRef attribute) {
    SmallVector<float> values = n.reals(attribute);
    values.resize(count, std::numeric_limits<float>::quiet_NaN());
    return values;
  };
  result.alphas = padded("activation_alpha");
  result.betas = padded("activation_beta");
  return result;
}

/// With layout 1, batch comes before time (and before direction).
static Value batchFirst(NodeImport &n, Value value, ArrayRef<int64_t> order) {
  return value && n.integer("layout", 0) ? n.transpose(value, order) : value;
}

/// The hidden size of the attribute, where the recurrent weights' type, with
/// `gates` matrices a direction, does not tell.
static LogicalResult fixHidden(NodeImport &n, int64_t gates) {
  int64_t hidden = n.integer("hidden_size", 0);
  int64_t directions = n.text("direction", "") == "bidirectional" ? 2 : 1;
  if (hidden <= 0 || !n.type(2).isDynamicDim(2))
    return success();
  return success(
      succeeded(n.fix(1, {directions, gates * hidden, ShapedType::kDynamic})) &&
      succeeded(n.fix(2, {directions, gates * hidden, hidden})) &&
      (!n.has(3) || succeeded(n.fix(3, {directions, 2 * gates * hidden}))));
}

static LogicalResult lstm(NodeImport &n) {
  StringRef direction = n.text("direction", "forward");
  int64_t directions = direction == "bidirectional" ? 2 : 1;
  if (n.rank(0) != 3 || n.rank(2) != 3)
    return n.error() << "X and R have ranks " << n.rank(0) << " and "
                     << n.rank(2) << " where 3 is needed";
  if (failed(fixHidden(n, 4)))
    return failure();
  auto functions = activations(n, directions, {"Sigmoid", "Tanh", "Tanh"});
  if (!functions)
    return failure();
  Value x = batchFirst(n, n.input(0), {1, 0, 2});
  Value h = batchFirst(n, n.input(5), {1, 0, 2});
  Value c = batchFirst(n, n.input(6), {1, 0, 2});
  RankedTensorType xType = NodeImport::typeOf(x);
  int64_t hidden = n.type(2).getDimSize(2), time = xType.getDimSize(0),
          batch = xType.getDimSize(1);
  auto outputs = xType.clone({time, directions, batch, hidden});
  auto last = xType.clone({directions, batch, hidden});
  auto op = graph::LstmOp::create(
      n.b, n.loc, outputs, last, last, x, n.input(1), n.input(2), n.input(3),
      n.input(4), h, c, n.input(7), n.b.getStringAttr(direction),
      n.b.getStrArrayAttr(functions->names),
      n.b.getDenseF32ArrayAttr(functions->alphas),
      n.b.getDenseF32ArrayAttr(functions->betas),
      n.b.getF32FloatAttr(float(n.real("clip", 0))),
      n.integer("input_forget", 0) ? n.b.getUnitAttr() : UnitAttr());
  return n.results({batchFirst(n, op.getOutputs(), {2, 0, 1, 3}),
                    batchFirst(n, op.getLastH(), {1, 0, 2}),
                    batchFirst(n, op.getLastC(), {1, 0, 2})});
}

/// GRU and RNN: one state, and what Op has beside the common arguments.
template <typename Op, typename... Args>
static LogicalResult singleState(NodeImport &n, ArrayRef<StringRef> defaults,
                                 Args... more) {
  StringRef direction = n.text("direction", "forward");
  int64_t directions = direction == "bidirectional" ? 2 : 1;
  if (n.rank(0) != 3 || n.rank(2) != 3)
    return n.error() << "X and R have ranks " << n.rank(0) << " and "
                     << n.rank(2) << " where 3 is needed";
  if (failed(fixHidden(n, std::is_same_v<Op, graph::GruOp> ? 3 : 1)))
    return failure();
  auto functions = activations(n, directions, defaults);
  if (!functions)
    return failure();
  Value x = batchFirst(n, n.input(0), {1, 0, 2});
  Value h = batchFirst(n, n.input(5), {1, 0, 2});
  RankedTensorType xType = NodeImport::typeOf(x);
  int64_t hidden = n.type(2).getDimSize(2), time = xType.getDimSize(0),
          batch = xType.getDimSize(1);
  auto op = Op::create(
      n.b, n.loc, xType.clone({time, directions, batch, hidden}),
      xType.clone({directions, batch, hidden}), x, n.input(1), n.input(2),
      n.input(3), n.input(4), h, n.b.getStringAttr(direction),
      n.b.getStrArrayAttr(functions->names),
      n.b.getDenseF32ArrayAttr(functions->alphas),
      n.b.getDenseF32ArrayAttr(functions->betas),
      n.b.getF32FloatAttr(float(n.real("clip", 0))), more...);
  return n.results({batchFirst(n, op.getOutputs(), {2, 0, 1, 3}),
                    batchFirst(n, op.getLastH(), {1, 0, 2})});
}

static LogicalResult gru(NodeImport &n) {
  return singleState<graph::GruOp>(
      n, {"Sigmoid", "Tanh"},
      n.integer("linear_before_reset", 0) ? n.b.getUnitAttr() : UnitAttr());
}

static LogicalResult rnn(NodeImport &n) {
  return singleState<graph::RnnOp>(n, {"Tanh"});
}

void addRecurrentRows(Table &table) {
  table.add({
      {"GRU", 22, gru, Row::kFloats},
      {"LSTM", 22, lstm, Row::kFloats},
      {"RNN", 22, rnn, Row::kFloats},
  });
}

} // namespace weft::onnx
