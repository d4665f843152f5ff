"""What the rules share: which types there are, and how operands are found."""

import numpy as np

from graphs import FLOATS, INTEGERS, NARROW, TYPES, WORDS, Scope, Value, grow  # noqa: F401

NUMBERS = FLOATS + ["float64"] + INTEGERS
REALS = FLOATS + ["float64", "float16"]
WHOLE = INTEGERS + NARROW
ANY = REALS + ["bfloat16"] + WHOLE + ["bool", "string"]
OLDER = [t for t in ANY if t != "bfloat16"]  # of operators that nobody renewed since
UNSIGNED = [t for t in NARROW if t.startswith("u")]


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
    if type == "string":
        return np.array(WORDS, object)[b.rng.integers(0, len(WORDS), shape)]
    if "float" in type:
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


def condition(b):
    """A bool scalar: a comparison of a sum with a number."""
    x = b.pick(["float32"], lambda v: all(map(nonempty, v.shape)))
    if not x:
        return None
    total, = b.node("ReduceMean", [x], [("float32", [])], keepdims=0)
    result, = b.node("Less", [total, b.constant(np.float32(0.05))], [("bool", [])])
    return result


def scalar(b, type, value):
    return b.constant(np.asarray(value, type))


def clipped(b, x, low, high):
    """`x` kept in a range."""
    return b.node("Clip", [x, scalar(b, x.type, low), scalar(b, x.type, high)], [(x.type, x.shape)])[0]


def fixed(extents):
    """The shape of extents that are the same in both sizes."""
    return tuple((int(n), int(n)) for n in extents)


def filled(value):
    return all(map(nonempty, value.shape))


def weights(b, type, shape):
    """Constants for sums over the last dimensions of `shape` but the first."""
    array = small(b, type, shape)
    return b.constant((array / np.sqrt(max(np.prod(shape[1:]), 1))).astype(type))


def images(v):
    """Whether a value has a known number of channels and spatial dimensions."""
    return v.rank in (3, 4, 5) and v.is_static(1) and v.shape[1][0] > 0
