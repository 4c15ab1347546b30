"""benchmarks/blocks.py: cells of a small netlist by block, and the table of them."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections import Counter
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks"

VERILOG = """\
module myvta_core (
reg [1:0] queue_data;
wire [1:0] load_fields;
reg engine_state;
wire take_low;
reg [7:0] ram_words [0:3];
"""
BLOCKS = {
    "core": {"drives": [], "nets": {"data": "queue_data"}},
    "queue0": {"drives": ["queue_data"], "nets": {}},
    "load0.load_fields0": {"drives": ["load_fields"], "nets": {}},
    "load0.engine0": {"drives": ["engine_state"], "nets": {"engine.all": "engine_joined"}},
    "load0.engine0.ram12_0": {"drives": ["ram_words"], "nets": {}},
    "load0.engine0.split0.take3": {"drives": ["take_low"], "nets": {}},
}


def cell(kind, inputs, output):
    return {
        "type": kind, "port_directions": {"I": "input", "O": "output"},
        "connections": {"I": inputs, "O": output},
    }


NETLIST = {
    "netnames": {
        "queue_data": {"bits": [10, 11]}, "load_fields": {"bits": [10, 11]},
        "engine_state": {"bits": [12]}, "take_low": {"bits": [13]},
        "engine_joined": {"bits": [14]}, "$auto$1": {"bits": [15, 16, 17]},
    },
    "cells": {
        "a": cell("FDRE", [15], [10]),  # queue_data, a register, rather than load_fields
        "b": cell("FDRE", [15], [11]),
        "c": cell("FDRE", [16, 17], [12]),
        "d": cell("LUT6", [14], [13]),  # wired by engine's split
        "e": cell("LUT2", [13, "1"], [14]),  # a concatenation that engine sees
        "f": cell("LUT3", [14, 14], [15]),  # feeds both registers of the queue
        "g": cell("LUT3", [20], [16]),
        "h": cell("LUT3", [18], [17]),
        "i": cell("LUT4", [12], [18]),  # feeds h, which feeds engine_state
        "j": cell("LUT5", [19], [19]),  # a loop that feeds nothing
        "ram_words.0.0": cell("RAMB18E1", [12], [20]),
        "k": cell("BUFG", [], [21]),
    },
}


@pytest.fixture(scope="module")
def blocks():
    spec = importlib.util.spec_from_file_location("blocks", FOLDER / "blocks.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["blocks"] = module
    spec.loader.exec_module(module)
    yield module
    sys.modules.pop("blocks", None)


@pytest.fixture
def usage(blocks, tmp_path):
    verilog = tmp_path / "myvta_core.v"
    verilog.write_text(VERILOG)
    (tmp_path / "myvta_core.map.json").write_text(json.dumps({"blocks": BLOCKS}))
    return blocks.by_block(NETLIST, verilog, blocks.fpga_amounts)


def test_a_cell_belongs_to_the_block_that_drives_its_net_or_else_to_its_sinks(usage):
    assert usage == {
        ("queue",): {"ff": 2, "lut": 1},
        ("load", "engine"): {"ff": 1, "lut": 5},
        ("load", "engine", "ram"): {"bram": 0.5},
        ("(no name)",): {"lut": 1},
    }


def test_a_net_of_a_register_and_of_a_wire_belongs_to_the_register(usage):
    assert ("load", "load_fields") not in usage


def test_small_blocks_are_counted_in_the_block_around_them_and_totals_stay(blocks):
    usage = {
        ("a",): Counter(lut=50), ("a", "b"): Counter(lut=3), ("a", "b", "c"): Counter(lut=2),
        ("a", "b", "d"): Counter(dsp=1), ("e",): Counter(lut=1), ("f", "g"): Counter(lut=44),
    }
    assert blocks.fold(usage, 0.06) == {
        ("a",): {"lut": 50}, ("a", "b"): {"lut": 5}, ("a", "b", "d"): {"dsp": 1},
        ("e",): {"lut": 1}, ("f",): {}, ("f", "g"): {"lut": 44},
    }
    assert usage["a", "b"] == {"lut": 3}


def test_the_table_is_indented_and_ends_in_the_totals(blocks):
    rows = {("f",): Counter(), ("f", "g"): Counter(lut=4400, bram=2.5), ("a",): Counter(lut=1)}
    assert blocks.show(rows, {"lut": "LUT", "bram": "RAMB36"}).splitlines() == [
        "block       LUT    RAMB36",
        "-----  --------  --------",
        "a             1         -",
        "f             -         -",
        "  g       4,400       2.5",
        "total     4,401       2.5",
    ]
