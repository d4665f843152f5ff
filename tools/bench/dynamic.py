"""One artifact for all batch sizes and lengths: what the first run at a new
shape costs, what being dynamic costs, and whether memory grows.

    dynamic.py PEER FILE THREADS      run by measure(); answers in JSON
"""

import json
import statistics
import subprocess
import sys
import tempfile
import time

import numpy

import measuring
import peers
import worker
from catalog import DYNAMIC

SHAPES, REPEATS = 40, 7
PINNED = 4     # shapes that are also compiled for themselves
VOCABULARY = 30522
TAKES = ("weft", "onnxruntime", "openvino")


def shapes(seed=3):
    """(batch, length) of each call, no two alike; short ones are more frequent,
    as in traffic."""
    random = numpy.random.default_rng(seed)
    chosen = {}
    while len(chosen) < SHAPES:
        shape = int(random.integers(1, 3)), int(4 + 252 * random.random() ** 2)
        chosen[shape] = None
    return list(chosen)


def feed(batch, length):
    random = numpy.random.default_rng(batch * 1000 + length)
    return {"input_ids": random.integers(0, VOCABULARY, (batch, length)),
            "attention_mask": numpy.ones((batch, length), numpy.int64)}


def row_of(first, repeats):
    """Seconds of the first call and the median of later ones, of what
    worker.timed says; None for a first call that had to wait for its core."""
    kept = [seconds for seconds, good in repeats if good]
    return [first[0] if first[1] else None,
            statistics.median(kept or [seconds for seconds, _ in repeats])]


def run_all(peer, path, threads, chosen):
    """A row for each shape: what the caller of a service waits for, so inputs
    are bound within. The first shape only warms up, until Weft has moved its
    weights."""
    engine = peers.KINDS[peer]()
    engine.load(path, DYNAMIC, threads)
    call, end = engine.bind(feed(*chosen[0])), time.perf_counter() + measuring.WARM_SECONDS
    while time.perf_counter() < end:
        call()
    # Weights that are mapped become resident as rows of embeddings are used.
    before, rows = worker.memory()["anonymous_mb"], []
    for shape in chosen[1:]:
        inputs = feed(*shape)
        first, *repeats = [
            worker.timed(lambda: engine.bind(inputs)(), 1, threads)
            for _ in range(1 + REPEATS)]
        rows.append(row_of(first, repeats))
    return {"rows": rows, "growth_mb": worker.memory()["anonymous_mb"] - before}


def completed(job, command):
    """(output, None) of a program, or (None, what went wrong)."""
    with tempfile.TemporaryFile("w+") as errors:
        process = job.start(command, stdout=subprocess.PIPE, stderr=errors,
                            text=True)
        text = process.communicate()[0]
        errors.seek(0)
        failed = process.returncode != 0
        return text, measuring.message_of(errors.read()) if failed else None


def run(job, peer, path, chosen):
    """run_all in a process of its own."""
    text, failure = completed(job, [sys.executable, __file__, peer, path,
                                    job.threads, json.dumps(chosen)])
    return {"failure": failure} if failure else json.loads(text)


def pinned_seconds(job, shape):
    """What an artifact takes that is compiled for this shape alone."""
    path = job.source.with_suffix(".pinned.weft")
    pins = [word for name in feed(*shape)
            for word in ("--input", f"{name}={shape[0]}x{shape[1]}:i64")]
    _, failure = completed(job, peers.Weft.compile_command(job.source, path, *pins))
    result = {"failure": failure} if failure else \
        run(job, "weft", path, [shape, shape])
    path.unlink(missing_ok=True)
    if "failure" in result:
        raise RuntimeError(f"pinned to {shape}: {result['failure']}")
    return result["rows"][0][1]


def over_pinned(job, rows):
    """How many times as long as an artifact for one shape the dynamic one takes:
    the median over some shapes."""
    every = SHAPES // PINNED
    return statistics.median(
        repeat / pinned_seconds(job, shape)
        for shape, (_, repeat) in list(zip(shapes(), rows))[::every])


def summary(result):
    firsts = sorted(first / repeat for first, repeat in result["rows"]
                    if first is not None)
    if not firsts:
        return {"failure": "no first run at a shape had its core"}
    return {"lost": len(result["rows"]) - len(firsts),
            "first_over_repeat_p50": statistics.median(firsts),
            "first_over_repeat_p90": firsts[int(0.9 * len(firsts))],
            "first_over_repeat_max": firsts[-1],
            "mean_ms": 1e3 * statistics.fmean(r for _, r in result["rows"]),
            "growth_mb": result["growth_mb"]}


def measure(options, cores):
    """Results by peer."""
    job = measuring.Job(DYNAMIC, 1, options.threads, options.cache, cores)
    if failure := measuring.make_model(job):
        raise SystemExit(f"error: {DYNAMIC} cannot be made: {failure}")
    found = {}
    for peer in (peer for peer in options.peers if peer in TAKES):
        if peer == "weft":
            compiled = measuring.compile_model(job, peer)
            if "failure" in compiled:
                found[peer] = compiled
                continue
        result = run(job, peer, job.artifact(peer), [(1, 128), *shapes()])
        if "failure" in result:
            found[peer] = result
            continue
        found[peer] = summary(result)
        if peer == "weft":
            found[peer]["compile"] = compiled
            try:
                found[peer]["over_pinned"] = over_pinned(job, result["rows"])
            except RuntimeError as error:
                found[peer]["pinned_failure"] = str(error)
    return found


def main(peer, path, threads, chosen):
    result = run_all(peer, path, int(threads), json.loads(chosen))
    print(json.dumps(result))


if __name__ == "__main__":
    main(*sys.argv[1:])
