"""Tokens from dependencies: only those needed, all of them popped, none missing."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
from compiler_networks import check_every_layer, compiled, random_network

from myvta.compiler.pipeline import Pipeline
from myvta.driver.stream import StreamBuilder
from myvta.isa.config import named
from myvta.isa.instructions import Finish, Load
from myvta.isa.opcodes import MemoryType, Module

LOAD, COMPUTE, STORE = Module.LOAD, Module.COMPUTE, Module.STORE


def load(builder: StreamBuilder) -> None:
    """Emit a load of one tile."""
    builder.load_2d(MemoryType.INP, 0, 0, 1)


def test_a_wait_that_another_implies_needs_no_token() -> None:
    pipeline = Pipeline()
    first, second = pipeline.step(LOAD, load), pipeline.step(LOAD, load)
    pipeline.step(COMPUTE, None, [second])
    pipeline.step(COMPUTE, None, [first])
    pipeline.step(COMPUTE, None, [second, None])
    pipeline.resolve()
    assert [step.pops for step in pipeline.steps] == [[], [], [LOAD], [], []]
    assert [step.pushes for step in pipeline.steps] == [[], [COMPUTE], [], [], []]


def test_load_waits_for_store_through_compute() -> None:
    pipeline = Pipeline()
    stored = pipeline.step(STORE, None)
    pipeline.step(LOAD, load, [stored])
    pipeline.step(LOAD, load, [stored])
    assert [step.module for step in pipeline.steps] == [STORE, COMPUTE, LOAD, LOAD]
    stream = pipeline.build(named("1x4x4"))
    assert [item.pop_next for item in stream.instructions if isinstance(item, Load)] == [1, 1, 0]
    assert isinstance(stream.instructions[-1], Finish)


def test_steps_of_one_engine_need_no_token() -> None:
    pipeline = Pipeline()
    first = pipeline.step(LOAD, load)
    pipeline.step(LOAD, load, [first])
    pipeline.resolve()
    assert not any(step.pops or step.pushes for step in pipeline.steps)


def multiply(first: int, builder: StreamBuilder) -> None:
    """Emit a GEMM of a kernel of two micro-ops."""
    builder.gemm([(first, 0, 0), (first + 1, 0, 0)])


@pytest.mark.parametrize(("kernels", "loads"), [(3, 1), (200, 200)])
def test_kernels_are_loaded_together_if_they_fit(kernels: int, loads: int) -> None:
    pipeline = Pipeline()
    pipeline.preload("layer")
    for first in range(kernels):
        pipeline.step(COMPUTE, partial(multiply, first), note="layer")
    stream = pipeline.build(named("1x4x4"))  # holds 256 micro-ops
    issued = [item for item in stream.instructions if isinstance(item, Load)]
    assert len(issued) == loads
    assert sum(item.x_size for item in issued) == 2 * kernels


def test_notes_name_the_step() -> None:
    pipeline = Pipeline()
    pipeline.step(LOAD, load, note="conv1")
    assert pipeline.build(named("1x4x4")).notes == ("conv1", "")


@pytest.mark.parametrize("seed", range(3))
def test_without_its_tokens_a_network_goes_wrong(
    tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control of every test under permuted schedules: they do notice missing tokens."""
    def forget(self: Pipeline) -> None:
        for step in self.steps:
            step.pops, step.pushes = [], []

    build = random_network(seed)
    made = compiled(build, tmp_path, "1x4x4")
    inputs = build.samples(1)
    check_every_layer(made, inputs, order="1")
    monkeypatch.setattr(Pipeline, "resolve", forget)
    broken = compiled(build, tmp_path, "1x4x4")
    wrong = 0
    for order in range(5):
        try:
            check_every_layer(broken, inputs, order=str(order))
        except AssertionError:
            wrong += 1
    assert wrong
