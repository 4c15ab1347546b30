"""Parameter fetch of RQT (in ``schedule``): three accumulator reads when a step has a new ``src``.

Bias and multiplier are in different banks: whichever is free is read first, the shift last, while
the step waits there.  They are kept until ``src`` changes, an earlier step of the instruction
writes one of them, or the instruction ends.

Data is registered as it arrives and checked one cycle later (:func:`.parameter_tiles`), while the
step proceeds.  ``bad`` is valid two cycles after the last tile, with the step's instruction, before
the step would be written.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any

from myhdl import always_comb, always_seq, block

from ...isa.opcodes import RqtFlag
from ..lib.bundles import INDEX_BITS, bit, word
from .address_generator import StepIndices
from .step import Step

__all__ = ["ParameterCheck", "ParameterRead", "rqt_parameters"]


class ParameterTile(IntEnum):
    """The parameter tile that is read in a cycle."""

    NONE = 0
    BIAS = 1
    MULTIPLIER = 2
    SHIFT = 3


class ParameterRead:
    """Parameter fetch: read address, the tile whose data arrives in this cycle, and its errors."""

    def __init__(self, acc_bits: int) -> None:
        # bit b: bank b's tile is in the row after that of src; bias and shift are in src's bank,
        # the multiplier in the other
        self.behind = word(2)
        self.after = word(acc_bits - 1)  # that row
        self.reads = bit()  # the step in ``schedule`` is an RQT that lacks parameters
        self.bias_arrives, self.multiplier_arrives, self.shift_arrives = bit(), bit(), bit()
        self.odd = bit()  # the tile comes from the odd bank
        self.multiplier_bad = bit()  # a lane of the multiplier is negative
        self.shift_bad = bit()  # a lane of the shift that arrived two cycles ago is outside 0..31


class ParameterCheck:
    """``pending``: parameters of an earlier step are being checked; ``bad``: one was illegal."""

    def __init__(self) -> None:
        self.pending, self.bad = bit(), bit()
        self.index = word(INDEX_BITS)  # of the instruction that fetched them


@block
def rqt_parameters(
    clock: Any, reset: Any, checked: Step, waiting: Step, indices: StepIndices,
    parameter_hit: Any, busy: Any, moves: Any, stopped: Any, parameter: ParameterRead, ready: Any,
    check: ParameterCheck,
) -> Any:
    """Fetch parameters for ``waiting``, the step in ``schedule``; ``ready``: it may proceed.

    ``parameter_hit``: an earlier step writes one of the tiles; ``busy``: banks read by other
    stages in this cycle; ``stopped``: a fault was raised.
    """
    kept, kept_src = bit(), word(len(waiting.src))  # the tiles held and their address
    same_src = bit()  # kept_src is that of the step waiting
    bias_read, multiplier_read, shift_read = bit(), bit(), bit()  # done for the step waiting
    chosen = word(2)  # ParameterTile read in this cycle
    presented, presented_odd = word(2), bit()  # read in the last cycle
    shift_arrives = bit()
    complete = bit()  # the shift arrives, or all tiles are kept
    fetches = bit()  # a missing tile must be read
    kept_next, same_src_next = bit(), bit()  # kept and same_src of the next cycle
    src_busy, multiplier_busy = bit(), bit()  # bank of src and src + 2; bank of src + 1
    newest_src = word(len(waiting.src))
    captured, judged, bypass, last_bypass = bit(), bit(), bit(), bit()  # the shift, its check
    index, last_index = word(INDEX_BITS), word(INDEX_BITS)

    @always_comb
    def locate():
        src_busy.next = busy[0]
        multiplier_busy.next = busy[1]
        if waiting.src[0]:
            src_busy.next = busy[1]
            multiplier_busy.next = busy[0]

    @always_comb
    def select_src():
        newest_src.next = kept_src
        if shift_arrives:
            newest_src.next = waiting.src

    @always_comb
    def predict():
        kept_next.next = (
            (kept or shift_arrives) and not parameter_hit and not (moves and waiting.last)
        )
        same_src_next.next = same_src or shift_arrives
        if moves:
            same_src_next.next = checked.src == newest_src

    @always_comb
    def report_ready():
        ready.next = not indices.rqt or (not parameter_hit and complete)

    @always_comb
    def enable():
        fetches.next = (
            indices.rqt and not indices.out_of_range and not stopped
            and not complete and not parameter_hit
        )

    @always_comb
    def choose():
        chosen.next = ParameterTile.NONE
        if fetches:
            if not bias_read and not src_busy:
                chosen.next = ParameterTile.BIAS
            elif not multiplier_read and not multiplier_busy:
                chosen.next = ParameterTile.MULTIPLIER
            elif bias_read and multiplier_read and not shift_read and not src_busy:
                chosen.next = ParameterTile.SHIFT

    @always_comb
    def drive_address():
        parameter.reads.next = indices.rqt and not complete
        parameter.after.next = indices.after
        parameter.behind.next[0] = waiting.src[0] or bias_read
        parameter.behind.next[1] = waiting.src[0] and bias_read

    @always_comb
    def report_arrival():
        parameter.bias_arrives.next = presented == ParameterTile.BIAS
        parameter.multiplier_arrives.next = presented == ParameterTile.MULTIPLIER
        parameter.shift_arrives.next = shift_arrives
        parameter.odd.next = presented_odd

    @always_seq(clock.posedge, reset)
    def keep():
        presented.next = chosen
        presented_odd.next = (chosen == ParameterTile.MULTIPLIER) != waiting.src[0]
        if chosen == ParameterTile.BIAS:
            bias_read.next = True
        elif chosen == ParameterTile.MULTIPLIER:
            multiplier_read.next = True
        elif chosen == ParameterTile.SHIFT:
            shift_read.next = True
        if shift_arrives:
            bias_read.next = False
            multiplier_read.next = False
            shift_read.next = False
        shift_arrives.next = chosen == ParameterTile.SHIFT
        complete.next = chosen == ParameterTile.SHIFT or (kept_next and same_src_next)
        kept_src.next = newest_src
        kept.next = kept_next
        same_src.next = same_src_next

    @always_comb
    def report():
        check.pending.next = captured or judged
        check.bad.next = judged and (
            parameter.shift_bad or (parameter.multiplier_bad and not last_bypass)
        )
        check.index.next = last_index

    @always_seq(clock.posedge, reset)
    def follow_check():
        captured.next = shift_arrives and waiting.valid
        bypass.next = waiting.imm[RqtFlag.BYPASS]
        index.next = indices.index
        judged.next = captured
        last_bypass.next = bypass
        last_index.next = index

    return (
        locate, select_src, predict, report_ready, enable, choose, drive_address, report_arrival,
        keep, report, follow_check,
    )
