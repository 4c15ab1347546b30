"""packed_network: first inputs and last outputs, both or neither."""

from __future__ import annotations

from conv_nodes import conv_node

from myvta.compiler.ir.attributes import ConvAttributes, SlidingWindow
from myvta.compiler.ir.quantized_graph import QuantizedGraph, QuantizedTensor
from myvta.compiler.layout.packed_network import PackedNetwork, pack_network
from myvta.isa.config import named


def packed(channels: int, filters: int, name: str = "default") -> PackedNetwork:
    """Return a network of one 3 x 3 convolution of 12 x 12 pixels, packed."""
    node = conv_node((filters, channels, 3, 3), SlidingWindow((3, 3), (1, 1), (1, 1, 1, 1)))
    tensors = {
        "x": QuantizedTensor("x", (1, channels, 12, 12), -5),
        "y": QuantizedTensor("y", (1, filters, 12, 12), -5),
    }
    graph = QuantizedGraph("one", (node,), tensors, ("x",), ("y",), 8, 8)
    return pack_network(graph, named(name))


def test_few_input_channels_are_packed_with_taps() -> None:
    network = packed(1, 16)
    (name,) = network.inputs
    assert (name, network.inputs[name].source) == ("x.packed", "x")
    (node,) = network.graph.nodes
    assert node.inputs == ("x.packed",)
    assert isinstance(node.attrs, ConvAttributes)
    assert node.attrs.weight.shape[1] == network.graph.tensors["x.packed"].shape[1] > 1
    assert network.outputs == {}


def test_few_output_channels_are_packed_with_pixels() -> None:
    network = packed(16, 1)
    assert (network.inputs, set(network.outputs)) == ({}, {"y"})
    assert network.outputs["y"].packed == "y.packed"
    (node,) = network.graph.nodes
    assert node.outputs == ("y.packed",)
    lanes = network.graph.tensors["y.packed"].shape[1]
    assert isinstance(node.attrs, ConvAttributes)
    assert len(node.attrs.weight) == lanes > 1
    assert node.requant is not None
    assert len(node.requant.bias) == lanes


def test_whole_blocks_of_channels_stay_as_they_are() -> None:
    network = packed(16, 16)
    assert (network.inputs, network.outputs) == ({}, {})
    (node,) = network.graph.nodes
    assert (node.inputs, node.outputs) == (("x",), ("y",))
