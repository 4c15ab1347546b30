"""Importing a pre-quantized model: deviations by hand, and outputs against the model's own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from qdq_models import hand_made

from myvta.compiler.frontend.front_ends import import_model
from myvta.compiler.ir.attributes import HostAttributes
from myvta.compiler.ir.fixed_point import Requant
from myvta.compiler.ir.host_payload import HostPayload
from myvta.compiler.ir.quantized_graph import QuantizedGraph, QuantizedNode, QuantizedTensor
from myvta.compiler.operators.relu import ReluAttributes
from myvta.compiler.operators.scaled_add import ScaledAddAttributes
from myvta.compiler.partition.front_end import canonicalize_model, partition_model
from myvta.compiler.quantize.import_qdq import deviations, import_qdq
from myvta.compiler.quantize.quantization_search import QuantizationOptions
from myvta.isa.config import named


def relu(source: str, output: str) -> QuantizedNode:
    return QuantizedNode("Relu", f"{source}{output}", (source,), (output,), ReluAttributes())


def network(*nodes: QuantizedNode) -> QuantizedGraph:
    """Return a network whose tensors have steps of a half."""
    names = dict.fromkeys(name for node in nodes for name in (*node.inputs, *node.outputs))
    tensors = {name: QuantizedTensor(name, (1, 4), -1) for name in names}
    return QuantizedGraph("g", nodes, tensors, ("x",), (nodes[-1].outputs[0],), 8, 8)


X = np.array([[-1.0, 0.5, 2.0, 3.0]])


def test_deviation_is_counted_in_steps_of_the_output() -> None:
    """The model has 0.5 and 4.0 where the integers have 0 and 2.0: one step and four."""
    exact = {"x": X, "y": np.array([[0.5, 0.5, 4.0, 3.0]])}
    assert deviations(network(relu("x", "y")), exact) == {"xy": (4, 0.5)}
    assert deviations(network(relu("x", "y")), {"x": X, "y": np.maximum(X, 0)}) == {"xy": (0, 0.0)}


def test_each_layer_starts_from_the_integers_of_the_model() -> None:
    """The second layer is exact on the model's values, whatever the first has computed."""
    exact = {"x": X, "y": np.array([[0.0, 1.0, 2.0, 3.0]]), "z": np.array([[0.0, 1.0, 2.0, 3.0]])}
    assert deviations(network(relu("x", "y"), relu("y", "z")), exact) == {
        "xy": (1, 0.25), "yz": (0, 0.0)}


def test_layers_without_known_integers_and_host_nodes_are_left_out() -> None:
    host = QuantizedNode(
        "Host", "h", ("x",), ("y",), HostAttributes(HostPayload("onnx", b""), ("h",)))
    assert deviations(network(host, relu("y", "z")), {"x": X, "y": X}) == {}
    assert deviations(network(relu("x", "y"), relu("y", "z")), {"x": X, "z": X}) == {}


def test_inserted_change_of_scale_is_part_of_the_next_layer() -> None:
    change = QuantizedNode(
        "ScaledAdd", "c", ("x",), ("t",), ScaledAddAttributes((3,)),
        Requant(np.zeros(4, np.int32), np.zeros(4, np.int32)))
    exact = {"x": X, "y": np.maximum(3 * X, 0)}
    assert deviations(network(change, relu("t", "y")), exact) == {"ty": (0, 0.0)}


def test_imported_network_agrees_with_the_model(tmp_path: Path) -> None:
    path = tmp_path / "q.onnx"
    onnx.save(hand_made(), path)
    graph, model = import_model(path)
    config = named("default")
    scales = canonicalize_model(graph, config)
    assert scales is not None
    samples = {"x": np.random.default_rng(1).normal(0, 2, (5, 2, 3, 3)).astype(np.float32)}
    result = import_qdq(
        graph, model, partition_model(graph, config, scales), samples, QuantizationOptions(),
        scales)
    assert (result.images, result.equalized) == (5, False)
    steps, _ = result.deviations["conv"]
    assert steps <= 1
    (output,) = result.compared
    x = np.clip(np.floor(samples["x"] / np.float32(0.05) + 0.5) + 3, -128, 127) - 3
    weight = np.array([[50, -30], [20, 90]]) * 0.02
    real = np.einsum("nchw,mc->nmhw", x * 0.05, weight)
    expected = np.clip(np.round(real / 0.1), -128, 127) * 0.1
    assert np.abs(output.actual - expected).max() <= 0.1001
    assert np.abs(output.expected - expected).max() <= 0.1001
