// Finds softmax(score(query * key^T)) * value as exporters write it and makes
// one `kernel.attention` of it, so that the scores never go through memory.
//
// The elementwise ops between the first product and the softmax are the score;
// what else they read (masks, biases) is computed as before and read by the
// kernel. Scales of query and key move into the score. Transposes that bring
// heads forward are not carried out: the kernel reads and writes projections as
// they are. A product with few query rows is left alone, packing keys for it
// would cost more than it saves.

#include "weft/Dialect/Graph/Transforms/Passes.h"

#include "ElementwiseSteps.h"
#include "Floats.h"

#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/IRMapping.h"
#include "weft/Dialect/Graph/IR/Graph.h"
#include "weft/Dialect/Graph/IR/ScalarBuilder.h"
#include "weft/Dialect/Graph/IR/Shapes.h"
#include "weft/Dialect/Kernel/IR/Kernel.h"
#include "weft/Support/Constants.h"

#include <cmath>

namespace weft::graph {
#define GEN_PASS_DEF_FUSEATTENTION
#include "weft/Dialect/Graph/Transforms/Passes.h.inc"
} // namespace weft::graph

using namespace mlir;
using namespace weft;
using namespace weft::graph;

namespace {

/// Query rows, at least, for which keys are packed.
constexpr int64_t kLeastRows = 4;

//===-- Scores
//-----------------------------------------------------------------//

/// The ops between the product of queries and keys and the softmax.
struct Score : ElementwiseSteps<MatMulOp> {
  static std::optional<Score> match(SoftmaxOp softmax) {
    Score score;
    if (!score.reach(softmax.getInput()) || !score.isClosed(softmax))
      return std::nullopt;
    return score;
  }

private:
  /// True where nothing else uses what is between, and all is of one shape and
  /// of types that a region on vectors can read.
  bool isClosed(SoftmaxOp softmax) {
    auto shape = tensorType(softmax.getInput()).getShape();
    auto readable = [](Value value) {
      Type type = tensorType(value).getElementType();
      return type.isF32() || type.isInteger(1);
    };
    auto closed = [&](Operation *op) {
      return tensorType(op->getResult(0)).getShape() == shape &&
             readable(op->getResult(0)) &&
             llvm::all_of(op->getOperands(), readable) &&
             llvm::all_of(op->getUsers(), [&](Operation *user) {
               return user == softmax || steps.contains(user);
             });
    };
    return closed(source) && llvm::all_of(steps, closed);
  }
};

/// x * c and x / c as x and the factor.
Value peelScale(Value x, double &factor) {
  while (Operation *op = x.getDefiningOp()) {
    auto mul = dyn_cast<MulOp>(op);
    auto div = dyn_cast<DivOp>(op);
    if (!mul && !div)
      break;
    Value from = op->getOperand(0), by = op->getOperand(1);
    if (mul && splatValue(from))
      std::swap(from, by);
    std::optional<double> value = splatValue(by);
    double scale = !value ? 0 : mul ? *value : 1 / *value;
    // What could overflow or vanish on its own stays.
    if (from.getType() != x.getType() || !std::isnormal(scale) ||
        std::fabs(scale) < 0x1p-16 || std::fabs(scale) > 0x1p16)
      break;
    factor *= scale;
    x = from;
  }
  return x;
}

/// Scores below this leave nothing of their keys.
constexpr double kHidden = -1e30;

/// True where `mask` is one constant square of the scores' last two extents,
/// and `isAllowed(element, n <= m)` holds for all of it.
template <typename Element>
bool isTriangle(Value mask, RankedTensorType scores,
                function_ref<bool(Element, bool)> isAllowed) {
  std::optional<ConstantData> data = ConstantData::get(mask);
  int64_t rank = scores.getRank(), extent = scores.getDimSize(rank - 1);
  if (!data || data->isSplat() || extent == kDynamic ||
      scores.getDimSize(rank - 2) != extent || data->type().getRank() < 2 ||
      !data->type().getShape().take_back(2).equals({extent, extent}) ||
      data->numElements() != extent * extent ||
      sizeof(Element) != elementBytes(data->type().getElementType()))
    return false;
  const auto *all = reinterpret_cast<const Element *>(data->bytes().data());
  for (int64_t m = 0; m < extent; ++m)
    for (int64_t n = 0; n < extent; ++n)
      if (!isAllowed(all[m * extent + n], n <= m))
        return false;
  return true;
}

/// A constant that is true exactly where n <= m.
bool isTriangleOfTrue(Value mask, RankedTensorType scores) {
  return tensorType(mask).getElementType().isInteger(1) &&
         isTriangle<uint8_t>(mask, scores, [](uint8_t x, bool earlier) {
           return (x != 0) == earlier;
         });
}

/// A constant that is 0 where n <= m and hides the score elsewhere.
bool isTriangleOfZeros(Value bias, RankedTensorType scores) {
  return tensorType(bias).getElementType().isF32() &&
         isTriangle<float>(bias, scores, [](float x, bool earlier) {
           return earlier ? x == 0 : x <= kHidden;
         });
}

/// The operand of `step` that passes on where n <= m, where `step` hides all
/// else behind minus infinity or nearly so.
Value unmasked(Operation *step) {
  RankedTensorType scores = tensorType(step->getResult(0));
  if (auto select = dyn_cast<SelectOp>(step)) {
    std::optional<double> hidden = splatValue(select.getY());
    if (hidden && *hidden <= kHidden &&
        isTriangleOfTrue(select.getCondition(), scores))
      return select.getX();
  }
  if (auto add = dyn_cast<AddOp>(step)) {
    if (isTriangleOfZeros(add.getY(), scores))
      return add.getX();
    if (isTriangleOfZeros(add.getX(), scores))
      return add.getY();
  }
  return {};
}

/// Builds the region of the attention, and collects what it reads.
class ScoreBuilder {
public:
  ScoreBuilder(OpBuilder &outside, Score &score)
      : outside(outside), score(score),
        rank(tensorType(score.source.getResult()).getRank()) {}

  /// What the region says: scores of later positions do not count.
  bool causal = false;
  SmallVector<Value> extras;
  SmallVector<AffineMap> maps;

  /// Reads of all steps, in front of the attention.
  void collect() {
    for (Operation *step : score.steps) {
      if (Value passed = unmasked(step)) {
        causal = true;
        continue;
      }
      for (Value operand : step->getOperands())
        if (!isInner(operand) && !scalarOf(operand) &&
            !places.contains(operand))
          addExtra(operand);
    }
  }

  void fill(Region &region, double factor) {
    Location loc = score.source.getLoc();
    Block &block = region.emplaceBlock();
    IRMapping values;
    ImplicitLocOpBuilder b(loc, outside.getContext());
    b.setInsertionPointToStart(&block);
    Value sum = block.addArgument(b.getF32Type(), loc);
    for (Value extra : extras)
      block.addArgument(tensorType(extra).getElementType(), loc);
    if (factor != 1)
      sum = arith::MulFOp::create(b, sum,
                                  scalar::constant(b, b.getF32Type(), factor));
    values.map(score.source.getResult(), sum);
    for (Operation *step : score.steps)
      fillStep(step, b, values, block);
    Value last = score.steps.empty() ? Value(score.source.getResult())
                                     : score.steps.back()->getResult(0);
    kernel::YieldOp::create(b, values.lookup(last));
  }

private:
  bool isInner(Value value) const {
    Operation *op = value.getDefiningOp();
    return op && (op == score.source || score.steps.contains(op));
  }

  static TypedAttr scalarOf(Value value) {
    DenseElementsAttr elements;
    if (!matchPattern(value, m_Constant(&elements)) || !elements.isSplat())
      return {};
    Type type = elements.getElementType();
    auto integer = dyn_cast<IntegerType>(type);
    if (integer && !integer.isSignless())
      return {};
    return elements.getSplatValue<TypedAttr>();
  }

  void addExtra(Value operand) {
    places[operand] = extras.size();
    RankedTensorType type = tensorType(operand);
    auto loops = tensorType(score.source.getResult()).getShape();
    SmallVector<AffineExpr> at;
    // Ranks below 4 lack the batch, then the heads.
    for (int64_t i = 0, offset = rank - type.getRank(); i < type.getRank(); ++i)
      at.push_back(type.getDimSize(i) == 1 && loops[offset + i] != 1
                       ? outside.getAffineConstantExpr(0)
                       : outside.getAffineDimExpr(4 - rank + offset + i));
    // Booleans are read as floats, of which vectors can be loaded.
    Value read = operand;
    if (type.getElementType().isInteger(1))
      read = CastOp::create(outside, operand.getLoc(),
                            type.clone(outside.getF32Type()), operand,
                            outside.getF32Type());
    extras.push_back(read);
    maps.push_back(AffineMap::get(4, 0, at, outside.getContext()));
  }

  void fillStep(Operation *step, ImplicitLocOpBuilder &b, IRMapping &values,
                Block &block) {
    b.setLoc(step->getLoc());
    if (Value passed = unmasked(step)) {
      values.map(step->getResult(0), values.lookup(passed));
      return;
    }
    SmallVector<Value> scalars;
    for (Value operand : step->getOperands()) {
      if (isInner(operand)) {
        scalars.push_back(values.lookup(operand));
      } else if (TypedAttr constant = scalarOf(operand)) {
        scalars.push_back(arith::ConstantOp::create(b, constant));
      } else {
        Value read = block.getArgument(1 + places.lookup(operand));
        if (tensorType(operand).getElementType().isInteger(1))
          read = arith::CmpFOp::create(b, arith::CmpFPredicate::UNE, read,
                                       scalar::constant(b, read.getType(), 0));
        scalars.push_back(read);
      }
    }
    values.map(step->getResult(0),
               cast<ScalarBody>(step).buildScalar(b, scalars));
  }

  OpBuilder &outside;
  Score &score;
  int64_t rank;
  llvm::DenseMap<Value, size_t> places;
};

//===-- Heads
//------------------------------------------------------------------//

/// An operand of a product as [batch, head, row, column], the last two possibly
/// exchanged, and where it comes from.
struct Operand {
  Value source;
  bool swapped = false; ///< the source's dimensions 1 and 2 are exchanged
};

/// What `value`, of rank 4, is a transpose of whose batches were merged into
/// one dimension meanwhile; null if it is none. Exporters without a transpose
/// of rank 4 write the keys so.
Value throughMergedBatches(Value value) {
  auto split = value.getDefiningOp<ReshapeOp>();
  auto transpose =
      split ? split.getInput().getDefiningOp<TransposeOp>() : TransposeOp();
  auto merge =
      transpose ? transpose.getInput().getDefiningOp<ReshapeOp>() : ReshapeOp();
  if (!merge || transpose.getPermutation() != ArrayRef<int64_t>{0, 2, 1})
    return {};
  auto from = tensorType(merge.getInput()).getShape(),
       between = tensorType(merge).getShape(),
       to = tensorType(value).getShape();
  // With one extent unknown the others tell it.
  if (from.size() != 4 || llvm::count(from, kDynamic) > 1 ||
      llvm::count(between, kDynamic) > 1 || llvm::count(to, kDynamic) > 1 ||
      llvm::is_contained(from, 0) || from[0] != to[0] || from[1] != to[1] ||
      from[2] != to[3] || from[3] != to[2] || from[2] != between[1] ||
      from[3] != between[2])
    return {};
  return merge.getInput();
}

/// `value`, of rank 4, which the product reads with its last two dimensions
/// exchanged if `flipped`, as rows of columns.
Operand rowsOf(OpBuilder &b, Location loc, Value value, bool flipped) {
  if (Value unflipped = flipped ? throughMergedBatches(value) : Value())
    return rowsOf(b, loc, unflipped, false);
  if (auto transpose = value.getDefiningOp<TransposeOp>()) {
    ArrayRef<int64_t> permutation = transpose.getPermutation();
    if (permutation == ArrayRef<int64_t>(flipped
                                             ? ArrayRef<int64_t>{0, 2, 3, 1}
                                             : ArrayRef<int64_t>{0, 2, 1, 3}))
      return {transpose.getInput(), true};
    if (flipped && permutation == ArrayRef<int64_t>{0, 1, 3, 2})
      return {transpose.getInput(), false};
  }
  if (flipped)
    value = TransposeOp::create(b, loc, value, ArrayRef<int64_t>{0, 1, 3, 2});
  return {value, false};
}

/// `value` with dimensions of 1 in front, so that its rank is 4.
Value withRankFour(OpBuilder &b, Location loc, Value value) {
  int64_t missing = 4 - tensorType(value).getRank();
  if (missing == 0)
    return value;
  return UnsqueezeOp::create(b, loc, value,
                             llvm::to_vector(llvm::seq<int64_t>(0, missing)));
}

bool isProductOfFloats(MatMulOp op) {
  int64_t rank = op.getType().getRank();
  return op.getType().getElementType().isF32() && rank >= 2 && rank <= 4 &&
         tensorType(op.getLhs()).getRank() == rank &&
         tensorType(op.getRhs()).getRank() == rank;
}

/// x where `value` is x with NaN replaced by 0.
Value withoutNan(Value value) {
  auto select = value.getDefiningOp<SelectOp>();
  auto isNan =
      select ? select.getCondition().getDefiningOp<IsNanOp>() : IsNanOp();
  if (!isNan || !select->hasOneUse() || !isNan->hasOneUse() ||
      splatValue(select.getX()) != 0 || isNan.getX() != select.getY())
    return {};
  return select.getY();
}

bool hasUses(Operation *op, unsigned count) {
  return static_cast<unsigned>(std::distance(op->use_begin(), op->use_end())) ==
         count;
}

/// One attention: its two products and what is between.
class Fusion {
public:
  static std::optional<Fusion> match(MatMulOp second) {
    Value probabilities = second.getLhs();
    Value numbers = withoutNan(probabilities);
    auto softmax =
        (numbers ? numbers : probabilities).getDefiningOp<SoftmaxOp>();
    RankedTensorType type = second.getType();
    int64_t rank = type.getRank();
    if (!softmax || !hasUses(softmax, numbers ? 2 : 1) || softmax.getLog() ||
        second.getTransposeLhs() || !isProductOfFloats(second) ||
        static_cast<int64_t>(softmax.getAxis()) != rank - 1)
      return std::nullopt;
    std::optional<Score> score = Score::match(softmax);
    if (!score || !isProductOfFloats(score->source) ||
        score->source->getBlock() != second->getBlock())
      return std::nullopt;
    Fusion fusion(second, std::move(*score), softmax, numbers != nullptr);
    if (!fusion.hasFittingShapes())
      return std::nullopt;
    return fusion;
  }

  void apply(RewriterBase &rewriter);

private:
  Fusion(MatMulOp second, Score score, SoftmaxOp softmax, bool nanAsZero)
      : second(second), score(std::move(score)), softmax(softmax),
        nanAsZero(nanAsZero) {}

  /// The queries have all batches and heads of the result, keys and values the
  /// same heads, and all depths are known.
  bool hasFittingShapes() {
    MatMulOp first = score.source;
    RankedTensorType query = tensorType(first.getLhs()),
                     key = tensorType(first.getRhs()),
                     value = tensorType(second.getRhs()),
                     out = second.getType();
    int64_t rank = out.getRank(), rows = out.getDimSize(rank - 2);
    return query.getShape().drop_back(2) == out.getShape().drop_back(2) &&
           (rank < 3 ||
            key.getDimSize(rank - 3) == value.getDimSize(rank - 3)) &&
           !query.isDynamicDim(rank - (first.getTransposeLhs() ? 2 : 1)) &&
           !value.isDynamicDim(rank - (second.getTransposeRhs() ? 2 : 1)) &&
           (rows == kDynamic || rows >= kLeastRows);
  }

  Location location();
  static void replace(RewriterBase &rewriter, Operation *op, Value result);

  MatMulOp second;
  Score score;
  SoftmaxOp softmax;
  bool nanAsZero;
};

Location Fusion::location() {
  SmallVector<Location> all = {score.source.getLoc()};
  for (Operation *step : score.steps)
    all.push_back(step->getLoc());
  all.push_back(softmax->getLoc());
  all.push_back(second.getLoc());
  return FusedLoc::get(second.getContext(), all);
}

void Fusion::apply(RewriterBase &rewriter) {
  MatMulOp first = score.source;
  Location loc = location();
  rewriter.setInsertionPoint(second);
  double factor = 1;
  auto operand = [&](Value value, bool flipped, bool scaled) {
    if (scaled)
      value = peelScale(value, factor);
    Operand rows =
        rowsOf(rewriter, loc, withRankFour(rewriter, loc, value), flipped);
    if (scaled)
      rows.source = peelScale(rows.source, factor);
    return rows;
  };
  Operand query = operand(first.getLhs(), first.getTransposeLhs(), true),
          key = operand(first.getRhs(), !first.getTransposeRhs(), true),
          value = operand(second.getRhs(), second.getTransposeRhs(), false);
  ScoreBuilder builder(rewriter, score);
  builder.collect();

  // A transpose behind the product is what the kernel writes at once.
  TransposeOp after;
  if (second->hasOneUse())
    after = dyn_cast<TransposeOp>(*second->user_begin());
  if (after && after.getPermutation() != ArrayRef<int64_t>{0, 2, 1, 3})
    after = {};
  DimBuilder d(rewriter, loc);
  SmallVector<OpFoldResult> dims = d.allOf(query.source);
  if (query.swapped != (after != nullptr))
    std::swap(dims[1], dims[2]);
  dims[3] = d.of(value.source, 3);
  Value empty =
      tensor::EmptyOp::create(rewriter, loc, dims, rewriter.getF32Type());
  auto attention = kernel::AttentionOp::create(
      rewriter, loc, empty.getType(), query.source, key.source, value.source,
      builder.extras, empty, rewriter.getAffineMapArrayAttr(builder.maps),
      rewriter.getDenseBoolArrayAttr(
          {query.swapped, key.swapped, value.swapped, after != nullptr}),
      builder.causal ? rewriter.getUnitAttr() : UnitAttr(),
      nanAsZero ? rewriter.getUnitAttr() : UnitAttr(),
      softmax.getMasked() ? rewriter.getUnitAttr() : UnitAttr());
  builder.fill(attention.getEpilogue(), factor);
  replace(rewriter, after ? after.getOperation() : second.getOperation(),
          attention.getResult(0));
}

/// Replaces `op`, and drops what only it used.
void Fusion::replace(RewriterBase &rewriter, Operation *op, Value result) {
  Location loc = op->getLoc();
  auto type = cast<RankedTensorType>(op->getResult(0).getType());
  if (int64_t extra = 4 - type.getRank())
    result = SqueezeOp::create(rewriter, loc, result,
                               llvm::to_vector(llvm::seq<int64_t>(0, extra)));
  if (result.getType() != type)
    result = tensor::CastOp::create(rewriter, loc, type, result);
  rewriter.replaceAllUsesWith(op->getResult(0), result);
  llvm::SetVector<Operation *> dead;
  dead.insert(op);
  while (!dead.empty()) {
    Operation *next = dead.pop_back_val();
    if (!next->use_empty() || !isPure(next))
      continue;
    for (Value operand : next->getOperands())
      if (Operation *producer = operand.getDefiningOp())
        dead.insert(producer);
    rewriter.eraseOp(next);
  }
}

struct FuseAttention : graph::impl::FuseAttentionBase<FuseAttention> {
  void runOnOperation() final {
    // A product is erased with the softmax behind it, when it has been visited.
    SmallVector<MatMulOp> products;
    getOperation().walk([&](MatMulOp op) { products.push_back(op); });
    IRRewriter rewriter(&getContext());
    for (MatMulOp op : products)
      if (std::optional<Fusion> fusion = Fusion::match(op)) {
        fusion->apply(rewriter);
        ++numFused;
      }
  }
};

} // namespace
