"""Planted bugs of results forwarded to INP and WGT, and of 4-bit weights."""

from __future__ import annotations

from planted import Planted

__all__ = ["TABLE"]

TABLE = (
    # -- the store engine ------------------------------------------------------------------------
    Planted(
        "a forward overtakes the store before it", "forward", "store/forward_writes.py",
        "flight.busy and not flight.moving and not flight.held",
        "flight.busy and not flight.moving", "rtl/store/forward_writes rtl/store/store_forward",
    ),
    Planted(
        "a forward ends before its last tile is written", "forward", "store/forward_writes.py",
        "written.next = present and forward.ready and last", "written.next = present and last",
        "rtl/store/forward_writes",
    ),
    Planted(
        "rows of a forward without the stride", "forward", "store/forward_writes.py",
        "next_row.next = next_row + stride", "next_row.next = next_row",
        "rtl/store/forward_writes",
    ),
    Planted(
        "a result is lost where the scratchpad makes it wait", "forward",
        "store/forward_writes.py", "free.next = forward.ready or not present",
        "free.next = True or forward.ready or not present", "rtl/store/forward_writes",
    ),
    Planted(
        "a STORE starts during a forward", "forward", "store/store.py",
        "may_read.next = not reading and not flight.busy", "may_read.next = not reading",
        "rtl/store/store_forward",
    ),
    Planted(
        "forwards count as OUT written to memory", "forward", "store/tile_reads.py",
        "row_read.next = do_read and (left == 1) and not forwarding",
        "row_read.next = do_read and (left == 1)", "rtl/store/store_forward",
    ),
    Planted(
        "the last row of a forward is not checked", "forward", "store/forward_checks.py",
        "too_long or room[33] or (reach > room)", "too_long or room[33]",
        "rtl/store/forward_checks",
    ),
    Planted(
        "a far forward wraps around in the check", "forward", "store/forward_checks.py",
        "too_long or room[33] or (reach > room)", "too_long or (reach > room[22:])",
        "rtl/store/forward_checks",
    ),
    Planted(
        "many rows far apart are not too long", "forward", "store/forward_checks.py",
        "both_long.next = x_stride[:half] != 0", "both_long.next = x_stride[:half] == 0xFFFF",
        "rtl/store/forward_checks",
    ),
    Planted(
        "the source of a forward is checked against its destination", "forward", "store/store.py",
        "out_of_range, config=config, stores=True)", "out_of_range, config=config)",
        "rtl/store/store_forward",
    ),
    # -- the scratchpads -------------------------------------------------------------------------
    Planted(
        "a forward writes over a beat", "forward", "load/scratchpad_columns.py",
        "forward_moves.next = forward.valid and not landing and not (pad_here and forwarded)",
        "forward_moves.next = forward.valid and not (pad_here and forwarded)",
        "rtl/load/scratchpad_columns",
    ),
    Planted(
        "the loader never waits for a forward", "forward", "load/scratchpad_columns.py",
        "write.ready.next = not (forward.valid and landing)",
        "write.ready.next = not (forward.valid and landing and forwarded)",
        "rtl/load/scratchpad_columns",
    ),
    Planted(
        "a forward writes all rows of a weight tile", "forward", "load/weight_columns.py",
        "result_here.next = writer.result_lands and forward.index[row_bits:] == row",
        "result_here.next = writer.result_lands and forward.index[row_bits:] >= 0",
        "rtl/load/weight_columns",
    ),
    Planted(
        "a pad of weights is taken while a result is written", "forward", "load/weight_columns.py",
        "pad.ready.next = pad_here and not writer.data_lands and not writer.result_lands",
        "pad.ready.next = pad_here and not writer.data_lands", "rtl/load/weight_columns",
    ),
    Planted(
        "results never let a pad of weights pass", "forward", "load/weight_columns.py",
        "forwarded.next = writer.result_lands", "forwarded.next = False",
        "rtl/load/weight_columns",
    ),
    Planted(
        "banks favour the loader", "forward", "load/scratchpad_banks.py",
        "turn.next = forward.valid and write.valid and not turn",
        "turn.next = forward.valid and write.valid", "rtl/load/scratchpad_banks",
    ),
    Planted(
        "a pad ends where a forward has its bank", "forward", "load/scratchpad_banks.py",
        "and not (data_here and write.lanes[lane]) and not bank_forwards",
        "and not (data_here and write.lanes[lane])", "rtl/load/scratchpad_banks",
    ),
    Planted(
        "rows of WGT are written to INP", "forward", "load/forward_switch.py",
        "inp.valid.next = forward.valid and (forward.memory_type == MemoryType.INP)",
        "inp.valid.next = forward.valid or (forward.memory_type == MemoryType.INP)",
        "rtl/load/forward_switch",
    ),
    # -- 4-bit weights ---------------------------------------------------------------------------
    Planted(
        "4-bit weights zero-extended", "weights4", "load/weights4_unpack.py",
        "extended.next = beat[hi:lo].signed()", "extended.next = beat[hi:lo]",
        "rtl/load/weights4_unpack",
    ),
    Planted(
        "odd 4-bit weights first", "weights4", "load/weights4_unpack.py",
        "extend_weight(write.data, weight, lo=4 * at)",
        "extend_weight(write.data, weight, lo=4 * (at ^ 1))", "rtl/load/weights4_unpack",
    ),
    Planted(
        "8-bit weights in the upper half of a beat's lanes", "weights4",
        "load/weights4_unpack.py", "(is_packed or i < narrow_lanes)", "(is_packed or i >= 0)",
        "rtl/load/weights4_unpack",
    ),
    Planted(
        "a beat of 4-bit weights fills one column", "weights4", "load/weight_columns.py",
        "(pair_here and write.column == pair)", "(pair_here and write.column == column)",
        "rtl/load/weight_columns",
    ),
    Planted(
        "a pad of WGT_4BIT is ignored", "weights4", "load/weight_columns.py",
        "pad.memory_type == MemoryType.WGT or pad.memory_type == MemoryType.WGT_4BIT",
        "pad.memory_type == MemoryType.WGT", "rtl/load/weight_columns",
    ),
    Planted(
        "a row more checked than forwarded", "forward", "store/forward_checks.py",
        "last_row.next = instruction[f_y_size.hi:f_y_size.lo] - 1",
        "last_row.next = instruction[f_y_size.hi:f_y_size.lo]", "rtl/store/forward_checks",
    ),
    Planted(
        "a forward of one row not checked", "forward", "store/forward_checks.py",
        "past_end.next = (instruction[f_y_size.hi:f_y_size.lo] != 0) and (",
        "past_end.next = (instruction[f_y_size.hi:f_y_size.lo] > 1) and (",
        "rtl/store/forward_checks",
    ),
    Planted(
        "limits of INP and WGT exchanged", "forward", "store/forward_checks.py",
        "if instruction[f_type.hi:f_type.lo] == MemoryType.WGT:",
        "if instruction[f_type.hi:f_type.lo] == MemoryType.INP:", "rtl/store/forward_checks",
    ),
    Planted(
        "stride squared in the check of many rows", "forward", "store/forward_checks.py",
        "            long_factor.next = last_row", "            long_factor.next = x_stride",
        "rtl/store/forward_checks",
    ),
    Planted(
        "rows of a forward follow each other", "forward", "store/forward_writes.py",
        "                index.next = next_row\n", "                index.next = index + 1\n",
        "rtl/store/forward_writes",
    ),
    Planted(
        "results take the type of the STORE that waits", "forward", "store/forward_writes.py",
        "forward.memory_type.next = kind", "forward.memory_type.next = memory_type",
        "rtl/store/forward_writes rtl/store/store_forward",
    ),
    Planted(
        "forwarded results also go to memory", "forward", "store/forward_writes.py",
        "stored.valid.next = tile.valid and not tile.forwards",
        "stored.valid.next = bool(tile.valid)", "rtl/store/forward_writes",
    ),
    Planted(
        "every forward pushes a token", "forward", "store/forward_writes.py",
        "flight.pushes.next = pushes", "flight.pushes.next = True",
        "rtl/store/forward_writes rtl/store/store_forward",
    ),
    Planted(
        "a forward ends with its first row", "forward", "store/tile_reads.py",
        "tile.last.next = (left == 1) and (rows_left == 1)", "tile.last.next = left == 1",
        "rtl/store/store_forward",
    ),
    Planted(
        "a result in flight follows the STORE that waits", "forward", "store/tile_reads.py",
        "tile.forwards.next = forwarding", "tile.forwards.next = forwards",
        "rtl/store/store_forward",
    ),
    Planted(
        "a row of WGT waits for INP", "forward", "load/forward_switch.py",
        "            forward.ready.next = wgt.ready", "            forward.ready.next = inp.ready",
        "rtl/load/forward_switch",
    ),
    Planted(
        "rows of WGT at the tile of their number", "forward", "load/weight_columns.py",
        "writer.address.next = forward.index[address_end:row_bits]",
        "writer.address.next = forward.index[address_bits:]", "rtl/load/weight_columns",
    ),
    Planted(
        "a pad of WGT zeroes the tile of a result", "forward", "load/weight_columns.py",
        "writer.pad_zeroes.next = pad_here and not writer.data_lands and not writer.result_lands",
        "writer.pad_zeroes.next = pad_here and not writer.data_lands", "rtl/load/weight_columns",
    ),
    Planted(
        "beats of 4-bit weights at the address of a pad", "weights4", "load/weight_columns.py",
        "writer.data_lands.next = beat_here or pair_here",
        "writer.data_lands.next = bool(beat_here)", "rtl/load/weight_columns",
    ),
    Planted(
        "4-bit weights land without their lane", "weights4", "load/weight_columns.py",
        "data_here.next = write.lanes[0] and (\n"
        "                (beat_here",
        "data_here.next = (\n                (beat_here", "rtl/load/weight_columns",
    ),
    Planted(
        "bytes of 4-bit weights counted at compute", "weights4", "host/counters.py",
        "(MemoryType.WGT_4BIT, load.rows,", "(MemoryType.WGT_4BIT, compute.rows,",
        "rtl/host/counters device/weights4",
    ),
    Planted(
        "4-bit weights swapped with the beat's halves", "weights4", "load/weights4_unpack.py",
        "pack(ConcatSignal(*reversed(weights)), unpacked)",
        "pack(ConcatSignal(*weights), unpacked)", "rtl/load/weights4_unpack",
    ),
)
