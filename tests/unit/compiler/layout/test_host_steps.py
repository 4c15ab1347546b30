"""host_steps: conversions at the boundary once each, and nodes of the host."""

from __future__ import annotations

from quantized_graphs import chain

from myvta.compiler.ir.target_description import TargetDescription
from myvta.compiler.layout.host_steps import HostSteps
from myvta.compiler.layout.memory_plan import TensorMemory
from myvta.compiler.layout.packed_network import PackedNetwork
from myvta.driver.program.program import HostStep
from myvta.isa.config import named


def host_steps(name: str = "1x4x4") -> HostSteps:
    graph, config = chain(), named(name)
    memory = TensorMemory(PackedNetwork(graph, {}, {}), TargetDescription(config))
    memory.place()
    return HostSteps(memory, {"soft": "no exp", "max": "no place"})


def added(host: HostSteps) -> list[tuple[str, tuple[str, ...], tuple[str, ...]]]:
    """Return operation, inputs and outputs of the steps added."""
    steps = [step for step in host.builder.steps if isinstance(step, HostStep)]
    return [(step.op, step.inputs, step.outputs) for step in steps]


def test_the_integers_of_an_input_are_produced_once() -> None:
    host = host_steps()
    host.integer("x")
    host.integer("x")
    assert added(host) == [("quantize", ("x",), ("x.q",))]
    host.real("x")  # the caller gives it
    assert len(added(host)) == 1


def test_narrow_operands_are_quantized_to_their_width() -> None:
    host = host_steps("1x4x4_int4")
    host.integer("x")
    (step,) = host.builder.steps
    assert isinstance(step, HostStep)
    assert (step.op, step.attributes) == ("quantize_narrow", {"width": 4})


def test_float_values_of_a_view_come_from_its_source() -> None:
    host = host_steps()
    host.view(chain().nodes[2])
    assert host.source("flat") == "z.q"
    host.real("flat")
    assert added(host) == [("dequantize_flat", ("z.q",), ("flat",))]


def test_float_values_of_equal_shape_are_plain() -> None:
    host = host_steps()
    host.produced(["z"])
    host.integer("z")  # a launch produces it
    host.real("z")
    host.real("z")
    assert added(host) == [("dequantize", ("z.q",), ("z",))]


def test_nodes_of_the_host_get_float_values_and_their_reasons() -> None:
    host = host_steps()
    host.evaluate(host.memory.graph.nodes[3])
    *_, step = host.builder.steps
    assert isinstance(step, HostStep)
    assert (step.op, step.inputs, step.outputs) == ("onnx", ("flat",), ("real",))
    assert step.payload == b"packed"
    assert step.attributes == {"images": 2, "nodes": ["soft", "max"]}
    assert step.reason == "soft: no exp; max: no place"
    assert added(host)[0] == ("dequantize_flat", ("flat.q",), ("flat",))
