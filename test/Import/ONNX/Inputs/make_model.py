"""Writes the model whose text (ONNX's own syntax) is in a file.

    make_model.py MODEL.onnxtxt MODEL.onnx

The text's header, `<ir_version: 10, opset_import: ["" : 25]>`, may be left out,
and so may the types of the outputs.
"""

import sys

import onnx.parser
import onnx.shape_inference

HEADER = '<ir_version: 10, opset_import: ["" : 25]>\n'


def main():
    source, target = sys.argv[1:]
    with open(source, encoding="utf-8") as file:
        text = file.read()
    body = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    if "opset_import" not in body:
        body = HEADER + body
    model = onnx.parser.parse_model(body)
    if any(not output.HasField("type") for output in model.graph.output):
        model = onnx.shape_inference.infer_shapes(model, data_prop=True)
    with open(target, "wb") as file:
        file.write(model.SerializeToString())


main()
