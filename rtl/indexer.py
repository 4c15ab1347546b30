"""Indexer (stage s1 to s2): micro-op fields plus loop offsets give the tile indices of a step.

Every index is computed without wrapping; one that is not inside its scratchpad sets
``out_of_range`` (D14), counting only the operands that the step really uses: a GEMM reset its
destination, an ALU step with immediate its destination, RQT all three parameter tiles.
"""

from __future__ import annotations

from myhdl import always_comb, always_seq, block

from ..isa.config import Config
from ..isa.fields import uop_layout
from ..isa.opcodes import AluOpcode
from .bundles import INDEX_BITS, bit, word

__all__ = ["StepIndices", "indexer", "parameter_indices"]


class StepIndices:
    """Indices of the step in s2 beyond those of :class:`~myvta.rtl.step.Step`."""

    def __init__(self, config: Config) -> None:
        self.inp = word(config.log_inp_depth)
        self.wgt = word(config.log_wgt_depth)
        self.multiplier, self.shift = word(config.log_acc_depth), word(config.log_acc_depth)
        self.rqt = bit()  # the step is an RQT: ACC[src], [multiplier], [shift] are parameters
        self.out_of_range = bit()
        self.index = word(INDEX_BITS)


@block
def indexer(clock, reset, advance, uop, s1, offsets, s1_index, s2, indices, *, config):
    """Register the indices of the step in s1 into ``s2`` and ``indices`` when ``advance``."""
    acc, inp, wgt = config.log_acc_depth, config.log_inp_depth, config.log_wgt_depth
    src = max(acc, inp)
    fields = uop_layout(config)
    dst_lo, dst_hi = fields["dst"].lo, fields["dst"].hi
    src_lo, src_hi = fields["src"].lo, fields["src"].hi
    wgt_lo, wgt_hi = fields["wgt"].lo, fields["wgt"].hi
    acc_depth, inp_depth, wgt_depth = 1 << acc, 1 << inp, 1 << wgt
    parameters_end = acc_depth - 2  # first s whose third parameter tile does not exist
    dst_sum, src_sum, wgt_sum = word(acc + 2), word(src + 2), word(wgt + 2)
    multiplies, rqt, pair = bit(), bit(), bit()
    dst_past, src_past, wgt_past = bit(), bit(), bit()

    @always_comb
    def add():
        dst_sum.next = uop[dst_hi:dst_lo] + offsets.dst
        src_sum.next = uop[src_hi:src_lo] + offsets.src
        wgt_sum.next = uop[wgt_hi:wgt_lo] + offsets.wgt

    @always_comb
    def classify():
        multiplies.next = s1.gemm and not s1.clear
        rqt.next = not s1.gemm and s1.opcode == AluOpcode.RQT
        pair.next = not s1.gemm and not s1.use_imm

    @always_comb
    def check():
        dst_past.next = dst_sum >= acc_depth
        wgt_past.next = multiplies and wgt_sum >= wgt_depth
        src_past.next = False
        if multiplies:
            src_past.next = src_sum >= inp_depth
        elif rqt:
            src_past.next = src_sum >= parameters_end
        elif pair:
            src_past.next = src_sum >= acc_depth

    @always_seq(clock.posedge, reset)
    def register_indices():
        if advance:
            s2.valid.next = s1.valid
            s2.last.next = s1.last
            s2.gemm.next = s1.gemm
            s2.clear.next = s1.clear
            s2.overwrite.next = s1.overwrite
            s2.opcode.next = s1.opcode
            s2.use_imm.next = s1.use_imm
            s2.imm.next = s1.imm
            s2.push_prev.next = s1.push_prev
            s2.push_next.next = s1.push_next
            s2.dst.next = dst_sum[acc:]
            s2.src.next = src_sum[acc:]
            s2.pair.next = pair
            s2.long.next = rqt or (not s1.gemm and s1.opcode == AluOpcode.MUL)
            indices.inp.next = src_sum[inp:]
            indices.wgt.next = wgt_sum[wgt:]
            indices.out_of_range.next = s1.valid and (dst_past or src_past or wgt_past)
            indices.index.next = s1_index

    return add, classify, check, register_indices


@block
def parameter_indices(clock, reset, advance, s1, offsets, uop, indices, *, config):
    """Register where the second and third parameter tile of an RQT lie, beside :func:`indexer`."""
    acc = config.log_acc_depth
    field = uop_layout(config)["src"]
    lo, hi = field.lo, field.lo + acc
    base = word(acc)

    @always_comb
    def add():
        base.next = uop[hi:lo] + offsets.src[acc:]

    @always_seq(clock.posedge, reset)
    def register_parameters():
        if advance:
            indices.rqt.next = not s1.gemm and s1.opcode == AluOpcode.RQT
            indices.multiplier.next = base + 1
            indices.shift.next = base + 2

    return add, register_parameters
