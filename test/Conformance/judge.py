"""Whether outputs are those that a test of the suite expects.

Operators that draw random numbers have no single right output: for those the
distribution is checked, within five standard deviations.
"""

import numpy
import onnx
from onnx.backend.test.runner import Runner

DEVIATIONS = 5


def _binomial(kept, probability, what):
    """Elements kept, of which each has the given probability."""
    probability = numpy.broadcast_to(numpy.asarray(probability, "float64"), kept.shape)
    spread = numpy.sqrt((probability * (1 - probability)).sum())
    distance = abs(kept.sum() - probability.sum())
    assert distance <= DEVIATIONS * spread + 1e-9, f"{what}: {kept.sum()} of {kept.size} where {probability.sum():.1f} are expected"


def _bernoulli(node, inputs, outputs):
    drawn = outputs[0].astype("float64")
    assert numpy.isin(drawn, (0, 1)).all(), "values other than 0 and 1"
    _binomial(drawn, inputs[0], "ones")


def _dropout(node, inputs, outputs):
    x, ratio = inputs[0], float(inputs[1]) if len(inputs) > 1 else 0.5
    kept = outputs[1] if len(outputs) > 1 else outputs[0] != 0
    expected = numpy.where(kept, x / (1 - ratio), 0)
    numpy.testing.assert_allclose(outputs[0], expected, rtol=1e-5)
    _binomial(kept, 1 - ratio, "elements kept")


def _random_check(model, inputs):
    """The check for a test of a random operator; None where the output is
    determined."""
    nodes = {node.op_type: node for node in model.graph.node}
    if "Bernoulli" in nodes or any(name.startswith("RandomUniform") for name in nodes):
        return lambda outputs: _bernoulli(None, inputs, outputs)
    dropout = nodes.get("Dropout")
    if dropout and len(inputs) > 2 and inputs[2] and inputs[1] > 0:
        return lambda outputs: _dropout(dropout, inputs, outputs)
    return None


def _compare(found, expected, case, what):
    if expected is None or found is None:
        assert found is expected, f"{what} is {found}, not {expected}"
    elif isinstance(expected, list):
        assert isinstance(found, list), f"{what} is no sequence"
        assert len(found) == len(expected), f"{what} has {len(found)} elements, not {len(expected)}"
        for i, (f, e) in enumerate(zip(found, expected)):
            _compare(f, e, case, f"{what}[{i}]")
    else:
        expected = numpy.asarray(expected)
        if expected.dtype.kind == "U":  # the evaluator's strings; the suite's are objects
            expected = expected.astype(object)
        Runner.assert_similar_outputs([expected], [found], case.rtol, case.atol)


def judge(case, model, inputs, found, expected):
    """Raises AssertionError where `found` is not what the test wants."""
    assert len(found) == len(expected), f"{len(found)} outputs, not {len(expected)}"
    check = _random_check(model, inputs)
    if check is None:
        for i, (f, e) in enumerate(zip(found, expected)):
            _compare(f, e, case, f"output {i}")
        return
    for i, (f, e) in enumerate(zip(found, expected)):
        assert f.shape == e.shape and f.dtype == e.dtype, f"output {i} is {f.dtype}{f.shape}, not {e.dtype}{e.shape}"
    check(found)


def operators(model):
    """Names of the model's operators, those of subgraphs included."""
    def walk(nodes):
        for node in nodes:
            yield (f"{node.domain}." if node.domain else "") + node.op_type
            for attribute in node.attribute:
                if attribute.HasField("g"):
                    yield from walk(attribute.g.node)
    return sorted(set(walk(model.graph.node)))


def feed(model, values):
    """Values by the names of the inputs that no initializer stands for; an
    optional without a value is left out."""
    weights = {tensor.name for tensor in model.graph.initializer}
    names = [info.name for info in model.graph.input if info.name not in weights]
    if len(values) > len(names):
        names = [info.name for info in model.graph.input]
    return dict(zip(names, values))


def parse(case):
    return onnx.load_from_string(case.model)
