"""Both packings of a network: of what the host writes for it, and of what the host reads of it."""

from __future__ import annotations

from dataclasses import dataclass

from ...isa.config import Config
from ..ir.quantized_graph import QuantizedGraph
from .input_packing import Packed, pack_inputs
from .output_packing import Spread, spread_outputs

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
    inputs: dict[str, Packed]
    outputs: dict[str, Spread]


def pack_network(graph: QuantizedGraph, config: Config) -> PackedNetwork:
    """Return a network with its packed tensors."""
    packed, inputs = pack_inputs(graph, config)
    graph, outputs = spread_outputs(packed, config)
    return PackedNetwork(graph, inputs, outputs)
