"""Operators of com.microsoft, which ONNX Runtime alone knows."""

from .common import *
from .networks import divisors_to
from .quantized import BYTES, byte_tensor, scale_of, zero_of

DOMAIN = "com.microsoft"


def node(b, op, inputs, results, **attributes):
    return b.node(op, inputs, results, domain=DOMAIN, **attributes)


def rows(b, rank=(2, 3)):
    return b.pick(["float32"], lambda v: v.rank in rank and v.is_static(v.rank - 1) and 1 < v.shape[-1][0] <= 128 and filled(v))


def vector(b, n):
    return b.constant(small(b, "float32", [n]))


def gelu(b):
    x = rows(b)
    if not x:
        return None
    op = b.choice(["Gelu", "QuickGelu", "FastGelu", "BiasGelu"])
    bias = [vector(b, x.shape[-1][0])] if op == "BiasGelu" or op == "FastGelu" and b.chance(0.5) else []
    return node(b, op, [x, *bias], [(x.type, x.shape)], **({"alpha": 1.3} if op == "QuickGelu" and b.chance(0.5) else {}))


def skip_norm(b):
    x = rows(b, (3,))
    other = x and (b.pick(["float32"], lambda v: v.shape == x.shape) or x)
    if not x:
        return None
    n = x.shape[-1][0]
    if b.chance(0.4):
        return node(b, "SkipSimplifiedLayerNormalization", [x, other, vector(b, n)], [(x.type, x.shape)], epsilon=1e-3)
    more = [vector(b, n) for _ in range(b.integer(1, 2))]
    return node(b, "SkipLayerNormalization", [x, other, vector(b, n), *more], [(x.type, x.shape)], epsilon=1e-3)


def fused_matmul(b):
    x = b.pick(["float32"], lambda v: v.rank in (2, 3) and v.is_static(v.rank - 1) and v.is_static(v.rank - 2) and filled(v))
    if not x:
        return None
    flip, other = b.integer(0, 1), b.integer(0, 1)
    m, k = x.shape[-2:][::-1] if flip else x.shape[-2:]
    n = b.integer(1, 20)
    factor = b.constant(small(b, "float32", [n, k[0]] if other else [k[0], n]))
    shape = (*x.shape[:-2], m, (n, n))
    return node(b, "FusedMatMul", [x, factor], [("float32", shape)], transA=flip, transB=other,
                alpha=b.choice([1.0, 0.5])) if b.fits(shape) else None


def fused_gemm(b):
    x = b.pick(["float32"], lambda v: v.rank == 2 and v.is_static(1) and filled(v))
    if not x:
        return None
    n = b.integer(1, 20)
    factor = b.constant(small(b, "float32", [x.shape[1][0], n]))
    return node(b, "FusedGemm", [x, factor, vector(b, n)], [("float32", (x.shape[0], (n, n)))], activation="Relu")


def fused_conv(b):
    x = b.pick(["float32"], lambda v: v.rank == 4 and v.is_static(1) and filled(v) and min(v.shape[2] + v.shape[3]) > 2)
    if not x:
        return None
    n = b.integer(1, 32)
    shape = (x.shape[0], (n, n), *x.shape[2:])
    inputs = [x, weights(b, "float32", [n, x.shape[1][0], 3, 3]), vector(b, n)]
    kind = b.choice([{"activation": "Relu"}, {"activation": "LeakyRelu", "activation_params": [0.2]}, {"activation": "Sigmoid"}])
    return node(b, "FusedConv", inputs, [("float32", shape)], kernel_shape=[3, 3], pads=[1] * 4, **kind) \
        if b.fits(shape) else None


def attention(b):
    x = rows(b, (3,))
    if not x or not x.is_static(1):
        return None
    n = x.shape[-1][0]
    count = b.choice(divisors_to(n, 8))
    if b.chance(0.5):
        packed = (small(b, "float32", [n, 3 * n]) / np.sqrt(n)).astype("float32")
        return node(b, "Attention", [x, b.constant(packed), vector(b, 3 * n)], [("float32", x.shape)], num_heads=count,
                    unidirectional=b.integer(0, 1))
    return node(b, "MultiHeadAttention", [x, x, x] + [vector(b, 3 * n)] * b.integer(0, 1), [("float32", x.shape)], num_heads=count)


def quantized(b):
    """An operator on bytes, between a quantization and its reverse."""
    x = b.pick(FLOATS, lambda v: v.rank > 0 and filled(v))
    if not x:
        return None
    type = b.choice(BYTES)
    steps, out = ((scale_of(b), zero_of(b, type)) for _ in range(2))
    small_, = b.node("QuantizeLinear", [x, *steps], [(type, x.shape)])
    op = b.choice(["QLinearAdd", "QLinearMul", "QLinearSigmoid", "QLinearLeakyRelu"])
    attributes = {"alpha": 0.3} if op == "QLinearLeakyRelu" else {}
    other = []
    if op in ("QLinearAdd", "QLinearMul"):
        shape = [n if n == m and b.chance(0.6) else 1 for n, m in x.shape]
        other = [byte_tensor(b, type, shape), scale_of(b), zero_of(b, type)]
    y, = node(b, op, [small_, *steps, *other, *out], [(type, x.shape)], **attributes)
    return b.node("DequantizeLinear", [y, *out], [("float32", x.shape)])


def dynamic_matmul(b):
    x = rows(b)
    if not x:
        return None
    n, type = b.integer(1, 20), b.choice(BYTES)
    return node(b, "DynamicQuantizeMatMul", [x, byte_tensor(b, type, [x.shape[-1][0], n]), scale_of(b), zero_of(b, type)],
                [("float32", (*x.shape[:-1], (n, n)))])


def four_bits(b):
    x = b.pick(["float32"], lambda v: v.rank in (2, 3) and v.is_static(v.rank - 1) and v.shape[-1][0] in (16, 32, 48, 64) and filled(v))
    if not x:
        return None
    k, n = x.shape[-1][0], b.integer(1, 24)
    blocks = k // 16
    inputs = [x, byte_tensor(b, "uint8", [n, blocks, 8]), b.constant(b.rng.uniform(0.01, 0.05, [n * blocks]).astype("float32"))]
    return node(b, "MatMulNBits", inputs, [("float32", (*x.shape[:-1], (n, n)))], K=k, N=n, bits=4, block_size=16)
