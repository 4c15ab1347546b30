"""Calibration data: refusals, and the statistics of activations."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from compiler_networks import NetworkBuilder, save

from myvta.compiler.frontend.front_ends import import_model
from myvta.compiler.frontend.onnx.onnx_evaluator import evaluator_name
from myvta.compiler.ir.arrays import load_arrays
from myvta.compiler.ir.compile_errors import CompileError
from myvta.compiler.quantize.calibrate import calibrate, check_samples


def network(folder: Path, batch: int = 1) -> Path:
    """Write a network that doubles its input and clips it at 0."""
    build = NetworkBuilder()
    x = build.input((batch, 1, 2, 2))
    weight = build.constant(np.full((1, 1, 1, 1), 2.0))
    build.relu(build.node("Conv", [x, weight], (batch, 1, 2, 2), kernel_shape=(1, 1)))
    return save(build, folder / "n.onnx")


def refused(folder: Path, samples: dict[str, np.ndarray]) -> list[str]:
    """Return the problems found by the check of samples."""
    graph, _ = import_model(network(folder))
    with pytest.raises(CompileError) as caught:
        check_samples(samples, graph, "data.npz")
    return caught.value.problems


def test_wrong_shape_is_refused(tmp_path: Path) -> None:
    assert refused(tmp_path, {"input": np.zeros((5, 1, 3, 2), np.float32)}) == [
        "data.npz: 'input' must have shape [images, 1, 2, 2], not [5, 1, 3, 2]"
    ]


def test_missing_input_is_refused(tmp_path: Path) -> None:
    given = {"a": np.zeros(1), "b": np.zeros(1)}
    assert refused(tmp_path, given) == [
        "data.npz: no array for input 'input' [images, 1, 2, 2]; it holds a, b"
    ]
    assert refused(tmp_path, {}) == [
        "data.npz: no array for input 'input' [images, 1, 2, 2]; it holds nothing"
    ]


def test_non_finite_non_numeric_and_empty_data_are_refused(tmp_path: Path) -> None:
    nan = np.full((1, 1, 2, 2), np.nan)
    assert refused(tmp_path, {"input": nan}) == [
        "data.npz: 'input' holds NaN or infinite values"
    ]
    assert refused(tmp_path, {"input": np.full((1, 1, 2, 2), "a")}) == [
        "data.npz: 'input' must hold numbers, not <U1"
    ]
    assert refused(tmp_path, {"input": np.zeros((0, 1, 2, 2))}) == [
        "data.npz: 'input' holds no image"
    ]


def test_a_single_array_may_have_any_name(tmp_path: Path) -> None:
    graph, _ = import_model(network(tmp_path))
    found = check_samples({"images": np.ones((3, 1, 2, 2), np.uint8)}, graph)
    assert found["input"].dtype == np.float32
    assert found["input"].shape == (3, 1, 2, 2)


def test_other_files_than_npz_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "data.npz"
    with pytest.raises(CompileError, match=r"^cannot read .*data\.npz: No such file or directory$"):
        load_arrays(path)
    for data in (b"", b"text", b"PK\x03\x04 broken"):
        path.write_bytes(data)
        with pytest.raises(CompileError, match=r"data\.npz: not an npz file of plain arrays: "):
            load_arrays(path)
    np.save(tmp_path / "bare.npy", np.zeros(3))
    with pytest.raises(CompileError, match=r"bare\.npy: not an npz file"):
        load_arrays(tmp_path / "bare.npy")
    np.savez(path, objects=np.array([{}], dtype=object))
    with pytest.raises(CompileError, match=r"data\.npz: not an npz file of plain arrays: "):
        load_arrays(path)


@pytest.mark.parametrize("batch", [1, 2])
def test_calibration_records_peaks_and_values(tmp_path: Path, batch: int) -> None:
    graph, model = import_model(network(tmp_path, batch))
    samples = {"input": np.arange(-6, 6, dtype=np.float32).reshape(3, 1, 2, 2)}
    seen = calibrate(model, graph, samples, ["input", "conv0", "relu1"])
    assert seen.images == 3
    assert seen.peaks == {"input": 6, "conv0": 12, "relu1": 10}
    assert seen.peak("conv0") == 12
    assert [seen.ends(name) for name in ("input", "conv0", "relu1")] == [
        (-6, 5), (-12, 10), (0, 10)]
    half = seen.scaled({"conv0": np.array([2.0])})
    assert (half.ends("conv0"), half.peak("conv0"), half.ends("input")) == ((-6, 5), 6, (-6, 5))
    assert set(seen.values["conv0"].ravel()) == set(range(-12, 12, 2))


def test_overflowing_activations_are_refused(tmp_path: Path) -> None:
    graph, model = import_model(network(tmp_path))
    samples = {"input": np.full((1, 1, 2, 2), 3e38, np.float32)}
    text = r"^activation 'conv0', output of Conv 'conv0', is NaN or infinite on calibration data"
    with pytest.raises(CompileError, match=text):
        calibrate(model, graph, samples, ["conv0"])


def test_calibration_works_without_onnxruntime(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    assert evaluator_name() == "onnx.reference"
    graph, model = import_model(network(tmp_path))
    samples = {"input": np.ones((1, 1, 2, 2), np.float32)}
    assert calibrate(model, graph, samples, ["conv0"]).peaks == {"conv0": 2}
