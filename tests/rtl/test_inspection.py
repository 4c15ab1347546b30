"""inspection: MyHDL sees the same call stack, sources and conversion, with less work."""

import inspect
import os
import subprocess
import sys
import traceback

import pytest
from myhdl import _util, _Waiter

from myvta.rtl.inspection import cache_inspection


@pytest.fixture
def fresh_inspect(monkeypatch):
    """Let the test replace functions of inspect; afterwards all is as before."""
    monkeypatch.setattr(inspect, "stack", None)
    for module, name in (
        (inspect, "getsource"), (inspect, "getsourcelines"), (_util, "_dedent"),
        (_Waiter, "_dedent"),
    ):
        monkeypatch.setattr(module, name, getattr(module, name))


def test_stack_equals_a_traceback(fresh_inspect):
    cache_inspection()

    def called():
        return inspect.stack(), traceback.extract_stack()

    frames, expected = called()
    shown = [(filename, function) for _, filename, _, function, *_ in frames]
    assert shown == [(entry.filename, entry.name) for entry in reversed(expected)]
    frame, _, line, name, *_ = frames[1]
    assert name == "test_stack_equals_a_traceback" and frame is inspect.currentframe()
    assert line == expected[-2].lineno


@pytest.mark.parametrize("function", ["getsource", "getsourcelines"])
def test_source_of_each_process_is_read_once(function, fresh_inspect, monkeypatch):
    read = []

    def get(thing):
        read.append(thing)
        return f"source of {thing.__name__}"

    def elaborate():
        def process():
            pass

        return process

    monkeypatch.setattr(inspect, function, get)
    cache_inspection()
    once = getattr(inspect, function)
    first, second = elaborate(), elaborate()
    assert {once(process) for process in (first, second)} == {"source of process"}
    assert once(elaborate) == "source of elaborate"
    assert read == [first, elaborate]


CONVERSION = """
import sys
from myhdl import ResetSignal, Signal
from myvta.rtl.inspection import cache_inspection
from myvta.rtl.lib.bundles import Stream
from myvta.rtl.lib.queue import queue

if sys.argv[2] == "cached":
    cache_inspection()
top = queue(
    Signal(False), ResetSignal(0, active=1, isasync=False), Stream(8), Stream(8), width=8, depth=4,
)
top.convert(
    hdl="Verilog", path=sys.argv[1], name=sys.argv[2], testbench=False, no_myhdl_header=True,
    initial_values=False,
)
"""


def test_conversion_gives_the_same_bytes(tmp_path):
    texts = []
    script = tmp_path / "conversion.py"  # MyHDL reads the source
    script.write_text(CONVERSION)
    for name in ("plain", "cached"):
        subprocess.run(
            [sys.executable, script, tmp_path, name], check=True, timeout=60,
            env={**os.environ, "PYTHONHASHSEED": "0"},  # MyHDL writes out sets of names
        )
        texts.append((tmp_path / f"{name}.v").read_text().replace(name, "top"))
    assert "module top" in texts[0] and texts[0] == texts[1]
