// Operators that belong to training: losses, and Dropout that drops.
#include "../Table.h"
#include "Shared.h"
#include <array>

using namespace mlir;

namespace weft::onnx {

//===- Losses -------------------------------------------------------------===//

/// What the targets choose: the class of each place, and its weight, which is 0
/// where the target is the one to ignore.
namespace {
struct Targets {
  Value classes, ignored, weights;
};
} // namespace

static Targets readTargets(NodeImport &n, Value x) {
  Targets t;
  Type i64 = n.b.getI64Type();
  t.classes = n.cast(n.input(1), i64);
  Value zero = n.intScalar(0);
  if (n.hasAttribute("ignore_index")) {
    t.ignored = n.compare(graph::Comparison::equal, t.classes,
                          n.intScalar(n.integer("ignore_index", 0)));
    t.classes = n.create<graph::SelectOp>(t.ignored, zero, t.classes);
  }
  Value given = n.input(2);
  if (!given)
    given = n.create<graph::ExpandOp>(n.scalarLike(1, x), n.extent(x, 1));
  // Also fails the run where a target is no class.
  t.weights = n.create<graph::GatherOp>(given, t.classes, 0);
  if (t.ignored && t.weights)
    t.weights = n.create<graph::SelectOp>(t.ignored, n.scalarLike(0, t.weights),
                                          t.weights);
  return t;
}

/// -weight * x[class], reduced as the node says.
static Value negativeLikelihood(NodeImport &n, Value x) {
  if (!x)
    return nullptr;
  int64_t rank = NodeImport::typeOf(x).getRank();
  if (rank < 2 || n.rank(1) != rank - 1) {
    n.error() << "input and targets have ranks " << rank << " and " << n.rank(1)
              << "; the former must be 2 at least and one more than the latter";
    return nullptr;
  }
  StringRef reduction = n.text("reduction", "mean");
  if (reduction != "mean" && reduction != "sum" && reduction != "none") {
    n.error() << "reduction is '" << reduction << "', not mean, sum or none";
    return nullptr;
  }
  Targets t = readTargets(n, x);
  Value hit = n.compare(graph::Comparison::equal, n.iotaLike(x, 1),
                        n.unsqueeze(t.classes, {1}));
  Value picked = n.reduce(graph::ReduceKind::sum,
                          n.create<graph::SelectOp>(hit, x, n.scalarLike(0, x)),
                          {1}, false);
  Value loss =
      n.create<graph::MulOp>(n.create<graph::NegOp>(picked), t.weights);
  if (t.ignored && loss)
    loss = n.create<graph::SelectOp>(t.ignored, n.scalarLike(0, loss), loss);
  if (reduction == "none" || !loss)
    return loss;
  Ints all = llvm::to_vector(llvm::seq<int64_t>(0, rank - 1));
  Value sum = n.reduce(graph::ReduceKind::sum, loss, all, false);
  if (reduction == "sum")
    return sum;
  return n.create<graph::DivOp>(
      sum, n.reduce(graph::ReduceKind::sum, t.weights, all, false));
}

static LogicalResult nllLoss(NodeImport &n) {
  return n.result(negativeLikelihood(n, n.input(0)));
}

static LogicalResult softmaxCrossEntropyLoss(NodeImport &n) {
  if (n.rank(0) < 2)
    return n.error() << "scores have rank " << n.rank(0)
                     << "; 2 at least is needed";
  Value likelihood = n.create<graph::SoftmaxOp>(n.input(0), 1, true);
  Value loss = negativeLikelihood(n, likelihood);
  if (!n.wants(1))
    return n.result(loss);
  return n.results({loss, likelihood});
}

//===- Dropout ------------------------------------------------------------===//

/// All elements pass, and the mask says so.
static LogicalResult passAll(NodeImport &n) {
  if (!n.wants(1))
    return n.result(n.input(0));
  Value x = n.input(0);
  Value mask = n.create<graph::ExpandOp>(n.scalar(1, n.b.getI1Type()),
                                         n.create<graph::ShapeOp>(x));
  return n.results({x, mask});
}

static LogicalResult dropout(NodeImport &n) {
  auto known = NodeImport::known(n.input(2));
  if (!n.has(2) || (known && known->size() == 1 && !known->front()))
    return passAll(n);
  Type f32 = n.b.getF32Type();
  Value x = n.input(0), training = n.reshape(n.input(2), {});
  Value ratio =
      n.has(1) ? n.cast(n.reshape(n.input(1), {}), f32) : n.scalar(0.5, f32);
  Value kept = n.compare(graph::Comparison::greaterOrEqual,
                         uniformLike(n, x, f32), ratio);
  Value mask = n.create<graph::OrOp>(kept, n.create<graph::NotOp>(training));
  Value one = n.scalar(1, f32);
  Value grown = n.create<graph::DivOp>(one, n.create<graph::SubOp>(one, ratio));
  Value scale = n.create<graph::SelectOp>(training, grown, one);
  if (!scale)
    return failure();
  Value scaled =
      n.create<graph::MulOp>(x, n.cast(scale, n.type(0).getElementType()));
  return n.results(
      {n.create<graph::SelectOp>(mask, scaled, n.scalarLike(0, x)), mask});
}

//===- Optimizers ---------------------------------------------------------===//

namespace {
/// The step of an optimizer: rate, count of steps, and for each parameter x its
/// gradient and what the optimizer keeps of it.
class Step {
public:
  explicit Step(NodeImport &n, unsigned states)
      : n(n), groups((n.inputCount() - 2) / (2 + states)), rate(n.input(0)),
        count(n.cast(n.input(1), NodeImport::typeOf(rate).getElementType())) {}

  Value input(unsigned kind, unsigned i) const {
    return n.input(2 + kind * groups + i);
  }
  Value c(double value) const { return n.scalarLike(value, rate); }
  Value real(StringRef name, double otherwise) const {
    return c(n.real(name, otherwise));
  }
  Value add(Value x, Value y) const { return n.create<graph::AddOp>(x, y); }
  Value sub(Value x, Value y) const { return n.create<graph::SubOp>(x, y); }
  Value mul(Value x, Value y) const { return n.create<graph::MulOp>(x, y); }
  Value div(Value x, Value y) const { return n.create<graph::DivOp>(x, y); }
  Value sqrt(Value x) const { return n.create<graph::SqrtOp>(x); }
  Value select(Value condition, Value x, Value y) const {
    return n.create<graph::SelectOp>(condition, x, y);
  }
  Value hasBegun() const {
    return n.compare(graph::Comparison::greater, count, c(0));
  }
  /// The gradient with that of the norm.
  Value gradient(unsigned i) const {
    return add(mul(real("norm_coefficient", 0), input(0, i)), input(1, i));
  }

  NodeImport &n;
  unsigned groups;
  Value rate, count;
};
} // namespace

/// Checks the number of inputs, and gives the new parameters and then each kind
/// of state.
template <unsigned states, typename Update>
static LogicalResult optimize(NodeImport &n, Update update) {
  if (n.inputCount() < 4 + states || (n.inputCount() - 2) % (2 + states) ||
      llvm::is_contained(n.allInputs(), Value()))
    return n.error() << "has " << n.inputCount() << " inputs; 2 and for each "
                     << "parameter " << 2 + states << " are needed";
  Step step(n, states);
  SmallVector<Value> results[1 + states];
  for (unsigned i = 0; i < step.groups; ++i)
    for (auto [list, value] : llvm::zip_equal(results, update(step, i)))
      list.push_back(value);
  SmallVector<Value> all;
  for (const SmallVector<Value> &list : results)
    llvm::append_range(all, list);
  return n.results(all);
}

static LogicalResult adagrad(NodeImport &n) {
  return optimize<1>(n, [](Step &s, unsigned i) -> std::array<Value, 2> {
    Value decayed = s.add(s.c(1), s.mul(s.count, s.real("decay_factor", 0)));
    Value g = s.gradient(i);
    Value h = s.add(s.input(2, i), s.mul(g, g));
    Value scale = s.add(s.sqrt(h), s.real("epsilon", 1e-6));
    Value change = s.div(s.mul(s.div(s.rate, decayed), g), scale);
    return {s.sub(s.input(0, i), change), h};
  });
}

static LogicalResult momentum(NodeImport &n) {
  StringRef mode = n.text("mode", "standard");
  if (mode != "standard" && mode != "nesterov")
    return n.error() << "mode is '" << mode << "', not standard or nesterov";
  return optimize<1>(n, [&](Step &s, unsigned i) -> std::array<Value, 2> {
    Value alpha = s.real("alpha", 0);
    Value beta = s.select(s.hasBegun(), s.real("beta", 0), s.c(1));
    Value g = s.gradient(i);
    Value v = s.add(s.mul(alpha, s.input(2, i)), s.mul(beta, g));
    Value direction = mode == "nesterov" ? s.add(g, s.mul(alpha, v)) : v;
    return {s.sub(s.input(0, i), s.mul(s.rate, direction)), v};
  });
}

static LogicalResult adam(NodeImport &n) {
  return optimize<2>(n, [](Step &s, unsigned i) -> std::array<Value, 3> {
    Value alpha = s.real("alpha", 0.9), beta = s.real("beta", 0.999),
          one = s.c(1);
    Value g = s.gradient(i);
    Value v = s.add(s.mul(alpha, s.input(2, i)), s.mul(s.sub(one, alpha), g));
    Value h =
        s.add(s.mul(beta, s.input(3, i)), s.mul(s.sub(one, beta), s.mul(g, g)));
    auto rest = [&](Value base) {
      return s.sub(one, s.n.create<graph::PowOp>(base, s.count));
    };
    Value corrected = s.div(s.mul(s.rate, s.sqrt(rest(beta))), rest(alpha));
    Value rate = s.select(s.hasBegun(), corrected, s.rate);
    Value scale = s.add(s.sqrt(h), s.real("epsilon", 1e-6));
    Value x = s.sub(s.input(0, i), s.div(s.mul(rate, v), scale));
    Value kept = s.sub(one, s.real("norm_coefficient_post", 0));
    return {s.mul(kept, x), v, h};
  });
}

void addTrainingRows(Table &table) {
  constexpr auto floats = Row::kFloats;
  table.add({
      {"Dropout", 22, dropout, floats},
      {"NegativeLogLikelihoodLoss", 22, nllLoss, floats},
      {"SoftmaxCrossEntropyLoss", 13, softmaxCrossEntropyLoss, floats},
      {"ai.onnx.preview.training.Adagrad", 1, adagrad, floats},
      {"ai.onnx.preview.training.Adam", 1, adam, floats},
      {"ai.onnx.preview.training.Momentum", 1, momentum, floats},
  });
}

} // namespace weft::onnx
