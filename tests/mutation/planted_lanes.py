"""Planted bugs of lookup tables and of the reduction across lanes."""

from planted import Planted

__all__ = ["TABLE"]

TABLE = (
    Planted(
        "odd lane reads the entry of the even one", "lanes", "compute/lookup.py",
        "odd_entry.next = words[odd_address]", "odd_entry.next = words[even_address]",
        "rtl/compute/lookup",
    ),
    Planted(
        "odd lane always reads the first table", "lanes", "compute/lookup.py",
        "odd_address.next = concat(table_index, odd)", "odd_address.next = odd",
        "rtl/compute/lookup",
    ),
    Planted(
        "every entry of a beat is its first", "lanes", "compute/lookup_fill.py",
        "shifted.next = write.data >> shift", "shifted.next = write.data",
        "rtl/compute/lookup_fill",
    ),
    Planted(
        "padding leaves the last entry of a table", "lanes", "compute/lookup_fill.py",
        "padded == last_in_table", "padded == last_in_table - 1", "rtl/compute/lookup_fill",
    ),
    Planted(
        "entry and value are joined", "lanes", "compute/table_results.py",
        "kept.next = 0", "kept.next = requantized", "rtl/compute/table_results",
    ),
    Planted(
        "entry extended with zeros", "lanes", "compute/table_results.py",
        "signed.next = entry.signed()", "signed.next = entry", "rtl/compute/table_results",
    ),
    Planted(
        "tables replace results of RQT without one", "lanes", "compute/table_results.py",
        "reads.next = imm[RqtFlag.LOOKUP]", "reads.next = imm[RqtFlag.LOOKUP + 1]",
        "rtl/compute/table_results",
    ),
    Planted(
        "tables are loaded into the accumulator", "lanes", "compute/compute.py",
        "second_pad=acc_pad, first_type=MemoryType.LUT",
        "second_pad=acc_pad, first_type=MemoryType.WGT", "device/lookup",
    ),
    Planted(
        "larger of two far lanes by a wrapped difference", "lanes", "compute/reduce_tree.py",
        "elif total[33] != larger:", "elif total[32] != larger:", "rtl/compute/reduce_tree",
    ),
    Planted(
        "every batch row reduced is the first", "lanes", "compute/reduce_tree.py",
        "lo=32 * (row * config.block_out + lane)", "lo=32 * lane", "rtl/compute/reduce_tree",
    ),
    Planted(
        "reduction joined with its first operand", "lanes", "compute/alu_lane.py",
        "multiplied.opcode == AluOpcode.RQT or multiplied.opcode == AluOpcode.RED",
        "multiplied.opcode == AluOpcode.RQT", "device/reduce",
    ),
    Planted(
        "tables written at the address of a value", "lanes", "compute/lookup.py",
        "            even_address.next = write.address",
        "            even_address.next = concat(table_index, even)", "rtl/compute/lookup",
    ),
    Planted(
        "even lane reads the entry of the odd one", "lanes", "compute/lookup.py",
        "even_address.next = concat(table_index, even)",
        "even_address.next = concat(table_index, odd)", "rtl/compute/lookup",
    ),
    Planted(
        "last entry of a beat dropped", "lanes", "compute/lookup_fill.py",
        "write.ready.next = entry == last_in_beat", "write.ready.next = entry >= last_in_beat - 1",
        "rtl/compute/lookup_fill",
    ),
    Planted(
        "padding tables hold the last beat", "lanes", "compute/lookup_fill.py",
        "fill.entry.next = 0", "fill.entry.next = shifted[ENTRY_BITS:]", "rtl/compute/lookup_fill",
    ),
    Planted(
        "padding goes to the table of the data", "lanes", "compute/lookup_fill.py",
        "concat(pad.index[table_bits:], padded)", "concat(write.index[table_bits:], padded)",
        "rtl/compute/lookup_fill",
    ),
    Planted(
        "padding tables not written", "lanes", "compute/lookup_fill.py",
        "fill.valid.next = write.valid or pad.valid", "fill.valid.next = bool(write.valid)",
        "rtl/compute/lookup_fill",
    ),
    Planted(
        "value looked up shifted by a bit", "lanes", "compute/table_results.py",
        "value.next = requantized[8:]", "value.next = requantized[9:1]",
        "rtl/compute/table_results",
    ),
    Planted(
        "upper tables selected as the lower ones", "lanes", "compute/table_results.py",
        "imm[RQT_LOOKUP_BITS:RQT_TABLE]", "imm[RQT_LOOKUP_BITS - 1:RQT_TABLE]",
        "rtl/compute/table_results",
    ),
    Planted(
        "minimum computed as a sum", "lanes", "compute/reduce_tree.py",
        "first.imm[2:] == Reduction.SUM", "first.imm[2:] != Reduction.MAX",
        "rtl/compute/reduce_tree",
    ),
    Planted(
        "first lane of a pair compared without its sign", "lanes", "compute/reduce_tree.py",
        "concat(p[31], p, subtracts)", "concat(False, p, subtracts)", "rtl/compute/reduce_tree",
    ),
    Planted(
        "sum of two lanes doubled", "lanes", "compute/reduce_tree.py", "result.next = total[33:1]",
        "result.next = total[32:]", "rtl/compute/reduce_tree",
    ),
    Planted(
        "reductions joined with results of other operations", "lanes", "compute/reduce_tree.py",
        "        result.next = 0\n        if reduces:",
        "        result.next = value\n        if reduces:", "rtl/compute/reduce_tree device/reduce",
    ),
    Planted(
        "bytes of tables counted at the load engine", "lanes", "host/counters.py",
        "(MemoryType.LUT, compute.rows,", "(MemoryType.LUT, load.rows,",
        "rtl/host/counters device/lookup",
    ),
)
