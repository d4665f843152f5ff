// Activations and other elementwise operators that are sums of graph ops.
// Fusion makes one loop of each, so a sum costs no more than an op of its own.
#include "../Table.h"

using namespace mlir;

namespace weft::onnx {

namespace {
/// Arithmetic on values and constants of their type, as equations are written.
struct Math {
  NodeImport &n;
  Value x;

  Value c(double value) const { return n.scalarLike(value, x); }
  Value add(Value a, Value b) const { return n.create<graph::AddOp>(a, b); }
  Value sub(Value a, Value b) const { return n.create<graph::SubOp>(a, b); }
  Value mul(Value a, Value b) const { return n.create<graph::MulOp>(a, b); }
  Value div(Value a, Value b) const { return n.create<graph::DivOp>(a, b); }
  Value max(Value a, Value b) const { return n.create<graph::MaxOp>(a, b); }
  Value min(Value a, Value b) const { return n.create<graph::MinOp>(a, b); }
  Value exp(Value a) const { return n.create<graph::ExpOp>(a); }
  Value abs(Value a) const { return n.create<graph::AbsOp>(a); }
  Value neg(Value a) const { return n.create<graph::NegOp>(a); }
  Value tanh(Value a) const { return n.create<graph::TanhOp>(a); }
  Value sigmoid(Value a) const { return n.create<graph::SigmoidOp>(a); }
  Value less(Value a, Value b) const {
    return n.compare(graph::Comparison::less, a, b);
  }
  Value select(Value condition, Value a, Value b) const {
    return n.create<graph::SelectOp>(condition, a, b);
  }
  Value clamp(Value a, double low, double high) const {
    return n.create<graph::ClampOp>(a, c(low), c(high));
  }
  /// max(a, 0) + log(1 + exp(-|a|)), which does not overflow.
  Value softplus(Value a) const {
    return add(max(a, c(0)), n.create<graph::Log1pOp>(exp(neg(abs(a)))));
  }
};
} // namespace

/// A row from one equation in x.
template <Value (*equation)(const Math &, Value)>
static LogicalResult of(NodeImport &n) {
  Math m{n, n.input(0)};
  return n.result(equation(m, m.x));
}

static Value reciprocal(const Math &m, Value x) { return m.div(m.c(1), x); }

static Value leakyRelu(const Math &m, Value x) {
  double alpha = m.n.real("alpha", 0.01);
  return m.select(m.less(x, m.c(0)), m.mul(x, m.c(alpha)), x);
}

static Value pRelu(const Math &m, Value x) {
  return m.select(m.less(x, m.c(0)), m.mul(x, m.n.input(1)), x);
}

static Value elu(const Math &m, Value x) {
  Value below = m.mul(m.c(m.n.real("alpha", 1)), m.sub(m.exp(x), m.c(1)));
  return m.select(m.less(x, m.c(0)), below, x);
}

static Value selu(const Math &m, Value x) {
  double alpha = m.n.real("alpha", 1.67326319217681884765625);
  double gamma = m.n.real("gamma", 1.05070102214813232421875);
  Value below = m.mul(m.c(alpha), m.sub(m.exp(x), m.c(1)));
  return m.mul(m.c(gamma), m.select(m.less(m.c(0), x), x, below));
}

static Value celu(const Math &m, Value x) {
  Value alpha = m.c(m.n.real("alpha", 1));
  Value below = m.mul(alpha, m.sub(m.exp(m.div(x, alpha)), m.c(1)));
  return m.add(m.max(x, m.c(0)), m.min(m.c(0), below));
}

static Value hardSigmoid(const Math &m, Value x) {
  Value line =
      m.add(m.mul(x, m.c(m.n.real("alpha", 0.2))), m.c(m.n.real("beta", 0.5)));
  return m.clamp(line, 0, 1);
}

static Value hardSwish(const Math &m, Value x) {
  return m.mul(x, m.clamp(m.add(m.mul(x, m.c(1.0 / 6)), m.c(0.5)), 0, 1));
}

static Value mish(const Math &m, Value x) {
  return m.mul(x, m.tanh(m.softplus(x)));
}

static Value softplus(const Math &m, Value x) { return m.softplus(x); }

static Value softsign(const Math &m, Value x) {
  return m.div(x, m.add(m.c(1), m.abs(x)));
}

static Value thresholdedRelu(const Math &m, Value x) {
  Value alpha = m.c(m.n.real("alpha", 1));
  return m.select(m.less(alpha, x), x, m.c(0));
}

static Value swish(const Math &m, Value x) {
  return m.mul(x, m.sigmoid(m.mul(x, m.c(m.n.real("alpha", 1)))));
}

static Value gelu(const Math &m, Value x) {
  Value half = m.mul(m.c(0.5), x);
  if (m.n.text("approximate", "none") == "tanh") {
    Value cube = m.mul(m.mul(x, x), x);
    Value inner = m.mul(m.c(0.7978845608028654), // sqrt(2 / pi)
                        m.add(x, m.mul(m.c(0.044715), cube)));
    return m.mul(half, m.add(m.c(1), m.tanh(inner)));
  }
  Value erf = m.n.create<graph::ErfOp>(m.mul(x, m.c(0.7071067811865476)));
  return m.mul(half, m.add(m.c(1), erf));
}

/// x - bias above lambd, x + bias below -lambd, 0 between.
static Value shrink(const Math &m, Value x) {
  double lambda = m.n.real("lambd", 0.5);
  Value bias = m.c(m.n.real("bias", 0));
  Value below = m.select(m.less(x, m.c(-lambda)), m.add(x, bias), m.c(0));
  return m.select(m.less(m.c(lambda), x), m.sub(x, bias), below);
}

void addComposedRows(Table &table) {
  constexpr auto floats = Row::kFloats;
  table.add({
      {"Celu", 12, of<celu>, floats},
      {"Elu", 22, of<elu>, floats},
      {"Gelu", 20, of<gelu>, floats},
      {"HardSigmoid", 22, of<hardSigmoid>, floats},
      {"HardSwish", 22, of<hardSwish>, floats},
      {"LeakyRelu", 16, of<leakyRelu>, floats},
      {"Mish", 22, of<mish>, floats},
      {"PRelu", 16, of<pRelu>},
      {"Reciprocal", 13, of<reciprocal>, floats},
      {"Selu", 22, of<selu>, floats},
      {"Shrink", 9, of<shrink>},
      {"Softplus", 22, of<softplus>, floats},
      {"Softsign", 22, of<softsign>, floats},
      {"Swish", 24, of<swish>, floats},
      {"ThresholdedRelu", 22, of<thresholdedRelu>, floats},
  });
}

} // namespace weft::onnx
