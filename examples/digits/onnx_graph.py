"""An ONNX graph under construction for one image of a digit, opset 17."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from layers import BatchNorm
from onnx import TensorProto, helper, numpy_helper

__all__ = ["OnnxGraph"]


class OnnxGraph:
    """Nodes and constants, named by the caller; ``image [1,1,8,8]`` to ``logits [1,10]``."""

    def __init__(self, name: str):
        self.name = name
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def constant(self, name: str, value: np.ndarray) -> str:
        """Add a constant, float32 unless it is of whole numbers; return its name."""
        whole = np.issubdtype(np.asarray(value).dtype, np.integer)
        array = np.ascontiguousarray(value, dtype=np.int64 if whole else np.float32)
        self.constants.append(numpy_helper.from_array(array.reshape(np.shape(value)), name))
        return name

    def node(self, operator: str, name: str, *inputs: str, **attributes: Any) -> str:
        """Add a node whose output has its name; return it."""
        self.nodes.append(helper.make_node(operator, list(inputs), [name], name=name, **attributes))
        return name

    def linear(self, name: str, x: str, weights: dict[str, np.ndarray]) -> str:
        """Add a product over the last axis and its bias, as torch.onnx.export does."""
        product = self.node("MatMul", f"{name}.product", x,
                            self.constant(f"{name}.weight", weights["w"]))
        return self.node("Add", name, self.constant(f"{name}.bias", weights["b"]), product)

    def batch_norm(self, name: str, x: str, layer: BatchNorm) -> str:
        """Add a BatchNormalization with the statistics of a trained one."""
        values = {"scale": layer.weights["scale"], "bias": layer.weights["shift"],
                  "mean": layer.mean, "variance": layer.variance}
        inputs = [self.constant(f"{name}.{key}", value) for key, value in values.items()]
        return self.node("BatchNormalization", name, x, *inputs, epsilon=layer.epsilon)

    def head(self, x: str, weights: dict[str, np.ndarray]) -> str:
        """Add the dense layer that computes the logits."""
        return self.node("Gemm", "logits", x, self.constant("head.weight", weights["w"].T),
                         self.constant("head.bias", weights["b"]), transB=1)

    def model(self) -> onnx.ModelProto:
        """Return the model with the shapes of every tensor."""
        graph = helper.make_graph(
            self.nodes, self.name,
            [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 1, 8, 8])],
            [helper.make_tensor_value_info("logits", TensorProto.FLOAT, [1, 10])],
            self.constants,
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)],
                                  producer_name="myvta examples/digits/train.py")
        model.ir_version = 8  # the version that came with opset 17
        return onnx.shape_inference.infer_shapes(model, strict_mode=True)
