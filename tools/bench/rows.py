#!/usr/bin/env python3
"""The speed of matrix products with fixed weights over the number of rows, with
one artifact for all of them.

    rows.py                                 one thread, Weft and its peers
    rows.py --peers weft --rows 1,2,3,4,8 --json rows.json --plot rows.png
    rows.py run PEER FILE THREADS DEPTH ROWS SECONDS       answers in JSON

Products alternate between two shapes of weights, DEPTH x WIDTH and back, and
have more weights than a cache of 8 MiB holds, as the layers of a transformer.
"""

import argparse
import json
import sys
from pathlib import Path

import environment
from catalog import CACHE, PEERS

SHAPES = {"768x768": (768, 768), "768x3072": (768, 3072)}
WEIGHT_BYTES = 19 << 20   # of a model, at least
TAKES = ("weft", "onnxruntime", "openvino")
ROWS = [*range(1, 17), 20, 24, 28, 31, 32, 33, 40, 48, 56, 64, 65, 80, 96, 100,
        112, 128, 129, 160, 192, 197, 224, 256, 257, 320, 384, 448, 512]


def parser():
    made = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = made.add_argument
    add("--peers", default=list(TAKES), type=lambda text: text.split(","),
        metavar="NAMES", help=f"of {', '.join(TAKES)} (default: all)")
    add("--rows", default=ROWS, metavar="M,…",
        type=lambda text: [int(word) for word in text.split(",")])
    add("--threads", type=int, default=1, metavar="N")
    add("--seconds", type=float, default=0.1, metavar="S",
        help="for each number of rows (default: %(default)s)")
    add("--cache", type=Path, default=CACHE, metavar="DIR",
        help="where models and artifacts lie (default: build/bench/models)")
    add("--json", metavar="FILE")
    add("--plot", metavar="FILE.png")
    return made


def products(shape):
    """How many pairs of products a model of this shape has."""
    depth, width = SHAPES[shape]
    return -(-WEIGHT_BYTES // (2 * 4 * depth * width))


def flops(shape, rows):
    depth, width = SHAPES[shape]
    return 2 * products(shape) * 2 * rows * depth * width


def make_model(shape, path):
    """Weights of unit gain, so that values stay in range however many there
    are."""
    import numpy
    import onnx
    from onnx import TensorProto, helper, numpy_helper
    depth, width = SHAPES[shape]
    random = numpy.random.default_rng(5)
    nodes, weights, value = [], [], "x"
    for i in range(2 * products(shape)):
        size = (depth, width) if i % 2 == 0 else (width, depth)
        weight = random.standard_normal(size, numpy.float32) / size[0] ** 0.5
        weights.append(numpy_helper.from_array(weight.astype(numpy.float32),
                                               f"w{i}"))
        nodes.append(helper.make_node("MatMul", [value, f"w{i}"], [f"y{i}"]))
        value = f"y{i}"
    infos = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["m", depth])
             for name in ("x", value)]
    graph = helper.make_graph(nodes, shape, infos[:1], infos[1:], weights)
    opset = [helper.make_opsetid("", 20)]
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(helper.make_model(graph, opset_imports=opset), path)


def run(peer, path, threads, depth, rows, seconds):
    """Milliseconds at each number of rows, in this process."""
    import measuring
    import numpy
    import peers
    import worker
    engine = peers.KINDS[peer]()
    engine.load(path, "rows", threads)

    def time_of(count, seconds):
        feed = {"x": numpy.ones((count, depth), numpy.float32)}
        call = engine.bind(feed)
        call()
        return worker.measure(call, seconds, threads)["ms"]

    time_of(rows[-1], measuring.WARM_SECONDS)
    return [time_of(count, seconds) for count in rows]


def curve(options, cores, shape, peer):
    """GFLOP/s at each number of rows, None where no run was undisturbed; or what
    went wrong."""
    import dynamic
    import measuring
    job = measuring.Job(f"rows_{shape}", 1, options.threads, options.cache, cores)
    if not job.source.exists():
        make_model(shape, job.source)
    if peer == "weft":
        compiled = measuring.compile_model(job, peer)
        if "failure" in compiled:
            return compiled
    text, failure = dynamic.completed(job, [
        sys.executable, __file__, "run", peer, job.artifact(peer),
        options.threads, SHAPES[shape][0], json.dumps(options.rows),
        options.seconds])
    if failure:
        return {"failure": failure}
    return [ms and flops(shape, rows) / ms * 1e-6
            for rows, ms in zip(options.rows, json.loads(text))]


def plot(results, path):
    import matplotlib
    matplotlib.use("Agg")
    from matplotlib import pyplot
    curves = results["curves"]
    figure, all_axes = pyplot.subplots(1, len(curves), figsize=(11, 3.6),
                                       sharey=True, squeeze=False)
    for axes, (shape, found) in zip(all_axes[0], curves.items()):
        for peer, values in found.items():
            if isinstance(values, list):
                points = [(m, v) for m, v in zip(results["rows"], values) if v]
                axes.plot(*zip(*points), marker=".", markersize=4, linewidth=1,
                          label=PEERS[peer])
        axes.set_xscale("log", base=2)
        ticks = [m for m in (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
                 if m <= max(results["rows"])]
        axes.set_xticks(ticks, ticks)
        axes.set_title(f"weights {shape} and back")
        axes.set_xlabel("rows")
        axes.grid(alpha=0.3)
        axes.set_ylim(bottom=0)
    all_axes[0][0].set_ylabel("GFLOP/s")
    all_axes[0][0].legend(frameon=False)
    figure.savefig(path, dpi=130, bbox_inches="tight")


def measure(options):
    import compare
    import report
    cores = compare.cores(options.threads)
    results = {"machine": report.machine(), "threads": options.threads,
               "rows": options.rows, "curves": {}}
    for shape in SHAPES:
        results["curves"][shape] = {peer: curve(options, cores, shape, peer)
                                    for peer in options.peers}
    return results


def table(results):
    import report
    lines = []
    for shape, found in results["curves"].items():
        columns = [values if isinstance(values, list) else [None] * len(
            results["rows"]) for values in found.values()]
        lines += [f"## Weights {shape} and back, GFLOP/s", ""] + report.table(
            ["rows", *(PEERS[peer] for peer in found)],
            [[rows, *(report.digits(value) for value in values)]
             for rows, *values in zip(results["rows"], *columns)])
        lines += [f"- {PEERS[peer]}: {values['failure']}" for peer, values in
                  found.items() if isinstance(values, dict)]
    return "\n".join(lines)


def main(arguments):
    if arguments[:1] == ["run"]:
        peer, path, threads, depth, rows, seconds = arguments[1:]
        print(json.dumps(run(peer, path, int(threads), int(depth),
                             json.loads(rows), float(seconds))))
        return
    options = parser().parse_args(arguments)
    if unknown := [peer for peer in options.peers if peer not in TAKES]:
        raise SystemExit(f"error: '{unknown[0]}' is not measured; there are: "
                         f"{', '.join(TAKES)}")
    environment.enter()
    results = measure(options)
    if options.json:
        Path(options.json).write_text(json.dumps(results, indent=1) + "\n")
    if options.plot:
        plot(results, options.plot)
    print(table(results))


if __name__ == "__main__":
    main(sys.argv[1:])
