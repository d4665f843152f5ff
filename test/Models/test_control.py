"""Control flow whose results' shapes only a run knows."""

import numpy as np
import onnx
import pytest

import weft


HEADER = '<ir_version: 10, opset_import: ["": 21]> '


def compiled(text):
    return weft.compile(onnx.parser.parse_model(HEADER + text))


ROWS = """g (int64 n, float[m, 3] x) => (float[a, b, 3] y) {
    last, y = Loop <body = turn (int64 i, bool go, float[k, 3] v) => (bool on, float[l, 3] w, float[l, 3] each) {
        on = Identity(go)
        w = %s(v%s)
        each = Neg(w)
    }> (n, "", x)
}"""


@pytest.mark.parametrize("turns", [0, 1, 3])
@pytest.mark.parametrize("rows", [0, 1, 4])
def test_what_a_loop_collects_may_be_dynamic(turns, rows):
    x = np.random.default_rng(0).normal(size=(rows, 3)).astype("float32")
    y = compiled(ROWS % ("Abs", "")).run({"n": np.array(turns), "x": x})["y"]
    # Of no turn nothing says how many rows there would be.
    assert y.shape == ((turns, rows, 3) if turns else (0, 0, 3))
    assert all(np.array_equal(each, -np.abs(x)) for each in y)


def test_what_a_loop_collects_keeps_its_shape():
    model = compiled(ROWS % ("Concat <axis = 0>", ", x"))
    x = np.ones((2, 3), "float32")
    assert model.run({"n": np.array(1), "x": x})["y"].shape == (1, 4, 3)
    with pytest.raises(weft.Error, match=r"\(Loop\): .*"):
        model.run({"n": np.array(2), "x": x})


@pytest.mark.parametrize("turns", [0, 1, 2, 9])
def test_a_loop_may_carry_several_values_and_end_itself(turns):
    model = compiled("""g (int64 n, float[m] x) => (float[m] y, float[m] z) {
        y, z = Loop <body = turn (int64 i, bool go, float[m] s, float[m] t) => (bool on, float[m] u, float[m] v) {
            three = Constant <value = int64 {3}> ()
            on = Less(i, three)
            u = Abs(t)
            v = Neg(s)
        }> (n, "", x, x)
    }""")
    x = np.array([-1, 0, 2], "float32")
    y, z = x, x
    for _ in range(min(turns, 4)):
        y, z = np.abs(z), -y
    results = model.run({"n": np.array(turns), "x": x})
    assert np.array_equal(results["y"], y) and np.array_equal(results["z"], z)


def test_units_that_only_a_run_knows():
    """Without the rank of the result a squeeze takes open extents for other than 1."""
    proto = onnx.parser.parse_model(HEADER + "g (float[m, 1, 3] x) => (float y) { y = Squeeze(x) }")
    proto.graph.output[0].type.tensor_type.ClearField("shape")
    model = weft.compile(proto)
    assert model.run({"x": np.ones((2, 1, 3), "float32")})["y"].shape == (2, 3)
    with pytest.raises(weft.Error, match="the number of axes is not 1"):
        model.run({"x": np.ones((1, 1, 3), "float32")})
