"""Operators over whole dimensions: sums, places, norms."""

from .common import *

SUMS = ["ReduceSum", "ReduceSumSquare", "ReduceL1", "ReduceProd"]


def reduction(b):
    # Over nothing ONNX Runtime makes other shapes, and the evaluator none.
    x = b.pick(REALS + INTEGERS, filled)
    if not x:
        return None
    axes = [i for i in range(x.rank) if b.chance(0.5)]
    keep = b.integer(0, 1)
    real = x.type in REALS
    # Of int32 the evaluator makes int64 in the other sums.
    ops = (SUMS if x.type != "int32" else SUMS[:1]) + ["ReduceMax", "ReduceMin"] + (["ReduceMean", "ReduceL2", "ReduceLogSumExp"] if real else [])
    op = b.choice(ops)
    if op == "ReduceProd":
        # The product of many may overflow in one order and vanish in another.
        most = 2 if np.prod([max(extent) for extent in x.shape]) <= 64 else 1
        x = clipped(b, x, -most, most)
    noop = not axes and b.chance(0.3)
    shape = [(1, 1) if not axes or i in axes else extent for i, extent in enumerate(x.shape)
             if keep or (axes and i not in axes)] if not noop else x.shape
    given = [ints(b, [signed(b, i, x.rank) for i in axes])] if axes else []
    # An operator that also maps each element does not do that where nothing is
    # reduced, says ONNX Runtime; the evaluator has it the other way.
    if noop and op not in ("ReduceSum", "ReduceMax", "ReduceMin", "ReduceMean", "ReduceProd"):
        return None
    return b.node(op, [x, *given], [(x.type, shape)], keepdims=keep, **({"noop_with_empty_axes": 1} if noop else {}))


def log_sum(b):
    x = b.pick(FLOATS, filled)
    axis = x and axis_of(b, x)
    if axis is None:
        return None
    shape = [(1, 1) if i == axis else e for i, e in enumerate(x.shape)]
    return b.node("ReduceLogSum", [clipped(b, x, 0.2, 5), ints(b, [axis])], [(x.type, shape)])


def narrow_extremum(b):
    """Of types that only these reductions take."""
    x = b.pick(["int8", "uint8"] + (["bool"] if b.opset >= 20 else []), filled)
    axis = x and axis_of(b, x)
    if axis is None:
        return None
    shape = [e for i, e in enumerate(x.shape) if i != axis]
    return b.node(b.choice(["ReduceMax", "ReduceMin"]), [x, ints(b, [signed(b, axis, x.rank)])], [(x.type, shape)],
                  keepdims=0)


def arg_reduction(b):
    x = b.pick(NUMBERS, filled)
    axis = x and axis_of(b, x)
    if axis is None:
        return None
    keep = b.integer(0, 1)
    shape = [(1, 1) if i == axis else e for i, e in enumerate(x.shape) if keep or i != axis]
    return b.node(b.choice(["ArgMax", "ArgMin"]), [x], [("int64", shape)], axis=signed(b, axis, x.rank),
                  keepdims=keep, select_last_index=b.integer(0, 1))


def softmax(b):
    x = b.pick(REALS)
    axis = x and axis_of(b, x, nonempty)
    if axis is None:
        return None
    op = b.choice(["Softmax", "Softmax", "LogSoftmax", "Hardmax"])
    return b.node(op, [x], [(x.type, x.shape)], axis=signed(b, axis, x.rank))


def layer_norm(b):
    """Over all dimensions from one on; with a bias or without, or no mean."""
    x = b.pick(REALS, lambda v: v.rank and v.is_static(v.rank - 1) and v.shape[-1][0] > 1 and filled(v))
    if not x:
        return None
    axis = x.rank - 1
    while axis and x.is_static(axis - 1) and b.chance(0.3):
        axis -= 1
    extents = [n for n, _ in x.shape[axis:]]
    scale, bias = (b.constant(small(b, x.type, extents)) for _ in range(2))
    attributes = {"axis": signed(b, axis, x.rank), "epsilon": b.choice([1e-5, 1e-3])}
    if b.opset >= 23 and b.chance(0.4):
        return b.node("RMSNormalization", [x, scale], [(x.type, x.shape)], **attributes)
    reduced = (*x.shape[:axis], *[(1, 1)] * (x.rank - axis))
    more = [("float32", reduced)] * b.choice([0, 0, 1, 2]) if x.type == "float32" else []
    return b.node("LayerNormalization", [x, scale] + [bias] * b.integer(0, 1), [(x.type, x.shape), *more], **attributes)


def channel_norm(b):
    """Normalisation over the spatial dimensions, or by stored statistics."""
    x = b.pick(["float32"], lambda v: images(v) and filled(v))
    if not x:
        return None
    channels = x.shape[1][0]
    scale, bias = (b.constant(small(b, "float32", [channels])) for _ in range(2))
    op = b.choice(["Instance", "Batch", "Batch", "Group", "MeanVariance", "LRN"])
    # One element has no variance: the rounding of its mean would be all there is.
    if op == "Instance":
        return b.node("InstanceNormalization", [x, scale, bias], [(x.type, x.shape)], epsilon=0.1)
    if op == "Group" and b.opset >= 21:
        groups = b.choice([g for g in range(1, channels + 1) if channels % g == 0])
        return b.node("GroupNormalization", [x, scale, bias], [(x.type, x.shape)], epsilon=0.1, num_groups=groups)
    if op == "MeanVariance":
        # A variance near 0 is all rounding, and may be below 0: a slope is added to what is small.
        axis = axis_of(b, x, lambda e: e[0] == e[1] and e[0] > 2)
        if axis is None or axis == 1:
            return None
        n = x.shape[axis][0]
        slope = np.linspace(-2, 2, n).reshape([n if i == axis else 1 for i in range(x.rank)])
        near, = b.node("Sin", [x], [(x.type, x.shape)])
        sloping, = b.node("Add", [near, b.constant(slope.astype("float32"))], [(x.type, x.shape)])
        axes = [a for a in (0, 2, 3) if a < x.rank and (a == axis or b.chance(0.5))]
        return b.node("MeanVarianceNormalization", [sloping], [(x.type, x.shape)], axes=axes)
    if op == "LRN":
        return b.node("LRN", [x], [(x.type, x.shape)], size=b.choice([1, 3, 5]), alpha=b.choice([1e-4, 0.1]), bias=1.5)
    mean, variance = (b.constant(np.abs(small(b, "float32", [channels]))) for _ in range(2))
    return b.node("BatchNormalization", [x, scale, bias, mean, variance], [(x.type, x.shape)],
                  epsilon=b.choice([1e-5, 1e-2]))


def lp_norm(b):
    """Of values that are not all 0."""
    x = b.pick(FLOATS, filled)
    axis = x and axis_of(b, x)
    if axis is None:
        return None
    big, = b.node("Add", [b.node("Abs", [x], [(x.type, x.shape)])[0], scalar(b, x.type, 0.1)], [(x.type, x.shape)])
    return b.node("LpNormalization", [big], [(x.type, x.shape)], axis=signed(b, axis, x.rank), p=b.integer(1, 2))


def cumsum(b):
    x = b.pick(NUMBERS)
    axis = x and axis_of(b, x)
    if axis is None:
        return None
    return b.node("CumSum", [x, b.constant(np.asarray(signed(b, axis, x.rank), b.choice(["int64", "int32"])))],
                  [(x.type, x.shape)], exclusive=b.integer(0, 1), reverse=b.integer(0, 1))


def determinant(b):
    x = b.pick(["float32"], lambda v: v.rank >= 2 and v.shape[-1] == v.shape[-2] and v.is_static(v.rank - 1) and 0 < v.shape[-1][0] < 6)
    return x and b.node("Det", [x], [(x.type, x.shape[:-2])])
