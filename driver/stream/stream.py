"""Building instruction streams: 2-D transfers and kernels (vta_isa.md 2 and 4).

Needs no device.  Addresses are those of instructions: elements of the memory type, relative to
that type's base pointer.  The builder loads micro-ops itself: loads are issued when a kernel is
not on chip, address the stream's micro-op image from the UOP base pointer, and never
carry dependency flags.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from ...isa.alu_operations import ALU_OPERATIONS, RQT_TABLE
from ...isa.instructions import Alu, Dwc, Gemm, Load, Store, Uop
from ...isa.legality import Legality
from ...isa.opcodes import (
    INSTRUCTION_BYTES,
    LUT_TABLES,
    AluOpcode,
    ErrorCode,
    MemoryType,
    Reduction,
    RqtFlag,
)
from ..errors import StreamError
from .instruction_stream import InstructionStream
from .kernels import Kernel, KernelCache, make_kernel
from .token_stream import TokenStream
from .transfers import forward_instructions, load_instructions, store_instructions

__all__ = ["Kernels", "StreamBuilder", "rqt_immediate"]

_REFUSED = (ErrorCode.EXTENSION, ErrorCode.MEMORY_TYPE, ErrorCode.OPERAND)
"""Static faults that the builder raises at once; the checker finds those of ranges and tokens."""

Kernels = Kernel | np.ndarray | Iterable[Uop | tuple[int, ...]]
"""A kernel, or the micro-ops of one (:func:`~myvta.driver.stream.kernels.make_kernel`)."""


def rqt_immediate(
    zero_point: int = 0, *, relu: bool = False, away: bool = False, bypass: bool = False,
    table: int | None = None,
) -> int:
    """Return RQT's immediate (vta_isa.md 0.1): ``zero_point`` is -128..127.

    ``table`` (extension ``lookup``): number of the table that replaces the result.
    """
    if not -128 <= zero_point <= 127:
        raise StreamError(f"RQT zero point must be -128..127, not {zero_point}")
    flags = relu << RqtFlag.RELU | away << RqtFlag.AWAY | bypass << RqtFlag.BYPASS
    if table is not None:
        if not 0 <= table < LUT_TABLES:
            raise StreamError(f"RQT table must be 0..{LUT_TABLES - 1}, not {table}")
        flags |= 1 << RqtFlag.LOOKUP | table << RQT_TABLE
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
        self._legality = Legality(self.config)

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
        otherwise several that do the same; UOP is loaded by kernels, not here.  LUT (tables, of
        the extension ``lookup``) and WGT_4BIT (``weights4``) count elements of their own.
        """
        for load in load_instructions(
            memory_type, sram, dram, x_size, y_size, x_stride, x_pad, y_pad
        ):
            self._add_legal(load)

    def store_2d(
        self, sram: int, dram: int, x_size: int, y_size: int = 1, x_stride: int | None = None,
    ) -> None:
        """Store OUT tiles ``sram ...`` as ``y_size`` rows of ``x_size``, ``x_stride`` apart."""
        for store in store_instructions(sram, dram, x_size, y_size, x_stride):
            self._add(store)

    def forward_2d(
        self, memory_type: MemoryType, sram: int, first: int, x_size: int, y_size: int = 1,
        x_stride: int | None = None,
    ) -> None:
        """Copy OUT tiles ``sram ...`` on chip into INP tiles or WGT rows from ``first`` on.

        ``y_size`` rows of ``x_size``, ``x_stride`` (default ``x_size``) apart in the destination;
        row ``n`` of WGT is row ``n % block_out`` of tile ``n // block_out``.  An instruction of the
        extension ``forward``, executed by store.
        """
        for store in forward_instructions(memory_type, sram, first, x_size, y_size, x_stride):
            self._add_legal(store)

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

    def depthwise(
        self, kernel: Kernels, window: tuple[int, int], *, row_pitch: int = 0, iter_out: int = 1,
        iter_in: int = 1, dst_factor: tuple[int, int] = (0, 0),
        src_factor: tuple[int, int] = (0, 0), reset: bool = False, overwrite: bool = False,
    ) -> None:
        """Accumulate the taps of a window per lane: DWC, of the extension ``depthwise``.

        ``window`` is (rows, columns), at most ``config.window``; its rows are ``row_pitch`` INP
        tiles apart.  The other arguments are those of :meth:`gemm`; the weight index is the
        micro-op's.  Weights: :func:`~myvta.driver.program.extension_layout.depthwise_tile`.
        """
        if not self.config.depthwise:
            raise StreamError(f"DWC is not in configuration {self.config.name}")
        try:
            code = self.config.window_code(*window)
        except ValueError as error:
            raise StreamError(f"DWC: {error}") from None
        begin, end = self._kernel_range(kernel)
        self._add_legal(Dwc(
            uop_bgn=begin, uop_end=end, iter_out=iter_out, iter_in=iter_in, reset=int(reset),
            overwrite=int(overwrite), dst_factor_out=dst_factor[0], dst_factor_in=dst_factor[1],
            src_factor_out=src_factor[0], src_factor_in=src_factor[1], row_pitch=row_pitch,
            window=code,
        ))

    def reduce(
        self, kernel: Kernels, reduction: Reduction, *, iter_out: int = 1, iter_in: int = 1,
        dst_factor: tuple[int, int] = (0, 0), src_factor: tuple[int, int] = (0, 0),
    ) -> None:
        """Reduce the lanes of each batch row of ``src`` into all lanes of ``dst``: RED.

        Of the extension ``reduce``; the sum wraps at 32 bits.
        """
        self._alu(kernel, Alu(
            alu_opcode=AluOpcode.RED, imm=reduction, iter_out=iter_out, iter_in=iter_in,
            dst_factor_out=dst_factor[0], dst_factor_in=dst_factor[1],
            src_factor_out=src_factor[0], src_factor_in=src_factor[1],
        ))

    def alu(
        self, kernel: Kernels, opcode: AluOpcode, *, imm: int | None = None, iter_out: int = 1,
        iter_in: int = 1, dst_factor: tuple[int, int] = (0, 0),
        src_factor: tuple[int, int] = (0, 0),
    ) -> None:
        """Apply an operation to ACC tiles: ``dst = dst op imm``, or ``dst op src`` without imm.

        RQT (an extension) takes its options as :func:`rqt_immediate` and three parameter tiles at
        ``src``.  RED has a call of its own: :meth:`reduce`.
        """
        operation = ALU_OPERATIONS.get(opcode)
        if operation is None or operation.opcode == AluOpcode.RED:
            known = [known for known in AluOpcode if known != AluOpcode.RED]
            raise StreamError(f"ALU opcode must be one of {known}, not {opcode!r}")
        if operation.supported(self.config) and operation.needs_immediate and imm is None:
            raise StreamError(f"ALU {operation.opcode.name} takes its options in imm")
        self._alu(kernel, Alu(
            iter_out=iter_out, iter_in=iter_in,
            dst_factor_out=dst_factor[0], dst_factor_in=dst_factor[1],
            src_factor_out=src_factor[0], src_factor_in=src_factor[1],
            alu_opcode=opcode, use_imm=int(imm is not None), imm=imm or 0,
        ))

    def _alu(self, kernel: Kernels, instruction: Alu) -> None:
        """Append an ALU instruction of a defined operation with a kernel's micro-ops."""
        operation = ALU_OPERATIONS[instruction.alu_opcode]
        if not operation.supported(self.config):
            raise StreamError(
                f"ALU {operation.opcode.name} is not in configuration {self.config.name}")
        begin, end = self._kernel_range(kernel)
        self._add_legal(replace(instruction, uop_bgn=begin, uop_end=end))

    def _add_legal(self, instruction: Load | Store | Dwc | Alu) -> None:
        """Append an instruction unless the configuration lacks an extension or option of it."""
        fault = self._legality.fault(instruction)
        if fault is not None and fault[0] in _REFUSED:
            raise StreamError(f"{instruction.opcode.name}: {fault[1]}")
        self._add(instruction)

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
