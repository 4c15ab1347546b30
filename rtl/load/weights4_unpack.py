"""Unpack beats of 4-bit weights for the WGT scratchpad: two beats' worth of 8-bit weights.

Contract
    Combinational.  A beat of WGT_4BIT becomes twice its bits, sign-extended, in the same cycle:
    of elements of at least a beat, ``column`` then counts pairs of columns of WGT; of smaller
    ones, the lanes are those of the wide beat.  A beat of WGT is in both halves of the wide one,
    and its lanes in the low half.
"""

from __future__ import annotations

from typing import Any

from myhdl import ConcatSignal, always_comb, block

from ...isa.config import Config
from ...isa.opcodes import MemoryType
from ..lib.bundles import TileWrite, bit, signed_word, word
from ..lib.pack import pack

__all__ = ["weights4_unpack"]


@block
def extend_weight(beat: Any, weight: Any, *, lo: int) -> Any:
    """Sign-extend one weight of a beat."""
    hi, extended = lo + 4, signed_word(8)

    @always_comb
    def extend():
        extended.next = beat[hi:lo].signed()

    @always_comb
    def show():
        weight.next = extended

    return extend, show


@block
def weights4_unpack(write: TileWrite, wide: TileWrite, *, config: Config) -> Any:
    """Drive ``wide``, of two beats, from ``write``."""
    bus = config.bus_width
    wide_end = 2 * bus
    narrow_lanes = max(config.bus_bytes // config.tile_bytes(MemoryType.WGT), 1)
    lanes = len(write.lanes)
    weights = [word(8) for _ in range(bus // 4)]
    unpacked, is_packed = word(2 * bus), bit()

    @always_comb
    def recognise():
        is_packed.next = write.memory_type == MemoryType.WGT_4BIT

    @always_comb
    def pass_on():
        wide.valid.next = write.valid
        write.ready.next = wide.ready
        wide.memory_type.next = write.memory_type
        wide.index.next = write.index
        wide.column.next = write.column

    @always_comb
    def choose():
        wide.data.next[bus:] = write.data
        wide.data.next[wide_end:bus] = write.data
        if is_packed:
            wide.data.next = unpacked

    @always_comb
    def mask_lanes():
        for i in range(lanes):
            wide.lanes.next[i] = write.lanes[i] and (is_packed or i < narrow_lanes)

    return (
        recognise, pass_on, choose, mask_lanes,
        [extend_weight(write.data, weight, lo=4 * at) for at, weight in enumerate(weights)],
        pack(ConcatSignal(*reversed(weights)), unpacked),
    )
