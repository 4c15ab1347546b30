"""weights4_unpack: nibbles of a beat as signed bytes, beats of WGT in both halves."""

from random import Random

import pytest
from rtl_bench import clock_and_reset, simulate

from myvta.isa.config import NAMED
from myvta.isa.opcodes import MemoryType
from myvta.rtl.lib.bundles import TileWrite
from myvta.rtl.lib.elements import MAX_LANES
from myvta.rtl.load.weights4_unpack import weights4_unpack

WGT, WGT_4BIT = MemoryType.WGT, MemoryType.WGT_4BIT


def expected_data(kind, beat, bits):
    """The wide beat by arithmetic on single weights, even ones from the low bits."""
    if kind == WGT:
        return beat | beat << bits
    wide = 0
    for at in range(bits // 4):
        nibble = beat >> 4 * at & 15
        wide |= ((nibble - 16 if nibble > 7 else nibble) & 255) << 8 * at
    return wide


@pytest.mark.parametrize("name, log_bus, narrow_lanes", [
    ("1x4x4", 6, 1), ("1x4x4", 7, 1), ("1x4x4", 8, 2), ("default", 6, 1),
])
def test_wide_beats_hold_the_weights_of_each_memory_type(name, log_bus, narrow_lanes):
    random = Random(log_bus)
    config = NAMED[name].replace(log_bus_width=log_bus, weights4=True)
    clock, reset = clock_and_reset()
    write, wide = TileWrite(config, MAX_LANES), TileWrite(config, MAX_LANES, beats=2)
    block = weights4_unpack(write, wide, config=config)

    def on_edge(cycle):
        if cycle:
            kind, lanes = MemoryType(int(write.memory_type)), int(write.lanes)
            assert wide.data == expected_data(kind, int(write.data), config.bus_width)
            assert wide.lanes == (lanes if kind == WGT_4BIT else lanes & (1 << narrow_lanes) - 1)
            for name in ("memory_type", "index", "column", "valid"):
                assert getattr(wide, name) == getattr(write, name), name
            assert write.ready == wide.ready
        for name in ("data", "index", "column", "lanes"):
            signal = getattr(write, name)
            signal.next = random.getrandbits(len(signal))
        write.valid.next, wide.ready.next = random.random() < 0.5, random.random() < 0.5
        write.memory_type.next = random.choice((WGT, WGT_4BIT))
        return cycle == 200

    simulate([block], clock, reset, on_edge, limit=201)
