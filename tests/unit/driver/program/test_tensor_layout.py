"""Arrays to tiles and back, against indexing written out by hand."""

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from myvta.driver.errors import LayoutError
from myvta.driver.program.tensor_layout import (
    lane_bits,
    pack_tensor,
    pack_tiles,
    tensor_bytes,
    tensor_tiles,
    tile_shape,
    unpack_tensor,
    unpack_tiles,
)
from myvta.isa.config import NAMED, named
from myvta.isa.opcodes import MemoryType

TILED = [kind for kind in MemoryType if kind != MemoryType.UOP]


def test_activation_bytes_by_hand():
    config = named("1x4x4")
    image = np.arange(2 * 6 * 1 * 2).reshape(2, 6, 1, 2)  # n, c, h, w
    data = np.frombuffer(pack_tensor(image, MemoryType.INP, config), np.int8)
    # [n][c // 4][h][w][c % 4]
    assert data.tolist() == [
        0, 2, 4, 6, 1, 3, 5, 7, 8, 10, 0, 0, 9, 11, 0, 0,
        12, 14, 16, 18, 13, 15, 17, 19, 20, 22, 0, 0, 21, 23, 0, 0,
    ]


def test_weight_bytes_are_output_major():
    config = named("1x4x4")
    weight = np.arange(16).reshape(4, 4)  # out, in
    data = np.frombuffer(pack_tensor(weight, MemoryType.WGT, config), np.int8)
    assert data.tolist() == list(range(16))


def test_even_lanes_are_low_nibbles():
    config = named("1x4x4_int4")
    data = pack_tiles(np.array([[[1, -1, 7, -8]]]), MemoryType.INP, config)
    assert data == bytes([0xF1, 0x87])
    assert unpack_tiles(data, MemoryType.INP, config).tolist() == [[[1, -1, 7, -8]]]


def test_accumulators_are_little_endian_int32():
    config = named("1x4x4")
    data = pack_tiles(np.array([[[1, -2, 3, 1 << 30]]]), MemoryType.ACC, config)
    assert data.hex() == "01000000feffffff0300000000000040"


def test_batch_rows_follow_each_other():
    config = named("2x8x8")
    values = np.arange(3 * 8).reshape(3, 8)
    tiles = unpack_tiles(pack_tensor(values, MemoryType.OUT, config), MemoryType.OUT, config)
    assert tiles.shape == (2, 2, 8)
    assert tiles[1, 0].tolist() == values[2].tolist()
    assert not tiles[1, 1].any()


@settings(max_examples=80)
@given(
    st.sampled_from(sorted(NAMED)), st.sampled_from(TILED),
    st.lists(st.integers(1, 5), min_size=0, max_size=2), st.integers(1, 40), st.integers(1, 40),
    st.integers(0, 2**32 - 1),
)
def test_round_trip(name, kind, others, rows, columns, seed):
    config = named(name)
    shape, limit = (rows, columns, *others), 1 << (lane_bits(kind, config) - 1)
    values = np.random.default_rng(seed).integers(-limit, limit, shape)
    data = pack_tensor(values, kind, config)
    assert len(data) == tensor_bytes(shape, kind, config)
    assert len(data) == np.prod(tensor_tiles(shape, kind, config)) * config.tile_bytes(kind)
    back = unpack_tensor(data, shape, kind, config)
    assert back.dtype == {MemoryType.ACC: np.int32, MemoryType.LUT: np.int16}.get(kind, np.int8)
    assert np.array_equal(back, values)
    tile = tile_shape(kind, config)
    tiles = unpack_tiles(data, kind, config, tensor_tiles(shape, kind, config))
    at = (rows - 1, columns - 1, *[size - 1 for size in others])
    place = (at[0] // tile[0], at[1] // tile[1], *at[2:], at[0] % tile[0], at[1] % tile[1])
    assert tiles[place] == values[at]
    assert int(np.abs(tiles.astype(np.int64)).sum()) == int(np.abs(values).sum())  # padding is 0


@pytest.mark.parametrize(
    ("array", "kind", "message"),
    [
        (np.full((1, 1, 4), 128), MemoryType.INP, r"INP lanes must be -128\.\.127, not 128"),
        (np.full((1, 1, 4), -129), MemoryType.OUT, r"OUT lanes must be -128\.\.127, not -129"),
        (np.ones((1, 1, 4)), MemoryType.INP, "INP tiles hold integers, not float64"),
        (np.ones((1, 4, 1), int), MemoryType.INP, "INP tiles are 1x4"),
        (np.ones((1, 1, 4), int), MemoryType.WGT, "WGT tiles are 4x4"),
        (np.ones((1, 1, 4), int), MemoryType.UOP, "UOP has no tiles"),
    ],
)
def test_malformed_tiles_are_refused(array, kind, message):
    with pytest.raises(LayoutError, match=message):
        pack_tiles(array, kind, named("1x4x4"))


def test_values_beyond_int4_are_refused():
    with pytest.raises(LayoutError, match=r"INP lanes must be -8\.\.7"):
        pack_tiles(np.full((1, 1, 4), 8), MemoryType.INP, named("1x4x4_int4"))


def test_impossible_shapes_are_refused():
    config = named("1x4x4")
    with pytest.raises(LayoutError, match="at least two axes"):
        pack_tensor(np.ones(4, int), MemoryType.INP, config)
    with pytest.raises(LayoutError, match="2 INP tiles are 8 bytes, not 7"):
        unpack_tensor(bytes(7), (1, 8), MemoryType.INP, config)
