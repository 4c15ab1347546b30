"""fault_tables: the codes worked out by hand from docs/device.md, without and with extensions."""

from extended import extended

from myvta.isa.opcodes import ErrorCode
from myvta.rtl.lib.fault_tables import (
    load_faults,
    opcode_faults,
    operation_faults,
    red_faults,
    rqt_faults,
    store_faults,
)

BASE, LEAN, ALL = extended("1x4x4_base"), extended("1x4x4"), extended("1x4x4+all")
OPCODE, MEMORY_TYPE, ALU_OPCODE, OPERAND, EXTENSION = (
    ErrorCode.OPCODE, ErrorCode.MEMORY_TYPE, ErrorCode.ALU_OPCODE, ErrorCode.OPERAND,
    ErrorCode.EXTENSION,
)


def test_opcodes_6_and_7_are_undefined_and_5_an_extension():
    assert opcode_faults(BASE) == (0, 0, 0, 0, 0, EXTENSION, OPCODE, OPCODE)
    assert opcode_faults(ALL) == (0, 0, 0, 0, 0, 0, OPCODE, OPCODE)


def test_out_is_not_loaded_and_types_6_and_7_are_extensions():
    assert load_faults(LEAN) == (0, 0, 0, 0, MEMORY_TYPE, 0, EXTENSION, EXTENSION)
    assert load_faults(ALL) == (0, 0, 0, 0, MEMORY_TYPE, 0, 0, 0)
    assert load_faults(extended("1x4x4+weights4"))[6:] == (EXTENSION, 0)


def test_stores_go_to_out_or_are_forwarded():
    other = MEMORY_TYPE
    assert store_faults(LEAN) == (other, EXTENSION, EXTENSION, other, 0, other, other, other)
    assert store_faults(ALL) == (other, 0, 0, other, 0, other, other, other)
    assert store_faults(extended("2x8x8+forward"))[1:3] == (MEMORY_TYPE, 0), "no rows of WGT"


def test_operations_of_missing_extensions_are_refused():
    assert operation_faults(BASE) == (0, 0, 0, 0, 0, ALU_OPCODE, EXTENSION, EXTENSION)
    assert operation_faults(LEAN) == (0, 0, 0, 0, 0, ALU_OPCODE, EXTENSION, 0)
    assert operation_faults(ALL) == (0, 0, 0, 0, 0, ALU_OPCODE, 0, 0)


def test_options_of_rqt_by_its_upper_bits():
    """Index: use_imm, then imm[15:11]."""
    lean, full = rqt_faults(LEAN), rqt_faults(ALL)
    assert len(lean) == len(full) == 64
    assert [lean[0b100000 | bits] for bits in (0, 1, 2, 3, 16, 17)] == [
        0, EXTENSION, OPERAND, EXTENSION, OPERAND, EXTENSION]
    assert [index for index, code in enumerate(full) if code == 0] == [
        0b100000, 0b100001, 0b100011, 0b100101, 0b100111]
    assert set(full[:32]) == {OPERAND} and lean[0] == OPERAND and lean[1] == EXTENSION


def test_options_of_red_by_its_lowest_bits():
    assert red_faults(ALL) == (0, 0, 0, *[OPERAND] * 13)
