"""load: LOADs from the queue into real scratchpads; tokens, faults and their order, speed."""

import pytest
from dma_bench import random_load, shallow
from engine_bench import KNOWN, MEMORY_BYTES
from load_bench import BASES, Bench
from rtl_replay import Recorder, replay

from myvta.isa.config import NAMED
from myvta.isa.instructions import Load
from myvta.isa.opcodes import ErrorCode, MemoryType
from myvta.rtl.convert import convert_block
from myvta.rtl.lib.bundles import PortError
from myvta.rtl.lint import lint_verilog, lint_vhdl

INP, WGT, WGT_4BIT = MemoryType.INP, MemoryType.WGT, MemoryType.WGT_4BIT


@pytest.mark.parametrize("name, log_bus, latency, rate, kinds", [
    (name, log_bus, latency, rate, kinds)
    for name, log_bus, kinds in (
        ("1x4x4", 6, (INP, WGT)), ("1x4x4_int4", 6, (INP, WGT)), ("1x4x4_int4", 8, (INP, WGT)),
        ("2x8x8", 7, (INP, WGT)), ("1x4x4", 6, (INP, WGT, WGT_4BIT, WGT_4BIT)),
        ("1x4x4", 7, (WGT, WGT_4BIT)), ("1x4x4", 8, (WGT, WGT_4BIT)), ("1x8x8", 6, (WGT_4BIT,)),
    )
    for latency, rate in ((1, 1.0), (12, 0.6))
])
def test_random_loads_fill_the_scratchpads(name, log_bus, latency, rate, kinds):
    config = NAMED[name].replace(log_bus_width=log_bus, weights4=WGT_4BIT in kinds)
    bench = shallow(Bench, config, seed=log_bus, latency=latency, rate=rate)
    loads = []
    for _ in range(10):
        load = random_load(bench.random, config, bench.random.choice(kinds), MEMORY_BYTES // 2)
        loads.append(Load(**{
            **load.__dict__, "push_prev": 0, "pop_next": bench.random.randrange(2),
            "sram_base": min(load.sram_base, 3),
        }))
    bench.run(loads, tokens=0, room=2, give=0.2)
    bench.check(loads)
    assert bench.pushes == [at for at, load in enumerate(loads) if load.push_next]
    assert bench.pops == [at for at, load in enumerate(loads) if load.pop_next]


@pytest.mark.slow
def test_padded_rows_take_little_more_than_their_beats():
    bench = shallow(Bench, NAMED["default"], latency=64)
    loads = [Load(
        memory_type=INP, y_size=56, x_size=4, x_stride=9, dram_base=3, y_pad_0=1, y_pad_1=1,
        x_pad_0=1, x_pad_1=1,
    )]
    bench.run(loads)
    bench.check(loads)
    assert bench.ended[0] - bench.started[0] <= 1.15 * 56 * 8 + 64


@pytest.mark.slow
def test_a_second_load_hides_its_latency():
    bench = shallow(Bench, NAMED["default"], latency=64)
    loads = [
        Load(memory_type=INP, x_size=32, sram_base=40 * at, dram_base=50 * at) for at in range(3)
    ]
    bench.run(loads)
    bench.check(loads)
    assert bench.ended[1] - bench.ended[0] <= 64 + 2
    assert bench.ended[2] - bench.ended[1] <= 64 + 2
    assert bench.started[1] - bench.started[0] <= 12, "overlapped"


@pytest.mark.parametrize("name, log_bus", [("1x8x8", 6), ("1x4x4", 7)])
def test_packed_weights_take_a_cycle_for_each_beat(name, log_bus):
    config = NAMED[name].replace(log_bus_width=log_bus, weights4=True)
    bench = shallow(Bench, config)
    loads = [Load(memory_type=WGT_4BIT, x_size=64)]
    bench.run(loads)
    bench.check(loads)
    assert len(bench.port.taken) == 64 * config.tile_bytes(WGT_4BIT) // config.bus_bytes
    assert bench.port.taken[-1] - bench.port.taken[0] == len(bench.port.taken) - 1


FAULTS = [
    (Load(memory_type=INP, x_size=1, pop_prev=1), ErrorCode.DEPENDENCY),
    (Load(memory_type=WGT, x_size=0, push_prev=1), ErrorCode.DEPENDENCY),
    (Load(memory_type=INP, x_size=65535, y_size=65535, push_prev=1), ErrorCode.DEPENDENCY),
    (Load(memory_type=MemoryType.WGT_4BIT, x_size=1, push_prev=1), ErrorCode.DEPENDENCY),
    (Load(memory_type=MemoryType.WGT_4BIT, x_size=1), ErrorCode.EXTENSION),
    (Load(memory_type=MemoryType.WGT_4BIT, sram_base=65535), ErrorCode.EXTENSION),
    (Load(memory_type=MemoryType.WGT_4BIT, x_size=2, sram_base=65535), ErrorCode.EXTENSION),
    (Load(memory_type=INP, x_size=2, sram_base=127), ErrorCode.SRAM_RANGE),
    (Load(memory_type=INP, x_size=1, sram_base=127, x_pad_1=1), ErrorCode.SRAM_RANGE),
    (Load(memory_type=INP, x_size=1, sram_base=128), ErrorCode.SRAM_RANGE),
    (Load(memory_type=INP, x_size=1, sram_base=65535), ErrorCode.SRAM_RANGE),
    (Load(memory_type=WGT, x_size=65535, y_size=65535, pop_next=1), ErrorCode.SRAM_RANGE),
    (Load(memory_type=INP, x_size=1, y_size=128, sram_base=0, y_pad_0=1), ErrorCode.SRAM_RANGE),
    (Load(memory_type=WGT_4BIT, x_size=2, sram_base=127), ErrorCode.SRAM_RANGE),
    (Load(memory_type=WGT_4BIT, x_size=1, push_prev=1), ErrorCode.DEPENDENCY),
]


@pytest.mark.parametrize("bad, code", FAULTS)
def test_static_faults_wait_for_earlier_instructions(bad, code):
    config = NAMED["1x4x4"].replace(
        log_inp_buff_size=9, weights4=code != ErrorCode.EXTENSION,  # that of missing weights4
    )
    assert config.depth(INP) == config.depth(WGT) == 128
    bench = shallow(Bench, config, latency=20)
    loads = [Load(memory_type=INP, x_size=8), bad, Load(memory_type=INP, x_size=1)]
    bench.run(loads, tokens=0, until=lambda bench: bench.seen["fault"])
    assert bench.seen["fault"] == (code, 1)
    assert len(bench.ended) == 1 and len(bench.started) == 1


@pytest.mark.slow
@pytest.mark.parametrize("fine", [
    Load(memory_type=INP, x_size=1, sram_base=127),
    Load(memory_type=INP, x_size=0, y_size=9, sram_base=65535, x_pad_0=1),
    Load(memory_type=INP, x_size=9, y_size=0, sram_base=65535, x_pad_0=1),
    Load(memory_type=INP, x_size=4, y_size=0, y_pad_0=8, y_pad_1=8, x_pad_0=2, x_pad_1=2),
])
def test_edges_of_the_scratchpad_are_legal(fine):
    config = NAMED["1x4x4"].replace(log_inp_buff_size=9)
    bench = shallow(Bench, config)
    loads = [fine, Load(memory_type=INP, x_size=1, sram_base=5)]
    bench.run(loads, limit=3000)


def test_a_data_fault_comes_before_a_later_static_one():
    config = NAMED["1x4x4"]
    bad = BASES[INP] + 64
    bench = shallow(Bench, config, latency=30, errors=[(bad, bad + 1, PortError.BUS)])
    loads = [
        Load(memory_type=INP, x_size=4), Load(memory_type=INP, x_size=8, dram_base=12),
        Load(memory_type=INP, pop_prev=1),
    ]
    bench.run(loads, until=lambda bench: bench.seen["fault"])
    assert bench.seen["fault"] == (ErrorCode.BUS, 1)


@pytest.mark.parametrize("bad, tokens, room", [
    (Load(memory_type=INP, x_size=1, pop_next=1), 0, 9),
    (Load(memory_type=INP, x_size=1, push_next=1), 9, 0),
    (Load(memory_type=INP, x_size=0, push_next=1), 9, 0),
])
def test_waiting_names_the_blocked_instruction(bad, tokens, room):
    bench = shallow(Bench, NAMED["1x4x4"], latency=10)
    loads = [Load(memory_type=INP, x_size=4), bad]
    bench.run(
        loads, tokens=tokens, room=room, until=lambda bench: bench.seen["waiting"] is not None,
    )
    assert bench.seen == {"fault": 0, "waiting": 1, "idle": False}
    assert len(bench.ended) == 1, "it is not waiting while something is in flight"


def load_top(config):
    return Bench(config).dut


@pytest.mark.slow
@pytest.mark.icarus
@pytest.mark.convert
@pytest.mark.parametrize("name, log_bus, weights4", [
    ("2x8x8", 6, False), ("1x4x4_int4", 8, False), ("1x4x4", 6, True),
])
def test_converted_text_is_clean_and_does_the_same(name, log_bus, weights4, tmp_path, require_tool):
    require_tool("ghdl")
    require_tool("verilator")
    config = NAMED[name].replace(log_bus_width=log_bus, weights4=weights4)
    bench = shallow(Bench, config, seed=3, latency=5, rate=0.8)
    loads = [
        Load(memory_type=INP, y_size=4, x_size=5, x_stride=7, dram_base=3, y_pad_0=1, x_pad_0=2),
        Load(memory_type=WGT, y_size=2, x_size=3, x_stride=5, dram_base=1, y_pad_1=1, x_pad_1=1),
        *[Load(memory_type=WGT_4BIT, x_size=3, y_size=2, x_stride=2, dram_base=5, x_pad_1=1)
          ] * weights4,
    ]
    recorder = Recorder(bench.dut)
    bench.run(loads, watch=recorder.edge)
    verilog, vhdl = (
        convert_block(load_top, tmp_path, hdl, config=config, name="top")
        for hdl in ("verilog", "vhdl")
    )
    lint_verilog(verilog)
    lint_vhdl(vhdl)
    bits, in_verilog, in_vhdl = replay(verilog, vhdl, recorder.rows, known=KNOWN)
    assert in_verilog > 0.25 * bits  # nothing is known of a scratchpad before it is read
    assert in_vhdl > 0.25 * bits
