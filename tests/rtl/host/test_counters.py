"""counters: random events against sums."""

from random import Random

import pytest
from extended import extended
from rtl_bench import clock_and_reset, simulate

from myvta.isa.config import NAMED
from myvta.isa.opcodes import MemoryType
from myvta.isa.register_map import COUNTERS, REGISTERS
from myvta.rtl.host.counters import counters
from myvta.rtl.host.register_values import Results
from myvta.rtl.host.status import ModuleStatus, StepEvents
from myvta.rtl.lib.bundles import bit

ROWS = {  # which engine reports which memory types
    "load": (MemoryType.WGT, MemoryType.INP, MemoryType.WGT_4BIT),
    "compute": (MemoryType.UOP, MemoryType.ACC, MemoryType.ACC_8BIT, MemoryType.LUT),
    "store": (MemoryType.OUT,),
}


class Bench:
    def __init__(self, config):
        self.config = config
        self.clock, self.reset = clock_and_reset()
        self.results, self.launch, events = Results(config), bit(), StepEvents(config)
        engines = {name: ModuleStatus() for name in ROWS}
        self.pulses = vars(events) | {
            f"{name}_completed": engine.completed for name, engine in engines.items()
        }
        self.rows = {name: engine.rows for name, engine in engines.items()}
        self.block = counters(
            self.clock, self.reset, self.launch, **engines, events=events, results=self.results,
            config=config,
        )


@pytest.mark.parametrize("name", ["lean", "1x4x4_int4", "2x8x8", "default"])
def test_counters_equal_sums_and_launch_clears_them(name):
    random, bench = Random(3), Bench(extended(name))
    expected = {
        offset.name.lower(): 0 for offset in COUNTERS if REGISTERS[offset].exists(bench.config)
    }
    seen = set()

    def count():
        for pulse, names in (
            ("load_completed", ["instructions"]), ("compute_completed", ["instructions"]),
            ("store_completed", ["instructions"]), ("gemm_step", ["gemm_steps"]),
            ("alu_step", ["alu_steps"]), ("acc_write", ["acc_writes"]),
            *[("dwc_step", ["dwc_steps"])] * bench.config.depthwise,
        ):
            for counter in names:
                expected[counter] += bool(bench.pulses[pulse])
        for rows in bench.rows.values():
            if rows.valid:
                memory_type = MemoryType(int(rows.memory_type))
                size = bench.config.tile_bytes(memory_type)
                expected[f"{memory_type.name.lower()}_bytes"] += int(rows.tiles) * size

    def on_edge(cycle):
        shown = {name: int(getattr(bench.results, name)) for name in expected}
        assert shown == {name: value & 0xFFFF_FFFF for name, value in expected.items()}, cycle
        seen.update(name for name, value in expected.items() if value)
        count()
        if bench.launch:
            expected.update(dict.fromkeys(expected, 0))
        for wire in bench.pulses.values():
            wire.next = random.random() < 0.5
        for block, rows in bench.rows.items():
            rows.valid.next = random.random() < 0.5
            rows.memory_type.next = random.choice(
                [kind for kind in ROWS[block] if kind in bench.config.memory_types])
            rows.tiles.next = random.choice([0, 1, 0xFFFF, random.getrandbits(16)])
        bench.launch.next = cycle in (300, 600)
        return cycle == 700

    simulate([bench.block], bench.clock, bench.reset, on_edge, limit=701)
    assert seen == set(expected)


def test_bytes_wrap_at_32_bits():
    bench, shown = Bench(NAMED["1x32x32"]), []

    def on_edge(cycle):
        rows = bench.rows["load"]
        shown.append(int(bench.results.wgt_bytes))
        rows.valid.next, rows.memory_type.next, rows.tiles.next = True, MemoryType.WGT, 0xFFFF
        return cycle == 100

    simulate([bench.block], bench.clock, bench.reset, on_edge, limit=101)
    assert shown[-1] == 99 * 0xFFFF * 1024 & 0xFFFF_FFFF and max(shown) > shown[-1]


def counters_top(config):
    """The block that test_replay converts."""
    return Bench(config).block
