"""Random valid ONNX graphs, each with two sizes of its dynamic dimensions.

A value's shape is kept at both sizes at once: an extent is a pair, and what an
operator demands of its operands' shapes must hold in both. So whatever is drawn
is valid at both sizes, and one artifact must serve them. The rules that draw
operators are in rules.py.
"""

from dataclasses import dataclass, field

import numpy as np
import onnx
from onnx import helper, numpy_helper

OPSETS = [21, 21, 21, 18, 19, 20, 22, 23, 24, 25]
FLOATS = ["float32"]
INTEGERS = ["int64", "int32"]
NARROW = ["int8", "uint8", "int16", "uint16", "uint32", "uint64"]
TYPES = {name: helper.np_dtype_to_tensor_dtype(np.dtype(name))
         for name in ("float16", "bfloat16", "float32", "float64", *INTEGERS, *NARROW, "bool")}
TYPES["string"] = onnx.TensorProto.STRING
WORDS = ["", "a", "ab", "Weft", "weft", "\u00e9t\u00e9", "x y"]

# What inputs may hold besides ordinary numbers.
SPECIAL = [np.nan, np.inf, -np.inf, 0.0, -0.0, 1e30, -1e30, 1e-30]


@dataclass(frozen=True)
class Value:
    """A tensor of the graph: `shape` has one pair of extents per dimension."""

    name: str
    type: str
    shape: tuple

    @property
    def rank(self):
        return len(self.shape)

    def elements(self):
        return max(int(np.prod([extent[size] for extent in self.shape])) for size in (0, 1))

    def is_static(self, axis=None):
        extents = self.shape if axis is None else (self.shape[axis],)
        return all(a == b for a, b in extents)


@dataclass
class Scope:
    """One graph: the model's, or a branch's or a loop's. Values of the scopes
    around it can be read."""

    outer: "Scope | None" = None
    values: list = field(default_factory=list)
    nodes: list = field(default_factory=list)

    def visible(self):
        return (self.outer.visible() if self.outer else []) + self.values


class Builder:
    """A graph that grows by one operator at a time."""

    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)
        self.seed = seed
        self.opset = self.choice(OPSETS)
        self.most_elements = 4096
        self.scope = Scope()
        self.inputs, self.initializers, self.typed, self.count = [], [], [], 0

    # Drawing.

    def chance(self, probability):
        return self.rng.random() < probability

    def choice(self, options):
        return options[int(self.rng.integers(len(options)))]

    def integer(self, low, high):
        """One of low … high."""
        return int(self.rng.integers(low, high + 1))

    def pick(self, types=None, where=lambda value: True):
        """A visible value, recent ones more often; None if there is none."""
        fitting = [v for v in self.scope.visible() if (types is None or v.type in types) and where(v)]
        if not fitting:
            return None
        weights = np.arange(1, len(fitting) + 1, dtype=float) ** 2
        return fitting[int(self.rng.choice(len(fitting), p=weights / weights.sum()))]

    # Growing.

    def name(self, stem):
        self.count += 1
        return f"{stem}{self.count}"

    def add(self, value):
        self.scope.values.append(value)
        return value

    def input(self, type, shape):
        value = self.add(Value(self.name("x"), type, tuple(shape)))
        self.inputs.append(value)
        return value

    def constant(self, array):
        """The name of an initializer, or of a Constant node now and then."""
        array = np.asarray(array)
        name = self.name("c")
        if array.dtype.kind == "U":
            array = array.astype(object)
        if self.scope.outer or self.chance(0.2):
            self.scope.nodes.append(helper.make_node("Constant", [], [name], value=numpy_helper.from_array(array)))
        else:
            self.initializers.append(numpy_helper.from_array(array, name))
        return name

    def node(self, op, inputs, results, domain=None, **attributes):
        """Appends a node. `inputs`: values, names or None; `results`: (type,
        shape) of each, None for an output that is left out. Returns its values,
        not yet visible."""
        names = [i.name if isinstance(i, Value) else i or "" for i in inputs]
        values = [result and Value(self.name("v"), result[0], tuple(result[1])) for result in results]
        self.scope.nodes.append(helper.make_node(
            op, names, [v.name if v else "" for v in values], name=self.name(f"{op}_"), domain=domain, **attributes))
        values = [v for v in values if v]
        if domain:  # Of which ONNX cannot say the types.
            self.typed.extend(values)
        return values

    def fits(self, shape):
        return Value("", "", tuple(shape)).elements() <= self.most_elements

    # The model.

    def model(self):
        read = {name for node in self.scope.nodes for name in names_read(node)}
        last = [v for v in self.scope.values if v.name not in read and v not in self.inputs]
        outputs = [v for v in last if self.scope.nodes][:8] or [self.scope.values[-1]]
        if outputs[0] in self.inputs:
            outputs = self.node("Identity", outputs[:1], [(outputs[0].type, outputs[0].shape)])
        # numpy has no such type of its own, and ONNX Runtime's Python no way to pass it.
        outputs = [v if v.type != "bfloat16" else
                   self.node("Cast", [v], [("float32", v.shape)], to=TYPES["float32"])[0] for v in outputs]
        symbols = {}

        def info(value):
            shape = [a if a == b else symbols.setdefault((a, b), f"d{len(symbols)}") for a, b in value.shape]
            return helper.make_tensor_value_info(value.name, TYPES[value.type], shape)

        def ranked(values):
            return [helper.make_tensor_value_info(v.name, TYPES[v.type], [None] * v.rank) for v in values]

        graph = helper.make_graph(
            self.scope.nodes, f"seed_{self.seed}", [info(v) for v in self.inputs], ranked(outputs), self.initializers,
            value_info=ranked(v for v in self.typed if v not in outputs))
        domains = [("", self.opset)] + ([("com.microsoft", 1)] if self.typed else [])
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid(*d) for d in domains],
                                  ir_version=10 if self.opset < 23 else 11)
        onnx.checker.check_model(model)
        return model


def names_read(node):
    """What a node reads, its subgraphs included."""
    names = set(node.input)
    for attribute in node.attribute:
        if attribute.type == onnx.AttributeProto.GRAPH:
            inside = {name for inner in attribute.g.node for name in names_read(inner)}
            names |= inside | {output.name for output in attribute.g.output}
    return names


def feeds(seed, inputs, special=False):
    """Values of the inputs at both sizes; halves among the floats, so that
    rounding and comparing meet ties. `special`: NaN, infinities and huge values,
    too."""
    for size in (0, 1):
        rng = np.random.default_rng((seed, size))
        feed = {}
        for value in inputs:
            shape = [extent[size] for extent in value.shape]
            if value.type == "bool":
                array = rng.random(shape) < 0.5
            elif value.type == "string":
                array = np.array(WORDS, object)[rng.integers(0, len(WORDS), shape)]
            elif value.type.startswith("float"):
                array = np.where(rng.random(shape) < 0.2, rng.integers(-4, 5, shape) / 2, rng.normal(0, 1, shape))
                if special:
                    array = np.where(rng.random(shape) < 0.15, rng.choice(SPECIAL, shape), array)
            else:
                array = rng.integers(-5 if np.iinfo(value.type).min else 0, 6, shape)
            with np.errstate(over="ignore"):  # 1e30 is no float16
                feed[value.name] = np.asarray(array, object if value.type == "string" else value.type)
        yield feed


def extents(b, most=9):
    """Four extents of both sizes, from which all inputs take theirs."""
    return [(int(n), int(n) if b.chance(0.6) else b.integer(0 if b.chance(0.1) else 1, most))
            for n in b.rng.choice([1, 2, 3, 4, 5, 7, 8, 16, 17], 4)]


def anything(b):
    """Inputs of all types and up to four dimensions."""
    pairs = extents(b)
    for _ in range(b.integer(1, 3)):
        type = b.choice(["float32"] * 12 + INTEGERS * 2 + ["bool"] * 2 + ["float64", "float16", "float16", "string"] + NARROW)
        b.input(type, [b.choice(pairs) for _ in range(b.integer(0 if b.chance(0.2) else 1, 4))])


def pictures(b):
    """Pictures of 1 … 70 channels, as networks for vision take them."""
    b.most_elements = 30000
    pairs = [(n, n if b.chance(0.7) else b.integer(4, 20)) for n in map(int, b.rng.integers(5, 22, 2))]
    batch = b.choice([(1, 1), (1, 1), (2, 2), (1, 2)])
    channels = b.choice([b.integer(1, 70), b.choice([8, 16, 24, 32, 48, 64])])
    b.input("float32", [batch, (channels, channels), *pairs])


def tokens(b):
    """Rows of features, as transformers and recurrent networks take them."""
    b.most_elements = 30000
    length = b.choice([(n, n if b.chance(0.5) else b.integer(1, 12)) for n in (1, 3, 7, 16, 24)])
    width = b.choice([4, 8, 12, 16, 24, 32, 48, 64])
    b.input("float32", [b.choice([(1, 1), (2, 2), (1, 3)]), length, (width, width)])


def draw(seed, themes):
    """A model of 1 … 25 operators and its feeds; `themes` are (weight, inputs,
    rules, whether values are special)."""
    b = Builder(seed)
    weights = np.array([theme[0] for theme in themes], float)
    _, inputs, rules, special = themes[int(b.rng.choice(len(themes), p=weights / weights.sum()))]
    inputs(b)
    for _ in range(b.integer(1, 25)):
        grow(b, rules)
    model = b.model()
    return model, list(feeds(seed, b.inputs, special))


def grow(b, rules):
    """Adds one operator to the scope; gives up where none of ten fits."""
    for _ in range(10):
        values = b.choice(rules)(b)
        if values:
            for value in values:
                if b.fits(value.shape):
                    b.add(value)
            return
