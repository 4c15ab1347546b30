"""Binary to text and back, byte for byte, for every kind of word."""

import re
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

from myvta.isa.asm.assembler import assemble
from myvta.isa.asm.disassembler import disassemble, format_instruction, format_word
from myvta.isa.asm.operand_text import FORMATS, DramBuffer
from myvta.isa.config import NAMED
from myvta.isa.fields import layout
from myvta.isa.instructions import (
    Alu,
    Dwc,
    Finish,
    Gemm,
    Load,
    Store,
    StreamLengthError,
    Undefined,
    decode,
    encode,
    encode_stream,
)
from myvta.isa.opcodes import AluOpcode, MemoryType, Opcode

DEFAULT, LEAN, BASE = NAMED["default"], NAMED["lean"], NAMED["base"]
CONFIGS = st.sampled_from(list(NAMED.values()))


@st.composite
def defined_words(draw, config):
    """Words with every bit outside the fields clear: those of a compiler, and some more."""
    opcode = draw(st.sampled_from(list(Opcode)))
    values = {"opcode": int(opcode)}
    for name, field in layout(opcode, config).items():
        if name != "opcode":
            values[name] = draw(st.sampled_from((0, 1, field.minimum, field.maximum))
                                | st.integers(field.minimum, field.maximum))
    return layout(opcode, config).pack(values)


@pytest.mark.slow
@settings(max_examples=200)
@given(st.data(), CONFIGS)
def test_any_bytes_round_trip(data, config):
    stream = b"".join(data.draw(st.lists(st.binary(min_size=16, max_size=16), max_size=8)))
    uops = b"".join(data.draw(st.lists(st.binary(min_size=4, max_size=4), max_size=4)))
    program = assemble(disassemble(stream, config, uops=uops), config)
    assert (program.stream, program.uops) == (stream, uops)


@pytest.mark.slow
@settings(max_examples=300)
@given(st.data(), CONFIGS)
def test_defined_words_round_trip(data, config):
    drawn = data.draw(st.lists(defined_words(config), min_size=1, max_size=4))
    stream = b"".join(word.to_bytes(16, "little") for word in drawn)
    text = disassemble(stream, config)
    assert assemble(text, config).stream == stream
    # reading the text of the instructions themselves gives the same words: nothing hides in .word
    for word in drawn:
        if not format_word(word, config).startswith(".word"):
            line = format_instruction(decode(word, config), config)
            assert assemble(line, config).stream == word.to_bytes(16, "little")


@pytest.mark.slow
@settings(max_examples=100)
@given(st.data())
def test_compiled_instructions_are_never_raw_words(data):
    word = data.draw(defined_words(DEFAULT))
    instruction = decode(word, DEFAULT)
    unusual = getattr(instruction, "alu_opcode", 0) == 5
    if isinstance(instruction, Alu):
        options = instruction.alu_opcode == AluOpcode.RED
        if not options:
            unusual |= not instruction.use_imm and bool(
                instruction.imm or instruction.alu_opcode == AluOpcode.RQT)
        else:
            unusual |= bool(instruction.use_imm or not 0 <= instruction.imm <= 2)
    if isinstance(instruction, Dwc):
        unusual |= instruction.window >= DEFAULT.taps
    assert format_word(word, DEFAULT).startswith(".word") == unusual


LINES = {
    "load inp sram=0 dram=0x1004 rows=56 cols=4 stride=58 pad=1,2,3,4 pop_next push_next": Load(
        memory_type=MemoryType.INP, dram_base=0x1004, y_size=56, x_size=4, x_stride=58,
        y_pad_0=1, y_pad_1=2, x_pad_0=3, x_pad_1=4, pop_next=1, push_next=1,
    ),
    "load uop cols=0 push_prev": Load(memory_type=MemoryType.UOP, push_prev=1),
    "load acc_8bit sram=7 dram=0x0 rows=0 cols=1": Load(
        memory_type=MemoryType.ACC_8BIT, sram_base=7, y_size=0, x_size=1, x_stride=1
    ),
    "load wgt rows=9 cols=0 stride=3": Load(
        memory_type=MemoryType.WGT, y_size=9, x_stride=3
    ),
    "store out sram=2 dram=0x9 rows=2 cols=4 stride=8 pop_prev push_prev": Store(
        sram_base=2, dram_base=9, y_size=2, x_size=4, x_stride=8, pop_prev=1, push_prev=1
    ),
    "store uop cols=0": Store(memory_type=MemoryType.UOP),
    "gemm uops=3:5 loop=56x3 dst=16,1 src=4,2 wgt=0,9 reset overwrite pop_prev": Gemm(
        uop_bgn=3, uop_end=5, iter_out=56, iter_in=3, dst_factor_out=16, dst_factor_in=1,
        src_factor_out=4, src_factor_in=2, wgt_factor_in=9, reset=1, overwrite=1, pop_prev=1,
    ),
    "gemm uops=0:1": Gemm(),
    "gemm uops=5:3 loop=0x1": Gemm(uop_bgn=5, uop_end=3, iter_out=0),
    "alu add uops=0:1 imm=-5": Alu(alu_opcode=AluOpcode.ADD, use_imm=1, imm=-5),
    "alu shr uops=0:2 src=0,7": Alu(alu_opcode=AluOpcode.SHR, uop_end=2, src_factor_in=7),
    "alu rqt uops=0:1 zero_point=-3 relu away bypass": Alu(
        alu_opcode=AluOpcode.RQT, use_imm=1, imm=0xFD | 7 << 8
    ),
    "alu rqt uops=0:1 zero_point=0 lut=0": Alu(alu_opcode=AluOpcode.RQT, use_imm=1, imm=0x800),
    "alu rqt uops=0:1 imm=-1": Alu(alu_opcode=AluOpcode.RQT, use_imm=1, imm=-1),
    "alu rqt uops=0:1 zero_point=5 lut=3 relu": Alu(
        alu_opcode=AluOpcode.RQT, use_imm=1, imm=0x3905),
    "alu rqt uops=0:1 imm=4096": Alu(alu_opcode=AluOpcode.RQT, use_imm=1, imm=0x1000),
    "alu rqt uops=0:1 imm=26624": Alu(alu_opcode=AluOpcode.RQT, use_imm=1, imm=0x6800),
    "alu red.max uops=0:1 dst=0,1 src=0,1": Alu(
        alu_opcode=AluOpcode.RED, imm=1, dst_factor_in=1, src_factor_in=1),
    "dwc uops=0:1 loop=2x3 dst=3,1 src=9,1 pitch=9 window=2x3 reset push_next": Dwc(
        iter_out=2, iter_in=3, dst_factor_out=3, dst_factor_in=1, src_factor_out=9,
        src_factor_in=1, row_pitch=9, window=6, reset=1, push_next=1),
    "dwc uops=0:1 window=1x1 overwrite": Dwc(overwrite=1),
    "load lut sram=2 dram=0x3 rows=1 cols=1": Load(
        memory_type=MemoryType.LUT, sram_base=2, dram_base=3, x_size=1, x_stride=1),
    "load wgt4 sram=0 dram=0x3 rows=1 cols=2": Load(
        memory_type=MemoryType.WGT_4BIT, dram_base=3, x_size=2, x_stride=2),
    "store inp sram=1 to=40 rows=2 cols=3 stride=5 pop_prev": Store(
        memory_type=MemoryType.INP, sram_base=1, dram_base=40, y_size=2, x_size=3, x_stride=5,
        pop_prev=1),
    "store wgt sram=0 to=16 rows=1 cols=16": Store(
        memory_type=MemoryType.WGT, dram_base=16, x_size=16, x_stride=16),
    "finish pop_prev pop_next push_prev push_next": Finish(
        pop_prev=1, pop_next=1, push_prev=1, push_next=1
    ),
}


@pytest.mark.parametrize(("line", "instruction"), LINES.items())
def test_instructions_have_these_lines(line, instruction):
    assert format_instruction(instruction, DEFAULT) == line
    assert assemble(line, DEFAULT).stream == encode_stream([instruction], DEFAULT)


def test_an_immediate_with_undefined_options_is_written_as_a_number():
    table = Alu(alu_opcode=AluOpcode.RQT, use_imm=1, imm=0x800)
    assert format_instruction(table, LEAN) == "alu rqt uops=0:1 imm=2048"
    assert assemble("alu rqt uops=0:1 imm=2048", LEAN).stream == encode_stream([table], LEAN)


RAW = {
    "opcode 6 is undefined": (Undefined(6), 0, DEFAULT),
    "dwc uops=0:1 window=1; this configuration has no depthwise": (Dwc(window=1), 0, LEAN),
    "dwc uops=0:1 window=8; window 8 is undefined": (Dwc(window=8), 0, DEFAULT),
    "load lut sram=0 dram=0x0 rows=1 cols=1; this configuration has no load of LUT": (
        Load(memory_type=6, x_size=1, x_stride=1), 0, LEAN
    ),
    "load wgt4 cols=0; this configuration has no load of WGT_4BIT": (Load(memory_type=7), 0, LEAN),
    "store inp sram=0 to=0 rows=1 cols=1; this configuration has no store to INP": (
        Store(memory_type=2, x_size=1, x_stride=1), 0, LEAN
    ),
    "alu red.max uops=0:1; this configuration has no red": (
        Alu(alu_opcode=AluOpcode.RED, imm=1), 0, LEAN
    ),
    "alu red imm=3 uops=0:1; RED immediate 0x0003: must be one of 0 (SUM), 1 (MAX), 2 (MIN)": (
        Alu(alu_opcode=AluOpcode.RED, imm=3), 0, DEFAULT
    ),
    "alu red.sum uops=0:1 imm=0; red needs use_imm = 0": (
        Alu(alu_opcode=AluOpcode.RED, use_imm=1), 0, DEFAULT
    ),
    "alu opcode5 uops=0:1; ALU opcode 5 is undefined": (Alu(alu_opcode=5), 0, DEFAULT),
    "alu rqt uops=0:1; rqt needs use_imm = 1": (Alu(alu_opcode=AluOpcode.RQT), 0, DEFAULT),
    "alu rqt uops=0:1 zero_point=0; this configuration has no rqt": (
        Alu(alu_opcode=AluOpcode.RQT, use_imm=1), 0, BASE
    ),
    "gemm uops=0:1 overwrite; this configuration has no overwrite": (Gemm(overwrite=1), 0, BASE),
    "alu max uops=0:1; unused imm=7": (Alu(alu_opcode=AluOpcode.MAX, imm=7), 0, DEFAULT),
    "finish; bits of no field set: 0x80": (Finish(), 0x80, DEFAULT),
    "alu min uops=0:1; bits of no field set: 0x80": (
        Alu(alu_opcode=AluOpcode.MIN), 0x80, DEFAULT
    ),
}


@pytest.mark.parametrize(("comment", "given"), RAW.items())
def test_words_without_a_text_form_are_raw_words(comment, given):
    instruction, stray, config = given
    word = encode(instruction, config) | stray
    line = format_word(word, config)
    assert line == f".word 0x{word:032x} ; {comment}"
    assert assemble(line, config).stream == word.to_bytes(16, "little")


def test_addresses_in_buffers_are_named():
    buffers = [
        DramBuffer("image", MemoryType.INP, 0x100, 16), DramBuffer("bias", MemoryType.ACC, 0x100),
    ]
    stream = encode_stream(
        [Load(memory_type=kind, dram_base=at, x_size=1, x_stride=1)
         for kind, at in ((2, 0x100), (2, 0x10F), (2, 0x110), (3, 0x110), (3, 0xFF), (1, 0x100))],
        DEFAULT,
    )
    text = disassemble(stream, DEFAULT, buffers=buffers)
    assert re.findall(r"dram=(\S+)", text) == [
        "@image", "@image+15", "0x110", "@bias+16", "0xff", "0x100",
    ]
    again = assemble(text)
    assert (again.stream, list(again.buffers)) == (stream, buffers)


def test_listing_of_a_program_is_this():
    text = disassemble(
        encode_stream([Gemm(reset=1), Finish()], BASE), BASE, uops=bytes([1, 0, 0, 0])
    )
    assert text == (
        ".config base\n"
        "\n"
        ".uops\n"
        "    1,0,0                                                        ; 0\n"
        "\n"
        "gemm uops=0:1 reset                                              ; 0\n"
        "finish                                                           ; 1\n"
    )


def test_unnamed_configuration_is_written_out():
    text = disassemble(b"", DEFAULT.replace(log_acc_buff_size=16))
    assert text == "; for configuration 1x16_i8w8a32_15_15_18_16_oqlrdfw8\n\n"


@pytest.mark.parametrize(("stream", "uops", "message"), [
    (bytes(15), b"", "instruction stream has 15 bytes, which is not a multiple of 16"),
    (b"", bytes(5), "micro-op image has 5 bytes, which is not a multiple of 4"),
])
def test_truncated_files_are_refused(stream, uops, message):
    with pytest.raises(StreamLengthError, match=message):
        disassemble(stream, DEFAULT, uops=uops)


def test_documented_tables_name_every_operand():
    page = (Path(__file__).parents[3] / "docs/assembly.md").read_text(encoding="utf-8")
    for mnemonic, form in FORMATS.items():
        row = re.search(rf"^\| `{mnemonic}` \|.*$", page, re.M)
        assert row
        for word in (*(operand.name for operand in form.operands), *form.flags):
            assert f"`{word}`" in row[0] or "as `load`" in row[0], (mnemonic, word)
        for operand in form.operands:
            fields = ", ".join(operand.fields)
            assert re.search(rf"^\| `{operand.name}=.*?\| (imm\[7:0\]|{fields})", page, re.M)
