"""Build an ONNX network node by node, with weights and statistics as training leaves them.

Nothing is trained: weights are drawn (He et al. 2015, gain of the activation that follows), and as
each node is added it is evaluated on a few seeded samples, so that a BatchNormalization gets the
mean and variance its input really has, and every activation downstream the range it would have.
What quantization and schedules depend on, shapes and ranges, is then that of the published network.
Shifts are positive on average: most activations pass, without which so deep a network of random
weights is chaotic.  The last layer of a classifier tells the classes of its samples (:mod:`head`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
import onnxruntime
from activations import relu
from head import fit_head
from images import CLASSES
from onnx import helper, numpy_helper

__all__ = ["OPSET", "Activation", "Builder", "Window"]

OPSET = 17
LAYER_GAIN = 2.0  # He: a Relu halves the second moment
SHIFT = 0.5  # mean of the offsets of normalizations, in deviations of their input

Sides = int | tuple[int, ...]
Activation = Callable[["Builder", str], str]


@dataclass(frozen=True)
class Window:
    """Geometry of a convolution; one number stands for every dimension.

    Attributes
    ----------
    kernel, stride : int or tuple
    pad : int, tuple or None
        One number for every side, or all of them as ONNX orders them; None: half the kernel.
    dilation, group : int
    """

    kernel: Sides
    stride: Sides = 1
    pad: Sides | None = None
    dilation: int = 1
    group: int = 1

    def attributes(self, rank: int) -> dict[str, Any]:
        """Return the attributes of a Conv over ``rank`` dimensions."""
        kernel = _each(self.kernel, rank)
        half = tuple(self.dilation * (side // 2) for side in kernel) * 2
        return {
            "kernel_shape": kernel, "strides": _each(self.stride, rank),
            "pads": half if self.pad is None else _each(self.pad, 2 * rank),
            "dilations": _each(self.dilation, rank), "group": self.group,
        }


class Builder:
    """A network under construction; every method that adds a node returns its output's name.

    Parameters
    ----------
    name : str
    samples : mapping of str to ndarray
        The network's inputs: the values statistics are measured on, ``[samples, ...]``; the network
        takes one sample at a time.
    seed : int
    opset : int
        Operator set; from 17 on a LayerNormalization is one node, from 20 on a Gelu.
    """

    def __init__(
        self, name: str, samples: Mapping[str, np.ndarray], seed: int, opset: int = OPSET
    ):
        self.name, self.opset = name, opset
        self.random = np.random.default_rng(seed)
        self.samples = dict(samples)
        self.values: dict[str, np.ndarray] = dict(samples)
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def channels(self, x: str) -> int:
        """Return the channels of a value."""
        return self.values[x].shape[1]

    def constant(
        self, stem: str, value: np.ndarray, on_samples: np.ndarray | None = None
    ) -> str:
        """Add a constant; ``on_samples``: in its place where all samples are evaluated at once."""
        name = f"{stem}_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(value, name))
        if on_samples is not None:
            self.values[name] = on_samples
        return name

    def scalar(self, value: float) -> str:
        """Add a float constant without dimensions."""
        return self.constant("scalar", np.array(value, np.float32))

    def indices(self, *values: int) -> str:
        """Add a constant of whole numbers: a shape, axes or bounds."""
        return self.constant("indices", np.array(values, np.int64))

    def node(self, op: str, inputs: list[str], name: str = "", **attributes: Any) -> str:
        """Add a node and evaluate it on the samples."""
        return self.split_node(op, inputs, [name or f"{op.lower()}_{len(self.nodes)}"],
                               **attributes)[0]

    def split_node(
        self, op: str, inputs: list[str], outputs: list[str], **attributes: Any
    ) -> list[str]:
        """Add a node of several outputs and evaluate it; an output named "" is omitted."""
        node = helper.make_node(op, inputs, outputs, name=outputs[0], **attributes)
        self.nodes.append(node)
        own = set(inputs)
        feeds = {key: self.values[key] for key in own if key in self.values}
        named = [name for name in outputs if name]
        graph = helper.make_graph(
            [node], self.name, [_information(key, value) for key, value in feeds.items()],
            [onnx.ValueInfoProto(name=name) for name in named],
            [constant for constant in self.constants if constant.name in own - set(feeds)],
        )
        session = onnxruntime.InferenceSession(
            self._model(graph).SerializeToString(), providers=["CPUExecutionProvider"]
        )
        self.values.update(zip(named, session.run(named, feeds), strict=True))
        return outputs

    def forget(self, *names: str) -> None:
        """Drop values that nothing reads any more: they are large."""
        for name in names:
            del self.values[name]

    def conv(
        self, x: str, channels: int, window: Window, *, bias: float | None = None,
        gain: float = LAYER_GAIN,
    ) -> str:
        """Add a Conv over all dimensions after the channels; ``bias``: the mean of its biases."""
        attributes = window.attributes(self.values[x].ndim - 2)
        shape = (channels, self.channels(x) // window.group, *attributes["kernel_shape"])
        names = [x, *self._drawn(shape, gain / np.prod(shape[1:]), channels, bias)]
        return self.node("Conv", names, **attributes)

    def conv_transpose(
        self, x: str, channels: int, window: Window, *, bias: float | None = None
    ) -> str:
        """Add a ConvTranspose over all dimensions after the channels; ``bias`` as of a Conv."""
        attributes = window.attributes(self.values[x].ndim - 2)
        inputs = self.channels(x)
        shape = (inputs, channels // window.group, *attributes["kernel_shape"])
        # taps that meet an input, not an inserted zero
        taps = np.prod(attributes["kernel_shape"]) / np.prod(attributes["strides"])
        names = [x, *self._drawn(shape, LAYER_GAIN / (inputs // window.group * taps), channels,
                                 bias)]
        return self.node("ConvTranspose", names, **attributes)

    def _drawn(
        self, shape: tuple[int, ...], variance: float, channels: int, bias: float | None
    ) -> list[str]:
        weight = self.random.normal(0, np.sqrt(variance), shape)
        names = [self.constant("weight", weight.astype(np.float32))]
        if bias is not None:
            drawn = self.random.normal(bias, 0.1, channels)
            names.append(self.constant("bias", drawn.astype(np.float32)))
        return names

    def batch_norm(self, x: str) -> str:
        """Add a BatchNormalization with the statistics of its input; scale and shift are drawn."""
        value, channels = self.values[x], self.channels(x)
        axes = (0, *range(2, value.ndim))
        draws = (
            self.random.uniform(0.5, 1.5, channels), self.random.normal(SHIFT, 0.3, channels),
            value.mean(axes), value.var(axes) + 1e-3,
        )
        names = [self.constant(stem, draw.astype(np.float32)) for stem, draw in
                 zip(("scale", "shift", "mean", "variance"), draws, strict=True)]
        return self.node("BatchNormalization", [x, *names], epsilon=1e-5)

    def block(
        self, x: str, channels: int, window: Window, activation: Activation | None = relu, *,
        bias: float | None = None, transposed: bool = False,
    ) -> str:
        """Add a convolution, its normalization and, unless it is None, its activation."""
        convolve = self.conv_transpose if transposed else self.conv
        sums = convolve(x, channels, window, bias=bias)
        y = self.batch_norm(sums)
        self.forget(sums)  # it has no other reader
        if activation is None:
            return y
        active = activation(self, y)
        self.forget(y)
        return active

    def max_pool(self, x: str, kernel: int, stride: int, pads: tuple[int, ...] = (0,) * 4) -> str:
        """Add a MaxPool; ``pads`` are top, left, bottom, right."""
        return self.node(
            "MaxPool", [x], kernel_shape=[kernel] * 2, strides=[stride] * 2, pads=list(pads)
        )

    def dense(self, x: str, features: int, *, decide: bool = False) -> str:
        """Add a Gemm with bias; with ``decide`` it tells the samples' classes (:mod:`head`)."""
        value = self.values[x]
        inputs = value.shape[1]
        weight = self.random.normal(0, np.sqrt(1 / inputs), (features, inputs))
        bias = self.random.normal(0, 0.1, features)
        if decide:
            fit_head(value, np.arange(len(value)) % CLASSES, weight, bias)
        names = [self.constant("weight", weight.astype(np.float32)),
                 self.constant("bias", bias.astype(np.float32))]
        return self.node("Gemm", [x, *names], transB=1)

    def pooled(self, x: str) -> str:
        """Add global average pooling to a vector of features."""
        return self.node("Flatten", [self.node("GlobalAveragePool", [x])])

    def classifier(self, x: str, classes: int = 1000) -> str:
        """Add global average pooling and the dense layer of a classifier."""
        return self.dense(self.pooled(x), classes, decide=True)

    def reshape(self, x: str, *shape: int) -> str:
        """Add a Reshape of each sample."""
        return self.node("Reshape", [x, self.indices(-1, *shape)])

    def split(self, x: str, sizes: Sequence[int], axis: int) -> list[str]:
        """Add a Split into parts of these sizes."""
        outputs = [f"split_{len(self.nodes)}_{part}" for part in range(len(sizes))]
        return self.split_node("Split", [x, self.indices(*sizes)], outputs, axis=axis)

    def cut(self, x: str, axis: int, start: int, end: int, step: int = 1) -> str:
        """Add a Slice along one axis."""
        return self.node("Slice", [x, *map(self.indices, (start, end, axis, step))])

    def upsample(self, x: str, factor: int) -> str:
        """Add a Resize to the nearest pixel."""
        scales = self.constant("scales", np.array([1, 1, factor, factor], np.float32))
        return self.node(
            "Resize", [x, "", scales], mode="nearest",
            coordinate_transformation_mode="asymmetric", nearest_mode="floor",
        )

    def resize(self, x: str, rows: int, columns: int) -> str:
        """Add a bilinear Resize to so many pixels."""
        samples, channels = self.values[x].shape[:2]
        sizes = [np.array([count, channels, rows, columns]) for count in (1, samples)]
        return self.node("Resize", [x, "", "", self.constant("sizes", *sizes)], mode="linear",
                         coordinate_transformation_mode="pytorch_half_pixel")

    def model(self, outputs: list[str]) -> onnx.ModelProto:
        """Return the network of one sample at a time, checked."""
        graph = helper.make_graph(
            self.nodes, self.name,
            [_information(name, value[:1]) for name, value in self.samples.items()],
            [_information(name, self.values[name][:1]) for name in outputs], self.constants,
        )
        model = self._model(graph)
        onnx.checker.check_model(model, full_check=True)
        return model

    def _model(self, graph: onnx.GraphProto) -> onnx.ModelProto:
        sets = [helper.make_opsetid("", self.opset)]
        return helper.make_model(
            graph, opset_imports=sets, ir_version=max(8, helper.find_min_ir_version_for(sets))
        )


def _each(value: Sides, count: int) -> tuple[int, ...]:
    return (value,) * count if isinstance(value, int) else value


def _information(name: str, value: np.ndarray) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(
        name, helper.np_dtype_to_tensor_dtype(value.dtype), value.shape)
