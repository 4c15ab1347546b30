"""benchmarks/synthesis.py: counts, clocks and marks from what the tools write."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "benchmarks"

CORE = """\
module myvta_core (
    clock,
    reset,
    first,
    second,
    wide
);

input clock;
input reset;
input [15:0] first;
input second;
output [31:0] wide;
wire [31:0] wide;
output third;
reg third;
endmodule
"""

LOG = """\
Info: Max frequency for clock '$glbnet$clock': 61.00 MHz (FAIL at 80.00 MHz)
Info: Critical path report for clock '$glbnet$clock' (posedge -> posedge):
Info:       type curr  total name
Info:   clk-to-q  0.52  0.52 Source early.Q
Info:      setup  0.00  9.00 Sink early_end.DI
Info: Max frequency for clock '$glbnet$clock': 84.25 MHz (PASS at 80.00 MHz)
Info: Critical path report for clock '$glbnet$clock' (posedge -> posedge):
Info:   clk-to-q  0.52  0.52 Source memory.DOA0
Info:    routing  1.10  1.62 Net n1 (1,1) -> (2,2)
Info:                         Sink middle.A
Info:      logic  0.24  1.86 Source middle.F
Info:      setup  0.00  2.00 Sink result.DI
Info: Critical path report for async path:
Info:   source  0.00  0.00 Source pin.O
Info:      setup  0.00  2.00 Sink other.DI
"""


@pytest.fixture(scope="module")
def synthesis():
    sys.path.insert(0, str(FOLDER))
    try:
        spec = importlib.util.spec_from_file_location("synthesis", FOLDER / "synthesis.py")
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules["synthesis"] = module  # where dataclasses look their annotations up
        spec.loader.exec_module(module)
        yield module
    finally:
        sys.modules.pop("synthesis", None)
        sys.path.remove(str(FOLDER))


def test_frame_shifts_every_port_but_clock_and_reset(synthesis):
    text = synthesis.frame(CORE)
    assert "reg [16:0] inputs;" in text
    assert "reg [32:0] seen;" in text
    for connection in (
        ".clock(clock)", ".reset(reset)", ".first(inputs[15:0])", ".second(inputs[16:16])",
        ".wide(outputs[31:0])", ".third(outputs[32:32])",
    ):
        assert connection in text


def test_stat_is_that_of_the_core_alone(synthesis):
    stat = {"modules": {
        "\\myvta_core": {"num_cells_by_type": {"LUT4": 7, "CCU2C": 3}},
        "\\myvta_frame": {"num_cells_by_type": {"LUT4": 100}},
    }}
    assert synthesis.parse_stat(json.dumps(stat), "myvta_core") == {"LUT4": 7, "CCU2C": 3}


def test_clock_and_path_are_the_last_ones(synthesis):
    assert synthesis.parse_log(LOG) == (84.25, "memory.DOA0 -> result.DI")


def test_a_log_without_clock_is_an_error(synthesis):
    with pytest.raises(synthesis.ToolError, match="unable to place"):
        synthesis.parse_log("ERROR: unable to place cell")


def test_cells_are_counted_by_kind(synthesis):
    result = synthesis.Result(
        "default", "7-series",
        {"LUT6": 10, "LUT2": 5, "RAM32M": 2, "RAMB36E1": 3, "RAMB18E1": 3, "DSP48E1": 4, "FDRE": 9,
         "CARRY4": 50},
        256,
    )
    assert [result.count(kind) for kind in ("lut", "ff", "bram", "dsp")] == [23, 9, 4.5, 4]
    assert "23      9" in synthesis.table([result])


@pytest.mark.parametrize(
    ("cells", "missed"),
    [
        ({"LUT6": 35_000, "DSP48E1": 220, "RAMB36E1": 140}, []),
        ({"LUT6": 35_001, "DSP48E1": 220}, ["LUT"]),
        ({"DSP48E1": 221, "RAMB36E1": 140, "RAMB18E1": 1}, ["DSP48E1", "BRAM36"]),
    ],
)
def test_marks_of_the_device(synthesis, cells, missed):
    result = synthesis.Result("default", "7-series", cells, 256)
    assert [m.name.split()[-1] for m in synthesis.wanted(result) if not m.met] == missed


@pytest.mark.parametrize(
    ("mhz", "missed", "met"),
    [
        ({1: 90.0, 2: 80.0, 3: 85.0}, [], [True, True]),
        ({1: 90.0, 2: 79.9, 3: 85.0}, [2], [False, False]),
        ({1: 90.0, 2: 81.0}, [2], [True, False]),  # an error of the tool that is not the clock
    ],
)
def test_the_worst_seed_decides(synthesis, mhz, missed, met):
    result = synthesis.Result("1x8x8", "ECP5", {}, 64, mhz=mhz, missed=missed)
    assert [mark.met for mark in synthesis.wanted(result)] == met
