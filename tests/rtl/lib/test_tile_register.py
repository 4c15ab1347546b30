"""tile_register: every cycle against one slot, with pauses on both sides."""

from random import Random

import pytest
from rtl_bench import clock_and_reset, simulate

from myvta.isa.config import NAMED
from myvta.rtl.lib.bundles import TileWrite, bit
from myvta.rtl.lib.tile_register import tile_register

FIELDS = ("memory_type", "data", "index", "column", "lanes")


def beat(side):
    return tuple(int(getattr(side, name)) for name in FIELDS)


@pytest.mark.parametrize("offered, taken", [(1, 1), (0.5, 0.5), (0.9, 0.3), (0.3, 0.9)])
def test_every_cycle_equals_one_slot(offered, taken):
    random = Random(int(offered * 10))
    clock, reset = clock_and_reset()
    sink, source = (TileWrite(NAMED["default"], 4) for _ in range(2))
    busy = bit()
    block = tile_register(clock, reset, sink, source, busy)
    slot, passed = None, 0

    def on_edge(cycle):
        nonlocal slot, passed
        assert bool(busy) == bool(source.valid) == (slot is not None), cycle
        assert bool(sink.ready) == (slot is None or bool(source.ready)), cycle
        if slot is not None:
            assert beat(source) == slot, cycle
        if source.ready:
            slot = None
        if slot is None and sink.valid:
            slot, passed = beat(sink), passed + 1
        if not sink.valid or sink.ready:
            sink.valid.next = random.random() < offered
            for name in FIELDS:
                getattr(sink, name).next = random.getrandbits(len(getattr(sink, name)))
        source.ready.next = random.random() < taken
        return cycle == 300

    simulate([block], clock, reset, on_edge, limit=301)
    assert passed > 200 * min(offered, taken)
    if offered == taken == 1:
        assert passed == 300, "one in every cycle"


def test_reset_empties_it():
    clock, reset = clock_and_reset()
    sink, source = (TileWrite(NAMED["default"], 4) for _ in range(2))
    busy = bit()
    block = tile_register(clock, reset, sink, source, busy)

    def on_edge(cycle):
        sink.valid.next, reset.next = cycle < 4, cycle == 5
        if cycle == 5:
            assert busy and source.valid
        if cycle > 6:
            assert not busy and not source.valid and sink.ready
        return cycle == 10

    simulate([block], clock, reset, on_edge, limit=11)
