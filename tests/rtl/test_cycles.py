"""Cycles that the RTL promises (docs/rtl.md), and the counters that tell where cycles go."""

import importlib
import sys
from pathlib import Path

import pytest
from tiers import slow

from myvta.cosim.rules import Counter
from myvta.driver.run.launch import read_performance
from myvta.driver.target.open_target import open_target
from myvta.isa.config import named
from myvta.isa.instructions import Alu, Finish, Gemm, Load, Store, encode_uop
from myvta.isa.opcodes import AluOpcode, MemoryType
from myvta.isa.register_map import PERFORMANCE
from myvta.model.timing.predict import predict

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
ENGINES = ("fetch", "load", "compute", "store")
CYCLES = {  # latency 64
    "GEMM, 4096 steps": 4119,
    "GEMM, 4096 steps, one tile": 4119,
    "ALU immediate, 4096 steps": 4119,
    "ALU register, 4096 steps, tiles 0 and 1024": 4119,
    "ALU register, 4096 steps, tiles 0 and 1": 4119,
    "ALU register, 4096 steps, tiles 3 and 1024": 4119,
    "ALU register, 4096 steps, tiles 4 and 1023": 4119,
    "ALU register, 4096 steps, tiles 7 and 7": 4119,
    "RQT, 4096 steps, 16 sets of parameters": 4167,
    "RQT with a table, 4096 steps, 16 sets of parameters": 4167,
    "RED, 4096 steps, strides 1 and 1": 4119,
    "RED, 4096 steps, strides 0 and 1": 4119,
    "RED, 4096 steps, strides 2 and 2": 4119,
    "GEMM, 64 of 64 steps": 4169,
    "LOAD ACC, 16 tiles behind a GEMM": 131,
    "LOAD WGT, 64 KiB": 8271,
    "LOAD INP, 56 rows of 4 tiles from tile 0, padded": 527,
    "LOAD INP, 56 rows of 4 tiles from tile 1, padded": 527,
    "LOAD INP, 56 rows of 4 tiles from tile 3, padded": 527,
    "LOAD INP, 56 rows of 4 tiles from tile 7, padded": 527,
    "LOAD WGT, 4 KiB after another": 514,
    "STORE, 2048 tiles": 4177,
    "STORE, 512 rows of 4 tiles from tile 0": 4177,
    "STORE, 512 rows of 4 tiles from tile 3": 4177,
    "forward, 2048 tiles to INP": 2058,
    "forward, 2048 rows of WGT": 2058,
    "forward, 256 rows of 4 tiles": 1034,
    "forward during a LOAD of INP, 2048 tiles each": 4669,
    "forward to INP during a LOAD of WGT": 8271,
    "LOAD WGT_4BIT, 256 tiles": 4175,
    "fetch, 512 GEMMs of 2 steps": 1109,
}
INP, WGT, ACC, UOP = MemoryType.INP, MemoryType.WGT, MemoryType.ACC, MemoryType.UOP


@pytest.fixture(scope="module")
def rtl_cycles():
    """The benchmark is a script that imports its neighbours by name, as when it is run."""
    sys.path.insert(0, str(BENCHMARKS))
    try:
        yield importlib.import_module("rtl_cycles")
    finally:
        sys.path.remove(str(BENCHMARKS))


@pytest.fixture
def device(rtl_cycles):
    """Open the default configuration with a 64-bit memory port."""
    opened = []

    def open_device(memory):
        opened.append(rtl_cycles.open_device(64, memory))
        return opened[-1]

    yield open_device
    for target in opened:
        target.close()


@pytest.mark.verilator
@pytest.mark.parametrize("latency", [1, 16, 64])
def test_every_contract_is_kept(rtl_cycles, device, latency):
    marks = rtl_cycles.figures(device(f"latency={latency}"), latency)
    assert [str(mark) for mark in marks if not mark.met] == []


@pytest.mark.verilator
def test_cycles_equal_the_recorded_ones(rtl_cycles, device):
    target = device("latency=64")
    measured = {
        case.name: rtl_cycles.cycle_cases.measure(target, case)
        for case in rtl_cycles.cycle_cases.cases(target.config)
    }
    assert measured == CYCLES


@pytest.mark.verilator
def test_two_tensors_at_any_two_offsets_wait_only_when_their_distance_becomes_odd(
    rtl_cycles, device,
):
    """Or for a result in flight, which none of these reads."""
    target = device("latency=1")
    case = rtl_cycles.cycle_cases.Case
    uops = Load(memory_type=UOP, x_size=256)
    steps = {"iter_in": 256, "dst_factor_in": 1, "src_factor_in": 1, "alu_opcode": AluOpcode.MAX}
    for dst in range(16):  # the micro-ops are (n, n, n): another source by its loop offset
        for more in (0, 1, 2, 3, 5, 8, 9, 511):
            alu = Alu(
                uop_bgn=dst, uop_end=dst + 1, iter_out=2, src_factor_out=more, dst_factor_out=0,
                **steps,
            )
            cost = rtl_cycles.cycle_cases.measure(target, case("", (alu,), 512, before=(uops,)))
            assert cost == 512 + 23 + more % 2, f"tiles {dst} and {dst + more}"


@pytest.mark.verilator
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", [
    *slow("1x8x8_all", "default"), pytest.param("1x32x32", marks=pytest.mark.soak),
])
def test_depthwise_layers_keep_their_rate_and_its_prediction(rtl_cycles, name):
    config = named(name)
    cycle_cases, run = rtl_cycles.cycle_cases, rtl_cycles.cycle_cases.run
    with open_target("verilator://?mem=0x0:16M&latency=1", config) as target:
        for case in rtl_cycles.depthwise_cases.depthwise_cases(config):
            assert cycle_cases.measure(target, case) <= case.bound(1), case.name
            stream = [*case.before, *case.measured]
            measured, _ = run(target, stream, case.uops)
            uops = b"".join(encode_uop(uop, config).to_bytes(4, "little") for uop in case.uops)
            predicted = predict([*stream, Finish()], uops, config, bases=cycle_cases.BASES)
            assert predicted.cycles == pytest.approx(measured, rel=0.01), case.name


@pytest.mark.verilator
@pytest.mark.parametrize("memory", ["latency=1", "latency=64", "latency=9&stall=20&seed=4"])
def test_counters_add_up_and_agree_with_the_memory(rtl_cycles, device, memory):
    target = device(memory)
    for program in (rtl_cycles.cycle_cases.overlapped()[:41], every_engine(), []):
        before = target.counters()
        cycles, counted = rtl_cycles.cycle_cases.run(target, program)
        for engine in ENGINES:
            assert sum(counted[name.name] for name in PERFORMANCE[engine]) == cycles, engine
        after = target.counters()
        assert counted["READ_BURSTS"] == after[Counter.READ_BURSTS] - before[Counter.READ_BURSTS]
        assert counted["WRITE_BURSTS"] == after[Counter.WRITE_BURSTS] - before[Counter.WRITE_BURSTS]
        assert counted["FETCH_BUSY"] == len(program) + 1
        written = after[Counter.WRITE_BYTES] - before[Counter.WRITE_BYTES]
        assert counted["OUT_BYTES"] == written
        loaded = sum(counted[f"{kind}_BYTES"] for kind in ("UOP", "INP", "WGT", "ACC"))
        read = after[Counter.READ_BYTES] - before[Counter.READ_BYTES]
        assert read == loaded + 16 * (len(program) + 1)


def every_engine():
    """Return instructions that make every engine wait for another and for memory."""
    return [
        Load(memory_type=UOP, x_size=256),
        Load(memory_type=INP, x_size=64),
        Load(memory_type=WGT, x_size=64, push_next=1),
        Gemm(uop_end=16, iter_in=64, pop_prev=1, push_prev=1, push_next=1),
        Load(memory_type=INP, x_size=16, pop_next=1, push_next=1),
        Store(x_size=128, pop_prev=1, push_prev=1),
        Gemm(uop_end=16, iter_in=64, pop_prev=1, pop_next=1),
    ]


@pytest.mark.verilator
def test_causes_follow_the_latency_of_memory(rtl_cycles, device):
    """What waits once for memory waits one cycle more when memory takes one more."""
    programs = {
        "LOAD_READ": [Load(memory_type=INP, x_size=4)],
        "COMPUTE_READ": [Load(memory_type=UOP, x_size=4)],
        "STORE_WRITE": [Store(x_size=4)],
        "FETCH_READ": [],
    }
    counted = {
        latency: {
            name: rtl_cycles.cycle_cases.run(device(f"latency={latency}"), program)[1]
            for name, program in programs.items()
        }
        for latency in (40, 75)
    }
    for name in programs:
        near, far = counted[40][name], counted[75][name]
        assert far[name] - near[name] == 35, name
        busy = [f"{engine.upper()}_BUSY" for engine in ENGINES]
        assert [far[key] for key in busy] == [near[key] for key in busy], name


@pytest.mark.verilator
def test_missing_token_is_the_cause(rtl_cycles, device):
    """Compute waits for the tokens of a load: longer, the more is loaded before them."""
    target = device("latency=20")
    counted = [
        rtl_cycles.cycle_cases.run(target, [
            Load(memory_type=UOP, x_size=1),
            Load(memory_type=WGT, x_size=tiles, push_next=1), Gemm(pop_prev=1, push_next=1),
            Store(x_size=1, pop_prev=1),
        ])[1]
        for tiles in (16, 48)
    ]
    beats = 32 * 256 // 8  # of 32 tiles more
    for name, more in (
        ("COMPUTE_TOKEN", beats), ("STORE_TOKEN", beats), ("LOAD_BUSY", beats),
        ("FETCH_DONE", beats), ("LOAD_TOKEN", 0), ("LOAD_READ", 0), ("STORE_WRITE", 0),
        ("COMPUTE_READ", 0), ("FETCH_QUEUE", 0),
    ):
        assert counted[1][name] - counted[0][name] == more, name


@pytest.mark.verilator
def test_a_full_queue_is_the_cause(rtl_cycles, device):
    """700 instructions after one of 8192 steps: fetch waits for its end."""
    program = [Load(memory_type=UOP, x_size=4), Gemm(iter_out=16, iter_in=512)]
    program += [Gemm()] * 700
    cycles, counted = rtl_cycles.cycle_cases.run(device("latency=1"), program)
    assert counted["FETCH_QUEUE"] > 8192 - 2 * 2 * 520
    assert counted["COMPUTE_EMPTY"] < 20
    assert cycles < 8192 + 3 * 702


def test_model_counts_no_cycles():
    with open_target("model://?mem=0x0:64K") as target:
        counted = read_performance(target)
    assert counted and set(counted.values()) == {0}


