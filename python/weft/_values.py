"""Sequences and optionals, which artifacts pass as several tensors (weft_role in
include/weft/runtime.h): lists and None on this side."""

import numpy

TENSOR, ELEMENTS, SHAPES, PRESENT = range(4)
MAX_RANK = 8


def _sequence_parts(values, dtype):
    arrays = [numpy.asarray(value) for value in values]
    shapes = numpy.full((len(arrays), MAX_RANK), -1, numpy.int64)
    for row, array in zip(shapes, arrays):
        row[:array.ndim] = array.shape
    empty = numpy.empty(0, dtype)
    elements = [array.reshape(-1) for array in arrays] or [empty]
    return numpy.concatenate(elements), shapes


def taken_apart(types, roles, inputs):
    """The tensors of inputs by name; what is a tensor stays as it is."""
    if not any(roles):
        return inputs
    tensors = dict(inputs)
    for info, role in zip(types, roles):
        name = info.name.removesuffix(".present")
        if role == PRESENT and name in inputs:
            tensors[info.name] = numpy.asarray(inputs[name] is not None)
        elif role == ELEMENTS and name in inputs:
            parts = _sequence_parts(inputs[name] or [], info.dtype)
            tensors[name], tensors[name + ".shapes"] = parts
        elif role == TENSOR and inputs.get(name, 0) is None:
            shape = [d if isinstance(d, int) else 0 for d in info.shape]
            nothing = "" if info.dtype == object else 0
            tensors[name] = numpy.full(shape, nothing, info.dtype)
    return tensors


def _sequence(elements, shapes):
    arrays, start = [], 0
    for row in shapes:
        shape = [int(extent) for extent in row if extent >= 0]
        count = int(numpy.prod(shape, dtype=numpy.int64))
        arrays.append(elements[start:start + count].reshape(shape))
        start += count
    return arrays


def put_together(types, roles, tensors):
    """The reverse, for outputs by name."""
    if not any(roles):
        return tensors
    values = {}
    for info, role in zip(types, roles):
        name = info.name
        if role in (TENSOR, ELEMENTS):
            values[name] = tensors[name]
        if role == ELEMENTS:
            values[name] = _sequence(tensors[name], tensors[name + ".shapes"])
        if role in (TENSOR, ELEMENTS) and not tensors.get(name + ".present", True):
            values[name] = None
    return values
