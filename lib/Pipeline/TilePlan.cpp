#include "TilePlan.h"

#include "weft/Dialect/Kernel/IR/Kernel.h"
#include "weft/Dialect/Kernel/Transforms/Program.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

using namespace mlir;

namespace weft {

/// Finds a kernel again after lowering has given it another name.
constexpr llvm::StringLiteral kNameAttr = "kernel.name";

TilePlan::TilePlan(ModuleOp module, std::string target)
    : module(module), target(std::move(target)) {
  Builder b(module.getContext());
  module.walk([&](Operation *op) {
    if (auto launch = dyn_cast<kernel::LaunchOp>(op)) {
      auto number = launch->getAttrOfType<IntegerAttr>(kernel::kLaunchAttr);
      kernels[launch.getCallee().str()].launches.push_back(number.getInt());
    } else if (kernel::isProduct(op)) {
      auto function = op->getParentOfType<func::FuncOp>();
      function->setAttr(kNameAttr, b.getStringAttr(function.getName()));
      kernels[function.getName().str()].products.push_back(
          kernel::describeProduct(op));
    }
  });
}

void TilePlan::apply(const TuningRecord &record) {
  auto table = record.find(target);
  if (table == record.end())
    return;
  Builder b(module.getContext());
  module.walk([&](Operation *op) {
    if (!kernel::isProduct(op))
      return;
    auto tile = table->second.find(kernel::describeProduct(op));
    if (tile == table->second.end())
      return;
    SmallVector<NamedAttribute> numbers;
    for (const auto &[name, number] : tile->second)
      numbers.push_back(b.getNamedAttr(name, b.getI64IntegerAttr(number)));
    op->setAttr(kernel::kTileAttr, b.getDictionaryAttr(numbers));
  });
}

void TilePlan::collect(std::vector<TiledProduct> &products) {
  for (Operation &function : *module.getBody()) {
    auto name = function.getAttrOfType<StringAttr>(kNameAttr);
    auto tiles = function.getAttrOfType<ArrayAttr>(kernel::kTilesAttr);
    function.removeAttr(kNameAttr);
    function.removeAttr(kernel::kTilesAttr);
    // Targets without tiles leave none.
    if (!name || !tiles)
      continue;
    const Kernel &kernel = kernels[name.str()];
    for (auto [product, tile] : llvm::zip_equal(kernel.products, tiles)) {
      TiledProduct result = {target, product, {}, kernel.launches};
      for (NamedAttribute number : cast<DictionaryAttr>(tile))
        result.tile[number.getName().str()] =
            cast<IntegerAttr>(number.getValue()).getInt();
      products.push_back(std::move(result));
    }
  }
}

} // namespace weft
