"""The rows of the ALU operations, worked by hand from vta_isa.md sections 0.1 and 4.4."""

import pytest

from myvta.isa.alu_operations import ALU_OPERATIONS, immediate_fault, source_tiles
from myvta.isa.config import named
from myvta.isa.opcodes import AluOpcode


def test_every_opcode_has_one_row():
    assert set(ALU_OPERATIONS) == set(AluOpcode) == {0, 1, 2, 3, 4, 6, 7}
    assert all(row.opcode == opcode for opcode, row in ALU_OPERATIONS.items())


@pytest.mark.parametrize(
    ("opcode", "tensor", "immediate"),
    [(0, 1, 0), (1, 1, 0), (2, 1, 0), (3, 1, 0), (4, 1, 0), (6, 1, 0), (7, 3, 3)],
)
def test_tiles_read_from_src_are_these(opcode, tensor, immediate):
    assert source_tiles(opcode, use_imm=0) == tensor
    assert source_tiles(opcode, use_imm=1) == immediate


def test_rqt_needs_an_immediate_and_red_a_tensor():
    rows = ALU_OPERATIONS.values()
    assert [row.opcode.name for row in rows if row.needs_immediate] == ["RQT"]
    assert [row.opcode.name for row in rows if row.needs_tensor] == ["RED"]
    assert [row.opcode.name for row in rows if row.has_options] == ["RQT", "RED"]


def test_red_alone_does_not_read_its_destination():
    assert [row.opcode.name for row in ALU_OPERATIONS.values() if not row.reads_destination] == [
        "RED"]


@pytest.mark.parametrize(("imm", "fault"), [
    (0x07FF, ""), (0x0800, ""), (0x3FFF, ""), (0x1000, "15:11"), (0x4000, "15:11"),
    (0x4800, "15:14"), (-1, "15:14"),
])
def test_the_table_of_rqt_needs_the_lookup_flag(imm, fault):
    text = immediate_fault(ALU_OPERATIONS[AluOpcode.RQT], imm, named("default"))
    assert text == (fault and f"RQT immediate {imm & 0xFFFF:#06x}: bits {fault} must be 0")


@pytest.mark.parametrize(("imm", "legal"), [(0, 1), (1, 1), (2, 1), (3, 0), (4, 0), (-1, 0)])
def test_red_has_three_reductions(imm, legal):
    assert (immediate_fault(ALU_OPERATIONS[AluOpcode.RED], imm, named("base")) == "") == legal


def test_base_configuration_supports_the_five_of_vta():
    supported = [row.opcode for row in ALU_OPERATIONS.values() if row.supported(named("base"))]
    assert supported == [0, 1, 2, 3, 4]
    assert all(row.supported(named("default")) for row in ALU_OPERATIONS.values())
