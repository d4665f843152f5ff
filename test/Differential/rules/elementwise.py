"""Operators on each element of operands that broadcast."""

from .common import *

# What an operator's attributes are drawn from; a rule of its own for those that
# are steep or not defined outside a range.
UNARY = {
    **{op: {} for op in ("Abs", "Neg", "Relu", "Sigmoid", "Tanh", "Erf", "Sin", "Cos", "Softplus", "Softsign", "HardSwish",
                         "Floor", "Ceil", "Round", "Sign", "Atan", "Selu", "Mish", "Identity", "Asinh", "Dropout")},
    "Elu": {"alpha": [1.0, 0.7]}, "LeakyRelu": {"alpha": [0.01, 0.3]},
    "HardSigmoid": {"alpha": [0.2, 0.5], "beta": [0.5, 0.1]}, "ThresholdedRelu": {"alpha": [1.0, 0.4]},
    "Celu": {"alpha": [1.0, 0.6]}, "Shrink": {"lambd": [0.5, 0.9], "bias": [0.0, 0.4]}, "Gelu": {"approximate": ["none", "tanh"]},
    "Swish": {"alpha": [1.0, 1.7]},
}
SINCE = {"Gelu": 20, "Swish": 24}
DOMAINS = {"Exp": (-9, 2.5), "Log": (0.25, 9), "Sqrt": (0.25, 9), "Reciprocal": (0.25, 2.5), "Asin": (-0.9, 0.9),
           "Acos": (-0.9, 0.9), "Acosh": (1.1, 9), "Atanh": (-0.9, 0.9), "Tan": (-1.2, 1.2), "Sinh": (-2.5, 2.5),
           "Cosh": (-2.5, 2.5)}


def attributes_of(b, options):
    """A choice for each, or now and then what ONNX takes where none is given."""
    return {name: b.choice(values) for name, values in options.items() if b.chance(0.8)}


def unary(b):
    op = b.choice([op for op in UNARY if SINCE.get(op, 0) <= b.opset])
    x = b.pick(FLOATS if op == "Celu" else REALS)
    return x and b.node(op, [x], [(x.type, x.shape)], **attributes_of(b, UNARY[op]))


def bounded_unary(b):
    x = b.pick(REALS)
    op = b.choice(list(DOMAINS))
    return x and b.node(op, [clipped(b, x, *DOMAINS[op])], [(x.type, x.shape)])


def integer_unary(b):
    x = b.pick(WHOLE)
    return x and b.node(b.choice(["Abs", "Sign", "Identity"] + (["Neg"] if x.type not in UNSIGNED else [])), [x],
                        [(x.type, x.shape)])


def arithmetic(b):
    x = b.pick(REALS + WHOLE)
    if not x:
        return None
    other, shape = partner(b, x)
    shape = broadcast(x.shape, shape)
    op = b.choice(["Add", "Sub", "Mul", "Max", "Min", "Add", "Mul"])
    operands = [x, other] if b.chance(0.5) else [other, x]
    return b.node(op, operands, [(x.type, shape)])


def variadic(b):
    """One to four operands."""
    x = b.pick(REALS)
    if not x:
        return None
    operands, shape = [x], x.shape
    for _ in range(b.integer(0, 3)):
        other, more = partner(b, x)
        if (both := broadcast(shape, more)) is not None and b.fits(both):
            operands, shape = [*operands, other], both
    return b.node(b.choice(["Sum", "Mean", "Max", "Min"]), operands, [(x.type, shape)])


def division(b):
    """By a constant that is not 0; integers of both signs."""
    x = b.pick(REALS + WHOLE)
    if not x:
        return None
    shape = [n if n == m and b.chance(0.5) else 1 for n, m in x.shape]
    whole = x.type in WHOLE
    attributes = {} if b.chance(0.5 if whole else 0.7) else {"fmod": 1}
    op = b.choice(["Div", "Mod"]) if whole else "Mod" if attributes else "Div"
    return b.node(op, [x, b.constant(small(b, x.type, shape, nonzero=True))], [(x.type, x.shape)],
                  **(attributes if op == "Mod" else {}))


def power(b):
    """Of numbers above 0, or with a whole exponent; its type may be another."""
    x = b.pick(REALS + INTEGERS)
    if not x:
        return None
    if x.type in INTEGERS:
        return b.node("Pow", [clipped(b, x, -4, 4), scalar(b, b.choice([x.type, "int64"]), b.integer(0, 4))],
                      [(x.type, x.shape)])
    if b.chance(0.4):
        return b.node("Pow", [clipped(b, x, -3, 3), scalar(b, b.choice([x.type, "int64", "int32"]), b.integer(1, 4))],
                      [(x.type, x.shape)])
    return b.node("Pow", [clipped(b, x, 0.25, 2.5), scalar(b, x.type, b.choice([0.5, -1, -0.5, 1.3, 2, 0]))],
                  [(x.type, x.shape)])


def prelu(b):
    x = b.pick(REALS)
    if not x:
        return None
    shape = [n if n == m and b.chance(0.6) else 1 for n, m in x.shape][b.integer(0, x.rank):]
    return b.node("PRelu", [x, b.constant(small(b, x.type, shape))], [(x.type, x.shape)])


def comparison(b):
    x = b.pick(REALS + WHOLE)
    if not x:
        return None
    other, shape = partner(b, x)
    op = b.choice(["Less", "Greater", "LessOrEqual", "GreaterOrEqual", "Equal"])
    return b.node(op, [x, other], [("bool", broadcast(x.shape, shape))])


def kinds(b):
    """Of which kind a float is."""
    x = b.pick(["float32", "float64"])
    if not x or b.chance(0.5):
        return x and b.node("IsNaN", [x], [("bool", x.shape)])
    return b.node("IsInf", [x], [("bool", x.shape)], detect_positive=b.integer(0, 1), detect_negative=b.integer(0, 1))


def logic(b):
    x = b.pick(["bool"])
    if not x:
        return None
    if b.chance(0.3):
        return b.node("Not", [x], [("bool", x.shape)])
    other, shape = partner(b, x)
    return b.node(b.choice(["And", "Or", "Xor", "Equal"]), [x, other], [("bool", broadcast(x.shape, shape))])


def bitwise(b):
    x = b.pick(WHOLE)
    if not x:
        return None
    if x.type in UNSIGNED and b.chance(0.3):
        # What a shift by all bits or more gives, ONNX leaves open.
        by = b.constant(b.rng.integers(0, 8, [n if n == m else 1 for n, m in x.shape]).astype(x.type))
        return b.node("BitShift", [x, by], [(x.type, x.shape)], direction=b.choice(["LEFT", "RIGHT"]))
    if b.chance(0.2):
        return b.node("BitwiseNot", [x], [(x.type, x.shape)])
    other, shape = partner(b, x)
    return b.node(b.choice(["BitwiseAnd", "BitwiseOr", "BitwiseXor"]), [x, other], [(x.type, broadcast(x.shape, shape))])


def where(b):
    condition, x = b.pick(["bool"]), b.pick(REALS + WHOLE + ["string"])
    shape = broadcast(condition.shape, x.shape) if condition and x else None
    if shape is None or not b.fits(shape):
        return None
    other, more = partner(b, x)
    shape = broadcast(shape, more)
    return None if shape is None else b.node("Where", [condition, x, other], [(x.type, shape)])


def clip(b):
    x = b.pick(REALS + WHOLE)
    if not x:
        return None
    low = scalar(b, x.type, 1 if x.type in UNSIGNED else -1) if b.chance(0.8) else None
    high = scalar(b, x.type, 2) if b.chance(0.8) else None
    return b.node("Clip", [x, low, high], [(x.type, x.shape)])


def cast(b):
    x = b.pick([t for t in ANY if t != "string"])
    to = b.choice(REALS + ["bfloat16"] + WHOLE + ["bool"])
    if not x:
        return None
    if "float" in x.type and to in WHOLE:
        # What no integer holds, ONNX leaves undefined: NaN, and beyond the type's range.
        if x.type != "float32":
            x, = b.node("Cast", [x], [("float32", x.shape)], to=TYPES["float32"])
        isnan, = b.node("IsNaN", [x], [("bool", x.shape)])
        number, = b.node("Where", [isnan, scalar(b, x.type, 0), x], [(x.type, x.shape)])
        limits = np.iinfo(to)
        x = clipped(b, number, max(limits.min, -1e6), min(limits.max, 1e6))
    if b.chance(0.2) and to != "bfloat16":
        return b.node("CastLike", [x, b.constant(small(b, to, [1]))], [(to, x.shape)])
    return b.node("Cast", [x], [(to, x.shape)], to=TYPES[to])


def text(b):
    """Strings, compared and joined."""
    x = b.pick(["string"])
    if not x:
        return None
    other, shape = partner(b, x)
    shape = broadcast(x.shape, shape)
    if b.opset < 20 or b.chance(0.5):
        return b.node("Equal", [x, other], [("bool", shape)]) if b.opset > 18 else None
    return b.node("StringConcat", [x, other], [("string", shape)])
