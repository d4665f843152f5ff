#!/usr/bin/env python3
"""Compares Weft with what a user would pick instead.

    compare.py                                     the usual models, one thread
    compare.py --models further --threads 2
    compare.py --models bert --peers weft,openvino --json results.json

Each peer runs in a process of its own on the same cores, in rounds that take
turns, and its outputs are checked against ONNX Runtime's. Results are added to
the file after --json, so a comparison can be made in pieces; --measure says
which pieces. The first call makes build/bench-venv and the models.
"""

import argparse
import os
import sys
from pathlib import Path

import environment
import report
from catalog import CACHE, PEERS, SETS, models_of, peers_of

PARTS = ("compile", "speed", "start", "memory", "accuracy", "tune", "dynamic")


def positive(kind):
    def convert(text):
        value = kind(text)
        if not value > 0:
            raise argparse.ArgumentTypeError(f"{text} is not more than 0")
        return value
    convert.__name__ = f"positive {kind.__name__}"
    return convert


def listed(of):
    def convert(text):
        try:
            return of(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(error) from None
    return convert


def parts_of(names):
    chosen = names.split(",")
    if unknown := [name for name in chosen if name not in PARTS]:
        raise ValueError(f"'{unknown[0]}' cannot be measured; there are: "
                         f"{', '.join(PARTS)}")
    return chosen


def parser():
    made = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = made.add_argument
    add("--models", default="usual", type=listed(models_of), metavar="NAMES",
        help=f"models or sets ({', '.join(SETS)}), separated by commas")
    add("--peers", type=listed(peers_of), metavar="NAMES",
        default=list(PEERS), help=f"of {', '.join(PEERS)} (default: all)")
    add("--measure", default="compile,speed,start,memory", type=listed(parts_of),
        metavar="PARTS", help=f"of {', '.join(PARTS)} (default: %(default)s)")
    add("--threads", type=positive(int), default=1, metavar="N")
    add("--batch", type=positive(int), default=1, metavar="N")
    add("--rounds", type=positive(int), default=5, metavar="N")
    add("--seconds", type=positive(float), default=0.4, metavar="S",
        help="of a peer's turn in a round (default: %(default)s)")
    add("--tune-seconds", type=positive(float), default=30, metavar="S",
        help="how long a search for tiles may take (default: %(default)s)")
    add("--cache", type=Path, default=CACHE, metavar="DIR",
        help="where models and artifacts lie (default: build/bench/models)")
    add("--build", type=Path, metavar="DIR",
        help="the build of Weft to use (default: build)")
    add("--json", metavar="FILE", help="add the results to this file")
    add("--markdown", metavar="FILE", help="write tables of all its results")
    add("--plot", metavar="FILE.png", help="and a picture")
    return made


def cores(threads):
    """The last cores that this process may use: the first serve interrupts."""
    allowed = sorted(os.sched_getaffinity(0))
    if threads > len(allowed):
        raise SystemExit(f"error: --threads {threads}: this process may use "
                         f"{len(allowed)} cores")
    return tuple(allowed[-threads:])


def compile_all(job, record, chosen):
    import measuring
    import peers
    for peer in chosen:
        if peers.KINDS[peer].compiles:
            report.set_part(record, peer, "compile",
                            measuring.compile_model(job, peer))


def measure_model(job, record, options):
    """Fills in the record of one model with the parts that were asked for."""
    import accuracy
    import measuring
    import peers
    chosen = [peer for peer in options.peers if peers.takes(peer, job.model)]
    if "compile" in options.measure:
        compile_all(job, record, chosen)
    ready = []
    for peer in chosen:
        report.set_part(record, peer, "version", peers.version(peer))
        path = job.artifact(peer)
        if path and path.exists():
            report.set_part(record, peer, "file_mb", path.stat().st_size / 1e6)
        if not path or path.exists():
            ready.append(peer)
    if "speed" in options.measure:
        found = measuring.speed(job, ready, options.rounds, options.seconds)
        for peer, speed in found.items():
            report.set_part(record, peer, "speed", speed)
    if "start" in options.measure:
        for peer in ready:
            if job.artifact(peer):
                report.set_part(record, peer, "start", measuring.starts(job, peer))
    if "memory" in options.measure and "weft" in ready:
        report.set_part(record, "weft", "memory", measuring.memory_of(job))
    if "tune" in options.measure and "weft" in chosen:
        report.set_part(record, "weft", "tune",
                        measuring.tuned(job, options.tune_seconds))
    if "accuracy" in options.measure:
        for peer, error in accuracy.errors(job, ready).items():
            report.set_part(record, peer, "accuracy", error)


def measure(options):
    """Everything that was asked for; returns the results, with those that the
    file after --json held before."""
    import measuring
    import peers
    from tqdm import tqdm
    found = report.empty()
    found["libraries_mb"] = {peer: peers.library_mb(peer)
                             for peer in options.peers if peer != "eager"}
    results = found
    models = options.models if set(options.measure) != {"dynamic"} else []
    for model in tqdm(models, disable=not sys.stderr.isatty()):
        job = measuring.Job(model, options.batch, options.threads, options.cache,
                            cores(options.threads))
        if failure := measuring.make_model(job):
            raise SystemExit(f"error: {model} cannot be made: {failure}")
        record = report.record_of(found, model, job.batch, job.threads)
        measure_model(job, record, options)
        if options.json:
            results = report.add(options.json, found)
    if "dynamic" in options.measure:
        import dynamic
        found["dynamic"] = dynamic.measure(options, cores(options.threads))
        if options.json:
            results = report.add(options.json, found)
    return results


def main():
    options = parser().parse_args()
    environment.enter()
    if options.build:
        os.environ["WEFT_BUILD"] = str(options.build.resolve())
    results = measure(options)
    text = report.markdown(results)
    if options.markdown:
        Path(options.markdown).write_text(text)
    if options.plot:
        report.plot(results, options.plot, options.threads, options.batch)
    print(text, end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
