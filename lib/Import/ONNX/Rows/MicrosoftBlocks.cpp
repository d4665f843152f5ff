// Weights of a few bits in blocks that share a scale and a zero point, as
// com.microsoft's operators read them.
#include "Equation.h"
#include "Shared.h"

using namespace mlir;

namespace weft::onnx {

/// Products of two such sizes are far inside 64 bits.
static constexpr int64_t kMost = int64_t(1) << 31;
static bool areSizes(ArrayRef<int64_t> sizes) {
  return llvm::all_of(sizes,
                      [](int64_t size) { return size >= 1 && size <= kMost; });
}

/// The numbers of `bits` that stand along the last axis of `packed`, several in
/// a byte, as i32.
static Value unpacked(NodeImport &n, Value packed, int64_t bits,
                      bool highFirst = false) {
  if (!packed)
    return nullptr;
  int64_t rank = NodeImport::typeOf(packed).getRank(), perByte = 8 / bits;
  Num bytes(n, n.cast(n.unsqueeze(packed, {rank}), n.b.getI32Type()));
  SmallVector<Value> parts;
  int64_t unit = int64_t(1) << bits, divisor = 1;
  for (int64_t i = 0; i < perByte; ++i, divisor *= unit)
    parts.push_back((bytes / double(divisor)) % double(unit));
  if (highFirst)
    std::reverse(parts.begin(), parts.end());
  Value count =
      n.create<graph::MulOp>(n.extent(packed, rank - 1), n.ints({perByte}));
  Value shape = n.concat({n.slice(n.shape(packed), 0, 0, rank - 1), count}, 0);
  return n.create<graph::ReshapeOp>(n.concat(parts, rank), shape,
                                    /*allow_zero=*/true);
}

static LogicalResult matMulNBits(NodeImport &n) {
  if (failed(needInputs(n, 3)))
    return failure();
  int64_t k = n.integer("K", 0), columns = n.integer("N", 0),
          bits = n.integer("bits", 4), block = n.integer("block_size", 0);
  if (!areSizes({k, columns, block}) || (bits != 2 && bits != 4 && bits != 8))
    return n.error() << "K is " << k << ", N " << columns << ", block_size "
                     << block << " and bits " << bits << "; numbers from 1 to "
                     << kMost << " and 2, 4 or 8 bits are needed";
  int64_t blocks = llvm::divideCeil(k, block);
  Type element = n.type(0).getElementType();
  auto numbers = [&](Value packed, int64_t count) {
    Value all = unpacked(n, n.reshape(packed, {columns, -1}), bits);
    return Num(n, n.slice(all, 1, 0, count)).as(element);
  };
  Num weight = numbers(n.input(1), blocks * block);
  Num scale(n, n.cast(n.reshape(n.input(2), {columns, blocks}), element));
  Num zero = weight.of(double(int64_t(1) << (bits - 1)));
  if (n.has(3)) {
    bool isFloat = isa<FloatType>(n.type(3).getElementType());
    zero =
        isFloat
            ? Num(n, n.reshape(n.cast(n.input(3), element), {columns, blocks}))
            : numbers(n.input(3), blocks);
  }
  Value matrix;
  if (n.has(4)) {
    // Each row of the weights names its group.
    auto ofRows = [&](Num groups) {
      return Num(n, n.create<graph::GatherOp>(groups, n.input(4), int64_t(1)));
    };
    weight = Num(n, n.slice(weight, 1, 0, k));
    matrix = (weight - (n.has(3) ? ofRows(zero) : zero)) * ofRows(scale);
  } else {
    auto ofBlocks = [&](Num x) { return Num(n, n.unsqueeze(x, {2})); };
    weight = Num(n, n.reshape(weight, {columns, blocks, block}));
    matrix = (weight - (n.has(3) ? ofBlocks(zero) : zero)) * ofBlocks(scale);
    matrix = n.slice(n.reshape(matrix, {columns, blocks * block}), 1, 0, k);
  }
  Num y(n, n.create<graph::MatMulOp>(n.input(0), matrix, false, true));
  return n.result(n.has(5) ? y + Num(n, n.input(5)) : y);
}

/// The two tables of bitsandbytes: floats of four bits, and quantiles of the
/// normal distribution.
static constexpr float kTables[2][16] = {
    {0.0F, 5.208333333e-03F, 0.66666667F, 1.0F, 0.33333333F, 0.5F, 0.16666667F,
     0.25F, -0.0F, -5.208333333e-03F, -0.66666667F, -1.0F, -0.33333333F, -0.5F,
     -0.16666667F, -0.25F},
    {-1.0F, -0.6961928009986877F, -0.5250730514526367F, -0.39491748809814453F,
     -0.28444138169288635F, -0.18477343022823334F, -0.09105003625154495F, 0.0F,
     0.07958029955625534F, 0.16093020141124725F, 0.24611230194568634F,
     0.33791524171829224F, 0.44070982933044434F, 0.5626170039176941F,
     0.7229568362236023F, 1.0F}};

/// Weights [N, K] as one list of entries of a table, in blocks that share their
/// largest magnitude.
static LogicalResult matMulBnb4(NodeImport &n) {
  if (failed(needInputs(n, 3)))
    return failure();
  int64_t k = n.integer("K", 0), columns = n.integer("N", 0),
          block = n.integer("block_size", 0), kind = n.integer("quant_type", 1);
  if (!areSizes({k, columns, block}) || kind < 0 || kind > 1)
    return n.error() << "K is " << k << ", N " << columns << ", block_size "
                     << block << " and quant_type " << kind
                     << "; numbers from 1 to " << kMost
                     << " and quant_type 0 or 1 are needed";
  int64_t count = k * columns, all = llvm::alignTo(count, block);
  Type element = n.type(0).getElementType();
  Value table = graph::ConstantOp::create(
      n.b, n.loc,
      DenseElementsAttr::get(RankedTensorType::get({16}, n.b.getF32Type()),
                             ArrayRef(kTables[kind])));
  Value entries = unpacked(n, n.reshape(n.input(1), {-1}), 4, true);
  Value values = n.slice(n.create<graph::GatherOp>(table, entries, int64_t(0)),
                         0, 0, count);
  if (all != count)
    values = n.create<graph::PadOp>(
        values, n.ints({0, all - count}), n.scalarLike(0, values),
        ArrayRef<int64_t>{0}, graph::PadMode::constant);
  Num most(n,
           n.reshape(n.cast(n.input(2), n.b.getF32Type()), {all / block, 1}));
  Value flat = Num(n, n.reshape(values, {all / block, block})) * most;
  flat = n.slice(n.reshape(flat, {all}), 0, 0, count);
  Value matrix = n.cast(n.reshape(flat, {columns, k}), element);
  return n.result(n.create<graph::MatMulOp>(n.input(0), matrix, false, true));
}

/// Rows of a table, made real numbers once they are taken.
static LogicalResult gatherBlocks(NodeImport &n) {
  enum { kData, kIndices, kScales, kZeros };
  if (failed(needInputs(n, 3)))
    return failure();
  int64_t rank = n.rank(kData), block = n.integer("block_size", 128),
          bits = n.integer("bits", 4);
  auto from = n.axis(n.integer("gather_axis", 0), rank),
       blocked = n.axis(n.integer("quantize_axis", 1), rank);
  if (!from || !blocked)
    return failure();
  Type element = n.type(kData).getElementType();
  bool isBytes = element.isUnsignedInteger(8), isPacked = isBytes && bits != 8;
  if (block < 1 || *from == *blocked || n.rank(kScales) != rank ||
      (n.has(kZeros) && n.rank(kZeros) != rank) ||
      (isBytes && bits != 2 && bits != 4 && bits != 8) ||
      (isPacked && *blocked != rank - 1))
    return n.error() << "block_size is " << block << ", gather_axis " << *from
                     << ", quantize_axis " << *blocked << " and bits " << bits
                     << " for a table of " << n.type(kData)
                     << " with scales of " << n.type(kScales)
                     << "; two axes, equal ranks and, in bytes, 2, 4 or 8 bits "
                        "along the last axis are needed";
  // The axes of the indices stand where the gathered axis was.
  int64_t along = *blocked < *from ? *blocked : *blocked - 1 + n.rank(kIndices);
  auto taken = [&](unsigned i) {
    Value rows =
        n.create<graph::GatherOp>(n.input(i), n.input(kIndices), *from);
    bool packed = isPacked && i != kScales;
    return packed ? unpacked(n, rows, bits) : rows;
  };
  Num whole(n, n.cast(taken(kData), n.b.getI32Type()));
  Value place = n.create<graph::DivOp>(n.iota(n.extent(whole, along)),
                                       n.intScalar(block));
  auto ofBlocks = [&](Value x) {
    return Num(n, n.create<graph::GatherOp>(x, place, along));
  };
  if (n.has(kZeros))
    whole = whole - ofBlocks(taken(kZeros)).as(n.b.getI32Type());
  else if (isBytes)
    whole = whole - double(int64_t(1) << (bits - 1));
  Num scale = ofBlocks(taken(kScales));
  Type real = n.type(kScales).getElementType();
  return n.result(whole.as(real) * scale);
}

void addMicrosoftBlockRows(Table &table) {
  table.add({
      {"com.microsoft.GatherBlockQuantized", 1, gatherBlocks, "int"},
      {"com.microsoft.MatMulBnb4", 1, matMulBnb4, Row::kFloats},
      {"com.microsoft.MatMulNBits", 1, matMulNBits, Row::kFloats},
  });
}

} // namespace weft::onnx
