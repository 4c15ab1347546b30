"""Float models and host nodes in the evaluator: against numpy, and its errors."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import onnx
import pytest
from graph_cases import graph_of
from onnx import TensorProto, helper

from myvta.compiler.frontend.onnx.onnx_evaluator import (
    evaluator,
    evaluator_name,
    host_model,
    run_host,
)
from myvta.compiler.ir.compile_errors import HostError
from myvta.compiler.ir.graph import Node

RANDOM = np.random.default_rng(3)
IMAGE = (2, 4, 5, 6)
X = RANDOM.normal(size=IMAGE).astype(np.float32)


def exp_and_neg() -> onnx.ModelProto:
    """Return y = exp(x), z = -y."""
    infos = {name: helper.make_tensor_value_info(name, TensorProto.FLOAT, (2,)) for name in "xyz"}
    graph = helper.make_graph(
        [helper.make_node("Exp", ["x"], ["y"]), helper.make_node("Neg", ["y"], ["z"])], "g",
        [infos["x"]], [infos["z"], infos["y"]])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    return model


def check_exp_and_neg() -> None:
    x = np.array([0.0, 1.0], np.float32)
    found = evaluator(exp_and_neg(), ["z", "y"])({"x": x})
    assert list(found) == ["z", "y"]
    np.testing.assert_allclose(found["y"], [1, np.e], rtol=1e-6)
    np.testing.assert_allclose(found["z"], [-1, -np.e], rtol=1e-6)


def test_requested_outputs_are_evaluated() -> None:
    assert evaluator_name().startswith("onnxruntime ")
    check_exp_and_neg()


def test_reference_evaluator_is_used_without_onnxruntime(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    assert evaluator_name() == "onnx.reference"
    check_exp_and_neg()


def run(node: Node, shape: tuple[int, ...], constants: dict[str, np.ndarray] | None = None,
        x: np.ndarray = X) -> np.ndarray:
    """Return the output of a canonical node on the host."""
    graph = graph_of(node, shapes={"x": x.shape, "y": shape}, constants=constants)
    return run_host(host_model(graph, [node]), {"x": x})["y"]


def canonical(op: str, *constants: str, **attrs: Any) -> Node:
    return Node(op, "n", ("x", *constants), ("y",), attrs)


WINDOW = {"strides": (2, 1), "pads": (0, 1, 0, 1), "dilations": (1, 1)}


def windows(value: float) -> np.ndarray:
    """Return the windows [N, C, 2, 6, 2, 3] of X padded with a value, as ``WINDOW`` says."""
    padded = np.pad(X, ((0, 0), (0, 0), (0, 0), (1, 1)), constant_values=value)
    every = np.lib.stride_tricks.sliding_window_view(padded, (2, 3), (2, 3))
    return every[:, :, ::2]


def test_convolution_with_relu_is_evaluated() -> None:
    w, b = RANDOM.normal(size=(3, 4, 2, 3)), RANDOM.normal(size=3)
    node = canonical("Conv", "w", "b", kernel=(2, 3), group=1, relu=1, **WINDOW)
    found = run(node, (2, 3, 2, 6), {"w": w.astype(np.float32), "b": b.astype(np.float32)})
    expected = np.einsum("nchwyx,mcyx->nmhw", windows(0), w) + b.reshape(-1, 1, 1)
    np.testing.assert_allclose(found, np.maximum(expected, 0), rtol=1e-4, atol=1e-5)


def test_max_pool_is_evaluated() -> None:
    found = run(canonical("MaxPool", kernel=(2, 3), **WINDOW), (2, 4, 2, 6))
    np.testing.assert_array_equal(found, windows(-np.inf).max((4, 5)))


def test_transposed_convolution_is_evaluated() -> None:
    """A 1x1 kernel of stride 2 puts each product two pixels apart."""
    w = RANDOM.normal(size=(3, 4, 1, 1)).astype(np.float32)  # [M, C, 1, 1] in normal form
    node = canonical(
        "ConvTranspose", "w", kernel=(1, 1), strides=(2, 2), pads=(0, 0, 0, 0), dilations=(1, 1),
        group=1, output_padding=(0, 0), relu=0)
    found = run(node, (2, 3, 9, 11), {"w": w})
    expected = np.zeros((2, 3, 9, 11))
    expected[:, :, ::2, ::2] = np.einsum("nchw,mc->nmhw", X, w[:, :, 0, 0])
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_dense_layer_flatten_and_mean_are_evaluated() -> None:
    x, w = X.reshape(2, -1), RANDOM.normal(size=(7, 120)).astype(np.float32)
    found = run(canonical("Gemm", "w"), (2, 7), {"w": w}, x)
    np.testing.assert_allclose(found, x @ w.T, rtol=1e-4, atol=1e-4)
    np.testing.assert_array_equal(run(canonical("Flatten"), (2, 120)), x)
    mean = run(canonical("GlobalAveragePool"), (2, 4, 1, 1))
    np.testing.assert_allclose(mean[:, :, 0, 0], X.mean((2, 3)), rtol=1e-4, atol=1e-6)


def test_nodes_keep_their_source_and_take_the_names_of_the_graph() -> None:
    source = helper.make_node("Selu", ["old"], ["older"]).SerializeToString()
    first = Node("Selu", "s", ("x",), ("h",), {}, source)
    second = Node("Relu", "r", ("h",), ("y",), {})
    reader = Node("Relu", "q", ("h",), ("z",), {})
    graph = graph_of(first, second, reader,
                     shapes=dict.fromkeys("xhyz", IMAGE), outputs=["y", "z"])
    found = run_host(host_model(graph, [first, second]), {"x": X})
    assert found.keys() == {"h", "y"}  # h is read by a node outside
    selu = 1.0507009873554805 * np.where(X > 0, X, 1.6732632423543772 * (np.exp(X) - 1))
    np.testing.assert_allclose(found["h"], selu, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(found["y"], np.maximum(selu, 0), rtol=1e-5, atol=1e-6)


def test_errors_of_the_evaluator_are_host_errors() -> None:
    node = Node("Relu", "r", ("x",), ("y",), {})
    model = host_model(graph_of(node, shapes={"x": IMAGE, "y": IMAGE}), [node])
    with pytest.raises(HostError, match=r"^host nodes fail in onnxruntime .*: [^\n]+$"):
        run_host(model, {"x": X[:, :2]})
    with pytest.raises(HostError, match=r"^host nodes fail in onnxruntime "):
        run_host(b"no model", {"x": X})
