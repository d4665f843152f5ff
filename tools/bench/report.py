"""Results: how they are kept in a JSON file to which several runs add, and what
is shown of them.

A file is {"machine": …, "records": […]}, a record {"model", "batch", "threads",
"peers": {peer: {"version", "compile", "speed", "start", "memory", …}}}.
"""

import fcntl
import json
import math
import os
import platform
import statistics
from pathlib import Path

from catalog import PEERS, QUANTIZED, SETS

# A larger relative L2 distance from ONNX Runtime's outputs is called wrong.
# In quantised models values near a boundary jump by a whole step, and steps add
# up over the layers: right implementations of ResNet-50 differ by 0.15, wrong ones
# by about 1.
BOUND, QUANTIZED_BOUND = 1e-3, 0.3
KEY = ("model", "batch", "threads")


def machine():
    fields = {}
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        name, _, value = line.partition(":")
        fields.setdefault(name.strip(), value.strip())
    memory = Path("/proc/meminfo").read_text().split("\n", 1)[0].split()[1]
    vectors = [flag for flag in ("avx2", "avx512f", "avx512_vnni", "avx512_bf16",
                                 "amx_tile") if flag in fields["flags"].split()]
    return {"cpu": fields["model name"], "family": int(fields["cpu family"]),
            "cores": os.cpu_count(), "vectors": vectors,
            "cache": fields.get("cache size", ""),
            "memory_gb": round(int(memory) * 1024 / 1e9),
            "system": f"{platform.system()} {platform.release()}"}


def empty():
    return {"machine": machine(), "records": []}


def read(path):
    return json.loads(Path(path).read_text())


def record_of(results, model, batch, threads):
    """The record of that key, added if it is new."""
    key = (model, batch, threads)
    for record in results["records"]:
        if tuple(record[name] for name in KEY) == key:
            return record
    results["records"].append({**dict(zip(KEY, key)), "peers": {}})
    return results["records"][-1]


def set_part(record, peer, part, value):
    record["peers"].setdefault(peer, {})[part] = value


def merge(results, found):
    """Adds what a run found; its figures replace those of runs before."""
    for name, value in found.items():
        if name not in ("records", "machine"):
            results.setdefault(name, {}).update(value)
    results["machine"] = found["machine"]
    for new in found["records"]:
        record = record_of(results, *(new[name] for name in KEY))
        if any("speed" in parts for parts in new["peers"].values()):
            # Speeds of one record are of one run: they are compared round by
            # round.
            for parts in record["peers"].values():
                parts.pop("speed", None)
        for peer, parts in new["peers"].items():
            record["peers"].setdefault(peer, {}).update(parts)


def add(path, found):
    """Adds what was found to the file, which other runs may add to as well.
    Returns all that it holds then."""
    with open(path, "a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        text = file.read()
        results = json.loads(text) if text else empty()
        merge(results, found)
        file.truncate(0)
        file.write(json.dumps(results, indent=1) + "\n")
    return results


def rounds(record, peer):
    speed = record["peers"].get(peer, {}).get("speed", {})
    return [] if "failure" in speed else speed.get("rounds_ms", [])


def milliseconds(record, peer):
    known = [ms for ms in rounds(record, peer) if ms is not None]
    return statistics.median(known) if known else None


def is_wrong(record, peer):
    error = record["peers"].get(peer, {}).get("speed", {}).get("error")
    bound = QUANTIZED_BOUND if record["model"] in QUANTIZED else BOUND
    return error is not None and not error <= bound


def best_peer(record):
    """The fastest of the others whose results are right."""
    times = {peer: milliseconds(record, peer) for peer in record["peers"]
             if peer != "weft" and not is_wrong(record, peer)}
    times = {peer: ms for peer, ms in times.items() if ms is not None}
    return min(times, key=times.get) if times else None


def ratios(record, peer):
    """How many times as long as Weft the peer takes, round by round."""
    return [theirs / ours for theirs, ours in
            zip(rounds(record, peer), rounds(record, "weft"))
            if theirs is not None and ours is not None]


def ratio(record):
    """(median, lowest, highest) against the best peer; None if one is missing
    or Weft's result is wrong: speed does not count then."""
    peer = best_peer(record)
    found = ratios(record, peer) if peer else []
    if not found or is_wrong(record, "weft"):
        return None
    return statistics.median(found), min(found), max(found)


def geometric_mean(values):
    return math.exp(statistics.fmean(math.log(value) for value in values))


def digits(value, count=3):
    """A number with at least `count` significant digits; nothing for None."""
    if value is None:
        return ""
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    places = count - 1 - math.floor(math.log10(abs(value)))
    return f"{value:.{max(places, 0)}f}"


def table(head, rows):
    rows = [[str(cell) for cell in row] for row in rows]
    return [f"| {' | '.join(row)} |" for row in
            [head, ["---"] * len(head), *rows]] + [""]


def part_of(record, peer, *names):
    """A nested part, or None where it is missing or the peer failed."""
    part = record["peers"].get(peer, {})
    for name in names:
        part = part.get(name) if isinstance(part, dict) else None
    return part


def peers_in(records):
    return [peer for peer in PEERS
            if any(peer in record["peers"] for record in records)]


def failures(record):
    for peer, parts in record["peers"].items():
        for name, part in parts.items():
            inner = part.values() if name == "start" else [part]
            for value in inner:
                if isinstance(value, dict) and "failure" in value:
                    yield peer, name, value["failure"]


def title(record):
    text = record["model"]
    return text if record["batch"] == 1 else f"{text}, batch {record['batch']}"


def speed_rows(records, shown):
    for record in records:
        best = best_peer(record)
        cells = []
        for peer in shown:
            text = digits(milliseconds(record, peer))
            if is_wrong(record, peer):
                text += " (wrong)"
            elif any(p == peer for p, _, _ in failures(record)) and not text:
                text = "fails"
            cells.append(f"**{text}**" if peer == best else text)
        found = ratio(record)
        text = f"{found[0]:.2f} ({found[1]:.2f}–{found[2]:.2f})" if found else ""
        error = part_of(record, "weft", "speed", "error")
        yield [title(record), *cells, text,
               f"{error:.1e}" if error is not None else ""]


def speed_section(records, shown):
    head = ["model", *(f"{PEERS[p]} ms" for p in shown), "best peer / Weft",
            "rel. error"]
    lines = table(head, speed_rows(records, shown))
    found = [value[0] for record in records if (value := ratio(record))]
    if found:
        faster = sum(value >= 1 for value in found)
        lines += [f"Geometric mean of {len(found)} of {len(records)} models: "
                  f"**{geometric_mean(found):.2f}**; Weft is at least as fast as "
                  f"the best peer on {faster}.", ""]
    return lines


def parts_section(records, head, columns):
    """A table of other figures: `columns` are (peer, path, digits). Columns and
    rows without any figure are left out."""
    cells = [[part_of(record, peer, *path) for peer, path in columns]
             for record in records]
    used = [i for i in range(len(columns)) if any(row[i] is not None for row in cells)]
    rows = [[title(record), *(digits(row[i]) for i in used)]
            for record, row in zip(records, cells)
            if any(value is not None for value in row)]
    return table(["model", *(head[i] for i in used)], rows) if rows else []


def columns_of(shown, parts):
    """(heads, columns) of each part for each peer that has it."""
    heads, columns = [], []
    for path, unit in parts:
        for peer in shown:
            heads.append(f"{PEERS[peer]} {unit}")
            columns.append((peer, path))
    return heads, columns


SECTIONS = (
    ("Compiling", ((("compile", "cpu_s"), "CPU s"),
                   (("compile", "peak_mb"), "peak MB"), (("file_mb",), "file MB"))),
    ("Starting: process to first output, files in the page cache",
     ((("start", "program", "s"), "weft-run, s"), (("start", "python", "s"), "s"),
      (("start", "python", "peak_mb"), "peak MB"), (("speed", "load_ms"), "load ms"))),
    ("Memory when running", ((("speed", "resident_mb"), "MB"),
                             (("memory", "weights_mb"), "weights planned, MB"),
                             (("memory", "arena_mb"), "temporaries planned, MB"),
                             (("memory", "scratch_mb"), "scratch memory planned, MB"),
                             (("memory", "tensors_mb"), "inputs and outputs, MB"),
                             (("memory", "program_mb"), "weft-run, MB"),
                             (("memory", "beyond_mb"), "weft-run beyond these, MB"))),
    ("Tiles found by measuring, beside those of the model of the machine",
     ((("tune", "products"), "products"), (("tune", "changed"), "changed"),
      (("tune", "regret_percent"), "regret of the model's choice, %"))),
)


def accuracy_section(records, shown):
    """Rounding errors, whose size and not whose digits matter."""
    used = [peer for peer in shown
            if any(part_of(record, peer, "accuracy") for record in records)]
    rows = []
    for record in records:
        values = [part_of(record, peer, "accuracy") for peer in used]
        if any(value is not None for value in values):
            rows.append([title(record), *("" if value is None else f"{value:.1e}"
                                          for value in values)])
    if not rows:
        return []
    return ["### Relative L2 error against float64", "",
            *table(["model", *(PEERS[peer] for peer in used)], rows)]


def dynamic_section(results):
    """BERT with dynamic batch and length."""
    names = ("mean_ms", "first_over_repeat_p50", "first_over_repeat_p90",
             "first_over_repeat_max", "over_pinned", "growth_mb")
    found = results.get("dynamic", {})
    rows = [[PEERS[peer], *(digits(value.get(name)) for name in names)]
            for peer, value in found.items() if "failure" not in value]
    said = [f"- {PEERS[peer]}: {value[name]}" for peer, value in found.items()
            for name in ("failure", "pinned_failure") if name in value]
    if not found:
        return []
    return ["## BERT at 40 batches and lengths", "", *table(
        ["", "mean ms", "first run at a shape / repeat, p50", "p90", "max",
         "time / artifact of one shape", "growth MB"], rows), *said]


def markdown(results):
    info = results["machine"]
    lines = [f"{info['cpu']} (family {info['family']}), {info['cores']} cores, "
             f"{', '.join(info['vectors'])}, {info['memory_gb']} GB, "
             f"{info['system']}", ""]
    versions = {PEERS[peer]: parts["version"] for record in results["records"]
                for peer, parts in record["peers"].items() if "version" in parts}
    lines += [", ".join(f"{peer} {version}" for peer, version in
                        versions.items()), ""]
    if sizes := results.get("libraries_mb"):
        lines += ["Libraries to ship, MB: " + ", ".join(
            f"{PEERS[peer]} {digits(size)}" for peer, size in sizes.items()), ""]
    order = {model: i for i, model in enumerate(SETS["all"])}
    groups = {}
    for record in sorted(results["records"], key=lambda r: (
            r["threads"], r["batch"], order.get(r["model"], len(order)))):
        usual = record["model"] in SETS["usual"]
        groups.setdefault((record["threads"], record["batch"], not usual),
                          []).append(record)
    for (threads, batch, further), records in groups.items():
        name = "Further models" if further else "Usual models"
        plural = "" if threads == 1 else "s"
        lines += [f"## {name}, {threads} thread{plural}, batch {batch}", ""]
        lines += group(records)
    lines += dynamic_section(results)
    return "\n".join(lines).rstrip() + "\n"


def group(records):
    shown = peers_in(records)
    lines = speed_section(records, shown)
    for name, parts in SECTIONS:
        if section := parts_section(records, *columns_of(shown, parts)):
            lines += [f"### {name}", ""] + section
    lines += accuracy_section(records, shown)
    said = [f"- {title(record)}, {PEERS[peer]}, {part}: {message}"
            for record in records for peer, part, message in failures(record)]
    return lines + (["### Failures", "", *said, ""] if said else [])


def plot(results, path, threads=1, batch=1):
    """A picture: for each model how many times as long as Weft each peer takes."""
    import matplotlib
    matplotlib.use("Agg")
    from matplotlib import pyplot
    order = {model: i for i, model in enumerate(SETS["all"])}
    records = [record for record in results["records"]
               if record["threads"] == threads and record["batch"] == batch
               and milliseconds(record, "weft") is not None]
    records.sort(key=lambda record: -order.get(record["model"], len(order)))
    figure, axes = pyplot.subplots(figsize=(8, 1.2 + 0.36 * len(records)))
    for peer in peers_in(records):
        if peer == "weft":
            continue
        points = [(statistics.median(found), row) for row, record in
                  enumerate(records) if (found := ratios(record, peer))]
        if points:
            axes.scatter(*zip(*points), label=PEERS[peer], s=42, alpha=0.85)
    axes.axvline(1, color="black", linewidth=1)
    axes.set_xscale("log")
    axes.set_yticks(range(len(records)), [record["model"] for record in records])
    ticks = (0.1, 0.25, 0.5, 0.75, 1, 1.5, 2, 3, 4, 6)
    low, high = axes.get_xlim()
    axes.set_xticks([t for t in ticks if low <= t <= high],
                    [f"{t:g}" for t in ticks if low <= t <= high])
    axes.minorticks_off()
    axes.grid(axis="x", alpha=0.3)
    axes.set_xlabel("time of each peer / time of Weft  (right of 1: Weft is "
                    "faster)")
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=5, frameon=False)
    figure.savefig(path, dpi=130, bbox_inches="tight")
