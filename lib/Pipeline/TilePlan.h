// The way of tiles between a tuning record and the products of a program.
#ifndef WEFT_LIB_PIPELINE_TILEPLAN_H
#define WEFT_LIB_PIPELINE_TILEPLAN_H

#include "weft/Pipeline/Compiler.h"

namespace weft {

/// The products of one target's bufferized program.
class TilePlan {
public:
  TilePlan(mlir::ModuleOp module, std::string target);

  /// Gives products that `record` has a tile for that tile.
  void apply(const TuningRecord &record);
  /// After lowering: appends each product with the tile that it got.
  void collect(std::vector<TiledProduct> &products);

private:
  /// The products of one kernel, in the order in which they stand.
  struct Kernel {
    std::vector<std::string> products;
    std::vector<size_t> launches;
  };

  mlir::ModuleOp module;
  std::string target;
  std::map<std::string, Kernel> kernels;
};

} // namespace weft

#endif // WEFT_LIB_PIPELINE_TILEPLAN_H
