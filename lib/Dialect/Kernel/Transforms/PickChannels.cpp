// Splits, concatenations and shuffles of channels that do not keep blocks whole
// would unpack, move and pack again. A pack needs only to know where each of
// its channels comes from: it is followed back to blocked tensors, and a kernel
// assembles each block of the result from the blocks that hold its channels, by
// shuffles that are constants. What lies between is not computed unless
// something else reads it.

#include "PickChannels.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "weft/Dialect/Graph/IR/Graph.h"
#include "weft/Dialect/Graph/IR/Shapes.h"
#include "weft/Dialect/Kernel/IR/Kernel.h"

using namespace mlir;

namespace weft::kernel {
namespace {

using Dims = SmallVector<OpFoldResult>;

/// The axis of the channels, in blocked tensors of their blocks.
constexpr int64_t kChannels = 1;
/// The code grows with the channels: more are left to loops.
constexpr size_t kMostChannels = 4096;

/// One channel of a blocked tensor.
struct Channel {
  Value source;
  int64_t number;
};
using Channels = SmallVector<Channel>;

/// The channels (axis 1) of a plain tensor, if they lie in blocked tensors with
/// its other extents.
std::optional<Channels> channelsOf(Value plain);

std::optional<Channels> pick(const std::optional<Channels> &from,
                             ArrayRef<int64_t> numbers) {
  if (!from)
    return std::nullopt;
  Channels picked;
  for (int64_t number : numbers)
    picked.push_back((*from)[number]);
  return picked;
}

std::optional<Channels> channelsOf(graph::UnpackOp unpack) {
  if (unpack.getAxis() != kChannels ||
      graph::tensorType(unpack.getInput()).getShape().back() != kBlock)
    return std::nullopt;
  Channels all;
  for (int64_t i = 0, e = unpack.getExtent(); i < e; ++i)
    all.push_back({unpack.getInput(), i});
  return all;
}

/// collapse(unpack(expand(x))): groups of channels, each with a last block that
/// it does not fill.
std::optional<Channels> channelsOf(tensor::CollapseShapeOp join) {
  auto unpack = join.getSrc().getDefiningOp<graph::UnpackOp>();
  auto split = unpack ? unpack.getInput().getDefiningOp<tensor::ExpandShapeOp>()
                      : nullptr;
  if (!split || unpack.getAxis() != kChannels + 1)
    return std::nullopt;
  RankedTensorType blocked = graph::tensorType(split.getSrc()),
                   groups = graph::tensorType(split.getResult()),
                   plain = graph::tensorType(join.getResult());
  int64_t count = groups.getDimSize(kChannels),
          blocks = groups.getDimSize(kChannels + 1),
          extent = unpack.getExtent();
  if (blocked.getShape().back() != kBlock ||
      groups.getRank() != blocked.getRank() + 1 ||
      plain.getRank() + 1 != blocked.getRank() ||
      ShapedType::isDynamic(count) ||
      blocked.getDimSize(kChannels) != count * blocks ||
      plain.getDimSize(kChannels) != count * extent)
    return std::nullopt;
  Channels all;
  for (int64_t i = 0; i < count * extent; ++i)
    all.push_back({split.getSrc(), i / extent * blocks * kBlock + i % extent});
  return all;
}

std::optional<Channels> channelsOf(graph::ConcatOp concat) {
  if (concat.getAxis() != kChannels)
    return std::nullopt;
  Channels all;
  for (Value input : concat.getInputs()) {
    std::optional<Channels> some = channelsOf(input);
    if (!some)
      return std::nullopt;
    llvm::append_range(all, *some);
  }
  return all;
}

std::optional<Channels> channelsOf(graph::SliceOp slice) {
  auto starts = graph::constantInts(slice.getStarts()),
       steps = graph::constantInts(slice.getSteps());
  int64_t count = slice.getType().getDimSize(kChannels),
          extent = graph::tensorType(slice.getInput()).getDimSize(kChannels);
  if (slice.getAxes() != ArrayRef<int64_t>{kChannels} || !starts || !steps ||
      ShapedType::isDynamic(count) || ShapedType::isDynamic(extent) ||
      extent == 0)
    return std::nullopt;
  int64_t first = starts->front(), step = steps->front();
  first = std::clamp<int64_t>(first < 0 ? first + extent : first, 0,
                              step > 0 ? extent : extent - 1);
  SmallVector<int64_t> numbers;
  for (int64_t i = 0; i < count; ++i)
    numbers.push_back(first + i * step);
  return pick(channelsOf(slice.getInput()), numbers);
}

/// reshape(transpose(reshape(x))) that splits the channels in two axes, swaps
/// these and joins them again.
std::optional<Channels> channelsOf(graph::ReshapeOp join) {
  auto swap = join.getInput().getDefiningOp<graph::TransposeOp>();
  auto split =
      swap ? swap.getInput().getDefiningOp<graph::ReshapeOp>() : nullptr;
  if (!split)
    return std::nullopt;
  ArrayRef<int64_t> from = graph::tensorType(split.getInput()).getShape(),
                    halves = split.getType().getShape();
  if (from.size() < 2 || halves.size() != from.size() + 1 ||
      join.getType().getShape() != from || halves[0] != from[0] ||
      halves.drop_front(3) != from.drop_front(2) ||
      llvm::count_if(from, ShapedType::isDynamic) > 1 ||
      halves[1] * halves[2] != from[1] || ShapedType::isDynamic(from[1]))
    return std::nullopt;
  SmallVector<int64_t> wanted =
      llvm::to_vector(llvm::seq<int64_t>(0, halves.size()));
  std::swap(wanted[1], wanted[2]);
  if (swap.getPermutation() != ArrayRef<int64_t>(wanted))
    return std::nullopt;
  SmallVector<int64_t> numbers;
  for (int64_t j = 0; j < halves[2]; ++j)
    for (int64_t i = 0; i < halves[1]; ++i)
      numbers.push_back(i * halves[2] + j);
  return pick(channelsOf(split.getInput()), numbers);
}

std::optional<Channels> channelsOf(graph::GatherOp gather) {
  auto numbers = graph::constantInts(gather.getIndices());
  if (gather.getAxis() != kChannels || !numbers ||
      graph::tensorType(gather.getIndices()).getRank() != 1)
    return std::nullopt;
  int64_t extent = graph::tensorType(gather.getData()).getDimSize(kChannels);
  if (ShapedType::isDynamic(extent))
    return std::nullopt;
  for (int64_t &number : *numbers) {
    number = number < 0 ? number + extent : number;
    if (number < 0 || number >= extent)
      return std::nullopt; // The run reports it.
  }
  return pick(channelsOf(gather.getData()), *numbers);
}

std::optional<Channels> channelsOf(Value plain) {
  Operation *op = plain.getDefiningOp();
  if (!op || cast<RankedTensorType>(plain.getType()).getRank() < 3)
    return std::nullopt;
  return llvm::TypeSwitch<Operation *, std::optional<Channels>>(op)
      .Case<graph::UnpackOp, graph::ConcatOp, graph::SliceOp, graph::ReshapeOp,
            graph::GatherOp, tensor::CollapseShapeOp>(
          [](auto found) { return channelsOf(found); })
      .Default([](Operation *) { return std::nullopt; });
}

/// Builds the kernel: one work item is the last spatial axis at one place.
class PickBuilder {
public:
  PickBuilder(Location loc, RankedTensorType type, const Channels &channels)
      : b(loc, type.getContext()), type(type), channels(channels) {
    for (const Channel &channel : channels)
      sources.insert(channel.source);
  }

  func::FuncOp build();
  ArrayRef<Value> inputs() const { return sources.getArrayRef(); }

private:
  Value block(int64_t number);
  Value load(Value source, int64_t number);

  ImplicitLocOpBuilder b;
  RankedTensorType type;
  const Channels &channels;
  llvm::SmallSetVector<Value, 4> sources;
  SmallVector<Value> arguments;
  SmallVector<Value> place; ///< batch and spatial indices
  /// Of one pixel: the blocks that were loaded already.
  llvm::DenseMap<std::pair<Value, int64_t>, Value> loaded;
};

/// Block `number` of a source at the place.
Value PickBuilder::load(Value source, int64_t number) {
  Value &value = loaded[{source, number}];
  if (value)
    return value;
  SmallVector<Value> indices = {place[0],
                                arith::ConstantIndexOp::create(b, number)};
  llvm::append_range(indices, ArrayRef(place).drop_front());
  indices.push_back(arith::ConstantIndexOp::create(b, 0));
  auto vector = VectorType::get({kBlock}, type.getElementType());
  Value padding =
      arith::ConstantOp::create(b, b.getZeroAttr(type.getElementType()));
  Value tensor =
      arguments[std::distance(sources.begin(), llvm::find(sources, source))];
  return value = vector::TransferReadOp::create(b, vector, tensor, indices,
                                                padding, ArrayRef<bool>{true});
}

/// Block `number` of the result at the place; lanes without a channel are 0.
Value PickBuilder::block(int64_t number) {
  auto vector = VectorType::get({kBlock}, type.getElementType());
  Value result;
  SmallVector<int64_t> lanes(kBlock);
  int64_t first = number * kBlock,
          count = std::min<int64_t>(kBlock, channels.size() - first);
  llvm::SmallSetVector<std::pair<Value, int64_t>, 8> blocks;
  for (int64_t i = 0; i < count; ++i)
    blocks.insert(
        {channels[first + i].source, channels[first + i].number / kBlock});
  if (count < kBlock)
    result = arith::ConstantOp::create(b, b.getZeroAttr(vector));
  for (auto [source, from] : blocks) {
    Value next = load(source, from);
    bool isAll = true;
    for (int64_t i = 0; i < kBlock; ++i) {
      bool takes = i < count && channels[first + i].source == source &&
                   channels[first + i].number / kBlock == from;
      int64_t lane = takes ? channels[first + i].number % kBlock : 0;
      lanes[i] = takes ? kBlock + lane : i;
      isAll &= takes && lane == i;
    }
    result = isAll ? next
                   : vector::ShuffleOp::create(b, result ? result : next, next,
                                               lanes);
  }
  return result;
}

func::FuncOp PickBuilder::build() {
  SmallVector<Type> types = llvm::to_vector(ValueRange(inputs()).getTypes());
  types.push_back(type);
  auto function = func::FuncOp::create(
      b, "pick_channels", b.getFunctionType(types, TypeRange(type)));
  function.setPrivate();
  function->setAttr(kEntryAttr, b.getUnitAttr());
  b.setInsertionPointToStart(function.addEntryBlock());
  llvm::append_range(arguments, function.getArguments().drop_back());
  graph::DimBuilder d(b, b.getLoc());
  Value out = function.getArguments().back();
  // [N, K1, spatial…, 16]: items are over N and the spatial axes but the last.
  Dims dims = d.allOf(out), rows = dims, offsets, sizes = dims;
  rows.pop_back_n(2);
  rows.erase(rows.begin() + kChannels);
  auto loop = scf::ForallOp::create(b, ArrayRef<OpFoldResult>{d.product(rows)},
                                    ValueRange(out), std::nullopt);
  b.setInsertionPointToStart(loop.getBody());
  auto item = affine::AffineDelinearizeIndexOp::create(
      b, b.getLoc(), loop.getInductionVar(0), rows);
  place.assign(item.getResults().begin(), item.getResults().end());
  for (int64_t i = 0, e = dims.size(), row = 0; i < e; ++i) {
    bool isRow = i != kChannels && i < e - 2;
    offsets.push_back(isRow ? OpFoldResult(place[row++]) : d.constant(0));
    if (isRow)
      sizes[i] = d.constant(1);
  }
  Dims strides(dims.size(), d.constant(1));
  Value shared = loop.getRegionIterArgs()[0];
  Value part =
      tensor::ExtractSliceOp::create(b, shared, offsets, sizes, strides);
  Value zero = arith::ConstantIndexOp::create(b, 0),
        one = arith::ConstantIndexOp::create(b, 1);
  place.push_back({});
  auto pixels = scf::ForOp::create(
      b, zero, d.value(dims[dims.size() - 2]), one, part,
      [&](OpBuilder &nested, Location, Value pixel, ValueRange carried) {
        OpBuilder::InsertionGuard guard(b);
        b.setInsertionPoint(nested.getInsertionBlock(),
                            nested.getInsertionPoint());
        place.back() = pixel;
        Value all = carried[0];
        for (int64_t k = 0; k < type.getDimSize(kChannels); ++k) {
          SmallVector<Value> indices(dims.size(), zero);
          indices[kChannels] = arith::ConstantIndexOp::create(b, k);
          indices[dims.size() - 2] = pixel;
          all = vector::TransferWriteOp::create(b, block(k), all, indices,
                                                ArrayRef<bool>{true})
                    .getResult();
        }
        scf::YieldOp::create(b, all);
      });
  b.setInsertionPointToStart(loop.getTerminator().getBody());
  tensor::ParallelInsertSliceOp::create(b, pixels.getResult(0), shared, offsets,
                                        sizes, strides);
  b.setInsertionPointAfter(loop);
  func::ReturnOp::create(b, loop.getResults());
  return function;
}

/// Erases `op`, which has no use, and what only it used.
void eraseDead(Operation *op) {
  llvm::SmallSetVector<Operation *, 8> dead;
  dead.insert(op);
  while (!dead.empty()) {
    Operation *next = dead.pop_back_val();
    if (!isOpTriviallyDead(next))
      continue;
    for (Value operand : next->getOperands())
      if (Operation *producer = operand.getDefiningOp())
        dead.insert(producer);
    next->erase();
  }
}

} // namespace

void pickChannels(func::FuncOp function, Extents &extents, Outliner &outliner) {
  SmallVector<graph::PackOp> packs;
  function.walk([&](graph::PackOp pack) { packs.push_back(pack); });
  for (graph::PackOp pack : packs) {
    RankedTensorType type = pack.getType();
    if (pack.getAxis() != kChannels || pack.getBlock() != kBlock ||
        !type.getElementType().isF32())
      continue;
    std::optional<Channels> channels = channelsOf(pack.getInput());
    if (!channels || channels->empty() || channels->size() > kMostChannels)
      continue;
    OpBuilder b(pack);
    Dims dims = extents.all(pack);
    Value out =
        tensor::EmptyOp::create(b, pack.getLoc(), dims, type.getElementType());
    PickBuilder builder(pack.getLoc(), cast<RankedTensorType>(out.getType()),
                        *channels);
    func::FuncOp kernel = builder.build();
    SmallVector<Value> inputs(builder.inputs());
    Value result = outliner.launch(b, kernel, inputs, out).getResult(0);
    extents.setSame(result, pack);
    pack.replaceAllUsesWith(result);
    eraseDead(pack);
  }
}

} // namespace weft::kernel
