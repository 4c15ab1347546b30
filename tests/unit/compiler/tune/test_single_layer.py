"""A fusion group alone: memory of its own, its stream, and running it on a target."""

from __future__ import annotations

import pytest
from conv_nodes import conv_node

from myvta.compiler.codegen.lowering_context import Activation
from myvta.compiler.ir.attributes import SlidingWindow
from myvta.compiler.ir.target_description import TargetDescription
from myvta.compiler.lower.conv.fusion_group import FusionGroup
from myvta.compiler.tune.single_layer import isolate, isolated_activations, run_alone
from myvta.driver import OutOfMemoryError, open_target
from myvta.isa.config import named
from myvta.isa.instructions import Load, Store
from myvta.isa.opcodes import MemoryType

NODE = conv_node((9, 6, 3, 3), SlidingWindow((3, 3), (1, 1), (1, 1, 1, 1)))
VIEWS = {"x": (6, 5, 7), "y": (9, 5, 7)}


@pytest.mark.parametrize(("name", "images", "x", "y"), [
    ("1x4x4", 2, Activation(0, 2, 2, (6, 5, 7)), Activation(1024, 2, 3, (9, 5, 7))),
    ("2x8x8", 2, Activation(0, 1, 1, (6, 5, 7)), Activation(256, 1, 2, (9, 5, 7))),
])
def test_activations_begin_pages_of_their_own(
    name: str, images: int, x: Activation, y: Activation
) -> None:
    """Tiles of 4 and of 16 bytes: a page is 1024 or 256 of them."""
    found = isolated_activations(
        FusionGroup(NODE), VIEWS, TargetDescription(named(name)), images)
    assert found == {"x": x, "y": y}


def test_the_stream_reads_its_input_and_stores_its_output_once() -> None:
    config = named("1x4x4")
    found = isolate(NODE, VIEWS, TargetDescription(config))
    stores = [it for it in found.stream.instructions if isinstance(it, Store)]
    assert sum(it.x_size * it.y_size for it in stores) == 3 * 35
    assert min(it.dram_base for it in stores) == 1024
    last = max(
        (it.dram_base + max(it.y_size - 1, 0) * it.x_stride + it.x_size)
        * config.tile_bytes(MemoryType(it.memory_type))
        for it in found.stream.instructions
        if isinstance(it, Load) and it.memory_type != MemoryType.UOP and it.y_size)
    assert last <= found.size


def test_it_runs_on_zeros_and_reports_its_counters() -> None:
    found = isolate(NODE, VIEWS, TargetDescription(named("1x4x4")))
    with open_target("model://?config=1x4x4&mem=0x10000:64K") as target:
        target.write_memory(0x10000, bytes([9]) * 8192)
        report = run_alone(target, found.stream, found.size)
        assert not any(target.read_memory(0x10000, 4096))
    assert report.counters["OUT_BYTES"] == 3 * 35 * 4


def test_too_little_memory_is_refused() -> None:
    found = isolate(NODE, VIEWS, TargetDescription(named("1x4x4")))
    with open_target("model://?config=1x4x4&mem=0:4K") as target, pytest.raises(
        OutOfMemoryError, match="4096"
    ):
        run_alone(target, found.stream, found.size)
