"""The example networks run in onnxruntime with sane activations, whatever the operator set."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest

SCRIPT = Path(__file__).parents[2] / "examples/networks/build.py"
MASKED = 1e30  # scores that a mask excludes are below minus that
QUICK = {  # a size for the default tier
    "mobilenet_v3_small": 64, "yolov8n": 64, "bert_tiny": 16, "stories260k_decode": 16,
    "ds_cnn": None, "lstm_keywords": None,
}
LONG = {
    "mobilenet_v3_large": 224, "efficientnet_b0": 224, "efficientnet_lite0": 224,
    "shufflenet_v2": 224, "regnet_x_400mf": 224, "regnet_y_400mf": 224, "convnext_tiny": 224,
    "swin_tiny": 224, "deit_tiny": 224, "vit_small": 224, "yolov8n": 256, "unet": 128,
    "deeplab_v3": 224, "bert_tiny": 128, "stories260k_prefill": 64, "minilm_l6": 128,
    "stories15m_prefill": 64, "stories15m_decode": 64, "conv_tasnet": 8000,
}
DISTINCT = 1e-3  # deviation between samples over that of all values of an output


def build(name: str, folder: Path, size: int | None, *more: str) -> Path:
    """Return a network of four samples."""
    sized = () if size is None else ("--size", str(size))
    done = subprocess.run(
        [sys.executable, SCRIPT, name, "--out", folder, "--images", "4", *sized, *more],
        capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder / f"{name}.onnx"


def outputs(path: Path, *, everything: bool = False) -> dict[str, np.ndarray]:
    """Return what onnxruntime computes for every sample, stacked."""
    model = onnx.load(path)
    if everything:
        known = {value.name for value in model.graph.output}
        model.graph.output.extend(
            onnx.ValueInfoProto(name=name) for node in model.graph.node for name in node.output
            if name and name not in known)
    session = onnxruntime.InferenceSession(model.SerializeToString())
    names = [value.name for value in model.graph.output]
    with np.load(path.with_suffix(".npz")) as file:
        samples = dict(file)
    count = len(next(iter(samples.values())))
    runs = [session.run(None, {key: value[index : index + 1] for key, value in samples.items()})
            for index in range(count)]
    return {name: np.stack(values) for name, values in zip(names, zip(*runs, strict=True),
                                                           strict=True)}


@pytest.mark.parametrize(("name", "size"), [
    *QUICK.items(),
    *(pytest.param(name, size, marks=pytest.mark.networks) for name, size in LONG.items()),
])
def test_activations_are_sane(name: str, size: int | None, tmp_path: Path) -> None:
    path = build(name, tmp_path, size)
    onnx.checker.check_model(onnx.load(path), full_check=True)
    values = outputs(path, everything=True)
    for key, value in values.items():
        if value.dtype == np.float32:
            assert np.isfinite(value).all(), key
            kept = value[value > -MASKED]
            assert np.abs(kept).max(initial=0) < 1e4, key
    for key in [output.name for output in onnx.load(path).graph.output]:
        spread = values[key].std(0).mean()
        assert spread > DISTINCT * values[key].std() > 0, key


@pytest.mark.parametrize(("name", "size"), [
    ("bert_tiny", 16), pytest.param("deit_tiny", 32, marks=pytest.mark.slow),
])
def test_operator_sets_spell_the_same_network(name: str, size: int, tmp_path: Path) -> None:
    single = {"16": set(), "17": {"LayerNormalization"}, "20": {"LayerNormalization", "Gelu"}}
    found = {}
    for opset, nodes in single.items():
        path = build(name, tmp_path / opset, size, "--opset", opset)
        ops = {node.op_type for node in onnx.load(path).graph.node}
        assert ops & {"LayerNormalization", "Gelu"} == nodes
        assert ("Erf" in ops) == (opset != "20")
        found[opset] = list(outputs(path).values())
    for opset in ("17", "20"):
        for first, second in zip(found["16"], found[opset], strict=True):
            np.testing.assert_allclose(first, second, rtol=1e-3, atol=1e-3)


def test_decoding_continues_the_prompt(tmp_path: Path) -> None:
    whole = outputs(build("stories260k_prefill", tmp_path, 16))
    last = outputs(build("stories260k_decode", tmp_path, 16))
    assert list(whole) == list(last)
    assert whole["present.0.key"].shape == (4, 1, 4, 16, 8)
    for name, value in whole.items():
        np.testing.assert_allclose(value, last[name], rtol=1e-4, atol=1e-4, err_msg=name)


@pytest.mark.parametrize(("name", "size", "message"), [
    ("swin_tiny", "230", "--size of swin_tiny must be at least 32 and a multiple of 224, not 230"),
    ("yolov8n", "100", "--size of yolov8n must be at least 32 and a multiple of 32, not 100"),
    ("ds_cnn", "64", "ds_cnn has one size: no --size"),
])
def test_unsuitable_size_is_refused(name: str, size: str, message: str, tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, SCRIPT, name, "--size", size, "--out", tmp_path],
                          capture_output=True, text=True)
    assert done.returncode == 2
    assert message in done.stderr
    assert not list(tmp_path.iterdir())
