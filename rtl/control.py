"""Start launches, see their end, and say how they ended.

Contract
    A launch begins at the clock edge that sees ``launch`` while not ``busy``.  If a base pointer is
    not aligned it ends with ALIGNMENT before anything is fetched; else ``module_reset`` falls.
    It runs until ``finish`` pulses, a module or fetch raises a fault (the first one counts; in one
    cycle compute comes before load, store and fetch), or nothing has moved for 64 cycles: every
    module idle or waiting, and fetch done or blocked.  Then, if a module waits, DEADLOCK with the
    lowest index that waits; else NO_FINISH with the instruction count.
    From then on ``halt`` is high until ``port_idle``; the edge that sees both raises
    ``module_reset``, drops ``busy`` and ``halt``, and sets the status; ``ended`` follows for one
    cycle.  CYCLES counts the edges after the launch up to and including the one that sees the end.
    Status, code and index hold until the next launch; ``clear`` drops the status bits alone.
    Only ``reset`` stops a launch from outside.
"""

from __future__ import annotations

from typing import Any

from myhdl import always_comb, always_seq, block, concat

from ..isa.config import Config
from ..isa.opcodes import INSTRUCTION_BYTES, ErrorCode, MemoryType
from .bundles import ERROR_BITS, INDEX_BITS, Fault, bit, word
from .registers import RegisterFile

__all__ = ["ModuleStatus", "QUIET_CYCLES", "control"]

QUIET_CYCLES = 64  # cycles without movement that end a launch


class ModuleStatus:
    """What a module tells control.

    ``idle``: nothing held or in progress and no instruction at its queue.  ``waiting``: the
    instruction with ``index`` cannot start and nothing else moves.  ``completed``: pulse per
    instruction.
    """

    def __init__(self) -> None:
        self.idle, self.waiting, self.completed = bit(), bit(), bit()
        self.index = word(INDEX_BITS)
        self.fault = Fault()


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
def find_deadlock(
    clock: Any, reset: Any, running: Any, fetch_done: Any, fetch_blocked: Any, load: ModuleStatus,
    compute: ModuleStatus, store: ModuleStatus, stuck: Any, waiting: Any, index: Any,
) -> Any:
    """``stuck``: nothing has moved for 64 cycles; whether a module waits and the lowest index."""
    quiet = bit()
    quiet_cycles = word((QUIET_CYCLES - 1).bit_length())

    @always_comb
    def observe() -> None:
        quiet.next = (
            running and (fetch_done or fetch_blocked) and (load.idle or load.waiting)
            and (compute.idle or compute.waiting) and (store.idle or store.waiting)
        )
        waiting.next = load.waiting or compute.waiting or store.waiting

    @always_comb
    def judge() -> None:
        stuck.next = quiet and quiet_cycles == QUIET_CYCLES - 1

    @always_seq(clock.posedge, reset)
    def count() -> None:
        if quiet and quiet_cycles != QUIET_CYCLES - 1:
            quiet_cycles.next = quiet_cycles + 1
        else:
            quiet_cycles.next = 0

    @always_comb
    def find_lowest() -> None:
        index.next = store.index
        if compute.waiting and (not store.waiting or compute.index < store.index):
            index.next = compute.index
            if load.waiting and load.index < compute.index:
                index.next = load.index
        elif load.waiting and (not store.waiting or load.index < store.index):
            index.next = load.index

    return observe, judge, count, find_lowest


@block
def find_end(
    values: RegisterFile, finish: Any, fetch: Fault, load: Fault, compute: Fault, store: Fault,
    stuck: Any, waiting: Any, waiting_index: Any, ends: Any, code: Any, index: Any,
) -> Any:
    """``ends``: the launch ends in this cycle, with this code and index."""

    @always_comb
    def choose() -> None:
        ends.next = True
        code.next = ErrorCode.NONE
        index.next = 0
        if compute.raised:
            code.next = compute.code
            index.next = compute.index
        elif load.raised:
            code.next = load.code
            index.next = load.index
        elif store.raised:
            code.next = store.code
            index.next = store.index
        elif fetch.raised:
            code.next = fetch.code
            index.next = fetch.index
        elif stuck and waiting:
            code.next = ErrorCode.DEADLOCK
            index.next = waiting_index
        elif stuck:
            code.next = ErrorCode.NO_FINISH
            index.next = values.insn_count
        else:
            ends.next = finish

    return choose


@block
def control(
    clock: Any, reset: Any, launch: Any, clear: Any, values: RegisterFile, fetch_done: Any,
    fetch_blocked: Any, fetch_fault: Fault, load: ModuleStatus, compute: ModuleStatus,
    store: ModuleStatus, finish: Any, load_to_compute: Any, compute_to_load: Any,
    compute_to_store: Any, store_to_compute: Any, port_idle: Any, busy: Any, module_reset: Any,
    halt: Any, ended: Any, *, config: Config,
) -> Any:
    """Run the launch protocol; the token wires are each queue's ``available``."""
    finished, failed, tokens_left = bit(), bit(), bit()
    misaligned, running = bit(), bit()
    stuck, waiting, waiting_index = bit(), bit(), word(INDEX_BITS)
    ends, end_code, end_index = bit(), word(ERROR_BITS), word(INDEX_BITS)

    alignment = check_alignment(values, misaligned, config=config)
    deadlock = find_deadlock(
        clock, reset, running, fetch_done, fetch_blocked, load, compute, store, stuck, waiting,
        waiting_index,
    )
    ending = find_end(
        values, finish, fetch_fault, load.fault, compute.fault, store.fault, stuck, waiting,
        waiting_index, ends, end_code, end_index,
    )

    @always_comb
    def show() -> None:
        running.next = busy and not halt
        values.control.next = concat(tokens_left, failed, finished, busy)

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
                if misaligned:
                    halt.next = True
                    values.error_code.next = ErrorCode.ALIGNMENT
                else:
                    module_reset.next = False
            elif clear:
                finished.next = False
                failed.next = False
                tokens_left.next = False
        elif not halt:
            values.cycles.next = values.cycles + 1
            if ends:
                halt.next = True
                values.error_code.next = end_code
                values.error_index.next = end_index
        elif port_idle:
            busy.next = False
            halt.next = False
            module_reset.next = True
            ended.next = True
            finished.next = True
            failed.next = values.error_code != ErrorCode.NONE
            tokens_left.next = values.error_code == ErrorCode.NONE and (
                load_to_compute or compute_to_load or compute_to_store or store_to_compute
            )

    return alignment, deadlock, ending, show, advance
