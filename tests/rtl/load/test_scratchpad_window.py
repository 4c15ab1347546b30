"""scratchpad_window: random traffic against an array, every bank read at once, geometry of a bank.
"""

import pytest
from dma_bench import shallow
from myhdl import always, always_comb, block
from scratchpad_bench import REACH, Bench, run_against_array

from myvta.isa.config import NAMED
from myvta.isa.opcodes import MemoryType
from myvta.rtl.lib.bundles import OperandRead, word
from myvta.rtl.load.scratchpad_window import WindowRead, bank_geometry, scratchpad_window

PORTS: list[OperandRead] = []  # of the memory built last


@block
def one_port(
    clock, write, pad, read_enable, read_address, read_data, *, config, memory_type, forward,
):
    """Read single elements: that of the bank which holds the address."""
    assert memory_type == MemoryType.INP
    read, chosen = WindowRead(config), word(2)
    PORTS[:] = read.banks
    first, second, third, fourth = read.banks

    @always_comb
    def address():
        for port in (first, second, third, fourth):
            port.enable.next = read_enable
            port.address.next = read_address[:2]

    @always(clock.posedge)
    def remember():
        if read_enable:
            chosen.next = read_address[2:]

    @always_comb
    def select():
        read_data.next = (first.data, second.data, third.data, fourth.data)[int(chosen)]

    return (
        address, remember, select,
        scratchpad_window(clock, write, pad, read, config=config, forward=forward),
    )


@pytest.mark.parametrize("name, log_bus, lanes", [
    ("1x4x4", 6, 2), ("1x4x4", 7, 4), ("1x4x4", 8, 8), ("1x4x4_int4", 8, 16), ("1x8x8", 6, 1),
    ("default", 6, 1),
])
def test_contents_equal_an_array(name, log_bus, lanes):
    traffic = run_against_array(
        one_port, name, log_bus, MemoryType.INP, cycles=500, registered=lanes <= 4)
    assert traffic.bench.lanes == lanes
    assert traffic.reads > 400 and traffic.pads > 100 and traffic.waits > 5


@pytest.mark.parametrize("name, log_bus, lanes", [
    ("1x4x4", 6, 2), ("1x4x4", 7, 4), ("1x4x4_int4", 8, 16), ("1x8x8", 6, 1), ("default", 6, 1),
])
def test_contents_equal_an_array_with_results(name, log_bus, lanes):
    traffic = run_against_array(
        one_port, name, log_bus, MemoryType.INP, cycles=500, registered=lanes <= 4, forward=True)
    assert traffic.reads > 400 and traffic.pads > 50
    assert traffic.beats > 120 and traffic.results > 120


@pytest.mark.parametrize("name, log_bus", [("1x4x4", 6), ("1x4x4", 8), ("default", 6)])
def test_four_elements_are_read_in_one_cycle(name, log_bus):
    bench = shallow(Bench, one_port, name, log_bus, MemoryType.INP)
    ports, written, seen = list(PORTS), {}, []
    beats = [(at, column) for at in range(REACH) for column in range(bench.columns)]

    def on_edge(cycle):
        write = bench.write
        write.valid.next = cycle < len(beats)
        bench.read_enable.next = cycle >= len(beats) + 3
        if cycle < len(beats):
            at, column = beats[cycle]
            write.memory_type.next, write.index.next = bench.kind, at
            write.column.next, write.lanes.next = column, 1
            write.data.next = cycle + 1
            written[at] = written.get(at, 0) | (cycle + 1) << (column * 8 * bench.beat)
        word_index = cycle - len(beats) - 3
        bench.read_address.next = max(4 * word_index, 0)
        if word_index > 1:
            seen.extend(int(port.data) for port in ports)
        return 4 * word_index == REACH

    bench.run(on_edge, 600)
    assert seen == [written[at] for at in range(len(seen))] and len(seen) == REACH - 4


@pytest.mark.parametrize("name, log_bus, depth, lanes, columns", [
    ("1x4x4", 6, 64, 1, 1), ("1x4x4", 8, 64, 2, 1), ("1x4x4_int4", 8, 64, 4, 1),
    ("default", 6, 512, 1, 2), ("1x32x32", 7, 256, 1, 2),
])
def test_a_bank_has_a_quarter_of_the_elements(name, log_bus, depth, lanes, columns):
    geometry = bank_geometry(NAMED[name].replace(log_bus_width=log_bus))
    element = geometry.tile_bytes(MemoryType.INP)
    assert geometry.depth(MemoryType.INP) == depth
    assert (max(geometry.bus_bytes // element, 1), max(element // geometry.bus_bytes, 1)) == (
        lanes, columns)
