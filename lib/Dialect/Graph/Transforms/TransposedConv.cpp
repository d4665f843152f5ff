// Transposed convolutions by convolutions. Of stride s, the outputs o = s q + a
// of one phase a < s are a convolution of stride 1: with o counted from before
// the padding is cut off,
//
//   y[s q + a] = sum over taps t with t d = s j + a of x[q - j] w[t].
//
// One convolution computes the phases of all axes as further channels. Taps
// that a phase does not have are zeros; where the stride divides the window
// there are none. A transpose puts the phases side by side, and a slice cuts
// the padding off.

#include "LayoutPatterns.h"

#include "Floats.h"
#include "SimplifyPatterns.h"

using namespace mlir;

namespace weft::graph {
namespace {

/// One axis of a transposed convolution and of the convolution in its place.
struct Axis {
  int64_t stride, dilation, window, input, output, before;

  /// The window of the convolution, whose dilation is 1 unless the stride is.
  int64_t newWindow() const {
    return stride == 1 ? window : (window - 1) * dilation / stride + 1;
  }
  int64_t newDilation() const { return stride == 1 ? dilation : 1; }
  int64_t phase(int64_t tap) const {
    return stride == 1 ? 0 : tap * dilation % stride;
  }
  /// Where a tap stands in the window of its phase.
  int64_t place(int64_t tap) const {
    return newWindow() - 1 -
           (stride == 1 ? tap : (tap * dilation - phase(tap)) / stride);
  }
  int64_t firstQ() const { return before / stride; }
  int64_t lastQ() const { return (before + output - 1) / stride; }
  int64_t padBefore() const {
    return (newWindow() - 1) * newDilation() - firstQ();
  }
  int64_t padAfter() const { return lastQ() - (input - 1); }
};

/// A transposed convolution with its extents.
struct Shape {
  int64_t groups, inputs, outputs; ///< channels of one group
  int64_t phases = 1;
  SmallVector<Axis> axes;

  explicit Shape(ConvTransposeOp op) : groups(op.getGroups()) {
    ArrayRef<int64_t> weight = tensorType(op.getWeight()).getShape();
    inputs = weight[0] / groups;
    outputs = weight[1];
    for (int64_t i = 0, e = weight.size() - 2; i < e; ++i) {
      axes.push_back({op.getStrides()[i], op.getDilations()[i], weight[2 + i],
                      tensorType(op.getInput()).getDimSize(2 + i),
                      op.getType().getDimSize(2 + i), op.getPads()[i]});
      phases *= axes.back().stride;
    }
  }
};

/// [C, K, window…] as [groups * phases * K, C, window…] of the convolution.
Value phaseWeights(OpBuilder &b, Location loc, const Shape &s,
                   const Floats &weight) {
  SmallVector<int64_t> shape = {s.groups * s.phases * s.outputs, s.inputs};
  int64_t taps = 1, newTaps = 1;
  for (const Axis &axis : s.axes) {
    shape.push_back(axis.newWindow());
    taps *= axis.window;
    newTaps *= axis.newWindow();
  }
  return makeFloats(b, loc, shape, [&](float *all) {
    for (int64_t tap = 0; tap < taps; ++tap) {
      int64_t phase = 0, place = 0, rest = tap, divisor = taps;
      for (const Axis &axis : s.axes) {
        divisor /= axis.window;
        int64_t t = rest / divisor;
        rest %= divisor;
        phase = phase * axis.stride + axis.phase(t);
        place = place * axis.newWindow() + axis.place(t);
      }
      for (int64_t c = 0; c < s.groups * s.inputs; ++c)
        for (int64_t k = 0; k < s.outputs; ++k) {
          int64_t group = c / s.inputs;
          int64_t out = (group * s.phases + phase) * s.outputs + k;
          all[(out * s.inputs + c % s.inputs) * newTaps + place] =
              weight[(c * s.outputs + k) * taps + tap];
        }
    }
  });
}

/// The bias of each channel for each phase.
Value phaseBias(OpBuilder &b, Location loc, const Shape &s,
                const Floats &bias) {
  int64_t count = s.groups * s.phases * s.outputs;
  return makeFloats(b, loc, {count}, [&](float *all) {
    for (int64_t i = 0; i < count; ++i)
      all[i] = bias[i / (s.phases * s.outputs) * s.outputs + i % s.outputs];
  });
}

struct ConvTransposeByConv : OpRewritePattern<ConvTransposeOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(ConvTransposeOp op,
                                PatternRewriter &rewriter) const final {
    std::optional<Floats> weight = constantFloats(op.getWeight()), bias;
    if (op.getBias())
      bias = constantFloats(op.getBias());
    if (!weight || (op.getBias() && !bias))
      return rewriter.notifyMatchFailure(op, "the weight is no f32 constant");
    RankedTensorType input = tensorType(op.getInput());
    if (llvm::any_of(input.getShape().drop_front(), [](int64_t extent) {
          return ShapedType::isDynamic(extent) || extent == 0;
        }))
      return rewriter.notifyMatchFailure(op, "an extent is not known, or 0");
    Shape s(op);
    SmallVector<int64_t> ones(s.axes.size(), 1), dilations, before, after;
    for (const Axis &axis : s.axes) {
      dilations.push_back(axis.newDilation());
      before.push_back(axis.padBefore());
      after.push_back(axis.padAfter());
      if (axis.output == 0 || before.back() < 0 || after.back() < 0)
        return rewriter.notifyMatchFailure(op, "more is cut off than a window");
    }
    llvm::append_range(before, after);
    Location loc = op.getLoc();
    Value weights = phaseWeights(rewriter, op.getWeight().getLoc(), s, *weight);
    Value offsets =
        bias ? phaseBias(rewriter, op.getBias().getLoc(), s, *bias) : Value();
    SmallVector<int64_t> shape = {input.getDimSize(0),
                                  s.groups * s.phases * s.outputs};
    for (const Axis &axis : s.axes)
      shape.push_back(axis.lastQ() - axis.firstQ() + 1);
    Value phases =
        ConvOp::create(rewriter, loc, input.clone(shape), op.getInput(),
                       weights, offsets, ones, before, dilations, s.groups);
    rewriter.replaceOp(
        op, cut(rewriter, loc, op, sideBySide(rewriter, loc, phases, s), s));
    return success();
  }

  static Value reshape(OpBuilder &b, Location loc, Value x,
                       ArrayRef<int64_t> shape) {
    SmallVector<int64_t> asked(shape);
    if (ShapedType::isDynamic(asked[0]))
      asked[0] = 0;
    return ReshapeOp::create(b, loc, tensorType(x).clone(shape), x,
                             shapeConstant(b, loc, asked));
  }

  /// [N, groups * phases * K, Q…] as [N, groups * K, Q * stride…].
  static Value sideBySide(OpBuilder &b, Location loc, Value x, const Shape &s) {
    if (s.phases == 1)
      return x;
    ArrayRef<int64_t> from = tensorType(x).getShape();
    int64_t axes = s.axes.size();
    SmallVector<int64_t> split = {from[0], s.groups}, moved,
                         permutation = {0, 1},
                         joined = {from[0], s.groups * s.outputs};
    for (const Axis &axis : s.axes)
      split.push_back(axis.stride);
    split.push_back(s.outputs);
    llvm::append_range(split, from.drop_front(2));
    permutation.push_back(2 + axes);
    for (int64_t i = 0; i < axes; ++i) {
      permutation.append({3 + axes + i, 2 + i});
      joined.push_back(from[2 + i] * s.axes[i].stride);
    }
    for (int64_t axis : permutation)
      moved.push_back(split[axis]);
    x = reshape(b, loc, x, split);
    x = TransposeOp::create(b, loc, tensorType(x).clone(moved), x, permutation);
    return reshape(b, loc, x, joined);
  }

  /// What the padding leaves of each axis.
  static Value cut(OpBuilder &b, Location loc, ConvTransposeOp op, Value x,
                   const Shape &s) {
    SmallVector<int64_t> axes, starts, ends;
    for (auto [i, axis] : llvm::enumerate(s.axes)) {
      int64_t start = axis.before % axis.stride;
      if (start == 0 && axis.output == tensorType(x).getDimSize(2 + i))
        continue;
      axes.push_back(2 + i);
      starts.push_back(start);
      ends.push_back(start + axis.output);
    }
    if (axes.empty())
      return x;
    SmallVector<int64_t> steps(axes.size(), 1);
    return SliceOp::create(
        b, loc, op.getType(), x, shapeConstant(b, loc, starts),
        shapeConstant(b, loc, ends), shapeConstant(b, loc, steps), axes);
  }
};

} // namespace

void populateTransposedConvPatterns(RewritePatternSet &patterns) {
  patterns.add<ConvTransposeByConv>(patterns.getContext());
}

} // namespace weft::graph
