"""Building instruction streams: 2-D transfers, kernels, dependency tokens (vta_isa.md 2 to 4).

Needs no device.  Addresses are what the instruction holds: elements of the memory type, relative to
that type's base pointer.  Micro-op loads are the builder's own business: they are issued when a
kernel is not on chip, address the stream's micro-op image from the UOP base pointer, and never
carry dependency flags.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..isa.config import Config
from ..isa.disassembler import format_instruction
from ..isa.fields import layout
from ..isa.instructions import (
    Alu,
    EncodeError,
    Finish,
    Gemm,
    Instruction,
    Load,
    Store,
    Undefined,
    Uop,
    encode,
    route,
)
from ..isa.opcodes import INSTRUCTION_BYTES, AluOpcode, MemoryType, Module, Opcode, RqtFlag
from .errors import StreamError
from .kernels import Kernel, KernelCache, make_kernel
from .transfers import load_instructions, store_instructions

__all__ = ["LINKS", "Kernels", "Stream", "StreamBuilder", "rqt_immediate"]

Kernels = Kernel | np.ndarray | Iterable[Uop | tuple[int, ...]]
"""What is accepted where a kernel is wanted: see :func:`~myvta.driver.kernels.make_kernel`."""

LINKS: dict[tuple[Module, Module], tuple[str, str]] = {
    (Module.LOAD, Module.COMPUTE): ("push_next", "pop_prev"),
    (Module.COMPUTE, Module.LOAD): ("push_prev", "pop_next"),
    (Module.COMPUTE, Module.STORE): ("push_next", "pop_prev"),
    (Module.STORE, Module.COMPUTE): ("push_prev", "pop_next"),
}
"""The four token queues: flag on the pushing module, flag on the popping one (vta_isa.md 3.2)."""

_NO_OPS: dict[Module, Instruction] = {
    Module.LOAD: Load(memory_type=MemoryType.INP),
    Module.COMPUTE: Load(memory_type=MemoryType.UOP),
    Module.STORE: Store(),
}


@dataclass(frozen=True)
class Stream:
    """A finished stream.

    Attributes
    ----------
    instructions, notes : tuple
        Instructions in order, FINISH last, and the annotation of each (``""``: none).
    code : bytes
        The instructions encoded, 16 bytes each.
    uops : bytes
        Micro-op image; lay it anywhere and point UOP_BASE at it.
    """

    config: Config
    instructions: tuple[Instruction, ...]
    notes: tuple[str, ...]
    code: bytes
    uops: bytes

    def __len__(self) -> int:
        return len(self.instructions)

    def listing(self) -> str:
        """Return one line an instruction: index, module, instruction, note."""
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


class StreamBuilder:
    """Append instructions one call at a time, then :meth:`finish`.

    Parameters
    ----------
    config : Config
    serial : bool
        One engine at a time: the builder orders every change of engine with tokens of its own and
        ignores :meth:`push` and :meth:`pop`.  Right without any tokens, and without any overlap.

    Raises
    ------
    StreamError
        From every method: a value that does not fit its field (named, with its range), an
        extension the configuration lacks, or a builder that is already finished.
    """

    def __init__(self, config: Config, *, serial: bool = False):
        self.config, self.serial = config, serial
        self.clear()

    def clear(self) -> None:
        """Forget everything and start an empty stream."""
        self._items: list[Instruction] = []
        self._words: list[int] = []
        self._notes: list[str] = []
        self._cache = KernelCache(self.config)
        self._last: dict[Module, int] = {}  # position of the module's last instruction
        self._pending: dict[Module, list[str]] = {module: [] for module in Module}
        self._tokens: Counter[tuple[Module, Module]] = Counter()
        self._engine: Module | None = None
        self._note = ""
        self._finished = False

    def __len__(self) -> int:
        return len(self._items)

    @property
    def tokens(self) -> dict[tuple[Module, Module], int]:
        """Pushes minus pops so far by (source, sink)."""
        return dict(self._tokens)

    def note(self, text: str) -> None:
        """Annotate the instructions that follow, until the next call."""
        self._note = text

    # -- transfers -------------------------------------------------------------------------------
    def load_2d(
        self, memory_type: MemoryType, sram: int, dram: int, x_size: int, y_size: int = 1,
        x_stride: int | None = None, *, x_pad: tuple[int, int] = (0, 0),
        y_pad: tuple[int, int] = (0, 0),
    ) -> None:
        """Load ``y_size`` rows of ``x_size`` elements with zero padding; all sizes in elements.

        On chip the padded rows lie one after another from ``sram``; in DRAM they begin ``x_stride``
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
        if opcode == AluOpcode.RQT:
            if not self.config.requantize:
                raise StreamError(f"ALU RQT is not in configuration {self.config.name}")
            if imm is None:
                raise StreamError("ALU RQT takes its options in imm")
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

    # -- tokens ----------------------------------------------------------------------------------
    def push(self, source: Module, sink: Module) -> None:
        """Let ``source`` push a token to ``sink`` once its last instruction has completed."""
        self._open()
        _check_link(source, sink)
        if not self.serial:
            self._push(source, sink)

    def pop(self, source: Module, sink: Module) -> None:
        """Let ``sink``'s next instruction wait for, and take, a token from ``source``."""
        self._open()
        _check_link(source, sink)
        if not self.serial:
            self._pop(source, sink)

    def _push(self, source: Module, sink: Module) -> None:
        flag = LINKS[source, sink][0]
        last = self._last.get(source)
        if last is None or self._pending[source] or self._words[last] & self._flag_bit(flag):
            self._issue(_NO_OPS[source])
            last = self._last[source]
        self._items[last] = self._flagged(self._items[last], [flag])
        self._words[last] |= self._flag_bit(flag)
        self._tokens[source, sink] += 1

    def _pop(self, source: Module, sink: Module) -> None:
        flag = LINKS[source, sink][1]
        if flag in self._pending[sink]:
            self._issue(_NO_OPS[sink])
        self._pending[sink].append(flag)
        self._tokens[source, sink] -= 1

    def _hop(self, source: Module, sink: Module) -> None:
        if Module.COMPUTE not in (source, sink):
            self._hop(source, Module.COMPUTE)
            source = Module.COMPUTE
        self._push(source, sink)
        self._pop(source, sink)

    def _flag_bit(self, flag: str) -> int:
        return layout(Opcode.FINISH, self.config)[flag].put(1)  # the same place in every format

    def _flagged(self, instruction: Instruction, flags: list[str]) -> Instruction:
        if isinstance(instruction, Undefined):
            return Undefined(instruction.word | sum(map(self._flag_bit, flags)))
        changes: dict[str, Any] = dict.fromkeys(flags, 1)
        return replace(instruction, **changes)

    # -- the stream ------------------------------------------------------------------------------
    def emit(self, instruction: Instruction) -> None:
        """Append an instruction as it is; tokens waiting for its module join its own flags."""
        module = route(instruction)
        if any(getattr(instruction, flag, 0) for flag in self._pending[module]):
            self._issue(_NO_OPS[module])
        for link, (push, pop) in LINKS.items():
            self._tokens[link] += getattr(instruction, push, 0) if link[0] == module else 0
            self._tokens[link] -= getattr(instruction, pop, 0) if link[1] == module else 0
        self._add(instruction)

    def finish(self) -> Stream:
        """Append FINISH (which waits for every engine by itself) and return the stream.

        Raises
        ------
        StreamError
            More pops than pushes between two modules: the launch could only deadlock.
        """
        self._open()
        for module in (Module.LOAD, Module.STORE):
            if self._pending[module]:
                self._issue(_NO_OPS[module])
        for (source, sink), count in self._tokens.items():
            if count < 0:
                raise StreamError(
                    f"{sink.name} pops {-count} tokens more than {source.name} pushes: deadlock"
                )
        self._note = ""
        self._issue(Finish())
        self._finished = True
        code = b"".join(word.to_bytes(INSTRUCTION_BYTES, "little") for word in self._words)
        return Stream(
            self.config, tuple(self._items), tuple(self._notes), code, self._cache.image
        )

    def _open(self) -> None:
        if self._finished:
            raise StreamError("the stream is finished: clear() starts another")

    def _add(self, instruction: Instruction) -> None:
        """Append an instruction of the caller's."""
        self._open()
        module = route(instruction)
        if self.serial and self._engine not in (None, module):
            self._hop(self._engine, module)
        self._engine = module
        self._issue(instruction)

    def _issue(self, instruction: Instruction) -> None:
        """Append an instruction that takes its module's waiting pops and later pushes."""
        module = route(instruction)
        pending = self._pending[module]
        if pending:
            instruction = self._flagged(instruction, pending)
        self._last[module] = self._append(instruction)
        pending.clear()

    def _append(self, instruction: Instruction) -> int:
        self._words.append(self._encode(instruction))
        self._items.append(instruction)
        self._notes.append(self._note)
        return len(self._items) - 1

    def _encode(self, instruction: Instruction) -> int:
        try:
            return encode(instruction, self.config)
        except EncodeError as error:
            raise StreamError(str(error)) from None


def _check_link(source: Module, sink: Module) -> None:
    if (source, sink) not in LINKS:
        known = ", ".join(f"{a.name}->{b.name}" for a, b in LINKS)
        raise StreamError(f"no token queue {source.name}->{sink.name}; there are {known}")
