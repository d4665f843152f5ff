"""Runs one graph by Weft, ONNX Runtime and the ONNX project's evaluator, and
says in what they differ.

How far floats may be apart follows from the graph itself: a reference runs it
again on inputs and weights that are off by a few roundings, with more of them
between the operators, and what that changes, times a factor, is what any order
of the same arithmetic may change. Where a rounding,
a comparison or a cast turns such a step into a jump, the element is not judged.
"""

import functools

import numpy as np
import onnx
import onnxruntime
from onnx import helper, numpy_helper
from onnx.reference import ReferenceEvaluator
from onnx.reference.ops import op_lrn, op_max_pool

import reduce
import weft

NUDGE = 3e-6    # relative change of the inputs of the repeated runs
# Relative change behind each operator that rounds, by type.
AMOUNTS = {"float32": 3e-7, "float64": 3e-7, "float16": 3e-4, "bfloat16": 3e-3}
NUDGES = 4, 32  # runs; the more, where fewer do not explain a difference
FACTOR = 30     # how much more than they change a result may be off
# Of the largest magnitude: longer sums than the nudges reach.
ROUNDINGS = {"float32": 2e-5, "float64": 2e-5, "float16": 2e-3, "bfloat16": 2e-2}

EXACT = {
    "Abs", "ArgMax", "ArgMin", "CenterCropPad", "Ceil", "Clip", "Compress", "Concat", "ConcatFromSequence", "Constant",
    "ConstantOfShape", "DepthToSpace", "Dropout", "Expand", "EyeLike", "Flatten", "Floor", "Gather", "GatherElements",
    "GatherND", "GlobalMaxPool", "Hardmax", "Identity", "If", "Loop", "Max", "MaxPool", "MaxRoiPool", "MaxUnpool", "Min",
    "Neg", "OneHot", "Pad", "Range", "ReduceMax", "ReduceMin", "Relu", "Reshape", "ReverseSequence", "Round", "Scan",
    "SequenceAt", "SequenceConstruct", "SequenceErase", "SequenceInsert", "Sign", "Slice", "SpaceToDepth", "Split",
    "SplitToSequence", "Squeeze", "TensorScatter", "Tile", "TopK", "Transpose", "Trilu", "Unsqueeze", "Where"}

# What is changed as float32: not all kernels are there for these.
NARROW = {onnx.TensorProto.FLOAT16, onnx.TensorProto.BFLOAT16}

# Float inputs that make shapes.
SHAPES = {"Resize": 2, "Range": 2}


class Refused(Exception):
    """Weft does not take the graph, with its message."""


class Difference(Exception):
    """Weft's result is not explained, or it failed where it should not."""


def onnx_runtime(model):
    """None for what it has no kernel for, or no kernel that takes these attributes."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    # Its rewrites have errors of their own, and crash on some valid graphs.
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    try:
        session = onnxruntime.InferenceSession(model.SerializeToString(), options, ["CPUExecutionProvider"])
    except Exception as error:
        if "NOT_IMPLEMENTED" not in str(error) and "not supported" not in str(error):
            raise
        return None
    return lambda feed: session.run(None, feed)


class MaxPool(op_max_pool.MaxPool):
    """ONNX's own gives a rank other than 4 the wrong extent where the paddings
    differ; what it has for strides and dilations is right for 1, too."""

    op_domain = ""

    def _run(self, x, **attributes):
        return (super()._run if x.ndim == 4 else self._max_pool)(x, **attributes)


class LRN(op_lrn.LRN):
    """ONNX's own sums the squares around as many channels as there are images."""

    op_domain = ""

    def _run(self, x, alpha=None, beta=None, bias=None, size=None):
        around = [(0, 0), ((size - 1) // 2, size // 2), *[(0, 0)] * (x.ndim - 2)]
        windows = np.lib.stride_tricks.sliding_window_view(np.pad(np.square(x), around), size, axis=1)
        return (x / (bias + alpha / size * windows.sum(-1)) ** beta).astype(x.dtype),


def is_evaluated(node):
    """Whether the evaluator is right about such a node. Of RNN, GRU and LSTM it takes
    all as forward, with the usual activations, over whole sequences; the bias of a
    transposed convolution in groups is wrong from the second group on; a cubic Resize is
    where a result falls on the second pixel of an axis."""
    asked = {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
    if node.op_type == "ConvTranspose":
        return asked.get("group", 1) == 1 or not any(node.input[2:])
    if node.op_type == "Resize":
        return asked.get("mode") != b"cubic"
    if node.op_type not in ("RNN", "GRU", "LSTM"):
        return True
    return not (asked.keys() & {"activations", "clip"} or asked.get("direction", b"forward") != b"forward" or
                any(node.input[4:5]))


def onnx_evaluator(model):
    """None for what it has no implementation of: other domains, directions of Scan."""
    if not all(map(is_evaluated, model.graph.node)):
        return None
    try:
        evaluator = ReferenceEvaluator(model, new_ops=[MaxPool, LRN])
    except (RuntimeError, NotImplementedError):
        return None
    return lambda feed: evaluator.run(None, feed)


REFERENCES = {"ONNX Runtime": onnx_runtime, "the ONNX evaluator": onnx_evaluator}


def is_float(dtype):
    """numpy knows bfloat16 by its name only."""
    return dtype.kind == "f" or dtype.name == "bfloat16"


def add_roundings(graph, amounts, types):
    """Behind each node that rounds: a relative error of a size that is an input. What
    it is follows from the value and its place, as good as at random: ONNX Runtime has
    no random operators of newer opsets."""
    types = types | {info.name: info.type.tensor_type.elem_type for info in (*graph.value_info, *graph.output)}
    nodes = list(graph.node)
    del graph.node[:]
    for node in nodes:
        for attribute in node.attribute:
            if attribute.HasField("g"):
                add_roundings(attribute.g, amounts, types)
        graph.node.append(node)
        rounded = graph.node[-1]
        for i, name in enumerate(node.output):
            amount = amounts.get(types.get(name))
            if not amount or node.op_type in EXACT:
                continue
            rounded.output[i] = exact = f"{name}/exact"
            narrow = types[name] in NARROW
            wide = f"{name}/wide" if narrow else exact
            graph.node.extend([
                *[helper.make_node("Cast", [exact], [wide], to=onnx.TensorProto.FLOAT)] * narrow,
                helper.make_node("Shape", [wide], [f"{name}/shape"]),
                helper.make_node("Size", [wide], [f"{name}/size"]),
                helper.make_node("Range", ["amount/first", f"{name}/size", "amount/step"], [f"{name}/places"]),
                helper.make_node("Reshape", [f"{name}/places", f"{name}/shape"], [f"{name}/place"], allowzero=1),
                helper.make_node("CastLike", [f"{name}/place", wide], [f"{name}/number"]),
                helper.make_node("Clip", [wide, f"{amount}/low", f"{amount}/high"], [f"{name}/finite"]),
                helper.make_node("Add", [f"{name}/finite", f"{name}/number"], [f"{name}/sum"]),
                helper.make_node("Mul", [f"{name}/sum", f"{amount}/scale"], [f"{name}/phase"]),
                helper.make_node("Sin", [f"{name}/phase"], [f"{name}/random"]),
                helper.make_node("Mul", [f"{name}/random", amount], [f"{name}/change"]),
                helper.make_node("Add", [f"{name}/change", f"{amount}/one"], [f"{name}/factor"]),
                helper.make_node("Mul", [wide, f"{name}/factor"], [f"{name}/changed" if narrow else name]),
                *[helper.make_node("Cast", [f"{name}/changed"], [name], to=types[name])] * narrow])


def loosened(model):
    """`model` with its float constants, and the size of a rounding behind each
    node, as inputs that have defaults; and what to nudge these constants from. Not
    nudged they change nothing."""
    opened = onnx.shape_inference.infer_shapes(model)
    graph = opened.graph
    for node in [n for n in graph.node if n.op_type == "Constant" and n.attribute[0].name == "value"]:
        tensor = graph.initializer.add()
        tensor.CopyFrom(node.attribute[0].t)
        tensor.name = node.output[0]
        graph.node.remove(node)
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    scales = {node.input[SHAPES[node.op_type]] for node in graph.node if node.op_type in SHAPES}
    constants = {name: array for name, array in constants.items() if is_float(array.dtype) and name not in scales}
    graph.initializer.extend([numpy_helper.from_array(np.int64(n), f"amount/{name}") for n, name in
                              ((0, "first"), (1, "step"))])
    amounts = {}
    for name, size in AMOUNTS.items():
        element = helper.np_dtype_to_tensor_dtype(np.dtype(name))
        type = "float32" if element in NARROW else name
        amount = amounts[element] = f"amount/{name}"
        for part, value in (("", 0), ("/one", 1), ("/scale", 1e6), ("/low", -1e6), ("/high", 1e6)):
            graph.initializer.append(numpy_helper.from_array(np.asarray(value, type), amount + part))
        # A nudge of the scale changes all signs.
        constants |= {amount: np.asarray(size, type), f"{amount}/scale": np.asarray(1e6, type)}
    add_roundings(graph, amounts, {})
    for name, array in constants.items():
        graph.input.append(helper.make_tensor_value_info(
            name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape))
    return opened, constants


def references(model, without=()):
    """Functions from feed to outputs, of those that can run the model."""
    made = {name: make(model) for name, make in REFERENCES.items() if name not in without}
    return {name: run for name, run in made.items() if run}


def outputs_of(run, feed):
    with np.errstate(all="ignore"):
        return [np.asarray(output) for output in run(feed)]


def evaluate(run, feed):
    """Outputs, or None where the reference itself fails."""
    try:
        return outputs_of(run, feed)
    except Exception:
        return None


def nudged(feed, rng):
    return {name: np.asarray(x * (1 + NUDGE * rng.uniform(-1, 1, x.shape)), x.dtype) if is_float(x.dtype) else x
            for name, x in feed.items()}


def distance(a, b):
    """|a - b|; 0 where both are the same infinity or NaN, infinite where one is, and
    between strings."""
    if a.dtype.kind in "OUS":
        return np.where(a.astype(str) == b.astype(str), 0.0, np.inf)
    with np.errstate(all="ignore"):
        apart = np.abs(a.astype("float64") - b.astype("float64"))
    return np.where((a == b) | ((a != a) & (b != b)), 0.0, np.nan_to_num(apart, nan=np.inf))


def spread(run, feed, outputs, nudges=NUDGES[0]):
    """For each output, how far nudged inputs move its elements; infinite where
    they move an integer or change what is finite. A run that fails, because an
    extent that is data moved, says nothing."""
    rng = np.random.default_rng(1)
    moved = [np.zeros(o.shape) for o in outputs]
    for _ in range(nudges):
        for change, a, b in zip(moved, outputs, evaluate(run, nudged(feed, rng)) or ()):
            if a.shape != b.shape:
                change[...] = np.inf
            elif is_float(a.dtype):
                np.maximum(change, distance(a, b), out=change)
            else:
                change[a != b] = np.inf
    return moved


def differs(ours, theirs, moved):
    """What is wrong with an output, or None."""
    if theirs.dtype.kind == "U":
        theirs = theirs.astype(object)
    if ours.shape != theirs.shape or ours.dtype != theirs.dtype:
        return f"is {ours.dtype}{list(ours.shape)}, not {theirs.dtype}{list(theirs.shape)}"
    if not ours.size:
        return None
    error = distance(ours, theirs)
    bound = FACTOR * moved
    if is_float(ours.dtype):
        finite = theirs[np.isfinite(theirs)]
        bound = bound + ROUNDINGS[ours.dtype.name] * max(np.abs(finite.astype("float64")).max() if finite.size else 0, 1)
    bad = error > bound
    if not bad.any():
        return None
    at = np.unravel_index(np.argmax(np.where(bad, error, 0)), error.shape)
    place = list(map(int, at))
    return f"is {ours[at]} at {place}, not {theirs[at]} (bound {bound[at]:.3g})"


class Loosened:
    """References of the model that can be nudged, made where one is asked."""

    def __init__(self, model):
        self.model, self.constants = loosened(model)
        self.made = {}

    def spread(self, name, feed, outputs, nudges):
        if name not in self.made:
            self.made[name] = REFERENCES[name](self.model)
        return spread(self.made[name], {**feed, **self.constants}, outputs, nudges)


def wrong_outputs(names, ours, theirs, spread):
    """{name: what is wrong}. `spread(nudges)` is called as long as something is."""
    moved = [np.zeros(o.shape) for o in theirs]
    for nudges in (*NUDGES, None):
        found = {name: what for name, *three in zip(names, ours, theirs, moved, strict=True)
                 if (what := differs(*three))}
        if not found or nudges is None:
            return found
        moved = spread(nudges)


def agrees_alone(model, output, feed, ours, without):
    """Whether a reference, which could not run all of the graph, agrees on one output
    of it where it is asked for nothing else."""
    part = reduce.with_outputs(model, [output])
    fed = {info.name: feed[info.name] for info in part.graph.input}
    for name, run in references(part, without).items():
        theirs = evaluate(run, fed)
        if theirs and not wrong_outputs([output], [ours], theirs,
                                        lambda nudges: Loosened(part).spread(name, fed, theirs, nudges)):
            return True
    return False


def check(model, feeds, without=()):
    """Raises Refused or Difference; returns how many runs were compared.
    `without`: references not to ask."""
    try:
        compiled = weft.compile(model)
    except weft.Error as error:
        if not str(error) or "internal error" in str(error):
            raise Difference(f"compiler: {error}") from None
        raise Refused(str(error)) from None
    known = references(model, without)
    loose = functools.cache(lambda: Loosened(model))
    names = [info.name for info in model.graph.output]
    compared = 0
    for size, feed in enumerate(feeds):
        ours, findings, asked = None, [], [*without]
        for name, run in known.items():
            if not (theirs := evaluate(run, feed)):
                continue
            try:
                ours = ours or list(compiled.run(feed).values())
            except weft.Error as error:
                raise Difference(f"size {size}: {error}") from None
            asked.append(name)
            findings.append({output: f"{what} by {name}" for output, what in wrong_outputs(
                names, ours, theirs, lambda nudges: loose().spread(name, feed, theirs, nudges)).items()})
            # Right is what agrees with either: the evaluators have errors too.
            if wrong := set.intersection(*map(set, findings)):
                continue
            break
        else:
            wrong = [output for i, output in enumerate(names) if findings and output in wrong and
                     not agrees_alone(model, output, feed, ours[i], asked)]
            if wrong:
                output = wrong[0]
                raise Difference(f"size {size}: output '{output}' " + "; ".join(f[output] for f in findings))
        compared += bool(findings)
    return compared
