// ai.onnx.ml without its trees and support vectors: encoders, scalers, linear
// models.
#include "../Strings.h"
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
  SmallVector<StringRef> texts = n.texts("cats_strings");
  Value x = n.input(0), kinds = n.ints(categories);
  if (holdsStrings(x.getType())) {
    x = placeAmong(n, x, texts);
    kinds = n.ints(llvm::to_vector(llvm::seq<int64_t>(0, texts.size())));
  } else if (categories.empty()) {
    return n.error() << "has no cats_int64s for an input of "
                     << n.type(0).getElementType();
  }
  Value hits = matches(n, x, kinds);
  return n.result(n.cast(hits, n.b.getF32Type()));
}

/// Strings to their numbers or back.
static LogicalResult categoryMapper(NodeImport &n) {
  Ints numbers = n.integers("cats_int64s");
  SmallVector<StringRef> texts = n.texts("cats_strings");
  if (numbers.empty() || numbers.size() != texts.size())
    return n.error() << "has " << numbers.size() << " cats_int64s and "
                     << texts.size() << " cats_strings";
  if (holdsStrings(n.input(0).getType())) {
    Num place(n, placeAmong(n, n.input(0), texts));
    Value found = n.create<graph::GatherOp>(n.ints(numbers),
                                            Value(max(place, 0.0)), int64_t(0));
    return n.result(
        n.create<graph::SelectOp>(Value(place >= 0.0), found,
                                  n.intScalar(n.integer("default_int64", -1))));
  }
  Value hit = n.cast(matches(n, n.input(0), n.ints(numbers)), n.b.getI32Type());
  int64_t last = n.rank(0);
  Value place = n.create<graph::ArgReduceOp>(graph::ReduceKind::max, hit, last,
                                             false, /*select_last=*/true);
  Num found(n, n.reduce(graph::ReduceKind::max, hit, {last}, false));
  return n.result(n.create<graph::SelectOp>(
      Value(found > 0.0),
      n.create<graph::GatherOp>(stringVector(n, texts), place, int64_t(0)),
      stringScalar(n, n.text("default_string", "_Unused"))));
}

/// The strings of an attribute, be it a list or a tensor.
static SmallVector<StringRef> textsOf(NodeImport &n, StringRef list,
                                      StringRef tensor) {
  const AttributeProto *found = n.attribute(tensor);
  if (found && found->t().data_type() == TensorProto::STRING)
    return SmallVector<StringRef>(found->t().string_data().begin(),
                                  found->t().string_data().end());
  return n.texts(list);
}

/// One side of a LabelEncoder: a vector, or null after an error.
static Value labelList(NodeImport &n, const char *side) {
  std::string name = side, tensorName = name + "_tensor";
  SmallVector<StringRef> texts = textsOf(n, name + "_strings", tensorName);
  if (!texts.empty())
    return stringVector(n, texts);
  if (const AttributeProto *tensor = n.attribute(tensorName)) {
    std::vector<double> values;
    Type element = elementType(n.b.getContext(), tensor->t().data_type());
    if (!element || !readReals(tensor->t(), values)) {
      n.error() << tensorName << " is no tensor of numbers or strings";
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
  n.error() << "has no " << name;
  return nullptr;
}

/// What stands for keys that a LabelEncoder does not have.
static Value otherLabel(NodeImport &n, Type element) {
  if (isString(element)) {
    SmallVector<StringRef> given = textsOf(n, "", "default_tensor");
    return stringScalar(n, given.empty() ? n.text("default_string", "_Unused")
                                         : given[0]);
  }
  std::vector<double> given;
  const AttributeProto *tensor = n.attribute("default_tensor");
  if (tensor && readReals(tensor->t(), given) && !given.empty())
    return n.scalar(given[0], element);
  return isa<FloatType>(element)
             ? n.scalar(n.real("default_float", -0.0), element)
             : n.scalar(double(n.integer("default_int64", -1)), element);
}

/// The place of each element of the input among `keys` and whether it has one.
static std::pair<Value, Value> findLabels(NodeImport &n, Value keys) {
  if (holdsStrings(keys.getType())) {
    Num place(n, placeAmong(n, n.input(0),
                            textsOf(n, "keys_strings", "keys_tensor")));
    return {max(place, 0.0), place >= 0.0};
  }
  Value hit = n.cast(matches(n, n.input(0), keys), n.b.getI32Type());
  int64_t last = n.rank(0);
  Value place = n.create<graph::ArgReduceOp>(graph::ReduceKind::max, hit, last,
                                             false, /*select_last=*/true);
  Num found(n, n.reduce(graph::ReduceKind::max, hit, {last}, false));
  return {place, found > 0.0};
}

static LogicalResult labelEncoder(NodeImport &n) {
  Value keys = labelList(n, "keys");
  Value values = keys ? labelList(n, "values") : nullptr;
  if (!values)
    return failure();
  int64_t count = NodeImport::typeOf(keys).getNumElements();
  if (count == 0 || count != NodeImport::typeOf(values).getNumElements())
    return n.error() << "has " << count << " keys and "
                     << NodeImport::typeOf(values).getNumElements()
                     << " values";
  if (holdsStrings(keys.getType()) != holdsStrings(n.input(0).getType()))
    return n.error() << "has keys of "
                     << NodeImport::typeOf(keys).getElementType()
                     << " for an input of " << n.type(0).getElementType();
  auto [place, found] = findLabels(n, keys);
  return n.result(n.create<graph::SelectOp>(
      found, n.create<graph::GatherOp>(values, place, int64_t(0)),
      otherLabel(n, NodeImport::typeOf(values).getElementType())));
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
  ClassLabels labels(n, "classlabels_ints", "classlabels_strings");
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
  if (!two && !labels.texts.empty())
    return n.error() << "has one score for " << labels.size()
                     << " labels; 2 are needed";
  Value yes = two              ? labels.at(n, 1)
              : labels.empty() ? n.intScalar(1)
                               : labels.at(n, 0),
        no = two ? labels.at(n, 0) : n.intScalar(0);
  Value label = n.create<graph::SelectOp>(n.squeeze(isSecond, {1}), yes, no);
  if (!two)
    return n.results({label, postTransform(n, transform, score)});
  return n.results(
      {label, postTransform(n, transform, n.concat({0.0 - score, score}, 1))});
}

/// Its result is a list of dictionaries.
static LogicalResult zipMap(NodeImport &n) {
  return n.error() << "gives maps, which no artifact passes; export the model "
                      "with skl2onnx's options={'zipmap': False} (or 'columns' "
                      "for an output of each class), or cut the node off: its "
                      "input holds the same numbers";
}

void addMachineLearningRows(Table &table) {
  table.add({
      {"ai.onnx.ml.ArrayFeatureExtractor", 1, arrayFeatureExtractor, Row::kAny},
      {"ai.onnx.ml.Binarizer", 1, binarizer},
      {"ai.onnx.ml.CategoryMapper", 1, categoryMapper, Row::kAny},
      {"ai.onnx.ml.FeatureVectorizer", 1, featureVectorizer},
      {"ai.onnx.ml.Imputer", 1, imputer},
      {"ai.onnx.ml.LabelEncoder", 1, labelEncoder, Row::kAny},
      {"ai.onnx.ml.LinearClassifier", 1, linearClassifier},
      {"ai.onnx.ml.LinearRegressor", 1, linearRegressor},
      {"ai.onnx.ml.Normalizer", 1, normalizer},
      {"ai.onnx.ml.OneHotEncoder", 1, oneHotEncoder, Row::kAny},
      {"ai.onnx.ml.Scaler", 1, scaler},
      {"ai.onnx.ml.ZipMap", 1, zipMap, Row::kAny},
  });
}

} // namespace weft::onnx
