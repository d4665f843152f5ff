// Turns groups of ops into kernel functions. What is known at compile time goes
// along into the kernel: splat constants, and shapes, pads and bounds, whose
// unknown elements become index arguments. Everything else is an argument.

#include "Outline.h"
#include "CountWork.h"

#include "ShareBuffers.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/Transforms/RegionUtils.h"
#include "weft/Dialect/Graph/IR/Fourier.h"
#include "weft/Dialect/Graph/IR/Graph.h"
#include "weft/Dialect/Graph/IR/Shapes.h"
#include "weft/Dialect/Kernel/IR/Kernel.h"
#include "weft/Support/Location.h"

using namespace mlir;

namespace weft::kernel {

static bool isUnitStep(graph::SliceOp slice) {
  auto steps = graph::constantInts(slice.getSteps());
  return steps && llvm::all_of(*steps, [](int64_t step) { return step == 1; });
}

Family familyOf(Operation *op) {
  if (isa<graph::ScalarBody>(op))
    return Family::Elementwise;
  if (isa<graph::ReduceOp, graph::ArgReduceOp, graph::SoftmaxOp,
          graph::LayerNormOp>(op))
    return Family::RowWise;
  if (isa<graph::PoolOp>(op))
    return Family::Window;
  if (isa<graph::MatMulOp, graph::ConvOp, graph::ConvTransposeOp, MatMulOp,
          ConvOp, WinogradConvOp, DepthwiseConvOp, ConvDepthwiseOp>(op))
    return Family::Product;
  if (isa<AttentionOp, graph::ButterflyOp>(op))
    return Family::Alone;
  if (auto slice = dyn_cast<graph::SliceOp>(op))
    return isUnitStep(slice) ? Family::None : Family::Movement;
  if (isa<graph::TransposeOp, graph::ExpandOp, graph::TileOp, graph::PadOp,
          graph::GatherOp, graph::PackOp, graph::UnpackOp, graph::IotaOp,
          graph::CumSumOp, graph::ScatterOp, graph::TopKOp,
          graph::NonMaxSuppressionOp, graph::DetOp, graph::TreeEnsembleOp>(op))
    return Family::Movement;
  return Family::None;
}

/// True where the operand is a list of extents, bounds or pads.
static bool isShapeOperand(OpOperand &operand) {
  Operation *op = operand.getOwner();
  unsigned i = operand.getOperandNumber();
  return i > 0 && (isa<graph::SliceOp, graph::ExpandOp, graph::TileOp>(op) ||
                   (isa<graph::PadOp, graph::TopKOp>(op) && i == 1));
}

static bool isSplatConstant(Value value) {
  DenseElementsAttr elements;
  return matchPattern(value, m_Constant(&elements)) && elements.isSplat();
}

/// True where the constant `operand` is known to the kernel's code.
static bool goesAlong(OpOperand &operand) {
  Operation *producer = operand.get().getDefiningOp();
  if (!producer || !isa<graph::ConstantOp>(producer))
    return false;
  if (isShapeOperand(operand))
    return true;
  bool scalar = isa<graph::ScalarBody>(operand.getOwner()) ||
                isa<graph::ExpandOp>(operand.getOwner()) ||
                (isa<graph::PadOp>(operand.getOwner()) &&
                 operand.getOperandNumber() == 2);
  return scalar && isSplatConstant(operand.get());
}

static bool isOutput(OpOperand &operand) {
  auto destination = dyn_cast<DestinationStyleOpInterface>(operand.getOwner());
  return destination && destination.isDpsInit(&operand);
}

/// "conv_add_relu"; of many ops the first ones and how many more there are.
static std::string nameOf(const Group &group) {
  constexpr size_t kNamed = 4;
  std::string name;
  for (Operation *op : ArrayRef(group.ops).take_front(kNamed))
    name += (name.empty() ? "" : "_") + op->getName().stripDialect().str();
  if (group.ops.size() > kNamed)
    name += "_and_" + std::to_string(group.ops.size() - kNamed);
  return name;
}

namespace {

/// Builds one kernel: finds its inputs, then copies the ops.
struct KernelBuilder {
  const Group &group;
  Extents &extents;
  OpBuilder main; // At the group's root, in the caller.
  SmallVector<Value> inputs, outputs;
  llvm::SmallSetVector<Value, 8> tensors;

  KernelBuilder(const Group &group, Extents &extents)
      : group(group), extents(extents), main(group.root()) {
    for (Operation *op : group.ops)
      for (OpOperand &operand : op->getOpOperands())
        addInput(operand);
    inputs.append(tensors.begin(), tensors.end());
    for (auto &[shape, elements] : shapes)
      for (OpFoldResult element : elements)
        if (auto value = dyn_cast<Value>(element))
          inputs.push_back(value);
    for (Value result : group.root()->getResults())
      outputs.push_back(tensor::EmptyOp::create(
          main, result.getLoc(), extents.all(result),
          cast<RankedTensorType>(result.getType()).getElementType()));
  }

  void addInput(OpOperand &operand) {
    Value value = operand.get();
    Operation *producer = value.getDefiningOp();
    if ((producer && group.contains(producer)) || goesAlong(operand) ||
        isOutput(operand))
      return;
    if (!isShapeOperand(operand)) {
      tensors.insert(value);
      return;
    }
    if (llvm::is_contained(llvm::make_first_range(shapes), value))
      return;
    graph::DimBuilder d(main, operand.getOwner()->getLoc());
    SmallVector<OpFoldResult> elements;
    for (int64_t i = 0, e = graph::tensorType(value).getDimSize(0); i < e; ++i)
      elements.push_back(d.element(value, i));
    shapes.push_back({value, elements});
  }

  func::FuncOp build(Location loc) {
    SmallVector<Type> types = llvm::to_vector(ValueRange(inputs).getTypes());
    llvm::append_range(types, ValueRange(outputs).getTypes());
    OpBuilder b(main.getContext());
    auto type = b.getFunctionType(types, group.root()->getResultTypes());
    auto function = func::FuncOp::create(b, loc, "kernel", type);
    function.setPrivate();
    function->setAttr(kEntryAttr, b.getUnitAttr());
    b.setInsertionPointToStart(function.addEntryBlock());
    IRMapping values;
    for (auto [input, argument] : llvm::zip(inputs, function.getArguments()))
      values.map(input, argument);
    unsigned next = tensors.size();
    for (auto &[shape, elements] : shapes)
      values.map(shape, shapeTensor(b, loc, function, elements, next));
    for (Operation *op : group.ops)
      copy(op, b, function, values);
    SmallVector<Value> results;
    for (Value result : group.root()->getResults())
      results.push_back(values.lookup(result));
    func::ReturnOp::create(b, loc, results);
    return function;
  }

private:
  /// The tensor of `elements`, of which those that are not constant are the
  /// arguments from number `next` on.
  static Value shapeTensor(OpBuilder &b, Location loc, func::FuncOp function,
                           ArrayRef<OpFoldResult> elements, unsigned &next) {
    SmallVector<Value> ints;
    for (OpFoldResult element : elements) {
      if (auto known = getConstantIntValue(element))
        ints.push_back(arith::ConstantIntOp::create(b, loc, *known, 64));
      else
        ints.push_back(arith::IndexCastOp::create(
            b, loc, b.getI64Type(), function.getArgument(next++)));
    }
    return tensor::FromElementsOp::create(b, loc, ints);
  }

  void copy(Operation *op, OpBuilder &b, func::FuncOp function,
            IRMapping &values) {
    for (OpOperand &operand : op->getOpOperands()) {
      if (goesAlong(operand) && !values.contains(operand.get()))
        values.map(operand.get(),
                   b.clone(*operand.get().getDefiningOp())->getResult(0));
      if (isOutput(operand))
        values.map(operand.get(), destination(op, b, function));
    }
    // Canonicalization moves constants out of regions.
    llvm::SetVector<Value> captured;
    getUsedValuesDefinedAbove(op->getRegions(), captured);
    for (Value value : captured)
      if (matchPattern(value, m_Constant()) && !values.contains(value))
        values.map(value, b.clone(*value.getDefiningOp())->getResult(0));
    b.clone(*op, values);
  }

  /// Where a product writes: the kernel's output, which has the same shape as
  /// fusion follows no product otherwise, or a tensor of another element type.
  Value destination(Operation *product, OpBuilder &b, func::FuncOp function) {
    Value out = function.getArguments().back();
    Type type = product->getResult(0).getType();
    if (out.getType() == type)
      return out;
    return tensor::EmptyOp::create(
        b, product->getLoc(), tensor::getMixedSizes(b, product->getLoc(), out),
        cast<RankedTensorType>(type).getElementType());
  }

  /// Shape operands that are not constant, with their elements.
  SmallVector<std::pair<Value, SmallVector<OpFoldResult>>> shapes;
};

} // namespace

func::FuncOp Outliner::addKernel(func::FuncOp made, bool hasMessages) {
  std::string name = made.getSymName().str(), text;
  made.setSymName("kernel");
  llvm::raw_string_ostream os(text);
  OpPrintingFlags flags;
  // Messages name the node, so kernels that have some are equal only if their
  // locations are.
  if (hasMessages)
    flags.enableDebugInfo();
  made.print(os, flags.useLocalScope());
  func::FuncOp &entry = known[text];
  if (entry) {
    made.erase();
    return entry;
  }
  made.setSymName(name + "_" + std::to_string(known.size() - 1));
  symbols.insert(made);
  return entry = made;
}

LaunchOp Outliner::launch(OpBuilder &b, func::FuncOp made, ValueRange inputs,
                          ValueRange outputs, bool hasMessages) {
  Location loc = made.getLoc();
  func::FuncOp kernel = addKernel(made, hasMessages);
  auto launch = LaunchOp::create(b, loc, TypeRange(outputs),
                                 kernel.getSymName(), inputs, outputs);
  SmallVector<StringRef> nodes;
  for (NodeRef node : nodesOf(loc))
    nodes.push_back(node.name);
  if (!nodes.empty())
    launch->setAttr("kernel.nodes", b.getStrArrayAttr(nodes));
  ++numLaunches;
  return launch;
}

void Outliner::outline(const Group &group) {
  KernelBuilder builder(group, extents);
  SmallVector<Location> locations;
  for (Operation *op : group.ops)
    locations.push_back(op->getLoc());
  Operation *root = group.root();
  Location loc = FusedLoc::get(module.getContext(), locations);
  func::FuncOp made = builder.build(loc);
  made.setSymName(nameOf(group));
  bool hasMessages = llvm::any_of(group.ops, [](Operation *op) {
    return isa<graph::GatherOp, graph::ScatterOp, graph::TopKOp>(op);
  });
  LaunchOp launched =
      launch(builder.main, made, builder.inputs, builder.outputs, hasMessages);
  countWork(group, launched);
  if (group.ops.size() == 1 && isa<graph::CopyOp>(root))
    launched->setAttr(kCopyAttr, builder.main.getUnitAttr());
  for (auto [old, now] : llvm::zip(root->getResults(), launched.getResults()))
    extents.setSame(now, old);
  root->replaceAllUsesWith(launched.getResults());
  for (Operation *op : llvm::reverse(group.ops))
    op->erase();
}

} // namespace weft::kernel
