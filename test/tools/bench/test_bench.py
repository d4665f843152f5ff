"""The compare tool's arguments, statistics and reports, without the peers."""

import copy
import json
import math
import os
import subprocess
import sys
from pathlib import Path

import numpy
import pytest

BENCH = Path(__file__).parents[3] / "tools" / "bench"
sys.path.insert(0, str(BENCH))
import catalog  # noqa: E402
import compare  # noqa: E402
import dynamic  # noqa: E402
import forests  # noqa: E402
import measuring  # noqa: E402
import report  # noqa: E402
import rows  # noqa: E402
import worker  # noqa: E402


def record(model="mlp", batch=1, threads=1, **rounds):
    """A record in which each peer took what `rounds` says."""
    return {"model": model, "batch": batch, "threads": threads,
            "peers": {peer: {"speed": {"rounds_ms": list(times), "error": 1e-7}}
                      for peer, times in rounds.items()}}


def results(*records):
    machine = {"cpu": "Test CPU", "family": 25, "cores": 2, "memory_gb": 8,
               "vectors": ["avx2"], "cache": "", "system": "Linux"}
    return {"machine": machine, "records": list(records)}


def test_sets_and_models_may_be_mixed():
    assert catalog.models_of("mlp,further,mlp") == \
        ["mlp", *catalog.SETS["further"]]


@pytest.mark.parametrize("arguments, message", [
    (["--models", "alexnet"], "no model or set is called 'alexnet'"),
    (["--peers", "weft,tvm"], "no peer is called 'tvm'"),
    (["--measure", "speed,size"], "'size' cannot be measured"),
    (["--threads", "0"], "0 is not more than 0"),
    (["--seconds", "-1"], "-1 is not more than 0"),
])
def test_wrong_arguments_are_named(arguments, message):
    run = subprocess.run([sys.executable, BENCH / "compare.py", *arguments],
                         capture_output=True, text=True)
    assert run.returncode == 2
    assert message in run.stderr


def test_more_threads_than_cores_are_refused():
    with pytest.raises(SystemExit, match="--threads 4096: this process may use"):
        compare.cores(4096)


def test_ratio_is_the_median_over_rounds_against_the_best_right_peer():
    found = record(weft=[1, 2, 4], onnxruntime=[3, 3, 8], openvino=[1, 1, 1])
    found["peers"]["openvino"]["speed"]["error"] = 0.5  # fast, but wrong
    assert report.best_peer(found) == "onnxruntime"
    assert report.ratio(found) == (2, 1.5, 3)


def test_disturbed_rounds_are_left_out_in_pairs():
    found = record(weft=[1, None, 1], onnxruntime=[2, 9, None])
    assert report.ratio(found) == (2, 2, 2)


@pytest.mark.parametrize("error", [2e-3, math.inf, math.nan])
def test_speed_of_wrong_results_does_not_count(error):
    found = record(weft=[1], onnxruntime=[2])
    found["peers"]["weft"]["speed"]["error"] = error
    assert report.ratio(found) is None
    assert "(wrong)" in report.markdown(results(found))


def test_a_peer_that_fails_is_named_with_its_message():
    found = record(weft=[1], onnxruntime=[2])
    found["peers"]["openvino"] = {"speed": {"failure": "no such operator"}}
    text = report.markdown(results(found))
    assert "| mlp | 1.00 | **2.00** | fails | 2.00 (2.00–2.00) | 1.0e-07 |" in text
    assert "- mlp, OpenVINO, speed: no such operator" in text


def test_tables_have_each_group_and_its_mean():
    text = report.markdown(results(
        record("mlp", weft=[1], onnxruntime=[2]),
        record("dlrm", weft=[1], onnxruntime=[0.5]),
        record("audio", weft=[1], onnxruntime=[3]),
        record("mlp", threads=2, weft=[1], onnxruntime=[4])))
    assert "## Usual models, 1 thread, batch 1" in text
    assert "## Further models, 1 thread, batch 1" in text
    assert "## Usual models, 2 threads, batch 1" in text
    assert "Geometric mean of 2 of 2 models: **1.00**; Weft is at least as fast " \
        "as the best peer on 1." in text


def test_what_was_not_measured_has_no_column():
    found = record(weft=[1], onnxruntime=[2])
    found["peers"]["weft"].update(compile={"cpu_s": 1.25, "peak_mb": 100.0},
                                  file_mb=9.5)
    text = report.markdown(results(found))
    assert "| model | Weft CPU s | Weft peak MB | Weft file MB |" in text
    assert "| mlp | 1.25 | 100 | 9.50 |" in text
    assert "Starting" not in text


def test_runs_add_up_in_one_file(tmp_path):
    path = tmp_path / "results.json"
    report.add(path, results(record(weft=[1], onnxruntime=[2], openvino=[3])))
    compiled = results(record())
    report.set_part(compiled["records"][0], "weft", "compile", {"cpu_s": 1})
    report.add(path, compiled)
    report.add(path, results(record(weft=[5], onnxruntime=[6]),
                             record("dlrm", weft=[7])))
    merged = report.read(path)
    mlp, dlrm = merged["records"]
    assert json.loads(path.read_text()) == merged
    assert mlp["peers"]["weft"]["compile"] == {"cpu_s": 1}
    assert report.rounds(mlp, "weft") == [5]
    assert report.rounds(mlp, "openvino") == []  # of an earlier run
    assert report.rounds(dlrm, "weft") == [7]


def test_adding_changes_nothing_of_what_was_found(tmp_path):
    found = results(record(weft=[1]))
    before = copy.deepcopy(found)
    report.add(tmp_path / "results.json", found)
    report.add(tmp_path / "results.json", results(record(weft=[2])))
    assert found == before


@pytest.mark.parametrize("value, text", [
    (0.05557, "0.0556"), (1.0, "1.00"), (75.79, "75.8"), (3307.0, "3307"),
    (0.0, "0"), (None, "")])
def test_digits(value, text):
    assert report.digits(value) == text


def test_relative_error():
    one = numpy.array([3.0, 4.0], numpy.float32)
    assert measuring.relative_error([one], [one]) == 0
    assert measuring.relative_error([one + [0, 5]], [one]) == 1
    assert measuring.relative_error([one[:1]], [one]) == math.inf
    assert measuring.relative_error([one * numpy.nan], [one]) == math.inf
    assert measuring.relative_error([one], [0 * one]) == math.inf


def test_time_without_the_core_spoils_an_iteration():
    assert worker.undisturbed(wall=1, cpu=0.98, waited=0, threads=1)
    assert not worker.undisturbed(wall=1, cpu=0.96, waited=0, threads=1)
    assert not worker.undisturbed(wall=1, cpu=1, waited=0.04, threads=1)
    assert worker.undisturbed(wall=1, cpu=1.2, waited=0, threads=2)


def test_a_megabyte_is_a_million_bytes():
    assert worker.megabytes("15625") == 16
    found = worker.memory()
    assert 1 < found["anonymous_mb"] < found["resident_mb"] <= found["peak_mb"]


def test_a_process_that_has_ended_has_no_memory():
    process = subprocess.Popen([sys.executable, "-c", ""])
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert worker.memory(process.pid) is None
    process.wait()


def test_scratch_memory_of_every_thread_is_planned():
    page = {"weight_bytes": 3_000_000, "arena_bytes": 2_000_000,
            "code": [{"scratch_bytes": 1_500_000}], "inputs": [],
            "outputs": [{"type": "f32", "shape": [500, 500]}]}
    assert measuring.planned_mb(page, 2) == {
        "weights_mb": 3, "arena_mb": 2, "scratch_mb": 3, "tensors_mb": 1}
    page["code"].append({"scratch_bytes": -1})
    page["arena_bytes"] = -1
    planned = measuring.planned_mb(page, 2)
    assert planned["scratch_mb"] is None and planned["arena_mb"] is None


def test_measuring_takes_about_as_long_as_asked():
    found = worker.measure(lambda: sum(range(10000)), 0.05, 1)
    assert found["kept"] + found["lost"] >= 1
    assert found["ms"] is None or 0 < found["ms"] < 1000


def test_the_line_that_says_what_went_wrong_is_shown():
    assert measuring.message_of("Traceback\n  x\nValueError: 5\n\n") == "ValueError: 5"
    assert measuring.message_of("one\ntwo\n") == "two"
    assert measuring.message_of("") == "ended without a message"


def test_shapes_differ_and_stay_the_same():
    shapes = dynamic.shapes()
    assert len(set(shapes)) == dynamic.SHAPES
    assert shapes == dynamic.shapes()
    assert all(1 <= batch <= 2 and 4 <= length < 256 for batch, length in shapes)


def test_growth_and_first_runs_are_summed_up():
    rows = [[0.002, 0.001]] * 9 + [[0.005, 0.001], [None, 0.001]]
    found = dynamic.summary({"rows": rows, "growth_mb": 3})
    assert found["lost"] == 1
    assert found["first_over_repeat_p50"] == pytest.approx(2)
    assert found["first_over_repeat_max"] == pytest.approx(5)
    assert found["mean_ms"] == pytest.approx(1)


def test_calls_that_wait_for_the_core_are_left_out():
    first, lost = (5.0, True), (9.0, False)
    assert dynamic.row_of(first, [(1.0, True), (2.0, True), lost]) == [5, 1.5]
    assert dynamic.row_of(lost, [(1.0, True), lost]) == [None, 1]
    assert dynamic.row_of(first, [lost, lost]) == [5, 9]
    assert "failure" in dynamic.summary({"rows": [[None, 1]], "growth_mb": 0})


def test_rows_count_the_work_of_all_products():
    depth, width = rows.SHAPES["768x3072"]
    assert rows.products("768x3072") * 2 * 4 * depth * width >= rows.WEIGHT_BYTES
    assert rows.flops("768x3072", 3) == \
        rows.products("768x3072") * 2 * (2 * 3 * 768 * 3072)


def test_rows_are_tabled_beside_what_failed():
    found = {"rows": [1, 2], "curves": {"768x768": {
        "weft": [1.0, None], "openvino": {"failure": "no memory"}}}}
    text = rows.table(found)
    assert "| 1 | 1.00 |  |" in text and "| 2 |  |  |" in text
    assert "- OpenVINO: no memory" in text


def test_rows_name_a_peer_that_they_do_not_measure():
    run = subprocess.run([sys.executable, BENCH / "rows.py", "--peers", "eager"],
                         capture_output=True, text=True)
    assert run.returncode and "'eager' is not measured" in run.stderr


def test_forests_name_a_model_that_is_none():
    run = subprocess.run([sys.executable, BENCH / "forests.py", "--models", "oak"], capture_output=True, text=True)
    assert run.returncode and "no model is called 'oak'; there are: depth-6" in run.stderr


def test_forests_compare_outputs():
    labels, values = numpy.arange(200), numpy.ones((200, 2), numpy.float32)
    forests.check("oak", [labels, values], [labels, values * numpy.float32(1 + 5e-6)])
    near = labels.copy()
    near[7] = 0  # where two classes are as likely
    forests.check("oak", [near, values], [labels, values])
    for wrong in ([labels[::-1], values], [labels, values * 1.1], [labels, values * numpy.nan], [labels, values[:1]]):
        with pytest.raises(SystemExit, match="oak"):
            forests.check("oak", wrong, [labels, values])
