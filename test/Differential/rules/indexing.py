"""Operators that find, pick and place elements."""

from .common import *


def gather(b):
    x = b.pick(ANY, lambda v: v.rank > 0)
    axis = x and axis_of(b, x, nonempty)
    if axis is None or x.type == "string" and axis != x.rank - 1:
        return None  # of several strings at an index, ONNX Runtime takes the first and leaves the others empty
    least = min(x.shape[axis])
    shape = [b.integer(1, 4) for _ in range(b.integer(0, 2))]
    indices = np.asarray(b.rng.integers(-least, least, shape)).astype(b.choice(["int64", "int32"]))
    result = x.shape[:axis] + tuple((n, n) for n in shape) + x.shape[axis + 1:]
    return b.node("Gather", [x, b.constant(indices)], [(x.type, result)], axis=signed(b, axis, x.rank)) \
        if b.fits(result) else None


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
    x = b.pick(["float32", "int64", "float64", "int32"], lambda v: v.rank > 0 and v.is_static() and filled(v))
    if not x:
        return None
    extents = [n for n, _ in x.shape]
    how = b.choice(["none", "add", "max", "min", "mul"])
    if b.chance(0.5):
        depth = b.integer(1, min(x.rank, 3))
        places = b.rng.permutation(int(np.prod(extents[:depth])))[:b.integer(1, 6)]
        indices = np.stack(np.unravel_index(places, extents[:depth]), -1)
        if b.chance(0.3):
            indices = indices - np.array(extents[:depth])
        updates = b.constant(small(b, x.type, [len(places), *extents[depth:]]))
        return b.node("ScatterND", [x, ints(b, indices), updates], [(x.type, x.shape)], reduction=how)
    axis = b.integer(0, x.rank - 1)
    places = b.rng.permutation(extents[axis])[:b.integer(1, extents[axis])] - (extents[axis] if b.chance(0.3) else 0)
    shape = [b.integer(1, n) for n in extents]
    shape[axis] = len(places)
    indices = np.broadcast_to(places.reshape([-1 if i == axis else 1 for i in range(x.rank)]), shape)
    return b.node("ScatterElements", [x, ints(b, indices), b.constant(small(b, x.type, shape))], [(x.type, x.shape)],
                  axis=signed(b, axis, x.rank), reduction=how)


def top_k(b):
    x = b.pick(["float32", "int64", "int32", "float64"], lambda v: v.rank > 0)
    axis = x and axis_of(b, x, nonempty)
    if axis is None:
        return None
    k = b.integer(1, min(x.shape[axis]))
    shape = x.shape[:axis] + ((k, k),) + x.shape[axis + 1:]
    # Of equal elements the one with the lower index comes first.
    return b.node("TopK", [x, ints(b, [k])], [(x.type, shape), ("int64", shape)], axis=signed(b, axis, x.rank),
                  largest=b.integer(0, 1))


def gather_batches(b):
    """GatherND whose first dimensions are those of a batch."""
    x = b.pick(["float32", "int64", "bool"], lambda v: v.rank > 1 and v.is_static() and filled(v))
    if not x:
        return None
    extents = [n for n, _ in x.shape]
    batch = b.integer(1, x.rank - 1)
    depth = b.integer(1, x.rank - batch)
    shape = [*extents[:batch], b.integer(1, 3)]
    indices = np.stack([b.rng.integers(-n, n, shape) for n in extents[batch:batch + depth]], -1)
    result = fixed([*shape, *extents[batch + depth:]])
    return b.node("GatherND", [x, ints(b, indices)], [(x.type, result)], batch_dims=batch) if b.fits(result) else None


def compress(b):
    x = b.pick(OLDER, lambda v: v.rank > 0)
    axis = x and axis_of(b, x, nonempty)
    if axis is None:
        return None
    mask = b.rng.random(b.integer(1, min(x.shape[axis]))) < 0.6
    n = int(mask.sum())
    return b.node("Compress", [x, b.constant(mask)], [(x.type, (*x.shape[:axis], (n, n), *x.shape[axis + 1:]))],
                  axis=signed(b, axis, x.rank))


def non_zero(b):
    """What NonZero finds, of which only a run knows how much, taken out and summed."""
    x = b.pick(["int64", "int32", "bool"], lambda v: v.rank > 0)
    if not x:
        return None
    found, = b.node("NonZero", [x], [("int64", fixed([x.rank, 1]))])
    if x.type == "bool" or b.chance(0.5):
        return b.node("ReduceSum", [found, ints(b, [1])], [("int64", fixed([x.rank]))], keepdims=0)
    places, = b.node("Transpose", [found], [("int64", fixed([1, x.rank]))], perm=[1, 0])
    values, = b.node("GatherND", [x, places], [(x.type, fixed([1]))])
    return b.node("ReduceSum", [values, ints(b, [0])], [(x.type, [])], keepdims=0)


def unique(b):
    """The distinct elements, and where they are, as sums and one of the results that
    are as long as the input."""
    x = b.pick(["int64", "float32"], lambda v: v.rank > 0 and v.elements() < 300 and filled(v))
    if not x:
        return None
    if x.type == "float32":
        x, = b.node("Cast", [clipped(b, x, -4, 4)], [("int64", x.shape)], to=TYPES["int64"])
    count = tuple(int(np.prod([e[s] for e in x.shape])) for s in (0, 1))
    one = ("int64", fixed([1]))
    distinct, first, inverse, counts = b.node("Unique", [x], [one, one, ("int64", [count]), one], sorted=b.integer(0, 1))
    total = [b.node("ReduceSum", [v], [("int64", fixed([1]))])[0] for v in (distinct, first, counts)]
    return [inverse, *total]


def tensor_scatter(b):
    """New rows of a cache."""
    x = b.pick(["float32"], lambda v: v.rank >= 3 and v.is_static() and filled(v))
    if not x or b.opset < 24:
        return None
    extents = [n for n, _ in x.shape]
    new = b.integer(1, extents[-2])
    mode = b.choice(["linear", "circular"])
    where = b.rng.integers(0, extents[-2] if mode == "circular" else extents[-2] - new + 1, extents[0])
    update = b.constant(small(b, x.type, [*extents[:-2], new, extents[-1]]))
    return b.node("TensorScatter", [x, update, ints(b, where)], [(x.type, x.shape)], mode=mode)


def one_hot(b):
    x = b.pick(INTEGERS, lambda v: 0 < v.rank < 4)
    if not x:
        return None
    depth, type = b.integer(1, 6), b.choice(["float32", "int64", "int32"])
    axis = b.integer(0, x.rank)
    shape = (*x.shape[:axis], (depth, depth), *x.shape[axis:])
    # ONNX Runtime knows some types only.
    x, = b.node("Cast", [x], [("int64", x.shape)], to=TYPES["int64"])
    return b.node("OneHot", [x, ints(b, [depth]), b.constant(np.asarray([-1, 2], type))],
                  [(type, shape)], axis=signed(b, axis, x.rank + 1)) if b.fits(shape) else None
