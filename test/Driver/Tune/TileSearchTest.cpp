#include "Driver/Tune/TileSearch.h"
#include "gtest/gtest.h"
#include <cmath>

using namespace weft;

namespace {

const TileNumbers kStart = {{"rows", 14},     {"panels", 1},
                            {"depth", 0},     {"item_tiles", 2},
                            {"item_rows", 1}, {"item_panels", 4}};

/// Time that grows with the distance to 7 rows, 2 panels and 16 tiles an item.
double cost(TileNumbers tile) {
  return 1 + std::abs(std::log2(tile["rows"] / 7.0)) +
         std::abs(std::log2(tile["panels"] / 2.0)) +
         std::abs(std::log2(tile["item_tiles"] / 16.0));
}

TEST(TileSearch, ClimbsToTheBestTile) {
  TileSearch search(kStart);
  int rounds = 0;
  while (auto tile = search.next()) {
    search.report(*tile, cost(*tile) / cost(kStart));
    ASSERT_LT(++rounds, 200);
  }
  TileNumbers best = search.best();
  EXPECT_EQ(best["rows"], 7);
  EXPECT_EQ(best["panels"], 2);
  EXPECT_EQ(best["item_tiles"], 16);
  EXPECT_DOUBLE_EQ(search.bestRatio(), 1 / cost(kStart));
}

TEST(TileSearch, KeepsTheChosenTileWhereOthersDifferByNoise) {
  TileSearch search(kStart);
  while (auto tile = search.next())
    search.report(*tile, 0.99);
  EXPECT_EQ(search.best(), kStart);
  EXPECT_EQ(search.bestRatio(), 1);
}

TEST(TileSearch, TriesNoTileTwiceAndNoneWithoutRows) {
  TileSearch search({{"rows", 1},
                     {"panels", 1},
                     {"depth", 1},
                     {"item_tiles", 1},
                     {"item_rows", 1},
                     {"item_panels", 1}});
  std::set<TileNumbers> seen;
  while (auto tile = search.next()) {
    EXPECT_TRUE(seen.insert(*tile).second);
    for (const auto &[name, number] : *tile)
      EXPECT_GE(number, 1) << name;
    search.report(*tile, 1);
  }
  EXPECT_FALSE(seen.empty());
}

} // namespace
