"""The intermediate representations of an integer network as rows of a dump."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from ...driver.program.program import LaunchStep
from ...isa.asm.disassembler import format_word
from ...isa.opcodes import INSTRUCTION_BYTES, MemoryType
from ..lower.conv.fusion_group import FusionGroup, conv_problem
from ..schedule.conv_problem import ConvShape
from .dump import DumpRow
from .dump_graphs import quantized_rows
from .network_stages import (
    AllocatedNetwork,
    AssembledNetwork,
    FusedNetwork,
    LoweredNetwork,
    PackedModel,
    ScheduledNetwork,
    SynchronizedNetwork,
)

__all__ = [
    "dump_allocated", "dump_fused", "dump_packed", "dump_program", "dump_scheduled",
    "dump_streams",
]


def dump_packed(packed: PackedModel) -> list[DumpRow]:
    """Return the packed tensors, then the graph."""
    inputs = [
        DumpRow(name, "InputPacking", (item.source,), (name,), item.packing.to_json())
        for name, item in packed.network.inputs.items()
    ]
    outputs = [
        DumpRow(name, "OutputPacking", (item.packed,), (name,), item.packing.to_json())
        for name, item in packed.network.outputs.items()
    ]
    return [*inputs, *outputs, *quantized_rows(packed.graph)]


def dump_allocated(network: AllocatedNetwork) -> list[DumpRow]:
    """Return a row for each activation."""
    size = network.memory.config.tile_bytes(MemoryType.INP)
    return [
        DumpRow(name, "Activation", facts={
            "offset": item.dram * size, "bytes": item.tiles * size,
            "channels_rows_columns": item.layout, "blocks": item.blocks})
        for name, item in network.memory.activations.items()
    ]


def dump_fused(network: FusedNetwork) -> list[DumpRow]:
    """Return a row for each operation, in the order of execution."""
    rows = []
    for index, region in enumerate(network.regions):
        for item in region.operations or region.nodes:
            facts: dict[str, Any] = {"region": index}
            if isinstance(item, FusionGroup):
                facts["layers"] = [f"{node.op} {node.name}" for node in item.nodes]
                rows.append(DumpRow(item.name, "FusionGroup", item.inputs, (item.output,), facts))
            else:
                rows.append(DumpRow(item.name, item.op, item.inputs, item.outputs, facts))
    return rows


def dump_scheduled(network: ScheduledNetwork) -> list[DumpRow]:
    """Return a row for each fusion group: its problem and its tiling."""
    memory = network.fused.allocated.memory
    return [
        DumpRow(group.name, "Tiling", group.inputs, (group.output,), {
            **asdict(network.tilings[group.name]),
            "problem": _problem(
                conv_problem(group, memory.activations, memory.config).shape),
        })
        for group in network.fused.groups
    ]


def _problem(shape: ConvShape) -> dict[str, Any]:
    """Return the fields of a shape that differ from their defaults."""
    plain = asdict(shape)
    return {
        name: value for name, value in plain.items()
        if value not in (getattr(ConvShape, name, None), ())
    }


def dump_streams(network: LoweredNetwork | SynchronizedNetwork) -> list[DumpRow]:
    """Return a row for each instruction, as the assembler has it."""
    rows = []
    for region, stream in network.streams.items():
        for index, note in enumerate(stream.notes):
            start = index * INSTRUCTION_BYTES
            word = int.from_bytes(stream.code[start:start + INSTRUCTION_BYTES], "little")
            text = " ".join(format_word(word, stream.config).split())
            rows.append(DumpRow(f"{region}.{index}", text, facts={"layer": note}))
    return rows


def dump_program(network: AssembledNetwork) -> list[DumpRow]:
    """Return the segments of the program, then its steps in order."""
    program = network.program
    rows = [
        DumpRow(segment.name, "Segment", facts={
            "offset": segment.offset, "bytes": len(segment.data)})
        for segment in program.segments
    ]
    for step in program.steps:
        op = f"Launch of {step.count}" if isinstance(step, LaunchStep) else step.op
        rows.append(DumpRow(step.layer, op, step.inputs, step.outputs))
    return rows
