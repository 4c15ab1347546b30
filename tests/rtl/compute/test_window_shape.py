"""window_shape: parts of a column, and the distances of a window's tiles."""

from itertools import pairwise
from random import Random

import pytest
from rtl_bench import clock_and_reset, randomize, record
from window_bench import CONFIGS

from myvta.rtl.compute.step import Step
from myvta.rtl.compute.window_shape import WindowSums, row_parts, window_sums
from myvta.rtl.lib.bundles import bit


@pytest.mark.parametrize(("pitch", "rows", "parts"), [
    (0, 1, [[0]]), (0, 3, [[0], [1], [2]]), (1, 4, [[0, 1, 2, 3]]), (2, 2, [[0, 1]]),
    (2, 3, [[0, 1], [2]]), (2, 4, [[0, 1], [2, 3]]), (3, 4, [[0, 1, 2, 3]]),
    (68, 2, [[0], [1]]), (67, 3, [[0, 1, 2]]),
])
def test_rows_of_a_part_are_in_different_banks(pitch, rows, parts):
    assert row_parts(pitch, rows) == parts


@pytest.mark.parametrize("name", ["1x4x4", "default", "1x32x32"])
def test_distances_are_those_of_the_window_and_zero_for_a_gemm(name):
    config, random = CONFIGS[name], Random(2)
    clock, reset = clock_and_reset()
    advance, adding, sums = bit(), Step(config), WindowSums(config)

    def drive(cycle):
        randomize(random, advance, adding.depthwise, adding.row_pitch, adding.window)

    watched = {"advance": advance, "adding": adding, "sums.reach": sums.reach,
               "sums.code": sums.code, "sums.bank_step": sums.bank_step}
    watched |= {f"P{n}": multiple for n, multiple in enumerate(sums.multiples, 1)}
    block = window_sums(clock, advance, adding, sums, config=config)
    rows = record([block], clock, reset, watched, drive, cycles=200)
    seen = 0
    for row, after in pairwise(rows):
        if not row["advance"]:
            continue
        pitch, code = row["adding.row_pitch"], row["adding.window"]
        if not row["adding.depthwise"]:
            assert (after["sums.code"], after["sums.reach"]) == (0, 0)
            continue
        seen += 1
        height, width = config.window_shape(code)
        assert after["sums.code"] == code and after["sums.bank_step"] == pitch % 4
        assert after["sums.reach"] == (height - 1) * pitch + width - 1
        for n in range(1, config.window[0]):
            assert after[f"P{n}"] == n * pitch % config.depth(2)
    assert seen > 30
