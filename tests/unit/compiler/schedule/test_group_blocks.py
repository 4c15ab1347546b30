"""Grouped convolution as block-diagonal GEMM: blocks, runs and tiles against the dense matrix."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from compiler_networks import NetworkBuilder, compiled
from hypothesis import given, settings, strategies as st

from myvta.compiler.schedule.group_blocks import (
    Blocks,
    StridedRun,
    blocks_of,
    most_apart,
    runs,
    weight_tiles,
)
from myvta.isa.config import NAMED, named

groupings = st.tuples(st.integers(1, 12), st.integers(1, 40), st.integers(1, 40))


def dense(weight: np.ndarray, group: int) -> np.ndarray:
    """Return the weights of the same convolution with one group."""
    filters, each = weight.shape[:2]
    full = np.zeros((filters, each * group, *weight.shape[2:]), weight.dtype)
    for m in range(filters):
        g = m // (filters // group)
        full[m, g * each : (g + 1) * each] = weight[m]
    return full


@pytest.mark.slow
@settings(max_examples=100)
@given(groupings, st.sampled_from(["1x4x4", "1x8x8", "default"]))
def test_tiles_are_those_of_the_dense_matrix(sizes: tuple[int, int, int], name: str) -> None:
    (group, per_in, per_out), config = sizes, named(name)
    channels, filters = group * per_in, group * per_out
    weight = np.random.default_rng(1).integers(1, 100, (filters, per_in, 2, 3))
    blocks = blocks_of(channels, filters, group, config)
    tiles = weight_tiles(weight, channels, blocks, config)
    block = config.block_in
    everything = -(-channels // block)
    found = np.zeros((len(tiles) * block, everything * block, 2, 3), int)
    for o, lead in enumerate(blocks.leads or [0] * len(tiles)):
        assert 0 <= lead <= everything - blocks.count
        rows = slice(o * block, (o + 1) * block)
        for i in range(blocks.count):
            columns = slice((lead + i) * block, (lead + i + 1) * block)
            found[rows, columns] = tiles[o, i].transpose(2, 3, 0, 1)
    wanted = np.zeros_like(found)
    wanted[:filters, :channels] = dense(weight, group)
    np.testing.assert_array_equal(found, wanted)


@settings(max_examples=100)
@given(groupings, st.data())
def test_runs_give_every_block_its_own_inputs(
    sizes: tuple[int, int, int], data: st.DataObject
) -> None:
    group, per_in, per_out = sizes
    leads = blocks_of(group * per_in, group * per_out, group, named("1x4x4")).leads
    total = -(-group * per_out // 4)
    start = data.draw(st.integers(0, total - 1))
    count = data.draw(st.integers(1, total - start))
    found = [
        (run.start + r * run.count + i, run.lead + r * run.jump)
        for run in runs(leads, start, count)
        for r in range(run.repeats) for i in range(run.count)
    ]
    assert found == [(o, leads[o] if leads else 0) for o in range(start, start + count)]


@pytest.mark.parametrize(("sizes", "blocks", "found"), [
    ((64, 64, 64), Blocks(1, (0, 1, 2, 3)), [StridedRun(0, 0, 1, 4, 1)]),  # depthwise
    ((32, 96, 16), Blocks(1, (0, 0, 0, 1, 1, 1)), [StridedRun(0, 0, 3, 2, 1)]),  # 2 in, 6 out
    ((96, 256, 2), Blocks(3, (0,) * 8 + (3,) * 8), [StridedRun(0, 0, 8, 2, 3)]),  # AlexNet
    ((64, 64, 2), Blocks(2, (0, 0, 2, 2)), [StridedRun(0, 0, 2, 2, 2)]),
    ((40, 40, 1), Blocks(3), [StridedRun(0, 0, 3)]),
])
def test_blocks_and_runs_of_known_layers(
    sizes: tuple[int, int, int], blocks: Blocks, found: list[StridedRun]
) -> None:
    assert blocks_of(*sizes, named("default")) == blocks
    assert runs(blocks.leads, 0, -(-sizes[1] // 16)) == found


def test_maximum_distance_of_first_blocks() -> None:
    assert [most_apart((0, 1, 2, 3), size) for size in (1, 2, 3, 4)] == [0, 1, 2, 3]
    assert most_apart((0, 0, 3, 3), 2) == 0


@pytest.mark.parametrize("config", sorted(NAMED))
def test_depthwise_takes_one_step_per_tap_or_window(tmp_path: Path, config: str) -> None:
    """GEMM: nine steps an output tile of a 3x3 layer; DWC: one for each of its windows."""
    build = NetworkBuilder(1)
    build.conv(build.input((1, 64, 6, 5)), 64, group=64)
    (node,) = compiled(build, tmp_path, config).report.nodes
    chosen = named(config)
    tiles = 64 // chosen.block_out * 6 * 5
    if not chosen.depthwise:
        assert node.reason.endswith("; 64 groups as block-diagonal weight tiles")
        assert (node.costs.gemm_steps, node.costs.dwc_steps) == (9 * tiles, 0)
        return
    windows = {4: 4, 8: 2, 16: 1, 32: 1}[chosen.taps]  # 2x2, 2x4, 4x4, 4x8
    assert node.reason.endswith("; 64 groups as windows of DWC")
    assert (node.costs.gemm_steps, node.costs.dwc_steps) == (0, windows * tiles)
