"""ONNX through the protocol of front ends: import, normal forms, evaluation, host nodes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from compiler_networks import NetworkBuilder, save

from myvta.compiler.frontend.front_end_protocol import FloatModel, FrontEnd
from myvta.compiler.frontend.onnx.onnx_front_end import OnnxFrontEnd
from myvta.compiler.ir.compile_errors import CompileError
from myvta.compiler.ir.graph import Graph


@pytest.fixture
def front_end() -> FrontEnd:
    return OnnxFrontEnd()


def imported(front_end: FrontEnd, folder: Path) -> tuple[Graph, FloatModel]:
    """Return y = relu(identity(x @ w)), with w = [[1, -1], [2, 3]]."""
    build = NetworkBuilder()
    x = build.input(("n", 2))
    weight = build.constant(np.array([[1.0, -1.0], [2.0, 3.0]]))
    x = build.node("MatMul", [x, weight], (1, 2))
    x = build.node("Identity", [x], (1, 2))
    build.node("Relu", [x], (1, 2))
    return front_end.import_model(save(build, folder / "n.onnx"), {"input": (1, 2)})


def test_import_applies_requested_shapes(front_end: FrontEnd, tmp_path: Path) -> None:
    graph, model = imported(front_end, tmp_path)
    assert [node.op for node in graph.nodes] == ["MatMul", "Identity", "Relu"]
    assert graph.tensors["input"].shape == (1, 2)
    assert graph.origin.front_end == "onnx"
    assert model.deviation_note == ""
    assert model.evaluator_name.startswith("onnxruntime ")
    with pytest.raises(CompileError, match="dynamic shape"):
        front_end.import_model(tmp_path / "n.onnx", {})


def test_model_evaluates_outputs_and_inner_tensors(front_end: FrontEnd, tmp_path: Path) -> None:
    _, model = imported(front_end, tmp_path)
    found = model.evaluator(["relu2", "matmul0"])({"input": np.array([[1.0, -2.0]], np.float32)})
    assert list(found) == ["relu2", "matmul0"]
    assert found["matmul0"].tolist() == [[-3, -7]]
    assert found["relu2"].tolist() == [[0, 0]]


def test_normalize_rewrites_and_sweeps(front_end: FrontEnd, tmp_path: Path) -> None:
    graph, _ = imported(front_end, tmp_path)
    front_end.normalize(graph)
    assert [(node.op, node.source is None) for node in graph.nodes] == [
        ("Gemm", True), ("Relu", False)]
    weight = graph.value(graph.nodes[0].inputs[1])
    assert weight is not None
    assert weight.tolist() == [[1, 2], [-1, 3]]  # output features first
    assert "w0" not in graph.tensors


def test_float_model_has_no_scales(front_end: FrontEnd, tmp_path: Path) -> None:
    assert front_end.read_scales(imported(front_end, tmp_path)[0]) is None


def test_exported_nodes_run_on_the_host(front_end: FrontEnd, tmp_path: Path) -> None:
    graph, _ = imported(front_end, tmp_path)
    data = front_end.export_host(graph, graph.nodes[1:])
    found = front_end.run_host(data, {"matmul0": np.array([[-1.0, 4.0]], np.float32)})
    assert {name: value.tolist() for name, value in found.items()} == {"relu2": [[0, 4]]}
