"""From an imported model to placed nodes: float models, QDQ models, and configurations."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from compiler_networks import NetworkBuilder, save
from qdq_models import hand_made

from myvta.compiler.frontend.front_ends import import_model
from myvta.compiler.ir.compile_errors import CompileError
from myvta.compiler.ir.graph import Graph
from myvta.compiler.partition.front_end import canonicalize_model, partition_model
from myvta.isa.config import named


def float_graph(folder: Path) -> Graph:
    """Return conv, relu and a LeakyRelu whose slope is no power of two."""
    build = NetworkBuilder()
    x = build.relu(build.conv(build.input((1, 3, 5, 5)), 4))
    build.node("LeakyRelu", [x], (1, 4, 5, 5), alpha=0.3)
    return import_model(save(build, folder / "n.onnx"))[0]


def qdq_graph(folder: Path) -> Graph:
    """Return a pre-quantized 1x1 convolution."""
    onnx.save(hand_made(), folder / "q.onnx")
    return import_model(folder / "q.onnx")[0]


@pytest.mark.parametrize(("config", "op", "where"), [
    ("default", "Table", "accelerator"), ("lean", "LeakyRelu", "host"),
    ("base", "LeakyRelu", "host"), ("1x4x4_int4", "LeakyRelu", "host"),
])
def test_float_model_is_folded_for_every_configuration(
    tmp_path: Path, config: str, op: str, where: str
) -> None:
    graph = float_graph(tmp_path)
    assert canonicalize_model(graph, named(config)) is None
    assert [node.op for node in graph.nodes] == ["Conv", op]
    conv, leaky = partition_model(graph, named(config), None).values()
    assert (conv.where, leaky.where) == ("accelerator", where)


def test_qdq_pairs_become_scales(tmp_path: Path) -> None:
    graph = qdq_graph(tmp_path)
    scales = canonicalize_model(graph, named("default"))
    assert scales is not None
    assert [node.op for node in graph.nodes] == ["Conv"]
    assert {name: (scale.scale, scale.zero_point) for name, scale in scales.tensors.items()} == {
        "x": (np.float32(0.05), 3), "out": (np.float32(0.1), 0)}
    assert scales.weights["conv"].tolist() == [np.float32(0.02)] * 2
    (placement,) = partition_model(graph, named("default"), scales).values()
    assert placement.on_accelerator


@pytest.mark.parametrize("config", ["base", "1x4x4_int4"])
def test_qdq_model_is_refused_without_rqt_or_8_bits(tmp_path: Path, config: str) -> None:
    with pytest.raises(CompileError) as caught:
        canonicalize_model(qdq_graph(tmp_path), named(config))
    (problem,) = caught.value.problems
    assert problem == (
        "the model is pre-quantized (QuantizeLinear, DequantizeLinear): its scales need 8-bit "
        f"operands and RQT, and {config} has not both: choose a configuration that has, or "
        "compile the float model")


def test_scales_of_a_model_constrain_its_nodes(tmp_path: Path) -> None:
    """LeakyRelu with a slope of 1/4 has no rule for given scales."""
    build = NetworkBuilder()
    build.node("LeakyRelu", [build.input((1, 4))], (1, 4), alpha=0.25)
    graph, _ = import_model(save(build, tmp_path / "n.onnx"))
    other, config = qdq_graph(tmp_path), named("lean")
    scales = canonicalize_model(other, config)
    canonicalize_model(graph, config)
    (alone,) = partition_model(graph, config, None).values()
    (constrained,) = partition_model(graph, config, scales).values()
    assert alone.on_accelerator
    assert (constrained.where, constrained.reason) == (
        "host", "no LeakyRelu in a pre-quantized (QDQ) model")
