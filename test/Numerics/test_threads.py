"""The same bits for any number of threads and in any order of work items, on
models large enough that their kernels are divided among several."""

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

import weft


def model(shape, weights, nodes):
    """One input `x` of `shape`, one output `y`."""
    rng = np.random.default_rng(3)
    initializers = [numpy_helper.from_array(rng.standard_normal(extents).astype("float32"), name)
                    for name, extents in weights.items()]
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    graph = helper.make_graph(nodes, "threads", [x], [y], initializers)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def node(op, inputs, outputs=("y",), **attributes):
    return helper.make_node(op, inputs, list(outputs), **attributes)


def lstm(hidden):
    return {"w": [1, 4 * hidden, 20], "r": [1, 4 * hidden, hidden], "b": [1, 8 * hidden]}, [
        node("LSTM", ["x", "w", "r", "b"], hidden_size=hidden)]


# Shape of the input as compiled and as run, weights, nodes.
MODELS = {
    "product": (["n", 300], [211, 300], {"w": [300, 401]}, [node("MatMul", ["x", "w"])]),
    "rows of a batch": (["n", 1, 300], [70, 1, 300], {"w": [300, 401]}, [node("MatMul", ["x", "w"])]),
    "one row": ([1, 700], [1, 700], {"w": [700, 1001]}, [node("MatMul", ["x", "w"])]),
    "convolution": ([1, 20, 40, 40], [1, 20, 40, 40], {"w": [30, 20, 3, 3]},
                    [node("Conv", ["x", "w"], pads=[1, 1, 1, 1])]),
    "softmax": (["n", 333], [257, 333], {}, [node("Softmax", ["x"])]),
    "sum of all": ([500, 333], [500, 333], {}, [node("ReduceSum", ["x"])]),
    "lstm": (["t", "n", 20], [5, 3, 20], *lstm(150)),
    "lstm, one sequence": ([5, 1, 20], [5, 1, 20], *lstm(301)),
}


@pytest.mark.parametrize("name", MODELS)
def test_threads(name):
    shape, extents, weights, nodes = MODELS[name]
    compiled = weft.compile(model(shape, weights, nodes))
    x = np.random.default_rng(5).standard_normal(extents).astype("float32")
    results = [list(compiled.session(threads=threads).run({"x": x}).values()) for threads in (1, 2, 3, 7)]
    for found in results[1:]:
        for one, other in zip(results[0], found, strict=True):
            assert np.array_equal(np.asarray(one), np.asarray(other))


# Weights that no L2 holds, so that the order of items alternates.
HIDDEN = 330
RECURRENT = {"LSTM": 4, "GRU": 3, "RNN": 1}


@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize("steps", [6, 7])
@pytest.mark.parametrize("op", ["LSTM", "GRU", "RNN"])
def test_turns(op, steps, rows):
    """A loop's turns, of which every second one walks backwards, against runs of
    one turn, which all walk forwards."""
    gates = RECURRENT[op]
    hidden = HIDDEN if op != "RNN" else 2 * HIDDEN
    weights = {"w": [2, gates * hidden, 20], "r": [2, gates * hidden, hidden], "b": [2, 2 * gates * hidden]}
    states = ["h", "c"] if op == "LSTM" else ["h"]
    attributes = {"linear_before_reset": 1} if op == "GRU" else {}
    compiled = weft.compile(recurrence(op, hidden, weights, states, attributes))
    rng = np.random.default_rng(5)
    x = rng.standard_normal([steps, rows, 20]).astype("float32")
    start = {name: rng.standard_normal([2, rows, hidden]).astype("float32") for name in states}
    one = compiled.session(threads=1)
    expected = np.empty([steps, 2, rows, hidden], "float32")
    for direction, order in enumerate((range(steps), reversed(range(steps)))):
        state = start
        for step in order:
            results = {name: np.array(value) for name, value in one.run({"x": x[step:step + 1], **state}).items()}
            state = {name: results[name + "_last"] for name in states}
            expected[step, direction] = results["y"][0, direction]
    for threads in (1, 2, 3):
        found = compiled.session(threads=threads).run({"x": x, **start})
        assert np.array_equal(np.asarray(found["y"]), expected)


def recurrence(op, hidden, weights, states, attributes):
    """Both directions over sequences of any length, from given states."""
    rng = np.random.default_rng(3)
    initializers = [numpy_helper.from_array((0.05 * rng.standard_normal(extents)).astype("float32"), name)
                    for name, extents in weights.items()]
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["t", "n", 20])]
    inputs += [helper.make_tensor_value_info(name, TensorProto.FLOAT, [2, "n", hidden]) for name in states]
    outputs = ["y"] + [name + "_last" for name in states]
    made = node(op, ["x", "w", "r", "b", "", *states], outputs, hidden_size=hidden, direction="bidirectional",
                **attributes)
    graph = helper.make_graph([made], "turns", inputs,
                              [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs],
                              initializers)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def test_turns_of_scan():
    """The same of a loop that the model spells out."""
    width, steps = 2 * HIDDEN, 7
    rng = np.random.default_rng(3)
    weight = numpy_helper.from_array((0.05 * rng.standard_normal([width, width])).astype("float32"), "w")
    row = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, width]) for name in ("h", "x1", "next", "y1")]
    body = helper.make_graph([node("MatMul", ["h", "w"], ["p"]), node("Add", ["p", "x1"], ["s"]),
                              node("Tanh", ["s"], ["next"]), node("Identity", ["next"], ["y1"])],
                             "body", row[:2], row[2:])
    scan = node("Scan", ["start", "x"], ["last", "y"], body=body, num_scan_inputs=1)
    graph = helper.make_graph([scan], "scan",
                              [helper.make_tensor_value_info("start", TensorProto.FLOAT, [1, width]),
                               helper.make_tensor_value_info("x", TensorProto.FLOAT, ["t", 1, width])],
                              [helper.make_tensor_value_info("last", TensorProto.FLOAT, [1, width]),
                               helper.make_tensor_value_info("y", TensorProto.FLOAT, None)], [weight])
    compiled = weft.compile(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9))
    x = rng.standard_normal([steps, 1, width]).astype("float32")
    start = state = rng.standard_normal([1, width]).astype("float32")
    one = compiled.session(threads=1)
    expected = np.empty_like(x)
    for step in range(steps):
        state = np.array(one.run({"start": state, "x": x[step:step + 1]})["last"])
        expected[step] = state
    for threads in (1, 2, 3):
        found = compiled.session(threads=threads).run({"start": start, "x": x})
        assert np.array_equal(np.asarray(found["y"]), expected)
