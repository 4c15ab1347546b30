"""One line to one word: values in their fields, implied fields, every problem of the line."""

import pytest

from myvta.isa.asm.operand_text import DramBuffer
from myvta.isa.asm.statement import Scope, number, statement_word
from myvta.isa.config import named
from myvta.isa.instructions import Alu, Gemm, Load, decode
from myvta.isa.opcodes import AluOpcode, MemoryType

CONFIG = named("1x4x4")
SCOPE = Scope({"image": DramBuffer("image", MemoryType.INP, 100, 8)}, {"kernel": (3, 7)})


def instruction(line, config=CONFIG):
    word, problems = statement_word(line.split(), config, SCOPE)
    assert problems == []
    return decode(word, config)


def problems(line, config=CONFIG):
    return statement_word(line.split(), config, SCOPE)[1]


@pytest.mark.parametrize(
    ("text", "value"), [("12", 12), ("-3", -3), ("0x1f", 31), ("0b101", 5), ("x", None), ("", None)]
)
def test_numbers_are_parsed(text, value):
    assert number(text) == value


def test_stride_defaults_to_the_columns():
    load = Load(memory_type=2, x_size=5, x_stride=5, y_size=2, pop_next=1)
    assert instruction("load inp cols=5 rows=2 pop_next") == load
    assert instruction("load inp cols=5 stride=9").x_stride == 9


def test_names_give_addresses_and_ranges():
    assert instruction("load inp cols=1 dram=@image+7").dram_base == 107
    assert instruction("gemm uops=kernel loop=2x3 dst=4,5") == Gemm(
        uop_bgn=3, uop_end=7, iter_out=2, iter_in=3, dst_factor_out=4, dst_factor_in=5)


def test_immediate_sets_use_imm():
    assert instruction("alu add uops=0:1 imm=-5") == Alu(alu_opcode=2, use_imm=1, imm=-5)
    assert instruction("alu add uops=0:1").use_imm == 0


def test_options_of_rqt_make_its_immediate():
    assert instruction("alu rqt uops=0:1 zero_point=-1 relu") == Alu(
        alu_opcode=AluOpcode.RQT, use_imm=1, imm=0x1FF)


@pytest.mark.parametrize(
    ("line", "texts"),
    [
        ("load inp cols=70000", ["load: cols (x_size) must be 0..65535, not 70000"]),
        ("alu add uops=0:1 relu", ["alu: relu is only valid for rqt"]),
        ("alu rqt uops=0:1", ["alu: rqt needs zero_point=<zero_point>"]),
        ("load inp cols=1 dram=@image+8",
         ["load: dram: offset in buffer 'image' must be 0..7, not 8"]),
    ],
)
def test_problems_name_operand_range_and_value(line, texts):
    assert problems(line) == texts


def test_extensions_of_another_configuration_are_refused():
    base = named("1x4x4_base")
    assert problems("gemm uops=0:1 overwrite", base) == [
        "gemm: configuration 1x4x4_base has no overwrite"]
    assert problems("alu rqt uops=0:1 zero_point=0", base) == [
        "alu: configuration 1x4x4_base has no rqt: that is extension requantize"]
