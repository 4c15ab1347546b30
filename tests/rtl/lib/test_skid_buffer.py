"""skid_buffer: every cycle against a list of two words."""

from collections import deque
from random import Random

import pytest
from rtl_bench import StreamSink, StreamSource, clock_and_reset, simulate

from myvta.rtl.lib.bundles import Stream
from myvta.rtl.lib.skid_buffer import skid_buffer

WIDTH = 24


@pytest.mark.parametrize("write_rate, read_rate", [(1, 1), (0.5, 0.5), (0.9, 0.3), (0.3, 0.9)])
def test_every_cycle_equals_two_slots(write_rate, read_rate):
    random = Random(int(write_rate * 10))
    clock, reset = clock_and_reset()
    sink, source = Stream(WIDTH), Stream(WIDTH)
    block = skid_buffer(clock, reset, sink, source, width=WIDTH)
    writer = StreamSource(sink, random, write_rate)
    reader = StreamSink(source, random, read_rate)
    writer.words.extend(random.getrandbits(WIDTH) for _ in range(300))
    expected, slots = list(writer.words), deque()

    def on_edge(cycle):
        assert bool(sink.ready) == (len(slots) < 2), cycle
        assert bool(source.valid) == bool(slots), cycle
        if slots:
            assert source.data == slots[0], cycle
        if sink.valid and len(slots) < 2:
            slots.append(int(sink.data))
            if source.ready and source.valid:
                slots.popleft()
        elif source.ready and source.valid:
            slots.popleft()
        writer.edge(cycle)
        reader.edge(cycle)
        return len(reader.taken) == len(expected)

    simulate([block], clock, reset, on_edge, limit=2000)
    assert reader.words == expected
