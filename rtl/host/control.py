"""Start launches, detect their end, and report how they ended.

Contract
    A launch begins at the clock edge that sees ``launch.start`` while not ``busy``.  If a base
    pointer is not aligned it ends with ALIGNMENT before anything is fetched; otherwise
    ``module_reset`` falls.
    It runs until ``finish`` pulses, a module or fetch raises a fault (the first one counts; in one
    cycle compute precedes load, store and fetch), or nothing has moved for 64 cycles: every module
    idle or waiting, and fetch done or blocked.  Then, if a module waits, it ends with DEADLOCK and
    the lowest index that waits (the lowest one at the head of a queue: nothing is in flight, and a
    module that does not wait has nothing); otherwise with NO_FINISH and the instruction count.
    ``cancel`` ends it with RESET, more cycles than WATCHDOG with WATCHDOG; the index is then the
    lowest one in flight or at the head of a queue, otherwise the next one to be dispatched.
    From then on ``halt`` is high.  The edge after the one that sees ``port_idle``, or that nothing
    has ``moved`` on the bus for 1024 cycles, raises ``module_reset``, clears ``busy`` and sets the
    status;
    ``ended`` follows for one cycle.  ``draining`` is visible in CONTROL while not busy.
    ``halt`` stays high between launches, so it covers the cycle in which the modules first see
    ``module_reset`` while their requests are still asserted.
    The end is detected one cycle late, so ``halt`` rises two edges after its cause.  CYCLES counts
    the edges after the launch up to and including the one at which ``halt`` rises.
    Status, code, index and address hold until the next launch; ``clear`` clears the status bits
    only.  ``cancel`` has no effect without a launch or while one is ending.
"""

from __future__ import annotations

from typing import Any

from myhdl import always_comb, always_seq, block, concat

from ...isa.config import Config
from ...isa.opcodes import INSTRUCTION_BYTES, ErrorCode
from ...isa.register_map import POINTER_TYPES, Reg
from ..lib.bundles import PortStatus, bit
from ..lib.token_queue import DependencyTokens
from .launch_end import (
    LaunchEnd,
    Position,
    find_deadlock,
    find_drained,
    find_end,
    find_expired,
    find_lowest,
)
from .register_values import Results, Settings
from .status import FetchStatus, LaunchControl, ModuleStatus

__all__ = ["control"]


@block
def check_alignment(settings: Settings, misaligned: Any, *, config: Config) -> Any:
    """``misaligned``: some base pointer is not a multiple of the largest of its elements."""
    insn = INSTRUCTION_BYTES - 1
    uop, inp, wgt, acc, out = (
        config.alignment(POINTER_TYPES[register]) - 1
        for register in (Reg.UOP_BASE, Reg.INP_BASE, Reg.WGT_BASE, Reg.ACC_BASE, Reg.OUT_BASE)
    )

    @always_comb
    def check() -> None:
        misaligned.next = (
            settings.insn_base & insn != 0 or settings.uop_base & uop != 0
            or settings.inp_base & inp != 0 or settings.wgt_base & wgt != 0
            or settings.acc_base & acc != 0 or settings.out_base & out != 0
        )

    return check


@block
def control(
    clock: Any, reset: Any, launch: LaunchControl, settings: Settings, results: Results,
    fetch: FetchStatus, load: ModuleStatus, compute: ModuleStatus, store: ModuleStatus,
    finish: Any, tokens: DependencyTokens, port: PortStatus, module_reset: Any, halt: Any, *,
    config: Config,
) -> Any:
    """Run the launch protocol; of the tokens only each queue's ``available`` is read."""
    finished, failed, tokens_left, owing = bit(), bit(), bit(), bit()
    misaligned, running, drained, stuck, expired = bit(), bit(), bit(), bit(), bit()
    waits, lowest, first_present = bit(), Position(), Position()  # the first two one cycle late
    end, registered_end = LaunchEnd(), LaunchEnd()
    parts = (
        check_alignment(settings, misaligned, config=config),
        find_deadlock(
            clock, reset, running=running, fetch=fetch, load=load, compute=compute, store=store,
            stuck=stuck,
        ),
        find_lowest(
            Position(load.present, load.oldest), Position(compute.present, compute.oldest),
            Position(store.present, store.oldest), first_present,
        ),
        find_drained(clock, reset, running, port.idle, port.moved, drained),
        find_expired(clock, settings, results.cycles, expired),
        find_end(
            settings, finish=finish, fetch=fetch, load=load, compute=compute, store=store,
            stuck=stuck, waits=waits, cancel=launch.cancel, expired=expired, lowest=lowest,
            end=end,
        ),
    )

    @always_seq(clock.posedge, reset)
    def register_end() -> None:
        waits.next = load.waiting or compute.waiting or store.waiting
        lowest.valid.next = first_present.valid
        lowest.index.next = first_present.index
        registered_end.valid.next = end.valid and running
        registered_end.code.next = end.code
        registered_end.index.next = end.index
        registered_end.address.next = end.address

    @always_comb
    def derive() -> None:
        running.next = launch.busy and not halt
        owing.next = port.draining and not launch.busy

    @always_comb
    def show() -> None:
        results.control.next = concat(owing, tokens_left, failed, finished, launch.busy)

    @always_seq(clock.posedge, reset)
    def advance() -> None:
        launch.ended.next = False
        if not launch.busy:
            module_reset.next = True
            if launch.start:
                launch.busy.next = True
                finished.next = False
                failed.next = False
                tokens_left.next = False
                results.cycles.next = 0
                results.error_code.next = ErrorCode.NONE
                results.error_index.next = 0
                results.error_address.next = 0
                if misaligned:
                    results.error_code.next = ErrorCode.ALIGNMENT
                else:
                    module_reset.next = False
                    halt.next = False
            elif launch.clear:
                finished.next = False
                failed.next = False
                tokens_left.next = False
        elif not halt:
            results.cycles.next = results.cycles + 1
            if registered_end.valid:
                halt.next = True
                results.error_code.next = registered_end.code
                results.error_index.next = registered_end.index
                results.error_address.next = 0
                if registered_end.code == ErrorCode.WINDOW or registered_end.code == ErrorCode.BUS:
                    results.error_address.next = registered_end.address
        elif drained:
            launch.busy.next = False
            module_reset.next = True
            launch.ended.next = True
            finished.next = True
            failed.next = results.error_code != ErrorCode.NONE
            tokens_left.next = results.error_code == ErrorCode.NONE and (
                tokens.l2g.available or tokens.g2l.available or tokens.g2s.available
                or tokens.s2g.available
            )

    return parts, register_end, derive, show, advance
