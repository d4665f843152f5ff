"""Pipelines of scikit-learn, exported by skl2onnx, against ONNX Runtime."""

import warnings

import numpy
import onnxruntime
import pytest
from sklearn.cluster import KMeans
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (GradientBoostingClassifier, GradientBoostingRegressor, IsolationForest,
                              RandomForestClassifier, RandomForestRegressor)
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LinearRegression, LogisticRegression, SGDClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (KBinsDiscretizer, MinMaxScaler, Normalizer, OneHotEncoder, OrdinalEncoder,
                                   PolynomialFeatures, StandardScaler)
from sklearn.impute import SimpleImputer
from sklearn.decomposition import PCA
from sklearn.svm import SVC, SVR, LinearSVC, OneClassSVM
from sklearn.tree import DecisionTreeClassifier
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType, StringTensorType

import weft

RNG = numpy.random.default_rng(7)
ROWS = 300
X = RNG.standard_normal((ROWS, 6)).astype(numpy.float32)
NUMBER = (X[:, 0] * 2 - X[:, 1] + 0.3 * RNG.standard_normal(ROWS)).astype(numpy.float32)
TWO = (NUMBER > 0).astype(numpy.int64)
THREE = numpy.digitize(NUMBER, [-1, 1])
TWENTY = numpy.digitize(NUMBER, numpy.quantile(NUMBER, numpy.arange(1, 20) / 20))
COLOURS = numpy.array(["red", "green", "blue"])[THREE]
TEXT = numpy.array(["red", "green", "blue", "grün", ""])[RNG.integers(0, 5, (ROWS, 2))].astype(object)

# A name, an estimator, what it learns.
ESTIMATORS = [
    ("forest-500", RandomForestClassifier(500, max_depth=6, random_state=0), THREE),
    ("forest-strings", RandomForestClassifier(20, random_state=0), COLOURS),
    ("forest-twenty", RandomForestClassifier(50, random_state=0), TWENTY),
    ("forest-bounded", RandomForestClassifier(33, max_depth=8, random_state=0), TWENTY),
    ("forest-regressor", RandomForestRegressor(30, random_state=0), NUMBER),
    ("tree", DecisionTreeClassifier(random_state=0), TWO),
    ("boosting", GradientBoostingClassifier(n_estimators=40, random_state=0), TWO),
    ("boosting-three", GradientBoostingClassifier(n_estimators=20, random_state=0), THREE),
    ("boosting-leaves", GradientBoostingClassifier(n_estimators=9, max_depth=None, max_leaf_nodes=31, random_state=0), TWENTY),
    ("boosting-regressor", GradientBoostingRegressor(n_estimators=40, random_state=0), NUMBER),
    ("isolation", IsolationForest(n_estimators=20, random_state=0), None),
    ("svc-two", SVC(random_state=0), TWO),
    ("svc-three", SVC(kernel="poly", degree=2), THREE),
    ("svc-sigmoid", SVC(kernel="sigmoid"), COLOURS),
    ("svc-linear", SVC(kernel="linear", decision_function_shape="ovo"), THREE),
    ("svr", SVR(), NUMBER),
    ("one-class", OneClassSVM(), None),
    ("linear-svc", LinearSVC(random_state=0), TWO),
    ("logistic", LogisticRegression(), COLOURS),
    ("logistic-two", LogisticRegression(), TWO),
    ("sgd", SGDClassifier(random_state=0), THREE),
    ("linear", LinearRegression(), NUMBER),
    ("kmeans", KMeans(4, n_init=1, random_state=0), None),
    ("bayes", GaussianNB(), COLOURS),
    ("perceptron", MLPClassifier((8,), max_iter=30, random_state=0), THREE),
    ("scaled", make_pipeline(StandardScaler(), PCA(3, random_state=0), LogisticRegression()), THREE),
    ("prepared", make_pipeline(SimpleImputer(), MinMaxScaler(), PolynomialFeatures(2), Normalizer(),
                               LogisticRegression()), TWO),
    ("binned", make_pipeline(KBinsDiscretizer(4, encode="onehot-dense", quantile_method="averaged_inverted_cdf"),
                             LogisticRegression()), TWO),
]


def compare(model, inputs):
    """Every output at several batches. ONNX Runtime takes no batch of none."""
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    compiled = weft.compile(model)
    empty = compiled.run({name: value[:0] for name, value in inputs.items()})
    assert all(len(found) == 0 for found in empty.values())
    for rows in (slice(0, ROWS), slice(0, 1), slice(1, 34)):
        feed = {name: value[rows] for name, value in inputs.items()}
        found = compiled.run(feed)
        for info, expected in zip(session.get_outputs(), session.run(None, feed)):
            ours = found[info.name]
            assert ours.shape == expected.shape
            if expected.dtype.kind == "f":
                size = numpy.abs(expected).max(initial=1)
                assert numpy.abs(ours - expected).max(initial=0) <= 2e-5 * size
            else:
                numpy.testing.assert_array_equal(ours, expected)


def exported(estimator, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return to_onnx(estimator, target_opset={"": 21, "ai.onnx.ml": 3}, **options)


@pytest.mark.parametrize("estimator, target", [row[1:] for row in ESTIMATORS], ids=[row[0] for row in ESTIMATORS])
def test_estimators(estimator, target):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        estimator.fit(X, target)
    options = {}
    last = estimator[-1] if hasattr(estimator, "steps") else estimator
    if hasattr(last, "classes_") and not isinstance(last, LinearSVC):  # which has no such option
        options = {id(estimator): {"zipmap": False}}
    compare(exported(estimator, X=X[:1], options=options), {"X": X})


def test_doubles():
    """Thresholds that no float is."""
    x = numpy.concatenate([X, numpy.nextafter(X, 9)]).astype(numpy.float64) + 1e-12
    estimator = RandomForestClassifier(40, random_state=0).fit(X, TWENTY)
    compare(exported(estimator, X=x[:1], options={id(estimator): {"zipmap": False}}), {"X": x})


@pytest.mark.parametrize("target", [NUMBER, THREE, TWENTY], ids=["value", "three", "twenty"])
def test_bits_of_a_row(target):
    """Rows walk down trees together or alone, with many or few in a work item:
    the same sums."""
    rows = 2100  # so many that a work item has more than the least rows
    x = RNG.standard_normal((rows, 6)).astype(numpy.float32)
    kind, options = RandomForestClassifier, {"zipmap": False}
    if target is NUMBER:
        kind, options = RandomForestRegressor, {}
    estimator = kind(37, random_state=0).fit(X, target)
    compiled = weft.compile(exported(estimator, X=X[:1], options={id(estimator): options}))
    expected = [numpy.array(y) for y in compiled.session(threads=1).run({"X": x}).values()]
    for threads, step in ((3, rows), (1, 1), (2, 47)):
        session = compiled.session(threads=threads)
        for begin in range(0, rows if step > 1 else 64, step):
            found = session.run({"X": x[begin:begin + step]}).values()
            for whole, part in zip(expected, found, strict=True):
                numpy.testing.assert_array_equal(part, whole[begin:begin + step])


def table(*texts):
    """A pipeline of columns of text, made numbers, beside others."""
    return make_pipeline(ColumnTransformer([("text", make_pipeline(*texts), [0, 1]), ("rest", StandardScaler(), [2, 3])]),
                         LogisticRegression())


@pytest.mark.parametrize("encoder", [OneHotEncoder(handle_unknown="ignore", sparse_output=False), OrdinalEncoder()],
                         ids=["one-hot", "ordinal"])
def test_columns_of_text(encoder):
    columns = numpy.concatenate([TEXT, X[:, :2].astype(object)], axis=1)
    pipeline = table(encoder).fit(columns, COLOURS)
    model = exported(pipeline, initial_types=[("text", StringTensorType([None, 2])), ("rest", FloatTensorType([None, 2]))],
                     options={id(pipeline): {"zipmap": False}})
    compare(model, {"text": TEXT, "rest": X[:, :2]})


@pytest.mark.parametrize("vectorizer", [CountVectorizer(), TfidfVectorizer(ngram_range=(1, 2)), TfidfVectorizer(lowercase=False)],
                         ids=["counts", "tfidf-2", "tfidf-case"])
def test_texts(vectorizer):
    words = ["Forest", "tree", "the", "of", "green", "LEAF", "x1", "branch"]
    lines = numpy.array([" ".join(RNG.choice(words, RNG.integers(0, 12))) for _ in range(ROWS)] , object)
    pipeline = make_pipeline(vectorizer, LogisticRegression()).fit(lines, COLOURS)
    model = exported(pipeline, initial_types=[("text", StringTensorType([None]))],
                     options={id(pipeline): {"zipmap": False}, id(vectorizer): {"tokenexp": "[a-zA-Z0-9_]+",
                                                              "locale": "C"}})  # en_US may be missing
    compare(model, {"text": lines})


def test_probabilities_of_support_vectors():
    """Platt's method couples the classes' pairs in a loop."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        estimator = SVC(probability=True, random_state=0).fit(X, THREE)
    compare(exported(estimator, X=X[:1], options={id(estimator): {"zipmap": False}}), {"X": X})


def test_zipmap_says_what_to_do():
    model = exported(LogisticRegression().fit(X, THREE), X=X[:1])
    with pytest.raises(weft.Error, match=r"'ZipMap' \(ai.onnx.ml.ZipMap\).*skl2onnx's options={'zipmap': False}"):
        weft.compile(model)


def test_zipmap_of_columns():
    """An output for each class, which needs no maps."""
    estimator = LogisticRegression().fit(X, THREE)
    compare(exported(estimator, X=X[:1], options={id(estimator): {"zipmap": "columns"}}), {"X": X})
