"""Compiles machine-learning models ahead of time and runs them.

    model = weft.compile("model.onnx")     # or weft.load("model.weft")
    y = model(x)                           # numpy in, numpy out
"""

import ctypes
import shutil
import subprocess
import tempfile
import threading
import weakref
from collections import namedtuple
from pathlib import Path

import numpy

from . import _runtime, _strings, _values

__all__ = ["Error", "InternalError", "Model", "Session", "compile", "load"]

INTERNAL_EXIT_CODE = 3  # of `weft`, include/weft/Driver/Guard.h

_library = _runtime.load_library()

TensorType = namedtuple("TensorType", "name dtype shape")
TensorType.__doc__ = """An input or output. A dynamic extent is its name in the
model, or None where it has none."""
Kernel = namedtuple("Kernel", "name operators flops bytes")


class Error(RuntimeError):
    """What went wrong, in the words of the runtime or the compiler."""


class InternalError(Error):
    """A fault of Weft and not of the model: it blames itself, or it died."""


def _check(status):
    if status:
        raise Error(_library.weft_last_error().decode())


def _tensor_types(count, query, handle):
    types = []
    for i in range(count(handle)):
        info = _runtime.TensorInfo()
        _check(query(handle, i, ctypes.byref(info)))
        shape = tuple(
            info.shape[d] if info.shape[d] >= 0 else
            info.symbols[d].decode() or None for d in range(info.rank))
        types.append(TensorType(info.name.decode(),
                                _runtime.dtype_of(info.type), shape))
    return tuple(types)


def _borrowed(name, array):
    """A C view of an array, and what must live as long as the view."""
    number = _runtime.number_of(array.dtype)
    if number is None:
        raise Error(f"input '{name}' has type {array.dtype}, which artifacts "
                    "do not take")
    rank, memory = array.ndim, None
    if number == _runtime.STRING:
        try:
            array, memory = _strings.to_elements(array)
        except TypeError as error:
            raise Error(f"input '{name}': {error}") from None
    if any(stride % array.itemsize for stride in array.strides):
        array = numpy.ascontiguousarray(array)
    shape = (ctypes.c_int64 * rank)(*array.shape)
    strides = (ctypes.c_int64 * rank)(
        *(stride // array.itemsize for stride in array.strides))
    encoded = name.encode()
    view = _runtime.Tensor(encoded, array.ctypes.data, shape, strides, rank,
                           number, 1, 0)
    return view, (array, shape, strides, encoded, memory)


def _as_array(value):
    """numpy as it is; torch and others through DLPack; numbers and lists."""
    if not isinstance(value, numpy.ndarray) and hasattr(value, "__dlpack__"):
        return numpy.from_dlpack(value)
    return numpy.asarray(value)


class Call:
    """A run with inputs that stay in place; see Session.prepare."""

    def __init__(self, session, inputs):
        self._session = session
        inputs = _values.taken_apart(session.model.inputs,
                                     session.model._input_roles, inputs)
        views, self._alive = [], []
        for name, value in inputs.items():
            view, alive = _borrowed(name, _as_array(value))
            views.append(view)
            self._alive.append(alive)
        self._inputs = (_runtime.Tensor * len(views))(*views)
        self._outputs = (_runtime.Tensor * len(session.model.outputs))()

    def __call__(self):
        _check(_library.weft_session_run(
            self._session._handle, self._inputs, len(self._inputs),
            self._outputs, len(self._outputs)))

    def outputs(self):
        """Copies of the last run's outputs, by name."""
        result = {}
        for info, view in zip(self._session.model.outputs, self._outputs):
            shape = tuple(view.shape[:view.rank])
            if view.type == _runtime.STRING:
                result[info.name] = _strings.from_elements(view.data, shape)
                continue
            array = numpy.empty(shape, _runtime.dtype_of(view.type))
            if array.size:
                ctypes.memmove(array.ctypes.data, view.data, array.nbytes)
            result[info.name] = array
        return _values.put_together(self._session.model.outputs,
                                    self._session.model._output_roles, result)


class Session:
    """Threads and memory for running one model; for one thread at a time.
    `threads` 0: as many as the process may use cores. `on_kernel`, where given,
    is called with (kernel, begin, end) after each kernel, times in ns."""

    def __init__(self, model, threads=0, on_kernel=None):
        options = _runtime.SessionOptions(
            size=ctypes.sizeof(_runtime.SessionOptions), threads=threads)
        if on_kernel:
            self._callback = _runtime.ON_KERNEL(
                lambda _, kernel, begin, end: on_kernel(kernel, begin, end))
            options.on_kernel = self._callback
        handle = ctypes.c_void_p()
        _check(_library.weft_session_create(
            model._handle, ctypes.byref(options), ctypes.byref(handle)))
        self.model, self._handle = model, handle
        weakref.finalize(self, _library.weft_session_destroy, handle)

    @property
    def threads(self):
        return _library.weft_session_threads(self._handle)

    def prepare(self, inputs):
        """A run that can be repeated without converting the inputs again."""
        return Call(self, inputs)

    def run(self, inputs):
        """Outputs by name, of inputs by name."""
        call = Call(self, inputs)
        call()
        return call.outputs()


class Model:
    """A loaded artifact; may be shared between threads."""

    def __init__(self, path, threads=0, share_weights=False, _folder=None):
        self._path, self._folder = Path(path), _folder
        self._threads = threads
        self._local = threading.local()
        options = _runtime.LoadOptions(
            size=ctypes.sizeof(_runtime.LoadOptions),
            share_weights=share_weights)
        handle = ctypes.c_void_p()
        _check(_library.weft_model_load(str(path).encode(),
                                        ctypes.byref(options),
                                        ctypes.byref(handle)))
        self._handle = handle
        weakref.finalize(self, _library.weft_model_release, handle)
        self.inputs = _tensor_types(_library.weft_model_input_count,
                                    _library.weft_model_input, handle)
        self.outputs = _tensor_types(_library.weft_model_output_count,
                                     _library.weft_model_output, handle)
        self._input_roles = [_library.weft_model_input_role(handle, i)
                             for i in range(len(self.inputs))]
        self._output_roles = [_library.weft_model_output_role(handle, i)
                              for i in range(len(self.outputs))]

    def _info(self):
        info = _runtime.ModelInfo(size=ctypes.sizeof(_runtime.ModelInfo))
        _check(_library.weft_model_describe(self._handle, ctypes.byref(info)))
        return info

    @property
    def target(self):
        """The code that was chosen for this machine, e.g. "x86-64-v3"."""
        return self._info().target.decode()

    @property
    def kernels(self):
        """Names, model nodes and work of the kernels, in order of launch."""
        kernels = []
        for i in range(self._info().kernel_count):
            info = _runtime.KernelInfo()
            _check(_library.weft_model_kernel(self._handle, i,
                                              ctypes.byref(info)))
            kernels.append(Kernel(info.name.decode(), info.operators.decode(),
                                  info.flops, info.bytes))
        return kernels

    def session(self, threads=None, on_kernel=None):
        return Session(self, self._threads if threads is None else threads,
                       on_kernel)

    def __call__(self, *values, **named):
        """Runs with inputs by position or name. One output is returned as it
        is, several as a tuple. Each thread has a session of its own."""
        if len(values) > len(self.inputs):
            raise Error(f"{len(values)} inputs were given where the model "
                        f"takes {len(self.inputs)}")
        inputs = {info.name: value
                  for info, value in zip(self.inputs, values)}
        if twice := inputs.keys() & named.keys():
            raise Error(f"input '{sorted(twice)[0]}' was given twice")
        outputs = tuple(self.run({**inputs, **named}).values())
        return outputs[0] if len(outputs) == 1 else outputs

    def run(self, inputs):
        """Outputs by name, of inputs by name."""
        if not hasattr(self._local, "session"):
            self._local.session = self.session()
        return self._local.session.run(inputs)

    def save(self, path):
        shutil.copyfile(self._path, path)


def load(path, threads=0, *, share_weights=False):
    """Loads an artifact, FILE.weft.

    With `share_weights` the weights stay in the file's pages, which processes
    with the same model share. Otherwise those in use that the file has in small
    pages move to huge pages of this process, which is faster.
    """
    return Model(path, threads, share_weights)


def _model_file(model, folder):
    """The path of a model; one that lives in memory is written to `folder`."""
    if hasattr(model, "SerializeToString"):
        path = Path(folder, "model.onnx")
        path.write_bytes(model.SerializeToString())
        return str(path)
    return str(model)


def _pin(pin):
    """"2x?x8" of (2, None, 8)."""
    if isinstance(pin, str):
        return pin
    extents = ("?" if extent is None else str(extent) for extent in pin)
    return "x".join(extents) or "scalar"


def compile(model, *, inputs=(), target=(), precision="f32", memory="fast",
            budget=None, threads=0):
    """Compiles a model: the path of a file, or an onnx.ModelProto.

    `inputs` pins shapes and types: {"x": (2, None, 8)} or, as after `weft compile
    --input`, {"x": "2x?x8:f32"}. `target` is one name or several. `memory="small"`
    keeps to algorithms whose weights do not grow.
    """
    folder = tempfile.TemporaryDirectory(prefix="weft-")
    output = Path(folder.name, "model.weft")
    command = [_runtime.find("bin", "weft"), "compile",
               _model_file(model, folder.name), "-o", str(output),
               "--precision", precision, "--memory", memory]
    for name, pin in dict(inputs).items():
        command += ["--input", f"{name}={_pin(pin)}"]
    for name in [target] if isinstance(target, str) else target:
        command += ["--target", name]
    if budget:
        command += ["--budget", budget]
    run = subprocess.run(command, capture_output=True, text=True)
    if run.returncode < 0:
        raise InternalError(f"weft compile died of signal {-run.returncode}: "
                            + run.stderr.strip())
    if run.returncode:
        kind = InternalError if run.returncode == INTERNAL_EXIT_CODE else Error
        raise kind(run.stderr.strip().removeprefix("error: "))
    return Model(output, threads, _folder=folder)
