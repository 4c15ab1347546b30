"""bench: small modules in vvp, stepped by hand; whatever ends vvp is an error that says so."""

import time
from contextlib import contextmanager

import pytest
from myhdl import _simulator

from myvta.cosim import bench as bench_module
from myvta.cosim.bench import Bench
from myvta.cosim.cosim_errors import SimulatorError
from myvta.cosim.ports import Port
from myvta.cosim.tools import find_icarus, run_tool
from myvta.cosim.vpi import vpi_module
from myvta.driver.errors import TargetError, TargetTimeout

pytestmark = pytest.mark.icarus

PORTS = (Port("clock", 1, False), Port("step", 8, False), Port("total", 8, True),
         Port("partly", 4, True))
COUNTER = "always @(posedge clock) total <= total + step;"
ENDS = COUNTER + ' always @(posedge clock) if (step == 9) begin $display("enough"); $finish; end'
HANGS = COUNTER + " always @(posedge clock) if (step == 9) forever #0;"


@contextmanager
def open_bench(folder, body, on_edge=lambda: None):
    """Compile a module with the four ports, open it, and close it at the end."""
    (folder / "design.v").write_text(
        "`timescale 1ns/1ps\nmodule dut;\n"
        "reg clock; reg [7:0] step; reg [7:0] total = 0; reg [3:0] partly = 4'bx010;\n"
        "initial begin $from_myhdl(clock, step); $to_myhdl(total, partly); end\n"
        f"{body}\nendmodule\n"
    )
    iverilog, vvp, _ = find_icarus()
    run_tool([iverilog, "-g2005", "-o", "design.vvp", "design.v"], folder=folder)
    vpi = vpi_module()
    command = [str(vvp), "-n", "-M", str(vpi.parent), "-m", vpi.stem, str(folder / "design.vvp")]
    bench = Bench(command, PORTS, on_edge)
    try:
        yield bench
    finally:
        bench.close()


def test_on_edge_sees_the_values_before_an_edge_and_sets_those_of_the_next(tmp_path):
    seen = []

    def on_edge():
        seen.append(int(bench.signals["total"].val))
        bench.signals["step"].next = len(seen)

    with open_bench(tmp_path, COUNTER, on_edge) as bench:
        bench.step(1)
        assert seen == [0]
        bench.step(5)
    assert seen == [0, 0, 1, 3, 6, 10]  # step n is added by edge n + 1


def test_outputs_without_a_value_are_named_and_read_0(tmp_path):
    body = COUNTER + " always @(posedge clock) if (step == 1) partly <= 5;"
    with open_bench(tmp_path, body) as bench:
        bench.step(1)
        assert bench.unknown == {"partly"}
        assert bench.signals["partly"].val == 0
        bench.signals["step"].next = 1
        bench.step(2)
        assert bench.unknown == set()
        assert bench.signals["partly"].val == 5


def test_a_design_that_ends_the_simulation_is_an_error_with_its_last_words(tmp_path, capfd):
    with open_bench(tmp_path, ENDS) as bench:
        bench.step(3)
        bench.signals["step"].next = 9
        with pytest.raises(SimulatorError, match=r"vvp ended.*enough"):
            bench.step(3)
        with pytest.raises(SimulatorError, match="the simulation has ended"):
            bench.step(1)
    assert capfd.readouterr() == ("", "")


def test_a_lost_process_is_an_error_and_frees_the_simulator(tmp_path):
    with open_bench(tmp_path, COUNTER) as bench:
        bench._vvp._child.kill()
        with pytest.raises(SimulatorError, match="vvp ended"):
            bench.step(1)
    with open_bench(tmp_path, COUNTER) as bench:
        bench.step(1)


def test_a_design_that_hangs_is_ended_within_bounds(tmp_path, monkeypatch):
    monkeypatch.setattr(bench_module, "REPLY_SECONDS", 0.3)
    monkeypatch.setattr(bench_module, "_CLOSE_SECONDS", 0.1)
    start = time.monotonic()
    with open_bench(tmp_path, HANGS) as bench:
        child = bench._vvp._child
        bench.signals["step"].next = 9
        with pytest.raises(TargetTimeout, match=r"waited 0\.3 s for vvp to step once"):
            bench.step(3)
    assert time.monotonic() - start < 10
    assert child.returncode is not None


def test_another_file_than_a_simulation_is_an_error_and_frees_the_simulator(tmp_path):
    (tmp_path / "design.vvp").write_text("nonsense\n")
    _, vvp, _ = find_icarus()
    with pytest.raises(SimulatorError, match=r"vvp does not start \(.*\)"):
        Bench([str(vvp), "-n", str(tmp_path / "design.vvp")], PORTS, lambda: None)
    with open_bench(tmp_path, COUNTER) as bench:
        bench.step(1)


def test_a_second_bench_is_refused_until_the_first_is_closed(tmp_path):
    before = len(_simulator._signals)
    refused = pytest.raises(TargetError, match="MyHDL allows one; close that target first")
    for _ in range(2):
        with open_bench(tmp_path, COUNTER) as bench:
            child = bench._vvp._child
            with refused, open_bench(tmp_path, COUNTER):
                pass
            bench.close()
        assert child.returncode is not None  # reaped: no zombie
        assert len(_simulator._signals) == before
