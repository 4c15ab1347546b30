"""Parameter fetch of RQT (stage s2): three accumulator reads when a step brings a new ``src``.

The tiles are read one after the other (bias, multiplier, shift), each in the first cycle in which
its bank is free, while the step waits in s2; their data is checked and captured as it arrives.
They are kept until ``src`` changes, an earlier step of the instruction writes one of them, or the
instruction ends.
"""

from __future__ import annotations

from typing import Any

from myhdl import always_comb, always_seq, block

from ..isa.opcodes import RqtFlag
from .bundles import bit, word
from .step import Step

__all__ = ["ParameterRead", "rqt_parameters"]


class ParameterRead:
    """Parameter fetch: a read this cycle, and which tile's data arrives this cycle."""

    def __init__(self, acc_bits: int) -> None:
        self.valid, self.address = bit(), word(acc_bits)
        self.bias_arrives, self.multiplier_arrives, self.shift_arrives = bit(), bit(), bit()
        self.odd = bit()  # it comes from the odd bank
        self.multiplier_bad = bit()  # a lane of the multiplier data now read is negative
        self.shift_bad = bit()  # a lane of the shift data now read is outside 0..31


@block
def rqt_parameters(
    clock: Any, reset: Any, s2: Step, indices: Any, parameter_hits: Any, busy_now: Any, moves: Any,
    stopped: Any, parameter: ParameterRead, ready: Any, bad: Any,
) -> Any:
    """Fetch parameters for the step in s2; ``ready``: it may go on, ``bad``: a value is illegal.

    ``parameter_hits``: a bit per stage ahead that writes one of the tiles; ``busy_now``: banks
    read by other stages in this cycle; ``stopped``: a fault was raised.
    """
    kept, kept_src = bit(), word(len(s2.src))  # the tiles held and where they lie
    unused = bit()  # they were fetched for the step that still is in s2
    taken = word(2)  # reads done for the step in s2
    presented, presented_odd = word(2), bit()  # read of the last cycle: 1 bias, 2, 3 shift
    multiplier_bad, fetched = bit(), bit()
    read_mask = word(2)

    @always_comb
    def locate():
        read_mask.next = 1
        if s2.src[0] != (taken == 1):  # s and s+2 lie in one bank, s+1 in the other
            read_mask.next = 2

    @always_comb
    def judge():
        fetched.next = kept and kept_src == s2.src
        bad.next = presented == 3 and s2.valid and (
            parameter.shift_bad or (multiplier_bad and not s2.imm[RqtFlag.BYPASS])
        )

    @always_comb
    def answer():
        ready.next = not indices.rqt or (parameter_hits == 0 and (presented == 3 or fetched))
        s2.fresh.next = presented == 3 or unused

    @always_comb
    def ask():
        parameter.valid.next = (
            s2.valid and indices.rqt and not indices.out_of_range and not stopped
            and taken != 3 and not fetched and parameter_hits == 0
            and (busy_now & read_mask) == 0
        )
        parameter.address.next = s2.src
        if taken == 1:
            parameter.address.next = indices.multiplier
        elif taken == 2:
            parameter.address.next = indices.shift
        parameter.bias_arrives.next = presented == 1
        parameter.multiplier_arrives.next = presented == 2
        parameter.shift_arrives.next = presented == 3
        parameter.odd.next = presented_odd

    @always_seq(clock.posedge, reset)
    def keep():
        presented.next = 0
        if parameter.valid:
            taken.next = taken + 1
            presented.next = taken + 1
            presented_odd.next = read_mask == 2
        if presented == 2:
            multiplier_bad.next = parameter.multiplier_bad
        if presented == 3:
            taken.next = 0
            kept.next = True
            kept_src.next = s2.src
            unused.next = True
        if moves:
            unused.next = False
        if s2.valid and indices.rqt and parameter_hits != 0:
            kept.next = False
        if moves and s2.last:
            kept.next = False

    return locate, judge, answer, ask, keep
