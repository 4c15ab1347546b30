"""What travels with a step down the compute pipeline.

Stages are numbered by cycle: ``s0`` the micro-op arrives, ``s1`` the indices are known, ``s2`` the
step is scheduled (the only stage that ever waits), ``s3`` operand tiles arrive, ... ``s8`` execute,
``s9`` write.  A slot with ``last`` completes an instruction when it leaves ``s9``; an instruction
without steps travels as a slot with ``last`` alone.
"""

from __future__ import annotations

from myhdl import always, always_comb, always_seq, block, concat

from ...isa.config import Config
from ...isa.opcodes import AluOpcode
from ..lib.bundles import bit, word

__all__ = [
    "BankUse", "Step", "before_field", "early_use_field", "fresh_field", "immediate_field",
    "late_use_field", "mac_field", "pair_field", "step_entry", "step_register", "step_select",
    "step_write",
]


class BankUse:
    """Accumulator banks (bit 0 even, bit 1 odd tiles) that a step reads, 0 for an empty slot."""

    def __init__(self) -> None:
        self.long_late = word(2)  # at s3, MUL and RQT
        self.short_early, self.short_late = word(2), word(2)  # at s5 and s6, all others


class Step:
    """Control of one step; ``valid`` says that it computes and writes ``ACC[dst]``."""

    def __init__(self, config: Config) -> None:
        self.valid, self.last = bit(), bit()
        self.gemm = bit()  # else ALU
        self.clear = bit()  # GEMM reset: the result is zero
        self.overwrite = bit()  # GEMM overwrite: the result is the dot product alone
        self.opcode = word(3)  # ALU opcode
        self.use_imm, self.imm = bit(), word(16)
        self.push_prev, self.push_next = bit(), bit()
        self.dst, self.src = word(config.log_acc_depth), word(config.log_acc_depth)
        self.before = word(config.log_acc_depth - 1)  # row before that of dst, up to s8
        self.pair = bit()  # reads ACC[src] as second operand
        self.long = bit()  # MUL or RQT: operands are read at s2/s3 instead of s5/s6
        self.early = bit()  # ACC[src] is read one stage before ACC[dst]
        self.fresh = bit()  # first step to use newly fetched RQT parameters
        self.mac = bit()  # valid and GEMM: the MAC array works for it
        self.use = BankUse()


@block
def early_use_field(clock, reset, sink, source):
    """Register the banks a short step reads early, needed up to s4."""

    @always_seq(clock.posedge, reset)
    def copy():
        source.use.short_early.next = sink.use.short_early

    return copy


@block
def late_use_field(clock, reset, sink, source):
    """Register the banks a short step reads late, needed up to s5."""

    @always_seq(clock.posedge, reset)
    def copy():
        source.use.short_late.next = sink.use.short_late

    return copy


@block
def mac_field(clock, reset, sink, source):
    """Register whether the MAC array has work, needed up to s6."""

    @always_seq(clock.posedge, reset)
    def copy():
        source.mac.next = sink.mac

    return copy


@block
def write_fields(clock, sink, source):
    """Register what the write stage needs of a step."""

    @always(clock.posedge)
    def copy():
        source.gemm.next = sink.gemm
        source.clear.next = sink.clear
        source.push_prev.next = sink.push_prev
        source.push_next.next = sink.push_next
        source.dst.next = sink.dst

    return copy


@block
def place_fields(clock, sink, source):
    """Register what a step needs up to s6, where it is found out where its operands come from."""

    @always(clock.posedge)
    def copy():
        source.overwrite.next = sink.overwrite
        source.src.next = sink.src
        source.early.next = sink.early

    return copy


@block
def operand_fields(clock, sink, source):
    """Register what a step needs up to s7, where its operands are selected."""

    @always(clock.posedge)
    def copy():
        source.imm.next = sink.imm
        source.long.next = sink.long

    return copy


@block
def opcode_field(clock, sink, source):
    """Register what to do with the operands, needed up to s7."""

    @always(clock.posedge)
    def copy():
        source.opcode.next = sink.opcode

    return copy


@block
def immediate_field(clock, sink, source):
    """Register RQT's immediate from s7 to s8; zero for all other operations."""

    @always(clock.posedge)
    def copy():
        source.imm.next = 0
        if sink.long and sink.opcode == AluOpcode.RQT:
            source.imm.next = sink.imm

    return copy


@block
def pair_field(clock, sink, source):
    """Register whether a step reads two tiles, needed up to s6."""

    @always(clock.posedge)
    def copy():
        source.pair.next = sink.pair

    return copy


@block
def before_field(clock, sink, source):
    """Register the row before that of ``ACC[dst]``, which :mod:`.hazards` looks at up to s8."""

    @always(clock.posedge)
    def copy():
        source.before.next = sink.before

    return copy


@block
def fresh_field(clock, sink, source):
    """Register the mark of new RQT parameters, needed up to s6."""

    @always(clock.posedge)
    def copy():
        source.fresh.next = sink.fresh

    return copy


@block
def step_write(clock, reset, sink, source):
    """A stage behind the operands: ``source`` is ``sink`` one cycle later, without them."""

    @always_seq(clock.posedge, reset)
    def advance():
        source.valid.next = sink.valid
        source.last.next = sink.last

    return advance, write_fields(clock, sink, source)


@block
def step_select(clock, reset, sink, source):
    """The stage that selects operands: ``source`` is ``sink`` one cycle later, they are placed."""
    return (
        step_write(clock, reset, sink, source), operand_fields(clock, sink, source),
        opcode_field(clock, sink, source),
    )


@block
def step_register(clock, reset, sink, source):
    """One pipeline stage: ``source`` is ``sink`` one cycle later."""
    return step_select(clock, reset, sink, source), place_fields(clock, sink, source)


@block
def step_entry(clock, reset, sink, source, go):
    """The stage behind one that may wait: as :func:`step_register`, empty when ``go`` was low."""

    both_go = word(2)

    @always_comb
    def spread():
        both_go.next = concat(go, go)

    @always_seq(clock.posedge, reset)
    def enter():
        source.valid.next = sink.valid and go
        source.last.next = sink.last and go
        source.mac.next = sink.valid and sink.gemm and go
        source.use.long_late.next = sink.use.long_late & both_go
        source.use.short_early.next = sink.use.short_early & both_go
        source.use.short_late.next = sink.use.short_late & both_go

    return (
        spread, enter, write_fields(clock, sink, source), place_fields(clock, sink, source),
        operand_fields(clock, sink, source), opcode_field(clock, sink, source),
    )
