"""An Add is computed in the convolution before it: same bits, less traffic; or it is not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from compiler_networks import NetworkBuilder, check_every_layer, compiled
from onnx import numpy_helper
from tiers import slow

from myvta.compiler.compile import Compiled
from myvta.isa.instructions import decode_stream
from myvta.model.timing.predict import predict

Build = Callable[[NetworkBuilder], object]


def block(b: NetworkBuilder) -> str:
    """Build a residual block."""
    x = b.relu(b.conv(b.input((1, 12, 10, 10)), 12))
    return b.relu(b.add(b.conv(b.relu(b.conv(x, 12)), 12), x))


def down(b: NetworkBuilder) -> str:
    """Build a block whose other way is a convolution too."""
    x = b.relu(b.conv(b.input((1, 8, 10, 10)), 8))
    side = b.conv(x, 14, (1, 1), (2, 2), (0, 0, 0, 0))
    return b.relu(b.add(side, b.conv(x, 14, (3, 3), (2, 2))))


def both_read(b: NetworkBuilder) -> str:
    """Build an Add of a convolution that another layer reads too."""
    x = b.input((1, 8, 6, 6))
    y = b.conv(x, 8)
    return b.add(b.relu(y), b.add(y, x))


JOINED: dict[str, tuple[Build, int]] = {"block": (block, 1), "down": (down, 1),
                                        "read twice": (both_read, 0)}


def inside(made: Compiled) -> list[str]:
    """Return the reasons of Adds that are part of a convolution."""
    return [node.reason for node in made.report.nodes if "computed in" in node.reason]


@pytest.mark.parametrize("config", [
    "2x8x8", *slow("1x4x4", "1x4x4_int4", "1x4x4_base", "default"),
])
@pytest.mark.parametrize("name", JOINED)
def test_fused_and_separate_adds_give_the_same_bits(tmp_path: Path, name: str, config: str) -> None:
    build, (make, count) = NetworkBuilder(4), JOINED[name]
    make(build)
    made = compiled(build, tmp_path, config)
    assert len(inside(made)) == (0 if config == "1x4x4_base" else count)
    inputs = build.samples(3)
    check_every_layer(made, inputs, strict="1")
    for seed in range(3):
        check_every_layer(made, inputs, order=str(seed))


@pytest.mark.slow
@pytest.mark.parametrize("factor", [1 / 50, 50])
def test_either_operand_may_be_the_coarser(tmp_path: Path, factor: float) -> None:
    build = NetworkBuilder(5)
    block(build)
    weight = build.constants[4]
    assert weight.dims[:2] == [12, 12]
    weight.CopyFrom(numpy_helper.from_array(
        (numpy_helper.to_array(weight) * factor).astype(np.float32), weight.name))
    made = compiled(build, tmp_path, "1x4x4")
    (add,) = (node for node in made.quantized.nodes if node.op == "Add")
    assert add.attrs.gains[0 if factor > 1 else 1] >= 4  # the convolution's comes first
    assert len(inside(made)) == 1
    for seed in range(3):
        check_every_layer(made, build.samples(2), order=str(seed))


def test_per_layer_launches_are_not_fused(tmp_path: Path) -> None:
    build = NetworkBuilder(4)
    block(build)
    made = compiled(build, tmp_path, "1x4x4", per_layer=True)
    assert not inside(made)
    check_every_layer(made, build.samples(1))


def test_fused_add_is_faster_and_moves_fewer_bytes(tmp_path: Path) -> None:
    build = NetworkBuilder(4)
    block(build)
    joined = compiled(build, tmp_path, "1x4x4")
    apart = compiled(build, tmp_path, "1x4x4", per_layer=True)
    cycles, moved = [], []
    for made in (joined, apart):
        program, total = made.program, 0
        for step in program.launches:
            (uops,) = (part.data for part in program.segments if part.offset == step.uops)
            items = decode_stream(program.code(step), program.config)
            total += predict(items, uops, program.config, latency=1).cycles
        cycles.append(total)
        moved.append(sum(sum(node.costs.bytes.values()) for node in made.report.nodes))
    assert cycles[0] < cycles[1]
    assert moved[0] < moved[1]
