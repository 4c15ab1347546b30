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
)
