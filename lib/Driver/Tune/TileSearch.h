// Which tile of a product to try next.
#ifndef WEFT_LIB_DRIVER_TUNE_TILESEARCH_H
#define WEFT_LIB_DRIVER_TUNE_TILESEARCH_H

#include "weft/Pipeline/Options.h"
#include <deque>
#include <optional>
#include <set>

namespace weft {

/// Climbs from the tile that the model chose to better neighbours. Knows
/// nothing of the machine: a tile that suits it badly is slow, and so not kept.
class TileSearch {
public:
  explicit TileSearch(TileNumbers chosen);

  /// The next tile to measure, or none when all neighbours of the best one have
  /// been.
  std::optional<TileNumbers> next();
  /// A measurement: `tile`, as the compiler took it, needs `ratio` of the time
  /// that the model's choice does. What is within noise of the best is no gain.
  void report(const TileNumbers &tile, double ratio);

  /// Whether the compiler has made code for `tile` before.
  bool knows(const TileNumbers &tile) const { return tried.count(tile); }
  const TileNumbers &best() const { return bestTile; }
  /// Of the best tile's time to that of the model's choice; 1 where no better
  /// one was found.
  double bestRatio() const { return ratio; }

private:
  void addNeighbours();

  TileNumbers bestTile;
  double ratio = 1;
  std::deque<TileNumbers> waiting;
  std::set<TileNumbers> tried;
};

} // namespace weft

#endif // WEFT_LIB_DRIVER_TUNE_TILESEARCH_H
