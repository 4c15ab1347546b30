"""Folding: the result for each pattern, and that the folded network computes the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from compiler_networks import NetworkBuilder, random_network, save

from myvta.compiler.canonicalize.canonicalize import fold
from myvta.compiler.frontend.front_ends import import_model
from myvta.compiler.frontend.onnx.onnx_evaluator import host_model, run_host
from myvta.compiler.ir.graph import Graph


def folded(build: NetworkBuilder, folder: Path) -> Graph:
    """Fold a network and make sure it still computes the same, in float."""
    graph, model = import_model(save(build, folder / "n.onnx"))
    before = model.evaluator(graph.outputs)
    fold(graph)
    feeds = build.samples(graph.tensors[graph.inputs[0]].shape[0])
    after = run_host(host_model(graph, graph.nodes), feeds)
    for name, value in before(feeds).items():
        np.testing.assert_allclose(after[name], value, rtol=1e-3, atol=1e-4)
    return graph


def kinds(graph: Graph) -> list[str]:
    """Return the kinds of nodes, with ``+relu`` where one is fused."""
    return [node.op + ("+relu" if node.attrs.get("relu") else "") for node in graph.nodes]


@pytest.mark.parametrize("seed", range(20))
def test_canonical_random_networks_compute_the_same(tmp_path: Path, seed: int) -> None:
    folded(random_network(seed), tmp_path)


def test_batch_norm_bias_and_relu_are_folded_into_the_convolution(tmp_path: Path) -> None:
    build = NetworkBuilder()
    x = build.input((1, 3, 5, 5))
    y = build.batch_norm(build.conv(x, 4, bias=False))
    bias = build.constant(build.random.normal(size=(1, 4, 1, 1)))
    build.relu(build.node("Add", [y, bias], (1, 4, 5, 5)))
    graph = folded(build, tmp_path)
    assert kinds(graph) == ["Conv+relu"]
    assert graph.nodes[0].outputs == ("relu3",)


def test_batch_norm_after_two_readers_stays(tmp_path: Path) -> None:
    build = NetworkBuilder()
    y = build.conv(build.input((1, 3, 5, 5)), 4)
    build.add(build.batch_norm(y), y)
    assert kinds(folded(build, tmp_path)) == ["Conv", "Affine", "Add"]


def test_relu_of_a_graph_output_stays(tmp_path: Path) -> None:
    build = NetworkBuilder()
    y = build.conv(build.input((1, 3, 5, 5)), 4)
    z = build.relu(y)
    graph, _ = import_model(save(build, tmp_path / "n.onnx", y, z))
    assert kinds(fold(graph)) == ["Conv", "Relu"]


def test_relu_is_folded_into_a_residual_add(tmp_path: Path) -> None:
    build = NetworkBuilder()
    x = build.input((1, 4, 5, 5))
    build.relu(build.add(build.conv(x, 4), x))
    assert kinds(folded(build, tmp_path)) == ["Conv", "Add+relu"]


def test_identity_and_dropout_vanish(tmp_path: Path) -> None:
    build = NetworkBuilder()
    y = build.node("Identity", [build.conv(build.input((1, 3, 5, 5)), 4)], (1, 4, 5, 5))
    z = build.relu(build.node("Dropout", [y], (1, 4, 5, 5)))
    build.node("Identity", [z], (1, 4, 5, 5))
    graph = folded(build, tmp_path)
    assert kinds(graph) == ["Conv+relu"]
    assert graph.outputs == ["identity4"]


def test_identity_of_an_input_stays(tmp_path: Path) -> None:
    build = NetworkBuilder()
    build.node("Identity", [build.input((1, 3))], (1, 3))
    assert kinds(folded(build, tmp_path)) == ["Identity"]


def test_constant_expressions_are_evaluated(tmp_path: Path) -> None:
    build = NetworkBuilder()
    x = build.input((1, 6))
    weight = build.constant(build.random.normal(size=(6, 4)))
    turned = build.node("Transpose", [weight], (4, 6))
    build.node("Gemm", [x, turned], (1, 4), transB=1)
    graph = folded(build, tmp_path)
    assert kinds(graph) == ["Gemm"]
    assert graph.value(graph.nodes[0].inputs[1]) is not None


@pytest.mark.parametrize("attrs", [
    {}, {"transB": 1}, {"alpha": 0.5, "beta": 2.0}, {"transB": 1, "alpha": -1.5},
])
def test_every_form_of_gemm_is_normalized(tmp_path: Path, attrs: dict[str, float]) -> None:
    build = NetworkBuilder()
    x = build.input((2, 6))
    shape = (4, 6) if attrs.get("transB") else (6, 4)
    weight, bias = build.constant(build.random.normal(size=shape)), build.constant(np.ones(4))
    build.node("Gemm", [x, weight, bias], (2, 4), **attrs)
    graph = folded(build, tmp_path)
    assert kinds(graph) == ["Gemm"]
    weights = graph.value(graph.nodes[0].inputs[1])
    assert weights is not None
    assert weights.shape == (4, 6)


def test_matmul_bias_and_relu_become_one_gemm(tmp_path: Path) -> None:
    build = NetworkBuilder()
    x = build.input((2, 6))
    y = build.node("MatMul", [x, build.constant(build.random.normal(size=(6, 4)))], (2, 4))
    build.relu(build.node("Add", [build.constant(np.arange(4.0)), y], (2, 4)))
    assert kinds(folded(build, tmp_path)) == ["Gemm+relu"]


def test_matmul_of_two_activations_stays(tmp_path: Path) -> None:
    build = NetworkBuilder()
    x = build.input((3, 3))
    build.node("MatMul", [x, x], (3, 3))
    assert kinds(folded(build, tmp_path)) == ["MatMul"]


def test_reshape_to_rows_is_flatten(tmp_path: Path) -> None:
    build = NetworkBuilder()
    x = build.input((2, 3, 4, 5))
    y = build.relu(x)
    shape = build.constant(np.array([2, -1]))
    build.constants[-1].CopyFrom(onnx.numpy_helper.from_array(np.array([2, -1]), shape))
    build.node("Reshape", [y, shape], (2, 60))
    assert kinds(folded(build, tmp_path)) == ["Relu", "Flatten"]


@pytest.mark.parametrize(("attrs", "size", "pads"), [
    ({"auto_pad": "SAME_UPPER"}, 4, (0, 0, 1, 1)),
    ({"auto_pad": "SAME_LOWER"}, 4, (1, 1, 0, 0)),
    ({"auto_pad": "VALID"}, 3, (0, 0, 0, 0)),
])
def test_automatic_padding_becomes_explicit(
    tmp_path: Path, attrs: dict[str, str], size: int, pads: tuple[int, ...]
) -> None:
    build = NetworkBuilder()
    weight = build.constant(build.random.normal(size=(2, 1, 3, 3)))
    x = build.input((1, 1, 8, 8))
    build.node("Conv", [x, weight], (1, 2, size, size), strides=(2, 2), **attrs)
    assert folded(build, tmp_path).nodes[0].attrs["pads"] == pads


def test_ceil_mode_becomes_padding(tmp_path: Path) -> None:
    build = NetworkBuilder()
    build.node("MaxPool", [build.input((1, 1, 6, 6))], (1, 1, 3, 3), kernel_shape=(3, 3),
               strides=(2, 2), ceil_mode=1)
    graph = folded(build, tmp_path)
    assert graph.nodes[0].attrs["pads"] == (0, 0, 1, 1)
