"""Parameter fetch of RQT (stage s2): three accumulator reads when a step brings a new ``src``.

Bias and multiplier lie in different banks: whichever is free is read first, the shift last, while
the step waits in s2; data is checked and captured as it arrives.
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
    bias_read, multiplier_read, shift_read = bit(), bit(), bit()  # done for the step in s2
    chosen = word(2)  # read of this cycle: 0 none, 1 bias, 2 multiplier, 3 shift
    presented, presented_odd = word(2), bit()  # read of the last cycle
    multiplier_bad, fetched, wanted = bit(), bit(), bit()
    src_busy, multiplier_busy = bit(), bit()  # bank of s and s+2, bank of s+1

    @always_comb
    def locate():
        src_busy.next = busy_now[0]
        multiplier_busy.next = busy_now[1]
        if s2.src[0]:
            src_busy.next = busy_now[1]
            multiplier_busy.next = busy_now[0]

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
    def want():
        wanted.next = (
            s2.valid and indices.rqt and not indices.out_of_range and not stopped
            and not fetched and parameter_hits == 0
        )

    @always_comb
    def choose():
        chosen.next = 0
        if wanted:
            if not bias_read and not src_busy:
                chosen.next = 1
            elif not multiplier_read and not multiplier_busy:
                chosen.next = 2
            elif bias_read and multiplier_read and not shift_read and not src_busy:
                chosen.next = 3

    @always_comb
    def ask():
        parameter.valid.next = chosen != 0
        parameter.address.next = s2.src
        if chosen == 2:
            parameter.address.next = indices.multiplier
        elif chosen == 3:
            parameter.address.next = indices.shift
        parameter.bias_arrives.next = presented == 1
        parameter.multiplier_arrives.next = presented == 2
        parameter.shift_arrives.next = presented == 3
        parameter.odd.next = presented_odd

    @always_seq(clock.posedge, reset)
    def keep():
        presented.next = chosen
        presented_odd.next = parameter.address[0]
        if chosen == 1:
            bias_read.next = True
        elif chosen == 2:
            multiplier_read.next = True
        elif chosen == 3:
            shift_read.next = True
        if presented == 2:
            multiplier_bad.next = parameter.multiplier_bad
        if presented == 3:
            bias_read.next = False
            multiplier_read.next = False
            shift_read.next = False
            kept.next = True
            kept_src.next = s2.src
            unused.next = True
        if moves:
            unused.next = False
        if s2.valid and indices.rqt and parameter_hits != 0:
            kept.next = False
        if moves and s2.last:
            kept.next = False

    return locate, judge, answer, want, choose, ask, keep
