"""Windows of Conv and pooling: ONNX's kernel, strides, pads and dilations in canonical form."""

from __future__ import annotations

from typing import Any

from ...ir.graph import Graph, Node
from .transposed import normalize_transposed

__all__ = ["canonical_window", "counted_padding", "normalize_windows"]


def normalize_windows(graph: Graph) -> None:
    """Write out kernel, strides, pads and dilations of 2-D Conv, ConvTranspose and MaxPool."""
    for node in graph.nodes:
        if node.op == "ConvTranspose":
            normalize_transposed(node, graph)
        if "kernel" in node.attrs or node.op not in ("Conv", "MaxPool"):
            continue
        if len(graph.tensors[node.inputs[0]].shape) == 4:
            attrs = canonical_window(node, graph)
            if attrs is not None:
                node.attrs = attrs


def canonical_window(node: Node, graph: Graph) -> dict[str, Any] | None:
    """Return canonical attributes of a 2-D Conv or pooling, None for unsupported forms.

    ``auto_pad`` and ``ceil_mode`` are resolved into pads: the padding after the last window
    follows from the output size in the graph.  MaxPool with a second output or column-major storage
    keeps its ONNX form.
    """
    attrs = node.attrs
    if node.op == "Conv":
        if not graph.tensors[node.inputs[1]].constant:
            return None
        weight = graph.tensors[node.inputs[1]].shape
        if len(weight) != 4 or weight[1] * attrs.get("group", 1) != (
            graph.tensors[node.inputs[0]].shape[1]
        ):
            return None
        kernel = tuple(weight[2:])
    else:
        kernel = tuple(attrs["kernel_shape"])
        if len([name for name in node.outputs if name]) > 1 or attrs.get("storage_order", 0):
            return None
    strides = tuple(attrs.get("strides", (1, 1)))
    dilations = tuple(attrs.get("dilations", (1, 1)))
    pads = list(attrs.get("pads", (0, 0, 0, 0)))
    if {len(kernel), len(strides), len(dilations), len(pads) // 2} != {2}:
        return None
    sizes = graph.tensors[node.inputs[0]].shape[2:]
    outputs = graph.tensors[node.outputs[0]].shape[2:]
    auto = attrs.get("auto_pad", "NOTSET")
    for axis in range(2):
        needed = (outputs[axis] - 1) * strides[axis] + dilations[axis] * (kernel[axis] - 1) + 1
        total = max(0, needed - sizes[axis])
        if auto in ("SAME_UPPER", "SAME_LOWER"):
            pads[axis] = total // 2 if auto == "SAME_UPPER" else total - total // 2
            pads[axis + 2] = total - pads[axis]
        elif auto == "VALID":
            pads[axis] = pads[axis + 2] = 0
        else:
            pads[axis + 2] = max(pads[axis + 2], needed - sizes[axis] - pads[axis])
    canonical: dict[str, Any] = {
        "kernel": kernel, "strides": strides, "pads": tuple(pads), "dilations": dilations,
    }
    if node.op == "Conv":
        canonical |= {"group": attrs.get("group", 1), "relu": 0}
    return canonical


def counted_padding(node: Node, graph: Graph) -> tuple[int, int, int, int]:
    """Return the padding (top, left, bottom, right) an AveragePool counts as values.

    That is the declared padding, without the part that ``ceil_mode`` adds after the last window.
    """
    if not node.attrs.get("count_include_pad", 0):
        return 0, 0, 0, 0
    if node.attrs.get("auto_pad", "NOTSET") in ("NOTSET", ""):
        top, left, bottom, right = node.attrs.get("pads", (0, 0, 0, 0))
        return top, left, bottom, right
    window = canonical_window(node, graph)
    assert window is not None
    top, left, bottom, right = window["pads"]
    return top, left, bottom, right
