"""The stream builder: its instructions and the positions of tokens."""

import pytest

from myvta.driver import StreamBuilder, StreamError, rqt_immediate
from myvta.isa.config import named
from myvta.isa.instructions import (
    Alu,
    Finish,
    Gemm,
    Load,
    Store,
    Undefined,
    decode_stream,
    encode_stream,
    route,
)
from myvta.isa.opcodes import AluOpcode, MemoryType, Module

CONFIG = named("1x4x4")
LOAD, COMPUTE, STORE = Module
ONE = [(0, 0, 0)]
UOP_LOAD = Load(memory_type=MemoryType.UOP, x_size=1, x_stride=1)


@pytest.fixture
def builder():
    return StreamBuilder(CONFIG)


def load(builder):
    builder.load_2d(MemoryType.INP, 0, 0, 1)


def store(builder):
    builder.store_2d(0, 0, 1)


def flags(stream):
    """Return (module, flags that are set) of each instruction that is no micro-op load."""
    names = ("pop_prev", "pop_next", "push_prev", "push_next")
    return [
        (route(item).name, *[name for name in names if getattr(item, name)])
        for item in stream.instructions
        if not (isinstance(item, Load) and item.memory_type == MemoryType.UOP and item.x_size)
    ]


def test_empty_stream_is_a_finish(builder):
    stream = builder.finish()
    assert stream.instructions == (Finish(),)
    assert stream.uops == b""
    assert len(stream) == 1


def test_code_is_the_encoded_instructions(builder):
    load(builder)
    builder.push(LOAD, COMPUTE)
    builder.pop(LOAD, COMPUTE)
    builder.gemm([(1, 2, 3), (4, 5, 6)], iter_out=7, iter_in=8, dst_factor=(9, 10),
                 src_factor=(11, 12), wgt_factor=(13, 14), overwrite=True)
    builder.alu([(1, 2)], AluOpcode.MAX, imm=-5)
    stream = builder.finish()
    assert stream.code == encode_stream(list(stream.instructions), CONFIG)
    assert decode_stream(stream.code, CONFIG) == list(stream.instructions)
    assert stream.instructions[2] == Gemm(
        pop_prev=1, uop_bgn=0, uop_end=2, iter_out=7, iter_in=8, dst_factor_out=9,
        dst_factor_in=10, src_factor_out=11, src_factor_in=12, wgt_factor_out=13,
        wgt_factor_in=14, overwrite=1,
    )
    assert stream.instructions[4] == Alu(
        uop_bgn=2, uop_end=3, alu_opcode=AluOpcode.MAX, use_imm=1, imm=-5
    )
    assert len(stream.uops) == 12


def test_a_kernel_is_loaded_once(builder):
    for _ in range(3):
        builder.gemm(ONE)
        builder.alu(ONE, AluOpcode.ADD)
    stream = builder.finish()
    assert stream.instructions.count(UOP_LOAD) == 1
    assert len(stream) == 8


def test_preloaded_kernels_need_no_more_loads(builder):
    kernels = builder.preload([[(number,)] for number in range(10)])
    for kernel in kernels:
        builder.gemm(kernel)
    stream = builder.finish()
    assert stream.instructions[0] == Load(memory_type=MemoryType.UOP, x_size=10, x_stride=10)
    assert len(stream) == 12


# -- tokens ----------------------------------------------------------------------------------------
def test_tokens_join_the_instructions(builder):
    load(builder)
    builder.push(LOAD, COMPUTE)
    builder.pop(LOAD, COMPUTE)
    builder.gemm(ONE)
    builder.push(COMPUTE, LOAD)
    builder.push(COMPUTE, STORE)
    builder.pop(COMPUTE, STORE)
    store(builder)
    builder.push(STORE, COMPUTE)
    builder.pop(STORE, COMPUTE)
    builder.pop(COMPUTE, LOAD)
    load(builder)
    assert flags(builder.finish()) == [
        ("LOAD", "push_next"), ("COMPUTE", "pop_prev", "push_prev", "push_next"),
        ("STORE", "pop_prev", "push_prev"), ("LOAD", "pop_next"), ("COMPUTE", "pop_next"),
    ]


def test_micro_op_loads_carry_no_tokens(builder):
    load(builder)
    builder.push(LOAD, COMPUTE)
    builder.pop(LOAD, COMPUTE)
    builder.preload([ONE])
    builder.push(COMPUTE, LOAD)  # nothing but the waiting pop to complete: a no-op does it
    builder.pop(COMPUTE, LOAD)
    stream = builder.finish()
    assert stream.instructions[1] == UOP_LOAD
    assert flags(stream) == [
        ("LOAD", "push_next"), ("COMPUTE", "pop_prev", "push_prev"), ("LOAD", "pop_next"),
        ("COMPUTE",),
    ]


def test_a_second_push_needs_a_no_op(builder):
    load(builder)
    builder.push(LOAD, COMPUTE)
    builder.push(LOAD, COMPUTE)
    assert builder.tokens == {(LOAD, COMPUTE): 2}
    stream = builder.finish()
    assert flags(stream) == [("LOAD", "push_next"), ("LOAD", "push_next"), ("COMPUTE",)]
    assert stream.instructions[1].x_size == 0


def test_first_push_needs_a_no_op(builder):
    for link in ((LOAD, COMPUTE), (COMPUTE, LOAD), (STORE, COMPUTE)):
        builder.push(*link)
    assert builder.finish().instructions == (
        Load(memory_type=MemoryType.INP, push_next=1),
        Load(memory_type=MemoryType.UOP, push_prev=1),
        Store(push_prev=1), Finish(),
    )


def test_a_push_does_not_overtake_a_waiting_pop(builder):
    builder.gemm(ONE)
    builder.pop(LOAD, COMPUTE)
    builder.push(COMPUTE, STORE)
    load(builder)
    builder.push(LOAD, COMPUTE)
    assert flags(builder.finish()) == [
        ("COMPUTE",), ("COMPUTE", "pop_prev", "push_next"), ("LOAD", "push_next"), ("COMPUTE",),
    ]


def test_two_pops_of_a_kind_need_a_no_op(builder):
    load(builder)
    for _ in range(2):
        builder.push(LOAD, COMPUTE)
        builder.pop(LOAD, COMPUTE)
    assert flags(builder.finish()) == [
        ("LOAD", "push_next"), ("LOAD", "push_next"), ("COMPUTE", "pop_prev"),
        ("COMPUTE", "pop_prev"),
    ]


def test_trailing_pops_are_issued(builder):
    for link in ((COMPUTE, LOAD), (COMPUTE, STORE), (STORE, COMPUTE)):
        builder.push(*link)
        builder.pop(*link)
    assert flags(builder.finish()) == [
        ("COMPUTE", "push_prev", "push_next"), ("STORE", "pop_prev", "push_prev"),
        ("LOAD", "pop_next"), ("COMPUTE", "pop_next"),
    ]


def test_more_pops_than_pushes_are_refused(builder):
    builder.pop(STORE, COMPUTE)
    with pytest.raises(StreamError, match="COMPUTE pops 1 tokens more than STORE pushes"):
        builder.finish()


def test_tokens_between_load_and_store_are_refused(builder):
    message = "no token queue LOAD->STORE; there are LOAD->COMPUTE, COMPUTE->LOAD, "
    with pytest.raises(StreamError, match=message):
        builder.push(LOAD, STORE)
    with pytest.raises(StreamError, match="no token queue STORE->LOAD"):
        builder.pop(STORE, LOAD)


def test_serial_streams_order_every_change_of_engine():
    builder = StreamBuilder(CONFIG, serial=True)
    load(builder)
    load(builder)
    builder.pop(STORE, COMPUTE)  # ignored
    builder.gemm(ONE)
    builder.push(COMPUTE, LOAD)  # ignored
    store(builder)
    load(builder)
    assert flags(builder.finish()) == [
        ("LOAD",), ("LOAD", "push_next"), ("COMPUTE", "pop_prev", "push_next"),
        ("STORE", "pop_prev", "push_prev"), ("COMPUTE", "pop_next", "push_prev"),
        ("LOAD", "pop_next"), ("COMPUTE",),
    ]


# -- raw instructions, notes, refusals -------------------------------------------------------------
def test_emitted_instructions_keep_and_join_flags(builder):
    load(builder)
    builder.push(LOAD, COMPUTE)
    builder.push(LOAD, COMPUTE)
    builder.pop(LOAD, COMPUTE)
    builder.emit(Alu(pop_prev=1, push_next=1))
    builder.pop(COMPUTE, STORE)
    builder.emit(Store(x_size=1))
    builder.emit(Undefined(0x7))
    builder.push(COMPUTE, LOAD)
    assert builder.tokens[LOAD, COMPUTE] == 0
    stream = builder.finish()
    assert stream.instructions[2:] == (
        Load(memory_type=MemoryType.UOP, pop_prev=1), Alu(pop_prev=1, push_next=1),
        Store(x_size=1, pop_prev=1), Undefined(0x27), Finish(),
    )


def test_finished_stream_refuses_instructions_until_cleared(builder):
    builder.gemm(ONE)
    builder.finish()
    for again in (
        builder.finish, lambda: builder.gemm(ONE), lambda: load(builder),
        lambda: builder.push(LOAD, COMPUTE), lambda: builder.pop(LOAD, COMPUTE),
    ):
        with pytest.raises(StreamError, match=r"the stream is finished: clear\(\) starts another"):
            again()
    builder.clear()
    builder.gemm(ONE)
    assert builder.finish().instructions[0] == UOP_LOAD


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda b: b.gemm(ONE, iter_out=1 << 14), r"GEMM iter_out must be 0\.\.16383, not 16384"),
        (lambda b: b.gemm(ONE, dst_factor=(0, 256)), r"GEMM dst_factor_in must be 0\.\.255"),
        (lambda b: b.alu(ONE, AluOpcode.ADD, imm=1 << 15), r"ALU imm must be -32768\.\.32767"),
        (lambda b: b.load_2d(MemoryType.INP, 1 << 16, 0, 1), r"LOAD sram_base must be 0\.\.65535"),
        (lambda b: b.store_2d(0, 1 << 32, 1), r"STORE dram_base must be 0\.\.4294967295"),
        (lambda b: b.alu(ONE, AluOpcode.RQT), "ALU RQT takes its options in imm"),
    ],
)
def test_error_of_an_oversized_value_names_the_field(builder, call, message):
    with pytest.raises(StreamError, match=message):
        call(builder)


def test_extensions_of_another_configuration_are_refused():
    builder = StreamBuilder(named("1x4x4_base"))
    with pytest.raises(StreamError, match="GEMM overwrite is not in configuration 1x4x4_base"):
        builder.gemm(ONE, overwrite=True)
    with pytest.raises(StreamError, match="ALU RQT is not in configuration 1x4x4_base"):
        builder.alu(ONE, AluOpcode.RQT, imm=0)
    assert len(builder) == 0


def test_rqt_immediate_encodes_zero_point_and_flags():
    assert rqt_immediate(-1) == 0xFF
    assert rqt_immediate(5, relu=True) == 0x105
    assert rqt_immediate(0, away=True) == 0x200
    assert rqt_immediate(0, bypass=True) == 0x400
    with pytest.raises(StreamError, match=r"zero point must be -128\.\.127, not 128"):
        rqt_immediate(128)
    assert [rqt_immediate(1, table=n) for n in range(4)] == [0x801, 0x1801, 0x2801, 0x3801]
    with pytest.raises(StreamError, match=r"RQT table must be 0\.\.3, not 4"):
        rqt_immediate(0, table=4)
