"""benchmarks/asic.py: areas, the netlist for OpenSTA and its report."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks"

LIBERTY = """\
library (cells) {
  lu_table_template (delay) { index_1 ("0.1, 0.2"); }
  /* ----------- */
  cell (INVX1) {
    cell_footprint : inv;
    area : 16;
    pin(A) { direction : input; }
  }
  cell (DFFPOSX1) {
    area : 96.5;
  }
}
"""
MODULE = {
    "ports": {"clock": {"bits": [2]}, "data": {"bits": [3]}},
    "netnames": {
        "clock": {"bits": [2]}, "state": {"bits": [5, 6]}, "$abc$1": {"bits": [4], "hide_name": 1},
        "done": {"bits": [7]},
    },
    "cells": {
        "i1": {"type": "INVX1", "connections": {"A": [3], "Y": [4]}},
        "i2": {"type": "INVX1", "connections": {"A": ["x"], "Y": [8]}},
        "box": {"type": "myvta_memory", "connections": {"RD_DATA": [3, 9]}},
        "f1": {"type": "DFFPOSX1", "connections": {"CLK": [2], "D": [4], "Q": [6]}},
        "f2": {"type": "DFFPOSX1", "connections": {"CLK": [2], "D": ["1"], "Q": [7]}},
    },
}
REPORT = """\
Startpoint: c2 (rising edge-triggered flip-flop clocked by clock)
Endpoint: c3 (rising edge-triggered flip-flop clocked by clock)
Path Group: clock
Path Type: max

   Delay     Time   Description
-----------------------------------------------------------
   0.000    0.000   clock clock (rise edge)
   0.000    0.000   clock network delay (ideal)
   0.000    0.000 ^ c2/CLK (DFFPOSX1)
   0.300    0.300 ^ c2/Q (DFFPOSX1)
   1.200    1.500 v c0/Y (INVX1)
   2.750    4.250 ^ c1/Y (INVX1)
   0.000    4.250 ^ c3/D (DFFPOSX1)
            4.250   data arrival time

   5.000    5.000   clock clock (rise edge)
   0.000    5.000   clock network delay (ideal)
            5.000 ^ c3/CLK (DFFPOSX1)
  -0.250    4.750   library setup time
            4.750   data required time
-----------------------------------------------------------
            4.750   data required time
           -4.250   data arrival time
-----------------------------------------------------------
            0.500   slack (MET)
"""


@pytest.fixture(scope="module")
def asic():
    sys.path.insert(0, str(FOLDER))
    try:
        spec = importlib.util.spec_from_file_location("asic", FOLDER / "asic.py")
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules["asic"] = module
        spec.loader.exec_module(module)
        yield module
    finally:
        for name in ("asic", "synthesis", "synthesis_tools", "blocks"):
            sys.modules.pop(name, None)
        sys.path.remove(str(FOLDER))


def test_areas_are_read_from_the_library(asic):
    assert asic.areas(LIBERTY) == {"INVX1": 16, "DFFPOSX1": 96.5}


def test_the_netlist_for_timing_has_the_library_s_cells_and_no_memory(asic):
    text, names = asic.timing_netlist(MODULE, {"INVX1", "DFFPOSX1"})
    assert text.splitlines() == [
        "module core (clock);",
        "input clock;",
        "INVX1 c0 (.A(n3), .Y(n4));",
        "INVX1 c1 (.A(1'b0), .Y(n8));",
        "DFFPOSX1 c2 (.CLK(clock), .D(n4), .Q(n6));",
        "DFFPOSX1 c3 (.CLK(clock), .D(1'b1), .Q(n7));",
        "endmodule",
    ]
    assert names == ["i1", "i2", "f1", "f2"]


def test_a_net_of_many_sinks_has_a_tree_of_buffers(asic, monkeypatch):
    monkeypatch.setattr(asic, "FANOUT", 2)
    cells = {
        f"i{n}": {"type": "INVX1", "connections": {"A": [3], "Y": [4 + n]}} for n in range(5)
    }
    module = {"ports": {"clock": {"bits": [2]}}, "cells": cells}
    text, _ = asic.timing_netlist(module, {"INVX1"})
    drivers = dict(re.findall(r"^\w+ (\w+) \(\.A\((\w+)\)", text, re.M))
    assert [drivers[f"c{n}"] for n in range(5)] == ["b0", "b0", "b1", "b1", "b2"]
    assert [drivers[f"x{n}"] for n in range(5)] == ["b3", "b3", "b4", "n3", "n3"]


def test_the_worst_path_includes_setup_and_names_its_registers(asic):
    _, names = asic.timing_netlist(MODULE, {"INVX1", "DFFPOSX1"})
    path = asic.parse_path(REPORT, asic.register_names(MODULE, names))
    assert path == asic.WorstPath(4.5, "state[1]", "done", 2)


@pytest.mark.parametrize("text", ["No paths found.\n", REPORT.replace("setup time", "")])
def test_a_report_without_a_path_is_an_error(asic, text):
    with pytest.raises(asic.ToolError, match="OpenSTA reports no path: "):
        asic.parse_path(text, str)
