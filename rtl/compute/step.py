"""A step and the stages it passes in the compute pipeline: which field exists in which stage.

Stages have the names and numbers of :class:`.stages.Stages`.  A slot with ``last`` completes an
instruction when it leaves the last one; an instruction without steps travels as a slot with
``last`` alone.

:func:`lifetimes` alone defines the stages in which a field exists; :func:`stage` builds a stage
from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from myhdl import always_comb, always_seq, block, concat

from ...isa.config import Config
from ..lib.bundles import bit, word
from ..lib.field_register import fields_register
from .stages import Stages

__all__ = ["Lifetime", "Step", "lifetimes", "occupancy", "stage", "step_entry"]


class Step:
    """Control of one step; ``valid``: it computes and writes ``ACC[dst]``."""

    def __init__(self, config: Config) -> None:
        self.valid, self.last = bit(), bit()
        self.gemm = bit()  # GEMM or DWC, else ALU
        self.clear = bit()  # GEMM reset: the result is zero
        self.overwrite = bit()  # GEMM overwrite: the result is the dot product alone
        self.opcode = word(3)  # ALU opcode
        self.use_imm, self.imm = bit(), word(16)
        self.push_prev, self.push_next = bit(), bit()
        self.dst, self.src = word(config.log_acc_depth), word(config.log_acc_depth)
        self.before = word(config.log_acc_depth - 1)  # row before that of dst
        self.wgt = word(config.log_wgt_depth)
        if config.depthwise:
            self.depthwise = bit()  # DWC
            self.row_pitch = word(config.log_wgt_depth)
            self.window = word((config.taps - 1).bit_length())  # code of rows and columns
        else:
            self.inp = word(config.log_inp_depth)
        self.skips_dst = bit()  # ALU operation that does not read ACC[dst]: RED
        self.pair = bit()  # reads ACC[src] as second operand
        self.late = bit()  # ACC[src] is in the bank of ACC[dst], or RED's: read one stage later
        self.mac, self.alu = bit(), bit()  # valid and GEMM; valid and ALU
        self.chained = bit()  # GEMM that adds to the result of the step just before it
        self.reads = word(2)  # bank in which any other GEMM reads ACC[dst]: bit 0 even, bit 1 odd


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
    """

    first: int
    last: int
    reset: bool = False

    def registered(self, number: int) -> bool:
        """Return whether the register in front of stage ``number`` holds the field."""
        return self.first < number <= self.last


def lifetimes(config: Config) -> dict[str, Lifetime]:
    """Return the lifetime of every field of :class:`Step` that a configuration has."""
    at, rqt, reduce = Stages.of(config), config.requantize, config.reduce
    fields = {
        "valid": Lifetime(at.uop, at.write, reset=True),
        "last": Lifetime(at.uop, at.write, reset=True),
        "gemm": Lifetime(at.uop, at.write),
        "clear": Lifetime(at.uop, at.write),
        "push_prev": Lifetime(at.uop, at.write),
        "push_next": Lifetime(at.uop, at.write),
        "use_imm": Lifetime(at.uop, at.index),
        "overwrite": Lifetime(at.uop, at.check),
        "opcode": Lifetime(at.uop, at.product - 1 if rqt or reduce else at.operand),
        "imm": Lifetime(at.uop, at.round if rqt else at.operand if reduce else at.capture),
        "dst": Lifetime(at.check, at.write),
        "src": Lifetime(at.check, at.align if reduce else at.schedule),
        "skips_dst": Lifetime(at.check, at.check),
        "pair": Lifetime(at.check, at.capture),
        "late": Lifetime(at.schedule, at.align),
        "wgt": Lifetime(at.schedule, at.read),
        "mac": Lifetime(at.schedule, at.dot, reset=True),
        "alu": Lifetime(at.schedule, at.round, reset=True),
        "chained": Lifetime(at.schedule, at.add, reset=True),
        "reads": Lifetime(at.schedule, at.accumulate, reset=True),
    }
    if config.depthwise:
        fields["depthwise"] = Lifetime(at.uop, at.write)
        fields["row_pitch"] = fields["window"] = Lifetime(at.uop, at.index)
    else:  # with DWC, window_schedule keeps the index
        fields["inp"] = Lifetime(at.schedule, at.read)
    if rqt:
        fields["before"] = Lifetime(at.schedule, at.write - 1)
    return fields


def _fields(number: int, config: Config, *, reset: bool) -> list[str]:
    """Return the names of the fields that stage ``number`` holds with, or without, a reset."""
    return [name for name, lifetime in lifetimes(config).items()
            if lifetime.registered(number) and lifetime.reset == reset]


def _select(step: Step, names: list[str]) -> list[Any]:
    return [getattr(step, name) for name in names]


@block
def data_register(
    clock: Any, sink: Step, source: Step, number: int, config: Config, enable: Any = None
) -> Any:
    """Register the fields that nothing reads in an empty slot."""
    names = _fields(number, config, reset=False)
    return fields_register(clock, _select(sink, names), _select(source, names), enable=enable)


@block
def stage(
    clock: Any, reset: Any, sink: Step, source: Step, *, number: int, config: Config,
    enable: Any = None,
) -> Any:
    """Register the fields that stage ``number`` holds: ``source`` is ``sink`` one cycle later.

    With ``enable`` it holds while that is low.
    """
    cleared = _fields(number, config, reset=True)
    return (
        fields_register(
            clock, _select(sink, cleared), _select(source, cleared), reset=reset, enable=enable,
        ),
        data_register(clock, sink, source, number, config, enable),
    )


@block
def step_entry(
    clock: Any, reset: Any, sink: Step, source: Step, go: Any, *, config: Config
) -> Any:
    """The stage after ``schedule``: as :func:`stage`, but empty when ``go`` was low."""
    number, both_go = Stages.arrive, word(2)
    data = data_register(clock, sink, source, number, config)

    @always_comb
    def spread():
        both_go.next = concat(go, go)

    @always_seq(clock.posedge, reset)
    def enter():
        source.valid.next = sink.valid and go
        source.last.next = sink.last and go
        source.mac.next = sink.mac and go
        source.alu.next = sink.alu and go
        source.chained.next = sink.chained and go
        source.reads.next = sink.reads & both_go

    return data, spread, enter


@block
def occupancy(step: Step, occupied: Any) -> Any:
    """``occupied``: a slot holds a step, or completes an instruction."""

    @always_comb
    def join_marks():
        occupied.next = step.valid or step.last

    return join_marks
