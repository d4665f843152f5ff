"""Whole blocks as networks have them, so that chains fuse and layouts meet, and
the operators that are a network of their own."""

from .common import *
from .windows import window


def activation(b, x):
    op = b.choice(["Relu", "Relu", "HardSwish", "Sigmoid", "Clip", "LeakyRelu", "Swish", "none"])
    if op == "none":
        return x
    if op == "Clip":
        return clipped(b, x, 0, 6)
    if op == "Swish":
        gate, = b.node("Sigmoid", [x], [(x.type, x.shape)])
        return b.node("Mul", [x, gate], [(x.type, x.shape)])[0]
    return b.node(op, [x], [(x.type, x.shape)])[0]


def convolved(b, x, outputs, kernel, groups=1, same=True):
    """Conv, its norm or bias, and an activation; None where it does not fit."""
    if same:
        attributes = {"kernel_shape": [kernel] * (x.rank - 2), "pads": [kernel // 2] * 2 * (x.rank - 2)}
        extents = x.shape[2:]
    else:
        attributes, extents = window(b, x) or (None, None)
        if not attributes:
            return None
    shape = (x.shape[0], (outputs, outputs), *extents)
    if not b.fits(shape):
        return None
    inputs = [x, weights(b, "float32", [outputs, x.shape[1][0] // groups, *attributes["kernel_shape"]])]
    norm = b.chance(0.5)
    if not norm and b.chance(0.7):
        inputs.append(b.constant(small(b, "float32", [outputs])))
    y, = b.node("Conv", inputs, [("float32", shape)], group=groups, **attributes)
    if norm:
        scale, bias, mean = (b.constant(small(b, "float32", [outputs])) for _ in range(3))
        variance = b.constant(b.rng.uniform(0.5, 2, outputs).astype("float32"))
        y, = b.node("BatchNormalization", [y, scale, bias, mean, variance], [("float32", shape)])
    return activation(b, y)


def picture(b):
    return b.pick(["float32"], lambda v: v.rank == 4 and v.is_static(1) and filled(v) and v.shape[1][0] <= 256)


def conv_block(b):
    x = picture(b)
    y = x and convolved(b, x, b.integer(1, 70), b.choice([1, 1, 3, 3, 5]), same=b.chance(0.6))
    return y and [y]


def residual(b):
    """Two convolutions whose result is added to their input."""
    x = picture(b)
    y = x and convolved(b, x, b.integer(1, 64), b.choice([1, 3]))
    y = y and convolved(b, y, x.shape[1][0], b.choice([1, 3]))
    if not y:
        return None
    sum_, = b.node("Add", [x, y] if b.chance(0.5) else [y, x], [("float32", x.shape)])
    return [activation(b, sum_)]


def inverted_residual(b):
    """Wide, each channel by itself, narrow; with squeeze and excitation now and then."""
    x = picture(b)
    if not x:
        return None
    wide = x.shape[1][0] * b.choice([1, 2, 3])
    y = convolved(b, x, wide, 1)
    y = y and convolved(b, y, wide, b.choice([3, 5]), groups=wide)
    if not y:
        return None
    if b.chance(0.4):
        mean, = b.node("GlobalAveragePool", [y], [("float32", (*y.shape[:2], (1, 1), (1, 1)))])
        gate = convolved(b, mean, max(1, wide // 4), 1)
        gate = gate and convolved(b, gate, wide, 1)
        gate, = b.node("Sigmoid", [gate], [("float32", mean.shape)])
        y, = b.node("Mul", [y, gate], [("float32", y.shape)])
    y = convolved(b, y, x.shape[1][0], 1)
    return y and b.node("Add", [x, y], [("float32", x.shape)])


def dense_layer(b, x, n, act=True):
    k = x.shape[-1][0]
    factor = (small(b, "float32", [k, n]) / np.sqrt(max(k, 1))).astype("float32")
    y, = b.node("MatMul", [x, b.constant(factor)], [("float32", (*x.shape[:-1], (n, n)))])
    bias = b.constant(small(b, "float32", [n]))
    y, = b.node("Add", [y, bias] if b.chance(0.5) else [bias, y], [("float32", y.shape)])
    if not act:
        return y
    op = b.choice(["Gelu", "Relu", "Tanh", "Erf"])
    if op == "Erf" or op == "Gelu" and b.opset < 20:  # Gelu in its parts
        half, = b.node("Div", [y, scalar(b, "float32", np.sqrt(2))], [("float32", y.shape)])
        erf, = b.node("Erf", [half], [("float32", y.shape)])
        more, = b.node("Add", [erf, scalar(b, "float32", 1)], [("float32", y.shape)])
        product, = b.node("Mul", [y, more], [("float32", y.shape)])
        return b.node("Mul", [product, scalar(b, "float32", 0.5)], [("float32", y.shape)])[0]
    return b.node(op, [y], [("float32", y.shape)])[0]


def rows(b, least=2):
    return b.pick(["float32"], lambda v: v.rank in (2, 3) and v.is_static(v.rank - 1) and least <= v.shape[-1][0] <= 128 and filled(v))


def mlp(b):
    """Two products with biases, an activation between them, added to the input and
    normalised."""
    x = rows(b)
    if not x:
        return None
    y = dense_layer(b, x, b.integer(2, 70))
    y = dense_layer(b, y, x.shape[-1][0], act=False)
    if b.chance(0.7):
        y, = b.node("Add", [x, y], [("float32", x.shape)])
    if not b.chance(0.6):
        return [y]
    scale, bias = (b.constant(small(b, "float32", [x.shape[-1][0]])) for _ in range(2))
    return b.node("LayerNormalization", [y, scale, bias], [("float32", x.shape)], epsilon=1e-3)


def heads(b, x, count):
    """[batch, length, width] as [batch, heads, length, part]."""
    part = x.shape[-1][0] // count
    split, = b.node("Reshape", [x, ints(b, [0, 0, count, part])], [("float32", (*x.shape[:2], *fixed([count, part])))])
    return b.node("Transpose", [split], [("float32", (x.shape[0], (count, count), x.shape[1], (part, part)))],
                  perm=[0, 2, 1, 3])[0]


def attention_in_parts(b):
    x = b.pick(["float32"], lambda v: v.rank == 3 and v.is_static(2) and filled(v) and v.shape[2][0] <= 128)
    if not x:
        return None
    width = x.shape[2][0]
    count = b.choice(divisors_to(width, 8))
    q, k, v = (heads(b, dense_layer(b, x, width, act=False), count) for _ in range(3))
    keys, = b.node("Transpose", [k], [("float32", (k.shape[0], k.shape[1], k.shape[3], k.shape[2]))], perm=[0, 1, 3, 2])
    square = (q.shape[0], q.shape[1], q.shape[2], q.shape[2])
    if not b.fits(square):
        return None
    scores, = b.node("MatMul", [q, keys], [("float32", square)])
    scores, = b.node(b.choice(["Mul", "Div"]), [scores, scalar(b, "float32", 0.7)], [("float32", square)])
    probabilities, = b.node("Softmax", [scores], [("float32", square)], axis=-1)
    y, = b.node("MatMul", [probabilities, v], [("float32", q.shape)])
    y, = b.node("Transpose", [y], [("float32", (q.shape[0], q.shape[2], q.shape[1], q.shape[3]))], perm=[0, 2, 1, 3])
    return b.node("Reshape", [y, ints(b, [0, 0, width])], [("float32", x.shape)])


def divisors_to(n, most):
    return [g for g in range(1, min(n, most) + 1) if n % g == 0]


def attention(b):
    """The operator, on three or four dimensions, with what it may have besides."""
    if b.opset < 23:
        return None
    x = b.pick(["float32"], lambda v: v.rank == 3 and v.is_static(2) and filled(v) and v.shape[2][0] <= 128)
    if not x:
        return None
    width = x.shape[2][0]
    count = b.choice(divisors_to(width, 8))
    attributes = {"is_causal": b.integer(0, 1)} if b.chance(0.4) else {}
    if b.chance(0.3):
        attributes["scale"] = 0.4
    if b.chance(0.3):
        attributes["softcap"] = 2.0
    mask = []
    if not attributes.get("is_causal") and x.is_static(1) and b.chance(0.4):
        length = x.shape[1][0]
        mask = b.rng.random([length, length]) < 0.7
        mask[:, 0] = True  # of a row that sees nothing the result is open
        mask = [b.constant(mask if b.chance(0.5) else np.where(mask, 0.3, -2).astype("float32"))]
    q, k, v = (dense_layer(b, x, width, act=False) for _ in range(3))
    if b.chance(0.5):
        return b.node("Attention", [q, k, v, *mask], [("float32", x.shape)], q_num_heads=count, kv_num_heads=count, **attributes)
    q, k, v = (heads(b, y, count) for y in (q, k, v))
    if b.chance(0.4) and q.shape[-1][0] % 2 == 0 and x.is_static(1):
        half = q.shape[-1][0] // 2
        angles = b.rng.uniform(-3, 3, [x.shape[1][0], half])
        tables = [b.constant(f(angles).astype("float32")) for f in (np.cos, np.sin)]
        # Tables without positions have the batch in front.
        places = b.node("Expand", [ints(b, np.arange(x.shape[1][0])[None]), batch_by_length(b, x)], [("int64", x.shape[:2])])
        q, = b.node("RotaryEmbedding", [q, *tables, *places], [("float32", q.shape)], interleaved=b.integer(0, 1))
    return b.node("Attention", [q, k, v, *mask], [("float32", q.shape)], **attributes)


def batch_by_length(b, x):
    return b.node("Shape", [x], [("int64", fixed([2]))], end=2)[0]


GATES = {"RNN": 1, "GRU": 3, "LSTM": 4}


def recurrent(b):
    x = b.pick(["float32"], lambda v: v.rank == 3 and v.is_static(2) and 0 < v.shape[2][0] <= 64 and filled(v))
    if not x:
        return None
    op = b.choice(list(GATES))
    gates, hidden = GATES[op], b.integer(1, 20)
    direction = b.choice(["forward", "forward", "reverse", "bidirectional"])
    n = 1 + (direction == "bidirectional")
    inputs = [x, weights(b, "float32", [n, gates * hidden, x.shape[2][0]]), weights(b, "float32", [n, gates * hidden, hidden])]
    bias = b.constant(small(b, "float32", [n, 2 * gates * hidden])) if b.chance(0.7) else None
    lengths, states, peepholes = None, [], []
    if x.is_static(1):
        batch = x.shape[1][0]
        if b.chance(0.3) and x.is_static(0):
            lengths = b.constant(b.rng.integers(1, x.shape[0][0] + 1, batch).astype("int32"))
        if b.chance(0.4):
            states = [b.constant(small(b, "float32", [n, batch, hidden])) for _ in range(1 + (op == "LSTM"))]
    if op == "LSTM" and b.chance(0.3):
        states = states or [None, None]
        peepholes = [b.constant(small(b, "float32", [n, 3 * hidden]))]
    attributes = {"hidden_size": hidden, "direction": direction}
    if op == "GRU":
        attributes["linear_before_reset"] = b.integer(0, 1)
    if b.chance(0.2):
        attributes["clip"] = 1.5
    if b.chance(0.3):
        kinds = {"RNN": [["Relu"], ["Sigmoid"]], "GRU": [["Sigmoid", "Relu"], ["HardSigmoid", "Tanh"]],
                 "LSTM": [["Sigmoid", "Relu", "Tanh"], ["HardSigmoid", "Softsign", "Tanh"]]}
        attributes["activations"] = b.choice(kinds[op]) * n
    last = ("float32", (fixed([n])[0], x.shape[1], (hidden, hidden)))
    y = ("float32", (x.shape[0], (n, n), x.shape[1], (hidden, hidden)))
    if not b.fits(y[1]):
        return None
    return b.node(op, [*inputs, bias, lengths, *states, *peepholes], [y, last] + [last] * (op == "LSTM"), **attributes)


def spectrum(b):
    """Of the next to last dimension, by DFT."""
    x = b.pick(["float32"], lambda v: v.rank in (2, 3) and filled(v))
    if not x or b.opset < 20:
        return None
    real, = b.node("Unsqueeze", [x, ints(b, [-1])], [(x.type, (*x.shape, (1, 1)))])
    axis = real.rank - 2
    side = b.integer(0, 1)
    extent = tuple(n // 2 + 1 for n in x.shape[-1]) if side else x.shape[-1]
    # Of symmetric and of vanishing parts only the rounding would say which is the larger.
    if b.chance(0.5):
        extent = tuple(n // 2 + 1 for n in x.shape[-1])
        y, = b.node("DFT", [real, None, scalar(b, "int64", axis)], [(x.type, (*x.shape[:-1], extent, (2, 2)))], onesided=1)
        return b.node("ReduceSumSquare", [y, ints(b, [-1])], [(x.type, (*x.shape[:-1], extent))], keepdims=0)
    y, = b.node("DFT", [real, None, scalar(b, "int64", axis)], [(x.type, (*x.shape, (2, 2)))])
    back, = b.node("DFT", [y, None, scalar(b, "int64", axis - real.rank)], [(x.type, y.shape)], inverse=1)
    return b.node("Gather", [back, scalar(b, "int64", 0)], [(x.type, x.shape)], axis=-1)
