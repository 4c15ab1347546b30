"""Last layers with few filters: several outputs in the lanes of a tile, unpacked by the host."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from compiler_networks import NetworkBuilder, check_every_layer, compiled
from hypothesis import given, strategies as st

from myvta.compiler.layout.output_packing import block_axis
from myvta.driver.program.program import HostStep

Build = Callable[[NetworkBuilder], str]
small = st.integers(1, 5)


@given(st.data())
def test_blocks_meet_the_inputs_their_outputs_meet(data: st.DataObject) -> None:
    kernel, dilation, outputs = (data.draw(small) for _ in range(3))
    before = data.draw(st.integers(-4, 6))
    up, stride = data.draw(st.sampled_from([(1, 1), (1, 2), (1, 3), (2, 1), (3, 1), (4, 1)]))
    block = up * data.draw(small)
    axis = block_axis(outputs, kernel, stride, dilation, before, up, block)
    assert axis.count == -(-outputs // block)
    met = set()
    for output in range(2 * block):
        for tap in range(kernel):
            place = output * stride + tap * dilation - before
            number = axis.taps.get((output % block, tap))
            assert (number is not None) == (place % up == 0)
            if number is not None:
                met.add(number)
                at = output // block * axis.stride + number * axis.dilation - axis.before
                assert at * up == place
    assert (min(met), max(met)) == (0, axis.kernel - 1)


LAYERS: dict[str, tuple[Build, int]] = {  # and their GEMM steps on the default configuration
    "DCGAN": (lambda b: b.conv_transpose(b.input((1, 32, 8, 8)), 3), 2 * 9 * 64),  # not 8 * 256
    "9x9": (lambda b: b.conv(b.input((1, 16, 10, 10)), 3, (9, 9), pads=(4, 4, 4, 4)),
            9 * 13 * 20),  # not 81 * 100
    "one filter": (lambda b: b.conv(b.relu(b.input((1, 16, 4, 16))), 1), 6 * 6 * 4),  # not 9 * 64
}
"""Fewer products than filters would suggest, as neighbouring windows share inputs."""


@pytest.mark.parametrize("layer", LAYERS)
def test_packed_layer_takes_these_steps(tmp_path: Path, layer: str) -> None:
    build, (make, steps) = NetworkBuilder(1), LAYERS[layer]
    make(build)
    node = compiled(build, tmp_path, "default").report.nodes[-1]
    assert node.costs.gemm_steps == steps
    assert node.reason.endswith("outputs in the lanes of a tile, unpacked by the host")


@pytest.mark.slow
@pytest.mark.parametrize("config", ["1x4x4_base", "1x8x8", "2x8x8", "1x16x16_int4"])
@pytest.mark.parametrize("layer", LAYERS)
def test_unpacked_outputs_equal_the_reference(tmp_path: Path, layer: str, config: str) -> None:
    build = NetworkBuilder(1)
    LAYERS[layer][0](build)
    check_every_layer(compiled(build, tmp_path, config), build.samples(2), strict="1")


def test_single_layer_is_packed_at_input_and_output(tmp_path: Path) -> None:
    """An image to an image: the input packed, the output unpacked; per-channel biases and Relu."""
    build = NetworkBuilder(1)
    build.relu(build.conv(build.input((2, 3, 11, 10)), 3, (5, 5), pads=(2, 2, 2, 2)))
    made = compiled(build, tmp_path, "default")
    kinds = [step.op for step in made.program.steps if isinstance(step, HostStep)]
    assert kinds == ["quantize_packed", "unpack", "dequantize"]
    (node,) = made.report.nodes
    assert "taps packed" in node.reason
    assert "unpacked by the host" in node.reason
    check_every_layer(made, build.samples(4), strict="1")


@pytest.mark.parametrize("make", [
    lambda b: b.relu(b.max_pool(b.conv(b.input((1, 16, 8, 8)), 3))),  # the device reads it
    lambda b: b.conv(b.input((1, 16, 8, 8)), 16),  # no lane is free
])
def test_layers_without_a_faster_packing_are_not_packed(tmp_path: Path, make: Build) -> None:
    build = NetworkBuilder(1)
    make(build)
    made = compiled(build, tmp_path, "default")
    assert not any(getattr(step, "op", "") == "unpack" for step in made.program.steps)


def test_host_nodes_read_unpacked_outputs(tmp_path: Path) -> None:
    build = NetworkBuilder(1)
    x = build.conv_transpose(build.input((1, 20, 5, 4)), 2)
    build.node("Softplus", [x], build.shapes[x])
    made = compiled(build, tmp_path, "1x8x8", x, "softplus1")
    check_every_layer(made, build.samples(2), strict="1")
