"""Table: every function against onnxruntime, and bit for bit on the model, fused and alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from compiler_networks import NetworkBuilder, check_every_layer, compiled, save
from onnx import helper, numpy_helper
from operator_checks import float_operator
from qdq_models import ACTIVATIONS, quantized_model, same_inputs

from myvta.compiler.compile import Compiled, compile_model
from myvta.compiler.frontend.front_ends import export_host
from myvta.compiler.ir.elementwise_function import ElementwiseFunction
from myvta.compiler.ir.graph import Graph, Node, Origin, Tensor
from myvta.compiler.ir.qdq_scales import TensorScale
from myvta.compiler.operators.table import function_table
from myvta.compiler.reference.reference_evaluator import evaluate
from myvta.compiler.schedule.select_tiling import ScheduleOptions
from myvta.compiler.session import Session
from myvta.driver import open_target
from myvta.driver.program.bundle import read_bundle, write_bundle
from myvta.driver.program.program import Program
from myvta.isa.config import NAMED
from myvta.isa.instructions import Load, decode_stream
from myvta.isa.opcodes import LUT_TABLES, MemoryType

FUNCTIONS: dict[str, dict[str, Any]] = {
    "Abs": {}, "Elu": {"alpha": 0.7}, "Erf": {}, "Exp": {}, "HardSigmoid": {"alpha": 0.3},
    "HardSwish": {}, "LeakyRelu": {"alpha": 0.1}, "Log": {}, "Reciprocal": {}, "Selu": {},
    "Sigmoid": {}, "Sign": {}, "Softplus": {}, "Softsign": {}, "Sqrt": {}, "Tanh": {},
}
SMALL = NAMED["1x4x4"].replace(lookup=True)
RTL = "1x8x8_all"


def one_node(op: str, **attrs: Any) -> ElementwiseFunction:
    """Return an ONNX operator as a function."""
    shape = (1, 256)
    source = helper.make_node(op, ["x"], ["y"], **attrs).SerializeToString()
    graph = Graph(
        "one", [Node(op, "n", ("x",), ("y",), attrs, source)],
        {"x": Tensor("x", shape), "y": Tensor("y", shape)}, ["x"], ["y"],
        Origin("onnx", {"": 17}))
    return ElementwiseFunction(export_host(graph, graph.nodes), "x", "y", shape, (op,))


@pytest.mark.parametrize("width", [8, 4])
@pytest.mark.parametrize("op", FUNCTIONS)
def test_entries_are_onnxruntimes_values_rounded(op: str, width: int) -> None:
    source, target = TensorScale(0.07, 5 if width == 8 else 1), TensorScale(0.031, -3)
    low, high = -(1 << (width - 1)), (1 << (width - 1)) - 1
    integers = np.arange(low, high + 1)
    reals = ((integers - source.zero_point) * source.scale).astype(np.float32)
    values = float_operator(op, reals, **FUNCTIONS[op]).astype(np.float32)
    table = function_table(one_node(op, **FUNCTIONS[op]), source, target, width)
    wanted = np.clip(np.rint(values / np.float32(target.scale)) - 3, low, high)
    known = ~np.isnan(values)
    np.testing.assert_array_equal(table[integers & 255][known], wanted[known])
    assert low <= table.min() <= table.max() <= high


def network(op: str, gain: float = 1.0, **attrs: Any) -> NetworkBuilder:
    """Return convolutions, a function of each, and one of features."""
    b = NetworkBuilder(3)
    x = b.conv(b.input((1, 5, 7, 6)), 6)
    x = b.node("Mul", [x, b.constant(np.full((), gain))], b.shapes[x])
    x = b.node("Abs", [x], b.shapes[x]) if op in ("Log", "Sqrt", "Reciprocal") else x
    if op in ("Log", "Reciprocal"):
        x = b.node("Add", [x, b.constant(np.full((), 0.3))], b.shapes[x])
    x = b.node(op, [x], b.shapes[x], **attrs)
    x = b.gemm(b.flatten(b.conv(x, 3)), 5)
    b.node("Sigmoid", [x], b.shapes[x])
    return b


def check(made: Compiled, build: NetworkBuilder) -> None:
    """Check that nothing is on the host, and every layer on the model."""
    assert {node.where for node in made.report.nodes} == {"accelerator"}
    check_every_layer(made, build.samples(2), strict="1")
    check_every_layer(made, build.samples(2), order="1")


@pytest.mark.parametrize("op", FUNCTIONS)
def test_network_on_the_model_equals_the_reference(tmp_path: Path, op: str) -> None:
    build = network(op, **FUNCTIONS[op])
    check(compiled(build, tmp_path, SMALL), build)


@pytest.mark.parametrize("config", ["1x4x4_int4", "2x8x8", "1x16x16_w4", "1x16x16_int4"])
@pytest.mark.parametrize("fuse", ["auto", "off"])
def test_widths_and_batches(tmp_path: Path, config: str, fuse: str) -> None:
    build = network("Sigmoid", 3.0)
    check(compiled(
        build, tmp_path, NAMED[config].replace(lookup=True), schedule=ScheduleOptions(fuse=fuse)),
        build)


def alu_steps(made: Compiled) -> dict[str, int]:
    """Return the ALU steps of each node."""
    return {node.name: node.costs.alu_steps for node in made.report.nodes}


def test_function_costs_no_step_in_the_operator_ahead(tmp_path: Path) -> None:
    build = network("Sigmoid")
    fused = compiled(build, tmp_path, SMALL)
    apart = compiled(build, tmp_path, SMALL, schedule=ScheduleOptions(fuse="off"))
    reasons = {node.name: node.reason for node in fused.report.nodes}
    assert reasons["sigmoid2"].endswith("computed in conv0")
    assert alu_steps(fused)["sigmoid2"] == 0
    assert alu_steps(apart)["sigmoid2"] == 7 * 6 * 2  # one a tile
    assert alu_steps(fused)["conv0"] == alu_steps(apart)["conv0"]
    check(apart, build)


def table_loads(program: Program) -> list[int]:
    """Return the slots of the tables that a program loads, in order."""
    return [
        item.sram_base for step in program.launches
        for item in decode_stream(program.code(step), program.config)
        if isinstance(item, Load) and item.memory_type == MemoryType.LUT]


def test_five_tables_of_a_launch_share_the_slots(tmp_path: Path) -> None:
    build = NetworkBuilder(5)
    x = build.input((1, 4, 5, 5))
    for op in ("Sigmoid", "Tanh", "Softplus", "Elu", "Exp", "Softsign"):
        x = build.node(op, [build.conv(x, 4)], (1, 4, 5, 5))
    made = compiled(build, tmp_path, SMALL)
    assert len(made.program.launches) == 1
    loads = table_loads(made.program)
    assert len(loads) == 6 and set(loads) == set(range(LUT_TABLES))
    check(made, build)


def test_equal_tables_are_loaded_once(tmp_path: Path) -> None:
    build = NetworkBuilder(5)
    x = build.input((1, 4, 5, 5))
    parts = []
    for _ in range(3):
        build.random = np.random.default_rng(1)  # the same weights
        parts.append(build.node("Tanh", [build.conv(x, 4)], (1, 4, 5, 5)))
    build.add(build.add(*parts[:2]), parts[2])
    made = compiled(build, tmp_path, SMALL)
    assert len(table_loads(made.program)) == 1
    check(made, build)


@pytest.mark.parametrize("op", ["Softplus", "Abs"])
def test_maximum_comes_first_only_if_the_function_ascends(tmp_path: Path, op: str) -> None:
    """Abs of a maximum is not the maximum of Abs."""
    build = NetworkBuilder(7)
    x = build.node(op, [build.conv(build.input((1, 4, 8, 8)), 4)], (1, 4, 8, 8))
    build.max_pool(x)
    check(compiled(build, tmp_path, SMALL, schedule=ScheduleOptions(fuse="on")), build)


def test_residual_and_pooled_values_are_looked_up(tmp_path: Path) -> None:
    build = NetworkBuilder(9)
    x = build.input((1, 4, 6, 6))
    y = build.node("Sigmoid", [build.add(build.conv(x, 4), x)], (1, 4, 6, 6))
    y = build.node("Tanh", [build.average(build.conv(y, 6))], (1, 6, 1, 1))
    made = compiled(build, tmp_path, SMALL)
    reasons = {node.name: node.reason for node in made.report.nodes}
    assert reasons["sigmoid2"].endswith("computed in add1")
    check(made, build)


def test_tables_survive_a_bundle(tmp_path: Path) -> None:
    build = network("Softplus")
    made = compiled(build, tmp_path, SMALL)
    loaded = read_bundle(write_bundle(made.program, tmp_path / "net.vta"))
    check(Compiled(loaded, made.quantized, made.report), build)


def test_function_of_five_axes_runs_on_the_host(tmp_path: Path) -> None:
    build = NetworkBuilder(2)
    x = build.conv(build.input((1, 4, 6, 6)), 4)
    shape = (1, 2, 2, 6, 6)
    build.constants.append(numpy_helper.from_array(np.array(shape, np.int64), "shape"))
    x = build.node("Reshape", [x, "shape"], shape)
    x = build.node("Mul", [x, build.node("Sigmoid", [x], shape)], shape)
    made = compiled(build, tmp_path, SMALL)
    where = {node.name: node.where for node in made.report.nodes}
    assert where[build.nodes[-1].name] == "host"
    check_every_layer(made, build.samples(2))


@pytest.mark.parametrize("config", ["1x4x4", "1x4x4_base"])
def test_without_lookup_the_host_runs_it_with_the_reason(tmp_path: Path, config: str) -> None:
    build = network("Softplus")
    made = compiled(build, tmp_path, config)
    reasons = {node.name: node.reason for node in made.report.nodes if node.where == "host"}
    assert reasons["softplus2"] == (
        "needs a configuration with lookup, and a single float32 tensor besides scalars")


@pytest.mark.parametrize("kind", ACTIVATIONS)
def test_functions_of_a_qdq_model_are_onnxruntimes_integers(tmp_path: Path, kind: str) -> None:
    """Also of x * Sigmoid(x), whose inner result the model rounds."""
    build = NetworkBuilder(8)
    x = build.conv(build.input((1, 4, 6, 6)), 5)
    x = build.node("Mul", [x, build.node("Sigmoid", [x], build.shapes[x])], build.shapes[x])
    x = build.node("LeakyRelu", [build.conv(x, 6)], (1, 6, 6, 6), alpha=0.1)
    x = build.gemm(build.flatten(build.average(x)), 5)
    build.node("Sigmoid", [x], build.shapes[x])
    samples = build.samples(6)
    path = quantized_model(save(build, tmp_path / "f.onnx"), tmp_path, samples, kind)
    made = compile_model(path, samples, SMALL)
    tables = {node.name for node in made.quantized.nodes if node.op == "Table"}
    assert len(tables) == 3
    assert {node.where for node in made.report.nodes} == {"accelerator"}
    apart = same_inputs(made, path, build.samples(4)["input"])
    assert {name: apart[name] for name in tables} == dict.fromkeys(tables, (0, 0.0))
    check_every_layer(made, build.samples(2), strict="1")


@pytest.mark.verilator
def test_network_on_the_rtl_equals_the_reference(tmp_path: Path) -> None:
    """Six tables in four slots, one of them behind a maximum, and a Table alone."""
    build = NetworkBuilder(6)
    x = build.input((1, 6, 6, 5))
    for op in ("Sigmoid", "Elu", "Softplus", "Tanh"):
        x = build.node(op, [build.conv(x, 9)], (1, 9, 6, 5))
    x = build.node("Exp", [build.max_pool(x)], (1, 9, 3, 2))
    x = build.node("Sign", [build.gemm(build.flatten(x), 5)], (1, 5))
    made = compiled(build, tmp_path, RTL)
    inputs = build.samples(1)
    expected = evaluate(made.quantized, inputs)
    with open_target(f"verilator://?config={RTL}&mem=0x0:1M&latency=7") as target:
        found = Session(made.program, target).run(inputs, capture=True)
    assert len(set(table_loads(made.program))) == LUT_TABLES
    compared = [name for name in found if name.endswith(".q")]
    assert f"{x}.q" in compared
    for name in compared:
        wanted = expected[name[:-2]]
        np.testing.assert_array_equal(found[name].reshape(wanted.shape), wanted, name)
