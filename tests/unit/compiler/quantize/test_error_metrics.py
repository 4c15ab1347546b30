"""Errors of integers against float activations, by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from compiler_networks import NetworkBuilder, save

from myvta.compiler.frontend.front_ends import import_model
from myvta.compiler.ir.quantized_graph import QuantizedGraph, QuantizedNode, QuantizedTensor
from myvta.compiler.operators.relu import ReluAttributes
from myvta.compiler.quantize.calibrate import Calibration
from myvta.compiler.quantize.error_metrics import (
    Sample,
    measure,
    saturation_shares,
    snr_db,
    take_sample,
)


@pytest.mark.parametrize(("expected", "actual", "decibels"), [
    ([3.0, 4.0], [3.0, 4.5], 20.0), ([1.0, 0.0], [0.0, 0.0], 0.0), ([1.0], [1.0], 120.0),
    ([0.0], [0.0], 120.0), ([0.0], [1.0], -120.0),
])
def test_signal_to_noise_ratio_equals_its_definition(
    expected: list[float], actual: list[float], decibels: float
) -> None:
    assert snr_db(np.array(expected), np.array(actual)) == pytest.approx(decibels)


def relu_network() -> QuantizedGraph:
    """Return y = relu(x) with steps of a half in 4 bits."""
    tensors = {name: QuantizedTensor(name, (1, 2), -1) for name in "xy"}
    node = QuantizedNode("Relu", "r", ("x",), ("y",), ReluAttributes())
    return QuantizedGraph("g", (node,), tensors, ("x",), ("y",), 4, 4)


def test_measurement_has_outputs_and_ratios() -> None:
    x = np.array([[1.0, -2.0], [3.0, 0.5]], np.float32)
    sample = Sample({"x": x}, {"x": x, "y": np.array([[1.0, 0.0], [3.0, 1.5]])})
    measured = measure(relu_network(), sample, {})
    np.testing.assert_array_equal(measured.outputs["y"], [[1, 0], [3, 0.5]])
    assert measured.snr_db == {"x": 120, "y": pytest.approx(10 * np.log10(12.25))}
    assert measured.overall == measured.snr_db["y"]
    equalized = measure(relu_network(), sample, {"y": np.array([1.0, 3.0])})
    assert equalized.snr_db["y"] == 120


def test_saturation_share_counts_saturated_values() -> None:
    values = np.array([[[3.5, 3.7, 3.8, -4.2, -4.3]]])  # limits are -4 and 3.5, halves away
    seen = Calibration({}, {"x": values}, 1)
    assert saturation_shares(relu_network(), seen) == {"x": pytest.approx(2 / 5)}


@pytest.mark.parametrize(("images", "rows"), [(1, 2), (2, 2), (5, 4), (100, 6)])
def test_samples_are_full_launches(tmp_path: Path, images: int, rows: int) -> None:
    build = NetworkBuilder(1)
    build.relu(build.input((2, 3)))
    graph, model = import_model(save(build, tmp_path / "n.onnx"))
    samples = {"input": np.random.default_rng(1).normal(size=(7, 3)).astype(np.float32)}
    sample = take_sample(model, graph, samples, set(), images)
    assert sample.inputs["input"].shape == (rows, 3)
    (output,) = graph.outputs
    np.testing.assert_array_equal(sample.activations[output],
                                  np.maximum(samples["input"][:rows], 0))
