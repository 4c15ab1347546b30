"""The passes over a model, one by one: imported, canonical, placed, quantized."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from compiler_networks import NetworkBuilder, save, save_samples

from myvta.compiler.ir.compile_errors import CompileError
from myvta.compiler.ir.target_description import TargetDescription
from myvta.compiler.pipeline.model_passes import (
    CompileRequest,
    ImportedModel,
    canonicalize,
    dump_model,
    dump_partitioned,
    dump_quantized,
    import_file,
    partition,
    quantize,
    verify_canonical_model,
    verify_imported,
    verify_partitioned,
    verify_quantized_model,
)
from myvta.compiler.quantize.quantization_search import QuantizationOptions
from myvta.isa.config import named


@pytest.fixture
def build() -> NetworkBuilder:
    """Convolution, Relu, Softmax over channels."""
    network = NetworkBuilder(4)
    x = network.relu(network.conv(network.input((1, 5, 4, 4)), 6))
    network.node("Softmax", [x], network.shapes[x], axis=1)
    return network


def request(build: NetworkBuilder, folder: Path, **options: Any) -> CompileRequest:
    values = {"calibration": build.samples(3), **options}
    return CompileRequest(
        save(build, folder / "net.onnx"), target=TargetDescription(named("1x4x4")), **values)


def test_import_keeps_the_graph_and_the_calibration(
    build: NetworkBuilder, tmp_path: Path
) -> None:
    samples = build.samples(3)
    model = import_file(None, request(build, tmp_path, calibration=samples))
    assert [node.op for node in model.graph.nodes] == ["Conv", "Relu", "Softmax"]
    np.testing.assert_array_equal(model.samples["input"], samples["input"])
    assert [row.op for row in dump_model(model)] == ["Input", "Conv", "Relu", "Softmax"]
    assert list(verify_imported(model)) == []


def test_errors_name_the_calibration_file(
    build: NetworkBuilder, tmp_path: Path
) -> None:
    path = tmp_path / "samples.npz"
    save_samples(build, path, 2)
    assert import_file(None, request(build, tmp_path, calibration=path)).samples[
        "input"].shape == (2, 5, 4, 4)
    np.savez(path, input=np.zeros((2, 5, 4, 5), np.float32))
    with pytest.raises(CompileError, match=f"{path}: "):
        import_file(None, request(build, tmp_path, calibration=path))


def test_canonical_graph_is_a_copy_with_the_relu_in_the_convolution(
    build: NetworkBuilder, tmp_path: Path
) -> None:
    asked = request(build, tmp_path)
    imported = import_file(None, asked)
    model = canonicalize(imported, asked)
    assert [node.op for node in model.graph.nodes] == ["Conv", "Softmax"]
    assert model.graph.nodes[0].attrs["relu"]
    assert [node.op for node in imported.graph.nodes] == ["Conv", "Relu", "Softmax"]
    assert list(verify_canonical_model(model)) == []


def test_every_node_has_a_place_and_a_reason(build: NetworkBuilder, tmp_path: Path) -> None:
    asked = request(build, tmp_path)
    model = partition(canonicalize(import_file(None, asked), asked), asked)
    assert {name: (item.where, item.reason) for name, item in model.placements.items()} == {
        "conv0": ("accelerator", "sums over taps and channel blocks"),
        "softmax2": ("host", "no lowering for Softmax"),
    }
    assert [row.facts.get("on") for row in dump_partitioned(model)] == [
        None, "accelerator", "host"]
    assert list(verify_partitioned(model)) == []


def test_quantized_model_has_integers_reasons_and_provenance(
    build: NetworkBuilder, tmp_path: Path
) -> None:
    asked = request(
        build, tmp_path, quantization=QuantizationOptions("power-of-two", "minmax", "off"))
    model: Any = import_file(None, asked)
    assert isinstance(model, ImportedModel)
    model = quantize(partition(canonicalize(model, asked), asked), asked)
    assert model.operators == {"conv0": "Conv", "softmax2": "Softmax"}
    assert model.reasons["softmax2"] == "no lowering for Softmax"
    assert model.provenance == {
        "method": "minmax", "scales": "power-of-two", "equalized": False, "calibration_images": 3}
    assert [row.op for row in dump_quantized(model)] == ["Tensor", "Tensor", "Conv", "Host"]
    assert list(verify_quantized_model(model)) == []
