"""Rows of a dump as text and as plain data."""

from __future__ import annotations

import json

import numpy as np

from myvta.compiler.pipeline.dump import DumpRow, dump_json, dump_text

ROWS = [
    DumpRow("input", "Input", facts={"shape": (1, 3)}),
    DumpRow("conv0", "Conv", ("input", ""), ("y",), {
        "weight": np.zeros((4, 3, 3, 3), np.int8), "shift": np.array([1, 2]),
        "scale": np.float64(0.5), "reason": "two words", "attrs": {"group": 1}}),
]


def test_text_has_a_line_for_each_row() -> None:
    assert dump_text(ROWS) == (
        "input: Input shape=[1,3]\n"
        "conv0: Conv input,  -> y weight=int8[4x3x3x3] shift=[1,2] scale=0.5 "
        'reason="two words" attrs={group:1}\n')


def test_json_is_plain_data() -> None:
    plain = dump_json(ROWS)
    assert json.loads(json.dumps(plain)) == plain
    assert plain[1] == {
        "name": "conv0", "op": "Conv", "inputs": ["input", ""], "outputs": ["y"],
        "weight": "int8[4x3x3x3]", "shift": [1, 2], "scale": 0.5, "reason": "two words",
        "attrs": {"group": 1}}
