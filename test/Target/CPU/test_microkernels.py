"""Products against numpy: odd extents, strides, dilations, groups, empty and
dynamic dimensions, on every level whose code this machine can run."""

import platform

import numpy as np
import pytest

from microkernel_cases import (compile_cases, conv, conv_depthwise, depthwise, matmul, run_case,
                               winograd)

flags = next((line for line in open("/proc/cpuinfo") if line.startswith("flags")), "").split()
pytestmark = pytest.mark.skipif(
    platform.machine() != "x86_64" or not {"avx2", "fma"} <= set(flags),
    reason="the code under test needs AVX2 and FMA",
)


def matmuls(rng):
    for m, n, k in [(1, 16, 1), (1, 40, 70), (1, 200, 33), (2, 17, 5), (3, 33, 64), (7, 48, 20),
                    (13, 5, 9), (50, 70, 65), (14, 32, 100), (29, 1, 3)]:
        yield matmul(rng, m, n, k)
    yield matmul(rng, 4, 20, 0)
    yield matmul(rng, 4, 20, 0, epilogue="bias_relu")
    for epilogue in ("bias_relu", "residual", "reversed"):
        yield matmul(rng, 11, 43, 17, epilogue=epilogue)
        yield matmul(rng, 11, 43, 17, epilogue=epilogue, dynamic="m")
        yield matmul(rng, 1, 43, 17, epilogue=epilogue)
        yield matmul(rng, 9, 40, 600, epilogue=epilogue)
    yield matmul(rng, 40, 100, 900)
    yield matmul(rng, 40, 37, 70, tile="rows = 3, panels = 2, depth = 16, item_tiles = 4, item_panels = 2",
                 epilogue="bias_relu")
    yield matmul(rng, 20, 37, 30, nan=True, epilogue="bias_relu")
    for m in (0, 1, 2, 5, 6, 7, 16, 31):
        yield matmul(rng, m, 24, 12, dynamic="m")
    yield matmul(rng, 5, 70, 31, dynamic="mk", epilogue="bias_relu")
    yield matmul(rng, 19, 64, 30, lhs_pad=5)
    yield matmul(rng, 19, 80, 30, lhs_transposed=True)
    yield matmul(rng, 10, 80, 30, batch=(3,))
    yield matmul(rng, 10, 20, 30, batch=(2, 3), packed=False)
    yield matmul(rng, 10, 20, 30, batch=(2, 3), rhs_batch=(2, 1), packed=False, dynamic="b")
    yield matmul(rng, 10, 20, 30, batch=(0,), packed=False, dynamic="b")
    for m in (1, 3, 20, 40):
        for n in (1, 16, 35):
            yield matmul(rng, m, n, 21, packed=False)
            yield matmul(rng, m, n, 21, packed=False, dynamic="mnk", epilogue="bias_relu")
        yield matmul(rng, m, 35, 21, packed=False, rhs_transposed=True)
    yield matmul(rng, 30, 40, 700, packed=False, rhs_transposed=True, epilogue="residual")
    yield matmul(rng, 30, 40, 50, packed=False, dtype=np.float64)
    yield matmul(rng, 30, 40, 50, dtype=np.float64, epilogue="residual")


def convs(rng):
    yield conv(rng, 2, 2, (7, 7), (3, 3))
    yield conv(rng, 1, 3, (5, 14), (3, 3), (2, 2), epilogue="bias_relu")
    yield conv(rng, 3, 2, (4, 13), (3, 2), (1, 2), (2, 1), epilogue="residual")
    yield conv(rng, 2, 4, (6, 9), (1, 1), epilogue="bias_relu")
    yield conv(rng, 2, 4, (6, 9), (1, 1), epilogue="residual")
    yield conv(rng, 2, 4, (6, 9), (1, 1), epilogue="reversed")
    yield conv(rng, 2, 5, (6, 9), (1, 1), epilogue="bias_relu", tile="panels = 2, item_panels = 4")
    yield conv(rng, 3, 7, (6, 9), (3, 3), epilogue="residual", tile="panels = 3, depth = 2, rows = 4")
    yield conv(rng, 2, 2, (6, 9), (1, 1), (2, 2))
    yield conv(rng, 1, 2, (6, 9), (3, 3), groups=3, batch=3)
    yield conv(rng, 2, 1, (1, 1), (7, 7))
    yield conv(rng, 3, 4, (11, 12), (7, 7), (2, 2), cb=1, epilogue="bias_relu")
    yield conv(rng, 3, 1, (30,), (5,), (3,), cb=1)
    yield conv(rng, 2, 3, (3, 4, 5), (2, 3, 2), (1, 2, 1), epilogue="bias_relu")
    yield conv(rng, 3, 3, (1, 5, 6, 7), (1, 1, 1, 1), epilogue="bias_relu")
    for batch in (0, 1, 3):
        yield conv(rng, 1, 2, (6, 9), (3, 3), batch=batch, dynamic="ns", epilogue="residual")
        yield conv(rng, 1, 2, (6, 9), (1, 1), batch=batch, dynamic="ns", epilogue="bias_relu")
    yield conv(rng, 5, 4, (7, 7), (3, 3), epilogue="residual",
               tile="rows = 3, panels = 2, depth = 2, item_rows = 3, item_tiles = 2, item_panels = 4")
    yield conv(rng, 5, 2, (7, 7), (1, 1), tile="depth = 2, item_tiles = 3")
    yield conv(rng, 2, 2, (7, 7), (3, 3), dtype=np.float64, epilogue="reversed")


def depthwises(rng):
    yield depthwise(rng, 3, (7, 7), (3, 3))
    yield depthwise(rng, 2, (5, 29), (3, 3), (2, 2), epilogue="bias_relu")
    yield depthwise(rng, 2, (9, 20), (5, 5), (1, 1), (2, 2), epilogue="residual")
    yield depthwise(rng, 2, (9, 20), (3, 3), (2, 3), (1, 2), epilogue="reversed")
    yield depthwise(rng, 1, (40,), (31,), epilogue="bias_relu")
    yield depthwise(rng, 2, (4, 5, 6), (2, 3, 3), (1, 1, 2))
    for batch in (0, 1, 3):
        yield depthwise(rng, 2, (6, 25), (3, 3), batch=batch, dynamic="ns", epilogue="bias_relu")
    yield depthwise(rng, 2, (6, 25), (7, 7), dtype=np.float64)


def conv_depthwises(rng):
    yield conv_depthwise(rng, 2, 4, (7, 7), inner="bias_relu", epilogue="bias_relu")
    yield conv_depthwise(rng, 1, 3, (14, 15), inner="residual", epilogue="residual")
    yield conv_depthwise(rng, 1, 2, (9, 20), taps=(5, 5), depthwise_strides=(2, 2), inner="bias_relu")
    # Several items along the rows; extras of both regions follow them.
    for rows in (1, 2, 3, 5):
        tile = f"item_rows = {rows}, item_panels = 2"
        yield conv_depthwise(rng, 1, 4, (10, 9), inner="residual", epilogue="residual", tile=tile)
        yield conv_depthwise(rng, 1, 2, (11, 8), depthwise_strides=(2, 2), pads=(0, 0, 1, 1),
                             inner="reversed", epilogue="reversed", tile=tile)
        yield conv_depthwise(rng, 2, 2, (9, 6), taps=(3, 2), pads=(5, 1, 4, 2), inner="bias_relu",
                             depthwise_dilations=(2, 1), tile=tile)
        # Without padding what is between is contiguous.
        yield conv_depthwise(rng, 1, 2, (9, 6), pads=(0, 0, 0, 0), inner="residual", tile=tile)
    # Another convolution than a pointwise one, of plain channels.
    yield conv_depthwise(rng, 3, 2, (12, 13), (3, 3), (2, 2), cb=1, inner="bias_relu",
                         epilogue="bias_relu", tile="item_rows = 5, rows = 4, panels = 2")
    yield conv_depthwise(rng, 1, 1, (12, 13), (3, 2), (1, 1), (2, 1), inner="reversed",
                         tile="item_rows = 4")
    yield conv_depthwise(rng, 1, 2, (4, 5, 6), (1, 1, 1), taps=(3, 3, 3), inner="residual",
                         epilogue="residual", tile="item_rows = 2")
    yield conv_depthwise(rng, 1, 2, (21,), (1,), taps=(5,), inner="bias_relu", tile="item_rows = 6")
    for batch in (0, 1, 3):
        yield conv_depthwise(rng, 1, 2, (6, 9), batch=batch, dynamic="n", inner="residual",
                             epilogue="residual", tile="item_rows = 4")
    yield conv_depthwise(rng, 2, 2, (7, 7), dtype=np.float64, inner="reversed", epilogue="reversed")


def winograds(rng):
    for tile in [(4, 4), (2, 2), (4, 2), (1, 4), (2, 1)]:
        for spatial in [(8, 8), (7, 9), (1, 2), (5, 17)]:
            pads = [1 if m > 1 else 0 for m in tile] * 2
            yield winograd(rng, 2, 3, spatial, tile, pads, epilogue="bias_relu")
    yield winograd(rng, 1, 1, (6, 6), pads=(0, 0, 0, 0))
    yield winograd(rng, 1, 2, (9, 4), pads=(2, 0, 1, 2), epilogue="residual")
    yield winograd(rng, 1, 2, (12, 13), pads=(0, 9, 10, 0), epilogue="reversed")
    yield winograd(rng, 2, 1, (3, 4), pads=(2, 1, 2, 1), groups=3, batch=2, epilogue="bias_relu")
    for batch in (0, 1, 3):
        yield winograd(rng, 1, 2, (6, 9), batch=batch, dynamic="ns", epilogue="residual")
        yield winograd(rng, 2, 1, (4, 8), (2, 2), batch=batch, dynamic="n", epilogue="reversed")
    yield winograd(rng, 1, 1, (21, 30), dynamic="s")
    yield winograd(rng, 2, 1, (150, 131), groups=2, epilogue="bias_relu")  # larger than L2
    for spatial in ((1,), (5,), (37,)):
        yield winograd(rng, 2, 3, spatial, (4,), (1, 1), epilogue="bias_relu", batch=2)
        yield winograd(rng, 1, 2, spatial, (2,), (3, 2), dilations=(3,), epilogue="residual", dynamic="ns")
    for tile, dilations in (((4, 4), (2, 2)), ((2, 4), (1, 5)), ((4, 2), (6, 3))):
        for spatial in ((8, 20), (13, 9), (3, 1)):
            yield winograd(rng, 1, 1, spatial, tile, dilations * 2, dilations=dilations, epilogue="bias_relu")
    yield winograd(rng, 1, 1, (9, 14), pads=(2, 2, 2, 2), dilations=(2, 2), dynamic="s", epilogue="reversed")
    for planes, pads in ((3, (1, 1, 1) * 2), (1, (0, 1, 1) * 2), (2, (0, 1, 1, 1, 1, 1)), (5, (4, 1, 0, 0, 0, 1))):
        for spatial, tile in (((4, 8, 8), (1, 4, 4)), ((1, 5, 9), (1, 4, 2)), ((3, 2, 13), (1, 2, 2))):
            yield winograd(rng, 2, 3, spatial, tile, pads, planes=planes, epilogue="bias_relu")
    for batch in (0, 1, 3):
        yield winograd(rng, 1, 2, (3, 6, 9), (1, 4, 4), (1, 1, 1) * 2, planes=3, batch=batch, groups=2, dynamic="ns",
                       epilogue="residual")
    yield winograd(rng, 1, 1, (5, 9, 8), (1, 4, 2), (2, 3, 2) * 2, planes=3, dilations=(2, 3, 2), epilogue="reversed")
    yield winograd(rng, 1, 1, (4, 9, 7), (1, 4, 1), (1, 1, 0) * 2, planes=3)
    yield winograd(rng, 5, 5, (14, 14), epilogue="residual",
                   blocks="rows = 3, panels = 2, item_tiles = 2, item_panels = 4")
    yield winograd(rng, 2, 2, (7, 7), dtype=np.float64, epilogue="reversed")


# How many of the cases a level gets: what differs between levels is the vector
# and the tile. Code of wider levels runs on vectors that the code generator
# splits.
LEVELS = {"x86-64-v2": 4, "x86-64-v3": 1, "x86-64-v4": 3}


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("family", [matmuls, convs, winograds, depthwises, conv_depthwises])
def test_products(family, level, tmp_path):
    rng = np.random.default_rng(7)
    cases = list(family(rng))[:: LEVELS[level]]
    cpu = "x86-64-v2" if level == "x86-64-v2" else "x86-64-v3"
    library = compile_cases(cases, level, tmp_path, cpu)
    wrong = []
    for i, case in enumerate(cases):
        error = run_case(library, i, case)
        if not error <= 1:
            wrong.append(f"case {i}: {case.note}: error {error:.3g} times the tolerance")
    assert not wrong, "\n".join(wrong)


def test_nan_stays_in_its_tiles(tmp_path):
    """A NaN reaches all outputs that depend on it, and no tile without such an output."""
    case = winograd(np.random.default_rng(3), 1, 1, (12, 12), nan=True)
    run_case(compile_cases([case], "x86-64-v3", tmp_path), 0, case)
    found, expected = np.isnan(case.out), np.isnan(case.expected)
    tiles = expected.reshape(1, 1, 3, 4, 3, 4, 16).any((3, 5))
    reached = tiles.repeat(4, 2).repeat(4, 3)
    assert (found >= expected).all() and (found <= reached).all()
    assert not expected.all() and not reached.all()
