"""Both packings of a network: of the inputs that the host writes and the outputs that it reads."""

from __future__ import annotations

from dataclasses import dataclass

from ...isa.config import Config
from ..ir.quantized_graph import QuantizedGraph
from .input_packing import PackedInput, pack_inputs
from .output_packing import PackedOutput, pack_outputs

__all__ = ["PackedNetwork", "pack_network"]


@dataclass(frozen=True, eq=False)
class PackedNetwork:
    """A network whose first and last layers have packed tensors where that is faster.

    Attributes
    ----------
    graph
        The same function as before.
    inputs
        Packed tensors that the host writes, by their own names.
    outputs
        Packed tensors that the host reads, by the names of the tensors it unpacks them to.
    """

    graph: QuantizedGraph
    inputs: dict[str, PackedInput]
    outputs: dict[str, PackedOutput]


def pack_network(graph: QuantizedGraph, config: Config) -> PackedNetwork:
    """Return a network with its packed tensors."""
    packed, inputs = pack_inputs(graph, config)
    graph, outputs = pack_outputs(packed, config)
    return PackedNetwork(graph, inputs, outputs)
