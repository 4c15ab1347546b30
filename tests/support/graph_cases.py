"""Graphs of a few nodes made by hand, and ONNX nodes in onnx's reference evaluator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import onnx
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

from myvta.compiler.ir.graph import Graph, Node, Origin, Tensor

__all__ = ["evaluate_protos", "graph_of"]


def graph_of(
    *nodes: Node, shapes: Mapping[str, tuple[int, ...]],
    constants: Mapping[str, np.ndarray] | None = None, outputs: Sequence[str] = (),
    opset: int = 17,
) -> Graph:
    """Return a graph of float activations, whose outputs are the last node's if not given.

    Its inputs are the activations that no node produces, in the order of ``shapes``.
    """
    tensors = {name: Tensor(name, shape) for name, shape in shapes.items()}
    for name, value in (constants or {}).items():
        tensors[name] = Tensor(name, value.shape, str(value.dtype), value)
    produced = {name for node in nodes for name in node.outputs}
    inputs = [name for name in shapes if name not in produced]
    return Graph("network", nodes, tensors, inputs, list(outputs or nodes[-1].outputs),
                 Origin("onnx", {"": opset}))


def evaluate_protos(
    nodes: Sequence[onnx.NodeProto], feeds: Mapping[str, np.ndarray], output: str,
    opset: int = 17,
) -> np.ndarray:
    """Return an output of ONNX nodes by onnx's reference evaluator."""
    graph = helper.make_graph(
        nodes, "nodes",
        [helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(value.dtype),
                                       value.shape) for name, value in feeds.items()],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, None)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
    return np.asarray(ReferenceEvaluator(model).run([output], dict(feeds))[0])
