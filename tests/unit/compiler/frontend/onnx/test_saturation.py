"""Results do not depend on whether onnxruntime saturates uint8 x int8 products here."""

from __future__ import annotations

import sys

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from qdq_models import hand_made

from myvta.compiler.frontend.onnx import onnx_evaluator, saturation
from myvta.compiler.frontend.onnx.onnx_evaluator import evaluator
from myvta.compiler.frontend.onnx.saturation import (
    has_integer_products,
    pairs_saturate,
    saturation_note,
)


def matmul_integer(domain: str = "") -> onnx.ModelProto:
    """Return a product of uint8 [1, 4] and int8 [4, 1]."""
    graph = helper.make_graph(
        [helper.make_node("MatMulInteger", ["a", "b"], ["y"], domain=domain)], "product",
        [helper.make_tensor_value_info("a", TensorProto.UINT8, (1, 4)),
         helper.make_tensor_value_info("b", TensorProto.INT8, (4, 1))],
        [helper.make_tensor_value_info("y", TensorProto.INT32, (1, 1))],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    return model


def test_integer_products_are_exact_on_any_processor():
    feeds = {"a": np.full((1, 4), 255, np.uint8), "b": np.full((4, 1), 127, np.int8)}
    assert evaluator(matmul_integer(), ["y"])(feeds)["y"].item() == 4 * 255 * 127


def test_saturating_kernels_are_not_used_for_integer_products(monkeypatch):
    used = []
    monkeypatch.setattr(onnx_evaluator, "pairs_saturate", lambda: True)
    monkeypatch.setattr(onnx_evaluator, "ReferenceEvaluator", used.append)
    evaluator(matmul_integer(), ["y"])
    assert len(used) == 1
    monkeypatch.setattr(onnx_evaluator, "pairs_saturate", lambda: False)
    evaluator(matmul_integer(), ["y"])
    assert len(used) == 1


def test_qdq_products_are_exact_on_any_processor():
    model = hand_made("uint8", np.full((2, 2), 127, np.int8), scale=1.0, weight_scale=1.0,
                      out_scale=1000.0)
    found = evaluator(model, ["out"])({"x": np.full((1, 2, 3, 3), 252, np.float32)})["out"]
    assert (found == round(2 * 252 * 127 / 1000) * 1000).all()


def test_models_without_integer_products_never_saturate():
    assert has_integer_products(matmul_integer())
    assert not has_integer_products(hand_made())
    assert not has_integer_products(matmul_integer("com.example"))


@pytest.mark.parametrize(("kind", "saturates", "noted"), [
    ("uint8", True, True), ("uint8", False, False), ("int8", True, False),
])
def test_note_names_cause_and_remedy(monkeypatch, kind: str, saturates: bool, noted: bool):
    monkeypatch.setattr(saturation, "pairs_saturate", lambda: saturates)
    note = saturation_note(hand_made(kind))
    assert bool(note) == noted
    if noted:
        assert "no VNNI" in note
        assert "session.x64quantprecision" in note


def test_nothing_saturates_without_onnxruntime(monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    assert not pairs_saturate.__wrapped__()


def test_probe_agrees_with_onnxruntime():
    onnxruntime = pytest.importorskip("onnxruntime")
    session = onnxruntime.InferenceSession(
        matmul_integer().SerializeToString(), providers=["CPUExecutionProvider"])
    feeds = {"a": np.full((1, 4), 255, np.uint8), "b": np.full((4, 1), 127, np.int8)}
    exact = session.run(None, feeds)[0].item() == 4 * 255 * 127
    assert pairs_saturate() == (not exact)
