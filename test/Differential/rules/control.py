"""Branches, loops and sequences."""

from onnx import helper

from .common import *
from .elementwise import arithmetic, clip, unary, where
from .movement import transpose

DEEPEST = 2  # how many graphs stand in each other


def depth(b):
    scope, count = b.scope, 0
    while scope.outer:
        scope, count = scope.outer, count + 1
    return count


def subgraph(b, inputs, finish):
    """A scope with a few operators in it; `finish` appends and returns outputs."""
    outer, b.scope = b.scope, Scope(b.scope)
    try:
        for value in inputs:
            b.add(value)
        for _ in range(b.integer(1, 3)):
            grow(b, [unary, arithmetic, where, transpose, clip] + [if_, loop, scan] * (depth(b) < DEEPEST))
        outputs = finish()
        return helper.make_graph(
            b.scope.nodes, b.name("g"),
            [helper.make_tensor_value_info(v.name, TYPES[v.type], [None] * v.rank) for v in inputs],
            [helper.make_tensor_value_info(v.name, TYPES[v.type], [None] * v.rank) for v in outputs])
    finally:
        b.scope = outer


def latest(b, type, shape, otherwise):
    """The scope's last value if it is of that type and shape."""
    last = b.scope.values[-1] if b.scope.values else otherwise
    return last if (last.type, last.shape) == (type, tuple(shape)) else otherwise


def if_(b):
    x = b.pick(FLOATS)
    test = x and depth(b) < DEEPEST and condition(b)
    if not test:
        return None

    def finish():
        return b.node("Neg", [latest(b, x.type, x.shape, x)], [(x.type, x.shape)])

    return b.node("If", [test], [(x.type, x.shape)], then_branch=subgraph(b, [], finish),
                  else_branch=subgraph(b, [], finish))


def loop(b):
    """A number of steps, or until a value is reached; one carried value, and one
    scan output where the number is known."""
    x = b.pick(["float32"])
    if not x or depth(b) >= DEEPEST:
        return None
    # What a scan of no step is shaped like is open where the body is dynamic.
    steps, early = b.integer(1, 3), b.chance(0.3)
    index, go, carried = (Value(b.name("i"), "int64", ()), Value(b.name("go"), "bool", ()), Value(b.name("s"), x.type, x.shape))

    def finish():
        if early:
            further, = b.node("Less", [index, scalar(b, "int64", b.integer(0, 2))], [("bool", ())])
        else:
            further, = b.node("Identity", [go], [("bool", ())])
        result, = b.node("Tanh", [latest(b, x.type, x.shape, carried)], [(x.type, x.shape)])
        return [further, result] + ([] if early else b.node("Identity", [result], [(x.type, x.shape)]))

    stacked = ((steps, steps), *x.shape)
    if not b.fits(stacked) or len(stacked) > 5:
        return None
    return b.node("Loop", [ints(b, steps), scalar(b, "bool", True) if early else None, x],
                  [(x.type, x.shape)] + ([] if early else [(x.type, stacked)]), body=subgraph(b, [index, go, carried], finish))


def scan(b):
    """Along one dimension of a value, now and then from its end."""
    x = b.pick(["float32"], lambda v: v.rank > 0)
    axis = x and depth(b) < DEEPEST and axis_of(b, x, nonempty)
    if axis is None or axis is False:
        return None
    part = (*x.shape[:axis], *x.shape[axis + 1:])
    state, row = Value(b.name("s"), x.type, part), Value(b.name("r"), x.type, part)
    first = b.pick(["float32"], lambda v: v.shape == part)
    if not first:
        zero, = b.node("ReduceMax", [x, ints(b, [axis])], [(x.type, part)], keepdims=0)
        first = zero

    def finish():
        sum_, = b.node("Add", [state, row], [(x.type, part)])
        result, = b.node("Tanh", [sum_], [(x.type, part)])
        return [result, *b.node("Neg", [latest(b, x.type, part, row)], [(x.type, part)])]

    place = b.integer(0, len(part))
    stacked = (*part[:place], x.shape[axis], *part[place:])
    return b.node("Scan", [first, x], [(x.type, part), (x.type, stacked)], num_scan_inputs=1,
                  scan_input_axes=[axis], scan_output_axes=[place], scan_input_directions=[b.integer(0, 1)],
                  scan_output_directions=[b.integer(0, 1)], body=subgraph(b, [state, row], finish))


def sequence(b):
    """Values put into a sequence and taken out of it."""
    x = b.pick(OLDER, lambda v: v.rank > 0)
    axis = x and axis_of(b, x, nonempty)
    if axis is None:
        return None
    held = b.integer(1, 3)
    items = [x] + [b.pick([x.type], lambda v: v.shape == x.shape) or x for _ in range(held - 1)]
    values, = b.node("SequenceConstruct", items, [(x.type, [])])
    if b.chance(0.4):
        values, = b.node("SequenceInsert", [values, b.choice(items), ints(b, b.integer(-held, held))], [(x.type, [])])
        held += 1
    if held > 1 and b.chance(0.3):
        values, = b.node("SequenceErase", [values, ints(b, b.integer(-held, held - 1))], [(x.type, [])])
        held -= 1
    what = b.choice(["SequenceAt", "ConcatFromSequence", "SequenceLength"])
    if what == "SequenceAt":
        return b.node(what, [values, ints(b, b.integer(-held, held - 1))], [(x.type, x.shape)])
    if what == "SequenceLength":
        return b.node(what, [values], [("int64", [])])
    if b.chance(0.4):
        at = b.integer(0, x.rank)
        shape = (*x.shape[:at], (held, held), *x.shape[at:])
        return b.node(what, [values], [(x.type, shape)], axis=at, new_axis=1) if b.fits(shape) and x.rank < 5 else None
    shape = (*x.shape[:axis], tuple(held * n for n in x.shape[axis]), *x.shape[axis + 1:])
    return b.node(what, [values], [(x.type, shape)], axis=signed(b, axis, x.rank)) if b.fits(shape) else None


def split_sequence(b):
    x = b.pick(["float32", "int64", "float64"], lambda v: v.rank > 0)
    axis = x and axis_of(b, x, lambda e: min(e) > 1)
    if axis is None:
        return None
    keep = b.integer(0, 1)
    shape = (*x.shape[:axis], *([(1, 1)] if keep else []), *x.shape[axis + 1:])
    values, = b.node("SplitToSequence", [x], [(x.type, [])], axis=signed(b, axis, x.rank), keepdims=keep)
    return b.node("SequenceAt", [values, ints(b, b.integer(-2, 1))], [(x.type, shape)])
