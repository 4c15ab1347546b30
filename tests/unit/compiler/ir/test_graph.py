"""The graph: queries and edits keep the index right, and take as long as their answer."""

from __future__ import annotations

import sys
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import pytest
from compiler_networks import NetworkBuilder, save

import myvta.compiler
from myvta.compiler.canonicalize.canonicalize import fold
from myvta.compiler.frontend.front_ends import import_model
from myvta.compiler.ir.graph import Graph, Node, Origin, Tensor
from myvta.compiler.partition.partition import place
from myvta.isa.config import named

COMPILER = str(Path(myvta.compiler.__file__).parent)


def node(name: str, inputs: str, outputs: str) -> Node:
    return Node("Op", name, tuple(inputs), tuple(outputs))


def diamond() -> Graph:
    """Return x -> a; a -> b, c; (b, c) -> d."""
    nodes = [
        node("first", "x", "a"), node("left", "a", "b"), node("right", "aa", "c"),
        node("last", "bc", "d"),
    ]
    return Graph("g", nodes, {name: Tensor(name, (1,)) for name in "xabcd"}, ["x"], ["d"],
                 Origin("none"))


def names(nodes: list[Node]) -> list[str]:
    return [node.name for node in nodes]


def check_index(graph: Graph) -> None:
    """Compare every query with a search through the nodes."""
    for name in "xabcde":
        made = [node for node in graph.nodes if name in node.outputs]
        assert graph.producer(name) is (made[0] if made else None)
        assert graph.consumers(name) == [node for node in graph.nodes if name in node.inputs]


def test_consumers_of_a_tensor_are_found():
    graph = diamond()
    check_index(graph)
    assert names(graph.consumers("a")) == ["left", "right"]
    assert graph.only_consumer("a") is None
    assert graph.only_consumer("b") is graph.nodes[3]
    assert graph.only_consumer("d") is None
    graph.outputs.append("b")
    assert graph.only_consumer("b") is None


def test_results_are_tensors_read_outside_the_nodes():
    graph = diamond()
    first, left, right, last = graph.nodes
    assert graph.results([first]) == ["a"]
    assert graph.results([first, left]) == ["a", "b"]
    assert graph.results([first, left, right]) == ["b", "c"]
    assert graph.results([first, left, right, last]) == ["d"]
    last.inputs, left.outputs = ("b", "c", ""), ("b", "")  # absent ones, optional in operators
    assert graph.results([left]) == ["b"]


def test_assignments_update_the_index():
    graph = diamond()
    first, left, right, last = graph.nodes
    last.inputs = ("b", "b")
    check_index(graph)
    assert graph.consumers("c") == []
    left.outputs = ("e",)
    check_index(graph)
    assert graph.producer("e") is left
    right.outputs = ("e",)  # two for a while: the first in order counts
    assert graph.producer("e") is left
    graph.remove(left)
    assert graph.producer("e") is right
    first.attrs = {"axis": 1}
    check_index(graph)


def test_renaming_updates_readers():
    graph = diamond()
    graph.rename_reads("a", "x")
    check_index(graph)
    assert graph.nodes[2].inputs == ("x", "x")
    assert graph.consumers("a") == []


def test_removed_nodes_leave_the_index_and_may_join_another_graph():
    graph = diamond()
    left = graph.nodes[1]
    graph.remove(left)
    assert left not in graph
    check_index(graph)
    left.inputs = ("e",)
    check_index(graph)
    assert names(Graph("h", [left], {}, [], [], graph.origin).nodes) == ["left"]
    with pytest.raises(ValueError, match="node 'first' is in a graph already: copy it"):
        Graph("h", graph.nodes, {}, [], [], graph.origin)


def test_parts_take_the_position_of_their_node():
    graph = diamond()
    left = graph.nodes[1]
    graph.split(left, [node("left0", "a", "b"), node("left1", "a", "e")])
    assert names(graph.nodes) == ["first", "left0", "left1", "right", "last"]
    check_index(graph)
    graph.split(graph.nodes[2], [node("deep", "a", "e")])
    assert names(graph.nodes) == ["first", "left0", "deep", "right", "last"]
    assert names(graph.consumers("a")) == ["left0", "deep", "right"]


def test_sweep_drops_nodes_and_tensors_without_readers():
    graph = diamond()
    graph.nodes[3].inputs = ("b",)
    graph.sweep()
    assert names(graph.nodes) == ["first", "left", "last"]
    assert set(graph.tensors) == set("xabd")
    check_index(graph)


def test_copy_is_independent():
    graph = diamond()
    graph.folded["old"] = "gone"
    other = graph.copy()
    other.nodes[3].inputs = ("b",)
    other.constant("w", np.zeros(1))
    other.folded["more"] = "gone too"
    assert graph.nodes[3].inputs == ("b", "c")
    assert "w" not in graph.tensors
    assert graph.folded == {"old": "gone"}
    check_index(graph)
    check_index(other)


def instructions(build: NetworkBuilder, folder: Path) -> int:
    """Return how many Python instructions the compiler's files execute up to the partition."""
    path, config, total = save(build, folder / "n.onnx"), named("1x4x4"), 0

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal total
        if not frame.f_code.co_filename.startswith(COMPILER):
            return None
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        total += event == "opcode"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        graph, _ = import_model(path)
        place(fold(graph), config)
    finally:
        sys.settrace(before)
    return total


def chain(nodes: int) -> NetworkBuilder:
    """Return residual blocks with a scale to fold, four nodes each."""
    build = NetworkBuilder(1)
    x = build.input((1, 4, 4, 4))
    weight = build.constant(build.random.normal(0, 0.5, (4, 4, 1, 1)))
    scale = build.constant(np.ones((1, 4, 1, 1)))
    for _ in range(nodes // 4):
        y = build.node("Conv", [x, weight], (1, 4, 4, 4), kernel_shape=(1, 1))
        y = build.relu(build.node("Mul", [y, scale], (1, 4, 4, 4)))
        x = build.add(y, x)
    return build


@pytest.mark.slow
def test_work_up_to_the_partition_is_linear_in_the_nodes(tmp_path: Path):
    import_model(save(chain(4), tmp_path / "n.onnx"))  # imports of modules do not count
    small, large = (instructions(chain(nodes), tmp_path) for nodes in (100, 400))
    assert large < 4.4 * small
