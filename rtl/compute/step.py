"""A step and the stages it passes in the compute pipeline: which field exists in which stage.

Stages are numbered by cycle: ``s0`` the micro-op arrives, ``s1`` the indices are known, ``s2`` the
step is scheduled (the only stage that ever waits), ``s3`` operand tiles arrive, ... ``s8`` execute,
``s9`` write.  A slot with ``last`` completes an instruction when it leaves ``s9``; an instruction
without steps travels as a slot with ``last`` alone.

:data:`LIFETIMES` alone defines the stages in which a field exists; :func:`stage` builds a stage
from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from myhdl import always_comb, always_seq, block, concat

from ...isa.config import Config
from ..lib.bundles import bit, word
from ..lib.field_register import field_register

__all__ = [
    "LAST_STAGE", "LIFETIMES", "SCHEDULE_STAGE", "Lifetime", "Step", "occupancy", "stage",
    "step_entry",
]

SCHEDULE_STAGE = 2
LAST_STAGE = 9  # writes ACC; busy, hazards and the number of stages follow from it


class Step:
    """Control of one step; ``valid``: it computes and writes ``ACC[dst]``."""

    def __init__(self, config: Config) -> None:
        self.valid, self.last = bit(), bit()
        self.gemm = bit()  # else ALU
        self.clear = bit()  # GEMM reset: the result is zero
        self.overwrite = bit()  # GEMM overwrite: the result is the dot product alone
        self.opcode = word(3)  # ALU opcode
        self.use_imm, self.imm = bit(), word(16)
        self.push_prev, self.push_next = bit(), bit()
        self.dst, self.src = word(config.log_acc_depth), word(config.log_acc_depth)
        self.before = word(config.log_acc_depth - 1)  # row before that of dst
        self.pair = bit()  # reads ACC[src] as second operand
        self.long = bit()  # MUL or RQT: operands are read at s2/s3 instead of s5/s6
        self.early = bit()  # ACC[src] is read one stage before ACC[dst]
        self.fresh = bit()  # first step to use newly fetched RQT parameters
        self.mac = bit()  # valid and GEMM: it uses the MAC array
        # accumulator banks it reads (bit 0 even, bit 1 odd tiles), 0 for an empty slot
        self.long_late = word(2)  # at s3, MUL and RQT
        self.short_early, self.short_late = word(2), word(2)  # at s5 and s6, all others


@dataclass(frozen=True)
class Lifetime:
    """Stages in which a field of a step exists.

    Attributes
    ----------
    first : int
        Stage in which it is determined; it is registered into each stage after that.
    last : int
        Last stage that reads it.
    reset : bool
        It is read in empty slots too, so a reset clears it.
    requantize : bool
        Only configurations with RQT have it.
    """

    first: int
    last: int
    reset: bool = False
    requantize: bool = False

    def registered(self, number: int, *, requantize: bool) -> bool:
        """Return whether the register in front of stage ``number`` holds the field."""
        return self.first < number <= self.last and (requantize or not self.requantize)


LIFETIMES: dict[str, Lifetime] = {
    "valid": Lifetime(0, LAST_STAGE, reset=True),
    "last": Lifetime(0, LAST_STAGE, reset=True),
    "gemm": Lifetime(0, LAST_STAGE),
    "clear": Lifetime(0, LAST_STAGE),
    "push_prev": Lifetime(0, LAST_STAGE),
    "push_next": Lifetime(0, LAST_STAGE),
    "use_imm": Lifetime(0, 0),
    "opcode": Lifetime(0, 7),
    "imm": Lifetime(0, 7),  # and RQT's in s8 (execute)
    "overwrite": Lifetime(0, 6),
    "dst": Lifetime(1, LAST_STAGE),
    "long": Lifetime(1, 7),
    "src": Lifetime(1, 6),
    "pair": Lifetime(1, 6),
    "before": Lifetime(2, LAST_STAGE - 1, requantize=True),
    "early": Lifetime(2, 6),
    "fresh": Lifetime(2, 6, requantize=True),
    "short_late": Lifetime(2, 5, reset=True),
    "short_early": Lifetime(2, 4, reset=True),
    "long_late": Lifetime(2, 3, reset=True),
    "mac": Lifetime(3, 3, reset=True),
}
"""Every field of :class:`Step`."""


@block
def stage(
    clock: Any, reset: Any, sink: Step, source: Step, *, number: int, requantize: bool,
    enable: Any = None,
) -> Any:
    """Register the fields that stage ``number`` holds: ``source`` is ``sink`` one cycle later.

    With ``enable`` it holds while that is low.
    """
    return [
        field_register(
            clock, getattr(sink, name), getattr(source, name), enable=enable,
            reset=reset if lifetime.reset else None,
        )
        for name, lifetime in LIFETIMES.items()
        if lifetime.registered(number, requantize=requantize)
    ]


@block
def step_entry(
    clock: Any, reset: Any, sink: Step, source: Step, go: Any, *, requantize: bool
) -> Any:
    """The stage after the one that waits: as :func:`stage`, but empty when ``go`` was low."""
    number = SCHEDULE_STAGE + 1
    both_go = word(2)
    data = [
        field_register(clock, getattr(sink, name), getattr(source, name))
        for name, lifetime in LIFETIMES.items()
        if lifetime.registered(number, requantize=requantize) and not lifetime.reset
    ]

    @always_comb
    def spread():
        both_go.next = concat(go, go)

    @always_seq(clock.posedge, reset)
    def enter():
        source.valid.next = sink.valid and go
        source.last.next = sink.last and go
        source.mac.next = sink.valid and sink.gemm and go
        source.long_late.next = sink.long_late & both_go
        source.short_early.next = sink.short_early & both_go
        source.short_late.next = sink.short_late & both_go

    return data, spread, enter


@block
def occupancy(step: Step, occupied: Any) -> Any:
    """``occupied``: a slot holds a step, or completes an instruction."""

    @always_comb
    def join_marks():
        occupied.next = step.valid or step.last

    return join_marks
