"""How the time to compile grows with the number of operators: chains and wider
graphs of several kinds, each at sizes that double.

    chain.py [--kinds elementwise,products,…] [--sizes 500,1000,2000,4000] [--stages]

Linear growth doubles the CPU seconds in a row from column to column; the last
column is the exponent between the smallest and the largest size.
"""

import argparse
import json
import math
import re
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy
import onnx
from onnx import TensorProto, helper, numpy_helper

WEFT = Path(__file__).parents[2] / "build" / "bin" / "weft"
SIZES = [500, 1000, 2000, 4000]
ACTIVATIONS = ["Relu", "Tanh", "Sigmoid", "Abs", "Neg", "Softplus", "Exp", "Floor"]


class Graph:
    """Nodes that are added one after another to the value `x`."""

    def __init__(self, shape):
        self.nodes, self.weights, self.shape = [], [], shape

    def add(self, kind, *inputs, **attributes):
        name = f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], f"n{len(self.nodes)}", **attributes))
        return name

    def weight(self, array):
        self.weights.append(numpy_helper.from_array(array, f"w{len(self.weights)}"))
        return self.weights[-1].name

    def model(self, *results):
        infos = [helper.make_tensor_value_info(name, TensorProto.FLOAT, self.shape if name == "x" else None)
                 for name in ("x", *results)]
        graph = helper.make_graph(self.nodes, "chain", infos[:1], infos[1:], self.weights)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)])


def elementwise(size, shape=(64, 64)):
    """Activations: one kernel could hold them all."""
    g, x = Graph(shape), "x"
    while len(g.nodes) < size:
        x = g.add(ACTIVATIONS[len(g.nodes) % len(ACTIVATIONS)], x)
    return g.model(x)


def residual(size):
    """Each value is read by the next two operators."""
    g, x, before = Graph((64, 64)), "x", "x"
    while len(g.nodes) < size:
        x, before = g.add(["Add", "Mul", "Max", "Sub"][len(g.nodes) % 4], x, before), x
    return g.model(x)


def products(size):
    """Layers: a matrix product, a sum, an activation."""
    g, x, random = Graph((8, 32)), "x", numpy.random.default_rng(1)
    while len(g.nodes) < size:
        x = g.add("MatMul", x, g.weight(random.random((32, 32), numpy.float32) / 16))
        x = g.add("Relu", g.add("Add", x, g.weight(random.random(32, numpy.float32))))
    return g.model(x)


def shapes(size):
    """Symbolic extents, read and put together again at each step."""
    g, x = Graph(("n", "m", 8)), "x"
    minus, two = g.weight(numpy.int64([-1])), g.weight(numpy.int64([8]))
    one, zero, three = (g.weight(numpy.int64([i])) for i in (1, 0, 3))
    while len(g.nodes) < size:
        sizes = g.add("Shape", x)
        target = g.add("Concat", minus, two, axis=0)
        flat = g.add("Tanh", g.add("Reshape", x, target))
        back = g.add("Slice", sizes, zero, three, zero, one)
        x = g.add("Transpose", g.add("Reshape", flat, back), perm=[1, 0, 2])
    return g.model(x)


def wide(size):
    """Many operators that read one value, summed."""
    g = Graph((64, 64))
    parts = [g.add(ACTIVATIONS[i % len(ACTIVATIONS)], "x") for i in range(size // 2)]
    while len(parts) > 1:
        parts = [g.add("Add", *parts[i:i + 2]) if len(parts) > i + 1 else parts[i] for i in range(0, len(parts), 2)]
    return g.model(parts[0])


def convolutions(size):
    """Convolution, batch normalisation, activation, and a sum each four."""
    g, x, random = Graph((1, 16, 16, 16)), "x", numpy.random.default_rng(1)
    scale = [g.weight(numpy.full(16, 0.5, "float32")) for _ in range(4)]
    while len(g.nodes) < size:
        y = g.add("Conv", x, g.weight(random.random((16, 16, 3, 3), numpy.float32) / 72), pads=[1] * 4)
        x = g.add("Add", g.add("Relu", g.add("BatchNormalization", y, *scale)), x)
    return g.model(x)


def branches(size, nested=4):
    """A chain of Ifs whose conditions are data, each with Ifs within it."""
    def body(depth, x, name):
        nodes = [helper.make_node("Tanh", [x], [f"{name}t"], f"{name}n")]
        if depth == nested:
            return helper.make_graph(nodes, name, [], [helper.make_tensor_value_info(f"{name}t", TensorProto.FLOAT, (8, 8))])
        nodes += [decision(depth + 1, f"{name}t", name)]
        return helper.make_graph(nodes, name, [], [helper.make_tensor_value_info(f"{name}r", TensorProto.FLOAT, (8, 8))])

    def decision(depth, x, name):
        return helper.make_node("If", ["condition"], [f"{name}r"], f"{name}if",
                                then_branch=body(depth, x, f"{name}a"), else_branch=body(depth, x, f"{name}b"))

    g, x = Graph((8, 8)), "x"
    total = g.add("ReduceSum", "x", keepdims=0)
    g.nodes.append(helper.make_node("Greater", [total, g.weight(numpy.float32(0))], ["condition"], "greater"))
    count = 0
    each = 2 ** (nested + 2) - 3
    while count < size:
        g.nodes.append(decision(0, x, f"d{count}_"))
        x = f"d{count}_r"
        count += each
    return g.model(x)


def loops(size):
    """A chain of Loops, each with a few operators within it."""
    g, x = Graph((8, 8)), "x"
    trips, go = g.weight(numpy.int64(3)), g.weight(numpy.bool_(True))
    for i in range(0, size, 4):
        infos = [helper.make_tensor_value_info(f"i{i}", TensorProto.INT64, ()),
                 helper.make_tensor_value_info(f"c{i}", TensorProto.BOOL, ()),
                 helper.make_tensor_value_info(f"s{i}", TensorProto.FLOAT, (8, 8))]
        outs = [helper.make_tensor_value_info(f"d{i}", TensorProto.BOOL, ()),
                helper.make_tensor_value_info(f"r{i}", TensorProto.FLOAT, (8, 8))]
        nodes = [helper.make_node("Identity", [f"c{i}"], [f"d{i}"]), helper.make_node("Tanh", [f"s{i}"], [f"t{i}"]),
                 helper.make_node("Add", [f"t{i}", f"s{i}"], [f"r{i}"])]
        g.nodes.append(helper.make_node("Loop", [trips, go, x], [f"x{i}"], f"loop{i}",
                                        body=helper.make_graph(nodes, "body", infos, outs)))
        x = f"x{i}"
    return g.model(x)


def fanout(size):
    """One value that many operators read, each of which is a result of its own."""
    g = Graph((64, 64))
    results = [g.add("Add", "x", g.weight(numpy.float32(i))) for i in range(size)]
    return g.model(*results)


def constants(size):
    """Each operator has a constant of its own, and no two are the same."""
    g, x, random = Graph((16, 64)), "x", numpy.random.default_rng(1)
    while len(g.nodes) < size:
        x = g.add(["Add", "Mul"][len(g.nodes) % 2], x, g.weight(random.random((16, 64), numpy.float32)))
    return g.model(x)


def convolution_shapes(size):
    """Convolutions that differ in their shapes, so that each is a kernel of its own."""
    g, random = Graph((1, 16, 12, 12)), numpy.random.default_rng(1)
    results = []
    for i in range(size):
        channels, kernel, dilation = 1 + i // 12, 1 + i % 3, 1 + i // 3 % 4
        weight = g.weight(random.random((channels, 16, kernel, kernel), numpy.float32))
        results.append(g.add("Conv", "x", weight, dilations=[dilation] * 2))
    return g.model(*results)


def deep(size, depth=30):
    """Ifs within Ifs, as deep as protobuf reads; each is decided by what the one around it computes."""
    g, x = Graph((8, 8)), "x"
    zero = g.weight(numpy.float32(0))

    def info(name):
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, (8, 8))

    def decision(level, x, name):
        leaf = helper.make_graph([helper.make_node("Neg", [x], [f"{name}e"])], f"{name}else", [], [info(f"{name}e")])
        inner = f"{name}_"
        nodes = [helper.make_node("Tanh", [x], [f"{name}t"])]
        nodes += decision(level + 1, f"{name}t", inner) if level < depth else [helper.make_node("Exp", [f"{name}t"], [f"{inner}r"])]
        then = helper.make_graph(nodes, f"{name}then", [], [info(f"{inner}r")])
        return [helper.make_node("ReduceSum", [x], [f"{name}s"], keepdims=0),
                helper.make_node("Greater", [f"{name}s", zero], [f"{name}c"]),
                helper.make_node("If", [f"{name}c"], [f"{name}r"], then_branch=then, else_branch=leaf)]

    for i in range(0, size, 5 * depth):
        g.nodes += decision(1, x, f"d{i}_")
        x = f"d{i}_r"
    return g.model(x)


KINDS = {f.__name__: f for f in (elementwise, residual, products, shapes, wide, fanout, constants, convolutions,
                                 convolution_shapes, branches, deep, loops)}


def compile_s(model, weft, stages=False):
    """CPU seconds of the compiler; with `stages` those of each stage, too."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "chain.onnx")
        onnx.save(model, path)
        command = [weft, "compile", path, "-o", Path(folder, "chain.weft")]
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        run = subprocess.run([*command, "--timing"] if stages else command, capture_output=True, text=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        if run.returncode:
            sys.exit(f"{path}: {run.stderr.strip()}")
        if stages:
            print(run.stdout + run.stderr)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--kinds", type=lambda text: text.split(","), default=list(KINDS))
    parser.add_argument("--sizes", type=lambda text: [int(each) for each in text.split(",")], default=SIZES)
    parser.add_argument("--weft", default=WEFT)
    parser.add_argument("--stages", action="store_true", help="print the time of each stage")
    options = parser.parse_args()
    print(f"{'CPU s':14}" + "".join(f"{size:>9}" for size in options.sizes) + "   exponent")
    for kind in options.kinds:
        times = [compile_s(KINDS[kind](size), options.weft, options.stages) for size in options.sizes]
        power = math.log(times[-1] / times[0]) / math.log(options.sizes[-1] / options.sizes[0]) if len(times) > 1 else math.nan
        print(f"{kind:14}" + "".join(f"{each:9.2f}" for each in times) + f"{power:11.2f}", flush=True)


if __name__ == "__main__":
    main()
