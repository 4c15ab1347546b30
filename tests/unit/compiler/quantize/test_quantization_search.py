"""Quantization chosen by measured error or forced, and the figures in the report."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from compiler_networks import NetworkBuilder, check_every_layer, float_values, random_network, save

from myvta.compiler.compile import Compiled, compile_model
from myvta.compiler.frontend.onnx.onnx_importer import load_model
from myvta.compiler.quantize.activation_scales import METHODS
from myvta.compiler.quantize.quantization_search import QuantizationOptions
from myvta.compiler.reference.reference_evaluator import evaluate


def with_outliers() -> tuple[NetworkBuilder, dict[str, np.ndarray]]:
    """Return a network and data of which one pixel in a few thousand is far too large."""
    build = NetworkBuilder(2)
    build.gemm(build.flatten(build.relu(build.conv(build.input((1, 3, 8, 8)), 8))), 6)
    samples = build.samples(40)
    samples["input"][0, :, 3, 3] = 40
    return build, samples


def snr_by_hand(made: Compiled, path: Path, inputs: np.ndarray, name: str) -> float:
    """Run both networks again, image by image, and return the ratio of one tensor."""
    (wanted,) = float_values(load_model(path), [name], inputs)
    found = made.quantized.tensors[name].reals(evaluate(made.quantized, {"input": inputs})[name])
    return float(10 * np.log10((wanted**2).sum() / ((found - wanted) ** 2).sum()))


@pytest.mark.slow
def test_auto_chooses_the_best_combination(tmp_path: Path) -> None:
    build, samples = with_outliers()
    path = save(build, tmp_path / "n.onnx")

    def made(**options: Any) -> Compiled:
        return compile_model(path, samples, "1x4x4", **options)

    (output,) = made().quantized.outputs
    singles = {}
    for method in METHODS:
        one = made(method=method, equalize="off")
        assert list(one.report.tried) == [method]
        assert one.report.method == method
        singles[method] = one.report.tried[method]
        by_hand = snr_by_hand(one, path, samples["input"][:32], output)
        assert singles[method] == pytest.approx(by_hand, abs=1e-3)
    assert len({round(value, 3) for value in singles.values()}) > 1
    auto = made(equalize="off")
    assert auto.report.tried == pytest.approx(singles)
    assert auto.report.method == max(singles, key=lambda method: singles[method])
    both = made()
    assert both.report.tried.items() >= auto.report.tried.items()
    assert len(both.report.tried) == 2 * len(METHODS)
    best = max(both.report.tried, key=lambda title: both.report.tried[title])
    assert best == both.report.method + (", equalized" if both.report.equalized else "")
    check_every_layer(both, build.samples(1))


def test_report_has_ratio_and_saturation_of_each_node(tmp_path: Path) -> None:
    build, samples = with_outliers()
    path = save(build, tmp_path / "n.onnx")
    made = compile_model(path, samples, "1x4x4", method="percentile", equalize="off")
    for node, quantized in zip(made.report.nodes, made.quantized.nodes, strict=True):
        by_hand = snr_by_hand(made, path, samples["input"][:32], quantized.outputs[0])
        assert node.snr_db == pytest.approx(by_hand, abs=1e-3)
    (entry,) = made.report.entries
    assert (entry.name, entry.maker) == ("input", "")
    assert entry.zero_point == made.quantized.tensors["input"].zero_point != 0  # up to 40
    assert entry.scale == made.quantized.tensors["input"].scale
    by_hand = snr_by_hand(made, path, samples["input"][:32], "input")
    assert entry.snr_db == pytest.approx(by_hand, abs=1e-3)
    assert entry.saturation_share == 0
    made = compile_model(path, samples, "1x4x4_int4", method="error", equalize="off")
    conv = made.quantized.nodes[0]
    (values,) = float_values(load_model(path), conv.outputs, samples["input"])
    tensor = made.quantized.tensors[conv.outputs[0]]
    assert tensor.zero_point == -8  # a Relu's: only its maximum saturates
    share = (np.floor(values / tensor.scale + 0.5) - 8 > 7).mean()
    assert made.report.nodes[0].saturation_share == pytest.approx(share)
    assert share > 0
    (entry,) = made.report.entries
    rounded = np.floor(samples["input"] / entry.scale + 0.5) + entry.zero_point
    assert entry.saturation_share == pytest.approx(((rounded > 7) | (rounded < -8)).mean())
    assert entry.saturation_share
    minmax = compile_model(path, samples, "1x4x4_int4", method="minmax", equalize="off")
    assert minmax.report.nodes[0].saturation_share == minmax.report.entries[0].saturation_share == 0


def test_outputs_are_compared_image_by_image(tmp_path: Path) -> None:
    build = random_network(6)
    path, samples = save(build, tmp_path / "n.onnx"), build.samples(5)
    made = compile_model(path, samples, "1x8x8")
    (output,) = made.compared
    rows = output.images()
    assert len(rows) == 5
    floats = float_values(load_model(path), [output.name], samples["input"])[0]
    for row, image, wanted in zip(rows, samples["input"], floats, strict=True):
        integers = evaluate(made.quantized, {"input": image[None]})[output.name]
        found = made.quantized.tensors[output.name].reals(integers)
        assert row.float_argmax == wanted.argmax()
        assert row.argmax == found.argmax()
        assert row.float_value == pytest.approx(wanted.max(), abs=1e-6)
        assert row.value == found.max()
        assert row.largest_difference == pytest.approx(np.abs(wanted - found[0]).max(), abs=1e-6)
    data = output.to_json()
    assert np.shape(data["float"]) == np.shape(data["integer"]) == output.expected.shape


def test_unknown_options_are_refused() -> None:
    with pytest.raises(ValueError, match=r"^method must be one of auto, error, .* not 'best'$"):
        QuantizationOptions(method="best")
    with pytest.raises(ValueError, match=r"^equalize must be one of auto, on, off, not 'yes'$"):
        QuantizationOptions(equalize="yes")
