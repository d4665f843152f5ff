"""Whole models against ONNX Runtime: the light models of the onnx package with
weights drawn from a seed, and silero-vad's files with their state carried on.
"""

import sys
from pathlib import Path

import numpy
import onnx
import onnxruntime
import pytest

import weft

sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))
import demo_models as models  # noqa: E402

# Relative to the largest magnitude of the output.
BOUND = 1e-4


def reference(path):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(path), options, ["CPUExecutionProvider"])


def assert_close(ours, theirs):
    for a, b in zip(ours, theirs, strict=True):
        assert a.shape == b.shape
        error = numpy.abs(a.astype("float64") - b).max() / max(numpy.abs(b).max(), 1e-30)
        assert error <= BOUND


@pytest.mark.slow
@pytest.mark.parametrize("path", models.light_models(), ids=lambda path: path.stem)
def test_one_artifact_serves_every_batch(path, tmp_path):
    seeded = tmp_path / path.name
    models.seeded(path, seeded)
    # The softmax of deep random networks is 1 for one class: what is before it
    # tells more.
    model = onnx.load(seeded)
    if model.graph.node[-1].op_type == "Softmax":
        last = model.graph.node.pop()
        model.graph.output[0].name = last.input[0]
        onnx.save(model, seeded)
    session = reference(seeded)
    info = session.get_inputs()[0]
    compiled = weft.compile(seeded, inputs={info.name: (None, *info.shape[1:])})
    rng = numpy.random.default_rng(5)
    for batch in (1, 3, 8):
        images = rng.standard_normal((batch, *info.shape[1:]), dtype=numpy.float32)
        theirs = numpy.concatenate([session.run(None, {info.name: image[None]})[0].reshape(1, -1) for image in images])
        ours = compiled.run({info.name: images})
        assert_close([next(iter(ours.values())).reshape(batch, -1)], [theirs])


@pytest.mark.parametrize("path", models.silero_models(), ids=lambda path: path.stem)
def test_state_is_carried(path):
    session, compiled = reference(path), weft.compile(path)
    inputs = {info.name: info for info in session.get_inputs()}
    carried = [name for name in inputs if name in ("state", "h", "c")]
    ours = theirs = {name: numpy.zeros([d if isinstance(d, int) else 1 for d in inputs[name].shape], numpy.float32)
                     for name in carried}
    constant = {"sr": numpy.array(16000, numpy.int64)} if "sr" in inputs else {}
    for window in models.windows(models.speech(2, 16000), 16000):
        a = list(compiled.run({"input": window[None], **ours, **constant}).values())
        b = session.run(None, {"input": window[None], **theirs, **constant})
        assert_close(a, b)
        ours, theirs = dict(zip(carried, a[1:])), dict(zip(carried, b[1:]))


def test_equal_input_gives_equal_bytes(tmp_path):
    path = models.silero_models()[0]
    files = [tmp_path / f"{i}.weft" for i in range(2)]
    for file in files:
        weft.compile(path).save(file)
    assert files[0].read_bytes() == files[1].read_bytes()
