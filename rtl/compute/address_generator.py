"""Indices of a step (stages s0 to s2): micro-op fields plus loop offsets, with range checks.

The sums are registered into s1 with all their bits; s1 checks them and passes on the indices.
Indices never wrap; one outside its scratchpad sets ``out_of_range`` (rule D14).  Only operands that
the step uses are checked: the destination alone of a GEMM reset and of an ALU step with an
immediate; the destination and all three parameter tiles of RQT.
"""

from __future__ import annotations

from typing import Any

from myhdl import always, always_comb, always_seq, block

from ...isa.alu_operations import ALU_OPERATIONS
from ...isa.config import Config
from ...isa.fields import uop_layout
from ...isa.opcodes import AluOpcode
from ..lib.bundles import INDEX_BITS, bit, word
from .sequencer import StepOffsets
from .step import Step, stage

__all__ = ["StepIndices", "StepSums", "check_indices", "address_generator"]


class StepSums:
    """Sums of the step in s1, two bits wider than an index, and the kind of step."""

    def __init__(self, config: Config) -> None:
        self.dst = word(config.log_acc_depth + 2)
        self.src = word(max(config.log_acc_depth, config.log_inp_depth) + 2)
        self.wgt = word(config.log_wgt_depth + 2)
        self.multiplies, self.rqt = bit(), bit()
        self.index = word(INDEX_BITS)


class StepIndices:
    """Indices of the step in s2 beyond those of :class:`~myvta.rtl.compute.step.Step`."""

    def __init__(self, config: Config) -> None:
        self.inp = word(config.log_inp_depth)
        self.wgt = word(config.log_wgt_depth)
        self.after = word(config.log_acc_depth - 1)  # row (in both banks) after that of src
        self.rqt = bit()  # an RQT, whose parameters are ACC[src], [src + 1] and [src + 2]
        self.out_of_range = bit()
        self.index = word(INDEX_BITS)


@block
def address_generator(
    clock: Any, reset: Any, advance: Any, uop: Any, s0: Step, offsets: StepOffsets, s0_index: Any,
    s1: Step, sums: StepSums, *, config: Config,
) -> Any:
    """Register the step in s0 into ``s1`` and ``sums`` when ``advance``."""
    acc = config.log_acc_depth
    layout = uop_layout(config)
    dst_lo, dst_hi = layout["dst"].lo, layout["dst"].hi
    src_lo, src_hi = layout["src"].lo, layout["src"].hi
    wgt_lo, wgt_hi = layout["wgt"].lo, layout["wgt"].hi
    long_of = tuple(
        int(code in ALU_OPERATIONS and ALU_OPERATIONS[code].long) for code in range(1 << 3)
    )
    long_alu = word(1)  # the opcode's operation goes through the multipliers
    dst_sum, src_sum, wgt_sum = word(len(sums.dst)), word(len(sums.src)), word(len(sums.wgt))

    @always_comb
    def look_up_latency() -> None:
        long_alu.next = long_of[s0.opcode]

    @always_comb
    def add() -> None:
        dst_sum.next = uop[dst_hi:dst_lo] + offsets.dst
        src_sum.next = uop[src_hi:src_lo] + offsets.src
        wgt_sum.next = uop[wgt_hi:wgt_lo] + offsets.wgt

    @always(clock.posedge)
    def register_sums() -> None:
        if advance:
            sums.dst.next = dst_sum
            sums.src.next = src_sum
            sums.wgt.next = wgt_sum
            sums.multiplies.next = s0.gemm and not s0.clear
            sums.rqt.next = not s0.gemm and s0.opcode == AluOpcode.RQT
            sums.index.next = s0_index
            s1.dst.next = dst_sum[acc:]
            s1.src.next = src_sum[acc:]
            s1.pair.next = not s0.gemm and not s0.use_imm
            s1.long.next = not s0.gemm and long_alu == 1

    fields = stage(
        clock, reset, s0, s1, number=1, enable=advance, requantize=config.requantize,
    )
    return fields, look_up_latency, add, register_sums


@block
def check_indices(
    clock: Any, reset: Any, advance: Any, s1: Step, sums: StepSums, s2: Step,
    indices: StepIndices, *, config: Config,
) -> Any:
    """Register the step in s1 into ``s2`` and ``indices`` when ``advance``."""
    acc, inp, wgt = config.log_acc_depth, config.log_inp_depth, config.log_wgt_depth
    acc_depth, inp_depth, wgt_depth = 1 << acc, 1 << inp, 1 << wgt
    parameters_end = acc_depth - 2  # first s whose third parameter tile does not exist
    dst_past, src_past, wgt_past = bit(), bit(), bit()

    @always_comb
    def check() -> None:
        dst_past.next = sums.dst >= acc_depth
        wgt_past.next = sums.multiplies and sums.wgt >= wgt_depth
        src_past.next = False
        if sums.multiplies:
            src_past.next = sums.src >= inp_depth
        elif sums.rqt:
            src_past.next = sums.src >= parameters_end
        elif s1.pair:
            src_past.next = sums.src >= acc_depth

    @always_seq(clock.posedge, reset)
    def mark() -> None:
        if advance:
            indices.out_of_range.next = s1.valid and (dst_past or src_past or wgt_past)

    @always(clock.posedge)
    def register_indices() -> None:
        if advance:
            indices.inp.next = sums.src[inp:]
            indices.wgt.next = sums.wgt[wgt:]
            indices.index.next = sums.index

    fields = stage(
        clock, reset, s1, s2, number=2, enable=advance, requantize=config.requantize,
    )
    nodes = fields, check, mark, register_indices
    if not config.requantize:
        return nodes

    @always_seq(clock.posedge, reset)
    def mark_rqt() -> None:
        if advance:
            indices.rqt.next = s1.valid and sums.rqt

    @always(clock.posedge)
    def register_parameters() -> None:
        if advance:
            indices.after.next = s1.src[acc:1] + 1
            s2.before.next = s1.dst[acc:1] - 1

    return nodes, mark_rqt, register_parameters
