"""store: bytes written by random STOREs, tokens, faults and their order, speed."""

import pytest
from dma_bench import shallow
from engine_bench import KNOWN
from rtl_replay import Recorder, replay
from store_bench import BASE, Bench, random_forward, random_store

from myvta.isa.config import NAMED
from myvta.isa.instructions import Store
from myvta.isa.opcodes import ErrorCode, MemoryType
from myvta.rtl.convert import convert_block
from myvta.rtl.lib.bundles import PortError
from myvta.rtl.lint import lint_verilog, lint_vhdl
from myvta.rtl.memory.row_requests import MAX_BURSTS

OUT = MemoryType.OUT


@pytest.mark.parametrize("name, log_bus", [
    ("default", 6), ("default", 7), ("default", 8), ("1x4x4", 6), ("1x4x4_int4", 6),
    ("1x4x4_int4", 8),
])
@pytest.mark.parametrize("latency, rate", [(1, 1.0), (25, 0.6)])
def test_random_stores_write_the_walk_and_nothing_else(name, log_bus, latency, rate):
    config = NAMED[name].replace(log_bus_width=log_bus)
    bench = shallow(Bench, config, seed=log_bus, latency=latency, rate=rate)
    stores = [random_store(bench.random, config) for _ in range(12)]
    bench.run(stores, tokens=0, room=3, give=0.3)
    bench.check(stores)
    assert bench.pushes == [at for at, store in enumerate(stores) if store.push_prev]
    assert bench.pops == [at for at, store in enumerate(stores) if store.pop_prev]
    assert bench.port.most_outstanding <= MAX_BURSTS


@pytest.mark.parametrize("latency", [1, 64])
def test_contiguous_tiles_take_their_beats(latency):
    bench = shallow(Bench, NAMED["default"], latency=latency, base=0)
    stores = [Store(x_size=2048)]
    bench.run(stores)
    bench.check(stores)
    assert len(bench.port.beats) == 4096
    assert bench.port.beats[-1] - bench.port.beats[0] <= 1.001 * 4096
    assert bench.ended[0] - bench.started[0] <= 1.05 * 4096 + latency


@pytest.mark.parametrize("base", [0, 0x40 + 0x10])
def test_short_rows_take_little_more_than_their_beats(base):
    bench = shallow(Bench, NAMED["default"], latency=64, base=base)
    stores = [Store(x_size=4, y_size=100, x_stride=14)]
    bench.run(stores)
    bench.check(stores)
    assert bench.ended[0] - bench.started[0] <= 1.25 * 800 + 64


def test_stores_overlap_their_responses():
    bench = shallow(Bench, NAMED["default"], latency=64)
    stores = [Store(x_size=16, sram_base=16 * at, dram_base=16 * at) for at in range(6)]
    bench.run(stores)
    bench.check(stores)
    assert bench.ended[-1] - bench.started[0] <= 6 * 32 + 64 + 6 * 5


def test_outstanding_bursts_are_limited():
    bench = shallow(Bench, NAMED["default"], latency=150)
    stores = [Store(x_size=1, y_size=40, x_stride=9), Store(x_size=2, y_size=4, x_stride=16)]
    bench.run(stores)
    assert bench.port.most_outstanding == MAX_BURSTS


FAULTS = [
    (Store(x_size=1, pop_next=1), ErrorCode.DEPENDENCY),
    (Store(x_size=0, push_next=1), ErrorCode.DEPENDENCY),
    (Store(x_size=1, push_next=1, memory_type=3, x_pad_0=1, sram_base=65535), 4),
    (Store(x_size=1, memory_type=3), ErrorCode.MEMORY_TYPE),
    (Store(x_size=1, memory_type=2, x_pad_0=1), ErrorCode.EXTENSION),
    (Store(x_size=1, memory_type=1, sram_base=65535), ErrorCode.EXTENSION),
    (Store(x_size=65535, y_size=65535, x_pad_1=8, memory_type=7), ErrorCode.MEMORY_TYPE),
    (Store(x_size=65535, y_size=65535, x_pad_1=8), ErrorCode.OPERAND),
    (Store(x_size=1, y_pad_0=1), ErrorCode.OPERAND),
    (Store(x_size=1, y_size=0, y_pad_1=1), ErrorCode.OPERAND),
    (Store(x_size=1, x_pad_0=1), ErrorCode.OPERAND),
    (Store(x_size=2, sram_base=255), ErrorCode.SRAM_RANGE),
    (Store(x_size=1, sram_base=65535), ErrorCode.SRAM_RANGE),
    (Store(x_size=32769, y_size=2), ErrorCode.SRAM_RANGE),
]


@pytest.mark.parametrize("bad, code", FAULTS)
def test_static_faults_wait_for_earlier_instructions(bad, code):
    config = NAMED["1x4x4"]
    assert config.depth(OUT) == 256
    bench = shallow(Bench, config, latency=20)
    stores = [Store(x_size=8), bad, Store(x_size=1)]
    bench.run(stores, tokens=0, room=0, until=lambda bench: bench.seen["fault"])
    assert bench.seen["fault"] == (code, 1)
    assert len(bench.ended) == 1 and len(bench.started) == 1


def test_edges_are_legal():
    bench = shallow(Bench, NAMED["1x4x4"])
    stores = [
        Store(x_size=1, sram_base=255), Store(x_size=0, sram_base=65535, x_pad_0=3, memory_type=1),
        Store(x_size=65535, y_size=0, sram_base=65535), Store(x_size=256, y_size=1),
        Store(x_size=16, y_size=16, x_stride=16), Store(x_size=0, push_prev=1, pop_prev=1),
    ]
    bench.run(stores)
    bench.check(stores)


@pytest.mark.parametrize("error, code", [
    (PortError.WINDOW, ErrorCode.WINDOW), (PortError.BUS, ErrorCode.BUS),
])
def test_a_bad_response_names_its_store(error, code):
    at = BASE + 20 * 16
    bench = shallow(Bench, NAMED["default"], latency=30, errors=[(at, at + 1, error)])
    stores = [Store(x_size=16), Store(x_size=16, dram_base=16), Store(x_size=1), Store(pop_next=1)]
    seen = []

    def until(bench):
        seen.extend([bench.seen["fault"]] if bench.seen["fault"] else [])
        return len(seen) == 100  # the other bursts of that STORE have been answered long ago

    bench.run(stores, until=until)
    assert set(seen) == {(code, 1)}
    assert len(bench.ended) == 1


def test_rows_past_the_address_space_are_refused():
    bench = shallow(Bench, NAMED["default"])
    last = (1 << 28) - 1 - BASE // 16
    stores = [Store(x_size=1, dram_base=last), Store(x_size=1, dram_base=1 << 31)]
    bench.port.memory = {}
    bench.run(stores, until=lambda bench: bench.seen["fault"])
    assert bench.seen["fault"] == (ErrorCode.WINDOW, 1)
    assert min(bench.port.written) == (1 << 32) - 16 and len(bench.port.written) == 16


@pytest.mark.parametrize("held, tokens, room", [
    (Store(x_size=1, pop_prev=1), 0, 9), (Store(x_size=1, push_prev=1), 9, 0),
    (Store(x_size=0, push_prev=1), 9, 0),
])
def test_waiting_names_the_blocked_instruction(held, tokens, room):
    bench = shallow(Bench, NAMED["1x4x4"], latency=10)
    bench.run(
        [Store(x_size=4), held], tokens=tokens, room=room,
        until=lambda bench: bench.seen["waiting"] is not None,
    )
    assert bench.seen == {"fault": 0, "waiting": 1, "idle": False}
    assert len(bench.ended) == 1, "it is not waiting while something is in flight"


def store_top(config):
    return Bench(config).dut


@pytest.mark.icarus
@pytest.mark.convert
@pytest.mark.parametrize("name, log_bus, forward", [
    ("default", 6, False), ("1x4x4", 7, False), ("1x4x4", 6, True),
])
def test_converted_text_is_clean_and_does_the_same(name, log_bus, forward, tmp_path, require_tool):
    require_tool("ghdl")
    require_tool("verilator")
    config = NAMED[name].replace(log_bus_width=log_bus, forward=forward)
    bench = shallow(Bench, config, seed=5, latency=7, rate=0.7)
    draw = random_forward if forward else random_store
    stores = [random_store(bench.random, config) for _ in range(4)]
    stores += [draw(bench.random, config) for _ in range(4)]
    stores += [Store(x_size=3, dram_base=(1 << 32) - 1), Store(x_size=1)]
    recorder = Recorder(bench.dut)
    bench.run(stores, watch=recorder.edge, until=lambda bench: bench.seen["fault"])
    verilog, vhdl = (
        convert_block(store_top, tmp_path, hdl, config=config, name="top")
        for hdl in ("verilog", "vhdl")
    )
    lint_verilog(verilog)
    lint_vhdl(vhdl)
    bits, in_verilog, in_vhdl = replay(verilog, vhdl, recorder.rows, known=KNOWN)
    assert in_verilog > 0.6 * bits
    assert in_vhdl > 0.6 * bits
