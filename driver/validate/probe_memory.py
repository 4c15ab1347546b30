"""Experiments with a target's memory: as the host sees it, and as the device does."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from ...isa.instructions import Finish, Instruction, Load, Store, encode_stream
from ...isa.opcodes import MemoryType
from ..program.tensor_layout import pack_tiles, tile_shape
from ..run.launch import launch
from ..target.protocol import Target

__all__ = ["LONG_ENOUGH", "ProbeError", "bandwidth", "data_lines", "device_memory", "host_memory",
           "saved"]

LONG_ENOUGH = 0.05
"""Seconds that a measurement should take."""
_SCRATCH = 0x3000  # no single address line selects this, nor the next 4096 bytes
_LINE = 32  # bytes of the widest memory port


class ProbeError(Exception):
    """A probe failed: ``args[0]`` is the observation, ``args[1]`` the advice."""


def saved(target: Target, places: list[tuple[int, int]], work: Callable[[], str]) -> str:
    """Run an experiment on memory and restore the contents."""
    old = [(address, target.read_memory(address, size)) for address, size in places]
    try:
        return work()
    finally:
        for address, data in old:
            target.write_memory(address, data)


def _offsets(target: Target, first_line: int) -> list[int]:
    """Return offset 0 and every single address line inside the window."""
    size = target.window[1]
    return [0, *(1 << bit for bit in range(first_line, size.bit_length()) if 1 << bit < size)]


def host_memory(target: Target) -> str:
    """Address lines as the host sees them: each place keeps its own value."""
    base, offsets = target.window[0], _offsets(target, 2)

    def work() -> str:
        values = {at: (0x5A00_0001 + 0x0001_0101 * n).to_bytes(4, "little")
                  for n, at in enumerate(offsets)}
        for at, value in values.items():
            target.write_memory(base + at, value)
        for at, value in values.items():
            actual = target.read_memory(base + at, 4)
            if actual != value:
                twin = next((offset for offset, other in values.items() if other == actual), None)
                raise ProbeError(
                    f"the word at {base + at:#x} was written {value.hex()} and reads {actual.hex()}"
                    + ("" if twin is None else f", what {base + twin:#x} was written"),
                    "the memory is smaller than mem= says, or it is not there" if twin is not None
                    else "no memory answers there: check mem=, and that it is reserved",
                )
        return f"{len(offsets) - 1} address lines of {target.window[1]} bytes"

    return saved(target, [(base + at, 4) for at in offsets], work)


def data_lines(target: Target) -> str:
    """Data lines as the host sees them: walking ones and zeros through the widest port."""
    ones = np.zeros((_LINE * 8, _LINE), np.uint8)
    place = np.arange(_LINE * 8)
    ones[place, place // 8] = 1 << (place % 8)
    expected = np.concatenate([ones, ~ones])[: target.window[1] // _LINE]
    base = target.window[0]

    def work() -> str:
        target.write_memory(base, expected.tobytes())
        actual = np.frombuffer(target.read_memory(base, expected.nbytes), np.uint8)
        wrong = np.bitwise_or.reduce(actual.reshape(expected.shape) ^ expected, 0)
        bits = np.flatnonzero(np.unpackbits(wrong, bitorder="little"))
        if bits.size:
            shown = ", ".join(map(str, bits[:8])) + (", ..." if bits.size > 8 else "")
            raise ProbeError(
                f"data lines {shown} (of {_LINE * 8}) do not follow",
                "check width and byte order of the memory port, and its timing",
            )
        return f"{_LINE * 8} data lines"

    return saved(target, [(base, expected.nbytes)], work)


def bandwidth(target: Target) -> str:
    """Write and read random bytes, increasingly many until it takes long enough to measure."""
    base, size = target.window
    random, count = np.random.default_rng(1), min(4096, size)
    while True:
        data = random.bytes(count)
        old = target.read_memory(base, count)
        try:
            started = time.monotonic()
            target.write_memory(base, data)
            written = time.monotonic()
            actual = target.read_memory(base, count)
            end = time.monotonic()
        finally:
            target.write_memory(base, old)
        if actual != data:
            wrong = np.flatnonzero(np.frombuffer(actual, np.uint8) != np.frombuffer(data, np.uint8))
            raise ProbeError(
                f"{wrong.size} of {count} random bytes come back wrong, the first at "
                f"{base + int(wrong[0]):#x}", "the link or the memory loses data: lower baud= or "
                "the clock, and check that nothing else uses the memory",
            )
        if end - started > LONG_ENOUGH or count * 4 > min(size, 1 << 24):
            write, read = (
                count / max(seconds, 1e-9) / 1e6 for seconds in (written - started, end - written)
            )
            return f"{count} random bytes; host writes {write:.3g} MB/s, reads {read:.3g} MB/s"
        count *= 4


def device_memory(target: Target) -> str:
    """Address lines as the device sees them: it copies a tile from the address of each one."""
    config, base = target.config, target.window[0]
    if target.window[1] < _SCRATCH + 0x1000:
        return f"skipped: it takes a window of {_SCRATCH + 0x1000} bytes"
    size, stored = (config.tile_bytes(kind) for kind in (MemoryType.ACC_8BIT, MemoryType.OUT))
    offsets = _offsets(target, size.bit_length() - 1)
    lanes = np.random.default_rng(2).integers(
        -8, 8, (len(offsets), *tile_shape(MemoryType.ACC_8BIT, config))
    )
    results, code = base + _SCRATCH, base + _SCRATCH + 0x800
    stream: list[Instruction] = []
    for n, at in enumerate(offsets):
        stream.append(Load(memory_type=MemoryType.ACC_8BIT, sram_base=n, dram_base=at // size,
                           x_size=1, x_stride=1, push_next=int(at == offsets[-1])))
    stream.append(Store(x_size=len(offsets), x_stride=len(offsets), pop_prev=1,
                        dram_base=_SCRATCH // stored))
    stream.append(Finish())

    def work() -> str:
        for tile, at in zip(lanes, offsets, strict=True):
            target.write_memory(base + at, pack_tiles(tile[None], MemoryType.ACC_8BIT, config))
        target.write_memory(results, bytes(len(offsets) * stored))
        target.write_memory(code, encode_stream(stream, config))
        launch(target, code, len(stream), bases=dict.fromkeys(MemoryType, base), timeout=10)
        actual = target.read_memory(results, len(offsets) * stored)
        expected = pack_tiles(lanes, MemoryType.OUT, config)
        for n, at in enumerate(offsets):
            if actual[n * stored : (n + 1) * stored] != expected[n * stored : (n + 1) * stored]:
                raise ProbeError(
                    f"the device reads something else at {base + at:#x} than the host wrote there",
                    "host and device do not see the same memory: check the address map of the "
                    "memory port, mem=, and caches between (use a coherent port or u-dma-buf)",
                )
        return f"{len(offsets) - 1} address lines as the device sees them"

    return saved(
        target, [(base + at, size) for at in offsets] + [(results, 0x1000)], work
    )
