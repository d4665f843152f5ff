// Minimal filtering does (m + 2)(n + 2) multiplications where the direct
// algorithm does 9 m n, and pays with transforms of input and output and with
// weights that are 1.8 to 4 times as large. Which wins depends on how many
// tiles read one weight, so the choice is a small model of the time.

#include "Winograd.h"

#include "weft/Dialect/Kernel/IR/Kernel.h"
#include "weft/Dialect/Kernel/IR/Winograd.h"

#include "mlir/IR/BuiltinTypes.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using weft::kernel::kBlock;
using weft::kernel::winogradPositions;

namespace weft::graph {
namespace {

/// Stands for extents that only a run knows.
constexpr int64_t kGuessedExtent = 56;
/// The model is rough: a gain that is less than this share is none.
constexpr double kLeastGain = 0.1;

int64_t guess(int64_t extent, int64_t dynamic) {
  return extent == ShapedType::kDynamic ? dynamic : extent;
}

/// Vector operations of the transforms of one axis, for input and output alike.
int64_t stepsOf(int64_t extent) {
  return extent == 4 ? 12 : extent == 2 ? 4 : 0;
}

/// Seconds of the products that one set of weights takes part in.
double seconds(double flops, double weightBytes, const WorkerSpeed &speed) {
  return std::max(flops / speed.flops, weightBytes / speed.bytes);
}

/// Weights of one place in the window, channels in whole blocks.
double paddedProduct(const WinogradConv &conv) {
  return static_cast<double>(conv.groups) * conv.planes *
         llvm::alignTo(conv.inputs, kBlock) *
         llvm::alignTo(conv.outputs, kBlock);
}

double directSeconds(const WinogradConv &conv, const WorkerSpeed &speed) {
  double weights = paddedProduct(conv) * conv.window[0] * conv.window[1];
  double pixels = static_cast<double>(guess(conv.images, 1));
  for (int64_t extent : conv.extents)
    pixels *= guess(extent, kGuessedExtent);
  return seconds(2 * weights * pixels, weights * sizeof(float), speed);
}

double winogradSeconds(const WinogradConv &conv, const WinogradTile &tile,
                       const WorkerSpeed &speed) {
  double tiles = static_cast<double>(guess(conv.images, 1));
  for (auto [extent, outputs, dilation] :
       llvm::zip(conv.extents, tile, conv.dilations))
    tiles *=
        dilation *
        llvm::divideCeil(
            llvm::divideCeil(guess(extent, kGuessedExtent), dilation), outputs);
  int64_t height = winogradPositions(tile[0]),
          width = winogradPositions(tile[1]), positions = height * width;
  double weights = paddedProduct(conv) * positions;
  // Arithmetic, then loads and stores of one block of channels of one tile.
  int64_t input = stepsOf(tile[0]) * width + stepsOf(tile[1]) * height +
                  2 * positions,
          output = stepsOf(tile[0]) * width + stepsOf(tile[1]) * tile[0] +
                   positions + 2 * tile[0] * tile[1];
  double transforms =
      tiles * conv.groups *
      (conv.planes * llvm::divideCeil(conv.inputs, kBlock) * input +
       llvm::divideCeil(conv.outputs, kBlock) * output);
  return seconds(2 * weights * tiles + 2 * kBlock * transforms,
                 weights * sizeof(float), speed);
}

/// What takes a window of 3 (or the 1 of an axis without one) to the positions
/// of a tile: the values of 1, x, x² at each point, over the product of its
/// distances to the other points.
SmallVector<std::array<double, 3>> weightTransform(int64_t extent) {
  if (extent == 1)
    return {{1, 0, 0}};
  SmallVector<double> points = {0};
  if (extent == 4)
    for (double point : {kernel::kWinogradNear, kernel::kWinogradFar})
      points.append({point, -point});
  else
    points.append({1, -1});
  SmallVector<std::array<double, 3>> rows;
  for (double point : points) {
    double distances = 1;
    for (double other : points)
      distances *= other == point ? 1 : point - other;
    rows.push_back(
        {1 / distances, point / distances, point * point / distances});
  }
  rows.push_back({0, 0, 1});
  return rows;
}

} // namespace

std::optional<WinogradTile> chooseWinogradTile(const WinogradConv &conv,
                                               const WorkerSpeed &speed) {
  double best = (1 - kLeastGain) * directSeconds(conv, speed);
  std::optional<WinogradTile> chosen;
  auto extents = [](int64_t window) {
    return window == 3   ? SmallVector<int64_t>{4, 2}
           : window == 1 ? SmallVector<int64_t>{1}
                         : SmallVector<int64_t>{};
  };
  for (int64_t height : extents(conv.window[0]))
    for (int64_t width : extents(conv.window[1])) {
      if (height == 1 && width == 1)
        continue;
      double cost = winogradSeconds(conv, {height, width}, speed);
      if (cost < best) {
        best = cost;
        chosen = WinogradTile{height, width};
      }
    }
  return chosen;
}

std::array<int64_t, 4> winogradWeightShape(const WinogradConv &conv,
                                           const WinogradTile &tile) {
  int64_t outputBlocks = llvm::divideCeil(conv.outputs, kBlock),
          inputs = conv.planes * llvm::alignTo(conv.inputs, kBlock);
  return {conv.groups * outputBlocks,
          winogradPositions(tile[0]) * winogradPositions(tile[1]), inputs,
          kBlock};
}

void transformWinogradWeight(const WinogradConv &conv, const WinogradTile &tile,
                             llvm::function_ref<float(int64_t)> weight,
                             float *transformed) {
  auto vertical = weightTransform(tile[0]),
       horizontal = weightTransform(tile[1]);
  auto [height, width] = conv.window;
  auto [panels, positions, channels, columns] = winogradWeightShape(conv, tile);
  int64_t groupPanels = panels / conv.groups, from = 0;
  for (int64_t k = 0; k < conv.groups * conv.outputs; ++k) {
    int64_t panel = k / conv.outputs * groupPanels + k % conv.outputs / kBlock;
    float *of = transformed + panel * positions * channels * columns +
                k % conv.outputs % kBlock;
    for (int64_t i = 0; i < conv.inputs * conv.planes;
         ++i, from += height * width) {
      int64_t c = i / conv.planes, plane = i % conv.planes;
      float *to = of + (plane * channels / conv.planes + c) * columns;
      for (const std::array<double, 3> &left : vertical) {
        double row[3] = {0, 0, 0};
        for (int64_t y = 0; y < height; ++y)
          for (int64_t x = 0; x < width; ++x)
            row[x] += left[y] * weight(from + y * width + x);
        for (const std::array<double, 3> &right : horizontal) {
          *to = static_cast<float>(right[0] * row[0] + right[1] * row[1] +
                                   right[2] * row[2]);
          to += channels * columns;
        }
      }
    }
  }
}

} // namespace weft::graph
