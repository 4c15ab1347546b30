"""lookup: every lane reads its own entry of the selected table, one cycle later."""

from random import Random

import pytest
from rtl_bench import clock_and_reset, randomize, simulate

from myvta.isa.opcodes import LUT_ENTRIES, LUT_TABLES
from myvta.rtl.compute.lookup import TableWrite, lookup
from myvta.rtl.lib.bundles import bit, word


@pytest.mark.parametrize("lanes", [2, 8])
def test_entries_are_those_written_last_and_hold_without_reads(lanes):
    random = Random(lanes)
    clock, reset = clock_and_reset()
    write, reads, table_index = TableWrite(), bit(), word(2)
    values, entries = [word(8) for _ in range(lanes)], [word(16) for _ in range(lanes)]
    block = lookup(clock, write, reads, table_index, values, entries)
    written, expected, seen = {}, [None] * lanes, 0
    untouched = [(table, at) for table in range(LUT_TABLES) for at in range(LUT_ENTRIES)]
    random.shuffle(untouched)

    def on_edge(cycle):
        nonlocal seen
        for entry, known in zip(entries, expected, strict=True):
            assert known is None or entry == known, cycle
            seen += known is not None
        if write.valid:
            written[divmod(int(write.address), LUT_ENTRIES)] = int(write.entry)
        elif reads:
            expected[:] = [written.get((int(table_index), int(value))) for value in values]
        randomize(random, table_index, *values, write.entry)
        writes = bool(untouched) or random.random() < 0.3
        table, at = untouched.pop() if untouched else (
            random.randrange(LUT_TABLES), random.randrange(LUT_ENTRIES))
        write.address.next = table * LUT_ENTRIES + at
        write.valid.next, reads.next = writes, not writes and random.random() < 0.7
        return cycle == 2500

    simulate([block], clock, reset, on_edge, limit=2501)
    assert seen > 1000 * lanes


def test_a_write_does_not_disturb_entries_that_were_read():
    clock, reset = clock_and_reset()
    write, reads, table_index = TableWrite(), bit(), word(2)
    values, entries = [word(8), word(8)], [word(16), word(16)]
    block = lookup(clock, write, reads, table_index, values, entries)
    shown = []

    def on_edge(cycle):
        shown.append([int(entry) for entry in entries])
        write.valid.next = cycle in (0, 2)
        write.address.next, write.entry.next = LUT_ENTRIES, (7, 0, 9)[min(cycle, 2)]
        table_index.next, reads.next = 1, cycle == 1
        return cycle == 5

    simulate([block], clock, reset, on_edge, limit=6)
    assert shown[3:] == [[7, 7]] * 3
