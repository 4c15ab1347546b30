"""Layout of the elements of each memory type in beats of the memory port: tables for ROMs.

An element (tile or micro-op) and a beat are both a power of two bytes, so an element of at least a
beat is a whole number of beats (*columns*), and a beat holds a whole number of smaller ones
(*lanes*).
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from ...isa.config import Config
from ...isa.opcodes import MemoryType

__all__ = ["MAX_LANES", "depths", "last_columns", "last_lanes", "log_bytes"]

MAX_LANES = 16  # elements in a beat: 32-byte beats, 2-byte tiles (4 lanes of 4 bits)
_CODES = 8  # values of memory_type; those a configuration does not have read 0 in every table


def log_bytes(config: Config, without: Collection[MemoryType] = ()) -> tuple[int, ...]:
    """Return log2 of the DRAM bytes of an element, by memory type.

    The types ``without``, and undefined ones, never reach the caller: they read as another type, so
    that a shift by this number has fewer cases.
    """
    table = _table(config, lambda kind: config.log_tile_bits(kind) - 3)
    kinds = [kind for kind in config.memory_types if kind not in without]
    if not without:
        return table
    return tuple(table[code if code in kinds else kinds[0]] for code in range(_CODES))


def last_lanes(config: Config) -> tuple[int, ...]:
    """Return the index of the last lane of a beat, by memory type (0: at most one element)."""
    return _table(config, lambda kind: max(config.bus_bytes // config.tile_bytes(kind), 1) - 1)


def last_columns(config: Config) -> tuple[int, ...]:
    """Return the index of the last beat of an element, by memory type (0: at most one beat)."""
    return _table(config, lambda kind: max(config.tile_bytes(kind) // config.bus_bytes, 1) - 1)


def depths(config: Config) -> tuple[int, ...]:
    """Return the depth in elements of the scratchpad of each memory type."""
    return _table(config, config.depth)


def _table(config: Config, entry: Callable[[MemoryType], int]) -> tuple[int, ...]:
    known = {int(kind): entry(kind) for kind in config.memory_types}
    return tuple(known.get(code, 0) for code in range(_CODES))
