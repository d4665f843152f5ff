// The support vector machines of ai.onnx.ml.
#include "Equation.h"
#include "PostTransform.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;

namespace weft::onnx {

/// The kernel of each row of the input with each support vector.
static Value kernelValues(NodeImport &n, int64_t vectors) {
  SmallVector<float> support = n.reals("support_vectors"),
                     parameters = n.reals("kernel_params");
  StringRef kind = n.text("kernel_type", "LINEAR");
  if (parameters.size() < 3)
    parameters.resize(3, 0);
  if (n.rank(0) != 2 || vectors < 1 || support.size() % vectors) {
    n.error() << "has " << support.size() << " numbers in " << vectors
              << " support vectors and an input of rank " << n.rank(0);
    return nullptr;
  }
  double gamma = parameters[0], start = parameters[1], degree = parameters[2];
  Value x = n.cast(n.input(0), n.b.getF32Type());
  Value matrix =
      floats(n, support, {vectors, int64_t(support.size()) / vectors});
  Num dot(n, n.create<graph::MatMulOp>(x, matrix, false, true));
  if (kind == "LINEAR")
    return dot;
  Num scaled = dot * gamma + start;
  if (kind == "SIGMOID")
    return apply<graph::TanhOp>(scaled);
  if (kind == "POLY")
    return n.create<graph::PowOp>(scaled, scaled.of(degree));
  if (kind == "RBF") {
    // By differences: squares of large numbers would cancel.
    Num difference = Num(n, n.unsqueeze(x, {1})) - Num(n, matrix);
    Num distance(n, n.reduce(graph::ReduceKind::sum, difference * difference,
                             {2}, /*keepDims=*/false));
    return apply<graph::ExpOp>(distance * -gamma);
  }
  n.error() << "kernel_type is '" << kind
            << "'; LINEAR, POLY, RBF or SIGMOID is needed";
  return nullptr;
}

static LogicalResult svmRegressor(NodeImport &n) {
  SmallVector<float> weights = n.reals("coefficients"), rho = n.reals("rho");
  int64_t vectors = n.integer("n_supports", 0);
  if (rho.empty() || weights.empty() ||
      (vectors > 0 && int64_t(weights.size()) != vectors) || n.rank(0) != 2)
    return n.error() << "has " << weights.size() << " coefficients and "
                     << rho.size() << " rho for " << vectors
                     << " support vectors and an input of rank " << n.rank(0);
  Value x = vectors > 0 ? kernelValues(n, vectors)
                        : n.cast(n.input(0), n.b.getF32Type());
  Value matrix = floats(n, weights, {1, int64_t(weights.size())});
  Num y = Num(n, n.create<graph::MatMulOp>(x, matrix, false, true)) +
          double(rho[0]);
  if (n.integer("one_class", 0))
    y = select(y > 0.0, y.of(1), -1.0);
  return n.result(postTransform(n, n.text("post_transform", "NONE"), y));
}

//===- SVMClassifier ------------------------------------------------------===//

namespace {
/// A classifier of each two classes i < j, in the order (0, 1), (0, 2), …
struct Machine {
  int64_t classes = 0, vectors = 0;
  Ints perClass;
  SmallVector<float> coefficients, rho, slopes, starts;

  int64_t pairs() const { return classes * (classes - 1) / 2; }
  template <typename Visit>
  void forEachPair(Visit visit) const {
    for (int64_t i = 0, pair = 0; i < classes; ++i)
      for (int64_t j = i + 1; j < classes; ++j)
        visit(i, j, pair++);
  }
};
} // namespace

static LogicalResult readMachine(NodeImport &n, Machine &m) {
  m.perClass = n.integers("vectors_per_class");
  m.coefficients = n.reals("coefficients");
  m.rho = n.reals("rho");
  m.slopes = n.reals("prob_a");
  m.starts = n.reals("prob_b");
  for (int64_t count : m.perClass) {
    if (count < 0 || count > int64_t(1) << 40)
      return n.error() << "has " << count << " support vectors in a class";
    m.vectors += count;
  }
  int64_t pairs = m.pairs();
  auto fits = [&](ArrayRef<float> list) {
    return list.empty() || int64_t(list.size()) >= pairs;
  };
  bool good =
      m.vectors == 0
          ? !m.coefficients.empty() && !m.rho.empty() &&
                m.coefficients.size() % m.classes == 0
          : int64_t(m.perClass.size()) == m.classes &&
                int64_t(m.coefficients.size()) >= (m.classes - 1) * m.vectors &&
                int64_t(m.rho.size()) >= pairs && fits(m.slopes) &&
                m.slopes.size() == m.starts.size();
  if (m.classes < 2 || n.rank(0) != 2 || !good)
    return n.error() << "has " << m.classes << " classes, " << m.perClass.size()
                     << " vectors_per_class, " << m.coefficients.size()
                     << " coefficients, " << m.rho.size() << " rho, "
                     << m.slopes.size() << " prob_a and " << m.starts.size()
                     << " prob_b for an input of rank " << n.rank(0);
  return success();
}

/// What each pair's classifier says: [N, pairs].
static Value pairScores(NodeImport &n, const Machine &m) {
  int64_t pairs = m.pairs();
  if (m.vectors > (int64_t(1) << 30) / pairs) {
    n.error() << "has " << m.vectors << " support vectors for " << pairs
              << " pairs of classes, which is more than is supported";
    return nullptr;
  }
  SmallVector<int64_t> begins;
  int64_t next = 0;
  for (int64_t count : m.perClass) {
    begins.push_back(next);
    next += count;
  }
  std::vector<float> weights(m.vectors * pairs, 0);
  m.forEachPair([&](int64_t i, int64_t j, int64_t pair) {
    auto put = [&](int64_t of, int64_t row) {
      for (int64_t k = 0; k < m.perClass[of]; ++k) {
        int64_t vector = begins[of] + k;
        weights[vector * pairs + pair] =
            m.coefficients[row * m.vectors + vector];
      }
    };
    put(i, j - 1);
    put(j, i);
  });
  Value kernels = kernelValues(n, m.vectors);
  Value sum = n.create<graph::MatMulOp>(
      kernels, floats(n, weights, {m.vectors, pairs}), false, false);
  return n.create<graph::AddOp>(
      sum, floats(n, ArrayRef<float>(m.rho).take_front(pairs)));
}

/// How often each class wins against another: [N, classes].
static Value votes(NodeImport &n, const Machine &m, Num scores) {
  int64_t pairs = m.pairs();
  std::vector<float> won(pairs * m.classes, 0), lost(won);
  m.forEachPair([&](int64_t i, int64_t j, int64_t pair) {
    won[pair * m.classes + i] = 1;
    lost[pair * m.classes + j] = 1;
  });
  Num first = (scores > 0.0).as(n.b.getF32Type());
  auto count = [&](Num which, ArrayRef<float> to) {
    return Num(n, n.create<graph::MatMulOp>(
                      which, floats(n, to, {pairs, m.classes}), false, false));
  };
  return count(first, won) + count(1.0 - first, lost);
}

/// r[N, i, j], how likely i is if it is i or j.
static Num pairwise(NodeImport &n, const Machine &m, Num scores) {
  int64_t pairs = m.pairs(), c = m.classes;
  Num slopes(n, floats(n, ArrayRef<float>(m.slopes).take_front(pairs))),
      starts(n, floats(n, ArrayRef<float>(m.starts).take_front(pairs)));
  Num likely = 1.0 - apply<graph::SigmoidOp>(scores * slopes + starts);
  constexpr double kLeast = 1e-7f;
  likely = min(max(likely, kLeast), 1 - kLeast);
  std::vector<float> upper(pairs * c * c, 0), lower(upper);
  m.forEachPair([&](int64_t i, int64_t j, int64_t pair) {
    upper[pair * c * c + i * c + j] = 1;
    lower[pair * c * c + j * c + i] = 1;
  });
  auto spread = [&](Num which, ArrayRef<float> to) {
    return Num(n, n.create<graph::MatMulOp>(
                      which, floats(n, to, {pairs, c * c}), false, false));
  };
  Num flat = spread(likely, upper) + spread(1.0 - likely, lower);
  return {n, n.reshape(flat, {-1, c, c})};
}

namespace {
/// The second method of Wu, Lin and Weng, "Probability Estimates for
/// Multi-class Classification by Pairwise Coupling": minimises p'Qp, one class
/// after another, until a turn begins near enough.
struct Coupling {
  NodeImport &n;
  int64_t classes;
  Num q; ///< [N, classes, classes]

  Num sum(Num x, int64_t axis) const {
    return {n, n.reduce(graph::ReduceKind::sum, x, {axis}, true)};
  }
  Num column(Num x, int64_t i) const { return {n, n.slice(x, 1, i, i + 1)}; }

  /// One turn; rows that are near enough stay. Sets `moves` to which are not.
  Num turn(Num p, Value &moves) const {
    Num qp(n, n.squeeze(sum(q * Num(n, n.unsqueeze(p, {1})), 2), {2}));
    Num pqp = sum(p * qp, 1), before = p;
    Value error = n.reduce(graph::ReduceKind::max, abs(qp - pqp), {1}, true);
    moves = Num(n, error) >= 0.005 / double(classes);
    for (int64_t i = 0; i < classes; ++i) {
      Num row(n, n.squeeze(column(q, i), {1}));
      Num own = column(row, i), step = (pqp - column(qp, i)) / own;
      std::vector<float> unit(classes, 0);
      unit[i] = 1;
      Num grown = step + 1.0;
      pqp = (pqp + step * (step * own + 2.0 * column(qp, i))) / grown / grown;
      qp = (qp + step * row) / grown;
      p = (p + step * Num(n, floats(n, unit))) / grown;
    }
    return select(Num(n, moves), p, before);
  }
};
} // namespace

/// The probabilities of all classes: [N, classes].
static Value coupled(NodeImport &n, const Machine &m, Num r) {
  constexpr int64_t kTurns = 100;
  int64_t c = m.classes;
  Num mirrored(n, n.transpose(r, {0, 2, 1}));
  Num own(n, n.reduce(graph::ReduceKind::sum, mirrored * mirrored, {2}, true));
  std::vector<float> unit(c * c, 0);
  for (int64_t i = 0; i < c; ++i)
    unit[i * c + i] = 1;
  Coupling coupling{n, c, own * Num(n, floats(n, unit, {c, c})) - r * mirrored};
  Value rows = n.extent(r, 0);
  Value start =
      n.create<graph::ExpandOp>(n.scalar(1.0 / double(c), n.b.getF32Type()),
                                n.concat({rows, n.ints({c})}, 0));
  if (!start)
    return nullptr;
  auto index = [&](int64_t i) -> Value {
    return arith::ConstantIndexOp::create(n.b, n.loc, i);
  };
  auto loop = scf::ForOp::create(n.b, n.loc, index(0), index(kTurns), index(1),
                                 ValueRange{start});
  OpBuilder::InsertionGuard guard(n.b);
  n.b.setInsertionPointToStart(loop.getBody());
  Value moves;
  Value p = coupling.turn(Num(n, loop.getRegionIterArgs()[0]), moves);
  if (!p)
    return nullptr;
  if (p.getType() != start.getType())
    p = tensor::CastOp::create(n.b, n.loc, start.getType(), p);
  scf::YieldOp::create(n.b, n.loc, p);
  return loop.getResult(0);
}

/// Scores of classes without support vectors.
static LogicalResult linearMachine(NodeImport &n, const Machine &m,
                                   const ClassLabels &labels) {
  int64_t features = m.coefficients.size() / m.classes;
  Value x = n.cast(n.input(0), n.b.getF32Type());
  Num scores(
      n, n.create<graph::MatMulOp>(
             x, floats(n, m.coefficients, {m.classes, features}), false, true));
  scores = scores + double(m.rho[0]);
  Value label = bestLabel(n, scores, labels);
  if (m.classes == 2) {
    bool positive =
        llvm::all_of(m.coefficients, [](float weight) { return weight >= 0; });
    Num most(n, n.reduce(graph::ReduceKind::max, scores, {1}, false));
    Value isSecond = positive ? most >= 0.5 : most > 0.0;
    label = n.create<graph::SelectOp>(isSecond, labels.at(n, 1), label);
  }
  return n.results(
      {label, postTransform(n, n.text("post_transform", "NONE"), scores)});
}

static LogicalResult svmClassifier(NodeImport &n) {
  constexpr int64_t kMostCoupled = 128;
  ClassLabels labels(n, "classlabels_ints", "classlabels_strings");
  Machine m;
  m.classes = labels.size();
  StringRef transform = n.text("post_transform", "NONE");
  if (failed(readMachine(n, m)))
    return failure();
  if (m.vectors == 0)
    return linearMachine(n, m, labels);
  Value pairs = pairScores(n, m);
  if (!pairs)
    return failure();
  Num scores(n, pairs);
  Value label = bestLabel(n, votes(n, m, scores), labels);
  if (!m.slopes.empty()) {
    if (m.classes > kMostCoupled)
      return n.error() << "has probabilities of " << m.classes
                       << " classes; at most " << kMostCoupled
                       << " are supported";
    Value likely = coupled(n, m, pairwise(n, m, scores));
    return n.results({label, postTransform(n, transform, likely)});
  }
  if (m.classes > 2)
    return n.results({label, postTransform(n, transform, scores)});
  // One score tells two classes apart.
  Num other = transform == "NONE" ? 0.0 - scores : 1.0 - scores;
  return n.results({label, n.concat({other, scores}, 1)});
}

void addSupportVectorRows(Table &table) {
  table.add({
      {"ai.onnx.ml.SVMClassifier", 1, svmClassifier},
      {"ai.onnx.ml.SVMRegressor", 1, svmRegressor},
  });
}

} // namespace weft::onnx
