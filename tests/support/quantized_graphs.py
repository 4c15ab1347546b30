"""Integer networks of a few nodes made by hand, for tests of layout and pipeline."""

from __future__ import annotations

from conv_nodes import conv_node
from lowered_node import rule

from myvta.compiler.ir.attributes import HostAttributes, SlidingWindow
from myvta.compiler.ir.host_payload import HostPayload
from myvta.compiler.ir.quantized_graph import QuantizedGraph, QuantizedNode, QuantizedTensor
from myvta.compiler.operators.flatten import FLATTEN
from myvta.compiler.operators.relu import ReluAttributes

__all__ = ["chain"]


def chain() -> QuantizedGraph:
    """Return x [2, 6, 3, 4], Relu to y, a 1 x 1 convolution to z, Flatten, a node of the host."""
    shapes = {"x": (2, 6, 3, 4), "y": (2, 6, 3, 4), "z": (2, 9, 3, 4), "flat": (2, 108)}
    tensors = {
        name: QuantizedTensor(name, shape, -5) for name, shape in shapes.items()
    } | {"real": QuantizedTensor("real", (2, 108), None)}
    conv = conv_node((9, 6, 1, 1), SlidingWindow((1, 1), (1, 1), (0, 0, 0, 0)))
    nodes = (
        QuantizedNode("Relu", "relu", ("x",), ("y",), ReluAttributes()),
        QuantizedNode("Conv", "conv", ("y",), ("z",), conv.attrs, rule(9, 9)),
        QuantizedNode("Flatten", "flatten", ("z",), ("flat",), FLATTEN.attributes()),
        QuantizedNode("Host", "soft", ("flat",), ("real",),
                      HostAttributes(HostPayload("onnx", b"packed"), ("soft", "max"))),
    )
    return QuantizedGraph("chain", nodes, tensors, ("x",), ("real",), 8, 8)
