"""The JIT runtime: a stream builder that works on buffers of an open target and runs itself."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ...isa.check.stream_walk import OnChipState
from ...isa.opcodes import INSTRUCTION_BYTES, MemoryType
from ..errors import AllocationError, TargetTimeout
from ..program.buffers import DEFAULT_ALIGNMENT, Allocator, Buffer
from ..program.program_check import LaunchChecker
from ..program.tensor_layout import pack_tensor, tensor_bytes, unpack_tensor
from ..stream.instruction_stream import InstructionStream
from ..stream.stream import StreamBuilder
from ..target.identity import check_identity
from ..target.protocol import Target
from .launch import RunReport, launch

__all__ = ["Runtime"]


class Runtime(StreamBuilder):
    """Record loads, kernels, stores and tokens, then :meth:`sync`: run them and wait.

    Everything of :class:`~myvta.driver.stream.stream.StreamBuilder` (gemm, depthwise, alu, reduce,
    forward_2d, push, pop, note, emit) is available; :meth:`load` and :meth:`store` take buffers.
    Scratchpads keep their contents from one sync to the next; micro-ops are loaded again.

    Parameters
    ----------
    target : Target
        Open; the caller closes it.  Its identity and configuration are checked.
    serial : bool
        See StreamBuilder: no tokens needed, no overlap.
    check : bool
        Run the static checker on every distinct stream before its launch.
    """

    def __init__(self, target: Target, *, serial: bool = False, check: bool = True):
        check_identity(target)
        super().__init__(target.config, serial=serial)
        self.target = target
        self.allocator = Allocator(*target.window)
        self._checker = LaunchChecker(target.config) if check else None
        self._chip = OnChipState()  # the state that launches of this runtime left
        self._running: list[Buffer] = []  # code of launches that were given up, maybe still read

    # -- memory ----------------------------------------------------------------------------------
    def allocate(
        self, size: int, alignment: int = DEFAULT_ALIGNMENT, what: str = "",
    ) -> Buffer:
        """Return a buffer of ``size`` bytes; OutOfMemoryError says how much is free."""
        return Buffer(self.target, self.allocator.allocate(size, alignment, what), size)

    def free(self, buffer: Buffer) -> None:
        """Give a buffer back; AllocationError when it is not allocated."""
        if self.allocator.blocks.get(buffer.address) != buffer.size:
            raise AllocationError(
                f"no buffer of {buffer.size} bytes is allocated at {buffer.address:#x}: "
                "freed twice?"
            )
        self.allocator.free(buffer.address)

    def put(self, array: npt.ArrayLike, memory_type: MemoryType) -> Buffer:
        """Allocate, tile and write a tensor (:mod:`myvta.driver.program.tensor_layout`)."""
        data = pack_tensor(array, memory_type, self.config)
        buffer = self.allocate(len(data))
        buffer.write(np.frombuffer(data, dtype=np.uint8))
        return buffer

    def room(self, shape: tuple[int, ...], memory_type: MemoryType) -> Buffer:
        """Allocate a buffer for a tensor of ``shape``."""
        return self.allocate(tensor_bytes(shape, memory_type, self.config))

    def get(
        self, buffer: Buffer, shape: tuple[int, ...], memory_type: MemoryType = MemoryType.OUT,
    ) -> np.ndarray:
        """Read a tensor back, of :func:`~myvta.driver.program.tensor_layout.lane_dtype`."""
        size = tensor_bytes(shape, memory_type, self.config)
        data = buffer.read(np.uint8, (size,)).tobytes()
        return unpack_tensor(data, shape, memory_type, self.config)

    # -- transfers -------------------------------------------------------------------------------
    def load(
        self, memory_type: MemoryType, sram: int, buffer: Buffer, x_size: int, y_size: int = 1,
        x_stride: int | None = None, *, offset: int = 0, x_pad: tuple[int, int] = (0, 0),
        y_pad: tuple[int, int] = (0, 0),
    ) -> None:
        """As :meth:`load_2d`, from ``offset`` elements into a buffer."""
        dram = buffer.element(memory_type, self.config, self.target.window[0]) + offset
        self.load_2d(
            memory_type, sram, dram, x_size, y_size, x_stride, x_pad=x_pad, y_pad=y_pad
        )

    def store(
        self, sram: int, buffer: Buffer, x_size: int, y_size: int = 1,
        x_stride: int | None = None, *, offset: int = 0,
    ) -> None:
        """As :meth:`store_2d`, to ``offset`` elements into a buffer."""
        dram = buffer.element(MemoryType.OUT, self.config, self.target.window[0]) + offset
        self.store_2d(sram, dram, x_size, y_size, x_stride)

    # -- running ---------------------------------------------------------------------------------
    def sync(self, timeout: float = 60.0) -> RunReport:
        """Run the recorded stream, wait for its end, and start an empty stream (also on an error).

        Raises
        ------
        CheckError
            The static checker found errors; nothing was launched.
        DeviceError, TargetTimeout
            See :func:`~myvta.driver.run.launch.launch`.  After a timeout the next sync first waits
            for the abandoned launch; its instructions stay in memory until then.
        """
        code: list[Buffer] = []
        try:
            stream = self.finish()
            for data in (stream.code, stream.uops):
                if data:
                    code.append(self.allocate(len(data), what="instructions and micro-ops"))
                    code[-1].write(np.frombuffer(data, dtype=np.uint8))
            bases = dict.fromkeys(MemoryType, self.target.window[0])
            bases[MemoryType.UOP] = code[-1].address
            chip = self._checked(stream, code[0].address, bases)
            report = launch(
                self.target, code[0].address, len(stream.code) // INSTRUCTION_BYTES,
                bases=bases, timeout=timeout, notes=stream.notes,
            )
            self._chip = chip
            code += self._running
            self._running = []
            return report
        except TargetTimeout:
            self._running += code
            code = []
            raise
        finally:
            for buffer in code:
                self.free(buffer)
            self.clear()

    def _checked(
        self, stream: InstructionStream, address: int, bases: dict[MemoryType, int]
    ) -> OnChipState:
        """Check a stream; returns the on-chip state after it, and until then the certain part."""
        if self._checker is None:
            return self._chip
        verdict = self._checker.require(
            stream, address, bases, self.target.window, self._chip
        )
        self._chip = OnChipState(self._chip.written)  # micro-ops may be half loaded if it fails
        return verdict.chip
