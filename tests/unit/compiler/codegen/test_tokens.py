"""Tokens from the accesses of instructions: all that are needed and no others."""

from __future__ import annotations

from stream_steps import (
    CONFIG,
    INP,
    WGT,
    gemm,
    load,
    store,
    stream,
)

from myvta.compiler.codegen.tokens import insert_tokens, serialize
from myvta.isa.instructions import (
    Gemm,
    Load,
    Store,
    decode_stream,
)
from myvta.isa.opcodes import MemoryType


def test_tokens_pair_up_and_none_is_implied_by_another() -> None:
    made = insert_tokens(stream(
        load(INP, 0, 0), load(WGT, 0, 0), gemm(0, 0, 0), gemm(1, 0, 0), load(INP, 0, 0),
        gemm(0, 0, 0), store(0, 50), store(1, 51),
    ))
    flags = [
        tuple(name for name in ("pop_prev", "pop_next", "push_prev", "push_next")
              if getattr(item, name))
        for item in made.instructions if not isinstance(item, Load) or item.memory_type != 0
    ]
    assert flags == [
        (), ("push_next",), ("pop_prev",), ("push_prev",), ("pop_next", "push_next"),
        ("pop_prev", "push_next"), ("pop_prev",), (), (),
    ]
    assert tuple(decode_stream(made.code, CONFIG)) == made.instructions


def test_load_waits_for_store_through_compute() -> None:
    made = insert_tokens(stream(gemm(0, 9, 9), store(0, 5), load(INP, 0, 5), load(INP, 1, 5)))
    relay = [item for item in made.instructions if isinstance(item, Load) and not item.x_size]
    assert len(relay) == 1
    assert (relay[0].pop_next, relay[0].push_prev) == (1, 1)
    loads = [item for item in made.instructions if isinstance(item, Load) and item.x_size]
    assert [item.pop_next for item in loads[1:]] == [1, 0]
    (stored,) = (item for item in made.instructions if isinstance(item, Store))
    assert (stored.pop_prev, stored.push_prev) == (1, 1)


def test_a_relay_is_placed_where_the_store_has_ended() -> None:
    """Compute goes on with other work until then."""
    work = [gemm(100 + n, 9, 9, 60) for n in range(8)]
    made = insert_tokens(stream(
        gemm(0, 9, 9), store(0, 5, 20), *work, load(INP, 0, 5), gemm(0, 0, 0)))
    kinds = [item for item in made.instructions
             if isinstance(item, Gemm) or (isinstance(item, Load) and not item.x_size)]
    at = next(n for n, item in enumerate(kinds) if isinstance(item, Load))
    assert 2 <= at <= 5  # 20 beats, a hundred cycles, 60 steps each


def test_serialized_stream_runs_one_engine_at_a_time() -> None:
    made = serialize(stream(load(INP, 0, 0), load(WGT, 0, 0), gemm(0, 0, 0), store(0, 0)))
    pushes = [item.push_next for item in made.instructions if isinstance(item, (Load, Gemm))
              and getattr(item, "memory_type", INP) != MemoryType.UOP]
    assert pushes == [0, 1, 1]
    assert len(made.uops) == 4
