"""Compiles real models, runs them beside ONNX Runtime, prints what comes out.

Both run in this process on the same number of threads, in alternating rounds, so
that a busy machine slows both. The error is the largest difference of any
element, relative to the largest value of that output. Exit code 1 when a model
does not compile or differs by more than 1e-3.
"""

import argparse
import json
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy
import onnxruntime

import demo_models as models

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "python"))
import weft  # noqa: E402

BOUNDS = (1e-5, 1e-4, 1e-3)
ROUNDS, ROUND_SECONDS = 7, 0.25
BARS = "▁▂▃▄▅▆▇█"


@dataclass
class Result:
    model: str
    compile_s: float = 0
    ours_ms: float = 0
    onnxruntime_ms: float = 0
    error: float = float("inf")
    note: str = ""

    @property
    def bound(self):
        """The tightest bound that the error meets, or None."""
        return next((b for b in BOUNDS if self.error <= b), None)


def largest_error(ours, theirs):
    """Over all outputs; infinite where shapes or NaNs differ."""
    worst = 0.0
    for a, b in zip(ours, theirs, strict=True):
        a, b = (numpy.asarray(v, dtype=numpy.float64) for v in (a, b))
        if a.shape != b.shape or not numpy.isfinite(a).all():
            return float("inf")
        if b.size:
            scale = numpy.abs(b).max() or 1.0
            worst = max(worst, numpy.abs(a - b).max() / scale)
    return float(worst)


def peer(path, threads):
    """ONNX Runtime at its best documented settings."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = threads
    options.graph_optimization_level = \
        onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(path), options,
                                        ["CPUExecutionProvider"])


def timed_compile(path, threads):
    begin = time.perf_counter()
    model = weft.compile(path, threads=threads)
    return model, time.perf_counter() - begin


def time_both(ours, theirs):
    """Median milliseconds of each, from alternating rounds after a warm-up."""
    samples = []
    for call in (ours, theirs):
        for _ in range(3):
            begin = time.perf_counter()
            call()
            seconds = time.perf_counter() - begin
        samples.append((call, max(1, int(ROUND_SECONDS / seconds)), []))
    for _ in range(ROUNDS):
        for call, count, times in samples:
            for _ in range(count):
                begin = time.perf_counter()
                call()
                times.append(time.perf_counter() - begin)
    return [1e3 * float(numpy.median(times)) for _, _, times in samples]


def run_light(path, name, threads):
    """One image through a model with one input."""
    result = Result(name)
    model, result.compile_s = timed_compile(path, threads)
    session = peer(path, threads)
    info = session.get_inputs()[0]
    feed = {info.name: models.random_image(info.shape)}
    theirs = session.run(None, feed)
    call = model.session().prepare(feed)
    call()
    result.error = largest_error(call.outputs().values(), theirs)
    result.ours_ms, result.onnxruntime_ms = time_both(
        call, lambda: session.run(None, feed))
    return result


class Stream:
    """A model with state, fed with one window after another. Outputs that are
    state go back into the inputs of the same shape, in order."""

    def __init__(self, run, state, constant):
        self.run, self.state, self.constant = run, dict(state), constant
        self.seconds = []

    def step(self, window):
        feed = {"input": window, **self.state, **self.constant}
        begin = time.perf_counter()
        outputs = self.run(feed)
        self.seconds.append(time.perf_counter() - begin)
        for name, value in zip(self.state, outputs[1:]):
            self.state[name] = value
        return outputs


def run_silero(path, rate, threads, curves):
    """A minute of sound in steps, each with the state of its own last step."""
    result = Result(f"{path.stem}, {rate // 1000} kHz")
    model, result.compile_s = timed_compile(path, threads)
    session = peer(path, threads)
    inputs = {info.name: info for info in session.get_inputs()}
    state = {name: numpy.zeros([d if isinstance(d, int) else 1
                                for d in info.shape], numpy.float32)
             for name, info in inputs.items() if name in ("state", "h", "c")}
    constant = {"sr": numpy.array(rate, numpy.int64)} if "sr" in inputs else {}
    steps = models.windows(models.speech(60, rate), rate)
    # One variant takes many windows at once: here four minutes' quarters.
    batches = numpy.array_split(steps, 4) if "h" in inputs \
        else [step[None] for step in steps]

    ours_session = model.session()
    ours = Stream(lambda feed: list(ours_session.run(feed).values()),
                  state, constant)
    theirs = Stream(lambda feed: session.run(None, feed), state, constant)
    collected = [], []
    for batch in batches:
        for stream, outputs in zip((ours, theirs), collected):
            outputs.append(stream.step(batch))
    joined = [[numpy.concatenate([numpy.ravel(step[i]) for step in outputs])
               for i in range(len(outputs[0]))] for outputs in collected]
    result.error = largest_error(*joined)
    skip = len(batches) // 10
    result.ours_ms, result.onnxruntime_ms = (
        1e3 * float(numpy.median(s.seconds[skip:])) for s in (ours, theirs))
    result.note = f"{len(batches)} steps"
    curves[result.model] = joined[0][0]
    return result


def sparkline(values, width=60):
    means = [float(part.mean()) for part in numpy.array_split(values, width)]
    return "".join(BARS[min(7, int(8 * max(0.0, m)))] for m in means)


def print_row(result):
    bound = f"{result.bound:.0e}" if result.bound else "DIFFERS"
    ratio = result.ours_ms / result.onnxruntime_ms \
        if result.onnxruntime_ms else 0
    print(f"{result.model:34} {result.compile_s:9.2f} {result.ours_ms:9.3f} "
          f"{result.onnxruntime_ms:9.3f} {ratio:6.2f} {result.error:9.1e} "
          f"{bound:>8}  {result.note}", flush=True)


def attempt(results, name, function, *arguments):
    """A model that fails is a row that says so, and the others go on."""
    try:
        result = function(*arguments)
    except (weft.Error, ValueError) as error:
        result = Result(name, note=str(error).splitlines()[0])
    results.append(result)
    print_row(result)


def jobs(only, threads, folder, curves):
    """Yields (name, function, arguments) of everything to be run."""
    for path in models.light_models():
        if only in path.stem:
            yield path.stem, run_light, (path, path.stem, threads)
            copy = Path(folder, path.name)
            models.seeded(path, copy)
            name = f"{path.stem}, seeded"
            yield name, run_light, (copy, name, threads)
            copy.unlink()
    for path in models.silero_models():
        both = path.stem in ("silero_vad", "silero_vad_op18_ifless")
        for rate in (16000, 8000) if both else (16000,):
            if only in path.stem:
                yield path.stem, run_silero, (path, rate, threads, curves)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", metavar="FILE", help="also write the results here")
    parser.add_argument("--only", default="", metavar="TEXT",
                        help="only models whose name contains this")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    print(f"\n{options.threads} thread(s); ONNX Runtime "
          f"{onnxruntime.__version__}; 'seeded': weights drawn from a seed, as "
          "the light models' own\nare one constant per tensor\n")
    print(f"{'model':34} {'compile s':>9} {'Weft ms':>9} {'ORT ms':>9} "
          f"{'ratio':>6} {'error':>9} {'within':>8}")
    results, curves = [], {}
    with tempfile.TemporaryDirectory(prefix="weft-demo-") as folder:
        for name, function, arguments in jobs(options.only, options.threads,
                                              folder, curves):
            attempt(results, name, function, *arguments)
    for name, curve in list(curves.items())[:1]:
        print(f"\nspeech in a minute of sound, by {name}:\n{sparkline(curve)}")
    if options.json:
        rows = [{**asdict(r), "bound": r.bound} for r in results]
        Path(options.json).write_text(json.dumps(rows, indent=2) + "\n")
    wrong = [r.model for r in results if r.bound is None]
    print(f"\n{len(results) - len(wrong)} of {len(results)} agree with ONNX "
          f"Runtime within {BOUNDS[-1]:.0e}")
    return 1 if wrong or not results else 0


if __name__ == "__main__":
    sys.exit(main())
