"""Measures each formula of weft-expand-math in units in the last place over its
whole range, against numpy in a wider type.
"""

import ctypes
import math
import pathlib
import subprocess

import numpy as np
import pytest

ROOT = pathlib.Path(__file__).parents[3]
BIN = ROOT / "build" / "bin"
LLVM = pathlib.Path("/usr/lib/llvm-22/bin")

# Function, numpy's name, most units in the last place for f32 and f64, range.
ROWS = [
    ("exp", np.exp, 2, 2, (-105, 90)),
    ("expm1", np.expm1, 3, 4, (-5, 5)),
    ("log", np.log, 2, 2, (1e-45, 1e38)),
    ("log1p", np.log1p, 3, 4, (-0.999, 100)),
    ("tanh", np.tanh, 3, 4, (-12, 12)),
    ("sinh", np.sinh, 6, 6, (-80, 80)),
    ("cosh", np.cosh, 6, 6, (-80, 80)),
    ("asinh", np.arcsinh, 6, 6, (-1e4, 1e4)),
    ("acosh", np.arccosh, 6, 6, (1, 1e4)),
    ("atanh", np.arctanh, 6, 6, (-0.999, 0.999)),
    ("sin", np.sin, 2, 3, (-1e4, 1e4)),
    ("cos", np.cos, 2, 3, (-1e4, 1e4)),
    ("tan", np.tan, 3, 6, (-1.5, 1.5)),
    ("asin", np.arcsin, 2, 6, (-1, 1)),
    ("acos", np.arccos, 2, 6, (-1, 1)),
    ("atan", np.arctan, 2, 6, (-1e3, 1e3)),
    ("erf", None, 2, 16, (-5, 5)),
    ("sigmoid", lambda x: 1 / (1 + np.exp(-x)), 3, 3, (-87, 87)),
    ("one_plus_tanh", lambda x: 2 / (1 + np.exp(-2 * x)), 3, 4, (-1, 12)),
    ("one_plus_erf", None, 3, 16, (-0.5, 5)),
    ("silu", lambda x: x / (1 + np.exp(-x)), 3, 3, (-80, 80)),
]

# What is more than one op of the math dialect, of %v0 in {type}.
BODIES = {
    "sigmoid": """
    %one = arith.constant dense<1.0> : {type}
    %m = arith.negf %v0 : {type}
    %e = math.exp %m : {type}
    %s = arith.addf %e, %one : {type}
    %r = arith.divf %one, %s : {type}""",
}
for call_of in ("tanh", "erf"):
    BODIES[f"one_plus_{call_of}"] = f"""
    %one = arith.constant dense<1.0> : {{type}}
    %f = math.{call_of} %v0 : {{type}}
    %r = arith.addf %f, %one : {{type}}"""
BODIES["silu"] = BODIES["sigmoid"].replace("%r", "%q") + """
    %r = arith.mulf %v0, %q : {type}"""

PIPELINE = (
    "builtin.module(weft-expand-math,canonicalize,cse,convert-scf-to-cf,convert-vector-to-llvm,"
    "finalize-memref-to-llvm,convert-func-to-llvm,convert-math-to-llvm,convert-arith-to-llvm,convert-cf-to-llvm,"
    "convert-index-to-llvm,reconcile-unrealized-casts)"
)


def function(name, operands, width, type):
    lanes = f"vector<{width}x{type}>"
    loads = "\n".join(f"    %v{i} = vector.load %x{i}[%i] : memref<?x{type}>, {lanes}" for i in range(operands))
    args = ", ".join(f"%x{i}: memref<?x{type}>" for i in range(operands))
    values = ", ".join(f"%v{i}" for i in range(operands))
    body = BODIES.get(name, f"\n    %r = math.{name} {values} : " + "{type}").format(type=lanes)
    return f"""
func.func @{name}_{type}({args}, %y: memref<?x{type}>) attributes {{llvm.emit_c_interface}} {{
  %c0 = arith.constant 0 : index
  %step = arith.constant {width} : index
  %n = memref.dim %y, %c0 : memref<?x{type}>
  scf.for %i = %c0 to %n step %step {{
{loads}{body}
    vector.store %r, %y[%i] : memref<?x{type}>, {lanes}
  }}
  return
}}"""


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    folder = tmp_path_factory.mktemp("math")
    names = [(row[0], 1) for row in ROWS] + [("powf", 2), ("atan2", 2)]
    source = "\n".join(function(n, k, 8 if t == "f32" else 4, t) for n, k in names for t in ("f32", "f64"))
    (folder / "in.mlir").write_text(source)
    subprocess.run([BIN / "weft-opt", folder / "in.mlir", f"--pass-pipeline={PIPELINE}", "-o", folder / "low.mlir"],
                   check=True)
    subprocess.run([LLVM / "mlir-translate", "--mlir-to-llvmir", folder / "low.mlir", "-o", folder / "low.ll"], check=True)
    subprocess.run([LLVM / "clang", "-O1", "-mavx2", "-mfma", "-fPIC", "-shared", "-Wno-override-module",
                    folder / "low.ll", "-o", folder / "low.so"], check=True)
    return ctypes.CDLL(str(folder / "low.so"))


def call(library, name, *operands):
    dtype = operands[0].dtype
    padded = [np.concatenate([o, np.zeros(-o.size % 8, dtype)]) for o in operands]
    result = np.empty_like(padded[0])

    class Descriptor(ctypes.Structure):
        _fields_ = [("allocated", ctypes.c_void_p), ("aligned", ctypes.c_void_p), ("offset", ctypes.c_int64),
                    ("size", ctypes.c_int64), ("stride", ctypes.c_int64)]

    arguments = [Descriptor(a.ctypes.data, a.ctypes.data, 0, a.size, 1) for a in [*padded, result]]
    suffix = {"float32": "f32", "float64": "f64"}[dtype.name]
    getattr(library, f"_mlir_ciface_{name}_{suffix}")(*map(ctypes.byref, arguments))
    return result[: operands[0].size]


def reference(name, wide, x):
    if name == "erf":
        return np.array([math.erf(float(v)) for v in x], np.float64)
    if name == "one_plus_erf":
        return np.array([math.erfc(-float(v)) for v in x], np.float64)
    with np.errstate(all="ignore"):
        return wide(x.astype(np.longdouble))


def points(low, high, dtype):
    rng = np.random.default_rng(7)
    spread = rng.uniform(low, high, 20000)
    magnitudes = np.exp(rng.uniform(-80, np.log(max(abs(low), abs(high))), 20000))
    both = np.concatenate([spread, magnitudes, -magnitudes])
    return both[(both >= low) & (both <= high)].astype(dtype)


def worst_ulp(found, expected, dtype):
    rounded = expected.astype(dtype)
    finite = np.isfinite(rounded)
    assert np.array_equal(found[~finite], rounded[~finite], equal_nan=True)
    unit = np.spacing(np.maximum(np.abs(rounded[finite]), np.finfo(dtype).tiny)).astype(np.longdouble)
    return float((np.abs(found[finite].astype(np.longdouble) - expected[finite]) / unit).max())


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name,wide,narrow_bound,wide_bound,limits", ROWS, ids=[r[0] for r in ROWS])
def test_units_in_the_last_place(library, name, wide, narrow_bound, wide_bound, limits, dtype):
    x = points(*limits, dtype)
    found = call(library, name, x)
    worst = worst_ulp(found, reference(name, wide, x), dtype)
    assert worst <= (narrow_bound if dtype == np.float32 else wide_bound), f"{name}: {worst:.2f} units"


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name,wide", [(r[0], r[1]) for r in ROWS if r[1]], ids=[r[0] for r in ROWS if r[1]])
def test_special_values(library, name, wide, dtype):
    x = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0, -1.0], dtype)
    with np.errstate(all="ignore"):
        expected = wide(x)
    found = call(library, name, x)
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-7 if name in ("tan", "sin", "cos") else 0)
    zero = expected == 0
    assert np.array_equal(np.signbit(found[zero]), np.signbit(expected[zero]))


@pytest.mark.parametrize("name,wide,bound", [("sin", np.sin, 2), ("cos", np.cos, 2), ("tan", np.tan, 3)])
def test_angles_of_any_size(library, name, wide, bound):
    x = np.exp(np.random.default_rng(8).uniform(0, np.log(np.finfo(np.float32).max), 40000)).astype(np.float32)
    x = np.concatenate([x, -x, [np.finfo(np.float32).max]]).astype(np.float32)
    worst = worst_ulp(call(library, name, x), wide(x.astype(np.longdouble)), np.float32)
    assert worst <= bound, f"{name}: {worst:.2f} units"


def test_one_plus_erf_far_out(library):
    x = np.array([-np.inf, -1e30, -6, -4.5, 4.5, 1e30, np.inf, np.nan], "f")
    np.testing.assert_array_equal(call(library, "one_plus_erf", x), np.array([0] * 4 + [2] * 3 + [np.nan], "f"))
    x = np.linspace(-5, 0, 100001, dtype="f")
    error = call(library, "one_plus_erf", x) - reference("one_plus_erf", None, x)
    assert np.abs(error).max() < 2.5e-7


def test_pow(library):
    rng = np.random.default_rng(3)
    x, y = rng.uniform(0, 20, 40000).astype("f"), rng.uniform(-20, 20, 40000).astype("f")
    assert worst_ulp(call(library, "powf", x, y), np.power(x.astype(np.longdouble), y), np.float32) <= 1
    special = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 1, -1, 2, -2, 0.5, -0.5, 3, -3], "f")
    x, y = (a.ravel().copy() for a in np.meshgrid(special, special))
    with np.errstate(all="ignore"):
        expected = np.power(x, y)
    np.testing.assert_allclose(call(library, "powf", x, y), expected, rtol=1e-6)


def test_atan2(library):
    special = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 1, -1, 2, -3], "f")
    y, x = (a.ravel().copy() for a in np.meshgrid(special, special))
    np.testing.assert_allclose(call(library, "atan2", y, x), np.arctan2(y, x), rtol=1e-6)
