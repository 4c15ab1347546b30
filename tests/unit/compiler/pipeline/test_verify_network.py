"""Every invariant of an integer network is broken once, and found."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from compiler_networks import NetworkBuilder, save

from myvta.compiler.compile import PASSES, runner
from myvta.compiler.ir.target_description import TargetDescription
from myvta.compiler.pipeline.model_passes import CompileRequest
from myvta.compiler.pipeline.passes import PassRunner
from myvta.compiler.schedule.select_tiling import ScheduleOptions
from myvta.isa.config import named
from myvta.isa.instructions import Finish

VERIFY = {item.name: item.verify for item in PASSES}


def run(folder: Path, **options: Any) -> PassRunner:
    """Compile a residual network whose Add is fused."""
    build = NetworkBuilder(2)
    x = build.relu(build.input((1, 6, 6, 6)))
    build.gemm(build.flatten(build.add(build.conv(x, 6), x)), 4)
    work = runner(CompileRequest(
        save(build, folder / "net.onnx"), build.samples(2), TargetDescription(named("1x4x4")),
        **options))
    work.run()
    return work


def rules(name: str, result: Any) -> list[tuple[str, str]]:
    """Return the violations of the result of a pass."""
    return [(item.node, item.rule) for item in VERIFY[name](result)]


def test_filters_of_other_channels_are_found(tmp_path: Path) -> None:
    packed = run(tmp_path).results["pack"]
    nodes = tuple(
        replace(node, attrs=replace(node.attrs, weight=np.zeros((6, 5, 3, 3), np.int8)))
        if node.op == "Conv" else node
        for node in packed.graph.nodes)
    network = replace(packed.network, graph=replace(packed.graph, nodes=nodes))
    assert rules("pack", replace(packed, network=network)) == [
        ("conv1", "its filters do not have the 6 channels it reads")]


def test_overlap_and_the_end_of_memory_are_found(tmp_path: Path) -> None:
    allocated = run(tmp_path).results["allocate"]
    activations, unit = allocated.memory.activations, 4
    first, second = "input", "relu0"
    good = dict(activations)
    activations[second] = replace(good[second], dram=good[first].dram)
    assert [rule for _, rule in rules("allocate", allocated)] in (
        [f"its memory overlaps that of {first!r}"], [f"its memory overlaps that of {second!r}"])
    activations[second] = replace(good[second], dram=allocated.memory.limit // unit)
    ((name, rule),) = rules("allocate", allocated)
    assert (name, rule.endswith(f" of {allocated.memory.limit}")) == (second, True)
    activations.update(good)
    activations["flatten3"] = replace(good["flatten3"], dram=0)
    assert rules("allocate", allocated) == [
        ("flatten3", "a view of 'add2' at another address")]


def test_missing_operation_and_wrong_order_are_found(tmp_path: Path) -> None:
    fused = run(tmp_path).results["fuse"]
    (region,) = fused.regions
    relu, group, gemm = region.operations
    assert [node.name for node in group.nodes] == ["conv1", "add2"]

    def broken(*operations: Any) -> list[tuple[str, str]]:
        return rules("fuse", replace(fused, regions=(replace(region, operations=operations),)))

    assert broken(relu, group, gemm) == []
    assert broken(relu, group) == [("gemm4", "it is in 0 operations, not in one")]
    assert broken(relu, group, gemm, gemm) == [("gemm4", "it is in 2 operations, not in one")]
    assert broken(group, relu, gemm) == [
        ("conv1", "it reads 'relu0' before that is in memory")] * 2
    assert broken(relu, gemm, group) == [
        ("gemm4", "it reads 'flatten3' before that is in memory")]


def test_on_chip_network_output_is_found(tmp_path: Path) -> None:
    fused = run(tmp_path).results["fuse"]
    packed = fused.allocated.packed
    graph = replace(packed.graph, outputs=("conv1", *packed.graph.outputs))
    allocated = replace(fused.allocated, packed=replace(
        packed, network=replace(packed.network, graph=graph)))
    assert rules("fuse", replace(fused, allocated=allocated)) == [
        ("conv1", "an output of the network never leaves the accumulator")]


def test_missing_and_oversized_tilings_are_found(tmp_path: Path) -> None:
    scheduled = run(tmp_path).results["schedule"]
    good = scheduled.tilings
    rest = {name: tiling for name, tiling in good.items() if name != "conv1"}
    assert rules("schedule", replace(scheduled, tilings=rest)) == [("conv1", "it has no tiling")]
    large = replace(good["conv1"], oh=10_000)
    assert rules("schedule", replace(scheduled, tilings={**good, "conv1": large})) == [
        ("conv1", f"its tiling does not fit the buffers: {large}")]
    other = good["gemm4"]
    assert rules("schedule", replace(scheduled, tilings={**good, "relu0": other})) == [
        ("relu0", f"its tiling does not fit the buffers: {other}")]


def test_broken_streams_are_found(tmp_path: Path) -> None:
    work = run(tmp_path)
    lowered, synchronized = work.results["lower"], work.results["synchronize"]
    stream = lowered.streams[0]
    assert rules("lower", replace(lowered, streams={})) == [("relu0", "its launch has no stream")]
    notes = tuple("relu0" if note == "gemm4" else note for note in stream.notes)
    assert rules("lower", replace(lowered, streams={0: replace(stream, notes=notes)})) == [
        ("gemm4", "it has no instructions")]
    cut = replace(stream, instructions=stream.instructions[:-1], notes=stream.notes[:-1])
    assert rules("lower", replace(lowered, streams={0: cut})) == [
        (stream.notes[-2], "its stream has no FINISH")]
    assert "an instruction has tokens before synchronization" in [
        rule for _, rule in rules("lower", replace(lowered, streams=synchronized.streams))]


@pytest.mark.parametrize("overlap", [True, False])
def test_unbalanced_tokens_are_found(tmp_path: Path, overlap: bool) -> None:
    work = run(tmp_path, schedule=ScheduleOptions(overlap=overlap))
    synchronized = work.results["synchronize"]
    stream = synchronized.streams[0]

    def first(flag: str) -> list[tuple[str, str]]:
        """Return the violations without the first flag of a kind."""
        index = next(
            i for i, item in enumerate(stream.instructions) if getattr(item, flag, 0))
        instructions = list(stream.instructions)
        instructions[index] = replace(instructions[index], **{flag: 0})
        changed = replace(stream, instructions=tuple(instructions))
        return rules("synchronize", replace(synchronized, streams={0: changed}))

    assert "never popped" in first("pop_prev")[-1][1]
    assert "pops a token of load->compute that nothing pushed" in first("push_next")[0][1]


def test_code_differing_from_the_stream_is_found(tmp_path: Path) -> None:
    work = run(tmp_path)
    assembled = work.results["assemble"]
    stream = assembled.synchronized.streams[0]
    changed = replace(assembled.synchronized, streams={0: replace(stream, code=b"else")})
    (launch,) = assembled.program.launches
    assert rules("assemble", replace(assembled, synchronized=changed)) == [
        (launch.layer, "its code is not the stream that was synchronized")]
    none = replace(assembled.synchronized, streams={})
    assert rules("assemble", replace(assembled, synchronized=none)) == [
        ("network", "1 launches of 0")]
    assert isinstance(stream.instructions[-1], Finish)
