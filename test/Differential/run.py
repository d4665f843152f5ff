"""Compares Weft with ONNX Runtime and the ONNX evaluator on random graphs.

    python test/Differential/run.py --count 10000 --seed 0 --out failures

Each graph has its own seed; what fails is reduced and written to OUT as
SEED.onnx, SEED.npz (its inputs) and SEED.txt (the message). Ends with 1 where a
difference is not explained or Weft crashed. Where a process died, the references
run again without Weft: one that dies then is left out, and the graph counts as
"reference crashed" if Weft agrees with the other. `--replay SEED` runs one graph in
this process.
"""

import argparse
import multiprocessing
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import onnx

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[1] / "python")]

import differences  # noqa: E402
import graphs  # noqa: E402
import reduce  # noqa: E402
import rules  # noqa: E402


STATUSES = ("agrees", "refused", "differs", "crashed", "reference crashed")


def judge(model, feeds, without=()):
    """("agrees" | "refused" | "differs", message) of one graph."""
    try:
        differences.check(model, feeds, without)
        return "agrees", ""
    except differences.Refused as refused:
        return "refused", str(refused)
    except differences.Difference as difference:
        return "differs", str(difference)


def judge_seed(seed, without=()):
    return judge(*graphs.draw(seed, rules.THEMES), without)


def judge_bytes(data, feeds):
    return judge(onnx.load_from_string(data), feeds)


def refer_seed(seed, name):
    """One reference alone; what it raises is not asked here."""
    model, feeds = graphs.draw(seed, rules.THEMES)
    references = differences.references(model, [other for other in differences.REFERENCES if other != name])
    for run in references.values():
        for feed in feeds:
            differences.evaluate(run, feed)
    return "ended", ""


def values_of(data, feed):
    return "ended", reduce.values_of(onnx.load_from_string(data), feed)


def worker(connection):
    while (task := connection.recv()) is not None:
        function, arguments = task
        connection.send(function(*arguments))


class Worker:
    """A process that survives the crashes of what it runs by being replaced."""

    LIMIT = 200  # seconds

    def __init__(self):
        self.context = multiprocessing.get_context("spawn")
        self.process = None

    def start(self, function, *arguments):
        if not self.process:
            self.connection, theirs = self.context.Pipe()
            self.process = self.context.Process(target=worker, args=(theirs,), daemon=True)
            self.process.start()
            theirs.close()
        self.connection.send((function, arguments))

    def result(self):
        """What the function returned, or ("crashed", how)."""
        try:
            if self.connection.poll(self.LIMIT):
                return self.connection.recv()
            how = f"took over {self.LIMIT} s"
        except EOFError:
            self.process.join()
            how = f"the process ended with {self.process.exitcode}"
        self.stop()
        return "crashed", how

    def stop(self):
        if self.process:
            self.process.kill()
            self.process.join()
            self.process = None


    def call(self, function, *arguments):
        self.start(function, *arguments)
        return self.result()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


def after_crash(seed, how):
    """Whose crash it was: the outcome without the references that die alone."""
    with Worker() as helper:
        dead = [name for name in differences.REFERENCES if helper.call(refer_seed, seed, name)[0] == "crashed"]
        if not dead:
            return "crashed", how
        status, message = helper.call(judge_seed, seed, dead)
        return ("reference crashed", f"{' and '.join(dead)}: {how}") if status == "agrees" else (status, message)


def write_failure(folder, seed, status, message):
    """Reduces in other processes: what is tried may crash Weft or a reference."""
    folder.mkdir(parents=True, exist_ok=True)
    model, feeds = graphs.draw(seed, rules.THEMES)
    with Worker() as helper:
        def fails(model, feeds):
            return helper.call(judge_bytes, model.SerializeToString(), feeds)[0] == status

        def values(model, feed):
            ended, found = helper.call(values_of, model.SerializeToString(), feed)
            if ended == "crashed":
                raise RuntimeError(found)
            return found

        model, feeds = reduce.reduce(model, feeds, fails, values)
    onnx.save(model, folder / f"{seed}.onnx")
    np.savez(folder / f"{seed}.npz", **{f"{size}/{k}": v for size, feed in enumerate(feeds) for k, v in feed.items()})
    (folder / f"{seed}.txt").write_text(f"{status}: {message}\n\n{onnx.printer.to_text(model)}\n")


def run(seeds, jobs, report):
    """Calls report(seed, status, message) for each seed, in order."""
    workers = [Worker() for _ in range(jobs)]
    pending = {}

    def finish(w):
        seed = pending.pop(w)
        status, message = w.result()
        report(seed, *(after_crash(seed, message) if status == "crashed" else (status, message)))

    for k, seed in enumerate(seeds):
        w = workers[k % jobs]
        if w in pending:
            finish(w)
        w.start(judge_seed, seed)
        pending[w] = seed
    for w in list(pending):
        finish(w)
    for w in workers:
        w.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0, help="of the first graph; the next ones count up")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--out", type=Path, default=Path("differential-failures"))
    parser.add_argument("--replay", type=int, metavar="SEED")
    options = parser.parse_args()
    if options.replay is not None:
        print(*judge_seed(options.replay), sep=": ")
        return 0
    counts, refusals = Counter(), Counter()

    def report(seed, status, message):
        counts[status] += 1
        if status == "refused":
            refusals[message.splitlines()[0][:160]] += 1
        elif status == "reference crashed":
            print(f"seed {seed} {status}: {message}", flush=True)
        elif status != "agrees":
            print(f"seed {seed} {status}: {message}", flush=True)
            write_failure(options.out, seed, status, message)

    run(range(options.seed, options.seed + options.count), options.jobs, report)
    for message, count in refusals.most_common(20):
        print(f"refused {count}: {message}")
    print(f"seeds {options.seed} to {options.seed + options.count - 1}: " +
          ", ".join(f"{counts[s]} {s}" for s in STATUSES))
    return 1 if counts["differs"] or counts["crashed"] else 0


if __name__ == "__main__":
    sys.exit(main())
