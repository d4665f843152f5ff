"""Writes a group of broken models: broken.py GROUP FOLDER.

Each case becomes FOLDER/CASE.onnx, a model that the importer must refuse with
one sentence; GROUP.test says which.
"""

import os
import shutil
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

F = TensorProto.FLOAT
I64 = TensorProto.INT64


def model(nodes, inputs=None, outputs=("y",), initializers=(), opset=25, **kwargs):
    inputs = {"x": [2, 3]} if inputs is None else inputs
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info(n, F, s) for n, s in inputs.items()],
        [helper.make_tensor_value_info(n, F, None) for n in outputs],
        list(initializers),
    )
    imports = [helper.make_opsetid("", opset), helper.make_opsetid("com.acme", 1), helper.make_opsetid("ai.onnx.ml", 3)]
    return helper.make_model(graph, opset_imports=imports, ir_version=10, **kwargs)


def node(op, inputs="x", outputs="y", name="n", **attributes):
    return helper.make_node(op, inputs.split(), outputs.split(), name=name, **attributes)


def with_weight(**fields):
    tensor = TensorProto(name="w", data_type=F, dims=[2, 3])
    for key, value in fields.items():
        if isinstance(value, list):
            getattr(tensor, key)[:] = value
        else:
            setattr(tensor, key, value)
    return model([node("Add", "x w")], initializers=[tensor])


def with_text(last, shape=(2, 3), **kwargs):
    """A node on the input as strings."""
    return model([node("Cast", "x", "a", "cast", to=TensorProto.STRING), last], {"x": shape}, **kwargs)


def with_external(location, size=24, **entries):
    tensor = TensorProto(name="w", data_type=F, dims=[2, 3])
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in {"location": location, "length": str(size), **entries}.items():
        tensor.external_data.add(key=key, value=value)
    return model([node("Add", "x w")], initializers=[tensor])


def constant(name, values, dtype=np.int64):
    return numpy_helper.from_array(np.asarray(values, dtype), name)


def field(number, payload):
    """One field of protobuf's wire format; Python's own library stops at depth 100."""
    payload = payload.encode() if isinstance(payload, str) else payload
    size, length = b"", len(payload)
    while length > 127:
        size, length = size + bytes([length & 127 | 128]), length >> 7
    tag = number << 3 | 2
    head = bytes([tag]) if tag < 128 else bytes([tag & 127 | 128, tag >> 7])
    return head + size + bytes([length]) + payload


def nested(depth):
    output = field(12, helper.make_empty_tensor_value_info("y").SerializeToString())
    flat = field(1, node("Relu").SerializeToString()) + field(2, "g") + output
    graph = flat
    for _ in range(depth):
        branches = b"".join(
            field(5, field(1, name) + field(6, branch) + bytes([20 << 3 & 127 | 128, 1, 5]))
            for name, branch in (("then_branch", graph), ("else_branch", flat))
        )
        inner = field(1, "p") + field(2, "y") + field(3, "deep") + field(4, "If") + branches
        graph = field(1, inner) + field(2, "g") + output
    whole = model([])
    whole.graph.input.append(helper.make_tensor_value_info("p", TensorProto.BOOL, []))
    whole.graph.ClearField("output")
    rest = whole.graph.SerializeToString()
    whole.ClearField("graph")
    return whole.SerializeToString() + field(7, graph + rest)


def exploding():
    functions = []
    for i in range(40):
        callee, domain = ("Relu", "") if i == 0 else (f"f{i - 1}", "com.acme")
        nodes = [
            helper.make_node(callee, ["a"], ["b"], name="first", domain=domain),
            helper.make_node(callee, ["b"], ["c"], name="second", domain=domain),
        ]
        imports = [helper.make_opsetid("", 25), helper.make_opsetid("com.acme", 1)]
        functions.append(helper.make_function("com.acme", f"f{i}", ["a"], ["c"], nodes, imports))
    return model([node("f39", domain="com.acme")], functions=functions)


def recursive():
    nodes = [helper.make_node("f", ["a"], ["c"], name="again", domain="com.acme")]
    imports = [helper.make_opsetid("", 25), helper.make_opsetid("com.acme", 1)]
    function = helper.make_function("com.acme", "f", ["a"], ["c"], nodes, imports)
    return model([node("f", domain="com.acme")], functions=[function])


def map_input():
    result = model([node("Relu", "z")], inputs={})
    kind = onnx.TypeProto()
    kind.map_type.key_type = I64
    kind.map_type.value_type.tensor_type.elem_type = F
    result.graph.input.append(helper.make_value_info("x", kind))
    result.graph.input.append(helper.make_tensor_value_info("z", F, [2]))
    return result


def no_rank():
    result = model([node("Relu")])
    result.graph.input[0].type.tensor_type.ClearField("shape")
    return result


STRUCTURE = {
    "missing-input": lambda: model([node("Add", "x nowhere")]),
    "later-input": lambda: model([node("Add", "x b", "y", "first"), node("Relu", "x", "b", "second")]),
    "own-output": lambda: model([node("Add", "x y")]),
    "duplicate-output": lambda: model([node("Relu", "x", "y", "one"), node("Neg", "x", "y", "two")]),
    "duplicate-input": lambda: model([node("Relu")], inputs={"x": [2]}, initializers=[
        constant("w", [1]), constant("w", [2])]),
    "no-outputs": lambda: model([node("Relu")], outputs=()),
    "missing-output": lambda: model([node("Relu", "x", "z")]),
    "subgraph-capture": lambda: model([node("If", "x", then_branch=helper.make_graph(
        [node("Relu", "nowhere", name="inner")], "g", [], [helper.make_empty_tensor_value_info("y")]))]),
    "nested": lambda: nested(70),
    "nested-deeper": lambda: nested(5000),
    "recursive": recursive,
    "exploding": exploding,
}

SUPPORT = {
    "unsupported": lambda: model([
        node("Frobnicate", "x", "a", "one", domain="com.acme"),
        node("Frobnicate", "a", "b", "", domain="com.acme"),
        node("ImageDecoder", "b", "c", "three"),
        node("Relu", "c")]),
    "map-input": map_input,
    "sequence-relu": lambda: model([node("SequenceConstruct", "x x", "s", "pair"), node("Relu", "s")]),
    "no-rank": no_rank,
    "string-unique": lambda: with_text(node("Unique", "a")),
    "string-scatter": lambda: with_text(node("ScatterElements", "a i a", reduction="add"),
                                        initializers=[constant("i", [[0, 1, 1], [1, 0, 0]])]),
    "string-turkish": lambda: with_text(node("StringNormalizer", "a", case_change_action="LOWER", locale="tr_TR"), shape=[3]),
    "regex": lambda: with_text(node("RegexFullMatch", "a", pattern="(a")),
    "regex-unicode": lambda: with_text(node("RegexFullMatch", "a", pattern=r"\pL")),
    "regex-large": lambda: with_text(node("RegexFullMatch", "a", pattern="((a{1000}){1000}){1000}")),
    "opset": lambda: model([node("Relu")], opset=99),
}


def tree(yes=(1, 3, 0, 0), feature=1, weight_of=2, mode="BRANCH_LEQ"):
    """Two tests, 0 and 1, and two leaves, 2 and 3."""
    return model([node("TreeEnsembleRegressor", nodes_treeids=[0] * 4, nodes_nodeids=[0, 1, 2, 3],
                       nodes_featureids=[0, feature, 0, 0], nodes_modes=[mode, mode, "LEAF", "LEAF"], nodes_values=[0.5] * 4,
                       nodes_truenodeids=yes, nodes_falsenodeids=[2, 2, 0, 0], target_treeids=[0, 0],
                       target_nodeids=[weight_of, 3], target_ids=[0, 0], target_weights=[1.0, 2.0], domain="ai.onnx.ml")],
                 inputs={"x": [2, 3]})


TENSORS = {
    "raw-short": lambda: with_weight(raw_data=b"\0" * 20),
    "raw-long": lambda: with_weight(raw_data=b"\0" * 28),
    "field-short": lambda: with_weight(float_data=[1.0, 2.0]),
    "dims-overflow": lambda: with_weight(dims=[1 << 40, 1 << 40], raw_data=b""),
    "dims-negative": lambda: with_weight(dims=[-2, 3], raw_data=b""),
    "rank": lambda: with_weight(dims=[1] * 9, float_data=[1.0]),
    "strings": lambda: with_weight(data_type=TensorProto.STRING, dims=[1]),
    "strings-raw": lambda: with_weight(data_type=TensorProto.STRING, dims=[1], raw_data=b"\0"),
    "constant-short": lambda: model([
        node("Constant", "", "c", value=TensorProto(name="v", data_type=F, dims=[4], raw_data=b"\0")),
        node("Add", "x c")]),
}

EXTERNAL = {
    "parent": lambda: with_external("../w.bin"),
    "inside": lambda: with_external("a/../../w.bin"),
    "absolute": lambda: with_external("/etc/passwd"),
    "proc": lambda: with_external("/proc/self/environ"),
    "missing": lambda: with_external("gone.bin"),
    "link": lambda: with_external("link.bin"),
    "folder-link": lambda: with_external("up/w.bin"),
    "hardlink": lambda: with_external("hard.bin"),
    "fifo": lambda: with_external("fifo"),
    "short": lambda: with_external("w.bin", offset="8"),
    "offset": lambda: with_external("w.bin", offset="18446744073709551615"),
    "length": lambda: with_external("w.bin", 1 << 40),
    "empty": lambda: with_external(""),
    "attribute": lambda: model([node("ConstantOfShape", "x", value=with_external("w.bin").graph.initializer[0])]),
}

NODES = {
    "along": lambda: model([node("Add", "x w", axis=2, broadcast=1)], inputs={"x": [2, 3], "w": [3]}, opset=6),
    "axis": lambda: model([node("Concat", "x x", axis=5)]),
    "position": lambda: model([node("SequenceConstruct", "x x", "s", "pair"), node("SequenceAt", "s i")],
                              initializers=[numpy_helper.from_array(np.array(5), "i")]),
    "missing-option": lambda: model([
        node("Optional", "", "o", "none", type=helper.make_tensor_type_proto(F, [2])),
        node("OptionalGetElement", "o")]),
    "stride": lambda: model([node("MaxPool", kernel_shape=[2], strides=[0])], inputs={"x": [1, 1, 8]}),
    "groups": lambda: model([node("Conv", "x w", group=0)], inputs={"x": [1, 4, 8], "w": [4, 4, 3]}),
    "kernel": lambda: model([node("Conv", "x w")], inputs={"x": [1, 4, 2], "w": [4, 4, 3]}),
    "split": lambda: model([node("Split", "x s", "y z", axis=1)], initializers=[constant("s", [1, 1])]),
    "reshape": lambda: model([node("Reshape", "x s")], initializers=[constant("s", [4, 2])]),
    "types": lambda: model([node("Add", "x w")], initializers=[constant("w", [1, 2, 3])]),
    "broadcast": lambda: model([node("Add", "x w")], inputs={"x": [2, 3], "w": [2, 4]}),
    "explode": lambda: model([node("ConstantOfShape", "s")], initializers=[constant("s", [1 << 32, 1 << 32])]),
    "attribute": lambda: model([node("Conv", "x w", colour=3)], inputs={"x": [1, 4, 8], "w": [4, 4, 3]}),
    "required": lambda: model([node("Concat", "x x")]),
    "heads": lambda: model([node("Attention", "q k k")], inputs={"q": [1, 3, 4, 8], "k": [1, 2, 5, 8]}),
    "window": lambda: model([node("Attention", "q q q", left_window_size=-3)], inputs={"q": [1, 2, 4, 8]}),
    "tree-cycle": lambda: tree(yes=(1, 0, 0, 0)),
    "tree-child": lambda: tree(yes=(7, 3, 0, 0)),
    "tree-feature": lambda: tree(feature=5),
    "tree-leaf": lambda: tree(weight_of=9),
    "tree-mode": lambda: tree(mode="BRANCH_MAYBE"),
    "unnamed": lambda: model([node("Add", "x w", name="")], inputs={"x": [2, 3], "w": [2, 4]}),
}


def surroundings(folder):
    """The files that the cases of external data name."""
    with open(os.path.join(folder, "w.bin"), "wb") as file:
        file.write(b"\0" * 24)
    os.symlink("w.bin", os.path.join(folder, "link.bin"))
    os.symlink("..", os.path.join(folder, "up"))
    os.mkfifo(os.path.join(folder, "fifo"))
    with open(os.path.join(folder, "hard.bin"), "wb"):
        os.link(os.path.join(folder, "hard.bin"), os.path.join(folder, "hard2.bin"))


def main():
    group, folder = sys.argv[1:]
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    for case, make in globals()[group.upper()].items():
        made = make()
        with open(os.path.join(folder, case + ".onnx"), "wb") as file:
            file.write(made if isinstance(made, bytes) else made.SerializeToString())
    if group == "external":
        surroundings(folder)


main()
