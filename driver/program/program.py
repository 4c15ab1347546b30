"""A compiled network as plain data: constant memory, tensors, and steps in order.

All offsets are bytes from the program's base, a 4096-aligned address chosen when it is loaded
(the window's).  Instructions address from base 0: at launch the base pointer registers hold the
program's base, UOP_BASE the launch's micro-ops, so nothing is patched.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np

from ...isa.config import Config
from ...isa.opcodes import INSTRUCTION_BYTES, UOP_BYTES, MemoryType
from ..errors import LayoutError, ProgramError
from .tensor_layout import lane_dtype, tensor_bytes

__all__ = ["HostStep", "LaunchStep", "Program", "Segment", "ProgramStep", "ProgramTensor"]

_DTYPES = ("bool", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64",
           "float16", "float32", "float64")


@dataclass(frozen=True)
class Segment:
    """Constant bytes at an offset: weights, parameters, micro-ops, instructions."""

    name: str
    offset: int
    data: bytes


@dataclass(frozen=True, kw_only=True)
class ProgramTensor:
    """A named array of the program.

    Attributes
    ----------
    name : str
    shape : tuple of int
        Logical shape.
    dtype : str
        Numpy name of its values: int8 or int32 in tiles, any of the plain types otherwise.
    offset : int or None
        Byte offset from the program's base; None: only on the host.  Tensors may share memory
        when their live ranges differ.
    memory_type : MemoryType or None
        Type of its tiles (:mod:`~myvta.driver.program.tensor_layout`); None: raw, C order,
        little endian.
    scale : tuple of float
        ``real = (value - zero_point) * scale``; one, or one per index of ``axis``; empty: none.
    axis, zero_point : int
    layer : str
        Layer that produces it; ``""`` for inputs.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str = "int8"
    offset: int | None = None
    memory_type: MemoryType | None = None
    scale: tuple[float, ...] = ()
    axis: int = 1
    zero_point: int = 0
    layer: str = ""

    def nbytes(self, config: Config) -> int:
        """Bytes it takes in memory, padding lanes included."""
        if self.memory_type is None:
            return prod(self.shape) * np.dtype(self.dtype).itemsize
        return tensor_bytes(self.shape, self.memory_type, config)


@dataclass(frozen=True, kw_only=True)
class LaunchStep:
    """One launch of the accelerator.

    Attributes
    ----------
    layer : str
    code, count : int
        Offset of the instructions and how many, FINISH included.
    uops : int
        Offset of the micro-op image (any multiple of 4 when there is none).
    inputs, outputs : tuple of str
        Tensors read and written.
    notes : tuple of str
        Annotation of each instruction, or empty.
    """

    layer: str
    code: int
    count: int
    uops: int = 0
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class HostStep:
    """Something the host computes: ``op`` with an opaque ``payload`` and JSON ``attributes``.

    The driver itself does the ops of :mod:`myvta.driver.run.host_conversions`, between real numbers
    and integers; every other op is done by the ``host`` callable given when the program is run.
    ``reason`` says why the accelerator does not do it.
    """

    layer: str
    op: str
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    payload: bytes = b""
    attributes: dict[str, Any] = field(default_factory=dict)
    reason: str = ""


ProgramStep = LaunchStep | HostStep


@dataclass(frozen=True, kw_only=True)
class Program:
    """A network for one configuration.

    Attributes
    ----------
    name : str
    config : Config
        A target of another fingerprint refuses it.
    size : int
        Bytes of device memory it needs from its base.
    segments, tensors, steps : tuple
    inputs, outputs : tuple of str
        Tensors that the caller provides and receives.
    info : dict
        JSON values: compiler, options, report.
    attachments : dict of bytes
        Files that travel along (calibration, reference tensors, the source network).

    Raises
    ------
    ProgramError
        The program is inconsistent: a tensor unknown, used before it exists, outside the memory
        or over constant bytes; code that is not in a segment; duplicate names.
    """

    name: str
    config: Config
    size: int
    segments: tuple[Segment, ...] = ()
    tensors: tuple[ProgramTensor, ...] = ()
    steps: tuple[ProgramStep, ...] = ()
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    info: dict[str, Any] = field(default_factory=dict)
    attachments: dict[str, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        table = {tensor.name: tensor for tensor in self.tensors}
        if len(table) != len(self.tensors):
            raise ProgramError("two tensors have the same name")
        object.__setattr__(self, "_table", table)
        self._check_segments()
        for tensor in self.tensors:
            self._check_tensor(tensor)
        self._check_steps()

    def tensor(self, name: str) -> ProgramTensor:
        """Return a tensor by name; ProgramError when there is none."""
        try:
            return self._table[name]  # type: ignore[attr-defined]
        except KeyError:
            raise ProgramError(f"program {self.name!r} has no tensor {name!r}") from None

    @property
    def launches(self) -> tuple[LaunchStep, ...]:
        """The steps that run on the accelerator."""
        return tuple(step for step in self.steps if isinstance(step, LaunchStep))

    def code(self, step: LaunchStep) -> bytes:
        """Return the instructions of a launch."""
        return self._segment_bytes(step.code, step.count * INSTRUCTION_BYTES)

    def _segment_bytes(self, offset: int, size: int) -> bytes:
        for segment in self.segments:
            at = offset - segment.offset
            if at >= 0 and at + size <= len(segment.data):
                return segment.data[at : at + size]
        raise ProgramError(f"bytes {offset:#x} + {size} are in no segment of {self.name!r}")

    # -- invariants ----------------------------------------------------------------------------
    def _check_segments(self) -> None:
        end, last = 0, ""
        for segment in sorted(self.segments, key=lambda item: item.offset):
            if segment.offset < end:
                raise ProgramError(f"segments {last!r} and {segment.name!r} overlap")
            end, last = segment.offset + len(segment.data), segment.name
        if not 0 <= end <= self.size:
            raise ProgramError(f"segment {last!r} ends at {end}, past the size {self.size}")

    def _check_tensor(self, tensor: ProgramTensor) -> None:
        what = f"tensor {tensor.name!r}"
        if tensor.dtype not in _DTYPES:
            raise ProgramError(f"{what} has dtype {tensor.dtype!r}; known: {', '.join(_DTYPES)}")
        if any(axis < 1 for axis in tensor.shape):
            raise ProgramError(f"{what} has the empty shape {tensor.shape}")
        if tensor.scale and not all(0 < scale < float("inf") for scale in tensor.scale):
            raise ProgramError(f"{what} has a scale that is not positive and finite")
        if len(tensor.scale) > 1 and not (
            0 <= tensor.axis < len(tensor.shape)
            and tensor.shape[tensor.axis] == len(tensor.scale)
        ):
            raise ProgramError(f"{what} has {len(tensor.scale)} scales, not one per axis index")
        if tensor.offset is None:
            if tensor.memory_type is not None:
                raise ProgramError(f"{what} has tiles but no offset")
            return
        alignment = np.dtype(tensor.dtype).itemsize
        if tensor.memory_type is not None:
            if tensor.memory_type == MemoryType.UOP:
                raise ProgramError(f"{what} cannot be UOP")
            if np.dtype(tensor.dtype) != lane_dtype(tensor.memory_type):
                raise ProgramError(
                    f"{what}: {tensor.memory_type.name} does not hold {tensor.dtype}"
                )
            alignment = self.config.tile_bytes(tensor.memory_type)
        try:
            end = tensor.offset + tensor.nbytes(self.config)
        except LayoutError as error:
            raise ProgramError(f"{what}: {error}") from None
        if tensor.offset < 0 or tensor.offset % alignment or end > self.size:
            raise ProgramError(
                f"{what} at {tensor.offset}..{end} is outside 0..{self.size} or not a multiple of "
                f"{alignment}"
            )
        for segment in self.segments:
            if tensor.offset < segment.offset + len(segment.data) and segment.offset < end:
                raise ProgramError(f"{what} overlaps segment {segment.name!r}")

    def _check_steps(self) -> None:
        produced = {self.tensor(name).name for name in self.inputs}
        for number, step in enumerate(self.steps):
            for name in (*step.inputs, *step.outputs):
                self.tensor(name)
            missing = [name for name in step.inputs if name not in produced]
            if missing:
                raise ProgramError(
                    f"step {number} ({step.layer}) reads {missing[0]!r} before a step produces it"
                )
            if isinstance(step, LaunchStep):
                self._check_launch(step)
            produced.update(step.outputs)
        for name in self.outputs:
            if self.tensor(name).name not in produced:
                raise ProgramError(f"no step makes the output {name!r}")

    def _check_launch(self, step: LaunchStep) -> None:
        what = f"launch {step.layer!r}"
        if step.count < 1 or step.code % INSTRUCTION_BYTES or step.uops % UOP_BYTES:
            raise ProgramError(f"{what}: code must be a multiple of 16, uops of 4, count positive")
        if not 0 <= step.uops <= self.size:
            raise ProgramError(f"{what}: micro-ops at {step.uops} are outside 0..{self.size}")
        self.code(step)
        if step.notes and len(step.notes) != step.count:
            raise ProgramError(f"{what} has {len(step.notes)} notes for {step.count} instructions")
        for name in (*step.inputs, *step.outputs):
            if self.tensor(name).offset is None:
                raise ProgramError(f"{what} uses {name!r}, which is not in device memory")
