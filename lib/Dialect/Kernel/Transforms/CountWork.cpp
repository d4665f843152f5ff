// Operations by the shapes of each op's operands and results.

#include "CountWork.h"

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "weft/Dialect/Graph/IR/Fourier.h"
#include "weft/Dialect/Graph/IR/Graph.h"
#include "llvm/ADT/TypeSwitch.h"

#include <cmath>

using namespace mlir;

namespace weft::kernel {
namespace {

constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();

double elementsOf(Value value) {
  auto type = cast<ShapedType>(value.getType());
  return type.hasStaticShape() ? static_cast<double>(type.getNumElements())
                               : kUnknown;
}

double extentOf(Value value, int64_t i) {
  auto type = cast<ShapedType>(value.getType());
  i = i < 0 ? type.getRank() + i : i;
  return type.isDynamicDim(i) ? kUnknown
                              : static_cast<double>(type.getDimSize(i));
}

double bytesOf(Value value) {
  auto type = dyn_cast<ShapedType>(value.getType());
  if (!type)
    return 8;
  Type element = type.getElementType();
  unsigned width = element.isIndex() ? 64 : element.getIntOrFloatBitWidth();
  return elementsOf(value) * std::max(width / 8, 1u);
}

/// Scalar operations beside the products in an epilogue, for each element.
double epilogueOf(Region &region) {
  double count = 0;
  for (Operation &op : region.front().without_terminator())
    count += !op.hasTrait<OpTrait::ConstantLike>();
  return count;
}

/// Multiply-adds behind one output element of a convolution: the weights of one
/// output channel, of which there are `channels`.
double windowOf(Value weight, double channels) {
  return elementsOf(weight) / channels;
}

/// What minimal filtering computes, which is less than the direct algorithm
/// does: one product for each weight and tile.
double productsOf(WinogradConvOp conv) {
  Value out = conv.getOutputs()[0];
  double tiles = extentOf(out, 0);
  for (auto [i, extent, dilation] :
       llvm::enumerate(conv.getTile(), conv.getDilations()))
    tiles *=
        extent == 1
            ? extentOf(out, 2 + i)
            : dilation * std::ceil(std::ceil(extentOf(out, 2 + i) / dilation) /
                                   extent);
  return tiles * elementsOf(conv.getWeight());
}

/// Operations of one transform of r complex numbers, and of their twiddles.
double stepsOf(graph::ButterflyOp butterfly) {
  auto radix = static_cast<double>(butterfly.getRadix());
  double half = (radix - 1) / 2;
  double steps = radix == 2 ? 4 : radix == 4 ? 16 : 8 * half * (half + 1);
  bool real = butterfly.getIm().empty();
  return (real ? steps / 2 : steps) +
         (butterfly.getTwiddles().empty() ? 0 : 6 * (radix - 1));
}

double flopsOf(Operation *op) {
  double out = elementsOf(op->getResult(0));
  return llvm::TypeSwitch<Operation *, double>(op)
      .Case([&](MatMulOp product) {
        return out * (2 * extentOf(product.getLhs(), -1) +
                      epilogueOf(product.getEpilogue()));
      })
      .Case([&](AttentionOp attention) {
        ArrayRef<bool> swapped = attention.getSwapped();
        auto rowsOf = [](Value value, bool isSwapped) {
          return extentOf(value, isSwapped ? -3 : -2);
        };
        double rows = rowsOf(attention.getQuery(), swapped[0]),
               keys = rowsOf(attention.getKey(), swapped[1]);
        double depth = extentOf(attention.getQuery(), -1) +
                       extentOf(attention.getValue(), -1);
        double scores = out / extentOf(attention.getValue(), -1) * keys;
        if (attention.getCausal() && rows == keys && keys > 0)
          scores *= (1 + rows) / (2 * keys);
        // Softmax as above.
        return scores * (2 * depth + 5 + epilogueOf(attention.getEpilogue()));
      })
      .Case([&](ConvOp conv) {
        double channels = extentOf(conv.getWeight(), 0) * kBlock;
        return out * (2 * windowOf(conv.getWeight(), channels) +
                      epilogueOf(conv.getEpilogue()));
      })
      .Case([&](WinogradConvOp conv) {
        return 2 * productsOf(conv) + out * epilogueOf(conv.getEpilogue());
      })
      .Case([&](DepthwiseConvOp conv) {
        double channels =
            extentOf(conv.getWeight(), 0) * extentOf(conv.getWeight(), -1);
        return out * (2 * windowOf(conv.getWeight(), channels) +
                      epilogueOf(conv.getEpilogue()));
      })
      .Case([&](ConvDepthwiseOp conv) {
        double between = extentOf(conv.getOutputs()[0], 0) *
                         extentOf(conv.getOutputs()[0], 1) * kBlock;
        for (int64_t extent : conv.getBetweenExtents())
          between *= static_cast<double>(extent);
        double channels =
            extentOf(conv.getWeight(), 0) * extentOf(conv.getWeight(), -1);
        return between * (2 * windowOf(conv.getWeight(), channels) +
                          epilogueOf(conv.getBetween())) +
               out * (2 * windowOf(conv.getDepthwise(), channels) +
                      epilogueOf(conv.getEpilogue()));
      })
      .Case([&](WinogradConvOp conv) {
        double taps = 1;
        for (int64_t outputs : conv.getTile())
          taps *= outputs > 1 ? 3 : 1;
        return out * (2 * taps * extentOf(conv.getWeight(), 2) +
                      epilogueOf(conv.getEpilogue()));
      })
      .Case([&](graph::MatMulOp product) {
        return 2 * out *
               extentOf(product.getLhs(), product.getTransposeLhs() ? -2 : -1);
      })
      .Case([&](graph::ConvOp conv) {
        return 2 * out *
               windowOf(conv.getWeight(), extentOf(conv.getWeight(), 0));
      })
      .Case([&](graph::ConvTransposeOp conv) {
        return 2 * elementsOf(conv.getInput()) *
               windowOf(conv.getWeight(), extentOf(conv.getWeight(), 0));
      })
      .Case([&](graph::PoolOp pool) {
        double window = 1;
        for (int64_t extent : pool.getWindow())
          window *= static_cast<double>(extent);
        return out * window;
      })
      .Case([&](graph::ButterflyOp butterfly) {
        return out * stepsOf(butterfly);
      })
      // Greatest element, difference, exponential, sum, quotient.
      .Case([&](graph::SoftmaxOp) { return 5 * out; })
      // Two sums, difference, product, scale, bias.
      .Case([&](graph::LayerNormOp) { return 7 * out; })
      .Case<graph::ReduceOp, graph::ArgReduceOp, graph::CumSumOp>(
          [&](Operation *op) { return elementsOf(op->getOperand(0)); })
      .Default([&](Operation *op) {
        return familyOf(op) == Family::Elementwise ? out : 0;
      });
}

} // namespace

void countWork(const Group &group, LaunchOp launch) {
  double flops = 0, bytes = 0;
  llvm::SmallPtrSet<Value, 8> read;
  for (Operation *op : group.ops) {
    flops += flopsOf(op);
    for (Value operand : op->getOperands()) {
      Operation *producer = operand.getDefiningOp();
      if ((producer && group.contains(producer)) ||
          !llvm::is_contained(launch.getInputs(), operand) ||
          !read.insert(operand).second)
        continue;
      auto gather = dyn_cast<graph::GatherOp>(op);
      bytes +=
          bytesOf(gather && gather.getData() == operand ? gather->getResult(0)
                                                        : operand);
    }
  }
  for (Value output : launch.getOutputs())
    bytes += bytesOf(output);
  Builder b(launch.getContext());
  if (flops == flops && bytes == bytes) {
    launch->setAttr(kFlopsAttr, b.getF64FloatAttr(flops));
    launch->setAttr(kBytesAttr, b.getF64FloatAttr(bytes));
  }
}

double callsOf(LaunchOp launch) {
  double calls = 1;
  for (Operation *parent = launch->getParentOp(); parent;
       parent = parent->getParentOp()) {
    if (isa<scf::WhileOp>(parent))
      return 0;
    auto loop = dyn_cast<scf::ForOp>(parent);
    if (!loop)
      continue;
    std::optional<APInt> trips = loop.getStaticTripCount();
    if (!trips)
      return 0;
    calls *= static_cast<double>(trips->getZExtValue());
  }
  return calls;
}

} // namespace weft::kernel
