"""Accuracy beside onnxruntime's: the figures by hand, and the trained network meets the mark."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def accuracy(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The benchmark, a script that imports its neighbours by name."""
    monkeypatch.syspath_prepend(FOLDER)
    return importlib.import_module("accuracy")


def test_agreement_is_the_share_of_equal_maxima(accuracy: Any) -> None:
    expected = np.array([[0.0, 2.0], [3.0, 1.0], [0.0, 1.0], [5.0, 6.0]])
    actual = expected.copy()
    actual[2] = (1.0, 0.0)
    assert accuracy.agreement(expected, actual) == 0.75


def test_held_out_images_have_the_range_of_the_calibration_images(accuracy: Any) -> None:
    _, calibration, images = accuracy.digits()
    assert images.shape == (360, *calibration.shape[1:])
    assert images.max() == calibration.max() == 1.0


@pytest.mark.slow
def test_trained_network_is_as_accurate_as_onnxruntimes(
    accuracy: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "figures.json"
    monkeypatch.setattr(sys, "argv", ["accuracy.py", "--json", str(file)])
    assert accuracy.main() == 0
    figures = {row["by"]: row for row in json.loads(file.read_text())["figures"]["accuracy"]}
    best = max(row["snr_db"] for name, row in figures.items() if name != "myvta")
    assert len(figures) == 4
    assert figures["myvta"]["snr_db"] >= best - 0.5
    assert figures["myvta"]["same_maximum"] == 1.0
