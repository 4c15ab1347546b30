"""The committed vision transformer and squeeze-excite network for digits, and the
training of all three networks.

Float accuracy is measured with onnx's own reference evaluator, independently of this project.
"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from onnx.reference import ReferenceEvaluator

FOLDER = Path(__file__).resolve().parents[2] / "examples" / "digits"
MODULES = (
    "blocks", "layers", "network", "onnx_graph", "squeeze_excite", "vision_transformer")
OPERATORS = {
    "digits_vit": {
        "Conv": 1, "Reshape": 13, "Transpose": 13, "LayerNormalization": 7, "MatMul": 24,
        "Add": 28, "Div": 6, "Softmax": 3, "Erf": 3, "Mul": 6, "ReduceMean": 1, "Gemm": 1,
    },
    "digits_se": {
        "Conv": 21, "BatchNormalization": 13, "HardSwish": 9, "GlobalAveragePool": 5, "Relu": 4,
        "HardSigmoid": 4, "Mul": 4, "Add": 3, "Flatten": 1, "Gemm": 1,
    },
}
ACCURACY = {"digits_vit": 0.97, "digits_se": 0.98}
CLASSES = (
    ("network", "Network"), ("vision_transformer", "VisionTransformer"),
    ("squeeze_excite", "SqueezeExciteNetwork"),
)


@pytest.mark.parametrize("name", OPERATORS)
def test_model_is_small_checked_and_has_its_operators(name: str) -> None:
    path = FOLDER / f"{name}.onnx"
    assert path.stat().st_size < 300_000
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    assert [(entry.domain, entry.version) for entry in model.opset_import] == [("", 17)]
    assert Counter(node.op_type for node in model.graph.node) == OPERATORS[name]
    assert [value.name for value in (*model.graph.input, *model.graph.output)] == [
        "image", "logits"]
    assert all(np.isfinite(numpy_helper.to_array(item)).all() for item in model.graph.initializer)


@pytest.mark.parametrize("name", OPERATORS)
def test_float_network_reaches_its_accuracy(name: str) -> None:
    run = ReferenceEvaluator(onnx.load(FOLDER / f"{name}.onnx"))
    with np.load(FOLDER / "held_out.npz") as data:
        images, labels = data["images"], data["labels"]
    logits = [run.run(None, {"image": (image / np.float32(16))[None, None]})[0]
              for image in images]
    assert (np.concatenate(logits).argmax(1) == labels).mean() >= ACCURACY[name]


@pytest.mark.parametrize(("module", "name"), CLASSES)
def test_training_gradients_match_finite_differences(
    module: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(FOLDER))
    kind = getattr(__import__(module), name)
    for imported in MODULES:  # remove modules of such common names
        sys.modules.pop(imported, None)
    rng = np.random.default_rng(5)
    network: Any = kind(rng)
    images = rng.random((6, 8, 8, 1))
    wanted = rng.normal(size=(6, 10))
    for layer in network.layers.values():  # double precision, for the differences
        layer.weights = {key: value.astype(np.float64) for key, value in layer.weights.items()}

    def loss() -> float:
        return float((network.forward(images, training=True) * wanted).sum())

    loss()
    network.backward(wanted)
    for key, layer in network.layers.items():
        for weight, value in layer.weights.items():
            direction = rng.normal(size=value.shape)
            expected = float((layer.gradients[weight] * direction).sum())
            step = 1e-6
            layer.weights[weight] = value + step * direction
            above = loss()
            layer.weights[weight] = value - step * direction
            below = loss()
            layer.weights[weight] = value
            measured = (above - below) / (2 * step)
            assert measured == pytest.approx(expected, rel=2e-3, abs=2e-3), (key, weight)
