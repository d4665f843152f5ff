"""Runs the table of cases.py on every target of this machine.

The reference is the ONNX project's own evaluator, which shares no code with
Weft. Each case is compiled once with its named dimensions dynamic and run at
all its sizes from that one artifact, then compiled again with the first size
pinned.
"""

import math
import zlib

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

import weft
from cases import CASES, PRODUCTS

TARGETS = ["host", "cpu:x86-64-v3"]

SPECIAL = {
    "float32": [np.nan, np.inf, -np.inf, 0.0, -0.0, 1e-42, 3e38, -3e38],
    "float64": [np.nan, np.inf, -np.inf, 0.0, -0.0, 1e-310, 1e308, -1e308],
    "int32": [0, -(2**31), 2**31 - 1],
    "int64": [0, -(2**63), 2**63 - 1],
}


def draw(rng, operand, shape):
    if operand.type == "bool":
        return rng.random(shape) < 0.5
    if operand.type.startswith("float"):
        values = rng.uniform(operand.low, operand.high, shape).astype(operand.type)
    else:
        values = rng.integers(int(operand.low), int(operand.high) + 1, shape).astype(operand.type)
    return np.asarray(values)


def with_special(rng, case, arrays):
    """The same inputs with special values strewn in."""
    mixed = []
    for operand, array in zip(case.inputs, arrays):
        if operand.special and operand.type.startswith("float") and array.size:
            array = array.copy()
            places = rng.integers(0, array.size, max(1, array.size // 4))
            array.reshape(-1)[places] = rng.choice(SPECIAL[operand.type], places.size)
        mixed.append(array)
    return mixed


def fixed_value(rng, operand):
    if isinstance(operand.value, str):
        shape = operand.shape
        if operand.value == "positive":
            return rng.uniform(0.5, 2, shape).astype(operand.type)
        return rng.uniform(-1, 1, shape).astype(operand.type)
    return np.asarray(operand.value, operand.type)


def build(case, rng):
    """The case as a model, and its operands that are inputs of it."""
    names, inputs, initializers = [], [], []
    for i, operand in enumerate(case.inputs):
        names.append(f"x{i}" if operand else "")
        if operand is None:
            continue
        if operand.value is not None:
            initializers.append(numpy_helper.from_array(fixed_value(rng, operand), names[-1]))
        else:
            element = helper.np_dtype_to_tensor_dtype(np.dtype(operand.type))
            inputs.append((operand, helper.make_tensor_value_info(names[-1], element, operand.shape)))
    # The last type stands for all outputs after it.
    types = case.output_types or [case.inputs[0].type]
    outputs = [helper.make_tensor_value_info(
                   f"y{i}", helper.np_dtype_to_tensor_dtype(np.dtype(types[min(i, len(types) - 1)])), None)
               for i in range(case.outputs)]
    node = helper.make_node(case.op, names, [o.name for o in outputs], name="node", domain=case.domain, **case.attrs)
    graph = helper.make_graph([node], "case", [info for _, info in inputs], outputs, initializers)
    imports = [helper.make_opsetid("", case.opset)]
    if case.domain:
        imports.append(helper.make_opsetid(case.domain, {"ai.onnx.ml": 3}.get(case.domain, 1)))
    model = helper.make_model(graph, opset_imports=imports, ir_version=10)
    return model, [operand for operand, _ in inputs]


def check(case, found, expected, what):
    for i, (f, e) in enumerate(zip(found, expected, strict=True)):
        f, e = np.asarray(f), np.asarray(e)
        assert f.shape == e.shape, f"{what}: output {i} has shape {f.shape}, not {e.shape}"
        assert f.dtype == e.dtype, f"{what}: output {i} is of {f.dtype}, not {e.dtype}"
        if not f.size:
            continue
        if case.rtol is None or not np.issubdtype(e.dtype, np.floating):
            assert np.array_equal(f, e, equal_nan=e.dtype.kind == "f"), f"{what}: output {i} differs"
            continue
        assert np.array_equal(np.isnan(f), np.isnan(e)), f"{what}: NaN at other places in output {i}"
        infinite = np.isinf(e)
        assert np.array_equal(f[infinite], e[infinite]), f"{what}: other infinities in output {i}"
        finite = np.isfinite(e)
        if finite.any():
            error = np.abs(f[finite].astype("float64") - e[finite].astype("float64"))
            magnitude = np.abs(e[finite].astype("float64"))
            bound = case.rtol * np.maximum(magnitude.max() if case.op in PRODUCTS else magnitude, 1.0)
            worst = (error / bound).max()
            assert worst <= 1, f"{what}: output {i} is off by {worst:.2f} times the bound {case.rtol}"


def shape_of(operand, size):
    return [size[d] if isinstance(d, str) else d for d in operand.shape]


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_case(case, target):
    rng = np.random.default_rng(zlib.crc32(str(case).encode()))
    model, operands = build(case, rng)
    if case.reference == "onnx":
        reference = ReferenceEvaluator(model)
    else:
        reference = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    names = [i.name for i in model.graph.input]
    compiled = weft.compile(model, target=target)
    for k, size in enumerate(case.sizes):
        arrays = [draw(rng, o, shape_of(o, size)) for o in operands]
        runs = [("", arrays)]
        if any(o.special and o.type.startswith("float") for o in operands):
            runs.append((" with special values", with_special(rng, case, arrays)))
        for label, values in runs:
            feed = dict(zip(names, values))
            with np.errstate(all="ignore"):
                expected = reference.run(None, feed)
            check(case, compiled.run(feed).values(), expected, f"{case} at {size}{label}")
        if k == 0 and size:
            pins = {n: tuple(a.shape) for n, a in zip(names, arrays)}
            pinned = weft.compile(model, target=target, inputs=pins)
            with np.errstate(all="ignore"):
                expected = reference.run(None, dict(zip(names, arrays)))
            check(case, pinned.run(dict(zip(names, arrays))).values(), expected, f"{case} pinned to {size}")
