"""The conformance suite of the ONNX project as data: a model, inputs, expected
outputs and tolerances for each test of onnx.backend.test. None is left out.

Making the node tests runs the operators' examples, some twenty seconds; the
result is kept in the build folder.
"""

import gzip
import os
import pickle
import warnings
from collections import namedtuple
from pathlib import Path

import numpy
import onnx
from onnx import numpy_helper

KINDS = ["node", "simple", "pytorch-converted", "pytorch-operator", "real"]

# `model` is serialized; `data` a list of (inputs, outputs), each a list of
# arrays, lists (sequences) and None (an optional without a value).
Case = namedtuple("Case", "name kind model data rtol atol")


def _value(value):
    """What tests give as input or output, with protos turned into arrays."""
    if isinstance(value, onnx.TensorProto):
        return numpy_helper.to_array(value)
    if isinstance(value, onnx.SequenceProto):
        return numpy_helper.to_list(value)
    if isinstance(value, onnx.OptionalProto):
        return numpy_helper.to_optional(value)
    if isinstance(value, (list, tuple)):
        return [_value(each) for each in value]
    return value


def _read(path, type_proto):
    kind = type_proto.WhichOneof("value")
    proto = {"sequence_type": onnx.SequenceProto, "optional_type": onnx.OptionalProto}.get(kind, onnx.TensorProto)()
    proto.ParseFromString(path.read_bytes())
    return _value(proto)


def _from_folder(folder, model):
    """The data sets that lie beside a model."""
    for data in sorted(Path(folder).glob("test_data_set_*")):
        def values(prefix, infos):
            return [_read(data / f"{prefix}_{i}.pb", infos[i].type)
                    for i in range(len(list(data.glob(f"{prefix}_*.pb"))))]
        yield values("input", model.graph.input), values("output", model.graph.output)


def _light(path, model):
    """The light models come with outputs for the runner's own kind of input."""
    weights = {i.name for i in model.graph.initializer}
    inputs = []
    for info in model.graph.input:
        if info.name not in weights:
            shape = [d.dim_value or 1 for d in info.type.tensor_type.shape.dim]
            size = int(numpy.prod(shape))
            inputs.append((numpy.arange(size).reshape(shape) / size).astype(numpy.float32))
    outputs = [_read(path.with_name(f"{path.stem}_output_{i}.pb"), info.type)
               for i, info in enumerate(model.graph.output)]
    return [(inputs, outputs)]


def _case(test, kind):
    if test.data_sets is not None:
        data = [([_value(v) for v in inputs], [_value(v) for v in outputs]) for inputs, outputs in test.data_sets]
        return Case(test.name, kind, test.model.SerializeToString(), data, test.rtol, test.atol)
    if test.model_dir is not None:
        path = Path(test.model_dir, "model.onnx")
        model = onnx.load(path)
        data = list(_from_folder(test.model_dir, model))
    else:
        path = Path(onnx.__file__).parent / Path(test.url).relative_to("onnx")
        model = onnx.load(path)
        data = _light(path, model)
    return Case(test.name, kind, model.SerializeToString(), data, test.rtol, test.atol)


def _make():
    from onnx.backend.test.loader import load_model_tests
    with warnings.catch_warnings(), numpy.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        return [_case(test, kind) for kind in KINDS for test in load_model_tests(kind=kind)]


def cache_file(name):
    """Where what takes long to make is kept in the build folder."""
    build = Path(os.environ.get("WEFT_BUILD", Path(__file__).parents[2] / "build"))
    return build / "conformance" / f"{name}-{onnx.__version__}.pickle.gz"


def load():
    """All tests, in an order that is the same each time."""
    cache = cache_file("suite")
    if cache.exists():
        with gzip.open(cache) as file:
            return [Case(*fields) for fields in pickle.load(file)]
    cases = sorted(_make(), key=lambda case: case.name)
    cache.parent.mkdir(parents=True, exist_ok=True)
    partial = cache.with_suffix(f".{os.getpid()}")
    with gzip.open(partial, "wb", compresslevel=1) as file:
        pickle.dump([tuple(case) for case in cases], file)
    partial.replace(cache)
    return cases
