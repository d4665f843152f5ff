// graph.lstm as a loop over time. What the input contributes to the gates is
// one matrix product for all steps; within the loop only the product with the
// hidden state is left. Comes before simplification, which folds the slices of
// the weights.

#include "weft/Dialect/Graph/Transforms/Passes.h"

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Transforms/WalkPatternRewriteDriver.h"
#include "weft/Dialect/Graph/IR/Graph.h"
#include "weft/Dialect/Graph/IR/Shapes.h"

namespace weft::graph {
#define GEN_PASS_DEF_DECOMPOSELSTM
#include "weft/Dialect/Graph/Transforms/Passes.h.inc"
} // namespace weft::graph

using namespace mlir;
using namespace weft::graph;

namespace {

/// Graph ops whose types follow from their operands.
struct Builder : ImplicitLocOpBuilder {
  Type element;
  Builder(Location loc, OpBuilder &b, Type element)
      : ImplicitLocOpBuilder(loc, b), element(element) {}

  template <typename Op, typename... Args>
  Value make(Args &&...args) {
    return Op::create(*this, std::forward<Args>(args)...)->getResult(0);
  }
  Value number(double value) {
    auto type = RankedTensorType::get({}, element);
    return make<ConstantOp>(
        DenseElementsAttr::get(type, Attribute(getFloatAttr(element, value))));
  }
  Value ints(ArrayRef<int64_t> values) {
    auto type = RankedTensorType::get({static_cast<int64_t>(values.size())},
                                      getI64Type());
    return make<ConstantOp>(DenseIntElementsAttr::get(type, values));
  }
  /// Elements [from, to) along `axis`.
  Value slice(Value x, int64_t axis, int64_t from, int64_t to) {
    return make<SliceOp>(x, ints({from}), ints({to}), ints({1}),
                         ArrayRef<int64_t>{axis});
  }
  /// Element `i` along axis 0, without this axis.
  Value pick(Value x, int64_t i) {
    return make<SqueezeOp>(slice(x, 0, i, i + 1), ArrayRef<int64_t>{0});
  }
  Value add(Value x, Value y) { return make<AddOp>(x, y); }
  Value mul(Value x, Value y) { return make<MulOp>(x, y); }

  Value activate(StringRef name, float alpha, float beta, Value x);
};

/// ONNX's activations; NaN parameters take ONNX's defaults.
Value Builder::activate(StringRef name, float alpha, float beta, Value x) {
  auto a = [&](double byDefault) {
    return number(std::isnan(alpha) ? byDefault : alpha);
  };
  auto b = [&](double byDefault) {
    return number(std::isnan(beta) ? byDefault : beta);
  };
  Value zero = number(0), one = number(1);
  auto compare = [&](Comparison relation, Value x, Value y) {
    return make<CompareOp>(relation, x, y);
  };
  if (name == "Sigmoid")
    return make<SigmoidOp>(x);
  if (name == "Tanh")
    return make<TanhOp>(x);
  if (name == "Relu")
    return make<ReluOp>(x);
  if (name == "Affine")
    return add(mul(a(1), x), b(0));
  if (name == "LeakyRelu")
    return make<SelectOp>(compare(Comparison::less, x, zero), mul(a(0.01), x),
                          x);
  if (name == "ThresholdedRelu")
    return make<SelectOp>(compare(Comparison::greater, x, a(1)), x,
                          mul(x, zero));
  if (name == "ScaledTanh")
    return mul(a(1), make<TanhOp>(mul(b(1), x)));
  if (name == "HardSigmoid")
    return make<ClampOp>(add(mul(a(0.2), x), b(0.5)), zero, one);
  if (name == "Elu") {
    Value below =
        mul(a(1), make<SubOp>(make<ExpOp>(make<MinOp>(x, zero)), one));
    return make<SelectOp>(compare(Comparison::less, x, zero), below, x);
  }
  if (name == "Softsign")
    return make<DivOp>(x, add(one, make<AbsOp>(x)));
  // Softplus, without overflow: max(x, 0) + log1p(exp(-|x|)).
  return add(make<ReluOp>(x),
             make<Log1pOp>(make<ExpOp>(make<NegOp>(make<AbsOp>(x)))));
}

/// One direction of the op.
class Direction {
public:
  Direction(LstmOp op, Builder &b, int64_t number, bool reverse)
      : op(op), number(number), reverse(reverse) {
    hidden = tensorType(op.getRecurrent()).getDimSize(2);
    DimBuilder d(b, op.getLoc());
    time = d.of(op.getInput(), 0);
    batch = d.of(op.getInput(), 1);
    batchExtent = tensorType(op.getInput()).getDimSize(1);
  }

  /// All outputs [time, batch, hidden], the last h and c [batch, hidden].
  SmallVector<Value> build(Builder &b) {
    DimBuilder d(b, op.getLoc());
    Value weight = b.pick(op.getWeight(), number);
    inputs = MatMulOp::create(b, op.getInput(), weight, /*transpose_lhs=*/false,
                              /*transpose_rhs=*/true);
    if (op.getBias()) {
      Value bias = b.pick(op.getBias(), number);
      inputs = b.add(inputs, b.add(b.slice(bias, 0, 0, 4 * hidden),
                                   b.slice(bias, 0, 4 * hidden, 8 * hidden)));
    }
    recurrent = b.pick(op.getRecurrent(), number);
    if (op.getPeephole())
      peephole = b.pick(op.getPeephole(), number);
    SmallVector<OpFoldResult> shape = {time, batch, b.getIndexAttr(hidden)};
    Value outputs = tensor::EmptyOp::create(b, shape, b.element);
    Value zero = arith::ConstantIndexOp::create(b, 0),
          one = arith::ConstantIndexOp::create(b, 1);
    // The body is built in place: index arithmetic folds only below a function.
    auto loop =
        scf::ForOp::create(b, zero, d.value(time), one,
                           ValueRange{outputs, initial(b, op.getInitialH()),
                                      initial(b, op.getInitialC())});
    OpBuilder nested = OpBuilder::atBlockEnd(loop.getBody());
    Builder body(op.getLoc(), nested, b.element);
    scf::YieldOp::create(
        body, step(body, loop.getInductionVar(), loop.getRegionIterArgs()));
    return llvm::to_vector_of<Value>(loop.getResults());
  }

private:
  Value initial(Builder &b, Value given) {
    auto type = RankedTensorType::get({batchExtent, hidden}, b.element);
    Value value;
    if (given)
      value = b.pick(given, number);
    else
      value = zeros(b, type);
    return value.getType() == type ? value
                                   : tensor::CastOp::create(b, type, value);
  }

  Value zeros(Builder &b, RankedTensorType type) {
    DimBuilder d(b, op.getLoc());
    Value rows = arith::IndexCastOp::create(b, b.getI64Type(), d.value(batch));
    Value columns = arith::ConstantIntOp::create(b, hidden, 64);
    Value shape = tensor::FromElementsOp::create(b, ValueRange{rows, columns});
    return ExpandOp::create(b, type, b.number(0), shape);
  }

  Value gate(Builder &b, Value gates, int64_t i) {
    return b.slice(gates, 1, i * hidden, (i + 1) * hidden);
  }

  Value activated(Builder &b, int64_t i, Value x) {
    int64_t place = 3 * number + i;
    if (float clip = op.getClip().convertToFloat(); clip > 0 && i < 2)
      x = b.make<ClampOp>(x, b.number(-clip), b.number(clip));
    return b.activate(cast<StringAttr>(op.getActivations()[place]).getValue(),
                      op.getAlphas()[place], op.getBetas()[place], x);
  }

  Value withPeephole(Builder &b, Value x, Value cell, int64_t i) {
    if (!peephole)
      return x;
    return b.add(
        x, b.mul(b.slice(peephole, 0, i * hidden, (i + 1) * hidden), cell));
  }

  /// What the next step carries: outputs, h and c.
  SmallVector<Value> step(Builder &b, Value i, ValueRange carried) {
    DimBuilder d(b, op.getLoc());
    Value outputs = carried[0], h = carried[1], c = carried[2], at = i;
    if (reverse)
      at = d.value(d.sub(d.sub(time, d.constant(1)), i));
    auto one = b.getIndexAttr(1), zero = b.getIndexAttr(0);
    auto rowType = RankedTensorType::get({batchExtent, 4 * hidden}, b.element);
    Value row = tensor::ExtractSliceOp::create(
        b, rowType, inputs, ArrayRef<OpFoldResult>{at, zero, zero},
        ArrayRef<OpFoldResult>{one, batch, b.getIndexAttr(4 * hidden)},
        ArrayRef<OpFoldResult>{one, one, one});
    Value gates =
        b.add(MatMulOp::create(b, h, recurrent, /*transpose_lhs=*/false,
                               /*transpose_rhs=*/true),
              row);
    Value input = activated(b, 0, withPeephole(b, gate(b, gates, 0), c, 0));
    Value forget =
        op.getInputForget()
            ? b.make<SubOp>(b.number(1), input)
            : activated(b, 0, withPeephole(b, gate(b, gates, 2), c, 2));
    Value candidate = activated(b, 1, gate(b, gates, 3));
    Value nextC = b.add(b.mul(forget, c), b.mul(input, candidate));
    Value output =
        activated(b, 0, withPeephole(b, gate(b, gates, 1), nextC, 1));
    Value nextH = b.mul(output, activated(b, 2, nextC)), stored = nextH;
    if (op.getLengths()) {
      // Steps behind a sequence's end change nothing and store zeros.
      Value place = tensor::FromElementsOp::create(
          b, RankedTensorType::get({}, b.getI32Type()),
          ValueRange(
              arith::IndexCastOp::create(b, b.getI32Type(), at).getResult()));
      Value inside =
          b.make<CompareOp>(Comparison::greater, op.getLengths(), place);
      inside = b.make<UnsqueezeOp>(inside, ArrayRef<int64_t>{1});
      stored = b.make<SelectOp>(inside, nextH, b.number(0));
      nextH = b.make<SelectOp>(inside, nextH, h);
      nextC = b.make<SelectOp>(inside, nextC, c);
    }
    SmallVector<OpFoldResult> offsets = {at, zero, zero},
                              sizes = {one, batch, b.getIndexAttr(hidden)},
                              strides = {one, one, one};
    outputs = tensor::InsertSliceOp::create(b, stored, outputs, offsets, sizes,
                                            strides);
    return {outputs, typed(b, nextH, h), typed(b, nextC, c)};
  }

  static Value typed(Builder &b, Value value, Value like) {
    return value.getType() == like.getType()
               ? value
               : tensor::CastOp::create(b, like.getType(), value);
  }

  LstmOp op;
  int64_t number, hidden, batchExtent;
  bool reverse;
  OpFoldResult time, batch;
  Value inputs, recurrent, peephole;
};

struct LstmToLoop : OpRewritePattern<LstmOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(LstmOp op,
                                PatternRewriter &rewriter) const final {
    Builder b(op.getLoc(), rewriter,
              tensorType(op.getInput()).getElementType());
    SmallVector<SmallVector<Value>> results(3);
    StringRef direction = op.getDirection();
    for (int64_t i = 0, e = direction == "bidirectional" ? 2 : 1; i < e; ++i) {
      bool reverse = direction == "reverse" || i == 1;
      SmallVector<Value> built = Direction(op, b, i, reverse).build(b);
      // The axis of directions is the second of all outputs, the first of the
      // last states.
      for (int64_t j = 0; j < 3; ++j)
        results[j].push_back(
            b.make<UnsqueezeOp>(built[j], ArrayRef<int64_t>{j == 0 ? 1 : 0}));
    }
    SmallVector<Value> joined;
    for (auto [j, parts] : llvm::enumerate(results)) {
      Value value = parts[0];
      if (parts.size() > 1)
        value = b.make<ConcatOp>(ValueRange(parts), j == 0 ? 1 : 0);
      Type type = op->getResult(j).getType();
      joined.push_back(value.getType() == type
                           ? value
                           : tensor::CastOp::create(b, type, value));
    }
    rewriter.replaceOp(op, joined);
    return success();
  }
};

struct DecomposeLstm : weft::graph::impl::DecomposeLstmBase<DecomposeLstm> {
  void runOnOperation() final {
    RewritePatternSet patterns(&getContext());
    patterns.add<LstmToLoop>(&getContext());
    walkAndApplyPatterns(getOperation(), std::move(patterns));
  }
};

} // namespace
