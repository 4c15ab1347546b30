"""Calls of the stream builder for extensions: their instructions, and what they refuse."""

import pytest
from extended import extended

from myvta.driver import StreamBuilder, StreamError, rqt_immediate
from myvta.isa.config import named
from myvta.isa.instructions import Alu, Dwc, Finish, Load, Store
from myvta.isa.opcodes import AluOpcode, MemoryType, Reduction

ALL = extended("1x4x4+all")
ONE = [(0, 0, 0)]
UOP_LOAD = Load(memory_type=MemoryType.UOP, x_size=1, x_stride=1)


@pytest.fixture
def builder():
    return StreamBuilder(named("1x4x4"))


def test_calls_of_extensions_are_these_instructions():
    builder = StreamBuilder(ALL)
    builder.load_2d(MemoryType.LUT, 1, 5, 2)
    builder.load_2d(MemoryType.WGT_4BIT, 3, 6, 2)
    builder.depthwise([(1, 2, 3)], (2, 1), row_pitch=9, iter_out=4, iter_in=5, dst_factor=(6, 7),
                      src_factor=(8, 10), overwrite=True)
    builder.reduce([(1, 2)], Reduction.MIN, iter_in=2, src_factor=(0, 1))
    builder.alu([(1, 2)], AluOpcode.RQT, imm=rqt_immediate(0, table=2))
    builder.forward_2d(MemoryType.INP, 4, 30, 3, 2, 8)
    builder.forward_2d(MemoryType.WGT, 4, 32, 4)
    kept = [item for item in builder.finish().instructions if item != UOP_LOAD
            and getattr(item, "memory_type", 1) != MemoryType.UOP]
    assert kept == [
        Load(memory_type=MemoryType.LUT, sram_base=1, dram_base=5, x_size=2, x_stride=2),
        Load(memory_type=MemoryType.WGT_4BIT, sram_base=3, dram_base=6, x_size=2, x_stride=2),
        Dwc(uop_bgn=0, uop_end=1, row_pitch=9, window=2, iter_out=4, iter_in=5, dst_factor_out=6,
            dst_factor_in=7, src_factor_out=8, src_factor_in=10, overwrite=1),
        Alu(alu_opcode=AluOpcode.RED, imm=2, uop_bgn=1, uop_end=2, iter_in=2, src_factor_in=1),
        Alu(alu_opcode=AluOpcode.RQT, use_imm=1, imm=0x2800, uop_bgn=1, uop_end=2),
        Store(memory_type=MemoryType.INP, sram_base=4, dram_base=30, x_size=3, y_size=2,
              x_stride=8),
        Store(memory_type=MemoryType.WGT, sram_base=4, dram_base=32, x_size=4, x_stride=4),
        Finish(),
    ]


@pytest.mark.parametrize(("call", "message"), [
    (lambda b: b.depthwise(ONE, (1, 1)), "DWC is not in configuration 1x4x4$"),
    (lambda b: b.reduce([(0, 0)], Reduction.SUM), "ALU RED is not in configuration 1x4x4$"),
    (lambda b: b.alu(ONE, AluOpcode.RQT, imm=rqt_immediate(table=0)),
     r"^ALU: RQT with a table, which this configuration does not have \(lookup\)"),
    (lambda b: b.load_2d(MemoryType.LUT, 0, 0, 1),
     r"^LOAD: LOAD LUT, which this configuration does not have \(lookup\)"),
    (lambda b: b.load_2d(MemoryType.WGT_4BIT, 0, 0, 1),
     r"^LOAD: LOAD WGT_4BIT, which this configuration does not have \(weights4\)"),
    (lambda b: b.forward_2d(MemoryType.INP, 0, 0, 1),
     r"^STORE: STORE INP, which this configuration does not have \(forward\)"),
])
def test_calls_of_missing_extensions_are_refused(builder, call, message):
    with pytest.raises(StreamError, match=message):
        call(builder)
    assert not [item for item in builder.finish().instructions[:-1] if item != UOP_LOAD]


@pytest.mark.parametrize(("call", "message"), [
    (lambda b: b.depthwise(ONE, (2, 3)),
     r"DWC: a window must have 1\.\.2 rows and 1\.\.2 columns, not 2x3"),
    (lambda b: b.depthwise(ONE, (1, 1), row_pitch=128), r"DWC row_pitch must be 0\.\.127, not 128"),
    (lambda b: b.reduce([(0, 0)], 3), r"RED immediate 0x0003: must be one of 0 \(SUM\)"),
    (lambda b: b.alu([(0, 0)], AluOpcode.RED), "ALU opcode must be one of"),
    (lambda b: b.alu(ONE, AluOpcode.RQT, imm=0x1000), "RQT immediate 0x1000: bits 15:11 must be 0"),
    (lambda b: b.forward_2d(MemoryType.OUT, 0, 0, 1), "forward_2d writes WGT or INP, not"),
    (lambda b: b.forward_2d(MemoryType.INP, 0, 0, 0), "x_size must be at least 1, not 0"),
])
def test_impossible_uses_of_extensions_are_refused(call, message):
    with pytest.raises(StreamError, match=message):
        call(StreamBuilder(ALL))


def test_results_are_forwarded_to_weights_only_where_they_are_rows():
    builder = StreamBuilder(named("2x8x8").replace(forward=True))
    builder.forward_2d(MemoryType.INP, 0, 0, 1)
    with pytest.raises(StreamError, match="STORE: results are no rows of WGT here"):
        builder.forward_2d(MemoryType.WGT, 0, 0, 1)
