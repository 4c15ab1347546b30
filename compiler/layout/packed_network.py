"""The network as it is lowered: its tables fused, its first and last tensors packed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ...isa.config import Config
from ..ir.quantized_graph import QuantizedGraph
from .input_packing import PackedInput, pack_inputs
from .output_packing import PackedOutput, pack_outputs
from .table_fusion import fuse_tables

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
    tables
        The operator that looks up a Table, by the name of the Table's node.
    """

    graph: QuantizedGraph
    inputs: dict[str, PackedInput]
    outputs: dict[str, PackedOutput]
    tables: Mapping[str, str] = field(default_factory=dict)


def pack_network(
    graph: QuantizedGraph, config: Config, *, fuse: bool = True
) -> PackedNetwork:
    """Return a network with its packed tensors, and its tables fused unless told otherwise."""
    graph, tables = fuse_tables(graph) if fuse else (graph, {})
    packed, inputs = pack_inputs(graph, config)
    graph, outputs = pack_outputs(packed, config)
    return PackedNetwork(graph, inputs, outputs, tables)
