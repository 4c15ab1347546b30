"""Build an ONNX network node by node, with weights and statistics as training leaves them.

Nothing is trained: weights are drawn (He et al. 2015, gain of the activation that follows), and as
each node is added it is evaluated on a few seeded images, so that a BatchNormalization gets the
mean and variance its input really has, and every activation downstream the range it would have.
What quantization and schedules depend on, shapes and ranges, is then that of the published network.
Shifts are positive on average: most activations pass, without which so deep a network of random
weights is chaotic.  The last layer of a classifier tells the classes of those images (:mod:`head`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from head import fit_head
from images import CLASSES
from onnx import TensorProto, helper, numpy_helper

__all__ = ["Builder"]

OPSET = 17
LAYER_GAIN = 2.0  # He: a Relu halves the second moment
SHIFT = 0.5  # mean of the offsets of normalizations, in deviations of their input


class Builder:
    """A network under construction; every method that adds a node returns its output's name.

    Parameters
    ----------
    name : str
    samples : ndarray
        The images statistics are measured on, ``[images, channels, rows, columns]``; the network's
        input takes one image of that shape.
    seed : int
    """

    def __init__(self, name: str, samples: np.ndarray, seed: int):
        self.name = name
        self.random = np.random.default_rng(seed)
        self.samples = samples
        self.values: dict[str, np.ndarray] = {"input": samples}
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def channels(self, x: str) -> int:
        """Return the channels of a value."""
        return self.values[x].shape[1]

    def constant(self, stem: str, value: np.ndarray) -> str:
        """Add a constant."""
        name = f"{stem}_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(value, name))
        return name

    def node(self, op: str, inputs: list[str], **attributes: Any) -> str:
        """Add a node and evaluate it on the samples."""
        name = f"{op.lower()}_{len(self.nodes)}"
        node = helper.make_node(op, inputs, [name], name=name, **attributes)
        self.nodes.append(node)
        own = set(inputs)
        feeds = {key: self.values[key] for key in own if key in self.values}
        graph = helper.make_graph(
            [node], name,
            [helper.make_tensor_value_info(key, TensorProto.FLOAT, value.shape)
             for key, value in feeds.items()],
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, None)],
            [constant for constant in self.constants if constant.name in own],
        )
        session = onnxruntime.InferenceSession(
            self._model(graph).SerializeToString(), providers=["CPUExecutionProvider"]
        )
        (self.values[name],) = session.run(None, feeds)
        return name

    def conv(
        self, x: str, channels: int, kernel: int, stride: int = 1, pad: int | None = None,
        *, group: int = 1, bias: bool = False, transposed: bool = False,
    ) -> str:
        """Add a Conv or ConvTranspose; ``pad`` is ``kernel // 2`` on every side unless given."""
        inputs = self.channels(x)
        fan_in = inputs // group * kernel**2
        if transposed:
            fan_in //= stride**2  # taps that meet an input, not an inserted zero
        shape = (inputs, channels // group) if transposed else (channels, inputs // group)
        weight = self.random.normal(0, np.sqrt(LAYER_GAIN / fan_in), (*shape, kernel, kernel))
        names = [x, self.constant("weight", weight.astype(np.float32))]
        if bias:
            drawn = self.random.normal(0, 0.1, channels).astype(np.float32)
            names.append(self.constant("bias", drawn))
        side = kernel // 2 if pad is None else pad
        return self.node(
            "ConvTranspose" if transposed else "Conv", names, kernel_shape=[kernel] * 2,
            strides=[stride] * 2, pads=[side] * 4, group=group,
        )

    def batch_norm(self, x: str) -> str:
        """Add a BatchNormalization with the statistics of its input; scale and shift are drawn."""
        value, channels = self.values[x], self.channels(x)
        draws = (
            self.random.uniform(0.5, 1.5, channels), self.random.normal(SHIFT, 0.3, channels),
            value.mean((0, 2, 3)), value.var((0, 2, 3)) + 1e-3,
        )
        names = [self.constant(stem, draw.astype(np.float32)) for stem, draw in
                 zip(("scale", "shift", "mean", "variance"), draws, strict=True)]
        return self.node("BatchNormalization", [x, *names], epsilon=1e-5)

    def relu(self, x: str, limit: float | None = None) -> str:
        """Add a Relu, or with a limit a Clip from 0."""
        if limit is None:
            return self.node("Relu", [x])
        bounds = [self.constant("bound", np.array(value, np.float32)) for value in (0, limit)]
        return self.node("Clip", [x, *bounds])

    def block(
        self, x: str, channels: int, kernel: int, stride: int = 1, pad: int | None = None,
        *, group: int = 1, transposed: bool = False, limit: float | None = None,
        activation: bool = True,
    ) -> str:
        """Add a convolution, its normalization and, unless ``activation`` is off, its Relu."""
        sums = self.conv(x, channels, kernel, stride, pad, group=group, transposed=transposed)
        y = self.batch_norm(sums)
        del self.values[sums]  # it has no other reader, and values are large
        if not activation:
            return y
        active = self.relu(y, limit)
        del self.values[y]
        return active

    def max_pool(self, x: str, kernel: int, stride: int, pads: tuple[int, ...] = (0,) * 4) -> str:
        """Add a MaxPool; ``pads`` are top, left, bottom, right."""
        return self.node(
            "MaxPool", [x], kernel_shape=[kernel] * 2, strides=[stride] * 2, pads=list(pads)
        )

    def dense(self, x: str, features: int, *, decide: bool = False) -> str:
        """Add a Gemm with bias; with ``decide`` it tells the samples' classes (:mod:`head`)."""
        inputs = self.values[x].shape[1]
        weight = self.random.normal(0, np.sqrt(1 / inputs), (features, inputs))
        bias = self.random.normal(0, 0.1, features)
        if decide:
            fit_head(self.values[x], np.arange(len(self.samples)) % CLASSES, weight, bias)
        names = [self.constant("weight", weight.astype(np.float32)),
                 self.constant("bias", bias.astype(np.float32))]
        return self.node("Gemm", [x, *names], transB=1)

    def classifier(self, x: str, classes: int = 1000) -> str:
        """Add global average pooling and the dense layer of a classifier."""
        pooled = self.node("GlobalAveragePool", [x])
        return self.dense(self.node("Flatten", [pooled]), classes, decide=True)

    def upsample(self, x: str, factor: int) -> str:
        """Add a Resize to the nearest pixel."""
        scales = self.constant("scales", np.array([1, 1, factor, factor], np.float32))
        return self.node(
            "Resize", [x, "", scales], mode="nearest",
            coordinate_transformation_mode="asymmetric", nearest_mode="floor",
        )

    def save(self, folder: Path, outputs: list[str]) -> Path:
        """Write ``NAME.onnx`` and ``NAME.npz`` (the samples, for calibration); return the model."""
        folder.mkdir(parents=True, exist_ok=True)
        graph = helper.make_graph(
            self.nodes, self.name, [self._information("input")],
            [self._information(name) for name in outputs], self.constants,
        )
        model = self._model(graph)
        onnx.checker.check_model(model, full_check=True)
        onnx.save(model, folder / f"{self.name}.onnx")
        np.savez(folder / f"{self.name}.npz", input=self.samples)
        return folder / f"{self.name}.onnx"

    def _information(self, name: str) -> onnx.ValueInfoProto:
        shape = (1, *self.values[name].shape[1:])
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)

    @staticmethod
    def _model(graph: onnx.GraphProto) -> onnx.ModelProto:
        return helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8
        )
