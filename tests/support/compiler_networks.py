"""Small random ONNX networks, and the comparison of every layer with the reference."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from myvta.compiler.compile import Compiled, compile_model
from myvta.compiler.ir.attributes import DenseAttributes
from myvta.compiler.ir.layouts import activation_layouts, channels_last_layout
from myvta.compiler.reference.reference_evaluator import evaluate
from myvta.compiler.session import Session
from myvta.driver import OpenRequest
from myvta.isa.config import Config
from myvta.model.model_target import open_model

__all__ = [
    "NetworkBuilder", "check_every_layer", "compiled", "float_values", "random_network", "save",
    "save_samples",
]


@dataclass
class NetworkBuilder:
    """Build a float network node by node; every method returns the name of its output."""

    seed: int = 0
    opset: int = 17
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    constants: list[onnx.TensorProto] = field(default_factory=list)
    inputs: list[onnx.ValueInfoProto] = field(default_factory=list)
    shapes: dict[str, tuple[int, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.random = np.random.default_rng(self.seed)

    def input(self, shape: tuple[int | str, ...], name: str = "input") -> str:
        """Add a graph input; a str among the sizes makes that dimension dynamic."""
        self.inputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))
        self.shapes[name] = tuple(size if isinstance(size, int) else 1 for size in shape)
        return name

    def constant(self, value: np.ndarray, stem: str = "w") -> str:
        """Add a constant."""
        name = f"{stem}{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(value.astype(np.float32), name))
        return name

    def integers(self, *values: int) -> str:
        """Add a constant of whole numbers."""
        name = f"i{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.array(values, np.int64), name))
        return name

    def node(self, op: str, inputs: list[str], shape: tuple[int, ...], **attrs: Any) -> str:
        """Add any node whose output has a known shape."""
        name = f"{op.lower()}{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, inputs, [name], name=name, **attrs))
        self.shapes[name] = shape
        return name

    def conv(
        self, x: str, channels: int, kernel: tuple[int, int] = (3, 3),
        strides: tuple[int, int] = (1, 1), pads: tuple[int, int, int, int] = (1, 1, 1, 1),
        bias: bool = True, dilations: tuple[int, int] = (1, 1), group: int = 1,
    ) -> str:
        """Add a Conv with random weights of unit gain."""
        n, c, h, w = self.shapes[x]
        gain = 1 / np.sqrt(c // group * kernel[0] * kernel[1])
        names = [x, self.constant(self.random.normal(0, gain, (channels, c // group, *kernel)))]
        if bias:
            names.append(self.constant(self.random.normal(0, 0.3, channels), "b"))
        size = [
            (have + pads[a] + pads[a + 2] - dilations[a] * (kernel[a] - 1) - 1) // strides[a] + 1
            for a, have in enumerate((h, w))
        ]
        return self.node(
            "Conv", names, (n, channels, *size), kernel_shape=kernel, strides=strides, pads=pads,
            dilations=dilations, group=group,
        )

    def conv_transpose(
        self, x: str, channels: int, kernel: tuple[int, int] = (4, 4),
        strides: tuple[int, int] = (2, 2), pads: tuple[int, int, int, int] = (1, 1, 1, 1),
        bias: bool = True, dilations: tuple[int, int] = (1, 1), group: int = 1,
        added: tuple[int, int] = (0, 0),
    ) -> str:
        """Add a ConvTranspose with random weights; ``added`` is its output_padding."""
        n, c, h, w = self.shapes[x]
        gain = 1 / np.sqrt(c // group * kernel[0] * kernel[1] / (strides[0] * strides[1]))
        names = [x, self.constant(self.random.normal(0, gain, (c, channels // group, *kernel)))]
        if bias:
            names.append(self.constant(self.random.normal(0, 0.3, channels), "b"))
        size = [
            (have - 1) * strides[a] + dilations[a] * (kernel[a] - 1) + 1 + added[a]
            - pads[a] - pads[a + 2]
            for a, have in enumerate((h, w))
        ]
        return self.node(
            "ConvTranspose", names, (n, channels, *size), kernel_shape=kernel, strides=strides,
            pads=pads, dilations=dilations, group=group, output_padding=added,
        )

    def relu(self, x: str) -> str:
        """Add a Relu."""
        return self.node("Relu", [x], self.shapes[x])

    def add(self, x: str, y: str) -> str:
        """Add a residual Add."""
        return self.node("Add", [x, y], self.shapes[x])

    def batch_norm(self, x: str) -> str:
        """Add a BatchNormalization with random statistics."""
        c = self.shapes[x][1]
        draws = [
            self.random.uniform(0.5, 1.5, c), self.random.normal(0, 0.2, c),
            self.random.normal(0, 0.2, c), self.random.uniform(0.5, 2, c),
        ]
        names = [x, *(self.constant(draw, "bn") for draw in draws)]
        return self.node("BatchNormalization", names, self.shapes[x], epsilon=1e-5)

    def max_pool(
        self, x: str, kernel: tuple[int, int] = (2, 2), strides: tuple[int, int] = (2, 2),
        pads: tuple[int, int, int, int] = (0, 0, 0, 0),
    ) -> str:
        """Add a MaxPool."""
        n, c, h, w = self.shapes[x]
        size = [(have + pads[a] + pads[a + 2] - kernel[a]) // strides[a] + 1
                for a, have in enumerate((h, w))]
        return self.node(
            "MaxPool", [x], (n, c, *size), kernel_shape=kernel, strides=strides, pads=pads
        )

    def average(self, x: str) -> str:
        """Add a GlobalAveragePool."""
        return self.node("GlobalAveragePool", [x], (*self.shapes[x][:2], 1, 1))

    def flatten(self, x: str) -> str:
        """Add a Flatten."""
        shape = self.shapes[x]
        return self.node("Flatten", [x], (shape[0], int(np.prod(shape[1:]))))

    def gemm(self, x: str, features: int) -> str:
        """Add a Gemm with random weights of unit gain."""
        n, k = self.shapes[x]
        weight = self.constant(self.random.normal(0, 1 / np.sqrt(k), (features, k)))
        bias = self.constant(self.random.normal(0, 0.3, features), "b")
        return self.node("Gemm", [x, weight, bias], (n, features), transB=1)

    def model(self, *outputs: str) -> onnx.ModelProto:
        """Return the model with the given outputs."""
        made = [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, self.shapes[name])
            for name in outputs
        ]
        graph = helper.make_graph(self.nodes, "network", self.inputs, made, self.constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", self.opset)])
        model.ir_version = 8
        return model

    def samples(self, images: int) -> dict[str, np.ndarray]:
        """Return random inputs, as a calibration set holds them."""
        return {
            i.name: self.random.normal(0, 1, (images, *self.shapes[i.name][1:])).astype(np.float32)
            for i in self.inputs
        }


def random_network(seed: int, channels: int = 12, size: int = 9) -> NetworkBuilder:
    """Return a random residual network of every operator, with at most ``channels`` and ``size``.

    Its last node is the only output: ``builder.model(builder.nodes[-1].output[0])``.
    """
    build = NetworkBuilder(seed)
    draw = build.random.integers
    h, w = (int(v) for v in draw(3, size + 1, 2))
    x = build.input((1, int(draw(1, channels + 1)), h, w))
    for _ in range(int(draw(1, 4))):
        n, c, h, w = build.shapes[x]
        choice = int(draw(0, 5))
        if choice == 0 and min(h, w) >= 2:
            k = int(draw(2, min(3, h, w) + 1))
            x = build.max_pool(x, (k, k), (int(draw(1, 3)),) * 2, tuple(draw(0, 2, 4).tolist()))
        elif choice == 1:
            y = build.conv(build.relu(build.conv(x, int(draw(1, channels + 1)))), c)
            x = build.add(y, x)
            x = build.relu(x) if draw(0, 2) else x
        elif choice == 2:
            x = build.relu(build.batch_norm(build.conv(x, int(draw(1, channels + 1)), (1, 1),
                                                       pads=(0, 0, 0, 0), bias=False)))
        else:
            kernel = (int(draw(1, min(5, h) + 1)), int(draw(1, min(5, w) + 1)))
            top, left, bottom, right = (int(draw(0, kernel[a % 2])) for a in range(4))
            strides = (int(draw(1, 3)), int(draw(1, 3)))
            x = build.conv(x, int(draw(1, channels + 1)), kernel, strides,
                           (top, left, bottom, right), bool(draw(0, 2)))
            x = build.relu(x) if draw(0, 2) else x
    if draw(0, 2):
        x = build.average(x)
    if draw(0, 2):
        x = build.gemm(build.flatten(x), int(draw(1, 2 * channels)))
    return build


def save(build: NetworkBuilder, path: Path, *outputs: str) -> Path:
    """Write a network (default output: its last node's) and return the path."""
    names = outputs or (build.nodes[-1].output[0],)
    onnx.save(build.model(*names), path)
    return path


def save_samples(build: NetworkBuilder, path: Path, images: int) -> None:
    """Write random images for the inputs of a network, one array [images, ...] for each."""
    arrays: dict[str, Any] = build.samples(images)
    np.savez(path, **arrays)


def compiled(
    build: NetworkBuilder, folder: Path, config: Config | str, *outputs: str, **options: Any
) -> Compiled:
    """Compile a network, calibrated on four random images."""
    path = save(build, folder / "network.onnx", *outputs)
    return compile_model(path, build.samples(4), config, **options)


def float_values(
    model: onnx.ModelProto, names: Sequence[str], inputs: np.ndarray
) -> list[np.ndarray]:
    """Run a model of one input image by image in onnxruntime and return named activations."""
    observed = onnx.ModelProto()
    observed.CopyFrom(model)
    known = {output.name for output in model.graph.output}
    observed.graph.output.extend(
        onnx.ValueInfoProto(name=name) for name in names if name not in known
    )
    session = onnxruntime.InferenceSession(
        observed.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    name = session.get_inputs()[0].name
    runs = [session.run(list(names), {name: image[None]}) for image in inputs]
    return [np.concatenate(values) for values in zip(*runs, strict=True)]


def _transposed(made: Compiled, name: str) -> bool:
    """Whether the rows of features ``[N, T, K]`` of a tensor are stored as ``[N, K, T]``."""
    nodes = made.quantized.nodes
    return any(
        isinstance(node.attrs, DenseAttributes) and node.attrs.axis == 2 for node in nodes
    ) and activation_layouts(nodes, made.quantized.tensors)[name[:-2]] == channels_last_layout(
        made.quantized.tensors[name[:-2]].shape)


def check_every_layer(
    made: Compiled, inputs: dict[str, np.ndarray], **options: str
) -> dict[str, np.ndarray]:
    """Run on the model, compare each integer tensor with the reference, return all tensors.

    ``options`` are those of ``model://``; reading an unwritten tile is an error.
    """
    expected = evaluate(made.quantized, inputs)
    size = -(-made.program.size // 4096) * 4096
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with open_model(OpenRequest("", made.program.config, (1 << 20, size), options)) as target:
            found = Session(made.program, target).run(inputs, capture=True)
    checked = 0
    for name, value in found.items():
        if name.endswith(".q"):
            wanted = expected[name[:-2]]
            if wanted.ndim == value.ndim == 3 and _transposed(made, name):
                value = value.swapaxes(1, 2)
            np.testing.assert_array_equal(value.reshape(wanted.shape), wanted, err_msg=name)
            checked += 1
    assert checked, "no integer tensor was compared"
    return found
