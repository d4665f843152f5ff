// ai.onnx.ml without its trees: encoders, scalers, linear models, support
// vectors.
#include "Equation.h"
#include "Places.h"
#include "PostTransform.h"
#include "TensorAttribute.h"
#include <cmath>

using namespace mlir;

namespace weft::onnx {

//===- Encoders and scalers -----------------------------------------------===//

static LogicalResult arrayFeatureExtractor(NodeImport &n) {
  Value x = n.input(0);
  if (n.rank(0) == 0)
    return n.error() << "data has rank 0; 1 at least is needed";
  if (n.rank(0) == 1)
    x = n.unsqueeze(x, {0});
  Value places = n.reshape(n.cast(n.input(1), n.b.getI64Type()), {-1});
  return n.result(n.create<graph::GatherOp>(
      x, places, NodeImport::typeOf(x).getRank() - 1));
}

static LogicalResult binarizer(NodeImport &n) {
  Num x(n, n.input(0));
  return n.result(
      (x > double(n.real("threshold", 0))).as(n.type(0).getElementType()));
}

static LogicalResult scaler(NodeImport &n) {
  SmallVector<float> offset = n.reals("offset"), scale = n.reals("scale");
  if (offset.empty())
    offset.push_back(0);
  if (scale.empty())
    scale.push_back(1);
  Type f32 = n.b.getF32Type();
  Num x(n, n.cast(n.input(0), f32));
  return n.result((x - Num(n, floats(n, offset))) * Num(n, floats(n, scale)));
}

static LogicalResult normalizer(NodeImport &n) {
  Num x(n, n.cast(n.input(0), n.b.getF32Type()));
  if (n.rank(0) < 1)
    return n.error() << "input has rank 0; 1 at least is needed";
  StringRef norm = n.text("norm", "MAX");
  int64_t last = n.rank(0) - 1;
  auto reduced = [&](graph::ReduceKind kind, Num terms) {
    return Num(n, n.reduce(kind, terms, {last}, /*keepDims=*/true));
  };
  Num size = x;
  if (norm == "MAX")
    size = reduced(graph::ReduceKind::max, abs(x));
  else if (norm == "L1")
    size = reduced(graph::ReduceKind::sum, abs(x));
  else if (norm == "L2")
    size = apply<graph::SqrtOp>(reduced(graph::ReduceKind::sum, x * x));
  else
    return n.error() << "norm is '" << norm << "'; MAX, L1 or L2 is needed";
  return n.result(select(size == 0.0, x, x / size));
}

static LogicalResult imputer(NodeImport &n) {
  Value x = n.input(0);
  Type element = n.type(0).getElementType();
  bool isFloat = isa<FloatType>(element);
  Value values =
      isFloat ? n.cast(floats(n, n.reals("imputed_value_floats")), element)
              : n.cast(n.ints(n.integers("imputed_value_int64s")), element);
  if (NodeImport::typeOf(values).getNumElements() == 0)
    return n.error() << "has no imputed values for elements of " << element;
  double replaced = isFloat ? n.real("replaced_value_float", 0)
                            : double(n.integer("replaced_value_int64", 0));
  Value missing = std::isnan(replaced) ? n.create<graph::IsNanOp>(x)
                                       : n.compare(graph::Comparison::equal, x,
                                                   n.scalarLike(replaced, x));
  return n.result(n.create<graph::SelectOp>(missing, values, x));
}

static LogicalResult featureVectorizer(NodeImport &n) {
  Ints widths = n.integers("inputdimensions");
  if (widths.size() != n.inputCount() || n.inputCount() == 0)
    return n.error() << "has " << widths.size() << " inputdimensions for "
                     << n.inputCount() << " inputs";
  SmallVector<Value> pieces;
  for (unsigned i = 0; i < n.inputCount(); ++i) {
    Value x = n.cast(n.input(i), n.b.getF32Type());
    if (n.rank(i) == 1)
      x = n.unsqueeze(x, {1});
    if (!x || NodeImport::typeOf(x).getRank() != 2)
      return n.error() << "input " << i << " has rank " << n.rank(i)
                       << " where 1 or 2 is needed";
    // Cut or filled up with zeros.
    x = n.slice(x, 1, 0, widths[i]);
    Num missing = Num(n, n.ints({widths[i]})) - Num(n, n.extent(x, 1));
    pieces.push_back(n.create<graph::PadOp>(
        x, n.concat({n.ints({0}), missing}, 0), n.scalarLike(0, x),
        ArrayRef<int64_t>{1}, graph::PadMode::constant));
  }
  return n.result(n.concat(pieces, 1));
}

/// Whether each element of `x` is each of `keys`: [.., keys].
static Value matches(NodeImport &n, Value x, Value keys) {
  Type element = NodeImport::typeOf(keys).getElementType();
  Value spread =
      n.unsqueeze(n.cast(x, element), {NodeImport::typeOf(x).getRank()});
  Value equal = n.compare(graph::Comparison::equal, spread, keys);
  if (!isa<FloatType>(element))
    return equal;
  return n.create<graph::OrOp>(
      equal, n.create<graph::AndOp>(n.create<graph::IsNanOp>(spread),
                                    n.create<graph::IsNanOp>(keys)));
}

static LogicalResult oneHotEncoder(NodeImport &n) {
  Ints categories = n.integers("cats_int64s");
  if (categories.empty())
    return n.error() << "categories that are strings are not supported";
  return n.result(
      n.cast(matches(n, n.input(0), n.ints(categories)), n.b.getF32Type()));
}

/// One side of a LabelEncoder: a vector, or null after an error.
static Value labelList(NodeImport &n, const char *side) {
  std::string name = side;
  if (const AttributeProto *tensor = n.attribute(name + "_tensor")) {
    std::vector<double> values;
    Type element = elementType(n.b.getContext(), tensor->t().data_type());
    if (!element || !readReals(tensor->t(), values)) {
      n.error() << name << "_tensor is no tensor of numbers";
      return nullptr;
    }
    auto type =
        RankedTensorType::get({int64_t(values.size())}, n.b.getF64Type());
    return n.cast(
        graph::ConstantOp::create(
            n.b, n.loc, DenseElementsAttr::get(type, ArrayRef<double>(values))),
        element);
  }
  if (n.hasAttribute(name + "_int64s"))
    return n.ints(n.integers(name + "_int64s"));
  if (n.hasAttribute(name + "_floats"))
    return floats(n, n.reals(name + "_floats"));
  n.error() << name << " that are strings are not supported";
  return nullptr;
}

static LogicalResult labelEncoder(NodeImport &n) {
  Value keys = labelList(n, "keys");
  Value values = keys ? labelList(n, "values") : nullptr;
  if (!values)
    return failure();
  int64_t count = NodeImport::typeOf(keys).getNumElements();
  Type element = NodeImport::typeOf(values).getElementType();
  if (count == 0 || count != NodeImport::typeOf(values).getNumElements())
    return n.error() << "has " << count << " keys and "
                     << NodeImport::typeOf(values).getNumElements()
                     << " values";
  Value otherwise;
  std::vector<double> given;
  const AttributeProto *tensor = n.attribute("default_tensor");
  if (tensor && readReals(tensor->t(), given) && !given.empty())
    otherwise = n.scalar(given[0], element);
  else if (isa<FloatType>(element))
    otherwise = n.scalar(n.real("default_float", -0.0), element);
  else
    otherwise = n.scalar(double(n.integer("default_int64", -1)), element);
  Value hit = n.cast(matches(n, n.input(0), keys), n.b.getI32Type());
  int64_t last = n.rank(0);
  Value place = n.create<graph::ArgReduceOp>(graph::ReduceKind::max, hit, last,
                                             false, /*select_last=*/true);
  Value found = n.compare(graph::Comparison::greater,
                          n.reduce(graph::ReduceKind::max, hit, {last}, false),
                          n.scalarLike(0, hit));
  return n.result(n.create<graph::SelectOp>(
      found, n.create<graph::GatherOp>(values, place, int64_t(0)), otherwise));
}

//===- Linear models ------------------------------------------------------===//

/// x · coefficientsᵀ + intercepts, of `targets` rows.
static Value linearScores(NodeImport &n, int64_t targets) {
  SmallVector<float> weights = n.reals("coefficients"),
                     start = n.reals("intercepts");
  if (targets < 1 || weights.empty() || weights.size() % targets ||
      n.rank(0) != 2 || (!start.empty() && int64_t(start.size()) != targets)) {
    n.error() << "has " << weights.size() << " coefficients and "
              << start.size() << " intercepts for " << targets
              << " targets and an input of rank " << n.rank(0);
    return nullptr;
  }
  Value x = n.cast(n.input(0), n.b.getF32Type());
  Value matrix =
      floats(n, weights, {targets, int64_t(weights.size()) / targets});
  Value y = n.create<graph::MatMulOp>(x, matrix, false, true);
  return start.empty() ? y : n.create<graph::AddOp>(y, floats(n, start));
}

static LogicalResult linearRegressor(NodeImport &n) {
  return n.result(postTransform(n, n.text("post_transform", "NONE"),
                                linearScores(n, n.integer("targets", 1))));
}

static LogicalResult linearClassifier(NodeImport &n) {
  Ints labels = n.integers("classlabels_ints");
  if (n.hasAttribute("classlabels_strings") && labels.empty())
    return n.error() << "labels that are strings are not supported";
  int64_t count = std::max<int64_t>(n.reals("intercepts").size(), 1);
  StringRef transform = n.text("post_transform", "NONE");
  Value scores = linearScores(n, count);
  if (count > 1)
    return n.results(
        {bestLabel(n, scores, labels), postTransform(n, transform, scores)});
  // One score tells two classes apart; two labels make it two scores.
  Num score(n, scores);
  Num isSecond = score > 0.0;
  bool two = labels.size() == 2;
  Value yes = n.intScalar(two              ? labels[1]
                          : labels.empty() ? 1
                                           : labels[0]),
        no = n.intScalar(two ? labels[0] : 0);
  Value label = n.create<graph::SelectOp>(n.squeeze(isSecond, {1}), yes, no);
  if (!two)
    return n.results({label, postTransform(n, transform, score)});
  return n.results(
      {label, postTransform(n, transform, n.concat({0.0 - score, score}, 1))});
}

//===- Support vectors ----------------------------------------------------===//

/// The kernel of each row of the input with each support vector.
static Value kernelValues(NodeImport &n, int64_t vectors) {
  SmallVector<float> support = n.reals("support_vectors"),
                     parameters = n.reals("kernel_params");
  StringRef kind = n.text("kernel_type", "LINEAR");
  if (parameters.size() < 3)
    parameters.resize(3, 0);
  if (n.rank(0) != 2 || vectors < 1 || support.size() % vectors) {
    n.error() << "has " << support.size() << " numbers in " << vectors
              << " support vectors and an input of rank " << n.rank(0);
    return nullptr;
  }
  double gamma = parameters[0], start = parameters[1], degree = parameters[2];
  Value x = n.cast(n.input(0), n.b.getF32Type());
  Value matrix =
      floats(n, support, {vectors, int64_t(support.size()) / vectors});
  Num dot(n, n.create<graph::MatMulOp>(x, matrix, false, true));
  if (kind == "LINEAR")
    return dot;
  Num scaled = dot * gamma + start;
  if (kind == "SIGMOID")
    return apply<graph::TanhOp>(scaled);
  if (kind == "POLY")
    return n.create<graph::PowOp>(scaled, scaled.of(degree));
  if (kind == "RBF") {
    // By differences: squares of large numbers would cancel.
    Num difference = Num(n, n.unsqueeze(x, {1})) - Num(n, matrix);
    Num distance(n, n.reduce(graph::ReduceKind::sum, difference * difference,
                             {2}, /*keepDims=*/false));
    return apply<graph::ExpOp>(distance * -gamma);
  }
  n.error() << "kernel_type is '" << kind
            << "'; LINEAR, POLY, RBF or SIGMOID is needed";
  return nullptr;
}

static LogicalResult svmRegressor(NodeImport &n) {
  SmallVector<float> weights = n.reals("coefficients"), rho = n.reals("rho");
  int64_t vectors = n.integer("n_supports", 0);
  if (rho.empty() || weights.empty() ||
      (vectors > 0 && int64_t(weights.size()) != vectors) || n.rank(0) != 2)
    return n.error() << "has " << weights.size() << " coefficients and "
                     << rho.size() << " rho for " << vectors
                     << " support vectors and an input of rank " << n.rank(0);
  Value x = vectors > 0 ? kernelValues(n, vectors)
                        : n.cast(n.input(0), n.b.getF32Type());
  Value matrix = floats(n, weights, {1, int64_t(weights.size())});
  Num y = Num(n, n.create<graph::MatMulOp>(x, matrix, false, true)) +
          double(rho[0]);
  if (n.integer("one_class", 0))
    y = select(y > 0.0, y.of(1), -1.0);
  return n.result(postTransform(n, n.text("post_transform", "NONE"), y));
}

void addMachineLearningRows(Table &table) {
  table.add({
      {"ai.onnx.ml.ArrayFeatureExtractor", 1, arrayFeatureExtractor},
      {"ai.onnx.ml.Binarizer", 1, binarizer},
      {"ai.onnx.ml.FeatureVectorizer", 1, featureVectorizer},
      {"ai.onnx.ml.Imputer", 1, imputer},
      {"ai.onnx.ml.LabelEncoder", 1, labelEncoder},
      {"ai.onnx.ml.LinearClassifier", 1, linearClassifier},
      {"ai.onnx.ml.LinearRegressor", 1, linearRegressor},
      {"ai.onnx.ml.Normalizer", 1, normalizer},
      {"ai.onnx.ml.OneHotEncoder", 1, oneHotEncoder},
      {"ai.onnx.ml.SVMRegressor", 1, svmRegressor},
      {"ai.onnx.ml.Scaler", 1, scaler},
  });
}

} // namespace weft::onnx
