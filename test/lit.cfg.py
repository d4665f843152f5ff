# How lit runs the tests below this folder: which files are tests, which tools
# they may call, and which features of the machine a test can require.

import os
import platform
import shutil
import subprocess

import lit.formats
import lit.util

config.name = "weft"
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".mlir", ".test", ".onnxtxt"]
config.excludes = ["Inputs", "CMakeLists.txt"]
config.test_source_root = os.path.dirname(__file__)
config.test_exec_root = os.path.join(config.weft_build, "test")

# Ours first: a weft of an installed tree must not be the one that is tested.
path = [
    os.path.join(config.weft_build, "bin"),
    os.path.join(config.llvm_prefix, "bin"),
    config.environment["PATH"],
]
config.environment["PATH"] = os.pathsep.join(path)
# Expected texts do not depend on the user's terminal or language.
config.environment["LC_ALL"] = "C"
config.environment["NO_COLOR"] = "1"
for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS"):
    if name in os.environ:
        config.environment[name] = os.environ[name]

config.substitutions += [
    ("%python", config.python),
    ("%weft_src", config.weft_source),
    ("%weft_build", config.weft_build),
    ("%weft_lib", os.path.join(config.weft_build, "lib")),
    ("%weft_include", os.path.join(config.weft_source, "include")),
    ("%llvm", config.llvm_prefix),
    ("%cc", config.c_compiler),
    ("%cxx", config.cxx_compiler),
]


def cpu_flags():
    try:
        with open("/proc/cpuinfo") as info:
            for line in info:
                if line.startswith("flags"):
                    return set(line.split(":")[1].split())
    except OSError:
        pass
    return set()


flags = cpu_flags()
if {"avx2", "fma"} <= flags:
    config.available_features.add("avx2")
if {"avx512f", "avx512bw", "avx512vl", "avx512dq", "avx512cd"} <= flags:
    config.available_features.add("avx512")
config.available_features.add(platform.machine())  # x86_64, aarch64
for target, feature in (("NVPTX", "nvptx"), ("AMDGPU", "amdgpu")):
    if target in config.llvm_targets.split():
        config.available_features.add(feature)
ptxas = shutil.which("ptxas") or "/usr/local/cuda/bin/ptxas"
if os.path.exists(ptxas):
    config.available_features.add("ptxas")
    config.substitutions.append(("%ptxas", ptxas))
# A file system of one's own, to fill it.
if subprocess.run(["unshare", "--user", "--map-root-user", "--mount", "mount",
                   "-t", "tmpfs", "none", "/mnt"],
                  capture_output=True).returncode == 0:
    config.available_features.add("mount-namespace")
if config.sanitize == "ON":
    config.available_features.add("asan")
# Tests that take more than a few seconds say `REQUIRES: slow`;
# tools/check.sh --fast leaves them out.
if not lit_config.params.get("fast"):
    config.available_features.add("slow")
