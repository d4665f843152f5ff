#include "PostTransform.h"
#include "../Strings.h"
#include "Equation.h"
#include <cmath>

using namespace mlir;

namespace weft::onnx {

Value floats(NodeImport &n, ArrayRef<float> values, ArrayRef<int64_t> shape) {
  SmallVector<int64_t> extents(shape);
  if (extents.empty())
    extents.push_back(values.size());
  return graph::ConstantOp::create(
      n.b, n.loc,
      DenseElementsAttr::get(RankedTensorType::get(extents, n.b.getF32Type()),
                             values));
}

Value asFloats(NodeImport &n, Value x) {
  if (!x || isa<FloatType>(NodeImport::typeOf(x).getElementType()))
    return x;
  return n.cast(x, n.b.getF32Type());
}

/// softmax in which what is 0 counts as little as the smallest score.
static Value softmaxZero(NodeImport &n, Num x) {
  Num most(n, n.reduce(graph::ReduceKind::max, x, {1}, true));
  Num power = apply<graph::ExpOp>(x - most);
  Num small = x * apply<graph::ExpOp>(0.0 - most);
  Num terms = select(abs(x) > 0.0000001, power, small);
  Num sum(n, n.reduce(graph::ReduceKind::sum, terms, {1}, true));
  return select(sum == 0.0, 0.5, terms / sum);
}

/// The normal distribution's quantile by Winitzki's approximation of erf⁻¹.
static Value probit(NodeImport &, Num score) {
  Num x = score * 2.0 - 1.0;
  Num log = apply<graph::LogOp>((1.0 - x) * (1.0 + x));
  Num v = 2.0 / (M_PI * 0.147) + 0.5 * log;
  Num root =
      apply<graph::SqrtOp>(apply<graph::SqrtOp>(v * v - log / 0.147) - v);
  Num signedRoot = select(x < 0.0, 0.0 - root, root);
  return 1.41421356 * select((1.0 - x) * (1.0 + x) == 0.0, 0.0, signedRoot);
}

Value postTransform(NodeImport &n, StringRef name, Value scores) {
  if (!scores || name == "NONE")
    return scores;
  if (name == "LOGISTIC")
    return n.create<graph::SigmoidOp>(scores);
  if (name == "SOFTMAX")
    return n.create<graph::SoftmaxOp>(scores, int64_t(1), false, false);
  if (name == "SOFTMAX_ZERO")
    return softmaxZero(n, Num(n, scores));
  if (name == "PROBIT")
    return probit(n, Num(n, scores));
  n.error() << "post_transform is '" << name
            << "'; NONE, LOGISTIC, SOFTMAX, SOFTMAX_ZERO or PROBIT is needed";
  return nullptr;
}

ClassLabels::ClassLabels(NodeImport &n, StringRef numbersName,
                         StringRef textsName)
    : numbers(n.integers(numbersName)) {
  if (numbers.empty())
    texts = n.texts(textsName);
}

Value ClassLabels::vector(NodeImport &n) const {
  return texts.empty() ? n.ints(numbers) : stringVector(n, texts);
}

Value ClassLabels::at(NodeImport &n, size_t i) const {
  return texts.empty() ? n.intScalar(numbers[i]) : stringScalar(n, texts[i]);
}

Value bestLabel(NodeImport &n, Value scores, const ClassLabels &labels) {
  Value best = n.create<graph::ArgReduceOp>(graph::ReduceKind::max, scores,
                                            int64_t(1), false, false);
  if (labels.empty())
    return best;
  return n.create<graph::GatherOp>(labels.vector(n), best, int64_t(0));
}

} // namespace weft::onnx
