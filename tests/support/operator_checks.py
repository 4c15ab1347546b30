"""Checks of one pointwise operator: onnxruntime in float, the model and the RTL bit for bit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from compiler_networks import NetworkBuilder, check_every_layer, compiled
from onnx import TensorProto, helper

from myvta.compiler.reference.reference_evaluator import evaluate
from myvta.compiler.session import Session
from myvta.driver import open_target

__all__ = ["check_network", "check_network_on_rtl", "float_operator"]


def float_operator(op: str, x: np.ndarray, **attributes: Any) -> np.ndarray:
    """Return a float operator of one input as onnxruntime computes it."""
    names = ["x"], ["y"]
    infos = [[helper.make_tensor_value_info(name, TensorProto.FLOAT, x.shape) for name in side]
             for side in names]
    graph = helper.make_graph([helper.make_node(op, *names, **attributes)], "one", *infos)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, {"x": x.astype(np.float32)})[0], np.float64)


def _network(op: str, gain: float, **attributes: Any) -> NetworkBuilder:
    """Return a network of the operator after a factor, on features and between convolutions."""
    build = NetworkBuilder(3)
    x = build.input((1, 5, 9, 7))
    scale = build.constant(np.full((1, 1, 1), gain, np.float32))
    x = build.node("Mul", [x, scale], build.shapes[x])
    x = build.node(op, [x], build.shapes[x], **attributes)
    x = build.flatten(build.conv(x, 6))
    x = build.node(op, [x], build.shapes[x], **attributes)
    build.gemm(x, 3)
    return build


def check_network(folder: Path, config: str, op: str, gain: float, **attributes: Any) -> None:
    """Check every layer on the model, nothing of the network being on the host."""
    build = _network(op, gain, **attributes)
    made = compiled(build, folder, config)
    assert [node.op for node in made.report.nodes if node.where == "host"] == []
    assert [node.op for node in made.quantized.nodes].count(op) == 2
    check_every_layer(made, build.samples(3), strict="1")


def check_network_on_rtl(folder: Path, config: str, op: str, **attributes: Any) -> None:
    """Check every layer on the verilated RTL."""
    build = _network(op, 4.0, **attributes)
    made = compiled(build, folder, config)
    inputs = build.samples(1)
    expected = evaluate(made.quantized, inputs)
    with open_target(f"verilator://?config={config}&mem=0x0:1M&latency=7") as target:
        found = Session(made.program, target).run(inputs, capture=True)
    compared = [name for name in found if name.endswith(".q")]
    assert len(compared) >= len(made.quantized.nodes)
    for name in compared:
        wanted = expected[name[:-2]]
        np.testing.assert_array_equal(found[name].reshape(wanted.shape), wanted, name)
