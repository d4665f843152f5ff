// Operators on sequences and optionals. Where each tensor of a sequence is
// known, it stays a value of its own; otherwise all is arithmetic on the two
// tensors that stand for a sequence (Sequences.h).
#include "../Sequences.h"
#include "../Table.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "weft/Artifact/Abi.h"
#include "weft/Dialect/Kernel/IR/Kernel.h"
#include "weft/Support/Location.h"

using namespace mlir;

namespace weft::onnx {

using graph::Comparison;
using graph::ReduceKind;

/// A run fails with `why`, in which {0} and {1} are the values.
static void checkRun(NodeImport &n, Value holds, ArrayRef<Value> values,
                     const Twine &why) {
  if (!holds)
    return;
  auto scalar = [&](Value tensor) {
    SmallVector<Value> zeros(NodeImport::typeOf(tensor).getRank(),
                             arith::ConstantIndexOp::create(n.b, n.loc, 0));
    return Value(tensor::ExtractOp::create(n.b, n.loc, tensor, zeros));
  };
  SmallVector<Value> scalars = llvm::map_to_vector(values, scalar);
  std::string node = describeNode({n.node.name(), n.node.op_type()});
  kernel::CheckOp::create(n.b, n.loc, scalar(holds), scalars,
                          n.b.getStringAttr(node + ": " + why));
}

/// True, with an error otherwise, where input `i` is a sequence.
static bool needSequence(NodeImport &n, unsigned i) {
  if (n.has(i) && isSequence(n.input(i).getType()))
    return true;
  n.error() << "input " << i << " must be a sequence";
  return false;
}

static Value sliceAt(NodeImport &n, Value x, Value start, Value end) {
  auto one = [&](Value v) { return n.reshape(v, {1}); };
  return n.create<graph::SliceOp>(x, one(start), one(end), n.ints({1}),
                                  ArrayRef<int64_t>{0});
}

static Value add(NodeImport &n, Value x, Value y) {
  return n.create<graph::AddOp>(x, y);
}

static Value lengthOf(NodeImport &n, Sequence parts) {
  return n.reshape(n.extent(parts.shapes, 0), {});
}

/// How many elements the tensors have, and how many there are before each.
static std::pair<Value, Value> countsAndOffsets(NodeImport &n, Sequence s) {
  Value absent = n.compare(Comparison::less, s.shapes, n.intScalar(0));
  Value extents = n.create<graph::SelectOp>(absent, n.intScalar(1), s.shapes);
  Value counts = n.reduce(ReduceKind::prod, extents, {1}, false);
  return {counts, n.create<graph::CumSumOp>(counts, 0, /*exclusive=*/true,
                                            /*reverse=*/false)};
}

/// A position from the front, checked in a run; `more` is how far behind the
/// last it may be.
static Value position(NodeImport &n, unsigned i, Sequence s, int64_t more) {
  Value given = n.cast(n.reshape(n.input(i), {}), n.b.getI64Type());
  Value length = lengthOf(n, s), zero = n.intScalar(0);
  Value isBack = n.compare(Comparison::less, given, zero);
  Value counted =
      n.create<graph::SelectOp>(isBack, add(n, given, length), given);
  Value end = add(n, length, n.intScalar(more));
  Value fits = n.create<graph::AndOp>(
      n.compare(Comparison::greaterOrEqual, counted, zero),
      n.compare(Comparison::less, counted, end));
  checkRun(n, fits, {given, length},
           "position {0} is out of range for a sequence of {1} tensors");
  return counted;
}

/// The same where all is known; reports what is out of range.
static std::optional<int64_t> knownPosition(NodeImport &n, int64_t given,
                                            int64_t length, int64_t more) {
  int64_t counted = given < 0 ? given + length : given;
  if (counted >= 0 && counted < length + more)
    return counted;
  n.error() << "position " << given << " is out of range for a sequence of "
            << length << " tensors";
  return {};
}

static std::optional<int64_t> knownScalar(NodeImport &n, unsigned i) {
  auto values = NodeImport::known(n.input(i));
  return values && values->size() == 1 ? std::optional(values->front())
                                       : std::nullopt;
}

//===- Making -------------------------------------------------------------===//

static LogicalResult sequenceConstruct(NodeImport &n) {
  Type element = n.type(0).getElementType();
  for (unsigned i = 1; i < n.inputCount(); ++i)
    if (n.type(i).getElementType() != element)
      return n.error() << "input " << i << " has elements of "
                       << n.type(i).getElementType() << " where input 0 has "
                       << element;
  return n.result(knownSequence(n.b, n.loc, n.allInputs(), element));
}

static LogicalResult sequenceEmpty(NodeImport &n) {
  int64_t dtype = n.integer("dtype", TensorProto::FLOAT);
  Type element = anyElementType(n.b.getContext(), int(dtype));
  if (!element)
    return n.error() << "dtype " << typeName(int(dtype)) << " is not supported";
  return n.result(knownSequence(n.b, n.loc, {}, element));
}

static LogicalResult sequenceInsert(NodeImport &n) {
  if (!needSequence(n, 0))
    return failure();
  Value x = n.input(1);
  Type element = elementOfSequence(n.input(0).getType());
  if (n.type(1).getElementType() != element)
    return n.error() << "a tensor of " << n.type(1).getElementType()
                     << " is inserted into a sequence of " << element;
  auto tensors = knownTensors(n.input(0));
  auto at = knownScalar(n, 2);
  if (tensors && (at || !n.has(2))) {
    int64_t length = tensors->size();
    auto index = knownPosition(n, at.value_or(length), length, 1);
    if (!index)
      return failure();
    tensors->insert(tensors->begin() + *index, x);
    return n.result(knownSequence(n.b, n.loc, *tensors, element));
  }
  Sequence s = partsOf(n.b, n.loc, n.input(0)),
           one = partsOf(n.b, n.loc, knownSequence(n.b, n.loc, x, element));
  if (!n.has(2))
    return n.result(makeSequence(n.b, n.loc,
                                 {n.concat({s.elements, one.elements}, 0),
                                  n.concat({s.shapes, one.shapes}, 0)}));
  Value index = position(n, 2, s, 1), zero = n.intScalar(0),
        end = n.intScalar(INT64_MAX);
  Value counts = countsAndOffsets(n, s).first;
  // As many elements as all tensors before have.
  Value before =
      n.reduce(ReduceKind::sum, sliceAt(n, counts, zero, index), {0}, false);
  return n.result(makeSequence(
      n.b, n.loc,
      {n.concat({sliceAt(n, s.elements, zero, before), one.elements,
                 sliceAt(n, s.elements, before, end)},
                0),
       n.concat({sliceAt(n, s.shapes, zero, index), one.shapes,
                 sliceAt(n, s.shapes, index, end)},
                0)}));
}

static LogicalResult sequenceErase(NodeImport &n) {
  if (!needSequence(n, 0))
    return failure();
  auto tensors = knownTensors(n.input(0));
  auto at = n.has(1) ? knownScalar(n, 1) : std::optional<int64_t>(-1);
  if (tensors && at) {
    auto index = knownPosition(n, *at, tensors->size(), 0);
    if (!index)
      return failure();
    tensors->erase(tensors->begin() + *index);
    return n.result(knownSequence(n.b, n.loc, *tensors,
                                  elementOfSequence(n.input(0).getType())));
  }
  Sequence s = partsOf(n.b, n.loc, n.input(0));
  Value zero = n.intScalar(0), one = n.intScalar(1),
        end = n.intScalar(INT64_MAX);
  Value index = n.has(1) ? position(n, 1, s, 0)
                         : n.create<graph::SubOp>(lengthOf(n, s), one);
  auto [counts, offsets] = countsAndOffsets(n, s);
  Value start = n.create<graph::GatherOp>(offsets, index, 0);
  Value stop = add(n, start, n.create<graph::GatherOp>(counts, index, 0));
  return n.result(
      makeSequence(n.b, n.loc,
                   {n.concat({sliceAt(n, s.elements, zero, start),
                              sliceAt(n, s.elements, stop, end)},
                             0),
                    n.concat({sliceAt(n, s.shapes, zero, index),
                              sliceAt(n, s.shapes, add(n, index, one), end)},
                             0)}));
}

//===- Splitting ----------------------------------------------------------===//

/// Pieces at starts that are computed. Elements of piece p follow those of the
/// pieces before it; within it they are in row-major order. Without `keepDims`
/// all sizes are 1, and the axis goes.
static Value splitAtRuntime(NodeImport &n, Value x, Value sizes, int64_t axis,
                            bool keepDims) {
  Value shape = n.shape(x);
  int64_t rank = NodeImport::typeOf(x).getRank();
  auto product = [&](int64_t from, int64_t to) {
    return n.reduce(ReduceKind::prod, n.slice(shape, 0, from, to), {0}, false);
  };
  Value outer = product(0, axis), inner = product(axis + 1, rank),
        whole = n.reshape(n.slice(shape, 0, axis, axis + 1), {});
  checkRun(n,
           n.compare(Comparison::equal,
                     n.reduce(ReduceKind::sum, sizes, {0}, false), whole),
           {n.reduce(ReduceKind::sum, sizes, {0}, false), whole},
           "the sizes of the pieces add up to {0} on an axis of {1}");
  auto mul = [&](Value a, Value b) { return n.create<graph::MulOp>(a, b); };
  auto div = [&](Value a, Value b) { return n.create<graph::DivOp>(a, b); };
  auto rem = [&](Value a, Value b) { return n.create<graph::RemOp>(a, b); };
  Value starts = n.create<graph::CumSumOp>(sizes, 0, true, false);
  Value each = mul(outer, inner), offsets = mul(starts, each);
  Value k = n.iota(mul(whole, each));
  Value passed = n.compare(Comparison::lessOrEqual, n.unsqueeze(offsets, {0}),
                           n.unsqueeze(k, {1}));
  if (!passed)
    return nullptr;
  Value piece = n.create<graph::SubOp>(
      n.reduce(ReduceKind::sum, n.cast(passed, n.b.getI64Type()), {1}, false),
      n.intScalar(1));
  auto ofPiece = [&](Value v) {
    return n.create<graph::GatherOp>(v, piece, 0);
  };
  Value within = n.create<graph::SubOp>(k, ofPiece(offsets));
  Value block = mul(ofPiece(sizes), inner);
  Value rest = rem(within, block);
  Value along = add(n, ofPiece(starts), div(rest, inner));
  Value source =
      add(n, mul(add(n, mul(div(within, block), whole), along), inner),
          rem(rest, inner));
  Value elements = n.create<graph::GatherOp>(n.reshape(x, {-1}), source, 0);
  // Rows of the shape, with the size in place of the axis's extent.
  Value count = n.shape(sizes);
  auto repeated = [&](Value row) {
    return n.create<graph::ExpandOp>(n.unsqueeze(row, {0}),
                                     n.concat({count, n.ints({1})}, 0));
  };
  SmallVector<Value> columns;
  for (int64_t i = 0; i < rank; ++i)
    if (i != axis)
      columns.push_back(repeated(n.slice(shape, 0, i, i + 1)));
    else if (keepDims)
      columns.push_back(n.unsqueeze(sizes, {1}));
  while (columns.size() < WEFT_MAX_RANK)
    columns.push_back(repeated(n.ints({-1})));
  return makeSequence(n.b, n.loc, {elements, n.concat(columns, 1)});
}

/// Pieces as values of their own, from bounds that may be computed.
static LogicalResult splitKnown(NodeImport &n, ArrayRef<Value> bounds,
                                int64_t axis, bool keepDims) {
  SmallVector<Value> pieces;
  for (size_t i = 0; i + 1 < bounds.size(); ++i) {
    Value piece =
        n.create<graph::SliceOp>(n.input(0), bounds[i], bounds[i + 1],
                                 n.ints({1}), ArrayRef<int64_t>{axis});
    pieces.push_back(keepDims ? piece : n.squeeze(piece, {axis}));
    if (!pieces.back())
      return failure();
  }
  return n.result(
      knownSequence(n.b, n.loc, pieces, n.type(0).getElementType()));
}

static LogicalResult splitToSequence(NodeImport &n) {
  auto axis = n.axis(n.integer("axis", 0), n.rank(0));
  if (!axis)
    return failure();
  int64_t extent = n.type(0).getDimSize(*axis);
  SmallVector<Value> bounds = {n.ints({0})};
  bool keepDims = n.has(1) || n.integer("keepdims", 1) != 0;
  auto size = n.has(1) ? knownScalar(n, 1) : std::optional<int64_t>(1);
  bool isScalar = !n.has(1) || n.rank(1) == 0;
  if (size && *size < 1 && isScalar)
    return n.error() << "split is " << *size << "; 1 at least is needed";
  if (isScalar && size && !ShapedType::isDynamic(extent) &&
      extent / *size < 1024) {
    for (int64_t at = 0; at < extent; at += *size)
      bounds.push_back(n.ints({std::min(at + *size, extent)}));
    return splitKnown(n, bounds, *axis, keepDims);
  }
  Type i64 = n.b.getI64Type();
  if (!isScalar && n.type(1).hasStaticShape()) {
    Value sizes = n.cast(n.input(1), i64);
    Value ends = n.create<graph::CumSumOp>(sizes, 0, false, false);
    int64_t count = n.type(1).getNumElements();
    Value whole = n.extent(n.input(0), *axis);
    Value last = n.slice(ends, 0, count - 1, count);
    checkRun(n, n.compare(Comparison::equal, last, whole), {last, whole},
             "the sizes of the pieces add up to {0} on an axis of {1}");
    for (int64_t i = 0; i < count; ++i)
      bounds.push_back(n.slice(ends, 0, i, i + 1));
    return splitKnown(n, bounds, *axis, true);
  }
  Value sizes;
  if (isScalar) {
    Value whole = n.reshape(n.extent(n.input(0), *axis), {});
    Value each =
        n.has(1) ? n.cast(n.reshape(n.input(1), {}), i64) : n.intScalar(1);
    checkRun(n, n.compare(Comparison::greater, each, n.intScalar(0)), {each},
             "split is {0}; 1 at least is needed");
    Value most = add(n, whole, n.create<graph::SubOp>(each, n.intScalar(1)));
    Value starts = n.create<graph::MulOp>(
        n.iota(n.create<graph::DivOp>(most, each)), each);
    sizes = n.create<graph::MinOp>(each, n.create<graph::SubOp>(whole, starts));
  } else {
    sizes = n.cast(n.input(1), i64);
  }
  return n.result(splitAtRuntime(n, n.input(0), sizes, *axis, keepDims));
}

//===- Taking -------------------------------------------------------------===//

static LogicalResult sequenceLength(NodeImport &n) {
  if (!needSequence(n, 0))
    return failure();
  if (auto tensors = knownTensors(n.input(0)))
    return n.result(n.intScalar(tensors->size()));
  return n.result(lengthOf(n, partsOf(n.b, n.loc, n.input(0))));
}

/// The rank that all tensors of a known sequence have, or that ONNX inferred.
static std::optional<int64_t> rankAt(NodeImport &n) {
  if (auto tensors = knownTensors(n.input(0)); tensors && !tensors->empty()) {
    int64_t rank = NodeImport::typeOf(tensors->front()).getRank();
    if (llvm::all_of(*tensors, [&](Value tensor) {
          return NodeImport::typeOf(tensor).getRank() == rank;
        }))
      return rank;
  }
  const TypeProto *type = n.scope.typeOf(n.node.output(0));
  if (type && type->tensor_type().has_shape())
    return type->tensor_type().shape().dim_size();
  return {};
}

static LogicalResult sequenceAt(NodeImport &n) {
  if (!needSequence(n, 0))
    return failure();
  auto tensors = knownTensors(n.input(0));
  auto at = knownScalar(n, 1);
  if (tensors && at) {
    auto index = knownPosition(n, *at, tensors->size(), 0);
    return index ? n.result((*tensors)[*index]) : failure();
  }
  auto rank = rankAt(n);
  if (!rank)
    return n.error() << "the rank of the sequence's tensors is not known";
  Sequence s = partsOf(n.b, n.loc, n.input(0));
  Value index = position(n, 1, s, 0);
  auto [counts, offsets] = countsAndOffsets(n, s);
  Value start = n.create<graph::GatherOp>(offsets, index, 0);
  Value stop = add(n, start, n.create<graph::GatherOp>(counts, index, 0));
  Value row = n.create<graph::GatherOp>(s.shapes, index, 0);
  Value isExtent = n.compare(Comparison::greaterOrEqual, row, n.intScalar(0));
  if (!isExtent)
    return failure();
  Value found =
      n.reduce(ReduceKind::sum, n.cast(isExtent, n.b.getI64Type()), {0}, false);
  checkRun(n, n.compare(Comparison::equal, found, n.intScalar(*rank)), {found},
           "the tensor has rank {0} where the model was compiled for " +
               Twine(*rank));
  return n.result(n.create<graph::ReshapeOp>(
      sliceAt(n, s.elements, start, stop), n.slice(row, 0, 0, *rank), true));
}

static LogicalResult concatFromSequence(NodeImport &n) {
  if (!needSequence(n, 0))
    return failure();
  bool isNew = n.integer("new_axis", 0) != 0;
  auto tensors = knownTensors(n.input(0));
  if (!tensors || tensors->empty())
    return n.error() << "the tensors of the sequence must be known at compile "
                        "time, one at least";
  int64_t rank = NodeImport::typeOf(tensors->front()).getRank() + isNew;
  auto axis = n.axis(n.integer("axis", 0), rank);
  if (!axis)
    return failure();
  if (isNew)
    for (Value &tensor : *tensors)
      tensor = n.unsqueeze(tensor, {*axis});
  return n.result(n.concat(*tensors, *axis));
}

//===- Optionals ----------------------------------------------------------===//

static LogicalResult optional(NodeImport &n) {
  Value yes = n.scalar(1, n.b.getI1Type());
  if (n.has(0))
    return n.result(makeOptional(n.b, n.loc, yes, n.input(0)));
  const AttributeProto *given = n.attribute("type");
  Type type = given ? valueTypeOf(n.b.getContext(), given->tp()) : Type();
  if (!type)
    return n.error() << "an optional without a value needs the type of a "
                        "tensor or sequence with a known rank";
  return n.result(makeOptional(n.b, n.loc, n.scalar(0, n.b.getI1Type()),
                               emptyValue(n.b, n.loc, type)));
}

static LogicalResult optionalHasElement(NodeImport &n) {
  if (!n.has(0))
    return n.result(n.scalar(0, n.b.getI1Type()));
  return n.result(optionalParts(n.b, n.loc, n.input(0)).first);
}

static LogicalResult optionalGetElement(NodeImport &n) {
  auto [present, value] = optionalParts(n.b, n.loc, n.input(0));
  auto known = NodeImport::known(present);
  if (known && !known->front())
    return n.error() << "the optional has no value";
  if (!known)
    checkRun(n, present, {}, "the optional has no value");
  return n.result(value);
}

void addSequenceRows(Table &table) {
  constexpr auto any = Row::kAny;
  constexpr auto values = Row::AnyValue;
  table.add({
      {"ConcatFromSequence", 11, concatFromSequence, any, values},
      {"Optional", 15, optional, any, values},
      {"OptionalGetElement", 18, optionalGetElement, any, values},
      {"OptionalHasElement", 18, optionalHasElement, any, values},
      {"SequenceAt", 11, sequenceAt, any, values},
      {"SequenceConstruct", 11, sequenceConstruct, any},
      {"SequenceEmpty", 11, sequenceEmpty, any},
      {"SequenceErase", 11, sequenceErase, any, values},
      {"SequenceInsert", 11, sequenceInsert, any, values},
      {"SequenceLength", 11, sequenceLength, any, values},
      {"SplitToSequence", 24, splitToSequence, any},
  });
}

} // namespace weft::onnx
