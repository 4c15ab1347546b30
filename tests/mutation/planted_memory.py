"""Planted bugs of LOAD, STORE and the memory port: addresses, padding, packing, bursts, window."""

from __future__ import annotations

from planted import Planted

__all__ = ["TABLE"]

TABLE = (
    # -- load ------------------------------------------------------------------------------------
    Planted(
        "bottom padding as high as the top", "load", "load/load_plan.py",
        "bottom.next = x_total * load.y_pad_1", "bottom.next = x_total * load.y_pad_0",
        "rtl/load/load_plan",
    ),
    Planted(
        "gap between rows without the left margin", "load", "load/load_plan.py",
        "plan.gap.next = load.x_pad_0 + load.x_pad_1", "plan.gap.next = load.x_pad_1",
        "rtl/load/load_plan",
    ),
    Planted(
        "LOAD of no rows forgets the bottom padding", "load", "load/load_plan.py",
        "plan.first_run.next = top + bottom", "plan.first_run.next = top", "rtl/load/load_plan",
    ),
    Planted(
        "LOAD of no columns still pads", "load", "load/load_plan.py",
        "                plan.first_run.next = 0\n", "", "rtl/load/load_plan",
    ),
    Planted(
        "rows of small elements start in the first lane", "load", "load/load_plan.py",
        "(element[4:] + load.dram_base) & lane_mask",
        "element[4:] & lane_mask", "rtl/load/load_plan",
    ),
    Planted(
        "rows follow each other without the stride", "load", "memory/row_requests.py",
        "distance.next = stride", "distance.next = row_bytes", "rtl/memory/row_requests",
    ),
    Planted(
        "addresses come back from past the end", "load", "memory/row_requests.py",
        "if row[ADDRESS_BITS] or distance[:ADDRESS_BITS] != 0:",
        "if distance[:ADDRESS_BITS] != 0:", "rtl/memory/row_requests",
    ),
    Planted(
        "ACC_8BIT zero-extended", "load", "compute/accumulator_fill.py",
        "extended.next = beat[narrow_hi:narrow_lo].signed()",
        "extended.next = beat[narrow_hi:narrow_lo]",
        "device/load::test_acc_8bit_sign_extends_by_hand",
    ),
    Planted(
        "all tiles of a beat go to the first", "load", "compute/accumulator_fill.py",
        "fill.index.next = write.index[acc_bits:] + tile",
        "fill.index.next = write.index[acc_bits:]", "rtl/compute/accumulator_fill",
    ),
    Planted(
        "the first beat of a tile writes all of it", "load", "compute/accumulator.py",
        "fill.columns[column] and fill.index[0] == bank",
        "fill.columns[0] and fill.index[0] == bank", "rtl/compute/accumulator",
    ),
    Planted(
        "micro-ops and accumulator change their base pointers", "load", "load/loader.py",
        "if command.memory_type == first_type:", "if command.memory_type != first_type:",
        "rtl/load/loader",
    ),
    Planted(
        "second row lands in the padding", "load", "load/row_writes.py",
        "index.next = index + left + gap", "index.next = index + left", "rtl/load/row_writes",
    ),
    Planted(
        "lanes past the end of a row written", "load", "load/row_writes.py",
        "write.lanes.next[i] = (i >= lane) and (i < lane_end)",
        "write.lanes.next[i] = i >= lane", "rtl/load/row_writes",
    ),
    Planted(
        "padding loses against data of its column", "load", "load/scratchpad_columns.py",
        "uncovered.next = not pad_here or (used and not zeroed)",
        "uncovered.next = not pad_here", "rtl/load/scratchpad_columns",
    ),
    Planted(
        "a pad of weights is taken while data lands", "load", "load/weight_columns.py",
        "pad.ready.next = pad_here and not writer.data_lands\n            writer",
        "pad.ready.next = pad_here\n            writer", "rtl/load/weight_columns",
    ),
    Planted(
        "elements before the beat's boundary land a row too low", "load",
        "load/scratchpad_banks.py",
        "if write.index[bank_bits:] > number:", "if write.index[bank_bits:] >= number:",
        "rtl/load/scratchpad_banks",
    ),
    Planted(
        "LOAD up to the last element refused", "load", "load/memory_checks.py",
        "footprint > room", "footprint >= room", "rtl/load/memory_checks",
    ),
    Planted(
        "LOAD that covers nothing refused at the end", "load", "load/memory_checks.py",
        "(x_size != 0) and (footprint != 0)", "(x_size != 0)", "rtl/load/memory_checks",
    ),
    Planted(
        "two long sizes are taken for short ones", "load", "load/memory_checks.py",
        "out_of_range.next = too_long or (", "out_of_range.next = False or (",
        "rtl/load/memory_checks",
    ),
    Planted(
        "margins of rows are added to the number of rows", "load", "load/memory_checks.py",
        "        short_padding.next = y_padding\n        long_padding.next = x_padding\n",
        "        short_padding.next = x_padding\n        long_padding.next = y_padding\n",
        "rtl/load/memory_checks",
    ),
    Planted(
        "many rows are multiplied without their upper bits", "load", "load/memory_checks.py",
        "y_is_long.next = y_size[:half] != 0", "y_is_long.next = False",
        "rtl/load/memory_checks",
    ),
    # -- store -----------------------------------------------------------------------------------
    Planted(
        "beat goes on over the end of a row", "store", "store/tile_beats.py",
        "beat_ends.next = tile.row_end or (tile.lane == last_lane)",
        "beat_ends.next = tile.lane == last_lane", "rtl/store/tile_beats",
    ),
    Planted(
        "lanes behind the first written with it", "store", "store/tile_beats.py",
        "write.data_strobe.next[i * element + j] = sent[i]",
        "write.data_strobe.next[i * element + j] = sent[i] or sent[0]", "rtl/store/tile_beats",
    ),
    Planted(
        "third row in the lane of the second", "store", "store/tile_reads.py",
        "row_lane.next = (row_lane + stride) & last_lane", "row_lane.next = row_lane",
        "rtl/store/tile_reads",
    ),
    Planted(
        "tile of a held read repeated", "store", "store/tile_reads.py",
        "do_read.next = non_empty and (tile.ready or not shows)",
        "do_read.next = non_empty", "rtl/store/tile_reads",
    ),
    Planted(
        "STORE complete with its first burst", "store", "store/store.py",
        "write.done and oldest_record.valid and oldest.last\n",
        "write.done and oldest_record.valid\n", "rtl/store/store",
    ),
    Planted(
        "STORE complete in spite of an error", "store", "store/store.py",
        "and (write.done_error == PortError.NONE) and not fault.raised", "", "rtl/store/store",
    ),
    Planted(
        "window and bus faults of STORE exchanged", "store", "store/store.py",
        "if write.done_error == PortError.WINDOW:", "if write.done_error == PortError.BUS:",
        "rtl/store/store",
    ),
    Planted(
        "padding of STORE allowed", "store", "store/store.py",
        "elif sink.data[pads_high:pads_low] != 0:", "elif sink.data[pads_high:pads_low] == 255:",
        "rtl/store/store",
    ),
    Planted(
        "odd tiles of OUT are even ones", "store", "compute/accumulator.py",
        "out_odd.next = out.address[0]", "out_odd.next = False",
        "device/store::test_truncation_equals_hand_computed_values",
    ),
    # -- memory_port -----------------------------------------------------------------------------
    Planted(
        "first page of the window closed", "memory_port", "memory/window_check.py",
        "taken.address[ADDRESS_BITS:_PAGE] < window_base[ADDRESS_BITS:_PAGE]",
        "taken.address[ADDRESS_BITS:_PAGE] <= window_base[ADDRESS_BITS:_PAGE]",
        "rtl/memory/window_check",
    ),
    Planted(
        "page above the window open", "memory_port", "memory/window_check.py",
        "taken.address[ADDRESS_BITS:_PAGE] > window_limit[ADDRESS_BITS:_PAGE]",
        "taken.address[ADDRESS_BITS:_PAGE] > window_limit[ADDRESS_BITS:_PAGE] + 1",
        "rtl/memory/window_check",
    ),
    Planted(
        "addresses past 4 GiB let through", "memory_port", "memory/window_check.py",
        "taken.address[ADDRESS_BITS]\n                or taken.address",
        "taken.address", "rtl/memory/window_check",
    ),
    Planted(
        "bursts as long as they like to be", "memory_port", "memory/row_requests.py",
        "room.next = MAX_BEATS - offset", "room.next = MAX_BEATS - offset[3:]",
        "rtl/memory/row_requests",
    ),
    Planted(
        "read error of the slave not seen", "memory_port", "memory/read_port.py",
        "elif m_axi.rresp[1]:", "elif m_axi.rresp[0] and m_axi.rresp[1]:", "rtl/memory/read_port",
    ),
    Planted(
        "ARVALID falls before ARREADY", "memory_port", "memory/read_port.py",
        "elif m_axi.arready:", "else:", "rtl/memory/read_port",
    ),
    Planted(
        "answer of a refused read never ends", "memory_port", "memory/read_port.py",
        "client.data_last.next = owed.refused or m_axi.rlast",
        "client.data_last.next = m_axi.rlast", "rtl/memory/read_port",
    ),
    Planted(
        "one read client served again and again", "memory_port", "memory/read_arbiter.py",
        "first.next = Owner.COMPUTE", "first.next = Owner.FETCH", "rtl/memory/read_arbiter",
    ),
    Planted(
        "write error of the slave not seen", "memory_port", "memory/write_port.py",
        "elif m_axi.bresp[1]:", "elif m_axi.bresp[0] and m_axi.bresp[1]:", "rtl/memory/write_port",
    ),
    Planted(
        "write bursts announced one beat longer", "memory_port", "memory/write_port.py",
        "m_axi.awlen.next = checked.beats - 1", "m_axi.awlen.next = checked.beats",
        "rtl/memory/write_port",
    ),
    Planted(
        "a halt writes what is left over", "memory_port", "memory/write_port.py",
        "            late.next = halt\n", "            late.next = False\n",
        "rtl/memory/write_port",
    ),
    Planted(
        "late answers meet the next launch", "memory_port", "memory/memory_port.py",
        "status.draining.next = drains and not status.idle",
        "status.draining.next = halt and not status.idle", "rtl/memory/memory_port_halt",
    ),
    Planted(
        "256-bit streams start in the lower half", "memory_port", "fetch/gearbox.py",
        "upper.next = odd != insn_base[4]", "upper.next = odd", "rtl/fetch/gearbox",
    ),
    Planted(
        "fetch asks for more than it has room for", "memory_port", "fetch/fetch.py",
        "reserved <= depth - MAX_BEATS", "reserved <= depth", "rtl/fetch/fetch",
    ),
)
