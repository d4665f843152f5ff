"""Programs of launches and kernels on tensors, through to machine code that
runs: against numpy, for any number of workers, with dynamic extents."""

import numpy as np
import pytest

from program import run

MAPS = """
#id1 = affine_map<(i) -> (i)>
#id2 = affine_map<(i, j) -> (i, j)>
#row = affine_map<(i, j) -> (i)>
#col = affine_map<(i, j) -> (j)>
"""

ADD_RELU = """
func.func private @add_relu(%x: tensor<?x64xf32>, %bias: tensor<64xf32>, %out: tensor<?x64xf32>) -> tensor<?x64xf32>
    attributes {kernel.entry} {
  %y = linalg.generic {indexing_maps = [#id2, #col, #id2], iterator_types = ["parallel", "parallel"]}
      ins(%x, %bias : tensor<?x64xf32>, tensor<64xf32>) outs(%out : tensor<?x64xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %zero = arith.constant 0.0 : f32
    %s = arith.addf %a, %b : f32
    %r = arith.maximumf %s, %zero : f32
    linalg.yield %r : f32
  } -> tensor<?x64xf32>
  return %y : tensor<?x64xf32>
}
"""


def softmax(shape, name="softmax"):
    row = shape.split("x")[0]
    dims = f"%rows = tensor.dim %x, %c0 : tensor<{shape}xf32>" if row == "?" else ""
    arguments = "(%rows)" if row == "?" else "()"
    whole = "(%rows, %cols)" if shape == "?x?" else arguments
    if shape == "?x?":
        dims += "\n  %c1 = arith.constant 1 : index\n  %cols = tensor.dim %x, %c1 : tensor<?x?xf32>"
    return f"""
func.func private @{name}(%x: tensor<{shape}xf32>, %out: tensor<{shape}xf32>) -> tensor<{shape}xf32>
    attributes {{kernel.entry}} {{
  %c0 = arith.constant 0 : index
  %least = arith.constant 0xFF800000 : f32
  %zero = arith.constant 0.0 : f32
  {dims}
  %empty = tensor.empty{arguments} : tensor<{row}xf32>
  %whole = tensor.empty{whole} : tensor<{shape}xf32>
  %init = linalg.fill ins(%least : f32) outs(%empty : tensor<{row}xf32>) -> tensor<{row}xf32>
  %max = linalg.generic {{indexing_maps = [#id2, #row], iterator_types = ["parallel", "reduction"]}}
      ins(%x : tensor<{shape}xf32>) outs(%init : tensor<{row}xf32>) {{
  ^bb0(%a: f32, %m: f32):
    %r = arith.maximumf %a, %m : f32
    linalg.yield %r : f32
  }} -> tensor<{row}xf32>
  %exp = linalg.generic {{indexing_maps = [#id2, #row, #id2], iterator_types = ["parallel", "parallel"]}}
      ins(%x, %max : tensor<{shape}xf32>, tensor<{row}xf32>) outs(%whole : tensor<{shape}xf32>) {{
  ^bb0(%a: f32, %m: f32, %o: f32):
    %d = arith.subf %a, %m : f32
    %r = math.exp %d : f32
    linalg.yield %r : f32
  }} -> tensor<{shape}xf32>
  %init1 = linalg.fill ins(%zero : f32) outs(%empty : tensor<{row}xf32>) -> tensor<{row}xf32>
  %sum = linalg.generic {{indexing_maps = [#id2, #row], iterator_types = ["parallel", "reduction"]}}
      ins(%exp : tensor<{shape}xf32>) outs(%init1 : tensor<{row}xf32>) {{
  ^bb0(%a: f32, %m: f32):
    %r = arith.addf %a, %m : f32
    linalg.yield %r : f32
  }} -> tensor<{row}xf32>
  %y = linalg.generic {{indexing_maps = [#id2, #row, #id2], iterator_types = ["parallel", "parallel"]}}
      ins(%exp, %sum : tensor<{shape}xf32>, tensor<{row}xf32>) outs(%out : tensor<{shape}xf32>) {{
  ^bb0(%e: f32, %s: f32, %o: f32):
    %r = arith.divf %e, %s : f32
    linalg.yield %r : f32
  }} -> tensor<{shape}xf32>
  return %y : tensor<{shape}xf32>
}}
"""


def softmax_of(x):
    e = np.exp(x - x.max(axis=1, keepdims=True)) if x.size else x
    return e / e.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("rows", [0, 1, 7, 1000])
def test_two_launches(rows, tmp_path):
    main = """
func.func @main(%x: tensor<?x64xf32>, %bias: tensor<64xf32>) -> tensor<?x64xf32> {
  %c0 = arith.constant 0 : index
  %n = tensor.dim %x, %c0 : tensor<?x64xf32>
  %e0 = tensor.empty(%n) : tensor<?x64xf32>
  %0 = kernel.launch @add_relu ins(%x, %bias : tensor<?x64xf32>, tensor<64xf32>) outs(%e0 : tensor<?x64xf32>) -> tensor<?x64xf32>
  %e1 = tensor.empty(%n) : tensor<?x64xf32>
  %1 = kernel.launch @softmax ins(%0 : tensor<?x64xf32>) outs(%e1 : tensor<?x64xf32>) -> tensor<?x64xf32>
  return %1 : tensor<?x64xf32>
}"""
    rng = np.random.default_rng(1)
    x, bias = rng.normal(size=(rows, 64)).astype(np.float32), rng.normal(size=64).astype(np.float32)
    result = run(MAPS + ADD_RELU + softmax("?x64") + main, [x, bias], ["f4"], tmp_path)
    assert result.status == 0
    np.testing.assert_allclose(result.outputs[0], softmax_of(np.maximum(x + bias, 0)), rtol=1e-5, atol=1e-7)
    assert result.requests["arena"] == [rows * 64 * 4] and not result.requests["allocate"]


@pytest.mark.parametrize("shape", [(1, 1000), (3, 5), (40, 33), (2, 100000)])
def test_dynamic_rows_and_columns(shape, tmp_path):
    main = """
func.func @main(%x: tensor<?x?xf32>) -> tensor<?x?xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %n = tensor.dim %x, %c0 : tensor<?x?xf32>
  %m = tensor.dim %x, %c1 : tensor<?x?xf32>
  %e = tensor.empty(%n, %m) : tensor<?x?xf32>
  %0 = kernel.launch @softmax ins(%x : tensor<?x?xf32>) outs(%e : tensor<?x?xf32>) -> tensor<?x?xf32>
  return %0 : tensor<?x?xf32>
}"""
    x = np.random.default_rng(2).normal(size=shape).astype(np.float32)
    result = run(MAPS + softmax("?x?") + main, [x], ["f4"], tmp_path)
    assert result.status == 0
    np.testing.assert_allclose(result.outputs[0], softmax_of(x), rtol=2e-5, atol=1e-9)


GATHER = """
func.func private @gather(%data: tensor<10x6xf32>, %at: tensor<?xi64>, %out: tensor<?x6xf32>)
    -> tensor<?x6xf32> attributes {kernel.entry} {
  %y = linalg.generic {indexing_maps = [#row, #id2], iterator_types = ["parallel", "parallel"]}
      ins(%at : tensor<?xi64>) outs(%out : tensor<?x6xf32>) {
  ^bb0(%i: i64, %o: f32):
    %zero = arith.constant 0 : index
    %extent = arith.constant 10 : index
    %last = arith.constant 9 : index
    %j = linalg.index 1 : index
    %raw = arith.index_cast %i : i64 to index
    %ok = arith.cmpi ult, %raw, %extent : index
    kernel.check %ok, "node 'pick' (Gather): index {0} is out of range for extent {1}" values %raw, %extent : index, index
    %low = arith.maxsi %raw, %zero : index
    %safe = arith.minsi %low, %last : index
    %e = tensor.extract %data[%safe, %j] : tensor<10x6xf32>
    linalg.yield %e : f32
  } -> tensor<?x6xf32>
  return %y : tensor<?x6xf32>
}
func.func @main(%data: tensor<10x6xf32>, %at: tensor<?xi64>) -> tensor<?x6xf32> {
  %c0 = arith.constant 0 : index
  %n = tensor.dim %at, %c0 : tensor<?xi64>
  %e = tensor.empty(%n) : tensor<?x6xf32>
  %0 = kernel.launch @gather ins(%data, %at : tensor<10x6xf32>, tensor<?xi64>) outs(%e : tensor<?x6xf32>) -> tensor<?x6xf32>
  return %0 : tensor<?x6xf32>
}"""


def test_check_in_a_kernel(tmp_path):
    data = np.arange(60, dtype=np.float32).reshape(10, 6)
    good = run(MAPS + GATHER, [data, np.array([3, 0, 9])], ["f4"], tmp_path)
    np.testing.assert_array_equal(good.outputs[0], data[[3, 0, 9]])
    bad = run(MAPS + GATHER, [data, np.array([3, 11])], ["f4"], tmp_path, workers=(1, 2))
    assert bad.status == 2 and set(bad.fails) == {(0, 11, 10)}


POOL = """
func.func private @pool(%x: tensor<?x4x9x9x16xf32>, %out: tensor<?x4x4x4x16xf32>)
    -> tensor<?x4x4x4x16xf32> attributes {kernel.entry} {
  %least = arith.constant 0xFF800000 : f32
  %window = tensor.empty() : tensor<3x3xf32>
  %init = linalg.fill ins(%least : f32) outs(%out : tensor<?x4x4x4x16xf32>) -> tensor<?x4x4x4x16xf32>
  %y = linalg.generic {
      indexing_maps = [affine_map<(n, c, h, w, b, kh, kw) -> (n, c, h * 2 + kh, w * 2 + kw, b)>,
                       affine_map<(n, c, h, w, b, kh, kw) -> (kh, kw)>,
                       affine_map<(n, c, h, w, b, kh, kw) -> (n, c, h, w, b)>],
      iterator_types = ["parallel", "parallel", "parallel", "parallel", "parallel", "reduction", "reduction"]}
      ins(%x, %window : tensor<?x4x9x9x16xf32>, tensor<3x3xf32>) outs(%init : tensor<?x4x4x4x16xf32>) {
  ^bb0(%a: f32, %k: f32, %m: f32):
    %r = arith.maximumf %m, %a : f32
    linalg.yield %r : f32
  } -> tensor<?x4x4x4x16xf32>
  return %y : tensor<?x4x4x4x16xf32>
}
func.func @main(%x: tensor<?x4x9x9x16xf32>) -> tensor<?x4x4x4x16xf32> {
  %c0 = arith.constant 0 : index
  %n = tensor.dim %x, %c0 : tensor<?x4x9x9x16xf32>
  %e = tensor.empty(%n) : tensor<?x4x4x4x16xf32>
  %0 = kernel.launch @pool ins(%x : tensor<?x4x9x9x16xf32>) outs(%e : tensor<?x4x4x4x16xf32>) -> tensor<?x4x4x4x16xf32>
  return %0 : tensor<?x4x4x4x16xf32>
}"""


def test_pooling(tmp_path):
    x = np.random.default_rng(3).normal(size=(3, 4, 9, 9, 16)).astype(np.float32)
    windows = np.lib.stride_tricks.sliding_window_view(x, (3, 3), (2, 3))[:, :, ::2, ::2]
    result = run(MAPS + POOL, [x], ["f4"], tmp_path)
    np.testing.assert_array_equal(result.outputs[0], windows.max(axis=(-1, -2)))


PRODUCT = """
func.func private @matmul(%a: tensor<?x64xf32>, %b: tensor<3x64x16xf32>, %bias: tensor<40xf32>,
                          %out: tensor<?x40xf32>) -> tensor<?x40xf32> attributes {kernel.entry} {
  %y = kernel.matmul packed lhs(%a) rhs(%b) extras(%bias) outs(%out) {extra_maps = [#col]} epilogue {
  ^bb0(%sum: f32, %x: f32):
    %s = arith.addf %sum, %x : f32
    kernel.yield %s : f32
  } : (tensor<?x64xf32>, tensor<3x64x16xf32>, tensor<40xf32>, tensor<?x40xf32>) -> tensor<?x40xf32>
  return %y : tensor<?x40xf32>
}
func.func @main(%x: tensor<?x64xf32>, %panels: tensor<3x64x16xf32>, %bias: tensor<40xf32>) -> tensor<?x40xf32> {
  %c0 = arith.constant 0 : index
  %n = tensor.dim %x, %c0 : tensor<?x64xf32>
  %e = tensor.empty(%n) : tensor<?x40xf32>
  %0 = kernel.launch @matmul ins(%x, %panels, %bias : tensor<?x64xf32>, tensor<3x64x16xf32>, tensor<40xf32>)
      outs(%e : tensor<?x40xf32>) -> tensor<?x40xf32>
  return %0 : tensor<?x40xf32>
}"""


def test_product(tmp_path):
    rng = np.random.default_rng(4)
    x, w = rng.normal(size=(50, 64)).astype(np.float32), rng.normal(size=(64, 48)).astype(np.float32)
    w[:, 40:] = 0
    bias = rng.normal(size=40).astype(np.float32)
    panels = np.ascontiguousarray(w.reshape(64, 3, 16).transpose(1, 0, 2))
    result = run(MAPS + PRODUCT, [x, panels, bias], ["f4"], tmp_path)
    np.testing.assert_allclose(result.outputs[0], x @ w[:, :40] + bias, rtol=1e-4, atol=1e-4)


CONTROL = """
func.func private @twice(%x: tensor<8xf32>, %out: tensor<8xf32>) -> tensor<8xf32> attributes {kernel.entry} {
  %y = linalg.generic {indexing_maps = [#id1, #id1], iterator_types = ["parallel"]}
      ins(%x : tensor<8xf32>) outs(%out : tensor<8xf32>) {
  ^bb0(%a: f32, %o: f32):
    %r = arith.addf %a, %a : f32
    linalg.yield %r : f32
  } -> tensor<8xf32>
  return %y : tensor<8xf32>
}
func.func @main(%x: tensor<8xf32>, %n: tensor<i64>, %c: tensor<i1>) -> (tensor<8xf32>, tensor<8xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %count = tensor.extract %n[] : tensor<i64>
  %to = arith.index_cast %count : i64 to index
  %condition = tensor.extract %c[] : tensor<i1>
  %sum = scf.for %i = %c0 to %to step %c1 iter_args(%v = %x) -> tensor<8xf32> {
    %e = tensor.empty() : tensor<8xf32>
    %t = kernel.launch @twice ins(%v : tensor<8xf32>) outs(%e : tensor<8xf32>) -> tensor<8xf32>
    scf.yield %t : tensor<8xf32>
  }
  %r = scf.if %condition -> tensor<8xf32> {
    %e = tensor.empty() : tensor<8xf32>
    %t = kernel.launch @twice ins(%x : tensor<8xf32>) outs(%e : tensor<8xf32>) -> tensor<8xf32>
    scf.yield %t : tensor<8xf32>
  } else {
    scf.yield %x : tensor<8xf32>
  }
  return %sum, %r : tensor<8xf32>, tensor<8xf32>
}"""


@pytest.mark.parametrize("count", [0, 1, 5])
@pytest.mark.parametrize("condition", [False, True])
def test_control_flow(count, condition, tmp_path):
    x = np.arange(8, dtype=np.float32)
    result = run(MAPS + CONTROL, [x, np.array(count), np.array(condition)], ["f4", "f4"], tmp_path)
    assert result.status == 0
    np.testing.assert_array_equal(result.outputs[0], x * 2**count)
    np.testing.assert_array_equal(result.outputs[1], x * (1 + condition))
