"""Packed first layers: the same sums as the plain convolution, in fewer steps."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from compiler_networks import NetworkBuilder, check_every_layer, compiled
from hypothesis import given, settings, strategies as st

from myvta.compiler.ir.attributes import SlidingWindow
from myvta.compiler.layout.input_packing import choose_packing
from myvta.compiler.reference.reference_convolutions import accumulate_conv
from myvta.driver.program.lane_packing import InputPacking
from myvta.driver.program.program import HostStep
from myvta.isa.config import NAMED, named

Pair = tuple[int, int]


@st.composite
def packings(draw: st.DrawFn) -> InputPacking:
    """Draw any packing of a small convolution, with any padding."""
    def pair(low: int, high: int) -> Pair:
        return draw(st.tuples(st.integers(low, high), st.integers(low, high)))

    kernel, strides, dilations, before = pair(1, 5), pair(1, 4), pair(1, 3), pair(0, 6)
    size, after, taps = pair(1, 12), pair(0, 6), (draw(st.integers(1, kernel[0])),
                                                  draw(st.integers(1, kernel[1])))
    out = [
        (size[a] + before[a] + after[a] - dilations[a] * (kernel[a] - 1) - 1) // strides[a] + 1
        for a in range(2)
    ]
    if min(out) < 1:
        return draw(packings())
    return InputPacking(
        draw(st.integers(1, 3)), size, (out[0], out[1]), kernel, strides, dilations, before, taps
    )


def plain(packing: InputPacking, x: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Return the sums of the convolution as it was."""
    needed = [
        (packing.out[a] - 1) * packing.strides[a]
        + packing.dilations[a] * (packing.kernel[a] - 1) + 1 - packing.size[a] - packing.before[a]
        for a in range(2)
    ]
    x = x[:, :, : packing.size[0] + min(0, needed[0]), : packing.size[1] + min(0, needed[1])]
    pads = (*packing.before, max(0, needed[0]), max(0, needed[1]))
    return accumulate_conv(
        x, weight, SlidingWindow(packing.kernel, packing.strides, pads, packing.dilations))


@pytest.mark.slow
@settings(max_examples=150)
@given(packings(), st.integers(0, 99))
def test_the_packed_convolution_has_the_same_sums(packing: InputPacking, seed: int) -> None:
    random = np.random.default_rng(seed)
    x = random.integers(-128, 128, (2, packing.channels, *packing.size))
    weight = random.integers(-128, 128, (4, packing.channels, *packing.kernel))
    packed = packing.pack(x)
    assert packed.shape == (2, packing.lanes, *packing.pixels)
    found = accumulate_conv(packed, packing.pack_weight(weight), SlidingWindow(
        packing.window, packing.packed_strides, (0, 0, 0, 0), packing.packed_dilations))
    np.testing.assert_array_equal(found, plain(packing, x, weight))


@pytest.mark.slow
@given(packings())
def test_a_packing_survives_json(packing: InputPacking) -> None:
    assert InputPacking.from_json(json.loads(json.dumps(packing.to_json()))) == packing


def choice(
    config: str, channels: int, filters: int, size: int, kernel: int, stride: int = 1, pad: int = 0,
    dilation: int = 1,
) -> InputPacking | None:
    """Choose the packing of a square convolution."""
    out = (size + 2 * pad - dilation * (kernel - 1) - 1) // stride + 1
    return choose_packing(
        channels, filters, (size, size), (out, out), (kernel, kernel), (stride, stride),
        (dilation, dilation), (pad, pad), named(config),
    )


@pytest.mark.parametrize(("config", "layer", "steps"), [
    ("default", (3, 64, 224, 7, 2, 3), 10),  # ResNet: ceil(147 / 16)
    ("default", (3, 32, 224, 3, 2, 1), 2),  # MobileNet: ceil(27 / 16)
    ("default", (3, 64, 224, 11, 4, 2), 23),  # AlexNet: ceil(363 / 16)
    ("1x8x8", (3, 64, 224, 7, 2, 3), 19),
    ("1x32x32", (3, 64, 224, 7, 2, 3), 6),  # memory limits five: 64 bits per cycle for 32 lanes
])
def test_packing_takes_these_steps(
    config: str, layer: tuple[int, int, int, int, int, int], steps: int
) -> None:
    packing = choice(config, *layer)
    assert packing is not None
    blocks = -(-packing.lanes // named(config).block_in)
    assert blocks * packing.window[0] * packing.window[1] == steps


def test_packing_minimizes_steps_then_bytes() -> None:
    packing = choice("default", 1, 32, 28, 5, pad=2)  # 25 taps in two blocks, or 15 taps in one
    assert packing is not None
    assert (packing.lanes, packing.window, packing.pixels) == (15, (1, 2), (28, 31))


@pytest.mark.parametrize("layer", [(16, 16, 14, 3, 1, 1), (3, 16, 14, 1), (1, 1, 14, 1, 2)])
def test_layers_without_gain_are_not_packed(layer: tuple[int, ...]) -> None:
    assert choice("default", *layer) is None


def first_layer(made_on_device: bool) -> NetworkBuilder:
    """Return a 5x5 convolution of two channels."""
    build = NetworkBuilder(3)
    x = build.input((2, 2, 9, 11))
    build.conv(build.relu(x) if made_on_device else x, 5, (5, 5), (2, 1), (2, 1, 0, 2))
    return build


@pytest.mark.slow
@pytest.mark.parametrize("config", sorted(NAMED))
def test_only_host_produced_inputs_are_packed(tmp_path: Path, config: str) -> None:
    for made_on_device in (False, True):
        build = first_layer(made_on_device)
        made = compiled(build, tmp_path, config)
        (step,) = (step for step in made.program.steps if isinstance(step, HostStep)
                   and step.inputs == ("input",))
        assert (step.op == "quantize_packed") == (not made_on_device)
        assert ("input.q" in {t.name for t in made.program.tensors}) == made_on_device
        assert ("taps packed into" in made.report.nodes[-1].reason) == (not made_on_device)
        check_every_layer(made, build.samples(3), strict="1")


def test_input_with_other_readers_is_stored_packed_and_unpacked(tmp_path: Path) -> None:
    """Two equal windows share one packed tensor; the residual reads the plain one."""
    build = NetworkBuilder(1)
    x = build.input((1, 3, 6, 6))
    y = build.conv(x, 3, (3, 3))
    build.add(build.add(build.conv(x, 3, (3, 3)), y), x)
    made = compiled(build, tmp_path, "1x4x4")
    made_by_host = [step.outputs[0] for step in made.program.steps
                    if isinstance(step, HostStep) and step.inputs == ("input",)]
    assert sorted(made_by_host) == ["input.packed", "input.q"]
    check_every_layer(made, build.samples(2), strict="1")


def test_name_of_a_packed_tensor_is_unique(tmp_path: Path) -> None:
    build = NetworkBuilder(1)
    x = build.input((1, 1, 6, 6), "a")
    y = build.input((1, 1, 6, 6), "a.packed")
    build.add(build.conv(x, 4), build.conv(y, 4))
    check_every_layer(compiled(build, tmp_path, "1x4x4"), build.samples(2), strict="1")


def test_layer_after_a_host_node_is_packed(tmp_path: Path) -> None:
    build = NetworkBuilder(1)
    x = build.input((1, 2, 8, 8))
    build.conv(build.node("Sigmoid", [x], (1, 2, 8, 8)), 5)
    made = compiled(build, tmp_path, "1x8x8")
    assert any(isinstance(step, HostStep) and step.op == "quantize_packed"
               for step in made.program.steps)
    check_every_layer(made, build.samples(2), strict="1")
