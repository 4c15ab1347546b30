"""Groups alone: provisional addresses, predictions at the target's latency, choices."""

from __future__ import annotations

from pathlib import Path

import pytest
from compiler_networks import NetworkBuilder, save

from myvta.compiler.compile import runner
from myvta.compiler.ir.target_description import TargetDescription
from myvta.compiler.lower.conv.conv_scheduler import ConvScheduler, PlacedGroup
from myvta.compiler.pipeline.model_passes import CompileRequest
from myvta.compiler.schedule.select_tiling import ScheduleOptions
from myvta.isa.config import named
from myvta.isa.instructions import Load
from myvta.isa.opcodes import MemoryType
from myvta.model.timing.predict import predict

CONFIG = named("1x4x4")


@pytest.fixture
def placed(tmp_path: Path) -> tuple[ConvScheduler, PlacedGroup]:
    """A scheduler at a latency of 64, and a convolution."""
    build = NetworkBuilder(2)
    build.conv(build.relu(build.input((1, 8, 9, 9))), 8)
    fused = runner(CompileRequest(
        save(build, tmp_path / "net.onnx"), build.samples(2), TargetDescription(CONFIG),
    )).run("fuse")
    (group,) = fused.groups
    return fused.scheduler, fused.scheduler.place(group)


def test_constants_are_placed_after_all_activations(
    placed: tuple[ConvScheduler, PlacedGroup]
) -> None:
    scheduler, group = placed
    tiles = max(item.dram + item.tiles for item in scheduler.activations.values())
    end = tiles * CONFIG.tile_bytes(MemoryType.INP)
    weights = group.constants.weights * CONFIG.tile_bytes(MemoryType.WGT)
    assert end <= weights < group.memory.size
    stream = scheduler.stream(group, scheduler.choose(group))
    assert {item.dram_base >= group.constants.weights for item in stream.instructions
            if isinstance(item, Load) and item.memory_type == MemoryType.WGT} == {True}


def test_cost_is_predicted_at_the_latency_of_the_target(
    placed: tuple[ConvScheduler, PlacedGroup]
) -> None:
    scheduler, group = placed
    tiling = scheduler.choose(group)
    stream = scheduler.stream(group, tiling)
    for latency in (1, 64, 300):
        other = ConvScheduler(
            TargetDescription(CONFIG, latency), ScheduleOptions(), scheduler.activations)
        assert other.predict(group, tiling).cycles == predict(
            stream.instructions, stream.uops, CONFIG, latency=latency).cycles


def test_serial_streams_cost_more(placed: tuple[ConvScheduler, PlacedGroup]) -> None:
    scheduler, group = placed
    tiling = scheduler.choose(group)
    serial = ConvScheduler(
        scheduler.target, ScheduleOptions(overlap=False), scheduler.activations)
    assert serial.predict(group, tiling).cycles > scheduler.predict(group, tiling).cycles
