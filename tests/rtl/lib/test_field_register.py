"""registers of fields: with and without reset and enable, against a value kept by the test."""

from random import Random

import pytest
from rtl_bench import clock_and_reset, simulate

from myvta.rtl.lib.bundles import bit, word
from myvta.rtl.lib.field_register import field_register, fields_register


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


@pytest.mark.parametrize("widths", [(5,), (1, 1), (3, 1, 9), (1, 7, 2, 1)])
@pytest.mark.parametrize("has_reset", [False, True])
@pytest.mark.parametrize("has_enable", [False, True])
def test_every_source_is_its_sink_one_cycle_later(widths, has_reset, has_enable):
    random = Random(4)
    clock, reset = clock_and_reset()
    sinks = [bit() if width == 1 else word(width) for width in widths]
    sources = [bit() if width == 1 else word(width) for width in widths]
    enable = bit()
    block = fields_register(
        clock, sinks, sources, reset=reset if has_reset else None,
        enable=enable if has_enable else None,
    )
    expected = [0] * len(widths)

    def on_edge(cycle):
        nonlocal expected
        assert [int(source) for source in sources] == expected, cycle
        if has_reset and reset:
            expected = [0] * len(widths)
        elif enable or not has_enable:
            expected = [int(sink) for sink in sinks]
        for sink, width in zip(sinks, widths, strict=True):
            sink.next = random.randrange(1 << width)
        enable.next = random.random() < 0.5
        reset.next = random.random() < 0.2
        return cycle == 200

    simulate([block], clock, reset, on_edge, limit=300)
