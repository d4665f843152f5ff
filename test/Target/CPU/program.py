"""Compiles a program on kernels to a shared object and calls its entry function
with a context made here: the binary interface of Abi.h, seen from outside."""

import ctypes
import os
import re
import subprocess
from pathlib import Path

import numpy as np

BUILD = Path(os.environ.get("WEFT_BUILD", Path(__file__).resolve().parents[3] / "build"))
LLVM = Path(os.environ.get("WEFT_LLVM", "/usr/lib/llvm-22/bin"))
PASSES = ["--weft-tile-kernels", "--weft-bufferize", "--weft-plan-memory", "--weft-lower-to-llvm"]

KERNEL = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p)
P, I = ctypes.c_void_p, ctypes.c_int64
FIELDS = [("worker_count", I), ("parallel_for", ctypes.CFUNCTYPE(None, P, P, P, I, I)),
          ("reserve_arena", ctypes.CFUNCTYPE(P, P, I)), ("allocate", ctypes.CFUNCTYPE(P, P, I)),
          ("release", ctypes.CFUNCTYPE(None, P, P)), ("output", ctypes.CFUNCTYPE(P, P, I, I, ctypes.POINTER(I))),
          ("fail", ctypes.CFUNCTYPE(None, P, I, I, I)), ("failed", I),
          ("scratch", ctypes.CFUNCTYPE(P, P, I, I)), ("reserve_scratch", ctypes.CFUNCTYPE(I, P, I)),
          ("profile", P)]


class Context(ctypes.Structure):
    _fields_ = FIELDS


class Buffer(ctypes.Structure):
    _fields_ = [("data", P), ("shape", I * 8)]


def compile_program(text, folder, passes=PASSES, level="x86-64-v3"):
    """The entry function of the program `text`, and its assembled module's IR."""
    source, ir, obj, lib = (Path(folder, "program" + s) for s in (".mlir", ".ll", ".o", ".so"))
    source.write_text(text)
    lowered = subprocess.run([BUILD / "bin/weft-opt", source, *passes], capture_output=True, text=True)
    assert lowered.returncode == 0, lowered.stderr
    translated = subprocess.run([LLVM / "mlir-translate", "--mlir-to-llvmir", "-o", ir], input=lowered.stdout,
                                capture_output=True, text=True)
    assert translated.returncode == 0, translated.stderr
    subprocess.run([LLVM / "llc", "-O2", "-mcpu=" + level, "-relocation-model=pic", "-filetype=obj", ir, "-o", obj],
                   check=True)
    undefined = subprocess.run([LLVM / "llvm-nm", "-u", obj], capture_output=True, text=True).stdout.split()
    assert set(undefined) <= {"U", "memcpy", "memset", "memmove"}, undefined
    subprocess.run([LLVM / "ld.lld", "-shared", obj, "-o", lib], check=True)
    return ctypes.CDLL(str(lib)).weft_entry


class Run:
    """One call. Every buffer ends where readable memory may end: 64 bytes of
    canaries follow it, and are checked afterwards."""

    def __init__(self, entry, inputs, output_types, workers=1, weights=None):
        self.keep, self.outputs, self.fails, self.launches = [], {}, [], []
        self.requests = dict(arena=[], scratch=[], allocate=[], release=[])
        self.types = output_types
        context = Context()
        context.worker_count = workers
        for name, kind in FIELDS:
            if hasattr(self, name):
                setattr(context, name, kind(getattr(self, name)))
        self.context = context
        buffers = (Buffer * max(len(inputs), 1))()
        for buffer, array in zip(buffers, inputs):
            memory = self.block(array.nbytes)
            ctypes.memmove(memory, np.ascontiguousarray(array).ctypes.data, array.nbytes)
            buffer.data = memory
            buffer.shape[:array.ndim] = array.shape
        data = weights.ctypes.data if weights is not None else None
        self.status = entry(ctypes.byref(context), buffers, P(data))
        for memory, size in self.keep:
            assert (memory[size:size + 64] == 0xA5).all(), "wrote past the end of a buffer"

    def block(self, size):
        raw = np.full(size + 192, 0xA5, np.uint8)
        start = -raw.ctypes.data % 64
        self.keep.append((raw[start:], size))
        return raw.ctypes.data + start

    def reserve_arena(self, context, size):
        self.requests["arena"].append(size)
        return self.block(size)

    def allocate(self, context, size):
        self.requests["allocate"].append(size)
        return self.block(size)

    def release(self, context, block):
        self.requests["release"].append(block)

    def reserve_scratch(self, context, size):
        self.requests["scratch"].append(size)
        return 0

    def scratch(self, context, worker, size):
        assert size <= max(self.requests["scratch"])
        return self.block(size)

    def output(self, context, index, rank, shape):
        shape = tuple(shape[i] for i in range(rank))
        dtype = np.dtype(self.types[index])
        address = self.block(int(np.prod(shape, dtype=np.int64)) * dtype.itemsize)
        raw, size = self.keep[-1]
        self.outputs[index] = raw[:size].view(dtype).reshape(shape)
        return address

    def fail(self, context, check, a, b):
        self.fails.append((check, a, b))
        self.context.failed = 1

    def parallel_for(self, context, kernel, arguments, count, grain):
        """Items in reverse order: they must not depend on each other."""
        self.launches.append(count)
        call = KERNEL(kernel)
        for i in reversed(range(count)):
            call(arguments, i, i + 1, i % self.context.worker_count, context)


def run(text, inputs, output_types, folder, workers=(1, 3), **options):
    """Outputs of the program; the same bits for each number of workers."""
    entry = compile_program(text, folder, **options)
    runs = [Run(entry, inputs, output_types, w) for w in workers]
    for r in runs:
        assert r.status == runs[0].status
        for i in runs[0].outputs:
            assert r.outputs[i].tobytes() == runs[0].outputs[i].tobytes()
    return runs[0]
