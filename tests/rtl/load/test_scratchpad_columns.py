"""scratchpad_columns: random traffic against an array, and the columns that a pad fills."""

import numpy as np
import pytest
from dma_bench import shallow
from scratchpad_bench import Bench, run_against_array

from myvta.isa.opcodes import MemoryType
from myvta.rtl.load.scratchpad_columns import scratchpad_columns


@pytest.mark.parametrize("name, log_bus, kind, columns", [
    ("1x8x8", 6, MemoryType.INP, 1),
    ("default", 6, MemoryType.INP, 2),
    ("4x16x16", 6, MemoryType.INP, 8),
])
def test_contents_equal_an_array(name, log_bus, kind, columns):
    traffic = run_against_array(scratchpad_columns, name, log_bus, kind, cycles=600)
    assert traffic.bench.columns == columns
    assert traffic.reads > 550 and traffic.pads > 100 and traffic.waits > 10


FORWARD = [
    # name, log_bus, kind, extensions
    ("default", 6, MemoryType.INP, {"forward": True}),  # two columns in a cycle
    ("2x8x8", 6, MemoryType.INP, {"forward": True}),
    ("1x8x8", 6, MemoryType.INP, {"forward": True}),  # one column
]


@pytest.mark.parametrize("name, log_bus, kind, extensions", FORWARD)
def test_contents_equal_an_array_with_extensions(name, log_bus, kind, extensions):
    traffic = run_against_array(scratchpad_columns, name, log_bus, kind, cycles=600, **extensions)
    assert traffic.reads > 550 and traffic.pads > 50 and traffic.waits > 10
    assert traffic.beats > 150 and traffic.results >= 150 * traffic.bench.config.forward


@pytest.mark.parametrize("columns_busy, cycles", [((0, 1), 2), ((0, 0), 2), ((), 1)])
def test_padding_fills_the_columns_outside_the_data(columns_busy, cycles):
    bench = shallow(Bench, scratchpad_columns, "default", 6, MemoryType.INP)
    assert bench.columns == 2
    taken = []

    def on_edge(cycle):
        bench.pad.valid.next, bench.pad.memory_type.next = True, MemoryType.INP
        bench.write.memory_type.next, bench.write.index.next = MemoryType.INP, 5
        bench.write.valid.next, bench.write.lanes.next = bool(columns_busy), 1
        if columns_busy:
            bench.write.column.next = columns_busy[cycle % 2]
        if bench.pad.valid and bench.pad.ready:
            taken.append(cycle)
        return cycle == 40

    bench.run(on_edge, 50)
    if columns_busy == (0, 0):
        assert taken == [1]  # before the first beat lands; then column 0 never comes free
    else:
        assert set(np.diff(taken)) == {cycles}
