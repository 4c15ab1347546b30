"""Slots of a scratchpad are taken in turn, the longest idle first."""

from __future__ import annotations

from myvta.compiler.codegen.scratchpad_lru import LruBuffers


def test_least_recently_used_slot_is_reused() -> None:
    pool = LruBuffers(8, 4)
    first = pool.take("a")
    assert first.base == 8
    second = pool.take("b")
    assert second.base == 12
    assert pool.find("a") is first
    assert pool.take("c") is second  # "b" was idle longer
    assert pool.find("b") is None
