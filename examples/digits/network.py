"""The digits network: five 3x3 convolutions, a residual add, pooling and a dense head."""

from __future__ import annotations

import numpy as np
import onnx
from layers import BatchNorm, Conv, Dense, GlobalAverage, Layer, MaxPool, Relu
from onnx import TensorProto, helper, numpy_helper

__all__ = ["Network", "export"]


class Network:
    """Images ``[n, 8, 8, 1]`` in 0..1 to ten logits; layers carry the names of the ONNX nodes."""

    def __init__(self, rng: np.random.Generator):
        self.layers: dict[str, Layer] = {}
        sizes = ((1, 16, 1), (16, 16, 1), (16, 16, 1), (16, 32, 1), (32, 64, 2))
        for number, (inputs, outputs, stride) in enumerate(sizes, 1):
            self.layers[f"conv{number}"] = Conv(inputs, outputs, stride, rng)
            self.layers[f"norm{number}"] = BatchNorm(outputs)
            self.layers[f"relu{number}"] = Relu()
        self.layers |= {"pool": MaxPool(), "average": GlobalAverage(), "head": Dense(64, 10, rng)}

    def forward(self, images: np.ndarray, *, training: bool = False) -> np.ndarray:
        """Return logits ``[n, 10]``; ``training`` makes BatchNorm measure this batch."""
        for layer in self.layers.values():
            layer.training = training
        x = skip = self._forward(images, "conv1", "norm1", "relu1")
        x = self._forward(x, "conv2", "norm2", "relu2", "conv3", "norm3") + skip
        return self._forward(x, "relu3", "pool", "conv4", "norm4", "relu4",
                             "conv5", "norm5", "relu5", "average", "head")

    def backward(self, gradient: np.ndarray) -> None:
        """Fill every layer's gradients from the gradient of the logits ``[n, 10]``."""
        x = skip = self._backward(gradient, "head", "average", "relu5", "norm5", "conv5",
                                  "relu4", "norm4", "conv4", "pool", "relu3")
        x = self._backward(x, "norm3", "conv3", "relu2", "norm2", "conv2") + skip
        self._backward(x, "relu1", "norm1", "conv1")

    def _forward(self, x: np.ndarray, *names: str) -> np.ndarray:
        for name in names:
            x = self.layers[name].forward(x)
        return x

    def _backward(self, gradient: np.ndarray, *names: str) -> np.ndarray:
        for name in names:
            gradient = self.layers[name].backward(gradient)
        return gradient


def export(network: Network) -> onnx.ModelProto:
    """Return the network as ONNX, opset 17, input ``image [1,1,8,8]``, output ``logits [1,10]``."""
    nodes, constants = [], []

    def constant(name: str, value: np.ndarray) -> str:
        array = np.ascontiguousarray(value, dtype=np.float32)
        constants.append(numpy_helper.from_array(array, name))
        return name

    def node(operator: str, name: str, *inputs: str, **attributes: object) -> str:
        nodes.append(helper.make_node(operator, list(inputs), [name], name=name, **attributes))
        return name

    def conv_norm(number: int, x: str) -> str:
        conv, norm = network.layers[f"conv{number}"], network.layers[f"norm{number}"]
        assert isinstance(conv, Conv)
        assert isinstance(norm, BatchNorm)
        kernel = conv.weights["w"].reshape(3, 3, conv.inputs, conv.outputs).transpose(3, 2, 0, 1)
        x = node("Conv", f"conv{number}", x, constant(f"conv{number}.weight", kernel),
                 kernel_shape=[3, 3], pads=[1, 1, 1, 1], strides=[conv.stride] * 2)
        name = f"norm{number}"
        return node("BatchNormalization", name, x,
                    constant(f"{name}.scale", norm.weights["scale"]),
                    constant(f"{name}.bias", norm.weights["shift"]),
                    constant(f"{name}.mean", norm.mean),
                    constant(f"{name}.variance", norm.variance), epsilon=norm.epsilon)

    x = skip = node("Relu", "relu1", conv_norm(1, "image"))
    x = node("Relu", "relu2", conv_norm(2, x))
    x = node("Add", "residual", conv_norm(3, x), skip)
    x = node("MaxPool", "pool", node("Relu", "relu3", x), kernel_shape=[2, 2], strides=[2, 2])
    x = node("Relu", "relu4", conv_norm(4, x))
    x = node("Relu", "relu5", conv_norm(5, x))
    x = node("Flatten", "features", node("GlobalAveragePool", "average", x), axis=1)
    head = network.layers["head"]
    node("Gemm", "logits", x, constant("head.weight", head.weights["w"].T),
         constant("head.bias", head.weights["b"]), transB=1)

    graph = helper.make_graph(
        nodes, "digits",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 1, 8, 8])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, [1, 10])],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)],
                              producer_name="myvta examples/digits/train.py")
    model.ir_version = 8  # the version that came with opset 17: every reader of it can load this
    return onnx.shape_inference.infer_shapes(model, strict_mode=True)
