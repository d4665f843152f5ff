// Asks every dynamic extent of a function once, replaces the questions by the
// ops' own shape arithmetic and unifies the answers by CSE. While the patterns
// run, the questions are the operands of one op for each block, so that they
// are followed through all replacements.

#include "Extents.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Dominance.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Transforms/CSE.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "llvm/ADT/SmallPtrSet.h"

using namespace mlir;

namespace weft::kernel {
namespace {

/// The answers so far, by tensor and dimension.
using Answers = llvm::DenseMap<std::pair<Value, int64_t>, OpOperand *>;

/// dim(op result) => the op's shape arithmetic, or the answer that the same
/// question has already: a tensor that is read twice must not be followed
/// twice, or the work doubles with each op.
struct ReifyDim : OpRewritePattern<tensor::DimOp> {
  ReifyDim(MLIRContext *context, const Answers &answers)
      : OpRewritePattern(context), answers(answers) {}

  LogicalResult matchAndRewrite(tensor::DimOp dim,
                                PatternRewriter &rewriter) const final {
    auto result = dyn_cast<OpResult>(dim.getSource());
    std::optional<int64_t> index = dim.getConstantIndex();
    OpOperand *answer =
        index ? answers.lookup({dim.getSource(), *index}) : nullptr;
    if (answer && answer->get() != dim.getResult()) {
      rewriter.replaceOp(dim, answer->get());
      return success();
    }
    if (!result || !index ||
        !isa<ReifyRankedShapedTypeOpInterface>(result.getOwner()))
      return rewriter.notifyMatchFailure(dim,
                                         "is of no op with shape arithmetic");
    ReifiedRankedShapedTypeDims dims;
    rewriter.setInsertionPoint(result.getOwner());
    if (failed(reifyResultShapes(rewriter, result.getOwner(), dims)))
      return rewriter.notifyMatchFailure(dim, "the op cannot tell its shape");
    Value extent = getValueOrCreateConstantIndexOp(
        rewriter, dim.getLoc(), dims[result.getResultNumber()][*index]);
    rewriter.replaceOp(dim, extent);
    return success();
  }

  const Answers &answers;
};

/// The two extents whose broadcast `extent` is: the second where the first
/// is 1.
std::optional<std::pair<Value, Value>> asBroadcast(Value extent) {
  auto choice = extent.getDefiningOp<arith::SelectOp>();
  auto test =
      choice ? choice.getCondition().getDefiningOp<arith::CmpIOp>() : nullptr;
  if (!test || test.getPredicate() != arith::CmpIPredicate::eq ||
      test.getLhs() != choice.getFalseValue() ||
      !isConstantIntValue(test.getRhs(), 1))
    return std::nullopt;
  return std::pair(choice.getFalseValue(), choice.getTrueValue());
}

/// The extents that `extent` is the broadcast of, through all broadcasts.
llvm::SmallPtrSet<Value, 8> partsOf(Value extent) {
  llvm::SmallPtrSet<Value, 8> parts, seen;
  SmallVector<Value> open = {extent};
  while (!open.empty()) {
    Value next = open.pop_back_val();
    if (!seen.insert(next).second)
      continue;
    if (auto both = asBroadcast(next))
      open.append({both->first, both->second});
    else
      parts.insert(next);
  }
  return parts;
}

/// An extent that is broadcast again with what it was made of stays what it is:
/// without this, each residual addition of a network would give an extent of
/// its own. That two extents which are not 1 are equal is what the broadcasting
/// op checks when it runs, before anything of the result's extent is read.
struct AbsorbBroadcast : OpRewritePattern<arith::SelectOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(arith::SelectOp choice,
                                PatternRewriter &rewriter) const final {
    auto outer = asBroadcast(choice);
    if (!outer)
      return rewriter.notifyMatchFailure(choice, "broadcasts no extents");
    auto first = partsOf(outer->first), second = partsOf(outer->second);
    auto holds = [](const auto &all, const auto &some) {
      return llvm::all_of(some, [&](Value part) { return all.contains(part); });
    };
    if (holds(first, second))
      rewriter.replaceOp(choice, outer->first);
    else if (holds(second, first))
      rewriter.replaceOp(choice, outer->second);
    else
      return rewriter.notifyMatchFailure(choice, "broadcasts other extents");
    return success();
  }
};

/// An op at the end of `block` whose operands are its dynamic tensors, each
/// followed by its dynamic extents; null if it has none. As operands they stay
/// right when a tensor or an extent is replaced by an equal one.
Operation *ask(Block &block) {
  SmallVector<Value> asked;
  auto askAll = [&](Value value, OpBuilder &b) {
    auto type = dyn_cast<RankedTensorType>(value.getType());
    if (!type || type.hasStaticShape())
      return;
    asked.push_back(value);
    for (int64_t i = 0; i < type.getRank(); ++i)
      if (type.isDynamicDim(i))
        asked.push_back(tensor::DimOp::create(b, value.getLoc(), value, i));
  };
  OpBuilder b = OpBuilder::atBlockBegin(&block);
  for (Value argument : block.getArguments())
    askAll(argument, b);
  for (Operation &op : llvm::make_early_inc_range(block)) {
    b.setInsertionPointAfter(&op);
    if (!op.hasTrait<OpTrait::IsTerminator>())
      for (Value result : op.getResults())
        askAll(result, b);
  }
  if (asked.empty())
    return nullptr;
  b.setInsertionPoint(block.getTerminator());
  // A call, so that it counts as used; it is gone before anyone looks.
  return func::CallOp::create(b, block.getTerminator()->getLoc(), "extents",
                              TypeRange(), asked);
}

/// Where the answers of `holder`, as made by `ask`, will stand.
void addAnswers(Operation *holder, Answers &answers) {
  MutableArrayRef<OpOperand> operands = holder->getOpOperands();
  while (!operands.empty()) {
    Value tensor = operands.front().get();
    operands = operands.drop_front();
    auto type = cast<RankedTensorType>(tensor.getType());
    for (int64_t i = 0; i < type.getRank(); ++i)
      if (type.isDynamicDim(i)) {
        answers[{tensor, i}] = &operands.front();
        operands = operands.drop_front();
      }
  }
}

bool isIndexArithmetic(Operation &op) {
  if (op.getNumRegions() || !mayComeEarlier(&op) || op.getNumResults() == 0)
    return false;
  if (isa<tensor::DimOp, tensor::ExtractOp>(op))
    return true;
  return isa<arith::ArithDialect, affine::AffineDialect>(op.getDialect()) &&
         llvm::all_of(op.getResultTypes(),
                      [](Type type) { return type.isIntOrIndex(); });
}

} // namespace

bool mayComeEarlier(Operation *op) {
  if (isPure(op))
    return true;
  // The extent that a reshape leaves over is divided by max(x, 1), see
  // graph::DimBuilder::div; upstream knows divisions by constants only.
  if (!isa<arith::DivSIOp, arith::FloorDivSIOp, arith::CeilDivSIOp,
           arith::RemSIOp>(op))
    return false;
  auto divisor = op->getOperand(1).getDefiningOp<arith::MaxSIOp>();
  return divisor && llvm::any_of(divisor->getOperands(), [](Value bound) {
           return getConstantIntValue(bound).value_or(0) >= 1;
         });
}

void hoistIndexArithmetic(Block &block) {
  // Asking the block for the order would number all of it again after each
  // move. So each op has the place of the op that it stands behind, and those
  // behind one op follow in the order of the block, which their operands
  // respect.
  llvm::DenseMap<Operation *, int64_t> place;
  llvm::DenseMap<int64_t, Operation *> lastAt;
  for (auto [i, op] : llvm::enumerate(block)) {
    place[&op] = i;
    lastAt[i] = &op;
  }
  for (Operation &op : llvm::make_early_inc_range(block)) {
    if (!isIndexArithmetic(op))
      continue;
    int64_t at = -1;
    for (Value operand : op.getOperands())
      if (Operation *producer = operand.getDefiningOp();
          producer && producer->getBlock() == &block)
        at = std::max(at, place[producer]);
    Operation *&last = lastAt[at];
    if (last)
      op.moveAfter(last);
    else
      op.moveBefore(&block, block.begin());
    last = &op;
    place[&op] = at;
  }
}

FailureOr<Extents> Extents::compute(func::FuncOp function) {
  SmallVector<Operation *> holders;
  SmallVector<Block *> blocks;
  function.walk([&](Block *block) { blocks.push_back(block); });
  for (Block *block : blocks)
    if (Operation *holder = ask(*block))
      holders.push_back(holder);
  Extents extents;
  if (holders.empty())
    return extents;

  Answers answers;
  for (Operation *holder : holders)
    addAnswers(holder, answers);
  MLIRContext *context = function.getContext();
  RewritePatternSet patterns(context);
  patterns.add<ReifyDim>(context, answers);
  patterns.add<AbsorbBroadcast>(context);
  for (StringRef name :
       {"affine.apply", "affine.min", "affine.max", "arith.select"})
    RegisteredOperationName::lookup(name, context)
        ->getCanonicalizationPatterns(patterns, context);
  FrozenRewritePatternSet frozen(std::move(patterns));
  GreedyRewriteConfig config;
  config.setStrictness(GreedyRewriteStrictness::ExistingAndNewOps);
  SmallVector<Operation *> dims;
  function.walk([&](tensor::DimOp dim) { dims.push_back(dim); });
  if (failed(applyOpPatternsGreedily(dims, frozen, config)))
    return failure();
  for (Block *block : blocks)
    hoistIndexArithmetic(*block);
  IRRewriter rewriter(context);
  DominanceInfo dominance(function);
  eliminateCommonSubExpressions(rewriter, dominance, function);
  // Extents that have become one value decide the choices that broadcasting
  // made between them, and those may make further extents equal.
  for (bool changed = true; changed;) {
    changed = false;
    SmallVector<Operation *> choices;
    function.walk([&](arith::SelectOp choice) {
      if (choice.getType().isIndex())
        choices.push_back(choice);
    });
    if (!choices.empty() &&
        failed(applyOpPatternsGreedily(choices, frozen, config, &changed)))
      return failure();
    if (changed)
      eliminateCommonSubExpressions(rewriter, dominance, function);
  }

  for (Operation *holder : holders) {
    OperandRange asked = holder->getOperands();
    while (!asked.empty()) {
      Value tensor = asked.front();
      asked = asked.drop_front();
      SmallVector<OpFoldResult> shape;
      for (int64_t extent :
           cast<RankedTensorType>(tensor.getType()).getShape()) {
        if (ShapedType::isDynamic(extent)) {
          shape.push_back(getAsOpFoldResult(asked.front()));
          asked = asked.drop_front();
        } else {
          shape.push_back(rewriter.getIndexAttr(extent));
        }
      }
      extents.known[tensor] = shape;
    }
    holder->erase();
  }
  return extents;
}

OpFoldResult Extents::get(Value tensor, int64_t i) const {
  auto type = cast<RankedTensorType>(tensor.getType());
  if (!type.isDynamicDim(i))
    return IntegerAttr::get(IndexType::get(type.getContext()),
                            type.getDimSize(i));
  auto found = known.find(tensor);
  assert(found != known.end() && "every dynamic tensor was asked or set");
  return found->second[i];
}

SmallVector<OpFoldResult> Extents::all(Value tensor) const {
  SmallVector<OpFoldResult> extents;
  for (int64_t i = 0, e = cast<RankedTensorType>(tensor.getType()).getRank();
       i < e; ++i)
    extents.push_back(get(tensor, i));
  return extents;
}

bool Extents::same(Value a, Value b) const {
  auto x = cast<RankedTensorType>(a.getType()),
       y = cast<RankedTensorType>(b.getType());
  if (x.getRank() != y.getRank())
    return false;
  for (int64_t i = 0; i < x.getRank(); ++i)
    if (!isEqualConstantIntOrValue(get(a, i), get(b, i)))
      return false;
  return true;
}

void Extents::setSame(Value copy, Value original) {
  known[copy] = all(original);
}

void Extents::set(Value tensor, ArrayRef<OpFoldResult> extents) {
  known[tensor] = SmallVector<OpFoldResult>(extents);
}

} // namespace weft::kernel
