"""Profiles: a row for each step, counters of each launch, and sums that agree."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from compiler_networks import NetworkBuilder, compiled

from myvta.compiler.compile import Compiled
from myvta.compiler.session import Session
from myvta.driver import open_target
from myvta.driver.run.profile import Profile, profile_program
from myvta.isa.register_map import PERFORMANCE


def network(folder: Path, **options: bool) -> Compiled:
    """Compile two convolutions around a host node."""
    build = NetworkBuilder(3)
    x = build.conv(build.input((1, 4, 6, 6)), 8)
    y = build.node("Softplus", [x], build.shapes[x])
    build.relu(build.conv(build.conv(y, 8), 4))
    return compiled(build, folder, "1x4x4", **options)


def profile(made: Compiled, url: str) -> Profile:
    with open_target(url, made.program.config) as target:
        return profile_program(Session(made.program, target).loaded)


def test_rows_are_the_steps(tmp_path: Path) -> None:
    made = network(tmp_path, per_layer=True)
    found = profile(made, "model://")
    assert [(row.name, row.where) for row in found.rows] == [
        ("quantize input", "host"), ("conv0", "accelerator"), ("dequantize conv0", "host"),
        ("softplus1", "host"), ("quantize softplus1", "host"), ("conv2", "accelerator"),
        ("conv3", "accelerator"), ("dequantize relu4", "host"),
    ]
    assert (found.images, found.config, found.macs_per_step) == (1, "1x4x4", 16)
    for row, node in zip(found.launches, (n for n in made.report.nodes if n.macs), strict=True):
        assert row.macs == node.macs
        assert row.ideal_steps == node.ideal_steps == row.macs // 16
        assert row.compulsory_bytes == node.compulsory_bytes
        assert row.counters["GEMM_STEPS"] == node.costs.gemm_steps
        assert row.bytes == sum(node.costs.bytes.values())
    assert not found.timed
    assert found.launches[0].utilization == 0


def test_a_launch_of_many_layers_is_one_row(tmp_path: Path) -> None:
    apart = profile(network(tmp_path, per_layer=True), "model://")
    whole = profile(network(tmp_path), "model://")
    assert [row.layers for row in whole.launches] == [("conv0",), ("conv2", "conv3")]
    for key in ("macs", "ideal_steps", "compulsory_bytes"):
        assert sum(getattr(row, key) for row in whole.rows) == sum(
            getattr(row, key) for row in apart.rows)


@pytest.mark.verilator
def test_causes_add_up_to_the_cycles_of_each_launch(tmp_path: Path) -> None:
    found = profile(network(tmp_path, per_layer=True), "verilator://")
    assert found.timed
    assert found.cycles == sum(row.cycles for row in found.launches)
    for row in found.launches:
        for engine in ("fetch", "load", "compute", "store"):
            causes = [row.performance[register.name] for register in PERFORMANCE[engine]]
            assert sum(causes) == row.cycles, engine
        assert 0 < row.utilization < 1
        assert row.seconds > 0
    data = found.to_json()
    assert data["cycles"] == found.cycles
    assert data["rows"][1]["bytes"] == found.rows[1].bytes > 0


def test_profiled_program_takes_inputs_and_keeps_outputs(tmp_path: Path) -> None:
    made = network(tmp_path)
    given = {"input": np.ones((1, 4, 6, 6), np.float32)}
    with open_target("model://", made.program.config) as target:
        wanted = Session(made.program, target).run(given)["relu4"]
        session = Session(made.program, target)
        assert profile_program(session.loaded, given).rows
        np.testing.assert_array_equal(session.loaded.read("relu4"), wanted)
