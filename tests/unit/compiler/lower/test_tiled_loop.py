"""The loop over tiles: the order of steps, and nothing loaded that a slot holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from itertools import takewhile

import pytest

from myvta.compiler.codegen.lowering_context import LoweringContext
from myvta.compiler.codegen.scratchpad_lru import LruBuffers
from myvta.compiler.lower.tiled_loop import Chunk, Inputs, Part, Produced, Tile, TiledLoop
from myvta.driver import StreamBuilder
from myvta.isa.config import named

CONFIG = named("1x4x4")
Steps = list[tuple[object, ...]]


class Recorder:
    """Describes tiles whose steps write their names into a list when they are emitted."""

    def __init__(self, weights: LruBuffers | None = None):
        self.steps: Steps = []
        self.ctx = LoweringContext(CONFIG, {}, lambda name, tiles, memory_type: 0)
        self.loop = TiledLoop(
            self.ctx, LruBuffers(0, 10), LruBuffers(100, 50), weights or LruBuffers(0, 20))

    def note(self, builder: StreamBuilder, base: int = 0, *, name: tuple[object, ...]) -> None:
        self.steps.append((*name, base))

    def multiply(
        self, builder: StreamBuilder, bases: tuple[int, int, int], name: object
    ) -> None:
        self.steps.append(("compute", name, bases))

    def chunk(self, inputs: object, weights: object, parts: Sequence[int] = (0,)) -> Chunk:
        return Chunk(
            [Part(partial(self.multiply, name=part),
                  partial(self.note, name=("weights", weights, part)), 7 * part, 64)
             for part in parts],
            weights, Inputs(inputs, partial(self.note, name=("inputs", inputs))))

    def tile(self, key: object, chunks: list[Chunk]) -> Tile:
        def finish(part: int, base: int) -> None:
            self.ctx.store(partial(self.note, name=("finish", key, part), base=base))

        return Tile(key, chunks, finish)

    def recorded(self) -> Steps:
        """Return the steps in order."""
        self.ctx.finish()
        return self.steps


def test_axes_are_walked_from_the_outermost_in() -> None:
    record, seen = Recorder(), []

    def tile(row: str, column: int) -> Tile:
        seen.append((row, column))
        return record.tile((row, column), [])

    record.loop.run({"row": "ab", "column": range(2)}, tile)
    assert seen == [("a", 0), ("a", 1), ("b", 0), ("b", 1)]
    record.loop.run({"column": [5], "row": "cd"}, tile)
    assert seen[4:] == [("c", 5), ("d", 5)]


def test_steps_of_two_tiles_take_turns_in_the_slots() -> None:
    record = Recorder()
    record.loop.run({"at": range(2)}, lambda at: record.tile(at, [
        record.chunk((at, 0), "w0"), record.chunk((at, 1), "w1")]))
    assert record.recorded() == [
        ("weights", "w0", 0, 0), ("inputs", (0, 0), 0), ("compute", 0, (100, 0, 0)),
        ("weights", "w1", 0, 20), ("inputs", (0, 1), 10), ("compute", 0, (100, 10, 20)),
        ("finish", 0, 0, 100),
        ("inputs", (1, 0), 0), ("compute", 0, (150, 0, 0)),
        ("inputs", (1, 1), 10), ("compute", 0, (150, 10, 20)),
        ("finish", 1, 0, 150),
    ]


def test_inputs_are_loaded_once_for_all_parts_and_each_part_is_finished() -> None:
    record = Recorder()
    record.loop.run({"at": [0]}, lambda at: record.tile(at, [
        record.chunk("x", "w", (0, 1)), record.chunk("x", "v", (0, 1))]))
    assert record.recorded() == [
        ("weights", "w", 0, 0), ("inputs", "x", 0), ("compute", 0, (100, 0, 0)),
        ("weights", "w", 1, 7), ("compute", 1, (100, 0, 0)),
        ("weights", "v", 0, 20), ("compute", 0, (100, 0, 20)), ("finish", 0, 0, 100),
        ("weights", "v", 1, 27), ("compute", 1, (100, 0, 20)), ("finish", 0, 1, 100),
    ]


def test_weights_that_were_replaced_are_loaded_again() -> None:
    record = Recorder(LruBuffers(0, 20, 1))
    record.loop.run({"at": range(2)}, lambda at: record.tile(at, [
        record.chunk("x", "w"), record.chunk("x", "v")]))
    loads = [step[1] for step in record.recorded() if step[0] == "weights"]
    assert loads == ["w", "v", "w", "v"]


def test_tiles_without_inputs_and_weights_are_computed_alone() -> None:
    record = Recorder()
    record.loop.run({"at": [0]}, lambda at: record.tile(at, [
        Chunk([Part(partial(record.multiply, name="border"))])]))
    assert record.recorded() == [("compute", "border", (100, 0, 0)), ("finish", 0, 0, 100)]


def test_produced_inputs_are_recorded_before_the_steps_of_the_chunk_before() -> None:
    record = Recorder()

    def produced(key: object) -> Produced:
        return Produced(key, lambda base: record.ctx.compute(partial(
            record.note, name=("produce", key), base=base)))

    def tile(at: int) -> Tile:
        chunks = [
            replace(record.chunk(None, "w", (0, 1)), inputs=produced((at, n))) for n in range(2)]
        return record.tile(at, chunks)

    record.loop.run({"at": range(2)}, tile)
    made = [step for step in record.recorded() if step[0] != "weights"]
    assert made == [
        ("produce", (0, 0), 0), ("produce", (0, 1), 10),
        ("compute", 0, (100, 0, 0)), ("compute", 1, (100, 0, 0)),
        ("produce", (1, 0), 0),
        ("compute", 0, (100, 10, 0)), ("finish", 0, 0, 100),
        ("compute", 1, (100, 10, 0)), ("finish", 0, 1, 100),
        ("produce", (1, 1), 10),
        ("compute", 0, (150, 0, 0)), ("compute", 1, (150, 0, 0)),
        ("compute", 0, (150, 10, 0)), ("finish", 1, 0, 150),
        ("compute", 1, (150, 10, 0)), ("finish", 1, 1, 150),
    ]


def test_preparation_comes_first() -> None:
    record = Recorder()

    def prepare() -> None:
        record.ctx.compute(partial(record.note, name=("prepare",)))

    record.loop.run({"at": [0]}, lambda at: Tile(
        at, [record.chunk("x", "w")], lambda part, base: None, prepare))
    assert [step[0] for step in record.recorded()] == ["prepare", "weights", "inputs", "compute"]


@pytest.mark.parametrize(("size", "expected"), [
    (0, ["w0"]), (127, ["w0"]), (128, ["w0", "w1"]), (192, ["w0", "w1", "v0"]),
    (9999, ["w0", "w1", "v0", "v1"]),
])
def test_weights_are_prefetched_as_far_as_bytes_and_slots_go(
    size: int, expected: list[str]
) -> None:
    """Parts of 64 bytes, two slots for three chunks: those ahead of the first inputs."""
    record = Recorder()
    record.loop.run({"at": range(2)}, lambda at: record.tile(at, [
        record.chunk((at, name), name, (0, 1)) for name in "wvu"]), size)
    ahead = takewhile(lambda step: step[0] == "weights", record.recorded())
    assert [f"{step[1]}{step[2]}" for step in ahead] == expected
