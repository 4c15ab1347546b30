"""Find out when a launch ends, why, and at which instruction: the conditions :mod:`.control` obeys.

All are combinational but for the watch over still cycles.
"""

from __future__ import annotations

from typing import Any

from myhdl import always, always_comb, always_seq, block

from ...isa.opcodes import ErrorCode
from ..lib.bundles import INDEX_BITS, bit, word
from .registers import RegisterFile
from .status import FetchStatus, ModuleStatus

__all__ = [
    "DRAIN_CYCLES", "QUIET_CYCLES", "find_deadlock", "find_drained", "find_end", "find_expired",
    "find_lowest",
]

QUIET_CYCLES = 64  # cycles without movement that end a launch
DRAIN_CYCLES = 1024  # cycles without a transfer after which the bus is no longer waited for


@block
def find_lowest(
    load_valid: Any, load_index: Any, compute_valid: Any, compute_index: Any, store_valid: Any,
    store_index: Any, valid: Any, index: Any,
) -> Any:
    """The lowest of three indices, of which some are valid."""

    @always_comb
    def choose() -> None:
        valid.next = load_valid or compute_valid or store_valid
        index.next = store_index
        if compute_valid and (not store_valid or compute_index < store_index):
            index.next = compute_index
            if load_valid and load_index < compute_index:
                index.next = load_index
        elif load_valid and (not store_valid or load_index < store_index):
            index.next = load_index

    return choose


@block
def find_deadlock(
    clock: Any, reset: Any, running: Any, fetch: FetchStatus, load: ModuleStatus,
    compute: ModuleStatus, store: ModuleStatus, stuck: Any,
) -> Any:
    """``stuck``: nothing has moved for 64 cycles, two cycles ago."""
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
    """``drained``: nothing is outstanding, or nothing has moved for 1024 cycles since the end."""
    still_cycles = word((DRAIN_CYCLES - 1).bit_length())

    @always_comb
    def decide() -> None:
        drained.next = port_idle or still_cycles == DRAIN_CYCLES - 1

    @always_seq(clock.posedge, reset)
    def count() -> None:
        if not running and not moved:
            if still_cycles != DRAIN_CYCLES - 1:
                still_cycles.next = still_cycles + 1
        else:
            still_cycles.next = 0

    return decide, count


@block
def find_expired(clock: Any, values: RegisterFile, expired: Any) -> Any:
    """``expired``: when this is seen, a cycle later, there are more than the watchdog allows.

    The watchdog's register must not change in the cycle before a launch or while one runs.
    """
    last, armed = word(32), bit()

    @always(clock.posedge)
    def prepare() -> None:
        last.next = values.watchdog - 1
        armed.next = values.watchdog != 0

    @always_comb
    def decide() -> None:
        expired.next = armed and values.cycles == last

    return prepare, decide


@block
def find_end(
    values: RegisterFile, finish: Any, fetch: FetchStatus, load: ModuleStatus,
    compute: ModuleStatus, store: ModuleStatus, stuck: Any, waiting: Any, waiting_index: Any,
    cancel: Any, expired: Any, lowest_valid: Any, lowest_index: Any, ends: Any, code: Any,
    index: Any, at_fault: Any,
) -> Any:
    """``ends``: the launch ends in this cycle, with this code, index and, if faulty, address."""
    position = word(INDEX_BITS)  # the lowest instruction that has not completed

    @always_comb
    def locate() -> None:
        position.next = fetch.index
        if lowest_valid:
            position.next = lowest_index
        at_fault.next = fetch.error_address
        if compute.fault.raised:
            at_fault.next = compute.error_address
        elif load.fault.raised:
            at_fault.next = load.error_address
        elif store.fault.raised:
            at_fault.next = store.error_address

    @always_comb
    def choose() -> None:
        ends.next = True
        code.next = ErrorCode.NONE
        index.next = 0
        if compute.fault.raised:
            code.next = compute.fault.code
            index.next = compute.fault.index
        elif load.fault.raised:
            code.next = load.fault.code
            index.next = load.fault.index
        elif store.fault.raised:
            code.next = store.fault.code
            index.next = store.fault.index
        elif fetch.fault.raised:
            code.next = fetch.fault.code
            index.next = fetch.fault.index
        elif finish:
            code.next = ErrorCode.NONE
        elif stuck and waiting:
            code.next = ErrorCode.DEADLOCK
            index.next = waiting_index
        elif stuck:
            code.next = ErrorCode.NO_FINISH
            index.next = values.insn_count
        elif cancel:
            code.next = ErrorCode.RESET
            index.next = position
        elif expired:
            code.next = ErrorCode.WATCHDOG
            index.next = position
        else:
            ends.next = False

    return locate, choose
