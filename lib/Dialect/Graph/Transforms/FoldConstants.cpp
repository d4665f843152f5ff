// One walk in program order folds every op whose operands are constants by
// then: definitions come before uses, so chains fold in the same walk. Ops that
// merely might fold (x + 0) are left to canonicalisation.

#include "EvaluateFamilies.h"
#include "weft/Dialect/Graph/Transforms/Evaluate.h"
#include "weft/Dialect/Graph/Transforms/Passes.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/DialectResourceBlobManager.h"

namespace weft::graph {
#define GEN_PASS_DEF_FOLDCONSTANTS
#include "weft/Dialect/Graph/Transforms/Passes.h.inc"
} // namespace weft::graph

using namespace mlir;
using namespace weft;
using namespace weft::graph;

namespace {

/// Counts the ops that use each resource, so that the bytes of a weight go when
/// its last constant goes.
class ResourceUses {
public:
  void add(Operation *op) {
    if (const void *key = keyOf(op))
      ++uses[key];
  }
  /// Erases a constant that nothing uses, and its bytes with the last one.
  void eraseIfDead(RewriterBase &rewriter, Operation *op) {
    auto constant = dyn_cast_or_null<ConstantOp>(op);
    if (!constant || !op->use_empty())
      return;
    ElementsAttr value = constant.getValue();
    const void *key = keyOf(op);
    rewriter.eraseOp(op);
    if (key && --uses[key] == 0)
      freeConstant(value);
  }

private:
  static const void *keyOf(Operation *op) {
    auto constant = dyn_cast_or_null<ConstantOp>(op);
    auto resource =
        constant ? dyn_cast<DenseResourceElementsAttr>(constant.getValue())
                 : DenseResourceElementsAttr();
    return resource ? resource.getRawHandle().getResource() : nullptr;
  }
  DenseMap<const void *, unsigned> uses;
};

struct FoldConstants : graph::impl::FoldConstantsBase<FoldConstants> {
  void runOnOperation() override {
    ResourceUses uses;
    SmallVector<Operation *> candidates;
    getOperation().walk([&](Operation *op) {
      uses.add(op);
      if (isa_and_nonnull<GraphDialect>(op->getDialect()) &&
          !isa<ConstantOp>(op))
        candidates.push_back(op);
    });
    IRRewriter rewriter(&getContext());
    for (Operation *op : candidates) {
      // Each once: x - x must not erase x twice.
      llvm::SmallSetVector<Value, 4> operands(llvm::from_range,
                                              op->getOperands());
      Block *block = op->getBlock();
      Operation *before = op->getPrevNode();
      if (!replaceByConstant(rewriter, op))
        continue;
      ++folded;
      // The constant stands where the op stood.
      uses.add(before ? before->getNextNode() : &block->front());
      for (Value operand : operands)
        uses.eraseIfDead(rewriter, operand.getDefiningOp());
    }
    freeUnusedConstants(getOperation());
  }
};

} // namespace
