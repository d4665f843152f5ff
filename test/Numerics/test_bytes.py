"""Products of bytes against exact integer arithmetic: sums are to be equal, and
what is quantised from them within one quantum, equal where rounding is not a
close decision. Shapes are odd on purpose."""

import itertools

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

import weft

# With an instruction for products of bytes where the machine has one, and without.
TARGETS = ["host", "cpu:x86-64-v3", "cpu:x86-64-v4"]

TYPES = {"uint8": TensorProto.UINT8, "int8": TensorProto.INT8, "int32": TensorProto.INT32}


def draw(rng, type, shape):
    info = np.iinfo(type)
    return rng.integers(info.min, info.max + 1, shape).astype(type)


def value(name, element, shape):
    return helper.make_tensor_value_info(name, element, shape)


def run_all(nodes, inputs, constants, outputs, feed, target):
    """The outputs of a model of `nodes`; `inputs` and `outputs` are values."""
    graph = helper.make_graph(nodes, "bytes", inputs, outputs,
                              [numpy_helper.from_array(np.asarray(v), k) for k, v in constants.items()])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    compiled = weft.compile(model, target=target)
    one, three = (list(compiled.session(threads=threads).run(feed).values()) for threads in (1, 3))
    for a, b in zip(one, three, strict=True):
        assert np.array_equal(a, b), "differs between numbers of threads"
    return [np.asarray(result) for result in one]


def run(nodes, inputs, constants, output, feed, target):
    return run_all(nodes, inputs, constants, [output], feed, target)[0]


def zeros_of(type):
    return {"uint8": [0, 128, 37], "int8": [0, -128, 5]}[type]


def quantised(real, scale, zero, type, found):
    """Checks `found` against real numbers that are to be quantised."""
    info = np.iinfo(type)
    exact = real / scale
    expected = np.clip(np.round(exact) + zero, info.min, info.max).astype("int64")
    assert found.dtype == type and found.shape == expected.shape
    off = np.abs(found.astype("int64") - expected)
    assert off.size == 0 or off.max() <= 1
    clear = np.abs(exact - np.floor(exact) - 0.5) > 1e-3
    assert np.array_equal(found[clear], expected[clear])


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("m, k, n", [(1, 1, 1), (3, 4, 16), (5, 7, 17), (1, 70, 33), (70, 64, 70), (13, 33, 15),
                                     (16, 129, 48), (0, 8, 8)])
@pytest.mark.parametrize("left, right", list(itertools.product(("uint8", "int8"), repeat=2)))
def test_matmul_integer(left, right, m, k, n, target):
    rng = np.random.default_rng(m * 10007 + k * 101 + n)
    a, b = draw(rng, left, [2, m, k]), draw(rng, right, [k, n])
    constants, nodes, expected = {"b": b}, [], []
    for i, (az, bz) in enumerate(itertools.product(zeros_of(left), (None, "scalar", "column"))):
        constants[f"az{i}"] = np.array(az, left)
        names = ["a", "b", f"az{i}"]
        zero = 0
        if bz:
            zero = constants[f"bz{i}"] = draw(rng, right, [] if bz == "scalar" else [n])
            names.append(f"bz{i}")
        nodes.append(helper.make_node("MatMulInteger", names, [f"y{i}"]))
        exact = (a.astype("int64") - az) @ (b.astype("int64") - np.asarray(zero, "int64"))
        expected.append(exact.astype("int32"))
    found = run_all(nodes, [value("a", TYPES[left], [2, "m", k])], constants,
                    [value(node.output[0], TensorProto.INT32, None) for node in nodes], {"a": a}, target)
    for ours, exact in zip(found, expected, strict=True):
        assert np.array_equal(ours, exact)


@pytest.mark.parametrize("target", TARGETS)
def test_zero_point_of_a_run(target):
    """One for all rows, and one for each, known only when it runs."""
    rng = np.random.default_rng(5)
    a, b = draw(rng, "uint8", [9, 21]), draw(rng, "int8", [21, 19])
    for shape in ([], [9]):
        az = draw(rng, "uint8", shape)
        found = run([helper.make_node("MatMulInteger", ["a", "b", "az"], ["y"])],
                    [value("a", TensorProto.UINT8, [9, 21]), value("az", TensorProto.UINT8, shape)], {"b": b},
                    value("y", TensorProto.INT32, None), {"a": a, "az": az}, target)
        zero = az.astype("int64")[:, None] if shape else np.int64(az)
        assert np.array_equal(found, ((a.astype("int64") - zero) @ b.astype("int64")).astype("int32"))


def convolve(x, w, pads, strides, dilations, groups):
    """An exact convolution in two dimensions of int64."""
    x = np.pad(x, [(0, 0), (0, 0), (pads[0], pads[2]), (pads[1], pads[3])])
    outputs, inputs, rows, columns = w.shape
    reach = [(e - 1) * d + 1 for e, d in zip((rows, columns), dilations)]
    extents = [(x.shape[2 + i] - reach[i]) // strides[i] + 1 for i in range(2)]
    y = np.zeros([x.shape[0], outputs, *extents], "int64")
    for g in range(groups):
        mine = slice(g * outputs // groups, (g + 1) * outputs // groups)
        part = x[:, g * inputs:(g + 1) * inputs]
        for r, c in itertools.product(range(rows), range(columns)):
            top, left = r * dilations[0], c * dilations[1]
            taps = part[:, :, top:top + (extents[0] - 1) * strides[0] + 1:strides[0],
                        left:left + (extents[1] - 1) * strides[1] + 1:strides[1]]
            y[:, mine] += np.einsum("nchw,kc->nkhw", taps, w[mine, :, r, c])
    return y


# Input channels, output channels, groups, window, pads, strides, dilations.
CONVOLUTIONS = [
    (1, 1, 1, (1, 1), (0, 0, 0, 0), (1, 1), (1, 1)),
    (3, 20, 1, (7, 7), (3, 3, 3, 3), (2, 2), (1, 1)),
    (6, 16, 1, (3, 3), (1, 1, 1, 1), (1, 1), (1, 1)),
    (16, 32, 1, (1, 1), (0, 0, 0, 0), (1, 1), (1, 1)),
    (48, 70, 1, (1, 1), (0, 0, 0, 0), (2, 2), (1, 1)),
    (33, 17, 1, (3, 3), (1, 0, 2, 1), (1, 1), (1, 1)),
    (20, 24, 1, (3, 2), (2, 2, 2, 2), (1, 2), (2, 2)),
    (32, 48, 4, (3, 3), (1, 1, 1, 1), (1, 1), (1, 1)),
    (24, 12, 2, (3, 3), (1, 1, 1, 1), (1, 1), (1, 1)),
    (6, 6, 6, (3, 3), (1, 1, 1, 1), (1, 1), (1, 1)),
]


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("type", ["uint8", "int8"])
@pytest.mark.parametrize("case", CONVOLUTIONS, ids=str)
def test_conv_integer(case, type, target):
    inputs, outputs, groups, window, pads, strides, dilations = case
    rng = np.random.default_rng(sum(map(sum, case[3:])) + inputs)
    x, w = draw(rng, type, [2, inputs, 11, 13]), draw(rng, "int8", [outputs, inputs // groups, *window])
    zeros = zeros_of(type)
    nodes = [helper.make_node("ConvInteger", ["x", "w", f"z{i}"], [f"y{i}"], pads=pads, strides=strides,
                              dilations=dilations, group=groups) for i in range(len(zeros))]
    found = run_all(nodes, [value("x", TYPES[type], [2, inputs, 11, 13])],
                    {"w": w, **{f"z{i}": np.array(zero, type) for i, zero in enumerate(zeros)}},
                    [value(node.output[0], TensorProto.INT32, None) for node in nodes], {"x": x}, target)
    for zero, ours in zip(zeros, found, strict=True):
        exact = convolve(x.astype("int64") - zero, w.astype("int64"), pads, strides, dilations, groups)
        assert np.array_equal(ours, exact.astype("int32"))


def dequantise(name, scale, zero, **attributes):
    return helper.make_node("DequantizeLinear", [name, scale, zero], [name + "r"], **attributes)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("type", ["uint8", "int8"])
@pytest.mark.parametrize("k, n, flip", [(70, 33, False), (64, 96, True), (13, 80, False)])
def test_quantised_matmul(k, n, flip, type, target):
    """Dequantised operands, a bias, an activation, and back to bytes."""
    rng = np.random.default_rng(k + n)
    a, b = draw(rng, type, [19, k]), draw(rng, "int8", [k, n])
    az, yz = zeros_of(type)[2], zeros_of(type)[1]
    scales = rng.uniform(0.001, 0.01, n).astype("float32")
    bias = rng.uniform(-1, 1, n).astype("float32")
    nodes = [dequantise("a", "as", "az"), dequantise("b", "bs", "bz", axis=0 if flip else 1),
             helper.make_node("Gemm", ["ar", "br", "bias"], ["s"], transB=int(flip)),
             helper.make_node("Relu", ["s"], ["r"]),
             helper.make_node("QuantizeLinear", ["r", "ys", "yz"], ["y"])]
    scale = np.float32(0.05)
    found = run(nodes, [value("a", TYPES[type], ["m", k])],
                {"as": np.float32(0.02), "az": np.array(az, type), "b": b.T.copy() if flip else b, "bs": scales,
                 "bz": np.zeros(n, "int8"), "bias": bias, "ys": scale, "yz": np.array(yz, type)},
                value("y", TYPES[type], None), {"a": a}, target)
    real = ((a.astype("int64") - az) @ b.astype("int64")) * (np.float64(np.float32(0.02)) * scales) + bias
    quantised(np.maximum(real, 0), np.float64(scale), yz, type, found)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("type", ["uint8", "int8"])
@pytest.mark.parametrize("window", [1, 3])
def test_quantised_residual(window, type, target):
    """relu(conv(conv(x)) + x), bytes between all of them."""
    rng = np.random.default_rng(window)
    channels, pad = 40, window // 2
    zero = zeros_of(type)[2]
    x = draw(rng, type, [1, channels, 9, 10])
    w = [draw(rng, "int8", [channels, channels, window, window]) for _ in range(2)]
    scales = [rng.uniform(0.0005, 0.001, channels).astype("float32") for _ in range(2)]
    bias = rng.integers(-500, 500, channels).astype("int32")
    z = np.array(zero, type)
    s = {"xs": 0.05, "ms": 0.2, "cs": 0.3, "ys": 0.25}
    constants = {"z": z, "w0": w[0], "w1": w[1], "ws0": scales[0], "ws1": scales[1], "wz": np.zeros(channels, "int8"),
                 "b": bias, "bs": (np.float32(s["xs"]) * scales[0]), "bz": np.zeros(channels, "int32"),
                 **{name: np.float32(scale) for name, scale in s.items()}}
    nodes = [dequantise("x", "xs", "z"), dequantise("w0", "ws0", "wz", axis=0), dequantise("w1", "ws1", "wz", axis=0),
             dequantise("b", "bs", "bz", axis=0),
             helper.make_node("Conv", ["xr", "w0r", "br"], ["c0"], pads=[pad] * 4),
             helper.make_node("Relu", ["c0"], ["r0"]),
             helper.make_node("QuantizeLinear", ["r0", "ms", "z"], ["m"]), dequantise("m", "ms", "z"),
             helper.make_node("Conv", ["mr", "w1r"], ["c1"], pads=[pad] * 4),
             helper.make_node("QuantizeLinear", ["c1", "cs", "z"], ["c"]), dequantise("c", "cs", "z"),
             helper.make_node("Add", ["cr", "xr"], ["a"]), helper.make_node("Relu", ["a"], ["r"]),
             helper.make_node("QuantizeLinear", ["r", "ys", "z"], ["y"])]
    # Each step from what the one before gives: a quantum of difference is
    # allowed in each, and would go on through sums.
    shape = [1, channels, 9, 10]
    for last in ("m", "c", "y"):
        cut = next(i for i, node in enumerate(nodes) if node.output[0] == last)
        found = run(nodes[:cut + 1], [value("x", TYPES[type], shape)], constants, value(last, TYPES[type], None),
                    {"x": x}, target)
        f = {name: np.float64(np.float32(scale)) for name, scale in s.items()}
        info = np.iinfo(type)
        if last == "m":
            sums = convolve(x.astype("int64") - zero, w[0].astype("int64"), [pad] * 4, (1, 1), (1, 1), 1)
            real = (sums + bias[:, None, None]) * (f["xs"] * scales[0])[:, None, None]
            quantised(np.maximum(real, 0), f["ms"], zero, type, found)
            middle = found
        elif last == "c":
            sums = convolve(middle.astype("int64") - zero, w[1].astype("int64"), [pad] * 4, (1, 1), (1, 1), 1)
            quantised(sums * (f["ms"] * scales[1])[:, None, None], f["cs"], zero, type, found)
            product = found
        else:
            real = (product.astype("int64") - zero) * f["cs"] + (x.astype("int64") - zero) * f["xs"]
            quantised(np.maximum(real, 0), f["ys"], zero, type, found)


def test_quantize_bounds():
    """Saturation, halves, infinities; NaN gives the least value."""
    x = np.array([0.5, 1.5, -0.5, 2.5, 300, -300, np.inf, -np.inf, 3e38, np.nan, 126.5, 127.5], "float32")
    for type, zero in (("uint8", 0), ("uint8", 128), ("int8", 0), ("int8", -128)):
        found = run([helper.make_node("QuantizeLinear", ["x", "s", "z"], ["y"])],
                    [value("x", TensorProto.FLOAT, [x.size])], {"s": np.float32(1), "z": np.array(zero, type)},
                    value("y", TYPES[type], None), {"x": x}, "host")
        info = np.iinfo(type)
        expected = np.clip(np.round(x.astype("float64")) + zero, info.min, info.max)
        expected[np.isnan(x)] = info.min
        assert np.array_equal(found, expected.astype(type))
