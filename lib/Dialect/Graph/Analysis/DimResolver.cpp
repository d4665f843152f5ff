// Resolution runs from operands to results with an explicit stack, since models
// are deep. An op's own reification asks for extents of its operands; those
// tensor.dim ops are replaced by what was resolved before.

#include "weft/Dialect/Graph/Analysis/DimResolver.h"
#include "weft/Dialect/Graph/IR/Graph.h"
#include "weft/Dialect/Graph/IR/Shapes.h"

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

using namespace mlir;

namespace weft::graph {

StringAttr dimSymbol(BlockArgument argument, int64_t i) {
  auto func = dyn_cast<FunctionOpInterface>(argument.getOwner()->getParentOp());
  if (!func || !argument.getOwner()->isEntryBlock())
    return {};
  auto names = func.getArgAttrOfType<ArrayAttr>(argument.getArgNumber(),
                                                "graph.symbols");
  if (!names || i >= static_cast<int64_t>(names.size()))
    return {};
  auto name = dyn_cast<StringAttr>(names[i]);
  return name && !name.empty() ? name : StringAttr();
}

/// Extents read from the tensor itself; the builder stands where it is defined.
DimResolver::Dims DimResolver::readDims(Value tensor) {
  RankedTensorType type = tensorType(tensor);
  Dims dims;
  for (int64_t i = 0; i < type.getRank(); ++i)
    if (type.isDynamicDim(i))
      dims.push_back(
          tensor::DimOp::create(b, tensor.getLoc(), tensor, i).getResult());
    else
      dims.push_back(b.getIndexAttr(type.getDimSize(i)));
  return dims;
}

/// The scf.for that `op` is, where it has `graph.invariant_shapes`.
static scf::ForOp keepsShapes(Operation *op) {
  auto loop = dyn_cast_or_null<scf::ForOp>(op);
  return loop && loop->hasAttr("graph.invariant_shapes") ? loop : scf::ForOp();
}

/// All arguments of a block at once, so that a name stands for the first
/// extent that carries it.
void DimResolver::ofArguments(Block *block) {
  // A loop that says so carries tensors of one shape through its iterations.
  if (auto loop = keepsShapes(block->getParentOp()))
    for (auto [argument, init] :
         llvm::zip(loop.getRegionIterArgs(), loop.getInitArgs()))
      if (isa<RankedTensorType>(argument.getType())) {
        Dims extents(dims(init));
        known[argument] = extents;
      }
  b.setInsertionPointToStart(block);
  for (BlockArgument argument : block->getArguments()) {
    if (!isa<RankedTensorType>(argument.getType()) || known.contains(argument))
      continue;
    Dims dims = readDims(argument);
    for (auto [i, dim] : llvm::enumerate(dims))
      if (StringAttr name = isa<Value>(dim) ? dimSymbol(argument, i) : nullptr)
        dim = symbols.try_emplace(name, dim).first->second;
    known[argument] = dims;
  }
}

SmallVector<Value> DimResolver::inputsOf(Operation *op) {
  SmallVector<Value> inputs;
  if (isa<ReifyRankedShapedTypeOpInterface>(op) || isa<tensor::CastOp>(op) ||
      keepsShapes(op))
    for (Value operand : op->getOperands())
      if (isa<RankedTensorType>(operand.getType()))
        inputs.push_back(operand);
  return inputs;
}

void DimResolver::ofResults(Operation *op) {
  b.setInsertionPointAfter(op);
  if (auto cast = dyn_cast<tensor::CastOp>(op)) {
    Dims dims = known.lookup(cast.getSource());
    RankedTensorType type = tensorType(cast);
    for (int64_t i = 0; i < type.getRank(); ++i)
      if (!type.isDynamicDim(i))
        dims[i] = b.getIndexAttr(type.getDimSize(i));
    known[cast] = dims;
    return;
  }
  if (scf::ForOp loop = keepsShapes(op)) {
    for (auto [result, init] : llvm::zip(loop.getResults(), loop.getInitArgs()))
      if (isa<RankedTensorType>(result.getType())) {
        Dims extents = known.lookup(init);
        known[result] = extents;
      }
    return;
  }
  size_t first = created.size();
  ReifiedRankedShapedTypeDims reified;
  auto reify = dyn_cast<ReifyRankedShapedTypeOpInterface>(op);
  bool dynamic = llvm::any_of(op->getResultTypes(), [](Type type) {
    auto tensor = dyn_cast<RankedTensorType>(type);
    return tensor && !tensor.hasStaticShape();
  });
  if (!reify || !dynamic || failed(reify.reifyResultShapes(b, reified))) {
    for (Value result : op->getResults())
      if (isa<RankedTensorType>(result.getType()))
        known[result] = readDims(result);
    return;
  }
  // What was asked of an operand is known.
  DenseMap<Value, OpFoldResult> resolved;
  for (size_t i = first; i < created.size(); ++i) {
    auto dim = dyn_cast_or_null<tensor::DimOp>(created[i]);
    auto found = dim ? known.find(dim.getSource()) : known.end();
    if (found == known.end() || !dim.getConstantIndex())
      continue;
    OpFoldResult extent = found->second[*dim.getConstantIndex()];
    resolved[dim] = extent;
    if (auto value = dyn_cast<Value>(extent); value && value != dim.getResult())
      dim.getResult().replaceAllUsesWith(value);
  }
  size_t next = 0;
  for (Value result : op->getResults()) {
    if (!isa<RankedTensorType>(result.getType()))
      continue;
    Dims dims(reified[next++]);
    for (OpFoldResult &dim : dims) {
      auto value = dyn_cast<Value>(dim);
      if (value && resolved.contains(value))
        dim = resolved[value];
      if (std::optional<int64_t> constant = getConstantIntValue(dim))
        dim = b.getIndexAttr(*constant);
    }
    known[result] = dims;
  }
}

ArrayRef<OpFoldResult> DimResolver::dims(Value tensor) {
  SmallVector<Value> stack = {tensor};
  while (!stack.empty()) {
    Value value = stack.back();
    if (known.contains(value)) {
      stack.pop_back();
      continue;
    }
    Operation *op = value.getDefiningOp();
    if (!op) {
      ofArguments(value.getParentBlock());
      continue;
    }
    size_t before = stack.size();
    for (Value input : inputsOf(op))
      if (!known.contains(input))
        stack.push_back(input);
    if (stack.size() == before)
      ofResults(op);
  }
  return known.find(tensor)->second;
}

void DimResolver::eraseUnused() {
  for (Operation *op : llvm::reverse(created))
    if (isOpTriviallyDead(op))
      op->erase();
  created.clear();
  known.clear();
}

} // namespace weft::graph
