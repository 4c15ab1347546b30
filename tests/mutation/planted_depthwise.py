"""Planted bugs of DWC: banks of INP, columns kept and read, taps, counters."""

from __future__ import annotations

from planted import Planted

__all__ = ["TABLE"]

TABLE = (
    Planted(
        "columns kept from one instruction to the next", "depthwise", "compute/window_schedule.py",
        "checked.valid and checked.depthwise and not checked.last",
        "checked.valid and checked.depthwise", "rtl/compute/window_schedule device/depthwise",
    ),
    Planted(
        "a jump just past the window taken for a shift", "depthwise", "compute/window_schedule.py",
        "within and distance <= width", "within and distance <= width + 1",
        "rtl/compute/window_schedule",
    ),
    Planted(
        "a step that waits for a hazard reads its last column again", "depthwise",
        "compute/window_schedule.py", "            left_after.next = left - 1\n", "",
        "rtl/compute/window_operands",
    ),
    Planted(
        "rows in the same bank read together", "depthwise", "compute/window_shape.py",
        "if (row * pitch) % BANKS not in", "if row not in", "rtl/compute/window_shape",
    ),
    Planted(
        "third row a pitch from the first", "depthwise", "compute/window_shape.py",
        "twice.next = once << 1", "twice.next = once", "rtl/compute/window_shape",
    ),
    Planted(
        "taps right of the window keep their values", "depthwise", "compute/window_schedule.py",
        "if row >= rows or at >= columns", "if row >= rows", "rtl/compute/window_operands",
    ),
    Planted(
        "taps below the window keep their values", "depthwise", "compute/window_reads.py",
        "int(reads_of[-1] or number >= count)", "reads_of[-1]", "rtl/compute/window_operands",
    ),
    Planted(
        "both lanes of a pair see the first one's inputs", "depthwise",
        "compute/window_operands.py", "(first + group * sharing + half) * width",
        "(first + group * sharing) * width", "rtl/compute/window_operands",
    ),
    Planted(
        "columns of the last row past INP allowed", "depthwise", "compute/window_shape.py",
        "low_reach.next = pitch + adding.window[rows_lo:]", "low_reach.next = pitch",
        "rtl/compute/window_shape",
    ),
    Planted(
        "a window in place of the factors of the weight index", "depthwise",
        "compute/array_fields.py",
        "        command.wgt_factor_in.next = 0\n"
        "        if entry[f_opcode.hi:f_opcode.lo] == Opcode.GEMM:",
        "        command.wgt_factor_in.next = 0\n"
        "        if entry[f_opcode.hi:f_opcode.lo] != Opcode.ALU:", "rtl/compute/array_fields",
    ),
    Planted(
        "a DWC that waited does not read the bank", "depthwise", "compute/bank_needs.py",
        "        elif may_wait == 1 and waiting.chained:\n            waiting.reads.next = 1\n"
        "            if waiting.dst[0]:\n                waiting.reads.next = 2\n", "",
        "rtl/compute/bank_needs rtl/compute/step_pipeline",
    ),
    Planted(
        "DWC steps counted as GEMM steps", "depthwise", "compute/step_events.py",
        " and not step.depthwise", "", "rtl/compute/step_events",
    ),
    Planted(
        "elements dealt to the word of the bank before", "depthwise", "load/scratchpad_window.py",
        "bank_write.index.next = write.index[:BANK_BITS] + 1",
        "bank_write.index.next = write.index[:BANK_BITS]", "rtl/load/scratchpad_window",
    ),
    Planted(
        "a pad zeroes the word in every bank", "depthwise", "load/scratchpad_window.py",
        "pad.valid and pad.index[BANK_BITS:] == number", "pad.valid", "rtl/load/scratchpad_window",
    ),
    Planted(
        "GEMM multiplies the first batch row alone", "depthwise", "compute/window_operands.py",
        "tile_lo=(first + position) * width", "tile_lo=position * width",
        "rtl/compute/window_operands",
    ),
    Planted(
        "fourth bank never selected", "depthwise", "compute/window_operands.py",
        "        elif row.bank == 3:\n"
        "            tile.next = fourth",
        "        elif row.bank == 3:\n"
        "            tile.next = third",
        "rtl/compute/window_operands",
    ),
    Planted(
        "columns kept are those read", "depthwise", "compute/window_operands.py",
        "tap.next = following", "tap.next = tile[lane_hi:lane_lo]", "rtl/compute/window_operands",
    ),
    Planted(
        "every column of a window is its first", "depthwise", "compute/window_reads.py",
        "row.index.next = row.index + 1", "row.index.next = row.index + 0",
        "rtl/compute/window_operands",
    ),
    Planted(
        "bank of a tile from the wrong bits", "depthwise", "compute/window_reads.py",
        "control.bank.next = row.index[BANK_BITS:]",
        "control.bank.next = row.index[BANK_BITS + 1:1]", "rtl/compute/window_operands",
    ),
    Planted(
        "a row that is not read has the bank", "depthwise", "compute/window_reads.py",
        "hit.next = row.valid and row.index[BANK_BITS:] == number",
        "hit.next = row.index[BANK_BITS:] == number", "rtl/compute/window_operands",
    ),
    Planted(
        "last column of a window not read", "depthwise", "compute/window_schedule.py",
        "width.next = window.code[rows_lo:] + 1", "width.next = window.code[rows_lo:]",
        "rtl/compute/window_operands",
    ),
    Planted(
        "a step that follows starts at its first column", "depthwise", "compute/window_schedule.py",
        "restarts.next = advance and checked.valid and not follows",
        "restarts.next = advance and checked.valid", "rtl/compute/window_operands",
    ),
    Planted(
        "second column read without its first rows", "depthwise", "compute/window_schedule.py",
        "            part_after.next = 0\n", "            part_after.next = column.part\n",
        "rtl/compute/window_operands",
    ),
    Planted(
        "taps of DWC loaded as those of GEMM", "depthwise", "compute/window_schedule.py",
        "        if column.loads:\n", "        if column.reads:\n", "rtl/compute/window_operands",
    ),
    Planted(
        "fourth row two pitches from the first", "depthwise", "compute/window_shape.py",
        "thrice.next = (once << 1) + once", "thrice.next = (once << 1)", "rtl/compute/window_shape",
    ),
    Planted(
        "parts of a column from half the pitch", "depthwise", "compute/window_shape.py",
        "adding.row_pitch[BANK_BITS:]", "adding.row_pitch[BANK_BITS + 1:1]",
        "rtl/compute/window_shape",
    ),
    Planted(
        "four rows reach as far as three", "depthwise", "compute/window_shape.py",
        "reach.next = low_reach + (pitch << 1)", "reach.next = low_reach + pitch",
        "rtl/compute/window_shape",
    ),
    Planted(
        "DWC_STEPS counts steps of GEMM", "depthwise", "host/counters.py",
        "(events.dwc_step, results.dwc_steps)", "(events.gemm_step, results.dwc_steps)",
        "rtl/host/counters device/depthwise",
    ),
)
