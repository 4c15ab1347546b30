"""Tables of the benchmarks: within 80 columns of a terminal, complete in a pipe."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from myvta.isa.config import NAMED

FOLDER = Path(__file__).parents[2] / "benchmarks"
CYCLES = 1_234_567
LAYER = "mobilenet_v1_pointwise_12_with_a_long_name"


def load(name: str) -> ModuleType:
    """Import a benchmark, which imports its neighbours."""
    spec = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # its dataclasses look for it there
    spec.loader.exec_module(module)
    return module


def print_networks(module: ModuleType) -> None:
    """Print a layer whose numbers are as wide as those of ResNet-50."""
    performance = dict.fromkeys(("COMPUTE_BUSY", "COMPUTE_TOKEN", "COMPUTE_READ"), CYCLES)
    row = SimpleNamespace(
        name=LAYER, cycles=CYCLES, utilization=1.0, performance=performance, bytes=99_999_999,
        compulsory_bytes=99_999_999, ideal_steps=CYCLES, where="accelerator")
    profile = SimpleNamespace(launches=[row], rows=[row], cycles=CYCLES)
    module.table(SimpleNamespace(
        name="resnet50", config="default", latency=64, layers=profile, whole=profile,
        compile_seconds=1.0, seconds=1.0, model_seconds=1.0))


def print_rtl_cycles(module: ModuleType) -> None:
    """Print the longest case at every memory."""
    name = "fetch, 512 GEMMs of 4 steps, compute without instruction"
    mark = module.marks.Mark(name, CYCLES, CYCLES, "cycles")
    module.table({memory: [mark] for memory in module.MEMORIES}, 256)


def print_schedules(module: ModuleType) -> None:
    """Print ResNet-18's convolutions, each with the same cycles."""
    layers = module.conv_layers.conv_layers("resnet18")[1:3]
    isolated = SimpleNamespace(stream=SimpleNamespace(config=NAMED["default"], instructions=()))
    streams = {name: [isolated] * 2 for name in ("default", "base", "off")}
    cycles = {(name, latency): [CYCLES] * 2 for name in streams for latency in (1, 64)}
    module.table(layers, streams, cycles)


def print_timing_model(module: ModuleType) -> None:
    """Print a prediction."""
    rows = [(LAYER, 128, 64, CYCLES, CYCLES, CYCLES, -12.3)]
    module.Comparison(rows, seconds=1.0, instructions=CYCLES).show()


TABLES: dict[str, Callable[[ModuleType], None]] = {
    "networks": print_networks, "rtl_cycles": print_rtl_cycles, "schedules": print_schedules,
    "timing_model": print_timing_model,
}


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Callable[[], None]:
    """Return a function that prints a benchmark's table."""
    monkeypatch.syspath_prepend(FOLDER)
    module = load(request.param)
    return lambda: TABLES[request.param](module)


@pytest.mark.parametrize("table", TABLES, indirect=True)
def test_tables_fit_80_columns(
    table: Callable[[], None], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    table()
    rows = [line for line in capsys.readouterr().out.splitlines() if "published: " not in line]
    assert len(rows) >= 3
    assert [line for line in rows if len(line) > 80] == []
    assert any(str(CYCLES) in line for line in rows)


@pytest.mark.parametrize("table", TABLES, indirect=True)
def test_tables_in_a_pipe_have_one_line_per_row(
    table: Callable[[], None], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    table()
    _, headings, row, *_ = capsys.readouterr().out.splitlines()
    assert len(row) <= len(headings)
    assert "..." not in row
    assert str(CYCLES) in row
