"""scratchpad_banks: random traffic against an array, and beats and pads that share a cycle."""

import pytest
from dma_bench import shallow
from scratchpad_bench import INDICES, Bench, run_against_array

from myvta.isa.opcodes import MemoryType
from myvta.rtl.load.scratchpad_banks import scratchpad_banks


@pytest.mark.parametrize("name, log_bus, kind, banks", [
    ("1x4x4", 6, MemoryType.UOP, 2),
    ("2x8x8", 8, MemoryType.INP, 2),
    ("1x4x4_int4", 7, MemoryType.WGT, 2),
    ("1x4x4_int4", 8, MemoryType.UOP, 8),
    ("1x4x4_int4", 8, MemoryType.INP, 16),
])
def test_contents_equal_an_array(name, log_bus, kind, banks):
    traffic = run_against_array(scratchpad_banks, name, log_bus, kind, cycles=600)
    assert traffic.bench.lanes == banks
    assert traffic.reads > 550 and traffic.pads > 100 and traffic.waits > 10


@pytest.mark.parametrize("name, log_bus, kind, extensions", [
    ("1x4x4", 6, MemoryType.INP, {"forward": True}),
    ("2x8x8", 8, MemoryType.INP, {"forward": True}),
    ("1x4x4_int4", 7, MemoryType.WGT, {"forward": True}),  # two banks of four rows
    ("1x4x4", 8, MemoryType.WGT, {"forward": True}),
    ("1x4x4", 7, MemoryType.WGT, {"weights4": True}),  # a beat is two elements
    ("1x4x4", 8, MemoryType.WGT, {"weights4": True}),
    ("1x4x4", 7, MemoryType.WGT, {"forward": True, "weights4": True}),
])
def test_contents_equal_an_array_with_extensions(name, log_bus, kind, extensions):
    traffic = run_against_array(scratchpad_banks, name, log_bus, kind, cycles=600, **extensions)
    assert traffic.reads > 550 and traffic.pads > 50 and traffic.waits > 10
    assert traffic.beats > 150 and traffic.results >= 150 * traffic.bench.config.forward


def bench():
    """Eight banks of four bytes."""
    return shallow(Bench, scratchpad_banks, "1x4x4_int4", 8, MemoryType.UOP)


@pytest.mark.parametrize("first", [0, 3, 13, INDICES - 3])
def test_a_beat_reaches_every_bank_wherever_it_begins(first):
    dut, seen = bench(), {}
    places = {(first + lane) % INDICES: lane for lane in range(8)}
    near = {at: lane for at, lane in places.items() if at < 32}
    order = [*near]

    def on_edge(cycle):
        write = dut.write
        write.valid.next, write.memory_type.next = cycle == 0, dut.kind
        write.index.next = first
        write.lanes.next = sum(1 << lane for lane in near.values())
        write.data.next = sum(0xA0 + lane << 32 * lane for lane in range(8))
        dut.read_enable.next = True
        if cycle > 4 and cycle - 5 < len(order):
            seen[order[cycle - 5]] = int(dut.read_data)
        if cycle > 2 and cycle - 3 < len(order):
            dut.read_address.next = order[cycle - 3]
        return cycle == 5 + len(order)

    dut.run(on_edge, 40)
    assert seen == {at: 0xA0 + lane for at, lane in near.items()}


@pytest.mark.parametrize("lanes, pad_index, at_once", [
    (0b1111_1111, 17, False),  # every bank takes a lane
    (0b1111_1101, 17, True),  # bank 1 is free
    (0b1111_1101, 18, False),
    (0b0000_0000, 18, True),
])
def test_a_pad_waits_only_for_its_own_bank(lanes, pad_index, at_once):
    dut, taken = bench(), []

    def on_edge(cycle):
        dut.write.valid.next, dut.write.lanes.next, dut.write.index.next = True, lanes, 0
        dut.write.memory_type.next = dut.pad.memory_type.next = dut.kind
        dut.pad.valid.next, dut.pad.index.next = True, pad_index
        if dut.pad.valid:
            taken.append(bool(dut.pad.ready))
        return cycle == 5

    dut.run(on_edge, 6)
    assert taken == [at_once] * 5
