// graph.butterfly: one loop over all places, whose body is a whole transform of
// r numbers. What its terms have in common (sums and differences of numbers
// that mirror each other) is computed once, in pocketfft's order.

#include "Lowering.h"
#include "weft/Dialect/Graph/IR/Fourier.h"
#include "weft/Support/Roots.h"

using namespace mlir;

namespace weft::lowering {
namespace {

/// A complex number of the body. A null part is 0.
struct Complex {
  Value re, im;
};

class Transform {
public:
  Transform(ImplicitLocOpBuilder &b, Type type, bool inverse)
      : b(b), type(type), inverse(inverse) {}

  SmallVector<Complex> run(ArrayRef<Complex> x) {
    if (x.size() == 2)
      return {add(x[0], x[1]), sub(x[0], x[1])};
    return x.size() == 4 ? four(x) : odd(x);
  }

  Complex times(Complex x, Complex w) {
    return {sub(mul(x.re, w.re), mul(x.im, w.im)),
            add(mul(x.re, w.im), mul(x.im, w.re))};
  }

  Value valueOf(Value part) { return part ? part : constant(0); }

private:
  Value constant(double value) {
    return arith::ConstantOp::create(b, b.getFloatAttr(type, value));
  }
  Value add(Value x, Value y) {
    return x && y ? arith::AddFOp::create(b, x, y).getResult() : x ? x : y;
  }
  Value sub(Value x, Value y) {
    if (!y)
      return x;
    return x ? arith::SubFOp::create(b, x, y).getResult() : neg(y);
  }
  Value mul(Value x, Value y) {
    return x && y ? arith::MulFOp::create(b, x, y).getResult() : nullptr;
  }
  Value neg(Value x) {
    return x ? arith::NegFOp::create(b, x).getResult() : nullptr;
  }
  Complex add(Complex x, Complex y) {
    return {add(x.re, y.re), add(x.im, y.im)};
  }
  Complex sub(Complex x, Complex y) {
    return {sub(x.re, y.re), sub(x.im, y.im)};
  }

  SmallVector<Complex> four(ArrayRef<Complex> x) {
    Complex sum02 = add(x[0], x[2]), sum13 = add(x[1], x[3]);
    Complex difference02 = sub(x[0], x[2]), difference13 = sub(x[1], x[3]);
    // A quarter of a turn.
    Complex turned = inverse ? Complex{neg(difference13.im), difference13.re}
                             : Complex{difference13.im, neg(difference13.re)};
    return {add(sum02, sum13), add(difference02, turned), sub(sum02, sum13),
            sub(difference02, turned)};
  }

  /// y_p and y_(r-p) are a sum and a difference of two sums: one of cosines of
  /// x_q + x_(r-q), one of sines of x_q - x_(r-q).
  SmallVector<Complex> odd(ArrayRef<Complex> x) {
    int64_t radix = x.size(), half = radix / 2;
    SmallVector<Complex> sums, differences, y(radix);
    y[0] = x[0];
    for (int64_t q = 1; q <= half; ++q) {
      sums.push_back(add(x[q], x[radix - q]));
      differences.push_back(sub(x[q], x[radix - q]));
      y[0] = add(y[0], sums.back());
    }
    for (int64_t p = 1; p <= half; ++p) {
      Complex cosines = x[0], sines; // `sines` lacks a quarter of a turn.
      for (int64_t q = 1; q <= half; ++q) {
        std::complex<double> root = rootOfUnity(p * q, radix);
        Value c = constant(root.real()),
              s = constant(inverse ? root.imag() : -root.imag());
        cosines = add(cosines, times(sums[q - 1], {c, nullptr}));
        sines = add(sines, times(differences[q - 1], {s, nullptr}));
      }
      Complex turned = {neg(sines.im), sines.re};
      y[p] = add(cosines, turned);
      y[radix - p] = sub(cosines, turned);
    }
    return y;
  }

  ImplicitLocOpBuilder &b;
  Type type;
  bool inverse;
};

struct ButterflyToGeneric : OpRewritePattern<graph::ButterflyOp> {
  using OpRewritePattern::OpRewritePattern;

  /// The parts of all results, of scalars in the order of the op's operands.
  static SmallVector<Value>
  buildBody(graph::ButterflyOp op, ImplicitLocOpBuilder &b, ValueRange args) {
    size_t radix = op.getRadix();
    bool real = op.getIm().empty();
    ValueRange twiddles =
        args.slice(real ? radix : 2 * radix, op.getTwiddles().size());
    SmallVector<Complex> x;
    for (size_t q = 0; q < radix; ++q)
      x.push_back({args[q], real ? Value() : args[radix + q]});
    Transform transform(b, args[0].getType(), op.getInverse());
    SmallVector<Complex> y = transform.run(x);
    for (size_t p = 1; p < radix && !twiddles.empty(); ++p)
      y[p] = transform.times(y[p], {twiddles[p - 1], twiddles[radix - 2 + p]});
    SmallVector<Value> parts;
    for (Complex number : y)
      parts.push_back(number.re);
    for (Complex number : y)
      parts.push_back(transform.valueOf(number.im));
    return parts;
  }

  LogicalResult matchAndRewrite(graph::ButterflyOp op,
                                PatternRewriter &rewriter) const final {
    LoopBuilder b(op, rewriter);
    SmallVector<OpFoldResult> dims = b.resultDims();
    if (!b.ok())
      return failure();
    auto type = cast<RankedTensorType>(op.getParts()[0].getType());
    SmallVector<Value> inits, inputs;
    SmallVector<AffineMap> maps;
    for (size_t i = 0; i < op.getParts().size(); ++i)
      inits.push_back(b.empty(dims, type.getElementType()));
    for (Value operand : op.getOperands()) {
      inputs.push_back(operand);
      maps.push_back(
          broadcastMap(b, cast<RankedTensorType>(operand.getType()), type));
    }
    maps.push_back(b.identity(type.getRank()));
    b.replace(b.generics(inits, inputs, maps,
                         [&](ImplicitLocOpBuilder &body, ValueRange args) {
                           return buildBody(op, body, args);
                         }));
    return success();
  }
};

} // namespace

void addButterflyPatterns(RewritePatternSet &patterns) {
  patterns.add<ButterflyToGeneric>(patterns.getContext());
}

} // namespace weft::lowering
