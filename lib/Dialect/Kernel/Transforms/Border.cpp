// Each index of the axes before the first padded one is a work item: it fills
// the slabs before and after its part along one axis after the other, each slab
// within what the axes before have left. What lies inside is written by the
// kernel that computes it, so filling the whole would write it twice.

#include "Border.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "weft/Dialect/Graph/IR/Shapes.h"
#include "weft/Dialect/Kernel/IR/Kernel.h"

using namespace mlir;

namespace weft::kernel {
namespace {

using Dims = SmallVector<OpFoldResult>;

/// Fills the slabs of one work item.
class SlabFiller {
public:
  SlabFiller(ImplicitLocOpBuilder &b, const Padding &padding)
      : b(b), d(b, b.getLoc()), padding(padding) {}

  /// `part` with its border set; its extents are `dims`.
  Value fillBorder(Value part, Dims dims) {
    Value value = constant();
    Dims offsets(dims.size(), d.constant(0));
    size_t axes = padding.axes.size();
    SmallVector<size_t> order = llvm::to_vector(llvm::seq<size_t>(0, axes));
    llvm::sort(order, [&](size_t x, size_t y) {
      return padding.axes[x] < padding.axes[y];
    });
    for (size_t i : order) {
      int64_t axis = padding.axes[i], before = padding.pads[i],
              after = padding.pads[axes + i];
      OpFoldResult inside = d.sub(dims[axis], d.constant(before + after));
      part = fillSlab(part, value, offsets, dims, axis, d.constant(0), before);
      part = fillSlab(part, value, offsets, dims, axis,
                      d.add(inside, d.constant(before)), after);
      offsets[axis] = d.constant(before);
      dims[axis] = inside;
    }
    return part;
  }

private:
  /// The value; constants of arith have no sign, which types lose later.
  Value constant() {
    auto number = dyn_cast<IntegerAttr>(padding.value);
    Type type = padding.value.getType();
    if (!number || type.isSignlessInteger())
      return arith::ConstantOp::create(b, padding.value);
    Value plain = arith::ConstantOp::create(
        b, b.getIntegerAttr(b.getIntegerType(type.getIntOrFloatBitWidth()),
                            number.getValue()));
    return UnrealizedConversionCastOp::create(b, type, plain).getResult(0);
  }

  /// Fills `count` positions along `axis` from `start` on.
  Value fillSlab(Value part, Value value, Dims offsets, Dims sizes,
                 int64_t axis, OpFoldResult start, int64_t count) {
    if (count == 0)
      return part;
    offsets[axis] = start;
    sizes[axis] = d.constant(count);
    Dims strides(sizes.size(), d.constant(1));
    Value slab =
        tensor::ExtractSliceOp::create(b, part, offsets, sizes, strides);
    slab = linalg::FillOp::create(b, value, slab).getResult(0);
    return tensor::InsertSliceOp::create(b, slab, part, offsets, sizes,
                                         strides);
  }

  ImplicitLocOpBuilder &b;
  graph::DimBuilder d;
  const Padding &padding;
};

} // namespace

func::FuncOp makeBorderKernel(Location loc, RankedTensorType type,
                              const Padding &padding) {
  ImplicitLocOpBuilder b(loc, type.getContext());
  auto function = func::FuncOp::create(
      b, "border", b.getFunctionType(TypeRange(type), TypeRange(type)));
  function.setPrivate();
  function->setAttr(kEntryAttr, b.getUnitAttr());
  b.setInsertionPointToStart(function.addEntryBlock());
  graph::DimBuilder d(b, loc);
  Value out = function.getArgument(0);
  Dims dims = d.allOf(out), items = dims, sizes = dims;
  int64_t first = *llvm::min_element(padding.axes);
  items.resize(first);
  auto loop = scf::ForallOp::create(b, ArrayRef<OpFoldResult>{d.product(items)},
                                    ValueRange(out), std::nullopt);
  b.setInsertionPointToStart(loop.getBody());
  Dims offsets(dims.size(), d.constant(0)), strides(dims.size(), d.constant(1));
  if (first > 0) {
    auto item = affine::AffineDelinearizeIndexOp::create(
        b, loc, loop.getInductionVar(0), items);
    for (int64_t i = 0; i < first; ++i) {
      offsets[i] = item.getResult(i);
      sizes[i] = d.constant(1);
    }
  }
  Value shared = loop.getRegionIterArgs()[0];
  Value part =
      tensor::ExtractSliceOp::create(b, shared, offsets, sizes, strides);
  part = SlabFiller(b, padding).fillBorder(part, sizes);
  b.setInsertionPointToStart(loop.getTerminator().getBody());
  tensor::ParallelInsertSliceOp::create(b, part, shared, offsets, sizes,
                                        strides);
  b.setInsertionPointAfter(loop);
  func::ReturnOp::create(b, loop.getResults());
  return function;
}

} // namespace weft::kernel
