"""tile_switch: each beat and pad at the one memory it is for, and that memory's answer."""

from random import Random

import pytest
from rtl_bench import clock_and_reset, simulate

from myvta.isa.config import NAMED
from myvta.isa.opcodes import MemoryType
from myvta.rtl.lib.bundles import PadWrite, TileWrite
from myvta.rtl.load.tile_switch import tile_switch

WRITE = ("memory_type", "data", "index", "column", "lanes")
PAD = ("memory_type", "index")


def check(names, loader, first, second, first_type):
    chosen, other = (first, second) if loader.memory_type == first_type else (second, first)
    assert bool(chosen.valid) == bool(loader.valid) and not other.valid
    assert bool(loader.ready) == bool(chosen.ready)
    for name in names:
        assert getattr(chosen, name) == getattr(loader, name), name


@pytest.mark.parametrize("first_type", [MemoryType.INP, MemoryType.UOP])
def test_beats_and_padding_are_routed_by_memory_type(first_type):
    random, config = Random(first_type), NAMED["1x4x4"].replace(log_bus_width=8)
    clock, reset = clock_and_reset()
    writes, pads = [TileWrite(config, 8) for _ in range(3)], [PadWrite() for _ in range(3)]
    block = tile_switch(
        writes[0], pads[0], writes[1], pads[1], writes[2], pads[2], first_type=first_type,
    )

    def randomize(names, loader, *memories):
        for name in (*names, "valid"):
            signal = getattr(loader, name)
            signal.next = random.getrandbits(len(signal))
        if random.random() < 0.5:
            loader.memory_type.next = first_type
        for memory in memories:
            memory.ready.next = random.random() < 0.5

    def on_edge(cycle):
        check(WRITE, *writes, first_type)
        check(PAD, *pads, first_type)
        randomize(WRITE, *writes)
        randomize(PAD, *pads)
        return cycle == 300

    simulate([block], clock, reset, on_edge, limit=301)
