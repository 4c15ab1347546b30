"""Light work between nodes of the host stays there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from compiler_networks import NetworkBuilder, compiled, save

from myvta.compiler.canonicalize.canonicalize import fold
from myvta.compiler.frontend.front_ends import import_model
from myvta.compiler.partition.host_islands import ISLAND_REASON
from myvta.compiler.partition.partition import Placement, place
from myvta.isa.config import named

SHAPE = (1, 4, 6, 6)
Build = Callable[[NetworkBuilder], object]


def softmax(b: NetworkBuilder, x: str) -> str:
    """Add a node of the host."""
    return b.node("Softmax", [x], b.shapes[x], axis=1)


def placed(folder: Path, make: Build) -> dict[str, Placement]:
    """Return where the nodes of a network run, by operator and number."""
    build = NetworkBuilder()
    make(build)
    graph, _ = import_model(save(build, folder / "n.onnx"))
    return place(fold(graph, tables=True), named("default"))


def test_light_nodes_between_host_nodes_stay_there(tmp_path: Path) -> None:
    def make(b: NetworkBuilder) -> None:
        x = softmax(b, b.conv(b.input(SHAPE), 4))
        y = b.max_pool(b.relu(x), (3, 3), (1, 1), (1, 1, 1, 1))
        y = b.node("Sigmoid", [b.add(y, softmax(b, x))], SHAPE)
        b.conv(softmax(b, y), 4)

    places = placed(tmp_path, make)
    assert {name for name, where in places.items() if where.reason == ISLAND_REASON} == {
        "relu2", "maxpool3", "add5", "sigmoid6"}
    assert {name for name, where in places.items() if where.on_accelerator} == {"conv0", "conv8"}


@pytest.mark.parametrize("make", [
    lambda b: softmax(b, b.conv(softmax(b, b.conv(b.input(SHAPE), 4)), 4)),
    lambda b: softmax(b, b.relu(b.add(softmax(b, b.conv(b.input(SHAPE), 4)), "conv0"))),
    lambda b: softmax(b, b.relu(b.input(SHAPE))),
    lambda b: b.relu(softmax(b, b.input(SHAPE))),
])
def test_layers_with_weights_and_ends_of_the_network_are_not_moved(
    tmp_path: Path, make: Build
) -> None:
    assert ISLAND_REASON not in {where.reason for where in placed(tmp_path, make).values()}


def test_tables_run_in_float_on_the_host(tmp_path: Path) -> None:
    build = NetworkBuilder(3)
    x = softmax(build, build.conv(build.input(SHAPE), 4))
    y = build.node("Mul", [x, build.node("Sigmoid", [x], SHAPE)], SHAPE)
    build.conv(softmax(build, y), 4)
    made = compiled(build, tmp_path, "1x8x8_all")
    reasons = {node.name: (node.where, node.reason) for node in made.report.nodes}
    assert reasons[y] == ("host", ISLAND_REASON)
    assert [step.op for step in made.program.steps if hasattr(step, "op")].count("onnx") == 1
