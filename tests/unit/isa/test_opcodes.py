"""Encodings that VTA publishes and binaries rely on: they never change (vta_isa.md 2 and 3)."""

from myvta.isa.opcodes import ERROR_TEXT, AluOpcode, ErrorCode, MemoryType, Module, Opcode, RqtFlag


def test_opcodes_have_their_published_encodings():
    assert {opcode.name: int(opcode) for opcode in Opcode} == {
        "LOAD": 0, "STORE": 1, "GEMM": 2, "FINISH": 3, "ALU": 4, "DWC": 5,
    }
    assert {kind.name: int(kind) for kind in MemoryType} == {
        "UOP": 0, "WGT": 1, "INP": 2, "ACC": 3, "OUT": 4, "ACC_8BIT": 5, "LUT": 6,
        "WGT_4BIT": 7,
    }
    assert {opcode.name: int(opcode) for opcode in AluOpcode} == {
        "MIN": 0, "MAX": 1, "ADD": 2, "SHR": 3, "MUL": 4, "RED": 6, "RQT": 7,
    }


def test_options_of_rqt_are_above_the_zero_point_and_below_the_reserved_bits():
    assert sorted(RqtFlag) == [8, 9, 10, 11]


def test_modules_are_numbered_in_the_order_of_the_pipeline():
    assert [module.name for module in sorted(Module)] == ["LOAD", "COMPUTE", "STORE"]


def test_error_codes_are_consecutive_and_all_explained():
    assert sorted(ErrorCode) == list(range(18))
    assert set(ERROR_TEXT) == set(ErrorCode)
    assert len(set(ERROR_TEXT.values())) == len(ERROR_TEXT)
