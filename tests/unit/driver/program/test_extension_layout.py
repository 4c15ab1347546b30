"""Weights of DWC and tables of RQT: laid out by hand, and refused when they cannot be."""

import math

import numpy as np
import pytest
from extended import extended

from myvta.driver import LayoutError, depthwise_tile, lookup_table


def test_a_lane_s_weights_are_at_its_own_taps():
    """1x4x4: four taps, 2x2, and no two products share a multiplier."""
    config = extended("1x4x4+depthwise")
    kernel = np.arange(1, 9).reshape(4, 2, 1)
    assert depthwise_tile(kernel, config).tolist() == [
        [1, 0, 2, 0], [3, 0, 4, 0], [5, 0, 6, 0], [7, 0, 8, 0]]


def test_paired_lanes_use_different_halves():
    """16 lanes, 8 taps, 2x4: an even lane's weights are in the low half of its row."""
    kernel = np.arange(1, 97).reshape(16, 2, 3)
    tile = depthwise_tile(kernel, extended("default"))
    assert tile.shape == (16, 16)
    assert tile[0].tolist() == [1, 2, 3, 0, 4, 5, 6, 0] + [0] * 8
    assert tile[1].tolist() == [0] * 8 + [7, 8, 9, 0, 10, 11, 12, 0]
    assert tile[14].tolist() == [85, 86, 87, 0, 88, 89, 90, 0] + [0] * 8


@pytest.mark.parametrize(("kernel", "message"), [
    (np.zeros((4, 2, 3), int), r"4 lanes, 1\.\.2 rows and 1\.\.2 columns, not 4, 2 and 3"),
    (np.zeros((4, 0, 1), int), "not 4, 0 and 1"),
    (np.zeros((5, 1, 1), int), "not 5, 1 and 1"),
    (np.zeros((4, 2), int), r"integer array \(lanes, rows, columns\), not \(4, 2\) int64"),
    (np.zeros((4, 1, 1)), r"not \(4, 1, 1\) float64"),
])
def test_impossible_kernels_are_refused(kernel, message):
    with pytest.raises(LayoutError, match=message):
        depthwise_tile(kernel, extended("1x4x4+depthwise"))


def test_kernels_need_the_extension():
    with pytest.raises(LayoutError, match="configuration 1x4x4 has no depthwise"):
        depthwise_tile(np.zeros((4, 1, 1), int), extended("1x4x4"))


def test_a_table_is_indexed_by_the_low_byte():
    table = lookup_table(lambda value: 100 * value)
    assert (table.shape, table.dtype) == ((1, 256), np.int16)
    assert table[0, [0, 1, 127, 128, 255]].tolist() == [0, 100, 12700, -12800, -100]
    sigmoid = lookup_table(lambda value: round(255 / (1 + math.exp(-value / 16))))
    assert sigmoid[0, 0] == 128 and sigmoid.max() == 255


@pytest.mark.parametrize("entry", [1 << 15, -(1 << 15) - 1, 0.5])
def test_entries_of_more_than_16_bits_or_fractions_are_refused(entry):
    with pytest.raises(LayoutError, match=r"must be an integer -32768\.\.32767, not .* for -128"):
        lookup_table(lambda value: entry)
