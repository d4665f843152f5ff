"""One row per case of an operator: attributes, operand types and shapes, bound.

Every target runs the same table (test_numerics.py). A shape is a list of
extents; a string names a dimension, which is dynamic in the model that is
compiled, so that one artifact serves all the sizes in SIZES.
"""

from dataclasses import dataclass, field

import numpy as np
from onnx import numpy_helper

# What each named dimension is in one run after another, the degenerate extents
# among them.
SIZES = [
    {"a": 3, "b": 5, "c": 17},
    {"a": 1, "b": 1, "c": 1},
    {"a": 2, "b": 0, "c": 33},
    {"a": 0, "b": 4, "c": 8},
]


# Their error grows with the terms of the sum, not with the sum.
PRODUCTS = {"Conv", "ConvTranspose", "Gemm", "GRU", "LSTM", "MatMul", "RNN"}


@dataclass
class In:
    """An operand: element type, shape, and where its values are drawn from."""

    shape: list
    type: str = "float32"
    low: float = -3.0
    high: float = 3.0
    value: object = None  # a fixed value, as an initializer
    special: bool = True  # NaN, infinities, zeros and huge values are mixed in


@dataclass
class Case:
    op: str
    inputs: list  # None: absent
    attrs: dict = field(default_factory=dict)
    name: str = ""
    outputs: int = 1
    opset: int = 21
    # Relative to each element or 1, of sums of products (PRODUCTS) to the
    # largest magnitude of the result; None: exact.
    rtol: float | None = 4e-6
    sizes: list = field(default_factory=lambda: SIZES)
    # Whose results count: the ONNX evaluator, or ONNX Runtime where that one is
    # known to be wrong.
    reference: str = "onnx"
    domain: str = ""
    # Element types of the outputs where they are not the first input's.
    output_types: list | None = None

    def __str__(self):
        return f"{self.op}{'-' + self.name if self.name else ''}"


def forest(trees, depth, features, mode="BRANCH_LEQ", nan_true=0, seed=0):
    """The attributes of complete trees with random splits, one target."""
    rng = np.random.default_rng(seed)
    inner, nodes = 2**depth - 1, 2 ** (depth + 1) - 1
    one = np.arange(nodes)
    leaf = one >= inner
    attributes = {
        "nodes_treeids": np.repeat(np.arange(trees), nodes),
        "nodes_nodeids": np.tile(one, trees),
        "nodes_featureids": rng.integers(0, features, trees * nodes),
        "nodes_truenodeids": np.tile(np.where(leaf, 0, 2 * one + 1), trees),
        "nodes_falsenodeids": np.tile(np.where(leaf, 0, 2 * one + 2), trees),
        "nodes_values": np.round(rng.uniform(-2, 2, trees * nodes), 1).astype(np.float32),
        "nodes_missing_value_tracks_true": np.full(trees * nodes, nan_true),
        "target_treeids": np.repeat(np.arange(trees), inner + 1),
        "target_nodeids": np.tile(one[leaf], trees),
        "target_ids": np.zeros(trees * (inner + 1), np.int64),
        "target_weights": rng.uniform(-1, 1, trees * (inner + 1)).astype(np.float32),
    }
    modes = np.where(np.tile(leaf, trees), "LEAF", mode).tolist()
    return {"nodes_modes": modes, "n_targets": 1, **{k: v.tolist() for k, v in attributes.items()}}


def grown(depths, features, targets=1, spoken=1, nan_true=0, double=False, aggregate="SUM", seed=0):
    """The attributes of trees of these depths that end early on most ways; a leaf speaks of some targets."""
    rng = np.random.default_rng(seed)
    nodes, leaves = [], []  # tree, number, feature, yes, no, value; tree, number, target, weight

    def grow(tree, left, spine):
        """A node with `left` levels below it at most, on its spine as many. Returns its number."""
        place, number = len(nodes), len(nodes) - first
        if not left or not spine and rng.random() < 0.55:
            nodes.append((tree, number, 0, None, 0, 0.0))
            leaves.extend((tree, number, int(target), float(np.float32(rng.uniform(-1, 1))))
                          for target in rng.permutation(targets)[:spoken])
            return number
        nodes.append(None)
        side = bool(rng.integers(2))
        yes, no = grow(tree, left - 1, spine and side), grow(tree, left - 1, spine and not side)
        nodes[place] = tree, number, int(rng.integers(features)), yes, no, float(np.float32(rng.uniform(-2, 2)))
        return number

    for tree, depth in enumerate(depths):
        first = len(nodes)
        grow(tree, depth, True)
    trees, numbers, feature, yes, no, values = zip(*nodes)
    leaf = [way is None for way in yes]
    leaf_trees, leaf_numbers, ids, weights = zip(*leaves)
    attributes = {"nodes_treeids": trees, "nodes_nodeids": numbers, "nodes_featureids": feature,
                  "nodes_truenodeids": [way or 0 for way in yes], "nodes_falsenodeids": no,
                  "nodes_modes": ["LEAF" if end else "BRANCH_LEQ" for end in leaf],
                  "nodes_missing_value_tracks_true": [nan_true * (i % 3 > 0) for i in numbers],
                  "target_treeids": leaf_trees, "target_nodeids": leaf_numbers, "target_ids": ids}
    reals = {"nodes_values": values, "target_weights": weights}
    if double:  # a third has no float
        reals = {name + "_as_tensor": numpy_helper.from_array(np.array(list_) / 3, name) for name, list_ in reals.items()}
    return {"n_targets": targets, "aggregate_function": aggregate, **attributes, **reals}


def ml(op, inputs, attrs=None, **kw):
    return Case(op, inputs, attrs or {}, domain="ai.onnx.ml", reference="onnxruntime", **kw)


def quantized(shape, scale=0.03, zero=120, type="uint8"):
    """A tensor of bytes, its scale and its zero point."""
    low = 0 if type == "uint8" else -128
    return [In(shape, type, low=low, high=low + 255, special=False), *steps(scale, zero, type)]


def steps(scale, zero, type="uint8"):
    return [In([], value=np.array(scale, np.float32)), In([], type, value=np.array(zero, type))]


def microsoft(op, inputs, attrs=None, **kw):
    kw.setdefault("sizes", SIZES[:2])
    kw.setdefault("rtol", 2e-5)
    return Case(op, inputs, attrs or {}, domain="com.microsoft", reference="onnxruntime", **kw)


ABC = ["a", "b", "c"]


def unary(op, low=-3.0, high=3.0, special=True, **kw):
    return Case(op, [In(ABC, low=low, high=high, special=special)], **kw)


def binary(op, name, x, y, type="float32", **kw):
    keys = {k: kw.pop(k) for k in ("low", "high", "special") if k in kw}
    return Case(op, [In(x, type, **keys), In(y, type, **keys)], name=name, **kw)


def broadcasts(op, **kw):
    """The ways in which two shapes meet."""
    return [
        binary(op, "same", ABC, ABC, **kw),
        binary(op, "row", ABC, ["c"], **kw),
        binary(op, "column", ABC, ["b", 1], **kw),
        binary(op, "scalar", ABC, [], **kw),
        binary(op, "both", ["a", 1, "c"], ["b", 1], **kw),
    ]


CASES = [
    # Functions of one value. The domain is the operator's; special values are
    # mixed in where the operator is total.
    *[unary(op) for op in ("Neg", "Abs", "Relu", "Sigmoid", "Tanh", "Exp", "Erf", "Floor", "Ceil",
                           "Round", "Sign", "Softplus", "Softsign", "Elu", "Selu", "Celu",
                           "LeakyRelu", "HardSigmoid", "HardSwish", "Mish", "ThresholdedRelu",
                           "Sinh", "Cosh", "Asinh", "Atan", "Identity")],
    unary("Sqrt", 0.0, 100.0),
    unary("Log", 1e-3, 1e3),
    unary("Reciprocal", 0.5, 3.0),
    unary("Sin", -30, 30, special=False),
    unary("Cos", -30, 30, special=False),
    unary("Tan", -1.5, 1.5, special=False, rtol=1e-5),
    unary("Asin", -1, 1, special=False),
    unary("Acos", -1, 1, special=False),
    unary("Acosh", 1, 50, special=False),
    unary("Atanh", -0.99, 0.99, special=False),
    Case("Gelu", [In(ABC)], opset=20),
    Case("Gelu", [In(ABC)], {"approximate": "tanh"}, name="tanh", opset=20, rtol=1e-5),
    *[unary(op, output_types=["bool"]) for op in ("IsNaN", "IsInf")],
    Case("Not", [In(ABC, "bool")], rtol=None),
    # Rank 0.
    Case("Relu", [In([])], name="scalar"),
    Case("Add", [In([]), In([])], name="scalars"),
    # Arithmetic over the ways shapes meet, then over element types.
    *broadcasts("Add"), *broadcasts("Mul", special=False), *broadcasts("Sub")[:2],
    *broadcasts("Div", low=0.5)[:2],
    binary("Pow", "floats", ABC, ["c"], low=0.2, special=False, rtol=1e-5),
    Case("Pow", [In(ABC, special=False), In([], value=np.float32(2))], name="square"),
    *[binary(op, t, ABC, ["c"], t, low=-100, high=100, rtol=None)
      for op in ("Add", "Sub", "Mul") for t in ("int32", "int64", "float64")
      if not t.startswith("float") or op == "Sub"],
    binary("Div", "int64", ABC, ["c"], "int64", low=1, high=100, rtol=None),
    binary("Mod", "int32", ABC, ["c"], "int32", low=1, high=100, rtol=None),
    *[Case(op, [In(ABC), In(["c"]), In([])], name="three") for op in ("Max", "Min", "Sum", "Mean")],
    *[Case(op, [In(ABC), In(["c"])], output_types=["bool"], rtol=None)
      for op in ("Less", "Greater", "Equal", "LessOrEqual", "GreaterOrEqual")],
    *[Case(op, [In(ABC, "bool"), In(["c"], "bool")], rtol=None) for op in ("And", "Or", "Xor")],
    Case("Where", [In(["b", 1], "bool"), In(ABC), In(["c"])], output_types=["float32"]),
    Case("Clip", [In(ABC), In([], value=np.float32(-1)), In([], value=np.float32(1.5))]),
    Case("PRelu", [In(ABC), In(["c"])]),
    # Conversions.
    *[Case("Cast", [In(ABC, a, -100, 100, special=False)], {"to": to}, name=f"{a}-{n}", output_types=[n], rtol=None)
      for a, to, n in (("float32", 7, "int64"), ("float32", 9, "bool"), ("int64", 1, "float32"),
                       ("int32", 7, "int64"), ("bool", 1, "float32"), ("float32", 11, "float64"),
                       ("int64", 6, "int32"))],
    # Scalar code, in which LLVM rounds what is computed in f64 at once.
    Case("Asin", [In([6], "float16", -1, 1, special=False)], name="few-f16", rtol=2e-3),
    # Reductions: a row, several axes, everything, nothing kept.
    *[Case(op, [In(ABC, special=op in ("ReduceMax", "ReduceMin")), In([1], "int64", value=np.array([axis]))],
           {"keepdims": keep}, name=f"axis{axis}-{'keep' if keep else 'drop'}", opset=18, rtol=2e-5,
           # The result over nothing is not defined for all of these.
           sizes=SIZES[:2])
      for op in ("ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceL2", "ReduceSumSquare")
      for axis, keep in ((-1, 1), (0, 0), (1, 1)) if axis == -1 or op in ("ReduceSum", "ReduceMax")],
    Case("ReduceSum", [In(ABC, special=False)], name="all", opset=18, rtol=2e-5),
    Case("ReduceLogSumExp", [In(ABC, special=False)], name="all", opset=18, rtol=2e-5, sizes=SIZES[:2]),
    # ONNX does not say where NaN stands.
    *[Case(op, [In(ABC, special=False)], {"axis": axis, "keepdims": 0}, name=f"axis{axis}", rtol=None, sizes=SIZES[:2],
           output_types=["int64"])
      for op in ("ArgMax", "ArgMin") for axis in (2, 1)],
    *[Case(op, [In(ABC, special=False)], {"axis": axis}, name=f"axis{axis}", sizes=SIZES, rtol=1e-5)
      for op in ("Softmax", "LogSoftmax") for axis in (-1, 1)],
    Case("LayerNormalization", [In(["a", "b", 33], special=False), In([33]), In([33])], {"axis": -1}, rtol=2e-5,
         sizes=SIZES[:2]),
    Case("CumSum", [In(ABC, special=False), In([], "int64", value=np.array(2))], rtol=2e-5),
    # Matrix products: every size of M, odd extents, batches that broadcast.
    *[Case("MatMul", [In([m, k], special=False), In([k, n], special=False)], name=f"{m}x{k}x{n}", sizes=[{}], rtol=1e-5)
      for m, k, n in ((1, 1, 1), (1, 64, 50), (7, 33, 65), (13, 0, 5), (64, 129, 17))],
    Case("MatMul", [In(["a", "c"], special=False), In(["c", "b"], special=False)], name="dynamic", rtol=1e-5),
    Case("MatMul", [In(["a", 19], special=False), In([19, 37], value="random")], name="weights", rtol=1e-5),
    # Items of several groups of panels, cut at each place.
    *[Case("MatMul", [In(["a", 6], special=False), In([6, n], value="random")], name=f"wide-{n}", rtol=1e-5,
           sizes=[{"a": rows} for rows in (0, 1, 5, 40)]) for n in (112, 264, 1000)],
    Case("MatMul", [In(["a", 1, "b", "c"], special=False), In([2, "c", 9], special=False)], name="batches", rtol=1e-5),
    Case("MatMul", [In([9], special=False), In([9, 4], special=False)], name="vector", sizes=[{}], rtol=1e-5),
    *[Case("Gemm", [In(["a", 19] if not ta else [19, "a"], special=False),
                    In([19, 37] if not tb else [37, 19], value="random"), In([37], value="random")],
           {"transA": ta, "transB": tb, "alpha": 0.5, "beta": 2.0}, name=f"{ta}{tb}", rtol=1e-5)
      for ta in (0, 1) for tb in (0, 1)],
    # Convolutions over ranks, strides, pads, dilations and groups.
    *[Case("Conv", [In(["a", c, *spatial], special=False), In([k, c // g, *window], value="random"),
                    In([k], value="random")],
           {"strides": [s] * len(window), "pads": [p] * 2 * len(window), "dilations": [d] * len(window), "group": g},
           name=f"c{c}-k{k}-g{g}-w{window[0]}s{s}p{p}d{d}-{len(window)}d", sizes=SIZES[:2] + SIZES[3:], rtol=1e-5)
      for c, k, g, spatial, window, s, p, d in (
          (3, 8, 1, [11, 13], [3, 3], 1, 1, 1), (16, 32, 1, [9, 7], [3, 3], 1, 1, 1),
          (16, 16, 1, [8, 8], [1, 1], 1, 0, 1), (32, 48, 1, [9, 9], [3, 3], 2, 1, 1),
          (16, 16, 16, [10, 9], [3, 3], 1, 1, 1), (20, 20, 20, [9, 9], [5, 5], 2, 2, 1),
          (24, 12, 3, [7, 7], [1, 1], 1, 0, 1), (32, 32, 2, [8, 6], [3, 3], 1, 1, 1),
          (5, 7, 1, [12, 12], [3, 3], 1, 2, 2), (3, 20, 1, [23, 23], [7, 7], 2, 3, 1),
          (6, 18, 1, [30], [5], 2, 2, 1), (4, 6, 1, [5, 6, 7], [3, 3, 3], 1, 1, 1),
          # Groups of 1, 3, 8, 24 and 58 channels; images of one pixel to 70.
          (3, 6, 3, [1, 1], [1, 1], 1, 0, 1), (9, 6, 3, [5, 70], [3, 3], 1, 1, 1),
          (16, 24, 2, [17, 3], [3, 3], 2, 1, 1), (48, 48, 2, [14, 15], [1, 1], 1, 0, 1),
          (116, 116, 2, [7, 9], [3, 3], 1, 1, 1), (58, 58, 58, [15, 13], [3, 3], 2, 1, 1),
          (24, 24, 24, [23, 70], [5, 5], 1, 4, 2), (72, 24, 1, [1, 70], [1, 1], 1, 0, 1),
          (40, 200, 1, [7, 7], [1, 1], 1, 0, 1), (33, 17, 1, [70], [9], 3, 4, 1))],
    Case("Conv", [In(["a", 4, "b", "c"], special=False), In([6, 4, 3, 3], value="random")],
         {"pads": [1, 1, 1, 1]}, name="dynamic-extents", sizes=[SIZES[0], {"a": 2, "b": 8, "c": 3}], rtol=1e-5),
    # Minimal filtering, F(4, 3) and F(2, 3): tiles that hang over, channels that
    # do not fill blocks, pads beyond the window. Its error is about twice that of
    # the direct algorithm, 2e-6 of the largest element at 64 channels, and grows
    # with the root of the channels.
    *[Case("Conv", [In(["a", c, *spatial], special=False), In([k, c // g, *window], value="random"),
                    In([k], value="random")],
           {"pads": pads, "group": g, "dilations": [d] * len(window)},
           name=f"c{c}-k{k}-g{g}-{'x'.join(map(str, spatial))}-pads{''.join(map(str, pads))}-d{d}",
           sizes=SIZES[:1] + SIZES[3:], rtol=1e-5)
      for c, k, g, spatial, window, pads, d in (
          (16, 16, 1, [1, 70], [3, 3], [1, 1, 1, 1], 1), (24, 40, 1, [13, 6], [3, 3], [1, 1, 1, 1], 1),
          (64, 33, 1, [17, 31], [3, 3], [0, 2, 1, 0], 1), (10, 70, 1, [4, 5], [3, 3], [2, 2, 2, 2], 1),
          (32, 32, 2, [9, 12], [3, 3], [1, 0, 0, 1], 1), (48, 60, 3, [6, 7], [3, 3], [1, 1, 1, 1], 1),
          (32, 16, 1, [12, 5], [3, 1], [1, 0, 1, 0], 1), (16, 32, 1, [5, 22], [1, 3], [0, 1, 0, 1], 1),
          (128, 96, 1, [7, 7], [3, 3], [1, 1, 1, 1], 1), (16, 16, 1, [2, 2], [3, 3], [5, 0, 7, 1], 1),
          (16, 24, 1, [20, 9], [3, 3], [2, 2, 2, 2], 2), (32, 32, 1, [50], [3], [1, 1], 1),
          (16, 16, 1, [29], [3], [4, 4], 4), (16, 24, 1, [5, 9, 7], [3, 3, 3], [1] * 6, 1),
          (40, 32, 2, [3, 12, 6], [2, 3, 3], [0, 1, 2, 2, 1, 0], 1), (20, 16, 1, [7, 10, 11], [3, 3, 3], [2] * 6, 2))],
    Case("Conv", [In(["a", 20, "b", "c"], special=False), In([36, 20, 3, 3], value="random")],
         {"pads": [1, 1, 1, 1]}, name="tiles-of-dynamic-extents",
         sizes=[*SIZES, {"a": 2, "b": 69, "c": 3}, {"a": 1, "b": 4, "c": 64}], rtol=1e-5),
    *[Case("ConvTranspose", [In(["a", 6, 5, 7], special=False), In([6, 4, 3, 3], value="random")],
           {"strides": [s, s], "pads": [p] * 4}, name=f"s{s}p{p}", sizes=SIZES[:2], rtol=1e-5)
      for s, p in ((1, 0), (2, 1))],
    # Windows.
    *[Case(op, [In(["a", c, 11, 9], special=special)],
           {"kernel_shape": [w, w], "strides": [s, s], "pads": [p] * 4, "ceil_mode": ceil, **extra},
           name=f"c{c}w{w}s{s}p{p}{'-ceil' if ceil else ''}{'-counted' if extra else ''}", sizes=SIZES[:2], rtol=1e-5)
      for op, c, w, s, p, ceil, extra, special in (
          ("MaxPool", 16, 3, 2, 1, 0, {}, False), ("MaxPool", 5, 2, 2, 0, 1, {}, False),
          ("AveragePool", 16, 3, 1, 1, 0, {}, False), ("AveragePool", 6, 3, 2, 1, 1, {}, False),
          ("AveragePool", 6, 3, 2, 1, 0, {"count_include_pad": 1}, False))],
    # SAME pads of extents that only the run knows, and windows.
    *[Case(op, [In([2, 6, "b", "c"], special=False), *([In([4, 3, 3, 2], value="random")] if op == "Conv" else [])],
           {"auto_pad": pad, "strides": [2, 3], **extra}, name=f"{pad}-{'-'.join(extra)}", rtol=1e-5,
           sizes=[SIZES[0], {"b": 6, "c": 9}, {"b": 3, "c": 1}], reference="onnxruntime")
      for pad in ("SAME_UPPER", "SAME_LOWER")
      for op, extra in (("Conv", {"group": 2}), ("MaxPool", {"kernel_shape": [3, 3]}),
                        ("AveragePool", {"kernel_shape": [3, 4]}), ("LpPool", {"kernel_shape": [3, 2]}))],
    Case("MaxPool", [In([2, 3, "b", "c"], special=False)], {"auto_pad": "SAME_LOWER", "strides": [2, 3], "kernel_shape": [3, 4]},
         name="SAME_LOWER-indices", outputs=2, output_types=["float32", "int64"], rtol=None, reference="onnxruntime",
         sizes=[SIZES[0], {"b": 6, "c": 9}, {"b": 3, "c": 1}]),
    *[Case(op, [In([2, 6, 11, "c"], special=False), In([6, 4 if op == "ConvTranspose" else 6 // g, "a", "b"], special=False),
                *([In([6], special=False)] if op == "Conv" and g == 2 else [])],
           {"group": g, **extra}, name=f"window-{g}-{'-'.join(extra)}", rtol=1e-5, reference="onnxruntime",
           sizes=[{"a": 3, "b": 2, "c": 17}, {"a": 2, "b": 5, "c": 8}, {"a": 2, "b": 2, "c": 1}])
      for op, g, extra in (
          ("Conv", 1, {"pads": [1, 2, 0, 1], "strides": [2, 1]}), ("Conv", 3, {"dilations": [2, 1], "pads": [0, 2, 0, 2]}),
          ("Conv", 2, {"auto_pad": "SAME_UPPER"}), ("ConvTranspose", 1, {"strides": [2, 3], "output_padding": [1, 0]}),
          ("ConvTranspose", 2, {"pads": [0, 1, 0, 1], "dilations": [1, 2]}),
          ("ConvTranspose", 1, {"auto_pad": "SAME_LOWER", "strides": [2, 2]}))],
    Case("ConvTranspose", [In([2, 6, "b", "c"], special=False), In([6, 4, 3, 3], value="random")],
         {"output_shape": [12, 20], "strides": [2, 2]}, name="output-shape", rtol=1e-5, reference="onnxruntime",
         sizes=[{"b": 5, "c": 9}, {"b": 6, "c": 10}]),
    Case("GlobalAveragePool", [In(["a", 20, 7, 5], special=False)], sizes=SIZES[:2], rtol=1e-5),
    Case("GlobalMaxPool", [In(["a", 20, 7, 5])], sizes=SIZES[:2]),
    Case("LRN", [In(["a", 10, 5, 5], special=False)], {"size": 5, "alpha": 1e-2}, sizes=SIZES[:2], rtol=1e-5,
         reference="onnxruntime"),  # the evaluator sums over the wrong channels
    Case("BatchNormalization", [In(["a", 6, 5, "c"], special=False), *[In([6], value="random")] * 3,
                                In([6], value="positive")], rtol=1e-5),
    Case("BatchNormalization", [In(["a", 6, 5, "c"], special=False), *[In([6], value="random")] * 3,
                                In([6], value="positive")], {"training_mode": 1}, name="training", outputs=3,
         rtol=1e-5, sizes=SIZES[:2]),
    # Quantized values and what they are computed from.
    *[Case("QuantizeLinear", [In(["a", 4, "c"], special=False), In(s, value=np.full(s, 0.1)), In(s, t, value=np.full(s, z))],
           {"axis": 1}, name=f"{t}-{'axis' if s else 'tensor'}", rtol=None, output_types=[t])
      for s, t, z in (([], "uint8", 128), ([4], "int8", 3), ([4], "uint16", 1000))],
    *[Case("DequantizeLinear", [In(["a", 4, "c"], t, 0, 120), In([4], value=np.full([4], 0.1)),
                                In([4], t, value=np.full([4], 7))],
           {"axis": 1}, name=t, output_types=["float32"])
      for t in ("uint8", "int8", "int16")],
    # Scales of one element are for the whole tensor, whatever the axis.
    Case("DequantizeLinear", [In(["a"], "int32", -999, 999), In([1], value=np.full([1], 0.1)), In([], "int32", value=0)],
         name="one-scale", output_types=["float32"], reference="onnxruntime"),
    Case("MatMulInteger", [In(["a", "b"], "uint8", 0, 255), In(["b", "c"], "int8", -128, 127),
                           In([], "uint8", value=120), In([], "int8", value=-3)], rtol=None, output_types=["int32"]),
    Case("Pow", [In(ABC, "int32", -9, 9), In(ABC, "int32", 0, 12)], name="whole", rtol=None),
    # Losses.
    *[Case("NegativeLogLikelihoodLoss", [In(["a", 5, "c"], special=False), In(["a", "c"], "int64", 0, 4),
                                         In([5], value="positive")],
           {"reduction": r, **ignore}, name=f"{r}{'-ignore' if ignore else ''}", rtol=2e-5, sizes=SIZES[:2])
      for r in ("mean", "sum", "none") for ignore in ({}, {"ignore_index": 2})],
    Case("SoftmaxCrossEntropyLoss", [In(["a", 5, "c"], special=False), In(["a", "c"], "int64", 0, 4)], outputs=2,
         rtol=2e-5, sizes=SIZES[:2]),
    # Movement of data.
    *[Case("Transpose", [In(ABC)], {"perm": p}, name="".join(map(str, p)), rtol=None)
      for p in ([0, 2, 1], [2, 1, 0], [1, 0, 2], [2, 0, 1])],
    # Whole squares, what is left of both loops, and loops shorter than a vector.
    *[Case("Transpose", [In(ABC, t, special=False)], {"perm": p}, name=f"{t}-squares-{''.join(map(str, p))}", rtol=None,
           output_types=[t], sizes=[{"a": 2, "b": 37, "c": 50}, {"a": 1, "b": 16, "c": 32}, {"a": 33, "b": 40, "c": 3}])
      for t in ("float32", "int64", "float16", "bool") for p in ([0, 2, 1], [2, 0, 1])],
    *[Case("Concat", [In(ABC), In(ABC)], {"axis": axis}, name=f"axis{axis}", rtol=None) for axis in (0, 1, 2)],
    Case("Concat", [In(["a", 3]), In(["a", 20]), In(["a", 1])], {"axis": 1}, name="uneven", rtol=None),
    Case("Slice", [In(ABC), *[In([1], "int64", value=np.array([v])) for v in (1, 1000, 2, 1)]], name="bounded", rtol=None),
    Case("Slice", [In(ABC), *[In([1], "int64", value=np.array([v])) for v in (-1, -1000, 2, -1)]], name="backwards",
         rtol=None),
    # A start in front of the first element means the first; the evaluator goes by numpy, which takes none.
    Case("Slice", [In(ABC), *[In([1], "int64", value=np.array([v])) for v in (-1000, -2000, 2, -2)]], name="before",
         rtol=None, reference="onnxruntime"),
    Case("Reshape", [In(["a", 4, "c"]), In([2], "int64", value=np.array([0, -1]))], name="flatten", rtol=None,
         sizes=[SIZES[0], SIZES[1]]),
    # Of no elements the evaluator cannot make a shape.
    Case("Flatten", [In(["a", 4, 3])], {"axis": 1}, rtol=None, sizes=SIZES[:3]),
    Case("Squeeze", [In(["a", 1, "c"]), In([1], "int64", value=np.array([1]))], rtol=None),
    Case("Unsqueeze", [In(["a", "c"]), In([2], "int64", value=np.array([0, 2]))], rtol=None),
    Case("Expand", [In(["b", 1]), In([3], "int64", value=np.array([2, 1, 4]))], rtol=None),
    Case("Tile", [In(ABC), In([3], "int64", value=np.array([2, 1, 3]))], rtol=None),
    *[Case("Gather", [In(["a", 6, "c"]), In([2, 2], "int64", value=np.array([[0, -1], [5, 2]]))], {"axis": 1}, rtol=None)],
    *[Case("Pad", [In(["a", 6, 7]), In([6], "int64", value=np.array([0, 1, 2, 0, 3, 1]))], {"mode": m}, name=m, rtol=None)
      for m in ("constant", "reflect", "edge")],
    Case("Pad", [In(["a", 6, 7]), In([6], "int64", value=np.array([0, -1, 2, 0, 3, -2]))], name="removes", rtol=None,
         reference="onnxruntime"),  # the evaluator knows no negative pads
    Case("Split", [In(["a", 7]), In([2], "int64", value=np.array([3, 4]))], {"axis": 1}, outputs=2, rtol=None),
    Case("Shape", [In(ABC)], rtol=None, output_types=["int64"]),
    Case("Size", [In(ABC)], rtol=None, output_types=["int64"]),
    Case("ConstantOfShape", [In([2], "int64", value=np.array([3, 4]))], name="zeros", rtol=None, sizes=[{}],
         output_types=["float32"]),
    # Recurrent: both directions, a state that is given, and one that is not.
    *[Case("LSTM", [In(["c", "a", 6], special=False), In([d, 40, 6], value="random"), In([d, 40, 10], value="random"),
                    In([d, 80], value="random")],
           {"hidden_size": 10, "direction": direction}, name=direction, outputs=3, rtol=2e-5, sizes=SIZES[:2])
      for d, direction in ((1, "forward"), (1, "reverse"), (2, "bidirectional"))],
    *[Case(op, [In(["c", "a", 6], special=False), In([1, g * 10, 6], value="random"), In([1, g * 10, 10], value="random"),
                In([1, 2 * g * 10], value="random")],
           {"hidden_size": 10}, outputs=2, rtol=2e-5, sizes=SIZES[:2])
      for op, g in (("GRU", 3), ("RNN", 1))],
    Case("GRU", [In(["c", "a", 6], special=False), In([2, 39, 6], value="random"), In([2, 39, 13], value="random"),
                 In([2, 78], value="random")],
         {"hidden_size": 13, "direction": "bidirectional", "linear_before_reset": 1}, name="linear", outputs=2,
         rtol=2e-5, sizes=SIZES[:3], reference="onnxruntime"),  # the evaluator knows one direction
    # Sequences of several lengths, states that are given.
    *[Case(op, [In([7, 3, 6], special=False), In([2, g * 13, 6], value="random"), In([2, g * 13, 13], value="random"),
                In([2, 2 * g * 13], value="random"), In([3], "int32", value=np.array([7, 1, 4])),
                *[In([2, 3, 13], special=False)] * states],
           {"hidden_size": 13, "direction": "bidirectional"}, name="lengths", outputs=1 + states, rtol=2e-5, sizes=[{}],
           reference="onnxruntime")
      for op, g, states in (("LSTM", 4, 2), ("GRU", 3, 1), ("RNN", 1, 1))],
    # Attention: heads that share keys, masks of each kind, a cache.
    *[Case("Attention", [In(["a", 4, "b", 8], special=False), In(["a", g, "c", 8], special=False),
                         In(["a", g, "c", 6], special=False), *mask],
           attrs, name=name, opset=24, rtol=2e-5, sizes=SIZES[:2])
      for name, g, mask, attrs in (
          ("plain", 4, [], {}), ("shared", 2, [], {"scale": 0.3}), ("causal", 1, [], {"is_causal": 1}),
          ("softcap", 4, [], {"softcap": 2.0}), ("bias", 4, [In(["b", "c"])], {}),
          ("mask", 2, [In(["a", 1, "b", "c"], "bool")], {}))],
    Case("Attention", [In(["a", "b", 16], special=False), In(["a", "c", 8], special=False),
                       In(["a", "c", 8], special=False)],
         {"q_num_heads": 4, "kv_num_heads": 2}, name="three-dimensions", opset=24, rtol=2e-5, sizes=SIZES[:2]),
    # Order and selection.
    *[Case("TopK", [In(ABC, special=False), In([1], "int64", value=np.array([1]))], {"axis": axis, "largest": largest},
           name=f"axis{axis}-{largest}", opset=24, outputs=2, rtol=None, output_types=["float32", "int64"],
           sizes=[SIZES[0], SIZES[1]])
      for axis in (0, 2) for largest in (0, 1)],
    Case("TopK", [In(["a", 40], "int64", low=-5, high=5), In([1], "int64", value=np.array([40]))], name="ties", opset=24,
         outputs=2, rtol=None, output_types=["int64"], sizes=[SIZES[0], SIZES[3]]),
    Case("NonZero", [In(ABC, "int32", low=0, high=1)], rtol=None, output_types=["int64"]),
    Case("Compress", [In(ABC), In(["b"], "bool")], {"axis": 1}, rtol=None, sizes=SIZES[:2]),
    Case("Unique", [In(["c"], "int32", low=0, high=6)], outputs=4, rtol=None,
         output_types=["int32", "int64", "int64", "int64"]),
    Case("Unique", [In(["c"], "int32", low=0, high=6)], {"sorted": 0}, name="unsorted", outputs=4, rtol=None,
         output_types=["int32", "int64", "int64", "int64"], sizes=SIZES[:2]),
    Case("Unique", [In(["a", "c"], "int32", low=0, high=1)], {"axis": 1}, name="columns", outputs=4, rtol=None,
         output_types=["int32", "int64", "int64", "int64"], sizes=SIZES[:2]),
    *[Case("ScatterElements", [In(ABC, special=False), In(["a", 1, "c"], "int64", low=-1, high=0),
                               In(["a", 1, "c"], special=False)],
           {"axis": 1, "reduction": reduction}, name=reduction, opset=18, sizes=SIZES[:2])
      for reduction in ("none", "add", "mul", "max", "min")],
    # One element of many: the copy of the others must not be work that several share.
    Case("ScatterElements", [In(["b", 1000], special=False), In([1, 1], "int64", low=0, high=0), In([1, 1], special=False)],
         {"axis": 0, "reduction": "add"}, name="single", opset=18, sizes=SIZES[:2]),
    Case("ScatterND", [In([5, "c"]), In(["b", 1], "int64", low=-5, high=4), In(["b", "c"])], name="rows", opset=18, rtol=None),
    *[Case("ScatterND", [In(["a", n]), In([1, 1], "int64", low=-1, high=0), In([1, n])], name=f"one row of {n}", rtol=None,
           sizes=SIZES[:2])
      for n in (17, 100)],
    *[Case("GatherND", [In([3, 4, "c"]), In(shape, "int64", low=-3, high=2)], name="x".join(map(str, shape)), rtol=None)
      for shape in ([1], [2], [2, 1], ["b", 2])],
    Case("CumSum", [In(ABC, special=False), In([], "int64", value=np.array(1))], {"exclusive": 1, "reverse": 1},
         name="backwards", rtol=2e-5),
    Case("Det", [In(["a", 4, 4], special=False)], rtol=1e-4),
    # Sampling and signals.
    *[Case("GridSample", [In(["a", 3, "b", "c"], special=False), In(["a", 4, 5, 2], special=False, low=-1.4, high=1.4)],
           {"mode": mode, "padding_mode": padding, "align_corners": corners}, name=f"{mode}-{padding}-{corners}",
           opset=20, rtol=2e-4, sizes=[SIZES[0]])
      for mode in ("nearest", "linear", "cubic") for padding, corners in (("zeros", 0), ("border", 1), ("border", 0), ("reflection", 0))],
    *[Case("Resize", [In([1, 2, "b", "c"], special=False), In([0], value=np.zeros(0, np.float32)),
                      In([4], value=np.array([1, 1, 1.7, 0.6], np.float32))],
           {"mode": mode, **attrs}, name=f"{mode}{'-' if attrs else ''}{'-'.join(map(str, attrs))}", opset=19, rtol=2e-5,
           sizes=[SIZES[0], {"a": 1, "b": 9, "c": 12}])
      for mode, attrs in (("nearest", {}), ("linear", {}), ("cubic", {}), ("linear", {"antialias": 1}),
                          ("cubic", {"antialias": 1}), ("cubic", {"exclude_outside": 1}),
                          ("linear", {"coordinate_transformation_mode": "align_corners"}))],
    # An extent of one is the first element; the evaluator takes half a pixel before it, and not where 1.5 became 1.
    *[Case("Resize", [In([1, 2, "b", 3], special=False), In([0], value=np.zeros(0, np.float32)),
                      In([4], value=np.array([1, 1, 2, scale], np.float32))],
           {"mode": "cubic", "coordinate_transformation_mode": "pytorch_half_pixel"}, name=f"to-one-{scale}", opset=19, rtol=2e-5,
           sizes=[SIZES[0], SIZES[1]], reference="onnxruntime")
      for scale in (0.34, 0.5)],
    # Before opset 11 places were divided by the scale, and rounded up where a picture became smaller.
    *[Case(op, [In([1, 2, "b", "c"], special=False), In([4], value=np.array([1, 1, *scales], np.float32))],
           {"mode": mode}, name=f"{mode}-{opset}", opset=opset, rtol=2e-5, reference="onnxruntime",
           sizes=[SIZES[0], {"a": 1, "b": 9, "c": 12}])
      for op, opset, scales in (("Resize", 10, (1.7, 0.6)), ("Upsample", 9, (1.7, 2.3)))
      for mode in ("nearest", "linear")],
    *[Case("DFT", [In(["a", "c", parts], special=False)], {"inverse": inverse, "onesided": onesided},
           name=f"{parts}-{inverse}-{onesided}", opset=20, rtol=2e-4, sizes=SIZES[:2])
      for parts, inverse, onesided in ((1, 0, 0), (1, 0, 1), (2, 0, 0), (2, 1, 0))],
    # Lengths of each radix and of several, prime ones as a product and as a convolution; few lines and many.
    *[Case("DFT", [In(["a", length, parts], special=False)], {"inverse": inverse, "onesided": onesided, "axis": 1},
           name=f"{length}-{parts}-{inverse}-{onesided}", opset=17, rtol=2e-5, sizes=[{"a": 2}, {"a": 33}, {"a": 0}])
      for length in (2, 8, 10, 64, 97, 143, 210, 262, 331) for parts, inverse, onesided in
      ((1, 0, 0), (1, 0, 1), (2, 0, 0), (2, 1, 0), (2, 1, 1))],
    *[Case("DFT", [In(["a", 300, "b", parts], type, special=False), In([], "int64", value=np.array(length))],
           {"inverse": inverse, "onesided": onesided, "axis": 1}, name=f"{length}-of-300-{parts}-{inverse}-{type}",
           opset=17, rtol=2e-5 if type == "float32" else 1e-12, sizes=SIZES[:3])
      for length, parts, inverse, onesided, type in ((256, 1, 0, 1, "float32"), (512, 2, 0, 0, "float32"),
                                                     (720, 2, 1, 1, "float32"), (256, 2, 1, 0, "float64"))],
    *[Case("STFT", [In(["b", 400, 1], special=False), In([], "int64", value=np.array(step)),
                    In([64], value=np.hanning(64).astype(np.float32)), In([], "int64", value=np.array(64))],
           {"onesided": onesided}, name=f"{step}-{onesided}", opset=17, rtol=2e-5, sizes=SIZES[:2])
      for step, onesided in ((16, 1), (64, 0))],
    # ai.onnx.ml.
    *[ml("TreeEnsembleRegressor", [In(["c", 7], special=nan)], forest(trees, depth, 7, mode, nan), rtol=1e-5,
         name=f"{trees}x{depth}-{mode}-{nan}", sizes=SIZES[:3])
      for trees, depth, mode, nan in ((1, 1, "BRANCH_LEQ", 0), (19, 4, "BRANCH_LEQ", 1), (8, 3, "BRANCH_LT", 0),
                                      (8, 3, "BRANCH_GTE", 0), (9, 3, "BRANCH_GT", 0), (8, 2, "BRANCH_EQ", 0),
                                      (8, 2, "BRANCH_NEQ", 0))],
    *[ml("TreeEnsembleRegressor", [In(["c", 7], type, special=bool(more.get("nan_true")))], grown(depths, 7, **more),
         rtol=1e-5, name=name, output_types=["float32"])
      for name, depths, type, more in (
          ("mixed", [0, 1, 9, 4, 30, 2, 0, 12] * 5, "float32", {}), ("leaf", [0], "float32", {}),
          ("one", [7], "float32", {}), ("group", [8] * 16, "float32", {"targets": 3, "spoken": 2}),
          ("missing", [3, 9, 5] * 6, "float32", {"nan_true": 1}), ("shallow-missing", [3, 4] * 9, "float32", {"nan_true": 1}),
          ("ten", [3, 11] * 9, "float32", {"targets": 10, "spoken": 1}),
          ("hundred", [0, 8, 15] * 7, "float32", {"targets": 100, "spoken": 3}),
          ("hundred-max", [2, 8] * 9, "float32", {"targets": 100, "spoken": 3, "aggregate": "MAX"}),
          ("min", [2, 8] * 9, "float32", {"targets": 3, "spoken": 2, "aggregate": "MIN"}),
          ("double", [9, 2, 0, 5] * 5, "float64", {"double": True}),
          ("double-missing", [9, 2, 5] * 6, "float64", {"double": True, "nan_true": 1, "targets": 12}))],
    # A feature, a flag and an offset of 33 bits together.
    ml("TreeEnsembleRegressor", [In([17, 3 << 17], special=False)], forest(1, 13, 3 << 17, nan_true=1), rtol=1e-5, name="wide",
       sizes=[{}]),
    ml("LinearRegressor", [In(["c", 5], special=False)],
       {"coefficients": [0.5, -1.0, 2.0, 0.25, 1.5] * 2, "intercepts": [0.5, -0.5], "targets": 2}, rtol=1e-5),
    ml("Scaler", [In(["c", 3], special=False)], {"offset": [0.5, 1.0, -1.0], "scale": [2.0, 0.5, 1.0]}),
    *[ml("Normalizer", [In(["c", 9], special=False)], {"norm": norm}, name=norm, rtol=1e-5) for norm in ("L1", "L2")],
    # ONNX Runtime divides by the largest value, ONNX by the largest magnitude.
    Case("Normalizer", [In(["c", 9], special=False)], {"norm": "MAX"}, name="MAX", domain="ai.onnx.ml", rtol=1e-5),
    ml("Binarizer", [In(ABC, special=False)], {"threshold": 0.5}, rtol=None),
    ml("Imputer", [In(["c", 3])], {"imputed_value_floats": [1.0, 2.0, 3.0], "replaced_value_float": float("nan")}, rtol=None),
    ml("OneHotEncoder", [In(["c"], "int64", low=0, high=4)], {"cats_int64s": [3, 1, 2], "zeros": 1}, rtol=None,
       output_types=["float32"]),
    ml("LabelEncoder", [In(["c"], "int64", low=0, high=4)],
       {"keys_int64s": [3, 1, 2], "values_floats": [0.5, 1.5, 2.5], "default_float": -1.0}, rtol=None,
       output_types=["float32"]),
    ml("SVMRegressor", [In(["c", 2], special=False)],
       {"kernel_type": "RBF", "kernel_params": [0.5, 0.0, 3.0], "support_vectors": [0.5, 1.0, -1.0, 0.25], "n_supports": 2,
        "coefficients": [1.5, -0.5], "rho": [0.25]}, rtol=1e-5),
    *[ml("SVMClassifier", [In(["c", 2], special=False)],
         {"kernel_type": "RBF", "kernel_params": [0.5, 0.0, 3.0], "support_vectors": [0.5, 1.0, -1.0, 0.25, 2.0, -1.5, 0.0, 1.0],
          "vectors_per_class": [1] * classes, "coefficients": [1.5, -0.5, 0.75, 0.25, -1.0, 0.5, 1.0, -0.25, 0.5, 2.0, -1.0,
                                                               0.125][:classes * (classes - 1)],
          "rho": [0.25, -0.5, 0.1, 0.2, -0.3, 0.4][:classes * (classes - 1) // 2], "classlabels_ints": [7, 3, 5, 4][:classes],
          "post_transform": transform, **more}, rtol=1e-4, outputs=2, output_types=["int64", "float32"],
         name=f"{classes}-{transform}-{len(more)}", sizes=SIZES[:3])
      for classes, transform, more in (
          (4, "NONE", {}), (4, "LOGISTIC", {}), (4, "NONE", {"prob_a": [-1.0, 0.5, -2.0, 1.0, -0.5, 1.5], "prob_b": [0.1] * 6}),
          (4, "SOFTMAX", {"prob_a": [-1.0, 0.5, -2.0, 1.0, -0.5, 1.5], "prob_b": [-0.2] * 6}))],
    # com.microsoft.
    *[microsoft(op, [*quantized(ABC), *quantized(["b", 1], 0.05, 100), *steps(scale, 110)], rtol=None)
      for op, scale in (("QLinearAdd", 0.077), ("QLinearMul", 0.1))],
    *[microsoft(op, [*quantized(ABC, type="int8", zero=-3), *steps(0.02, 5, "int8")], attrs, rtol=None)
      for op, attrs in (("QLinearSigmoid", {}), ("QLinearLeakyRelu", {"alpha": 0.3}))],
    microsoft("QLinearConcat", [*steps(0.04, 128), *quantized(["a", "b", 4]), *quantized(["a", "b", 3], 0.02, 7)], {"axis": 2}, rtol=None,
              output_types=["uint8"]),
    microsoft("QLinearAveragePool", [*quantized([1, 3, "b", "c"]), *steps(0.025, 100)],
              {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]}, rtol=None),
    *[microsoft("QLinearGlobalAveragePool", [*quantized([2, 4, 5, 8]), *steps(0.01, 100)], {"channels_last": last}, rtol=None,
                name=f"last-{last}", sizes=[{}]) for last in (0, 1)],
    microsoft("QGemm", [*quantized(["a", 24]), *quantized([24, 9], 0.02, 3, "int8"),
                        In([9], "int32", low=-500, high=500, special=False), *steps(0.5, 128)], rtol=None),
    microsoft("FusedConv", [In([1, 4, "b", "c"], special=False), In([8, 4, 3, 3], value="random"), In([8], value="random")],
              {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1], "activation": "LeakyRelu", "activation_params": [0.2]}, rtol=1e-4),
    *[microsoft(op, [In(ABC, special=False)]) for op in ("Gelu", "FastGelu", "QuickGelu")],
    microsoft("BiasGelu", [In(ABC, special=False), In(["c"], special=False)]),
    microsoft("FusedMatMul", [In(["a", "c", "b"], special=False), In(["a", "c", 9], special=False)],
              {"transA": 1, "alpha": 0.5}),
    microsoft("SkipLayerNormalization", [In(["a", "b", 33], special=False), In(["a", "b", 33], special=False), In([33]),
                                         In([33])]),
    microsoft("SkipSimplifiedLayerNormalization",
              [In(["a", "b", 33], special=False), In(["a", "b", 33], special=False), In([33])]),
    microsoft("MultiHeadAttention", [In(["a", "b", 32], special=False), In(["a", "c", 32], special=False),
                                     In(["a", "c", 32], special=False), In([96], special=False)], {"num_heads": 4}),
    microsoft("Attention", [In(["a", "b", 24], special=False), In([24, 96], value="random"), In([96], value="random")],
              {"num_heads": 4, "unidirectional": 1}),
    *[microsoft("QAttention", [In(["a", "b", 24], "uint8", low=0, high=255, special=False),
                               In([24, 96], "int8", value=np.arange(24 * 96).reshape(24, 96) * 37 % 251 - 125), In([96], value="random"),
                               In([], value=np.array(0.01, np.float32)), In(scale.shape, value=scale),
                               In(["a", "b"], "int32", low=0, high=1), In([], "uint8", value=np.array(117)),
                               In(scale.shape, "int8", value=np.full(scale.shape, 3))],
                {"num_heads": 4, "unidirectional": causal}, name=f"{scale.size}-{causal}", output_types=["float32"])
      for scale, causal in ((np.array(0.01, np.float32), 0), (np.linspace(0.005, 0.02, 96, dtype=np.float32), 1))],
    microsoft("QEmbedLayerNormalization",
              [In(["b", "c"], "int32", low=0, high=19), In(["b", "c"], "int32", low=0, high=1),
               *[In([rows, 33], "uint8", value=np.arange(rows * 33).reshape(rows, 33) * 37 % 256) for rows in (20, 40, 2)],
               *[In([33], "uint8", value=np.arange(33) * step) for step in (7, 1)], In(["b", "c"], "int32", low=0, high=1),
               *[In([], value=np.array(0.01 * i, np.float32)) for i in range(1, 6)],
               *[In([], "uint8", value=np.array(100 + i)) for i in range(5)]], outputs=2, output_types=["float32", "int32"]),
    # ONNX Runtime rounds inputs and states to 8 bits.
    *[microsoft("DynamicQuantizeLSTM",
                [In(["b", "a", 6], low=-1, high=1, special=False), In([2, 6, 32], "int8", value=np.arange(384).reshape(2, 6, 32) * 37 % 251 - 125),
                 In([2, 8, 32], "int8", value=np.arange(512).reshape(2, 8, 32) * 91 % 251 - 125), In([2, 64], value="random"),
                 None, None, None, None, *[In(scale.shape, kind, value=value) for value, kind in ((scale, "float32"), (scale * 0, "int8"))] * 2],
                {"hidden_size": 8, "direction": "bidirectional"}, name=f"{scale.ndim}", outputs=3, rtol=1e-2)
      for scale in (np.array([0.004, 0.006], np.float32), np.linspace(0.002, 0.006, 64, dtype=np.float32).reshape(2, 32))],
    *[microsoft("QuantizeLinear", [In(ABC, special=False), *steps(0.0003, 77, type)], rtol=None, name=type, output_types=[type])
      for type in ("int16", "uint16")],
    *[microsoft("DequantizeLinear", [In(ABC, type, low=0, high=20000, special=False), In(["c"], low=0.01, high=0.1, special=False),
                                     In(["c"], type, low=0, high=99)], {"axis": 2}, rtol=None, name=type, output_types=["float32"])
      for type in ("int16", "uint16")],
    *[microsoft("GatherBlockQuantized", [In([5, 48], "uint8", value=np.arange(240).reshape(5, 48) * 37 % 256), In(["a", "b"], "int64", low=0, high=4),
                                         In([5, 48 * 8 // bits // 16], value="positive"),
                                         In([5, 48 // 16], "uint8", value=np.arange(15).reshape(5, 3) * 53 % 256)][:4 if zeros else 3],
                {"bits": bits, "block_size": 16, "gather_axis": 0, "quantize_axis": 1}, name=f"{bits}-{zeros}", output_types=["float32"])
      for bits, zeros in ((4, True), (4, False), (8, False))],
    *[microsoft("MatMulBnb4", [In(["a", "b", 27], special=False), In([68], "uint8", value=np.arange(68) * 37 % 256), In([9], value="positive")],
                {"K": 27, "N": 5, "block_size": 16, "quant_type": kind}, name=str(kind), rtol=1e-4) for kind in (0, 1)],
    microsoft("MatMulNBits", [In(["a", "b", 64], special=False),
                              In([24, 2, 16], "uint8", value=np.arange(24 * 2 * 16).reshape(24, 2, 16) * 37 % 256),
                              In([48], value="positive")], {"K": 64, "N": 24, "bits": 4, "block_size": 32}, rtol=1e-4),
    microsoft("MatMulNBits", [In(["a", "b", 64], special=False),
                              In([24, 2, 16], "uint8", value=np.arange(24 * 2 * 16).reshape(24, 2, 16) * 37 % 256), In([48], value="positive"),
                              None, In([64], "int32", value=np.arange(64) * 37 // 5 % 2)],
              {"K": 64, "N": 24, "bits": 4, "block_size": 32}, name="groups", rtol=1e-4),
]
