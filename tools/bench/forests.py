#!/usr/bin/env python3
"""Ensembles of decision trees by scikit-learn, beside ONNX Runtime.

    forests.py                               all models, 1 to 1000 rows, one thread
    forests.py --models depth-6,unlimited --rows 1,1000 --json forests.json
    forests.py --rows 1 --calls 1            the same row again and again

Needs scikit-learn and skl2onnx, which build/venv holds (tools/setup.sh). Few rows
are others at each call: of a row that comes again the processor has learnt its
ways through the trees.
"""

import argparse
import copy
import json
import os
import resource
import statistics
import subprocess
import sys
import warnings
from pathlib import Path

import catalog
import peers

PYTHON = catalog.ROOT / "build" / "venv" / "bin" / "python"
LEARN, FEATURES = 5000, 20
WARM_S, ROUND_S = 0.5, 0.1
MANY = 64          # rows, of which two batches do
TOLERANCE = 1e-5   # of probabilities and values, relative to the largest


def forest(trees, depth, classes, learn=LEARN):
    from sklearn.ensemble import RandomForestClassifier
    return RandomForestClassifier(trees, max_depth=depth, random_state=0), classes, learn


def boosting(trees, leaves, classes):
    """Trees that grow where it pays most, as LightGBM's do."""
    from sklearn.ensemble import GradientBoostingClassifier
    return GradientBoostingClassifier(n_estimators=trees, max_depth=None, max_leaf_nodes=leaves,
                                      random_state=0), classes, LEARN


def stumps(trees, depth):
    from sklearn.ensemble import GradientBoostingRegressor
    return GradientBoostingRegressor(n_estimators=trees, max_depth=depth, random_state=0), 0, LEARN


def regressor(trees):
    from sklearn.ensemble import RandomForestRegressor
    return RandomForestRegressor(trees, random_state=0), 0, LEARN


# An estimator, its number of classes (none for a regressor), the rows it learns.
MODELS = {
    "depth-6": lambda: forest(500, 6, 3),
    "small": lambda: forest(500, None, 3, learn=300),
    "unlimited": lambda: forest(500, None, 3),
    "ten": lambda: forest(300, None, 10),
    "hundred": lambda: forest(100, None, 100),
    "regressor": lambda: regressor(200),
    "boosting": lambda: boosting(300, 31, 2),
    "boosting-five": lambda: boosting(100, 31, 5),
    "depth-3": lambda: stumps(300, 3),
    "doubles": lambda: forest(500, None, 3),
}


def element(name):
    return "float64" if name == "doubles" else "float32"


def data(rows, classes, seed):
    """Features, and labels or values that depend on all of them, with noise."""
    import numpy
    random = numpy.random.default_rng(seed)
    mixes = numpy.random.default_rng(3).standard_normal((2, FEATURES))
    x = random.standard_normal((rows, FEATURES))
    y = x @ mixes[0] + numpy.abs(x) @ mixes[1] + 2 * random.standard_normal(rows)
    if classes:
        y = numpy.argsort(numpy.argsort(y)) * classes // rows
    return x, y


def make_model(name, path):
    """Trains and writes the model, if it is not there."""
    if path.exists():
        return
    from skl2onnx import to_onnx
    estimator, classes, learn = MODELS[name]()
    x, y = data(learn, classes, 1)
    x = x.astype("float32")  # trees of floats
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        estimator.fit(x, y)
        model = to_onnx(estimator, x[:1].astype(element(name)), target_opset={"": 21, "ai.onnx.ml": 3},
                        options={id(estimator): {"zipmap": False}} if classes else {})
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(model.SerializeToString())


def compiled(source, path):
    """CPU seconds of the compiler and megabytes of what it wrote."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    run = subprocess.run(peers.Weft.compile_command(source, path), capture_output=True, text=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if run.returncode:
        raise SystemExit(run.stderr.strip())
    return {"compile_s": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
            "artifact_mb": path.stat().st_size / 1e6, "onnx_mb": source.stat().st_size / 1e6}


class Peer:
    """A loaded model, and calls of it with different rows that take turns."""

    def __init__(self, name, path, threads):
        self.engine, self.threads = peers.KINDS[name](), threads
        self.engine.load(path, None, threads)

    def bind(self, feeds):
        self.feeds = feeds  # bindings may borrow the arrays
        self.engines = [copy.copy(self.engine) for _ in feeds]  # of one session
        self.calls = [engine.bind(feed) for engine, feed in zip(self.engines, feeds)]

    def outputs(self, i):
        self.calls[i]()
        return self.engines[i].outputs()

    def microseconds(self, seconds):
        """Of a call; None if no turn was undisturbed."""
        import worker

        def turn():
            for call in self.calls:
                call()
        ms = worker.measure(turn, seconds, self.threads)["ms"]
        return ms and 1e3 * ms / len(self.calls)


def check(name, ours, theirs):
    """Fails where values differ; a label may where two classes are as likely."""
    import numpy
    for a, b in zip(ours, theirs, strict=True):
        a, b = numpy.asarray(a), numpy.asarray(b)
        if a.shape != b.shape:
            raise SystemExit(f"error: {name}: Weft gives {a.shape} where ONNX Runtime gives {b.shape}")
        wrong = numpy.mean(a != b) if b.dtype.kind in "iu" else \
            numpy.abs(a - b).max() / max(1, numpy.abs(b).max())
        if not wrong <= (0.01 if b.dtype.kind in "iu" else TOLERANCE):
            raise SystemExit(f"error: {name}: outputs differ by {wrong:.2g}")


def measure_rows(options, name, rows, both, x):
    """Microseconds of a call with so many rows, and how many times as fast Weft is."""
    count = options.calls if rows < MANY else 2
    feeds = [{"X": x[i:i + rows].copy()} for i in range(count)]
    for peer in both:
        peer.bind(feeds)
    for i in range(count):
        check(f"{name}, {rows} rows", *(peer.outputs(i) for peer in both))
    for peer in both:
        peer.microseconds(WARM_S)
    rounds = []
    for turn in range(options.rounds):
        order = range(2) if turn % 2 == 0 else (1, 0)
        times = {i: both[i].microseconds(ROUND_S) for i in order}
        if all(times.values()):
            rounds.append((times[0], times[1]))
    if not rounds:
        raise SystemExit(f"error: {name}, {rows} rows: other programs disturbed all rounds")
    ours, theirs = (statistics.median(times) for times in zip(*rounds))
    return {"weft_us": ours, "onnxruntime_us": theirs, "ratio": statistics.median(b / a for a, b in rounds)}


def measure(options, name):
    source = options.cache / f"forest-{name}.onnx"
    make_model(name, source)
    artifact = source.with_suffix(".weft")
    found = compiled(source, artifact)
    both = [Peer("weft", artifact, options.threads), Peer("onnxruntime", source, options.threads)]
    x = data(max(options.rows) + max(2, options.calls), 0, 2)[0].astype(element(name))
    return {**found, "rows": {rows: measure_rows(options, name, rows, both, x) for rows in options.rows}}


def parser():
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = made.add_argument
    add("--models", default=list(MODELS), type=lambda text: text.split(","), metavar="NAMES",
        help=f"of {', '.join(MODELS)} (default: all)")
    add("--rows", default=[1, 33, 1000], type=lambda text: [int(word) for word in text.split(",")], metavar="N,…")
    add("--calls", type=int, default=64, metavar="N", help="different batches of few rows, that take turns (default: %(default)s)")
    add("--threads", type=int, default=1, metavar="N")
    add("--rounds", type=int, default=5, metavar="N")
    add("--cache", type=Path, default=catalog.CACHE, metavar="DIR",
        help="where models and artifacts lie (default: build/bench/models)")
    add("--json", metavar="FILE")
    return made


def main():
    options = parser().parse_args()
    if unknown := [name for name in options.models if name not in MODELS]:
        raise SystemExit(f"error: no model is called '{unknown[0]}'; there are: {', '.join(MODELS)}")
    if Path(sys.prefix) != PYTHON.parents[1]:
        os.execv(PYTHON, [str(PYTHON), *sys.argv])
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-options.threads:])
    results = {}
    print("| model | rows | Weft, us | ONNX Runtime, us | times as fast | compiling, CPU s | artifact, MB | ONNX, MB |")
    print("| --- " * 8 + "|")
    for name in options.models:
        results[name] = found = measure(options, name)
        for rows, row in found["rows"].items():
            print(f"| {name} | {rows} | {row['weft_us']:.1f} | {row['onnxruntime_us']:.1f} | {row['ratio']:.1f} "
                  f"| {found['compile_s']:.2f} | {found['artifact_mb']:.1f} | {found['onnx_mb']:.1f} |", flush=True)
    if options.json:
        Path(options.json).write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
