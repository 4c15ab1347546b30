"""Constraints that operators share: each returns '' or the reason why the host runs a node."""

from __future__ import annotations

from ..ir.graph import Graph, Node
from ..ir.layouts import channels_first_layout
from ..ir.pooling_window import taps_of
from .operator import Context

__all__ = ["MEAN_PIXELS", "RESHAPED", "data_reason", "layout_reason", "window_reason"]

MEAN_PIXELS = 1 << 16
"""Maximum number of pixels whose mean a 15-bit factor approximates well."""
RESHAPED = (
    "its input is stored with other channels, rows and columns than its shape has: "
    "a reshape before it moved no data"
)


def data_reason(node: Node, graph: Graph) -> str:
    """Check that the data of a node fits the accelerator's layout, for any operator."""
    activations = [name for name in node.inputs if name and not graph.tensors[name].constant]
    images = {graph.tensors[name].shape[:1] for name in (*activations, *node.outputs[:1])}
    for name in (*activations, *node.outputs[:1]):
        tensor = graph.tensors[name]
        if tensor.dtype != "float32":
            return f"{name} is {tensor.dtype}, not float32"
        if len(tensor.shape) not in (2, 3, 4):
            return f"{name} has {len(tensor.shape)} dimensions, not 2 to 4"
        if 0 in tensor.shape:
            return f"{name} is empty"
    if len(images) != 1 or images != {graph.tensors[graph.inputs[0]].shape[:1]}:
        return "its first dimension is not the images of the network"
    return ""


def layout_reason(node: Node, context: Context) -> str:
    """Check that every input has the layout of its shape."""
    tensors = context.graph.tensors
    names = [name for name in node.inputs if name and not tensors[name].constant]
    reshaped = any(
        context.layouts[name] != channels_first_layout(tensors[name].shape) for name in names)
    return RESHAPED if reshaped else ""


def window_reason(node: Node, context: Context) -> str:
    """Check the windows of a pooling operator and the layout of its input."""
    if "kernel" not in node.attrs:
        return f"this form of {node.op} (not 2-D, a second output, or column-major)"
    if min(node.attrs["pads"]) < 0:
        return "negative padding"
    tensors = context.graph.tensors
    before, after = (tensors[name].shape[2:] for name in (node.inputs[0], node.outputs[0]))
    for axis, (size, outputs) in enumerate(zip(before, after, strict=True)):
        taps = taps_of(node.attrs, axis, outputs)
        if not ((taps >= 0) & (taps < size)).any(1).all():
            return "a window is entirely in the padding"
    return layout_reason(node, context)
