// Which register tile and which blocks of work a product gets, as plain
// numbers: chosen by a model of the machine, printed on the op as
// kernel::kTileAttr, and taken from there where they are given (by tuning, by a
// test).
#ifndef WEFT_LIB_TARGET_CPU_MICROKERNEL_TILECHOICE_H
#define WEFT_LIB_TARGET_CPU_MICROKERNEL_TILECHOICE_H

#include "Machine.h"

#include "mlir/IR/BuiltinAttributes.h"

namespace weft::cpu {

/// A register tile of rows x panels of 16 columns, and the block of such tiles
/// that is one work item. "Rows" are rows of a matrix or pixels of an image.
struct Tile {
  int64_t rows = 1;   ///< rows of sums held in registers
  int64_t panels = 1; ///< panels of 16 columns held in registers
  int64_t depth = 0;  ///< steps of k (matrix) or input blocks (image) summed up
                      ///< at a time; 0: all
  int64_t itemTiles = 1;  ///< tiles of rows of a work item
  int64_t itemRows = 1;   ///< rows of pixels of a work item (images only)
  int64_t itemPanels = 1; ///< panels of a work item

  mlir::DictionaryAttr toAttr(mlir::MLIRContext *context) const;
  /// Replaces the numbers that `attr` has; those beyond what is sensible count
  /// as the most that is. False if one is below its minimum or of another type.
  bool update(mlir::DictionaryAttr attr);
};

/// Replaces the numbers of `tile` that `op` carries as kernel::kTileAttr.
llvm::LogicalResult updateTile(mlir::Operation *op, Tile &tile);

/// Leaves `tile`, which code is made for, as the attribute of `op`.
void noteTile(mlir::Operation *op, const Tile &tile);

/// What the choice depends on; ShapedType::kDynamic where it is not known.
struct MatMulShape {
  int64_t m, n, k;
  int64_t panelVectors; ///< registers that one panel takes
};

Tile chooseMatMulTile(const MatMulShape &shape, const Machine &machine);

/// What the choice for an attention depends on; ShapedType::kDynamic where it
/// is not known.
struct AttentionShape {
  int64_t heads, rows, keys;      ///< heads of all batches
  int64_t queryDepth, valueDepth; ///< always known
  int64_t lanes;                  ///< of a register
};

/// `rows` of queries by kAttentionVectors registers of keys or of values are in
/// registers at a time; `depth` is the number of keys that scores are computed
/// for before they are used, a multiple of the register tile's.
Tile chooseAttentionTile(const AttentionShape &shape, const Machine &machine);
constexpr int64_t kAttentionVectors = 2;

struct ConvShape {
  int64_t images;       ///< batch
  int64_t rows, pixels; ///< rows of the output, and pixels in one
  int64_t outputBlocks; ///< of one group
  int64_t groups;
  int64_t inputBlocks; ///< that one output reads
  int64_t window;      ///< elements of the window
  int64_t step;        ///< product of the strides
  int64_t inputBlock;  ///< channels of an input block
  int64_t panelVectors;
};

/// True if tiles that run over the ends of rows fill the registers so much
/// better that it pays to compute each pixel's place.
bool shouldListPixels(const ConvShape &shape, const Machine &machine);

Tile chooseConvTile(const ConvShape &shape, const Machine &machine);

struct WinogradShape {
  int64_t tiles;        ///< of the output, of all images
  int64_t positions;    ///< products of one tile
  int64_t channels;     ///< that one output reads
  int64_t outputBlocks; ///< of one group
  int64_t groups;
  int64_t panelVectors;
};

/// "Rows" are tiles of the output.
Tile chooseWinogradTile(const WinogradShape &shape, const Machine &machine);

/// Pixels of a row in registers, for a window with rows of `taps`.
Tile chooseDepthwiseTile(int64_t rows, int64_t pixels, int64_t taps,
                         const Machine &machine);

struct ConvDepthwiseShape {
  ConvShape conv;     ///< its rows: positions along the first spatial dimension
  int64_t rows;       ///< of the output
  int64_t stride;     ///< by which the depthwise window moves from row to row
  int64_t windowRows; ///< rows that one row of the output reads
  int64_t rowBytes;   ///< of a padded row of one block between the two
};

/// `itemRows` and `itemPanels` are those of the output, `rows` and `panels` the
/// convolution's.
Tile chooseConvDepthwiseTile(const ConvDepthwiseShape &shape,
                             const Machine &machine);

} // namespace weft::cpu

#endif // WEFT_LIB_TARGET_CPU_MICROKERNEL_TILECHOICE_H
