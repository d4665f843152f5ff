"""Arrays of strings: weft_string in include/weft/runtime.h on one side, str or
bytes in numpy arrays on the other. Bytes that are no UTF-8 become surrogates, as
in names of files, and back."""

import ctypes

import numpy

ELEMENT = numpy.dtype([("data", numpy.uintp), ("length", numpy.int64)])
KINDS = "OUST"  # object, str, bytes, StringDType


def _encoded(value):
    if isinstance(value, str):
        return value.encode("utf-8", "surrogateescape")
    if isinstance(value, bytes):
        return bytes(value)
    raise TypeError(f"an element is {value!r}, which is no string")


def to_elements(array):
    """A dense array of weft_string, and the bytes that it points into."""
    texts = [_encoded(value) for value in array.reshape(-1).tolist()]
    memory = b"".join(texts)
    elements = numpy.empty(array.shape, ELEMENT)
    lengths = numpy.array([len(text) for text in texts], numpy.int64)
    address = ctypes.cast(ctypes.c_char_p(memory), ctypes.c_void_p).value or 0
    flat = elements.reshape(-1)
    flat["length"] = lengths
    flat["data"] = address + numpy.cumsum(lengths) - lengths
    return elements, memory


def from_elements(address, shape):
    """An array of str from weft_strings at an address."""
    array = numpy.empty(shape, object)
    flat = array.reshape(-1)
    memory = (ctypes.c_char * (flat.size * ELEMENT.itemsize)).from_address(
        address or ctypes.addressof(ctypes.c_char()))
    elements = numpy.frombuffer(memory, ELEMENT)
    for i, (data, length) in enumerate(elements.tolist()):
        text = ctypes.string_at(data, length) if length else b""
        flat[i] = text.decode("utf-8", "surrogateescape")
    return array
