"""Operators that make, use and leave quantized values."""

from .common import *
from .windows import window

BYTES = ["int8", "uint8"]


def scale_of(b, shape=()):
    return b.constant(b.rng.uniform(0.01, 0.1, shape).astype("float32"))


def zero_of(b, type, shape=()):
    return b.constant(np.asarray(b.rng.integers(-5 if type == "int8" else 100, 120, shape)).astype(type))


def byte_tensor(b, type, shape):
    limits = np.iinfo(type)
    return b.constant(b.rng.integers(limits.min, limits.max + 1, shape).astype(type))


def qdq(b):
    """A QDQ pair; per tensor, or per channel along one axis."""
    x = b.pick(FLOATS)
    if not x:
        return None
    type = b.choice(BYTES * 2 + (["int16", "uint16"] if b.opset >= 21 else []))
    axis = axis_of(b, x, lambda extent: extent[0] == extent[1] and extent[0] > 0)
    shape, attributes = [], {}
    if axis is not None and b.chance(0.4):
        shape, attributes = [x.shape[axis][0]], {"axis": signed(b, axis, x.rank)}
    scale, zero = scale_of(b, shape), zero_of(b, type, shape)
    if type == "uint8" and b.chance(0.2):
        zero = None
    small, = b.node("QuantizeLinear", [x, scale, zero], [(type, x.shape)], **attributes)
    return b.node("DequantizeLinear", [small, scale, zero], [("float32", x.shape)], **attributes)


def blocked_qdq(b):
    """One scale for each few elements of a dimension."""
    x = b.pick(FLOATS, lambda v: v.rank in (2, 3) and v.is_static() and filled(v))
    if not x or b.opset < 21:
        return None
    axis = b.integer(0, x.rank - 1)
    extents = [n for n, _ in x.shape]
    size = b.choice([s for s in (1, 2, 4, 8) if extents[axis] % s == 0])
    shape = [n // size if i == axis else n for i, n in enumerate(extents)]
    type = b.choice(BYTES)
    scale, zero = scale_of(b, shape), zero_of(b, type, shape)
    small, = b.node("QuantizeLinear", [x, scale, zero], [(type, x.shape)], axis=axis, block_size=size)
    return b.node("DequantizeLinear", [small, scale, zero], [("float32", x.shape)], axis=axis, block_size=size)


def dynamic_quantize(b):
    x = b.pick(FLOATS, filled)
    if not x:
        return None
    small, scale, zero = b.node("DynamicQuantizeLinear", [x], [("uint8", x.shape), ("float32", []), ("uint8", [])])
    if b.chance(0.5) and x.rank >= 2 and x.is_static(x.rank - 1):
        n = b.integer(1, 12)
        type = b.choice(BYTES)
        product, = b.node("MatMulInteger", [small, byte_tensor(b, type, [x.shape[-1][0], n]), zero, zero_of(b, type)],
                          [("int32", (*x.shape[:-1], (n, n)))])
        real, = b.node("Cast", [product], [("float32", product.shape)], to=TYPES["float32"])
        return b.node("Mul", [real, scale], [("float32", product.shape)])
    return b.node("DequantizeLinear", [small, scale, zero], [("float32", x.shape)])


def integer_product(b):
    """MatMulInteger or ConvInteger."""
    x = b.pick(BYTES, lambda v: v.rank >= 2 and v.is_static(1) and v.is_static(v.rank - 1) and filled(v))
    if not x:
        return None
    type = b.choice(BYTES) if x.type == "uint8" else "int8"
    zeros = [zero_of(b, x.type)] * b.integer(0, 1)
    if x.rank == 4 and x.type == "uint8" and b.chance(0.7):
        found = window(b, x)
        if not found:
            return None
        n = b.integer(1, 8)
        weight = byte_tensor(b, "uint8", [n, x.shape[1][0], *found[0]["kernel_shape"]])
        shape = (x.shape[0], (n, n), *found[1])
        return b.node("ConvInteger", [x, weight, *zeros], [("int32", shape)], **found[0]) if b.fits(shape) else None
    n = b.integer(1, 12)
    shape = (*x.shape[:-1], (n, n))
    return b.node("MatMulInteger", [x, byte_tensor(b, type, [x.shape[-1][0], n]), *zeros], [("int32", shape)]) \
        if b.fits(shape) else None


def quantized_product(b):
    """QLinearMatMul or QLinearConv of a value that is quantized first."""
    x = b.pick(FLOATS, lambda v: v.rank >= 2 and v.is_static(1) and v.is_static(v.rank - 1) and filled(v))
    if not x:
        return None
    type = b.choice(BYTES)
    ours, theirs, out = ((scale_of(b), zero_of(b, t)) for t in (type, "int8", type))
    small, = b.node("QuantizeLinear", [x, *ours], [(type, x.shape)])
    n = b.integer(1, 12)
    scale = b.constant(b.rng.uniform(0.2, 0.9, []).astype("float32"))
    if x.rank == 4 and b.chance(0.7):
        found = window(b, x)
        if not found:
            return None
        shape = (x.shape[0], (n, n), *found[1])
        weight = byte_tensor(b, "int8", [n, x.shape[1][0], *found[0]["kernel_shape"]])
        per = [n] * b.integer(0, 1)
        inputs = [small, *ours, weight, scale_of(b, per), b.constant(np.zeros(per, "int8")), scale, out[1]]
        if b.chance(0.5):
            inputs.append(b.constant(b.rng.integers(-500, 500, n).astype("int32")))
        quantized, = b.node("QLinearConv", inputs, [(type, shape)], **found[0])
    else:
        shape = (*x.shape[:-1], (n, n))
        quantized, = b.node("QLinearMatMul", [small, *ours, byte_tensor(b, "int8", [x.shape[-1][0], n]), *theirs,
                                              scale, out[1]], [(type, shape)])
    return b.node("DequantizeLinear", [quantized, scale, out[1]], [("float32", shape)]) if b.fits(shape) else None
