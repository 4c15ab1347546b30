"""register_reads: every word at its index after two clock edges, 0 at every other index."""

import pytest
from rtl_bench import clock_and_reset, record

from myvta.isa.register_map import Reg
from myvta.rtl.host.register_reads import read_words
from myvta.rtl.lib.bundles import word

CONSTANTS = (0xFFFF_FFFF, 0x8000_0001, 3, 0x1ABC_DEF0)


@pytest.mark.parametrize("numbers", [
    (0, 1, 2, 3, 9, 20, 33, 47, 63), (5,), (0, 64, 65, 127), (*range(16), 32),
])
def test_each_index_reads_its_word_in_its_third_cycle_and_the_others_0(numbers):
    clock, reset = clock_and_reset()
    index, value = word(8), word(32)
    words = {number: word(32) for number in numbers}
    expected = {number: 0x0101_0101 * (number + 1) for number in numbers}

    def drive(cycle):
        for number, signal in words.items():
            signal.next = expected[number]
        index.next = cycle // 3 % 256

    reads = read_words(clock, index, words, value, constants=CONSTANTS)
    rows = record([reads], clock, reset, {"value": value}, drive, cycles=3 * 256 + 1)
    constants = {int(Reg.IDENTITY) // 4 + number: one for number, one in enumerate(CONSTANTS)}
    assert [row["value"] for row in rows[3::3]] == [
        (expected | constants).get(number, 0) for number in range(256)
    ]
