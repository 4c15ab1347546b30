"""Depthwise convolutions fused with the pointwise ones after them: which pairs, and the same bits.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from compiler_networks import NetworkBuilder, check_every_layer, compiled, save

from myvta.compiler.compile import runner
from myvta.compiler.ir.target_description import TargetDescription
from myvta.compiler.lower.conv import forward_fusion
from myvta.compiler.lower.conv.fusion_group import conv_problem
from myvta.compiler.pipeline.model_passes import CompileRequest
from myvta.compiler.pipeline.network_stages import FusedNetwork
from myvta.compiler.schedule.plain_data import plain_problem, problem_from
from myvta.compiler.schedule.problem_kinds import first_tiling
from myvta.compiler.schedule.select_tiling import ScheduleOptions
from myvta.isa.config import Config, named
from myvta.isa.instructions import Store, decode_stream
from myvta.isa.opcodes import MemoryType

FORWARD = named("1x4x4").replace(depthwise=True, forward=True)
ON = ScheduleOptions(fuse="on")
POINT = {"kernel": (1, 1), "pads": (0, 0, 0, 0)}
Build = Callable[[NetworkBuilder, str], str]


def depthwise(b: NetworkBuilder, x: str, stride: int = 1) -> str:
    """Add a 3x3 depthwise convolution and a Relu."""
    channels = b.shapes[x][1]
    return b.relu(b.conv(x, channels, strides=(stride, stride), group=channels))


def pair(b: NetworkBuilder, x: str, filters: int = 6, stride: int = 1) -> str:
    """Add a depthwise and a 1x1 convolution."""
    return b.conv(depthwise(b, x, stride), filters, **POINT)  # type: ignore[arg-type]


def pool(b: NetworkBuilder, x: str) -> str:
    """Add a pair and a MaxPool whose windows overlap."""
    return b.max_pool(pair(b, x), (3, 3), (2, 2), (1, 1, 1, 1))


CASES: dict[str, Build] = {
    "pair": pair,
    "stride 2": lambda b, x: pair(b, x, 11, 2),
    "two": lambda b, x: pair(b, b.relu(pair(b, x, 13)), 5, 2),
    "leaky": lambda b, x: b.node("LeakyRelu", [pair(b, x)], (1, 6, *b.shapes[x][2:]), alpha=0.25),
    "pool": pool,
    "residual": lambda b, x: b.relu(b.add(x, pair(b, x, b.shapes[x][1]))),
    "5x5": lambda b, x: b.conv(
        b.conv(x, b.shapes[x][1], (5, 5), pads=(2, 2, 2, 2), group=b.shapes[x][1]), 9,
        **POINT),  # type: ignore[arg-type]
}


def network(make: Build, channels: int = 10, images: int = 1) -> NetworkBuilder:
    """Return a network whose layers run on the device, its input first requantized there."""
    build = NetworkBuilder(3)
    make(build, build.relu(build.input((images, channels, 11, 9))))
    return build


def fused(
    build: NetworkBuilder, folder: Path, config: Config = FORWARD, options: ScheduleOptions = ON
) -> FusedNetwork:
    """Return a network after fusion."""
    request = CompileRequest(
        save(build, folder / "net.onnx"), build.samples(2), TargetDescription(config),
        schedule=options)
    result: FusedNetwork = runner(request).run("fuse")
    return result


def pairs(result: FusedNetwork) -> int:
    """Return the number of groups with a forwarded convolution."""
    return sum(group.ahead is not None for group in result.groups)


@pytest.mark.parametrize("case", CASES)
def test_forwarded_layers_have_the_bits_of_the_reference(tmp_path: Path, case: str) -> None:
    build = network(CASES[case])
    produced = compiled(build, tmp_path, FORWARD, schedule=ON)
    stores = [
        item for launch in produced.program.launches
        for item in decode_stream(produced.program.code(launch), FORWARD)
        if isinstance(item, Store)]
    assert {item.memory_type for item in stores} == {MemoryType.OUT, MemoryType.INP}
    check_every_layer(produced, build.samples(2), strict="1")


@pytest.mark.parametrize("name", ["2x8x8", "1x16x16_int4", "1x32x32"])
def test_forwarding_on_other_configurations(tmp_path: Path, name: str) -> None:
    config = named(name).replace(depthwise=True, forward=True)
    build = network(lambda b, x: pair(b, b.relu(pair(b, x, 35)), 64, 2), 35)
    assert pairs(fused(build, tmp_path, config)) == 2
    check_every_layer(
        compiled(build, tmp_path, config, schedule=ON), build.samples(2), strict="1")


def test_results_of_a_table_are_forwarded(tmp_path: Path) -> None:
    def swish(b: NetworkBuilder, x: str) -> str:
        y = b.conv(x, 10, group=10)
        y = b.node("HardSwish", [y], b.shapes[y])
        return b.conv(y, 6, **POINT)  # type: ignore[arg-type]

    build, config = network(swish), FORWARD.replace(lookup=True)
    produced = compiled(build, tmp_path, config, schedule=ON)
    assert "computed in" in produced.report.nodes[-1].reason
    check_every_layer(produced, build.samples(2), strict="1")


def test_without_overlap_one_engine_runs_at_a_time(tmp_path: Path) -> None:
    build = network(CASES["two"])
    options = ScheduleOptions(fuse="on", overlap=False)
    produced = compiled(build, tmp_path, FORWARD, schedule=options)
    check_every_layer(produced, build.samples(2), strict="1")


def test_group_is_named_after_the_depthwise_convolution(tmp_path: Path) -> None:
    result = fused(network(pair), tmp_path)
    (group,) = result.groups
    assert group.ahead is not None
    assert [node.name for node in group.nodes] == [group.name, group.conv.name]
    assert group.name == group.ahead.name
    assert result.fused_into == {group.conv.name: group.name}
    assert group.inputs == group.ahead.inputs[:1]


@pytest.mark.parametrize("config", [
    FORWARD.replace(forward=False), FORWARD.replace(depthwise=False),
])
def test_both_extensions_are_needed(tmp_path: Path, config: Config) -> None:
    assert pairs(fused(network(pair), tmp_path, config)) == 0


@pytest.mark.parametrize("make", [
    lambda b, x: b.conv(depthwise(b, x), 6),  # 3x3
    lambda b, x: b.conv(depthwise(b, x), 6, **{**POINT, "strides": (2, 2)}),
    lambda b, x: b.conv(depthwise(b, x), 6, **{**POINT, "pads": (1, 0, 0, 0)}),
    lambda b, x: b.conv(depthwise(b, x), 10, group=2, **POINT),
    lambda b, x: b.conv(b.conv(x, 8), 6, **POINT),  # not depthwise
    lambda b, x: b.conv(b.conv(x, 20, group=10), 6, **POINT),  # two filters for each channel
    lambda b, x: b.conv(b.max_pool(depthwise(b, x), (2, 2), (2, 2), (0, 0, 0, 0)), 6, **POINT),
])
def test_other_layers_are_not_forwarded(tmp_path: Path, make: Build) -> None:
    assert pairs(fused(network(make), tmp_path)) == 0


def test_activation_of_two_readers_is_stored(tmp_path: Path) -> None:
    def both(b: NetworkBuilder, x: str) -> str:
        y = depthwise(b, x)
        return b.add(b.conv(y, 10, **POINT), y)  # type: ignore[arg-type]

    assert pairs(fused(network(both), tmp_path)) == 0


@pytest.mark.parametrize("forwarded", [True, False])
def test_cheaper_way_is_chosen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, forwarded: bool
) -> None:
    monkeypatch.setattr(forward_fusion, "exceeds_bound", lambda *_: not forwarded)
    assert pairs(fused(network(pair), tmp_path, options=ScheduleOptions())) == forwarded
    assert pairs(fused(network(pair), tmp_path, options=ScheduleOptions(fuse="off"))) == 0


def test_tuned_pair_is_fused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The problem comes back from a file of schedules as the key that it was."""
    result = fused(network(pair), tmp_path)
    activations = result.allocated.memory.activations
    shape = conv_problem(result.groups[0], activations, FORWARD).shape
    assert problem_from(json.loads(json.dumps(plain_problem(shape)))) == shape
    monkeypatch.setattr(forward_fusion, "exceeds_bound", lambda *_: True)  # auto would not
    options = ScheduleOptions(tuned={shape: first_tiling(shape, FORWARD)})
    assert pairs(fused(network(pair), tmp_path, options=options)) == 1
