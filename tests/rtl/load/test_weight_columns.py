"""weight_columns: random traffic against an array, and the cycles in which a pad is taken."""

import pytest
from dma_bench import shallow
from scratchpad_bench import Bench, run_against_array

from myvta.isa.opcodes import MemoryType
from myvta.rtl.load.scratchpad import scratchpad


@pytest.mark.parametrize("name, log_bus, columns", [
    ("1x4x4_int4", 6, 1), ("1x4x4", 6, 2), ("1x8x8", 6, 8), ("lean", 7, 16),
])
def test_contents_equal_an_array(name, log_bus, columns):
    traffic = run_against_array(scratchpad, name, log_bus, MemoryType.WGT, cycles=600)
    assert traffic.bench.columns == columns
    assert traffic.reads > 550 and traffic.pads > 100 and traffic.waits > 10


@pytest.mark.parametrize("name, log_bus, extensions", [
    ("1x4x4", 6, {"forward": True}),  # a row is half a column
    ("1x4x4", 7, {"forward": True}),  # a quarter of the only column
    ("1x8x8", 6, {"forward": True}),  # a column
    ("1x8x8", 6, {"forward": True, "weights4": True}),
    ("lean", 6, {"forward": True, "weights4": True}),  # two columns
    ("lean", 8, {"forward": True, "weights4": True}),  # half a column
    ("1x4x4", 6, {"weights4": True}),  # the whole tile in a cycle
    ("1x8x8", 8, {"weights4": True}),
    ("lean", 6, {"weights4": True}),
])
def test_contents_equal_an_array_with_extensions(name, log_bus, extensions):
    traffic = run_against_array(
        scratchpad, name, log_bus, MemoryType.WGT, cycles=600, **extensions)
    assert traffic.reads > 550 and traffic.pads > 50 and traffic.waits > 10
    assert traffic.beats > 150 and traffic.results >= 150 * traffic.bench.config.forward


def drive(bench, first, last):
    """Offer a pad always and beats in cycles first .. last - 1; yield cycles of pads taken."""
    taken = []

    def on_edge(cycle):
        bench.pad.valid.next, bench.pad.memory_type.next = True, MemoryType.WGT
        bench.write.memory_type.next, bench.write.index.next = MemoryType.WGT, 5
        bench.write.valid.next, bench.write.lanes.next = first <= cycle < last, 1
        bench.write.column.next = cycle % bench.columns
        if bench.forward is not None:
            bench.forward.valid.next = True
        if bench.pad.valid and bench.pad.ready:
            taken.append(cycle)
        return cycle == 40

    bench.run(on_edge, 50)
    return taken


@pytest.mark.parametrize("name, columns", [("1x4x4", 2), ("1x8x8", 8)])
def test_pad_waits_for_a_cycle_without_data_and_zeroes_all_columns(name, columns):
    bench = shallow(Bench, scratchpad, name, 6, MemoryType.WGT)
    assert bench.columns == columns
    # driven a cycle late, and a beat lands in the cycle after it was taken
    assert drive(bench, 10, 30) == [*range(1, 12), *range(32, 41)]


def test_pads_and_results_take_turns():
    bench = shallow(Bench, scratchpad, "1x8x8", 6, MemoryType.WGT, forward=True)
    assert drive(bench, 99, 99) == [*range(2, 41, 2)]
