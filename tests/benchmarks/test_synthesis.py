"""benchmarks/synthesis.py: counts, clocks and marks from the output of the tools."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path

import pytest

from myvta.isa.config import NAMED

FOLDER = Path(__file__).parents[2] / "benchmarks"

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

def report(mhz):
    def path(first, last, **ends):
        segments = [
            {"type": "clk-to-q", "from": first, "to": first},
            {"type": "routing", "from": first, "to": last},
            {"type": "setup", "from": last, "to": last},
        ]
        return {**ends, "path": segments}

    return json.dumps({
        "fmax": {"clock": {"achieved": mhz, "constraint": 80}} if mhz else {},
        "critical_paths": [
            path({"cell": "pin", "port": "O"}, {"cell": "other", "port": "DI"},
                 **{"from": "<async>", "to": "posedge clock"}),
            path({"cell": "memory", "port": "DOA0"}, {"cell": "result", "port": "DI"},
                 **{"from": "posedge clock", "to": "posedge clock"}),
        ],
    })


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
        for name in ("synthesis", "synthesis_tools", "blocks"):
            sys.modules.pop(name, None)
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


def test_statistics_are_of_the_core_alone(synthesis):
    stat = {"modules": {
        "\\myvta_core": {"num_cells_by_type": {"LUT4": 7, "CCU2C": 3}},
        "\\myvta_frame": {"num_cells_by_type": {"LUT4": 100}},
    }}
    assert synthesis.parse_stat(json.dumps(stat), "myvta_core") == {"LUT4": 7, "CCU2C": 3}


def test_clock_is_unrounded_and_the_path_its_own(synthesis):
    assert synthesis.parse_report(report(79.996)) == (79.996, "memory.DOA0 -> result.DI")


def test_a_report_without_clock_is_an_error(synthesis):
    with pytest.raises(synthesis.ToolError, match="no clock"):
        synthesis.parse_report(report(None))


def test_the_latest_arrival_is_read_in_ns(synthesis):
    text = "Warning: no arcs!\nLatest arrival time in 'myvta_core' is 5450:\n    5450 mul (X)\n"
    assert synthesis.parse_arrival(text) == 5.45
    with pytest.raises(synthesis.ToolError, match="no arrival time: Warning"):
        synthesis.parse_arrival("Warning: no arcs!\n")


@pytest.mark.parametrize(("mhz", "missed"), [(80.0, False), (79.996, True)])
def test_a_seed_below_the_constraint_is_missed(
    synthesis, monkeypatch, tmp_path, capsys, mhz, missed
):
    def convert(config, folder):
        (folder / "core.v").write_text(CORE)
        return folder / "core.v"

    def synthesize(folder, script, module):
        (folder / "frame.json").write_text(json.dumps(
            {"modules": {"myvta_frame": {"ports": {}, "cells": {}}}}))
        return {"TRELLIS_FF": 5}

    def run(tool, *arguments, folder):
        (folder / "report.json").write_text(report(mhz))
        return 0, ""

    for name, fake in {"convert": convert, "synthesize": synthesize, "run": run}.items():
        monkeypatch.setattr(synthesis, name, fake)
    result = synthesis.ecp5("1x8x8", NAMED["1x8x8"], tmp_path, (4,))
    assert result.mhz == {4: mhz}
    assert ("MISSED" in capsys.readouterr().out) == missed


@pytest.mark.slow
def test_failing_tool_is_an_error(synthesis, monkeypatch, tmp_path):
    def synthesize(folder, script, module):
        (folder / "frame.json").write_text(json.dumps(
            {"modules": {"myvta_frame": {"ports": {}, "cells": {}}}}))
        return {"TRELLIS_FF": 5}

    monkeypatch.setattr(synthesis, "synthesize", synthesize)
    monkeypatch.setattr(synthesis, "run", lambda *_, **__: (1, "Info: x\nERROR: no place\n"))
    with pytest.raises(synthesis.ToolError, match="seed 4: ERROR: no place"):
        synthesis.ecp5("1x4x4", NAMED["1x4x4"], tmp_path, (4,))


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
    ("config", "cells", "missed"),
    [
        ("default", {"LUT6": 38_000, "DSP48E1": 220, "RAMB36E1": 140}, []),
        ("default", {"LUT6": 38_001, "DSP48E1": 220}, ["LUT"]),
        ("default", {"DSP48E1": 221, "RAMB36E1": 140, "RAMB18E1": 1}, ["DSP48E1", "RAMB36"]),
        ("lean", {"LUT6": 27_001}, ["LUT"]),
        ("base", {"LUT6": 20_001}, ["LUT"]),
        ("1x4x4", {"LUT6": 99_999}, []),
    ],
)
def test_configurations_have_their_own_marks(synthesis, config, cells, missed):
    result = synthesis.Result(config, "7-series", cells, 256)
    assert [m.name.split()[-1] for m in synthesis.required(result) if not m.met] == missed


@pytest.mark.parametrize(
    ("mhz", "met"),
    [({1: 90.0, 2: 80.0, 3: 85.0}, True), ({1: 90.0, 2: 79.996, 3: 85.0}, False)],
)
def test_the_worst_seed_decides(synthesis, mhz, met):
    result = synthesis.Result("1x8x8", "ECP5", {"LUT4": 24_000}, 64, mhz=mhz)
    assert [mark.met for mark in synthesis.required(result)] == [True, met]


def test_luts_of_ecp5_have_a_mark_without_routing(synthesis):
    result = synthesis.Result("1x8x8", "ECP5", {"LUT4": 24_001}, 64)
    assert [mark.met for mark in synthesis.required(result)] == [False]


def test_a_configuration_file_is_mapped(synthesis, monkeypatch, tmp_path, capsys):
    mapped = []

    def xilinx(name, config, folder):
        mapped.append((config, folder))
        return synthesis.Result(name, "7-series", {"LUT6": 64}, config.macs_per_step)

    file = tmp_path / "own.json"
    file.write_text(NAMED["1x4x4"].to_json())
    monkeypatch.setattr(synthesis, "xilinx", xilinx)
    monkeypatch.setattr(synthesis, "version", lambda name: "1")
    monkeypatch.setattr(sys, "argv", [
        "synthesis.py", "--xilinx", str(file), "--ecp5", "--keep", str(tmp_path / "kept")])
    assert synthesis.main() == 0
    (((config, folder)),) = mapped
    assert config.canonical == NAMED["1x4x4"].canonical
    assert folder.parent == tmp_path / "kept" and folder.is_dir()
    assert f"{config.name:<10}  7-series" in capsys.readouterr().out
