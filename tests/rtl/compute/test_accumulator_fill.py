"""accumulator_fill: beats of ACC and ACC_8BIT and padding, as tiles of 32-bit lanes."""

from random import Random

import pytest
from rtl_bench import clock_and_reset, simulate
from step_bench import unpack

from myvta.isa.config import NAMED
from myvta.isa.opcodes import MemoryType
from myvta.rtl.compute.accumulator_fill import TileFill, accumulator_fill, column_count
from myvta.rtl.lib.bundles import PadWrite, TileWrite
from myvta.rtl.lib.elements import MAX_LANES

WIDTHS = {MemoryType.ACC: 32, MemoryType.ACC_8BIT: 8}
TILES = 32


class Bench:
    """Random beats and padding at one side, the accumulator's tiles as lists at the other."""

    def __init__(self, config, seed):
        self.config, self.random = config, Random(seed)
        self.clock, self.reset = clock_and_reset()
        self.write, self.pad = TileWrite(config, MAX_LANES), PadWrite()
        self.fill = TileFill(config)
        self.block = accumulator_fill(
            self.clock, self.reset, self.write, self.pad, self.fill, config=config,
        )
        self.written = [[0] * config.lanes for _ in range(TILES)]
        self.expected = [[0] * config.lanes for _ in range(TILES)]
        self.beat_cycles = 0  # that the beat at hand has been offered
        self.taken = {"pad": 0, MemoryType.ACC: 0, MemoryType.ACC_8BIT: 0}

    def edge(self, cycle):
        self.store()
        if not self.beat_cycles:  # no beat is half written
            assert self.written == self.expected, cycle
        if self.write.valid:
            self.beat_cycles += 1
            assert not self.pad.ready
            if self.write.ready:
                self.take_beat()
        elif self.pad.valid:
            assert self.pad.ready
            self.expected[int(self.pad.index)] = [0] * self.config.lanes
            self.taken["pad"] += 1
            self.pad.valid.next = False
        if not self.beat_cycles:
            self.offer_beat()
        if not self.pad.valid or not self.write.valid:
            self.pad.valid.next = self.random.random() < 0.3
            self.pad.index.next = self.random.randrange(TILES)
        return cycle == 200

    def store(self):
        """Execute the write that ``fill`` shows."""
        lanes = unpack(int(self.fill.data), 32, self.config.lanes)
        size = len(lanes) // column_count(self.config)
        for lane, value in enumerate(lanes):
            if self.fill.columns[lane // size]:
                self.written[int(self.fill.index)][lane] = value

    def tiles_in_a_beat(self, kind):
        return max(1, self.config.bus_bytes // self.config.tile_bytes(kind))

    def take_beat(self):
        """Execute the beat as TileWrite describes it, one tile per cycle."""
        write, kind = self.write, MemoryType(int(self.write.memory_type))
        width, lanes = WIDTHS[kind], self.config.lanes
        values = unpack(int(write.data), width, self.config.bus_width // width)
        tiles = self.tiles_in_a_beat(kind)
        assert self.beat_cycles == tiles
        if tiles == 1:
            first = int(write.column) * len(values)
            self.expected[int(write.index)][first:first + len(values)] = values
        else:
            for tile in range(tiles):
                if write.lanes[tile]:
                    index = (int(write.index) + tile) % self.config.depth(kind)
                    self.expected[index] = values[tile * lanes:(tile + 1) * lanes]
        self.beat_cycles = 0
        self.taken[kind] += 1

    def offer_beat(self):
        write, random = self.write, self.random
        kind = random.choice(list(WIDTHS))
        tiles = self.tiles_in_a_beat(kind)
        write.valid.next, write.memory_type.next = random.random() < 0.7, kind
        write.data.next = random.getrandbits(self.config.bus_width)
        write.column.next = random.randrange(
            max(1, self.config.tile_bytes(kind) // self.config.bus_bytes)
        )
        # lane 0 may be before the first tile, and is then not valid
        index = random.randrange(1 - tiles, TILES - tiles + 1)
        write.index.next = index % write.index.max
        write.lanes.next = random.getrandbits(tiles) >> max(-index, 0) << max(-index, 0)


@pytest.mark.parametrize("name, log_bus", [
    ("1x4x4", 6), ("1x4x4", 8), ("1x8x8", 6), ("default", 6), ("default", 7), ("1x4x4_base", 7),
])
def test_beats_and_padding_become_tiles(name, log_bus):
    bench = Bench(NAMED[name].replace(log_bus_width=log_bus), log_bus)
    simulate([bench.block], bench.clock, bench.reset, bench.edge, limit=201)
    assert min(bench.taken.values()) > 10
