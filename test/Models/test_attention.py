"""Attention as exporters write it, against float64: odd extents, masks of every
kind, later positions hidden, sizes known only at run time, none at all.
"""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import weft

# Relative L2: three times what single products of these lengths show.
BOUND = 2e-6


class Graph:
    def __init__(self):
        self.nodes, self.weights = [], []

    def constant(self, array):
        name = f"c{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.asarray(array), name))
        return name

    def op(self, operator, *inputs, **attributes):
        name = f"t{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, inputs, [name], name=f"{operator}_{name}", **attributes))
        return name


def attention(graph, heads, depth, mask, style):
    """Of q, k and v [batch, rows, heads * depth]; how it is written down is the
    style."""
    def split(x, permutation):
        shape = graph.constant(np.array([0, 0, heads, depth], np.int64))
        return graph.op("Transpose", graph.op("Reshape", x, shape), perm=permutation)

    q, v = split("q", [0, 2, 1, 3]), split("v", [0, 2, 1, 3])
    if style == "scaled inputs":  # torch's: the root of the scale on both sides
        root = graph.constant(np.float32(depth**-0.25))
        k = graph.op("Transpose", split("k", [0, 2, 1, 3]), perm=[0, 1, 3, 2])
        scores = graph.op("MatMul", graph.op("Mul", q, root), graph.op("Mul", k, root))
    else:
        scores = graph.op("MatMul", q, split("k", [0, 2, 3, 1]))
        scores = graph.op("Div", scores, graph.constant(np.float32(depth**0.5)))
    if mask == "boolean":
        scores = graph.op("Where", "mask", scores, graph.constant(np.float32(-np.inf)))
    elif mask:
        scores = graph.op("Add", scores, mask if mask != "float" else "mask")
    p = graph.op("Softmax", scores, axis=-1)
    if style == "scaled inputs":
        p = graph.op("Where", graph.op("IsNaN", p), graph.constant(np.float32(0)), p)
    y = graph.op("Transpose", graph.op("MatMul", p, v), perm=[0, 2, 1, 3])
    graph.op("Reshape", y, graph.constant(np.array([0, 0, heads * depth], np.int64)))


def build(heads, depth, mask, style, dims):
    graph = Graph()
    batch, rows, keys = dims
    masks = {"float": (TensorProto.FLOAT, [batch, 1, 1, keys]), "boolean": (TensorProto.BOOL, [1, 1, rows, keys])}
    shown = mask
    if mask == "causal":
        hidden = np.where(np.tri(rows, dtype=bool), 0, -np.inf).astype(np.float32)
        shown = graph.constant(hidden)
    attention(graph, heads, depth, shown, style)
    graph.nodes[-1].output[0] = "y"
    width = heads * depth
    inputs = [helper.make_tensor_value_info("q", TensorProto.FLOAT, [batch, rows, width])]
    inputs += [helper.make_tensor_value_info(n, TensorProto.FLOAT, [batch, keys, width]) for n in "kv"]
    if mask in masks:
        inputs.append(helper.make_tensor_value_info("mask", *masks[mask]))
    output = helper.make_tensor_value_info("y", TensorProto.FLOAT, [batch, rows, width])
    return helper.make_model(helper.make_graph(graph.nodes, "attention", inputs, [output], graph.weights),
                             opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def expected(feed, heads, depth, mask, style):
    q, k, v = (feed[n].astype(np.float64).reshape(*feed[n].shape[:2], heads, depth).transpose(0, 2, 1, 3)
               for n in "qkv")
    scores = q @ k.swapaxes(-1, -2) / np.sqrt(depth)
    if mask == "boolean":
        scores = np.where(feed["mask"], scores, -np.inf)
    elif mask == "float":
        scores = scores + feed["mask"]
    elif mask == "causal":
        scores = np.where(np.tri(*scores.shape[-2:], dtype=bool), scores, -np.inf)
    with np.errstate(invalid="ignore"):
        p = np.exp(scores - scores.max(-1, keepdims=True, initial=-np.inf))
        p = p / p.sum(-1, keepdims=True)
    if style == "scaled inputs":
        p = np.where(np.isnan(p), 0, p)
    return (p @ v).transpose(0, 2, 1, 3).reshape(*q.shape[0::2], heads * depth)


def feed_of(rng, heads, depth, mask, sizes):
    batch, rows, keys = sizes
    feed = {"q": rng.standard_normal((batch, rows, heads * depth), np.float32)}
    feed |= {n: rng.standard_normal((batch, keys, heads * depth), np.float32) for n in "kv"}
    if mask == "float":
        feed["mask"] = np.where(rng.random((batch, 1, 1, keys)) < 0.3, -np.inf, 0).astype(np.float32)
        feed["mask"][:, :, :, :1] = 0.5
    if mask == "boolean":
        feed["mask"] = rng.random((1, 1, rows, keys)) < 0.7
        feed["mask"][..., :1] = True
    return feed


def check(compiled, feed, *what):
    ours, theirs = compiled.run(feed)["y"], expected(feed, *what)
    assert ours.shape == theirs.shape
    np.testing.assert_array_equal(np.isnan(ours), np.isnan(theirs))
    ours, theirs = np.nan_to_num(ours.astype(np.float64)), np.nan_to_num(theirs)
    error = np.linalg.norm(ours - theirs) / max(np.linalg.norm(theirs), 1e-30)
    assert error <= BOUND, f"off by {error:.1e}"


STYLES = ["scaled scores", "scaled inputs"]
SIZES = [(1, 128, 128), (2, 37, 5), (3, 5, 300), (1, 14, 16), (1, 4, 1)]


@pytest.mark.parametrize("mask", [None, "float", "boolean"])
@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("heads, depth", [(3, 64), (2, 20), (1, 33)])
def test_known_sizes(heads, depth, mask, style):
    rng = np.random.default_rng(3)
    for sizes in SIZES if depth == 20 else SIZES[:3]:
        compiled = weft.compile(build(heads, depth, mask, style, sizes))
        check(compiled, feed_of(rng, heads, depth, mask, sizes), heads, depth, mask, style)


@pytest.mark.parametrize("mask", [None, "float", "boolean"])
@pytest.mark.parametrize("style", STYLES)
def test_sizes_of_a_run(mask, style):
    rng = np.random.default_rng(4)
    compiled = weft.compile(build(2, 24, mask, style, ("batch", "rows", "keys")))
    for sizes in [*SIZES, (1, 1, 1), (2, 0, 7), (0, 3, 7), (1, 530, 700)]:
        check(compiled, feed_of(rng, 2, 24, mask, sizes), 2, 24, mask, style)
    if mask is None:  # no keys: sums of nothing
        feed = feed_of(rng, 2, 24, mask, (1, 3, 0))
        assert not compiled.run(feed)["y"].any()


@pytest.mark.parametrize("rows", [4, 15, 128, 300])
@pytest.mark.parametrize("style", STYLES)
def test_later_positions_are_hidden(rows, style):
    rng = np.random.default_rng(5)
    compiled = weft.compile(build(2, 16, "causal", style, (2, rows, rows)))
    check(compiled, feed_of(rng, 2, 16, None, (2, rows, rows)), 2, 16, "causal", style)


@pytest.mark.parametrize("style", STYLES)
def test_rows_without_scores(style):
    """All scores of a row minus infinity: NaN, or 0 where the model says so."""
    rng = np.random.default_rng(6)
    compiled = weft.compile(build(2, 16, "boolean", style, (1, 20, 600)))
    feed = feed_of(rng, 2, 16, "boolean", (1, 20, 600))
    feed["mask"][0, 0, 7] = False
    feed["mask"][0, 0, 9, :500] = False  # nothing in the first blocks of keys
    check(compiled, feed, 2, 16, "boolean", style)


def test_nan_stays_in_its_row():
    rng = np.random.default_rng(7)
    compiled = weft.compile(build(2, 16, "float", STYLES[0], (1, 20, 40)))
    feed = feed_of(rng, 2, 16, "float", (1, 20, 40))
    feed["q"][0, 3, 20] = np.nan
    check(compiled, feed, 2, 16, "float", STYLES[0])


def test_threads_change_no_bit():
    rng = np.random.default_rng(8)
    compiled = weft.compile(build(3, 64, None, STYLES[0], (1, 333, 333)))
    feed = feed_of(rng, 3, 64, None, (1, 333, 333))
    one, two = (compiled.session(threads=n).run(feed)["y"] for n in (1, 2))
    assert one.tobytes() == two.tobytes()
