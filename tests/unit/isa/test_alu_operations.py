"""The rows of the ALU operations, worked by hand from vta_isa.md sections 0.1 and 4.4."""

import pytest

from myvta.isa.alu_operations import ALU_OPERATIONS, source_tiles
from myvta.isa.config import named
from myvta.isa.opcodes import AluOpcode


def test_every_opcode_has_one_row():
    assert list(ALU_OPERATIONS) == list(AluOpcode) == [0, 1, 2, 3, 4, 7]
    assert all(row.opcode == opcode for opcode, row in ALU_OPERATIONS.items())


@pytest.mark.parametrize(
    ("opcode", "tensor", "immediate"),
    [(0, 1, 0), (1, 1, 0), (2, 1, 0), (3, 1, 0), (4, 1, 0), (7, 3, 3)],
)
def test_tiles_read_from_src_are_these(opcode, tensor, immediate):
    assert source_tiles(opcode, use_imm=0) == tensor
    assert source_tiles(opcode, use_imm=1) == immediate


def test_operations_of_the_multipliers_are_long():
    assert {row.opcode.name for row in ALU_OPERATIONS.values() if row.long} == {"MUL", "RQT"}


def test_rqt_alone_needs_an_immediate_of_eleven_bits():
    assert [row.opcode.name for row in ALU_OPERATIONS.values() if row.needs_immediate] == ["RQT"]
    assert {row.opcode.name: row.immediate_bits for row in ALU_OPERATIONS.values()} == {
        "MIN": 16, "MAX": 16, "ADD": 16, "SHR": 16, "MUL": 16, "RQT": 11,
    }


def test_base_configuration_supports_all_but_rqt():
    supported = [row.opcode for row in ALU_OPERATIONS.values() if row.supported(named("base"))]
    assert supported == [0, 1, 2, 3, 4]
    assert all(row.supported(named("default")) for row in ALU_OPERATIONS.values())
