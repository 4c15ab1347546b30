"""Depthwise convolutions by DWC on the model, against sums tap by tap; weight tiles by hand."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from compiler_networks import NetworkBuilder, check_every_layer, compiled
from conv_nodes import conv_node
from lowered_node import integers, rule, run_lowered, scaled

from myvta.compiler.codegen.lowering_context import Activation
from myvta.compiler.codegen.stream_costs import stream_costs
from myvta.compiler.ir.attributes import ConvAttributes, SlidingWindow
from myvta.compiler.ir.layouts import ChannelLayout
from myvta.compiler.ir.quantized_graph import QuantizedNode
from myvta.compiler.ir.target_description import TargetDescription
from myvta.compiler.lower.conv.conv import group_layer
from myvta.compiler.lower.conv.conv_shape import conv_shape
from myvta.compiler.lower.conv.fusion_group import FusionGroup
from myvta.compiler.lower.depthwise.window_steps import window_tiles
from myvta.compiler.lower.layer_scheduler import LayerScheduler
from myvta.compiler.lower.tiled_layer import TiledLayer
from myvta.compiler.schedule.conv_problem import ConvShape, ConvTiling
from myvta.compiler.schedule.select_tiling import ScheduleOptions
from myvta.isa.config import Config, named

PLAIN = named("1x4x4").replace(depthwise=True)  # windows of 2 x 2 taps, one weight a row
PAIRS = named("lean").replace(depthwise=True)  # 2 x 4 taps, half a row of weights
CONFIGS = {
    "4 taps": PLAIN,
    "4 taps, base": named("1x4x4_base").replace(depthwise=True),
    "8 taps, 16 lanes": PAIRS,
    "8 taps, 8 lanes": named("1x8x8").replace(depthwise=True),
    "2 images": named("2x8x8").replace(depthwise=True),
    "16 taps": named("1x32x32").replace(depthwise=True),
}
# channels, map, kernel, strides, pads, dilations
LAYERS = {
    "3x3": (10, (9, 8), (3, 3), (1, 1), (1, 1, 1, 1), (1, 1)),
    "stride 2": (5, (9, 8), (3, 3), (2, 2), (0, 1, 2, 1), (1, 1)),
    "5x5": (3, (9, 9), (5, 5), (1, 2), (2, 2, 2, 2), (1, 1)),
    "7x2": (17, (8, 7), (7, 2), (2, 1), (3, 0, 3, 1), (1, 1)),
    "rows": (4, (7, 9), (1, 4), (2, 3), (0, 1, 0, 1), (1, 1)),
    "dilated": (6, (12, 13), (3, 3), (1, 1), (2, 3, 2, 3), (2, 3)),
    "one channel": (1, (6, 6), (3, 2), (1, 1), (0, 0, 0, 0), (1, 1)),
    "pad beyond the kernel": (4, (4, 4), (2, 2), (1, 1), (3, 2, 2, 3), (1, 1)),
}


def naive_depthwise(
    x: np.ndarray, weight: np.ndarray, out: tuple[int, int], window: SlidingWindow,
    outside: int = 0,
) -> np.ndarray:
    """Return the sums of every channel's own kernel, pixel by pixel."""
    top, left, bottom, right = window.pads
    padded = np.pad(
        x, [(0, 0), (0, 0), (top, bottom), (left, right)], constant_values=outside)
    (kh, kw), (sy, sx), (dy, dx) = window.kernel, window.strides, window.dilations
    sums = np.zeros((*x.shape[:2], *out), np.int64)
    for y in range(out[0]):
        for column in range(out[1]):
            taps = padded[:, :, y * sy:y * sy + (kh - 1) * dy + 1:dy,
                          column * sx:column * sx + (kw - 1) * dx + 1:dx]
            sums[:, :, y, column] = (taps * weight[None, :, 0]).sum((2, 3))
    return sums


def outputs(size: tuple[int, int], window: SlidingWindow) -> tuple[int, int]:
    """Return rows and columns of a convolution's output."""
    rows, columns = (
        (size[a] + window.pads[a] + window.pads[a + 2]
         - window.dilations[a] * (window.kernel[a] - 1) - 1) // window.strides[a] + 1
        for a in range(2))
    return rows, columns


def problem_of(
    config: Config, channels: int, size: tuple[int, int], window: SlidingWindow
) -> ConvShape:
    """Return the problem of a depthwise layer."""
    node = conv_node((channels, 1, *window.kernel), window, group=channels)
    blocks = -(-channels // config.block_in)
    source = Activation(0, 1, blocks, ChannelLayout(channels, *size))
    target = Activation(0, 1, blocks, ChannelLayout(channels, *outputs(size, window)))
    return conv_shape(node, source, target, config)


def layer_of(
    node: QuantizedNode, activations: Mapping[str, Activation], config: Config
) -> TiledLayer:
    """Return a convolution as a layer."""
    return group_layer(FusionGroup(node), activations, config)


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("config", CONFIGS)
def test_depthwise_layer_equals_the_sums_of_its_taps(config: str, layer: str) -> None:
    target = CONFIGS[config]
    channels, size, kernel, strides, pads, dilations = LAYERS[layer]
    window = SlidingWindow(kernel, strides, pads, dilations)
    node = conv_node((channels, 1, *kernel), window, group=channels)
    x, out = integers((target.batch, channels, *size)), outputs(size, window)
    result = run_lowered(layer_of, node, {"x": x}, (target.batch, channels, *out), target)
    sums = naive_depthwise(x, node.attrs.weight.astype(np.int64), out, window)
    np.testing.assert_array_equal(result, scaled(sums, 9, 11))


@pytest.mark.parametrize("tiling", [
    ConvTiling(3, 1, 1, 2, 8, 3, 3, "output-stationary", False),
    ConvTiling(2, 2, 1, 3, 5, 3, 3, "weight-stationary", True),
    ConvTiling(1, 1, 1, 1, 3, 3, 3, "input-stationary", False),
])
def test_every_tiling_computes_the_same(tiling: ConvTiling) -> None:
    window = SlidingWindow((3, 3), (1, 1), (1, 1, 1, 1), (1, 1))
    node, x = conv_node((11, 1, 3, 3), window, group=11), integers((1, 11, 9, 8))
    result = run_lowered(layer_of, node, {"x": x}, (1, 11, 9, 8), PLAIN, tiling)
    sums = naive_depthwise(x, node.attrs.weight.astype(np.int64), (9, 8), window)
    np.testing.assert_array_equal(result, scaled(sums, 9, 11))


def test_padding_of_the_zero_point_surrounds_the_input() -> None:
    window = SlidingWindow((3, 3), (1, 1), (1, 1, 1, 1), (1, 1))
    node = conv_node((5, 1, 3, 3), window, group=5, padding=-9)
    x = integers((1, 5, 4, 6))
    result = run_lowered(layer_of, node, {"x": x}, (1, 5, 4, 6), PLAIN)
    sums = naive_depthwise(x, node.attrs.weight.astype(np.int64), (4, 6), window, outside=-9)
    np.testing.assert_array_equal(result, scaled(sums, 9, 11))


def test_4_bit_operands_have_the_same_windows() -> None:
    config = named("1x4x4_int4").replace(depthwise=True)
    window = SlidingWindow((3, 3), (1, 1), (1, 1, 1, 1), (1, 1))
    weight = integers((6, 1, 3, 3), 3) % 16 - 8
    node = QuantizedNode(
        "Conv", "conv", ("x",), ("y",),
        ConvAttributes(weight.astype(np.int8), np.ones(6), window, 6), rule(6, 4, 3))
    x = integers((1, 6, 7, 7)) % 16 - 8
    result = run_lowered(layer_of, node, {"x": x}, (1, 6, 7, 7), config)
    sums = naive_depthwise(x, weight, (7, 7), window)
    np.testing.assert_array_equal(result, np.clip(np.floor((sums + 3) / 16 + 0.5), -8, 7))


def test_a_3x3_layer_of_8_taps_takes_two_steps_per_tile() -> None:
    """7 x 7 outputs of 3 blocks: no product is GEMM's."""
    shape = (1, 40, 7, 7)
    node = conv_node((40, 1, 3, 3), SlidingWindow((3, 3), (1, 1), (1, 1, 1, 1), (1, 1)), group=40)
    places = {name: Activation(at, 1, 3, ChannelLayout(*shape[1:])) for name, at in (
        ("x", 0), ("y", 3 * 49))}
    scheduler = LayerScheduler(TargetDescription(PAIRS), ScheduleOptions(), places)
    placed = scheduler.place(layer_of(node, places, PAIRS))
    (cost, *_) = stream_costs(
        scheduler.stream(placed, scheduler.choose(placed.layer))).values()
    assert (cost.dwc_steps, cost.gemm_steps, cost.reset_steps) == (2 * 3 * 49, 0, 0)


def test_weights_of_lane_pairs_are_in_halves_of_their_rows() -> None:
    """The last three of 19 channels, row 2 of the kernel: taps 0..2 of half ``lane % 2``."""
    shape = problem_of(PAIRS, 19, (8, 8), SlidingWindow((3, 3), (1, 1), (1, 1, 1, 1), (1, 1)))
    weight = integers((19, 1, 3, 3), 5).astype(np.int8)
    tiles = window_tiles(weight, shape, PAIRS)
    assert tiles.shape == (2, 2, 16, 16)
    expected = np.zeros((16, 16), np.int8)
    expected[0, :3], expected[1, 8:11], expected[2, :3] = weight[16:, 0, 2]
    np.testing.assert_array_equal(tiles[1, 1], expected)


def test_columns_between_dilated_taps_weigh_nothing() -> None:
    config = named("1x32x32").replace(depthwise=True)  # 4 x 4 taps
    shape = problem_of(config, 1, (8, 8), SlidingWindow((1, 2), (1, 1), (0, 0, 0, 0), (1, 3)))
    tiles = window_tiles(np.array([[[[5, 7]]]], np.int8), shape, config)
    assert tiles[0, 0, 0].tolist() == [5, 0, 0, 7] + [0] * 28


@pytest.mark.parametrize("config", [PLAIN, PAIRS])
def test_layers_after_a_depthwise_convolution_are_computed_in_it(
    tmp_path: Path, config: Config
) -> None:
    build = NetworkBuilder(4)
    x = build.relu(build.input((1, 9, 12, 10)))
    y = build.relu(build.add(x, build.conv(x, 9, group=9)))
    y = build.max_pool(build.conv(y, 9, group=9), (3, 3), (2, 2), (1, 1, 1, 1))
    y = build.node("LeakyRelu", [build.conv(y, 9, group=9)], build.shapes[y], alpha=0.125)
    produced = compiled(build, tmp_path, config, schedule=ScheduleOptions(fuse="on"))
    fused = [node.reason for node in produced.report.nodes if "computed in" in node.reason]
    assert len(fused) == 3
    check_every_layer(produced, build.samples(2), strict="1")
