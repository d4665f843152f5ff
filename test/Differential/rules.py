"""The rules by which operators are drawn: each takes a Builder and returns the
values that it added, or None where no operand fits. A rule that finds operands
must keep ONNX's own rules for shapes, in both sizes."""

import numpy as np
from onnx import helper

from graphs import FLOATS, INTEGERS, TYPES, Scope, Value, grow

NUMBERS = FLOATS + ["float64"] + INTEGERS
ANY = NUMBERS + ["bool"]
REALS = FLOATS + ["float64"]


def broadcast(a, b):
    """The shape of two operands together, or None."""
    rank = max(len(a), len(b))
    one = ((1, 1),)
    result = []
    for x, y in zip(one * (rank - len(a)) + tuple(a), one * (rank - len(b)) + tuple(b)):
        if x != y and (1, 1) not in (x, y):
            return None
        result.append(y if x == (1, 1) else x)
    return tuple(result)


def partner(b, x, types=None):
    """A value that broadcasts with `x`, or a new constant that does."""
    types = types or [x.type]
    other = b.pick(types, lambda v: broadcast(x.shape, v.shape) is not None and b.fits(broadcast(x.shape, v.shape)))
    if other and b.chance(0.7):
        return other, other.shape
    shape = [(n, n) if n == m and b.chance(0.6) else (1, 1) for n, m in x.shape][b.integer(0, x.rank):]
    return b.constant(small(b, types[0], [n for n, _ in shape])), tuple(shape)


def small(b, type, shape, nonzero=False):
    """Values that keep long chains of operators in range."""
    if type == "bool":
        return b.rng.random(shape) < 0.5
    if type.startswith("float"):
        magnitude = b.rng.uniform(0.25, 1.5, shape)
        return (magnitude * b.rng.choice([-1, 1], shape)).astype(type)
    array = b.rng.integers(1 if nonzero else -3, 4, shape)
    return np.asarray(array).astype(type)


def ints(b, values):
    return b.constant(np.asarray(values, np.int64))


def axis_of(b, x, where=lambda extent: True):
    """An axis whose extent passes, now and then counted from the end."""
    axes = [i for i in range(x.rank) if where(x.shape[i])]
    return b.choice(axes) if axes else None


def signed(b, axis, rank):
    return axis - rank if b.chance(0.3) else axis


def nonempty(extent):
    return min(extent) > 0


# Elementwise.

def unary(b):
    x = b.pick(REALS)
    op = b.choice(["Abs", "Neg", "Relu", "Sigmoid", "Tanh", "Erf", "Sin", "Cos", "Softplus", "Softsign", "Elu",
                   "LeakyRelu", "HardSigmoid", "HardSwish", "Gelu", "Floor", "Ceil", "Round", "Sign", "Atan",
                   "Selu", "Mish", "Identity"])
    return x and b.node(op, [x], [(x.type, x.shape)])


def bounded_unary(b):
    """Operators that are steep or not defined outside a range."""
    x = b.pick(REALS)
    if not x:
        return None
    clipped, = b.node("Clip", [x, b.constant(np.asarray(0.25, x.type)), b.constant(np.asarray(2.5, x.type))],
                      [(x.type, x.shape)])
    return b.node(b.choice(["Exp", "Log", "Sqrt", "Reciprocal"]), [clipped], [(x.type, x.shape)])


def integer_unary(b):
    x = b.pick(INTEGERS)
    return x and b.node(b.choice(["Abs", "Neg", "Sign", "Identity"]), [x], [(x.type, x.shape)])


def arithmetic(b):
    x = b.pick(NUMBERS)
    if not x:
        return None
    other, shape = partner(b, x)
    shape = broadcast(x.shape, shape)
    op = b.choice(["Add", "Sub", "Mul", "Max", "Min", "Add", "Mul"])
    operands = [x, other] if b.chance(0.5) else [other, x]
    return b.node(op, operands, [(x.type, shape)])


def division(b):
    """By a constant that is not 0; integers of both signs."""
    x = b.pick(NUMBERS)
    if not x:
        return None
    shape = [n if n == m and b.chance(0.5) else 1 for n, m in x.shape]
    op = b.choice(["Div", "Mod"]) if x.type in INTEGERS else "Div"
    return b.node(op, [x, b.constant(small(b, x.type, shape, nonzero=True))], [(x.type, x.shape)])


def comparison(b):
    x = b.pick(NUMBERS)
    if not x:
        return None
    other, shape = partner(b, x)
    op = b.choice(["Less", "Greater", "LessOrEqual", "GreaterOrEqual", "Equal"])
    return b.node(op, [x, other], [("bool", broadcast(x.shape, shape))])


def logic(b):
    x = b.pick(["bool"])
    if not x:
        return None
    if b.chance(0.3):
        return b.node("Not", [x], [("bool", x.shape)])
    other, shape = partner(b, x)
    return b.node(b.choice(["And", "Or", "Xor"]), [x, other], [("bool", broadcast(x.shape, shape))])


def where(b):
    condition, x = b.pick(["bool"]), b.pick(NUMBERS)
    shape = broadcast(condition.shape, x.shape) if condition and x else None
    if shape is None or not b.fits(shape):
        return None
    other, more = partner(b, x)
    shape = broadcast(shape, more)
    return None if shape is None else b.node("Where", [condition, x, other], [(x.type, shape)])


def clip(b):
    x = b.pick(NUMBERS)
    if not x:
        return None
    low = b.constant(np.asarray(-1, x.type)) if b.chance(0.8) else None
    return b.node("Clip", [x, low, b.constant(np.asarray(2, x.type))], [(x.type, x.shape)])


def cast(b):
    x = b.pick(ANY)
    # A float of either sign has no meaning as an unsigned integer.
    to = b.choice(["float32", "float64", "int64", "int32", "bool"])
    if x and x.type in REALS and to in INTEGERS:
        # What no integer holds, ONNX leaves undefined: NaN, and beyond the type's range.
        isnan, = b.node("IsNaN", [x], [("bool", x.shape)])
        number, = b.node("Where", [isnan, b.constant(np.asarray(0, x.type)), x], [(x.type, x.shape)])
        x, = b.node("Clip", [number, *(b.constant(np.asarray(n, x.type)) for n in (-1e6, 1e6))], [(x.type, x.shape)])
    return x and b.node("Cast", [x], [(to, x.shape)], to=TYPES[to])


def quantized(b):
    """A QDQ pair; per tensor, or per channel along one axis."""
    x = b.pick(FLOATS)
    if not x:
        return None
    type = b.choice(["int8", "uint8"])
    axis = axis_of(b, x, lambda extent: extent[0] == extent[1] and extent[0] > 0)
    shape, attributes = [], {}
    if axis is not None and b.chance(0.4):
        shape, attributes = [x.shape[axis][0]], {"axis": signed(b, axis, x.rank)}
    scale = b.constant(b.rng.uniform(0.01, 0.1, shape).astype("float32"))
    zero = b.constant(np.asarray(b.rng.integers(-5 if type == "int8" else 100, 120, shape)).astype(type))
    small, = b.node("QuantizeLinear", [x, scale, zero], [(type, x.shape)], **attributes)
    return b.node("DequantizeLinear", [small, scale, zero], [("float32", x.shape)], **attributes)


# Reductions and normalisations.

def reduction(b):
    x = b.pick(NUMBERS)
    if not x or not all(map(nonempty, x.shape)):
        return None
    axes = [i for i in range(x.rank) if b.chance(0.5)]
    keep = b.integer(0, 1)
    op = b.choice(["ReduceSum", "ReduceMax", "ReduceMin"] +
                  (["ReduceMean", "ReduceL2", "ReduceSumSquare", "ReduceLogSumExp"] if x.type in FLOATS else []))
    shape = [(1, 1) if not axes or i in axes else extent for i, extent in enumerate(x.shape)
             if keep or (axes and i not in axes)]
    given = [ints(b, [signed(b, i, x.rank) for i in axes])] if axes else []
    return b.node(op, [x, *given], [(x.type, shape)], keepdims=keep)


def arg_reduction(b):
    x = b.pick(NUMBERS)
    axis = x and axis_of(b, x)
    if axis is None or not all(map(nonempty, x.shape)):
        return None
    keep = b.integer(0, 1)
    shape = [(1, 1) if i == axis else e for i, e in enumerate(x.shape) if keep or i != axis]
    return b.node(b.choice(["ArgMax", "ArgMin"]), [x], [("int64", shape)], axis=signed(b, axis, x.rank),
                  keepdims=keep, select_last_index=b.integer(0, 1))


def softmax(b):
    x = b.pick(FLOATS)
    axis = x and axis_of(b, x, nonempty)
    if axis is None:
        return None
    return b.node(b.choice(["Softmax", "LogSoftmax"]), [x], [(x.type, x.shape)], axis=signed(b, axis, x.rank))


def layer_norm(b):
    x = b.pick(["float32"], lambda v: v.rank and v.is_static(v.rank - 1) and v.shape[-1][0] > 1)
    if not x:
        return None
    extent = [x.shape[-1][0]]
    return b.node("LayerNormalization", [x, b.constant(small(b, "float32", extent)),
                                         b.constant(small(b, "float32", extent))], [(x.type, x.shape)], axis=-1)


def channel_norm(b):
    """Normalisation over the spatial dimensions, or by stored statistics."""
    x = b.pick(["float32"], lambda v: images(v) and all(map(nonempty, v.shape)))
    if not x:
        return None
    scale, bias = (b.constant(small(b, "float32", [x.shape[1][0]])) for _ in range(2))
    if b.chance(0.5):
        # One element has no variance: the rounding of its mean would be all there is.
        return b.node("InstanceNormalization", [x, scale, bias], [(x.type, x.shape)], epsilon=0.1)
    mean, variance = (b.constant(np.abs(small(b, "float32", [x.shape[1][0]]))) for _ in range(2))
    return b.node("BatchNormalization", [x, scale, bias, mean, variance], [(x.type, x.shape)])


def cumsum(b):
    x = b.pick(NUMBERS)
    axis = x and axis_of(b, x)
    if axis is None:
        return None
    return b.node("CumSum", [x, b.constant(np.asarray(signed(b, axis, x.rank), np.int64))], [(x.type, x.shape)],
                  exclusive=b.integer(0, 1), reverse=b.integer(0, 1))


# Movement.

def transpose(b):
    x = b.pick(ANY, lambda v: v.rank > 1)
    if not x:
        return None
    order = [int(i) for i in b.rng.permutation(x.rank)]
    return b.node("Transpose", [x], [(x.type, [x.shape[i] for i in order])], perm=order)


def reshape(b):
    """Neighbouring dimensions merged, or a static one split; one extent -1."""
    x = b.pick(ANY, lambda v: v.rank > 0)
    if not x:
        return None
    shape, wanted = list(x.shape), []
    at = b.integer(0, x.rank - 1)
    if x.rank > 1 and at + 1 < x.rank and b.chance(0.6):
        merged = tuple(shape[at][s] * shape[at + 1][s] for s in (0, 1))
        others = shape[:at] + shape[at + 2:]
        if any(min(e) == 0 for e in others + [merged]):
            return None
        wanted = [0] * at + [-1] + [e[0] for e in shape[at + 2:]]
        if not all(e[0] == e[1] for e in shape[at + 2:]):
            return None
        result = shape[:at] + [merged] + shape[at + 2:]
    else:
        n, m = shape[at]
        factor = b.choice([f for f in (2, 3, 4, 5) if n == m and n % f == 0 and n > 0] or [1])
        if not all(e[0] == e[1] for e in shape[at + 1:]) or any(min(e) == 0 for e in shape):
            return None
        result = shape[:at] + [(n // factor, m // factor), (factor, factor)] + shape[at + 1:]
        wanted = [0] * at + [-1, factor] + [e[0] for e in shape[at + 1:]]
    return b.node("Reshape", [x, ints(b, wanted)], [(x.type, result)])


def units(b):
    """Unsqueeze, or Squeeze of a unit dimension."""
    x = b.pick(ANY)
    if not x:
        return None
    one = axis_of(b, x, lambda e: e == (1, 1))
    if one is not None and b.chance(0.6):
        return b.node("Squeeze", [x, ints(b, [signed(b, one, x.rank)])],
                      [(x.type, x.shape[:one] + x.shape[one + 1:])])
    at = b.integer(0, x.rank)
    if x.rank > 4:
        return None
    return b.node("Unsqueeze", [x, ints(b, [at])], [(x.type, x.shape[:at] + ((1, 1),) + x.shape[at:])])


def concat(b):
    x = b.pick(ANY, lambda v: v.rank > 0)
    axis = x and axis_of(b, x)
    if axis is None:
        return None
    parts = [x]
    for _ in range(b.integer(1, 2)):
        other = b.pick([x.type], lambda v: v.rank == x.rank and all(
            v.shape[i] == x.shape[i] for i in range(x.rank) if i != axis))
        parts.append(other or x)
    extent = tuple(sum(p.shape[axis][s] for p in parts) for s in (0, 1))
    shape = x.shape[:axis] + (extent,) + x.shape[axis + 1:]
    return b.node("Concat", parts, [(x.type, shape)], axis=signed(b, axis, x.rank)) if b.fits(shape) else None


def split(b):
    x = b.pick(ANY, lambda v: v.rank > 0)
    axis = x and axis_of(b, x, lambda e: e[0] == e[1] and e[0] > 1)
    if axis is None:
        return None
    n = x.shape[axis][0]
    first = b.integer(1, n - 1)
    shapes = [x.shape[:axis] + ((k, k),) + x.shape[axis + 1:] for k in (first, n - first)]
    return b.node("Split", [x, ints(b, [first, n - first])], [(x.type, s) for s in shapes],
                  axis=signed(b, axis, x.rank))


def sliced(n, start, end, step):
    """The extent that Slice leaves of n, as ONNX clamps starts and ends."""
    start, end = (i + n if i < 0 else i for i in (start, end))
    if step > 0:
        return len(range(min(max(start, 0), n), min(max(end, 0), n), step))
    return len(range(min(max(start, 0), n - 1), min(max(end, -1), n - 1), step)) if n else 0


def slice_(b):
    x = b.pick(ANY, lambda v: v.rank > 0)
    axis = x and axis_of(b, x)
    if axis is None:
        return None
    start, end = b.integer(-6, 6), b.choice([b.integer(-6, 6), 2**31 - 1, 2**63 - 1])
    step = b.choice([1, 1, 1, 2, 3, -1, -2])
    if step < 0:
        # In front of the first element the ONNX evaluator takes none, as numpy does.
        start = max(start, -min(x.shape[axis]))
        end = b.choice([end if end < 100 else -1, -2**31])
    extent = tuple(sliced(n, start, end, step) for n in x.shape[axis])
    shape = x.shape[:axis] + (extent,) + x.shape[axis + 1:]
    return b.node("Slice", [x, ints(b, [start]), ints(b, [end]), ints(b, [signed(b, axis, x.rank)]),
                            ints(b, [step])], [(x.type, shape)])


def gather(b):
    x = b.pick(ANY, lambda v: v.rank > 0)
    axis = x and axis_of(b, x, nonempty)
    if axis is None:
        return None
    least = min(x.shape[axis])
    shape = [b.integer(1, 4) for _ in range(b.integer(0, 2))]
    indices = np.asarray(b.rng.integers(-least, least, shape)).astype(b.choice(["int64", "int32"]))
    result = x.shape[:axis] + tuple((n, n) for n in shape) + x.shape[axis + 1:]
    return b.node("Gather", [x, b.constant(indices)], [(x.type, result)], axis=signed(b, axis, x.rank)) \
        if b.fits(result) else None


def pad(b):
    x = b.pick(NUMBERS, lambda v: v.rank > 0)
    if not x:
        return None
    mode = b.choice(["constant", "constant", "edge", "reflect"])
    if mode != "constant" and not all(min(e) > 3 for e in x.shape):
        mode = "constant"
    before, after = ([b.integer(0, 2) if b.chance(0.5) else 0 for _ in x.shape] for _ in range(2))
    shape = [(e[0] + p + q, e[1] + p + q) for e, p, q in zip(x.shape, before, after)]
    inputs = [x, ints(b, before + after)]
    if mode == "constant" and b.chance(0.5):
        inputs.append(b.constant(np.asarray(2, x.type)))
    return b.node("Pad", inputs, [(x.type, shape)], mode=mode) if b.fits(shape) else None


def expand(b):
    x = b.pick(ANY)
    if not x:
        return None
    if b.chance(0.3):
        # To the shape of another value, known at run time.
        other = b.pick(None, lambda v: broadcast(x.shape, v.shape) is not None and b.fits(broadcast(x.shape, v.shape)))
        if not other:
            return None
        shape, = b.node("Shape", [other], [("int64", [(other.rank, other.rank)])])
        return b.node("Expand", [x, shape], [(x.type, broadcast(x.shape, other.shape))])
    wanted = [b.integer(2, 3) if e == (1, 1) and b.chance(0.7) else 1 for e in x.shape]
    wanted = ([b.integer(1, 2)] if x.rank < 4 and b.chance(0.4) else []) + wanted
    shape = broadcast(x.shape, tuple((n, n) for n in wanted))
    return b.node("Expand", [x, ints(b, wanted)], [(x.type, shape)]) if b.fits(shape) else None


def tile(b):
    x = b.pick(ANY, lambda v: v.rank > 0)
    if not x:
        return None
    repeats = [b.integer(1, 2) for _ in x.shape]
    shape = [(e[0] * r, e[1] * r) for e, r in zip(x.shape, repeats)]
    return b.node("Tile", [x, ints(b, repeats)], [(x.type, shape)]) if b.fits(shape) else None


def shape_of(b):
    x = b.pick()
    return x and b.node("Shape", [x], [("int64", [(x.rank, x.rank)])])


def trilu(b):
    x = b.pick(NUMBERS, lambda v: v.rank > 1)
    return x and b.node("Trilu", [x, b.constant(np.asarray(b.integer(-2, 2), np.int64))], [(x.type, x.shape)],
                        upper=b.integer(0, 1))


def gather_elements(b):
    x = b.pick(ANY, lambda v: v.rank > 0 and v.is_static())
    axis = x and axis_of(b, x, nonempty)
    if axis is None:
        return None
    extents = [n for n, _ in x.shape]
    shape = extents[:axis] + [b.integer(1, 5)] + extents[axis + 1:]
    indices = b.rng.integers(-extents[axis], extents[axis], shape)
    return b.node("GatherElements", [x, ints(b, indices)], [(x.type, [(n, n) for n in shape])],
                  axis=signed(b, axis, x.rank))


def gather_nd(b):
    x = b.pick(ANY, lambda v: v.rank > 0)
    if not x:
        return None
    depth = b.integer(1, min(x.rank, 3))
    if not all(map(nonempty, x.shape[:depth])):
        return None
    shape = [b.integer(1, 3) for _ in range(b.integer(0, 2))]
    indices = np.stack([b.rng.integers(-min(e), min(e), shape) for e in x.shape[:depth]], -1)
    result = (*((n, n) for n in shape), *x.shape[depth:])
    return b.node("GatherND", [x, ints(b, indices)], [(x.type, result)]) if b.fits(result) else None


def scatter(b):
    """Of elements or of slices; each place at most once, or added up."""
    x = b.pick(["float32", "int64"], lambda v: v.rank > 0 and v.is_static() and nonempty(v.shape[0]))
    if not x:
        return None
    extents = [n for n, _ in x.shape]
    places = b.rng.permutation(extents[0])[:b.integer(1, extents[0])]
    how = b.choice(["none", "add", "max"])
    if b.chance(0.5):
        updates = b.constant(small(b, x.type, [len(places), *extents[1:]]))
        return b.node("ScatterND", [x, ints(b, places[:, None]), updates], [(x.type, x.shape)], reduction=how)
    shape = [len(places), *extents[1:]]
    indices = np.broadcast_to(places.reshape(-1, *[1] * (x.rank - 1)), shape)
    return b.node("ScatterElements", [x, ints(b, indices), b.constant(small(b, x.type, shape))], [(x.type, x.shape)],
                  axis=0, reduction=how)


def top_k(b):
    x = b.pick(["float32", "int64"], lambda v: v.rank > 0)
    axis = x and axis_of(b, x, nonempty)
    if axis is None:
        return None
    k = b.integer(1, min(x.shape[axis]))
    shape = x.shape[:axis] + ((k, k),) + x.shape[axis + 1:]
    # Which of equal elements comes first is open for the positions only.
    return b.node("TopK", [x, ints(b, [k])], [(x.type, shape), ("int64", shape)], axis=signed(b, axis, x.rank),
                  largest=b.integer(0, 1))[:1]


def depth_to_space(b):
    x = b.pick(FLOATS, lambda v: v.rank == 4 and v.is_static(1) and v.shape[1][0] % 4 == 0 and all(map(nonempty, v.shape)))
    if not x:
        return None
    n, c, h, w = x.shape
    return b.node("DepthToSpace", [x], [(x.type, [n, (c[0] // 4,) * 2, (2 * h[0], 2 * h[1]), (2 * w[0], 2 * w[1])])],
                  blocksize=2, mode=b.choice(["DCR", "CRD"]))


def resize(b):
    x = b.pick(["float32"], lambda v: v.rank == 4 and all(map(nonempty, v.shape)))
    if not x:
        return None
    factors = [b.integer(1, 3) for _ in range(2)]
    shape = [*x.shape[:2], *(tuple(n * f for n in e) for e, f in zip(x.shape[2:], factors))]
    mode = b.choice(["nearest", "linear"])
    place = b.choice(["half_pixel", "asymmetric"])
    return b.node("Resize", [x, None, b.constant(np.asarray([1, 1, *factors], np.float32))], [(x.type, shape)], mode=mode,
                  coordinate_transformation_mode=place, nearest_mode="floor") if b.fits(shape) else None


def one_hot(b):
    x = b.pick(["int64"], lambda v: 0 < v.rank < 4)
    if not x:
        return None
    depth = b.integer(1, 6)
    shape = (*x.shape, (depth, depth))
    return b.node("OneHot", [x, ints(b, [depth]), b.constant(np.asarray([-1, 2], np.float32))],
                  [("float32", shape)], axis=-1) if b.fits(shape) else None


# Products and windows.

def matmul(b):
    x = b.pick(["float32"], lambda v: v.rank >= 2)
    if not x:
        return None
    other = b.pick(["float32"], lambda v: v.rank >= 2 and v.shape[-2] == x.shape[-1] and
                   broadcast(x.shape[:-2], v.shape[:-2]) is not None)
    if other and b.chance(0.6):
        batch = broadcast(x.shape[:-2], other.shape[:-2])
        shape = (*batch, x.shape[-2], other.shape[-1])
    elif x.is_static(x.rank - 1):
        n = b.integer(1, 40)
        other = b.constant(small(b, "float32", [x.shape[-1][0], n]) / np.sqrt(max(x.shape[-1][0], 1)).astype("float32"))
        shape = (*x.shape[:-1], (n, n))
    else:
        return None
    return b.node("MatMul", [x, other], [("float32", shape)]) if b.fits(shape) else None


def gemm(b):
    x = b.pick(["float32"], lambda v: v.rank == 2)
    if not x:
        return None
    flip = b.integer(0, 1)
    rows, depth = x.shape[::-1] if flip else x.shape
    # Of nothing to sum ONNX Runtime makes the bias without its factor.
    if depth[0] != depth[1] or not depth[0]:
        return None
    n, flip_weight = b.integer(1, 20), b.integer(0, 1)
    weight = small(b, "float32", [n, depth[0]] if flip_weight else [depth[0], n])
    bias = [b.constant(small(b, "float32", b.choice([[n], [1, n], [1], []])))] if b.chance(0.7) else []
    return b.node("Gemm", [x, b.constant(weight), *bias], [("float32", [rows, (n, n)])], transA=flip,
                  transB=flip_weight, alpha=0.5, beta=2.0)


def sees_input(extent, before, count, stride, dilation, kernel):
    """Whether each of `count` windows along one dimension has an element that is
    no padding: what a pool gives without one is open."""
    return all(any(0 <= at * stride - before + tap * dilation < extent for tap in range(kernel))
               for at in range(count))


def einsum(b):
    """A product over the last dimensions of two values."""
    x = b.pick(["float32"], lambda v: v.rank in (2, 3))
    other = x and b.pick(["float32"], lambda v: v.rank == 2 and v.shape[-1] == x.shape[-1])
    if not other:
        return None
    left = "bij"[3 - x.rank:]
    order = left[:-1] + "k" if b.chance(0.5) else "k" + left[:-1]
    extents = {**dict(zip(left, x.shape)), "k": other.shape[0]}
    shape = [extents[letter] for letter in order]
    return b.node("Einsum", [x, other], [(x.type, shape)], equation=f"{left},kj->{order}") if b.fits(shape) else None


def window(b, x):
    """Attributes of a window over the spatial dimensions, and their extents
    after it; None where it does not fit."""
    spatial = x.shape[2:]
    kernel, strides = ([b.integer(1, most) for _ in spatial] for most in (3, 2))
    dilations = [b.integer(1, 2) for _ in spatial]
    pads = [b.integer(0, k - 1) for k in kernel + kernel]
    extents = []
    for i, extent in enumerate(spatial):
        reach = dilations[i] * (kernel[i] - 1) + 1
        sizes = tuple((e + pads[i] + pads[len(spatial) + i] - reach) // strides[i] + 1 for e in extent)
        if min(sizes) < 1 or min(extent) < 1 or not all(
                sees_input(e, pads[i], n, strides[i], dilations[i], kernel[i]) for e, n in zip(extent, sizes)):
            return None
        extents.append(sizes)
    return {"kernel_shape": kernel, "strides": strides, "dilations": dilations, "pads": pads}, extents


def images(v):
    return v.rank in (3, 4, 5) and v.is_static(1) and v.shape[1][0] > 0


def conv(b):
    x = b.pick(["float32"], images)
    found = x and window(b, x)
    if not found:
        return None
    attributes, extents = found
    channels = x.shape[1][0]
    groups = b.choice([g for g in (1, 2, 4, channels) if channels % g == 0])
    outputs = groups * b.integer(1, 4)
    weight = small(b, "float32", [outputs, channels // groups, *attributes["kernel_shape"]]) / np.float32(2)
    inputs = [x, b.constant(weight)] + ([b.constant(small(b, "float32", [outputs]))] if b.chance(0.6) else [])
    shape = [x.shape[0], (outputs, outputs), *extents]
    return b.node("Conv", inputs, [("float32", shape)], group=groups, **attributes) if b.fits(shape) else None


def conv_transpose(b):
    x = b.pick(["float32"], lambda v: images(v) and v.rank < 5 and all(map(nonempty, v.shape[2:])))
    if not x:
        return None
    kernel, stride = b.integer(1, 3), b.integer(1, 2)
    n, spatial = b.integer(1, 4), x.rank - 2
    weight = small(b, "float32", [x.shape[1][0], n] + [kernel] * spatial) / np.float32(2)
    extents = [tuple(stride * (e - 1) + kernel for e in extent) for extent in x.shape[2:]]
    shape = [x.shape[0], (n, n), *extents]
    return b.node("ConvTranspose", [x, b.constant(weight)], [("float32", shape)], strides=[stride] * spatial) \
        if b.fits(shape) else None


def pool(b):
    x = b.pick(["float32"], images)
    found = x and window(b, x)
    if not found:
        return None
    attributes, extents = found
    op = b.choice(["MaxPool", "AveragePool"])
    if op == "AveragePool":
        attributes["count_include_pad"] = b.integer(0, 1)
    return b.node(op, [x], [("float32", [*x.shape[:2], *extents])], **attributes)


def global_pool(b):
    x = b.pick(["float32"], lambda v: images(v) and all(map(nonempty, v.shape)))
    # The ONNX evaluator takes the maximum over other dimensions where the rank is not 4.
    op = b.choice(["GlobalAveragePool", "GlobalMaxPool"]) if x and x.rank == 4 else "GlobalAveragePool"
    return x and b.node(op, [x],
                        [("float32", [*x.shape[:2]] + [(1, 1)] * (x.rank - 2))])


# Control flow.

def subgraph(b, inputs, finish):
    """A scope with a few operators in it; `finish` appends and returns outputs."""
    outer, b.scope = b.scope, Scope(b.scope)
    try:
        for value in inputs:
            b.add(value)
        for _ in range(b.integer(1, 3)):
            grow(b, [unary, arithmetic, where, transpose, clip])
        outputs = finish()
        return helper.make_graph(
            b.scope.nodes, b.name("g"),
            [helper.make_tensor_value_info(v.name, TYPES[v.type], [None] * v.rank) for v in inputs],
            [helper.make_tensor_value_info(v.name, TYPES[v.type], [None] * v.rank) for v in outputs])
    finally:
        b.scope = outer


def condition(b):
    """A bool scalar: a comparison of a sum with a number."""
    x = b.pick(["float32"], lambda v: all(map(nonempty, v.shape)))
    if not x:
        return None
    total, = b.node("ReduceMean", [x], [("float32", [])], keepdims=0)
    result, = b.node("Less", [total, b.constant(np.float32(0.05))], [("bool", [])])
    return result


def if_(b):
    x = b.pick(FLOATS)
    test = x and not b.scope.outer and condition(b)
    if not test:
        return None

    def finish():
        last = b.scope.values[-1] if b.scope.values else x
        if last.type != x.type or last.shape != x.shape:
            last = x
        return b.node("Neg", [last], [(x.type, x.shape)])

    return b.node("If", [test], [(x.type, x.shape)], then_branch=subgraph(b, [], finish),
                  else_branch=subgraph(b, [], finish))


def loop(b):
    """A constant number of steps; one carried value, one scan output."""
    x = b.pick(["float32"])
    if not x or b.scope.outer:
        return None
    # What a scan of no step is shaped like is open where the body is dynamic.
    steps = b.integer(1, 3)
    bodies = [Value(b.name("i"), "int64", ()), Value(b.name("go"), "bool", ()), Value(b.name("s"), x.type, x.shape)]

    def finish():
        last = b.scope.values[-1]
        if last.type != x.type or last.shape != x.shape:
            last = bodies[2]
        go, = b.node("Identity", [bodies[1]], [("bool", ())])
        carried, = b.node("Tanh", [last], [(x.type, x.shape)])
        scanned, = b.node("Identity", [carried], [(x.type, x.shape)])
        return [go, carried, scanned]

    stacked = ((steps, steps), *x.shape)
    if not b.fits(stacked) or len(stacked) > 5:
        return None
    return b.node("Loop", [ints(b, steps), None, x], [(x.type, x.shape), (x.type, stacked)],
                  body=subgraph(b, bodies, finish))


COMMON = [unary, unary, bounded_unary, arithmetic, arithmetic, arithmetic, reduction, reshape, transpose, concat,
          matmul, slice_]
RULES = COMMON + COMMON + [
    integer_unary, division, comparison, logic, where, clip, cast, quantized, arg_reduction, softmax, layer_norm,
    cumsum, units, split, gather, pad, expand, tile, shape_of, trilu, one_hot, gemm, conv, conv, conv_transpose, pool,
    global_pool, if_, loop, gather_elements, gather_nd, scatter, top_k, depth_to_space, resize, channel_norm, einsum]
