"""One peer with one model in a process of its own.

    worker.py compile PEER MODEL SOURCE FILE THREADS BATCH
    worker.py once PEER MODEL FILE INPUTS THREADS
    worker.py serve PEER MODEL FILE INPUTS THREADS

`once` ends with the first output. `serve` answers a line of JSON for each line
that it reads: {"do": "measure", "seconds": 0.3}, {"do": "outputs", "file": …}.
"""

import json
import os
import statistics
import sys
import time
from pathlib import Path

import numpy

import peers

LOST = 0.03      # share of an iteration's time without a core that spoils it
CHUNK = 2e-3     # s: short runs are timed several at once
PATIENCE = 3     # times the wanted seconds, until undisturbed runs are found


def waited_for_core():
    """Nanoseconds that threads of this process were ready but had no core."""
    total = 0
    for task in os.listdir("/proc/self/task"):
        try:
            text = Path(f"/proc/self/task/{task}/schedstat").read_text()
        except OSError:  # the thread has ended
            continue
        total += int(text.split()[1])
    return total


def megabytes(kilobytes):
    """Of 10^6 bytes, as all megabytes here; the system counts kB of 1024."""
    return int(kilobytes) * 1024 / 1e6


def memory(process="self"):
    """Resident megabytes of a process: now, without what is mapped from files,
    and at most so far. None where it has ended."""
    status = Path(f"/proc/{process}/status").read_text()
    fields = dict(line.split(":", 1) for line in status.splitlines())
    if "VmRSS" not in fields:
        return None
    return {name: megabytes(fields[field].split()[0]) for name, field in (
        ("resident_mb", "VmRSS"), ("anonymous_mb", "RssAnon"),
        ("peak_mb", "VmHWM"))}


def undisturbed(wall, cpu, waited, threads):
    """One thread computes all the time that it has the core. Several wait for
    each other, too: there only time spent ready to run tells."""
    if threads == 1 and cpu < (1 - LOST) * wall:
        return False
    return waited <= LOST * wall


def timed(call, count, threads):
    """Seconds a call of `count` calls, and whether they had the core."""
    waited, cpu = waited_for_core(), time.process_time()
    begin = time.perf_counter()
    for _ in range(count):
        call()
    wall = time.perf_counter() - begin
    cpu, waited = time.process_time() - cpu, waited_for_core() - waited
    return wall / count, undisturbed(wall, cpu, waited * 1e-9, threads)


def measure(call, seconds, threads):
    """Median milliseconds of the undisturbed calls in about `seconds`; None if
    there were none."""
    estimate = timed(call, 1, threads)[0]
    count = max(1, round(CHUNK / estimate))
    kept, lost, begin = [], 0, time.perf_counter()
    while True:
        each, good = timed(call, count, threads)
        if good:
            kept.append(each)
        else:
            lost += 1
        spent = time.perf_counter() - begin
        if spent > seconds and kept or spent > PATIENCE * seconds + estimate:
            break
    return {"ms": 1e3 * statistics.median(kept) if kept else None,
            "kept": len(kept), "lost": lost}


def read_inputs(path):
    with numpy.load(path) as file:
        return dict(file)


def start(peer, model, path, inputs, threads):
    """A loaded peer whose first call is over, and how long that took."""
    feed = read_inputs(inputs)
    begin = time.perf_counter()
    engine = peers.KINDS[peer]()
    engine.load(path, model, threads)
    load = time.perf_counter() - begin
    engine.feed = feed  # bindings may borrow the arrays
    call = engine.bind(feed)
    begin = time.perf_counter()
    call()
    first = time.perf_counter() - begin
    return engine, call, {"load_ms": 1e3 * load, "first_ms": 1e3 * first}


def serve(peer, model, path, inputs, threads):
    # The answers have a stream of their own: libraries print to stdout.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    def answer(value):
        print(json.dumps(value), file=answers, flush=True)

    try:
        engine, call, started = start(peer, model, path, inputs, threads)
    except Exception as error:  # whatever a peer raises, for the table
        answer({"failure": f"{type(error).__name__}: {error}"})
        return
    answer(started)
    for line in sys.stdin:
        request = json.loads(line)
        if request["do"] == "measure":
            answer({**measure(call, request["seconds"], threads), **memory()})
        elif request["do"] == "outputs":
            outputs = [numpy.array(output) for output in engine.outputs()]
            numpy.savez(request["file"], *outputs)
            answer({})


def main(arguments):
    mode, peer, model, *rest = arguments
    if mode == "compile":
        source, path, threads, batch = rest
        peers.KINDS[peer]().compile(source, path, model, int(threads), int(batch))
        return
    path, inputs, threads = rest
    if mode == "once":
        start(peer, model, path, inputs, int(threads))
        # What is left is tearing down, which is not waited for.
        os._exit(0)
    serve(peer, model, path, inputs, int(threads))


if __name__ == "__main__":
    main(sys.argv[1:])
