// graph.top_k: a heap of the k best positions so far, its worst at the root, in
// the line of the result itself. The rest of the input passes by and mostly
// loses against the root; then the heap is taken apart from its worst end,
// which leaves it sorted. n * log(k) comparisons at most, no other memory.

#include "Lines.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "weft/Dialect/Graph/IR/ScalarBuilder.h"
#include "weft/Dialect/Kernel/IR/Kernel.h"
#include "weft/Support/Location.h"

using namespace mlir;

namespace weft::lowering {
namespace {

/// One line: its input, and its positions as a heap.
struct Heap {
  graph::TopKOp op;
  Value input;
  SmallVector<Value> at; // where the line starts in the input
  Value levels;          // of the whole heap

  Value index(ImplicitLocOpBuilder &b, int64_t value) {
    return arith::ConstantIndexOp::create(b, value);
  }
  SmallVector<Value> place(ImplicitLocOpBuilder &b, Value i) {
    return along(SmallVector<Value>(at.size(), index(b, 0)), op.getAxis(), i);
  }
  Value read(ImplicitLocOpBuilder &b, Value heap, Value i) {
    return tensor::ExtractOp::create(b, heap, place(b, i));
  }
  Value write(ImplicitLocOpBuilder &b, Value heap, Value i, Value x) {
    return tensor::InsertOp::create(b, x, heap, place(b, i));
  }
  Value element(ImplicitLocOpBuilder &b, Value position) {
    Value i = arith::IndexCastOp::create(b, b.getIndexType(), position);
    Value x = tensor::ExtractOp::create(b, input, along(at, op.getAxis(), i));
    return isa<FloatType>(x.getType())
               ? convertFloat(b, x, accumulator(x.getType()))
               : x;
  }

  /// True where position `p` (i64) comes before position `q`.
  Value isBefore(ImplicitLocOpBuilder &b, Value p, Value q) {
    Value x = element(b, p), y = element(b, q);
    if (!op.getLargest())
      std::swap(x, y);
    Value above, same; // x > y, x == y
    if (isa<FloatType>(x.getType())) {
      using P = arith::CmpFPredicate;
      Value xNan = arith::CmpFOp::create(b, P::UNO, x, x),
            yNan = arith::CmpFOp::create(b, P::UNO, y, y);
      Value bothNan = arith::AndIOp::create(b, xNan, yNan);
      above = arith::CmpFOp::create(b, P::OGT, x, y);
      Value onlyX = arith::XOrIOp::create(b, xNan, bothNan);
      above = arith::OrIOp::create(b, above, onlyX);
      same = arith::OrIOp::create(b, arith::CmpFOp::create(b, P::OEQ, x, y),
                                  bothNan);
    } else {
      bool isUnsigned =
          graph::isUnsigned(op.getInput()) || x.getType().isInteger(1);
      using P = arith::CmpIPredicate;
      above = arith::CmpIOp::create(b, isUnsigned ? P::ugt : P::sgt, x, y);
      same = arith::CmpIOp::create(b, P::eq, x, y);
    }
    Value earlier = arith::CmpIOp::create(b, arith::CmpIPredicate::slt, p, q);
    return arith::OrIOp::create(b, above,
                                arith::AndIOp::create(b, same, earlier));
  }

  /// The heap of `size` entries after entry `start` sank to where it belongs.
  Value sink(ImplicitLocOpBuilder &b, Value heap, Value start, Value size) {
    Value one = index(b, 1), last = arith::SubIOp::create(b, size, one);
    return loop(
        b, index(b, 0), levels, {heap, start},
        [&](ImplicitLocOpBuilder &body, Value, ValueRange carried) {
          Value i = carried[1], all = carried[0];
          Value left = arith::AddIOp::create(
              body, arith::AddIOp::create(body, i, i), one);
          Value exists = arith::CmpIOp::create(body, arith::CmpIPredicate::slt,
                                               left, size);
          Value l = arith::MinSIOp::create(body, left, last);
          Value r = arith::MinSIOp::create(
              body, arith::AddIOp::create(body, left, one), last);
          Value self = read(body, all, i), pl = read(body, all, l),
                pr = read(body, all, r);
          Value leftFirst = isBefore(body, pl, pr);
          Value child = arith::SelectOp::create(body, leftFirst, r, l),
                worst = arith::SelectOp::create(body, leftFirst, pr, pl);
          Value sinks =
              arith::AndIOp::create(body, exists, isBefore(body, self, worst));
          Value to = arith::SelectOp::create(body, sinks, child, i),
                up = arith::SelectOp::create(body, sinks, worst, self);
          all = write(body, all, i, up);
          return SmallVector<Value>{write(body, all, to, self), to};
        })[0];
  }
};

struct TopKToLoops : OpRewritePattern<graph::TopKOp> {
  using OpRewritePattern::OpRewritePattern;

  static void check(ImplicitLocOpBuilder &b, graph::TopKOp op, Value k,
                    Value extent) {
    std::string message = describeNodes(op.getLoc());
    message += message.empty() ? "" : ": ";
    message += "k is {0} where axis " + std::to_string(op.getAxis()) +
               " has {1} elements";
    // As unsigned numbers, negative ones are larger than any extent.
    Value fits = arith::CmpIOp::create(b, arith::CmpIPredicate::ule, k, extent);
    kernel::CheckOp::create(b, fits, ValueRange{k, extent}, message);
  }

  static Value sortLine(ImplicitLocOpBuilder &b, Heap heap, Value size,
                        Value extent, Value target) {
    Value zero = heap.index(b, 0), one = heap.index(b, 1);
    Type i64 = b.getI64Type();
    Value all = loop(b, zero, size, target,
                     [&](ImplicitLocOpBuilder &body, Value i, ValueRange x) {
                       Value p = arith::IndexCastOp::create(body, i64, i);
                       return SmallVector<Value>{heap.write(body, x[0], i, p)};
                     })[0];
    // From the last entry that has children to the first.
    Value half = arith::ShRUIOp::create(b, size, one);
    all = loop(b, zero, half, all,
               [&](ImplicitLocOpBuilder &body, Value i, ValueRange x) {
                 Value start = arith::SubIOp::create(
                     body, arith::SubIOp::create(body, half, one), i);
                 return SmallVector<Value>{heap.sink(body, x[0], start, size)};
               })[0];
    Value isEmpty =
        arith::CmpIOp::create(b, arith::CmpIPredicate::eq, size, zero);
    Value end = arith::SelectOp::create(b, isEmpty, zero, extent);
    all = loop(
        b, size, end, all,
        [&](ImplicitLocOpBuilder &body, Value i, ValueRange x) {
          Value p = arith::IndexCastOp::create(body, i64, i);
          Value wins = heap.isBefore(body, p, heap.read(body, x[0], zero));
          return branch(
              body, wins,
              [&](ImplicitLocOpBuilder &yes) {
                Value put = heap.write(yes, x[0], zero, p);
                return SmallVector<Value>{heap.sink(yes, put, zero, size)};
              },
              [&](ImplicitLocOpBuilder &) { return SmallVector<Value>(x); });
        })[0];
    return loop(b, one, size, all,
                [&](ImplicitLocOpBuilder &body, Value i, ValueRange x) {
                  Value last = arith::SubIOp::create(body, size, i);
                  Value worst = heap.read(body, x[0], zero),
                        next = heap.read(body, x[0], last);
                  Value swapped = heap.write(body, x[0], zero, next);
                  swapped = heap.write(body, swapped, last, worst);
                  return SmallVector<Value>{
                      heap.sink(body, swapped, zero, last)};
                })[0];
  }

  LogicalResult matchAndRewrite(graph::TopKOp op,
                                PatternRewriter &rewriter) const final {
    LoopBuilder b(op, rewriter);
    SmallVector<OpFoldResult> dims = b.resultDims();
    if (!b.ok())
      return failure();
    int64_t axis = op.getAxis();
    graph::DimBuilder d = b.dims();
    Value input = b.input(op.getInput());
    Value size = d.value(dims[axis]), extent = d.value(d.of(input, axis)),
          k = d.value(d.element(op.getK(), 0));
    b.replace(forEachLine(
        b, dims, b.getI64Type(), axis,
        [&](ImplicitLocOpBuilder &body, ArrayRef<Value> at, Value target) {
          check(body, op, k, extent);
          // A heap of n entries has as many levels as n has bits.
          Type i64 = body.getI64Type();
          Value zeros = math::CountLeadingZerosOp::create(
              body, arith::IndexCastOp::create(body, i64, size));
          Value bits = arith::SubIOp::create(
              body, graph::scalar::constant(body, i64, 64), zeros);
          Heap heap{
              op, input, SmallVector<Value>(at),
              arith::IndexCastOp::create(body, body.getIndexType(), bits)};
          return sortLine(body, heap, size, extent, target);
        }));
    return success();
  }
};

} // namespace

void addTopKPatterns(RewritePatternSet &patterns) {
  patterns.add<TopKToLoops>(patterns.getContext());
}

} // namespace weft::lowering
