"""Operators that move elements, and that make shapes."""

from onnx import helper

from .common import *


def transpose(b):
    x = b.pick(ANY, lambda v: v.rank > 1)
    if not x:
        return None
    order = [int(i) for i in b.rng.permutation(x.rank)]
    if b.chance(0.1):
        return b.node("Transpose", [x], [(x.type, x.shape[::-1])])
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


def pad(b):
    x = b.pick(NUMBERS + ["float16", "bool"], lambda v: v.rank > 0)
    if not x:
        return None
    mode = b.choice(["constant", "constant", "edge", "reflect"] + (["wrap"] if b.opset >= 19 else []))
    if mode != "constant" and not all(min(e) > 3 for e in x.shape):
        mode = "constant"
    # Negative pads the evaluator does not know.
    low = -1 if mode == "constant" and all(min(e) > 3 for e in x.shape) and b.chance(0.2) else 0
    axes = [i for i in range(x.rank) if b.chance(0.6)] or [0]
    before, after = ([b.integer(low, 2) for _ in axes] for _ in range(2))
    shape = list(x.shape)
    for axis, p, q in zip(axes, before, after):
        shape[axis] = tuple(n + p + q for n in shape[axis])
    fill = scalar(b, x.type, 1) if mode == "constant" and b.chance(0.5) else None
    if b.chance(0.5):
        inputs = [x, ints(b, before + after), fill, ints(b, [signed(b, i, x.rank) for i in axes])]
    else:
        whole = [[dict(zip(axes, side)).get(i, 0) for i in range(x.rank)] for side in (before, after)]
        inputs = [x, ints(b, whole[0] + whole[1])] + ([fill] if fill else [])
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
    if not x or b.chance(0.2):
        return x and b.node("Size", [x], [("int64", [])])
    start = b.integer(0, x.rank) if b.chance(0.4) else 0
    attributes = {"start": start} if start else {}
    return b.node("Shape", [x], [("int64", fixed([x.rank - start]))], **attributes)


def like_another(b):
    """A reshape to extents that only a run knows: those of another value, in
    another order, or as one."""
    x = b.pick(ANY, lambda v: v.rank > 1)
    if not x:
        return None
    shape, = b.node("Shape", [x], [("int64", fixed([x.rank]))])
    if b.chance(0.5):
        flat, = b.node("Reshape", [x, ints(b, [-1])], [(x.type, [tuple(np.prod([e[s] for e in x.shape]) for s in (0, 1))])])
        return b.node("Reshape", [flat, shape], [(x.type, x.shape)], allowzero=1)
    order = [int(i) for i in b.rng.permutation(x.rank)]
    other, = b.node("Gather", [shape, ints(b, order)], [("int64", fixed([x.rank]))])
    return b.node("Reshape", [x, other], [(x.type, [x.shape[i] for i in order])], allowzero=1)


def made(b):
    """Values that are made of a shape."""
    x = b.pick(ANY, lambda v: 0 < v.rank)
    if not x:
        return None
    if x.rank == 2 and x.type in NUMBERS and b.chance(0.4):
        return b.node("EyeLike", [x], [(x.type, x.shape)], k=b.integer(-2, 2))
    shape, = b.node("Shape", [x], [("int64", fixed([x.rank]))])
    if b.chance(0.5):
        type = b.choice(NUMBERS + ["bool"])
        value = helper.make_tensor("", TYPES[type], [1], small(b, type, [1]))
        return b.node("ConstantOfShape", [shape], [(type, x.shape)], value=value)
    type = b.choice(["int64", "float32"])
    limit, = b.node("Cast", [b.node("Size", [x], [("int64", [])])[0]], [(type, [])], to=TYPES[type])
    counts = tuple(int(np.prod([e[s] for e in x.shape])) for s in (0, 1))
    step = b.choice([1, 2, 3, -1])
    extent = tuple(-(-n // step) if step > 0 else n for n in counts)
    ends = [scalar(b, type, 0), limit] if step > 0 else [limit, scalar(b, type, 0)]
    return b.node("Range", [*ends, scalar(b, type, step)], [(type, [extent])])


def flatten(b):
    x = b.pick(ANY, lambda v: filled(v))  # of no elements the evaluator cannot make a shape
    if not x:
        return None
    axis = b.integer(0, x.rank)
    shape = [tuple(int(np.prod([e[s] for e in part])) for s in (0, 1)) for part in (x.shape[:axis], x.shape[axis:])]
    return b.node("Flatten", [x], [(x.type, shape)], axis=axis)


def crop_or_pad(b):
    x = b.pick(["float32"], lambda v: 0 < v.rank and filled(v))
    axis = x and axis_of(b, x)
    if axis is None:
        return None
    n = b.integer(1, 9)
    shape = (*x.shape[:axis], (n, n), *x.shape[axis + 1:])
    return b.node("CenterCropPad", [x, ints(b, [n])], [(x.type, shape)], axes=[axis]) if b.fits(shape) else None


def reverse_sequence(b):
    x = b.pick(OLDER, lambda v: v.rank >= 2 and v.is_static(0) and filled(v))
    if not x:
        return None
    batch, time = (0, 1) if b.chance(0.5) and x.is_static(0) else (1, 0)
    if not x.is_static(batch):
        return None
    lengths = b.rng.integers(1, min(x.shape[time]) + 1, x.shape[batch][0])
    return b.node("ReverseSequence", [x, ints(b, lengths)], [(x.type, x.shape)], batch_axis=batch, time_axis=time)


def split_evenly(b):
    x = b.pick(ANY, lambda v: v.rank > 0)
    axis = x and axis_of(b, x, lambda e: e[0] == e[1] and e[0] > 3)
    if axis is None:
        return None
    n, parts = x.shape[axis][0], b.choice([2, 3])
    each = -(-n // parts)
    counts = [each] * (parts - 1) + [n - each * (parts - 1)]
    if min(counts) < 1:
        return None
    return b.node("Split", [x], [(x.type, (*x.shape[:axis], (k, k), *x.shape[axis + 1:])) for k in counts],
                  axis=signed(b, axis, x.rank), num_outputs=parts)


def trilu(b):
    x = b.pick(NUMBERS, lambda v: v.rank > 1)
    return x and b.node("Trilu", [x, b.constant(np.asarray(b.integer(-2, 2), np.int64))], [(x.type, x.shape)],
                        upper=b.integer(0, 1))


def depth_to_space(b):
    x = b.pick(FLOATS, lambda v: v.rank == 4 and filled(v))
    if not x:
        return None
    n, c, h, w = x.shape
    if c[0] == c[1] and c[0] % 4 == 0 and b.chance(0.6):
        shape = [n, (c[0] // 4,) * 2, (2 * h[0], 2 * h[1]), (2 * w[0], 2 * w[1])]
        return b.node("DepthToSpace", [x], [(x.type, shape)], blocksize=2, mode=b.choice(["DCR", "CRD"]))
    if any(m % 2 for m in h + w):
        return None
    shape = [n, tuple(4 * m for m in c), *(tuple(m // 2 for m in e) for e in (h, w))]
    return b.node("SpaceToDepth", [x], [(x.type, shape)], blocksize=2)
