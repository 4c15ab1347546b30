"""tile_beats: the bytes and strobes of random tiles, and the cycles they take."""

from collections import deque
from random import Random

import pytest
from rtl_bench import clock_and_reset, simulate

from myvta.isa.config import NAMED
from myvta.isa.opcodes import MemoryType
from myvta.rtl.lib.bundles import WriteClient, word
from myvta.rtl.store.tile_beats import tile_beats
from myvta.rtl.store.tile_reads import TileRead

OUT = MemoryType.OUT


def random_rows(random, config, count):
    """Tiles as (data, lane, ends its row): rows of random length from random lanes on."""
    lanes = max(config.bus_bytes // config.tile_bytes(OUT), 1)
    tiles = []
    for _ in range(count):
        lane, size = random.randrange(lanes), random.randrange(1, 3 * lanes + 2)
        tiles += [
            (random.getrandbits(8 * config.tile_bytes(OUT)), (lane + at) % lanes, at == size - 1)
            for at in range(size)
        ]
    return tiles


def expected_beats(config, tiles):
    """Each beat as {byte of the beat: value}."""
    element, size = config.tile_bytes(OUT), config.bus_bytes
    beats, gathered = [], {}
    for data, lane, row_end in tiles:
        octets = list(data.to_bytes(element, "little"))
        if element >= size:
            beats += [dict(enumerate(octets[at:at + size])) for at in range(0, element, size)]
            continue
        gathered |= {lane * element + at: octet for at, octet in enumerate(octets)}
        if row_end or (lane + 1) * element == size:
            beats.append(gathered)
            gathered = {}
    assert not gathered
    return beats


class Bench:
    """Shows tiles and takes beats, each with its probability."""

    def __init__(self, config, tiles, *, show=1.0, take=1.0):
        self.config, self.tiles, self.random = config, deque(tiles), Random(3)
        self.show, self.take = show, take
        self.clock, self.reset = clock_and_reset()
        self.tile, self.write = TileRead(), WriteClient(config)
        self.data = word(8 * config.tile_bytes(OUT))
        self.block = tile_beats(
            self.clock, self.reset, self.tile, self.data, self.write, config=config,
        )
        self.beats, self.sent, self.taken = [], [], []  # beats; cycles of beats, of tiles

    def run(self, count, limit=5000):
        def on_edge(cycle):
            self.watch(cycle)
            tile = self.tile
            if not tile.valid or tile.ready:
                tile.valid.next = go = bool(self.tiles) and self.random.random() < self.show
                data, lane, row_end = self.tiles.popleft() if go else (0, 0, False)
                self.data.next, tile.lane.next, tile.row_end.next = data, lane, row_end
            self.write.data_ready.next = self.random.random() < self.take
            return len(self.beats) == count

        simulate([self.block], self.clock, self.reset, on_edge, limit=limit)

    def watch(self, cycle):
        write = self.write
        if self.tile.valid and self.tile.ready:
            self.taken.append(cycle)
        if write.data_valid and write.data_ready:
            octets = enumerate(int(write.data).to_bytes(self.config.bus_bytes, "little"))
            self.beats.append({at: octet for at, octet in octets if write.data_strobe[at]})
            self.sent.append(cycle)


@pytest.mark.parametrize("name, log_bus", [
    ("default", 6), ("default", 7), ("1x32x32", 6), ("default", 8), ("1x4x4", 6),
    ("1x4x4_int4", 8),
])
@pytest.mark.parametrize("show, take", [(1, 1), (0.5, 0.9), (0.9, 0.4)])
def test_random_tiles_give_the_expected_beats(name, log_bus, show, take):
    config = NAMED[name].replace(log_bus_width=log_bus)
    tiles = random_rows(Random(log_bus), config, 20)
    expected = expected_beats(config, tiles)
    bench = Bench(config, tiles, show=show, take=take)
    bench.run(len(expected))
    assert bench.beats == expected
    assert len(bench.taken) == len(tiles)


def test_large_tiles_give_a_beat_per_cycle_without_delay():
    config = NAMED["1x32x32"]
    tiles = random_rows(Random(1), config, 9)
    bench = Bench(config, tiles)
    bench.run(4 * len(tiles))
    assert bench.sent == list(range(bench.sent[0], bench.sent[0] + 4 * len(tiles)))
    assert bench.taken == bench.sent[3::4], "with its last beat"


def test_small_tiles_are_taken_one_per_cycle_and_sent_a_cycle_later():
    config = NAMED["1x4x4_int4"].replace(log_bus_width=8)
    tiles = random_rows(Random(1), config, 9)
    bench = Bench(config, tiles)
    bench.run(len(expected_beats(config, tiles)))
    assert bench.taken == list(range(bench.taken[0], bench.taken[0] + len(tiles)))
    assert bench.sent == [
        cycle + 1 for cycle, (_, lane, row_end) in zip(bench.taken, tiles, strict=True)
        if row_end or lane == 15
    ]
