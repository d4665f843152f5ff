"""Runs the workers: compiling, speed in interleaved rounds, starts."""

import contextlib
import json
import math
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy

import peers
import worker
from catalog import file_stem

WORKER = Path(__file__).with_name("worker.py")
STARTS = 5           # of which the median counts, after one that fills caches
START_SECONDS = 8    # slow ones are started less often
WARM_SECONDS = 5     # of runs that do not count


@dataclass
class Job:
    """One model, at one batch and number of threads."""
    model: str
    batch: int
    threads: int
    cache: Path
    cores: tuple

    @property
    def source(self):
        return Path(self.cache, file_stem(self.model, self.batch) + ".onnx")

    @property
    def inputs(self):
        return self.source.with_suffix(".npz")

    def artifact(self, peer):
        """The file that the peer loads, if it does; torch's code depends on the
        threads."""
        suffix = peers.KINDS[peer].suffix
        if suffix == "pt2":
            return self.source.with_suffix(f".threads{self.threads}.pt2")
        return self.source.with_suffix(f".{suffix}") if suffix else None

    def environment(self):
        """Libraries that look at these make no more threads than asked for."""
        return {**os.environ, "OMP_NUM_THREADS": str(self.threads),
                "MKL_NUM_THREADS": str(self.threads),
                "TORCHINDUCTOR_COMPILE_THREADS": "1",
                "PYTHONWARNINGS": "ignore"}

    def start(self, command, **more):
        return subprocess.Popen(
            [str(word) for word in command], env=self.environment(),
            preexec_fn=lambda: os.sched_setaffinity(0, self.cores), **more)


def usage_of(process):
    """Waits; returns the exit code, CPU seconds and peak megabytes of the
    process and its children."""
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return (process.returncode, usage.ru_utime + usage.ru_stime,
            worker.megabytes(usage.ru_maxrss))


def message_of(text):
    """The line of a program's output that says what went wrong."""
    lines = [line for line in text.strip().splitlines() if line.strip()]
    said = [line for line in lines if "rror" in line]
    return (said or lines or ["ended without a message"])[-1][:300]


def compile_model(job, peer):
    """Compiles for `peer`, which has a compiler, into its place in the cache."""
    path = job.artifact(peer)
    if peer == "weft":
        command = peers.Weft.compile_command(job.source, path)
    else:
        command = [sys.executable, WORKER, "compile", peer, job.model, job.source,
                   path, job.threads, job.batch]
    path.unlink(missing_ok=True)
    begin = time.perf_counter()
    with tempfile.TemporaryFile("w+") as text:
        process = job.start(command, stdout=text, stderr=text)
        code, cpu, peak = usage_of(process)
        wall = time.perf_counter() - begin
        text.seek(0)
        if code:
            return {"failure": message_of(text.read())}
    return {"cpu_s": cpu, "wall_s": wall, "peak_mb": peak}


class Server:
    """The parent's end of a worker that stays warm."""

    def __init__(self, job, peer):
        self.errors = tempfile.TemporaryFile("w+")
        self.process = job.start(
            [sys.executable, WORKER, "serve", peer, job.model, job.artifact(peer),
             job.inputs, job.threads],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors,
            text=True)
        self.started = self.read()

    def read(self):
        line = self.process.stdout.readline()
        if line:
            return json.loads(line)
        self.process.wait()
        self.errors.seek(0)
        return {"failure": f"ended with code {self.process.returncode}: "
                           f"{message_of(self.errors.read())}"}

    def ask(self, **request):
        try:
            print(json.dumps(request), file=self.process.stdin, flush=True)
        except BrokenPipeError:
            pass  # what read() says tells more
        return self.read()

    def outputs(self):
        with tempfile.NamedTemporaryFile(suffix=".npz") as file:
            reply = self.ask(do="outputs", file=file.name)
            if "failure" in reply:
                return None
            with numpy.load(file.name) as arrays:
                return list(arrays.values())

    def close(self):
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        self.process.wait()
        self.errors.close()


def relative_error(ours, theirs):
    """The largest over all outputs of |ours - theirs| / |theirs|, in L2."""
    worst = 0.0
    for a, b in zip(ours, theirs, strict=True):
        if a.shape != b.shape:
            return float("inf")
        a, b = a.astype(numpy.float64).ravel(), b.astype(numpy.float64).ravel()
        distance, size = numpy.linalg.norm(a - b), numpy.linalg.norm(b)
        if not numpy.isfinite(distance):
            return float("inf")
        if distance:
            worst = max(worst, distance / size if size else float("inf"))
    return float(worst)


def errors_of(servers):
    """Of each peer's outputs against ONNX Runtime's, where that runs too."""
    reference = servers.get("onnxruntime")
    theirs = reference and reference.outputs()
    if theirs is None:
        return {}
    found = {}
    for peer, server in servers.items():
        if server is not reference and (ours := server.outputs()) is not None:
            found[peer] = relative_error(ours, theirs) \
                if len(ours) == len(theirs) else float("inf")
    return found


def speed(job, chosen, rounds, seconds):
    """What each peer's calls take, by peer: alternating rounds, so that a busy
    machine slows all of them."""
    results, servers = {}, {}
    with contextlib.ExitStack() as stack:
        for peer in chosen:
            server = Server(job, peer)
            stack.callback(server.close)
            results[peer] = server.started
            if "failure" not in server.started:
                servers[peer] = server
        for peer, error in errors_of(servers).items():
            results[peer]["error"] = error
        # Caches and clocks settle, and Weft moves weights to huge pages.
        for server in servers.values():
            server.ask(do="measure", seconds=WARM_SECONDS)
        for turn in range(rounds):
            order = list(servers)
            for peer in order[turn % len(order):] + order[:turn % len(order)]:
                add_round(results[peer], servers[peer].ask(
                    do="measure", seconds=seconds))
    return results


def add_round(result, reply):
    if "failure" in reply:
        result.update(reply)
        return
    result.setdefault("rounds_ms", []).append(reply["ms"])
    result["lost"] = result.get("lost", 0) + reply["lost"]
    result["kept"] = result.get("kept", 0) + reply["kept"]
    result["resident_mb"], result["peak_mb"] = \
        reply["resident_mb"], reply["peak_mb"]


def start_time(job, command):
    """Median seconds from starting the process to its end, which is the first
    output, and its peak memory; files are in the page cache."""
    walls, peaks = [], []
    while len(walls) <= STARTS and (len(walls) < 3 or sum(walls) < START_SECONDS):
        begin = time.perf_counter()
        with tempfile.TemporaryFile("w+") as text:
            process = job.start(command, stdout=text, stderr=text)
            code, _, peak = usage_of(process)
            wall = time.perf_counter() - begin
            text.seek(0)
            if code:
                return {"failure": message_of(text.read())}
        walls.append(wall)
        peaks.append(peak)
    return {"s": statistics.median(walls[1:]), "peak_mb": max(peaks[1:])}


def starts(job, peer):
    found = {"python": start_time(job, [
        sys.executable, WORKER, "once", peer, job.model, job.artifact(peer),
        job.inputs, job.threads])}
    if peer == "weft":
        found["program"] = start_time(job, [
            peers.Weft.find("bin", "weft-run"), job.artifact(peer), "--inputs",
            job.inputs, "--threads", job.threads])
    return found


def tensor_mb(described):
    """Megabytes of tensors that `weft inspect` describes; none where an extent
    is not known."""
    total = 0
    for tensor in described:
        bits = re.sub(r"\D", "", tensor["type"])
        if not all(isinstance(extent, int) for extent in tensor["shape"]):
            return None
        total += math.prod(tensor["shape"]) * int(bits or 8) / 8
    return total / 1e6


def program_resident(job):
    """Resident megabytes of weft-run while it measures, when its weights have
    settled."""
    with job.start([peers.Weft.find("bin", "weft-run"), "bench",
                    job.artifact("weft"), "--inputs", job.inputs, "--threads",
                    job.threads, "--seconds", WARM_SECONDS],
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        resident = None
        while process.poll() is None:
            if found := worker.memory(process.pid):
                resident = found["resident_mb"]
            time.sleep(0.1)
    return resident


def planned_mb(page, threads):
    """Megabytes of Weft's plan, from what `weft inspect` says: weights as stored,
    temporaries and scratch memory unless they depend on shapes, and the caller's
    tensors."""
    scratch = [code["scratch_bytes"] for code in page["code"]]
    return {"weights_mb": page["weight_bytes"] / 1e6,
            "arena_mb": page["arena_bytes"] / 1e6
            if page["arena_bytes"] >= 0 else None,
            "scratch_mb": threads * max(scratch) / 1e6
            if min(scratch) >= 0 else None,
            "tensors_mb": tensor_mb(page["inputs"] + page["outputs"])}


def memory_of(job):
    """Megabytes of Weft's plan, of weft-run when it runs, and what it holds
    beyond the plan."""
    run = subprocess.run([peers.Weft.find("bin", "weft"), "inspect",
                          str(job.artifact("weft")), "--json"],
                         capture_output=True, text=True)
    if run.returncode:
        return {"failure": message_of(run.stderr)}
    planned = planned_mb(json.loads(run.stdout), job.threads)
    found = {**planned, "program_mb": program_resident(job)}
    if None not in found.values():
        found["beyond_mb"] = found["program_mb"] - sum(planned.values())
    return found


def tuned(job, seconds):
    """What weft compile --tune finds: the regret of the untuned choice, %."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.json")
        process = job.start(
            [peers.Weft.find("bin", "weft"), "compile", job.source, "-o",
             Path(folder, "tuned.weft"), "--tune", f"{seconds}s",
             "--tune-threads", job.threads, "--json", report],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        _, errors = process.communicate()
        if process.returncode:
            return {"failure": message_of(errors)}
        found = json.loads(report.read_text())["tuning"]
    return {"regret_percent": 100 * found["regret"],
            "products": found["products"], "changed": found["changed"]}


def make_model(job):
    """Writes the ONNX file and inputs, if they are not there. Returns what went
    wrong, or None."""
    if job.source.exists() and job.inputs.exists():
        return None
    with tempfile.TemporaryFile("w+") as text:
        process = job.start([sys.executable, WORKER.with_name("models.py"),
                             job.model, job.cache, job.batch],
                            stdout=text, stderr=text)
        code, _, _ = usage_of(process)
        text.seek(0)
        return message_of(text.read()) if code else None
