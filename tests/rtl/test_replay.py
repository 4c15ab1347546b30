"""What blocks do in MyHDL their Verilog and VHDL do, on every port in every cycle; both lint."""

import importlib.util
import sys
from pathlib import Path
from random import Random

import pytest
import rtl_bench
from rtl_replay import Recorder, replay

from myvta.isa.config import NAMED
from myvta.rtl.convert import convert_block
from myvta.rtl.lint import lint_verilog, lint_vhdl

CONFIG = NAMED["1x4x4"]
KNOWN = ("valid", "ready", "idle", "done", "blocked", "raised", "busy", "halt", "room", "available")


def load_test(name):
    """Import the test of a block from the folder of its room."""
    (path,) = Path(__file__).parent.rglob(f"test_{name}.py")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def record(monkeypatch, module, play):
    """Run a test's bench with a recorder behind its ``simulate``; return the rows."""
    recorders = []

    def simulate(blocks, clock, reset, on_edge, *, limit):
        recorder = Recorder(blocks[0])
        recorders.append(recorder)

        def edge(cycle):
            recorder.edge(cycle)
            return on_edge(cycle)

        return rtl_bench.simulate(blocks, clock, reset, edge, limit=limit)

    holder = module if hasattr(module, "simulate") else sys.modules[module.Bench.__module__]
    monkeypatch.setattr(holder, "simulate", simulate)
    play(module)
    return recorders[0].rows


def play_queue(module):
    random = Random(1)
    clock, reset, sink, source, block = module.bench(512, 160)
    writer = rtl_bench.StreamSource(sink, random, 0.9)
    reader = rtl_bench.StreamSink(source, random, 0.4)
    writer.words.extend(random.getrandbits(160) for _ in range(900))

    def on_edge(cycle):
        writer.edge(cycle)
        if cycle == 800:
            reader.rate = 1.0
        reader.edge(cycle)
        return len(reader.taken) == 900

    module.simulate([block], clock, reset, on_edge, limit=5000)


CASES = {
    "queue": (6, play_queue),
    "token_queue": (6, lambda module: module.test_random_use_equals_two_counters(1023)),
    "memory_port_halt": (
        6, lambda module: module.test_halt_drains_and_the_next_launch_is_clean(3),
    ),
    "memory_port_256": (
        8, lambda module: module.test_random_traffic_with_refusals_and_bus_errors(
            8, 20, 0.3, True, 0.8, 0.7,
        ),
    ),
    "memory_port_128": (
        7, lambda module: module.test_random_traffic_with_refusals_and_bus_errors(
            7, 16, 0.0, False, 1.0, 1.0,
        ),
    ),
    "fetch_128": (7, lambda module: module.test_nothing_after_finish_is_handed_over(7)),
    "fetch": (6, lambda module: module.test_a_failed_read_names_its_instruction(6, 12)),
    "fetch_256": (
        8, lambda module: module.test_every_instruction_arrives_in_order_at_its_queue(
            8, 0x1FF0, 90, 0.3, 0.6,
        ),
    ),
    "registers": (
        6, lambda module: module.test_random_writes_with_strobes_follow_the_register_table(
            0.3,
        ),
    ),
    "control": (6, lambda module: module.test_deadlock_names_the_lowest_waiting_index(
        "fetch.done", 5,
    )),
    "counters": (
        6, lambda module: module.test_counters_equal_sums_and_launch_clears_them("1x4x4"),
    ),
}


@pytest.mark.icarus
@pytest.mark.convert
@pytest.mark.parametrize("case", [
    pytest.param(case, marks=[pytest.mark.slow] * case.startswith(("memory_port", "registers")))
    for case in CASES
])
def test_verilog_and_vhdl_equal_myhdl(tmp_path, monkeypatch, require_tool, case):
    require_tool("ghdl")
    require_tool("verilator")
    log_bus_width, play = CASES[case]
    name = case.removesuffix("_128").removesuffix("_256")
    module, block = load_test(name), name.removesuffix("_halt")
    rows = record(monkeypatch, module, play)
    factory = getattr(load_test(block), f"{block}_top")
    config = (NAMED["default"] if name == "registers" else CONFIG).replace(
        log_bus_width=log_bus_width
    )
    verilog, vhdl = (
        convert_block(factory, tmp_path, hdl, config=config, name="top")
        for hdl in ("verilog", "vhdl")
    )
    lint_verilog(verilog)
    lint_vhdl(vhdl)
    bits, in_verilog, in_vhdl = replay(verilog, vhdl, rows, known=KNOWN)
    assert in_verilog > 0.9 * bits
    assert in_vhdl > 0.9 * bits
