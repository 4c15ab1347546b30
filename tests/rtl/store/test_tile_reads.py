"""tile_reads: tiles of random STOREs in order, their lanes and rows, one tile per cycle."""

from collections import deque
from random import Random

import pytest
from rtl_bench import clock_and_reset, simulate

from myvta.isa.config import NAMED
from myvta.isa.opcodes import MemoryType
from myvta.rtl.lib.bundles import RowCount, bit, word
from myvta.rtl.memory.row_requests import RowWalk
from myvta.rtl.store.tile_reads import TileRead, tile_reads

OUT = MemoryType.OUT


def random_store(random, config):
    element = config.tile_bytes(OUT)
    return {
        "sram_base": random.randrange(config.depth(OUT)),
        "base": random.getrandbits(12) * element, "dram_base": random.getrandbits(32),
        "y_size": random.choice((0, 1, 1, 2, 5)), "x_size": random.randrange(1, 20),
        "x_stride": random.getrandbits(16),
    }


def tiles(config, store):
    """(tile, lane, ends its row) of a STORE."""
    element = config.tile_bytes(OUT)
    lanes = max(config.bus_bytes // element, 1)
    for y in range(store["y_size"]):
        for x in range(store["x_size"]):
            place = store["base"] // element + store["dram_base"] + y * store["x_stride"] + x
            tile = (store["sram_base"] + y * store["x_size"] + x) % config.depth(OUT)
            yield tile, place % lanes, x == store["x_size"] - 1


class Bench:
    """Starts STOREs one after the other, is their memory, and takes tiles with pauses."""

    def __init__(self, config, stores, *, seed=0, take=1.0):
        self.config, self.stores, self.take = config, deque(stores), take
        self.random, self.lanes = Random(seed), max(config.bus_bytes // config.tile_bytes(OUT), 1)
        self.clock, self.reset = clock_and_reset()
        self.walk, self.sram_base, self.start = RowWalk(), word(16), bit()
        self.forwards = bit()
        self.read_enable, self.read_address = bit(), word(config.log_acc_depth)
        self.tile, self.rows, self.busy = TileRead(), RowCount(), bit()
        self.block = tile_reads(
            self.clock, self.reset, start=self.start, walk=self.walk, sram_base=self.sram_base,
            forwards=self.forwards, read_enable=self.read_enable,
            read_address=self.read_address, tile=self.tile, rows=self.rows, busy=self.busy,
            config=config,
        )
        self.unread = deque()  # tiles of the STORE in progress, and the size of its rows
        self.row_due, self.x_size = None, 0
        self.data = None  # the tile that the memory shows
        self.taken, self.rows_seen = [], []  # (cycle, tile, lane, row end); tiles of a row

    def run(self, limit=5000):
        def on_edge(cycle):
            self.watch(cycle)
            shows = self.tile.valid
            self.tile.ready.next = self.random.random() < self.take
            begins = not self.start and bool(self.stores) and not self.unread
            self.start.next = begins
            if begins:
                self.begin(self.stores.popleft())
            return not begins and not self.start and not self.unread and not shows

        simulate([self.block], self.clock, self.reset, on_edge, limit=limit)

    def begin(self, store):
        self.sram_base.next = store["sram_base"]
        for name in ("base", "dram_base", "y_size", "x_size", "x_stride"):
            getattr(self.walk, name).next = store[name]
        self.coming = deque(tiles(self.config, store)), store["x_size"]

    def watch(self, cycle):
        tile = self.tile
        assert bool(self.busy) == bool(self.unread)
        assert bool(self.rows.valid) == (self.row_due is not None)
        if self.rows.valid:
            assert (int(self.rows.memory_type), int(self.rows.tiles)) == (OUT, self.row_due)
            self.rows_seen.append(self.row_due)
        self.row_due = None
        assert bool(tile.valid) == (self.data is not None)
        if tile.valid and tile.ready:
            number, lane, row_end = self.data
            if self.lanes > 1:
                assert (int(tile.lane), bool(tile.row_end)) == (lane, row_end)
            self.taken.append((cycle, *self.data))
            self.data = None
        assert bool(self.read_enable) == (bool(self.unread) and self.data is None)
        if self.read_enable:
            self.data = self.unread.popleft()
            assert self.read_address == self.data[0]
            if self.data[2]:
                self.row_due = self.x_size
        if self.start:
            self.unread, self.x_size = self.coming


CASES = [("default", 6), ("default", 8), ("1x4x4", 6), ("1x4x4_int4", 8)]


@pytest.mark.parametrize("name, log_bus", CASES)
@pytest.mark.parametrize("take", [1.0, 0.6])
def test_random_stores_read_every_tile_in_order(name, log_bus, take):
    config, random = NAMED[name].replace(log_bus_width=log_bus), Random(log_bus)
    stores = [random_store(random, config) for _ in range(25)]
    expected = [tile for store in stores for tile in tiles(config, store)]
    bench = Bench(config, stores, take=take)
    bench.run()
    assert [entry[1:] for entry in bench.taken] == expected
    assert bench.rows_seen == [store["x_size"] for store in stores for _ in range(store["y_size"])]


def test_one_tile_per_cycle_across_rows_and_stores():
    config = NAMED["1x4x4"]
    store = {"sram_base": 9, "base": 0, "dram_base": 3, "y_size": 3, "x_size": 4, "x_stride": 7}
    bench = Bench(config, [store, store])
    bench.run()
    cycles = [cycle for cycle, *_ in bench.taken]
    assert cycles[:12] == list(range(cycles[0], cycles[0] + 12))
    assert cycles[12:] == [cycle + 13 for cycle in cycles[:12]]
