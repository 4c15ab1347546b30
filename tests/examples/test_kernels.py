"""The hand-written kernels: equal to plain numpy on the model and on the RTL, and their timelines.

Their page shows drawings of the prediction, which the RTL must confirm.
"""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from myvta.cosim.event_log import read_events
from myvta.driver.program.assembly_program import AssemblyProgram, assembly_program
from myvta.driver.run.prediction import predict_program
from myvta.driver.run.program_runner import run_program
from myvta.driver.target.open_target import open_target
from myvta.isa.asm.assembler import assemble_file

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "examples" / "kernels"
BOUND = 0.01
"""Of the cycles of a launch: the timing model's error."""
SLACK = 8
"""Cycles that a bar may be off in addition."""
STARTUP = 16
"""Cycles that the first product may be off: before it both engines load through one port."""


def load_example(name: str) -> ModuleType:
    """Import a file of the folder, which is no package."""
    spec = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


kernels = load_example("kernels")
each_kernel = pytest.mark.parametrize("name", list(kernels.KERNELS))


def assembled(name: str, seed: int) -> tuple[AssemblyProgram, dict[str, np.ndarray]]:
    """Return a kernel's program with its memory, and the results of numpy."""
    kernel = kernels.KERNELS[name]
    arrays = kernel.arrays(seed)
    return assembly_program(assemble_file(kernel.text), name, arrays), kernel.results(arrays)


def run(name: str, url: str, seed: int) -> int:
    """Run a kernel, compare its results, and return its cycles."""
    assembly, expected = assembled(name, seed)
    with open_target(url, assembly.program.config) as target:
        result = run_program(assembly.program, target, assembly.inputs)
    assert set(result.outputs) == set(expected)
    for buffer, values in result.outputs.items():
        np.testing.assert_array_equal(values.reshape(-1), expected[buffer].reshape(-1), buffer)
        assert len(np.unique(values)) > 16, "results that tell errors apart"
    ((_, report),) = result.reports
    assert not report.warnings
    return int(report.cycles)


def test_the_table_s_entries_are_used_on_both_sides_of_zero() -> None:
    kernel = kernels.KERNELS["silu"]
    arrays = kernel.arrays(1)
    sums = arrays["a"].reshape(64, 16) @ kernels.tiles_to_weights(arrays["w"]).T
    before = kernels.requantize(sums, arrays["params"])
    assert before.min() < -100 and before.max() > 100


def test_attention_in_integers_is_close_to_real_numbers() -> None:
    arrays = kernels.attention_arrays(1)
    output = kernels.attention_results(arrays)["o"].swapaxes(0, 1).reshape(16, 16)
    exact = kernels.exact_attention(arrays)
    assert np.abs(output - exact).max() < 1
    assert exact.std() > 5


@each_kernel
@pytest.mark.parametrize("seed", [1, 2])
def test_results_on_the_model_are_numpy_s(name: str, seed: int) -> None:
    run(name, "model://", seed)


@each_kernel
@pytest.mark.slow
@pytest.mark.icarus
def test_results_and_timeline_on_the_rtl_are_the_predicted_ones(name: str, tmp_path: Path) -> None:
    cycles = run(name, f"icarus://?events={tmp_path / 'events'}", 3)
    profile, (timeline,) = predict_program(assembled(name, 3)[0].program)
    (events,) = read_events(tmp_path / "events")
    first = next(bar for bar in timeline.bars if bar.name in ("gemm", "dwc"))
    shift = events.start[first.index] - first.start
    assert abs(shift) <= STARTUP
    assert abs(profile.cycles + shift - cycles) <= BOUND * cycles
    order = sorted((bar for bar in timeline.bars if bar.start >= first.start),
                   key=lambda bar: bar.start)
    for bar in order:
        for expected, actual in ((bar.start, events.start), (bar.end, events.end)):
            assert abs(actual[bar.index] - shift - expected) <= BOUND * cycles + SLACK, bar
    for token in timeline.tokens:
        assert events.end[token.source] <= events.start[token.sink], token
    for before, after in zip(order, order[1:], strict=False):
        if after.start - before.start > 2 * SLACK:
            assert events.start[before.index] < events.start[after.index], (before, after)


@each_kernel
def test_page_shows_the_text_and_a_drawing_of_all_its_instructions(name: str) -> None:
    page = (ROOT / "docs" / "kernels.md").read_text(encoding="utf-8")
    assert f"[{name}.s](../examples/kernels/{name}.s)" in page
    assert f"kernels/{name}.svg" in page
    drawing = (ROOT / "docs" / "kernels" / f"{name}.svg").read_text(encoding="utf-8")
    program = assembled(name, 1)[0].program
    assert len(re.findall('<g class="bar ', drawing)) == program.launches[0].count


def test_drawings_are_those_of_the_script(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(FOLDER))
    draw = load_example("draw")
    text = draw.drawing(kernels.KERNELS["gemm"].text)
    assert text.startswith("<svg ") and text.count('<g class="bar ') == 24
