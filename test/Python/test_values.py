"""Sequences and optionals on their way to the runtime and back."""

import numpy
import pytest

from weft import TensorType, _values
from weft._values import ELEMENTS, PRESENT, SHAPES, TENSOR

F32, I64, BOOL = map(numpy.dtype, ("float32", "int64", "bool"))


def types(*rows):
    return [TensorType(name, dtype, shape) for name, dtype, shape in rows]


SEQUENCE = types(("s", F32, (None,)), ("s.shapes", I64, (None, 8))), [ELEMENTS, SHAPES]
OPTIONAL = types(("x.present", BOOL, ()), ("x", F32, (2, "N"))), [PRESENT, TENSOR]


@pytest.mark.parametrize("arrays", [
    [], [numpy.float32(3)], [numpy.arange(6, dtype=F32).reshape(2, 3), numpy.ones(0, F32), numpy.float32([5])]])
def test_sequences_come_back(arrays):
    parts = _values.taken_apart(*SEQUENCE, {"s": arrays})
    assert parts["s"].dtype == F32 and parts["s.shapes"].shape == (len(arrays), 8)
    back = _values.put_together(*SEQUENCE, parts)["s"]
    assert [a.shape for a in back] == [numpy.shape(a) for a in arrays]
    for a, b in zip(back, arrays):
        numpy.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("value", [None, numpy.ones((2, 3), F32)])
def test_optionals_come_back(value):
    parts = _values.taken_apart(*OPTIONAL, {"x": value})
    assert bool(parts["x.present"]) == (value is not None)
    assert parts["x"].shape == ((2, 0) if value is None else value.shape)
    back = _values.put_together(*OPTIONAL, parts)
    assert list(back) == ["x"]
    assert (back["x"] is None) == (value is None)


def test_tensors_are_left_alone():
    inputs = {"y": object()}
    assert _values.taken_apart(types(("y", F32, ())), [TENSOR], inputs) is inputs


def test_no_strings_are_empty_ones():
    kinds = types(("x.present", BOOL, ()), ("x", numpy.dtype(object), (2,)))
    assert _values.taken_apart(kinds, [PRESENT, TENSOR], {"x": None})["x"].tolist() == ["", ""]
