"""Whole graphs of which no extent is known before the run."""

import numpy as np
import pytest
from onnx import parser

import weft

HEAD = '<ir_version: 8, opset_import: ["":18]>\n'
X = np.random.default_rng(1).random((2, 9, 4, 8), np.float32)


def compiled(text):
    return weft.compile(parser.parse_model(HEAD + text), threads=1)


@pytest.fixture(scope="module")
def reshaped():
    """A result that is an output in another shape, and an input in that shape."""
    return compiled("g (float[a,b,c,d] x, int64[4] s, float[e,f,g,h] k) => (float[?,?,?,?] y, float[?,?,?,?] z) "
                    "{ n = Neg(x) y = Reshape(n, s) r = Reshape(x, s) z = MatMul(r, k) }")


@pytest.mark.parametrize("shape", [(2, 3, 12, 8), (2, 9, 4, 8), (1, 1, 9, 64), (72, 8, 1, 1)])
def test_reshape_between_unknown_extents(reshaped, shape):
    k = np.ones((*shape[:2], shape[3], 3), np.float32)
    found = reshaped.run({"x": X, "s": np.int64(shape), "k": k})
    assert np.array_equal(found["y"], -X.reshape(shape))
    np.testing.assert_allclose(found["z"], X.reshape(shape) @ k, rtol=1e-5)


@pytest.mark.parametrize("shape, count", [((1, 1, 1, 1), 1), ((2, 9, 4, 9), 648)])
def test_what_does_not_fit_is_not_written(reshaped, shape, count):
    k = np.ones((*shape[:2], shape[3], 3), np.float32)
    with pytest.raises(weft.Error, match=f"the input's 576 elements do not fit the new shape's {count}"):
        reshaped.run({"x": X, "s": np.int64(shape), "k": k})


def test_reshape_to_a_rank_that_the_output_has():
    model = compiled("g (float[a,b,c,d] x, int64[n] s) => (float[?,?] y) { y = Reshape(x, s) }")
    assert np.array_equal(model.run({"x": X, "s": np.int64([0, -1])})["y"], X.reshape(2, -1))
    with pytest.raises(weft.Error, match=r"node producing 'y' \(Reshape\): input 1 has 3 on axis 0 where 2 is needed"):
        model.run({"x": X, "s": np.int64([0, -1, 1])})


@pytest.mark.parametrize("count", [0, 1, 4])
def test_slice_of_as_many_axes_as_are_given(count):
    model = compiled("g (float[a,b,c,d] x, int64[n] first, int64[n] last) => (float[?,?,?,?] y) "
                     "{ y = Slice(x, first, last) }")
    first, last = np.int64([1, 2, 0, -3])[:count], np.int64([9, 4, 0, 9])[:count]
    expected = X[tuple(slice(a, b) for a, b in zip(first, last))]
    assert np.array_equal(model.run({"x": X, "first": first, "last": last})["y"], expected)


@pytest.mark.parametrize("turns", [0, 1, 3])
def test_loop_that_collects_what_has_a_shape_of_the_run(turns):
    model = compiled("""g (float[a,b] x, int64 turns) => (float[?,?,?] y) {
      go = Constant<value = bool {1}>()
      last, y = Loop<body = turn (int64 i, bool on, float[?,?] s) => (bool on_out, float[?,?] t, float[?,?] each)
        { on_out = Identity(on) t = Add(s, s) each = Neg(s) }>(turns, go, x)
    }""")
    x = X[0, 0]
    found = model.run({"x": x, "turns": np.int64(turns)})["y"]
    if turns:
        assert np.array_equal(found, np.stack([-x * 2**i for i in range(turns)]))
    else:
        assert found.size == 0


def test_if_within_if_reads_what_is_around():
    model = compiled("""g (bool p, bool q, float[a,b] x) => (float[?,?] y) {
      n = Neg(x)
      y = If(p)<
        then_branch = outer () => (float[?,?] a) {
          m = Abs(n)
          a = If(q)<then_branch = one () => (float[?,?] b) { b = Add(m, n) },
                    else_branch = two () => (float[?,?] c) { c = Sub(m, n) }> },
        else_branch = other () => (float[?,?] d) { d = Identity(n) }>
    }""")
    x = X[0, 0] - 0.5
    for p, q, expected in [(1, 1, abs(x) - x), (1, 0, abs(x) + x), (0, 1, -x)]:
        assert np.array_equal(model.run({"p": np.bool_(p), "q": np.bool_(q), "x": x})["y"], expected)


def test_each_value_read_by_two():
    """No step of a chain whose values have two readers each can be joined before
    the one behind it."""
    steps = "".join(f"v{i + 2} = {'Sub' if i % 2 else 'Max'}(v{i + 1}, v{i})\n" for i in range(200))
    model = compiled(f"g (float[a,b] v0) => (float[?,?] v201) {{ v1 = Neg(v0)\n {steps} }}")
    values = [X[0, 0], -X[0, 0]]
    for i in range(200):
        values.append(values[-1] - values[-2] if i % 2 else np.maximum(values[-1], values[-2]))
    assert np.array_equal(model.run({"v0": X[0, 0]})["v201"], values[-1])
