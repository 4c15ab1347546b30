"""store: results forwarded to INP and WGT among STOREs to memory; order, faults, speed."""

import pytest
from dma_bench import shallow
from store_bench import BASE, Bench, random_forward, random_store

from myvta.isa.config import NAMED
from myvta.isa.instructions import Store
from myvta.isa.opcodes import ErrorCode, MemoryType
from myvta.rtl.lib.bundles import PortError
from myvta.rtl.memory.row_requests import MAX_BURSTS

OUT, INP, WGT = MemoryType.OUT, MemoryType.INP, MemoryType.WGT


@pytest.mark.parametrize("name, log_bus, latency, rate, forward_rate", [
    ("1x4x4", 6, 1, 1.0, 1.0), ("1x4x4", 7, 25, 0.6, 0.5), ("1x4x4_int4", 8, 5, 1.0, 0.3),
    ("default", 6, 30, 1.0, 1.0), ("2x8x8", 6, 10, 0.8, 0.8),
])
def test_forwards_and_stores_complete_in_order(name, log_bus, latency, rate, forward_rate):
    config = NAMED[name].replace(log_bus_width=log_bus, forward=True)
    bench = shallow(
        Bench, config, seed=log_bus, latency=latency, rate=rate, forward_rate=forward_rate,
    )
    stores = [
        bench.random.choice((random_store, random_forward, random_forward))(bench.random, config)
        for _ in range(25)
    ]
    ends = []

    def watch(_cycle):
        if bench.status.completed:
            at = len(ends)
            ends.append(at)
            done = [store for store in stores[:at + 1] if store.forwards]
            assert len(bench.forwarded) >= sum(store.x_size * store.y_size for store in done)
            assert bench.port.outstanding <= len(stores[at + 1:]) * MAX_BURSTS

    bench.run(stores, tokens=0, room=3, give=0.3, watch=watch)
    bench.check(stores)
    assert ends == list(range(25))
    assert bench.pushes == [at for at, store in enumerate(stores) if store.push_prev]
    assert bench.pops == [at for at, store in enumerate(stores) if store.pop_prev]


def test_a_forward_waits_for_the_response_of_the_store_before_it():
    bench = shallow(Bench, NAMED["1x4x4"].replace(forward=True), latency=80)
    stores = [Store(x_size=2, push_prev=1), Store(x_size=3, memory_type=INP, push_prev=1),
              Store(x_size=1, push_prev=1)]
    bench.run(stores)
    bench.check(stores)
    first, second, third = bench.ended
    assert bench.forwarded[-1][0] < first < second < third
    assert second <= first + 3  # its results had been written during the wait
    assert third - second > 80


def test_forwarded_tiles_take_a_cycle_each():
    config = NAMED["default"].replace(forward=True)
    bench = shallow(Bench, config)
    stores = [Store(x_size=64, y_size=32, x_stride=64, memory_type=INP)]
    bench.run(stores)
    bench.check(stores)
    cycles = [cycle for cycle, *_ in bench.forwarded]
    assert cycles == list(range(cycles[0], cycles[0] + 2048))
    assert bench.ended[0] - bench.started[0] <= 2048 + 8


def test_a_fault_of_a_store_ends_a_forward_behind_it_unfinished():
    errors = [(BASE, BASE + 4, PortError.BUS)]
    bench = shallow(
        Bench, NAMED["1x4x4"].replace(forward=True), latency=40, errors=errors, forward_rate=0.1,
    )
    stores = [Store(x_size=4), Store(x_size=60, memory_type=WGT, push_prev=1), Store(x_size=1)]
    seen = []

    def until(bench):
        seen.extend([bench.seen["fault"]] if bench.seen["fault"] else [])
        return len(seen) == 900

    bench.run(stores, until=until)
    assert set(seen) == {(ErrorCode.BUS, 0)}
    assert not bench.ended and not bench.pushes and len(bench.started) == 2
    assert len(bench.forwarded) == 60


@pytest.mark.parametrize("held", [Store(x_size=1, memory_type=INP, pop_prev=1),
                                  Store(x_size=0, memory_type=INP, pop_prev=1)])
def test_waiting_behind_a_forward_starts_when_it_has_ended(held):
    bench = shallow(Bench, NAMED["1x4x4"].replace(forward=True), forward_rate=0.2)
    bench.run(
        [Store(x_size=9, memory_type=INP), held], tokens=0,
        until=lambda bench: bench.seen["waiting"] is not None,
    )
    assert bench.seen == {"fault": 0, "waiting": 1, "idle": False}
    assert len(bench.ended) == 1 and len(bench.forwarded) == 9


def test_forwarding_is_not_starved_and_its_responses_are():
    bench = shallow(Bench, NAMED["1x4x4"].replace(forward=True), latency=60, forward_rate=0.5)
    starved = []

    def watch(_cycle):
        starved.append((bool(bench.status.starved), len(bench.forwarded), len(bench.ended)))

    bench.run([Store(x_size=8), Store(x_size=12, memory_type=INP)], watch=watch)
    assert not any(low for low, tiles, _ in starved if 0 < tiles < 11)
    waits = [low for low, tiles, ended in starved if tiles == 12 and not ended]
    assert sum(waits) > 20


_HALF_WORD = (1 << 16) - 1
FORWARD_FAULTS = [  # of INP 256 tiles, of WGT 128 tiles of 4 rows
    (Store(x_size=1, memory_type=INP, push_next=1), ErrorCode.DEPENDENCY),
    (Store(x_size=1, memory_type=INP, x_pad_1=1), ErrorCode.OPERAND),
    (Store(x_size=1, memory_type=WGT, y_pad_0=1, dram_base=1 << 31), ErrorCode.OPERAND),
    (Store(x_size=1, memory_type=INP, dram_base=256), ErrorCode.SRAM_RANGE),
    (Store(x_size=2, memory_type=INP, dram_base=255), ErrorCode.SRAM_RANGE),
    (Store(x_size=1, memory_type=INP, dram_base=(1 << 32) - 1), ErrorCode.SRAM_RANGE),
    (Store(x_size=1, memory_type=INP, sram_base=256), ErrorCode.SRAM_RANGE),
    (Store(x_size=1, y_size=2, x_stride=256, memory_type=INP), ErrorCode.SRAM_RANGE),
    (Store(x_size=1, y_size=4, x_stride=_HALF_WORD, memory_type=INP), ErrorCode.SRAM_RANGE),
    (Store(x_size=1, y_size=256, x_stride=_HALF_WORD, memory_type=WGT), ErrorCode.SRAM_RANGE),
    (Store(x_size=1, memory_type=WGT, dram_base=512), ErrorCode.SRAM_RANGE),
    (Store(x_size=3, y_size=2, x_stride=254, memory_type=WGT, dram_base=256),
     ErrorCode.SRAM_RANGE),
    (Store(x_size=1, memory_type=MemoryType.ACC), ErrorCode.MEMORY_TYPE),
]


@pytest.mark.parametrize("bad, code", FORWARD_FAULTS)
def test_static_faults_wait_for_earlier_instructions(bad, code):
    config = NAMED["1x4x4"].replace(forward=True)
    assert config.depth(OUT) == 256 and config.depth(INP) == 256 and config.depth(WGT) == 128
    bench = shallow(Bench, config, latency=20)
    stores = [Store(x_size=8), bad, Store(x_size=1)]
    bench.run(stores, tokens=0, room=0, until=lambda bench: bench.seen["fault"])
    assert bench.seen["fault"] == (code, 1)
    assert len(bench.ended) == 1 and len(bench.started) == 1


def test_edges_of_forwards_are_legal():
    bench = shallow(Bench, NAMED["1x4x4"].replace(forward=True))
    stores = [
        Store(x_size=1, sram_base=255, memory_type=INP, dram_base=255),
        Store(x_size=256, memory_type=WGT, dram_base=256),
        Store(x_size=2, y_size=2, x_stride=254, memory_type=INP),
        Store(x_size=65535, y_size=0, memory_type=WGT, dram_base=(1 << 32) - 1),
        Store(x_size=0, y_size=9, memory_type=INP, dram_base=(1 << 32) - 1, x_pad_0=3),
        Store(x_size=2, y_size=3, x_stride=0, memory_type=INP, dram_base=7),
        Store(x_size=1, y_size=1, x_stride=65535, memory_type=WGT, dram_base=511),
    ]
    bench.run(stores)
    bench.check(stores)


def test_weights_are_refused_where_results_are_not_rows():
    config = NAMED["2x8x8"].replace(forward=True)
    bench = shallow(Bench, config)
    bench.run([Store(x_size=1, memory_type=WGT)], until=lambda bench: bench.seen["fault"])
    assert bench.seen["fault"] == (ErrorCode.MEMORY_TYPE, 0)
