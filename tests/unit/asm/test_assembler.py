"""Programs in text: their words, and every problem with its whole message."""

import contextlib
import re
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

from myvta.isa.asm.assembler import AssemblyError, assemble, assemble_file
from myvta.isa.asm.operand_text import DramBuffer
from myvta.isa.config import NAMED
from myvta.isa.instructions import Alu, Dwc, Gemm, Load, Store, decode_stream
from myvta.isa.opcodes import AluOpcode, MemoryType

DOCS = Path(__file__).parents[3] / "docs"

PROGRAM = """
.config 1x4x4               ; comments and blank lines
.buffer image inp 0x10 8

.uops first
    1,2,3
    0x00000004              ; raw
.uops
    5,6,7
.uops second
    7,7,7

load inp dram=@image+7 cols=1 push_next   ; sram, rows, stride have defaults
gemm uops=second
gemm uops=first reset
.word 0x00000000000000000000000000000003
"""


def test_program_assembles_to_its_words():
    program = assemble(PROGRAM)
    assert program.config is NAMED["1x4x4"]
    assert program.buffers == (DramBuffer("image", MemoryType.INP, 0x10, 8),)
    assert program.lines == (13, 14, 15, 16)
    assert program.uops == b"".join(
        word.to_bytes(4, "little")
        for word in (1 | 2 << 8 | 3 << 16, 4, 5 | 6 << 8 | 7 << 16, 7 | 7 << 8 | 7 << 16)
    )
    load, second, first, raw = decode_stream(program.stream, NAMED["1x4x4"])
    assert load == Load(memory_type=2, dram_base=0x17, x_size=1, x_stride=1, push_next=1)
    assert second == Gemm(uop_bgn=3, uop_end=4)
    assert first == Gemm(uop_bgn=0, uop_end=2, reset=1)
    assert program.stream[-16:] == (3).to_bytes(16, "little")
    assert raw.opcode == 3


def test_documented_example_assembles():
    page = (DOCS / "assembly.md").read_text(encoding="utf-8")
    example = page.split("```")[1]
    program = assemble(example)
    assert len(program.stream) == 7 * 16
    assert len(program.uops) == 2 * 4


def test_documented_errors_are_raised():
    """The page shows the messages of the assembler."""
    page = (DOCS / "assembly.md").read_text(encoding="utf-8")
    shown = page.split("```")[-2].strip()
    text = ".config default" + "\n" * 6 + "load inp sram=70000 cols=1\n\ngemm\n"
    with pytest.raises(AssemblyError) as caught:
        assemble(text, source="conv.s")
    assert str(caught.value) == shown


TOKENS = "pop_prev, pop_next, push_prev, push_next"
TYPES = "uop, wgt, inp, acc, out, acc_8bit, lut, wgt4"
OPCODES = "min, max, add, shr, mul, rqt, red.sum, red.max, red.min"
PROBLEMS = {
    "load inp sram=70000 cols=1": "load: sram (sram_base) must be 0..65535, not 70000",
    "load inp cols=65536": "load: cols (x_size) must be 0..65535, not 65536",
    "load inp cols=1 dram=0x100000000":
        "load: dram (dram_base) must be 0..4294967295, not 4294967296",
    "load inp cols=1 pad=16,0,0,0": "load: pad (y_pad_0) must be 0..15, not 16",
    "load inp cols=1 pad=0,0,0,-1": "load: pad (x_pad_1) must be 0..15, not -1",
    "load inp cols=1 pad=1,2":
        "load: pad must be <y_pad_0>,<y_pad_1>,<x_pad_0>,<x_pad_1>, not '1,2'",
    "load inp cols=x": "load: cols must be a number, not 'x'",
    "load inp": "load: needs cols=<x_size>",
    "load cols=1":
        f"load: needs its memory type first: one of {TYPES}",
    "load img cols=1":
        f"load: unknown memory type 'img'; known: {TYPES}",
    "load inp cols=1 cols=2": "load: cols occurs 2 times",
    "load inp cols=1 row=2":
        "load: unknown operand 'row'; known: sram, dram, rows, cols, stride, pad",
    "load inp cols=1 rows": "load: rows needs a value: rows=<y_size>",
    "load inp cols=1 push": f"load: unknown flag 'push'; known: {TOKENS}",
    "load inp cols=1 dram=@nope":
        "load: dram: no buffer named 'nope' above this line; known: image",
    "load wgt cols=1 dram=@image": "load: dram: buffer 'image' holds inp, not wgt",
    "load inp cols=1 dram=@image+8": "load: dram: offset in buffer 'image' must be 0..7, not 8",
    "load inp cols=1 dram=@image+x": "load: dram: offset in buffer 'image' must be 0..7, not x",
    "gemm": "gemm: needs uops=<uop_bgn>:<uop_end>",
    "gemm uops=nope":
        "gemm: uops must be <uop_bgn>:<uop_end> or the name of a .uops section above this line, "
        "not 'nope'",
    "gemm uops=0:16385": "gemm: uops (uop_end) must be 0..16383, not 16385",
    "gemm uops=0:1 loop=3": "gemm: loop must be <iter_out>x<iter_in>, not '3'",
    "gemm uops=0:1 dst=2048,0": "gemm: dst (dst_factor_out) must be 0..2047, not 2048",
    "gemm uops=0:1 relu": f"gemm: unknown flag 'relu'; known: reset, overwrite, {TOKENS}",
    "gemm uops=0:1 pop_prev pop_prev": "gemm: pop_prev occurs 2 times",
    "alu uops=0:1": f"alu: needs its ALU opcode first: one of {OPCODES}",
    "alu sub uops=0:1": f"alu: unknown ALU opcode 'sub'; known: {OPCODES}",
    "alu add uops=0:1 imm=32768": "alu: imm must be -32768..32767, not 32768",
    "alu add uops=0:1 zero_point=1 relu": "alu: relu, zero_point is only valid for rqt",
    "alu rqt uops=0:1": "alu: rqt needs zero_point=<zero_point>",
    "alu rqt uops=0:1 zero_point=128": "alu: zero_point must be -128..127, not 128",
    "alu rqt uops=0:1 zero_point=x": "alu: zero_point must be a number, not 'x'",
    "alu rqt uops=0:1 zero_point=1 imm=1":
        "alu: imm already contains zero_point: use one of the two",
    "finish now": f"finish: unknown flag 'now'; known: {TOKENS}",
    "finish x=1": "finish: unknown operand 'x'; known: none",
    "FINISH": "unknown word 'FINISH'; a line starts with one of load, store, gemm, dwc, alu, "
              "finish, .config, .buffer, .uops, .word",
    "1,2,3": "a line of numbers is a micro-op and belongs under .uops: '1,2,3'",
    ".word": ".word needs one number of 128 bits, not ''",
    f".word 0x1{0:032x}": f".word needs one number of 128 bits, not '0x1{0:032x}'",
    ".uops a b": ".uops takes one name of letters, digits, _ and ., not 'a b'",
    ".uops kernel": "duplicate .uops section 'kernel'",
    ".buffer x": ".buffer needs a name, a memory type, an element address and an optional count",
    ".buffer 1x inp 0": "buffer name '1x' must be letters, digits, _ and . after a letter",
    ".buffer image inp 0": "duplicate buffer 'image'",
    ".buffer x img 0": f"unknown memory type 'img'; known: {TYPES}",
    ".buffer x inp -1": "buffer address must be 0..4294967295, not -1",
    ".buffer x inp 0 0": "buffer count must be 1..4294967296, not 0",
    ".config": ".config needs the name of a configuration or its file",
    ".config default": "duplicate .config; a text is for one configuration",
}


@pytest.mark.parametrize(("line", "problem"), PROBLEMS.items())
def test_problem_is_reported_with_its_line(line, problem):
    head = ".config default\n.buffer image inp 0x10 8\n.uops kernel\n0,0,0\nfinish\n"
    with pytest.raises(AssemblyError) as caught:
        assemble(head + line, source="a.s")
    assert str(caught.value) == f"a.s:6: {problem}"


@pytest.mark.parametrize(("line", "problem"), [
    ("0,0,1024", "micro-op wgt must be 0..1023, not 1024"),
    ("0,0", "a micro-op is dst,src,wgt or one raw word, not '0,0'"),
    ("0,x,0", "a micro-op is dst,src,wgt or one raw word, not '0,x,0'"),
    ("0x100000000", "a raw micro-op is one number of 32 bits, not 0x100000000"),
])
def test_micro_op_problem_is_reported_with_its_line(line, problem):
    with pytest.raises(AssemblyError) as caught:
        assemble(f".uops\n{line}", NAMED["base"])
    assert caught.value.problems == [(2, problem)]


@pytest.mark.parametrize(("line", "problem"), [
    ("gemm uops=0:1 overwrite", "gemm: configuration base has no overwrite"),
    ("alu rqt uops=0:1 zero_point=0",
     "alu: configuration base has no rqt: that is extension requantize"),
    ("dwc uops=0:1 window=1x1", "dwc: configuration base has no dwc: that is extension depthwise"),
    ("alu red.max uops=0:1", "alu: configuration base has no red: that is extension reduce"),
    ("load lut cols=1", "load: configuration base has no load of LUT: that is extension lookup"),
    ("load wgt4 cols=1",
     "load: configuration base has no load of WGT_4BIT: that is extension weights4"),
    ("store inp to=0 cols=1",
     "store: configuration base has no store to INP: that is extension forward"),
    ("store wgt to=0 cols=1",
     "store: configuration base has no store to WGT: that is extension forward"),
])
def test_missing_extension_is_reported(line, problem):
    with pytest.raises(AssemblyError, match=f"^<text>:1: {problem}$"):
        assemble(line, NAMED["base"])


DEFAULT = NAMED["default"]
LINES = {
    "dwc uops=0:2 loop=4x5 dst=5,1 src=7,1 pitch=7 window=2x3 overwrite": Dwc(
        uop_end=2, iter_out=4, iter_in=5, dst_factor_out=5, dst_factor_in=1, src_factor_out=7,
        src_factor_in=1, row_pitch=7, window=6, overwrite=1),
    "dwc uops=0:1 window=2x4 reset": Dwc(window=7, reset=1),
    "alu red.sum uops=0:1": Alu(alu_opcode=AluOpcode.RED),
    "alu red.min uops=0:1 src=0,3": Alu(alu_opcode=AluOpcode.RED, imm=2, src_factor_in=3),
    "alu rqt uops=0:1 zero_point=-1 lut=2": Alu(
        alu_opcode=AluOpcode.RQT, use_imm=1, imm=0x28FF),
    "store inp sram=3 to=40 cols=5 stride=7 rows=2": Store(
        memory_type=MemoryType.INP, sram_base=3, dram_base=40, x_size=5, x_stride=7, y_size=2),
    "store wgt to=16 cols=16": Store(
        memory_type=MemoryType.WGT, dram_base=16, x_size=16, x_stride=16),
    "load lut sram=1 dram=6 cols=1": Load(
        memory_type=MemoryType.LUT, sram_base=1, dram_base=6, x_size=1, x_stride=1),
    "load wgt4 dram=9 cols=2": Load(
        memory_type=MemoryType.WGT_4BIT, dram_base=9, x_size=2, x_stride=2),
}


@pytest.mark.parametrize(("line", "instruction"), LINES.items())
def test_lines_of_extensions_mean_these_instructions(line, instruction):
    assert decode_stream(assemble(line, DEFAULT).stream, DEFAULT) == [instruction]


@pytest.mark.parametrize(("line", "problem"), [
    ("dwc uops=0:1", "dwc: needs window=<window_rows>x<window_columns>"),
    ("dwc uops=0:1 window=3", "dwc: window must be <window_rows>x<window_columns>, not '3'"),
    ("dwc uops=0:1 window=3x3",
     "dwc: a window must have 1..2 rows and 1..4 columns, not 3x3"),
    ("dwc uops=0:1 window=0x1",
     "dwc: a window must have 1..2 rows and 1..4 columns, not 0x1"),
    ("dwc uops=0:1 window=0x0",
     "dwc: a window must have 1..2 rows and 1..4 columns, not 0x0"),
    ("dwc uops=0:1 window=1x1 wgt=0,1",
     "dwc: unknown operand 'wgt'; known: uops, loop, dst, src, pitch, window"),
    ("dwc uops=0:1 window=1x1 pitch=1024", "dwc: pitch (row_pitch) must be 0..1023, not 1024"),
    ("alu red.max uops=0:1 imm=1", "alu: imm is not for red: its name says what it computes"),
    ("alu red.max uops=0:1 relu", "alu: relu is only valid for rqt"),
    ("alu add uops=0:1 lut=1", "alu: lut is only valid for rqt"),
    ("alu rqt uops=0:1 zero_point=0 lut=4", "alu: lut (table) must be 0..3, not 4"),
    ("alu rqt uops=0:1 lut=1", "alu: rqt needs zero_point=<zero_point>"),
    ("alu rqt uops=0:1 imm=1 lut=1", "alu: imm already contains lut: use one of the two"),
    ("store inp dram=3 cols=1", "store: dram is not for store inp: give to"),
    ("store out to=3 cols=1", "store: to is not for store out: give dram"),
])
def test_problems_of_extensions_are_reported(line, problem):
    with pytest.raises(AssemblyError) as caught:
        assemble(line, DEFAULT)
    assert caught.value.problems == [(1, problem)]


def test_empty_store_of_any_type_assembles_without_forward():
    """Programs of VTA move tokens with it."""
    (store,) = decode_stream(assemble("store inp cols=0", NAMED["base"]).stream, NAMED["base"])
    assert store == Store(memory_type=MemoryType.INP)


def test_all_problems_are_reported_in_order():
    with pytest.raises(AssemblyError) as caught:
        assemble("finish x\nload inp cols=y rows=z\n.word\n", NAMED["base"])
    assert [row for row, _ in caught.value.problems] == [1, 2, 2, 3]


def test_configuration_problems_are_reported(tmp_path):
    with pytest.raises(AssemblyError, match=r"^<text>:1: no configuration: add `.config NAME`"):
        assemble("finish")
    with pytest.raises(AssemblyError, match=r"^<text>:2: \.config: 'nope' is neither a file nor"):
        assemble("\n.config nope")
    text = "<text>:1: the text is for configuration base, but 1x4x4 was requested"
    with pytest.raises(AssemblyError, match=f"^{re.escape(text)}$"):
        assemble(".config base", NAMED["1x4x4"])
    assert assemble(".config base", NAMED["base"].replace(log_bus_width=8)).config is NAMED["base"]


def test_configuration_file_is_found_beside_the_text(tmp_path):
    odd = NAMED["base"].replace(log_acc_buff_size=16)
    (tmp_path / "odd.json").write_text(odd.to_json())
    (tmp_path / "a.s").write_text(".config odd.json\nfinish\n")
    assert assemble_file(tmp_path / "a.s").config == odd


PIECES = st.sampled_from([
    "load", "store", "gemm", "alu", "finish", "inp", "rqt", "add", "cols=", "uops=", "dram=@", "x",
    "dwc", "red.max", "lut", "lut=", "to=", "window=", "pitch=", "wgt4",
    "zero_point=", "imm=", "1", "-1", "0x", ",", ":", "@", "+", "=", " ", " ", " ", "\n", "\n", ";",
    ".uops", ".word", ".buffer", ".config ", "relu", "pop_prev", "9" * 11, "\0", "²",
])


@pytest.mark.slow
@settings(max_examples=300)
@given(st.lists(PIECES, max_size=30))
def test_any_text_is_a_program_or_a_list_of_problems(pieces):
    with contextlib.suppress(AssemblyError):
        program = assemble("".join(pieces), DEFAULT)
        assert len(program.stream) == 16 * len(program.lines)


def test_binary_files_are_refused(tmp_path):
    path = tmp_path / "a.s"
    path.write_bytes(b"\xff\x00")
    with pytest.raises(AssemblyError) as caught:
        assemble_file(path)
    assert str(caught.value) == (
        f"{path}:1: not a text: byte 0 is not UTF-8 (a binary is read by `myvta dis`)"
    )
    with pytest.raises(FileNotFoundError):
        assemble_file(tmp_path / "missing.s")
