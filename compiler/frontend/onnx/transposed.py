"""Transposed convolution in its normal form, and the way back to ONNX.

ONNX has the weights of ConvTranspose as [C, M / G, KH, KW]; the normal form has output channels
first like every other layer, [M, C / G, KH, KW], and pads and output_padding alone determine the
range of outputs:

    output o, input i, tap k meet where  o = i * stride + k * dilation - pad_before
    outputs = (inputs - 1) * stride + dilation * (k - 1) + 1 - pad_before - pad_after + added
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from ...ir.graph import Graph, Node

__all__ = ["normalize_transposed", "onnx_nodes"]


def normalize_transposed(node: Node, graph: Graph) -> None:
    """Rewrite a 2-D ConvTranspose with constant weights; leave all others unchanged."""
    weight = graph.value(node.inputs[1])
    if weight is None or weight.ndim != 4 or len(graph.tensors[node.inputs[0]].shape) != 4:
        return
    group = node.attrs.get("group", 1)
    attrs = _window(node, graph, weight.shape[2:])
    if attrs is None or weight.shape[0] != graph.tensors[node.inputs[0]].shape[1]:
        return
    swapped = _swapped(weight, group)
    node.inputs = (
        node.inputs[0], graph.constant(f"{node.name}.weight", swapped), *node.inputs[2:]
    )
    node.attrs = {**attrs, "group": group, "relu": 0}
    node.source = None


def onnx_nodes(node: Node, graph: Graph, target: str) -> list[onnx.NodeProto]:
    """Return ONNX nodes that compute a node in normal form into ``target``."""
    weight, attrs = graph.value(node.inputs[1]), node.attrs
    assert weight is not None
    plain = numpy_helper.from_array(_swapped(weight, attrs["group"]))
    name = f"{target}__weight"
    inputs = [node.inputs[0], name, *(name for name in node.inputs[2:] if name)]
    return [
        helper.make_node("Constant", [], [name], value=plain),
        helper.make_node(
            "ConvTranspose", inputs, [target], kernel_shape=attrs["kernel"],
            strides=attrs["strides"], pads=attrs["pads"], dilations=attrs["dilations"],
            group=attrs["group"], output_padding=attrs["output_padding"],
        ),
    ]


def _swapped(weight: np.ndarray, group: int) -> np.ndarray:
    """Exchange input and output channels in every group: [G * A, B, ...] to [G * B, A, ...]."""
    rows, columns = weight.shape[:2]
    split = weight.reshape(group, rows // group, columns, *weight.shape[2:]).swapaxes(1, 2)
    return np.ascontiguousarray(split).reshape(group * columns, rows // group, *weight.shape[2:])


def _window(node: Node, graph: Graph, kernel: tuple[int, ...]) -> dict[str, Any] | None:
    """Return kernel, strides, dilations, pads and output_padding, None for an invalid window.

    ``auto_pad`` and ``output_shape`` distribute their padding as ONNX defines: an odd pixel is
    added after the input with SAME_UPPER, else before it.
    """
    attrs = node.attrs
    strides, dilations = tuple(attrs.get("strides", (1, 1))), tuple(attrs.get("dilations", (1, 1)))
    pads, extra = list(attrs.get("pads", (0, 0, 0, 0))), list(attrs.get("output_padding", (0, 0)))
    if {len(strides), len(dilations), len(pads) // 2, len(extra)} != {2}:
        return None
    auto = attrs.get("auto_pad", "NOTSET")
    automatic = auto in ("SAME_UPPER", "SAME_LOWER") or bool(attrs.get("output_shape"))
    if auto == "VALID":
        pads = [0, 0, 0, 0]
    if automatic and any(extra):
        return None  # ONNX's shape inference and its evaluators disagree on the output's size
    sizes = graph.tensors[node.inputs[0]].shape[2:]
    outputs = graph.tensors[node.outputs[0]].shape[2:]
    for axis in range(2):
        full = (sizes[axis] - 1) * strides[axis] + dilations[axis] * (kernel[axis] - 1) + 1
        total = max(0, full - outputs[axis])
        if automatic:
            pads[axis] = total // 2 if auto == "SAME_UPPER" else total - total // 2
        after = full - pads[axis] - outputs[axis]
        pads[axis + 2], extra[axis] = max(0, after), max(0, -after)
    return {
        "kernel": tuple(kernel), "strides": strides, "pads": tuple(pads), "dilations": dilations,
        "output_padding": tuple(extra),
    }
