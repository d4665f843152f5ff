#include "TileSearch.h"
#include <algorithm>

namespace weft {

/// A gain below this may be noise.
constexpr double kNoise = 0.98;

TileSearch::TileSearch(TileNumbers chosen) : bestTile(std::move(chosen)) {
  tried.insert(bestTile);
  addNeighbours();
}

/// Blocks of work first, which cost least to get wrong; then registers; then
/// the depth, which is mostly right.
void TileSearch::addNeighbours() {
  waiting.clear();
  auto set = [&](std::initializer_list<std::pair<const char *, int64_t>> all) {
    TileNumbers tile = bestTile;
    for (auto [name, number] : all)
      tile[name] = std::max<int64_t>(number, 1);
    waiting.push_back(std::move(tile));
  };
  int64_t rows = bestTile["rows"], panels = bestTile["panels"];
  for (const char *name : {"item_tiles", "item_panels", "item_rows"}) {
    set({{name, bestTile[name] * 2}});
    set({{name, bestTile[name] / 2}});
  }
  // As many sums in registers, in another form; then more or fewer.
  set({{"panels", panels + 1}, {"rows", rows * panels / (panels + 1)}});
  if (panels > 1)
    set({{"panels", panels - 1}, {"rows", rows * panels / (panels - 1)}});
  set({{"rows", rows - 1}});
  set({{"rows", rows + 1}});
  if (int64_t depth = bestTile["depth"]) {
    set({{"depth", depth * 2}});
    set({{"depth", depth / 2}});
  } else {
    // Channel blocks of a convolution are few, steps of a matrix many.
    set({{"depth", 8}});
    set({{"depth", 512}});
  }
}

std::optional<TileNumbers> TileSearch::next() {
  while (!waiting.empty()) {
    TileNumbers tile = std::move(waiting.front());
    waiting.pop_front();
    if (tried.insert(tile).second)
      return tile;
  }
  return std::nullopt;
}

void TileSearch::report(const TileNumbers &tile, double measured) {
  tried.insert(tile);
  if (measured >= ratio * kNoise)
    return;
  ratio = measured;
  bestTile = tile;
  addNeighbours();
}

} // namespace weft
