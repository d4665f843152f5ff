"""The tests of the suite at sizes of nobody's choice: a model whose inputs have
symbolic dimensions, and a second set of inputs for it.

Which extents have to change together the model does not say. Equal ones are
taken to, first; the reference evaluator decides what the model admits.
"""

import gzip
import hashlib
import multiprocessing
import os
import pickle
import signal
import warnings
from pathlib import Path

import judge
import numpy
import onnx
import suite

# Inputs whose values are shapes, axes, sizes or counts: another number of them
# is another operator. The names of `*` belong to all operators.
VALUES = {
    "Reshape": {1}, "Expand": {1}, "Tile": {1}, "Slice": {1, 2, 3, 4}, "Pad": {1, 3}, "Squeeze": {1},
    "Unsqueeze": {1}, "TopK": {1}, "Resize": {1, 2, 3}, "Upsample": {1}, "ConstantOfShape": {0}, "Split": {1},
    "SplitToSequence": {1}, "OneHot": {1, 2}, "CenterCropPad": {1}, "AffineGrid": {1}, "Col2Im": {1, 2},
    "MaxUnpool": {2}, "CumSum": {1}, "Range": {0, 1, 2}, "DFT": {1, 2}, "MelWeightMatrix": {0, 1, 2, 3, 4},
    "STFT": {1, 3}, "Dropout": {1, 2}, "BlackmanWindow": {0}, "HannWindow": {0}, "HammingWindow": {0},
    "SequenceAt": {1}, "SequenceInsert": {2}, "SequenceErase": {1}, "Loop": {0, 1}, "If": {0}, "Trilu": {1},
    **{f"Reduce{kind}": {1} for kind in ("L1", "L2", "LogSum", "LogSumExp", "Max", "Mean", "Min", "Prod", "Sum", "SumSquare")},
}
PATIENCE_S = 20


def _tensors(type_proto):
    """The tensor types in a type."""
    kind = type_proto.WhichOneof("value")
    if kind in ("tensor_type", "sparse_tensor_type"):
        yield getattr(type_proto, kind)
    elif kind in ("sequence_type", "optional_type"):
        yield from _tensors(getattr(type_proto, kind).elem_type)


def _forget(infos):
    for info in infos:
        for tensor in _tensors(info.type):
            for dim in tensor.shape.dim:
                dim.Clear()


def _subgraphs(graph):
    for node in graph.node:
        for attribute in node.attribute:
            for inner in [*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs]:
                yield inner
                yield from _subgraphs(inner)


def symbolic(model):
    """`model` with a symbol of its own for each dimension of each input; what
    it says about the shapes of other values is forgotten but for their ranks."""
    weights = {tensor.name for tensor in model.graph.initializer}
    inputs = [info for info in model.graph.input if info.name not in weights]
    for number, info in enumerate(inputs):
        for tensor in _tensors(info.type):
            for axis, dim in enumerate(tensor.shape.dim):
                dim.dim_param = f"size_{number}_{axis}"
    _forget(model.graph.output)
    del model.graph.value_info[:]
    for graph in _subgraphs(model.graph):
        _forget([*graph.input, *graph.output])
        del graph.value_info[:]
    return model


def _may_vary(model, inputs):
    """(input, axis) of what may get another extent."""
    fixed = {name for node in model.graph.node for i, name in enumerate(node.input) if i in VALUES.get(node.op_type, ())}
    for name, value in judge.feed(model, inputs).items():
        if isinstance(value, numpy.ndarray) and name not in fixed:
            yield from ((name, axis) for axis, extent in enumerate(value.shape) if extent)


def _changes(places, extents):
    """Sets of new extents, those first that change most."""
    def grown(chosen, grow):
        return {place: grow(extents[place]) for place in chosen}
    def one(extent):
        return extent + 1
    def twice(extent):
        return 2 * extent
    wide = [place for place in places if extents[place] > 1]
    groups = [[place for place in wide if extents[place] == extent] for extent in sorted({extents[place] for place in wide})]
    first = [place for place in places if place[1] == 0]
    last = [place for place in places if place[1] > 1]
    for chosen in [wide, *groups, places, first, last, *([place] for place in places)]:
        if chosen:
            yield grown(chosen, one)
            yield grown(chosen, twice)


def _resized(value, axis, extent):
    """The value, repeated along an axis from its start."""
    return numpy.take(value, numpy.arange(extent) % value.shape[axis], axis=axis)


def _references(case, model):
    """Functions that give the outputs, of those that give the suite's."""
    from onnx.reference import ReferenceEvaluator

    def evaluator():
        evaluator = ReferenceEvaluator(model)
        return lambda feeds: evaluator.run(None, feeds)

    def onnxruntime():
        import onnxruntime
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        session = onnxruntime.InferenceSession(symbolic(judge.parse(case)).SerializeToString(), options,
                                               providers=["CPUExecutionProvider"])
        return lambda feeds: session.run(None, feeds)

    for make in [evaluator, onnxruntime] if case.kind == "node" else [onnxruntime, evaluator]:
        try:
            run = make()
            for inputs, expected in case.data:
                judge.judge(case, model, inputs, _arrays(run(judge.feed(model, inputs))), expected)
            yield run
        except Exception:
            continue


def _ranks(values):
    return [value.ndim if isinstance(value, numpy.ndarray) else None for value in values]


def _arrays(values):
    return [value if value is None or isinstance(value, list) else numpy.asarray(value) for value in values]


def _second(case):
    """Inputs of other sizes with their outputs; None where the model has one
    size only, or no reference knows its outputs. Where there are several, all
    have to admit the size and to agree."""
    model = judge.parse(case)
    inputs = case.data[0][0]
    feeds = judge.feed(model, inputs)
    places = list(_may_vary(model, inputs))
    references = list(_references(case, model)) if places else []
    if not references:
        return None
    for change in _changes(places, {place: feeds[place[0]].shape[place[1]] for place in places}):
        values = {name: value.copy() if isinstance(value, numpy.ndarray) else value for name, value in feeds.items()}
        for (name, axis), extent in change.items():
            values[name] = _resized(values[name], axis, extent)
        given = list(values.values())
        try:
            found, *others = (_arrays(run(dict(values))) for run in references)
            for other in others:
                judge.judge(case, model, given, other, found)
        except Exception:
            continue
        if _ranks(found) == _ranks(case.data[0][1]):
            return given, found
    return None


def second(case):
    """_second with an end to its patience."""
    def stop(*_):
        raise TimeoutError
    signal.signal(signal.SIGALRM, stop)
    signal.alarm(PATIENCE_S)
    try:
        with warnings.catch_warnings(), numpy.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            return _second(case)
    except TimeoutError:
        return None
    finally:
        signal.alarm(0)


def load(cases, jobs=2):
    """Of each test, by name, its second inputs and outputs or None. Those of
    the whole suite take minutes to make and are kept in the build folder."""
    code = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:12]
    cache = suite.cache_file(f"second-{code}")
    known = {}
    if cache.exists():
        with gzip.open(cache) as file:
            known = pickle.load(file)
    missing = [case for case in cases if case.name not in known]
    if missing:
        with multiprocessing.get_context("fork").Pool(jobs, maxtasksperchild=50) as pool:
            known |= zip([case.name for case in missing], pool.map(second, missing, chunksize=1))
        partial = cache.with_suffix(f".{os.getpid()}")
        with gzip.open(partial, "wb", compresslevel=1) as file:
            pickle.dump(known, file)
        partial.replace(cache)
    return known
