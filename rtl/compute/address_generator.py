"""Indices of a step (up to ``schedule``): micro-op fields plus loop offsets, with range checks.

The micro-op is registered as it arrives.  The sums are registered with all their bits and checked
in the next stage, which passes on the indices.
Indices never wrap; one outside its scratchpad sets ``out_of_range`` (rule D14).  Only operands that
the step uses are checked: all tiles of a window; the destination alone of a GEMM reset and of an
ALU step with an immediate; the destination and all three parameter tiles of RQT.
"""

from __future__ import annotations

from typing import Any

from myhdl import always, always_comb, always_seq, block

from ...isa.config import Config
from ...isa.fields import uop_layout
from ...isa.opcodes import AluOpcode
from ..lib.bundles import INDEX_BITS, bit, word
from .sequencer import StepOffsets
from .stages import Stages
from .step import Step, stage
from .window_shape import WindowSums

__all__ = ["StepIndices", "StepSums", "check_indices", "address_generator"]


class StepSums:
    """Sums of the step in ``check``, two bits wider than an index, and the kind of step."""

    def __init__(self, config: Config) -> None:
        self.dst = word(config.log_acc_depth + 2)
        self.src = word(max(config.log_acc_depth, config.log_inp_depth) + 2)
        self.wgt = word(config.log_wgt_depth + 2)
        self.multiplies, self.rqt = bit(), bit()
        self.index = word(INDEX_BITS)


class StepIndices:
    """State of the step in ``schedule`` beyond :class:`~myvta.rtl.compute.step.Step`."""

    def __init__(self, config: Config) -> None:
        self.after = word(config.log_acc_depth - 1)  # row (in both banks) after that of src
        self.rqt = bit()  # an RQT, whose parameters are ACC[src], [src + 1] and [src + 2]
        self.out_of_range = bit()
        self.index = word(INDEX_BITS)


@block
def address_generator(
    clock: Any, reset: Any, advance: Any, uop: Any, s: list[Step], offsets: StepOffsets,
    uop_index: Any, sums: StepSums, *, config: Config,
) -> Any:
    """Register a step from ``uop`` into ``index``, then into ``check``, when ``advance``.

    ``uop``: the word that arrives; ``uop_index``: the position of its instruction.
    """
    at, acc = Stages.of(config), config.log_acc_depth
    arriving, adding, checked = s[at.uop], s[at.index], s[at.check]
    layout = uop_layout(config)
    dst_lo, dst_hi = layout["dst"].lo, layout["dst"].hi
    src_lo, src_hi = layout["src"].lo, layout["src"].hi
    wgt_lo, wgt_hi = layout["wgt"].lo, layout["wgt"].hi
    used = max(field.hi for field in layout.values())
    fields, base, index = word(used), StepOffsets(config), word(INDEX_BITS)
    dst_sum, src_sum, wgt_sum = word(len(sums.dst)), word(len(sums.src)), word(len(sums.wgt))

    @always(clock.posedge)
    def register_uop() -> None:
        if advance:
            fields.next = uop[used:]
            base.dst.next = offsets.dst
            base.src.next = offsets.src
            base.wgt.next = offsets.wgt
            index.next = uop_index

    @always_comb
    def add() -> None:
        dst_sum.next = fields[dst_hi:dst_lo] + base.dst
        src_sum.next = fields[src_hi:src_lo] + base.src
        wgt_sum.next = fields[wgt_hi:wgt_lo] + base.wgt

    @always(clock.posedge)
    def register_sums() -> None:
        if advance:
            sums.dst.next = dst_sum
            sums.src.next = src_sum
            sums.wgt.next = wgt_sum
            sums.multiplies.next = adding.gemm and not adding.clear
            sums.rqt.next = not adding.gemm and adding.opcode == AluOpcode.RQT
            sums.index.next = index
            checked.dst.next = dst_sum[acc:]
            checked.src.next = src_sum[acc:]
            checked.pair.next = not adding.gemm and not adding.use_imm

    if config.reduce:
        @always(clock.posedge)
        def register_kind() -> None:
            if advance:
                checked.skips_dst.next = not adding.gemm and adding.opcode == AluOpcode.RED
    else:
        @always(clock.posedge)
        def register_kind() -> None:
            checked.skips_dst.next = False

    stages = (
        stage(clock, reset, arriving, adding, number=at.index, enable=advance, config=config),
        stage(clock, reset, adding, checked, number=at.check, enable=advance, config=config),
    )
    return stages, register_uop, add, register_sums, register_kind


@block
def check_indices(
    clock: Any, reset: Any, advance: Any, s: list[Step], sums: StepSums, indices: StepIndices, *,
    config: Config, window: WindowSums | None = None,
) -> Any:
    """Register the step in ``check`` into ``schedule`` and ``indices`` when ``advance``.

    With the ``window`` of DWC, :mod:`.window_schedule` keeps the index of INP instead.
    """
    at = Stages.of(config)
    checked, waiting = s[at.check], s[at.schedule]
    acc, inp, wgt = config.log_acc_depth, config.log_inp_depth, config.log_wgt_depth
    acc_depth, inp_depth, wgt_depth = 1 << acc, 1 << inp, 1 << wgt
    last_row = (1 << (acc - 1)) - 1  # src there: the third parameter tile does not exist
    dst_past, src_past, wgt_past = bit(), bit(), bit()
    inp_end = sums.src  # the last INP tile that the step reads
    if window is None:

        @always(clock.posedge)
        def register_inp() -> None:
            if advance:
                waiting.inp.next = sums.src[inp:]

        inputs = register_inp
    else:
        inp_end = word(max(len(sums.src), len(window.reach)) + 1)
        inputs = window_end(sums, window, inp_end)

    @always_comb
    def check() -> None:
        dst_past.next = sums.dst >= acc_depth
        wgt_past.next = sums.multiplies and sums.wgt >= wgt_depth
        src_past.next = False
        if sums.multiplies:
            src_past.next = inp_end >= inp_depth
        elif sums.rqt:
            src_past.next = sums.src >= acc_depth or sums.src[acc:1] == last_row
        elif checked.pair:
            src_past.next = sums.src >= acc_depth

    @always_seq(clock.posedge, reset)
    def mark() -> None:
        if advance:
            indices.out_of_range.next = checked.valid and (dst_past or src_past or wgt_past)
            waiting.mac.next = checked.valid and checked.gemm
            waiting.alu.next = checked.valid and not checked.gemm

    @always(clock.posedge)
    def register_indices() -> None:
        if advance:
            waiting.wgt.next = sums.wgt[wgt:]
            indices.index.next = sums.index

    fields = stage(
        clock, reset, checked, waiting, number=at.schedule, enable=advance, config=config,
    )
    nodes = fields, inputs, check, mark, register_indices
    if not config.requantize:
        return nodes

    @always_seq(clock.posedge, reset)
    def mark_rqt() -> None:
        if advance:
            indices.rqt.next = checked.valid and sums.rqt

    @always(clock.posedge)
    def register_parameters() -> None:
        if advance:
            indices.after.next = checked.src[acc:1] + 1
            waiting.before.next = checked.dst[acc:1] - 1

    return nodes, mark_rqt, register_parameters


@block
def window_end(sums: StepSums, window: WindowSums, end: Any) -> Any:
    """``end``: the last INP tile of a window."""

    @always_comb
    def add() -> None:
        end.next = sums.src + window.reach

    return add
