"""Every operator on the model, each layer bit for bit the reference's, under any schedule."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from compiler_networks import NetworkBuilder, check_every_layer, compiled, random_network
from onnx import numpy_helper
from tiers import slow

from myvta.compiler.codegen.lowering_context import LoweringContext
from myvta.compiler.codegen.scratchpad_lru import LruBuffers
from myvta.compiler.compile import Compiled
from myvta.isa.config import NAMED
from myvta.isa.opcodes import MemoryType

Build = Callable[[NetworkBuilder], object]

OPERATORS: dict[str, Build] = {
    "conv 1x1": lambda b: b.conv(b.input((1, 9, 5, 6)), 10, (1, 1), pads=(0, 0, 0, 0)),
    "conv 3x3": lambda b: b.relu(b.conv(b.input((1, 5, 7, 6)), 9)),
    "conv many blocks": lambda b: b.conv(b.input((1, 70, 5, 5)), 70, bias=False),
    "conv asymmetric": lambda b: b.conv(
        b.input((1, 3, 9, 8)), 6, (4, 3), (2, 3), (3, 0, 1, 2)),
    "conv wide padding": lambda b: b.conv(
        b.input((1, 2, 3, 3)), 3, (5, 5), (2, 2), (4, 4, 4, 4)),
    "conv dilated": lambda b: b.conv(
        b.input((1, 3, 9, 9)), 4, pads=(2, 2, 2, 2), dilations=(2, 2)),
    "conv large window": lambda b: b.conv(
        b.input((1, 5, 13, 13)), 5, (11, 11), pads=(5, 5, 5, 5)),
    "conv wide rows": lambda b: b.conv(b.input((1, 2, 3, 150)), 3, (3, 3)),
    "gemm": lambda b: b.gemm(b.input((1, 77)), 21),
    "gemm of a feature map": lambda b: b.gemm(b.flatten(b.relu(b.input((1, 6, 8, 8)))), 13),
    "relu": lambda b: b.relu(b.input((1, 9, 6, 7))),
    "relu of a vector": lambda b: b.relu(b.input((1, 9))),
    "max pool 2x2": lambda b: b.max_pool(b.input((1, 9, 6, 7))),
    "max pool 3x3": lambda b: b.max_pool(
        b.input((1, 5, 9, 8)), (3, 3), (2, 2), (1, 1, 1, 1)),
    "max pool 3x3 stride 1": lambda b: b.max_pool(
        b.input((1, 5, 6, 6)), (3, 3), (1, 1), (1, 2, 2, 0)),
    "max pool wide": lambda b: b.max_pool(b.input((1, 2, 2, 150)), (1, 3), (1, 2)),
    "max pool 1x1": lambda b: b.max_pool(b.input((1, 2, 6, 6)), (1, 1), (2, 2)),
    "average 4x4": lambda b: b.average(b.input((1, 9, 4, 4))),
    "average 16x16": lambda b: b.average(b.input((1, 5, 16, 16))),
    "residual": lambda b: b.relu(b.add(b.relu(b.conv(b.input((1, 9, 6, 7)), 9)), "input")),
    "add to itself": lambda b: b.add(b.input((1, 3, 4, 4)), "input"),
}
MULTIPLIER: dict[str, Build] = {
    "average 3x5": lambda b: b.average(b.input((1, 9, 3, 5))),
    "average 1x200": lambda b: b.average(b.input((1, 3, 1, 200))),
}


def check(build: NetworkBuilder, made: Compiled, seeds: range) -> None:
    """Compare three images in stream order and under permuted schedules."""
    inputs = build.samples(3)
    check_every_layer(made, inputs, strict="1")
    for seed in seeds:
        check_every_layer(made, inputs, order=str(seed))


@pytest.mark.slow
@pytest.mark.parametrize("config", ["1x4x4", "1x4x4_base", "1x4x4_int4", "2x8x8"])
@pytest.mark.parametrize("operator", OPERATORS)
def test_every_operator_runs_on_the_accelerator(tmp_path: Path, operator: str, config: str) -> None:
    build = NetworkBuilder(1)
    OPERATORS[operator](build)
    made = compiled(build, tmp_path, config)
    assert all(node.where == "accelerator" for node in made.report.nodes)
    check(build, made, range(2))


@pytest.mark.parametrize("operator", MULTIPLIER)
def test_operator_with_a_multiplier_equals_the_reference(tmp_path: Path, operator: str) -> None:
    build = NetworkBuilder(1)
    MULTIPLIER[operator](build)
    made = compiled(build, tmp_path, "1x4x4")
    assert made.report.nodes[0].where == "accelerator"
    check(build, made, range(3))


@pytest.mark.parametrize("config", ["default", *slow(*sorted(set(NAMED) - {"default"}))])
@pytest.mark.parametrize("seed", range(6))
def test_random_network_equals_the_reference(tmp_path: Path, seed: int, config: str) -> None:
    build = random_network(seed)
    check(build, compiled(build, tmp_path, config), range(seed, seed + 1))


MANY_TILES: dict[str, Build] = {
    "conv": lambda b: b.conv(b.input((1, 24, 14, 14)), 24),
    "max pool": lambda b: b.max_pool(b.input((1, 20, 20, 20)), (3, 3), (2, 2), (1, 1, 1, 1)),
    "average": lambda b: b.average(b.input((1, 40, 16, 16))),
    "add": lambda b: b.add(b.relu(b.input((1, 12, 16, 16))), "input"),
    "gemm": lambda b: b.gemm(b.flatten(b.input((1, 24, 8, 8))), 40),
}


@pytest.mark.slow
@pytest.mark.parametrize("config", ["1x4x4", "1x4x4_base"])
@pytest.mark.parametrize("operator", MANY_TILES)
def test_every_schedule_equals_the_reference(tmp_path: Path, operator: str, config: str) -> None:
    """Many permuted schedules of layers that use each of their slots several times."""
    build = NetworkBuilder(1)
    MANY_TILES[operator](build)
    made, inputs = compiled(build, tmp_path, config), build.samples(1)
    for seed in range(12):
        check_every_layer(made, inputs, order=str(seed))


@pytest.mark.slow
def test_inputs_of_very_different_scale_are_added(tmp_path: Path) -> None:
    """A left shift of an Add beyond the range of a weight is computed by the ALU."""
    build = NetworkBuilder()
    x = build.input((1, 5, 4, 4))
    y = build.conv(x, 5)
    weight = build.constants[0]
    weight.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(weight) * 300, weight.name))
    build.add(y, x)
    for config in ("1x4x4", "1x4x4_base", "1x4x4_int4"):
        made = compiled(build, tmp_path, config)
        (shifts,) = [node.attrs.shifts for node in made.quantized.nodes if node.op == "Add"]
        assert max(shifts) > 6
        check(build, made, range(2))


@pytest.mark.networks
@pytest.mark.parametrize("config", sorted(NAMED))
@pytest.mark.parametrize("seed", range(100, 140))
def test_many_random_networks_equal_the_reference(tmp_path: Path, seed: int, config: str) -> None:
    build = random_network(seed, 40, 16)
    check(build, compiled(build, tmp_path, config), range(3))


def bases(pool: LruBuffers) -> list[int]:
    """Return the first tiles of the slots in the order in which they are filled."""
    return [pool.take(key).base for key in range(len(pool.slots))]


def test_layers_take_slots_from_alternate_ends_unless_many_fill_the_scratchpad() -> None:
    """INP of 256 tiles: slots that were filled first are free first."""
    ctx = LoweringContext(NAMED["1x4x4"], {}, lambda name, tiles, memory_type: 0)
    assert bases(ctx.pool(MemoryType.INP, 10, 2)) == [0, 10]
    assert bases(ctx.pool(MemoryType.INP, 60, 4)) == [196, 136, 76, 16]
    assert bases(ctx.pool(MemoryType.INP, 20, 2, reserved=6)) == [230, 210]
    assert bases(ctx.pool(MemoryType.INP, 50, 3)) == [0, 50, 100]
    assert bases(ctx.pool(MemoryType.INP, 100, 2)) == [0, 100]
    assert bases(ctx.pool(MemoryType.INP, 100, 2)) == [156, 56]
    assert bases(ctx.pool(MemoryType.WGT, 10, 2)) == [0, 10]
