"""Steps become a stream; without its tokens it goes wrong."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pytest
from compiler_networks import check_every_layer, compiled, random_network

from myvta.compiler.codegen.step_list import Pipeline
from myvta.compiler.codegen.tile_ops import requantize_tiles
from myvta.compiler.ir.fixed_point import Requant
from myvta.compiler.pipeline import network_passes
from myvta.driver.errors import CheckError
from myvta.driver.run import program_runner as execute
from myvta.driver.stream.instruction_stream import InstructionStream
from myvta.driver.stream.stream import StreamBuilder
from myvta.isa.config import named
from myvta.isa.instructions import Alu, Dwc, Load, Store
from myvta.isa.opcodes import MemoryType


def load(builder: StreamBuilder) -> None:
    """Emit a load of one tile."""
    builder.load_2d(MemoryType.INP, 0, 0, 1)


def multiply(first: int, builder: StreamBuilder) -> None:
    """Emit a GEMM of a kernel of two micro-ops."""
    builder.gemm([(first, 0, 0), (first + 1, 0, 0)])


@pytest.mark.parametrize(("kernels", "loads"), [(3, 1), (200, 200)])
def test_kernels_are_loaded_together_if_they_fit(kernels: int, loads: int) -> None:
    pipeline = Pipeline()
    pipeline.preload("layer")
    for first in range(kernels):
        pipeline.step(partial(multiply, first), "layer")
    stream = pipeline.build(named("1x4x4"))  # holds 256 micro-ops
    issued = [item for item in stream.instructions if isinstance(item, Load)]
    assert len(issued) == loads
    assert sum(item.x_size for item in issued) == 2 * kernels


def test_steps_of_extensions_are_repeated() -> None:
    def emit(builder: StreamBuilder) -> None:
        builder.depthwise([(0, 1, 2)], (2, 2), row_pitch=5, overwrite=True)
        builder.forward_2d(MemoryType.INP, 0, 7, 3)

    config = named("1x4x4").replace(depthwise=True, forward=True)
    pipeline = Pipeline()
    pipeline.step(emit, "conv1")
    *_, window, copy, _ = pipeline.build(config).instructions
    assert window == Dwc(overwrite=1, row_pitch=5, window=config.window_code(2, 2))
    assert copy == Store(memory_type=MemoryType.INP, dram_base=7, x_size=3, x_stride=3)


def test_notes_name_the_step() -> None:
    pipeline = Pipeline()
    pipeline.step(load, "conv1")
    assert pipeline.build(named("1x4x4")).notes == ("conv1", "")


def test_timing_only_streams_have_the_same_instructions() -> None:
    pipeline = Pipeline()
    pipeline.step(load, "conv1")
    pipeline.step(partial(multiply, 0), "conv1")
    made, timing = (pipeline.build(named("1x4x4"), timing_only=flag) for flag in (False, True))
    assert timing.instructions == made.instructions
    assert timing.uops == made.uops


def looked_up(number: int, builder: StreamBuilder) -> None:
    """Emit a requantization by a table of one value."""
    zeros = np.zeros(4, np.int32)
    rule = Requant(zeros, zeros, table=np.full(256, number, np.int16))
    requantize_tiles(builder, rule, 0, 1, 1, 8, 0)


def test_tables_are_loaded_at_the_start_of_their_layer_and_placed_together() -> None:
    config, placed = named("1x4x4").replace(lookup=True), list[np.ndarray]()

    def constants(name: str, tiles: np.ndarray, memory_type: MemoryType) -> int:
        assert (name, memory_type) == ("first.tables", MemoryType.LUT)
        placed.append(tiles)
        return 40

    pipeline = Pipeline()
    for layer, numbers in (("first", (1, 2, 1)), ("second", (2, 3, 4, 5, 6))):
        pipeline.preload(layer)
        for number in numbers:
            pipeline.step(partial(looked_up, number), layer)
    stream = pipeline.build(config, constants)
    (tables,) = placed
    assert tables.shape == (6, 1, 256)
    held: dict[int, int] = {}
    found = []
    for item, note in zip(stream.instructions, stream.notes, strict=True):
        if isinstance(item, Load) and item.memory_type == MemoryType.LUT:
            held[item.sram_base] = int(tables[item.dram_base - 40, 0, 0])
            found.append((note, held[item.sram_base]))
        elif isinstance(item, Alu):
            found.append((note, -held[item.imm >> 12 & 3]))
    assert found == [
        ("first", 1), ("first", 2), ("first", -1), ("first", -2), ("first", -1),
        ("second", 3), ("second", 4), ("second", 5),
        ("second", -2), ("second", -3), ("second", -4), ("second", -5),
        ("second", 6), ("second", -6)]


def test_tables_without_constants_are_a_defect() -> None:
    pipeline = Pipeline()
    pipeline.step(partial(looked_up, 1), "layer")
    with pytest.raises(AssertionError, match="constants in memory"):
        pipeline.build(named("1x4x4").replace(lookup=True))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_network_without_tokens_computes_wrong_values(
    tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control of every test under permuted schedules: they do notice missing tokens."""
    def forget(stream: InstructionStream, overlap: bool) -> InstructionStream:
        return stream

    build = random_network(seed)
    made = compiled(build, tmp_path, "1x4x4")
    inputs = build.samples(1)
    check_every_layer(made, inputs, order="1")
    monkeypatch.setattr(network_passes, "synchronize", forget)
    broken = compiled(build, tmp_path, "1x4x4")
    with pytest.raises(CheckError):
        check_every_layer(broken, inputs)
    monkeypatch.setattr(execute, "require_program", lambda program: None)
    wrong = 0
    for order in range(5):
        try:
            check_every_layer(broken, inputs, order=str(order))
        except AssertionError:
            wrong += 1
    assert wrong
