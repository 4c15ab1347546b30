"""Plots of a profile: names, reproducible bytes, and the error without matplotlib."""

from __future__ import annotations

import sys

import pytest
from profile_rows import PREDICTED, PROFILE, REPORT

from myvta.cli.input_errors import InputError
from myvta.cli.profile_command import report_files
from myvta.cli.profile_plots import PLOTS, draw, plots_of


def test_plots_name_the_layers_and_are_reproducible() -> None:
    files, again = (report_files(REPORT) for _ in range(2))
    assert files == again
    assert set(PLOTS) == {"timeline", "roofline", "causes", "traffic"}
    for name in PLOTS:
        svg = files[f"{name}.svg"]
        assert svg.startswith("<svg")
        assert "conv2" in svg
        assert svg in files["index.html"]


def test_traffic_marks_the_compulsory_bytes() -> None:
    assert "inputs, weights, outputs once" in draw("traffic", PROFILE)
    assert "micro-ops" not in draw("traffic", PROFILE), "no bar without bytes"


def test_a_prediction_has_the_plots_that_need_no_counters_of_the_engines() -> None:
    assert set(plots_of(PREDICTED.profile)) == {"roofline", "traffic"}
    assert set(plots_of(PROFILE)) == set(PLOTS)


def test_missing_matplotlib_is_refused_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(InputError, match=r"pip install 'myvta\[plot\]', or leave out --report"):
        draw("roofline", PROFILE)
