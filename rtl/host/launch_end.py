"""Detect the end of a launch, its cause and its instruction, for :mod:`.control`.

Everything is combinational except the counters of cycles without movement.
"""

from __future__ import annotations

from typing import Any

from myhdl import always, always_comb, always_seq, block

from ...isa.opcodes import ADDRESS_BITS, ErrorCode
from ..lib.bundles import ERROR_BITS, INDEX_BITS, bit, word
from .register_values import Settings
from .status import FetchStatus, ModuleStatus

__all__ = [
    "DRAIN_CYCLES", "QUIET_CYCLES", "LaunchEnd", "Position", "find_deadlock", "find_drained",
    "find_end", "find_expired", "find_lowest",
]

QUIET_CYCLES = 64  # cycles without movement after which a launch ends
DRAIN_CYCLES = 1024  # cycles without a transfer after which the bus is no longer waited for


class Position:
    """An instruction by its ``index``, when ``valid``."""

    def __init__(self, valid: Any = None, index: Any = None) -> None:
        self.valid = bit() if valid is None else valid
        self.index = word(INDEX_BITS) if index is None else index


class LaunchEnd:
    """A launch ends when ``valid``, with this code, instruction and, if faulty, address."""

    def __init__(self) -> None:
        self.valid, self.code, self.index = bit(), word(ERROR_BITS), word(INDEX_BITS)
        self.address = word(ADDRESS_BITS)


@block
def find_lowest(load: Position, compute: Position, store: Position, lowest: Position) -> Any:
    """The lowest of three positions, of which some are valid."""

    @always_comb
    def choose() -> None:
        lowest.valid.next = load.valid or compute.valid or store.valid
        lowest.index.next = store.index
        if compute.valid and (not store.valid or compute.index < store.index):
            lowest.index.next = compute.index
            if load.valid and load.index < compute.index:
                lowest.index.next = load.index
        elif load.valid and (not store.valid or load.index < store.index):
            lowest.index.next = load.index

    return choose


@block
def find_deadlock(
    clock: Any, reset: Any, running: Any, fetch: FetchStatus, load: ModuleStatus,
    compute: ModuleStatus, store: ModuleStatus, stuck: Any,
) -> Any:
    """``stuck``: two cycles ago, nothing had moved for 64 cycles."""
    quiet = bit()
    quiet_cycles = word((QUIET_CYCLES - 1).bit_length())

    @always_seq(clock.posedge, reset)
    def observe() -> None:
        quiet.next = (
            running and (fetch.done or fetch.blocked) and (load.idle or load.waiting)
            and (compute.idle or compute.waiting) and (store.idle or store.waiting)
        )

    @always_seq(clock.posedge, reset)
    def decide() -> None:
        stuck.next = running and quiet and quiet_cycles == QUIET_CYCLES - 1

    @always_seq(clock.posedge, reset)
    def count() -> None:
        if quiet and quiet_cycles != QUIET_CYCLES - 1:
            quiet_cycles.next = quiet_cycles + 1
        else:
            quiet_cycles.next = 0

    return observe, decide, count


@block
def find_drained(
    clock: Any, reset: Any, running: Any, port_idle: Any, moved: Any, drained: Any
) -> Any:
    """``drained``: since the cycle before, nothing is outstanding, or nothing has moved for 1024
    cycles since the end.
    """
    still_cycles = word((DRAIN_CYCLES - 1).bit_length())

    @always_seq(clock.posedge, reset)
    def decide() -> None:
        drained.next = not running and (port_idle or still_cycles == DRAIN_CYCLES - 1)

    @always_seq(clock.posedge, reset)
    def count() -> None:
        if not running and not moved:
            if still_cycles != DRAIN_CYCLES - 1:
                still_cycles.next = still_cycles + 1
        else:
            still_cycles.next = 0

    return decide, count


@block
def find_expired(clock: Any, settings: Settings, cycles: Any, expired: Any) -> Any:
    """``expired``: one cycle later, when this is seen, the watchdog's cycles are exceeded.

    The watchdog's register must not change in the cycle before a launch or while one runs.
    """
    last, armed = word(32), bit()

    @always(clock.posedge)
    def prepare() -> None:
        last.next = settings.watchdog - 1
        armed.next = settings.watchdog != 0

    @always_comb
    def decide() -> None:
        expired.next = armed and cycles == last

    return prepare, decide


@block
def find_end(
    settings: Settings, finish: Any, fetch: FetchStatus, load: ModuleStatus,
    compute: ModuleStatus, store: ModuleStatus, stuck: Any, waits: Any, cancel: Any,
    expired: Any, lowest: Position, end: LaunchEnd,
) -> Any:
    """Drive ``end``; ``waits``: a module does, ``lowest``: the first instruction in progress."""
    position = word(INDEX_BITS)  # the lowest instruction that has not completed

    @always_comb
    def locate() -> None:
        position.next = fetch.index
        if lowest.valid:
            position.next = lowest.index
        end.address.next = fetch.error_address
        if compute.fault.raised:
            end.address.next = compute.error_address
        elif load.fault.raised:
            end.address.next = load.error_address
        elif store.fault.raised:
            end.address.next = store.error_address

    @always_comb
    def choose() -> None:
        # code and index do not wait for ``expired``, the last to be known
        end.valid.next = True
        end.code.next = ErrorCode.WATCHDOG
        end.index.next = position
        if compute.fault.raised:
            end.code.next = compute.fault.code
            end.index.next = compute.fault.index
        elif load.fault.raised:
            end.code.next = load.fault.code
            end.index.next = load.fault.index
        elif store.fault.raised:
            end.code.next = store.fault.code
            end.index.next = store.fault.index
        elif fetch.fault.raised:
            end.code.next = fetch.fault.code
            end.index.next = fetch.fault.index
        elif finish:
            end.code.next = ErrorCode.NONE
            end.index.next = 0
        elif stuck and waits:
            end.code.next = ErrorCode.DEADLOCK
            end.index.next = lowest.index
        elif stuck:
            end.code.next = ErrorCode.NO_FINISH
            end.index.next = settings.insn_count
        elif cancel:
            end.code.next = ErrorCode.RESET
        elif not expired:
            end.valid.next = False

    return locate, choose
