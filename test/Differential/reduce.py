"""Makes a failing graph smaller: first another node's results as the only
outputs, then nodes replaced by inputs that hold what they computed."""

import numpy as np
import onnx
import onnxruntime
from onnx import helper

from graphs import names_read


def infos(model):
    inferred = onnx.shape_inference.infer_shapes(model, strict_mode=False)
    graph = inferred.graph
    every = (*graph.value_info, *graph.output, *graph.input)
    return {v.name: v for v in every if v.type.HasField("tensor_type")}


def with_outputs(model, names):
    """The part of `model` that computes `names`."""
    types = infos(model)
    wanted, nodes = set(names), []
    for node in reversed(model.graph.node):
        if wanted & set(node.output):
            nodes.insert(0, node)
            wanted |= names_read(node)
    result = onnx.ModelProto()
    result.CopyFrom(model)
    graph = result.graph
    for old, new in ((graph.node, nodes),
                     (graph.input, [i for i in graph.input if i.name in wanted]),
                     (graph.initializer, [i for i in graph.initializer if i.name in wanted]),
                     (graph.output, [types[name] for name in names])):
        kept = [type(x).FromString(x.SerializeToString()) for x in new]
        del old[:]
        old.extend(kept)
    return result


def values_of(model, feed):
    """All values of the outer graph, by ONNX Runtime."""
    types = infos(model)
    names = [o for node in model.graph.node for o in node.output if o in types]
    full = with_outputs(model, names)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(full.SerializeToString(), options, ["CPUExecutionProvider"])
    return dict(zip(names, session.run(None, {i.name: feed[i.name] for i in full.graph.input})))


def without(model, feeds, node, values):
    """`node` removed, its results inputs; what nobody reads then goes too."""
    changed = onnx.ModelProto()
    changed.CopyFrom(model)
    for name in node.output:
        arrays = [v[name] for v in values]
        shape = [a if a == b else f"{name}_{i}" for i, (a, b) in enumerate(zip(arrays[0].shape, arrays[-1].shape))]
        changed.graph.input.append(
            helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(arrays[0].dtype), shape))
    kept = [n for n in changed.graph.node if n.output != node.output]
    del changed.graph.node[:]
    changed.graph.node.extend(kept)
    changed = with_outputs(changed, [o.name for o in model.graph.output])
    fed = [{i.name: {**feed, **v}[i.name] for i in changed.graph.input} for feed, v in zip(feeds, values)]
    return changed, fed


def reduce(model, feeds, fails, evaluate=values_of):
    """The smallest model and feeds found for which `fails(model, feeds)` holds.
    `evaluate(model, feed)` gives the values that replace nodes."""

    def attempt(candidate):
        try:
            small, fed = candidate()
            onnx.checker.check_model(small)
            return (small, fed) if fails(small, fed) else None
        except Exception:
            return None

    def narrowed(names):
        small = with_outputs(model, names)
        return small, [{i.name: feed[i.name] for i in small.graph.input} for feed in feeds]

    types = infos(model)
    for node in model.graph.node:  # The first node that shows it.
        names = [o for o in node.output if o in types]
        if names and (found := attempt(lambda: narrowed(names))):
            model, feeds = found
            break
    try:
        values = [evaluate(model, feed) for feed in feeds]
    except Exception:  # Then no node can be replaced.
        return model, feeds
    again = True
    while again:
        again = False
        for node in list(model.graph.node)[:-1]:
            if found := attempt(lambda: without(model, feeds, node, values)):
                model, feeds = found
                again = True
                break
    for size in range(len(feeds)):
        if len(feeds) > 1 and (found := attempt(lambda: (model, [feeds[size]]))):
            return found
    return model, [{k: np.asarray(v) for k, v in feed.items()} for feed in feeds]
