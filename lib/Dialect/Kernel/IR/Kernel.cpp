// Registration and verifiers of the kernel dialect.

#include "weft/Dialect/Kernel/IR/Kernel.h"
#include "weft/Dialect/Kernel/IR/Winograd.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace weft::kernel;

#include "weft/Dialect/Kernel/IR/KernelDialect.cpp.inc"

#define GET_OP_CLASSES
#include "weft/Dialect/Kernel/IR/KernelOps.cpp.inc"

void KernelDialect::initialize() {
  addOperations<
#define GET_OP_LIST
#include "weft/Dialect/Kernel/IR/KernelOps.cpp.inc"
      >();
}

//===-- Products
//-------------------------------------------------------------------//

bool weft::kernel::isProduct(Operation *op) {
  return isa<MatMulOp, AttentionOp, ConvOp, WinogradConvOp, DepthwiseConvOp,
             ConvDepthwiseOp>(op);
}

std::string weft::kernel::describeProduct(Operation *op) {
  std::string text;
  llvm::raw_string_ostream os(text);
  os << op->getName().stripDialect();
  auto print = [&](Value value) {
    auto type = dyn_cast<ShapedType>(value.getType());
    if (!type)
      return;
    os << " ";
    for (int64_t extent : type.getShape())
      ShapedType::isDynamic(extent) ? os << "?x" : os << extent << "x";
    type.getElementType().print(os);
  };
  auto destination = cast<DestinationStyleOpInterface>(op);
  unsigned sources = isa<AttentionOp, ConvDepthwiseOp>(op) ? 3 : 2;
  for (Value source : op->getOperands().take_front(sources))
    print(source);
  os << " ->";
  for (Value init : destination.getDpsInits())
    print(init);
  for (NamedAttribute attribute : op->getAttrDictionary()) {
    StringRef name = attribute.getName();
    if (name == "tile" || name == "pads" || name.ends_with("strides") ||
        name.ends_with("dilations")) {
      os << " " << name << " ";
      llvm::interleave(
          cast<DenseI64ArrayAttr>(attribute.getValue()).asArrayRef(), os, ",");
    } else if (auto groups = dyn_cast<IntegerAttr>(attribute.getValue());
               groups && name == "groups") {
      os << " groups " << groups.getInt();
    } else if (isa<UnitAttr>(attribute.getValue()) &&
               (name == "packed" || name == "causal")) {
      os << " " << name;
    }
  }
  return text;
}

//===-- What all destination-style ops share
//--------------------------------------//

using Effects =
    SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>>;

/// Reads every memref input, writes every memref output; nothing on tensors.
template <typename Op>
static void addEffects(Op op, Effects &effects) {
  auto destination = cast<DestinationStyleOpInterface>(op.getOperation());
  for (OpOperand &operand : op->getOpOperands()) {
    if (!isa<MemRefType>(operand.get().getType()))
      continue;
    if (destination.isDpsInit(&operand))
      effects.emplace_back(MemoryEffects::Write::get(), &operand);
    else
      effects.emplace_back(MemoryEffects::Read::get(), &operand);
  }
}

/// A result has the extents of its destination.
template <typename Op>
static LogicalResult reifyFromOutputs(Op op, OpBuilder &b,
                                      ReifiedRankedShapedTypeDims &dims) {
  for (Value output : op.getOutputs())
    if (isa<RankedTensorType>(output.getType()))
      dims.push_back(tensor::getMixedSizes(b, op.getLoc(), output));
  return success();
}

#define WEFT_DESTINATION_COMMON(OP)                                            \
  void OP::getEffects(Effects &effects) { addEffects(*this, effects); }        \
  LogicalResult OP::reifyResultShapes(OpBuilder &b,                            \
                                      ReifiedRankedShapedTypeDims &dims) {     \
    return reifyFromOutputs(*this, b, dims);                                   \
  }
WEFT_DESTINATION_COMMON(LaunchOp)
WEFT_DESTINATION_COMMON(MatMulOp)
WEFT_DESTINATION_COMMON(AttentionOp)
WEFT_DESTINATION_COMMON(ConvOp)
WEFT_DESTINATION_COMMON(WinogradConvOp)
WEFT_DESTINATION_COMMON(DepthwiseConvOp)
WEFT_DESTINATION_COMMON(ConvDepthwiseOp)
#undef WEFT_DESTINATION_COMMON

/// Memory of the run: each op gives its own block.
#define WEFT_ALLOCATION(OP)                                                    \
  void OP::getEffects(Effects &effects) {                                      \
    effects.emplace_back(MemoryEffects::Allocate::get(),                       \
                         getOperation()->getOpResult(0));                      \
  }
WEFT_ALLOCATION(ArenaOp)
WEFT_ALLOCATION(AllocateOp)
#undef WEFT_ALLOCATION

void ReleaseOp::getEffects(Effects &effects) {
  effects.emplace_back(MemoryEffects::Free::get(), &getBufferMutable());
}

/// An output without elements has no writer, but the caller waits for it.
void OutputOp::getEffects(Effects &effects) {
  effects.emplace_back(MemoryEffects::Allocate::get(),
                       getOperation()->getOpResult(0));
  effects.emplace_back(MemoryEffects::Write::get());
}

LogicalResult LaunchOp::verifySymbolUses(SymbolTableCollection &symbols) {
  auto callee =
      symbols.lookupNearestSymbolFrom<func::FuncOp>(*this, getCalleeAttr());
  if (!callee || !callee->hasAttr(kEntryAttr))
    return emitOpError("launches '") << getCallee() << "', which is no kernel";
  auto types = llvm::to_vector(getOperandTypes());
  if (callee.getNumArguments() != types.size())
    return emitOpError("passes ")
           << types.size() << " operands where '" << getCallee() << "' takes "
           << callee.getNumArguments();
  for (auto [i, passed, taken] :
       llvm::enumerate(types, callee.getArgumentTypes()))
    if (passed != taken)
      return emitOpError("operand ") << i << " is " << passed << " where '"
                                     << getCallee() << "' takes " << taken;
  return success();
}

//===-- Products
//-----------------------------------------------------------------------//

/// Checks a region on scalars: its arguments, its yield, and one map for each
/// extra operand.
static LogicalResult verifyRegion(Operation *op, StringRef name, Region &region,
                                  ValueRange extras, ArrayAttr maps,
                                  int64_t loops, Type element) {
  if (maps.size() != extras.size())
    return op->emitOpError("has ")
           << maps.size() << " extra_maps for " << extras.size() << " extras";
  Block &body = region.front();
  if (body.getNumArguments() != 1 + extras.size())
    return op->emitOpError(name)
           << " takes " << body.getNumArguments() << " scalars where "
           << 1 + extras.size() << " are passed";
  for (auto [i, extra, map] :
       llvm::enumerate(extras, maps.getAsValueRange<AffineMapAttr>())) {
    auto type = cast<ShapedType>(extra.getType());
    if (map.getNumDims() != loops ||
        static_cast<int64_t>(map.getNumResults()) != type.getRank())
      return op->emitOpError("map ")
             << i << " is " << AffineMapAttr::get(map) << " where one from "
             << loops << " loops to rank " << type.getRank() << " is needed";
    if (body.getArgument(i + 1).getType() != type.getElementType())
      return op->emitOpError(name)
             << " takes " << body.getArgument(i + 1).getType() << " for extra "
             << i << ", which is of " << type.getElementType();
  }
  Operation *yield = body.getTerminator();
  if (yield->getNumOperands() != 1 || yield->getOperand(0).getType() != element)
    return op->emitOpError(name) << " must yield one " << element;
  return success();
}

/// Checks what the products share.
template <typename Op>
static LogicalResult verifyProduct(Op op, int64_t loops) {
  if (op.getOutputs().size() != 1)
    return op.emitOpError("has ")
           << op.getOutputs().size() << " outputs where 1 is needed";
  return verifyRegion(
      op, "epilogue", op.getEpilogue(), op.getExtras(), op.getExtraMaps(),
      loops, cast<ShapedType>(op.getOutputs()[0].getType()).getElementType());
}

static ShapedType shaped(Value value) {
  return cast<ShapedType>(value.getType());
}

/// True where two extents contradict each other.
static bool clash(int64_t a, int64_t b) {
  return a != b && a != ShapedType::kDynamic && b != ShapedType::kDynamic;
}

bool weft::kernel::isByte(Type type) {
  auto integer = dyn_cast<IntegerType>(type);
  return integer && integer.getWidth() == 8;
}

int64_t weft::kernel::elementsPerStep(Type weightElement) {
  return isByte(weightElement) ? kBytesPerStep : 1;
}

FailureOr<scf::ForallOp> weft::kernel::loopOverItems(func::FuncOp kernel) {
  Block &block = kernel.getBody().front();
  auto loops = llvm::to_vector(block.getOps<scf::ForallOp>());
  if (loops.size() > 1)
    return loops[1].emitError("internal error: is the second loop over work "
                              "items of kernel '")
           << kernel.getSymName() << "'";
  if (loops.size() == 1)
    return loops[0];
  SmallVector<Operation *> body;
  for (Operation &op : block.without_terminator())
    body.push_back(&op);
  OpBuilder b = OpBuilder::atBlockTerminator(&block);
  auto loop = scf::ForallOp::create(b, kernel.getLoc(),
                                    ArrayRef<OpFoldResult>{b.getIndexAttr(1)},
                                    ValueRange(), /*mapping=*/std::nullopt);
  for (Operation *op : body)
    op->moveBefore(loop.getBody()->getTerminator());
  return loop;
}

bool weft::kernel::multipliesBytes(Operation *root) {
  return root
      ->walk([](Operation *op) {
        bool found = isa<MatMulOp, ConvOp>(op) &&
                     isByte(shaped(op->getOperand(1)).getElementType());
        return found ? WalkResult::interrupt() : WalkResult::advance();
      })
      .wasInterrupted();
}

/// Bytes are multiplied with bytes, and their sums are i32.
template <typename Op>
static LogicalResult verifyBytes(Op op, ShapedType lhs, ShapedType rhs) {
  Type x = lhs.getElementType(), w = rhs.getElementType(),
       sum = op.getEpilogue().getArgument(0).getType();
  if (isByte(w) &&
      (!isByte(x) || w.isUnsignedInteger() || !sum.isSignlessInteger(32)))
    return op.emitOpError("multiplies ")
           << x << " with " << w << " into sums of " << sum
           << " where ui8, i8 and i32 are needed";
  return success();
}

LogicalResult MatMulOp::verify() {
  ShapedType lhs = shaped(getLhs()), rhs = shaped(getRhs()),
             out = shaped(getOutputs()[0]);
  if (failed(verifyProduct(*this, out.getRank())))
    return failure();
  int64_t rank = out.getRank();
  if (rank < 2 || lhs.getRank() != rank ||
      rhs.getRank() != (getPacked() ? 3 : rank))
    return emitOpError("has ranks ")
           << lhs.getRank() << " and " << rhs.getRank()
           << " for an output of rank " << rank;
  int64_t k = lhs.getDimSize(rank - 1), n = out.getDimSize(rank - 1);
  if (failed(verifyBytes(*this, lhs, rhs)))
    return failure();
  if (getPacked()) {
    int64_t step = elementsPerStep(rhs.getElementType());
    int64_t steps = ShapedType::isDynamic(k) ? k : llvm::divideCeil(k, step);
    if (rhs.getDimSize(2) != kBlock * step || clash(rhs.getDimSize(1), steps) ||
        n == ShapedType::kDynamic || (steps >= 0 && k % step) ||
        clash(rhs.getDimSize(0), llvm::divideCeil(n, kBlock)))
      return emitOpError("packed rhs is ")
             << rhs << " where [" << llvm::divideCeil(n, kBlock) << ", "
             << steps << ", " << kBlock * step << "] is needed";
  } else if (clash(rhs.getDimSize(rank - 2), k) ||
             clash(rhs.getDimSize(rank - 1), n)) {
    return emitOpError("rhs is ")
           << rhs << " where [.., " << k << ", " << n << "] is needed";
  }
  if (clash(lhs.getDimSize(rank - 2), out.getDimSize(rank - 2)))
    return emitOpError("lhs has ")
           << lhs.getDimSize(rank - 2) << " rows where the output has "
           << out.getDimSize(rank - 2);
  return success();
}

LogicalResult AttentionOp::verify() {
  SmallVector<SmallVector<int64_t>> shapes;
  if (getSwapped().size() != 4)
    return emitOpError("swapped has ")
           << getSwapped().size() << " entries where 4 are needed";
  if (failed(verifyProduct(*this, 4)))
    return failure();
  for (auto [operand, swapped] :
       llvm::zip(std::array<Value, 4>{getQuery(), getKey(), getValue(),
                                      getOutputs()[0]},
                 getSwapped())) {
    SmallVector<int64_t> shape(shaped(operand).getShape());
    if (shape.size() != 4)
      return emitOpError("has an operand of rank ")
             << shape.size() << " where 4 is needed";
    if (swapped)
      std::swap(shape[1], shape[2]);
    shapes.push_back(shape);
  }
  enum { kBatch, kHeads, kRows, kDepth };
  ArrayRef<int64_t> q = shapes[0], k = shapes[1], v = shapes[2], y = shapes[3];
  for (int64_t depth : {q[kDepth], v[kDepth]})
    if (depth == ShapedType::kDynamic)
      return emitOpError("needs static depths of query and value");
  auto divides = [](int64_t few, int64_t many) {
    return few == ShapedType::kDynamic || many == ShapedType::kDynamic ||
           (few > 0 && many % few == 0);
  };
  if (clash(q[kBatch], y[kBatch]) || clash(q[kHeads], y[kHeads]) ||
      clash(q[kRows], y[kRows]) || clash(q[kDepth], k[kDepth]) ||
      clash(v[kDepth], y[kDepth]) || clash(k[kRows], v[kRows]) ||
      clash(k[kHeads], v[kHeads]) || !divides(k[kHeads], q[kHeads]))
    return emitOpError("query ")
           << getQuery().getType() << ", key " << getKey().getType()
           << ", value " << getValue().getType() << " and output "
           << getOutputs()[0].getType() << " do not fit";
  return success();
}

/// True where `parts` parts of `part` channels cannot be all that `blocks`
/// blocks of `block` channels hold, up to the padding of the last block.
static bool misfit(int64_t blocks, int64_t block, int64_t parts, int64_t part) {
  if (ShapedType::isDynamic(block) || ShapedType::isDynamic(part))
    return false;
  if (part == 0 || block % part)
    return true;
  return clash(blocks, ShapedType::isDynamic(parts)
                           ? parts
                           : llvm::divideCeil(parts * part, block));
}

LogicalResult ConvOp::verify() {
  ShapedType in = shaped(getInput()), weight = shaped(getWeight()),
             out = shaped(getOutputs()[0]);
  if (failed(verifyProduct(*this, out.getRank())))
    return failure();
  int64_t spatial = in.getRank() - 3;
  if (spatial < 1 || out.getRank() != in.getRank() ||
      weight.getRank() != spatial + 4)
    return emitOpError("has ranks ") << in.getRank() << ", " << weight.getRank()
                                     << " and " << out.getRank();
  if (static_cast<int64_t>(getStrides().size()) != spatial ||
      static_cast<int64_t>(getDilations().size()) != spatial)
    return emitOpError("has ")
           << getStrides().size() << " strides and " << getDilations().size()
           << " dilations for " << spatial << " spatial dimensions";
  int64_t groups = getGroups();
  int64_t parts = weight.getDimSize(1);
  if (failed(verifyBytes(*this, in, weight)))
    return failure();
  int64_t step = elementsPerStep(weight.getElementType()),
          part = weight.getDimSize(spatial + 2);
  if (groups < 1 ||
      misfit(in.getDimSize(1), in.getShape().back(),
             ShapedType::isDynamic(parts) ? parts : groups * parts,
             ShapedType::isDynamic(part) ? part : part * step) ||
      clash(out.getDimSize(1), weight.getDimSize(0)) ||
      weight.getDimSize(0) % groups ||
      weight.getShape().back() != kBlock * step ||
      out.getShape().back() != kBlock)
    return emitOpError("input ")
           << in << ", weight " << weight << " and output " << out
           << " do not fit " << groups << " groups";
  return success();
}

LogicalResult WinogradConvOp::verify() {
  ShapedType in = shaped(getInput()), weight = shaped(getWeight()),
             out = shaped(getOutputs()[0]);
  if (failed(verifyProduct(*this, out.getRank())))
    return failure();
  int64_t spatial = getTile().size();
  if (spatial < 1 || spatial > 3 || in.getRank() != spatial + 3 ||
      out.getRank() != spatial + 3 || weight.getRank() != 4)
    return emitOpError("has ranks ")
           << in.getRank() << ", " << weight.getRank() << " and "
           << out.getRank() << " and " << spatial
           << " tile extents; spatial dimensions are 1, 2 or 3";
  if (spatial == 3 && (getTile()[0] != 1 || in.isDynamicDim(1)))
    return emitOpError("has a tile extent of ")
           << getTile()[0] << " along the first of three dimensions and input "
           << in << "; 1 and a known number of channels are needed";
  if (static_cast<int64_t>(getPads().size()) != spatial ||
      static_cast<int64_t>(getDilations().size()) != spatial)
    return emitOpError("has ")
           << getPads().size() << " pads and " << getDilations().size()
           << " dilations for " << spatial << " spatial dimensions";
  int64_t positions = 1, groups = getGroups();
  for (auto [extent, pad, dilation] :
       llvm::zip(getTile(), getPads(), getDilations())) {
    if ((extent != 1 && extent != 2 && extent != 4) || pad < 0 || dilation < 1)
      return emitOpError("has a tile extent of ")
             << extent << ", a pad of " << pad << " and a dilation of "
             << dilation
             << "; extents are 1, 2 or 4, pads 0 and dilations 1 at least";
    positions *= winogradPositions(extent);
  }
  int64_t channels = weight.getDimSize(2);
  // Along the first of three dimensions the window adds to the channels.
  bool fitsChannels =
      spatial < 3 ? !clash(in.getDimSize(1), groups * channels / kBlock)
                  : in.getDimSize(1) > 0 &&
                        groups * channels % (in.getDimSize(1) * kBlock) == 0;
  if (groups < 1 || !weight.hasStaticShape() || channels % kBlock ||
      !fitsChannels || clash(out.getDimSize(1), weight.getDimSize(0)) ||
      weight.getDimSize(0) % groups || weight.getDimSize(1) != positions ||
      clash(in.getDimSize(0), out.getDimSize(0)) ||
      in.getShape().back() != kBlock || weight.getShape().back() != kBlock ||
      out.getShape().back() != kBlock)
    return emitOpError("input ")
           << in << ", weight " << weight << " and output " << out
           << " do not fit " << groups << " groups and " << positions
           << " positions";
  return success();
}

LogicalResult DepthwiseConvOp::verify() {
  ShapedType in = shaped(getInput()), weight = shaped(getWeight()),
             out = shaped(getOutputs()[0]);
  if (failed(verifyProduct(*this, out.getRank())))
    return failure();
  int64_t spatial = in.getRank() - 3;
  if (spatial < 1 || out.getRank() != in.getRank() ||
      weight.getRank() != spatial + 2 ||
      static_cast<int64_t>(getStrides().size()) != spatial ||
      static_cast<int64_t>(getDilations().size()) != spatial ||
      clash(in.getDimSize(1), out.getDimSize(1)) ||
      clash(in.getDimSize(1), weight.getDimSize(0)) ||
      weight.getShape().back() != kBlock || in.getShape().back() != kBlock ||
      out.getShape().back() != kBlock)
    return emitOpError("input ") << in << ", weight " << weight
                                 << " and output " << out << " do not fit";
  return success();
}

/// Positions that a window takes along one dimension.
static int64_t positionsOf(int64_t extent, int64_t window, int64_t stride,
                           int64_t dilation) {
  int64_t rest = extent - (window - 1) * dilation - 1;
  return rest < 0 ? 0 : rest / stride + 1;
}

SmallVector<int64_t> ConvDepthwiseOp::getBetweenExtents() {
  ArrayRef<int64_t> in = shaped(getInput()).getShape(),
                    window = shaped(getWeight()).getShape().drop_front(2);
  SmallVector<int64_t> extents;
  for (auto [i, stride, dilation] :
       llvm::enumerate(getStrides(), getDilations()))
    extents.push_back(positionsOf(in[2 + i], window[i], stride, dilation));
  return extents;
}

LogicalResult ConvDepthwiseOp::verify() {
  ShapedType in = shaped(getInput()), weight = shaped(getWeight()),
             depthwise = shaped(getDepthwise()), out = shaped(getOutputs()[0]);
  int64_t rank = in.getRank();
  if (failed(verifyProduct(*this, out.getRank())) ||
      failed(verifyRegion(*this, "between", getBetween(), getBetweenExtras(),
                          getBetweenMaps(), out.getRank(),
                          out.getElementType())))
    return failure();
  size_t spatial = std::max<int64_t>(rank - 3, 0);
  if (spatial < 1 || out.getRank() != rank || weight.getRank() != rank + 1 ||
      depthwise.getRank() != rank - 1)
    return emitOpError("has ranks ")
           << rank << ", " << weight.getRank() << ", " << depthwise.getRank()
           << " and " << out.getRank();
  if (getStrides().size() != spatial || getDilations().size() != spatial ||
      getDepthwiseStrides().size() != spatial ||
      getDepthwiseDilations().size() != spatial ||
      getPads().size() != 2 * spatial)
    return emitOpError("needs strides and dilations for ")
           << spatial << " spatial dimensions, and twice as many pads";
  auto isKnown = [](ShapedType type) {
    return !llvm::is_contained(type.getShape().drop_front(),
                               ShapedType::kDynamic);
  };
  if (!isKnown(in) || !isKnown(out) || !weight.hasStaticShape() ||
      !depthwise.hasStaticShape())
    return emitOpError("needs static extents behind the batch");
  bool fits = !clash(in.getDimSize(0), out.getDimSize(0)) &&
              !misfit(in.getDimSize(1), in.getShape().back(),
                      weight.getDimSize(1), weight.getDimSize(rank - 1)) &&
              weight.getDimSize(0) == out.getDimSize(1) &&
              depthwise.getDimSize(0) == out.getDimSize(1) &&
              weight.getShape().back() == kBlock &&
              depthwise.getShape().back() == kBlock &&
              out.getShape().back() == kBlock &&
              llvm::all_of(getPads(), [](int64_t pad) { return pad >= 0; });
  for (auto [i, extent] : llvm::enumerate(getBetweenExtents()))
    fits =
        fits &&
        out.getDimSize(2 + i) ==
            positionsOf(extent + getPads()[i] + getPads()[spatial + i],
                        depthwise.getDimSize(1 + i), getDepthwiseStrides()[i],
                        getDepthwiseDilations()[i]);
  if (!fits)
    return emitOpError("input ")
           << in << ", weight " << weight << ", depthwise " << depthwise
           << " and output " << out << " do not fit";
  return success();
}
