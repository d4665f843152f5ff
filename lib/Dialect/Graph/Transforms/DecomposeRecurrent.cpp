// LSTM, GRU and RNN as a loop over time. The product with the inputs does not
// depend on the loop and is one matmul before it; an iteration has the product
// with the state, elementwise ops, and the insertion of its output into the
// tensor of all outputs. Both directions write into the same tensor.
//
// Sequences shorter than the longest keep their state and give 0 beyond their
// length; backwards that means to start late, so no reversal is needed.

#include "SimplifyPatterns.h"
#include "weft/Dialect/Graph/Transforms/Evaluate.h"
#include "weft/Dialect/Graph/Transforms/Passes.h"
#include "weft/Dialect/Kernel/IR/Kernel.h"
#include "weft/Support/Location.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include <cmath>

namespace weft::graph {
#define GEN_PASS_DEF_DECOMPOSERECURRENT
#include "weft/Dialect/Graph/Transforms/Passes.h.inc"
} // namespace weft::graph

using namespace mlir;
using namespace weft;
using namespace weft::graph;

namespace {

/// Builds graph ops at one place and evaluates those of constants at once.
class GraphBuilder {
public:
  GraphBuilder(IRRewriter &rewriter, Location loc)
      : rewriter(rewriter), loc(loc) {}

  template <typename Op, typename... Args>
  Value make(Args &&...args) {
    return createOrEvaluate<Op>(rewriter, loc, std::forward<Args>(args)...);
  }
  Value scalar(Type type, double value) {
    return ConstantOp::create(
        rewriter, loc,
        DenseElementsAttr::get(tensorType({}, type),
                               Attribute(FloatAttr::get(type, value))));
  }
  /// Elements [begin, end) of an axis.
  Value slice(Value x, int64_t axis, int64_t begin, int64_t end) {
    if (begin == 0 && tensorType(x).getDimSize(axis) == end)
      return x;
    return make<SliceOp>(x, shapeConstant(rewriter, loc, begin),
                         shapeConstant(rewriter, loc, end),
                         shapeConstant(rewriter, loc, 1), ArrayRef(axis));
  }
  /// x[i] of the leading axis, which goes; null of null.
  Value pick(Value x, int64_t i) {
    if (!x)
      return x;
    return make<SqueezeOp>(slice(x, 0, i, i + 1), ArrayRef<int64_t>(0));
  }
  Value add(Value x, Value y) { return !x ? y : !y ? x : make<AddOp>(x, y); }
  Value mul(Value x, Value y) { return make<MulOp>(x, y); }
  Value matmulTransposed(Value x, Value y) {
    return make<MatMulOp>(x, y, /*transpose_lhs=*/false,
                          /*transpose_rhs=*/true);
  }

  IRRewriter &rewriter;
  Location loc;
};

/// One activation function with its parameters; NaN means the default.
struct Activation {
  StringRef name;
  float alpha, beta;

  Value apply(GraphBuilder &g, Value x) const {
    Type type = getElementTypeOrSelf(x.getType());
    auto number = [&](double value) { return g.scalar(type, value); };
    auto a = [&](float standard) {
      return number(std::isnan(alpha) ? standard : alpha);
    };
    auto b = [&](float standard) {
      return number(std::isnan(beta) ? standard : beta);
    };
    auto positive = [&] {
      return g.make<CompareOp>(Comparison::greaterOrEqual, x, number(0));
    };
    if (name == "Sigmoid")
      return g.make<SigmoidOp>(x);
    if (name == "Tanh")
      return g.make<TanhOp>(x);
    if (name == "Relu")
      return g.make<ReluOp>(x);
    if (name == "Affine")
      return g.add(g.mul(x, a(1)), b(0));
    if (name == "LeakyRelu")
      return g.make<SelectOp>(positive(), x, g.mul(x, a(0.01f)));
    if (name == "ThresholdedRelu")
      return g.make<SelectOp>(g.make<CompareOp>(Comparison::greater, x, a(1)),
                              x, number(0));
    if (name == "ScaledTanh")
      return g.mul(g.make<TanhOp>(g.mul(x, b(1))), a(1));
    if (name == "HardSigmoid")
      return g.make<ClampOp>(g.add(g.mul(x, a(0.2f)), b(0.5f)), number(0),
                             number(1));
    if (name == "Elu") {
      Value below = g.make<SubOp>(g.make<ExpOp>(x), number(1));
      return g.make<SelectOp>(positive(), x, g.mul(below, a(1)));
    }
    if (name == "Softsign")
      return g.make<DivOp>(x, g.add(g.make<AbsOp>(x), number(1)));
    // Softplus: log(1 + e^x) = max(x, 0) + log(1 + e^-|x|), which is finite.
    Value tail =
        g.make<Log1pOp>(g.make<ExpOp>(g.make<NegOp>(g.make<AbsOp>(x))));
    return g.add(g.make<ReluOp>(x), tail);
  }
};

bool isKnownActivation(StringRef name) {
  return llvm::is_contained(
      ArrayRef<StringRef>{"Sigmoid", "Tanh", "Relu", "Affine", "LeakyRelu",
                          "ThresholdedRelu", "ScaledTanh", "HardSigmoid", "Elu",
                          "Softsign", "Softplus"},
      name);
}

/// What the three ops share: the loop. A derived class states the cell.
template <typename Op>
class Recurrence {
public:
  Recurrence(IRRewriter &rewriter, Op op)
      : op(op), g(rewriter, op.getLoc()), d(rewriter, op.getLoc()),
        rewriter(rewriter), hidden(tensorType(op.getRecurrent()).getDimSize(2)),
        directions(op.getDirection() == "bidirectional" ? 2 : 1),
        element(tensorType(op.getInput()).getElementType()) {}
  virtual ~Recurrence() = default;

  void run();

protected:
  /// The weights of one direction, sliced and evaluated before the loop.
  virtual void prepare(int64_t direction) = 0;
  /// Bias that is added to the inputs' product; null for none.
  virtual Value inputBias(int64_t direction) = 0;
  /// The next states (h first) from the inputs' product and the states.
  virtual SmallVector<Value> step(Value x, ValueRange states) = 0;
  /// Initial states as [directions, batch, hidden]; null where zero.
  virtual SmallVector<Value> initialStates() = 0;

  Activation activation(int64_t direction, int64_t i) {
    int64_t count = op.getActivations().size() / directions;
    int64_t at = direction * count + i;
    return {cast<StringAttr>(op.getActivations()[at]).getValue(),
            op.getAlphas()[at], op.getBetas()[at]};
  }
  /// An activation of clipped input.
  Value activate(int64_t direction, int64_t i, Value x) {
    double clip = op.getClip().convertToDouble();
    if (clip > 0)
      x = g.make<ClampOp>(x, g.scalar(element, -clip), g.scalar(element, clip));
    return activation(direction, i).apply(g, x);
  }
  Value gate(Value x, int64_t i) {
    return g.slice(x, tensorType(x).getRank() - 1, i * hidden,
                   (i + 1) * hidden);
  }

  Op op;
  GraphBuilder g;
  DimBuilder d;
  IRRewriter &rewriter;
  int64_t hidden, directions, current = 0;
  Type element;

private:
  Value initial(Value given, int64_t direction);
  /// Fails the run unless an input's extent is the batch.
  void checkBatch(Value input, int64_t axis, StringRef what);
  /// [1, batch, width] of `x` at position `at` of its leading axis.
  Value sliceAt(Value x, OpFoldResult at, int64_t width);
  SmallVector<Value> runDirection(int64_t direction, Value outputs);
  void mask(Value time, Value lengths, MutableArrayRef<Value> next,
            ValueRange states, Value &output);
  Value join(ArrayRef<SmallVector<Value>> states, size_t i, Type type);

  OpFoldResult time, batch;
  int64_t staticBatch;
};

template <typename Op>
void Recurrence<Op>::checkBatch(Value input, int64_t axis, StringRef what) {
  if (!input ||
      (!tensorType(input).isDynamicDim(axis) && staticBatch != kDynamic))
    return;
  Value own = d.value(d.of(input, axis)), expected = d.value(batch);
  Value holds = arith::CmpIOp::create(rewriter, op.getLoc(),
                                      arith::CmpIPredicate::eq, own, expected);
  std::string text = describeNodes(op.getLoc());
  text += (text.empty() ? "" : ": ") + what.str() +
          " is for {0} sequences where the input has {1}";
  kernel::CheckOp::create(rewriter, op.getLoc(), holds,
                          ValueRange{own, expected}, text);
}

template <typename Op>
Value Recurrence<Op>::sliceAt(Value x, OpFoldResult at, int64_t width) {
  OpFoldResult zero = d.constant(0), one = d.constant(1);
  return tensor::ExtractSliceOp::create(
      rewriter, op.getLoc(), tensorType({staticBatch, width}, element), x,
      ArrayRef<OpFoldResult>{at, zero, zero},
      ArrayRef<OpFoldResult>{one, batch, d.constant(width)},
      ArrayRef<OpFoldResult>{one, one, one});
}

template <typename Op>
Value Recurrence<Op>::initial(Value given, int64_t direction) {
  if (given)
    return sliceAt(given, d.constant(direction), hidden);
  RankedTensorType type = tensorType({staticBatch, hidden}, element);
  Value zero = g.scalar(element, 0);
  if (type.hasStaticShape())
    return g.make<ExpandOp>(
        zero, shapeConstant(rewriter, op.getLoc(), type.getShape()));
  Type i64 = rewriter.getI64Type();
  Value rows =
      arith::IndexCastOp::create(rewriter, op.getLoc(), i64, d.value(batch));
  Value columns = arith::ConstantOp::create(rewriter, op.getLoc(),
                                            rewriter.getI64IntegerAttr(hidden));
  Value shape = tensor::FromElementsOp::create(
      rewriter, op.getLoc(), tensorType({2}, i64), ValueRange{rows, columns});
  return ExpandOp::create(rewriter, op.getLoc(), type, zero, shape);
}

/// Beyond a sequence's length its states stay and its output is 0.
template <typename Op>
void Recurrence<Op>::mask(Value at, Value lengths, MutableArrayRef<Value> next,
                          ValueRange states, Value &output) {
  Type type = tensorType(lengths).getElementType();
  Value now = tensor::FromElementsOp::create(
      rewriter, op.getLoc(), tensorType({}, type),
      arith::IndexCastOp::create(rewriter, op.getLoc(), type, at).getResult());
  Value runs = g.make<CompareOp>(Comparison::less, now, lengths);
  runs = g.make<UnsqueezeOp>(runs, ArrayRef<int64_t>(1));
  output = g.make<SelectOp>(runs, next[0], g.scalar(element, 0));
  for (auto [value, state] : llvm::zip(next, states))
    value = g.make<SelectOp>(runs, value, state);
}

/// The loop of one direction: all outputs, then the last states.
template <typename Op>
SmallVector<Value> Recurrence<Op>::runDirection(int64_t direction,
                                                Value outputs) {
  Location loc = op.getLoc();
  current = direction;
  prepare(direction);
  Value weight = g.pick(op.getWeight(), direction);
  Value projected =
      g.add(g.matmulTransposed(op.getInput(), weight), inputBias(direction));
  int64_t width = tensorType(weight).getDimSize(0);
  SmallVector<Value> carried = {outputs};
  for (Value state : initialStates())
    carried.push_back(initial(state, direction));
  Value lengths = op.getLengths();
  if (lengths && tensorType(lengths).getDimSize(0) != staticBatch)
    lengths = tensor::ExtractSliceOp::create(
        rewriter, loc,
        tensorType({staticBatch}, tensorType(lengths).getElementType()),
        lengths, ArrayRef<OpFoldResult>{d.constant(0)},
        ArrayRef<OpFoldResult>{batch}, ArrayRef<OpFoldResult>{d.constant(1)});
  bool reverse = direction == 1 || op.getDirection() == "reverse";
  auto loop =
      scf::ForOp::create(rewriter, loc, d.value(d.constant(0)), d.value(time),
                         d.value(d.constant(1)), carried);
  // States and outputs keep their extents, which DimResolver cannot see.
  loop->setAttr("graph.invariant_shapes", rewriter.getUnitAttr());
  OpBuilder::InsertionGuard guard(rewriter);
  rewriter.setInsertionPointToStart(loop.getBody());
  OpFoldResult at = loop.getInductionVar();
  if (reverse)
    at = d.sub(d.sub(time, d.constant(1)), at);
  ValueRange states = loop.getRegionIterArgs().drop_front();
  SmallVector<Value> next = step(sliceAt(projected, at, width), states);
  Value output = next[0];
  if (lengths)
    mask(d.value(at), lengths, next, states, output);
  OpFoldResult zero = d.constant(0), one = d.constant(1);
  Value inserted = tensor::InsertSliceOp::create(
      rewriter, loc, output, loop.getRegionIterArgs().front(),
      ArrayRef<OpFoldResult>{at, d.constant(direction), zero, zero},
      ArrayRef<OpFoldResult>{one, one, batch, d.constant(hidden)},
      ArrayRef<OpFoldResult>{one, one, one, one});
  next.insert(next.begin(), inserted);
  scf::YieldOp::create(rewriter, loc, next);
  return SmallVector<Value>(loop.getResults());
}

/// State `i` of all directions, as the op returns it.
template <typename Op>
Value Recurrence<Op>::join(ArrayRef<SmallVector<Value>> states, size_t i,
                           Type type) {
  SmallVector<Value> parts;
  for (const SmallVector<Value> &list : states)
    parts.push_back(g.make<UnsqueezeOp>(list[i], ArrayRef<int64_t>(0)));
  Value joined = parts.front();
  if (parts.size() > 1)
    joined = g.make<ConcatOp>(parts, 0);
  return joined.getType() == type
             ? joined
             : tensor::CastOp::create(rewriter, op.getLoc(), type, joined);
}

template <typename Op>
void Recurrence<Op>::run() {
  rewriter.setInsertionPoint(op);
  time = d.of(op.getInput(), 0);
  batch = d.of(op.getInput(), 1);
  RankedTensorType input = tensorType(op.getInput());
  staticBatch = input.getDimSize(1);
  checkBatch(op.getLengths(), 0, "lengths");
  for (auto [i, state] : llvm::enumerate(initialStates()))
    checkBatch(state, 1, i == 0 ? "initial_h" : "initial_c");
  SmallVector<OpFoldResult> shape = {time, d.constant(directions), batch,
                                     d.constant(hidden)};
  Value outputs =
      tensor::EmptyOp::create(rewriter, op.getLoc(), shape, element);
  SmallVector<SmallVector<Value>> states;
  for (int64_t direction = 0; direction < directions; ++direction) {
    SmallVector<Value> results = runDirection(direction, outputs);
    outputs = results.front();
    states.emplace_back(llvm::drop_begin(results));
  }
  SmallVector<Value> replacements;
  Type type = op->getResult(0).getType();
  replacements.push_back(
      outputs.getType() == type
          ? outputs
          : tensor::CastOp::create(rewriter, op.getLoc(), type, outputs));
  for (size_t i = 0; i + 1 < op->getNumResults(); ++i)
    replacements.push_back(join(states, i, op->getResult(i + 1).getType()));
  rewriter.replaceOp(op, replacements);
}

/// i, o, f, c: the gates of an LSTM in their order.
class Lstm : public Recurrence<LstmOp> {
public:
  using Recurrence::Recurrence;

private:
  SmallVector<Value> initialStates() override {
    return {op.getInitialH(), op.getInitialC()};
  }
  void prepare(int64_t direction) override {
    recurrent = g.pick(op.getRecurrent(), direction);
    peephole = g.pick(op.getPeephole(), direction);
  }
  Value inputBias(int64_t direction) override {
    Value bias = g.pick(op.getBias(), direction);
    return bias ? g.add(g.slice(bias, 0, 0, 4 * hidden),
                        g.slice(bias, 0, 4 * hidden, 8 * hidden))
                : bias;
  }
  Value peeped(Value sum, int64_t i, Value c) {
    return peephole ? g.add(sum, g.mul(c, gate(peephole, i))) : sum;
  }
  SmallVector<Value> step(Value x, ValueRange states) override {
    Value h = states[0], c = states[1];
    Value sums = g.add(x, g.matmulTransposed(h, recurrent));
    Value input = activate(current, 0, peeped(gate(sums, 0), 0, c));
    Value forget = op.getInputForget()
                       ? g.make<SubOp>(g.scalar(element, 1), input)
                       : activate(current, 0, peeped(gate(sums, 2), 2, c));
    Value cell = activate(current, 1, gate(sums, 3));
    Value newC = g.add(g.mul(forget, c), g.mul(input, cell));
    Value output = activate(current, 0, peeped(gate(sums, 1), 1, newC));
    // The hidden activation sees the cell as it is: clip is for gates.
    Value newH = g.mul(output, activation(current, 2).apply(g, newC));
    return {newH, newC};
  }

  Value recurrent, peephole;
};

/// z, r, h: update, reset, hidden.
class Gru : public Recurrence<GruOp> {
public:
  using Recurrence::Recurrence;

private:
  SmallVector<Value> initialStates() override { return {op.getInitialH()}; }
  void prepare(int64_t direction) override {
    recurrent = g.pick(op.getRecurrent(), direction);
    Value bias = g.pick(op.getBias(), direction);
    hiddenBias = bias ? g.slice(bias, 0, 5 * hidden, 6 * hidden) : Value();
  }
  Value inputBias(int64_t direction) override {
    Value bias = g.pick(op.getBias(), direction);
    if (!bias)
      return bias;
    Value ofInput = g.slice(bias, 0, 0, 3 * hidden);
    if (!op.getLinearBeforeReset())
      return g.add(ofInput, g.slice(bias, 0, 3 * hidden, 6 * hidden));
    // The recurrent bias of h is added before the reset gate scales it.
    Value gates = g.add(g.slice(ofInput, 0, 0, 2 * hidden),
                        g.slice(bias, 0, 3 * hidden, 5 * hidden));
    Value parts[] = {gates, g.slice(ofInput, 0, 2 * hidden, 3 * hidden)};
    return g.make<ConcatOp>(ValueRange(parts), 0);
  }
  SmallVector<Value> step(Value x, ValueRange states) override {
    Value h = states[0];
    Value update, reset, candidate;
    auto gates = [&](Value product) {
      Value sums = g.add(g.slice(x, 1, 0, 2 * hidden), product);
      update = activate(current, 0, gate(sums, 0));
      reset = activate(current, 0, gate(sums, 1));
    };
    if (op.getLinearBeforeReset()) {
      Value product = g.matmulTransposed(h, recurrent);
      gates(g.slice(product, 1, 0, 2 * hidden));
      candidate = g.mul(reset, g.add(gate(product, 2), hiddenBias));
    } else {
      gates(g.matmulTransposed(h, g.slice(recurrent, 0, 0, 2 * hidden)));
      candidate = g.matmulTransposed(
          g.mul(reset, h), g.slice(recurrent, 0, 2 * hidden, 3 * hidden));
    }
    candidate = activate(current, 1, g.add(gate(x, 2), candidate));
    Value rest = g.make<SubOp>(g.scalar(element, 1), update);
    return {g.add(g.mul(rest, candidate), g.mul(update, h))};
  }

  Value recurrent, hiddenBias;
};

class Rnn : public Recurrence<RnnOp> {
public:
  using Recurrence::Recurrence;

private:
  SmallVector<Value> initialStates() override { return {op.getInitialH()}; }
  void prepare(int64_t direction) override {
    recurrent = g.pick(op.getRecurrent(), direction);
  }
  Value inputBias(int64_t direction) override {
    Value bias = g.pick(op.getBias(), direction);
    return bias ? g.add(g.slice(bias, 0, 0, hidden),
                        g.slice(bias, 0, hidden, 2 * hidden))
                : bias;
  }
  SmallVector<Value> step(Value x, ValueRange states) override {
    Value sum = g.add(x, g.matmulTransposed(states[0], recurrent));
    return {activate(current, 0, sum)};
  }

  Value recurrent;
};

template <typename Cell, typename Op>
LogicalResult decompose(IRRewriter &rewriter, Op op) {
  for (auto name : op.getActivations().template getAsRange<StringAttr>())
    if (!isKnownActivation(name.getValue()))
      return op.emitError()
             << "activation '" << name.getValue() << "' is not supported";
  Cell(rewriter, op).run();
  return success();
}

struct DecomposeRecurrent
    : weft::graph::impl::DecomposeRecurrentBase<DecomposeRecurrent> {
  void runOnOperation() override {
    SmallVector<Operation *> ops;
    getOperation().walk([&](Operation *op) {
      if (isa<LstmOp, GruOp, RnnOp>(op))
        ops.push_back(op);
    });
    IRRewriter rewriter(&getContext());
    for (Operation *op : ops) {
      LogicalResult done =
          TypeSwitch<Operation *, LogicalResult>(op)
              .Case([&](LstmOp o) { return decompose<Lstm>(rewriter, o); })
              .Case([&](GruOp o) { return decompose<Gru>(rewriter, o); })
              .Case([&](RnnOp o) { return decompose<Rnn>(rewriter, o); })
              .Default([](Operation *) { return failure(); });
      if (failed(done))
        return signalPassFailure();
    }
  }
};

} // namespace
