"""models.py KIND FILE: writes a small model of some kind, or a broken one."""

import sys

import numpy
from onnx import TensorProto, helper, numpy_helper


def model(nodes, inputs, outputs, initializers=()):
    graph = helper.make_graph(nodes, "g", inputs, outputs, list(initializers))
    return helper.make_model(graph, ir_version=10, opset_imports=[
        helper.make_opsetid("", 21), helper.make_opsetid("other", 1)])


def tensor(name, shape):
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


def chain():
    """y = relu(x w + 1), x: [N, 8]."""
    w = numpy.random.default_rng(0).standard_normal((8, 4)).astype("float32")
    return model(
        [helper.make_node("MatMul", ["x", "w"], ["p"], name="product"),
         helper.make_node("Add", ["p", "one"], ["q"], name="shift"),
         helper.make_node("Relu", ["q"], ["y"], name="cut")],
        [tensor("x", ["N", 8])], [tensor("y", ["N", 4])],
        [numpy_helper.from_array(w, "w"),
         numpy_helper.from_array(numpy.float32(1), "one")])


def unknown():
    """Two nodes of operators that nobody has."""
    return model(
        [helper.make_node("Frobnicate", ["x"], ["a"], name="first", domain="other"),
         helper.make_node("Relu", ["a"], ["b"], name="known"),
         helper.make_node("Twist", ["b"], ["y"], name="second", domain="other")],
        [tensor("x", [4])], [tensor("y", [4])])


def heavy():
    """Weights of 8 MB, which no compression or folding makes small."""
    w = numpy.random.default_rng(0).standard_normal((1024, 2048)).astype("float32")
    return model([helper.make_node("MatMul", ["x", "w"], ["y"], name="product")],
                 [tensor("x", [1, 1024])], [tensor("y", [1, 2048])],
                 [numpy_helper.from_array(w, "w")])


kind, path = sys.argv[1:]
if kind == "truncated":
    data = chain().SerializeToString()
    data = data[:len(data) // 2]
elif kind == "text":
    data = b"This is a letter, not a model.\n" * 20
elif kind == "empty":
    data = b""
else:
    data = {"chain": chain, "unknown": unknown, "heavy": heavy}[kind]().SerializeToString()
with open(path, "wb") as file:
    file.write(data)
