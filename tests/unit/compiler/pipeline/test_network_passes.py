"""The passes over an integer network: launches, their order, views, and refusals."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from compiler_networks import NetworkBuilder, save

from myvta.compiler.compile import runner
from myvta.compiler.ir.compile_errors import CompileError
from myvta.compiler.ir.target_description import TargetDescription
from myvta.compiler.pipeline.model_passes import CompileRequest
from myvta.compiler.pipeline.passes import PassRunner
from myvta.driver.program.program import HostStep, Program
from myvta.isa.config import named


def network() -> NetworkBuilder:
    """Two layers, one of the host, one layer, a Flatten at the end."""
    build = NetworkBuilder(5)
    x = build.max_pool(build.relu(build.input((1, 6, 4, 4))))
    x = build.node("Softmax", [x], build.shapes[x], axis=1)
    build.flatten(build.relu(x))
    return build


def run(build: NetworkBuilder, folder: Path, name: str = "1x4x4", **options: Any) -> PassRunner:
    memory = options.pop("memory", 1 << 20)
    work = runner(CompileRequest(
        save(build, folder / "net.onnx"), build.samples(2),
        TargetDescription(named(name), memory_bytes=memory), **options))
    work.run()
    return work


def steps(program: Program) -> list[str]:
    """Return the operation of host steps and the label of launches, in order."""
    return [step.op if isinstance(step, HostStep) else step.layer for step in program.steps]


def test_launches_end_at_nodes_of_the_host(tmp_path: Path) -> None:
    work = run(network(), tmp_path)
    assert steps(work.results["assemble"].program) == [
        "quantize", "launch 1: relu0 .. maxpool1", "dequantize", "onnx", "quantize",
        "launch 5: relu3 .. relu3", "dequantize_flat"]
    regions = work.results["fuse"].regions
    assert [[node.name for node in region.nodes] for region in regions] == [
        ["relu0", "maxpool1"], ["softmax2"], ["relu3", "flatten4"]]
    assert [len(region.operations) for region in regions] == [2, 0, 1]


def test_a_launch_for_each_layer_has_its_name(tmp_path: Path) -> None:
    work = run(network(), tmp_path, per_layer=True)
    assert [step.layer for step in work.results["assemble"].program.launches] == [
        "relu0", "maxpool1", "relu3"]
    assert sorted(work.results["lower"].streams) == [0, 1, 3]


def test_streams_have_tokens_after_synchronization_alone(tmp_path: Path) -> None:
    work = run(network(), tmp_path)
    before, after = work.results["lower"].streams[0], work.results["synchronize"].streams[0]
    assert not any(item.push_next or item.push_prev for item in before.instructions)
    assert any(item.push_next for item in after.instructions)
    assert set(before.notes) == {"relu0", "maxpool1", ""}


def test_a_view_alone_takes_no_launch(tmp_path: Path) -> None:
    build = NetworkBuilder(5)
    x = build.input((1, 6, 4, 4))
    x = build.node("Softmax", [build.flatten(x)], (1, 96))
    program = run(build, tmp_path).results["assemble"].program
    assert program.launches == ()
    assert steps(program)[-1] == "onnx"


def test_program_records_its_provenance(tmp_path: Path) -> None:
    program = run(network(), tmp_path).results["assemble"].program
    assert program.info["source"] == "net.onnx"
    assert program.info["calibration_images"] == 2


def test_too_little_memory_for_tensors_or_constants_is_refused(tmp_path: Path) -> None:
    advice = "give the target and the compiler more memory"
    for memory in (4096, 5 * 4096):
        with pytest.raises(CompileError, match=advice):
            run(network(), tmp_path, memory=memory)


def test_tensors_without_images_need_whole_tiles_of_them(tmp_path: Path) -> None:
    build = NetworkBuilder(5)
    x = build.relu(build.input((1, 6)))
    build.node("ReduceSum", [x], (), keepdims=0)
    with pytest.raises(CompileError, match=r"has no dimension of images: compile for a batch of 2"):
        run(build, tmp_path, "2x8x8")
