"""The intermediate representations of an integer network as rows of a dump."""

from __future__ import annotations

from dataclasses import MISSING, fields
from typing import Any

from ...driver.program.program import LaunchStep
from ...isa.asm.disassembler import format_word
from ...isa.opcodes import INSTRUCTION_BYTES, MemoryType
from ..lower.conv.fusion_group import FusionGroup
from ..operators.registry import layer_of
from ..schedule.plain_data import plain_problem, plain_tiling
from ..schedule.tiling_problem import Problem
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
    """Return a row for each operation: its problem and its tiling."""
    memory, rows = network.fused.allocated.memory, []
    for item in network.fused.operations:
        outputs = (item.output,) if isinstance(item, FusionGroup) else item.outputs
        problem = layer_of(item, memory.activations, memory.config).problem
        rows.append(DumpRow(item.name, "Tiling", item.inputs, outputs, {
            **plain_tiling(network.tilings[item.name]), "problem": _problem(problem)}))
    return rows


def _problem(problem: Problem) -> dict[str, Any]:
    """Return the kind of a problem, and its fields that differ from their defaults."""
    plain = plain_problem(problem)
    defaults = {
        field.name: field.default for field in fields(problem)  # type: ignore[arg-type]
        if field.default is not MISSING}
    return {
        name: value for name, value in plain.items()
        if name not in defaults or getattr(problem, name) != defaults[name]
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
