"""The operations of a launch: order of fused groups, and fusion by tuned schedules."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from compiler_networks import NetworkBuilder, save

from myvta.compiler.compile import runner
from myvta.compiler.ir.target_description import TargetDescription
from myvta.compiler.lower.conv import fusion
from myvta.compiler.lower.conv.fusion_group import FusionGroup, conv_problem
from myvta.compiler.pipeline.model_passes import CompileRequest
from myvta.compiler.pipeline.network_stages import FusedNetwork
from myvta.compiler.schedule.select_tiling import ScheduleOptions
from myvta.compiler.schedule.tiling_problem import Problem, Tiling
from myvta.compiler.schedule.tiling_space import tilings
from myvta.isa.config import named

TARGET = TargetDescription(named("1x4x4"))


def fused(build: NetworkBuilder, folder: Path, options: ScheduleOptions) -> FusedNetwork:
    """Return a network after fusion."""
    request = CompileRequest(
        save(build, folder / "net.onnx"), build.samples(2), TARGET, schedule=options)
    result: FusedNetwork = runner(request).run("fuse")
    return result


def test_group_with_an_add_takes_the_position_of_the_add(tmp_path: Path) -> None:
    """The convolution is first in the network; the other operand of its Add comes between."""
    build = NetworkBuilder(2)
    x = build.relu(build.input((1, 6, 6, 6)))
    late = build.conv(x, 6)
    other = build.max_pool(x, (3, 3), (1, 1), (1, 1, 1, 1))
    build.add(late, other)
    (region,) = fused(build, tmp_path, ScheduleOptions()).regions
    assert [item.name for item in region.operations] == ["relu0", "maxpool2", "conv1"]
    apart = fused(build, tmp_path, ScheduleOptions(fuse="off"))
    assert [item.name for item in apart.regions[0].operations] == [
        "relu0", "conv1", "maxpool2", "add3"]
    assert apart.fused_into == {}


def test_tuned_schedule_of_a_fused_group_fuses_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build = NetworkBuilder(2)
    x = build.conv(build.input((1, 6, 6, 6)), 6)
    build.node("LeakyRelu", [x], build.shapes[x], alpha=0.125)
    network = fused(build, tmp_path, ScheduleOptions(fuse="on"))
    (group,) = network.groups
    assert len(group.nodes) == 2
    activations = network.allocated.memory.activations
    shape = conv_problem(group, activations, TARGET.config).shape
    alone = conv_problem(FusionGroup(group.conv), activations, TARGET.config).shape
    assert shape == replace(alone, epilogue=shape.epilogue) != alone
    monkeypatch.setattr(fusion, "exceeds_bound", lambda *_: True)  # auto would not
    assert not fused(build, tmp_path, ScheduleOptions()).fused_into
    tuned: dict[Problem, Tiling] = {shape: next(tilings(shape, TARGET.config))[0]}
    assert fused(build, tmp_path, ScheduleOptions(tuned=tuned)).fused_into == {
        "leakyrelu1": "conv0"}
