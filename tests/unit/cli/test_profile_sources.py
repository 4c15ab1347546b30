"""Reports by source: the timing model, the recorded RTL, and targets that count no cycles."""

from __future__ import annotations

from pathlib import Path

import pytest
from assembly_texts import PRODUCT, product_arrays

from myvta.cli.input_errors import InputError
from myvta.cli.profile_page import ProfileReport
from myvta.cli.profile_plots import plots_of
from myvta.cli.profile_sources import Loaded, MeasuredRun, measured_report, predicted_report
from myvta.driver.program.assembly_program import assembly_program
from myvta.driver.run.program_runner import LoadedProgram
from myvta.isa.asm.assembler import assemble
from myvta.isa.config import named


def measure(url: str, timelines: bool = True) -> ProfileReport:
    """Measure :data:`PRODUCT`."""
    assembly = assembly_program(assemble(PRODUCT), "a.s", product_arrays())
    return measured_report(MeasuredRun(
        program=assembly.program, url=url, timeout=60.0, timelines=timelines,
        load=lambda target: Loaded(LoadedProgram(assembly.program, target), assembly.inputs),
    ), 50.0)


def test_prediction_names_the_memory_latency() -> None:
    report = predicted_report(assembly_program(assemble(PRODUCT), "a.s").program, 64, 50.0)
    assert report.source == report.timelines_source == (
        "predicted by the timing model for a memory latency of 64")
    assert report.profile.cycles == report.timelines[0].cycles
    assert not report.profile.measured


@pytest.mark.icarus
def test_simulated_rtl_records_its_instructions() -> None:
    report = measure("icarus://?latency=3")
    assert report.source == "measured on icarus://?latency=3"
    assert report.timelines_source == "recorded from the RTL"
    (timeline,) = report.timelines
    assert [bar.index for bar in timeline.bars] == list(range(6))
    assert timeline.cycles == report.profile.cycles
    assert report.profile.measured


@pytest.mark.icarus
def test_without_a_report_nothing_is_recorded() -> None:
    report = measure("icarus://", timelines=False)
    assert report.timelines == () and report.profile.timed


def device_with(counters: str, folder: Path) -> str:
    """Return the URL of a simulated device with other counters."""
    path = folder / f"{counters}.json"
    path.write_text(named("1x4x4").replace(counters=counters).to_json())
    return f"icarus://?config={path}"


@pytest.mark.icarus
def test_a_device_that_counts_no_causes_shows_the_rest(tmp_path: Path) -> None:
    report, complete = measure(device_with("basic", tmp_path)), measure("icarus://")
    assert report.source.endswith(", which counts no cycles by cause")
    assert not report.profile.has_causes and complete.profile.has_causes
    assert [row.cycles for row in report.profile.rows] == [
        row.cycles for row in complete.profile.rows]
    assert [row.counters for row in report.profile.rows] == [
        row.counters for row in complete.profile.rows]
    assert set(plots_of(report.profile)) == {"roofline", "traffic"}


@pytest.mark.icarus
def test_a_device_without_counters_is_refused_before_it_runs(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no counters of bytes and steps .*'none'.* --predict"):
        measure(device_with("none", tmp_path))


def test_a_target_without_cycles_is_refused() -> None:
    with pytest.raises(InputError, match="model:// counts no cycles: use verilator.* --predict"):
        measure("model://")
