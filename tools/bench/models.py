"""The models that are compared: how each is made from a fixed seed, what it is
fed with, and how it becomes an ONNX file.

    models.py MODEL FOLDER BATCH        writes the file and its inputs (.npz)
"""

import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable

import numpy
import torch
from torch import nn

import networks
from catalog import QUANTIZED, file_stem

SEED = 7
OPSET = 18


@dataclass
class Model:
    """`make` gives the module, `inputs` its arguments for a batch size and a
    generator. `dynamic` names each argument's dynamic dimensions."""
    make: Callable
    inputs: Callable
    dynamic: dict = field(default_factory=dict)


def declare_torchvision():
    """torchvision's wheel is built for another torch: its C++ operators do not
    load, and its models do not use them. Their names have to exist, also for
    transformers, which imports torchvision where it is installed."""
    boxes = "(Tensor boxes, Tensor scores, float threshold) -> Tensor"
    tensors = "Tensor x, Tensor weight, Tensor offset, Tensor mask, Tensor bias"
    numbers = ", ".join(f"int n{i}" for i in range(8)) + ", bool use_mask"
    for name, signature in {
            "nms": boxes, "qnms": boxes,
            "deform_conv2d": f"({tensors}, {numbers}) -> Tensor",
            "_deform_conv2d_backward": f"(Tensor grad, {tensors}, {numbers}) -> "
                                       "(Tensor, Tensor, Tensor, Tensor, Tensor)",
    }.items():
        torch.library.define(f"torchvision::{name}", signature)


declare_torchvision()


def vision(name):
    def make():
        import torchvision.models
        return getattr(torchvision.models, name)(weights=None)
    return make


class FirstOutput(nn.Module):
    """What transformers returns as a record, as its first member."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, *arguments):
        return self.model(*arguments, return_dict=False)[0]


class Encoder(FirstOutput):
    def forward(self, input_ids, attention_mask):
        return self.model(input_ids=input_ids, attention_mask=attention_mask,
                          return_dict=False)[0]


class Decoder(FirstOutput):
    def forward(self, input_ids):
        return self.model(input_ids=input_ids, use_cache=False,
                          return_dict=False)[0]


def bert():
    from transformers import BertConfig, BertModel
    return Encoder(BertModel(BertConfig(), add_pooling_layer=False))


def long_encoder():
    from transformers import BertConfig, BertModel
    return Encoder(BertModel(BertConfig(
        hidden_size=384, num_hidden_layers=4, num_attention_heads=6,
        intermediate_size=1536, max_position_embeddings=2048),
        add_pooling_layer=False))


def vit():
    from transformers import ViTConfig, ViTForImageClassification
    return FirstOutput(ViTForImageClassification(ViTConfig(num_labels=1000)))


def gpt2():
    from transformers import GPT2Config, GPT2LMHeadModel
    return Decoder(GPT2LMHeadModel(GPT2Config()))


def images(side, channels=3):
    return lambda batch, random: {
        "image": torch.randn(batch, channels, side, side, generator=random)}


def tokens(count, vocabulary, mask=True):
    def make(batch, random):
        feed = {"input_ids": torch.randint(0, vocabulary, (batch, count),
                                           generator=random)}
        if mask:
            feed["attention_mask"] = torch.ones(batch, count, dtype=torch.int64)
        return feed
    return make


def numbers(name, *shape):
    return lambda batch, random: {
        name: torch.randn(batch, *shape, generator=random)}


def clicks(batch, random):
    return {"features": torch.randn(batch, 13, generator=random),
            "rows": torch.randint(0, 10000, (batch, 26), generator=random)}


def noise(batch, random):
    return {"latent": torch.randn(batch, 4, 32, 32, generator=random),
            "step": 999 * torch.rand(batch, generator=random)}


BATCH_AND_LENGTH = {"input_ids": {0: "batch", 1: "sequence"},
                    "attention_mask": {0: "batch", 1: "sequence"}}

MODELS = {
    "resnet50": Model(vision("resnet50"), images(224)),
    "mobilenet_v2": Model(vision("mobilenet_v2"), images(224)),
    "efficientnet_b0": Model(vision("efficientnet_b0"), images(224)),
    "yolo": Model(networks.Detector, images(320)),
    "unet": Model(networks.UNet, images(256)),
    "bert": Model(bert, tokens(128, 30522)),
    "vit": Model(vit, images(224)),
    "gpt2": Model(gpt2, tokens(128, 50257, mask=False)),
    "lstm": Model(networks.Recurrent, numbers("steps", 100, 512)),
    "mlp": Model(lambda: networks.dense(784, 1024, 1024, 512, 10),
                 numbers("input", 784)),
    "dlrm": Model(networks.Recommender, clicks),
    "bert_dynamic": Model(bert, tokens(128, 30522), BATCH_AND_LENGTH),
    "dilated": Model(networks.Dilated, images(224)),
    "volumes": Model(networks.Volumes, numbers("video", 3, 16, 112, 112)),
    "long_encoder": Model(long_encoder, tokens(2048, 30522)),
    "audio": Model(networks.Audio, numbers("sound", 1, 16000)),
    "diffusion": Model(networks.Diffusion, noise),
}


def generator(seed):
    return torch.Generator().manual_seed(seed)


def inputs(name, batch=1, seed=SEED):
    """Torch tensors by input name."""
    spec = MODELS[QUANTIZED.get(name, name)]
    return spec.inputs(batch, generator(seed))


def settle(module, name):
    """Gives batch normalisations the statistics that they would have after
    training, so that activations keep their size through the layers."""
    norms = [m for m in module.modules()
             if isinstance(m, nn.modules.batchnorm._BatchNorm)]
    for norm in norms:
        norm.momentum = None  # the mean over all batches
        norm.train()
    if norms:
        for seed in range(3):
            module(*inputs(name, batch=4, seed=100 + seed).values())
    module.eval()


@torch.no_grad()
def module(name):
    """The torch module, in evaluation mode, the same at each call."""
    torch.manual_seed(SEED)
    made = MODELS[QUANTIZED.get(name, name)].make().eval()
    settle(made, name)
    return made


def ensure(name, cache, batch=1):
    """The path of the model's ONNX file in `cache`, written if it is not there."""
    path = Path(cache, file_stem(name, batch) + ".onnx")
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        # A file that another process or an interrupt leaves half written must
        # not pass for the model.
        part = path.with_suffix(f".{os.getpid()}.part")
        write = quantize if name in QUANTIZED else export
        write(name, part, cache, batch)
        part.rename(path)
    feed = path.with_suffix(".npz")
    if not feed.exists():
        numpy.savez(feed, **{n: t.numpy() for n, t in
                             inputs(name, batch).items()})
    return path


def export(name, path, _, batch):
    spec = MODELS[name]
    feed = inputs(name, max(batch, 2) if spec.dynamic else batch)
    torch.onnx.export(module(name), tuple(feed.values()), str(path),
                      input_names=list(feed), output_names=["output"],
                      dynamic_shapes=tuple(spec.dynamic[n] for n in feed)
                      if spec.dynamic else None,
                      opset_version=OPSET, external_data=False, dynamo=True,
                      verbose=False)


def quantize(name, path, cache, batch):
    """8 bits by ONNX Runtime: QDQ, unsigned activations, a scale for each
    channel of the weights, ranges from four inputs."""
    from onnxruntime import quantization

    class Ranges(quantization.CalibrationDataReader):
        feeds = iter([{n: t.numpy() for n, t in
                       inputs(name, batch, seed=200 + i).items()}
                      for i in range(4)])

        def get_next(self):
            return next(self.feeds, None)

    prepared = path.with_suffix(".prepared")
    source = ensure(QUANTIZED[name], cache, batch)
    quantization.quant_pre_process(str(source), str(prepared),
                                   skip_symbolic_shape=True)
    quantization.quantize_static(
        str(prepared), str(path), Ranges(),
        quant_format=quantization.QuantFormat.QDQ, per_channel=True,
        activation_type=quantization.QuantType.QUInt8,
        weight_type=quantization.QuantType.QInt8)
    prepared.unlink()


if __name__ == "__main__":
    model, folder, size = sys.argv[1:]
    ensure(model, folder, int(size))
