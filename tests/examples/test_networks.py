"""The example networks have the published number of weights and behave like trained ones."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import numpy_helper

SCRIPT = Path(__file__).parents[2] / "examples/networks/build.py"
WEIGHTS = {  # learned: convolutions, dense layers, scale and shift (torchvision; darknet's cfg)
    "resnet18": 11_689_512, "resnet34": 21_797_672, "resnet50": 25_557_032,
    "mobilenet_v1": 4_231_976, "mobilenet_v2": 3_504_872, "alexnet": 61_100_840,
    "yolov3_tiny": 8_852_366,
}
LEARNED = ("weight", "bias", "scale_", "shift")


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, SCRIPT, *arguments], capture_output=True, text=True)


def learned(model: onnx.ModelProto) -> int:
    return sum(
        int(np.prod(item.dims)) for item in model.graph.initializer
        if item.name.startswith(LEARNED)
    )


@pytest.mark.parametrize("name", [
    *("resnet18", "mobilenet_v1", "mobilenet_v2"),
    *(pytest.param(name, marks=pytest.mark.networks)
      for name in ("resnet34", "resnet50", "alexnet", "yolov3_tiny")),
])
def test_weight_counts_are_the_published_ones(name: str, tmp_path: Path) -> None:
    size = () if name == "alexnet" else ("--size", "64")
    done = run(name, "--out", str(tmp_path), "--images", "1", *size)
    assert done.returncode == 0, done.stderr
    assert learned(onnx.load(tmp_path / f"{name}.onnx")) == WEIGHTS[name]


@pytest.mark.slow
def test_normalization_statistics_match_the_activations(tmp_path: Path) -> None:
    assert run("resnet18", "--out", str(tmp_path), "--size", "64").returncode == 0
    model = onnx.load(tmp_path / "resnet18.onnx")
    constants = {item.name: numpy_helper.to_array(item) for item in model.graph.initializer}
    norms = [node for node in model.graph.node if node.op_type == "BatchNormalization"]
    assert len(norms) == 20
    for node in norms:
        model.graph.output.append(onnx.ValueInfoProto(name=node.input[0]))
    session = onnxruntime.InferenceSession(model.SerializeToString())
    images = np.load(tmp_path / "resnet18.npz")["input"]
    assert images.shape == (8, 3, 64, 64)
    names = [node.input[0] for node in norms]
    runs = [session.run(names, {"input": image[None]}) for image in images]
    for node, values in zip(norms, zip(*runs, strict=True), strict=True):
        value = np.concatenate(values)
        np.testing.assert_allclose(value.mean((0, 2, 3)), constants[node.input[3]], atol=1e-3)
        np.testing.assert_allclose(value.var((0, 2, 3)), constants[node.input[4]], rtol=1e-3,
                                   atol=2e-3)


@pytest.mark.parametrize("name", [
    "mobilenet_v2",
    *(pytest.param(name, marks=pytest.mark.networks)
      for name in ("resnet18", "resnet34", "resnet50", "mobilenet_v1", "alexnet")),
])
def test_classifier_separates_its_images(name: str, tmp_path: Path) -> None:
    size = () if name == "alexnet" else ("--size", "64")
    assert run(name, "--out", str(tmp_path), "--images", "10", *size).returncode == 0
    session = onnxruntime.InferenceSession(tmp_path / f"{name}.onnx")
    images = np.load(tmp_path / f"{name}.npz")["input"]
    logits = np.concatenate([session.run(None, {"input": image[None]})[0] for image in images])
    assert logits.shape == (10, 1000)
    assert logits.argmax(1).tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 0, 1]
    largest, second = np.sort(logits, 1)[:, -2:].T[::-1]
    np.testing.assert_allclose(largest, largest[0], rtol=1e-3)
    assert (largest > 1.5 * second).all()
    np.testing.assert_allclose(largest[0], 2 * logits[:, 8:].max(), rtol=1e-3)


@pytest.mark.slow
def test_same_seed_gives_the_same_file(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        assert run("dcgan", "--out", str(tmp_path / folder)).returncode == 0
    first, second = ((tmp_path / folder / "dcgan.onnx").read_bytes() for folder in ("a", "b"))
    assert first == second
    shape = onnx.load_from_string(first).graph.output[0].type.tensor_type.shape
    assert [dim.dim_value for dim in shape.dim] == [1, 3, 64, 64]


def test_all_wrong_options_are_reported_together(tmp_path: Path) -> None:
    done = run("resnet19", "resnet18", "dcgan", "--size", "8", "--images", "0", "--out",
               str(tmp_path))
    assert done.returncode == 2
    for part in ("no network 'resnet19'", "--images must be at least 1, not 0",
                 "--size of resnet18 must be at least 32, not 8", "dcgan has one size"):
        assert part in done.stderr
    assert not list(tmp_path.iterdir())
