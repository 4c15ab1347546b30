"""Representations of an integer network: on-chip activations, fusion, and costs."""

from __future__ import annotations

from pathlib import Path

import pytest
from compiler_networks import NetworkBuilder, save
from quantized_graphs import chain

from myvta.compiler.compile import runner
from myvta.compiler.ir.target_description import TargetDescription
from myvta.compiler.lower.conv.fusion_group import FusionGroup
from myvta.compiler.pipeline.model_passes import CompileRequest
from myvta.compiler.pipeline.network_stages import LaunchRegion
from myvta.compiler.pipeline.passes import PassRunner
from myvta.isa.config import named


@pytest.fixture
def work(tmp_path: Path) -> PassRunner:
    """Relu, a convolution followed by an Add, Softmax on the host."""
    build = NetworkBuilder(2)
    x = build.relu(build.input((1, 6, 6, 6)))
    x = build.add(build.conv(x, 6), x)
    build.node("Softmax", [x], build.shapes[x], axis=1)
    result = runner(CompileRequest(
        save(build, tmp_path / "net.onnx"), build.samples(2), TargetDescription(named("1x4x4"))))
    result.run()
    return result


def test_a_region_of_the_host_is_a_single_node_of_it() -> None:
    relu, conv, flatten, soft = chain().nodes
    launch = LaunchRegion((relu, conv, flatten), (relu, FusionGroup(conv)))
    assert not launch.on_host
    assert [group.name for group in launch.groups] == ["conv"]
    assert launch.on_chip == set()
    assert LaunchRegion((soft,)).on_host


def test_the_output_of_a_convolution_stays_on_chip_where_its_add_is_fused(
    work: PassRunner
) -> None:
    fused = work.results["fuse"]
    assert fused.fused_into == {"add2": "conv1"}
    assert [group.name for group in fused.groups] == ["conv1"]
    assert fused.regions[0].on_chip == {"conv1"}
    assert [item.name for item in fused.operations] == ["relu0", "conv1"]
    assert list(work.results["schedule"].tilings) == ["relu0", "conv1"]


def test_later_stages_reach_the_earlier_ones(work: PassRunner) -> None:
    synchronized = work.results["synchronize"]
    assert synchronized.regions is work.results["fuse"].regions
    assert synchronized.allocated is work.results["allocate"]
    assert synchronized.allocated.graph is work.results["pack"].graph


def test_costs_are_by_node_and_add_up_to_the_streams(work: PassRunner) -> None:
    synchronized = work.results["synchronize"]
    assert set(synchronized.costs) == {"relu0", "conv1", ""}
    total = sum(cost.instructions for cost in synchronized.costs.values())
    assert total == sum(len(stream) for stream in synchronized.streams.values())
    # 36 pixels, two blocks in and out, nine taps; the padding has steps too
    assert synchronized.costs["conv1"].gemm_steps >= 36 * 2 * 2 * 9
