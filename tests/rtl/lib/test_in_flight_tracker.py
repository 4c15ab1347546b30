"""in_flight_tracker: against a list of the instructions in flight."""

from collections import deque
from random import Random

import pytest
from rtl_bench import StreamSource, clock_and_reset, simulate

from myvta.rtl.lib.bundles import ENTRY_BITS, INDEX_BITS, Stream, bit, word
from myvta.rtl.lib.in_flight_tracker import DEPTH, in_flight_tracker


@pytest.mark.parametrize("seed", range(12))
def test_index_is_the_oldest_in_flight_or_the_queue_head(seed):
    random = Random(seed)
    clock, reset = clock_and_reset()
    sink, completed, present, index = Stream(ENTRY_BITS), bit(), bit(), word(INDEX_BITS)
    block = in_flight_tracker(clock, reset, sink, completed, present, index)
    source = StreamSource(sink, random, rate=random.choice([0.2, 0.7, 1.0]))
    source.words.extend(random.getrandbits(ENTRY_BITS) for _ in range(300))
    starts, ends = [(0.3, 0.3), (0.9, 0.1), (0.3, 0.9), (1.0, 1.0)][seed % 4]
    under_way, seen = deque(), []

    def on_edge(cycle):
        head = int(sink.data) >> ENTRY_BITS - INDEX_BITS
        expected = [*under_way, *([head] if sink.valid else [])]
        assert bool(present) == bool(expected)
        assert not expected or index == expected[0]
        seen.append(len(under_way))
        if completed:
            (under_way or deque([head])).popleft()
        if sink.valid and sink.ready and not (completed and not seen[-1]):
            under_way.append(head)
        source.edge(cycle)
        room = len(under_way) < DEPTH - 2
        sink.ready.next = room and random.random() < starts
        completed.next = len(under_way) > 0 and random.random() < ends
        return not source.words and not sink.valid and not under_way

    simulate([block], clock, reset, on_edge, limit=8000)
    assert starts <= ends or source.rate < 0.5 or max(seen) == DEPTH - 2


def test_instruction_may_complete_in_its_first_cycle():
    """FINISH does: it never counts as under way."""
    clock, reset = clock_and_reset()
    sink, completed, present, index = Stream(ENTRY_BITS), bit(), bit(), word(INDEX_BITS)
    block = in_flight_tracker(clock, reset, sink, completed, present, index)
    trace = []

    def on_edge(cycle):
        trace.append((bool(present), int(index)))
        sink.data.next = (cycle + 1) << ENTRY_BITS - INDEX_BITS
        sink.valid.next = sink.ready.next = completed.next = cycle < 5
        return cycle == 8

    simulate([block], clock, reset, on_edge, limit=10)
    assert trace[1:6] == [(True, n) for n in range(1, 6)]
    assert not any(valid for valid, _ in trace[6:])
