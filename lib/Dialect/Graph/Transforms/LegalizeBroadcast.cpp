// Makes run-time broadcasting explicit: where a dynamic extent may be 1 or the
// result's, an expand repeats it and a check stands for the error that numpy
// would raise; what is provably equal costs nothing. Other ops whose dynamic
// extents must agree get the check alone, so that no kernel reads beyond an
// input. Static extents have been verified by the type rules.

#include "SimplifyPatterns.h"
#include "weft/Dialect/Graph/Analysis/DimEquality.h"
#include "weft/Dialect/Graph/Transforms/Passes.h"
#include "weft/Dialect/Kernel/IR/Kernel.h"
#include "weft/Support/Location.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

namespace weft::graph {
#define GEN_PASS_DEF_LEGALIZEBROADCAST
#include "weft/Dialect/Graph/Transforms/Passes.h.inc"
} // namespace weft::graph

using namespace mlir;
using namespace weft;
using namespace weft::graph;

namespace {

class Legalizer {
public:
  explicit Legalizer(MLIRContext *context) : equality(context), b(context) {}

  void visit(Operation *op) {
    b.setInsertionPoint(op);
    TypeSwitch<Operation *>(op)
        .Case([&](MatMulOp matmul) { legalize(matmul); })
        .Case([&](LayerNormOp norm) { legalize(norm); })
        .Case([&](ConcatOp concat) { check(concat); })
        .Case([&](ExpandOp expand) { check(expand); })
        .Case([&](ReshapeOp reshape) { check(reshape); })
        .Case([&](ScatterOp scatter) { check(scatter); })
        .Case<ConvOp, ConvTransposeOp>([&](auto conv) { check(conv); })
        .Case([&](ScalarBody body) { legalize(body); });
  }

private:
  void legalize(ScalarBody op);
  void legalize(MatMulOp op);
  void legalize(LayerNormOp op);
  void check(ConcatOp op);
  void check(ExpandOp op);
  void check(ReshapeOp op);
  void check(ScatterOp op);
  template <typename Conv>
  void check(Conv op);

  /// The leading extents of the broadcast of `operands`, without the last
  /// `kept` dimensions.
  SmallVector<OpFoldResult> broadcast(ValueRange operands,
                                      RankedTensorType type, int64_t kept);
  /// Repeats extents of 1 of `operand`, the last `kept` dimensions left out, to
  /// those in `targets`.
  void expand(Operation *op, OpOperand &operand, ArrayRef<OpFoldResult> targets,
              int64_t kept);
  /// RepeatsTo: `y` is a number of elements that `x` can be repeated to, or 1.
  enum class Relation { Equal, EqualOrOne, RepeatsTo, NotEqual };
  /// Fails the run unless `x` is in that relation to `y`.
  void require(Operation *op, OpFoldResult x, OpFoldResult y, Relation relation,
               const Twine &message);

  Value value(Location loc, OpFoldResult dim) {
    return getValueOrCreateConstantIndexOp(b, loc, dim);
  }

  DimEquality equality;
  OpBuilder b;
};

void Legalizer::require(Operation *op, OpFoldResult x, OpFoldResult y,
                        Relation relation, const Twine &message) {
  using P = arith::CmpIPredicate;
  Location loc = op->getLoc();
  Value a = value(loc, x), c = value(loc, y);
  Value holds = b.createOrFold<arith::CmpIOp>(
      loc, relation == Relation::NotEqual ? P::ne : P::eq, a, c);
  auto orIsOne = [&](Value extent) {
    Value one = arith::ConstantIndexOp::create(b, loc, 1);
    Value isOne = arith::CmpIOp::create(b, loc, P::eq, extent, one);
    holds = arith::OrIOp::create(b, loc, holds, isOne);
  };
  if (relation == Relation::EqualOrOne || relation == Relation::RepeatsTo)
    orIsOne(a);
  if (relation == Relation::RepeatsTo) {
    orIsOne(c);
    Value zero = arith::ConstantIndexOp::create(b, loc, 0);
    Value counts = arith::CmpIOp::create(b, loc, P::sge, c, zero);
    holds = arith::AndIOp::create(b, loc, holds, counts);
  }
  std::string text = describeNodes(loc);
  text += (text.empty() ? "" : ": ") + message.str();
  kernel::CheckOp::create(b, loc, holds, ValueRange{a, c}, text);
}

SmallVector<OpFoldResult>
Legalizer::broadcast(ValueRange operands, RankedTensorType type, int64_t kept) {
  DimBuilder d(b, b.getUnknownLoc());
  SmallVector<OpFoldResult> shape;
  for (int64_t i = 0; i < type.getRank() - kept; ++i) {
    shape.push_back(d.constant(1));
    if (!type.isDynamicDim(i)) {
      shape.back() = d.constant(type.getDimSize(i));
      continue;
    }
    for (Value operand : operands) {
      int64_t own = i - (type.getRank() - tensorType(operand).getRank());
      if (own < 0)
        continue;
      OpFoldResult extent = equality.resolver().dim(operand, own);
      if (!equality.same(shape.back(), extent))
        shape.back() = d.broadcast(shape.back(), extent);
    }
  }
  return shape;
}

void Legalizer::expand(Operation *op, OpOperand &operand,
                       ArrayRef<OpFoldResult> targets, int64_t kept) {
  Value input = operand.get();
  RankedTensorType type = tensorType(input);
  auto resultType = cast<RankedTensorType>(op->getResult(0).getType());
  int64_t offset = resultType.getRank() - type.getRank();
  SmallVector<int64_t> shape(type.getShape());
  SmallVector<OpFoldResult> extents(equality.resolver().dims(input));
  bool expands = false;
  for (int64_t i = 0; i < type.getRank() - kept; ++i) {
    OpFoldResult target = targets[i + offset];
    if (!type.isDynamicDim(i) || equality.same(extents[i], target))
      continue;
    require(op, extents[i], target, Relation::EqualOrOne,
            "input " + Twine(operand.getOperandNumber()) + " has {0} on axis " +
                Twine(i) +
                " where the result has {1}; extents must be equal or 1");
    extents[i] = target;
    shape[i] = resultType.getDimSize(i + offset);
    expands = true;
  }
  if (!expands)
    return;
  SmallVector<Value> elements;
  for (OpFoldResult extent : extents)
    elements.push_back(arith::IndexCastOp::create(
        b, op->getLoc(), b.getI64Type(), value(op->getLoc(), extent)));
  Value wanted = tensor::FromElementsOp::create(
      b, op->getLoc(), tensorType({type.getRank()}, b.getI64Type()), elements);
  Value expanded = ExpandOp::create(
      b, op->getLoc(), tensorType(shape, type.getElementType()), input, wanted);
  equality.resolver().set(expanded, extents);
  operand.set(expanded);
}

void Legalizer::legalize(ScalarBody op) {
  auto type = cast<RankedTensorType>(op->getResult(0).getType());
  if (op->getNumOperands() < 2)
    return;
  SmallVector<OpFoldResult> targets = broadcast(op->getOperands(), type, 0);
  for (OpOperand &operand : op->getOpOperands())
    expand(op, operand, targets, 0);
  equality.resolver().set(op->getResult(0), targets);
}

void Legalizer::legalize(MatMulOp op) {
  SmallVector<OpFoldResult> targets =
      broadcast(op->getOperands(), op.getType(), 2);
  expand(op, op.getLhsMutable(), targets, 2);
  expand(op, op.getRhsMutable(), targets, 2);
  int64_t k =
      tensorType(op.getLhs()).getRank() - (op.getTransposeLhs() ? 2 : 1);
  int64_t rows =
      tensorType(op.getRhs()).getRank() - (op.getTransposeRhs() ? 1 : 2);
  if (equality.sameDim(op.getLhs(), k, op.getRhs(), rows))
    return;
  require(op, equality.resolver().dim(op.getLhs(), k),
          equality.resolver().dim(op.getRhs(), rows), Relation::Equal,
          "input 0 has {0} columns where input 1 has {1} rows");
}

void Legalizer::legalize(LayerNormOp op) {
  SmallVector<OpFoldResult> targets(equality.resolver().dims(op.getInput()));
  for (OpOperand &operand : op->getOpOperands().drop_front()) {
    RankedTensorType type = tensorType(operand.get());
    size_t offset = targets.size() - type.getRank();
    // The result is the input's, so a static extent says nothing of it.
    for (auto [i, extent] : llvm::enumerate(type.getShape())) {
      OpFoldResult have = b.getIndexAttr(extent), want = targets[i + offset];
      if (ShapedType::isStatic(extent) && extent != 1 &&
          !equality.same(have, want))
        require(op, have, want, Relation::Equal,
                "input " + Twine(operand.getOperandNumber()) +
                    " has {0} on axis " + Twine(i) +
                    " where the result has {1}; extents must be equal or 1");
    }
    expand(op, operand, targets, 0);
  }
}

void Legalizer::check(ExpandOp op) {
  int64_t rank = op.getType().getRank(),
          have = tensorType(op.getInput()).getRank(),
          asked = tensorType(op.getShape()).getDimSize(0);
  DimBuilder d(b, op.getLoc());
  for (int64_t i = rank - asked; i < rank; ++i) {
    int64_t axis = i - (rank - have);
    OpFoldResult want = d.element(op.getShape(), i - (rank - asked));
    OpFoldResult extent = d.constant(1);
    if (axis >= 0)
      extent = equality.resolver().dim(op.getInput(), axis);
    if (isOneInteger(want) || equality.same(extent, want) ||
        (isOneInteger(extent) && equality.isNonNegative(want)))
      continue;
    require(op, extent, want, Relation::RepeatsTo,
            "extent {0} cannot be repeated to {1}, which position " +
                Twine(i - (rank - asked)) + " of the shape asks for");
  }
}

void Legalizer::check(ConcatOp op) {
  Value first = op.getInputs().front();
  for (auto [i, input] : llvm::enumerate(op.getInputs()))
    for (int64_t axis = 0; axis < op.getType().getRank(); ++axis)
      if (axis != static_cast<int64_t>(op.getAxis()) &&
          !equality.sameDim(input, axis, first, axis))
        require(op, equality.resolver().dim(input, axis),
                equality.resolver().dim(first, axis), Relation::Equal,
                "input " + Twine(i) + " has {0} on axis " + Twine(axis) +
                    " where input 0 has {1}");
}

void Legalizer::check(ReshapeOp op) {
  if (tensorType(op.getInput()).hasStaticShape() &&
      op.getType().hasStaticShape())
    return;
  b.setInsertionPointAfter(op);
  DimBuilder d(b, op.getLoc());
  SmallVector<OpFoldResult> shape(equality.resolver().dims(op));
  // The extent of -1 is defined beside extents other than 0 alone.
  SmallVector<std::optional<int64_t>> known = knownInts(op.getShape());
  for (int64_t i = 0, e = known.size(); i < e; ++i) {
    if (known[i] != -1 || !op.getType().isDynamicDim(i))
      continue;
    SmallVector<OpFoldResult> others(shape);
    others.erase(others.begin() + i);
    OpFoldResult product = d.product(others);
    if (std::optional<int64_t> count = getConstantIntValue(product);
        count && *count != 0)
      continue;
    require(op, product, d.constant(0), Relation::NotEqual,
            "extent " + Twine(i) +
                " is left over by the others, whose product is {0}");
  }
  OpFoldResult from = d.product(equality.resolver().dims(op.getInput()));
  OpFoldResult to = d.product(shape);
  if (!equality.same(from, to))
    require(op, from, to, Relation::Equal,
            "the input's {0} elements do not fit the new shape's {1}");
}

void Legalizer::check(ScatterOp op) {
  Value updates = op.getUpdates();
  auto agree = [&](int64_t axis, Value other, int64_t with,
                   const Twine &message) {
    if (!equality.sameDim(updates, axis, other, with))
      require(op, equality.resolver().dim(updates, axis),
              equality.resolver().dim(other, with), Relation::Equal, message);
  };
  agree(0, op.getIndices(), 0, "has {0} updates for {1} indices");
  agree(1, op.getData(), 1,
        "an update has {0} elements where one place of the data has {1}");
}

template <typename Conv>
void Legalizer::check(Conv op) {
  bool transposed = std::is_same_v<Conv, ConvTransposeOp>;
  OpFoldResult channels = equality.resolver().dim(op.getInput(), 1);
  OpFoldResult own =
      equality.resolver().dim(op.getWeight(), transposed ? 0 : 1);
  if (!transposed)
    own = DimBuilder(b, op.getLoc()).mul(own, b.getIndexAttr(op.getGroups()));
  if (!equality.same(channels, own))
    require(op, channels, own, Relation::Equal,
            "input has {0} channels where the weight is for {1}");
}

struct LegalizeBroadcast
    : graph::impl::LegalizeBroadcastBase<LegalizeBroadcast> {
  void runOnOperation() override {
    SmallVector<Operation *> ops;
    getOperation().walk([&](Operation *op) {
      if (isa_and_nonnull<GraphDialect>(op->getDialect()))
        ops.push_back(op);
    });
    Legalizer legalizer(&getContext());
    for (Operation *op : ops)
      legalizer.visit(op);
  }
};

} // namespace
