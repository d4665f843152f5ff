"""Runs the conformance suite of the ONNX project: each model is compiled and
run, and its outputs compared with the suite's own tolerances.

    python test/Conformance/conform.py [--symbolic] [--only TEXT] [--families] [--json FILE]

Every test ends as one of
  passed    all outputs are right
  one size  the same of a test with --symbolic of which only one size is known
  refused   the compiler says why it does not take the model
  wrong     an output differs, or the run ends with an error
  crashed   the compiler or the runtime died, blamed itself or did not end

With `--symbolic` a model is compiled with a symbol for each dimension of each
input, and run with the inputs of the test and with others of a second size
(resize.py). An error while it runs is then a refusal: what the compiler does
not know it cannot refuse.

`--page` renews docs/conformance.md, from which test_conformance.py
takes what must keep passing.
"""

import argparse
import collections
import json
import multiprocessing
import multiprocessing.connection
import re
import resource
import statistics
import sys
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[2] / "python")]
import judge  # noqa: E402
import findings  # noqa: E402
import resize  # noqa: E402
import suite  # noqa: E402

LIMIT_S = 240

# `cpu_s` is what the compiler took.
Result = collections.namedtuple("Result", "name family outcome reason cpu_s")


def family(case):
    """What a test is about: the operator, for tests of one."""
    names = judge.operators(judge.parse(case))
    others = [name for name in names if name not in ("Constant", "Identity")] or names
    if case.kind == "real":
        return "light models"
    return others[0] if len(others) == 1 else f"{re.sub('^test_', '', case.name).split('_')[0]}…"


def _children_s():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _is_narrow(values):
    return any(getattr(value, "dtype", None) == "float16" for value in values)


def attempt(case, others=None):
    """(outcome, reason) of one test. `others` are the second inputs and outputs of
    all tests, by name; with them the dimensions are symbolic."""
    import weft
    model = judge.parse(case)
    given = judge.parse(case)
    data = case.data
    if others is not None:
        given = resize.symbolic(given)
        data = data + ([others[case.name]] if others[case.name] else [])
    try:
        compiled = weft.compile(given, budget=f"{LIMIT_S // 2}s", threads=1)
    except weft.InternalError as error:
        return "crashed", str(error)
    except weft.Error as error:
        return "refused", str(error)
    for number, (inputs, expected) in enumerate(data):
        size = "second size: " if number >= len(case.data) else ""
        try:
            found = list(compiled.run(judge.feed(model, inputs)).values())
            # The reference rounds otherwise than a kernel that adds in f32.
            judge.judge(case._replace(rtol=max(case.rtol, 2e-3)) if size and _is_narrow(expected) else case,
                        model, inputs, found, expected)
        except (weft.Error, AssertionError) as error:
            plain = others is not None and isinstance(error, weft.Error) and not isinstance(error, weft.InternalError)
            return "refused" if plain else "wrong", size + " ".join(str(error).split())[:300]
    return "one size" if others is not None and len(data) == len(case.data) else "passed", ""


def serve(cases, others, connection):
    """A worker: takes numbers of tests, gives back their outcomes and what
    the compiler took."""
    while (number := connection.recv()) is not None:
        since = _children_s()
        outcome, reason = attempt(cases[number], others)
        connection.send((outcome, reason, _children_s() - since))


class Worker:
    """A process that may die; it is then replaced."""

    def __init__(self, cases, others):
        self.cases, self.others, self.number = cases, others, None
        self.start()

    def start(self):
        self.connection, theirs = multiprocessing.Pipe()
        self.process = multiprocessing.get_context("fork").Process(
            target=serve, args=(self.cases, self.others, theirs), daemon=True)
        self.process.start()
        theirs.close()

    def give(self, number):
        self.number, self.since = number, time.monotonic()
        self.connection.send(number)

    def take(self):
        """The outcome of the test at hand; None while there is none."""
        if self.connection.poll():
            try:
                return self.connection.recv()
            except EOFError:
                self.process.join()
                code = self.process.exitcode
                self.start()
                return "crashed", f"the process died with exit code {code}", 0.0
        if time.monotonic() - self.since > LIMIT_S:
            self.process.kill()
            self.process.join()
            self.start()
            return "crashed", f"did not end within {LIMIT_S} s", 0.0
        return None

    def stop(self):
        self.connection.send(None)
        self.process.join()


def run(cases, jobs=2, progress=lambda done: None, symbolic=False):
    """Results of all cases, in their order."""
    others = resize.load(cases, jobs) if symbolic else None
    workers = [Worker(cases, others) for _ in range(min(jobs, len(cases)))]
    waiting = iter(range(len(cases)))
    outcomes = {}
    busy = []
    for worker in workers:
        worker.give(next(waiting))
        busy.append(worker)
    while busy:
        multiprocessing.connection.wait([worker.connection for worker in busy], timeout=1)
        for worker in list(busy):
            if (outcome := worker.take()) is None:
                continue
            outcomes[worker.number] = outcome
            progress(len(outcomes))
            number = next(waiting, None)
            if number is None:
                busy.remove(worker)
                worker.stop()
            else:
                worker.give(number)
    return [Result(case.name, family(case), *outcomes[i]) for i, case in enumerate(cases)]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--symbolic", action="store_true", help="with symbolic dimensions and at two sizes")
    parser.add_argument("--only", metavar="TEXT", help="tests with this in their name")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="each N-th test")
    parser.add_argument("--families", action="store_true", help="group by operator")
    parser.add_argument("--json", metavar="FILE", help="write all results")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--page", action="store_true", help=f"write {findings.PAGE.name}")
    return parser.parse_args()


def main():
    options = arguments()
    everything = suite.load()
    cases = [case for case in everything if not options.only or options.only in case.name][::options.every]

    def progress(done):
        if sys.stderr.isatty():
            print(f"\r{done} of {len(cases)}", end="\n" if done == len(cases) else "", file=sys.stderr)

    results = run(cases, options.jobs, progress, options.symbolic)
    print(*(findings.by_family(results) if options.families else findings.by_reason(results)), sep="\n")
    for result in results:
        if result.outcome in ("wrong", "crashed"):
            print(f"{result.outcome}: {result.name}: {result.reason}")
    print(f"{len(results)} of {len(everything)} tests: {findings.counts(results)}")
    print(f"compiler: {statistics.median(result.cpu_s for result in results):.2f} CPU s a test at the median, "
          f"{sum(result.cpu_s for result in results):.0f} in all")
    if options.json:
        Path(options.json).write_text(json.dumps([result._asdict() for result in results], indent=1))
    if options.page:
        symbolic = run(cases, options.jobs, progress, symbolic=True)
        findings.PAGE.write_text("\n".join(findings.page(results, symbolic)) + "\n")
    return any(result.outcome in ("wrong", "crashed") for result in results)


if __name__ == "__main__":
    sys.exit(main())
