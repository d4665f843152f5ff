"""Fourier transforms of lengths that only the run knows: one artifact for all of
them, against numpy in f64 and against the transform of the known length.
"""

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

import weft

TARGETS = ["host", "cpu:x86-64-v3"]
# Number of parts, inverse, onesided.
KINDS = [(2, 0, 0), (2, 1, 0), (1, 0, 0), (1, 0, 1), (2, 1, 1), (1, 1, 0)]
# Each radix and several, prime factors that are too large, powers with few lines left.
LONG = [128, 131, 143, 210, 262, 400, 480, 512, 1000, 1021, 1024, 2187, 2310, 3125, 4096, 4900]
BOUNDS = {"float16": 2e-3, "float32": 1e-6, "float64": 2e-15}


def model(parts, inverse, onesided, type="float32", length="n", lines="b", axis=1):
    element = helper.np_dtype_to_tensor_dtype(np.dtype(type))
    shape = [lines, "m", "k", parts]
    shape[axis] = length
    x = helper.make_tensor_value_info("x", element, shape)
    y = helper.make_tensor_value_info("y", element, None)
    at = numpy_helper.from_array(np.array(axis), "axis")
    node = helper.make_node("DFT", ["x", "", "axis"], ["y"], name="node", inverse=inverse, onesided=onesided)
    graph = helper.make_graph([node], "case", [x], [y], [at])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)


def draw(rng, shape, type="float32"):
    return rng.uniform(-1, 1, shape).astype(type)


def expected(x, inverse, onesided, axis=1, length=None):
    x = x.astype(np.float64)
    z = x[..., 0] + 1j * x[..., 1] if x.shape[-1] == 2 else x[..., 0]
    if inverse and onesided:
        return np.fft.irfft(z, length, axis=axis)[..., None]
    if not inverse:
        y = np.fft.rfft(z, length, axis=axis) if onesided else np.fft.fft(z, length, axis=axis)
    else:
        y = np.fft.ifft(z, length, axis=axis)
    return np.stack([y.real, y.imag], -1)


def check(found, wanted, bound, what):
    assert found.shape == wanted.shape, f"{what}: the shape is {found.shape}, not {wanted.shape}"
    error = np.abs(found.astype(np.float64) - wanted).max(initial=0) / max(np.abs(wanted).max(initial=0), 1e-30)
    assert error <= bound, f"{what}: off by {error:.2e} of the largest number where {bound:.0e} is allowed"


def only(outputs):
    return np.asarray(next(iter(outputs.values())))


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_lengths(kind, target):
    """Against numpy, with one line and with enough to fill vectors."""
    parts, inverse, onesided = kind
    rng = np.random.default_rng(0)
    compiled = weft.compile(model(*kind), target=target)
    for n in [*range(1, 71), *LONG]:
        given = n // 2 + 1 if inverse and onesided else n
        if inverse and onesided and n % 2:
            continue  # The length is taken from that of the input, which is one of an even one.
        for lines, k in ((1, 1), (3, 1), (1, 33)):
            x = draw(rng, (lines, given, k, parts))
            if inverse and onesided:
                x[:, 0, :, 1] = x[:, -1, :, 1] = 0
            y = only(compiled.run({"x": x}))
            check(y, expected(x, inverse, onesided), BOUNDS["float32"], f"{lines * k} lines of {n}")
            if parts == 1:
                assert not y[:, 0, :, 1].any(), f"the mean of {n} real numbers is not real"
                if n % 2 == 0:
                    assert not y[:, n // 2, :, 1].any(), f"the highest frequency of {n} real numbers is not real"


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("type", ["float16", "float32", "float64"])
@pytest.mark.parametrize("parts", [1, 2])
def test_long(parts, type, target):
    """Lengths for which n² steps or numbers are out of reach."""
    rng = np.random.default_rng(1)
    compiled = weft.compile(model(parts, 0, 0, type), target=target)
    for n in (2**17, 100003):
        x = draw(rng, (1, n, 1, parts), type)
        wanted = expected(x, 0, 0)
        check(only(compiled.run({"x": x})), wanted, BOUNDS[type], f"{n} of {type}")


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("type", ["float32", "float64"])
@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_known(kind, type, target):
    """The run takes the steps of the known length: f32 has the same bits."""
    parts, inverse, onesided = kind
    rng = np.random.default_rng(2)
    compiled = weft.compile(model(*kind, type), target=target)
    for n in (1, 2, 8, 60, 72, 154, 262, 1001):
        given = n // 2 + 1 if inverse and onesided else n
        x = draw(rng, (2, given, 1, parts), type)
        known = weft.compile(model(*kind, type, length=given), target=target)
        a, b = only(compiled.run({"x": x})), only(known.run({"x": x}))
        if type == "float32":
            assert np.array_equal(a, b), f"length {n} differs from what is known by {np.abs(a - b).max()}"
        else:
            check(a, b.astype(np.float64), BOUNDS[type], f"length {n}")


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_empty(kind, target):
    """A transform of no numbers has none, or onesided a mean of 0."""
    parts, inverse, onesided = kind
    x = np.zeros((2, 0, parts), np.float32)
    for length in (0, "n"):
        given = model(*kind, length=length)
        given.graph.input[0].type.tensor_type.shape.dim.pop(2)
        y = only(weft.compile(given, target=target).run({"x": x}))
        assert y.shape == (2, int(onesided and not inverse), 1 if onesided and inverse else 2)
        assert not y.any()


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_length_input(kind, target):
    """What is longer is cut, what is shorter padded; no numbers are like one 0."""
    parts, inverse, onesided = kind
    given = model(*kind)
    given.graph.input.append(helper.make_tensor_value_info("length", onnx.TensorProto.INT64, []))
    given.graph.node[0].input[1] = "length"
    compiled = weft.compile(given, target=target)
    rng = np.random.default_rng(3)
    for have, want in ((5, 8), (8, 5), (1, 34), (200, 131), (1, 1), (7, 1)):
        x = draw(rng, (2, have, 3, parts))
        if inverse and onesided:
            x[..., 1] = 0  # numpy takes no notice of what must be 0.
        check(only(compiled.run({"x": x, "length": np.array(want)})),
              expected(x, inverse, onesided, length=want), BOUNDS["float32"], f"{want} of {have}")
    for lines in (0, 2):
        x = draw(rng, (lines, 6, 1, parts))
        y = only(compiled.run({"x": x, "length": np.array(6)}))
        assert y.shape[0] == lines
    y = only(compiled.run({"x": np.zeros((2, 0, 1, parts), np.float32), "length": np.array(4)}))
    assert not y.any()


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("inverse", [0, 1])
def test_nothing_known(inverse, target):
    """Neither the length nor the axis, nor whether numbers are real."""
    x = helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, ["a", "b", "c", "parts"])
    y = helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, None)
    axis = helper.make_tensor_value_info("axis", onnx.TensorProto.INT64, [])
    node = helper.make_node("DFT", ["x", "", "axis"], ["y"], name="node", inverse=inverse)
    graph = helper.make_graph([node], "case", [x, axis], [y])
    compiled = weft.compile(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10),
                            target=target)
    rng = np.random.default_rng(5)
    for shape in ((10, 3, 2), (2, 34, 1), (1, 4, 150), (3, 1, 131)):
        for parts in (1, 2):
            x = draw(rng, (*shape, parts))
            for along in (0, 1, -2):
                y = only(compiled.run({"x": x, "axis": np.array(along)}))
                along = along % 4
                check(y, expected(x, inverse, 0, axis=along), BOUNDS["float32"], f"axis {along} of {shape}, {parts}")
                if parts == 1:
                    assert not y.take(0, along)[..., 1].any()
    with pytest.raises(weft.Error, match="the axis holds the parts of numbers"):
        compiled.run({"x": np.zeros((2, 3, 4, 2), np.float32), "axis": np.array(3)})


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("onesided", [0, 1])
def test_stft(onesided, target):
    """Frames whose length is an input or that of the window."""
    signal = helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, ["b", "n", 1])
    window = helper.make_tensor_value_info("w", onnx.TensorProto.FLOAT, ["k"])
    step = helper.make_tensor_value_info("step", onnx.TensorProto.INT64, [])
    y = helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, None)
    node = helper.make_node("STFT", ["x", "step", "w"], ["y"], name="node", onesided=onesided)
    graph = helper.make_graph([node], "case", [signal, step, window], [y])
    compiled = weft.compile(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10),
                            target=target)
    rng = np.random.default_rng(4)
    for lines, n, k, hop in ((2, 400, 64, 16), (1, 300, 37, 10), (3, 50, 50, 7), (1, 1000, 131, 300), (0, 64, 16, 4)):
        x, w = draw(rng, (lines, n, 1)), draw(rng, (k,))
        starts = np.arange((n - k) // hop + 1) * hop
        frames = (x[:, starts[:, None] + np.arange(k), 0] * w)[..., None]
        check(only(compiled.run({"x": x, "w": w, "step": np.array(hop)})), expected(frames, 0, onesided, axis=2),
              BOUNDS["float32"], f"{n} by {k}")
