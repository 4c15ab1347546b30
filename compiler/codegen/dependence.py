"""Dependences between the instructions of a stream, derived from their memory accesses.

A stream is written as if its instructions ran sequentially.  Three engines run it concurrently,
each its own instructions in order, so an instruction needs a token if it accesses data that an
earlier one of another engine accesses, and one of the two writes: input and weight tiles between
load and compute, accumulator tiles between compute and store, memory between store and everything
that reads it.  A STORE that forwards results to INP or WGT writes tiles there as a LOAD does.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np

from ...driver.stream.instruction_stream import InstructionStream
from ...isa.config import Config
from ...isa.instructions import (
    Alu,
    Dwc,
    Finish,
    Gemm,
    Instruction,
    Load,
    StepInstruction,
    Store,
    route,
)
from ...isa.legality import footprint
from ...isa.opcodes import MemoryType, Module
from ...isa.uop_buffer import UOP_INDICES, UopBuffer, UopImage, uop_indices

__all__ = ["DependenceMap", "dependences"]

DependenceMap = dict[Module, int]
"""By engine, the position of the last of its instructions that must have completed."""

_ACTIVATIONS = (MemoryType.INP, MemoryType.OUT, MemoryType.ACC_8BIT)


def dependences(stream: InstructionStream) -> list[DependenceMap]:
    """Return each instruction's dependences on the other engines; tokens are ignored."""
    state = _Dependences(stream)
    return [state.next(position, item) for position, item in enumerate(stream.instructions)]


class _Dependences:
    def __init__(self, stream: InstructionStream):
        config = self.config = stream.config
        self.uops, self.image = UopBuffer(config), UopImage(stream.uops)
        self.unit = config.tile_bytes(MemoryType.OUT)  # of memory
        self.written: dict[MemoryType, np.ndarray] = {}  # last writer of each tile on chip
        self.used: dict[MemoryType, np.ndarray] = {}  # last reader of it in the other engine
        self.forwarded: dict[MemoryType, np.ndarray] = {}  # STORE that wrote it last
        for kind in (MemoryType.INP, MemoryType.WGT, MemoryType.ACC):
            self.written[kind] = np.full(config.depth(kind), -1, np.int32)
            self.used[kind] = np.full(config.depth(kind), -1, np.int32)
            self.forwarded[kind] = np.full(config.depth(kind), -1, np.int32)
        size = max((_end(item, config) for item in stream.instructions), default=0)
        units = -(-size // self.unit)
        self.stored = np.full(units, -1, np.int32)
        self.loaded = {m: np.full(units, -1, np.int32) for m in (Module.LOAD, Module.COMPUTE)}
        self.latest: DependenceMap = {}  # last instruction of load and store
        self.sets: Callable[..., tuple[np.ndarray, ...]] = lru_cache(maxsize=1024)(self._sets)

    def next(self, position: int, item: Instruction) -> DependenceMap:
        """Return the dependences of the next instruction, and record its own accesses.

        Where programs are VTA's, FINISH depends on everything: other implementations tell the host
        of the end at once (rule D22).
        """
        if isinstance(item, Finish):
            return {} if self.config.extended else self.latest
        if route(item) != Module.COMPUTE:
            self.latest[route(item)] = position
        waits: DependenceMap = {}
        if isinstance(item, Load) and item.x_size:
            self._load(position, item, waits)
        elif isinstance(item, Store) and item.x_size:
            tiles = slice(item.sram_base, item.sram_base + item.x_size * item.y_size)
            _latest(waits, Module.COMPUTE, self.written[MemoryType.ACC][tiles])
            self.used[MemoryType.ACC][tiles] = position
            if item.forwards:
                self._forward(position, item, waits)
                return waits
            memory = self._rows(item, self.stored)
            for module, loaded in self.loaded.items():
                _latest(waits, module, self._rows(item, loaded))
            memory[...] = position
        elif isinstance(item, StepInstruction):
            self._steps(position, item, waits)
        return waits

    def _load(self, position: int, item: Load, waits: DependenceMap) -> None:
        kind, module = MemoryType(item.memory_type), route(item)
        if item.y_size:
            _latest(waits, Module.STORE, self._rows(item, self.stored))
            if kind in _ACTIVATIONS:
                self._rows(item, self.loaded[module])[...] = position
        if kind == MemoryType.UOP:
            self.uops.load(item, self.image.rows(item))
            return
        if kind == MemoryType.LUT:  # written and read by compute alone, in order
            return
        tiles = slice(item.sram_base, item.sram_base + footprint(item))
        if kind == MemoryType.ACC_8BIT:
            kind = MemoryType.ACC
        other = Module.COMPUTE if module == Module.LOAD else Module.STORE
        _latest(waits, other, self.used[kind][tiles])
        _latest(waits, Module.STORE, self._unread(self.forwarded, kind, tiles))
        self.written[kind][tiles], self.forwarded[kind][tiles] = position, -1

    def _forward(self, position: int, item: Store, waits: DependenceMap) -> None:
        kind = MemoryType(item.memory_type)
        rows = item.dram_base + item.x_stride * np.arange(item.y_size)
        tiles = (rows[:, None] + np.arange(item.x_size)).ravel()
        if kind == MemoryType.WGT:
            tiles = np.unique(tiles // self.config.block_out)
        _latest(waits, Module.COMPUTE, self.used[kind][tiles])
        _latest(waits, Module.LOAD, self._unread(self.written, kind, tiles))
        self.forwarded[kind][tiles] = position
        if kind == MemoryType.INP:  # other rows of a tile of WGT are still the LOAD's
            self.written[kind][tiles] = -1

    def _unread(
        self, writers: dict[MemoryType, np.ndarray], kind: MemoryType, tiles: slice | np.ndarray
    ) -> np.ndarray:
        """Return the last writers of tiles that nothing has read since: no reader's wait implies
        them.
        """
        last = writers[kind][tiles]
        return np.where(last > self.used[kind][tiles], last, -1)

    def _steps(self, position: int, item: StepInstruction, waits: DependenceMap) -> None:
        reads = not isinstance(item, Alu) and not item.reset
        weights = (item.wgt_factor_out, item.wgt_factor_in) if isinstance(item, Gemm) else (0, 0)
        dst, src, wgt = self.sets(
            self.uops.words(item).tobytes(), item.iter_out, item.iter_in,
            (item.dst_factor_out, item.dst_factor_in), (item.src_factor_out, item.src_factor_in),
            weights, reads,
        )
        if reads:
            if isinstance(item, Dwc):
                src = self._windows(src, item)
            for kind, tiles in ((MemoryType.INP, src), (MemoryType.WGT, wgt)):
                _latest(waits, Module.LOAD, self.written[kind][tiles])
                _latest(waits, Module.STORE, self.forwarded[kind][tiles])
                self.used[kind][tiles] = position
        _latest(waits, Module.STORE, self.used[MemoryType.ACC][dst])
        self.written[MemoryType.ACC][dst] = position

    def _sets(
        self, data: bytes, iter_out: int, iter_in: int, dst: tuple[int, int],
        src: tuple[int, int], wgt: tuple[int, int], reads: bool,
    ) -> tuple[np.ndarray, ...]:
        """Return the tiles that an instruction writes (destinations), and reads if it does."""
        uops = np.frombuffer(data, np.uint32)
        out = []
        for name, (outer, inner) in zip(
            UOP_INDICES, (dst, src, wgt) if reads else (dst,), strict=False
        ):
            offsets = (
                np.arange(iter_out if outer else 1)[:, None] * outer
                + np.arange(iter_in if inner else 1)[None, :] * inner
            ).ravel()
            first = np.unique(uop_indices(uops, name, self.config))
            out.append(np.unique(first[:, None] + offsets[None, :]))
        return (*out, *[np.zeros(0, np.int64)] * (3 - len(out)))

    def _windows(self, first: np.ndarray, item: Dwc) -> np.ndarray:
        """Return the tiles of windows that begin at given ones."""
        rows, columns = self.config.window_shape(item.window)
        taps = np.arange(rows)[:, None] * item.row_pitch + np.arange(columns)
        return np.unique(first[:, None] + taps.reshape(1, -1))

    def _rows(self, item: Load | Store, memory: np.ndarray) -> np.ndarray:
        """Return the part of an array over memory that the rows of a transfer access."""
        size = self.config.tile_bytes(MemoryType(item.memory_type))
        first, step = item.dram_base * size // self.unit, item.x_stride * size // self.unit
        width = -(-(item.dram_base * size + item.x_size * size) // self.unit) - first
        if item.y_size == 1 or step == width:
            return memory[first:first + width * item.y_size]
        if item.x_stride * size % self.unit or step < width:  # rows that share units, or overlap
            return memory[first:first + step * (item.y_size - 1) + width + 1]
        return np.lib.stride_tricks.as_strided(
            memory[first:], (item.y_size, width), (step * memory.itemsize, memory.itemsize)
        )


def _latest(waits: DependenceMap, module: Module, touched: np.ndarray) -> None:
    last = int(touched.max(initial=-1))
    if last > waits.get(module, -1):
        waits[module] = last


def _end(item: Instruction, config: Config) -> int:
    """Return the first byte of memory after a transfer."""
    if not isinstance(item, (Load, Store)) or not item.x_size or not item.y_size:
        return 0
    if isinstance(item, Store) and item.forwards:
        return 0
    last = item.dram_base + (item.y_size - 1) * item.x_stride + item.x_size
    return (last + 1) * config.tile_bytes(MemoryType(item.memory_type))
