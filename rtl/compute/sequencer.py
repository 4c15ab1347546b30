"""Sequencer (before stage s0): one micro-op step per cycle from two nested loops over micro-ops.

The order is that of vta_isa.md section 4.3: ``iter_out`` outermost, ``iter_in``, then the
micro-ops.  The loop offsets are kept as running sums with one bit above the index width; that bit
is sticky inside a sum, so an index that ran past its scratchpad can never return into range (rule
D14 of docs/device.md).
"""

from __future__ import annotations

from myhdl import Signal, always, always_comb, always_seq, block, modbv

from ...isa.config import Config
from ..lib.bundles import INDEX_BITS, Stream, bit, word
from ..lib.field_register import field_register
from ..lib.pack import bits_of, join, split
from ..lib.skid_buffer import skid_buffer

__all__ = ["StepCommand", "StepOffsets", "sequencer"]


class StepCommand:
    """A GEMM, DWC or ALU instruction (or, without ``stepping``, a completion) to be sequenced.

    ``depthwise``, where that is configured: it is a DWC, with ``row_pitch`` and ``window``.
    """

    def __init__(self, config: Config) -> None:
        acc = config.log_acc_depth
        src = max(acc, config.log_inp_depth)
        self.valid, self.ready = bit(), bit()
        self.stepping = bit()  # at least one step
        self.gemm, self.clear, self.overwrite = bit(), bit(), bit()
        self.opcode, self.use_imm, self.imm = word(3), bit(), word(16)
        self.push_prev, self.push_next = bit(), bit()
        self.index = word(INDEX_BITS)
        self.uop_bgn, self.uop_end = word(config.log_uop_depth), word(config.log_uop_depth + 1)
        self.iter_out, self.iter_in = word(14), word(14)
        self.dst_factor_out, self.dst_factor_in = word(acc), word(acc)
        self.src_factor_out, self.src_factor_in = word(src), word(src)
        self.wgt_factor_out, self.wgt_factor_in = (
            word(config.log_wgt_depth), word(config.log_wgt_depth),
        )
        if config.depthwise:
            self.depthwise = bit()
            self.row_pitch = word(config.log_wgt_depth)
            self.window = word((config.taps - 1).bit_length())


class StepOffsets:
    """Loop offsets of a step; the top bit is set once the sum has left the index range."""

    def __init__(self, config: Config) -> None:
        self.dst = word(config.log_acc_depth + 1)
        self.src = word(max(config.log_acc_depth, config.log_inp_depth) + 1)
        self.wgt = word(config.log_wgt_depth + 1)


@block
def sticky_sum(base, factor, total, *, width):
    """Combinational ``total = base + factor``; bit ``width`` of ``base`` stays set."""
    raw = Signal(modbv(0)[width + 2 :])

    @always_comb
    def add():
        raw.next = base[width:] + factor

    @always_comb
    def saturate():
        total.next = raw[width + 1 :]
        if base[width]:
            total.next[width] = True

    return add, saturate


@block
def sequencer(
    clock, reset, command, advance, uop_read, uop_address, step, offsets, index, busy, *, config
):
    """Run commands back to back: no idle cycle between two that are ready.

    Micro-ops are read when ``uop_read``; their data arrives together with ``step`` (a
    :class:`~myvta.rtl.compute.step.Step`, stage s0), ``offsets``, ``index`` and, with DWC, its
    ``window``, which hold while ``advance`` is low.  The loops themselves stop and resume one cycle
    after ``advance``: a :mod:`.skid_buffer` separates them, whose registers determine whether it is
    ``free``.  While it is, ``command.ready`` is high when idle and in the cycle of a command's last
    step.  The last iteration of each loop is detected one cycle in advance.
    """
    src_width = max(config.log_acc_depth, config.log_inp_depth)
    state = StepCommand(config)  # the command being run
    outer, inner = StepOffsets(config), StepOffsets(config)
    outer_next, inner_next = StepOffsets(config), StepOffsets(config)
    active, final = bit(), bit()
    uop_wraps, in_wraps, out_ends = bit(), bit(), bit()  # last iteration of the three loops
    single_uop, single_in, accepts, takes = bit(), bit(), bit(), bit()
    begins = bit()  # no step of this command is left: the next one's state may be taken
    inner_steps, outer_steps = bit(), bit()
    one_uop = bit()  # the current command has one micro-op
    uop, uop_next = word(config.log_uop_depth), word(config.log_uop_depth)
    last_but_one, second_uop = word(config.log_uop_depth + 1), word(config.log_uop_depth + 1)
    out_left, in_left = word(14), word(14)

    # the current step of the loops on its way to s0: into and out of the skid buffer
    last, stepping, free = bit(), bit(), bit()
    offered_fields = [
        inner.wgt, inner.src, inner.dst, state.index, state.push_next, state.push_prev, state.imm,
        state.use_imm, state.opcode, state.overwrite, state.clear, state.gemm, state.stepping,
        final,
    ]
    shown_fields = [
        offsets.wgt, offsets.src, offsets.dst, index, step.push_next, step.push_prev, step.imm,
        step.use_imm, step.opcode, step.overwrite, step.clear, step.gemm, stepping, last,
    ]
    windows = ("depthwise", "row_pitch", "window") if config.depthwise else ()
    offered_fields += [getattr(state, name) for name in windows]
    shown_fields += [getattr(step, name) for name in windows]
    width = bits_of(offered_fields)
    offered, shown = Stream(width), Stream(width)
    kept_uop = word(config.log_uop_depth)
    register = (
        join(offered_fields, offered.data),
        skid_buffer(clock, reset, offered, shown, width=width),
        split(shown.data, shown_fields),
    )

    sums = []
    for name, width in (
        ("dst", config.log_acc_depth), ("src", src_width), ("wgt", config.log_wgt_depth),
    ):
        sums.append(sticky_sum(
            getattr(outer, name), getattr(state, f"{name}_factor_out"),
            getattr(outer_next, name), width=width,
        ))
        sums.append(sticky_sum(
            getattr(inner, name), getattr(state, f"{name}_factor_in"),
            getattr(inner_next, name), width=width,
        ))

    @always_comb
    def count():
        uop_next.next = uop + 1
        second_uop.next = command.uop_bgn + 1

    @always_comb
    def compare():
        one_uop.next = second_uop == command.uop_end

    @always_comb
    def conclude():
        final.next = not state.stepping or (uop_wraps and in_wraps and out_ends)

    @always_comb
    def offer():
        command.ready.next = offered.ready and (not active or final)
        accepts.next = command.valid and (not active or final)
        offered.valid.next = active
        free.next = offered.ready
        busy.next = active

    @always_comb
    def read():
        shown.ready.next = advance
        uop_read.next = advance or not shown.valid
        uop_address.next = kept_uop
        if offered.ready:
            uop_address.next = uop

    @always_comb
    def mark():
        step.last.next = shown.valid and last
        step.valid.next = shown.valid and stepping

    @always_comb
    def choose():
        # also without a command: few gates separate the loops from their enables
        begins.next = not active or final
        inner_steps.next = not active or not state.stepping or uop_wraps
        outer_steps.next = not active or not state.stepping or (uop_wraps and in_wraps)
        takes.next = free and (not active or final)

    @always_seq(clock.posedge, reset)
    def follow():
        if free:
            active.next = accepts or (active and not final)

    @always(clock.posedge)
    def walk_uops():
        if free:
            kept_uop.next = uop
            if begins:
                uop.next = command.uop_bgn
                uop_wraps.next = one_uop
            elif uop_wraps:
                uop.next = state.uop_bgn
                uop_wraps.next = single_uop
            else:
                uop.next = uop_next
                uop_wraps.next = last_but_one == uop

    @always(clock.posedge)
    def step_inner():
        if free and inner_steps:
            if begins:
                in_left.next = command.iter_in
                in_wraps.next = command.iter_in == 1
                inner.dst.next = 0
                inner.src.next = 0
                inner.wgt.next = 0
            elif in_wraps:
                in_left.next = state.iter_in
                in_wraps.next = single_in
                inner.dst.next = outer_next.dst
                inner.src.next = outer_next.src
                inner.wgt.next = outer_next.wgt
            else:
                in_left.next = in_left - 1
                in_wraps.next = in_left == 2
                inner.dst.next = inner_next.dst
                inner.src.next = inner_next.src
                inner.wgt.next = inner_next.wgt

    @always(clock.posedge)
    def step_outer():
        if free and outer_steps:
            if begins:
                out_left.next = command.iter_out
                out_ends.next = command.iter_out == 1
                outer.dst.next = 0
                outer.src.next = 0
                outer.wgt.next = 0
            else:
                out_left.next = out_left - 1
                out_ends.next = out_left == 2
                outer.dst.next = outer_next.dst
                outer.src.next = outer_next.src
                outer.wgt.next = outer_next.wgt

    @always(clock.posedge)
    def hold():
        if takes:
            single_uop.next = one_uop
            single_in.next = command.iter_in == 1
            state.stepping.next = command.stepping
            state.gemm.next = command.gemm
            state.clear.next = command.clear
            state.overwrite.next = command.overwrite
            state.opcode.next = command.opcode
            state.use_imm.next = command.use_imm
            state.imm.next = command.imm
            state.push_prev.next = command.push_prev
            state.push_next.next = command.push_next
            state.index.next = command.index
            state.uop_bgn.next = command.uop_bgn
            last_but_one.next = command.uop_end - 2  # past all micro-ops if there is one
            state.iter_in.next = command.iter_in
            state.dst_factor_out.next = command.dst_factor_out
            state.dst_factor_in.next = command.dst_factor_in
            state.src_factor_out.next = command.src_factor_out
            state.src_factor_in.next = command.src_factor_in
            state.wgt_factor_out.next = command.wgt_factor_out
            state.wgt_factor_in.next = command.wgt_factor_in

    return (
        [
            field_register(clock, getattr(command, name), getattr(state, name), enable=takes)
            for name in windows
        ],
        sums, register, count, compare, conclude, offer, read, mark, choose, follow,
        walk_uops, step_inner, step_outer, hold,
    )
