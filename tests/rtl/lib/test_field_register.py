"""field_register: with and without reset and enable, against a value kept by the test."""

from random import Random

import pytest
from rtl_bench import clock_and_reset, simulate

from myvta.rtl.lib.bundles import bit, word
from myvta.rtl.lib.field_register import field_register


@pytest.mark.parametrize("has_reset", [False, True])
@pytest.mark.parametrize("has_enable", [False, True])
def test_source_is_sink_one_cycle_later(has_reset, has_enable):
    random = Random(3)
    clock, reset = clock_and_reset()
    sink, source, enable = word(8), word(8), bit()
    block = field_register(
        clock, sink, source, reset=reset if has_reset else None,
        enable=enable if has_enable else None,
    )
    expected = 0

    def on_edge(cycle):
        nonlocal expected
        assert source == expected, cycle
        if has_reset and reset:
            expected = 0
        elif enable or not has_enable:
            expected = int(sink)
        sink.next = random.randrange(256)
        enable.next = random.random() < 0.5
        reset.next = random.random() < 0.2
        return cycle == 200

    simulate([block], clock, reset, on_edge, limit=300)
