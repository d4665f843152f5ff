"""Builds products as kernel IR, compiles them and calls them with numpy arrays.

A case says shapes, layout and epilogue; what the machine computes is compared
with what numpy computes from the op's definition. The lowering after
weft-emit-microkernels is upstream's, so that only the emitter is under test.
"""

import ctypes
import dataclasses
import itertools
import subprocess
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[3]
LLVM = Path("/usr/lib/llvm-22/bin")
for line in (ROOT / "build" / "CMakeCache.txt").read_text().splitlines():
    if line.startswith("WEFT_LLVM_PREFIX"):
        LLVM = Path(line.split("=", 1)[1]) / "bin"

EXTRA_OBJECTS = []

LOWERING = (
    "builtin.module(func.func(weft-emit-microkernels{level=%s}),"
    "func.func(scf-forall-to-for),canonicalize,cse,"
    "func.func(loop-invariant-code-motion),expand-strided-metadata,lower-affine,"
    "convert-scf-to-cf,convert-vector-to-llvm,finalize-memref-to-llvm,"
    "convert-func-to-llvm,convert-arith-to-llvm,convert-cf-to-llvm,"
    "convert-index-to-llvm,reconcile-unrealized-casts,canonicalize,cse)"
)

# What lib/Target/CPU/CodeGen.cpp runs before code generation, but for its own pass.
CLEANUP = "function(early-cse,instcombine<no-verify-fixpoint>,simplifycfg,loop-mssa(loop-rotate,licm))"

# Epilogues: name -> (extras as maps over the output's loops, body). "*" stands
# for all loops, "last" for the last one, "first" for the last but one.
EPILOGUES = {
    "none": ([], ["kernel.yield %sum : {t}"]),
    "bias_relu": (
        ["last"],
        [
            "%zero = arith.constant {zero} : {t}",
            "%s = arith.addf %sum, %x0 : {t}",
            "%r = arith.maximumf %s, %zero : {t}",
            "kernel.yield %r : {t}",
        ],
    ),
    "residual": (
        ["*", "first"],
        [
            "%s = arith.addf %sum, %x0 : {t}",
            "%r = arith.mulf %s, %x1 : {t}",
            "kernel.yield %r : {t}",
        ],
    ),
    # Read lane by lane, and heavy enough to run from memory.
    "reversed": (
        ["reversed"],
        [
            "%s = arith.addf %sum, %x0 : {t}",
            "%q = arith.mulf %s, %s : {t}",
            "%one = arith.constant 1.0 : {t}",
            "%d = arith.addf %q, %one : {t}",
            "%r = arith.divf %s, %d : {t}",
            "kernel.yield %r : {t}",
        ],
    ),
}


def apply_epilogue(name, total, extras):
    if name == "bias_relu":
        # maximumf propagates NaN, as numpy's maximum does.
        return np.maximum(total + extras[0], 0)
    if name == "residual":
        return (total + extras[0]) * extras[1][..., :, None]
    if name == "reversed":
        s = total + np.transpose(extras[0])
        return s / (s * s + 1)
    return total


def extra_map(kind, rank):
    loops = [f"d{i}" for i in range(rank)]
    results = {
        "*": loops,
        "last": loops[-1:],
        "first": loops[-2:-1],
        "reversed": loops[::-1],
    }[kind]
    return f"affine_map<({', '.join(loops)}) -> ({', '.join(results)})>"


def extra_shape(kind, shape):
    return {"*": shape, "last": shape[-1:], "first": shape[-2:-1], "reversed": shape[::-1]}[kind]


def memref_type(array, dynamic=()):
    """The type of an array; axes in `dynamic` do not show their extent."""
    extents = "".join(
        ("?" if axis in dynamic else str(extent)) + "x" for axis, extent in enumerate(array.shape)
    )
    element = {"float32": "f32", "float64": "f64"}[str(array.dtype)]
    contiguous = [int(np.prod(array.shape[i + 1 :])) for i in range(array.ndim)]
    strides = [s // array.itemsize for s in array.strides]
    if array.size == 0 or strides == contiguous:
        return f"memref<{extents}{element}>"
    shown = ", ".join("?" if dynamic else str(s) for s in strides[:-1]) if dynamic else ", ".join(
        str(s) for s in strides[:-1]
    )
    last = str(strides[-1])
    inner = f"{shown}, {last}" if shown else last
    return f"memref<{extents}{element}, strided<[{inner}]>>"


def argument(array):
    fields = [
        ("allocated", ctypes.c_void_p),
        ("aligned", ctypes.c_void_p),
        ("offset", ctypes.c_int64),
        ("sizes", ctypes.c_int64 * array.ndim),
        ("strides", ctypes.c_int64 * array.ndim),
    ]
    descriptor = type("Descriptor", (ctypes.Structure,), {"_fields_": fields})
    pointer = array.ctypes.data
    strides = [s // array.itemsize for s in array.strides]
    if array.size == 0:
        strides = [int(np.prod(array.shape[i + 1 :])) for i in range(array.ndim)]
    return ctypes.byref(
        descriptor(
            pointer,
            pointer,
            0,
            (ctypes.c_int64 * array.ndim)(*array.shape),
            (ctypes.c_int64 * array.ndim)(*strides),
        )
    )


@dataclasses.dataclass
class Case:
    """One product: its function in IR, its arrays and what they must give."""

    op: str
    inputs: list
    out: np.ndarray
    total: np.ndarray  # the sums, in double precision
    epilogue: str = "none"
    attributes: str = ""
    dynamic: dict = dataclasses.field(default_factory=dict)  # operand index -> axes
    note: str = ""
    slack: float = 1  # how much larger the error may be than that of plain sums

    def finish(self, rng):
        kinds, _ = EPILOGUES[self.epilogue]
        self.extras = [
            rng.standard_normal(extra_shape(k, self.out.shape)).astype(self.out.dtype) for k in kinds
        ]
        self.expected = apply_epilogue(
            self.epilogue, self.total, [e.astype(np.float64) for e in self.extras]
        )
        return self

    def operands(self):
        return [*self.inputs, *self.extras, self.out]

    def function(self, name):
        kinds, body = EPILOGUES[self.epilogue]
        types = [memref_type(a, self.dynamic.get(i, ())) for i, a in enumerate(self.operands())]
        element = types[-1].split("x")[-1].split(",")[0].rstrip(">")
        arguments = ", ".join(f"%a{i}: {t}" for i, t in enumerate(types))
        extras = ""
        if kinds:
            extras = f"extras({', '.join(f'%a{i + 2}' for i in range(len(kinds)))}) "
        maps = ", ".join(extra_map(k, self.out.ndim) for k in kinds)
        left, right = {"matmul": ("lhs", "rhs"), "matmul packed": ("lhs", "rhs")}.get(
            self.op, ("input", "weight")
        )
        properties, plain = self.attributes if isinstance(self.attributes, tuple) else ("", "")
        scalars = ", ".join([f"%sum: {element}"] + [f"%x{i}: {element}" for i in range(len(kinds))])
        lines = "\n    ".join(line.format(t=element, zero="0.0") for line in body)
        return f"""
func.func @{name}({arguments}) attributes {{kernel.entry, llvm.emit_c_interface}} {{
  kernel.{self.op} {left}(%a0) {right}(%a1) {extras}outs(%a{len(types) - 1}) {properties}
      {{extra_maps = [{maps}]{plain}}} epilogue {{
  ^bb0({scalars}):
    {lines}
  }} : ({", ".join(types)}) -> ()
  return
}}
"""


def strided(rng, shape, dtype, pad):
    """Random values in rows that lie `pad` elements further apart than needed."""
    whole = rng.standard_normal((*shape[:-1], shape[-1] + pad)).astype(dtype)
    return whole[..., : shape[-1]]


def pack(rhs):
    k, n = rhs.shape
    panels = -(-n // 16)
    wide = np.zeros((k, panels * 16), rhs.dtype)
    wide[:, :n] = rhs
    return np.ascontiguousarray(wide.reshape(k, panels, 16).transpose(1, 0, 2))


def matmul(rng, m, n, k, batch=(), rhs_batch=None, packed=True, epilogue="none", dtype=np.float32,
           lhs_pad=0, lhs_transposed=False, rhs_transposed=False, dynamic="", tile="", nan=False):
    lhs = strided(rng, (*batch, m, k), dtype, lhs_pad)
    if lhs_transposed:
        lhs = np.swapaxes(np.ascontiguousarray(np.swapaxes(lhs, -1, -2)), -1, -2)
    rhs = rng.standard_normal((*(batch if rhs_batch is None else rhs_batch), k, n)).astype(dtype)
    if packed:
        rhs = rng.standard_normal((k, n)).astype(dtype)
    if nan:
        lhs[..., m // 2, k // 2] = np.nan
    total = np.matmul(lhs.astype(np.float64), rhs.astype(np.float64))
    if packed:
        rhs = pack(rhs)
    elif rhs_transposed:
        rhs = np.swapaxes(np.ascontiguousarray(np.swapaxes(rhs, -1, -2)), -1, -2)
    out = np.full((*batch, m, n), 77, dtype)
    extras = len(EPILOGUES[epilogue][0])
    rank, axes = len(batch) + 2, {}
    if "b" in dynamic:
        for operand in (0, 2 + extras) + (() if packed else (1,)):
            axes.setdefault(operand, []).extend(range(len(batch)))
    if "m" in dynamic:
        for operand in (0, 2 + extras):
            axes.setdefault(operand, []).append(rank - 2)
    if "n" in dynamic:
        axes.setdefault(1, []).append(rank - 1)
        axes.setdefault(2 + extras, []).append(rank - 1)
    if "k" in dynamic:
        axes.setdefault(0, []).append(rank - 1)
        axes.setdefault(1, []).append(1 if packed else rank - 2)
    return Case("matmul packed" if packed else "matmul", [lhs, rhs], out, total, epilogue,
                ("", tile and f", kernel.tile = {{{tile}}}"), axes,
                note=f"matmul {m}x{n}x{k} batch {batch} {epilogue} {dynamic} packed={packed}").finish(rng)


def window_sum(source, weight, strides, dilations, out_spatial, combine):
    """Sums over the window: combine(piece of source, tap of weight)."""
    total = 0
    taps = weight.shape[2 : 2 + len(strides)] if combine == "conv" else weight.shape[1:-1]
    for tap in itertools.product(*map(range, taps)):
        piece = source[
            (slice(None), slice(None))
            + tuple(
                slice(t * d, t * d + (o - 1) * s + 1, s)
                for t, d, s, o in zip(tap, dilations, strides, out_spatial)
            )
        ]
        if combine == "conv":
            total = total + np.einsum("nc...b,kcbj->nk...j", piece, weight[(slice(None), slice(None)) + tap])
        else:
            tap_weight = weight[(slice(None),) + tap]
            shape = (1, weight.shape[0]) + (1,) * len(strides) + (16,)
            total = total + piece * tap_weight.reshape(shape)
    return total


def source_extents(out_spatial, window, strides, dilations):
    return tuple(
        (o - 1) * s + (w - 1) * d + 1
        for o, w, s, d in zip(out_spatial, window, strides, dilations)
    )


def conv(rng, blocks_in, blocks_out, spatial, window, strides=None, dilations=None, groups=1,
         cb=16, batch=1, epilogue="none", dtype=np.float32, dynamic="", tile=""):
    rank = len(spatial)
    strides, dilations = strides or (1,) * rank, dilations or (1,) * rank
    extents = source_extents(spatial, window, strides, dilations)
    source = rng.standard_normal((batch, groups * blocks_in, *extents, cb)).astype(dtype)
    weight = rng.standard_normal((groups * blocks_out, blocks_in, *window, cb, 16)).astype(dtype)
    out = np.full((batch, groups * blocks_out, *spatial, 16), 77, dtype)
    parts = [
        window_sum(
            source[:, g * blocks_in : (g + 1) * blocks_in].astype(np.float64),
            weight[g * blocks_out : (g + 1) * blocks_out].astype(np.float64),
            strides, dilations, spatial, "conv",
        )
        for g in range(groups)
    ]
    extras = len(EPILOGUES[epilogue][0])
    axes = {0: [], 2 + extras: []}
    for axis in axes.values():
        axis += [0] if "n" in dynamic else []
        axis += range(2, 2 + rank) if "s" in dynamic else []
    text = f"strides [{', '.join(map(str, strides))}] dilations [{', '.join(map(str, dilations))}] groups {groups}"
    return Case("conv", [source, weight], out, np.concatenate(parts, 1), epilogue,
                (text, tile and f", kernel.tile = {{{tile}}}"), axes,
                note=f"conv {blocks_in}->{blocks_out} {spatial} window {window} strides {strides} dilations "
                     f"{dilations} groups {groups} cb {cb} batch {batch} {epilogue} {dynamic}").finish(rng)


def depthwise(rng, blocks, spatial, window, strides=None, dilations=None, batch=1, epilogue="none",
              dtype=np.float32, dynamic=""):
    rank = len(spatial)
    strides, dilations = strides or (1,) * rank, dilations or (1,) * rank
    extents = source_extents(spatial, window, strides, dilations)
    source = rng.standard_normal((batch, blocks, *extents, 16)).astype(dtype)
    weight = rng.standard_normal((blocks, *window, 16)).astype(dtype)
    out = np.full((batch, blocks, *spatial, 16), 77, dtype)
    total = window_sum(source.astype(np.float64), weight.astype(np.float64), strides, dilations,
                       spatial, "depthwise")
    extras = len(EPILOGUES[epilogue][0])
    axes = {0: [], 2 + extras: []}
    for axis in axes.values():
        axis += [0] if "n" in dynamic else []
        axis += range(2, 2 + rank) if "s" in dynamic else []
    text = f"strides [{', '.join(map(str, strides))}] dilations [{', '.join(map(str, dilations))}]"
    return Case("depthwise_conv", [source, weight], out, total, epilogue, (text, ""), axes,
                note=f"depthwise {blocks} {spatial} window {window} strides {strides} dilations {dilations} "
                     f"batch {batch} {epilogue} {dynamic}").finish(rng)


@dataclasses.dataclass
class ConvDepthwiseCase(Case):
    """A convolution, `between`, and a depthwise convolution of it."""

    between: str = "none"
    between_extras: list = dataclasses.field(default_factory=list)
    between_attributes: str = ""

    def operands(self):
        return [*self.inputs, *self.between_extras, *self.extras, self.out]

    def function(self, name):
        types = [memref_type(a, self.dynamic.get(i, ())) for i, a in enumerate(self.operands())]
        rank, element = self.out.ndim, {"float32": "f32", "float64": "f64"}[str(self.out.dtype)]

        def region(epilogue, first):
            kinds, body = EPILOGUES[epilogue]
            scalars = ", ".join([f"%sum: {element}"] + [f"%x{i}: {element}" for i in range(len(kinds))])
            lines = "\n    ".join(line.format(t=element, zero="0.0") for line in body)
            extras = f"extras({', '.join(f'%a{first + i}' for i in range(len(kinds)))}) " if kinds else ""
            maps = ", ".join(extra_map(k, rank) for k in kinds)
            return extras, maps, f"{{\n  ^bb0({scalars}):\n    {lines}\n  }}"

        first, first_maps, between = region(self.between, 3)
        second, second_maps, epilogue = region(self.epilogue, 3 + len(self.between_extras))
        arguments = ", ".join(f"%a{i}: {t}" for i, t in enumerate(types))
        before, after, tile = self.between_attributes, *self.attributes
        return f"""
func.func @{name}({arguments}) attributes {{kernel.entry, llvm.emit_c_interface}} {{
  kernel.conv_depthwise input(%a0) weight(%a1) {first}{before.split(" pads")[0]} between {between}
      pads{before.split(" pads")[1]} depthwise(%a2) {second}outs(%a{len(types) - 1}) {after}
      {{between_maps = [{first_maps}], extra_maps = [{second_maps}]{tile}}} epilogue {epilogue}
      : ({", ".join(types)}) -> ()
  return
}}
"""


def conv_depthwise(rng, blocks_in, blocks_out, between, window=(1, 1), strides=None, dilations=None,
                   taps=(3, 3), pads=None, depthwise_strides=None, depthwise_dilations=None, cb=16,
                   batch=1, inner="none", epilogue="none", dtype=np.float32, dynamic="", tile=""):
    """`between` are the extents of what the convolution gives."""
    rank = len(between)
    strides, dilations = strides or (1,) * rank, dilations or (1,) * rank
    steps, gaps = depthwise_strides or (1,) * rank, depthwise_dilations or (1,) * rank
    pads = pads or tuple((t - 1) // 2 for t in taps) * 2
    extents = source_extents(between, window, strides, dilations)
    source = rng.standard_normal((batch, blocks_in, *extents, cb)).astype(dtype)
    weight = rng.standard_normal((blocks_out, blocks_in, *window, cb, 16)).astype(dtype)
    depth = rng.standard_normal((blocks_out, *taps, 16)).astype(dtype)
    middle = window_sum(source.astype(np.float64), weight.astype(np.float64), strides, dilations,
                        between, "conv")
    extras = [rng.standard_normal(extra_shape(k, middle.shape)).astype(dtype) for k in EPILOGUES[inner][0]]
    middle = apply_epilogue(inner, middle, [e.astype(np.float64) for e in extras])
    middle = np.pad(middle, [(0, 0), (0, 0), *zip(pads[:rank], pads[rank:]), (0, 0)])
    spatial = tuple((e - (t - 1) * g - 1) // s + 1
                    for e, t, s, g in zip(middle.shape[2:], taps, steps, gaps))
    total = window_sum(middle, depth.astype(np.float64), steps, gaps, spatial, "depthwise")
    out = np.full((batch, blocks_out, *spatial, 16), 77, dtype)
    last = 3 + len(extras) + len(EPILOGUES[epilogue][0])
    axes = {0: [0], last: [0]} if "n" in dynamic else {}

    def text(moves, holes):
        return f"strides {list(moves)} dilations {list(holes)}"

    case = ConvDepthwiseCase(
        "conv_depthwise", [source, weight, depth], out, total, epilogue,
        (text(steps, gaps), tile and f", kernel.tile = {{{tile}}}"), axes,
        note=f"conv_depthwise {blocks_in}->{blocks_out} {between} window {window} taps {taps} pads {pads} "
             f"strides {strides} {steps} batch {batch} {inner} {epilogue} {dynamic} {tile}",
        slack=4, between=inner, between_extras=extras,
        between_attributes=f"{text(strides, dilations)} pads {list(pads)}")
    return case.finish(rng)


def weight_transform(extent):
    """Rows that take a window to the positions of a tile of `extent` outputs: the
    window as a polynomial, at each point, over the point's distance to the others."""
    if extent == 1:
        return np.ones((1, 1))
    points = {2: [0, 1, -1], 4: [0, 0.5**0.5, -(0.5**0.5), 2**0.5, -(2**0.5)]}[extent]
    rows = [np.array([1, p, p * p]) / np.prod([p - q for q in points if q != p]) for p in points]
    return np.array([*rows, [0, 0, 1]])


def winograd_weight(weight, tile):
    """[K, C, window…] as [K1, T, C, 16]; of three dimensions the first joins the
    channels, which follow it."""
    if len(tile) == 3:
        weight = np.moveaxis(weight, 2, 1)
        weight = weight.reshape(len(weight), -1, *weight.shape[3:])
        tile = tile[1:]
    at = weight.astype(np.float64)
    for extent in tile:  # each axis of the window goes to the end, transformed
        at = np.tensordot(at, weight_transform(extent), (2, 1))
    at = np.moveaxis(at, (0, 1), (-2, -1))
    k, c = weight.shape[:2]
    at = at.reshape(-1, k // 16, 16, c).transpose(1, 0, 3, 2)
    return np.ascontiguousarray(at.astype(weight.dtype))


def winograd(rng, blocks_in, blocks_out, spatial, tile=(4, 4), pads=(1, 1, 1, 1), groups=1, batch=1,
             epilogue="none", dtype=np.float32, dynamic="", blocks="", dilations=None, nan=False, planes=1):
    """`spatial` are the output's extents, `blocks` numbers of kernel.tile, `planes`
    the window along the first of three dimensions."""
    rank = len(tile)
    dilations = dilations or (1,) * rank
    before, after = pads[:rank], pads[rank:]
    window = [1 if m == 1 else 3 for m in tile]
    if rank == 3:
        window[0] = planes
    extents = [o + (w - 1) * d - b - a for o, w, d, b, a in zip(spatial, window, dilations, before, after)]
    source = rng.standard_normal((batch, groups * blocks_in, *extents, 16)).astype(dtype)
    weight = rng.standard_normal((groups * blocks_out * 16, blocks_in * 16, *window)).astype(dtype)
    if nan:
        source[(0, 0, *(e // 2 for e in extents), 3)] = np.nan
    plain = np.pad(source.astype(np.float64), [(0, 0), (0, 0), *zip(before, after), (0, 0)])
    direct = weight.reshape(groups * blocks_out, 16, blocks_in, 16, *window)
    direct = np.moveaxis(direct, (3, 1), (-2, -1))
    parts = [
        window_sum(plain[:, g * blocks_in : (g + 1) * blocks_in],
                   direct[g * blocks_out : (g + 1) * blocks_out].astype(np.float64),
                   (1,) * rank, dilations, spatial, "conv")
        for g in range(groups)
    ]
    out = np.full((batch, groups * blocks_out, *spatial, 16), 77, dtype)
    extras = len(EPILOGUES[epilogue][0])
    axes = {0: [], 2 + extras: []}
    for axis in axes.values():
        axis += [0] if "n" in dynamic else []
        axis += range(2, 2 + rank) if "s" in dynamic else []
    text = f"tile {list(tile)} pads {list(before)} dilations {list(dilations)} groups {groups}"
    return Case("winograd_conv", [source, winograd_weight(weight, tile)], out, np.concatenate(parts, 1),
                epilogue, (text, blocks and f", kernel.tile = {{{blocks}}}"), axes,
                note=f"winograd {blocks_in}->{blocks_out} {spatial} tile {tile} pads {pads} dilations {dilations} planes {planes} "
                     f"groups {groups} batch {batch} {epilogue} {dynamic}",
                # Its error is about twice the direct one's, and that of one output
                # grows with the size of its neighbours in the tile.
                slack=3).finish(rng)


def compile_cases(cases, level, folder, cpu="x86-64-v3"):
    """One shared object with case_0, case_1, …"""
    source, llvm, obj, lib = (folder / f"cases.{e}" for e in ("mlir", "ll", "o", "so"))
    source.write_text("".join(case.function(f"case_{i}") for i, case in enumerate(cases)))
    lowered = folder / "lowered.mlir"
    subprocess.run([ROOT / "build/bin/weft-opt", source, "-o", lowered,
                    f"--pass-pipeline={LOWERING % level}"], check=True)
    subprocess.run([LLVM / "mlir-translate", "--mlir-to-llvmir", lowered, "-o", llvm], check=True)
    subprocess.run([LLVM / "opt", f"-passes={CLEANUP}", llvm, "-S", "-o", llvm], check=True)
    subprocess.run([LLVM / "llc", "-O2", f"-mcpu={cpu}", "-relocation-model=pic", "-filetype=obj",
                    llvm, "-o", obj], check=True)
    subprocess.run(["cc", "-shared", obj, *EXTRA_OBJECTS, "-lm", "-o", lib], check=True)
    return ctypes.CDLL(str(lib))


def run_case(library, i, case):
    """The largest error, in units of the tolerance."""
    getattr(library, f"_mlir_ciface_case_{i}")(*map(argument, case.operands()))
    eps = np.finfo(case.out.dtype).eps
    scale = max(1.0, np.sqrt(np.nanmax(np.abs(case.total), initial=1.0)))
    bound = 64 * eps * case.slack * scale * (1 + np.abs(case.expected))
    same = np.isnan(case.out) & np.isnan(case.expected)
    error = np.where(same, 0, np.abs(case.out - case.expected) / bound)
    return float(np.max(np.where(np.isnan(error), np.inf, error), initial=0.0))
