// Follows memory through views, branches and loops.

#include "Aliases.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Interfaces/LoopLikeInterface.h"
#include "mlir/Interfaces/ViewLikeInterface.h"

using namespace mlir;

namespace weft::kernel {

llvm::SetVector<Value> aliasesOf(Value root) {
  llvm::SetVector<Value> aliases;
  aliases.insert(root);
  for (size_t i = 0; i < aliases.size(); ++i) {
    for (OpOperand &use : aliases[i].getUses()) {
      Operation *user = use.getOwner();
      if (isa<ViewLikeOpInterface, memref::CastOp, arith::SelectOp>(user)) {
        if (user->getNumResults() == 1 &&
            isa<MemRefType>(user->getResult(0).getType()))
          aliases.insert(user->getResult(0));
      } else if (auto loop = dyn_cast<scf::WhileOp>(user)) {
        // What goes around comes out by the condition alone; its numbers there
        // may be others.
        aliases.insert(loop.getBeforeArguments()[use.getOperandNumber()]);
      } else if (auto yield = dyn_cast<scf::YieldOp>(user)) {
        Operation *parent = yield->getParentOp();
        unsigned number = use.getOperandNumber();
        if (auto loop = dyn_cast<scf::WhileOp>(parent)) {
          aliases.insert(loop.getBeforeArguments()[number]);
          continue;
        }
        aliases.insert(parent->getResult(number));
        if (auto loop = dyn_cast<LoopLikeOpInterface>(parent))
          aliases.insert(loop.getRegionIterArgs()[number]);
      } else if (auto condition = dyn_cast<scf::ConditionOp>(user)) {
        if (use.getOperandNumber() == 0)
          continue;
        auto loop = cast<scf::WhileOp>(condition->getParentOp());
        aliases.insert(loop.getResult(use.getOperandNumber() - 1));
        aliases.insert(loop.getAfterArguments()[use.getOperandNumber() - 1]);
      } else if (auto loop = dyn_cast<LoopLikeOpInterface>(user)) {
        if (BlockArgument argument = loop.getTiedLoopRegionIterArg(&use))
          aliases.insert(argument);
        if (OpResult result = loop.getTiedLoopResult(&use))
          aliases.insert(result);
      }
    }
  }
  return aliases;
}

} // namespace weft::kernel
