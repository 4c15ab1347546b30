"""Building instruction streams: 2-D transfers and kernels (vta_isa.md 2 and 4).

Needs no device.  Addresses are those of instructions: elements of the memory type, relative to
that type's base pointer.  The builder loads micro-ops itself: loads are issued when a kernel is
not on chip, address the stream's micro-op image from the UOP base pointer, and never
carry dependency flags.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from ...isa.alu_operations import ALU_OPERATIONS
from ...isa.asm.disassembler import format_instruction
from ...isa.config import Config
from ...isa.instructions import (
    Alu,
    Gemm,
    Instruction,
    Load,
    Uop,
    route,
)
from ...isa.opcodes import INSTRUCTION_BYTES, AluOpcode, MemoryType, RqtFlag
from ..errors import StreamError
from .kernels import Kernel, KernelCache, make_kernel
from .token_stream import TokenStream
from .transfers import load_instructions, store_instructions

__all__ = ["Kernels", "InstructionStream", "StreamBuilder", "rqt_immediate"]

Kernels = Kernel | np.ndarray | Iterable[Uop | tuple[int, ...]]
"""A kernel, or the micro-ops of one (:func:`~myvta.driver.stream.kernels.make_kernel`)."""


@dataclass(frozen=True)
class InstructionStream:
    """A finished stream.

    Attributes
    ----------
    instructions, notes : tuple
        Instructions in order, FINISH last, and the annotation of each (``""``: none).
    code : bytes
        The instructions encoded, 16 bytes each.
    uops : bytes
        Micro-op image; may be placed anywhere, with UOP_BASE pointing to it.
    """

    config: Config
    instructions: tuple[Instruction, ...]
    notes: tuple[str, ...]
    code: bytes
    uops: bytes

    def __len__(self) -> int:
        return len(self.instructions)

    def listing(self) -> str:
        """Return one line per instruction: index, module, instruction, note."""
        return "\n".join(
            f"{index:6d} {route(item).name.lower():7s} {format_instruction(item, self.config)}"
            + (f"  ; {note}" if note else "")
            for index, (item, note) in enumerate(zip(self.instructions, self.notes, strict=True))
        )


def rqt_immediate(
    zero_point: int = 0, *, relu: bool = False, away: bool = False, bypass: bool = False,
) -> int:
    """Return RQT's immediate (vta_isa.md 0.1): ``zero_point`` is -128..127."""
    if not -128 <= zero_point <= 127:
        raise StreamError(f"RQT zero point must be -128..127, not {zero_point}")
    flags = relu << RqtFlag.RELU | away << RqtFlag.AWAY | bypass << RqtFlag.BYPASS
    return zero_point & 0xFF | flags


class StreamBuilder(TokenStream):
    """Append instructions one call at a time, then :meth:`finish`.

    Parameters
    ----------
    config : Config
    serial : bool
        One engine at a time: the builder orders every change of engine with its own tokens and
        ignores :meth:`push` and :meth:`pop`.  Needs no tokens, and overlaps nothing.

    Raises
    ------
    StreamError
        From every method: a value that does not fit its field (named, with its range), an
        extension the configuration lacks, or a builder that is already finished.
    """

    def clear(self) -> None:
        """Forget everything and start an empty stream."""
        super().clear()
        self._cache = KernelCache(self.config)

    # -- transfers -------------------------------------------------------------------------------
    def load_2d(
        self, memory_type: MemoryType, sram: int, dram: int, x_size: int, y_size: int = 1,
        x_stride: int | None = None, *, x_pad: tuple[int, int] = (0, 0),
        y_pad: tuple[int, int] = (0, 0),
    ) -> None:
        """Load ``y_size`` rows of ``x_size`` elements with zero padding; all sizes in elements.

        On chip the padded rows follow each other from ``sram``; in DRAM they begin ``x_stride``
        (default ``x_size``) apart from ``dram``.  ``x_pad`` is (left, right) in elements, ``y_pad``
        (top, bottom) in rows of the padded width.  One instruction where the fields allow it,
        otherwise several that do the same; UOP is loaded by kernels, not here.
        """
        for load in load_instructions(
            memory_type, sram, dram, x_size, y_size, x_stride, x_pad, y_pad
        ):
            self._add(load)

    def store_2d(
        self, sram: int, dram: int, x_size: int, y_size: int = 1, x_stride: int | None = None,
    ) -> None:
        """Store OUT tiles ``sram ...`` as ``y_size`` rows of ``x_size``, ``x_stride`` apart."""
        for store in store_instructions(sram, dram, x_size, y_size, x_stride):
            self._add(store)

    # -- compute ---------------------------------------------------------------------------------
    def preload(self, kernels: Iterable[Kernels]) -> list[Kernel]:
        """Bring kernels on chip together, with the fewest loads; return them encoded."""
        self._open()
        encoded = [self._encoded(kernel) for kernel in kernels]
        for load in self._cache.require(encoded):
            self._append(Load(
                memory_type=MemoryType.UOP, sram_base=load.sram, dram_base=load.dram,
                x_size=load.size, x_stride=load.size,
            ))
        return encoded

    def gemm(
        self, kernel: Kernels, *, iter_out: int = 1, iter_in: int = 1,
        dst_factor: tuple[int, int] = (0, 0), src_factor: tuple[int, int] = (0, 0),
        wgt_factor: tuple[int, int] = (0, 0), reset: bool = False, overwrite: bool = False,
    ) -> None:
        """Multiply-accumulate tiles: one step per micro-op, inner and outer iteration.

        Factors are (outer, inner), added to the micro-op's index per iteration.  ``reset`` clears
        ``ACC[dst]`` instead; ``overwrite`` (an extension) stores the product instead of adding it.
        """
        if overwrite and not self.config.overwrite:
            raise StreamError(f"GEMM overwrite is not in configuration {self.config.name}")
        begin, end = self._kernel_range(kernel)
        self._add(Gemm(
            uop_bgn=begin, uop_end=end, iter_out=iter_out, iter_in=iter_in, reset=int(reset),
            overwrite=int(overwrite), dst_factor_out=dst_factor[0], dst_factor_in=dst_factor[1],
            src_factor_out=src_factor[0], src_factor_in=src_factor[1],
            wgt_factor_out=wgt_factor[0], wgt_factor_in=wgt_factor[1],
        ))

    def alu(
        self, kernel: Kernels, opcode: AluOpcode, *, imm: int | None = None, iter_out: int = 1,
        iter_in: int = 1, dst_factor: tuple[int, int] = (0, 0),
        src_factor: tuple[int, int] = (0, 0),
    ) -> None:
        """Apply an operation to ACC tiles: ``dst = dst op imm``, or ``dst op src`` without imm.

        RQT (an extension) takes its options as :func:`rqt_immediate` and three parameter tiles at
        ``src``.
        """
        operation = ALU_OPERATIONS.get(opcode)
        if operation is None:
            raise StreamError(f"ALU opcode must be one of {list(AluOpcode)}, not {opcode!r}")
        name = operation.opcode.name
        if not operation.supported(self.config):
            raise StreamError(f"ALU {name} is not in configuration {self.config.name}")
        if operation.needs_immediate and imm is None:
            raise StreamError(f"ALU {name} takes its options in imm")
        begin, end = self._kernel_range(kernel)
        self._add(Alu(
            uop_bgn=begin, uop_end=end, iter_out=iter_out, iter_in=iter_in,
            dst_factor_out=dst_factor[0], dst_factor_in=dst_factor[1],
            src_factor_out=src_factor[0], src_factor_in=src_factor[1],
            alu_opcode=opcode, use_imm=int(imm is not None), imm=imm or 0,
        ))

    def _encoded(self, kernel: Kernels) -> Kernel:
        return kernel if isinstance(kernel, Kernel) else make_kernel(kernel, self.config)

    def _kernel_range(self, kernel: Kernels) -> tuple[int, int]:
        encoded = self.preload([kernel])[0]
        begin = self._cache.address(encoded)
        return begin, begin + len(encoded)

    # -- the stream ------------------------------------------------------------------------------
    def finish(self) -> InstructionStream:
        """Append FINISH (which waits for every engine by itself) and return the stream.

        Raises
        ------
        StreamError
            More pops than pushes between two modules: the launch could only deadlock.
        """
        self._end()
        code = b"".join(word.to_bytes(INSTRUCTION_BYTES, "little") for word in self._words)
        return InstructionStream(
            self.config, tuple(self._items), tuple(self._notes), code, self._cache.image
        )
