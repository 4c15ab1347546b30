"""The stream of a single operation in separate memory: the unit of tuning."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ...driver.errors import OutOfMemoryError
from ...driver.run.launch import RunReport, launch
from ...driver.stream.instruction_stream import InstructionStream
from ...driver.target.protocol import Target
from ...isa.opcodes import MemoryType
from ..codegen.lowering_context import Activation, AddressSpace
from ..ir.layouts import ChannelLayout
from ..ir.target_description import TargetDescription
from ..lower.conv.fusion import Operation
from ..lower.conv.fusion_group import FusionGroup
from ..lower.layer_scheduler import LayerScheduler
from ..operators.registry import layer_of
from ..schedule.select_tiling import ScheduleOptions

__all__ = ["Isolated", "isolate", "isolated_activations", "run_alone"]

_PAGE = 4096


@dataclass(frozen=True)
class Isolated:
    """A stream and the size in bytes of the memory it addresses, from address 0."""

    stream: InstructionStream
    size: int


def isolated_activations(
    operation: Operation, layouts: Mapping[str, ChannelLayout], target: TargetDescription,
    images: int,
) -> dict[str, Activation]:
    """Return the activations of an operation, in memory that nothing else uses.

    Parameters
    ----------
    layouts
        Channels, rows and columns of every activation that its layers read and write.
    images
        Number of images; a multiple of the configuration's batch.
    """
    config = target.config
    memory, groups = AddressSpace(config), images // config.batch
    activations = {}
    nodes = operation.nodes if isinstance(operation, FusionGroup) else (operation,)
    for node in nodes:
        for name in (*node.inputs, *node.outputs):
            if name in activations:
                continue
            layout = layouts[name]
            blocks = -(-layout.channels // config.block_in)
            start = memory.place(groups * blocks * layout.rows * layout.columns, MemoryType.INP)
            activations[name] = Activation(start, groups, blocks, layout)
    return activations


def isolate(
    operation: Operation, layouts: Mapping[str, ChannelLayout], target: TargetDescription,
    images: int = 1,
    options: ScheduleOptions | None = None,
) -> Isolated:
    """Lower a single operation to a stream with the schedule it would get."""
    activations = isolated_activations(operation, layouts, target, images)
    scheduler = LayerScheduler(target, options or ScheduleOptions(), activations)
    layer = layer_of(operation, activations, target.config)
    placed = scheduler.place(layer)
    stream = scheduler.stream(placed, scheduler.choose(layer))
    return Isolated(stream, placed.memory.size)


def run_alone(
    target: Target, stream: InstructionStream, size: int, timeout: float = 300.0
) -> RunReport:
    """Run a stream on the first ``size`` bytes of a target's memory, all zero.

    Cycles do not depend on data.

    Raises
    ------
    OutOfMemoryError
        The target has too little memory.
    """
    base, room = target.window
    code = -(-size // _PAGE) * _PAGE
    uops = code + -(-len(stream.code) // _PAGE) * _PAGE
    needed = uops + len(stream.uops)
    if needed > room:
        raise OutOfMemoryError(needed, room, room)
    target.write_memory(base, bytes(code))
    target.write_memory(base + code, stream.code)
    target.write_memory(base + uops, stream.uops)
    bases = {**dict.fromkeys(MemoryType, base), MemoryType.UOP: base + uops}
    return launch(target, base + code, len(stream), bases=bases, timeout=timeout)
