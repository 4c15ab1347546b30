"""Elementwise functions of one tensor become Table nodes: which nodes, and where they end."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from compiler_networks import NetworkBuilder, save

from myvta.compiler.canonicalize.canonicalize import fold
from myvta.compiler.frontend.front_ends import import_model, run_elementwise
from myvta.compiler.ir.graph import Graph

Build = Callable[[NetworkBuilder], str]
SHAPE = (1, 3, 4, 4)


def same(b: NetworkBuilder, op: str, *inputs: str, **attrs: object) -> str:
    """Add a node that keeps the shape of its first variable input."""
    shape = next(b.shapes[name] for name in inputs if name in b.shapes)
    return b.node(op, list(inputs), shape, **attrs)


def scalar(b: NetworkBuilder, value: float, rank: int = 0) -> str:
    """Add a constant of one value."""
    return b.constant(np.full((1,) * rank, value))


def silu(b: NetworkBuilder, x: str) -> str:
    """Add x * Sigmoid(x)."""
    return same(b, "Mul", x, same(b, "Sigmoid", x))


def gelu_erf(b: NetworkBuilder, x: str) -> str:
    """Add the decomposition that exporters write."""
    y = same(b, "Erf", same(b, "Div", x, scalar(b, np.sqrt(2))))
    return same(b, "Mul", same(b, "Mul", x, same(b, "Add", y, scalar(b, 1))), scalar(b, 0.5))


def gelu_tanh(b: NetworkBuilder, x: str) -> str:
    """Add the approximation by Tanh."""
    cube = same(b, "Pow", x, scalar(b, 3))
    inner = same(b, "Add", x, same(b, "Mul", cube, scalar(b, 0.044715)))
    y = same(b, "Tanh", same(b, "Mul", inner, scalar(b, np.sqrt(2 / np.pi), 4)))
    return same(b, "Mul", same(b, "Mul", scalar(b, 0.5), x), same(b, "Add", scalar(b, 1), y))


def hard_swish(b: NetworkBuilder, x: str) -> str:
    """Add x * min(max(x + 3, 0), 6) / 6."""
    gate = same(b, "Clip", same(b, "Add", x, scalar(b, 3)), scalar(b, 0), scalar(b, 6))
    return same(b, "Div", same(b, "Mul", x, gate), scalar(b, 6))


def elu_by_where(b: NetworkBuilder, x: str) -> str:
    """Add an Elu that selects one of two branches."""
    negative = same(b, "Sub", same(b, "Exp", x), scalar(b, 1))
    return same(b, "Where", same(b, "Greater", x, scalar(b, 0)), x, negative)


def folded(folder: Path, make: Callable[[NetworkBuilder], object], *outputs: str) -> Graph:
    """Return the canonical graph of a network of the device with tables."""
    build = NetworkBuilder(1)
    make(build)
    graph, _ = import_model(save(build, folder / "n.onnx", *outputs))
    return fold(graph, tables=True)


def kinds(graph: Graph) -> list[str]:
    """Return the operators in order."""
    return [node.op for node in graph.nodes]


REFERENCES: dict[str, tuple[Build, Callable[[np.ndarray], np.ndarray]]] = {
    "silu": (lambda b: silu(b, b.input(SHAPE)), lambda x: x / (1 + np.exp(-x))),
    "gelu_erf": (lambda b: gelu_erf(b, b.input(SHAPE)), lambda x: x * normal(x)),
    "gelu_tanh": (
        lambda b: gelu_tanh(b, b.input(SHAPE)), lambda x: 0.5 * x * (
            1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))),
    "hard_swish": (lambda b: hard_swish(b, b.input(SHAPE)),
                   lambda x: x * np.clip(x + 3, 0, 6) / 6),
    "elu": (lambda b: elu_by_where(b, b.input(SHAPE)),
            lambda x: np.where(x > 0, x, np.exp(x) - 1)),
    "prelu": (lambda b: same(b, "PRelu", b.input(SHAPE), scalar(b, 0.3, 3)),
              lambda x: np.where(x > 0, x, 0.3 * x)),
    "mish": (lambda b: same(b, "Mul", b.input(SHAPE), same(b, "Tanh", same(
        b, "Softplus", "input"))), lambda x: x * np.tanh(np.log1p(np.exp(x)))),
    "softplus and bounds": (lambda b: b.relu(same(b, "Sub", same(b, "Softplus", b.input(SHAPE)),
                                                  scalar(b, 1))),
                            lambda x: np.maximum(np.log1p(np.exp(x)) - 1, 0)),
    "reciprocal": (lambda b: same(b, "Div", scalar(b, 2), same(b, "Add", same(
        b, "Abs", b.input(SHAPE)), scalar(b, 1))), lambda x: 2 / (np.abs(x) + 1)),
    "leaky relu as a maximum": (lambda b: same(b, "Max", b.input(SHAPE), same(
        b, "Mul", "input", scalar(b, 0.1))), lambda x: np.maximum(x, 0.1 * x)),
}


def normal(x: np.ndarray) -> np.ndarray:
    """Return the distribution function of the normal distribution, by its series."""
    total, term = np.zeros_like(x), x.copy()
    for index in range(80):
        total += term / (2 * index + 1)
        term = -term * x * x / (2 * (index + 1))
    return np.asarray(0.5 + total / np.sqrt(2 * np.pi))


@pytest.mark.parametrize("name", REFERENCES)
def test_function_is_one_node_and_its_values_are_numpys(tmp_path: Path, name: str) -> None:
    make, reference = REFERENCES[name]
    graph = folded(tmp_path, make)
    assert kinds(graph) == ["Table"]
    x = np.linspace(-4, 4, 256)
    values = run_elementwise(graph.nodes[0].attrs["function"], x)
    np.testing.assert_allclose(values, reference(x), atol=2e-5)


def test_function_begins_at_a_tensor_that_others_read(tmp_path: Path) -> None:
    def make(b: NetworkBuilder) -> None:
        x = b.relu(b.conv(b.input(SHAPE), 3))
        b.conv(silu(b, x), 3)
        b.conv(x, 3)

    graph = folded(tmp_path, make, "conv4", "conv5")
    assert sorted(kinds(graph)) == ["Conv", "Conv", "Conv", "Table"]
    (table,) = (node for node in graph.nodes if node.op == "Table")
    assert table.attrs["function"].operators == ("Sigmoid", "Mul")
    assert table.inputs == ("relu1",)


def test_sum_with_its_own_argument_is_part_of_the_function(tmp_path: Path) -> None:
    def make(b: NetworkBuilder) -> None:
        x = b.conv(b.input(SHAPE), 3)
        b.conv(b.add(silu(b, b.relu(x)), x), 3)

    graph = folded(tmp_path, make)
    assert kinds(graph) == ["Conv", "Table", "Conv"]
    assert sorted(graph.nodes[1].attrs["function"].operators) == ["Add", "Mul", "Relu", "Sigmoid"]


def test_function_begins_at_the_sum_of_two_activations(tmp_path: Path) -> None:
    def make(b: NetworkBuilder) -> None:
        x = b.input(SHAPE)
        b.conv(silu(b, b.add(b.conv(x, 3), b.conv(x, 3))), 3)

    graph = folded(tmp_path, make)
    assert kinds(graph) == ["Conv", "Conv", "Add", "Table", "Conv"]


def test_sum_of_two_functions_is_no_function(tmp_path: Path) -> None:
    def make(b: NetworkBuilder) -> None:
        x = b.input(SHAPE)
        b.add(silu(b, b.conv(x, 3)), same(b, "Tanh", b.conv(x, 3)))

    assert kinds(folded(tmp_path, make)) == ["Conv", "Table", "Conv", "Table", "Add"]


@pytest.mark.parametrize("make", [
    lambda b: b.relu(b.conv(b.input(SHAPE), 3)),
    lambda b: same(b, "Mul", b.conv(b.input(SHAPE), 3), scalar(b, 2)),
    lambda b: same(b, "Clip", b.conv(b.input(SHAPE), 3), scalar(b, 0), scalar(b, 6)),
    lambda b: b.add(b.conv(b.input(SHAPE), 3), b.conv("input", 3)),
])
def test_factors_bounds_and_sums_are_no_tables(tmp_path: Path, make: Build) -> None:
    assert "Table" not in kinds(folded(tmp_path, make))


def test_constant_of_each_channel_is_outside(tmp_path: Path) -> None:
    def make(b: NetworkBuilder) -> None:
        factors = b.constant(np.arange(1.0, 4).reshape(3, 1, 1))
        same(b, "Sigmoid", same(b, "Mul", b.conv(b.input(SHAPE), 3), factors))

    def slopes(b: NetworkBuilder) -> None:
        same(b, "PRelu", b.input(SHAPE), b.constant(np.arange(1.0, 4).reshape(3, 1, 1)))

    assert kinds(folded(tmp_path, make)) == ["Conv", "Table"]
    assert kinds(folded(tmp_path, slopes)) == ["PRelu"]


def test_output_of_the_graph_ends_a_function(tmp_path: Path) -> None:
    def make(b: NetworkBuilder) -> None:
        same(b, "Exp", same(b, "Sigmoid", b.input(SHAPE)))

    graph = folded(tmp_path, make, "sigmoid0", "exp1")
    assert kinds(graph) == ["Table", "Table"]
    assert graph.outputs == ["sigmoid0", "exp1"]


def test_nodes_that_disappear_are_parts_of_the_table(tmp_path: Path) -> None:
    graph = folded(tmp_path, REFERENCES["silu"][0])
    assert graph.folded == {"sigmoid0": "part of mul1"}


def test_function_without_values_stays_as_it_is(tmp_path: Path) -> None:
    def make(b: NetworkBuilder) -> None:
        same(b, "Log", same(b, "Sub", same(b, "Neg", same(b, "Abs", b.input(SHAPE))), scalar(b, 1)))

    assert kinds(folded(tmp_path, make)) == ["Table", "Log"]


def test_without_tables_nothing_changes(tmp_path: Path) -> None:
    build = NetworkBuilder(1)
    silu(build, build.input(SHAPE))
    graph, _ = import_model(save(build, tmp_path / "n.onnx"))
    assert kinds(fold(graph)) == ["Sigmoid", "Mul"]
