"""Names of the models and peers, and where things lie: what can be known without
the packages of build/bench-venv."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / "build" / "bench-venv"
CACHE = ROOT / "build" / "bench" / "models"

# Models that were quantised from another one.
QUANTIZED = {"resnet50_int8": "resnet50", "bert_int8": "bert"}
SETS = {
    "usual": ["resnet50", "mobilenet_v2", "efficientnet_b0", "yolo", "unet",
              "bert", "vit", "gpt2", "lstm", "mlp", "dlrm", "resnet50_int8",
              "bert_int8"],
    "further": ["dilated", "volumes", "long_encoder", "audio", "diffusion"],
}
SETS["all"] = SETS["usual"] + SETS["further"]
DYNAMIC = "bert_dynamic"

# Names as tables show them, in their order there.
PEERS = {"weft": "Weft", "onnxruntime": "ONNX Runtime", "openvino": "OpenVINO",
         "aotinductor": "AOTInductor", "eager": "torch eager"}


def models_of(names):
    """Models of a comma-separated list of models and sets."""
    chosen = []
    for name in names.split(","):
        if name not in SETS and name not in SETS["all"]:
            raise ValueError(f"no model or set is called '{name}'; models: "
                             f"{', '.join(SETS['all'])}; sets: {', '.join(SETS)}")
        chosen += SETS.get(name, [name])
    return list(dict.fromkeys(chosen))


def peers_of(names):
    chosen = names.split(",")
    if unknown := [name for name in chosen if name not in PEERS]:
        raise ValueError(f"no peer is called '{unknown[0]}'; there are: "
                         f"{', '.join(PEERS)}")
    return list(dict.fromkeys(chosen))


def file_stem(model, batch=1):
    return model if batch == 1 else f"{model}-batch{batch}"
