"""Some random graphs against two references, and that the comparison and the
reduction would notice."""

import sys
from pathlib import Path

import numpy as np
import onnx
import pytest

sys.path.insert(0, str(Path(__file__).parent))
import differences  # noqa: E402
import graphs  # noqa: E402
import reduce  # noqa: E402
import rules  # noqa: E402
import run  # noqa: E402

FEW, MANY = 12, 100


def assert_explained(seeds, folder):
    bad = []

    def report(seed, status, message):
        if status in ("differs", "crashed"):
            run.write_failure(folder, seed, status, message)
            bad.append(f"seed {seed} {status}: {message}\n" + (folder / f"{seed}.txt").read_text())

    run.run(seeds, 2, report)
    assert not bad, "\n".join(bad)


def test_few_graphs(tmp_path):
    assert_explained(range(FEW), tmp_path)


@pytest.mark.slow
def test_many_graphs(tmp_path):
    assert_explained(range(FEW, FEW + MANY), tmp_path)


def test_a_seed_is_a_graph():
    (a, fed), (b, again) = (graphs.draw(7, rules.THEMES) for _ in range(2))
    assert a.SerializeToString() == b.SerializeToString()
    for x, y in zip(fed, again, strict=True):
        assert all(np.array_equal(x[name], y[name], equal_nan=True) for name in x)


def model(*nodes, output):
    text = f"""<ir_version: 10, opset_import: ["": 21]>
        g (float[n, 4] x) => ({output}) {{ {" ".join(nodes)} }}"""
    return onnx.parser.parse_model(text)


CHAIN = model("a = Abs(x)", "b = Neg(a)", "c = Exp(b)", "d = Add(c, a)", output="float[n, 4] d")
FEEDS = [{"x": np.linspace(-2, 2, 4 * n, dtype="float32").reshape(n, 4)} for n in (1, 3)]


class Wrong:
    """A compiler with an error in Exp."""

    def __init__(self, model):
        self.run = lambda feed: dict(enumerate(
            output + (0.01 if any(n.op_type == "Exp" for n in model.graph.node) else 0)
            for output in differences.references(model)["ONNX Runtime"](feed)))


def test_an_error_is_found_and_reduced(monkeypatch):
    monkeypatch.setattr(differences.weft, "compile", Wrong)
    with pytest.raises(differences.Difference, match=r"output 'd' is .* not"):
        differences.check(CHAIN, FEEDS)

    def fails(model, feeds):
        try:
            differences.check(model, feeds)
            return False
        except differences.Difference:
            return True

    small, feeds = reduce.reduce(CHAIN, FEEDS, fails)
    assert [node.op_type for node in small.graph.node] == ["Exp"]
    assert [i.name for i in small.graph.input] == list(feeds[0]) == ["b"]


def test_a_jump_is_not_judged():
    """An element whose last rounding decides between two integers."""
    steps = model("y = Floor(x)", output="float[n, 4] y")
    feed = {"x": np.array([[1, 2.5, 3, -4.25]], "float32")}
    run_ = differences.references(steps)["ONNX Runtime"]
    outputs = differences.evaluate(run_, feed)
    moved = differences.spread(run_, feed, outputs)[0]
    assert differences.differs(outputs[0] - [[1, 0, 1, 0]], outputs[0].astype("float64"), moved) is None
    assert differences.differs(outputs[0] - [[0, 1, 0, 0]], outputs[0].astype("float64"), moved)


def test_a_nudge_that_a_reference_cannot_run_says_nothing():
    def run_(feed):
        if feed["x"][0] > 1:
            raise ValueError
        return [feed["x"] * 2]

    feed = {"x": np.float32([1])}
    moved, = differences.spread(run_, feed, run_(feed), 8)
    assert 0 < moved[0] < 1e-5


def test_the_onnx_evaluator_pools_with_paddings_that_differ():
    """Its own MaxPool has an error there, which is mended."""
    pool = onnx.parser.parse_model("""<ir_version: 10, opset_import: ["": 21]>
        g (float[1, 1, 3] x) => (float[1, 1, 2] y) { y = MaxPool<kernel_shape = [3], pads = [0, 1]>(x) }""")
    run_ = differences.references(pool)["the ONNX evaluator"]
    outputs, = differences.evaluate(run_, {"x": np.array([[[1, 2, 3]]], "float32")})
    assert outputs.tolist() == [[[3, 3]]]


def test_all_outputs_of_a_node_are_loosened():
    split = onnx.parser.parse_model("""<ir_version: 10, opset_import: ["": 21]>
        g (float[4, 3] x) => (float[4, 3] a, float[4, 1] b) <float[3] s = {1, 2, 3}>
        { a, b = LayerNormalization<axis = -1>(x, s) }""")
    opened, constants = differences.loosened(split)
    feed = {"x": np.arange(12, dtype="float32").reshape(4, 3) ** 2, **constants}
    run_ = differences.references(opened)["ONNX Runtime"]
    outputs = differences.evaluate(run_, feed)
    assert all(moved.max() > 0 for moved in differences.spread(run_, feed, outputs))


def test_equal_elements_are_loosened_apart():
    """Those that one reference rounds to the same another may not: tanh near 1."""
    tanh = model("t = Tanh(x)", "y = ArgMax<axis = 1>(t)", output="int64[n, 1] y")
    opened, constants = differences.loosened(tanh)
    feed = {"x": np.array([[20, 15, 12, 16]], "float32")}
    run_ = differences.references(opened)["ONNX Runtime"]
    outputs = differences.evaluate(differences.references(tanh)["ONNX Runtime"], feed)
    assert np.isinf(differences.spread(run_, {**feed, **constants}, outputs, 32)[0]).all()


def test_the_onnx_evaluator_is_not_asked_for_what_it_ignores():
    for direction, asked in (("forward", True), ("reverse", False)):
        recurrent = onnx.parser.parse_model(f"""<ir_version: 10, opset_import: ["": 21]>
            g (float[2, 1, 3] x, float[1, 4, 3] w, float[1, 4, 4] r) => (float[2, 1, 1, 4] y)
            {{ y = RNN<hidden_size = 4, direction = "{direction}">(x, w, r) }}""")
        assert ("the ONNX evaluator" in differences.references(recurrent)) == asked


def test_strings_are_compared_as_such():
    ours, theirs = np.array(["a", "b"], object), np.array(["a", "c"])
    assert differences.differs(ours, theirs, np.zeros(2)) == "is b at [1], not c (bound 0)"
    assert differences.differs(ours, np.array(["a", "b"]), np.zeros(2)) is None


def test_what_one_reference_gets_wrong_another_may_have_right(monkeypatch):
    def wrong(_):
        return lambda feed: [np.zeros_like(feed["x"])]

    monkeypatch.setattr(differences, "REFERENCES", {"wrong": wrong, **differences.REFERENCES})
    assert differences.check(CHAIN, FEEDS) == 2
    monkeypatch.setattr(differences, "REFERENCES", {"wrong": wrong})
    with pytest.raises(differences.Difference, match=r"output 'd' is .* not .* by wrong"):
        differences.check(CHAIN, FEEDS)


def test_who_cannot_run_a_graph_may_judge_a_part(monkeypatch):
    def without_exp(model):
        return None if any(n.op_type == "Exp" for n in model.graph.node) else differences.onnx_evaluator(model)

    def wrong(model):
        return lambda feed: [output + 1 for output in differences.onnx_evaluator(model)(feed)]

    monkeypatch.setattr(differences, "REFERENCES", {"wrong": wrong, "without Exp": without_exp})
    both = model("a = Abs(x)", "b = Exp(x)", output="float[n, 4] a, float[n, 4] b")
    with pytest.raises(differences.Difference, match=r"output 'b' is .* by wrong"):
        differences.check(both, FEEDS)
    monkeypatch.setitem(differences.REFERENCES, "wrong", lambda model: lambda feed: [feed["x"], np.exp(feed["x"])])
    assert differences.check(both, FEEDS) == 2


def test_a_crash_does_not_end_the_run():
    import os
    worker = run.Worker()
    worker.start(os._exit, 3)
    assert worker.result() == ("crashed", "the process ended with 3")
    worker.start(run.judge_bytes, CHAIN.SerializeToString(), FEEDS)
    assert worker.result() == ("agrees", "")
    worker.stop()


def test_a_crash_of_a_reference_is_not_one_of_weft(monkeypatch):
    """What the parent's names are in the processes it starts is not patched,
    so the calls are made here."""

    class Here(run.Worker):
        def call(self, function, *arguments):
            if function is run.refer_seed and arguments[1] in dying:
                return "crashed", "it died"
            return judged if function is run.judge_seed else ("ended", "")

    monkeypatch.setattr(run, "Worker", Here)
    for dying, judged, outcome in [([], ("agrees", ""), "crashed"),
                                   (["ONNX Runtime"], ("agrees", ""), "reference crashed"),
                                   (["ONNX Runtime"], ("crashed", ""), "crashed"),
                                   (["ONNX Runtime"], ("differs", ""), "differs")]:
        assert run.after_crash(0, "how")[0] == outcome
