"""What must wait for what: from the tiles and the memory that instructions touch."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from stream_steps import (
    ACC,
    COMPUTE,
    CONFIG,
    INP,
    LOAD,
    STORE,
    WGT,
    Emit,
    gemm,
    load,
    store,
    stream,
)

from myvta.compiler.codegen.dependence import dependences
from myvta.driver.stream.instruction_stream import InstructionStream
from myvta.driver.stream.stream import StreamBuilder
from myvta.isa.config import named
from myvta.isa.instructions import (
    Finish,
    Gemm,
    Instruction,
    Load,
    Uop,
    encode_stream,
    encode_uop,
)
from myvta.isa.opcodes import AluOpcode, MemoryType, Module

EXTENDED = CONFIG.replace(depthwise=True, forward=True)


def waits(made: InstructionStream) -> list[dict[Module, int]]:
    """Return the dependences of instructions; LOAD UOP and FINISH are not numbered."""
    kept = [
        position for position, item in enumerate(made.instructions[:-1])
        if not (isinstance(item, Load) and item.memory_type == MemoryType.UOP)
    ]
    found = dependences(made)
    return [
        {module: kept.index(other) for module, other in found[position].items()}
        for position in kept
    ]


def test_compute_waits_for_the_tiles_it_reads() -> None:
    found = waits(stream(
        load(INP, 0, 0, 4), load(INP, 4, 4, 4), load(WGT, 0, 0), load(WGT, 1, 1),
        gemm(0, 2, 0, 2), gemm(0, 2, 1, 3), gemm(0, 20, 20),
    ))
    assert found[4:] == [{LOAD: 2}, {LOAD: 3}, {}]


def test_a_load_waits_for_the_last_reader() -> None:
    found = waits(stream(
        gemm(0, 0, 0, 4), gemm(0, 4, 0, 4), load(INP, 3, 0, 2), load(INP, 8, 0), load(WGT, 0, 0),
        load(INP, 0, 0),
    ))
    assert found[2:] == [{COMPUTE: 1}, {}, {COMPUTE: 1}, {COMPUTE: 0}]


def test_a_reset_reads_nothing() -> None:
    def reset(builder: StreamBuilder) -> None:
        builder.gemm([(0, 0, 0)], reset=True)

    assert waits(stream(load(INP, 0, 0), reset, load(INP, 0, 0))) == [{}, {}, {}]


def test_padding_is_written_too() -> None:
    def padded(builder: StreamBuilder) -> None:
        builder.load_2d(INP, 0, 0, 2, 2, 4, x_pad=(1, 1), y_pad=(1, 0))

    assert waits(stream(gemm(0, 11, 0), padded, gemm(0, 11, 0), gemm(0, 12, 0))) == [
        {}, {COMPUTE: 0}, {LOAD: 1}, {}]


def test_padding_of_micro_ops_is_zero_micro_ops() -> None:
    """UOP holds (0, 0, 0) and (3, 2, 1): a GEMM waits for the INP tile that its micro-op names."""
    padded = Load(memory_type=MemoryType.UOP, x_size=1, x_pad_0=1)
    image = np.array([encode_uop(Uop(3, 2, 1), CONFIG)], "<u4").tobytes()
    tiles = [Load(memory_type=INP, sram_base=tile, x_size=1) for tile in (0, 2)]
    for uop, position in ((0, 1), (1, 2)):
        gemm = Gemm(uop_bgn=uop, uop_end=uop + 1)
        items: tuple[Instruction, ...] = (padded, *tiles, gemm, Finish())
        code = encode_stream(list(items), CONFIG)
        made = InstructionStream(CONFIG, items, ("",) * len(items), code, image)
        assert dependences(made)[3] == {LOAD: position}


def test_store_waits_for_its_accumulators() -> None:
    def add(builder: StreamBuilder) -> None:
        builder.alu([(3, 9)], AluOpcode.ADD)

    found = waits(stream(
        gemm(0, 0, 0, 4), store(0, 0, 2), store(2, 2, 2), load(ACC, 1, 50), add, gemm(8, 0, 0),
        store(8, 8),
    ))
    assert found == [{}, {COMPUTE: 0}, {COMPUTE: 0}, {STORE: 1}, {STORE: 2}, {}, {COMPUTE: 5}]


@pytest.mark.parametrize(("count", "rows", "stride", "touches"), [
    (4, 1, 4, True), (1, 3, 4, False), (2, 3, 4, True), (1, 3, 5, True),
])
def test_memory_is_compared_row_by_row(count: int, rows: int, stride: int, touches: bool) -> None:
    """Tile 101 is stored, rows from tile 100 or 96 on are loaded."""
    def rows_of(builder: StreamBuilder) -> None:
        first = 100 if rows == 1 else 96 if stride == 5 else 100
        builder.load_2d(INP, 0, first, count, rows, stride)

    found = waits(stream(gemm(0, 9, 0), store(0, 101), rows_of))
    assert found[2] == ({STORE: 1} if touches else {})


def test_memory_is_not_overwritten_before_it_is_read() -> None:
    assert waits(stream(load(INP, 0, 7, 3), gemm(0, 9, 9), store(0, 8)))[2] == {
        COMPUTE: 1, LOAD: 0}


def test_weights_do_not_wait_for_concurrent_stores() -> None:
    """A weight tile of this configuration is four output tiles long."""
    found = waits(stream(gemm(0, 9, 9), store(0, 8), load(WGT, 0, 3), load(WGT, 0, 2)))
    assert found[2:] == [{}, {STORE: 1}]


def forward(memory_type: MemoryType, sram: int, first: int, count: int = 1) -> Emit:
    """Return a STORE that copies neighbouring tiles on chip."""
    return lambda builder: builder.forward_2d(memory_type, sram, first, count)


def test_window_reads_the_tiles_of_its_taps() -> None:
    """Two windows of 2 x 2 taps from tile 10 on, rows 7 apart; the weight index has no factor."""
    def windows(builder: StreamBuilder) -> None:
        builder.depthwise([(0, 10, 3)], (2, 2), row_pitch=7, iter_in=2, src_factor=(0, 1))

    loads = [load(INP, n, 0) for n in range(30)] + [load(WGT, n, 0) for n in range(6)]
    actual = waits(stream(windows, *loads, config=EXTENDED))
    assert [n for n in range(30) if actual[1 + n]] == [10, 11, 12, 17, 18, 19]
    assert [n for n in range(6) if actual[31 + n]] == [3]
    assert waits(stream(load(INP, 18, 0), windows, store(0, 9), config=EXTENDED))[1:] == [
        {LOAD: 0}, {COMPUTE: 1}]


def test_compute_waits_for_tiles_that_a_store_forwards() -> None:
    """A WGT tile of this configuration is four rows."""
    actual = waits(stream(
        gemm(0, 20, 20, 8), forward(INP, 0, 5, 2), forward(WGT, 2, 7, 2), gemm(30, 6, 30),
        gemm(31, 30, 1), gemm(32, 30, 2), gemm(33, 7, 0), config=EXTENDED))
    assert actual[1:] == [{COMPUTE: 0}, {COMPUTE: 0}, {STORE: 1}, {STORE: 2}, {STORE: 2}, {}]


def test_forwarding_waits_for_readers_and_for_loads_that_nothing_has_read() -> None:
    actual = waits(stream(
        load(INP, 4, 0, 4), gemm(0, 4, 9, 2), forward(INP, 20, 4, 2), forward(INP, 20, 6),
        gemm(1, 6, 9), config=EXTENDED))
    assert actual[2:] == [{COMPUTE: 1}, {LOAD: 0}, {STORE: 3}]


def test_load_waits_for_forwarded_tiles_that_nothing_has_read() -> None:
    actual = waits(stream(
        forward(INP, 0, 4, 2), gemm(9, 5, 9), load(INP, 4, 0), load(INP, 5, 0), gemm(9, 4, 9),
        config=EXTENDED))
    assert actual[2:] == [{STORE: 0}, {COMPUTE: 1}, {LOAD: 2}]


def test_forwarding_reads_accumulators_and_no_memory() -> None:
    actual = waits(stream(
        gemm(0, 9, 9), forward(INP, 0, 3), load(INP, 50, 3), gemm(0, 9, 9), load(INP, 51, 7),
        config=EXTENDED))
    assert actual[1:] == [{COMPUTE: 0}, {}, {STORE: 1}, {}]


def test_sets_of_tiles_are_those_of_all_steps() -> None:
    """Against every step written out, for random loops."""
    rng = np.random.default_rng(1)
    for _ in range(30):
        outer, inner = (int(n) for n in rng.integers(1, 5, 2))
        factors = rng.integers(0, 6, (3, 2))
        uops = rng.integers(0, 40, (int(rng.integers(1, 5)), 3))
        src, wgt = (
            {int(u[k] + o * factors[k][0] + i * factors[k][1])
             for u in uops for o in range(outer) for i in range(inner)} for k in (1, 2)
        )

        step = partial(
            StreamBuilder.gemm, kernel=uops, iter_out=outer, iter_in=inner,
            dst_factor=tuple(factors[0]), src_factor=tuple(factors[1]),
            wgt_factor=tuple(factors[2]),
        )
        loads = [load(INP, n, 0) for n in range(100)] + [load(WGT, n, 0) for n in range(64)]
        found = waits(stream(step, *loads))
        assert [n for n in range(100) if found[1 + n]] == sorted(src)
        assert [n for n in range(64) if found[101 + n]] == sorted(wgt)


def test_finish_waits_for_load_and_store_where_programs_are_vtas() -> None:
    steps = (load(INP, 0, 0), load(WGT, 0, 0), gemm(0, 0, 0), store(0, 9), load(INP, 1, 1))
    assert dependences(stream(*steps))[-1] == {}
    made = stream(*steps, config=named("1x4x4_base"))
    kinds = [type(item).__name__ for item in made.instructions]
    last = len(kinds) - 1 - kinds[::-1].index("Load")
    assert dependences(made)[-1] == {LOAD: last, STORE: kinds.index("Store")}
