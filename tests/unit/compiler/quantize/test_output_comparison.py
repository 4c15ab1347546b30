"""Float outputs against those of the integers, image by image."""

from __future__ import annotations

import json

import numpy as np
import pytest

from myvta.compiler.quantize.output_comparison import compare_outputs


def test_comparison_has_errors_ratio_and_argmax() -> None:
    expected = np.array([[1.0, 3.0], [4.0, 2.0]])
    actual = np.array([[1.0, 2.5], [2.0, 2.5]])
    (output,) = compare_outputs({"y": expected, "other": expected}, {"y": actual})
    assert output.name == "y"
    assert output.same_argmax == (1, 2)
    assert output.snr_db == pytest.approx(10 * np.log10(30 / 4.5))
    first, second = output.images()
    assert (first.float_argmax, first.argmax, first.float_value, first.value) == (1, 1, 3.0, 2.5)
    assert (second.float_argmax, second.argmax, second.largest_difference) == (0, 1, 2.0)
    assert first.snr_db == pytest.approx(10 * np.log10(10 / 0.25))


def test_json_has_the_values_of_small_outputs_only() -> None:
    small, large = np.ones((1, 4)), np.ones((1, 4097))
    outputs = compare_outputs({"s": small, "l": large}, {"s": small, "l": large})
    data = {each["name"]: each for each in json.loads(json.dumps([o.to_json() for o in outputs]))}
    assert data["s"]["float"] == data["s"]["integer"] == [[1, 1, 1, 1]]
    assert "float" not in data["l"]
    assert data["l"]["images"][0]["snr_db"] == 120


def test_empty_outputs_are_left_out() -> None:
    assert compare_outputs({"y": np.ones((0, 3))}, {"y": np.ones((0, 3))}) == ()
