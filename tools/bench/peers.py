"""What is compared, each at its best documented settings. Used inside the
processes of worker.py; packages are imported where they are needed, so that
starting one peer does not pay for another."""

import os
import subprocess
import sys
from importlib import metadata
from pathlib import Path

from catalog import QUANTIZED, ROOT


class OnnxRuntime:
    package = "onnxruntime"
    libraries = ["onnxruntime/capi/onnxruntime_pybind11_state*.so"]
    suffix = "onnx"
    compiles = False

    def load(self, path, model, threads):
        import onnxruntime
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.graph_optimization_level = \
            onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
        options.log_severity_level = 3
        self.session = onnxruntime.InferenceSession(
            str(path), options, ["CPUExecutionProvider"])

    def bind(self, feed):
        """The call to be measured: inputs stay in place, outputs where the
        library puts them."""
        binding = self.session.io_binding()
        for name, value in feed.items():
            binding.bind_cpu_input(name, value)
        for output in self.session.get_outputs():
            binding.bind_output(output.name)
        self.binding = binding
        return lambda: self.session.run_with_iobinding(binding)

    def outputs(self):
        return self.binding.copy_outputs_to_cpu()


class OpenVino:
    package = "openvino"
    libraries = [f"openvino/libs/{name}" for name in (
        "libopenvino.so*", "libopenvino_onnx_frontend.so*",
        "libopenvino_intel_cpu_plugin.so", "libtbb.so*", "libtbbmalloc.so*",
        "libhwloc.so*")]
    suffix = "onnx"
    compiles = False

    def load(self, path, model, threads):
        import openvino
        self.tensor = openvino.Tensor
        self.compiled = openvino.Core().compile_model(
            str(path), "CPU", {"PERFORMANCE_HINT": "LATENCY",
                               "INFERENCE_NUM_THREADS": threads,
                               "INFERENCE_PRECISION_HINT": "f32"})

    def bind(self, feed):
        self.request = self.compiled.create_infer_request()
        for name, value in feed.items():
            self.request.set_tensor(name, self.tensor(value, shared_memory=True))
        return self.request.infer

    def outputs(self):
        return [self.request.get_tensor(port).data
                for port in self.compiled.outputs]


class Torch:
    """What both ways to run torch share."""
    package = "torch"
    libraries = [f"torch/lib/{name}" for name in (
        "libtorch.so", "libtorch_cpu.so", "libc10.so", "libgomp.so*")]

    def bind(self, feed):
        import torch
        arguments = [torch.from_numpy(value) for value in feed.values()]
        module, mode = self.module, torch.inference_mode

        def call():
            with mode():
                self.result = module(*arguments)
        return call

    def outputs(self):
        results = self.result
        if not isinstance(results, (list, tuple)):
            results = [results]
        return [result.numpy() for result in results]


class Eager(Torch):
    suffix = None  # made from its seed, no file
    compiles = False

    def load(self, path, model, threads):
        import torch
        import models
        torch.set_num_threads(threads)
        self.module = models.module(model)


class AotInductor(Torch):
    suffix = "pt2"
    compiles = True

    def compile(self, source, path, model, threads, batch):
        import torch
        import models
        torch.set_num_threads(threads)
        arguments = tuple(models.inputs(model, batch).values())
        with torch.no_grad():
            program = torch.export.export(models.module(model), arguments)
            torch._inductor.aoti_compile_and_package(
                program, package_path=str(path),
                inductor_configs={"freezing": True})

    def load(self, path, model, threads):
        import torch
        from torch._inductor import aoti_load_package
        torch.set_num_threads(threads)
        self.module = aoti_load_package(str(path))


class Weft:
    package = None
    suffix = "weft"
    compiles = True

    def compile(self, source, path, model, threads, batch):
        run = subprocess.run(self.compile_command(source, path),
                             capture_output=True, text=True)
        if run.returncode:
            raise RuntimeError(run.stderr.strip())

    @staticmethod
    def compile_command(source, path, *more):
        return [Weft.find("bin", "weft"), "compile", str(source), "-o",
                str(path), *more]

    @staticmethod
    def find(kind, name):
        build = os.environ.get("WEFT_BUILD", str(ROOT / "build"))
        return str(Path(build, kind, name))

    def load(self, path, model, threads):
        sys.path.insert(0, str(ROOT / "python"))
        import weft
        self.session = weft.load(path).session(threads=threads)

    def bind(self, feed):
        self.call = self.session.prepare(feed)
        return self.call

    def outputs(self):
        return list(self.call.outputs().values())


KINDS = {"weft": Weft, "onnxruntime": OnnxRuntime, "openvino": OpenVino,
         "aotinductor": AotInductor, "eager": Eager}


def version(peer):
    if peer == "weft":
        run = subprocess.run(["git", "-C", str(ROOT), "describe", "--always",
                              "--dirty"], capture_output=True, text=True)
        return run.stdout.strip()
    return metadata.version(KINDS[peer].package)


def library_mb(peer):
    """Megabytes of shared libraries that a program with a model needs."""
    if peer == "weft":
        files = [Path(Weft.find("lib", "libweft_runtime.so")).resolve()]
    else:
        packages = metadata.distribution(KINDS[peer].package).locate_file("")
        files = [file for pattern in KINDS[peer].libraries
                 for file in Path(packages).glob(pattern)]
    return sum(file.stat().st_size for file in files) / 1e6


def takes(peer, model):
    """Whether this peer is compared on this model: torch's quantised models are
    not the same arithmetic as the ONNX files."""
    return model not in QUANTIZED or not issubclass(KINDS[peer], Torch)
