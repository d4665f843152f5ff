"""Sums of products."""

from .common import *

EINSUMS = ["ij,kj->ik", "ij,jk->ki", "bij,kj->bik", "bij,bkj->bik", "ij,ij->i", "ij,ij->", "bij,bij->bj", "ij->ji", "ii->i",
           "ij->j", "...ij,...kj->...ik", "i,j->ij", "bij,jk,k->bi"]


def matmul(b):
    type = b.choice(["float32"] * 6 + ["float64", "int32", "float16"])
    x = b.pick([type], lambda v: v.rank >= 2)
    if not x:
        return None
    other = b.pick([type], lambda v: v.rank >= 2 and v.shape[-2] == x.shape[-1] and
                   broadcast(x.shape[:-2], v.shape[:-2]) is not None)
    if other and b.chance(0.6):
        batch = broadcast(x.shape[:-2], other.shape[:-2])
        shape = (*batch, x.shape[-2], other.shape[-1])
    elif x.is_static(x.rank - 1):
        n = b.integer(1, 40)
        k = x.shape[-1][0]
        factor = small(b, type, [k, n])
        shape = (*x.shape[:-1], (n, n))
        if b.chance(0.1):  # a vector
            factor, shape = factor[:, 0], x.shape[:-1]
        if type not in WHOLE:
            factor = (factor / np.sqrt(max(k, 1))).astype(type)
        other = b.constant(factor)
    else:
        return None
    return b.node("MatMul", [x, other], [(type, shape)]) if b.fits(shape) else None


def gemm(b):
    x = b.pick(["float32", "float64"], lambda v: v.rank == 2)
    if not x:
        return None
    flip = b.integer(0, 1)
    rows, depth = x.shape[::-1] if flip else x.shape
    # Of nothing to sum ONNX Runtime makes the bias without its factor.
    if depth[0] != depth[1] or not depth[0]:
        return None
    n, flip_weight = b.integer(1, 20), b.integer(0, 1)
    weight = small(b, x.type, [n, depth[0]] if flip_weight else [depth[0], n])
    bias = [b.constant(small(b, x.type, b.choice([[n], [1, n], [1], []])))] if b.chance(0.7) else []
    return b.node("Gemm", [x, b.constant(weight), *bias], [(x.type, [rows, (n, n)])], transA=flip,
                  transB=flip_weight, alpha=b.choice([1.0, 0.5]), beta=b.choice([1.0, 2.0]))


def einsum(b):
    """One of the equations, for which operands are found or made of the extents."""
    equation = b.choice(EINSUMS)
    sources, result = equation.split("->")
    extents, operands = {}, []
    for letters in sources.split(","):
        places = letters.replace("...", "")
        type = operands[0].type if operands else b.choice(["float32", "float32", "float64"])

        def agrees(v):
            if v.rank != len(places):
                return False
            known = dict(extents)
            return all(known.setdefault(letter, e) == e for letter, e in zip(places, v.shape))

        operand = b.pick([type], agrees)
        if not operand:
            if not operands or any(extents.get(p, (2, 2))[0] != extents.get(p, (2, 2))[1] for p in places):
                return None
            shape = [extents.get(p, (3, 3))[0] for p in places]
            name = b.constant(small(b, type, shape))
            operand = Value(name, type, fixed(shape))
        operands.append(operand)
        extents.update(zip(places, operand.shape))
    shape = [extents[letter] for letter in result.replace("...", "")]
    return b.node("Einsum", operands, [(operands[0].type, shape)], equation=equation) if b.fits(shape) else None
