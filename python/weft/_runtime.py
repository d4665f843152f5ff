"""include/weft/runtime.h for ctypes: the same structs and functions, in the
same order. Calls release the GIL."""

import ctypes
import os
from ctypes import (CFUNCTYPE, POINTER, Structure, c_char_p, c_double, c_int,
                    c_int32, c_int64, c_size_t, c_uint64, c_void_p)
from pathlib import Path

import numpy

from . import _strings

ELEMENT_TYPES = {
    1: "float32", 2: "uint8", 3: "int8", 4: "uint16", 5: "int16", 6: "int32",
    7: "int64", 9: "bool", 10: "float16", 11: "float64", 12: "uint32",
    13: "uint64",
}
# Those that numpy has not, as the package ml_dtypes calls them.
MORE_TYPES = {
    16: "bfloat16", 17: "float8_e4m3fn", 18: "float8_e4m3fnuz",
    19: "float8_e5m2", 20: "float8_e5m2fnuz", 21: "uint4", 22: "int4",
    23: "float4_e2m1fn", 24: "float8_e8m0fnu", 25: "uint2", 26: "int2",
}
STRING = 8
TYPE_NUMBERS = {name: n for n, name in (ELEMENT_TYPES | MORE_TYPES).items()}


def dtype_of(number):
    """The numpy type of an element type."""
    if number == STRING:
        return numpy.dtype(object)
    if number in MORE_TYPES:
        import ml_dtypes
        return numpy.dtype(getattr(ml_dtypes, MORE_TYPES[number]))
    return numpy.dtype(ELEMENT_TYPES[number])


def number_of(dtype):
    """The reverse; None for types that artifacts do not have."""
    if dtype.kind in _strings.KINDS:
        return STRING
    return TYPE_NUMBERS.get(dtype.name)


class Tensor(Structure):
    _fields_ = [("name", c_char_p), ("data", c_void_p),
                ("shape", POINTER(c_int64)), ("strides", POINTER(c_int64)),
                ("rank", c_int32), ("type", c_int),
                ("device_type", c_int32), ("device_id", c_int32)]


class TensorInfo(Structure):
    _fields_ = [("name", c_char_p), ("type", c_int), ("rank", c_int32),
                ("shape", POINTER(c_int64)), ("symbols", POINTER(c_char_p))]


class ModelInfo(Structure):
    _fields_ = [("size", c_size_t), ("model_name", c_char_p),
                ("compiler_version", c_char_p), ("target", c_char_p),
                ("model_hash", c_uint64), ("options_hash", c_uint64),
                ("weight_bytes", c_uint64), ("arena_bytes", c_int64),
                ("kernel_count", c_size_t), ("scratch_bytes", c_int64)]


class KernelInfo(Structure):
    _fields_ = [("name", c_char_p), ("operators", c_char_p),
                ("flops", c_double), ("bytes", c_double)]


class LoadOptions(Structure):
    _fields_ = [("size", c_size_t), ("target", c_char_p),
                ("verify_weights", c_int32), ("share_weights", c_int32)]


class Allocator(Structure):
    _fields_ = [("user", c_void_p), ("allocate", c_void_p),
                ("release", c_void_p)]


class ThreadPool(Structure):
    _fields_ = [("user", c_void_p), ("run", c_void_p)]


ON_KERNEL = CFUNCTYPE(None, c_void_p, c_size_t, c_uint64, c_uint64)


class SessionOptions(Structure):
    _fields_ = [("size", c_size_t), ("threads", c_int32),
                ("allocator", Allocator), ("pool", ThreadPool),
                ("on_kernel", ON_KERNEL), ("on_kernel_user", c_void_p)]


FUNCTIONS = {
    "weft_version": (c_char_p, []),
    "weft_last_error": (c_char_p, []),
    "weft_cpu_count": (c_int32, []),
    "weft_model_load": (c_int, [c_char_p, POINTER(LoadOptions),
                                POINTER(c_void_p)]),
    "weft_model_release": (None, [c_void_p]),
    "weft_model_input_count": (c_size_t, [c_void_p]),
    "weft_model_output_count": (c_size_t, [c_void_p]),
    "weft_model_input": (c_int, [c_void_p, c_size_t, POINTER(TensorInfo)]),
    "weft_model_output": (c_int, [c_void_p, c_size_t, POINTER(TensorInfo)]),
    "weft_model_input_role": (c_int, [c_void_p, c_size_t]),
    "weft_model_output_role": (c_int, [c_void_p, c_size_t]),
    "weft_model_describe": (c_int, [c_void_p, POINTER(ModelInfo)]),
    "weft_model_kernel": (c_int, [c_void_p, c_size_t, POINTER(KernelInfo)]),
    "weft_session_create": (c_int, [c_void_p, POINTER(SessionOptions),
                                    POINTER(c_void_p)]),
    "weft_session_destroy": (None, [c_void_p]),
    "weft_session_threads": (c_int32, [c_void_p]),
    "weft_session_run": (c_int, [c_void_p, POINTER(Tensor), c_size_t,
                                 POINTER(Tensor), c_size_t]),
}


def _candidates(kind, name):
    """Places of a program or library, best first: what WEFT_BUILD names, what
    was installed with this package, the build folder of this checkout."""
    here = Path(__file__).resolve()
    if build := os.environ.get("WEFT_BUILD"):
        yield Path(build, kind, name)
    yield here.parent / kind / name
    yield here.parents[2] / "build" / kind / name


def find(kind, name):
    """The path of a program ("bin") or library ("lib") of Weft."""
    tried = list(_candidates(kind, name))
    for path in tried:
        if path.exists():
            return str(path)
    raise ImportError(f"{name} is not there; build Weft first (looked at "
                      + ", ".join(map(str, tried)) + ")")


def load_library():
    library = ctypes.CDLL(find("lib", "libweft_runtime.so"))
    for name, (result, arguments) in FUNCTIONS.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library
