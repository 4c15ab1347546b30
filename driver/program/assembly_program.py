"""An assembly text as a program: its ``.buffer`` lines become tensors, its stream one launch.

Elements are addressed from the program's base, as in every program: byte address = element address
x element bytes.  Instructions and micro-ops are placed behind the last buffer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod

import numpy as np

from ...isa.asm.assembler import AssembledProgram
from ...isa.asm.operand_text import DramBuffer
from ...isa.config import Config
from ...isa.instructions import Dwc, Gemm, decode_stream
from ...isa.opcodes import INSTRUCTION_BYTES, WINDOW_GRANULE, MemoryType
from ..errors import AssemblyMemoryError
from .buffers import DEFAULT_ALIGNMENT
from .program import LaunchStep, Program, ProgramTensor, Segment
from .tensor_layout import lane_bits, lane_dtype, tile_shape

__all__ = ["AssemblyProgram", "assembly_program", "element_shape"]


@dataclass(frozen=True)
class AssemblyProgram:
    """A program, and the values of its inputs as :meth:`~.LoadedProgram.run` takes them.

    Attributes
    ----------
    program : Program
        Its outputs are the buffers of type OUT, as rows of lanes.
    inputs : dict of array
        By buffer name; zeros for buffers without an array.
    """

    program: Program
    inputs: dict[str, np.ndarray]

    def elements(self, name: str, values: np.ndarray) -> np.ndarray:
        """Return a tensor's values as elements ``[count, rows, columns]``."""
        kind = self.program.tensor(name).memory_type
        assert kind is not None  # every tensor of such a program is tiled
        return values.reshape(-1, *tile_shape(kind, self.program.config))


@dataclass(frozen=True)
class _Region:
    """Bytes of a buffer, from the program's base."""

    buffer: DramBuffer
    count: int
    start: int
    end: int

    @property
    def label(self) -> str:
        return f"{self.buffer.name!r} at {self.start:#x}..{self.end - 1:#x}"

    def overlaps(self, other: _Region) -> bool:
        return self.start < other.end and other.start < self.end


def element_shape(memory_type: MemoryType, config: Config) -> str:
    """Return the shape of a buffer's array in words: ``[elements, 1, 16]``."""
    rows, columns = tile_shape(memory_type, config)
    return f"[elements, {rows}, {columns}]"


def assembly_program(
    text: AssembledProgram, name: str, arrays: Mapping[str, np.ndarray] | None = None,
) -> AssemblyProgram:
    """Return the program of a text.

    Parameters
    ----------
    text : AssembledProgram
    name : str
        Of the program; with the source line it annotates the instructions.
    arrays : mapping of array, optional
        Integers ``[..., rows, columns]`` by buffer name: elements in memory order.  Every buffer
        that is not of type OUT needs one, except micro-ops and views: buffers inside another one,
        that is results loaded again, or data loaded as another type.  None: zeros, for a run
        whose values do not matter.

    Raises
    ------
    AssemblyMemoryError
        Lists all problems: arrays that are missing, of an unknown name, shape, type or range;
        buffers of unknown size; data that overlaps.
    """
    problems = [] if text.stream else ["no instructions: end it with finish"]
    buffers = {item.name: item for item in text.buffers if item.memory_type != MemoryType.UOP}
    micro_ops = {item.name for item in text.buffers} - set(buffers)
    for array in arrays or ():
        if array in micro_ops:
            problems.append(f"array {array!r}: micro-ops come from .uops, not from an array")
        elif array not in buffers:
            problems.append(
                f"array {array!r} belongs to no .buffer; the text has {_names(buffers)}")
    regions = [
        region for buffer in buffers.values()
        if (region := _region(buffer, text.config, arrays or {}, problems)) is not None
    ]
    inputs = _inputs(regions, text.config, arrays, problems)
    _check_overlaps(regions, set(inputs), problems)
    if problems:
        raise AssemblyMemoryError(name, problems)
    return AssemblyProgram(_program(text, name, regions, tuple(inputs)), inputs)


def _names(buffers: Mapping[str, DramBuffer]) -> str:
    return ", ".join(buffers) or "none"


def _region(
    buffer: DramBuffer, config: Config, arrays: Mapping[str, np.ndarray], problems: list[str],
) -> _Region | None:
    """Return a buffer's bytes; None, and a problem, when its size or its array is wrong."""
    kind, count, array = buffer.memory_type, buffer.count, arrays.get(buffer.name)
    if array is not None:
        shape = tile_shape(kind, config)
        problem = _array_problem(buffer, array, config)
        if problem:
            problems.append(problem)
            return None
        provided = prod(array.shape) // prod(shape)
        if count is not None and provided != count:
            problems.append(
                f"array {buffer.name!r} has {provided} elements, its .buffer {count}")
            return None
        count = provided
    if count is None:
        problems.append(
            f"buffer {buffer.name!r} has no count: add it to its .buffer, after the address")
        return None
    size = config.tile_bytes(kind)
    start = buffer.address * size
    return _Region(buffer, count, start, start + count * size)


def _array_problem(buffer: DramBuffer, array: np.ndarray, config: Config) -> str:
    """Return the reason why an array cannot be a buffer's contents, or ""."""
    kind = buffer.memory_type
    bits = lane_bits(kind, config)
    low, high = -(1 << (bits - 1)), (1 << (bits - 1)) - 1
    what = f"array {buffer.name!r}"
    if array.dtype.kind not in "iub":
        return f"{what} must hold integers, not {array.dtype}"
    if array.shape[-2:] != tile_shape(kind, config) or not array.size:
        return (f"{what} must have shape {element_shape(kind, config)} ({kind.name} of "
                f"{config.name}), not {list(array.shape)}")
    if not low <= int(array.min()) <= int(array.max()) <= high:
        return (f"{what} must hold {low}..{high} ({kind.name}), not {int(array.min())}.."
                f"{int(array.max())}")
    return ""


def _inputs(
    regions: list[_Region], config: Config, arrays: Mapping[str, np.ndarray] | None,
    problems: list[str],
) -> dict[str, np.ndarray]:
    """Return the values of every buffer that holds data at the start."""
    inputs: dict[str, np.ndarray] = {}
    for region in regions:
        name, kind = region.buffer.name, region.buffer.memory_type
        columns = tile_shape(kind, config)[1]
        if arrays is not None and name in arrays:
            values = arrays[name]
        elif kind == MemoryType.OUT or _is_view(region, regions):
            continue
        elif arrays is not None:
            problems.append(
                f"no array for buffer {name!r}: {element_shape(kind, config)} with "
                f"{region.count} elements")
            continue
        else:
            values = np.zeros((region.count, *tile_shape(kind, config)), lane_dtype(kind))
        inputs[name] = values.reshape(-1, columns).astype(lane_dtype(kind))
    return inputs


def _is_view(region: _Region, regions: list[_Region]) -> bool:
    """Return whether a buffer is inside one of type OUT, a larger or an earlier one."""
    number = regions.index(region)
    return any(
        other.start <= region.start and region.end <= other.end and (
            other.buffer.memory_type == MemoryType.OUT or index < number
            or other.end - other.start > region.end - region.start)
        for index, other in enumerate(regions) if index != number
    )


def _check_overlaps(regions: list[_Region], inputs: set[str], problems: list[str]) -> None:
    """Report data that is not separate from other data, or from results."""
    for number, first in enumerate(regions):
        for second in regions[number + 1 :]:
            names = {first.buffer.name, second.buffer.name}
            kinds = {first.buffer.memory_type, second.buffer.memory_type}
            data = names & inputs
            if first.overlaps(second) and (len(data) == 2 or data and MemoryType.OUT in kinds):
                problems.append(f"buffers {first.label} and {second.label} overlap; move one")


def _program(
    text: AssembledProgram, name: str, regions: list[_Region], inputs: tuple[str, ...],
) -> Program:
    tensors = [_tensor(region, text.config) for region in regions]
    end = max((region.end for region in regions), default=0)
    code = -(-end // DEFAULT_ALIGNMENT) * DEFAULT_ALIGNMENT
    segments, uops = [Segment("instructions", code, text.stream)], 0
    end = code + len(text.stream)
    if text.uops:
        uops = -(-end // DEFAULT_ALIGNMENT) * DEFAULT_ALIGNMENT
        segments.append(Segment("micro-ops", uops, text.uops))
        end = uops + len(text.uops)
    outputs = tuple(region.buffer.name for region in regions
                    if region.buffer.memory_type == MemoryType.OUT)
    notes = tuple(f"{name}:{line}" for line in text.lines)
    return Program(
        name=name, config=text.config, size=-(-end // WINDOW_GRANULE) * WINDOW_GRANULE,
        segments=tuple(segments), tensors=tuple(tensors), inputs=inputs, outputs=outputs,
        steps=(LaunchStep(
            layer=name, code=code, count=len(text.stream) // INSTRUCTION_BYTES, uops=uops,
            inputs=inputs, outputs=outputs, notes=notes,
        ),),
        info={"report": {"nodes": _work(text, notes)}},
    )


def _tensor(region: _Region, config: Config) -> ProgramTensor:
    kind = region.buffer.memory_type
    rows, columns = tile_shape(kind, config)
    return ProgramTensor(
        name=region.buffer.name, shape=(region.count * rows, columns),
        dtype=lane_dtype(kind).name, offset=region.start, memory_type=kind,
    )


def _work(text: AssembledProgram, notes: tuple[str, ...]) -> list[dict[str, object]]:
    """Return the products of each GEMM and DWC line, as a compiler's report has them by node."""
    nodes: list[dict[str, object]] = []
    config = text.config
    for note, item in zip(notes, decode_stream(text.stream, config), strict=True):
        if not isinstance(item, (Gemm, Dwc)) or item.reset:
            continue
        macs = config.macs_per_step
        if isinstance(item, Dwc):
            macs = prod(config.window_shape(item.window)) * config.lanes
        macs *= (item.uop_end - item.uop_bgn) * item.iter_out * item.iter_in
        nodes.append({"name": note, "macs": macs, "ideal_steps": macs // config.macs_per_step})
    return nodes
