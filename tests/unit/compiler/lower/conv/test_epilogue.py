"""Layers are fused with the convolution before them, with the same bits and less traffic, or not.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from compiler_networks import NetworkBuilder, check_every_layer, compiled
from compiler_steps import BUILD
from conv_nodes import epilogue_chain

from myvta.compiler.codegen.lowering_context import Activation
from myvta.compiler.compile import Compiled
from myvta.compiler.ir.layouts import ChannelLayout
from myvta.compiler.lower.conv import fusion
from myvta.compiler.lower.conv.conv_emit import ConvCalls
from myvta.compiler.lower.conv.epilogue import epilogue
from myvta.compiler.reference.reference_evaluator import evaluate
from myvta.compiler.schedule.conv_problem import ConvShape
from myvta.compiler.schedule.select_tiling import ScheduleOptions
from myvta.compiler.session import Session
from myvta.driver import open_target
from myvta.isa.config import NAMED
from myvta.isa.instructions import decode_stream
from myvta.model.timing.predict import predict

Build = Callable[[NetworkBuilder], str]
ON, OFF = ScheduleOptions(fuse="on"), ScheduleOptions(fuse="off")


def conv(b: NetworkBuilder, size: tuple[int, int], channels: int = 12, images: int = 1) -> str:
    """Build a convolution of a map."""
    return b.conv(b.input((images, 8, *size)), channels)


def leaky(b: NetworkBuilder, x: str) -> str:
    """Build a LeakyRelu."""
    return b.node("LeakyRelu", [x], b.shapes[x], alpha=0.125)


def pool(
    b: NetworkBuilder, x: str, op: str, kernel: int, stride: int, before: int = 0, after: int = 0,
    **more: Any,
) -> str:
    """Build a square pooling layer."""
    args = {"kernel": (kernel,) * 2, "strides": (stride,) * 2, **more}
    return BUILD["pool"](b, [x], op=op, pads=(before, before, after, after), **args)[0]


def mean(b: NetworkBuilder, x: str) -> str:
    """Build a GlobalAveragePool."""
    return BUILD["global"](b, [x], "GlobalAveragePool")[0]


def end_of_resnet(b: NetworkBuilder) -> str:
    """Build convolution, Add, Relu and the mean."""
    x = b.relu(conv(b, (7, 7)))
    return mean(b, b.relu(b.add(b.conv(b.relu(b.conv(x, 12)), 12), x)))


def pooled_add(b: NetworkBuilder) -> str:
    """Build convolution, Add, Relu and the maximum of four."""
    x = b.relu(conv(b, (8, 9)))
    return pool(b, b.relu(b.add(b.conv(x, 12), x)), "MaxPool", 2, 2)


TOGETHER: dict[str, tuple[Build, list[str]]] = {
    "leaky": (lambda b: leaky(b, conv(b, (10, 9))), ["LeakyRelu"]),
    "max 2x2": (lambda b: pool(b, b.relu(conv(b, (10, 9))), "MaxPool", 2, 2), ["MaxPool"]),
    "max 3x3": (lambda b: pool(b, b.relu(conv(b, (13, 12))), "MaxPool", 3, 2, 1, 1), ["MaxPool"]),
    "each in four": (lambda b: pool(b, conv(b, (7, 9)), "MaxPool", 2, 1, 0, 1), ["MaxPool"]),
    "each in many": (lambda b: pool(b, conv(b, (11, 13)), "MaxPool", 5, 2, 2, 2), ["MaxPool"]),
    "gaps": (lambda b: pool(b, conv(b, (11, 10)), "MaxPool", 2, 3), ["MaxPool"]),
    "YOLO": (
        lambda b: pool(b, leaky(b, conv(b, (10, 10))), "MaxPool", 2, 2), ["LeakyRelu", "MaxPool"]),
    "after": (
        lambda b: leaky(b, pool(b, conv(b, (9, 9), images=2), "MaxPool", 3, 2, 1, 1)),
        ["MaxPool", "LeakyRelu"]),
    "ahead of gaps": (
        lambda b: pool(b, leaky(b, conv(b, (9, 9))), "AveragePool", 1, 2),
        ["LeakyRelu", "AveragePool"]),
    "average": (
        lambda b: pool(b, b.relu(conv(b, (8, 9))), "AveragePool", 2, 2), ["AveragePool"]),
    "averages overlap": (
        lambda b: pool(b, leaky(b, conv(b, (9, 8))), "AveragePool", 3, 1),
        ["LeakyRelu", "AveragePool"]),
    "mean": (lambda b: mean(b, b.relu(conv(b, (7, 5), 20))), ["GlobalAveragePool"]),
    "of an Add": (end_of_resnet, ["Add", "GlobalAveragePool"]),
    "pooled Add": (pooled_add, ["Add", "MaxPool"]),
}


def large(b: NetworkBuilder) -> str:
    """Build the mean of more pixels than the accumulator of 1x4x4 holds."""
    return mean(b, conv(b, (17, 18)))


def read_twice(b: NetworkBuilder) -> str:
    """Build a convolution that a MaxPool and another layer read."""
    x = conv(b, (8, 8))
    return b.add(pool(b, x, "MaxPool", 1, 1), x)


def padded(b: NetworkBuilder) -> str:
    """Build averages over padding."""
    return pool(b, conv(b, (8, 8)), "AveragePool", 3, 2, 1, 1)


def dilated(b: NetworkBuilder) -> str:
    """Build windows with holes."""
    return pool(b, conv(b, (8, 8)), "MaxPool", 2, 2, dilations=(2, 1))


APART: dict[str, Build] = {
    "does not fit": large, "read twice": read_twice, "padding": padded, "dilation": dilated}


def inside(made: Compiled) -> list[str]:
    """Return the kinds of layers that are part of a convolution."""
    return [node.op for node in made.report.nodes if "computed in" in node.reason]


def costs(made: Compiled) -> tuple[int, int]:
    """Return predicted cycles, and bytes moved."""
    cycles, program = 0, made.program
    for step in program.launches:
        (uops,) = (part.data for part in program.segments if part.offset == step.uops)
        items = decode_stream(program.code(step), program.config)
        cycles += predict(items, uops, program.config, latency=64).cycles
    return cycles, sum(sum(node.costs.bytes.values()) for node in made.report.nodes)


@pytest.mark.slow
@pytest.mark.parametrize("config", ["1x4x4", "1x4x4_base", "2x8x8"])
@pytest.mark.parametrize("name", TOGETHER)
def test_fused_and_separate_layers_give_the_same_bits(
    tmp_path: Path, name: str, config: str
) -> None:
    build, (make, kinds) = NetworkBuilder(4), TOGETHER[name]
    make(build)
    made = compiled(build, tmp_path, config, schedule=ON)
    if config != "1x4x4_base" or "Add" not in name:  # no residuals there: nothing to follow
        assert inside(made) == kinds
    inputs = build.samples(2 * build.shapes["input"][0])
    check_every_layer(made, inputs, strict="1")
    check_every_layer(made, inputs, order="1")


@pytest.mark.parametrize("name", APART)
def test_unfusable_pools_stay_separate(tmp_path: Path, name: str) -> None:
    build = NetworkBuilder(4)
    APART[name](build)
    made = compiled(build, tmp_path, "1x4x4", schedule=ON)
    assert not {"MaxPool", "AveragePool", "GlobalAveragePool"} & set(inside(made))
    check_every_layer(made, build.samples(1), strict="1")


@pytest.mark.parametrize("options", [{"per_layer": True}, {"schedule": OFF}])
def test_fusion_can_be_switched_off(tmp_path: Path, options: dict[str, Any]) -> None:
    build = NetworkBuilder(4)
    end_of_resnet(build)
    made = compiled(build, tmp_path, "1x4x4", **options)
    assert not inside(made)
    check_every_layer(made, build.samples(1))


def test_unknown_fuse_is_refused() -> None:
    with pytest.raises(ValueError, match="fuse must be one of auto, on, off, not 'yes'"):
        ScheduleOptions(fuse="yes")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["YOLO", "max 3x3", "mean", "of an Add"])
def test_fusion_is_faster_and_moves_fewer_bytes(tmp_path: Path, name: str) -> None:
    build = NetworkBuilder(4)
    TOGETHER[name][0](build)
    together = compiled(build, tmp_path, "lean")
    apart = compiled(build, tmp_path, "lean", schedule=OFF)
    assert inside(together) == TOGETHER[name][1]
    for less, more in zip(costs(together), costs(apart), strict=True):
        assert less < more


@pytest.mark.slow
def test_slower_fusion_is_not_chosen(tmp_path: Path) -> None:
    """Rows that neighbouring tiles share are computed twice: on a small accumulator too many."""
    build = NetworkBuilder(4)
    TOGETHER["max 3x3"][0](build)
    chosen, forced, apart = (
        costs(compiled(build, tmp_path, "1x4x4", schedule=options))[0]
        for options in (ScheduleOptions(), ON, OFF))
    assert chosen == apart < forced


def test_epilogue_beyond_the_bound_is_not_fused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build = NetworkBuilder(4)
    TOGETHER["mean"][0](build)
    assert inside(compiled(build, tmp_path, "default"))
    monkeypatch.setattr(fusion, "exceeds_bound", lambda *_: True)
    assert not inside(compiled(build, tmp_path, "default"))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mean", "average", "leaky", "max 2x2", "of an Add"])
def test_missing_requantization_between_layers_is_detected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    build = NetworkBuilder(4)
    TOGETHER[name][0](build)
    monkeypatch.setattr(ConvCalls, "requantize", lambda *args, **options: None)
    made = compiled(build, tmp_path, "lean", schedule=ON)
    assert inside(made)
    with pytest.raises(AssertionError, match="Mismatched elements"):
        check_every_layer(made, build.samples(1))


def test_pool_precedes_requantization_only_without_overflow(tmp_path: Path) -> None:
    build = NetworkBuilder(4)
    pool(build, conv(build, (8, 8)), "MaxPool", 2, 2)
    first, second = compiled(build, tmp_path, "default").quantized.nodes
    assert first.requant is not None
    activations = {second.outputs[0]: Activation(0, 1, 1, ChannelLayout(12, 4, 4))}
    shape = ConvShape(1, 1, 1, (8, 8), (8, 8), (3, 3), before=(1, 1))
    bias = np.full_like(first.requant.bias, (1 << 31) - 1)
    for node, early in (
        (first, True), (replace(first, requant=replace(first.requant, bias=bias)), False),
    ):
        found = epilogue(node, epilogue_chain(second), shape, activations, NAMED["default"])
        assert found is not None
        assert found.spec.early is early


@pytest.mark.verilator
def test_fused_layers_on_the_rtl_equal_the_reference(tmp_path: Path) -> None:
    build = NetworkBuilder(6)
    x = pool(build, leaky(build, conv(build, (13, 12))), "MaxPool", 3, 2, 1, 1)
    x = pool(build, leaky(build, build.conv(x, 9)), "AveragePool", 2, 1)
    x = pool(build, build.conv(x, 11), "MaxPool", 3, 1, 1, 1)
    mean(build, build.relu(build.conv(x, 10)))
    made = compiled(build, tmp_path, "1x4x4", schedule=ON)
    assert inside(made) == [
        "LeakyRelu", "MaxPool", "LeakyRelu", "AveragePool", "MaxPool", "GlobalAveragePool"]
    inputs = build.samples(1)
    expected = evaluate(made.quantized, inputs)
    with open_target("verilator://?config=1x4x4&mem=0x0:1M&latency=7") as target:
        found = Session(made.program, target).run(inputs, capture=True)
    compared = {name[:-2]: value for name, value in found.items() if name.endswith(".q")}
    assert len(compared) == 5  # the input and the output of each convolution
    for name, value in compared.items():
        np.testing.assert_array_equal(value.reshape(expected[name].shape), expected[name], name)
