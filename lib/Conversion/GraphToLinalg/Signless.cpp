// Unsigned integers end here: ops know from now on what they compute, so types
// need not. Types are rewritten where they stand, which keeps every op, region
// and call as it is; casts between both forms then cast a type to itself.

#include "Lowering.h"

#include "weft/Support/Constants.h"

#include "mlir/IR/AttrTypeSubElements.h"
#include "mlir/Interfaces/FunctionInterfaces.h"

using namespace mlir;

namespace weft::lowering {

LogicalResult makeSignless(Operation *root) {
  AttrTypeReplacer replacer;
  replacer.addReplacement([](IntegerType type) -> std::optional<Type> {
    if (!type.isUnsigned())
      return std::nullopt;
    return IntegerType::get(type.getContext(), type.getWidth());
  });
  replacer.addReplacement(
      [](ElementsAttr elements)
          -> std::optional<std::pair<Attribute, WalkResult>> {
        auto type = dyn_cast<RankedTensorType>(elements.getShapedType());
        if (!type || !type.getElementType().isUnsignedInteger())
          return std::pair<Attribute, WalkResult>(elements, WalkResult::skip());
        return std::pair<Attribute, WalkResult>(
            retypeConstant(elements, cast<RankedTensorType>(signless(type))),
            WalkResult::skip());
      });
  WalkResult walked = root->walk([&](Operation *op) {
    replacer.replaceElementsIn(op, /*replaceAttrs=*/true, /*replaceLocs=*/false,
                               /*replaceTypes=*/true);
    return WalkResult::advance();
  });
  if (walked.wasInterrupted())
    return failure();
  SmallVector<UnrealizedConversionCastOp> casts;
  root->walk([&](UnrealizedConversionCastOp cast) {
    if (cast.getInputs().getTypes() == cast.getResultTypes())
      casts.push_back(cast);
  });
  for (UnrealizedConversionCastOp cast : casts) {
    cast.replaceAllUsesWith(cast.getInputs());
    cast.erase();
  }
  return success();
}

} // namespace weft::lowering
