"""An operation alone: memory of its own, its stream, and running it on a target."""

from __future__ import annotations

import pytest
from conv_nodes import conv_node

from myvta.compiler.codegen.lowering_context import Activation
from myvta.compiler.ir.attributes import SlidingWindow
from myvta.compiler.ir.layouts import ChannelLayout
from myvta.compiler.ir.target_description import TargetDescription
from myvta.compiler.lower.conv.fusion_group import FusionGroup
from myvta.compiler.tune.single_layer import isolate, isolated_activations, run_alone
from myvta.driver import OutOfMemoryError, open_target
from myvta.isa.config import named
from myvta.isa.instructions import Load, Store
from myvta.isa.opcodes import MemoryType

GROUP = FusionGroup(conv_node((9, 6, 3, 3), SlidingWindow((3, 3), (1, 1), (1, 1, 1, 1))))
X, Y = ChannelLayout(6, 5, 7), ChannelLayout(9, 5, 7)
LAYOUTS = {"x": X, "y": Y}


@pytest.mark.parametrize(("name", "images", "x", "y"), [
    ("1x4x4", 2, Activation(0, 2, 2, X), Activation(1024, 2, 3, Y)),
    ("2x8x8", 2, Activation(0, 1, 1, X), Activation(256, 1, 2, Y)),
])
def test_activations_begin_pages_of_their_own(
    name: str, images: int, x: Activation, y: Activation
) -> None:
    """Tiles of 4 and of 16 bytes: a page is 1024 or 256 of them."""
    actual = isolated_activations(GROUP, LAYOUTS, TargetDescription(named(name)), images)
    assert actual == {"x": x, "y": y}


def test_the_stream_reads_its_input_and_stores_its_output_once() -> None:
    config = named("1x4x4")
    actual = isolate(GROUP, LAYOUTS, TargetDescription(config))
    stores = [item for item in actual.stream.instructions if isinstance(item, Store)]
    assert sum(item.x_size * item.y_size for item in stores) == 3 * 35
    assert min(item.dram_base for item in stores) == 1024
    last = max(
        (item.dram_base + max(item.y_size - 1, 0) * item.x_stride + item.x_size)
        * config.tile_bytes(MemoryType(item.memory_type))
        for item in actual.stream.instructions
        if isinstance(item, Load) and item.memory_type != MemoryType.UOP and item.y_size)
    assert last <= actual.size


def test_isolated_layer_runs_on_zeros_and_reports_its_counters() -> None:
    actual = isolate(GROUP, LAYOUTS, TargetDescription(named("1x4x4")))
    with open_target("model://?config=1x4x4&mem=0x10000:64K") as target:
        target.write_memory(0x10000, bytes([9]) * 8192)
        report = run_alone(target, actual.stream, actual.size)
        assert not any(target.read_memory(0x10000, 4096))
    assert report.counters["OUT_BYTES"] == 3 * 35 * 4


def test_too_little_memory_is_refused() -> None:
    actual = isolate(GROUP, LAYOUTS, TargetDescription(named("1x4x4")))
    with open_target("model://?config=1x4x4&mem=0:4K") as target, pytest.raises(
        OutOfMemoryError, match="4096"
    ):
        run_alone(target, actual.stream, actual.size)
