"""The committed digits network: its operators, its accuracy, and the training in its script.

Float accuracy is measured here with onnx's own reference evaluator, independently of this project.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx.reference import ReferenceEvaluator

FOLDER = Path(__file__).resolve().parents[2] / "examples" / "digits"


@pytest.fixture(scope="module")
def model() -> onnx.ModelProto:
    return onnx.load(FOLDER / "digits.onnx")


@pytest.fixture(scope="module")
def held_out() -> dict[str, np.ndarray]:
    with np.load(FOLDER / "held_out.npz") as data:
        return dict(data)


def test_model_is_small_checked_and_static(model):
    assert (FOLDER / "digits.onnx").stat().st_size < 300_000
    onnx.checker.check_model(model, full_check=True)
    assert [(entry.domain, entry.version) for entry in model.opset_import] == [("", 17)]
    for value, name, shape in ((model.graph.input, "image", [1, 1, 8, 8]),
                               (model.graph.output, "logits", [1, 10])):
        assert [item.name for item in value] == [name]
        dimensions = value[0].type.tensor_type.shape.dim
        assert [dimension.dim_value for dimension in dimensions] == shape


def test_model_has_every_operator_of_the_path(model):
    operators = [node.op_type for node in model.graph.node]
    counts = {name: operators.count(name) for name in sorted(set(operators))}
    assert counts == {"Add": 1, "BatchNormalization": 5, "Conv": 5, "Flatten": 1, "Gemm": 1,
                      "GlobalAveragePool": 1, "MaxPool": 1, "Relu": 5}
    strides = [attribute.ints for node in model.graph.node if node.op_type == "Conv"
               for attribute in node.attribute if attribute.name == "strides"]
    assert [list(stride) for stride in strides] == [[1, 1]] * 4 + [[2, 2]]


def test_held_out_images_are_a_stratified_fifth(held_out):
    assert held_out["images"].shape == (360, 8, 8)
    assert held_out["images"].dtype == np.uint8
    assert held_out["images"].max() == 16
    assert held_out["labels"].shape == (360,)
    assert set(np.bincount(held_out["labels"], minlength=10)) <= {35, 36, 37}


def test_calibration_images_are_not_held_out(held_out):
    with np.load(FOLDER / "calibration.npz") as data:
        assert list(data) == ["image"]
        images = data["image"]
    assert images.shape == (100, 1, 8, 8)
    assert images.dtype == np.float32
    assert images.min() == 0
    assert images.max() == 1
    grey = (images[:, 0] * 16).astype(np.uint8)
    assert np.array_equal(grey / np.float32(16), images[:, 0])
    seen = {image.tobytes() for image in grey}
    assert not seen & {image.tobytes() for image in held_out["images"]}


def test_float_network_reaches_its_accuracy(model, held_out):
    run = ReferenceEvaluator(model)
    logits = [run.run(None, {"image": (image / np.float32(16))[None, None]})[0]
              for image in held_out["images"]]
    right = np.concatenate(logits).argmax(1) == held_out["labels"]
    assert right.mean() >= 0.98
