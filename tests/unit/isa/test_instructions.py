"""Words of instructions: literals computed by hand from vta_isa.md section 2, and round trips."""

import pytest
from hypothesis import given, settings, strategies as st

from myvta.isa.config import NAMED
from myvta.isa.fields import layout
from myvta.isa.instructions import (
    Alu,
    Dwc,
    EncodeError,
    Finish,
    Gemm,
    Load,
    Store,
    StreamLengthError,
    Undefined,
    Uop,
    decode,
    decode_stream,
    decode_uop,
    encode,
    encode_stream,
    encode_uop,
    route,
    words,
)
from myvta.isa.opcodes import AluOpcode, MemoryType, Module

BASE = NAMED["base"]

LITERALS = {
    "load": (
        Load(memory_type=MemoryType.INP, sram_base=1, dram_base=2, y_size=3, x_size=4, x_stride=5,
             y_pad_0=6, y_pad_1=7, x_pad_0=8, x_pad_1=9, push_next=1),
        0x9876_0005_0004_0003_0000_0000_0800_0540,
    ),
    "store": (
        Store(sram_base=0xFFFF, dram_base=0xFFFFFFFF, y_size=1, x_size=1, pop_prev=1, push_prev=1),
        0x0000_0000_0001_0001_03FF_FFFF_FFFF_FE29,
    ),
    "gemm": (
        Gemm(uop_bgn=1, uop_end=2, iter_out=3, iter_in=4, dst_factor_out=1, dst_factor_in=1,
             src_factor_out=1, src_factor_in=1, wgt_factor_out=1, wgt_factor_in=1, reset=1,
             pop_prev=1, push_next=1),
        0x0040_1002_0040_0801_0008_0018_0040_01CA,
    ),
    "alu": (
        Alu(alu_opcode=AluOpcode.SHR, use_imm=1, imm=-1, uop_end=1, pop_next=1, push_prev=1),
        0xFFFF_B000_0000_0000_0002_0008_0020_0034,
    ),
    "finish": (Finish(), 3),
}


@pytest.mark.parametrize(("instruction", "word"), LITERALS.values(), ids=LITERALS)
def test_instructions_encode_to_literal_words(instruction, word):
    assert hex(encode(instruction, BASE)) == hex(word)
    assert decode(word, BASE) == instruction
    assert encode_stream([instruction], BASE) == word.to_bytes(16, "little")


def test_overwrite_is_bit_63():
    plain, overwriting = Gemm(), Gemm(overwrite=1)
    assert encode(plain, BASE) ^ encode(overwriting, BASE) == 1 << 63


@pytest.mark.parametrize("opcode", [6, 7])
def test_undefined_opcodes_keep_their_word(opcode):
    word = 0x1234 << 64 | opcode
    assert decode(word, BASE) == Undefined(word)
    assert encode(Undefined(word), BASE) == word
    assert Undefined(word).opcode == opcode


@pytest.mark.slow
@settings(max_examples=300)
@given(st.sampled_from(list(NAMED.values())), st.integers(0, 2**128 - 1))
def test_decode_keeps_every_field(config, word):
    instruction = decode(word, config)
    if isinstance(instruction, Undefined):
        assert instruction.word == word
    else:
        assert encode(instruction, config) == word & layout(instruction.opcode, config).mask


@settings(max_examples=100)
@given(st.sampled_from(list(NAMED.values())), st.integers(0, 2**32 - 1))
def test_micro_op_round_trip(config, word):
    uop = decode_uop(word, config)
    assert decode_uop(encode_uop(uop, config), config) == uop


def test_micro_op_encodes_to_a_literal_word():
    assert encode_uop(Uop(dst=1, src=1, wgt=1), BASE) == 0x0040_0801


@pytest.mark.parametrize(
    ("instruction", "text"),
    [(Load(memory_type=2, x_size=65536), "LOAD x_size must be 0..65535, not 65536"),
     (Gemm(uop_end=8193 * 2), "GEMM uop_end must be 0..16383, not 16386"),
     (Alu(imm=-32769), "ALU imm must be -32768..32767, not -32769")],
)
def test_oversized_value_is_refused(instruction, text):
    with pytest.raises(EncodeError, match=f"^{text}$"):
        encode(instruction, BASE)


def test_oversized_micro_op_is_refused():
    with pytest.raises(EncodeError, match=r"^micro-op wgt must be 0\.\.1023, not 1024$"):
        encode_uop(Uop(wgt=1024), BASE)


def test_overwrite_without_its_extension_is_refused():
    config = BASE.replace(log_uop_buff_size=10)  # dst_factor_out reaches bit 63
    assert decode(encode(Gemm(dst_factor_out=2047), config), config).overwrite == 0
    with pytest.raises(EncodeError, match="^GEMM overwrite must be 0 here, where it has no place"):
        encode(Gemm(overwrite=1), config)


def test_truncated_stream_is_refused():
    text = (
        r"^the instruction stream has 17 bytes, which is not a multiple of 16: it is truncated or "
        r"something else$"
    )
    with pytest.raises(StreamLengthError, match=text):
        decode_stream(bytes(17), BASE)
    with pytest.raises(StreamLengthError, match="^the image has 3 bytes"):
        words(bytes(3), 4, "image")


def test_stream_round_trip():
    stream = [instruction for instruction, _ in LITERALS.values()]
    assert decode_stream(encode_stream(stream, BASE), BASE) == stream
    assert decode_stream(b"", BASE) == []


@pytest.mark.parametrize(
    ("instruction", "module"),
    [(Load(memory_type=MemoryType.INP), Module.LOAD),
     (Load(memory_type=MemoryType.WGT), Module.LOAD),
     (Load(memory_type=MemoryType.WGT_4BIT), Module.LOAD),
     *((Load(memory_type=kind), Module.COMPUTE) for kind in (0, 3, 4, 5, 6)),
     *((Store(memory_type=kind), Module.STORE) for kind in range(8)),
     (Gemm(), Module.COMPUTE), (Dwc(), Module.COMPUTE), (Alu(), Module.COMPUTE),
     (Finish(), Module.COMPUTE), (Undefined(6), Module.COMPUTE)],
)
def test_instructions_are_routed_to_their_module(instruction, module):
    assert route(instruction) == module
