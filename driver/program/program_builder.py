"""Build a program step by step; an allocator plans memory from offset 0."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...isa.config import Config
from ...isa.opcodes import WINDOW_GRANULE, MemoryType
from ..stream.instruction_stream import InstructionStream
from .buffers import DEFAULT_ALIGNMENT, Allocator
from .program import HostStep, LaunchStep, Program, ProgramStep, ProgramTensor, Segment
from .tensor_layout import lane_dtype

__all__ = ["ProgramBuilder"]


class ProgramBuilder:
    """Collect constants, tensors and steps of a program for one configuration.

    Parameters
    ----------
    name : str
    config : Config
    limit : int
        Bytes the program may take; OutOfMemoryError beyond it.
    """

    def __init__(self, name: str, config: Config, limit: int = 64 << 20):
        self.name, self.config = name, config
        self.allocator = Allocator(0, limit)
        self.segments: list[Segment] = []
        self.tensors: dict[str, ProgramTensor] = {}
        self.steps: list[ProgramStep] = []
        self._end = 0

    def reserve(self, size: int, alignment: int = DEFAULT_ALIGNMENT, what: str = "") -> int:
        """Return the offset of free bytes; release them with ``allocator.free(offset)``."""
        offset = self.allocator.allocate(size, alignment, what)
        self._end = max(self._end, offset + size)
        return offset

    def constant(self, name: str, data: bytes, alignment: int = DEFAULT_ALIGNMENT) -> int:
        """Place constant bytes and return their offset; equal data is placed once by the caller."""
        offset = self.reserve(len(data), alignment, name)
        self.segments.append(Segment(name, offset, bytes(data)))
        return offset

    def tensor(
        self, name: str, shape: tuple[int, ...], memory_type: MemoryType, *,
        offset: int | None = None, scale: Sequence[float] = (), axis: int = 1,
        zero_point: int = 0, layer: str = "",
    ) -> ProgramTensor:
        """Add a tensor in tiles, at ``offset`` or in newly reserved memory."""
        tensor = ProgramTensor(
            name=name, shape=tuple(shape), dtype=lane_dtype(memory_type).name, offset=offset,
            memory_type=memory_type, scale=tuple(scale), axis=axis, zero_point=zero_point,
            layer=layer,
        )
        if offset is None:
            return self.add(
                ProgramTensor(**{**vars(tensor), "offset": self.reserve(
                    tensor.nbytes(self.config), what=name
                )})
            )
        self._end = max(self._end, offset + tensor.nbytes(self.config))
        return self.add(tensor)

    def add(self, tensor: ProgramTensor) -> ProgramTensor:
        """Add a tensor without reserving memory: one on the host, or a view of other memory."""
        self.tensors[tensor.name] = tensor
        return tensor

    def launch(
        self, layer: str, stream: InstructionStream, inputs: Sequence[str] = (),
        outputs: Sequence[str] = (),
    ) -> LaunchStep:
        """Add a launch; its instructions and micro-ops become constants."""
        code = self.constant(f"{layer}.code", stream.code, 64)
        uops = self.constant(f"{layer}.uops", stream.uops, 64) if stream.uops else 0
        notes = stream.notes if any(stream.notes) else ()
        step = LaunchStep(
            layer=layer, code=code, count=len(stream), uops=uops, inputs=tuple(inputs),
            outputs=tuple(outputs), notes=notes,
        )
        self.steps.append(step)
        return step

    def host(
        self, layer: str, op: str, inputs: Sequence[str], outputs: Sequence[str], *,
        payload: bytes = b"", attributes: Mapping[str, Any] | None = None, reason: str = "",
    ) -> HostStep:
        """Add a host step."""
        step = HostStep(
            layer=layer, op=op, inputs=tuple(inputs), outputs=tuple(outputs), payload=payload,
            attributes=dict(attributes or {}), reason=reason,
        )
        self.steps.append(step)
        return step

    def build(
        self, inputs: Sequence[str], outputs: Sequence[str], *,
        info: Mapping[str, Any] | None = None, attachments: Mapping[str, bytes] | None = None,
    ) -> Program:
        """Return the program; ProgramError names a contradiction."""
        return Program(
            name=self.name, config=self.config,
            size=-(-self._end // WINDOW_GRANULE) * WINDOW_GRANULE,
            segments=tuple(self.segments), tensors=tuple(self.tensors.values()),
            steps=tuple(self.steps), inputs=tuple(inputs), outputs=tuple(outputs),
            info=dict(info or {}), attachments=dict(attachments or {}),
        )
