"""One walk through a stream in an order that its tokens allow, checking every access."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..instructions import Alu, Dwc, Finish, Gemm, Load
from ..opcodes import MemoryType, Module
from ..uop_buffer import UopBuffer
from .conflicts import Access, Pending
from .findings import AddFinding, FindingKind
from .footprints import DecodedWord, Footprints, StepsOutside, Touched
from .index_sets import filled, runs, span
from .memory_accesses import MemoryAccesses
from .memory_map import MemoryMap, Rows
from .order_findings import deadlocks, race_advice, unconsumed_tokens
from .portable import PortableRules
from .token_order import Clock, TokenOrder

__all__ = ["OnChipState", "Observe", "StreamWalk"]

Observe = Callable[[int, Touched, Rows | None], None]
"""``observe(index, touched, rows)``: called for each instruction that touches tiles or memory."""

_OPPOSITE = {Module.LOAD: Module.STORE, Module.STORE: Module.LOAD}


@dataclass(frozen=True)
class OnChipState:
    """Known contents of the scratchpads.

    Attributes
    ----------
    written : int
        Tiles of INP, WGT and ACC and tables that hold something, a set of ``footprints.Space``.
    uops : bytes
        The micro-op buffer from index 0 up to the last index ever loaded.
    known : int
        Set of the indices whose micro-ops are known.
    weight_rows : int
        Rows of WGT that were forwarded, one by one, a set of row indices.
    """

    written: int = 0
    uops: bytes = b""
    known: int = 0
    weight_rows: int = 0


class StreamWalk:
    """The part of a check that follows happens-before; findings go to ``add``."""

    def __init__(
        self, footprints: Footprints, stream: Sequence[int], decoded: Sequence[DecodedWord],
        finish: int, pointers: Mapping[MemoryType, int], memory: MemoryMap, add: AddFinding,
        observe: Observe | None = None,
    ):
        self._footprints, self._space = footprints, footprints.space
        self._stream, self._decoded, self._add = stream, decoded, add
        self._observe = observe
        self._order = TokenOrder(
            [word.module for word in decoded], [word.flags for word in decoded], finish
        )
        config = footprints.config
        self._places = {kind: (pointers[kind], config.tile_bytes(kind)) for kind in MemoryType}
        self._memory = MemoryAccesses(memory, config, self._space.end, add)
        self._pending = [[Pending() for _ in Module] for _ in Module]  # of one, for another
        below = self._space.base[MemoryType.ACC]
        self._forwards = any(
            word.module == Module.STORE and word.touched.writes for word in decoded)
        operands = (1 << below) - 1  # tiles shared with load; then those shared with store
        self._shared = operands, -1 if self._forwards else ~operands
        self._racing = True
        self._written = self._weight_rows = 0
        self._uops = UopBuffer(config)
        self._portable: PortableRules | None = None

    @property
    def order(self) -> TokenOrder:
        """The token order, complete after :meth:`run`."""
        return self._order

    def place(self, address: int | None) -> None:
        """Set the address of the stream itself."""
        self._memory.place(address, len(self._stream))

    def judge_portability(self) -> None:
        """Let :meth:`run` also report what implementations of VTA execute differently."""
        self._portable = PortableRules(self._footprints.config, self._space, self._add)
        self._portable.configuration()

    def run(self, chip: OnChipState) -> OnChipState:
        """Walk to the end; returns the contents of the scratchpads then."""
        self._written, self._weight_rows = chip.written, chip.weight_rows
        self._uops = UopBuffer(
            self._footprints.config, np.frombuffer(chip.uops, "<u4"), chip.known
        )
        self._memory.prepare(
            rows for index, decoded in enumerate(self._decoded)
            if decoded.module == Module.STORE and (rows := self._rows(index, decoded)) is not None
        )
        for index, clock in self._order.walk():
            decoded = self._decoded[index]
            if self._portable:
                self._portable.fields(index, decoded)
                if isinstance(decoded.instruction, Finish):
                    self._portable.finish(index, clock)
            if decoded.fault is not None:
                continue
            if decoded.loads_uops:
                self._load_uops(index, decoded)
            touched: Touched | None = decoded.touched
            if decoded.steps:
                touched = self._steps(index, decoded)
            if touched is None:
                continue
            if self._portable:
                self._portable.touched(index, decoded, touched)
            rows = self._rows(index, decoded)
            if rows is not None and not self._memory.access(index, decoded, rows):
                rows = None
            if rows is not None or touched.reads or touched.writes:
                if self._observe is not None:
                    self._observe(index, touched, rows)
                self._access(index, decoded, clock, touched, rows)
        deadlocks(self._order, self._decoded, self._add)
        unconsumed_tokens(self._order, self._add)
        uops = self._uops.known_words().astype("<u4").tobytes()
        return OnChipState(self._written, uops, self._uops.known, self._weight_rows)

    def _rows(self, index: int, decoded: DecodedWord) -> Rows | None:
        if decoded.rows is None or decoded.kind is None:
            return None
        base, size = self._places[decoded.kind]
        start = base + self._footprints.address(self._stream[index]) * size
        return Rows(start, decoded.rows.size, decoded.rows.pitch, decoded.rows.count)

    # -- micro-ops -------------------------------------------------------------------------------
    def _load_uops(self, index: int, decoded: DecodedWord) -> None:
        load = decoded.instruction
        assert isinstance(load, Load)
        rows = self._rows(index, decoded)
        if rows is None:  # padding alone
            self._uops.load(load, np.zeros((load.y_size, load.x_size), np.uint32))
            return
        words = self._memory.constant_words(rows)
        self._uops.load(load, words)
        if words is None:
            self._add(
                FindingKind.MICRO_OPS, index,
                f"micro-ops come from {rows.start:#x}..{rows.end - 1:#x}, which holds no "
                "constant: the tiles they address are not known",
                "load micro-ops from the program's constant memory",
            )

    def _steps(self, index: int, decoded: DecodedWord) -> Touched | None:
        steps = decoded.instruction
        assert isinstance(steps, (Gemm, Dwc, Alu))
        used = span(steps.uop_bgn, steps.uop_end - steps.uop_bgn)
        missing = used & ~self._uops.known
        if missing:
            self._add(
                FindingKind.MICRO_OPS, index, f"micro-ops UOP[{runs(missing)}] were never loaded",
                "load them before (load uop), or correct the range",
            )
            return None
        touched = self._footprints.of_steps(
            self._stream[index], steps, self._uops.words(steps)
        )
        if isinstance(touched, StepsOutside):
            self._add(
                FindingKind.BOUNDS, index, f"{touched.text} (STEP_INDEX)",
                "correct the micro-ops, the loop factors or the trip counts",
            )
            return None
        if self._portable:
            self._portable.steps(index, steps, self._uops.words(steps))
        return touched

    # -- order -----------------------------------------------------------------------------------
    def _access(
        self, index: int, decoded: DecodedWord, clock: Clock, touched: Touched, rows: Rows | None,
    ) -> None:
        unwritten = touched.reads & ~self._written
        if unwritten:
            self._add(
                FindingKind.UNWRITTEN, index,
                f"it reads {self._space.text(unwritten)}, which nothing has written",
                "load or compute these tiles before, or correct the index",
            )
        self._write(touched)
        reads, writes, module = touched.reads, touched.writes, decoded.module
        pages = self._memory.pages(rows) if rows is not None else 0
        if module == Module.STORE:
            writes |= pages
        else:
            reads |= pages
        access = Access(index, reads, writes, rows if pages else None)
        if module == Module.COMPUTE:
            with_load, with_store = self._shared
            if reads & with_load:
                self._order_behind(access, decoded, Module.LOAD, clock)
            if (reads | writes) & with_store:
                self._order_behind(access, decoded, Module.STORE, clock)
            return
        self._order_behind(access, decoded, Module.COMPUTE, clock)
        if pages or self._forwards:
            self._order_behind(access, decoded, _OPPOSITE[module], clock)

    def _write(self, touched: Touched) -> None:
        """Remember written tiles; a tile of WGT is one once all of its rows are."""
        if not touched.weight_rows:
            self._written |= touched.writes
            return
        self._weight_rows |= touched.weight_rows
        whole = filled(self._weight_rows, self._footprints.config.block_out)
        self._written |= whole << self._space.base[MemoryType.WGT]

    def _order_behind(
        self, access: Access, decoded: DecodedWord, other: Module, clock: Clock
    ) -> None:
        """Compare an access with unordered ones of another engine, and record it."""
        window = self._pending[other][decoded.module]
        window.forget(clock[other])
        if self._racing and window.meets(access):
            self._race(access, decoded, window, other)
        self._pending[decoded.module][other].add(access)

    def _race(self, access: Access, decoded: DecodedWord, window: Pending, other: Module) -> None:
        """Report the latest conflict: tokens that order it order the earlier ones too."""
        for earlier in window.latest_first():
            conflict = earlier.conflict(access, self._space.end)
            if conflict is None:
                continue
            if isinstance(conflict, int):
                location = self._space.text(conflict)
            else:
                location = f"memory {conflict[0]:#x}..{conflict[1] - 1:#x}"
            first, second = sorted((earlier.position, access.position))
            engines = {earlier.position: other, access.position: decoded.module}
            self._racing = self._add(
                FindingKind.RACE, second,
                f"{engines[second].name.lower()} and instruction {first} of "
                f"{engines[first].name.lower()} both access {location}, one writes, and no tokens "
                "order them", race_advice(engines[first], first, engines[second], second), first,
            )
            return
