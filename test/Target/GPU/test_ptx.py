"""What emitted PTX computes, against numpy, in the simulator of ptx_sim.py,
which also finds races, misaligned accesses and accesses out of bounds."""

import math
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest

from ptx_sim import Launch, SimulationError

HERE = Path(__file__).parent
TRANSLATE = HERE.parents[2] / "build/bin/weft-translate"
pytestmark = pytest.mark.skipif(not TRANSLATE.exists(), reason="weft-translate is not built")
THREADS = 256
rng = np.random.default_rng(7)


@pytest.fixture(scope="module")
def ptx():
    return subprocess.run([TRANSLATE, HERE / "Inputs/kernels.mlir", "--target", "cuda:sm_80", "--emit", "ptx"],
                          check=True, capture_output=True, text=True).stdout


def random(*shape):
    return rng.standard_normal(shape).astype(np.float32)


def scratch(grid, bytes_per_item):
    """What the launch allocates: a part of 16 aligned bytes for each block."""
    return np.zeros(grid * -(-bytes_per_item // 16) * 16, np.uint8)


def whole(array):
    """A kernel's words for a dynamic, dense array: pointer, sizes, strides but the last."""
    strides = [s // array.itemsize for s in array.strides[:-1]]
    return [array, *array.shape, *strides]


def gelu(x):
    return 0.5 * x * (1 + np.vectorize(math.erf, otypes=[np.float64])(x / math.sqrt(2)))


@pytest.mark.parametrize("m,n,k", [(1, 1, 1), (5, 7, 3), (65, 3, 17), (3, 66, 33), (64, 64, 16), (2, 3, 0), (0, 3, 4)])
@pytest.mark.parametrize("pitch", [0, 5])
def test_matmul_bias_gelu(ptx, m, n, k, pitch):
    a, b, bias, c = random(m, k + pitch), random(k, n), random(n), np.full((m, n), np.nan, np.float32)
    grid = max(1, math.ceil(m / 64) * math.ceil(n / 64))
    Launch(ptx, "matmul_bias_gelu", grid, THREADS,
           [a, m, k, k + pitch, b, k, n, n, bias, n, c, m, n, n])
    expected = gelu(a[:, :k].astype(np.float64) @ b + bias)
    np.testing.assert_allclose(c, expected, rtol=1e-5, atol=1e-6)


def test_matmul_keeps_nan_and_infinity_in_their_row(ptx):
    a, b, bias, c = random(9, 20), random(20, 4), random(4), np.zeros((9, 4), np.float32)
    a[3, 19], a[5, 2] = np.nan, np.inf
    Launch(ptx, "matmul_bias_gelu", 1, THREADS, [a, 9, 20, 20, b, 20, 4, 4, bias, 4, c, 9, 4, 4])
    finite = np.isfinite(c).all(axis=1)
    assert np.isnan(c[3]).all() and not finite[5] and finite.sum() == 7


def test_matmul_packed(ptx):
    a, b, c = random(2, 3, 20), random(20, 19), np.zeros((2, 3, 19), np.float32)
    packed = np.zeros((2, 20, 16), np.float32)
    packed[0], packed[1, :, :3] = b[:, :16], b[:, 16:]
    Launch(ptx, "matmul_packed", 2, THREADS, [a, 2, 3, 60, packed, c, 2, 3, 57])
    np.testing.assert_allclose(c, a @ b, rtol=1e-5, atol=1e-5)


def test_matmul_f64_with_broadcast_batch(ptx):
    a, b, c = rng.standard_normal((3, 5, 7)), rng.standard_normal((1, 7, 9)), np.zeros((3, 5, 9))
    Launch(ptx, "matmul_f64", 2, THREADS, [a, b, c])
    np.testing.assert_allclose(c, a @ b, rtol=1e-14)


@pytest.mark.parametrize("rows,columns,grid", [(1, 1, 1), (3, 7, 3), (5, 300, 2), (2, 1030, 2), (0, 4, 1), (2, 0, 2)])
def test_softmax(ptx, rows, columns, grid):
    x, y = random(rows, columns) * 5, np.full((rows, columns), np.nan, np.float32)
    buffer = scratch(grid, 4 * columns)
    Launch(ptx, "softmax", grid, THREADS, [x, rows, columns, columns, y, rows, columns, columns, buffer, buffer.size])
    if x.size:
        e = np.exp(x.astype(np.float64) - x.max(axis=1, keepdims=True))
        np.testing.assert_allclose(y, e / e.sum(axis=1, keepdims=True), rtol=2e-6)


def test_softmax_of_nan(ptx):
    x, y = random(2, 40), np.zeros((2, 40), np.float32)
    x[1, 33] = np.nan
    buffer = scratch(1, 160)
    Launch(ptx, "softmax", 1, THREADS, [x, 2, 40, 40, y, 2, 40, 40, buffer, buffer.size])
    assert np.isnan(y[1]).all() and np.isfinite(y[0]).all()


@pytest.mark.parametrize("n,grid", [(1, 1), (999, 1), (2100, 3), (2100, 2), (0, 1)])
def test_chain(ptx, n, grid):
    x, y, z = random(n) * 4, random(n) * 4, np.full(n, np.nan, np.float32)
    if n > 3:
        x[1:4], y[3] = (np.inf, -np.inf, np.nan), 100
    Launch(ptx, "chain", grid, THREADS, [x, n, y, n, z, n])
    expected = np.tanh(x.astype(np.float64)) / (1 + np.exp(-y.astype(np.float64)))
    np.testing.assert_allclose(z, expected, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("n", [0, 1, 31, 70])
def test_row_sums(ptx, n):
    x, y = rng.standard_normal((5, n)), rng.integers(-9999, 9999, (5, n)).astype(np.int16)
    sx, sy = np.full(5, np.nan), np.ones(5, np.int16)
    Launch(ptx, "row_sums", 1, THREADS, [x, n, n, y, n, n, sx, sy])
    np.testing.assert_allclose(sx, x.sum(axis=1), rtol=1e-12, atol=1e-12)
    np.testing.assert_array_equal(sy, y.sum(axis=1, dtype=np.int16))


@pytest.mark.parametrize("rows,columns", [(7, 5), (3, 300), (0, 4)])
def test_column_sums(ptx, rows, columns):
    x, s = random(rows, columns), np.full(columns, np.nan, np.float32)
    Launch(ptx, "column_sums", 1, THREADS, [*whole(x), s, columns])
    np.testing.assert_allclose(s, x.sum(axis=0), rtol=1e-5, atol=1e-5)


def test_argmax(ptx):
    x, top, at = random(6, 50), np.zeros(6, np.float32), np.zeros(6, np.int64)
    Launch(ptx, "argmax", 1, THREADS, [*whole(x), top, 6, at, 6])
    np.testing.assert_array_equal(at, x.argmax(axis=1))
    np.testing.assert_array_equal(top, x.max(axis=1))


def test_cumulative_sum(ptx):
    x, y = random(4, 9), np.zeros((4, 9), np.float32)
    Launch(ptx, "cumulative_sum", 1, THREADS, [x, 9, 9, y, 9, 9])
    np.testing.assert_allclose(y, x.cumsum(axis=1), rtol=1e-6)


def test_gather(ptx):
    data, at, out = random(10, 6), rng.integers(-10, 10, 33), np.zeros((33, 6), np.float32)
    buffer = scratch(1, 33 * 8)
    Launch(ptx, "gather", 1, THREADS, [data, 10, at, 33, out, 33, buffer, buffer.size])
    np.testing.assert_array_equal(out, data[at])


def test_pool(ptx):
    x, y = random(3, 9, 9), np.zeros((3, 4, 4), np.float32)
    Launch(ptx, "pool", 2, THREADS, [x, 3, y, 3])
    windows = np.lib.stride_tricks.sliding_window_view(x, (3, 3), axis=(1, 2))[:, ::2, ::2]
    np.testing.assert_array_equal(y, windows.max(axis=(3, 4)))


def test_conv(ptx):
    x, w, y = random(1, 2, 7, 9, 16), random(4, 1, 3, 2, 16, 16), np.zeros((1, 4, 3, 7, 16), np.float32)
    Launch(ptx, "conv", 2, THREADS, [x, 1, w, y, 1])
    windows = np.lib.stride_tricks.sliding_window_view(x, (3, 3), axis=(2, 3))[:, :, ::2, :, :, :, ::2]
    for k in range(4):
        expected = np.einsum("nhwcij,ijck->nhwk", windows[:, k // 2], w[k, 0])
        np.testing.assert_allclose(y[:, k], expected, rtol=1e-4, atol=1e-4)


def test_depthwise(ptx):
    x, w, y = random(2, 2, 6, 6, 16), random(2, 3, 3, 16), np.zeros((2, 2, 2, 2, 16), np.float32)
    Launch(ptx, "depthwise", 1, THREADS, [x, 2, w, y, 2])
    windows = np.lib.stride_tricks.sliding_window_view(x, (3, 3), axis=(2, 3))[:, :, ::2, ::2]
    np.testing.assert_allclose(y, np.einsum("nghwcij,gijc->nghwc", windows, w), rtol=1e-5, atol=1e-5)


def test_one_work_item(ptx):
    x, y = np.abs(random(300)) + 1, np.zeros(300, np.float32)
    Launch(ptx, "one", 1, THREADS, [x, y])
    np.testing.assert_allclose(y, x / x.sum(), rtol=1e-5)


def matmul(text, m=3, n=20, k=17):
    a, b, bias, c = random(m, k), random(k, n), random(n), np.zeros((m, n), np.float32)
    Launch(text, "matmul_bias_gelu", 1, THREADS, [a, m, k, k, b, k, n, n, bias, n, c, m, n, n])


def test_search(ptx):
    """A loop whose rounds are as many as the data say."""
    x, y = np.array([3, 9, 1, 2, 5, 70], np.int64), np.full(5, -1)
    Launch(ptx, "search", 2, THREADS, [x, 6, y, 5])
    np.testing.assert_array_equal(y, [9, 9, 9, 9, 70])


def barriers(text, kernel):
    begin = text.index(f".entry {kernel}(")
    end = text.index("\n}", begin)
    at, places = begin, []
    while (at := text.find("bar.sync", at + 1, end)) > 0:
        places.append(at)
    return places


def test_simulator_finds_missing_barriers(ptx):
    """Of the three, the one between tiles is not needed: the loop over k, which
    ends with one, has no reads behind it."""
    found = 0
    for place in barriers(ptx, "matmul_bias_gelu"):
        try:
            matmul(ptx[:place] + "// " + ptx[place:])
        except SimulationError as error:
            assert "race" in str(error) or "never written" in str(error)
            found += 1
    assert found == 2


def test_simulator_finds_faulty_accesses(ptx):
    matmul(ptx)
    begin = ptx.index(".entry matmul_bias_gelu(")
    vector = ptx.index("ld.shared.v4", begin)
    moved = re.sub(r"\+(-?\d+)\]", lambda m: f"+{int(m[1]) + 4}]", ptx[vector:], count=1)
    with pytest.raises(SimulationError, match="misaligned"):
        matmul(ptx[:vector] + moved)
    with pytest.raises(SimulationError, match="outside global"):
        matmul(ptx[:begin] + ptx[begin:].replace("min.u64", "max.u64", 1))
    with pytest.raises(SimulationError, match="not known"):
        matmul(ptx[:begin] + ptx[begin:].replace("fma.rn.f32", "fma.rn.ftz.f32", 1))
