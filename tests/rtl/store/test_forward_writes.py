"""forward_writes: where each tile goes, other tiles past it, and the end of a forward."""

from random import Random

import pytest
from rtl_bench import clock_and_reset, simulate

from myvta.isa.config import NAMED
from myvta.isa.opcodes import MemoryType
from myvta.rtl.lib.bundles import ForwardWrite, bit, word
from myvta.rtl.memory.row_requests import RowWalk
from myvta.rtl.store.forward_writes import ForwardFlight, forward_flight, forward_writes
from myvta.rtl.store.tile_reads import TileRead

INP, WGT = MemoryType.INP, MemoryType.WGT


def tiles_of(random, config, number):
    """Tiles of STORE ``number``: data, place or None for memory, ends of row and STORE."""
    bits = 8 * config.tile_bytes(MemoryType.OUT)
    rows, columns, stride = random.randrange(1, 4), random.randrange(1, 5), random.randrange(40)
    base, kind = random.randrange(200), random.choice((INP, WGT))
    forwards = number % 3 > 0
    return (base, stride, kind, forwards), [
        (random.getrandbits(bits), (kind, base + y * stride + x) if forwards else None,
         x == columns - 1, (x, y) == (columns - 1, rows - 1))
        for y in range(rows) for x in range(columns)
    ]


@pytest.mark.parametrize("offer, take", [(1.0, 1.0), (0.6, 0.5), (1.0, 0.3)])
def test_tiles_reach_their_places_in_order(offer, take):
    random, config = Random(offer + take), NAMED["1x4x4"].replace(forward=True)
    clock, reset = clock_and_reset()
    start, walk, kind, data = bit(), RowWalk(), word(3), word(32)
    tile, stored, forward, written = TileRead(), TileRead(), ForwardWrite(config), bit()
    block = forward_writes(
        clock, reset, start=start, walk=walk, memory_type=kind, tile=tile, tile_data=data,
        stored=stored, forward=forward, written=written, config=config,
    )
    stores = [tiles_of(random, config, number) for number in range(30)]
    waiting, queue, results, passed, ends = list(stores), [], [], [], []

    def watch(cycle):
        if forward.valid and forward.ready:
            results.append((int(forward.data), (int(forward.memory_type), int(forward.index))))
            if written:
                ends.append(len(results))
        else:
            assert not written
        if tile.valid and tile.ready:
            item = queue.pop(0)
            if item[1] is None:
                assert stored.valid and data == item[0]
                passed.append(item[0])
            tile.valid.next = False
        assert bool(stored.valid) == (bool(tile.valid) and not tile.forwards)

    def on_edge(cycle):
        watch(cycle)
        begins = not queue and bool(waiting) and not start
        if begins:
            (base, stride, memory_type, forwards), tiles = waiting.pop(0)
            walk.dram_base.next, walk.x_stride.next = base, stride
            kind.next, queue[:] = memory_type, tiles
        start.next = begins and forwards
        held = tile.valid and not tile.ready
        if not begins and queue and not held:
            tile.valid.next = not start and random.random() < offer
            data.next, tile.forwards.next = queue[0][0], queue[0][1] is not None
            tile.row_end.next, tile.last.next = queue[0][2], queue[0][3]
        forward.ready.next = random.random() < take
        stored.ready.next = random.random() < take
        return not waiting and not queue and not forward.valid and not tile.valid

    simulate([block], clock, reset, on_edge, limit=4000)
    every = [item for _, tiles in stores for item in tiles]
    assert results == [(word_, place) for word_, place, *_ in every if place]
    assert passed == [word_ for word_, place, *_ in every if place is None]
    sizes = [len(tiles) for (*_, forwards), tiles in stores if forwards]
    assert ends == [sum(sizes[:n + 1]) for n in range(len(sizes))]


def test_a_flight_ends_when_written_and_not_held():
    clock, reset = clock_and_reset()
    start, flight = bit(), ForwardFlight()
    block = forward_flight(clock, reset, start, True, flight)
    rows = []

    def on_edge(cycle):
        rows.append((bool(flight.busy), bool(flight.moving), bool(flight.ends)))
        start.next = cycle in (0, 20)
        flight.written.next = cycle in (5, 22)
        flight.held.next = cycle < 10
        return cycle == 30

    simulate([block], clock, reset, on_edge, limit=31)
    busy, moving, ends = ([at for at, row in enumerate(rows) if row[n]] for n in range(3))
    assert ends == [11, 24]
    assert busy == [*range(2, 12), *range(22, 25)]
    assert moving == [*range(2, 7), *range(22, 24)]
