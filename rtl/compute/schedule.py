"""Schedule (the stage of that name): when a step may proceed.

The accumulator has two banks (even and odd tiles) with one read port each.  An ALU operation reads
``ACC[dst]`` in this stage, and ``ACC[src]`` too if it is in the other bank, otherwise in the next
stage; a GEMM reads ``ACC[dst]`` in ``accumulate``, at a time that is certain when it leaves this
stage.  No read of a step that has left may meet another, so nothing after this stage ever waits.

A step waits here only for

* a bank: an ALU operation, while a GEMM or the step before it reads one of its banks (never with
  unit strides, except for a cycle where the distance of two tensor operands becomes odd);
* a hazard, ALU operations only: an earlier step still in flight writes a tile that this one reads
  (a GEMM takes results in flight: :mod:`.accumulate`; :mod:`.hazards`);
* three cycles for the parameter tiles of an RQT whose ``src`` changed.

``advance`` enables all stages up to this one: few gates separate it from the registers it depends
on.
"""

from __future__ import annotations

from typing import Any

from myhdl import always_comb, always_seq, block

from ...isa.config import Config
from ...isa.opcodes import ErrorCode
from ..lib.bundles import Fault, bit
from .address_generator import StepIndices
from .bank_needs import BankNeeds, bank_needs
from .rqt_parameters import ParameterCheck, ParameterRead, rqt_parameters
from .stages import Stages
from .step import Step

__all__ = ["schedule"]


@block
def schedule(
    clock: Any, reset: Any, s: list[Step], indices: StepIndices, needs: BankNeeds,
    operand_hit: Any, parameter_hit: Any, parameter: ParameterRead, advance: Any, fault: Fault, *,
    config: Config,
) -> Any:
    """Decide ``needs`` and ``advance``: all up to this stage moves on.

    ``operand_hit`` and ``parameter_hit`` come from :mod:`.hazards`.  ``fault`` is raised with
    STEP_INDEX by a step that then never leaves this stage, and with RQT_PARAMETER three cycles
    after the last parameter tile arrived, while the step that fetched it proceeds; an earlier
    step's fault has priority.
    """
    at = Stages.of(config)
    checked, waiting, next_gemm = s[at.check], s[at.schedule], s[at.accumulate - 1]
    free, moves = bit(), bit()

    @always_seq(clock.posedge, reset)
    def track_banks():
        needs.busy.next = next_gemm.reads
        if moves:
            needs.busy.next = next_gemm.reads | needs.second

    @always_comb
    def check_step():
        free.next = (
            not fault.raised and not indices.out_of_range and not operand_hit
            and (needs.first & needs.busy) == 0 and (needs.second & next_gemm.reads) == 0
        )

    @always_comb
    def release():
        advance.next = moves

    parts = (
        bank_needs(clock, reset, advance, checked, waiting, needs, config=config), track_banks,
        check_step,        release,
    )
    if not config.requantize:

        @always_comb
        def proceed():
            moves.next = free

        @always_seq(clock.posedge, reset)
        def raise_fault():
            if not fault.raised and indices.out_of_range:
                fault.raised.next = True
                fault.code.next = ErrorCode.STEP_INDEX
                fault.index.next = indices.index

        return parts, proceed, raise_fault

    ready, check = bit(), ParameterCheck()

    @always_comb
    def decide():
        moves.next = free and ready

    @always_seq(clock.posedge, reset)
    def report():
        if not fault.raised:
            if check.bad:
                fault.raised.next = True
                fault.code.next = ErrorCode.RQT_PARAMETER
                fault.index.next = check.index
            elif indices.out_of_range and not check.pending:
                fault.raised.next = True
                fault.code.next = ErrorCode.STEP_INDEX
                fault.index.next = indices.index

    parameters = rqt_parameters(
        clock, reset, checked=checked, waiting=waiting, indices=indices,
        parameter_hit=parameter_hit, busy=needs.busy, moves=moves, stopped=fault.raised,
        parameter=parameter, ready=ready, check=check,
    )
    return parts, parameters, decide, report
