"""The register map as an AXI4-Lite slave, generated from isa.register_map.

Contract
    Writes: address and data arrive in any order; the write takes place in the cycle after both have
    arrived, strobes are honoured, and the response is OKAY.  One write every two cycles.
    Reads: data appears three clock edges after the one that accepts the address.  One at a time.
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

from myhdl import always, always_comb, always_seq, block

from ...isa.config import Config
from ...isa.opcodes import WINDOW_GRANULE
from ...isa.register_map import REGISTERS, Reg, reset_values
from ..lib.bundles import AxiLite, bit, word
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
    """A write that takes place in this cycle: word index, data, and the bits its strobes cover."""

    def __init__(self) -> None:
        self.valid, self.index, self.data, self.mask = bit(), word(14), word(32), word(32)


@block
def writable_word(
    clock: Any, reset: Any, write: HostWrite, closed: Any, value: Any, *, offset: int, high: int,
    low: int,
) -> Any:
    """A register that the host writes while not ``closed``; ``interrupt_enable`` always."""
    always_open = offset == Reg.INTERRUPT_ENABLE

    @always_seq(clock.posedge, reset)
    def update() -> None:
        if write.valid and write.index == offset // 4 and (always_open or not closed):
            value.next[high:low] = (
                value[high:low] & ~write.mask[high:low]
                | write.data[high:low] & write.mask[high:low]
            )

    return update


@block
def readable_word(index: Any, value: Any, selected: Any, *, offset: int) -> Any:
    """``selected`` is the register's value when it is addressed, else 0."""

    @always_comb
    def select() -> None:
        selected.next = 0
        if index == offset // 4:
            selected.next = value

    return select


@block
def readable_constants(
    index: Any, selected: Any, *, values: tuple[int, int, int, int]
) -> Any:
    """``selected`` is the constant register that is addressed, else 0."""
    identity, version, features, fingerprint = values
    fingerprint_high, fingerprint_low = fingerprint >> 16, fingerprint & 0xFFFF

    @always_comb
    def select() -> None:
        selected.next = 0
        if index == Reg.IDENTITY // 4:
            selected.next = identity
        elif index == Reg.VERSION // 4:
            selected.next = version
        elif index == Reg.FEATURES // 4:
            selected.next = features
        elif index == Reg.FINGERPRINT // 4:
            selected.next[32:16] = fingerprint_high  # MyHDL writes constants past 2^31 too wide
            selected.next[16:0] = fingerprint_low

    return select


@block
def register_word(clock: Any, value: Any, registered: Any) -> Any:
    """Register a selected word."""

    @always(clock.posedge)
    def copy() -> None:
        registered.next = value

    return copy


@block
def join_words(left: Any, right: Any, result: Any) -> Any:
    """Combine two selected words, of which one is 0."""

    @always_comb
    def join() -> None:
        result.next = left | right

    return join


@block
def host_writes(clock: Any, reset: Any, s_axi: AxiLite, write: HostWrite) -> Any:
    """Combine AW and W into writes."""
    have_address, have_data = bit(), bit()
    strobe = word(4)

    @always_comb
    def answer() -> None:
        s_axi.awready.next = not have_address
        s_axi.wready.next = not have_data

    @always_comb
    def spread() -> None:
        write.mask.next = 0
        if strobe[0]:
            write.mask.next[8:0] = 0xFF
        if strobe[1]:
            write.mask.next[16:8] = 0xFF
        if strobe[2]:
            write.mask.next[24:16] = 0xFF
        if strobe[3]:
            write.mask.next[32:24] = 0xFF

    @always_comb
    def decide() -> None:
        write.valid.next = have_address and have_data and (s_axi.bready or not s_axi.bvalid)

    @always_seq(clock.posedge, reset)
    def advance() -> None:
        if s_axi.awvalid and not have_address:
            have_address.next = True
            write.index.next = s_axi.awaddr[16:2]
        if s_axi.wvalid and not have_data:
            have_data.next = True
            write.data.next = s_axi.wdata
            strobe.next = s_axi.wstrb
        if s_axi.bready:
            s_axi.bvalid.next = False
        if write.valid:
            have_address.next = False
            have_data.next = False
            s_axi.bvalid.next = True
            s_axi.bresp.next = _OKAY

    return answer, spread, decide, advance


@block
def host_reads(clock: Any, reset: Any, s_axi: AxiLite, index: Any, value: Any) -> Any:
    """Answer a read with ``value``, which is valid in the second cycle of ``index``."""
    found, registered = bit(), bit()  # index is valid; value is valid
    high, top = len(index) + 1, len(index) - 1

    @always_comb
    def answer() -> None:
        s_axi.arready.next = not s_axi.rvalid and not found and not registered

    @always_seq(clock.posedge, reset)
    def advance() -> None:
        registered.next = found
        found.next = False
        if s_axi.rready:
            s_axi.rvalid.next = False
        if s_axi.arvalid and not s_axi.rvalid and not found and not registered:
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

    index, selected = word(_INDEX_BITS), [word(32)]
    nodes = [
        readable_constants(
            index, selected[0], values=tuple(constants[offset] for offset in CONSTANTS)
        )
    ]
    for offset, description in REGISTERS.items():
        if offset in CONSTANTS or description.access == "wo" or not description.exists(config):
            continue
        owner = results if offset in RESULTS else settings
        value = getattr(owner, offset.name.lower())
        selected.append(word(32))
        nodes.append(readable_word(index, value, selected[-1], offset=int(offset)))
        if description.access == "rw" and offset != Reg.CONTROL:
            high, low = _WRITABLE.get(offset, (32, 0))
            closed = window_closed if offset in _WINDOW else launch.busy
            nodes.append(
                writable_word(
                    clock, reset, write, closed, value, offset=int(offset), high=high, low=low
                )
            )
    middle = len(selected) // 8
    while len(selected) > 1:  # a tree: the oldest two are combined until one is left
        if len(selected) == middle:
            found = [word(32) for _ in selected]
            nodes += [
                register_word(clock, value, kept)
                for value, kept in zip(selected, found, strict=True)
            ]
            selected = found
        selected.append(word(32))
        nodes.append(join_words(selected.pop(0), selected.pop(0), selected[-1]))
    reads = host_reads(clock, reset, s_axi, index, selected[0])

    @always_comb
    def guard() -> None:
        window_closed.next = launch.busy or settings.window_lock[0]

    @always_seq(clock.posedge, reset)
    def lock() -> None:
        if write.valid and write.index == Reg.WINDOW_LOCK // 4 and not launch.busy:
            if write.data[0] and write.mask[0]:
                settings.window_lock.next = 1

    @always_seq(clock.posedge, reset)
    def cancel_launch() -> None:
        launch.cancel.next = (
            write.valid and write.index == Reg.RESET // 4 and write.data[0] and write.mask[0]
        )

    @always_seq(clock.posedge, reset)
    def command() -> None:
        launch.start.next = False
        launch.clear.next = False
        if write.valid and write.index == Reg.CONTROL // 4 and write.mask[0] and not launch.busy:
            launch.start.next = write.data[0]
            launch.clear.next = not write.data[0]

    @always_seq(clock.posedge, reset)
    def remember_end() -> None:
        if launch.ended:
            settings.interrupt_status.next = 1
        elif write.valid and write.index == Reg.INTERRUPT_STATUS // 4:
            if write.data[0] and write.mask[0]:
                settings.interrupt_status.next = 0

    @always_comb
    def notify() -> None:
        interrupt.next = settings.interrupt_status[0] and settings.interrupt_enable[0]

    return writes, nodes, reads, guard, lock, cancel_launch, command, remember_end, notify
