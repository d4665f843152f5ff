"""No test of ONNX's conformance suite may crash, and none may be lost that
passed when docs/conformance.md was made."""

import os
import sys
from pathlib import Path

import numpy
import pytest
from onnx import TensorProto, helper

sys.path.insert(0, str(Path(__file__).parent))
import conform  # noqa: E402
import judge  # noqa: E402
import findings  # noqa: E402
import resize  # noqa: E402
import suite  # noqa: E402

SAMPLE = 37


def check(results, symbolic=False):
    broken = [f"{r.outcome}: {r.name}: {r.reason}" for r in results if r.outcome == "crashed"]
    assert not broken, "\n".join(broken)
    assert not findings.lost(results, symbolic)


def test_sample():
    cases = suite.load()
    assert len(cases) == 2033
    check(conform.run(cases[::SAMPLE]))


def test_sample_with_symbolic_dimensions():
    check(conform.run(suite.load()[SAMPLE // 2::SAMPLE], symbolic=True), symbolic=True)


@pytest.mark.slow
def test_all_with_symbolic_dimensions():
    check(conform.run(suite.load(), symbolic=True), symbolic=True)


@pytest.mark.slow
def test_all():
    check(conform.run(suite.load()))


def test_a_wrong_output_is_seen():
    node = helper.make_node("Neg", ["x"], ["y"])
    infos = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [2]) for name in "xy"]
    model = helper.make_model(helper.make_graph([node], "g", infos[:1], infos[1:]),
                              opset_imports=[helper.make_opsetid("", 13)])
    x = numpy.float32([1, 2])
    cases = [suite.Case(f"test_{name}", "node", model.SerializeToString(), [([x], [y])], 1e-3, 1e-7)
             for name, y in [("right", -x), ("wrong", x), ("shape", -x[:1]), ("type", -x.astype("float64"))]]
    assert [r.outcome for r in conform.run(cases)] == ["passed", "wrong", "wrong", "wrong"]
    with pytest.raises(AssertionError):
        check(conform.run(cases[1:2]))


def _elementwise(name, kind, inputs, output):
    infos = [helper.make_tensor_value_info(name, TensorProto.FLOAT, x.shape)
             for name, x in [*zip("ab", inputs), ("y", output)]]
    graph = helper.make_graph([helper.make_node(kind, list("ab"[:len(inputs)]), ["y"])], "g", infos[:-1], infos[-1:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
    return suite.Case(name, "node", model.SerializeToString(), [(inputs, [output])], 1e-3, 1e-7)


def test_a_second_size_keeps_what_is_tied():
    x = numpy.float32([[1, 2, 3], [4, 5, 6]])
    inputs, outputs = resize.second(_elementwise("test_add", "Add", [x, x], x + x))
    assert [value.shape for value in inputs + outputs] == [(3, 4)] * 3
    inputs, outputs = resize.second(_elementwise("test_matmul", "MatMul", [x, x.T], x @ x.T))
    assert [value.shape for value in inputs + outputs] == [(3, 4), (4, 3), (3, 3)]


def test_a_wrong_output_at_the_second_size_is_seen(monkeypatch):
    x = numpy.float32([1, 2])
    cases = [_elementwise(f"test_{i}", "Neg", [x], -x) for i in range(3)]
    longer = numpy.float32([1, 2, 3])
    others = {"test_0": ([longer], [-longer]), "test_1": ([longer], [longer]), "test_2": None}
    monkeypatch.setattr(resize, "load", lambda cases, jobs: others)
    assert [r.outcome for r in conform.run(cases, symbolic=True)] == ["passed", "wrong", "one size"]


def test_a_crash_is_counted_and_the_rest_still_runs(monkeypatch):
    monkeypatch.setattr(conform, "attempt", lambda case, others: os.abort() if case.name == "b" else ("passed", ""))
    monkeypatch.setattr(conform, "family", lambda case: "")
    cases = [suite.Case(name, "node", b"", [], 0, 0) for name in "abcd"]
    assert [r.outcome for r in conform.run(cases)] == ["passed", "crashed", "passed", "passed"]


def test_a_lost_test_is_named():
    result = conform.Result("test_that_is_no_test", "Op", "refused", "why", 0.0)
    assert findings.lost([result]) == [result.name]
    with pytest.raises(AssertionError):
        check([result])


def test_a_biased_generator_is_seen():
    p = numpy.full(1000, 0.5)
    judge._bernoulli(None, [p], [(numpy.arange(1000) % 2).astype("float32")])
    with pytest.raises(AssertionError):
        judge._bernoulli(None, [p], [numpy.ones(1000)])
