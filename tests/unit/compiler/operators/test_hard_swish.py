"""HardSwish: within a step of onnxruntime's float, bit for bit on the model and the RTL."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from compiler_networks import NetworkBuilder, compiled
from operator_checks import check_network, check_network_on_rtl, float_operator
from operator_rules import exponent_of

from myvta.compiler.ir.fixed_point import Requant
from myvta.compiler.ir.quantized_graph import QuantizedNode
from myvta.compiler.operators.hard_swish import hard_swish_attributes
from myvta.compiler.quantize.activation_scales import Grid
from myvta.compiler.reference.reference_evaluator import evaluate_node


def all_integers(width: int) -> np.ndarray:
    """Return every integer of a width, one channel."""
    return np.arange(-(1 << (width - 1)), 1 << (width - 1)).reshape(-1, 1)


@pytest.mark.parametrize("exponent", range(-26, 9))
@pytest.mark.parametrize("width", [4, 8])
def test_integers_are_within_a_step_of_onnxruntime(exponent: int, width: int) -> None:
    x = all_integers(width)
    wanted = float_operator("HardSwish", np.ldexp(x.astype(np.float64), exponent))
    attributes = hard_swish_attributes(2.0**exponent, width)
    out = max(Grid(width).widest(float(np.abs(wanted).max())), attributes.unit)
    shift = exponent_of(out) - exponent_of(attributes.unit)
    rule = Requant(np.zeros(1, np.int32), np.full(1, shift, np.int32))
    node = QuantizedNode("HardSwish", "n", ("x",), ("y",), attributes, rule)
    error = evaluate_node(node, [x], width) - wanted / out
    assert np.abs(error).max() <= 0.5 + 0.4
    assert 0 <= shift <= 31


@pytest.mark.parametrize("exponent", [-40, -26, -13, -12, -5, 0, 1, 2, 3, 20])
def test_immediates_and_sums_fit(exponent: int) -> None:
    attributes = hard_swish_attributes(2.0**exponent, 8)
    assert 0 < 2 * attributes.three < 1 << 15
    assert 0 < attributes.factor < 1 << 15
    for x in (-128, 127):
        shift = attributes.shift
        gate = min(max((x << shift if shift >= 0 else x >> -shift) + attributes.three, 0),
                   2 * attributes.three)
        assert abs(x * gate * attributes.factor) < 1 << 30


def test_gate_bends_where_x_is_3() -> None:
    """At a scale of 1: -3 gives 0, 3 gives 3, 1 gives 4/6."""
    attributes = hard_swish_attributes(1.0, 8)
    assert (attributes.shift, attributes.three) == (0, 3)
    for x, wanted in ((-3, 0), (3, 3), (1, 4 / 6), (7, 7)):
        gate = min(max(x + 3, 0), 6)
        assert x * gate * attributes.factor * attributes.unit == pytest.approx(wanted, abs=1e-3)


@pytest.mark.parametrize("config", ["1x4x4", "1x4x4_int4", "2x8x8"])
@pytest.mark.parametrize("gain", [0.003, 1.0, 30.0])
def test_network_on_the_model_equals_the_reference(
    tmp_path: Path, config: str, gain: float
) -> None:
    check_network(tmp_path, config, "HardSwish", gain)


def test_base_isa_leaves_it_to_the_host(tmp_path: Path) -> None:
    build = NetworkBuilder(3)
    x = build.relu(build.input((1, 4, 3, 3)))
    build.node("HardSwish", [x], (1, 4, 3, 3))
    (node,) = [node for node in compiled(build, tmp_path, "1x4x4_base").report.nodes
               if node.op == "HardSwish"]
    assert (node.where, node.reason) == (
        "host", "it is a product of two tiles, and not every implementation of the base ISA has "
        "ALU MUL")


@pytest.mark.verilator
def test_network_on_the_rtl_equals_the_reference(tmp_path: Path) -> None:
    check_network_on_rtl(tmp_path, "1x4x4", "HardSwish")
