"""HardSigmoid: within a step of onnxruntime's float, bit for bit on the model and the RTL."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from compiler_networks import NetworkBuilder, save
from operator_checks import check_network, check_network_on_rtl, float_operator
from operator_rules import exponent_of

from myvta.compiler.compile import compile_model
from myvta.compiler.ir.fixed_point import Requant
from myvta.compiler.ir.quantized_graph import QuantizedNode
from myvta.compiler.model_check import check_model
from myvta.compiler.operators.hard_sigmoid import hard_sigmoid_attributes
from myvta.compiler.reference.reference_evaluator import evaluate_node

PARAMETERS = [(0.2, 0.5), (1 / 6, 0.5), (-3.0, 0.25), (0.001, 0.0), (1000.0, -16.0), (0.0, 0.3)]


@pytest.mark.parametrize("exponent", range(-26, 21, 2))
@pytest.mark.parametrize(("alpha", "beta"), PARAMETERS)
@pytest.mark.parametrize("width", [4, 8])
def test_integers_are_within_a_step_of_onnxruntime(
    alpha: float, beta: float, exponent: int, width: int
) -> None:
    x = np.arange(-(1 << (width - 1)), 1 << (width - 1)).reshape(-1, 1)
    real = np.ldexp(x.astype(np.float64), exponent)
    wanted = float_operator("HardSigmoid", real, alpha=alpha, beta=beta)
    attributes = hard_sigmoid_attributes(float(np.float32(alpha)), beta, 2.0**exponent, width)
    assert np.abs(x * attributes.factor).max() + abs(attributes.offset) < 1 << 30
    shift = 1 - width - exponent_of(attributes.unit)
    assert 0 <= shift <= 31
    rule = Requant(
        np.full(1, attributes.offset, np.int32), np.full(1, shift, np.int32),
        clip=(0, (1 << (width - 1)) - 1))
    node = QuantizedNode("HardSigmoid", "n", ("x",), ("y",), attributes, rule)
    steps = np.minimum(np.ldexp(wanted, width - 1), (1 << (width - 1)) - 1)
    assert np.abs(evaluate_node(node, [x], width) - steps).max() <= 0.5 + 0.3


def test_output_is_bounded_by_1_in_its_own_scale(tmp_path: Path) -> None:
    """Calibrated by the peak, an output of 1 has a scale of 2^-6: 64 is its largest integer."""
    build = NetworkBuilder()
    x = build.input((1, 4))
    build.node("HardSigmoid", [x], (1, 4))
    samples = {x: np.array([[-9.0, 0.0, 2.0, 3.0]], np.float32)}
    made = compile_model(save(build, tmp_path / "n.onnx"), samples, "lean", method="minmax",
                         scales="power-of-two")
    (node,) = made.quantized.nodes
    assert node.rule.clip == (0, 64)
    found = evaluate_node(node, [np.array([[-128, 0, 16, 127]])], 8)
    np.testing.assert_array_equal(found, [[0, 32, 58, 64]])  # 0, 0.5, 0.9, 1 with units of 2^-3


def test_beta_beyond_the_accumulator_is_on_the_host(tmp_path: Path) -> None:
    build = NetworkBuilder()
    x = build.relu(build.input((1, 4)))
    build.node("HardSigmoid", [x], (1, 4), beta=17.0)
    (_, node) = check_model(save(build, tmp_path / "n.onnx"), "lean").nodes
    assert (node.where, node.reason) == ("host", "its beta 17 is not within -16 .. 16")


@pytest.mark.parametrize("config", ["1x4x4", "1x4x4_base", "1x4x4_int4", "2x8x8"])
@pytest.mark.parametrize(("gain", "alpha"), [(0.01, 0.2), (1.0, -0.4), (30.0, 0.2)])
def test_network_on_the_model_equals_the_reference(
    tmp_path: Path, config: str, gain: float, alpha: float
) -> None:
    check_network(tmp_path, config, "HardSigmoid", gain, alpha=alpha)


@pytest.mark.verilator
@pytest.mark.parametrize("config", ["1x4x4", "1x4x4_base"])
def test_network_on_the_rtl_equals_the_reference(tmp_path: Path, config: str) -> None:
    check_network_on_rtl(tmp_path, config, "HardSigmoid")
