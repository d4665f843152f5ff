"""The same bits for any number of threads, on models large enough that their
kernels are divided among several."""

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
