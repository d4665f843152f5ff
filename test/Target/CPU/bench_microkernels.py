"""Speed of the emitted products as a share of this core's multiply-add peak.

Usage: bench_microkernels.py [--level L] [--filter TEXT] [--tile "rows = 6, …"]
                             [--matmul MxNxK] [--ort] [--keep FOLDER]

Every figure is the best of many runs on one thread, divided by the peak that
was measured just before it. --ort also times ONNX Runtime on the same operator
with one thread.
"""

import argparse
import ctypes
import os
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np

import microkernel_cases as cases

HERE = Path(__file__).resolve().parent


def product(op, left, right, out, attributes, flops, onnx):
    case = cases.Case(op, [left, right], out, np.zeros(1), "bias_relu", attributes)
    case.extras = [np.zeros(out.shape[-1:], np.float32)]
    case.flops, case.onnx = flops, onnx
    return case


def random(*shape):
    return np.random.default_rng(1).standard_normal(shape, dtype=np.float32)


def matmul(m, n, k, tile):
    return product("matmul packed", random(m, k), random(-(-n // 16), k, 16), np.zeros((m, n), np.float32),
                   ("", tile), 2 * m * n * k, ("MatMul", (m, k), (k, n), {}))


def plain(batch, m, n, k, tile):
    return product("matmul", random(batch, m, k), random(batch, k, n), np.zeros((batch, m, n), np.float32),
                   ("", tile), 2 * batch * m * n * k, ("MatMul", (batch, m, k), (batch, k, n), {}))


def conv(c, k, size, window, stride=1, groups=1, cb=16, tile=""):
    """`size` is the output's width and height, `c` and `k` channels in all."""
    extent = (size - 1) * stride + window
    blocks_in = -(-(c // groups) // cb)
    blocks_out = -(-(k // groups) // 16)
    text = f"strides [{stride}, {stride}] dilations [1, 1] groups {groups}"
    return product("conv", random(1, groups * blocks_in, extent, extent, cb),
                   random(groups * blocks_out, blocks_in, window, window, cb, 16),
                   np.zeros((1, groups * blocks_out, size, size, 16), np.float32), (text, tile),
                   2 * k * (c // groups) * size * size * window * window,
                   ("Conv", (1, c, extent, extent), (k, c // groups, window, window),
                    {"strides": [stride, stride], "group": groups}))


def winograd(c, k, size, extents=(4, 4), tile=""):
    """A convolution with windows of 3x3 and pads of 1, by minimal filtering."""
    weight = cases.winograd_weight(random(k, c, 3, 3), extents)
    text = f"tile [{extents[0]}, {extents[1]}] pads [1, 1] dilations [1, 1] groups 1"
    return product("winograd_conv", random(1, c // 16, size, size, 16), weight,
                   np.zeros((1, k // 16, size, size, 16), np.float32), (text, tile),
                   2 * k * c * size * size * 9,
                   ("Conv", (1, c, size, size), (k, c, 3, 3), {"pads": [1, 1, 1, 1]}))


def depthwise(c, size, window, stride=1, tile=""):
    extent = (size - 1) * stride + window
    return product("depthwise_conv", random(1, c // 16, extent, extent, 16),
                   random(c // 16, window, window, 16), np.zeros((1, c // 16, size, size, 16), np.float32),
                   (f"strides [{stride}, {stride}] dilations [1, 1]", tile),
                   2 * c * size * size * window * window,
                   ("Conv", (1, c, extent, extent), (c, 1, window, window),
                    {"strides": [stride, stride], "group": c}))


TABLE = {
    "matmul 1024x1024x1024": lambda t: matmul(1024, 1024, 1024, t),
    "matmul 128x3072x768": lambda t: matmul(128, 3072, 768, t),
    "matmul 128x768x3072": lambda t: matmul(128, 768, 3072, t),
    "matmul 49x2048x512": lambda t: matmul(49, 2048, 512, t),
    "matmul 1x4096x4096": lambda t: matmul(1, 4096, 4096, t),
    "matmul 1x1000x2048": lambda t: matmul(1, 1000, 2048, t),
    "matmul 7x768x768": lambda t: matmul(7, 768, 768, t),
    "plain 12x 128x128x64": lambda t: plain(12, 128, 128, 64, t),
    "plain 12x 128x64x128": lambda t: plain(12, 128, 64, 128, t),
    "conv3x3 64>64 56": lambda t: conv(64, 64, 56, 3, tile=t),
    "conv3x3 128>128 28": lambda t: conv(128, 128, 28, 3, tile=t),
    "conv3x3 256>256 14": lambda t: conv(256, 256, 14, 3, tile=t),
    "conv3x3 512>512 7": lambda t: conv(512, 512, 7, 3, tile=t),
    "conv1x1 256>64 56": lambda t: conv(256, 64, 56, 1, tile=t),
    "conv1x1 64>256 56": lambda t: conv(64, 256, 56, 1, tile=t),
    "conv1x1 1024>256 14": lambda t: conv(1024, 256, 14, 1, tile=t),
    "conv1x1 2048>512 7": lambda t: conv(2048, 512, 7, 1, tile=t),
    "conv7x7s2 3>64 112": lambda t: conv(3, 64, 112, 7, 2, cb=1, tile=t),
    "conv3x3s2 128>128 28": lambda t: conv(128, 128, 28, 3, 2, tile=t),
    "conv1x1s2 256>512 28": lambda t: conv(256, 512, 28, 1, 2, tile=t),
    "conv3x3 64>64 224": lambda t: conv(64, 64, 224, 3, tile=t),
    "conv11x11s4 3>64 55": lambda t: conv(3, 64, 55, 11, 4, cb=1, tile=t),
    "conv1x1g3 240>240 28": lambda t: conv(240, 240, 28, 1, groups=3, tile=t),
    "winograd4x4 64>64 56": lambda t: winograd(64, 64, 56, tile=t),
    "winograd4x4 128>128 28": lambda t: winograd(128, 128, 28, tile=t),
    "winograd4x4 256>256 14": lambda t: winograd(256, 256, 14, tile=t),
    "winograd4x4 512>512 7": lambda t: winograd(512, 512, 7, tile=t),
    "winograd4x2 512>512 7": lambda t: winograd(512, 512, 7, (4, 2), tile=t),
    "winograd2x2 512>512 7": lambda t: winograd(512, 512, 7, (2, 2), tile=t),
    "winograd4x4 128>128 64": lambda t: winograd(128, 128, 64, tile=t),
    "winograd4x4 32>32 256": lambda t: winograd(32, 32, 256, tile=t),
    "winograd4x4 512>512 16": lambda t: winograd(512, 512, 16, tile=t),
    "depthwise3x3 96 112": lambda t: depthwise(96, 112, 3, tile=t),
    "depthwise3x3s2 96 56": lambda t: depthwise(96, 56, 3, 2, tile=t),
    "depthwise5x5 240 14": lambda t: depthwise(240, 14, 5, tile=t),
}


def ort_seconds(operator, left, right, attributes):
    import onnx
    import onnxruntime

    weight = onnx.numpy_helper.from_array(random(*right), "w")
    plain_rhs = operator == "MatMul" and len(right) == 3
    inputs = [onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, left)]
    if plain_rhs:
        inputs.append(onnx.helper.make_tensor_value_info("w", onnx.TensorProto.FLOAT, right))
    nodes = [onnx.helper.make_node(operator, ["x", "w"], ["s"], **attributes),
             onnx.helper.make_node("Relu", ["s"], ["y"])]
    graph = onnx.helper.make_graph(
        nodes, "g", inputs, [onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, None)],
        [] if plain_rhs else [weight])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    feed = {"x": random(*left)} | ({"w": random(*right)} if plain_rhs else {})
    binding = session.io_binding()
    for name, value in feed.items():
        binding.bind_cpu_input(name, value)
    binding.bind_output("y")
    best, end = 1e9, time.monotonic() + 1
    while time.monotonic() < end:
        start = time.thread_time()
        session.run_with_iobinding(binding)
        best = min(best, time.thread_time() - start)
    return best


def compile_bench(selected, level, folder, cpu):
    cases.LOWERING = cases.LOWERING.replace(
        "func.func(scf-forall-to-for)", "func.func(scf-forall-to-for,buffer-loop-hoisting)").replace(
        "finalize-memref-to-llvm", "finalize-memref-to-llvm{use-generic-functions=true}")
    harness = folder / "harness.o"
    subprocess.run(["cc", "-O2", "-mavx2", "-mfma", "-fPIC", "-c", HERE / "bench_harness.c", "-o", harness],
                   check=True)
    cases.EXTRA_OBJECTS = [harness]
    return cases.compile_cases(selected, level, folder, cpu)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--level", default="x86-64-v3")
    parser.add_argument("--filter", default="")
    parser.add_argument("--tile", action="append", default=[], help="numbers of kernel.tile; several are compared")
    parser.add_argument("--matmul", action="append", default=[], metavar="MxNxK", help="times one more product")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--ort", action="store_true")
    parser.add_argument("--keep")
    options = parser.parse_args()
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    tiles = options.tile or [""]
    for shape in options.matmul:
        TABLE[f"matmul {shape}"] = lambda t, mnk=tuple(map(int, shape.split("x"))): matmul(*mnk, t)
    names = [n for n in TABLE if any(f in n for f in options.filter.split("|"))]
    names = [n for n in names for _ in tiles]
    labels = [t for _ in range(len(names) // len(tiles)) for t in tiles]
    selected = [TABLE[n](f", kernel.tile = {{{t}}}" if t else "") for n, t in zip(names, labels)]
    folder = Path(options.keep or tempfile.mkdtemp())
    folder.mkdir(exist_ok=True)
    library = compile_bench(selected, options.level, folder, options.level)
    if "v4" in options.level and "avx512f" not in open("/proc/cpuinfo").read():
        print("this machine cannot run the level; compiled only")
        return
    library.peak_flops.restype = library.time_kernel.restype = ctypes.c_double
    seconds = [1e9] * len(selected)
    peak = library.peak_flops()
    for _ in range(options.rounds):
        for i, case in enumerate(selected):
            arguments = [cases.argument(a)._obj for a in case.operands()]
            pointers = (ctypes.c_void_p * 6)(*map(ctypes.addressof, arguments))
            function = getattr(library, f"_mlir_ciface_case_{i}")
            repeat = max(1, int(5e7 / case.flops))
            seconds[i] = min(seconds[i], library.time_kernel(function, pointers, 12, repeat))
        peak = max(peak, library.peak_flops())
    for name, label, case, best in zip(names, labels, selected, seconds):
        line = f"{name:26} {case.flops / best * 1e-9:7.1f} GFLOP/s  {case.flops / best / peak:6.1%} {label}"
        if options.ort:
            ort = ort_seconds(*case.onnx)
            line += f"  ORT {case.flops / ort * 1e-9:7.1f}  ratio {ort / best:5.2f}"
        print(line, flush=True)


if __name__ == "__main__":
    main()
