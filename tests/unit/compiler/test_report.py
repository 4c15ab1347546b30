"""The report of a compilation: every node, and counts that are the device's counters."""

from __future__ import annotations

from pathlib import Path

from compiler_networks import NetworkBuilder, compiled, random_network

from myvta.compiler.session import Session
from myvta.driver import LaunchStep
from myvta.isa.config import named
from myvta.model.model_target import ModelTarget


def test_report_has_nodes_costs_and_errors(tmp_path: Path) -> None:
    build = NetworkBuilder()
    x = build.relu(build.conv(build.input((1, 16, 6, 6)), 32))
    build.gemm(build.flatten(x), 10)
    made = compiled(build, tmp_path, "default")
    conv, flat, gemm = made.report.nodes
    assert (conv.name, conv.op, conv.where) == ("conv0", "Conv", "accelerator")
    assert conv.macs == 36 * 16 * 32 * 9
    assert conv.ideal_steps == conv.costs.gemm_steps == 36 * 2 * 9
    assert conv.compulsory_bytes == 36 * 16 + 36 * 32 + 16 * 32 * 9
    assert conv.costs.alu_steps == 36 * 2
    assert conv.costs.bytes["OUT"] == 36 * 32
    assert conv.weight_scale is not None
    assert 0 < conv.weight_scale[0] < conv.weight_scale[1]
    assert flat.costs.instructions == 0
    assert gemm.costs.gemm_steps == 72
    assert made.report.macs == conv.macs + 1152 * 10
    assert made.report.stream_bytes == 16 * sum(
        step.count for step in made.program.steps if isinstance(step, LaunchStep)
    )
    assert made.report.uop_bytes > 0
    assert made.report.to_json()["nodes"][0]["costs"]["gemm_steps"] == conv.costs.gemm_steps


def test_report_counts_a_run(tmp_path: Path) -> None:
    """A run of 2x8x8 holds two batches of a network for one image, and no weight twice."""
    build = NetworkBuilder()
    build.conv(build.input((1, 8, 4, 4)), 8)
    (conv,) = compiled(build, tmp_path, "2x8x8").report.nodes
    assert conv.macs == 2 * 16 * 8 * 8 * 9
    assert conv.ideal_steps == conv.costs.gemm_steps == 16 * 9
    assert conv.compulsory_bytes == 2 * 2 * 16 * 8 + 8 * 8 * 9


def test_counts_are_the_device_counters(tmp_path: Path) -> None:
    build = random_network(5)
    made = compiled(build, tmp_path, "1x8x8")
    with ModelTarget(named("1x8x8"), base=0, size=1 << 22) as target:
        session = Session(made.program, target)
        session.run(build.samples(1))
    ((_, report),) = session.reports
    costs = [node.costs for node in made.report.nodes]
    for counter, wanted in {
        "GEMM_STEPS": sum(cost.gemm_steps for cost in costs),
        "ALU_STEPS": sum(cost.alu_steps for cost in costs),
        "INP_BYTES": sum(cost.bytes.get("INP", 0) for cost in costs),
        "WGT_BYTES": sum(cost.bytes.get("WGT", 0) for cost in costs),
        "OUT_BYTES": sum(cost.bytes.get("OUT", 0) for cost in costs),
        "INSTRUCTIONS": sum(cost.instructions for cost in costs) + 1,  # and FINISH
    }.items():
        assert report.counters[counter] == wanted, counter
    assert not report.warnings
