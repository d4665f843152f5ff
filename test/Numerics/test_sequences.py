"""Sequences whose length only the run knows, against numpy."""

import numpy as np
import onnx
import pytest

import weft


@pytest.mark.parametrize("keep", [0, 1])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_split_of_an_extent_of_the_run(axis, keep):
    shape = ["2", "3", "4"]
    shape[axis] = "n"
    piece = ", ".join("abc"[:2 + keep])
    model = onnx.parser.parse_model(f"""<ir_version: 10, opset_import: ["": 21]>
        g (float[{", ".join(shape)}] x, int64 at) => (seq(float[{piece}]) s, float[{piece}] y)
        {{ s = SplitToSequence<axis = {axis}, keepdims = {keep}>(x)  y = SequenceAt(s, at) }}""")
    compiled = weft.compile(model)
    for count in (1, 5):
        extents = [count if e == "n" else int(e) for e in shape]
        x = np.arange(np.prod(extents), dtype=np.float32).reshape(extents)
        pieces = np.split(x, count, axis) if keep else [np.take(x, i, axis) for i in range(count)]
        found = compiled.run({"x": x, "at": np.int64(-1)})
        assert len(found["s"]) == count
        for ours, theirs in zip([*found["s"], found["y"]], [*pieces, pieces[-1]], strict=True):
            np.testing.assert_array_equal(ours, theirs, strict=True)
