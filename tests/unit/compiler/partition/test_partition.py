"""Placement: every reason for the host, and the accelerator otherwise."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from compiler_networks import NetworkBuilder, save
from onnx import numpy_helper

from myvta.compiler.canonicalize.canonicalize import fold
from myvta.compiler.frontend.front_ends import import_model
from myvta.compiler.partition.partition import Placement, place
from myvta.isa.config import named

Build = Callable[[NetworkBuilder], object]


def placed(folder: Path, make: Build, config: str = "default") -> list[Placement]:
    """Return where the nodes of a network run."""
    build = NetworkBuilder()
    make(build)
    graph, _ = import_model(save(build, folder / "n.onnx"))
    return list(place(fold(graph), named(config)).values())


def flattened_sum(b: NetworkBuilder) -> None:
    """Add a flattened feature map to a dense vector."""
    x = b.input((1, 2, 3, 3))
    y = b.flatten(b.relu(x))
    b.add(y, b.gemm(y, 18))


def broadcast(b: NetworkBuilder) -> None:
    """Add a channel mean to every pixel."""
    x = b.input((1, 2, 4, 4))
    b.node("Add", [b.relu(x), b.average(x)], (1, 2, 4, 4))


def matmul(b: NetworkBuilder) -> None:
    """Multiply activations."""
    x = b.input((3, 3))
    b.node("MatMul", [x, x], (3, 3))


def per_feature(b: NetworkBuilder) -> None:
    """Scale every value of a flattened feature map by its own factor."""
    x = b.flatten(b.relu(b.input((1, 2, 3, 3))))
    b.node("Mul", [x, b.constant(np.arange(18.0))], (1, 18))


def integers(b: NetworkBuilder, values: list[int]) -> str:
    """Add an int64 constant."""
    name = f"n{len(b.constants)}"
    b.constants.append(numpy_helper.from_array(np.array(values), name))
    return name


CASES: list[tuple[Build, str, str]] = [
    (lambda b: b.node("Sigmoid", [b.input((1, 4))], (1, 4)), "default",
     "needs a configuration with lookup, and a single float32 tensor besides scalars"),
    (lambda b: b.node("MaxPool", [b.input((1, 1, 6, 1))], (1, 1, 6, 1), kernel_shape=(2, 2),
                      dilations=(2, 2), pads=(1, 1, 1, 1)), "default",
     "a window is entirely in the padding"),
    (lambda b: b.average(b.input((1, 1, 400, 400))), "base",
     "the mean of 160000 pixels is more than 65536"),
    (lambda b: b.max_pool(b.input((1, 1, 40, 40)), (30, 30)), "1x4x4",
     "a window of 30x30 does not fit half the buffers of 1x4x4"),
    (lambda b: b.node("LeakyRelu", [b.input((1, 4))], (1, 4), alpha=0.1), "default",
     "its slope 0.1 is not 2^-k with k in 0..16"),
    (lambda b: b.node("Concat", [b.input((1, 2, 3, 3)), "input"], (1, 2, 3, 6), axis=3), "default",
     "joins along axis 3, not along the channels"),
    (lambda b: b.node("Concat", [b.input((1, 2, 3, 3)), b.constant(np.ones((1, 1, 3, 3)))],
                      (1, 3, 3, 3), axis=1), "default", "joins a constant"),
    (lambda b: b.node("Reshape", [b.input((1, 4, 3, 3)), integers(b, [1, 6, 6, 1])],
                      (1, 6, 6, 1)), "default", "mixes channels and pixels"),
    (lambda b: b.node("Transpose", [b.input((1, 4, 3, 3))], (1, 3, 3, 4), perm=(0, 2, 3, 1)),
     "default", "moves channels to an axis of pixels or images"),
    (lambda b: b.node("Resize", [b.input((1, 4, 3, 3)), "", b.constant(np.array([1, 1, 1.5, 1]))],
                      (1, 4, 4, 3), mode="nearest"), "default",
     "not nearest neighbours at an integer scale"),
    (lambda b: b.node("Pad", [b.input((1, 4, 3, 3)), integers(b, [0, 1, 0, 0, 0, 0, 0, 0])],
                      (1, 5, 3, 3)), "default", "does not pad rows and columns with one constant"),
    (lambda b: b.node("Mul", [b.input((1, 4, 3, 3)), b.constant(np.arange(9.0).reshape(3, 3))],
                      (1, 4, 3, 3)), "default",
     "multiplies with values that are not one constant per channel"),
    (per_feature, "default",
     "its input is stored with other channels, rows and columns than its shape has: "
     "a reshape before it moved no data"),
    (broadcast, "default", "broadcasts its inputs"),
    (matmul, "default", "neither factor is a constant matrix"),
    (flattened_sum, "default", "one input was flattened, the other was not"),
    (lambda b: b.node("Relu", [b.input((1, 2, 3, 4, 5))], (1, 2, 3, 4, 5)), "default",
     "input has 5 dimensions, not 2 to 4"),
    (lambda b: b.flatten(b.node("Sigmoid", [b.input((1, 2, 3, 3))], (1, 2, 3, 3))), "default",
     "its input is on the host"),
]


@pytest.mark.parametrize(("make", "config", "reason"), CASES)
def test_unsupported_node_is_on_the_host_with_its_reason(
    tmp_path: Path, make: Build, config: str, reason: str
) -> None:
    assert placed(tmp_path, make, config)[-1] == Placement("host", reason)


@pytest.mark.parametrize("make", [
    lambda b: b.conv(b.input((1, 5, 9, 9)), 7, (5, 3), (2, 3), (4, 0, 1, 2)),
    lambda b: b.conv(b.input((1, 5, 9, 9)), 7, (3, 3), dilations=(2, 2)),
    lambda b: b.conv(b.input((1, 6, 9, 9)), 9, group=3),
    lambda b: b.gemm(b.flatten(b.input((1, 5, 9, 9))), 7),
    lambda b: b.max_pool(b.input((1, 5, 9, 9)), (3, 3), (2, 2), (1, 1, 1, 1)),
    lambda b: b.average(b.input((1, 5, 9, 9))),
    lambda b: b.relu(b.input((1, 5))),
])
def test_supported_nodes_are_on_the_accelerator(tmp_path: Path, make: Build) -> None:
    found = placed(tmp_path, make)
    assert {placement.where for placement in found} == {"accelerator"}
    assert all(placement.reason for placement in found)


def test_a_mean_of_a_power_of_two_needs_no_extension(tmp_path: Path) -> None:
    (found,) = placed(tmp_path, lambda b: b.average(b.input((1, 4, 2, 4))), "base")
    assert found.on_accelerator
