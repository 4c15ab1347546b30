"""The register map as an AXI4-Lite slave, generated from isa.register_map.

Contract
    Writes: address and data arrive in any order; the write takes place in the second cycle after
    both have arrived, with the response, which is OKAY; strobes are honoured.  One write every two
    cycles.
    Reads: data appears four clock edges after the one that accepts the address.  One at a time.
    Addresses select words (the two low bits are ignored); offsets outside the map read 0 and
    ignore writes.  While ``busy`` only the interrupt registers and RESET can be written.
    CONTROL: ``start`` pulses when 1 is written to bit 0, ``clear`` when 0 is, while not busy.
    RESET: ``cancel`` pulses when 1 is written to bit 0.  All three are registers: one cycle later.
    WINDOW_LOCK: once 1 it stays 1 and the window registers keep their values.
    The interrupt status bit is set by ``ended`` (which has priority over a clearing write in the
    same cycle); ``interrupt`` is high while it and the enable bit are 1.
    The device reads :class:`Settings`; the host reads :class:`Results`.
"""

from __future__ import annotations

from typing import Any

from myhdl import always_comb, always_seq, block

from ...isa.config import Config
from ...isa.opcodes import WINDOW_GRANULE
from ...isa.register_map import REGISTERS, Reg, reset_values
from ..lib.bundles import AxiLite, bit, word
from .register_reads import read_words
from .register_values import CONSTANTS, RESULTS, Results, Settings
from .status import LaunchControl

__all__ = ["registers"]

_OKAY = 0
_WINDOW = (Reg.WINDOW_BASE, Reg.WINDOW_LIMIT)
_PAGE = WINDOW_GRANULE.bit_length() - 1
_INDEX_BITS = (max(REGISTERS) // 4).bit_length() + 1  # word index; top bit: outside the map
_WRITABLE = {  # bits [high-1:low] that the host can change; the others keep their reset value
    Reg.WINDOW_BASE: (32, _PAGE), Reg.WINDOW_LIMIT: (32, _PAGE), Reg.INTERRUPT_ENABLE: (1, 0),
}


class HostWrite:
    """A write that takes place in this cycle: word index, data, and the bytes it covers."""

    def __init__(self) -> None:
        self.valid, self.index, self.data, self.strobe = bit(), word(14), word(32), word(4)


@block
def writable_word(
    clock: Any, reset: Any, write: HostWrite, closed: Any, value: Any, *, offset: int, high: int,
    low: int,
) -> Any:
    """A register that the host writes while not ``closed``; ``interrupt_enable`` always.

    Each byte has an enable of its own, so that no bit needs a multiplexer.
    """
    always_open = offset == Reg.INTERRUPT_ENABLE
    here = bit()
    lanes = [
        (lane, min(high, 8 * lane + 8), max(low, 8 * lane))
        for lane in range(low // 8, (high - 1) // 8 + 1)
    ]
    lanes += [lanes[0]] * (4 - len(lanes))  # assigned again, to the same effect
    (a, a_hi, a_lo), (b, b_hi, b_lo), (c, c_hi, c_lo), (d, d_hi, d_lo) = lanes

    @always_comb
    def select() -> None:
        here.next = write.valid and write.index == offset // 4 and (always_open or not closed)

    @always_seq(clock.posedge, reset)
    def update() -> None:
        if here and write.strobe[a]:
            value.next[a_hi:a_lo] = write.data[a_hi:a_lo]
        if here and write.strobe[b]:
            value.next[b_hi:b_lo] = write.data[b_hi:b_lo]
        if here and write.strobe[c]:
            value.next[c_hi:c_lo] = write.data[c_hi:c_lo]
        if here and write.strobe[d]:
            value.next[d_hi:d_lo] = write.data[d_hi:d_lo]

    return select, update


@block
def host_writes(clock: Any, reset: Any, s_axi: AxiLite, write: HostWrite) -> Any:
    """Combine AW and W into writes."""
    have_address, have_data, takes = bit(), bit(), bit()

    @always_comb
    def answer() -> None:
        s_axi.awready.next = not have_address
        s_axi.wready.next = not have_data

    @always_comb
    def decide() -> None:
        takes.next = have_address and have_data and (s_axi.bready or not s_axi.bvalid)

    @always_seq(clock.posedge, reset)
    def advance() -> None:
        if s_axi.awvalid and not have_address:
            have_address.next = True
            write.index.next = s_axi.awaddr[16:2]
        if s_axi.wvalid and not have_data:
            have_data.next = True
            write.data.next = s_axi.wdata
            write.strobe.next = s_axi.wstrb
        if s_axi.bready:
            s_axi.bvalid.next = False
        write.valid.next = takes
        if takes:
            have_address.next = False
            have_data.next = False
            s_axi.bvalid.next = True
            s_axi.bresp.next = _OKAY

    return answer, decide, advance


@block
def host_reads(clock: Any, reset: Any, s_axi: AxiLite, index: Any, value: Any) -> Any:
    """Answer a read with ``value``, which is valid in the third cycle of ``index``."""
    found, decoded, registered = bit(), bit(), bit()  # index is valid; its number; value
    idle = bit()
    high, top = len(index) + 1, len(index) - 1

    @always_comb
    def answer() -> None:
        idle.next = not s_axi.rvalid and not found and not decoded and not registered
        s_axi.arready.next = not s_axi.rvalid and not found and not decoded and not registered

    @always_seq(clock.posedge, reset)
    def advance() -> None:
        registered.next = decoded
        decoded.next = found
        found.next = False
        if s_axi.rready:
            s_axi.rvalid.next = False
        if s_axi.arvalid and idle:
            found.next = True
            index.next = s_axi.araddr[high:2]
            index.next[top] = s_axi.araddr[16:high] != 0
        if registered:
            s_axi.rvalid.next = True
            s_axi.rdata.next = value
            s_axi.rresp.next = _OKAY

    return answer, advance


@block
def registers(
    clock: Any, reset: Any, s_axi: AxiLite, settings: Settings, results: Results,
    launch: LaunchControl, interrupt: Any, *, config: Config,
) -> Any:
    """Build one small block per register from the table."""
    write = HostWrite()
    window_closed = bit()
    constants = reset_values(config)
    writes = host_writes(clock, reset, s_axi, write)

    index, found = word(_INDEX_BITS), word(32)
    words, nodes = {}, []
    for offset, description in REGISTERS.items():
        if offset in CONSTANTS or description.access == "wo" or not description.exists(config):
            continue
        owner = results if offset in RESULTS else settings
        value = words[int(offset) // 4] = getattr(owner, offset.name.lower())
        if description.access == "rw" and offset != Reg.CONTROL:
            high, low = _WRITABLE.get(offset, (32, 0))
            closed = window_closed if offset in _WINDOW else launch.busy
            nodes.append(
                writable_word(
                    clock, reset, write, closed, value, offset=int(offset), high=high, low=low
                )
            )
    nodes.append(
        read_words(clock, index, words, found, constants=[constants[one] for one in CONSTANTS])
    )
    reads = host_reads(clock, reset, s_axi, index, found)

    @always_comb
    def guard() -> None:
        window_closed.next = launch.busy or settings.window_lock[0]

    @always_seq(clock.posedge, reset)
    def lock() -> None:
        if write.valid and write.index == Reg.WINDOW_LOCK // 4 and not launch.busy:
            if write.data[0] and write.strobe[0]:
                settings.window_lock.next = 1

    @always_seq(clock.posedge, reset)
    def cancel_launch() -> None:
        launch.cancel.next = (
            write.valid and write.index == Reg.RESET // 4 and write.data[0] and write.strobe[0]
        )

    @always_seq(clock.posedge, reset)
    def command() -> None:
        launch.start.next = False
        launch.clear.next = False
        if write.valid and write.index == Reg.CONTROL // 4 and write.strobe[0] and not launch.busy:
            launch.start.next = write.data[0]
            launch.clear.next = not write.data[0]

    @always_seq(clock.posedge, reset)
    def remember_end() -> None:
        if launch.ended:
            settings.interrupt_status.next = 1
        elif write.valid and write.index == Reg.INTERRUPT_STATUS // 4:
            if write.data[0] and write.strobe[0]:
                settings.interrupt_status.next = 0

    @always_comb
    def notify() -> None:
        interrupt.next = settings.interrupt_status[0] and settings.interrupt_enable[0]

    return writes, nodes, reads, guard, lock, cancel_launch, command, remember_end, notify
