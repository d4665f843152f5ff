"""Whole graphs of which no extent is known before the run."""

import re
from pathlib import Path

import numpy as np
import pytest
from onnx import parser
from onnx.reference import ReferenceEvaluator

import weft

HEAD = '<ir_version: 8, opset_import: ["":18]>\n'
X = np.random.default_rng(1).random((2, 9, 4, 8), np.float32)


def compiled(text):
    return weft.compile(parser.parse_model(HEAD + text), threads=1)


def anonymous_bytes():
    """Resident memory of this process that is no file's."""
    fields = re.search(r"RssAnon:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return int(fields[1]) * 1024


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


def test_loop_keeps_no_former_states():
    """A list of n items of 64 KiB grows by copying; all its states together
    would be n²/2."""
    model = compiled("""g (float[a,b] x, int64 turns) => (float[?,?,?] y) {
      go = Constant<value = bool {1}>()
      last, y = Loop<body = turn (int64 i, bool on, float[?,?] s) => (bool on_out, float[?,?] t, float[?,?] each)
        { on_out = Identity(on) t = Add(s, s) each = Neg(s) }>(turns, go, x)
    }""")
    x, turns = np.zeros((64, 256), np.float32), 100
    before = anonymous_bytes()
    y = model.run({"x": x, "turns": np.int64(turns)})["y"]
    assert y.shape == (turns, *x.shape)
    assert anonymous_bytes() - before < 10 * y.nbytes


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


UNFIT = {
    "more indices than updates": ("float[a,b] x, int64[c,1] i, float[d,e] u", "float[?,?]", "ScatterND(x, i, u)",
                                  [(5, 4), np.arange(4).reshape(4, 1), (1, 4)], "has 1 updates for 4 indices"),
    "updates that are narrower": ("float[a,b] x, int64[c,1] i, float[d,e] u", "float[?,?]", "ScatterND(x, i, u)",
                                  [(5, 4), np.arange(4).reshape(4, 1), (4, 2)],
                                  "an update has 2 elements where one place of the data has 4"),
    "indices of another shape": ("float[a,b] x, int64[c,d] i, float[e,f] u", "float[?,?]", "ScatterElements(x, i, u)",
                                 [(5, 4), np.zeros((2, 4), int), (2, 2)], "has 4 updates for 8 indices"),
    "a scale that is short": ("float[a,b] x, float[c] s", "float[?,?]", "LayerNormalization(x, s)", [(5, 4), (2,)],
                              "input 1 has 2 on axis 0 where the result has 4; extents must be equal or 1"),
    "a known scale": ("float[a,b] x, float[2] s", "float[?,?]", "LayerNormalization(x, s)", [(5, 4), (2,)],
                      "input 1 has 2 on axis 0 where the result has 4; extents must be equal or 1"),
    "an extent that cannot be repeated": ("float[a,b] x, int64[2] s", "float[?,?]", "Expand(x, s)", [(2, 3), np.array([5, 3])],
                                          "extent 2 cannot be repeated to 5, which position 0 of the shape asks for"),
    "an extent below 0": ("float[a,b] x, int64[2] s", "float[?,?]", "Expand(x, s)", [(1, 3), np.array([-7, 3])],
                          "extent 1 cannot be repeated to -7, which position 0 of the shape asks for"),
    "indices that are no pool's": ("float[a,b,c,d] x, int64[e,f,g,h] i", "float[?,?,?,?]", "MaxUnpool<kernel_shape = [2, 2]>(x, i)",
                                   [(1, 1, 2, 2), np.zeros((2, 1, 2, 2), int)], "has 4 updates for 8 indices"),
    "channels that do not divide": ("float[a,b,c,d] x", "float[?,?,?,?]", "DepthToSpace<blocksize = 2>(x)", [(1, 6, 2, 2)],
                                    "the channels are no multiple of 2 squared, the blocksize"),
}


@pytest.mark.parametrize("inputs, output, node, given, message", UNFIT.values(), ids=UNFIT)
def test_what_does_not_fit_is_not_read(inputs, output, node, given, message):
    """No kernel reads beyond an input because another one is larger."""
    model = compiled(f"g ({inputs}) => ({output} y) {{ y = {node} }}")
    arrays = [np.ones(x, np.float32) if isinstance(x, tuple) else x for x in given]
    with pytest.raises(weft.Error, match=message.replace("(", r"\(")):
        model.run(dict(zip([i.split()[-1] for i in inputs.split(", ")], arrays)))


@pytest.mark.parametrize("shape", [(4, 6), (1, 6), (0, 6), (3, 7)])
def test_scale_whose_extent_only_the_run_knows(shape):
    model = compiled("g (float[a,b] x, float[c] s, float[d] t) => (float[?,?] y) { y = LayerNormalization(x, s, t) }")
    x = np.random.default_rng(2).random(shape, np.float32)
    s, t = np.arange(shape[1], dtype=np.float32), np.ones(1, np.float32)
    expected = (x - x.mean(1, keepdims=True)) / np.sqrt(x.var(1, keepdims=True) + 1e-5) * s + t
    np.testing.assert_allclose(model.run({"x": x, "s": s, "t": t})["y"], expected, rtol=1e-4, atol=1e-4)


# Inputs, outputs and node; then the arrays of several runs of one artifact.
OPEN = {
    "AffineGrid": ("float[n,a,b] theta, int64[r] size", "float[?,?,?,?]", "AffineGrid(theta, size)",
                   [[(2, 2, 3), np.array(size)] for size in ([2, 1, 5, 6], [2, 3, 1, 4], [2, 1, 3, 1])]),
    "Col2Im": ("float[n,c,l] x, int64[r] image, int64[q] block", "float[?,?,?,?]", "Col2Im(x, image, block)",
               [[shape, np.array(image), np.array(block)] for shape, image, block in
                (((1, 10, 5), [5, 5], [1, 5]), ((2, 4, 6), [3, 4], [2, 2]), ((1, 6, 1), [3, 2], [3, 2]))]),
    "Col2Im of three axes": ("float[n,c,l] x, int64[r] image, int64[q] block", "float[?,?,?,?,?]", "Col2Im(x, image, block)",
                             [[(1, 10, 12), np.array([3, 4, 5]), np.array([1, 1, 5])]]),
    "DeformConv": ("float[n,c,h,w] x, float[m,d,k,l] weight, float[o,p,q,r] offset", "float[?,?,?,?]",
                   "DeformConv<pads = [1, 1, 1, 1]>(x, weight, offset)",
                   [[(1, 1, 3, 3), (1, 1, 2, 2), (1, 8, 4, 4)], [(2, 3, 5, 4), (2, 3, 3, 1), (2, 6, 5, 6)]]),
    "DepthToSpace": ("float[a,b,c,d] x", "float[?,?,?,?]", "DepthToSpace<blocksize = 2>(x)",
                     [[(1, 8, 2, 3)], [(2, 4, 1, 1)], [(0, 12, 3, 1)]]),
    "DepthToSpace by columns": ("float[a,b,c,d] x", "float[?,?,?,?]", 'DepthToSpace<blocksize = 3, mode = "CRD">(x)',
                                [[(1, 9, 2, 3)], [(2, 27, 1, 1)]]),
    "MaxUnpool": ("float[a,b,c,d] x, int64[e,f,g,h] i, int64[r] shape", "float[?,?,?,?]",
                  "MaxUnpool<kernel_shape = [2, 2], strides = [2, 2]>(x, i, shape)",
                  [[(1, 1, 2, 2), np.array([[[[5, 7], [13, 15]]]]), np.array([1, 1, 5, 5])],
                   [(1, 1, 1, 2), np.array([[[[1, 6]]]]), np.array([1, 1, 2, 7])]]),
}


@pytest.mark.parametrize("inputs, output, node, runs", OPEN.values(), ids=OPEN)
def test_no_extent_is_known(inputs, output, node, runs):
    text = HEAD.replace("18", "22") + f"g ({inputs}) => ({output} y) {{ y = {node} }}"
    model = weft.compile(parser.parse_model(text), threads=1)
    reference = ReferenceEvaluator(parser.parse_model(text))
    rng = np.random.default_rng(3)
    for given in runs:
        arrays = [rng.random(x, np.float32) if isinstance(x, tuple) else x for x in given]
        feed = dict(zip([i.split()[-1] for i in inputs.split(", ")], arrays))
        np.testing.assert_allclose(model.run(feed)["y"], reference.run(None, feed)[0], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("count", [0, 1, 5])
@pytest.mark.parametrize("axis", [0, 1])
def test_split_into_as_many_as_there_are(count, axis):
    model = compiled(f"g (float[a,b,c] x) => (seq(float[?,?]) y) {{ y = SplitToSequence<axis = {axis}, keepdims = 0>(x) }}")
    x = np.random.default_rng(4).random((count, 3, 2) if axis == 0 else (3, count, 2), np.float32)
    found = model.run({"x": x})["y"]
    assert len(found) == count
    for i, piece in enumerate(found):
        assert np.array_equal(piece, x.take(i, axis))


def test_axes_whose_number_a_later_result_tells():
    model = compiled("g (float[a,b,c] x, int64[n] axes) => (float[r] y) "
                     "{ s = ReduceSum<keepdims = 0>(x, axes) l = Log(s) y = Abs(l) }")
    x = np.random.default_rng(5).random((3, 4, 5), np.float32)
    for axes in ([0, 1], [2, 0], [-1, 1]):
        expected = np.abs(np.log(x.sum(tuple(axes))))
        np.testing.assert_allclose(model.run({"x": x, "axes": np.int64(axes)})["y"], expected, rtol=1e-5)
    with pytest.raises(weft.Error, match="the number of axes is not 2, for which the model was compiled"):
        model.run({"x": x, "axes": np.int64([1])})
