"""Parameters and multiply-accumulates of a network, as papers count them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx
from onnx import shape_inference

__all__ = ["LEARNED", "multiply_accumulates", "parameters"]

LEARNED = ("weight", "bias", "scale_", "shift")
"""Beginnings of the names of learned constants: not the statistics of normalizations."""


def parameters(model: onnx.ModelProto) -> int:
    """Return the number of learned values."""
    return sum(int(np.prod(item.dims)) for item in model.graph.initializer
               if item.name.startswith(LEARNED))


def multiply_accumulates(model: onnx.ModelProto) -> int:
    """Return the products of convolutions, matrix products and LSTMs for one sample."""
    graph = shape_inference.infer_shapes(model).graph
    shapes = {item.name: tuple(item.dims) for item in graph.initializer}
    for value in (*graph.input, *graph.value_info, *graph.output):
        shapes[value.name] = tuple(dim.dim_value for dim in value.type.tensor_type.shape.dim)
    return sum(
        _products(node.op_type, [shapes.get(name, ()) for name in node.input],
                  shapes[node.output[0]])
        for node in graph.node
    )


def _products(op: str, inputs: Sequence[tuple[int, ...]], output: tuple[int, ...]) -> int:
    if op in ("Conv", "ConvTranspose"):
        per_pixel = np.prod(inputs[1][1:])
        return int((np.prod(output) if op == "Conv" else np.prod(inputs[0])) * per_pixel)
    if op in ("Gemm", "MatMul"):
        return int(np.prod(output) * inputs[0][-1])
    if op == "LSTM":
        steps, samples, _ = inputs[0]
        return int(steps * samples * (np.prod(inputs[1]) + np.prod(inputs[2])))
    return 0
