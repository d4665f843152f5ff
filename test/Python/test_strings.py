"""Models with strings against ONNX Runtime, or against Python where ONNX Runtime
depends on the machine's locales."""

import numpy
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper

import weft

STRING, INT64, FLOAT, BOOL = TensorProto.STRING, TensorProto.INT64, TensorProto.FLOAT, TensorProto.BOOL
ODD = ["", "a", "Straße", "ÄÖÜ", "日本", "x\x00y", "  two  words ", "1.5", "😀", "é" * 300, "NaN", "-7"]


def texts(*values):
    return numpy.array(values, object)


def model(op, inputs, outputs, domain="", opset=21, initializers=(), **attributes):
    node = helper.make_node(op, list(inputs), list(outputs), domain=domain, name="node", **attributes)
    graph = helper.make_graph(
        [node], "strings", [helper.make_tensor_value_info(*item) for item in inputs.values()],
        [helper.make_tensor_value_info(name, kind, shape) for name, (kind, shape) in outputs.items()], list(initializers))
    opsets = [helper.make_opsetid("", opset), helper.make_opsetid("ai.onnx.ml", 4)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=10)


def single(op, kind, shape, out, domain="", out_shape=None, **attributes):
    return model(op, {"x": ("x", kind, shape)}, {"y": (out, out_shape or shape)}, domain, **attributes)


def compare(proto, *feeds):
    session = onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    compiled = weft.compile(proto)
    for feed in feeds:
        found = compiled.run(feed)
        for info, expected in zip(session.get_outputs(), session.run(None, feed)):
            assert found[info.name].shape == expected.shape
            numpy.testing.assert_array_equal(found[info.name], expected)


@pytest.mark.parametrize("values", [[], ODD], ids=["empty", "odd"])
def test_strings_pass_unchanged(values):
    compiled = weft.compile(single("Identity", STRING, ["n"], STRING))
    assert list(compiled(texts(*values))) == values
    assert compiled(texts(*values)).dtype == object


@pytest.mark.parametrize("array", [numpy.array(["ab", "c"]), numpy.array([b"ab", b"c"]), numpy.array(["ab", "", "c"])[::2],
                                   numpy.array(["ab", "c"], numpy.dtypes.StringDType())], ids=["U", "S", "strided", "T"])
def test_numpy_has_several_kinds_of_strings(array):
    compiled = weft.compile(single("Identity", STRING, ["n"], STRING))
    assert list(compiled(array)) == ["ab", "c"]


def test_bytes_that_are_no_utf8_come_back():
    compiled = weft.compile(single("Identity", STRING, ["n"], STRING))
    assert compiled(texts(b"\xff\xfe"))[0].encode("utf-8", "surrogateescape") == b"\xff\xfe"


def test_what_is_no_string_is_refused():
    compiled = weft.compile(single("Identity", STRING, ["n"], STRING))
    with pytest.raises(weft.Error, match="input 'x': an element is 1.5, which is no string"):
        compiled(texts("a", 1.5))
    with pytest.raises(weft.Error, match="input 'x' has type f32 where the model takes string"):
        compiled(numpy.ones(2, numpy.float32))


def test_what_one_run_adds_the_next_forgets():
    compiled = weft.compile(model("StringConcat", {"x": ("x", STRING, ["n"]), "z": ("z", STRING, ["n"])},
                                  {"y": (STRING, ["n"])}))
    for i in range(50):
        x = texts(*(f"{i}-{j}" for j in range(300)))
        assert list(compiled(x, x)) == [text + text for text in x]


def test_moving_and_comparing():
    x = texts(*ODD).reshape(3, 4)
    compare(single("Transpose", STRING, [3, 4], STRING, out_shape=[4, 3]), {"x": x})
    compare(single("Flatten", STRING, ["a", "b"], STRING), {"x": x})
    compare(model("Equal", {"x": ("x", STRING, ["a", 4]), "z": ("z", STRING, [4])}, {"y": (BOOL, ["a", 4])}),
            {"x": x, "z": x[1]}, {"x": x[:0], "z": x[1]})
    compare(model("Concat", {"x": ("x", STRING, ["a", 4]), "z": ("z", STRING, ["b", 4])}, {"y": (STRING, ["c", 4])}, axis=0),
            {"x": x, "z": x[:0]}, {"x": x[1:], "z": x})
    rows = numpy.array([2, -3, 0])
    gather = model("Gather", {"x": ("x", STRING, ["a", 4]), "i": ("i", INT64, ["n"])}, {"y": (STRING, ["n", 4])})
    assert weft.compile(gather).run({"x": x, "i": rows})["y"].tolist() == x[rows].tolist()


def test_concatenation_broadcasts():
    proto = model("StringConcat", {"x": ("x", STRING, ["a", 1]), "z": ("z", STRING, ["b"])}, {"y": (STRING, ["a", "b"])})
    compare(proto, {"x": texts(*ODD)[:, None], "z": texts("", "-", "ß")}, {"x": texts()[:, None], "z": texts("a")})


@pytest.mark.parametrize("attributes", [{}, {"delimiter": ","}, {"delimiter": ", "}, {"delimiter": ",", "maxsplit": 1},
                                        {"maxsplit": 2}, {"delimiter": ""}])
def test_splitting(attributes):
    values = ["a,b, c", "", ",", "a  b\tc\nd ", " x", ",,a,,", "ü,ö", "nothing"]
    compiled = weft.compile(model("StringSplit", {"x": ("x", STRING, ["n"])}, {"y": (STRING, ["n", "m"]), "z": (INT64, ["n"])},
                                  **attributes))
    found = compiled.run({"x": texts(*values)})
    parts = [value.split(attributes.get("delimiter") or None, attributes.get("maxsplit", -1)) for value in values]
    width = max(map(len, parts))
    assert found["z"].tolist() == [len(part) for part in parts]
    assert found["y"].tolist() == [part + [""] * (width - len(part)) for part in parts]
    assert compiled.run({"x": texts()})["y"].shape == (0, 0)
    assert compiled.run({"x": texts("  ", "")})["y"].shape[0] == 2


@pytest.mark.parametrize("action, change", [("LOWER", str.lower), ("UPPER", str.upper), ("NONE", str)])
@pytest.mark.parametrize("sensitive", [0, 1])
def test_normalizing(action, change, sensitive):
    stop = ["monday", "Äpfel"]
    compiled = weft.compile(single("StringNormalizer", STRING, ["n"], STRING, out_shape=["m"], case_change_action=action,
                                   is_case_sensitive=sensitive, stopwords=stop))
    for values in (["Monday", "monday", "äpfel", "Äpfel", "Ωmega", "дом"], ["monday"], []):
        kept = [v for v in values if v not in stop] if sensitive else [v for v in values if v.lower() not in ("monday", "äpfel")]
        assert compiled(texts(*values)).tolist() == ([change(v) for v in kept] or [""])


@pytest.mark.parametrize("mark", [0, 1])
@pytest.mark.parametrize("attributes", [{"tokenexp": "[a-zA-Z0-9_]+", "mincharnum": 2}, {"tokenexp": r"\w+|\S", "mincharnum": 1},
                                        {"separators": [""], "mincharnum": 1}])
def test_tokens(attributes, mark):
    proto = single("Tokenizer", STRING, ["n"], STRING, domain="com.microsoft", out_shape=["n", "m"], mark=mark, pad_value="#",
                   **attributes)
    proto.opset_import.add(domain="com.microsoft", version=1)
    compare(proto, {"x": texts("This is the first one.", "a", "", "äö, ü x_1")}, {"x": texts("", "")})


PATTERNS = [
    r"", r"a", r"a*", r"(a|b)+c?", r"[a-c]{2,3}", r"[^a-c]+", r".*", r"(?s).*", r"\d+\.\d*", r"\w+@\w+\.(com|org)", r"(?i)straße",
    r"(?i)[k-s]+", r"ä|ö|日本?", r"[à-ü日-本]+", r"^a$", r"a$b", r"\bfoo\b.*", r"fo\Bo", r"(?m)^a$\n^b$", r"(?:x{2}){2}", r"\x41\x{1F600}",
    r"\Qa.b\E+", r"[[:alpha:]]+[[:^digit:]]", r"[]a]+", r"[a\]-]+", r"(?P<name>a+)b", r"a{0}b", r"a{,2}", r"\pL+", r"[\d\s]+", r"\C\C",
    r"(a?){20}a{20}", r"(?i:A)b", r"a**", r"(", r")", r"[b-a]", r"a{1001}", r"\8", r"(?<n>a)", r"|a|", r"(?U)a+?", r"\101", r"[^\n]*", r"x+?y",
]
SUBJECTS = [
    "", "a", "aa", "abc", "ab", "cab", "b\nb", "\n", "1.", "12.5", "me@site.org", "me@site.net", "STRASSE", "STRAßE", "strasse", "ſKs", "ä",
    "日", "日本", "àü", "a$b", "foo", "foo bar", "foobar", "a\nb", "xxxx", "xxx", "A😀", "a.b", "a.bb", "éa", "xyz1", "]a", "a-]", "aab", "b",
    "a{,2}", "1 2\t3", "é", "a" * 20, "a" * 40, "aB", "Ab", "AB", "xxy", "ü" * 9, "K",
]


@pytest.mark.parametrize("pattern", PATTERNS)
def test_regular_expressions(pattern):
    proto = single("RegexFullMatch", STRING, ["n"], BOOL, pattern=pattern)
    try:
        session = onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    except Exception:
        with pytest.raises(weft.Error, match="'node'.*pattern"):
            weft.compile(proto)
        return
    if r"\p" in pattern:
        with pytest.raises(weft.Error, match="classes of Unicode"):
            weft.compile(proto)
        return
    found = weft.compile(proto)(texts(*SUBJECTS))
    assert found.tolist() == session.run(None, {"x": texts(*SUBJECTS)})[0].tolist()


@pytest.mark.parametrize("kind", ["FLOAT", "INT32", "INT64", "UINT8", "BOOL", "FLOAT16"])
def test_numbers_as_text(kind):
    number = getattr(TensorProto, kind)
    dtype = helper.tensor_dtype_to_np_dtype(number)
    values = [0, 1, 100, 7] if dtype.kind in "ub" else [0, 1, -1, 100, 12345]
    if dtype.kind == "f":
        values += [0.1, -2.5, 3e-5, numpy.inf, -numpy.inf, numpy.nan]
    compare(single("Cast", number, ["n"], STRING, to=STRING), {"x": numpy.array(values).astype(dtype)})


def test_all_digits_of_doubles_that_count():
    values = numpy.array([0.1, 1 / 3, 1e22, 123456789.125, 5e-324])
    found = weft.compile(single("Cast", TensorProto.DOUBLE, ["n"], STRING, to=STRING))(values)
    assert [float(text) for text in found] == values.tolist()
    assert found[0] == "0.1"


def test_text_as_numbers():
    to_float = single("Cast", STRING, ["n"], FLOAT, to=FLOAT)
    compare(to_float, {"x": texts("1", "-2.5", "1e-3", "NaN", "inf", "-INF", "0x10")}, {"x": texts()})
    compare(single("Cast", STRING, ["n"], INT64, to=INT64), {"x": texts("1", "-25", "9223372036854775807")})
    with pytest.raises(weft.Error, match="'node'.*a string is no number"):
        weft.compile(to_float)(texts("1", "one"))


@pytest.mark.parametrize("attributes, kinds", [
    ({"keys_strings": ["b", "a", "日"], "values_int64s": [3, 1, 2], "default_int64": -5}, (STRING, INT64)),
    ({"keys_strings": ["b", "a"], "values_strings": ["y", ""], "default_string": "?"}, (STRING, STRING)),
    ({"keys_strings": ["b", "a"], "values_floats": [0.5, 1.5]}, (STRING, FLOAT)),
    ({"keys_int64s": [1, 2], "values_strings": ["one", "two"]}, (INT64, STRING))])
def test_labels(attributes, kinds):
    proto = single("LabelEncoder", kinds[0], ["n"], kinds[1], domain="ai.onnx.ml", **attributes)
    x = texts("a", "b", "日", "", "c", "a") if kinds[0] == STRING else numpy.array([2, 1, 3])
    compare(proto, {"x": x}, {"x": x[:0]})


def test_categories():
    compare(single("OneHotEncoder", STRING, ["n"], FLOAT, domain="ai.onnx.ml", out_shape=["n", 3], cats_strings=["a", "b", "c"]),
            {"x": texts("c", "a", "z", "")})
    names = {"cats_strings": ["a", "b"], "cats_int64s": [7, 9]}
    compare(single("CategoryMapper", STRING, ["n"], INT64, domain="ai.onnx.ml", **names), {"x": texts("b", "z", "a")})
    compare(single("CategoryMapper", INT64, ["n"], STRING, domain="ai.onnx.ml", **names), {"x": numpy.array([9, 1, 7])})


def test_grams_of_words():
    proto = single("TfIdfVectorizer", STRING, ["n"], FLOAT, out_shape=[4], mode="TF", min_gram_length=1, max_gram_length=2,
                   max_skip_count=0, ngram_counts=[0, 2], ngram_indexes=[0, 1, 2, 3], pool_strings=["the", "cat", "the", "cat", "cat", "the"])
    compare(proto, {"x": texts(*"the cat the dog the cat".split())})


def test_loops_carry_strings():
    body = helper.make_graph(
        [helper.make_node("StringConcat", ["before", "piece"], ["after"]), helper.make_node("Identity", ["go"], ["go_on"])], "body",
        [helper.make_tensor_value_info("i", INT64, []), helper.make_tensor_value_info("go", BOOL, []),
         helper.make_tensor_value_info("before", STRING, [2])],
        [helper.make_tensor_value_info("go_on", BOOL, []), helper.make_tensor_value_info("after", STRING, [2])])
    proto = model("Loop", {"n": ("n", INT64, []), "go0": ("go0", BOOL, []), "x": ("x", STRING, [2])}, {"y": (STRING, [2])}, body=body,
                  initializers=[helper.make_tensor("piece", STRING, [], [b"ab"])])
    found = weft.compile(proto).run({"n": numpy.int64(3), "go0": numpy.bool_(True), "x": texts("", "x")})
    assert found["y"].tolist() == ["ababab", "xababab"]


@pytest.mark.parametrize("op, attributes", [("Abs", {}), ("ReduceMax", {}), ("Unique", {})])
def test_operators_of_numbers_refuse_strings(op, attributes):
    with pytest.raises(weft.Error, match="strings|string"):
        weft.compile(onnx_unchecked(op, attributes))


def onnx_unchecked(op, attributes):
    return single(op, STRING, ["n"], STRING, **attributes)


def test_two_empty_strings_joined_are_one():
    """The first string that a run makes, of no byte."""
    joined = weft.compile(model("StringConcat", {"x": ("x", STRING, ["n"]), "x2": ("x2", STRING, ["n"])},
                                {"y": (STRING, ["n"])}))
    assert joined.run({"x": texts("", ""), "x2": texts("", "a")})["y"].tolist() == ["", "a"]
