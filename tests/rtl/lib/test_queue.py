"""queue: compared cycle by cycle with a deque."""

from collections import deque
from random import Random

import pytest
from rtl_bench import StreamSink, StreamSource, clock_and_reset, simulate

from myvta.rtl.lib.bundles import Stream
from myvta.rtl.lib.queue import queue

WIDTH = 12


class Model:
    """The contract of rtl/lib/queue.py as a deque and two slots behind it."""

    def __init__(self, depth):
        self.depth, self.memory, self.read, self.slot = depth, deque(), None, None

    def edge(self, offered, ready):
        """One clock edge: ``offered`` is a word or None, ``ready`` the reader's answer."""
        if len(self.memory) == self.depth:
            offered = None
        if ready:
            self.slot = None
        if self.slot is None:
            if self.read is None and not self.memory:
                self.slot, offered = offered, None
            else:
                self.slot, self.read = self.read, None
        if self.read is None and self.memory:
            self.read = self.memory.popleft()
        if offered is not None:
            self.memory.append(offered)


def bench(depth, width=WIDTH):
    clock, reset = clock_and_reset()
    sink, source = Stream(width), Stream(width)
    block = queue(clock, reset, sink, source, width=width, depth=depth)
    return clock, reset, sink, source, block


@pytest.mark.parametrize("depth, write_rate, read_rate", [
    (2, 1, 1), (2, 0.5, 0.5), (4, 0.9, 0.3), (4, 0.3, 0.9), (32, 1, 1), (32, 0.9, 0.3),
])
def test_every_cycle_equals_the_model(depth, write_rate, read_rate):
    random = Random(depth * 100 + int(write_rate * 10))
    clock, reset, sink, source, block = bench(depth)
    writer = StreamSource(sink, random, write_rate)
    reader = StreamSink(source, random, read_rate)
    writer.words.extend(random.getrandbits(WIDTH) for _ in range(10 * depth + 300))
    expected, model = list(writer.words), Model(depth)

    def on_edge(cycle):
        assert bool(sink.ready) == (len(model.memory) < depth), cycle
        assert bool(source.valid) == (model.slot is not None), cycle
        if source.valid:
            assert source.data == model.slot, cycle
        model.edge(int(sink.data) if sink.valid else None, bool(source.ready))
        writer.edge(cycle)
        reader.edge(cycle)
        return len(reader.taken) == len(expected)

    simulate([block], clock, reset, on_edge, limit=5000)
    assert reader.words == expected


def test_streams_one_word_per_cycle_one_cycle_late():
    random = Random(0)
    clock, reset, sink, source, block = bench(4)
    writer, reader = StreamSource(sink, random), StreamSink(source, random)
    writer.words.extend(range(50))

    def on_edge(cycle):
        writer.edge(cycle)
        reader.edge(cycle)
        return len(reader.taken) == 50

    simulate([block], clock, reset, on_edge, limit=100)
    entered = [cycle for cycle, _ in writer.sent]
    assert [cycle - entered[0] for cycle in entered] == list(range(50))
    assert [cycle for cycle, _ in reader.taken] == [cycle + 1 for cycle in entered]


def test_holds_depth_words_and_two():
    clock, reset, sink, source, block = bench(8)
    writer = StreamSource(sink, Random(0))
    writer.words.extend(range(20))

    def on_edge(cycle):
        writer.edge(cycle)
        return cycle == 40

    simulate([block], clock, reset, on_edge, limit=41)
    assert len(writer.sent) == 8 + 2


def test_reset_empties_it():
    clock, reset, sink, source, block = bench(4)
    writer, reader = StreamSource(sink, Random(0)), StreamSink(source, Random(0))
    writer.words.extend(range(4))

    def on_edge(cycle):
        writer.edge(cycle)
        if cycle == 10:
            assert source.valid
            reset.next = True
        if cycle == 11:
            reset.next = False
        if cycle > 11:
            assert not source.valid and sink.ready
            reader.edge(cycle)
        return cycle == 20

    simulate([block], clock, reset, on_edge, limit=21)


@pytest.mark.parametrize("depth", [0, 1, 3, 48])
def test_refuses_other_depths_than_powers_of_two(depth):
    clock, reset, sink, source, _ = bench(2)
    with pytest.raises(ValueError, match=f"power of two of at least 2, not {depth}$"):
        queue(clock, reset, sink, source, width=WIDTH, depth=depth)


def queue_top(config):
    """The block that test_replay converts."""
    clock, reset = clock_and_reset()
    return queue(clock, reset, Stream(160), Stream(160), width=160, depth=512)
