"""The intermediate representations of an integer network, from packing to the program."""

from __future__ import annotations

from dataclasses import dataclass

from ...driver.program.program import Program
from ...driver.stream.instruction_stream import InstructionStream
from ..codegen.stream_costs import StreamCosts, stream_costs
from ..ir.quantized_graph import QuantizedGraph, QuantizedNode
from ..layout.memory_plan import TensorMemory
from ..layout.packed_network import PackedNetwork
from ..lower.conv.fusion import Operation
from ..lower.conv.fusion_group import FusionGroup
from ..lower.layer_scheduler import LayerScheduler
from ..schedule.tiling_problem import Tiling
from .model_passes import QuantizedModel

__all__ = [
    "AllocatedNetwork", "AssembledNetwork", "FusedNetwork", "LoweredNetwork", "PackedModel",
    "LaunchRegion", "ScheduledNetwork", "SynchronizedNetwork",
]


@dataclass(frozen=True, eq=False)
class PackedModel:
    """The integer network with packed first and last tensors."""

    quantized: QuantizedModel
    network: PackedNetwork

    @property
    def graph(self) -> QuantizedGraph:
        """The packed network, whose nodes are lowered."""
        return self.network.graph


@dataclass(frozen=True, eq=False)
class AllocatedNetwork:
    """The network, and the addresses of all activations in device memory."""

    packed: PackedModel
    memory: TensorMemory

    @property
    def graph(self) -> QuantizedGraph:
        """The network."""
        return self.packed.graph


@dataclass(frozen=True, eq=False)
class LaunchRegion:
    """Neighbouring nodes that become one launch, or one evaluation on the host.

    ``operations``: those of a launch in the order of their execution; without, all nodes are views.
    """

    nodes: tuple[QuantizedNode, ...]
    operations: tuple[Operation, ...] = ()

    @property
    def on_host(self) -> bool:
        """Whether the host evaluates it: then it is a single node."""
        return self.nodes[0].on_host

    @property
    def groups(self) -> tuple[FusionGroup, ...]:
        """Its convolutions."""
        return tuple(item for item in self.operations if isinstance(item, FusionGroup))

    @property
    def on_chip(self) -> set[str]:
        """Names of activations that never leave the accumulator."""
        return {
            name for group in self.groups for node in group.nodes[:-1] for name in node.outputs}


@dataclass(frozen=True, eq=False)
class FusedNetwork:
    """Launches of fusion groups and single nodes, and the regions of the host between them."""

    allocated: AllocatedNetwork
    regions: tuple[LaunchRegion, ...]
    scheduler: LayerScheduler

    @property
    def operations(self) -> tuple[Operation, ...]:
        """All units of scheduling, in order."""
        return tuple(item for region in self.regions for item in region.operations)

    @property
    def groups(self) -> tuple[FusionGroup, ...]:
        """All convolutions, in order."""
        return tuple(group for region in self.regions for group in region.groups)

    @property
    def fused_into(self) -> dict[str, str]:
        """The convolution that computes a layer, by the name of the layer."""
        return {
            node.name: group.name for group in self.groups for node in group.nodes[1:]}


@dataclass(frozen=True, eq=False)
class ScheduledNetwork:
    """Fused launches, and the tiling of each operation by its name."""

    fused: FusedNetwork
    tilings: dict[str, Tiling]


@dataclass(frozen=True, eq=False)
class LoweredNetwork:
    """A stream without tokens for each launch, by the index of its region."""

    scheduled: ScheduledNetwork
    streams: dict[int, InstructionStream]


@dataclass(frozen=True, eq=False)
class SynchronizedNetwork:
    """A stream with tokens for each launch, by the index of its region."""

    lowered: LoweredNetwork
    streams: dict[int, InstructionStream]

    @property
    def regions(self) -> tuple[LaunchRegion, ...]:
        """Launches and regions of the host, in order."""
        return self.lowered.scheduled.fused.regions

    @property
    def allocated(self) -> AllocatedNetwork:
        """The network in memory."""
        return self.lowered.scheduled.fused.allocated

    @property
    def costs(self) -> dict[str, StreamCosts]:
        """Instructions, steps and bytes by the name of the node that they are for."""
        return {
            name: costs for stream in self.streams.values()
            for name, costs in stream_costs(stream).items()
        }


@dataclass(frozen=True, eq=False)
class AssembledNetwork:
    """The program of the network."""

    synchronized: SynchronizedNetwork
    program: Program
