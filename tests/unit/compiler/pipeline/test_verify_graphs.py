"""Every invariant of float and quantized graphs is broken once, and found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from compiler_networks import NetworkBuilder, save

from myvta.compiler.compile import runner
from myvta.compiler.ir.graph import Graph, Node
from myvta.compiler.ir.target_description import TargetDescription
from myvta.compiler.pipeline.model_passes import CompileRequest
from myvta.compiler.pipeline.passes import BrokenRule
from myvta.compiler.pipeline.verify_graphs import (
    verify_canonical,
    verify_placements,
    verify_quantized,
    verify_static,
)
from myvta.isa.config import named


def results(folder: Path, stop_after: str) -> dict[str, Any]:
    """Return the results of the passes over a small network with a host node."""
    build = NetworkBuilder(2)
    x = build.relu(build.conv(build.input((1, 3, 5, 5)), 5))
    build.node("Softmax", [build.gemm(build.flatten(x), 4)], (1, 4))
    work = runner(CompileRequest(
        save(build, folder / "net.onnx"), build.samples(2), TargetDescription(named("1x4x4"))))
    work.run(stop_after)
    return work.results


def with_nodes(graph: Graph, nodes: list[Node]) -> Graph:
    """Return a graph of other nodes."""
    copies = [replace(node) for node in nodes]
    return Graph(graph.name, copies, graph.tensors, graph.inputs, graph.outputs, graph.origin)


def reorder(graph: Graph) -> Graph:
    return with_nodes(graph, graph.nodes[::-1])


def duplicate(graph: Graph) -> Graph:
    return with_nodes(graph, [*graph.nodes, graph.nodes[0]])


def rename(graph: Graph) -> Graph:
    graph.nodes[-1].outputs = ("elsewhere",)
    return graph


def dynamic(graph: Graph) -> Graph:
    graph.tensors["input"].shape = (-1, 3, 5, 5)
    return graph


@pytest.mark.parametrize(("damage", "rule"), [
    (reorder, "reads 'gemm3' before a node produces it"),
    (duplicate, "two nodes have this name"),
    (duplicate, "produces 'conv0', which exists already"),
    (rename, "produces 'elsewhere', which is no tensor of the graph"),
    (rename, "no node produces this output of the graph"),
    (dynamic, "its shape (-1, 3, 5, 5) is not static"),
])
def test_broken_rule_of_a_float_graph_is_found(
    tmp_path: Path, damage: Callable[[Graph], Graph], rule: str
) -> None:
    graph = results(tmp_path, "import")["import"].graph
    assert not list(verify_static(graph))
    assert rule in [item.rule for item in verify_static(damage(graph))]


def test_folded_node_in_a_canonical_graph_is_found(tmp_path: Path) -> None:
    graph = results(tmp_path, "canonicalize")["canonicalize"].graph
    assert not list(verify_canonical(graph))
    graph.folded["conv0"] = "into another"
    assert list(verify_canonical(graph)) == [
        BrokenRule("conv0", "it is folded (into another) and still there")]


def test_broken_rules_of_placements_are_found(tmp_path: Path) -> None:
    model = results(tmp_path, "partition")["partition"]
    graph, good = model.graph, model.placements
    assert not list(verify_placements(graph, good))
    for name, changed, rule in [
        ("conv0", None, "it is placed neither on the accelerator nor on the host"),
        ("conv0", replace(good["conv0"], reason=""), "its placement has no reason"),
        ("softmax4", good["conv0"], "the accelerator has no operator Softmax"),
    ]:
        placements = {**good, name: changed}
        if changed is None:
            del placements[name]
        assert list(verify_placements(graph, placements)) == [BrokenRule(name, rule)]


@pytest.mark.parametrize(("node", "changes", "rule"), [
    ("conv0", {"op": "Add"}, "ConvAttributes on a node of Add"),
    ("conv0", {"inputs": ("softmax4",)}, "reads 'softmax4' before a node produces it"),
    ("conv0", {"weight": np.full((5, 3, 3, 3), 128)}, "a weight exceeds 8 bits"),
    ("conv0", {"weight": np.zeros((6, 3, 3, 3), int)}, "6 output channels, parameters for 5"),
    ("conv0", {"shift": np.full(5, 32)}, "a shift is not within 0 .. 31"),
    ("conv0", {"multiplier": np.full(5, -1)}, "a multiplier is negative"),
])
def test_broken_rule_of_a_quantized_node_is_found(
    tmp_path: Path, node: str, changes: dict[str, Any], rule: str
) -> None:
    graph = results(tmp_path, "quantize")["quantize"].choice.quantized
    assert not list(verify_quantized(graph))
    old = next(item for item in graph.nodes if item.name == node)
    if old.requant is not None and changes.keys() <= {"shift", "multiplier"}:
        changes = {"requant": replace(old.requant, **changes)}
    if "weight" in changes:
        changes = {"attrs": replace(old.attrs, **changes)}
    nodes = tuple(replace(old, **changes) if item is old else item for item in graph.nodes)
    assert BrokenRule(node, rule) in list(verify_quantized(replace(graph, nodes=nodes)))


def test_entry_beyond_the_width_is_found(tmp_path: Path) -> None:
    graph = results(tmp_path, "quantize")["quantize"].choice.quantized
    conv = next(item for item in graph.nodes if item.name == "conv0")
    assert conv.requant is not None
    table = np.zeros(256, np.int16)
    table[200] = 128
    broken = replace(conv, requant=replace(conv.requant, clip=None, table=table))
    nodes = tuple(broken if item is conv else item for item in graph.nodes)
    assert list(verify_quantized(replace(graph, nodes=nodes))) == [
        BrokenRule("conv0", "an entry of its table exceeds 8 bits")]


def test_activation_without_a_scale_is_found(tmp_path: Path) -> None:
    graph = results(tmp_path, "quantize")["quantize"].choice.quantized
    graph.tensors["input"] = replace(graph.tensors["input"], exponent=None)
    assert list(verify_quantized(graph)) == [
        BrokenRule("conv0", "'input' is on the accelerator without a scale")]
