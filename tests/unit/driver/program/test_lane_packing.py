"""lane_packing: taps into lanes, lanes onto pixels, hand-worked."""

import json

import numpy as np

from myvta.driver.program.lane_packing import InputPacking, OutputPacking


def test_unpacking_gives_every_lane_its_pixel():
    packing = OutputPacking(3, (5, 7), (2, 4))
    packed = np.arange(2 * 24 * 3 * 2).reshape(2, 24, 3, 2)
    found = packing.unpack(packed)
    assert found.shape == (2, 3, 5, 7)
    for n, m, y, x in np.ndindex(found.shape):
        lane = ((y % 2) * 4 + x % 4) * 3 + m
        assert found[n, m, y, x] == packed[n, lane, y // 2, x // 4]
    assert OutputPacking.from_json(json.loads(json.dumps(packing.to_json()))) == packing


def test_packing_puts_the_taps_of_a_window_into_lanes():
    """Three taps in a row, stride 2, one pixel of padding to the left."""
    packing = InputPacking(1, (1, 5), (1, 3), (1, 3), (1, 2), (1, 1), (0, 1), (1, 3))
    assert (packing.lanes, packing.window, packing.pixels) == (3, (1, 1), (1, 3))
    packed = packing.pack(np.array([[[[1, 2, 3, 4, 5]]]]), outside=9)
    assert packed.tolist() == [[[[9, 2, 4]], [[1, 3, 5]], [[2, 4, 9]]]]
    weight = packing.pack_weight(np.array([[[[10, 20, 30]]]]))
    assert weight.tolist() == [[[[10]], [[20]], [[30]]]]
    assert InputPacking.from_json(json.loads(json.dumps(packing.to_json()))) == packing


def test_partial_groups_of_taps_get_zero_weights():
    packing = InputPacking(1, (1, 4), (1, 2), (1, 3), (1, 1), (1, 1), (0, 0), (1, 2))
    assert (packing.lanes, packing.window) == (2, (1, 2))
    assert packing.pack_weight(np.array([[[[1, 2, 3]]]])).tolist() == [[[[1, 3]], [[2, 0]]]]
