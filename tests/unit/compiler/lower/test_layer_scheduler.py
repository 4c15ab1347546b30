"""Layers alone: provisional addresses, predictions at the target's latency, choices."""

from __future__ import annotations

from pathlib import Path

import pytest
from compiler_networks import NetworkBuilder, save

from myvta.compiler.compile import runner
from myvta.compiler.ir.target_description import TargetDescription
from myvta.compiler.lower.layer_scheduler import LayerScheduler
from myvta.compiler.lower.tiled_layer import TiledLayer
from myvta.compiler.operators.registry import layer_of
from myvta.compiler.pipeline.model_passes import CompileRequest
from myvta.compiler.pipeline.network_stages import FusedNetwork
from myvta.compiler.schedule.problem_kinds import first_tiling, tilings_of
from myvta.compiler.schedule.select_tiling import ScheduleOptions
from myvta.isa.config import named
from myvta.isa.instructions import Load
from myvta.isa.opcodes import MemoryType
from myvta.model.timing.predict import predict

CONFIG = named("1x4x4")


@pytest.fixture
def fused(tmp_path: Path) -> FusedNetwork:
    """A Relu and a convolution for a target with a latency of 64."""
    build = NetworkBuilder(2)
    build.conv(build.relu(build.input((1, 8, 9, 9))), 8)
    result: FusedNetwork = runner(CompileRequest(
        save(build, tmp_path / "net.onnx"), build.samples(2), TargetDescription(CONFIG),
    )).run("fuse")
    return result


@pytest.fixture
def layers(fused: FusedNetwork) -> list[TiledLayer]:
    return [layer_of(item, fused.scheduler.activations, CONFIG) for item in fused.operations]


@pytest.fixture
def scheduler(fused: FusedNetwork) -> LayerScheduler:
    return fused.scheduler


@pytest.mark.parametrize("index", [0, 1])
def test_constants_are_placed_after_all_activations(
    scheduler: LayerScheduler, layers: list[TiledLayer], index: int
) -> None:
    tiles = max(item.dram + item.tiles for item in scheduler.activations.values())
    end = tiles * CONFIG.tile_bytes(MemoryType.INP)
    layer = layers[index]
    placed = scheduler.place(layer)
    assert placed.layer is layer
    unit = CONFIG.tile_bytes(MemoryType.WGT)
    stream = scheduler.stream(placed, scheduler.choose(layer))
    addresses = [item.dram_base * unit for item in stream.instructions
                 if isinstance(item, Load) and item.memory_type == MemoryType.WGT]
    assert addresses
    assert end <= min(addresses) <= max(addresses) < placed.memory.size


def test_cost_is_predicted_at_the_latency_of_the_target(
    scheduler: LayerScheduler, layers: list[TiledLayer]
) -> None:
    placed, tiling = scheduler.place(layers[1]), scheduler.choose(layers[1])
    stream = scheduler.stream(placed, tiling)
    for latency in (1, 64, 300):
        other = LayerScheduler(
            TargetDescription(CONFIG, latency), ScheduleOptions(), scheduler.activations)
        assert other.predict(placed, tiling).cycles == predict(
            stream.instructions, stream.uops, CONFIG, latency=latency).cycles


def test_serial_streams_cost_more(scheduler: LayerScheduler, layers: list[TiledLayer]) -> None:
    placed, tiling = scheduler.place(layers[1]), scheduler.choose(layers[1])
    serial = LayerScheduler(
        scheduler.target, ScheduleOptions(overlap=False), scheduler.activations)
    assert serial.predict(placed, tiling).cycles > scheduler.predict(placed, tiling).cycles


def test_layers_in_one_launch_overlap(
    scheduler: LayerScheduler, layers: list[TiledLayer]
) -> None:
    alone = [scheduler.predict_chain([layer]).cycles for layer in layers]
    assert max(alone) < scheduler.predict_chain(layers).cycles < sum(alone)


def test_other_layers_have_the_first_tiling_or_the_tuned_one(
    scheduler: LayerScheduler, layers: list[TiledLayer]
) -> None:
    relu = layers[0]
    first, *_, last = tilings_of(relu.problem, CONFIG)
    assert scheduler.choose(relu) == first == first_tiling(relu.problem, CONFIG)
    tuned = LayerScheduler(
        scheduler.target, ScheduleOptions(tuned={relu.problem: last}), scheduler.activations)
    assert tuned.choose(relu) == last != first
