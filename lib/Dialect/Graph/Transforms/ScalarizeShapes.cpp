// Small tensors that describe shapes become scalars: what is computed from
// extents, and what shape operands and conditions are computed from. A tensor's
// elements are kept in a table as the walk meets its op; ops that move elements
// are evaluated once on element numbers instead of having rules of their own.
// Leaves data alone: an op is taken only if all its operands come from extents,
// or if a shape or a condition needs it.

#include "SimplifyPatterns.h"
#include "weft/Dialect/Graph/Analysis/DimResolver.h"
#include "weft/Dialect/Graph/IR/ScalarBuilder.h"
#include "weft/Dialect/Graph/Transforms/Evaluate.h"
#include "weft/Dialect/Graph/Transforms/Passes.h"
#include "weft/Support/Constants.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Traits.h"
#include "mlir/Dialect/Utils/IndexingUtils.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Iterators.h"

namespace weft::graph {
#define GEN_PASS_DEF_SCALARIZESHAPES
#include "weft/Dialect/Graph/Transforms/Passes.h.inc"
} // namespace weft::graph

using namespace mlir;
using namespace weft;
using namespace weft::graph;

namespace {

/// A tensor as its elements, row-major.
struct Scalars {
  RankedTensorType type; // static
  SmallVector<OpFoldResult> values;

  bool isConstant() const {
    return llvm::all_of(values,
                        [](OpFoldResult v) { return isa<Attribute>(v); });
  }
};

/// Element types that scalars of arith have, and no more than a few elements.
bool isSmall(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  return tensor && tensor.hasStaticShape() &&
         tensor.getNumElements() <= kInlineElements &&
         (tensor.getElementType().isSignlessInteger() ||
          isa<FloatType>(tensor.getElementType()));
}

/// The operands whose elements the op moves; nothing for other ops.
std::optional<SmallVector<unsigned>> movedOperands(Operation *op) {
  if (isa<TransposeOp, SliceOp, ExpandOp, TileOp, GatherOp, ReshapeOp,
          SqueezeOp, UnsqueezeOp>(op))
    return SmallVector<unsigned>{0};
  if (isa<PadOp>(op))
    return SmallVector<unsigned>{0, 2};
  if (isa<ConcatOp>(op))
    return llvm::to_vector(llvm::seq<unsigned>(0, op->getNumOperands()));
  return std::nullopt;
}

bool isScalarizable(Operation *op) {
  auto reduce = dyn_cast<ReduceOp>(op);
  return isa<ScalarBody>(op) || movedOperands(op) ||
         (reduce && reduce.getKind() != ReduceKind::mean);
}

/// The operand of an op that is a shape and not data.
MutableOperandRange shapeOperands(Operation *op) {
  if (auto reshape = dyn_cast<ReshapeOp>(op))
    return reshape.getShapeMutable();
  if (auto expand = dyn_cast<ExpandOp>(op))
    return expand.getShapeMutable();
  if (auto tile = dyn_cast<TileOp>(op))
    return tile.getRepeatsMutable();
  if (auto pad = dyn_cast<PadOp>(op))
    return pad.getPadsMutable();
  if (isa<SliceOp>(op)) // starts, ends, steps
    return MutableOperandRange(op, 1, 3);
  return MutableOperandRange(op, 0, 0);
}

/// Scalar steps that are cheap and need no library on any target.
bool isCheap(Operation &op) {
  return isa<arith::ArithDialect>(op.getDialect()) ||
         isa<math::AbsFOp, math::AbsIOp, math::FloorOp, math::CeilOp,
             math::TruncOp, math::RoundEvenOp, math::SqrtOp>(op);
}

class Scalarizer {
public:
  explicit Scalarizer(ModuleOp module)
      : module(module), resolver(module.getContext()), b(module.getContext()) {}

  void run();

private:
  void findDemanded(ArrayRef<Operation *> ops);
  void visit(Operation *op);
  void visitReshape(ReshapeOp op);
  std::optional<Scalars> compute(Operation *op);
  std::optional<Scalars> ofShape(ShapeOp op);
  std::optional<Scalars> ofElementwise(ScalarBody op);
  std::optional<Scalars> ofReduce(ReduceOp op);
  std::optional<Scalars> ofMovement(Operation *op, ArrayRef<unsigned> moved);
  /// The elements of an operand; extracts them where `op` is demanded.
  const Scalars *find(Value value, bool extract);
  bool findAll(Operation *op);
  void replace(Operation *op, Scalars scalars);
  Value asI64(Value index);

  Value materialize(Location loc, OpFoldResult scalar) {
    if (auto value = dyn_cast<Value>(scalar))
      return value;
    return arith::ConstantOp::create(b, loc,
                                     cast<TypedAttr>(cast<Attribute>(scalar)));
  }
  /// The result of a computation on scalars, folded step by step.
  OpFoldResult inlineFolded(Block &body, Value result,
                            ArrayRef<OpFoldResult> args, Location loc);

  ModuleOp module;
  DimResolver resolver;
  OpBuilder b;
  DenseMap<Value, Scalars> table;
  /// The same extent as i64 is one value too.
  DenseMap<Value, Value> casts;
  DenseSet<Value> demanded;
  /// Data in the table that only demanded ops may read as scalars.
  DenseSet<Value> leaves;
  SmallVector<Operation *> dead;
};

void Scalarizer::findDemanded(ArrayRef<Operation *> ops) {
  for (Operation *op : llvm::reverse(ops)) {
    MutableOperandRange shapes = shapeOperands(op);
    for (OpOperand &shape : shapes)
      demanded.insert(shape.get());
    if (auto extract = dyn_cast<tensor::ExtractOp>(op))
      demanded.insert(extract.getTensor());
    bool needed = llvm::any_of(op->getResults(), [&](Value result) {
      return demanded.contains(result) && isSmall(result.getType());
    });
    if (needed && isScalarizable(op))
      demanded.insert(op->operand_begin(), op->operand_end());
  }
}

const Scalars *Scalarizer::find(Value value, bool extract) {
  auto found = table.find(value);
  if (found != table.end())
    return extract || !leaves.contains(value) ? &found->second : nullptr;
  if (!isSmall(value.getType()))
    return nullptr;
  auto type = cast<RankedTensorType>(value.getType());
  Scalars scalars{type, {}};
  if (auto data = ConstantData::get(value)) {
    Type element = type.getElementType();
    for (int64_t i = 0; i < type.getNumElements(); ++i)
      scalars.values.push_back(
          isa<FloatType>(element)
              ? Attribute(b.getFloatAttr(element, data->floatAt(i)))
              : Attribute(b.getIntegerAttr(
                    element, APInt(element.getIntOrFloatBitWidth(),
                                   data->intAt(i), true, true))));
  } else if (auto elements = value.getDefiningOp<tensor::FromElementsOp>()) {
    scalars.values = getAsOpFoldResult(elements.getElements());
  } else if (extract) {
    leaves.insert(value);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointAfterValue(value);
    SmallVector<int64_t> strides = computeStrides(type.getShape());
    for (int64_t i = 0; i < type.getNumElements(); ++i) {
      SmallVector<Value> indices;
      for (int64_t at : delinearize(i, strides))
        indices.push_back(
            arith::ConstantIndexOp::create(b, value.getLoc(), at));
      scalars.values.push_back(
          tensor::ExtractOp::create(b, value.getLoc(), value, indices)
              .getResult());
    }
  } else {
    return nullptr;
  }
  return &(table[value] = std::move(scalars));
}

/// Makes sure that all operands are in the table.
bool Scalarizer::findAll(Operation *op) {
  bool extract = demanded.contains(op->getResult(0));
  return llvm::all_of(op->getOperands(), [&](Value operand) {
    return find(operand, extract) != nullptr;
  });
}

Value Scalarizer::asI64(Value index) {
  Value &cast = casts[index];
  if (!cast) {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointAfterValue(index);
    cast = arith::IndexCastOp::create(b, index.getLoc(), b.getI64Type(), index);
  }
  return cast;
}

OpFoldResult Scalarizer::inlineFolded(Block &body, Value result,
                                      ArrayRef<OpFoldResult> args,
                                      Location loc) {
  IRMapping mapping;
  for (auto [argument, scalar] : llvm::zip(body.getArguments(), args))
    mapping.map(argument, materialize(loc, scalar));
  for (Operation &step : body) {
    Operation *copy = b.clone(step, mapping);
    SmallVector<Value> folded;
    if (failed(b.tryFold(copy, folded)) || folded.empty())
      continue;
    mapping.map(step.getResult(0), folded[0]);
    copy->erase();
  }
  Value value = mapping.lookup(result);
  return getAsOpFoldResult(value);
}

std::optional<Scalars> Scalarizer::ofShape(ShapeOp op) {
  Scalars scalars{op.getType(), {}};
  if (!op.getType().hasStaticShape())
    return std::nullopt;
  for (OpFoldResult dim : resolver.dims(op.getInput())) {
    if (std::optional<int64_t> known = getConstantIntValue(dim))
      scalars.values.push_back(b.getI64IntegerAttr(*known));
    else
      scalars.values.push_back(asI64(cast<Value>(dim)));
  }
  return scalars;
}

std::optional<Scalars> Scalarizer::ofElementwise(ScalarBody op) {
  if (!findAll(op))
    return std::nullopt;
  Block body;
  ImplicitLocOpBuilder inner(op->getLoc(), op->getContext());
  inner.setInsertionPointToStart(&body);
  SmallVector<SmallVector<int64_t>> strides, shapes;
  SmallVector<int64_t> shape;
  for (Value operand : op->getOperands()) {
    RankedTensorType type = table[operand].type;
    body.addArgument(type.getElementType(), op->getLoc());
    strides.push_back(computeStrides(type.getShape()));
    shapes.emplace_back(type.getShape());
    if (!OpTrait::util::getBroadcastedShape(SmallVector<int64_t>(shape),
                                            type.getShape(), shape))
      return std::nullopt;
  }
  Value result = op.buildScalar(inner, body.getArguments());
  if (!llvm::all_of(body, isCheap))
    return std::nullopt;
  Scalars scalars{RankedTensorType::get(shape, result.getType()), {}};
  if (!isSmall(scalars.type))
    return std::nullopt;
  SmallVector<int64_t> own = computeStrides(shape);
  for (int64_t i = 0; i < scalars.type.getNumElements(); ++i) {
    SmallVector<int64_t> at = delinearize(i, own);
    SmallVector<OpFoldResult> args;
    for (auto [k, operand] : llvm::enumerate(op->getOperands())) {
      int64_t element = 0, offset = shape.size() - shapes[k].size();
      for (size_t d = 0; d < shapes[k].size(); ++d)
        if (shapes[k][d] != 1)
          element += at[offset + d] * strides[k][d];
      args.push_back(table[operand].values[element]);
    }
    scalars.values.push_back(inlineFolded(body, result, args, op->getLoc()));
  }
  return scalars;
}

std::optional<Scalars> Scalarizer::ofReduce(ReduceOp op) {
  Type element = tensorType(op.getInput()).getElementType();
  if (!isa<IntegerType>(element) || op.getKind() == ReduceKind::mean ||
      !op.getType().hasStaticShape() || !findAll(op))
    return std::nullopt;
  Block body;
  ImplicitLocOpBuilder inner(op.getLoc(), op.getContext());
  inner.setInsertionPointToStart(&body);
  Value x = body.addArgument(element, op.getLoc());
  Value y = body.addArgument(element, op.getLoc());
  Value joined = op.getKind() == ReduceKind::sum    ? scalar::add(inner, x, y)
                 : op.getKind() == ReduceKind::prod ? scalar::mul(inner, x, y)
                 : op.getKind() == ReduceKind::max
                     ? scalar::max(inner, x, y, false)
                     : scalar::min(inner, x, y, false);
  const Scalars &input = table[op.getInput()];
  SmallVector<int64_t> strides = computeStrides(input.type.getShape());
  // Elements of one result lie in one slot, in order.
  SmallVector<SmallVector<OpFoldResult>> slots(op.getType().getNumElements());
  for (auto [i, value] : llvm::enumerate(input.values)) {
    int64_t slot = 0;
    for (auto [d, at] : llvm::enumerate(delinearize(i, strides)))
      if (!llvm::is_contained(op.getAxes(), static_cast<int64_t>(d)))
        slot = slot * input.type.getDimSize(d) + at;
    slots[slot].push_back(value);
  }
  Scalars scalars{op.getType(), {}};
  for (ArrayRef<OpFoldResult> slot : slots) {
    if (slot.empty())
      return std::nullopt;
    OpFoldResult all = slot.front();
    for (OpFoldResult value : slot.drop_front())
      all = inlineFolded(body, joined, {all, value}, op.getLoc());
    scalars.values.push_back(all);
  }
  return scalars;
}

/// Evaluates the op with numbers in place of the moved elements: the result
/// tells which element went where.
std::optional<Scalars> Scalarizer::ofMovement(Operation *op,
                                              ArrayRef<unsigned> moved) {
  if (!findAll(op))
    return std::nullopt;
  SmallVector<OpFoldResult> all;
  SmallVector<Value> operands;
  Type i64 = b.getI64Type();
  for (auto [i, operand] : llvm::enumerate(op->getOperands())) {
    const Scalars &scalars = table[operand];
    if (!llvm::is_contained(moved, i)) {
      if (!scalars.isConstant())
        return std::nullopt;
      SmallVector<Attribute> values;
      for (OpFoldResult value : scalars.values)
        values.push_back(cast<Attribute>(value));
      operands.push_back(ConstantOp::create(
          b, op->getLoc(), DenseElementsAttr::get(scalars.type, values)));
      continue;
    }
    SmallVector<int64_t> numbers = llvm::to_vector(
        llvm::seq<int64_t>(all.size(), all.size() + scalars.values.size()));
    operands.push_back(ConstantOp::create(
        b, op->getLoc(),
        DenseIntElementsAttr::get(
            scalars.type.clone(scalars.type.getShape(), i64), numbers)));
    llvm::append_range(all, scalars.values);
  }
  Operation *copy = b.clone(*op);
  copy->setOperands(operands);
  auto type = cast<RankedTensorType>(op->getResult(0).getType());
  copy->getResult(0).setType(type.clone(type.getShape(), i64));
  ElementsAttr order = evaluate(copy);
  copy->erase();
  for (Value operand : operands)
    operand.getDefiningOp()->erase();
  auto data = ConstantData::get(order);
  if (!data || data->numElements() > kInlineElements)
    return std::nullopt;
  Scalars scalars{tensorType(data->type().getShape(), type.getElementType()),
                  {}};
  for (int64_t i = 0; i < data->numElements(); ++i)
    scalars.values.push_back(all[data->intAt(i)]);
  return scalars;
}

std::optional<Scalars> Scalarizer::compute(Operation *op) {
  if (op->getNumResults() != 1)
    return std::nullopt;
  b.setInsertionPoint(op);
  if (auto shape = dyn_cast<ShapeOp>(op))
    return ofShape(shape);
  auto type = dyn_cast<RankedTensorType>(op->getResult(0).getType());
  if (!type || op->getNumOperands() == 0 ||
      !(type.getElementType().isSignlessInteger() ||
        isa<FloatType>(type.getElementType())))
    return std::nullopt;
  if (auto body = dyn_cast<ScalarBody>(op))
    return ofElementwise(body);
  if (auto reduce = dyn_cast<ReduceOp>(op))
    return ofReduce(reduce);
  if (auto moved = movedOperands(op))
    return ofMovement(op, *moved);
  return std::nullopt;
}

void Scalarizer::replace(Operation *op, Scalars scalars) {
  b.setInsertionPoint(op);
  Location loc = op->getLoc();
  Value tensor;
  if (scalars.isConstant()) {
    SmallVector<Attribute> values;
    for (OpFoldResult value : scalars.values)
      values.push_back(cast<Attribute>(value));
    tensor = ConstantOp::create(b, loc,
                                DenseElementsAttr::get(scalars.type, values));
  } else {
    SmallVector<Value> values;
    for (OpFoldResult value : scalars.values)
      values.push_back(materialize(loc, value));
    tensor = tensor::FromElementsOp::create(b, loc, scalars.type, values);
  }
  table[tensor] = scalars;
  Value result = op->getResult(0);
  if (result.getType() != scalars.type) {
    tensor = tensor::CastOp::create(b, loc, result.getType(), tensor);
    table[tensor] = scalars;
  }
  result.replaceAllUsesWith(tensor);
  // Erased at the end: tables are keyed by values, whose addresses must not
  // come back.
  dead.push_back(op);
}

/// An extent computed from extents is one, even if it is 0: it neither asks for
/// a copy nor for the rest.
void Scalarizer::visitReshape(ReshapeOp op) {
  auto elements = op.getShape().getDefiningOp<tensor::FromElementsOp>();
  if (!elements || op.getAllowZero())
    return;
  bool extents = llvm::all_of(elements.getElements(), [](Value element) {
    std::optional<int64_t> known = getConstantIntValue(element);
    return known ? *known != 0 : isNonNegative(element);
  });
  if (extents)
    op.setAllowZero(true);
}

void Scalarizer::visit(Operation *op) {
  if (auto dim = dyn_cast<tensor::DimOp>(op)) {
    std::optional<int64_t> index = dim.getConstantIndex();
    if (!index || !isa<RankedTensorType>(dim.getSource().getType()))
      return;
    OpFoldResult extent = resolver.dim(dim.getSource(), *index);
    b.setInsertionPoint(op);
    if (auto known = getConstantIntValue(extent))
      extent =
          arith::ConstantIndexOp::create(b, op->getLoc(), *known).getResult();
    if (cast<Value>(extent) != dim.getResult())
      dim.getResult().replaceAllUsesWith(cast<Value>(extent));
    return;
  }
  if (auto extract = dyn_cast<tensor::ExtractOp>(op)) {
    auto found = table.find(extract.getTensor());
    auto indices = getConstantIntValues(
        getAsOpFoldResult(SmallVector<Value>(extract.getIndices())));
    if (found == table.end() || !indices)
      return;
    const Scalars &scalars = found->second;
    int64_t at = linearize(*indices, computeStrides(scalars.type.getShape()));
    if (at < 0 || at >= static_cast<int64_t>(scalars.values.size()))
      return;
    b.setInsertionPoint(op);
    Value scalar = materialize(op->getLoc(), scalars.values[at]);
    if (scalar != extract.getResult()) // Not one of those made above.
      extract.getResult().replaceAllUsesWith(scalar);
    return;
  }
  if (!isa_and_nonnull<GraphDialect>(op->getDialect()))
    return;
  if (auto scalars = compute(op))
    replace(op, std::move(*scalars));
  else if (auto reshape = dyn_cast<ReshapeOp>(op))
    visitReshape(reshape);
}

void Scalarizer::run() {
  SmallVector<Operation *> ops;
  module.walk<WalkOrder::PreOrder>([&](Operation *op) { ops.push_back(op); });
  findDemanded(ops);
  for (Operation *op : ops)
    visit(op);
  for (Operation *op : llvm::reverse(dead))
    op->erase();
  // What was made in vain goes, users before what they use.
  module.walk<WalkOrder::PostOrder, ReverseIterator>([](Operation *op) {
    if (isOpTriviallyDead(op))
      op->erase();
  });
}

struct ScalarizeShapes : graph::impl::ScalarizeShapesBase<ScalarizeShapes> {
  void runOnOperation() override { Scalarizer(getOperation()).run(); }
};

} // namespace
