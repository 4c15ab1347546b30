"""A finished stream as text."""

from myvta.driver import StreamBuilder
from myvta.isa.config import named
from myvta.isa.opcodes import AluOpcode, MemoryType


def test_listing_has_a_line_with_the_note_of_each_instruction():
    builder = StreamBuilder(named("1x4x4"))
    builder.note("conv1")
    builder.load_2d(MemoryType.INP, 0, 0, 1)
    builder.gemm([(0, 0, 0)])
    builder.note("relu")
    builder.alu([(0, 0)], AluOpcode.MAX, imm=0)
    stream = builder.finish()
    assert stream.notes == ("conv1", "conv1", "conv1", "relu", "")
    lines = stream.listing().splitlines()
    assert len(lines) == 5
    assert lines[3].startswith("     3 compute")
    assert lines[3].endswith("; relu")
