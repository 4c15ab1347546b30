"""The steps of a forwarded convolution: order, places on chip, and what is loaded once."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from conv_nodes import conv_node
from lowered_node import integers, run_lowered, scaled

from myvta.compiler.codegen.lowering_context import Activation
from myvta.compiler.ir.attributes import SlidingWindow
from myvta.compiler.ir.layouts import ChannelLayout
from myvta.compiler.ir.target_description import TargetDescription
from myvta.compiler.lower.conv.conv import group_layer
from myvta.compiler.lower.conv.fusion_group import FusionGroup
from myvta.compiler.lower.layer_scheduler import LayerScheduler
from myvta.compiler.schedule.conv_problem import ConvTiling
from myvta.compiler.schedule.select_tiling import ScheduleOptions
from myvta.driver.stream.instruction_stream import InstructionStream
from myvta.isa.config import named
from myvta.isa.instructions import Dwc, Gemm, Load, Store
from myvta.isa.opcodes import MemoryType

CONFIG = named("1x4x4").replace(depthwise=True, forward=True)
DEPTHWISE = replace(
    conv_node((8, 1, 3, 3), SlidingWindow((3, 3), (1, 1), (1, 1, 1, 1)), group=8),
    name="depthwise", outputs=("between",))
POINT = replace(
    conv_node((12, 8, 1, 1), SlidingWindow((1, 1), (1, 1), (0, 0, 0, 0))), inputs=("between",))
PAIR = FusionGroup(POINT, ahead=DEPTHWISE)
PLACES = {
    "x": Activation(0, 1, 2, ChannelLayout(8, 6, 5)),
    "between": Activation(100, 1, 2, ChannelLayout(8, 6, 5)),
    "y": Activation(200, 1, 3, ChannelLayout(12, 6, 5)),
}
TILINGS = {
    "one block at a time": ConvTiling(3, 3, 1, 3, 5, 1, 1, "weight-stationary", True),
    "in parts": ConvTiling(3, 1, 2, 2, 5, 1, 1, "output-stationary", True),
    "parts of rows": ConvTiling(2, 2, 2, 2, 3, 1, 1, "input-stationary", True),
    "again for every block": ConvTiling(1, 1, 1, 2, 5, 1, 1, "weight-stationary", False),
}


def stream(tiling: ConvTiling) -> InstructionStream:
    """Return the pair alone, with tokens."""
    scheduler = LayerScheduler(TargetDescription(CONFIG), ScheduleOptions(), PLACES)
    return scheduler.stream(scheduler.place(group_layer(PAIR, PLACES, CONFIG)), tiling)


@pytest.mark.parametrize("name", TILINGS)
def test_every_tiling_computes_both_layers(name: str) -> None:
    """The reference is two sums in numpy, requantized in between."""
    x = integers((1, 8, 6, 5))
    padded = np.pad(x, [(0, 0), (0, 0), (1, 1), (1, 1)])
    sums = sum(
        padded[:, :, row:row + 6, column:column + 5]
        * DEPTHWISE.attrs.weight[:, 0, row, column].astype(np.int64)[None, :, None, None]
        for row in range(3) for column in range(3))
    between = scaled(np.asarray(sums), 9, 11)
    expected = scaled(
        np.einsum("nchw,mc->nmhw", between, POINT.attrs.weight[:, :, 0, 0].astype(np.int64)), 9, 11)

    def layer_of(node, activations, config):  # type: ignore[no-untyped-def]
        places = {**activations, "between": activations["x"]}
        return group_layer(PAIR, places, config)

    result = run_lowered(layer_of, POINT, {"x": x}, (1, 12, 6, 5), CONFIG, TILINGS[name])
    np.testing.assert_array_equal(result, expected)


def test_next_chunk_is_computed_before_the_products_of_this_one() -> None:
    """Two chunks of one block, each of four windows, for two tiles of three rows."""
    steps = [
        type(item).__name__ if not isinstance(item, Store) else MemoryType(item.memory_type).name
        for item in stream(TILINGS["one block at a time"]).instructions
        if isinstance(item, (Dwc, Gemm, Store))]
    order = [step for step, before in zip(steps, ["", *steps], strict=False) if step != before]
    assert order == [
        "Dwc", "INP", "Dwc", "INP", "Gemm", "Dwc", "INP", "Gemm", "OUT", "Dwc", "INP", "Gemm",
        "OUT"]


def test_weights_and_parameters_are_loaded_once_and_nothing_between_the_layers() -> None:
    """Four WGT tiles and three of parameters for each block of the depthwise layer."""
    loads = [item for item in stream(TILINGS["in parts"]).instructions if isinstance(item, Load)]
    moved = {
        kind: sum(item.x_size * item.y_size for item in loads if item.memory_type == kind)
        for kind in MemoryType}
    assert moved[MemoryType.WGT] == 2 * 4 + 3 * 2
    assert moved[MemoryType.ACC] == (2 + 3) * 3
    assert moved[MemoryType.INP] == 2 * 5 * (3 + 4 + 3)  # rows of three tiles, with borders
    between = range(100, 160)
    assert not any(
        item.dram_base in between for item in loads if item.memory_type == MemoryType.INP)
