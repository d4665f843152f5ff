"""How far outputs are from the same network in float64."""

import sys
import tempfile
from pathlib import Path

import numpy

import measuring
from catalog import QUANTIZED


def reference(job):
    """Outputs of torch in double precision, kept in the cache."""
    path = job.source.with_suffix(".float64.npz")
    if not path.exists():
        with tempfile.TemporaryFile("w+") as text:
            process = job.start([sys.executable, __file__, job.model, job.inputs,
                                 path], stdout=text, stderr=text)
            if measuring.usage_of(process)[0]:
                text.seek(0)
                raise SystemExit(f"error: {job.model} in float64: "
                                 f"{measuring.message_of(text.read())}")
    with numpy.load(path) as arrays:
        return list(arrays.values())


def errors(job, chosen):
    """Of each peer that runs. Rounding to 8 bits is a model's own: quantised
    ones have no exact result."""
    found = {}
    if job.model in QUANTIZED:
        return found
    exact = reference(job)
    for peer in chosen:
        server = measuring.Server(job, peer)
        if "failure" not in server.started:
            found[peer] = measuring.relative_error(server.outputs(), exact)
        server.close()
    return found


def write_reference(model, inputs, path):
    import torch
    import models
    module = models.module(model).double()
    with numpy.load(inputs) as feed:
        arguments = [torch.from_numpy(feed[name]) for name in feed.files]
    arguments = [a.double() if a.is_floating_point() else a for a in arguments]
    with torch.no_grad():
        # Tensors that a network makes itself take the default type.
        torch.set_default_dtype(torch.float64)
        output = module(*arguments)
    part = Path(path).with_suffix(".part.npz")
    numpy.savez(part, output.numpy())
    part.rename(path)


if __name__ == "__main__":
    write_reference(*sys.argv[1:])
