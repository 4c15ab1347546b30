"""Field positions are VTA's: literals of vta_isa.md section 2 and of its C structs."""

import pytest
from hypothesis import given, strategies as st

from myvta.isa.config import NAMED, Config
from myvta.isa.fields import BitField, layout, uop_layout
from myvta.isa.opcodes import Opcode

COMMON = {"opcode": (2, 0), "pop_prev": (3, 3), "pop_next": (4, 4), "push_prev": (5, 5),
          "push_next": (6, 6)}
MEMORY = COMMON | {
    "memory_type": (9, 7), "sram_base": (25, 10), "dram_base": (57, 26), "y_size": (79, 64),
    "x_size": (95, 80), "x_stride": (111, 96), "y_pad_0": (115, 112), "y_pad_1": (119, 116),
    "x_pad_0": (123, 120), "x_pad_1": (127, 124),
}
STEPS = COMMON | {
    "uop_bgn": (20, 8), "uop_end": (34, 21), "iter_out": (48, 35), "iter_in": (62, 49),
    "dst_factor_out": (74, 64), "dst_factor_in": (85, 75),
}
GEMM = STEPS | {
    "reset": (7, 7), "src_factor_out": (96, 86), "src_factor_in": (107, 97),
    "wgt_factor_out": (117, 108), "wgt_factor_in": (127, 118), "overwrite": (63, 63),
}
ALU = STEPS | {"src_factor_out": (96, 86), "src_factor_in": (107, 97), "alu_opcode": (110, 108),
               "use_imm": (111, 111), "imm": (127, 112)}


def positions(opcode, config):
    return {name: (field.hi - 1, field.lo) for name, field in layout(opcode, config).items()}


@pytest.mark.parametrize(
    ("opcode", "expected"),
    [(Opcode.LOAD, MEMORY), (Opcode.STORE, MEMORY), (Opcode.GEMM, GEMM), (Opcode.ALU, ALU),
     (Opcode.FINISH, COMMON)],
)
@pytest.mark.parametrize("name", ["default", "base"])
def test_fields_have_their_published_positions(opcode, expected, name):
    assert positions(opcode, NAMED[name]) == expected


@pytest.mark.parametrize("name", NAMED)
def test_memory_positions_never_change(name):
    assert positions(Opcode.LOAD, NAMED[name]) == MEMORY
    assert positions(Opcode.STORE, NAMED[name]) == MEMORY


def test_micro_op_has_its_published_fields():
    fields = uop_layout(NAMED["default"])
    assert [(field.name, field.hi - 1, field.lo) for field in fields.values()] == [
        ("dst", 10, 0), ("src", 21, 11), ("wgt", 31, 22),
    ]


def test_fields_of_block_32_are_these():
    config = Config(log_block=5)
    gemm, alu = positions(Opcode.GEMM, config), positions(Opcode.ALU, config)
    expected = {"dst_factor_out": (73, 64), "dst_factor_in": (83, 74), "src_factor_out": (93, 84),
                "src_factor_in": (103, 94)}
    assert {name: gemm[name] for name in expected} == expected
    assert {name: alu[name] for name in expected} == expected
    assert (gemm["wgt_factor_out"], gemm["wgt_factor_in"]) == ((111, 104), (119, 112))
    assert (alu["alu_opcode"], alu["use_imm"], alu["imm"]) == ((106, 104), (107, 107), (123, 108))


def test_fields_of_batch_2_are_these():
    gemm = positions(Opcode.GEMM, Config(log_batch=1))
    assert (gemm["wgt_factor_out"], gemm["wgt_factor_in"]) == ((113, 104), (123, 114))


def test_small_buffers_let_factors_into_the_first_word():
    """As gcc lays out VTA's structs for depths 2^8, 2^8, 2^8, 2^7: nothing pads at bit 64."""
    gemm, alu = positions(Opcode.GEMM, NAMED["1x4x4"]), positions(Opcode.ALU, NAMED["1x4x4"])
    assert gemm == COMMON | {
        "reset": (7, 7), "uop_bgn": (15, 8), "uop_end": (24, 16), "iter_out": (38, 25),
        "iter_in": (52, 39), "dst_factor_out": (60, 53), "dst_factor_in": (71, 64),
        "src_factor_out": (79, 72), "src_factor_in": (87, 80), "wgt_factor_out": (94, 88),
        "wgt_factor_in": (101, 95), "overwrite": (63, 63),
    }
    assert (alu["dst_factor_out"], alu["src_factor_in"]) == ((60, 53), (87, 80))
    assert (alu["alu_opcode"], alu["use_imm"], alu["imm"]) == ((90, 88), (91, 91), (107, 92))


def test_fields_of_the_smallest_buffers_are_these():
    """As gcc lays them out for depths of 2^4 throughout: a field straddles to the next word."""
    config = Config(log_block=2, log_uop_buff_size=6, log_inp_buff_size=6, log_wgt_buff_size=8,
                    log_acc_buff_size=8)
    gemm, alu = positions(Opcode.GEMM, config), positions(Opcode.ALU, config)
    assert gemm["iter_in"] == (44, 31)
    assert (gemm["dst_factor_out"], gemm["src_factor_in"]) == ((48, 45), (60, 57))
    assert (gemm["wgt_factor_out"], gemm["wgt_factor_in"]) == ((67, 64), (71, 68))
    assert (alu["alu_opcode"], alu["use_imm"], alu["imm"]) == ((63, 61), (64, 64), (80, 65))


@pytest.mark.parametrize("name", NAMED)
@pytest.mark.parametrize("opcode", Opcode)
def test_fields_do_not_overlap(name, opcode):
    used = 0
    for field in layout(opcode, NAMED[name]).values():
        mask = field.put(field.maximum) | field.put(field.minimum)
        mask |= field.put(-1 if field.signed else 0)
        assert not used & mask
        assert mask < 1 << 128
        used |= mask
    assert used == layout(opcode, NAMED[name]).mask


@given(st.integers(1, 32), st.integers(0, 96), st.booleans(), st.integers(0, 2**128 - 1))
def test_field_round_trip(width, lo, signed, word):
    field = BitField("x", lo, width, signed)
    value = field.get(word)
    assert field.minimum <= value <= field.maximum
    assert field.put(value) == word & field.put(-1 if signed else field.maximum)


@pytest.mark.parametrize(
    ("field", "value", "text"),
    [(BitField("x_size", 80, 16), 65536, "x_size must be 0..65535, not 65536"),
     (BitField("x_size", 80, 16), -1, "x_size must be 0..65535, not -1"),
     (BitField("imm", 112, 16, True), 32768, "imm must be -32768..32767, not 32768")],
)
def test_oversized_value_is_refused(field, value, text):
    with pytest.raises(ValueError, match=f"^{text}$"):
        field.put(value)


def test_field_without_room_is_refused():
    with pytest.raises(ValueError, match=r"^rows must be 0 here, where it has no place, not 1$"):
        layout(Opcode.FINISH, NAMED["base"]).pack({"opcode": 3, "rows": 1})
