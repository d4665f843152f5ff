// Walks from the value to what computes it, one element at a time. Importing
// replaces tensors that are known as a whole by constants, so walks are short;
// the limit is for models made to branch.
#include "KnownElements.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/Matchers.h"
#include "weft/Dialect/Graph/IR/Graph.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace weft::onnx {

static constexpr int kMaxDepth = 8;

using Known = std::optional<int64_t>;

static Known element(Value value, int64_t index, int depth);

static RankedTensorType typeOf(Value value) {
  return cast<RankedTensorType>(value.getType());
}

static Known constantElement(graph::ConstantOp op, int64_t index) {
  auto dense = dyn_cast<DenseIntElementsAttr>(op.getValue());
  if (!dense || index >= dense.getNumElements())
    return {};
  APInt value = *(dense.value_begin<APInt>() + index);
  if (value.getBitWidth() == 1 || graph::isUnsigned(op.getResult()))
    return value.getZExtValue();
  return value.getSExtValue();
}

/// The element of an operand of a broadcasting op on rank 1 at most.
static Known broadcast(Value operand, int64_t index, int depth) {
  RankedTensorType type = typeOf(operand);
  if (!type.hasStaticShape() || type.getRank() > 1)
    return {};
  return element(operand, type.getNumElements() == 1 ? 0 : index, depth);
}

template <typename Function>
static Known binary(Operation *op, int64_t index, int depth,
                    Function function) {
  Known x = broadcast(op->getOperand(0), index, depth);
  Known y = x ? broadcast(op->getOperand(1), index, depth) : Known();
  if (!x || !y)
    return {};
  return function(*x, *y);
}

static bool holds(graph::Comparison relation, int64_t x, int64_t y) {
  switch (relation) {
  case graph::Comparison::equal:
    return x == y;
  case graph::Comparison::notEqual:
    return x != y;
  case graph::Comparison::less:
    return x < y;
  case graph::Comparison::lessOrEqual:
    return x <= y;
  case graph::Comparison::greater:
    return x > y;
  case graph::Comparison::greaterOrEqual:
    return x >= y;
  }
  return false;
}

static Known gathered(graph::GatherOp op, int64_t index, int depth) {
  RankedTensorType data = typeOf(op.getData());
  if (data.getRank() != 1 || data.isDynamicDim(0))
    return {};
  Known at = element(op.getIndices(), index, depth);
  if (!at)
    return {};
  int64_t position = *at < 0 ? *at + data.getDimSize(0) : *at;
  if (position < 0 || position >= data.getDimSize(0))
    return {};
  return element(op.getData(), position, depth);
}

static Known sliced(graph::SliceOp op, int64_t index, int depth) {
  RankedTensorType input = typeOf(op.getInput());
  if (input.getRank() != 1 || input.isDynamicDim(0) || op.getAxes().size() != 1)
    return {};
  Known start = element(op.getStarts(), 0, depth);
  Known step = element(op.getSteps(), 0, depth);
  if (!start || !step)
    return {};
  int64_t extent = input.getDimSize(0);
  int64_t first = *start < 0 ? *start + extent : *start;
  first =
      std::min(std::max<int64_t>(first, 0), *step < 0 ? extent - 1 : extent);
  int64_t position = first + index * *step;
  if (position < 0 || position >= extent)
    return {};
  return element(op.getInput(), position, depth);
}

static Known concatenated(graph::ConcatOp op, int64_t index, int depth) {
  for (Value input : op.getInputs()) {
    RankedTensorType type = typeOf(input);
    if (type.getRank() != 1 || type.isDynamicDim(0))
      return {};
    if (index < type.getDimSize(0))
      return element(input, index, depth);
    index -= type.getDimSize(0);
  }
  return {};
}

/// A vector reduced to one element, as a tensor's size is of its shape.
static Known reduced(graph::ReduceOp op, int depth) {
  RankedTensorType input = typeOf(op.getInput());
  bool isProduct = op.getKind() == graph::ReduceKind::prod;
  if (input.getRank() != 1 || input.isDynamicDim(0) ||
      op.getAxes().size() != 1 ||
      (!isProduct && op.getKind() != graph::ReduceKind::sum))
    return {};
  uint64_t result = isProduct;
  for (int64_t i = 0; i < input.getDimSize(0); ++i) {
    Known x = element(op.getInput(), i, depth);
    if (!x)
      return {};
    result = isProduct ? result * *x : result + *x;
  }
  return int64_t(result);
}

static Known element(Value value, int64_t index, int depth) {
  Operation *op = value.getDefiningOp();
  auto type = dyn_cast<RankedTensorType>(value.getType());
  if (!op || !type || !type.getElementType().isInteger() || depth == kMaxDepth)
    return {};
  ++depth;
  return llvm::TypeSwitch<Operation *, Known>(op)
      .Case([&](graph::ConstantOp op) { return constantElement(op, index); })
      .Case([&](graph::ShapeOp op) -> Known {
        RankedTensorType input = typeOf(op.getInput());
        if (index >= input.getRank() || input.isDynamicDim(index))
          return {};
        return input.getDimSize(index);
      })
      .Case([&](graph::GatherOp op) { return gathered(op, index, depth); })
      .Case([&](graph::SliceOp op) { return sliced(op, index, depth); })
      .Case([&](graph::ReduceOp op) { return reduced(op, depth); })
      .Case([&](graph::ConcatOp op) { return concatenated(op, index, depth); })
      .Case<graph::ReshapeOp, graph::SqueezeOp, graph::UnsqueezeOp,
            tensor::CastOp>([&](Operation *op) {
        return element(op->getOperand(0), index, depth);
      })
      .Case([&](graph::CastOp op) -> Known {
        Known x = element(op.getX(), index, depth);
        if (!x || !type.getElementType().isInteger(1))
          return x;
        return *x != 0;
      })
      .Case([&](graph::NotOp op) -> Known {
        Known x = element(op.getX(), index, depth);
        if (!x)
          return {};
        return type.getElementType().isInteger(1) ? !*x : ~*x;
      })
      .Case([&](graph::CompareOp op) {
        return binary(op.getOperation(), index, depth,
                      [&](int64_t x, int64_t y) -> Known {
                        return holds(op.getRelation(), x, y);
                      });
      })
      .Case([&](graph::AndOp op) {
        return binary(op.getOperation(), index, depth,
                      [](int64_t x, int64_t y) { return x & y; });
      })
      .Case([&](graph::OrOp op) {
        return binary(op.getOperation(), index, depth,
                      [](int64_t x, int64_t y) { return x | y; });
      })
      .Case([&](graph::AddOp op) {
        return binary(
            op.getOperation(), index, depth,
            [](int64_t x, int64_t y) { return int64_t(uint64_t(x) + y); });
      })
      .Case([&](graph::SubOp op) {
        return binary(
            op.getOperation(), index, depth,
            [](int64_t x, int64_t y) { return int64_t(uint64_t(x) - y); });
      })
      .Case([&](graph::MulOp op) {
        return binary(
            op.getOperation(), index, depth,
            [](int64_t x, int64_t y) { return int64_t(uint64_t(x) * y); });
      })
      .Case([&](graph::DivOp op) {
        return binary(op.getOperation(), index, depth,
                      [](int64_t x, int64_t y) -> Known {
                        if (y == 0 || y == -1)
                          return {};
                        return x / y;
                      });
      })
      .Default([](Operation *) { return Known(); });
}

Known knownElement(Value value, int64_t index) {
  return element(value, index, 0);
}

} // namespace weft::onnx
