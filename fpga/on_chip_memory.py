"""On-chip memory as an AXI4 slave.

Contract
    INCR bursts of any length and beat size, one at a time in each direction; a beat moves in every
    cycle once a burst has begun.  Addresses count from 0; a beat past ``size`` bytes is answered
    with SLVERR and changes nothing.  W beats are accepted only after their AW.
"""

from __future__ import annotations

from typing import Any

from myhdl import always, always_comb, always_seq, block

from ..isa.config import Config
from ..rtl.lib.bundles import Axi4, bit, word
from ..rtl.lib.pack import join

__all__ = ["memory"]

_SLVERR = 2


@block
def byte_column(
    clock: Any, write: Any, write_index: Any, data: Any, strobe: Any, read: Any, read_index: Any,
    value: Any, *, lane: int, depth: int,
) -> Any:
    """One byte of every word."""
    cells = [word(8) for _ in range(depth)]
    low, high = 8 * lane, 8 * lane + 8

    @always(clock.posedge)
    def store_byte() -> None:
        if write and strobe[lane]:
            cells[write_index].next = data[high:low]

    @always(clock.posedge)
    def fetch_byte() -> None:
        if read:
            value.next = cells[read_index]

    return store_byte, fetch_byte


@block
def burst_address(current: Any, beat_size: Any, following: Any) -> Any:
    """Compute the address of the next beat of an INCR burst.  Combinational."""

    @always_comb
    def step() -> None:
        following.next = current + 1
        if beat_size == 1:
            following.next = current + 2
            following.next[1:] = 0
        elif beat_size == 2:
            following.next = current + 4
            following.next[2:] = 0
        elif beat_size == 3:
            following.next = current + 8
            following.next[3:] = 0
        elif beat_size == 4:
            following.next = current + 16
            following.next[4:] = 0
        elif beat_size == 5:
            following.next = current + 32
            following.next[5:] = 0

    return step


@block
def memory(clock: Any, reset: Any, s_axi: Axi4, *, config: Config, size: int) -> Any:
    """Hold ``size`` bytes, a power of two."""
    if size & (size - 1) or size < config.bus_bytes:
        raise ValueError(f"size must be a power of two of at least a beat, not {size}")
    lane_bits, depth = config.log_bus_width - 3, size // config.bus_bytes
    index_bits = max((depth - 1).bit_length(), 1)
    reading, read_beat, read_address, read_after = bit(), word(3), word(32), word(32)
    read_left, read_enable, read_index = word(9), bit(), word(index_bits)
    writing, write_beat, write_address, write_after = bit(), word(3), word(32), word(32)
    write_enable, write_index = bit(), word(index_bits)
    values = [word(8) for _ in range(config.bus_bytes)]
    top = size.bit_length() - 1
    columns = [
        byte_column(
            clock, write=write_enable, write_index=write_index, data=s_axi.wdata,
            strobe=s_axi.wstrb, read=read_enable, read_index=read_index, value=values[lane],
            lane=lane, depth=depth,
        )
        for lane in range(config.bus_bytes)
    ]

    @always_comb
    def accept_reads() -> None:
        s_axi.arready.next = not reading
        read_enable.next = reading and (s_axi.rready or not s_axi.rvalid)
        read_index.next = read_address[top:lane_bits]

    @always_comb
    def accept_writes() -> None:
        s_axi.awready.next = not writing and not s_axi.bvalid
        s_axi.wready.next = writing
        write_enable.next = writing and s_axi.wvalid and write_address[:top] == 0
        write_index.next = write_address[top:lane_bits]

    @always_seq(clock.posedge, reset)
    def answer_reads() -> None:
        if s_axi.rready:
            s_axi.rvalid.next = False
        if s_axi.arvalid and not reading:
            reading.next = True
            read_address.next = s_axi.araddr
            read_beat.next = s_axi.arsize
            read_left.next = s_axi.arlen + 1
        elif read_enable:
            s_axi.rvalid.next = True
            s_axi.rresp.next = 0
            if read_address[:top] != 0:
                s_axi.rresp.next = _SLVERR
            s_axi.rlast.next = read_left == 1
            read_left.next = read_left - 1
            read_address.next = read_after
            if read_left == 1:
                reading.next = False

    @always_seq(clock.posedge, reset)
    def answer_writes() -> None:
        if s_axi.bready:
            s_axi.bvalid.next = False
        if s_axi.awvalid and not writing and not s_axi.bvalid:
            writing.next = True
            write_address.next = s_axi.awaddr
            write_beat.next = s_axi.awsize
            s_axi.bresp.next = 0
        elif writing and s_axi.wvalid:
            write_address.next = write_after
            if write_address[:top] != 0:
                s_axi.bresp.next = _SLVERR
            if s_axi.wlast:
                writing.next = False
                s_axi.bvalid.next = True

    return (
        columns, accept_reads, accept_writes, answer_reads, answer_writes,
        join(values, s_axi.rdata),
        burst_address(read_address, read_beat, read_after),
        burst_address(write_address, write_beat, write_after),
    )
