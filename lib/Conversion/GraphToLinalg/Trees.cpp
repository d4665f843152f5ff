// graph.tree_ensemble. A step down a tree is three loads, a comparison and an
// addition, without a branch; what limits it is the latency of the loads. So
// many walks are made at once: of many rows down one tree, which stays in the
// nearest cache meanwhile, and of one row down many trees where rows are too
// few. They end together, when all of them have come to leaves. Either way the
// leaves of a row are combined in the order of the trees.

#include "Lines.h"
#include "Reduce.h"

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;

namespace weft::lowering {
namespace {

constexpr int64_t kWalks = 16; ///< at once
/// Walks of up to so many steps are not asked whether they have ended.
constexpr int64_t kBlindSteps = 6;
/// Rows of one work item: many, so that a tree serves many rows once it is in
/// the cache, but there are as many items as usual threads, and the rows
/// themselves stay in a cache.
constexpr int64_t kLeastRows = 32, kMostRows = 256, kItems = 32,
                  kMostElements = 1 << 16;

/// The walks of one work item, whose rows begin at `first`.
struct Forest {
  graph::TreeEnsembleOp op;
  Value first;

  int64_t wordBits() {
    return op.getNodes().getType().getElementTypeBitWidth();
  }
  Value number(ImplicitLocOpBuilder &b, Value integer) {
    return arith::IndexCastUIOp::create(b, b.getIndexType(), integer);
  }
  Value word(ImplicitLocOpBuilder &b, Value node, int64_t i) {
    return tensor::ExtractOp::create(
        b, op.getNodes(),
        ValueRange{node, arith::ConstantIndexOp::create(b, i)});
  }
  Value constant(ImplicitLocOpBuilder &b, int64_t value) {
    return arith::ConstantIntOp::create(b, value, wordBits());
  }
  Value lowBits(ImplicitLocOpBuilder &b, Value word, int64_t bits) {
    return arith::AndIOp::create(b, word,
                                 constant(b, (int64_t(1) << bits) - 1));
  }

  /// The node after `node`, whose second word is `second`.
  Value step(ImplicitLocOpBuilder &b, Value row, Value node, Value second) {
    int64_t bits = op.getFeatureBits();
    bool nan = op.getNanRight();
    Type compared = wordBits() == 32 ? Type(b.getF32Type()) : b.getF64Type();
    Value feature = number(b, lowBits(b, second, bits - nan));
    Value x = convertFloat(
        b,
        tensor::ExtractOp::create(b, op.getInput(), ValueRange{row, feature}),
        compared);
    Value threshold = arith::BitcastOp::create(b, compared, word(b, node, 0));
    // A comparison with NaN does not hold: leaves stay where they are.
    Value right =
        arith::CmpFOp::create(b, arith::CmpFPredicate::OLE, x, threshold);
    if (nan) {
      Value isNan = arith::CmpFOp::create(b, arith::CmpFPredicate::UNO, x, x);
      Value flag = arith::TruncIOp::create(
          b, b.getI1Type(),
          arith::ShRUIOp::create(b, second, constant(b, bits - 1)));
      right =
          arith::OrIOp::create(b, right, arith::AndIOp::create(b, isNan, flag));
    }
    Value offset =
        number(b, arith::ShRUIOp::create(b, second, constant(b, bits)));
    return arith::AddIOp::create(b, arith::AddIOp::create(b, node, offset),
                                 number(b, right));
  }

  /// One step of each walk. `all` becomes the bits of the second words, joined
  /// one by one: to hold all of them takes more registers than there are.
  SmallVector<Value> steps(ImplicitLocOpBuilder &b, ArrayRef<Value> rows,
                           ValueRange nodes, Value *all = nullptr) {
    SmallVector<Value> next;
    for (auto [row, node] : llvm::zip_equal(rows, nodes)) {
      Value second = word(b, node, 1);
      if (all)
        *all = *all ? arith::OrIOp::create(b, *all, second) : second;
      next.push_back(step(b, row, node, second));
    }
    return next;
  }

  SmallVector<Value> walkToLeaves(ImplicitLocOpBuilder &b, ArrayRef<Value> rows,
                                  ArrayRef<Value> nodes) {
    SmallVector<Type> types(nodes.size(), b.getIndexType());
    auto walks = scf::WhileOp::create(
        b, types, nodes,
        [&](OpBuilder &nested, Location loc, ValueRange at) {
          ImplicitLocOpBuilder body(loc, nested);
          Value all;
          SmallVector<Value> next = steps(body, rows, at, &all);
          // No walk that still has a way to go has an offset of 0.
          Value more = arith::CmpIOp::create(
              body, arith::CmpIPredicate::uge, all,
              constant(body, int64_t(1) << op.getFeatureBits()));
          scf::ConditionOp::create(body, more, next);
        },
        [](OpBuilder &nested, Location loc, ValueRange next) {
          scf::YieldOp::create(nested, loc, next);
        });
    return SmallVector<Value>(walks.getResults());
  }

  /// The rows of leaves that walks from `nodes` end at.
  SmallVector<Value> walk(ImplicitLocOpBuilder &b, SmallVector<Value> rows,
                          SmallVector<Value> nodes) {
    for (Value &row : rows)
      row = arith::AddIOp::create(b, first, row);
    // At the root of one tree all rows read the same node.
    int64_t taken = 0;
    if (nodes.front() == nodes.back() && op.getDepth() > 0) {
      nodes = steps(b, rows, nodes);
      taken = 1;
    }
    if (op.getDepth() <= kBlindSteps)
      nodes = loop(b, arith::ConstantIndexOp::create(b, taken),
                   arith::ConstantIndexOp::create(b, op.getDepth()), nodes,
                   [&](ImplicitLocOpBuilder &body, Value, ValueRange at) {
                     return steps(body, rows, at);
                   });
    else
      nodes = walkToLeaves(b, rows, nodes);
    for (Value &node : nodes)
      node = number(b, lowBits(b, word(b, node, 0),
                               graph::TreeEnsembleOp::rowBits(wordBits())));
    return nodes;
  }

  /// `part` after the leaves joined, each its row of `rows`, one after another.
  Value gather(ImplicitLocOpBuilder &b, Value part, ArrayRef<Value> rows,
               ArrayRef<Value> leaves) {
    Value zero = arith::ConstantIndexOp::create(b, 0);
    Value columns = b.createOrFold<tensor::DimOp>(op.getLeaves(), 1);
    return loop(b, zero, columns, part,
                [&](ImplicitLocOpBuilder &body, Value column, ValueRange x) {
                  bool oneRow = rows.front() == rows.back();
                  return SmallVector<Value>{
                      oneRow ? joinOne(body, x[0], rows.front(), leaves, column)
                             : joinEach(body, x[0], rows, leaves, column)};
                })[0];
  }

  SmallVector<Value> placeOf(ImplicitLocOpBuilder &b, Value row, Value leaf,
                             Value column) {
    if (Value ids = op.getTargetIds())
      column = number(
          b, tensor::ExtractOp::create(b, ids, ValueRange{leaf, column}));
    return {row, column};
  }
  Value joined(ImplicitLocOpBuilder &b, Value sum, Value leaf, Value column) {
    return combine(
        b, op.getKind(), sum,
        tensor::ExtractOp::create(b, op.getLeaves(), ValueRange{leaf, column}),
        /*isUnsigned=*/false);
  }

  /// Joins leaves with one row. They may speak of the same target.
  Value joinOne(ImplicitLocOpBuilder &b, Value part, Value row,
                ArrayRef<Value> leaves, Value column) {
    if (!op.getTargetIds()) {
      SmallVector<Value> place = {row, column};
      Value sum = tensor::ExtractOp::create(b, part, place);
      for (Value leaf : leaves)
        sum = joined(b, sum, leaf, column);
      return tensor::InsertOp::create(b, sum, part, place);
    }
    for (Value leaf : leaves)
      part = joinEach(b, part, row, leaf, column);
    return part;
  }

  /// Joins leaves with rows of their own: all are read before one is written.
  Value joinEach(ImplicitLocOpBuilder &b, Value part, ArrayRef<Value> rows,
                 ArrayRef<Value> leaves, Value column) {
    SmallVector<SmallVector<Value>> places;
    SmallVector<Value> sums;
    for (auto [row, leaf] : llvm::zip_equal(rows, leaves)) {
      places.push_back(placeOf(b, row, leaf, column));
      Value before = tensor::ExtractOp::create(b, part, places.back());
      sums.push_back(joined(b, before, leaf, column));
    }
    for (auto [sum, place] : llvm::zip_equal(sums, places))
      part = tensor::InsertOp::create(b, sum, part, place);
    return part;
  }

  Value rootOf(ImplicitLocOpBuilder &b, Value tree) {
    return number(b, tensor::ExtractOp::create(b, op.getRoots(), tree));
  }

  Value group(ImplicitLocOpBuilder &b, Value part, ArrayRef<Value> rows,
              ArrayRef<Value> roots) {
    return gather(b, part, rows,
                  walk(b, SmallVector<Value>(rows), SmallVector<Value>(roots)));
  }

  /// `count` values from `i` on.
  SmallVector<Value> following(ImplicitLocOpBuilder &b, Value i,
                               int64_t count) {
    SmallVector<Value> values;
    for (int64_t k = 0; k < count; ++k)
      values.push_back(
          arith::AddIOp::create(b, i, arith::ConstantIndexOp::create(b, k)));
    return values;
  }

  /// All trees, one after another, for rows up to `end`, kWalks at once.
  Value visitRows(ImplicitLocOpBuilder &b, Value part, Value end) {
    Value zero = arith::ConstantIndexOp::create(b, 0);
    Value trees = b.createOrFold<tensor::DimOp>(op.getRoots(), 0);
    return loop(
        b, zero, trees, part,
        [&](ImplicitLocOpBuilder &body, Value tree, ValueRange carried) {
          SmallVector<Value> roots(kWalks, rootOf(body, tree));
          return strided(
              body, zero, end, carried,
              [&](ImplicitLocOpBuilder &inner, Value row, ValueRange x) {
                return group(inner, x[0], following(inner, row, kWalks), roots);
              });
        })[0];
  }

  /// All trees, kWalks at once, for each row from `begin` to `end`.
  Value visitTrees(ImplicitLocOpBuilder &b, Value part, Value begin,
                   Value end) {
    int64_t trees = op.getRoots().getType().getDimSize(0);
    auto eachRow = [&](ImplicitLocOpBuilder &body, Value tree, int64_t count,
                       ValueRange carried) {
      SmallVector<Value> roots;
      for (Value at : following(body, tree, count))
        roots.push_back(rootOf(body, at));
      return loop(body, begin, end, carried,
                  [&](ImplicitLocOpBuilder &inner, Value row, ValueRange x) {
                    SmallVector<Value> rows(count, row);
                    return SmallVector<Value>{group(inner, x[0], rows, roots)};
                  });
    };
    int64_t grouped = trees / kWalks * kWalks;
    Value last = arith::ConstantIndexOp::create(b, grouped);
    part = strided(b, arith::ConstantIndexOp::create(b, 0), last, part,
                   [&](ImplicitLocOpBuilder &body, Value tree, ValueRange x) {
                     return eachRow(body, tree, kWalks, x)[0];
                   })[0];
    return trees == grouped ? part : eachRow(b, last, trees - grouped, part)[0];
  }

  /// A loop in strides of kWalks that carries a part.
  SmallVector<Value>
  strided(ImplicitLocOpBuilder &b, Value from, Value to, ValueRange carried,
          function_ref<Value(ImplicitLocOpBuilder &, Value, ValueRange)> body) {
    auto op = scf::ForOp::create(
        b, from, to, arith::ConstantIndexOp::create(b, kWalks), carried,
        [&](OpBuilder &nested, Location loc, Value i, ValueRange before) {
          ImplicitLocOpBuilder inner(loc, nested);
          scf::YieldOp::create(inner, body(inner, i, before));
        });
    return SmallVector<Value>(op.getResults());
  }
};

struct TreeEnsembleToLoops : OpRewritePattern<graph::TreeEnsembleOp> {
  using OpRewritePattern::OpRewritePattern;

  static OpFoldResult rowsOfItem(graph::DimBuilder &d, graph::TreeEnsembleOp op,
                                 OpFoldResult rows) {
    OpFoldResult cached =
        d.div(d.constant(kMostElements), d.of(op.getInput(), 1));
    OpFoldResult most = d.min(d.constant(kMostRows), cached);
    OpFoldResult wanted =
        d.max(d.constant(kLeastRows), d.min(most, d.floorDiv(rows, kItems)));
    return d.mul(d.floorDiv(wanted, kWalks), d.constant(kWalks));
  }

  LogicalResult matchAndRewrite(graph::TreeEnsembleOp op,
                                PatternRewriter &rewriter) const final {
    LoopBuilder b(op, rewriter);
    graph::DimBuilder d = b.dims();
    SmallVector<OpFoldResult> dims = b.resultDims();
    if (!b.ok())
      return failure();
    Type element = op.getType().getElementType();
    Value init = b.empty(dims, element);
    OpFoldResult step = rowsOfItem(d, op, dims[0]), one = d.constant(1);
    OpFoldResult items = d.div(d.add(dims[0], d.sub(step, one)), step);
    auto forall = scf::ForallOp::create(b, ArrayRef<OpFoldResult>{items},
                                        ValueRange{init}, std::nullopt);
    b.setInsertionPointToStart(forall.getBody());
    OpFoldResult first = d.mul(forall.getInductionVar(0), step);
    OpFoldResult rows = d.min(step, d.sub(dims[0], first));
    SmallVector<OpFoldResult> offsets = {first, d.constant(0)},
                              sizes = {rows, dims[1]}, strides = {one, one};
    Value shared = forall.getRegionIterArgs()[0];
    Value part =
        tensor::ExtractSliceOp::create(b, shared, offsets, sizes, strides);
    part = linalg::FillOp::create(b, neutral(b, op.getKind(), element, false),
                                  part)
               .getResult(0);
    Forest forest{op, d.value(first)};
    Value together =
        d.value(d.mul(d.floorDiv(rows, kWalks), d.constant(kWalks)));
    part = forest.visitRows(b, part, together);
    part = forest.visitTrees(b, part, together, d.value(rows));
    b.setInsertionPointToStart(forall.getTerminator().getBody());
    tensor::ParallelInsertSliceOp::create(b, part, shared, offsets, sizes,
                                          strides);
    b.setInsertionPointAfter(forall);
    b.replace(forall.getResults());
    return success();
  }
};

} // namespace

void addTreePatterns(RewritePatternSet &patterns) {
  patterns.add<TreeEnsembleToLoops>(patterns.getContext());
}

} // namespace weft::lowering
