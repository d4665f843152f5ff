// Loop and Scan as scf.while on tensors. Values that are carried may change
// their extents from one turn to the next; their types are widened until the
// body gives back what it is given.
#include "../Sequences.h"
#include "../Table.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;

namespace weft::onnx {

namespace {
/// What Loop and Scan have in common.
struct LoopSpec {
  const GraphProto *body;
  Value limit;                ///< number of turns, index
  Value go;                   ///< i1: whether there is a first turn
  SmallVector<Value> carried; ///< values before the first turn
  SmallVector<Type> types;    ///< of them before they were taken apart
  bool hasCondition;          ///< the body's first output says whether to go on
  SmallVector<bool> prepend;  ///< for each accumulated output
  /// The body's arguments at turn `index`.
  std::function<SmallVector<Value>(Value index, Value go, ValueRange carried)>
      arguments;
};

/// The body imported once for given types of what is carried and accumulated.
struct Turn {
  std::unique_ptr<Region> region = std::make_unique<Region>();
  Value go;
  SmallVector<Value> carried, accumulated;
  SmallVector<RankedTensorType> elements; ///< of the accumulated outputs
};
} // namespace

static RankedTensorType widened(Type a, Type b) {
  auto x = cast<RankedTensorType>(a), y = cast<RankedTensorType>(b);
  SmallVector<int64_t> shape(x.getShape());
  for (auto [extent, other] : llvm::zip(shape, y.getShape()))
    if (extent != other)
      extent = ShapedType::kDynamic;
  return x.clone(shape);
}

static Value castTo(NodeImport &n, Value value, Type type) {
  return value.getType() == type
             ? value
             : tensor::CastOp::create(n.b, n.loc, type, value);
}

static RankedTensorType accumulatorType(RankedTensorType element) {
  SmallVector<int64_t> shape(element.getShape());
  shape.insert(shape.begin(), ShapedType::kDynamic);
  return element.clone(shape);
}

static Value onlyElement(NodeImport &n, Value tensor) {
  SmallVector<Value> zeros(NodeImport::typeOf(tensor).getRank(),
                           arith::ConstantIndexOp::create(n.b, n.loc, 0));
  return tensor::ExtractOp::create(n.b, n.loc, tensor, zeros);
}

static Value scalarTensor(NodeImport &n, Value scalar) {
  return tensor::FromElementsOp::create(
      n.b, n.loc, RankedTensorType::get({}, scalar.getType()), scalar);
}

/// Imports the body in a region whose arguments are [index, go, carried…,
/// accumulators…]; the latter are none while their types are not known.
static LogicalResult importTurn(NodeImport &n, const LoopSpec &spec,
                                ArrayRef<Type> carried,
                                ArrayRef<RankedTensorType> elements,
                                Turn &turn) {
  SmallVector<Type> types = {n.b.getIndexType(), n.b.getI1Type()};
  llvm::append_range(types, carried);
  for (RankedTensorType element : elements)
    types.push_back(accumulatorType(element));
  OpBuilder::InsertionGuard guard(n.b);
  Block *block = n.b.createBlock(turn.region.get(), {}, types,
                                 SmallVector<Location>(types.size(), n.loc));
  ValueRange arguments = block->getArguments();
  SmallVector<Value> given = spec.arguments(arguments[0], arguments[1],
                                            arguments.slice(2, carried.size()));
  SmallVector<Value> results;
  if (llvm::is_contained(given, Value()) ||
      given.size() != size_t(spec.body->input_size()))
    return n.error() << "the body has " << spec.body->input_size()
                     << " inputs where " << given.size() << " are needed";
  if (failed(n.importer.importSubgraph(*spec.body, n.scope, given, results)))
    return failure();
  size_t logical = spec.types.size();
  if (results.size() != logical + spec.prepend.size() + spec.hasCondition)
    return n.error() << "the body has " << results.size() << " outputs where "
                     << logical + spec.prepend.size() + spec.hasCondition
                     << " are needed";
  for (size_t i = 0; i < logical; ++i) {
    Value &value = results[i + spec.hasCondition];
    value = coerced(n.b, n.loc, value, spec.types[i]);
  }
  results = flattened(n.b, n.loc, results);
  if (results.size() !=
      carried.size() + spec.prepend.size() + spec.hasCondition)
    return n.error() << "a value that is carried around is a sequence at one "
                        "time and none at another";
  turn.go = spec.hasCondition ? onlyElement(n, results[0]) : arguments[1];
  ArrayRef<Value> rest = ArrayRef(results).drop_front(spec.hasCondition);
  turn.carried.assign(rest.begin(), rest.begin() + carried.size());
  for (auto [i, value] : llvm::enumerate(rest.drop_front(carried.size()))) {
    turn.elements.push_back(NodeImport::typeOf(value));
    if (elements.empty())
      continue;
    Value so_far = arguments[2 + carried.size() + i],
          more = n.unsqueeze(value, {0});
    // Of no turn the extents are not known: those of the first one hold then,
    // and the later ones must have the same.
    if (!turn.elements[i].hasStaticShape())
      so_far = n.create<graph::ReshapeOp>(
          so_far,
          n.concat({n.slice(n.shape(so_far), 0, 0, 1), n.shape(value)}, 0),
          /*allow_zero=*/true);
    Value all = spec.prepend[i] ? n.concat({more, so_far}, 0)
                                : n.concat({so_far, more}, 0);
    turn.accumulated.push_back(
        all ? castTo(n, all, accumulatorType(elements[i])) : nullptr);
  }
  return success(!llvm::is_contained(turn.accumulated, Value()));
}

/// Repeats importTurn until its types are those it was given.
static LogicalResult settle(NodeImport &n, const LoopSpec &spec,
                            SmallVector<Type> &carried, Turn &turn) {
  SmallVector<RankedTensorType> elements;
  for (int attempt = 0; attempt < 16; ++attempt) {
    turn = Turn();
    if (failed(importTurn(n, spec, carried, elements, turn)))
      return failure();
    bool settled = elements == turn.elements;
    elements = turn.elements;
    for (auto [i, value] : llvm::enumerate(turn.carried)) {
      auto before = cast<RankedTensorType>(carried[i]),
           after = NodeImport::typeOf(value);
      if (before.getRank() != after.getRank() ||
          before.getElementType() != after.getElementType())
        return n.error() << "value " << i << " that is carried around is "
                         << before << " before and " << after
                         << " after a turn";
      Type wide = widened(before, after);
      settled &= wide == carried[i];
      carried[i] = wide;
    }
    if (settled)
      return success();
  }
  return n.error() << "the types of what is carried around do not settle";
}

static LogicalResult buildLoop(NodeImport &n, const LoopSpec &spec) {
  SmallVector<Value> first = flattened(n.b, n.loc, spec.carried);
  SmallVector<Type> carried =
      llvm::map_to_vector(first, [](Value v) { return v.getType(); });
  Turn turn;
  if (failed(settle(n, spec, carried, turn)))
    return failure();
  Value zero = arith::ConstantIndexOp::create(n.b, n.loc, 0),
        one = arith::ConstantIndexOp::create(n.b, n.loc, 1);
  SmallVector<Value> starts = {zero, spec.go};
  for (auto [value, type] : llvm::zip(first, carried))
    starts.push_back(castTo(n, value, type));
  for (RankedTensorType element : turn.elements) {
    SmallVector<int64_t> shape = {0};
    for (int64_t extent : element.getShape())
      shape.push_back(ShapedType::isDynamic(extent) ? 0 : extent);
    starts.push_back(
        castTo(n, n.splat(0, element.clone(shape)), accumulatorType(element)));
  }
  auto loop =
      scf::WhileOp::create(n.b, n.loc, ValueRange(starts).getTypes(), starts);
  OpBuilder::InsertionGuard guard(n.b);
  SmallVector<Location> locs(starts.size(), n.loc);
  Block *before = n.b.createBlock(&loop.getBefore(), {},
                                  ValueRange(starts).getTypes(), locs);
  Value more = arith::CmpIOp::create(n.b, n.loc, arith::CmpIPredicate::slt,
                                     before->getArgument(0), spec.limit);
  more = arith::AndIOp::create(n.b, n.loc, more, before->getArgument(1));
  scf::ConditionOp::create(n.b, n.loc, more, before->getArguments());
  loop.getAfter().takeBody(*turn.region);
  n.b.setInsertionPointToEnd(&loop.getAfter().front());
  SmallVector<Value> next = {
      arith::AddIOp::create(n.b, n.loc, loop.getAfter().getArgument(0), one),
      turn.go};
  for (auto [value, type] : llvm::zip(turn.carried, carried))
    next.push_back(castTo(n, value, type));
  llvm::append_range(next, turn.accumulated);
  scf::YieldOp::create(n.b, n.loc, next);
  n.b.setInsertionPointAfter(loop);
  return n.results(
      assembled(n.b, n.loc, spec.types, loop.getResults().drop_front(2)));
}

static LogicalResult importLoop(NodeImport &n) {
  LoopSpec spec;
  spec.body = n.graph("body");
  if (!spec.body || n.inputCount() < 2)
    return n.error() << "needs a body, a number of turns and a condition";
  spec.hasCondition = true;
  for (unsigned i = 2; i < n.inputCount(); ++i)
    spec.carried.push_back(n.input(i));
  int64_t collected =
      int64_t(spec.body->output_size()) - 1 - int64_t(spec.carried.size());
  if (collected < 0 || llvm::is_contained(spec.carried, Value()))
    return n.error() << "the body has " << spec.body->output_size()
                     << " outputs for " << spec.carried.size()
                     << " values that are carried around";
  spec.types = llvm::to_vector(ValueRange(spec.carried).getTypes());
  spec.prepend.assign(collected, false);
  Value most =
      n.has(0)
          ? onlyElement(n, n.input(0))
          : arith::ConstantIntOp::create(n.b, n.loc, INT64_MAX, 64).getResult();
  spec.limit = arith::IndexCastOp::create(n.b, n.loc, n.b.getIndexType(), most);
  spec.go = n.has(1)
                ? onlyElement(n, n.input(1))
                : arith::ConstantIntOp::create(n.b, n.loc, 1, 1).getResult();
  spec.arguments = [&](Value index, Value go, ValueRange carried) {
    Value turn =
        arith::IndexCastOp::create(n.b, n.loc, n.b.getI64Type(), index);
    SmallVector<Value> all = {scalarTensor(n, turn), scalarTensor(n, go)};
    llvm::append_range(all, assembled(n.b, n.loc, spec.types, carried));
    return all;
  };
  return buildLoop(n, spec);
}

static LogicalResult importScan(NodeImport &n) {
  LoopSpec spec;
  spec.body = n.graph("body");
  int64_t scanned = n.integer("num_scan_inputs", 0),
          states = int64_t(n.inputCount()) - scanned;
  int64_t collected = spec.body ? spec.body->output_size() - states : -1;
  if (scanned < 1 || states < 0 || collected < 0)
    return n.error() << "num_scan_inputs is " << scanned << " of "
                     << n.inputCount() << " inputs";
  auto listed = [&](StringRef name, int64_t count) {
    Ints values = n.integers(name);
    values.resize(count, 0);
    return values;
  };
  Ints axes = listed("scan_input_axes", scanned),
       backward = listed("scan_input_directions", scanned);
  Ints outputAxes = listed("scan_output_axes", collected);
  for (int64_t direction : listed("scan_output_directions", collected))
    spec.prepend.push_back(direction != 0);
  spec.hasCondition = false;
  for (int64_t i = 0; i < states; ++i)
    spec.carried.push_back(n.input(i));
  spec.types = llvm::to_vector(ValueRange(spec.carried).getTypes());
  for (int64_t i = 0; i < scanned; ++i) {
    auto axis = n.axis(axes[i], n.rank(states + i));
    if (!axis)
      return failure();
    axes[i] = *axis;
  }
  spec.limit = tensor::DimOp::create(n.b, n.loc, n.input(states), axes[0]);
  spec.go = arith::ConstantIntOp::create(n.b, n.loc, 1, 1);
  spec.arguments = [&](Value index, Value, ValueRange carried) {
    SmallVector<Value> all(carried.begin(), carried.end());
    Value turn =
        arith::IndexCastOp::create(n.b, n.loc, n.b.getI64Type(), index);
    for (int64_t i = 0; i < scanned; ++i) {
      // From the end, turn t reads position -1 - t.
      Value at = scalarTensor(n, turn);
      if (backward[i])
        at = n.create<graph::NotOp>(at);
      all.push_back(
          n.create<graph::GatherOp>(n.input(states + i), at, axes[i]));
    }
    return all;
  };
  if (failed(buildLoop(n, spec)))
    return failure();
  SmallVector<Value> results = n.outputs;
  for (int64_t i = 0; i < collected; ++i) {
    Value &result = results[states + i];
    int64_t rank = NodeImport::typeOf(result).getRank();
    auto axis = n.axis(outputAxes[i], rank);
    if (!axis)
      return failure();
    Ints order = llvm::to_vector(llvm::seq<int64_t>(1, rank));
    order.insert(order.begin() + *axis, 0);
    result = n.transpose(result, order);
  }
  return n.results(results);
}

void addLoopRows(Table &table) {
  table.add({
      {"Loop", 25, importLoop, Row::kAny, Row::AnyValue},
      {"Scan", 25, importScan, Row::kAny},
  });
}

} // namespace weft::onnx
