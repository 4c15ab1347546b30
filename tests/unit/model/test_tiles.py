"""Tiles between bytes and lanes, worked by hand."""

import numpy as np
import pytest

from myvta.model.tiles import pack_lanes, unpack_operands


def test_operands_of_8_and_4_bits():
    data = np.array([[0x7F, 0x80], [0xFF, 0x21]], np.uint8)
    assert unpack_operands(data, 8).tolist() == [[127, -128], [-1, 33]]
    assert unpack_operands(data, 4).tolist() == [[-1, 7, 0, -8], [-1, -1, 1, 2]]


def test_lanes_are_truncated_not_saturated():
    lanes = np.array([[-1, 127, 128, 0x12345], [-(2**31), 2**31 - 1, 7, -8]], np.int32)
    assert pack_lanes(lanes, 8).tolist() == [[0xFF, 0x7F, 0x80, 0x45], [0x00, 0xFF, 0x07, 0xF8]]
    assert pack_lanes(lanes, 4).tolist() == [[0xFF, 0x50], [0xF0, 0x87]]


@pytest.mark.parametrize("width", [4, 8])
def test_operands_round_trip(width):
    data = np.arange(256, dtype=np.uint8).reshape(4, 64)
    lanes = unpack_operands(data, width).astype(np.int32)
    np.testing.assert_array_equal(pack_lanes(lanes, width), data)
