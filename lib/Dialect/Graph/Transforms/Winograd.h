// Which convolutions are computed by minimal filtering, on what tiles, and
// their weights. Part of `weft-choose-layout`.
#ifndef WEFT_LIB_DIALECT_GRAPH_TRANSFORMS_WINOGRAD_H
#define WEFT_LIB_DIALECT_GRAPH_TRANSFORMS_WINOGRAD_H

#include "mlir/Support/LLVM.h"
#include "llvm/ADT/STLFunctionalExtras.h"

#include <array>
#include <cstdint>
#include <optional>

namespace weft::graph {

/// Outputs of a tile along the last two spatial dimensions. One dimension is
/// the second of two, with a window of 1 along the first.
using WinogradTile = std::array<int64_t, 2>;

/// A convolution of stride 1; dynamic extents are kDynamic.
struct WinogradConv {
  int64_t groups, inputs, outputs; ///< channels of one group
  /// Window along a dimension before the two, summed up like more channels.
  int64_t planes;
  std::array<int64_t, 2> window, dilations;
  int64_t images;                 ///< with those along that dimension
  std::array<int64_t, 2> extents; ///< of the output
};

/// Rough speeds of one worker.
struct WorkerSpeed {
  double flops; ///< in a second, in registers
  double bytes; ///< in a second, from memory
};

/// The tile that is expected to be fastest, nothing where the direct algorithm
/// is.
std::optional<WinogradTile> chooseWinogradTile(const WinogradConv &conv,
                                               const WorkerSpeed &speed);

/// The extents of a tile's transformed weights, [groups * K1, T,
/// planes * C1 * 16, 16].
std::array<int64_t, 4> winogradWeightShape(const WinogradConv &conv,
                                           const WinogradTile &tile);

/// Fills them, which are zero at first; `weight` gives the elements of
/// [groups * K, C, planes, window…] in their order.
void transformWinogradWeight(const WinogradConv &conv, const WinogradTile &tile,
                             llvm::function_ref<float(int64_t)> weight,
                             float *transformed);

} // namespace weft::graph

#endif // WEFT_LIB_DIALECT_GRAPH_TRANSFORMS_WINOGRAD_H
