"""Start launches, see their end, and say how they ended.

Contract
    A launch begins at the clock edge that sees ``launch`` while not ``busy``.  If a base pointer is
    not aligned it ends with ALIGNMENT before anything is fetched; else ``module_reset`` falls.
    It runs until ``finish`` pulses, a module or fetch raises a fault (the first one counts; in one
    cycle compute comes before load, store and fetch), or nothing has moved for 64 cycles: every
    module idle or waiting, and fetch done or blocked.  Then, if a module waits, DEADLOCK with the
    lowest index that waits; else NO_FINISH with the instruction count.
    ``cancel`` ends it with RESET, more cycles than WATCHDOG end it with that code; the index is
    then the lowest one under way or at the head of a queue, else the next one to be dispatched.
    From then on ``halt`` is high.  The edge that sees ``port_idle``, or that nothing has ``moved``
    on the bus for 1024 cycles, raises ``module_reset``, drops ``busy`` and sets the status;
    ``ended`` follows for one cycle.  ``draining`` shows in CONTROL while not busy.
    ``halt`` stays high between launches, so it covers the cycle in which the modules first see
    ``module_reset``, their requests still standing.
    The end is seen a cycle late, so ``halt`` rises two edges after its cause.  CYCLES counts the
    edges after the launch up to and including the one at which ``halt`` rises.
    Status, code, index and address hold until the next launch; ``clear`` drops the status bits
    alone.  ``cancel`` without a launch, or while one is ending, does nothing.
"""

from __future__ import annotations

from typing import Any

from myhdl import always_comb, always_seq, block, concat

from ...isa.config import Config
from ...isa.opcodes import ADDRESS_BITS, INSTRUCTION_BYTES, ErrorCode, MemoryType
from ..lib.bundles import ERROR_BITS, INDEX_BITS, bit, word
from .launch_end import find_deadlock, find_drained, find_end, find_expired, find_lowest
from .registers import RegisterFile
from .status import FetchStatus, ModuleStatus

__all__ = ["control"]


@block
def check_alignment(values: RegisterFile, misaligned: Any, *, config: Config) -> Any:
    """``misaligned``: some base pointer is not a multiple of its element."""
    insn = INSTRUCTION_BYTES - 1
    uop = config.tile_bytes(MemoryType.UOP) - 1
    inp = config.tile_bytes(MemoryType.INP) - 1
    wgt = config.tile_bytes(MemoryType.WGT) - 1
    acc = config.tile_bytes(MemoryType.ACC) - 1
    out = config.tile_bytes(MemoryType.OUT) - 1

    @always_comb
    def check() -> None:
        misaligned.next = (
            values.insn_base & insn != 0 or values.uop_base & uop != 0
            or values.inp_base & inp != 0 or values.wgt_base & wgt != 0
            or values.acc_base & acc != 0 or values.out_base & out != 0
        )

    return check


@block
def control(
    clock: Any, reset: Any, launch: Any, clear: Any, cancel: Any, values: RegisterFile,
    fetch: FetchStatus, load: ModuleStatus, compute: ModuleStatus, store: ModuleStatus,
    finish: Any, load_to_compute: Any, compute_to_load: Any, compute_to_store: Any,
    store_to_compute: Any, port_idle: Any, draining: Any, moved: Any, busy: Any,
    module_reset: Any, halt: Any, ended: Any, *, config: Config,
) -> Any:
    """Run the launch protocol; the token wires are each queue's ``available``."""
    finished, failed, tokens_left, owing = bit(), bit(), bit(), bit()
    misaligned, running, drained = bit(), bit(), bit()
    stuck, waiting, waiting_index = bit(), bit(), word(INDEX_BITS)
    expired, lowest_valid, lowest_index = bit(), bit(), word(INDEX_BITS)
    ends, code, index, address = bit(), word(ERROR_BITS), word(INDEX_BITS), word(ADDRESS_BITS)
    ended_now, end_code, end_index = bit(), word(ERROR_BITS), word(INDEX_BITS)  # a cycle later
    end_address = word(ADDRESS_BITS)
    found_waiting, found_waiting_index = bit(), word(INDEX_BITS)
    found_lowest, found_lowest_index = bit(), word(INDEX_BITS)

    alignment = check_alignment(values, misaligned, config=config)
    deadlock = find_deadlock(clock, reset, running, fetch, load, compute, store, stuck)
    first_waiting = find_lowest(
        load.waiting, load.index, compute.waiting, compute.index, store.waiting, store.index,
        found_waiting, found_waiting_index,
    )
    first_present = find_lowest(
        load.present, load.oldest, compute.present, compute.oldest, store.present, store.oldest,
        found_lowest, found_lowest_index,
    )
    drain = find_drained(clock, reset, running, port_idle, moved, drained)
    watchdog = find_expired(clock, values, expired)
    ending = find_end(
        values, finish, fetch, load, compute, store, stuck, waiting, waiting_index, cancel,
        expired, lowest_valid, lowest_index, ends, code, index, address,
    )

    @always_seq(clock.posedge, reset)
    def register_end() -> None:
        waiting.next = found_waiting
        waiting_index.next = found_waiting_index
        lowest_valid.next = found_lowest
        lowest_index.next = found_lowest_index
        ended_now.next = ends and running
        end_code.next = code
        end_index.next = index
        end_address.next = address

    @always_comb
    def derive() -> None:
        running.next = busy and not halt
        owing.next = draining and not busy

    @always_comb
    def show() -> None:
        values.control.next = concat(owing, tokens_left, failed, finished, busy)

    @always_seq(clock.posedge, reset)
    def advance() -> None:
        ended.next = False
        if not busy:
            module_reset.next = True
            if launch:
                busy.next = True
                finished.next = False
                failed.next = False
                tokens_left.next = False
                values.cycles.next = 0
                values.error_code.next = ErrorCode.NONE
                values.error_index.next = 0
                values.error_address.next = 0
                if misaligned:
                    values.error_code.next = ErrorCode.ALIGNMENT
                else:
                    module_reset.next = False
                    halt.next = False
            elif clear:
                finished.next = False
                failed.next = False
                tokens_left.next = False
        elif not halt:
            values.cycles.next = values.cycles + 1
            if ended_now:
                halt.next = True
                values.error_code.next = end_code
                values.error_index.next = end_index
                values.error_address.next = 0
                if end_code == ErrorCode.WINDOW or end_code == ErrorCode.BUS:
                    values.error_address.next = end_address
        elif drained:
            busy.next = False
            module_reset.next = True
            ended.next = True
            finished.next = True
            failed.next = values.error_code != ErrorCode.NONE
            tokens_left.next = values.error_code == ErrorCode.NONE and (
                load_to_compute or compute_to_load or compute_to_store or store_to_compute
            )

    return (
        alignment, deadlock, first_waiting, first_present, drain, watchdog, ending,
        register_end, derive, show, advance,
    )
