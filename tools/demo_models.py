"""The models of tools/demo.py: the light models of the onnx package and the ONNX
files of silero-vad, both from build/venv, and what they are fed with."""

import importlib.util
from pathlib import Path

import numpy
import onnx
from onnx import numpy_helper

RATE = 16000


def package_folder(name):
    """Where a package lies, without importing it: silero_vad would want torch."""
    return Path(importlib.util.find_spec(name).origin).parent


def light_models():
    folder = package_folder("onnx") / "backend" / "test" / "data" / "light"
    return sorted(folder.glob("*.onnx"))


def silero_models():
    return sorted((package_folder("silero_vad") / "data").glob("*.onnx"))


def random_image(shape, seed=1):
    return numpy.random.default_rng(seed).standard_normal(
        shape, dtype=numpy.float32)


def _seeded_weight(random, shape, use):
    """Weights as training starts with: activations keep their size through the
    layers. `use` is (operator, input position) of what takes them."""
    operator, position = use
    if operator == "BatchNormalization":  # scale, bias, mean, variance
        low, high = [(0.3, 0.9), (-0.2, 0.2), (-0.2, 0.2), (0.5, 1.5)][position - 1]
        return random.uniform(low, high, shape)
    if operator in ("Conv", "Gemm") and position == 1:
        fan_in = numpy.prod(shape[1:])
        gain = 2 if operator == "Conv" else 1
        return random.standard_normal(shape) * numpy.sqrt(gain / fan_in)
    if operator in ("Mul", "Unsqueeze"):
        return random.uniform(0.5, 1.5, shape)
    return random.uniform(-0.1, 0.1, shape)


def seeded(path, output, seed=0):
    """Writes the model at `path` with other weights. The light models' own are
    one constant per tensor, which makes all their outputs equal: right results
    would prove little."""
    model = onnx.load(path)
    random = numpy.random.default_rng(seed)
    shapes = {i.name: numpy_helper.to_array(i) for i in model.graph.initializer}
    uses = {}
    for node in model.graph.node:
        for position, name in enumerate(node.input):
            uses.setdefault(name, (node.op_type, position))
    kept = []
    for node in model.graph.node:
        if node.op_type == "ConstantOfShape" and node.input[0] in shapes:
            name = node.output[0]
            shape = tuple(int(extent) for extent in shapes[node.input[0]])
            weight = _seeded_weight(random, shape, uses.get(name, ("", 0)))
            model.graph.initializer.append(numpy_helper.from_array(
                numpy.asarray(weight, dtype=numpy.float32), name))
        else:
            kept.append(node)
    del model.graph.node[:]
    model.graph.node.extend(kept)
    onnx.save(model, output)


def speech(seconds, rate, seed=7):
    """Speech-like sound: voiced syllables of gliding pitch and two formants,
    about four a second, in phrases with pauses, over faint noise."""
    random = numpy.random.default_rng(seed)
    count = seconds * rate
    time = numpy.arange(count) / rate
    pitch = 130 + 30 * numpy.sin(2 * numpy.pi * 0.7 * time)
    phase = 2 * numpy.pi * numpy.cumsum(pitch) / rate
    formants = 600 + 250 * numpy.sin(2 * numpy.pi * 1.9 * time), \
        1500 + 500 * numpy.sin(2 * numpy.pi * 1.3 * time)
    voice = numpy.zeros(count)
    for harmonic in range(1, 25):
        tone = harmonic * pitch
        gain = sum(numpy.exp(-((tone - f) / 180) ** 2) for f in formants)
        voice += gain * (tone < rate / 2) * numpy.sin(harmonic * phase)
    syllables = numpy.clip(numpy.sin(2 * numpy.pi * 4 * time), 0, 1)
    phrases = numpy.repeat(random.uniform(size=seconds) < 0.6, rate)
    noise = random.standard_normal(count)
    sound = 0.25 * voice * syllables * phrases + 0.002 * noise
    return sound.astype(numpy.float32)


def windows(sound, rate):
    """What silero-vad is called with: 32 ms each, after the end of the one
    before."""
    step, context = (512, 64) if rate == 16000 else (256, 32)
    padded = numpy.concatenate([numpy.zeros(context, numpy.float32), sound])
    count = len(sound) // step
    return numpy.stack([padded[i * step:i * step + step + context]
                        for i in range(count)])
