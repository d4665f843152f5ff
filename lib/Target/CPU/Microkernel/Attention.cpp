// Attention. One work item is a block of query rows of one head:
//
//   copy the queries, padded
//   for each block of keys
//     pack keys (transposed) and values in groups of columns
//     for each tile of rows
//       scores = score region(queries * keys)          a few KiB, in L1
//       correct maximum, sum and results so far; scores = exp(scores - maximum)
//       results += scores * values
//   results / sum
//
// So the scores are never stored as a whole, however many keys there are. Every
// sum takes in keys in ascending order, and blocks of keys do not depend on how
// work is divided: threads change no bit of the result.

#include "../TransposeVectors.h"
#include "Epilogue.h"
#include "Microkernel.h"
#include "Product.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

#include <limits>

using namespace mlir;

namespace weft::cpu {
namespace {

/// Rows of buffers lie this much further apart than they are long, so that they
/// do not fall into the same sets of L1.
constexpr int64_t kRowPad = 16;

/// Rows whose softmax is computed side by side: joining the lanes of one is a
/// chain of shuffles that leaves the machine idle.
constexpr int64_t kSoftmaxRows = 4;

/// An operand, and which of its heads the item works on; by row and column,
/// however its dimensions lie.
struct Heads {
  Value memory;
  bool swapped;
  Value batch, head;

  MemRefType type() const { return cast<MemRefType>(memory.getType()); }
  Value batches(LoopBuilder &b) const { return b.dim(memory, 0); }
  Value heads(LoopBuilder &b) const { return b.dim(memory, swapped ? 2 : 1); }
  Value rows(LoopBuilder &b) const { return b.dim(memory, swapped ? 1 : 2); }
  int64_t depth() const { return type().getDimSize(3); }
  Values at(Value row, Value column) const {
    if (swapped)
      return {batch, row, head, column};
    return {batch, head, row, column};
  }
};

class AttentionEmitter {
public:
  AttentionEmitter(kernel::AttentionOp op, const Machine &machine,
                   const Tile &tile);
  void emit();

private:
  void emitItem();
  void allocateBuffers();
  void resetRows();
  void copyQueries();
  void packKeys();
  void packValues();
  void emitBlock();
  void emitScores(int64_t size, Value row, Value columns);
  void emitGroup(int64_t size, int64_t vectors, Value row, Value group,
                 Value limit);
  void storeScores(Value sums, int64_t r, Value row, Value column, Value limit);
  void emitSoftmax(int64_t size, Value first, Value row, Value columns);
  void finishSoftmax(Value row, Value maximum, Value base, Value sum);
  Value exponential(Value x);
  void scaleResults(Value row, Value shrink);
  void addValues(int64_t size, Value row, Value columns);
  void finishRows();

  Value allocate(ArrayRef<int64_t> shape);
  Value real(double value);
  Value splatReal(double value);
  Value loadColumns(const Heads &from, Value row, int64_t column);
  Value larger(Value x, Value y);
  Value joinLanes(Value vector, function_ref<Value(Value, Value)> join);
  Value itemRow(Value row) { return b.sub(row, firstRow); }
  int64_t groupsOf(int64_t columns) const {
    return llvm::divideCeil(columns, groupColumns);
  }
  /// Row `row` of the item's maxima and sums.
  Value loadStatistic(Value buffer, Value row) {
    return memref::LoadOp::create(b, buffer, ValueRange{row});
  }

  LoopBuilder b;
  Tile tile;
  Product product;
  Epilogue score;
  Heads query, key, value, out;
  bool causal, nanAsZero, masked;
  bool once;      ///< one block has all keys, so that no maximum ever grows
  RowSplit split; ///< of the query rows
  int64_t lanes, groupColumns;
  Value keys; ///< how many there are

  // Of the item that is being emitted.
  Value firstTile, lastTile, firstRow;
  Value queryBuffer, keyBuffer, valueBuffer, scoreBuffer, resultBuffer;
  Value maxima, sums;
  Value begin, count; ///< the block of keys
};

AttentionEmitter::AttentionEmitter(kernel::AttentionOp op,
                                   const Machine &machine, const Tile &tile)
    : b(op.getLoc(), op), tile(tile), product(b.getF32Type(), machine),
      query{op.getQuery(), op.getSwapped()[0], {}, {}},
      key{op.getKey(), op.getSwapped()[1], {}, {}},
      value{op.getValue(), op.getSwapped()[2], {}, {}},
      out{op.getOutputs()[0], op.getSwapped()[3], {}, {}},
      causal(op.getCausal()), nanAsZero(op.getNanAsZero()),
      masked(op.getMasked()), split(b, out.rows(b), tile.rows),
      lanes(product.lanes()), groupColumns(kAttentionVectors * lanes),
      keys(key.rows(b)) {
  score = {&op.getEpilogue().front(), Values(op.getExtras()),
           llvm::to_vector(op.getExtraMaps().getAsValueRange<AffineMapAttr>()),
           out.memory};
  int64_t known = constantOf(keys).value_or(0);
  once = known > 0 && known <= tile.depth;
}

void AttentionEmitter::emit() {
  Values extents = {out.batches(b), out.heads(b),
                    b.divUp(split.count, b.index(tile.itemTiles))};
  Value items = b.mul(b.mul(extents[0], extents[1]), extents[2]);
  emitItems(b, items, [&](Value item) {
    Values at = b.delinearize(item, extents);
    out.batch = query.batch = at[0], out.head = query.head = at[1];
    firstTile = b.mul(at[2], tile.itemTiles);
    lastTile = b.min(b.add(firstTile, tile.itemTiles), split.count);
    firstRow = split.start(b, firstTile);
    for (Heads *shared : {&key, &value}) {
      Value isOne = b.createOrFold<arith::CmpIOp>(
          arith::CmpIPredicate::eq, shared->batches(b), b.index(1));
      shared->batch = b.createOrFold<arith::SelectOp>(isOne, b.index(0), at[0]);
      shared->head = b.div(at[1], b.div(out.heads(b), shared->heads(b)));
    }
    emitItem();
  });
}

Value AttentionEmitter::allocate(ArrayRef<int64_t> shape) {
  return memref::AllocOp::create(b, MemRefType::get(shape, b.getF32Type()),
                                 ValueRange(), b.getI64IntegerAttr(64));
}

Value AttentionEmitter::real(double number) {
  return arith::ConstantOp::create(b, b.getF32FloatAttr(number));
}

Value AttentionEmitter::splatReal(double number) {
  return arith::ConstantOp::create(
      b, DenseElementsAttr::get(product.sums(), static_cast<float>(number)));
}

void AttentionEmitter::allocateBuffers() {
  int64_t rows = tile.itemTiles * tile.rows;
  queryBuffer = allocate({rows, query.depth() + kRowPad});
  keyBuffer = allocate({groupsOf(tile.depth), query.depth(), groupColumns});
  valueBuffer = allocate({groupsOf(value.depth()), tile.depth, groupColumns});
  scoreBuffer = allocate({tile.rows, tile.depth + kRowPad});
  resultBuffer = allocate({rows, groupsOf(value.depth()) * groupColumns});
  sums = allocate({rows});
  if (!once)
    maxima = allocate({rows});
}

void AttentionEmitter::emitItem() {
  allocateBuffers();
  copyQueries();
  if (!once)
    resetRows();
  b.loop(b.index(0), keys, tile.depth, [&](Value first) {
    begin = first;
    count = b.min(b.sub(keys, first), b.index(tile.depth));
    emitBlock();
  });
  finishRows();
}

void AttentionEmitter::emitBlock() {
  packKeys();
  packValues();
  split.forEach(b, firstTile, lastTile, [&](int64_t size, Value row) {
    // Causal: the tile's last row sees the keys up to its own number.
    Value columns = count;
    if (causal) {
      Value end = b.add(row, size);
      columns = b.min(count, b.sub(b.max(end, begin), begin));
    }
    b.when(b.less(b.index(0), columns), [&] {
      emitScores(size, row, columns);
      int64_t together = size / kSoftmaxRows * kSoftmaxRows;
      b.loop(b.index(0), b.index(together), kSoftmaxRows, [&](Value r) {
        emitSoftmax(kSoftmaxRows, r, itemRow(row), columns);
      });
      emitSoftmax(size - together, b.index(together), itemRow(row), columns);
      addValues(size, row, columns);
    });
  });
}

//===-- Copies
//-----------------------------------------------------------------//

/// A register of `row` from `column` on, zeros past the last column.
Value AttentionEmitter::loadColumns(const Heads &from, Value row,
                                    int64_t column) {
  VectorType type = product.sums();
  int64_t valid = std::min(lanes, from.depth() - column);
  if (valid <= 0)
    return splatReal(0);
  if (from.type().areTrailingDimsContiguous(1)) {
    Values at = from.at(row, b.index(column));
    if (valid == lanes)
      return vector::LoadOp::create(b, type, from.memory, at);
    return product.loadFirst(b, from.memory, at, b.index(valid));
  }
  Values elements;
  for (int64_t i = 0; i < lanes; ++i)
    elements.push_back(
        i < valid ? Value(memref::LoadOp::create(
                        b, from.memory, from.at(row, b.index(column + i))))
                  : real(0));
  return vector::FromElementsOp::create(b, type, elements);
}

void AttentionEmitter::copyQueries() {
  Value rows = b.sub(split.start(b, lastTile), firstRow);
  b.loop(b.index(0), rows, 1, [&](Value row) {
    // The buffer has room for the last register's zeros.
    for (int64_t column = 0; column < query.depth(); column += lanes) {
      Value part = loadColumns(query, b.add(firstRow, row), column);
      vector::StoreOp::create(b, part, queryBuffer,
                              ValueRange{row, b.index(column)});
    }
  });
}

/// The block's keys as [group][column of a key][key of the group]. Past the
/// last key the last one is repeated: its scores are not used.
void AttentionEmitter::packKeys() {
  Value last = b.sub(keys, b.index(1));
  Value groups = b.divUp(count, b.index(groupColumns));
  b.loop(b.index(0), groups, 1, [&](Value group) {
    b.loop(b.index(0), b.index(groupColumns), lanes, [&](Value slot) {
      Value first = b.add(begin, b.add(b.mul(group, groupColumns), slot));
      for (int64_t column = 0; column < query.depth(); column += lanes) {
        Values rows;
        for (int64_t i = 0; i < lanes; ++i)
          rows.push_back(
              loadColumns(key, b.min(b.add(first, i), last), column));
        rows = transposeVectors(b, rows);
        for (int64_t i = 0; i < std::min(lanes, query.depth() - column); ++i)
          vector::StoreOp::create(b, rows[i], keyBuffer,
                                  ValueRange{group, b.index(column + i), slot});
      }
    });
  });
}

/// The block's values as [group of columns][key][column].
void AttentionEmitter::packValues() {
  b.loop(b.index(0), count, 1, [&](Value at) {
    for (int64_t group = 0; group < groupsOf(value.depth()); ++group)
      for (int64_t v = 0; v < kAttentionVectors; ++v) {
        Value part = loadColumns(value, b.add(begin, at),
                                 group * groupColumns + v * lanes);
        vector::StoreOp::create(
            b, part, valueBuffer,
            ValueRange{b.index(group), at, b.index(v * lanes)});
      }
  });
}

void AttentionEmitter::resetRows() {
  Value rows = b.sub(split.start(b, lastTile), firstRow);
  Value least = real(-std::numeric_limits<double>::infinity()), zero = real(0);
  b.loop(b.index(0), rows, 1, [&](Value row) {
    memref::StoreOp::create(b, least, maxima, ValueRange{row});
    memref::StoreOp::create(b, zero, sums, ValueRange{row});
    for (int64_t column = 0; column < groupsOf(value.depth()) * groupColumns;
         column += lanes)
      vector::StoreOp::create(b, splatReal(0), resultBuffer,
                              ValueRange{row, b.index(column)});
  });
}

//===-- Scores
//-----------------------------------------------------------------//

/// Scores of the tile's rows with the block's first `columns` keys.
void AttentionEmitter::emitScores(int64_t size, Value row, Value columns) {
  Value groups = b.divUp(columns, b.index(groupColumns));
  // Groups of which every row uses every key need no limit.
  Value seen = count;
  if (causal)
    seen = b.min(count, b.sub(b.max(b.add(row, 1), begin), begin));
  Value whole = b.div(seen, b.index(groupColumns));
  b.loop(b.index(0), whole, 1, [&](Value group) {
    emitGroup(size, kAttentionVectors, row, group, Value());
  });
  // The last group of a known number of keys may need fewer registers.
  int64_t vectors = kAttentionVectors;
  if (auto known = constantOf(count); known && !causal)
    vectors = llvm::divideCeil(*known % groupColumns, lanes);
  b.loop(whole, groups, 1,
         [&](Value group) { emitGroup(size, vectors, row, group, count); });
}

/// The scores of the first `vectors` registers of a group. `limit`: keys from
/// this one on do not count; null where all do.
void AttentionEmitter::emitGroup(int64_t size, int64_t vectors, Value row,
                                 Value group, Value limit) {
  RegisterTile shape = {size, vectors};
  Values products =
      b.loop(b.index(0), b.index(query.depth()), 1, shape.zeros(b, product),
             [&](Value at, ValueRange carried) {
               return shape.step(
                   b, product, carried,
                   [&](int64_t r) {
                     return product.loadSplat(b, queryBuffer,
                                              {b.add(itemRow(row), r), at});
                   },
                   [&](int64_t v) {
                     return product.loadVector(b, keyBuffer,
                                               {group, at, b.index(v * lanes)});
                   });
             });
  for (auto [i, sum] : llvm::enumerate(products)) {
    int64_t r = i / vectors, v = i % vectors;
    Value column = b.add(b.mul(group, groupColumns), v * lanes);
    storeScores(sum, r, row, column, limit);
  }
}

void AttentionEmitter::storeScores(Value sums, int64_t r, Value row,
                                   Value column, Value limit) {
  Values place = {b.index(r), column};
  Values position = {out.batch, out.head, b.add(row, r), b.add(begin, column)};
  if (!limit) {
    Value scores = score.apply(b, sums, position);
    vector::StoreOp::create(b, scores, scoreBuffer, place);
    return;
  }
  if (causal) // Row r sees the keys 0 … row + r.
    limit = b.min(limit, b.sub(b.max(b.add(row, r + 1), begin), begin));
  Value none = splatReal(-std::numeric_limits<double>::infinity());
  Value some = b.less(column, limit);
  b.when(some, [&] {
    Value valid = b.min(b.sub(limit, column), b.index(lanes));
    Value scores = score.apply(b, sums, position, valid);
    Value mask =
        vector::CreateMaskOp::create(b, product.vectorOf(b.getI1Type()), valid);
    scores = arith::SelectOp::create(b, mask, scores, none);
    vector::StoreOp::create(b, scores, scoreBuffer, place);
  });
  b.when(
      b.createOrFold<arith::CmpIOp>(arith::CmpIPredicate::uge, column, limit),
      [&] { vector::StoreOp::create(b, none, scoreBuffer, place); });
}

//===-- Softmax
//----------------------------------------------------------------//

/// The larger of both; y where x is NaN, so that a maximum is never NaN: what
/// is NaN shows in the exponentials.
Value AttentionEmitter::larger(Value x, Value y) {
  Value isLarger = arith::CmpFOp::create(b, arith::CmpFPredicate::OGT, x, y);
  return arith::SelectOp::create(b, isLarger, x, y);
}

Value AttentionEmitter::joinLanes(Value vector,
                                  function_ref<Value(Value, Value)> join) {
  for (int64_t n = lanes / 2; n > 0; n /= 2) {
    SmallVector<int64_t> low, high;
    for (int64_t i = 0; i < n; ++i) {
      low.push_back(i);
      high.push_back(n + i);
    }
    Value first = vector::ShuffleOp::create(b, vector, vector, low);
    Value second = vector::ShuffleOp::create(b, vector, vector, high);
    vector = join(first, second);
  }
  return vector::ExtractOp::create(b, vector, 0);
}

/// exp(x), 0 where it is below the normal numbers: beside the 1 of the maximum
/// nothing shows of that.
Value AttentionEmitter::exponential(Value x) {
  return math::ExpOp::create(b, x, arith::FastMathFlags::afn);
}

/// The scores of `size` rows, which are rows from `first` on of the tile at
/// `row` of the item, become exp(score - maximum); the rows' sums take them in.
void AttentionEmitter::emitSoftmax(int64_t size, Value first, Value row,
                                   Value columns) {
  if (size == 0)
    return;
  Value end = b.mul(b.divUp(columns, b.index(lanes)), lanes);
  double infinity = std::numeric_limits<double>::infinity();
  auto place = [&](int64_t r, Value at) { return Values{b.add(first, r), at}; };
  auto scores = [&](int64_t r, Value at) -> Value {
    return vector::LoadOp::create(b, product.sums(), scoreBuffer, place(r, at));
  };
  auto itemRow = [&](int64_t r) { return b.add(b.add(row, first), r); };
  Values largest =
      b.loop(b.index(0), end, lanes, Values(size, splatReal(-infinity)),
             [&](Value at, ValueRange carried) {
               Values next;
               for (int64_t r = 0; r < size; ++r)
                 next.push_back(larger(scores(r, at), carried[r]));
               return next;
             });
  Values maximum, base, bases;
  for (int64_t r = 0; r < size; ++r) {
    Value one =
        joinLanes(largest[r], [&](Value x, Value y) { return larger(x, y); });
    if (!once)
      one = larger(one, loadStatistic(maxima, itemRow(r)));
    maximum.push_back(one);
    // A row that has seen no score above minus infinity yet: its exponentials
    // are 0, not NaN.
    Value isLowest = arith::CmpFOp::create(b, arith::CmpFPredicate::OEQ, one,
                                           real(-infinity));
    base.push_back(arith::SelectOp::create(b, isLowest, real(0), one));
    bases.push_back(
        vector::BroadcastOp::create(b, product.sums(), base.back()));
  }
  Values totals =
      b.loop(b.index(0), end, lanes, Values(size, splatReal(0)),
             [&](Value at, ValueRange carried) {
               Values next;
               for (int64_t r = 0; r < size; ++r) {
                 Value power = exponential(
                     arith::SubFOp::create(b, scores(r, at), bases[r]));
                 vector::StoreOp::create(b, power, scoreBuffer, place(r, at));
                 next.push_back(arith::AddFOp::create(b, carried[r], power));
               }
               return next;
             });
  for (int64_t r = 0; r < size; ++r) {
    Value sum = joinLanes(totals[r], [&](Value x, Value y) -> Value {
      return arith::AddFOp::create(b, x, y);
    });
    finishSoftmax(itemRow(r), maximum[r], base[r], sum);
  }
}

/// Takes a block's sum into that of the item's `row`. Where the maximum grew,
/// what was summed before shrinks; `base` is the maximum, or 0 where that is
/// minus infinity.
void AttentionEmitter::finishSoftmax(Value row, Value maximum, Value base,
                                     Value sum) {
  if (!once) {
    Value shrink =
        exponential(arith::SubFOp::create(b, loadStatistic(maxima, row), base));
    memref::StoreOp::create(b, maximum, maxima, ValueRange{row});
    Value before = arith::MulFOp::create(b, loadStatistic(sums, row), shrink);
    sum = arith::AddFOp::create(b, before, sum);
    b.when(b.less(b.index(0), begin), [&] { scaleResults(row, shrink); });
  }
  memref::StoreOp::create(b, sum, sums, ValueRange{row});
}

/// Multiplies what the item's `row` has summed up by `shrink`.
void AttentionEmitter::scaleResults(Value row, Value shrink) {
  Value factor = vector::BroadcastOp::create(b, product.sums(), shrink);
  for (int64_t column = 0; column < value.depth(); column += lanes) {
    Values at = {row, b.index(column)};
    Value part = vector::LoadOp::create(b, product.sums(), resultBuffer, at);
    vector::StoreOp::create(b, arith::MulFOp::create(b, part, factor),
                            resultBuffer, at);
  }
}

//===-- Results
//----------------------------------------------------------------//

void AttentionEmitter::addValues(int64_t size, Value row, Value columns) {
  RegisterTile shape = {size, kAttentionVectors};
  b.loop(b.index(0), b.index(groupsOf(value.depth())), 1, [&](Value group) {
    auto place = [&](int64_t i) -> Values {
      Value column =
          b.add(b.mul(group, groupColumns), i % kAttentionVectors * lanes);
      return {b.add(itemRow(row), i / kAttentionVectors), column};
    };
    Values results = shape.zeros(b, product);
    if (!once)
      for (auto [i, result] : llvm::enumerate(results))
        result =
            vector::LoadOp::create(b, product.sums(), resultBuffer, place(i));
    results = b.loop(
        b.index(0), columns, 1, results, [&](Value at, ValueRange carried) {
          return shape.step(
              b, product, carried,
              [&](int64_t r) {
                return product.loadSplat(b, scoreBuffer, {b.index(r), at});
              },
              [&](int64_t v) {
                return product.loadVector(b, valueBuffer,
                                          {group, at, b.index(v * lanes)});
              });
        });
    for (auto [i, result] : llvm::enumerate(results))
      vector::StoreOp::create(b, result, resultBuffer, place(i));
  });
}

/// Divides by the sums. Without keys the result is an empty sum.
void AttentionEmitter::finishRows() {
  Value rows = b.sub(split.start(b, lastTile), firstRow);
  b.loop(b.index(0), rows, 1, [&](Value row) {
    Value sum = loadStatistic(sums, row);
    Value isNumber =
        arith::CmpFOp::create(b, arith::CmpFPredicate::OGT, sum, real(0));
    Value inverse = arith::DivFOp::create(b, real(1), sum);
    inverse = b.createOrFold<arith::SelectOp>(b.less(b.index(0), keys), inverse,
                                              real(0));
    if (masked) {
      Value isEmpty =
          arith::CmpFOp::create(b, arith::CmpFPredicate::OEQ, sum, real(0));
      inverse = arith::SelectOp::create(b, isEmpty, real(0), inverse);
    }
    Value factor = vector::BroadcastOp::create(b, product.sums(), inverse);
    for (int64_t column = 0; column < value.depth(); column += lanes) {
      Value part = vector::LoadOp::create(b, product.sums(), resultBuffer,
                                          ValueRange{row, b.index(column)});
      part = arith::MulFOp::create(b, part, factor);
      if (nanAsZero)
        part = arith::SelectOp::create(b, isNumber, part, splatReal(0));
      Values at = out.at(b.add(firstRow, row), b.index(column));
      int64_t valid = std::min(lanes, value.depth() - column);
      if (valid == lanes) {
        vector::StoreOp::create(b, part, out.memory, at);
        continue;
      }
      Value mask = vector::CreateMaskOp::create(
          b, product.vectorOf(b.getI1Type()), b.index(valid));
      vector::MaskedStoreOp::create(b, out.memory, at, mask, part);
    }
  });
}

} // namespace

LogicalResult emitAttention(kernel::AttentionOp op, const Machine &machine) {
  auto shapeOf = [&](Value operand, bool swapped) {
    SmallVector<int64_t> shape(cast<MemRefType>(operand.getType()).getShape());
    if (swapped)
      std::swap(shape[1], shape[2]);
    return shape;
  };
  ArrayRef<bool> swapped = op.getSwapped();
  SmallVector<int64_t> out = shapeOf(op.getOutputs()[0], swapped[3]),
                       key = shapeOf(op.getKey(), swapped[1]);
  bool known = !ShapedType::isDynamic(out[0]) && !ShapedType::isDynamic(out[1]);
  int64_t heads = known ? out[0] * out[1] : ShapedType::kDynamic;
  int64_t lanes = machine.lanes(4);
  Tile tile = chooseAttentionTile(
      {heads, out[2], key[2], key[3], out[3], lanes}, machine);
  if (failed(updateTile(op, tile)))
    return failure();
  tile.depth = llvm::alignTo(std::max<int64_t>(tile.depth, 1),
                             kAttentionVectors * lanes);
  noteTile(op, tile);
  AttentionEmitter(op, machine, tile).emit();
  return success();
}

} // namespace weft::cpu
